"""What a Cassandra knows of its own: its keys, how many partitions, since when it is up."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from leftopen import sample
from leftopen.engines._cassandra_session import (
    ESTIMATES,
    GENERATION,
    PAGE,
    Session,
    all_text,
    begun,
    listed,
    page_of,
)
from leftopen.engines._cells import holding
from leftopen.engines._pages import fitting
from leftopen.engines._since import at_second
from leftopen.engines._streams import has_room, only
from leftopen.errors import BudgetSpent, NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Since
from leftopen.net.connection import Connection

# Sketches of each file's keys, added up: a partition that is in several counts as often, and what
# has not been written to a file yet is missing.
_ERROR = 0.3
_RING = 1 << 64  # tokens of the Murmur3 partitioner
_LEAST_COVERED = 0.01  # of the ring, to speak of all of it
_FIRST_PAGE = 500  # rows, before it is known how wide they are
_PAGE_BYTES = 1 << 20  # what a page should come to
_EMPTY_PAGES = 1_000  # one after another: deleted rows can make some
_TOKEN = re.compile(r"-?\d{1,19}")


@dataclass(frozen=True, slots=True)
class Note:
    """How to read a table: keyspace and name, its columns, those of its partition key and whether
    they alone are its primary key; both names quoted for CQL; whether tokens may be asked for."""

    names: tuple[str, str]
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    alone: bool
    table: str
    murmur: bool
    version: int


async def known(connection: Connection, note: Note, paths: Sequence[str]) -> dict[str, Known]:
    """Of the partition key, where it is one column: that it is unique, or how many there are."""
    if len(note.keys) != 1 or note.keys[0] not in paths:
        return {}
    if note.alone:
        return {note.keys[0]: Known(unique=True, filled=1.0)}
    partitions = await _partitions(Session(connection, note.version), note) if note.murmur else None
    error = None if partitions is None else _ERROR
    return {note.keys[0]: Known(partitions, error=error, filled=1.0)}


async def _partitions(session: Session, note: Note) -> int | None:
    """Partitions of the whole ring, from those of the ranges that the node tells of."""
    try:
        told = await page_of(session, ESTIMATES, b"", PAGE, [name.encode() for name in note.names])
    except ServerRefused:
        return None
    count = covered = 0
    for row in told.rows():
        if len(row) != 3 or not isinstance(row[2], int) or row[2] < 0:
            raise NotThisProtocol("not a list of estimates")
        start, end = (_token(text) for text in row[:2])
        count += row[2]
        covered += (end - start) % _RING or _RING
    share = min(1.0, covered / _RING)
    if count == 0 or share < _LEAST_COVERED:
        return None
    return min(round(count / share), 2**63 - 1)


def _token(text: object) -> int:
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise NotThisProtocol("not a token")
    return int(text)


async def since(connection: Connection) -> Since | None:
    """When the node was started. The connection is fresh before and after."""
    session = await begun(connection)
    told = (await session.select(GENERATION)).rows()
    await connection.reopen()
    return at_second(told[0][0]) if len(told) == 1 and len(told[0]) == 1 else None


async def stream(
    connection: Connection, note: Note, paths: Sequence[str], most_bytes: int
) -> AsyncGenerator[pa.RecordBatch, None]:
    """The columns of these paths from every row; early at its end where the limits are reached."""
    columns = holding(note.columns, paths)
    if not columns:
        return
    session = Session(connection, note.version)
    text = all_text(note.table, listed(columns))
    until = connection.bytes_read + most_bytes
    most = min(_PAGE_BYTES, connection.limits.reply_bytes // 2)
    state, page, empty = b"", _FIRST_PAGE, 0
    while has_room(connection, until):
        before = connection.bytes_read
        try:
            told, page = await fitting(partial(page_of, session, text, state), page)
        except BudgetSpent as spent:
            if spent.code == "reply_too_large":
                raise
            return
        if told.names != tuple(columns):
            raise NotThisProtocol("an answer to something that was not asked")
        count = len(told.cells)
        empty = 0 if count else empty + 1
        if empty == _EMPTY_PAGES:
            raise NotThisProtocol("pages without rows and without end")
        if count:
            each = max(1, (connection.bytes_read - before) // count)
            page = max(1, min(PAGE, most // each))
            yield only(sample.rows(told.names, told.rows()), paths)
        if told.paging is None:
            return
        state = told.paging
