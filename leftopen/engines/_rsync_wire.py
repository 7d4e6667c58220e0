"""The rsync daemon protocol, version 29, as far as a listing takes it.

Version 29 (rsync 2.6.4, 2005) is the newest whose file list is of fixed-size numbers; every daemon
since then speaks it when asked to. After the list of what lies in a module the connection is
closed: no file's contents are ever asked for.

Sources: rsync(1) ("--list-only"), rsyncd.conf(5) ("auth users", "hosts deny", "list", "write only")
and the protocol as rsync's own csprotocol.txt, clientserver.c, io.c and flist.c state it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from leftopen.errors import NotThisProtocol, PeerClosed, RequestNotAllowed, ServerRefused
from leftopen.net.connection import Connection

VERSION = b"@RSYNCD: 29.0\n"
MODULES = b"#list\n"
REQUESTS = frozenset({"VERSION", "#list", "{module}", "--server --sender -dt . {module}/"})

MAX_LINE = 4_096
MAX_LINES = 1_000  # of a message of the day and a list of modules
MAX_NAME = 4_096  # bytes of a path

_NAME = r"[^\x00-\x1f\x7f/\\*?\[\]#@\s-][^\x00-\x1f\x7f/\\*?\[\]]{0,254}"
_MODULE = re.compile(_NAME)
_LISTING = re.compile(r"--server\n--sender\n-dt\n\.\n(" + _NAME + r")/\n\n\x00{4}")
_EXTENDED, _SAME_NAME, _LONG_NAME, _SAME_TIME, _SAME_MODE = 0x04, 0x20, 0x40, 0x80, 0x02
_DATA, _MAX_CODE = 7, 0x6F  # the tag of data; message codes go up to about a hundred
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  Arrow's moments are UTC without a zone

Word = Literal["open", "locked", "denied", "unknown", "busy", "failed"]


@dataclass(frozen=True, slots=True)
class File:
    """One entry of a listing: its name in the module, size in bytes, moment and Unix mode."""

    name: str
    size: int
    modified: datetime
    mode: int

    @property
    def kind(self) -> str:
        return {0o100000: "file", 0o040000: "folder", 0o120000: "link"}.get(
            self.mode & 0o170000, "other"
        )


def is_module(name: str) -> bool:
    """Whether this is a name that a module can have and that stays one word of a request."""
    return _MODULE.fullmatch(name) is not None and name == name.strip()


def listing(module: str) -> bytes:
    """The arguments of `rsync --list-only host::module/`, and an empty list of filters."""
    return f"--server\n--sender\n-dt\n.\n{module}/\n\n".encode() + bytes(4)


def name_of(payload: bytes) -> str:
    """The name of the request that a payload is; raises RequestNotAllowed for any other."""
    if payload == VERSION:
        return "VERSION"
    if payload == MODULES:
        return "#list"
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise RequestNotAllowed("not a request that this engine may send") from None
    found = _LISTING.fullmatch(text)
    if found is not None and is_module(found[1]):
        return "--server --sender -dt . {module}/"
    if text.endswith("\n") and is_module(text[:-1]):
        return "{module}"
    raise RequestNotAllowed("not a request that this engine may send")


class Session:
    """One conversation, from the greeting to the end of one list; the daemon hangs up after it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self._data = 0  # bytes of the current block of data that are still to come

    async def greet(self) -> None:
        """Read the greeting and state our version. Raises NotThisProtocol."""
        line = await self._line(begins=b"@RSYNCD: ")
        if not re.match(r"@RSYNCD: \d{2}(\.\d{1,3})?( [\w -]*)?\Z", line):
            raise NotThisProtocol("the peer does not greet as rsync does")
        if int(line[9:11]) < 29:
            raise ServerRefused("a daemon older than protocol 29", code="old")
        await self._send(VERSION)

    async def modules(self) -> list[str]:
        """The names of the modules that the daemon lists; lines of its greeting are passed over."""
        await self._send(MODULES)
        names: list[str] = []
        for _ in range(MAX_LINES):
            line = await self._line()
            if line == "@RSYNCD: EXIT":
                return names
            if line.startswith("@"):
                raise ServerRefused("the list is refused", code="error")
            padded, tab, _ = line.partition("\t")
            if tab and len(padded) >= 15 and is_module(padded.rstrip(" ")):
                names.append(padded.rstrip(" "))
        raise NotThisProtocol("a list of modules without an end")

    async def enter(self, module: str) -> Word:
        """Name a module; what the daemon says to that."""
        await self._send(f"{module}\n".encode())
        for _ in range(MAX_LINES):
            line = await self._line()
            if line == "@RSYNCD: OK":
                return "open"
            if line.startswith("@RSYNCD: AUTHREQD "):
                return "locked"
            if line == f"@ERROR: Unknown module '{module}'":
                return "unknown"
            if line.startswith("@ERROR: access denied to "):
                return "denied"
            if line.startswith("@ERROR: max connections "):
                return "busy"
            if line.startswith("@"):
                return "failed"
        raise NotThisProtocol("talk without an answer")

    async def files(self, module: str) -> AsyncGenerator[File, None]:
        """What lies in the module that was entered, itself (".") first. Raises ServerRefused where
        it is not shown."""
        await self._send(listing(module))
        try:
            # either four bytes that mean nothing to us, or an error in plain text
            if await self._raw(4) == b"@ERR":
                raise ServerRefused("the module is not shown", code="failed")
            last: File | None = None
            name = b""
            while (flags := (await self._take(1))[0]) != 0:
                if flags & _EXTENDED:
                    await self._take(1)
                kept = (await self._take(1))[0] if flags & _SAME_NAME else 0
                size = (await self._take(1))[0]
                if flags & _LONG_NAME:
                    size += int.from_bytes(await self._take(3), "little") << 8
                if kept > len(name) or not 0 < kept + size <= MAX_NAME:
                    raise NotThisProtocol("a name that rsync does not send")
                name = name[:kept] + await self._take(size)
                last = await self._file(name, flags, last)
                yield last
        except PeerClosed:
            raise ServerRefused("the module is not shown", code="closed") from None

    async def _file(self, name: bytes, flags: int, last: File | None) -> File:
        length = int.from_bytes(await self._take(4), "little")
        if length == 0xFFFFFFFF:
            length = int.from_bytes(await self._take(8), "little")
        if last is None and flags & (_SAME_TIME | _SAME_MODE):
            raise NotThisProtocol("the first entry refers to one before it")
        modified, mode = (last.modified, last.mode) if last is not None else (_EPOCH, 0)
        if not flags & _SAME_TIME:
            seconds = int.from_bytes(await self._take(4), "little", signed=True)
            modified = _EPOCH + timedelta(seconds=seconds)
        if not flags & _SAME_MODE:
            mode = int.from_bytes(await self._take(4), "little")
        if length >= 2**63:
            raise NotThisProtocol("a size that no file has")
        return File(name.decode("utf-8", "replace"), length, modified, mode)

    async def _take(self, count: int) -> bytes:
        """Bytes of the multiplexed stream; the daemon's messages in between are dropped."""
        taken = b""
        while len(taken) < count:
            for _ in range(MAX_LINES):
                if self._data:
                    break
                head = int.from_bytes(await self._raw(4), "little")
                code, size = (head >> 24) - _DATA, head & 0xFFFFFF
                if not 0 <= code <= _MAX_CODE or (code and size > MAX_LINE):
                    raise NotThisProtocol("no block as rsync sends it")
                if code:
                    await self._raw(size)
                else:
                    self._data = size
            else:
                raise NotThisProtocol("messages without an end")
            piece = await self._raw(min(self._data, count - len(taken)))
            self._data -= len(piece)
            taken += piece
        return taken

    async def _line(self, begins: bytes = b"") -> str:
        """The next line. One that does not begin so is refused with its first bytes: a peer may
        trickle."""
        while (end := self._buffer.find(b"\n")) < 0:
            if not begins.startswith(self._buffer[: len(begins)]):
                raise NotThisProtocol("the peer does not greet as rsync does")
            if len(self._buffer) > MAX_LINE:
                raise NotThisProtocol("a line longer than rsync sends")
            self._buffer += await self._connection.read_some()
        if end > MAX_LINE:
            raise NotThisProtocol("a line longer than rsync sends")
        line = self._buffer[:end].decode("utf-8", "replace")
        del self._buffer[: end + 1]
        return line.rstrip("\r")

    async def _raw(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += await self._connection.read_some()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _send(self, payload: bytes) -> None:
        await self._connection.send(name_of(payload), payload)
