"""memcached's wire: the few requests that the engine may send, and strict readers of their answers.

Nothing here can be named that writes: no storage command, no `touch`, none of the flags of `mg`
that change an item.

Source: doc/protocol.txt of memcached, and its wiki on the binary protocol (BinaryProtocolRevamped).
"""

from __future__ import annotations

import asyncio
import re
import secrets
import struct
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from leftopen.errors import (
    BudgetSpent,
    NotThisProtocol,
    RequestNotAllowed,
    ServerRefused,
    Silent,
)
from leftopen.net.connection import Connection

MAX_KEYS = 10_000  # keys that are listed
MAX_VALUE = 262_144  # bytes of a value that is read: what a sample opens as JSON
_CLASSES = range(1, 64)  # slab classes of items, as the protocol numbers them
_MAX_LINE = 2_048  # characters; a metadump line with an escaped key of 250 bytes has some 900
_MAX_STATS = 512  # lines
_BUSY_TRIES, _BUSY_SECONDS = 5, 0.2

_KEY = rb"[^\x00-\x20\x7f]{1,250}"
FORMS = {
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
NOOP, VERSION = 0x0A, 0x0B
_ITEM = re.compile(rb"ITEM (" + _KEY + rb") \[(\d{1,10}) b; -?\d{1,20} s\]")
_DUMPED = re.compile(rb"key=(\S{1,900}) exp=-?\d{1,20} .*?\bsize=(\d{1,10})\b.*")
_STAT = re.compile(rb"STAT (\S{1,200}) ?(.*)")
_META = re.compile(rb"(?:VA (\d{1,10})|HD)((?: \S+)*)")
_VALUE = re.compile(rb"VALUE (\S{1,250}) \d{1,10} (\d{1,10})(?: \d{1,20})?")
_FAILED = (b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR", b"BADCLASS", b"BUSY")


def request_name(payload: bytes) -> str:
    """The allow-list name of a request; raises RequestNotAllowed for any other command or flag."""
    for name, form in FORMS.items():
        if form.fullmatch(payload):
            return name
    raise RequestNotAllowed("not a request that the memcached engine may send")


class Talk:
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


async def general_stats(talk: Talk) -> dict[str, str]:
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


def figure_of(told: dict[str, str], name: str) -> int:
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


async def cachedump(talk: Talk, most: int) -> list[tuple[bytes, int]]:
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


async def first_keys(talk: Talk) -> list[tuple[bytes, int]]:
    """Some keys of a dump of all."""
    keys, _ = await metadump(talk, b"all", 16)
    return keys


async def metadump(talk: Talk, which: bytes, most: int) -> tuple[list[tuple[bytes, int]], bool]:
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


async def listed(talk: Talk) -> tuple[list[tuple[bytes, int]], bool]:
    """Keys by the best way that the server knows, and whether they are all."""
    for which in (b"hash", b"all"):
        try:
            return await metadump(talk, which, MAX_KEYS)
        except ServerRefused:
            continue
    keys = await cachedump(talk, MAX_KEYS // len(_CLASSES))
    return keys, False


async def values_of(
    talk: Talk,
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


async def _meta_value(talk: Talk, key: bytes, token: bytes) -> bytes | None:
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


async def _value(talk: Talk, key: bytes) -> bytes | None:
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


async def binary(connection: Connection, code: int) -> tuple[int, bytes]:
    """Status and body of the answer to a binary request without a key. Raises NotThisProtocol where
    it is not the answer to this one, and NetError."""
    opaque = secrets.randbits(32)
    payload = _BINARY.pack(0x80, code, 0, 0, 0, 0, 0, opaque, 0)
    await connection.send(request_name(payload), payload)
    head = _BINARY.unpack(await connection.read_exactly(_BINARY.size))
    magic, told, _, _, _, status, size, echoed, _ = head
    if (magic, told, echoed) != (0x81, code, opaque) or size > _MAX_LINE:
        raise NotThisProtocol("the peer does not answer as memcached does")
    return status, await connection.read_exactly(size)
