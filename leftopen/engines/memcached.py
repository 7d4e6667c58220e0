"""memcached: its text protocol over TCP, and two requests of the binary one.

The exchange of a probe:

    version | get <random key>     in a random order of 24: each must bring its own answer
    stats                          gated: how many items, which version
    stats cachedump <class> 1      gated, for all classes: one key of each; where they show none,
    lru_crawler metadump all       the first keys of it, and the connection is dialled anew
    mg <key> k s u O<random> v     the smallest value found, up to 1 KiB (`get` before 1.6)

OPEN is keys listed without a name, or no item at all. That order is made up for each probe, so a
recording of another one gives the wrong answers; `O` must come back as it was sent. Where keys may
not be listed (`-X`) it is OPEN_PARTIAL. AUTH_REQUIRED is `CLIENT_ERROR unauthenticated` (`-Y`), or
status 0x20 to a binary no-op, which is asked only where the peer hangs up on text as a server with
SASL (`-S`) does. A binary-only server without SASL is OPEN_PARTIAL: its protocol lists no keys.

* A collection is a key pattern (`sess:*`), learnt from up to MAX_KEYS keys. A record is an item.
* Columns: `value`, and `@key` for the changing part of the key.
* Nothing is written. `mg` is sent with `u`, which leaves the item's place in the LRU order and its
  time of last access alone; servers before 1.6 have no such read, so their items count as used.
* memcached has no roles and no read-only mode, and says nothing of who may write: `unknown`.

Source: doc/protocol.txt and the manual page of memcached, and its wiki on the binary protocol
(BinaryProtocolRevamped, SASLAuthProtocol).
"""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_to_bytes

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.errors import (
    BudgetSpent,
    NotThisProtocol,
    PeerClosed,
    RequestNotAllowed,
    ServerRefused,
    Silent,
)
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection

MAX_KEYS = 10_000  # keys that patterns are learnt from
MAX_VALUE = 262_144  # bytes of a value that is read: what a sample opens as JSON
_FIRST_VALUE = 1_024  # bytes of the value read for a verdict
_QUESTIONS = 24
_CLASSES = range(1, 64)  # slab classes of items, as the protocol numbers them
_MAX_LINE = 2_048  # characters; a metadump line with an escaped key of 250 bytes has some 900
_MAX_STATS = 512  # lines
_BATCH = 50  # keys asked for in one go,
_BATCH_BYTES = 1 << 20  # or as many as their values may have together
_MAX_NAMES = 64  # patterns; beyond, those of a single key are one
_BUSY_TRIES, _BUSY_SECONDS = 5, 0.2

_KEY = rb"[^\x00-\x20\x7f]{1,250}"
_FORMS = {
    "version": re.compile(rb"version\r\n"),
    "stats": re.compile(rb"stats\r\n"),
    "stats cachedump": re.compile(rb"stats cachedump \d{1,2} \d{1,4}\r\n"),
    "lru_crawler metadump": re.compile(rb"lru_crawler metadump (all|hash)\r\n"),
    "get": re.compile(rb"get " + _KEY + rb"\r\n"),
    # None of E, N, R and T, which change an item, and never without u.
    "mg": re.compile(rb"mg " + _KEY + rb" k s u( O[0-9a-f]{1,32})?( v)?\r\n"),
    "noop": re.compile(rb"\x80\x0a\x00{10}.{4}\x00{8}", re.DOTALL),
    "version (binary)": re.compile(rb"\x80\x0b\x00{10}.{4}\x00{8}", re.DOTALL),
}
_BINARY = struct.Struct(">BBHBBHIIQ")
_NOOP, _VERSION = 0x0A, 0x0B
_NEEDS_AUTH = 0x20
_ITEM = re.compile(rb"ITEM (" + _KEY + rb") \[(\d{1,10}) b; -?\d{1,20} s\]")
_DUMPED = re.compile(rb"key=(\S{1,900}) exp=-?\d{1,20} .*?\bsize=(\d{1,10})\b.*")
_STAT = re.compile(rb"STAT (\S{1,200}) ?(.*)")
_META = re.compile(rb"(?:VA (\d{1,10})|HD)((?: \S+)*)")
_VALUE = re.compile(rb"VALUE (\S{1,250}) \d{1,10} (\d{1,10})(?: \d{1,20})?")
_FAILED = (b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR", b"BADCLASS", b"BUSY")

_WORD = re.compile(r"[A-Za-z][A-Za-z_.-]{0,31}\d{0,2}")
_GAP = re.compile(r"[:/|#]+")
_WEAK = re.compile(r"([A-Za-z]{2,24}[._-])(?=\S*[\d@])")


def request_name(payload: bytes) -> str:
    """The allow-list name of a request; raises RequestNotAllowed for any other command or flag."""
    for name, form in _FORMS.items():
        if form.fullmatch(payload):
            return name
    raise RequestNotAllowed("not a request that the memcached engine may send")


@dataclass(frozen=True, slots=True)
class _Note:
    """How to read a collection: keys with the size of their items, and whether `mg` is known."""

    keys: tuple[tuple[bytes, str, int], ...]  # key, its changing part, bytes
    meta: bool


class _Talk:
    """Lines and blocks of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = bytearray()

    async def send(self, payload: bytes) -> None:
        """The one way out: the request's name is taken from what is sent."""
        await self._connection.send(request_name(payload), payload)

    async def line(self, *starts: bytes) -> bytes:
        """The next line without its end. Raises NotThisProtocol for one that is too long or, where
        `starts` are named, begins with none of them: as soon as that shows."""
        while (end := self._buffer.find(b"\n", 0, _MAX_LINE)) < 0:
            if len(self._buffer) >= _MAX_LINE:
                raise NotThisProtocol("a line without end")
            self._buffer += await self._connection.read_some()
            if starts and not any(self._buffer[: len(s)] == s[: len(self._buffer)] for s in starts):
                raise NotThisProtocol("the peer does not answer as memcached does")
        taken = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return taken.removesuffix(b"\r")

    async def block(self, size: int) -> bytes:
        """A value of `size` bytes and the end of line after it."""
        if size > self._connection.limits.reply_bytes:
            raise BudgetSpent(code="reply_too_large")
        while len(self._buffer) < size + 2:
            self._buffer += await self._connection.read_some()
        taken, end = bytes(self._buffer[:size]), self._buffer[size : size + 2]
        if end != b"\r\n":
            raise NotThisProtocol("a value that does not end where it should")
        del self._buffer[: size + 2]
        return taken

    async def reopen(self) -> None:
        self._buffer.clear()
        await self._connection.reopen()


class Memcached:
    """The engine; it keeps no state."""

    name = "memcached"
    ports: tuple[int, ...] = (11211,)
    speaks = Speaks.ANSWERS
    requests = frozenset(_FORMS)
    verified: Literal["real", "scripted"] = "real"
    reads = "key names, and the values of random keys of each key pattern"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        talk = _Talk(connection)
        try:
            version = await _questioned(talk)
        except PeerClosed:
            if connection.bytes_read:
                raise
            await talk.reopen()  # a server that speaks binary only hangs up on text
            return await _binary(connection)
        if version is None:
            return Proof(Verdict.AUTH_REQUIRED, "commands are refused without a password")
        try:
            verdict, reason = await _judged(talk, _is_meta(version))
        except ServerRefused:
            reason = "it answers as memcached does, but gives no statistics"
            return Proof(Verdict.UNDETERMINED, reason, version)
        return Proof(verdict, reason, version)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Key patterns, those with most keys first. Where there are more than MAX_KEYS keys, their
        counts are scaled from those that were listed: in the order of the hash table where the
        server knows that, else in that of its LRU lists. Raises ServerRefused where no
        key may be listed, and NetError."""
        talk = _Talk(connection)
        told = await _stats(talk)
        keys, complete = await _listed(talk)
        meta = _is_meta(clean_version(told.get("version")))
        scale = 1.0 if complete else max(1.0, _count(told, "curr_items") / max(1, len(keys)))
        made = []
        for name, members in _patterns(keys).items():
            size = sum(size for _, _, size in members) if complete else None
            kept = random.sample(members, min(len(members), connection.limits.rows))
            note = _Note(tuple(kept), meta)
            made.append(Collection(name, round(len(members) * scale), size, note))
        made.sort(key=lambda collection: (-(collection.records or 0), collection.name))
        return made[: connection.limits.collections]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Items of random keys of the pattern, an eighth of the store's bytes at most; those that
        are gone or larger than MAX_VALUE have no value. Raises ServerRefused, NotThisProtocol and
        NetError."""
        note = collection.handle
        if not isinstance(note, _Note):
            raise TypeError("the collection is not one of this engine")
        talk, meta = _Talk(connection), note.meta
        keys = random.sample(note.keys, min(len(note.keys), limits.rows))
        until = connection.bytes_read + limits.bytes // 8
        most = min(_BATCH_BYTES, limits.reply_bytes)
        while keys and connection.bytes_read < until:
            some: list[tuple[bytes, str, int]] = []
            held = 0
            while keys and len(some) < _BATCH and (not some or held + keys[-1][2] <= most):
                some.append(keys.pop())
                held += min(some[-1][2], MAX_VALUE)
            asked = [(key, size) for key, _, size in some]
            try:
                values = await _values(talk, asked, meta)
            except ServerRefused:
                if not meta:
                    raise
                meta = False  # it may not know the flags
                await talk.reopen()  # the same refusal for the others is on its way
                values = await _values(talk, asked, meta)
            rows = [
                (_text(value), changing)
                for (_, changing, _), value in zip(some, values, strict=True)
            ]
            yield sampling.rows(("value", "@key"), rows)


ENGINE = Memcached()


# --- the verdict ---------------------------------------------------------------------------------


async def _questioned(talk: _Talk) -> str | None:
    """The version, by questions in an order that no recording can know; None where a password is
    asked for. Raises NotThisProtocol and NetError."""
    order = [True, *(bool(secrets.randbits(1)) for _ in range(_QUESTIONS - 1))]
    for versions in order:
        key = secrets.token_hex(8).encode()
        await talk.send(b"version\r\n" if versions else b"get leftopen-%b\r\n" % key)
    version: bytes | None = None
    for versions in order:
        line = await talk.line(*(() if version else (b"VERSION ", b"CLIENT_ERROR ")))
        if version is None:
            if line == b"CLIENT_ERROR unauthenticated":
                return None
            if not re.fullmatch(rb"VERSION [\x20-\x7e]{1,64}", line):
                raise NotThisProtocol("the peer does not answer as memcached does")
            version = line
        if line != (version if versions else b"END"):
            raise NotThisProtocol("gives other answers than those to what was asked")
    return clean_version((version or b"").decode()[8:]) or ""


async def _judged(talk: _Talk, meta: bool) -> tuple[Verdict, str]:
    """The verdict on a server that answers text. Raises ServerRefused where it gives no stats."""
    if not _count(await _stats(talk), "curr_items"):
        return Verdict.OPEN, "reads are answered without a password; it holds no item"
    try:
        keys = await _cachedump(talk, 1) or await _first_keys(talk)
    except ServerRefused:
        reason = "gives statistics and answers reads without a password, but lists no keys"
        return Verdict.OPEN_PARTIAL, reason
    if not keys:  # all may have run out, or be hidden
        return Verdict.OPEN_PARTIAL, "gives statistics without a password; it lists no key"
    smallest = min(keys, key=lambda item: item[1])
    if smallest[1] > _FIRST_VALUE and not meta:
        return Verdict.OPEN, "keys were listed without a password; their values are large"
    token = secrets.token_hex(8).encode()
    try:
        try:
            await _values(talk, [smallest], meta, most=_FIRST_VALUE, token=token)
        except ServerRefused:
            if not meta:
                raise
            await _values(talk, [smallest], False, most=_FIRST_VALUE)  # it may not know the flags
    except ServerRefused:
        return Verdict.OPEN_PARTIAL, "keys were listed without a password, but a read was refused"
    return Verdict.OPEN, "keys were listed and an item read without a password"


async def _binary(connection: Connection) -> Proof:
    """The verdict on a peer that hung up on text. Raises NotThisProtocol and NetError."""
    version = None
    for code in (_NOOP, _VERSION):
        opaque = secrets.randbits(32)
        payload = _BINARY.pack(0x80, code, 0, 0, 0, 0, 0, opaque, 0)
        await connection.send(request_name(payload), payload)
        head = _BINARY.unpack(await connection.read_exactly(_BINARY.size))
        magic, told, _, _, _, status, size, echoed, _ = head
        if (magic, told, echoed) != (0x81, code, opaque) or size > _MAX_LINE:
            raise NotThisProtocol("the peer does not answer as memcached does")
        body = await connection.read_exactly(size)
        if status == _NEEDS_AUTH:
            return Proof(Verdict.AUTH_REQUIRED, "binary requests are refused without SASL")
        if status:
            return Proof(Verdict.UNDETERMINED, "speaks memcached's binary protocol, and refuses it")
        version = clean_version(body.decode("latin-1"))
    reason = "answers binary requests without a password; they cannot list keys"
    return Proof(Verdict.OPEN_PARTIAL, reason, version)


def _is_meta(version: str | None) -> bool:
    """Whether a server of this version knows `mg` as it is sent here (1.6.0 on)."""
    parts = [int(part) for part in re.findall(r"\d+", version or "")[:2]]
    return parts >= [1, 6]


# --- what it tells -------------------------------------------------------------------------------


async def _stats(talk: _Talk) -> dict[str, str]:
    """The general statistics. Raises ServerRefused, NotThisProtocol and NetError."""
    await talk.send(b"stats\r\n")
    told: dict[str, str] = {}
    for _ in range(_MAX_STATS):
        line = await talk.line()
        if line == b"END":
            return told
        found = _STAT.fullmatch(line)
        if found is None:
            raise _no(line)
        told[found[1].decode("latin-1")] = found[2].decode("latin-1")
    raise NotThisProtocol("statistics without end")


def _count(told: dict[str, str], name: str) -> int:
    """One figure of the statistics. Raises NotThisProtocol where it is missing or none."""
    figure = told.get(name, "")
    if not re.fullmatch(r"\d{1,19}", figure, re.ASCII):
        raise NotThisProtocol("statistics without figures")
    return int(figure)


def _no(line: bytes) -> ServerRefused | NotThisProtocol:
    """The error for a line that is not what was asked for."""
    word = line.partition(b" ")[0]
    if word in _FAILED:
        return ServerRefused("the server refused the request", code=word.decode())
    return NotThisProtocol("the peer does not answer as memcached does")


async def _cachedump(talk: _Talk, most: int) -> list[tuple[bytes, int]]:
    """Up to `most` keys of each slab class with their bytes: of a segmented LRU (1.4.23 on) only
    those of its cold items.

    Raises ServerRefused where that is switched off.
    """
    for number in _CLASSES:
        await talk.send(b"stats cachedump %d %d\r\n" % (number, most))
    keys: list[tuple[bytes, int]] = []
    refused: ServerRefused | None = None
    for _ in _CLASSES:
        for _ in range(most + 1):
            line = await talk.line()
            found = _ITEM.fullmatch(line)
            if found is not None:
                keys.append((found[1], int(found[2])))
                continue
            if line != b"END":
                error = _no(line)
                if isinstance(error, NotThisProtocol):
                    raise error
                refused = error
            break
        else:
            raise NotThisProtocol("more keys than were asked for")
    if refused is not None and not keys:
        raise refused
    return keys


async def _first_keys(talk: _Talk) -> list[tuple[bytes, int]]:
    """Some keys of a dump of all."""
    keys, _ = await _metadump(talk, b"all", 16)
    return keys


async def _metadump(talk: _Talk, which: bytes, most: int) -> tuple[list[tuple[bytes, int]], bool]:
    """Up to `most` keys of a dump with the bytes of their items, and whether they are all; if not,
    the rest is left by dialling anew. Waits a little for a crawler that is busy. Raises
    ServerRefused, NotThisProtocol and NetError."""
    keys: list[tuple[bytes, int]] = []
    for _ in range(_BUSY_TRIES):
        await talk.send(b"lru_crawler metadump %b\r\n" % which)
        line = await talk.line()
        if not line.startswith(b"BUSY"):
            break
        await asyncio.sleep(_BUSY_SECONDS)
    while line != b"END":
        found = _DUMPED.fullmatch(line)
        if found is None:
            raise _no(line)
        keys.append((unquote_to_bytes(found[1]), int(found[2])))
        if len(keys) == most:
            await talk.reopen()
            return keys, False
        try:
            line = await talk.line()
        except Silent:  # before 1.5.4 there may be no END
            await talk.reopen()
            return keys, True
    return keys, True


async def _listed(talk: _Talk) -> tuple[list[tuple[bytes, int]], bool]:
    """Keys by the best way that the server knows, and whether they are all."""
    for which in (b"hash", b"all"):
        try:
            return await _metadump(talk, which, MAX_KEYS)
        except ServerRefused:
            continue
    keys = await _cachedump(talk, MAX_KEYS // len(_CLASSES))
    return keys, False


async def _values(
    talk: _Talk,
    keys: Sequence[tuple[bytes, int]],
    meta: bool,
    *,
    most: int = MAX_VALUE,
    token: bytes = b"",
) -> list[bytes | None]:
    """The values of these keys: None for those that are gone, larger than `most`, or that cannot
    stand in a request. A `token` must come back. Raises ServerRefused, NotThisProtocol, NetError.
    """
    asked = [re.fullmatch(_KEY, key) is not None and (meta or size <= most) for key, size in keys]
    for (key, size), ask in zip(keys, asked, strict=True):
        if ask and meta:
            opaque, value = b" O" + token if token else b"", b" v" if size <= most else b""
            await talk.send(b"mg %b k s u%b%b\r\n" % (key, opaque, value))
        elif ask:
            await talk.send(b"get %b\r\n" % key)
    values: list[bytes | None] = []
    for (key, _), ask in zip(keys, asked, strict=True):
        if not ask:
            values.append(None)
        else:
            values.append(await (_meta_value(talk, key, token) if meta else _value(talk, key)))
    return values


async def _meta_value(talk: _Talk, key: bytes, token: bytes) -> bytes | None:
    line = await talk.line()
    if line == b"EN":
        return None
    found = _META.fullmatch(line)
    if found is None:
        raise _no(line)
    flags = found[2].split()
    if b"k" + key not in flags or (token and b"O" + token not in flags):
        raise NotThisProtocol("gives another item than the one asked for")
    return None if found[1] is None else await talk.block(int(found[1]))


async def _value(talk: _Talk, key: bytes) -> bytes | None:
    line = await talk.line()
    if line == b"END":
        return None
    found = _VALUE.fullmatch(line)
    if found is None:
        raise _no(line)
    if found[1] != key:
        raise NotThisProtocol("gives another item than the one asked for")
    value = await talk.block(int(found[2]))
    if await talk.line() != b"END":
        raise NotThisProtocol("gives more than the item asked for")
    return value


def _text(value: bytes | None) -> str | bytes | None:
    """The value as text where it is any."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


# --- key patterns --------------------------------------------------------------------------------


def _patterns(keys: Iterable[tuple[bytes, int]]) -> dict[str, list[tuple[bytes, str, int]]]:
    """Keys by pattern, each with its changing part and bytes."""
    found: dict[str, list[tuple[bytes, str, int]]] = {}
    for key, size in dict(keys).items():
        name, changing = _pattern(key)
        found.setdefault(name, []).append((key, changing, size))
    if len(found) <= _MAX_NAMES:
        return found
    kept = {name: members for name, members in found.items() if len(members) > 1}
    rest = [
        (key, key.decode("utf-8", "replace"), size)
        for name, members in found.items()
        if name not in kept
        for key, _, size in members
    ]
    if rest:
        kept["*"] = kept.get("*", []) + rest
    return kept


def _pattern(key: bytes) -> tuple[str, str]:
    """The pattern of one key and what its star stands for: words with separators after them, up to
    three, are its name; a key that is a word by itself has no star."""
    text = key.decode("utf-8", "replace")
    at = 0
    for _ in range(3):
        word = _WORD.match(text, at)
        gap = _GAP.match(text, word.end()) if word else None
        if gap is None:
            break
        at = gap.end()
    if at:
        return text[:at] + "*", text[at:]
    weak = _WEAK.match(text)
    if weak:
        return weak[1] + "*", text[weak.end() :]
    return (text, "") if _WORD.fullmatch(text) else ("*", text)
