"""RESP2 over a Connection: pipelined commands out, bounded and strictly read replies in.

hiredis parses; a guard before it bounds what a reply may declare. Of an error only a known first
word is kept. RESP: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import asyncio
import re
from itertools import groupby
from typing import Any

import hiredis

from leftopen.errors import BudgetSpent, NetError, NotThisProtocol, ServerRefused
from leftopen.net.connection import Connection

MAX_ELEMENTS = 200_000  # array elements that one exchange may declare
MAX_LINE = 65_536  # bytes of a simple string or an error

Command = tuple[str | bytes | int, ...]

# The words of errors that are told on; another word is server text and is not.
_CODES = frozenset(
    {
        *("ASK", "BUSY", "CLUSTERDOWN", "CROSSSLOT", "DENIED", "ERR", "INPROG", "LOADING"),
        *("MASTERDOWN", "MISCONF", "MOVED", "NOAUTH", "NOMASTERLINK", "NOPERM", "NOPROTO"),
        *("NOREPLICAS", "NOSCRIPT", "NOTREADY", "OOM", "READONLY", "TRYAGAIN", "UNBLOCKED"),
        *("UNKILLABLE", "WRONGPASS", "WRONGTYPE", "EXECABORT"),
    }
)
_CONTAINERS = frozenset({"ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "MEMORY", "SCRIPT"})
_LOCKED = re.compile(r"ERR operation not permitted", re.IGNORECASE)  # NOAUTH before Redis 2.8
_HEAD = re.compile(rb"([$*])(-1|\d{1,19})\r\n")
_MORE = object()


async def ask(connection: Connection, *command: str | bytes | int) -> Any:
    """The reply to one command; raises ServerRefused where it is an error."""
    (reply,) = await exchange(connection, command)
    if isinstance(reply, ServerRefused):
        raise reply
    return reply


async def exchange(connection: Connection, *commands: Command) -> list[Any]:
    """The replies to pipelined commands; a ServerRefused in place of a reply that is an error.

    Where it fails the connection is closed, for what comes after belongs to this exchange.
    """
    try:
        for _, same in groupby(commands, key=_name):
            await _send(connection, *same)
        return await replies(connection, len(commands))
    except (NetError, NotThisProtocol, asyncio.CancelledError):
        await connection.close()
        raise


async def _send(connection: Connection, *commands: Command) -> None:
    """One write for commands of one name. Every request leaves here."""
    (name,) = {_name(command) for command in commands}
    await connection.send(name, b"".join(map(_encoded, commands)))


def _name(command: Command) -> str:
    """A command's word; of those that hold others, both words: `CONFIG GET` is not `CONFIG SET`."""
    word = str(command[0]).upper()
    return f"{word} {command[1]!s}".upper() if word in _CONTAINERS else word


def _encoded(command: Command) -> bytes:
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)


async def replies(connection: Connection, count: int) -> list[Any]:
    """So many replies, and not a byte more; within the connection's limit for one reply in all.

    bytes, int, None, lists of these, and ServerRefused for an error.
    """
    reader = hiredis.Reader(
        protocolError=lambda _: wrong(), replyError=_refused, notEnoughData=_MORE
    )
    guard = _Guard(connection.limits.reply_bytes)
    made: list[Any] = []
    while True:
        while len(made) < count and (reply := reader.gets()) is not _MORE:
            made.append(reply)
        if len(made) == count:
            break
        data = await connection.read_some()
        guard.feed(data)
        reader.feed(data)
    if reader.has_data():
        raise NotThisProtocol("the peer answers more than it was asked")
    return made


def _refused(text: str) -> ServerRefused:
    """The error's first word if Redis has it; the rest is server text and stays behind."""
    word = text.split(" ", 1)[0]
    if _LOCKED.match(text):
        word = "NOAUTH"
    return ServerRefused(code=word if word in _CODES else "OTHER")


class _Guard:
    """Follows the heads of RESP2 frames and refuses what hiredis would believe: it sets aside room
    for as many elements as an array declares, before any has come."""

    def __init__(self, most: int) -> None:
        self._most, self._left = most, most
        self._elements = MAX_ELEMENTS
        self._skip = 0
        self._line = bytearray()

    def feed(self, data: bytes) -> None:
        """Raises BudgetSpent (reply_too_large) or NotThisProtocol."""
        self._left -= len(data)
        if self._left < 0:
            raise BudgetSpent(code="reply_too_large")
        at = 0
        while at < len(data):
            step = min(self._skip, len(data) - at)
            self._skip -= step
            at += step
            if at == len(data):
                return
            end = data.find(b"\n", at) + 1
            self._line += data[at : end or len(data)]
            if self._line[0] not in b"+-:$*" or len(self._line) > MAX_LINE:
                raise wrong()
            if not end:
                return
            at = end
            self._head(bytes(self._line))
            self._line.clear()

    def _head(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise wrong()
        if line[0] in b"+-:":
            return
        match = _HEAD.fullmatch(line)
        if match is None:
            raise wrong()
        declared = int(match[2])
        if match[1] == b"*":
            self._elements -= max(0, declared)
        elif declared >= 0:
            self._skip = declared + 2
        if self._elements < 0 or self._skip > self._most:
            raise BudgetSpent(code="reply_too_large")


def wrong() -> NotThisProtocol:
    """The error for a reply that Redis would not give."""
    return NotThisProtocol("the reply has not the shape that Redis gives it")


def as_bytes(reply: Any) -> bytes:
    if not isinstance(reply, bytes):
        raise wrong()
    return reply


def as_word(reply: Any) -> str:
    return as_bytes(reply).decode("ascii", "replace")


def as_list(reply: Any) -> list[Any]:
    if not isinstance(reply, list):
        raise wrong()
    return reply


def as_count(reply: Any) -> int:
    if not isinstance(reply, int) or isinstance(reply, bool) or reply < 0:
        raise wrong()
    return reply


def as_scan(reply: Any) -> tuple[bytes, list[bytes]]:
    """Cursor and elements of SCAN and HSCAN."""
    if isinstance(reply, list) and len(reply) == 2:
        cursor = as_bytes(reply[0])
        if cursor.isdigit() and len(cursor) <= 20:
            return cursor, [as_bytes(element) for element in as_list(reply[1])]
    raise wrong()


def as_text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def as_info(reply: Any) -> dict[str, str]:
    """The fields of INFO."""
    lines = as_text(as_bytes(reply)).split("\r\n")
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))
