"""What Redis holds under its keys, read type by type into rows. See `redis` for the columns."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engines._key_patterns import Member, with_key_parts
from leftopen.engines._redis_wire import (
    Command,
    as_bytes,
    as_list,
    as_scan,
    as_text,
    as_word,
    ask,
    exchange,
    wrong,
)
from leftopen.errors import BudgetSpent, ServerRefused
from leftopen.net.connection import Connection
from leftopen.sample import documents

MAX_STRING = 262_144  # bytes of one string value: what leftopen.sample still opens as JSON
PER_KEY = 100  # elements read of one key among many, and of a single key at a time
LENGTHS = {"list": "LLEN", "set": "SCARD", "zset": "ZCARD", "stream": "XLEN", "hash": "HLEN"}
_REPLY_AIM = 1 << 20  # bytes of one pipelined exchange that are aimed at
_STREAM_ID = re.compile(rb"(\d{1,20})-(\d{1,20})")
_SEQUENCE = 2**64 - 1  # the greatest of either part of a stream entry's id
_FIRST_MS, _LAST_MS = 1_230_768_000_000, 4_102_444_800_000  # 2009, when Redis began, to 2100


@dataclass(frozen=True, slots=True)
class Note:
    """How to read a collection: a pattern's keys with their changing parts, or one key."""

    database: int
    select: bool  # whether more than database 0 is in use, so that SELECT is needed
    members: tuple[Member, ...]
    table: str | None = None  # the type of the single key that is a table
    length: int = 0
    pattern: str = ""  # the pattern's name; empty for a table


@dataclass(frozen=True, slots=True)
class Row:
    """A document, the changing parts of its key, the moment in its stream entry's id."""

    document: dict[str, Any]
    changing: tuple[str, ...] = ()
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Reader:
    """How a type is read: the command for up to so many elements, and its reply as a document."""

    command: Callable[[bytes, int], Command]
    document: Callable[[Any], dict[str, Any]]


READERS = {
    "string": _Reader(
        lambda key, _: ("GETRANGE", key, 0, MAX_STRING - 1),
        lambda reply: {"value": value_of(as_bytes(reply))},
    ),
    "hash": _Reader(
        lambda key, count: ("HSCAN", key, 0, "COUNT", count),
        lambda reply: _fields(as_scan(reply)[1]),
    ),
    "list": _Reader(
        lambda key, count: ("LRANGE", key, 0, count - 1),
        lambda reply: {"value": _values(reply)},
    ),
    "set": _Reader(
        lambda key, count: ("SRANDMEMBER", key, count),
        lambda reply: {"value": _values(reply)},
    ),
    "zset": _Reader(
        lambda key, count: ("ZRANGE", key, 0, count - 1, "WITHSCORES"),
        lambda reply: _transposed([row.document for row in _members(reply)]),
    ),
    "stream": _Reader(
        lambda key, count: ("XREVRANGE", key, "+", "-", "COUNT", count),
        lambda reply: _transposed([row.document for _, row in _entries(reply)]),
    ),
}


def row_source(
    connection: Connection, note: Note, limits: StoreLimits
) -> AsyncGenerator[list[Row], None]:
    """Rows of the collection, some at a time; more than `limits.rows` may come, but not many more.

    Raises ServerRefused where every key was refused.
    """
    if note.table == "stream":
        return _stream_rows(connection, note, limits)
    if note.table == "hash":
        return _hash_rows(connection, note, limits)
    if note.table is not None:
        return _element_rows(connection, note, limits)
    return _key_rows(connection, note)


async def _key_rows(connection: Connection, note: Note) -> AsyncGenerator[list[Row], None]:
    """A row for each key. The first key teaches how many to ask for at once.

    Keys that were too large together are read one by one, so that none is met more than twice.
    """
    at, step, failures, refused = 0, 1, 0, None
    nothing, singly = True, 0  # up to which place
    while at < len(note.members):
        chunk = note.members[at : at + (1 if at < singly else step)]
        before = connection.bytes_read
        try:
            read = await _read(connection, chunk)
        except BudgetSpent as spent:
            failures += 1
            if spent.code != "reply_too_large" or failures > 4:
                raise
            if len(chunk) == 1:
                at += 1  # this one key is too large by itself
            else:
                singly = at + len(chunk)
            await again(connection, note)
            continue
        at += len(chunk)
        rows = [row for row in read if isinstance(row, Row)]
        refused = refused or next((r for r in read if isinstance(r, ServerRefused)), None)
        nothing = nothing and not rows
        yield rows
        cost = (connection.bytes_read - before) // len(chunk)
        step = max(1, min(64, 8 * step, _REPLY_AIM // max(1, cost)))
    if nothing and refused is not None:
        raise refused


async def _read(connection: Connection, members: Sequence[Member]) -> list[Row | ServerRefused]:
    """The rows of these keys; none for a key that is gone or holds a type of a module."""
    made: list[Row | ServerRefused] = []
    asked: list[tuple[_Reader, bytes, tuple[str, ...]]] = []
    kinds = await exchange(connection, *(("TYPE", key) for key, _ in members))
    for (key, changing), kind in zip(members, kinds, strict=True):
        if isinstance(kind, ServerRefused):
            made.append(kind)
        elif (reader := READERS.get(as_word(kind))) is not None:
            asked.append((reader, key, changing))
    replies = await exchange(connection, *(r.command(key, PER_KEY) for r, key, _ in asked))
    for (reader, _, changing), reply in zip(asked, replies, strict=True):
        if isinstance(reply, ServerRefused):
            made.append(reply)
        else:
            made.append(Row(reader.document(reply), changing))
    return made


async def _element_rows(
    connection: Connection, note: Note, limits: StoreLimits
) -> AsyncGenerator[list[Row], None]:
    """Elements of one list or sorted set by random pages, of one set at random."""
    key, page = note.members[0][0], PER_KEY
    if note.table == "set":
        reply, _ = await _fitting(connection, note, partial(_some, key), limits.rows)
        yield [Row({"value": value}) for value in _values(reply)]
        return
    starts: Sequence[int] = range(0, max(1, note.length), page)
    if len(starts) > (most := -(-limits.rows // page)):
        starts = sorted(random.sample(starts, most))
    for start in starts:
        if note.table == "list":
            reply, page = await _fitting(connection, note, partial(_lrange, key, start), page)
            yield [Row({"value": value}) for value in _values(reply)]
        else:
            reply, page = await _fitting(connection, note, partial(_zrange, key, start), page)
            yield _members(reply)


async def _hash_rows(
    connection: Connection, note: Note, limits: StoreLimits
) -> AsyncGenerator[list[Row], None]:
    """Fields of one hash, each a row: its name is the key, its value the value."""
    key, cursor, page = note.members[0][0], b"0", PER_KEY
    for _ in range(64 + limits.rows):  # a page may come empty, but not for ever
        reply, page = await _fitting(connection, note, partial(_hscan, key, cursor), page)
        cursor, flat = as_scan(reply)
        pairs = zip(flat[0::2], flat[1::2], strict=False)
        yield [Row({"value": value_of(value)}, (as_text(name),)) for name, value in pairs]
        if cursor == b"0":
            return


async def _stream_rows(
    connection: Connection, note: Note, limits: StoreLimits
) -> AsyncGenerator[list[Row], None]:
    """Entries of one stream: all in order; of a long one, pages from moments spread evenly."""
    key, page = note.members[0][0], PER_KEY
    newest = _entries(await ask(connection, "XREVRANGE", key, "+", "-", "COUNT", 1))
    oldest = _entries(await ask(connection, "XRANGE", key, "-", "+", "COUNT", 1))
    if not newest or not oldest:
        return
    start, end = oldest[0][0], newest[0][0]
    pages = -(-limits.rows // page)
    step = (end[0] - start[0]) // pages if note.length > limits.rows else 0
    for moment in [start[0] + number * step for number in range(pages)]:
        start = max(start, (moment, 0))
        reply, page = await _fitting(connection, note, partial(_xrange, key, start), page)
        entries = _entries(reply)
        if not entries:
            return
        yield [row for _, row in entries]
        ms, sequence = entries[-1][0]
        start = (ms, sequence + 1) if sequence < _SEQUENCE else (ms + 1, 0)


def _some(key: bytes, count: int) -> Command:
    return "SRANDMEMBER", key, count


def _lrange(key: bytes, start: int, count: int) -> Command:
    return "LRANGE", key, start, start + count - 1


def _zrange(key: bytes, start: int, count: int) -> Command:
    return "ZRANGE", key, start, start + count - 1, "WITHSCORES"


def _hscan(key: bytes, cursor: bytes, count: int) -> Command:
    return "HSCAN", key, cursor, "COUNT", count


def _xrange(key: bytes, start: tuple[int, int], count: int) -> Command:
    return "XRANGE", key, f"{start[0]}-{start[1]}", "+", "COUNT", count


def as_batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """One batch of the rows, at least one; the columns that begin with @ come last."""
    batch = documents(row.document for row in rows)
    batch = with_key_parts(batch, [row.changing for row in rows])
    if any(row.time for row in rows):
        times = pa.array([row.time for row in rows], pa.timestamp("us"))
        batch = batch.append_column("@time", times)
    return batch


async def enter(connection: Connection, note: Note) -> None:
    """Into the collection's database; where there is but one, see that the server still listens."""
    if note.select:
        await ask(connection, "SELECT", note.database)
    else:
        await exchange(connection, ("PING",))


async def again(connection: Connection, note: Note) -> None:
    """A new connection: after an oversized reply the rest of it is still on its way."""
    await connection.reopen()
    await enter(connection, note)


async def _fitting(
    connection: Connection, note: Note, command: Callable[[int], Command], count: int
) -> tuple[Any, int]:
    """The reply to `command(count)`, with ever smaller counts while it is too large."""
    while True:
        try:
            return await ask(connection, *command(count)), count
        except BudgetSpent as spent:
            if spent.code != "reply_too_large" or count == 1:
                raise
            count = max(1, count // 20)
            await again(connection, note)


def value_of(raw: bytes) -> str | bytes:
    """Text where it is text; a cut at MAX_STRING may have split the last character."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if len(raw) == MAX_STRING and error.start >= len(raw) - 3:
            return raw[: error.start].decode()
        return raw


def _values(reply: Any) -> list[str | bytes]:
    return [value_of(as_bytes(element)) for element in as_list(reply)]


def _fields(flat: Sequence[Any]) -> dict[str, Any]:
    if len(flat) % 2:
        raise wrong()
    pairs = zip(flat[0::2], flat[1::2], strict=True)
    return {as_text(as_bytes(name)): value_of(as_bytes(value)) for name, value in pairs}


def _members(reply: Any) -> list[Row]:
    """Members and scores of a sorted set."""
    flat = as_list(reply)
    if len(flat) % 2:
        raise wrong()
    try:
        return [
            Row({"value": value_of(as_bytes(member)), "score": float(as_bytes(score))})
            for member, score in zip(flat[0::2], flat[1::2], strict=True)
        ]
    except ValueError:
        raise wrong() from None


def _entries(reply: Any) -> list[tuple[tuple[int, int], Row]]:
    """Entries of a stream with their ids (milliseconds, sequence)."""
    made = []
    for entry in as_list(reply):
        if not isinstance(entry, list) or len(entry) != 2:
            raise wrong()
        match = _STREAM_ID.fullmatch(as_bytes(entry[0]))
        if match is None:
            raise wrong()
        ms, sequence = int(match[1]), int(match[2])
        if max(ms, sequence) > _SEQUENCE:
            raise wrong()
        time = None
        if _FIRST_MS <= ms <= _LAST_MS:  # ids may also be the writer's own numbers
            time = datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None)
        made.append(((ms, sequence), Row(_fields(as_list(entry[1])), (), time)))
    return made


def _transposed(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several documents of one key as one, with a list for each field."""
    made: dict[str, Any] = {}
    for entry in entries:
        for name, value in entry.items():
            made.setdefault(name, []).append(value)
    return made
