"""CQL's binary protocol, versions 3 and 4: frames, rows and values, read strictly and bounded.

Source: the "CQL BINARY PROTOCOL v4" specification (`doc/native_protocol_v4.spec` in Apache
Cassandra's repository), sections 2 (frames), 4.2 (responses), 6 (data types) and 9 (errors).
"""

from __future__ import annotations

import re
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, DecimalException
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.net.connection import Connection

ERROR, STARTUP, READY, AUTHENTICATE = 0x00, 0x01, 0x02, 0x03
OPTIONS, SUPPORTED, QUERY, RESULT = 0x05, 0x06, 0x07, 0x08
PROTOCOL_ERROR, UNAUTHORIZED, INVALID = 0x000A, 0x2100, 0x2200

_RESPONSE = 0x80
_TRACING, _PAYLOAD, _WARNING = 0x02, 0x04, 0x08  # flags of a frame
_MORE_PAGES, _GLOBAL_TABLE = 0x0002, 0x0001  # flags of rows' metadata
_VALUES, _PAGE_SIZE, _PAGING_STATE = 0x01, 0x04, 0x08  # flags of a query
_ONE = 1  # consistency: one replica's answer is enough
_ROWS = 2  # kind of a result
_MAX_COLUMNS = 4_096
_MAX_TYPE_DEPTH = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_ZERO = 1 << 31
_FLOATS = re.compile(
    r"org\.apache\.cassandra\.db\.marshal\.VectorType\([\w.]*\.?FloatType *, *\d+\)"
)


class OlderVersion(NotThisProtocol):
    """The server speaks the protocol, but no version from 4 on; `version` is the one it names."""

    code = "older_version"

    def __init__(self, version: int) -> None:
        super().__init__("an older version of the protocol")
        self.version = version


@dataclass(frozen=True, slots=True)
class Type:
    """A data type: its option id, those of its parts, and their names (of a user's own type)."""

    id: int
    parts: tuple[Type, ...] = ()
    names: tuple[str, ...] = ()
    custom: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a result: names and types of its columns, cells still raw (None for null), and the
    note with which the next page can be asked for (None at the last)."""

    names: tuple[str, ...]
    types: tuple[Type, ...]
    cells: tuple[tuple[bytes | None, ...], ...] = field(repr=False)
    paging: bytes | None = field(default=None, repr=False)

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows with their cells decoded."""
        return [
            tuple(decoded(kind, cell) for kind, cell in zip(self.types, row, strict=True))
            for row in self.cells
        ]


class Cursor:
    """Takes typed pieces off a body; raises NotThisProtocol where there is less than it says."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count < 0 or count > self.left:
            raise NotThisProtocol("a reply is shorter than it says")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self) -> int:
        return int.from_bytes(self.take(4), signed=True)

    def short(self) -> int:
        return int.from_bytes(self.take(2))

    def string(self) -> str:
        return self.take(self.short()).decode("utf-8", "replace")

    def bytes(self) -> bytes | None:
        """A value: None where it is null."""
        length = self.number()
        return None if length < 0 else self.take(length)

    def count(self, most: int, least_bytes: int) -> int:
        """A number of things that follow, each of `least_bytes` or more."""
        count = self.number()
        if not 0 <= count <= most or count * least_bytes > self.left:
            raise NotThisProtocol("a reply names more things than it holds")
        return count


# --- frames --------------------------------------------------------------------------------------


def startup() -> bytes:
    """The body of STARTUP: a map with one entry."""
    return b"\x00\x01" + _string("CQL_VERSION") + _string("3.0.0")


def query(text: str, values: Sequence[bytes] = (), page: int = 100, state: bytes = b"") -> bytes:
    """The body of QUERY: its text, bound values in order, rows of a page, and where to go on."""
    flags = _PAGE_SIZE | (_VALUES if values else 0) | (_PAGING_STATE if state else 0)
    body = _long(text.encode()) + struct.pack("!HB", _ONE, flags)
    if values:
        body += struct.pack("!H", len(values)) + b"".join(_long(value) for value in values)
    return body + struct.pack("!i", page) + (_long(state) if state else b"")


def _string(text: str) -> bytes:
    return struct.pack("!H", len(text)) + text.encode()


def _long(data: bytes) -> bytes:
    return struct.pack("!i", len(data)) + data


async def exchange(
    connection: Connection, name: str, version: int, operation: int, body: bytes
) -> tuple[int, Cursor]:
    """Send one frame under its name; returns operation and body of the answer.

    The stream's number is made up, and an answer without it is none. Raises OlderVersion,
    NotThisProtocol, and NetError; BudgetSpent where the answer is longer than the reply limit.
    """
    stream = secrets.randbelow(0x8000)
    head = struct.pack("!BBhBi", version, 0, stream, operation, len(body))
    try:
        await connection.send(name, head + body)
        return await _answer(connection, version, stream)
    except BaseException:  # what is left of the answer must not be taken for the next
        await connection.close()
        raise


async def _answer(connection: Connection, version: int, stream: int) -> tuple[int, Cursor]:
    first = (await connection.read_exactly(1))[0]
    if not _RESPONSE < first <= _RESPONSE + 6:
        raise NotThisProtocol("the peer does not speak CQL")
    if first < _RESPONSE + 3:  # a frame of another form, from a server before 2.1
        rest = await connection.read_exactly(7)
        if rest[2] != ERROR:
            raise NotThisProtocol("the peer does not speak CQL")
        raise OlderVersion(first - _RESPONSE)
    flags, echoed, told, length = struct.unpack("!BhBi", await connection.read_exactly(8))
    if told == ERROR and first != _RESPONSE + version:
        raise OlderVersion(min(first - _RESPONSE, version - 1))
    if echoed != stream or first != _RESPONSE + version:
        raise NotThisProtocol("an answer to something that was not asked")
    if length < 0 or told not in (ERROR, READY, AUTHENTICATE, SUPPORTED, RESULT):
        raise NotThisProtocol("the peer does not speak CQL")
    answer = Cursor(await connection.read_exactly(length))
    if flags & _TRACING:
        answer.take(16)
    if flags & _WARNING:
        for _ in range(answer.short()):
            answer.string()
    if flags & _PAYLOAD:
        for _ in range(answer.short()):
            answer.string()
            answer.bytes()
    return told, answer


def refusal(answer: Cursor) -> ServerRefused:
    """What an ERROR says, as an exception: its code in hexadecimal; the text is not kept."""
    code = answer.number()
    if not 0 <= code <= 0xFFFF:
        raise NotThisProtocol("an error without a code")
    answer.string()
    return ServerRefused("the server refused the request", code=f"{code:04x}")


def supported(answer: Cursor) -> frozenset[str]:
    """The names of the options that SUPPORTED lists."""
    names = set()
    for _ in range(answer.short()):
        names.add(answer.string())
        for _ in range(answer.short()):
            answer.string()
    return frozenset(names)


# --- rows ----------------------------------------------------------------------------------------


def table(answer: Cursor) -> Table:
    """The rows of a RESULT; raises NotThisProtocol where it is none or does not add up."""
    if answer.number() != _ROWS:
        raise NotThisProtocol("an answer that holds no rows")
    flags = answer.number()
    columns = answer.count(_MAX_COLUMNS, 4)
    paging = answer.bytes() if flags & _MORE_PAGES else None
    if flags & _GLOBAL_TABLE:
        answer.string(), answer.string()
    names, types = [], []
    for _ in range(columns):
        if not flags & _GLOBAL_TABLE:
            answer.string(), answer.string()
        names.append(answer.string())
        types.append(_type(answer))
    count = answer.count(1 << 24, max(4 * columns, 1))
    cells = tuple(tuple(answer.bytes() for _ in range(columns)) for _ in range(count))
    if answer.left:
        raise NotThisProtocol("a reply is longer than it says")
    return Table(tuple(names), tuple(types), cells, paging)


def _type(answer: Cursor, depth: int = 0) -> Type:
    if depth > _MAX_TYPE_DEPTH:
        raise NotThisProtocol("a type that nests too deep")
    option = answer.short()
    if option == 0x00:
        return Type(option, custom=answer.string())
    if option in (0x20, 0x22):
        return Type(option, (_type(answer, depth + 1),))
    if option == 0x21:
        return Type(option, (_type(answer, depth + 1), _type(answer, depth + 1)))
    if option == 0x30:
        answer.string(), answer.string()
        names, parts = [], []
        for _ in range(answer.short()):
            names.append(answer.string())
            parts.append(_type(answer, depth + 1))
        return Type(option, tuple(parts), tuple(names))
    if option == 0x31:
        return Type(option, tuple(_type(answer, depth + 1) for _ in range(answer.short())))
    return Type(option)


# --- values --------------------------------------------------------------------------------------


def decoded(kind: Type, cell: bytes | None) -> Any:
    """One cell as a Python value: lists and sets as lists, maps and user types as dicts.

    What does not have the form of its type is given as its bytes.
    """
    if cell is None:
        return None
    try:
        return _value(kind, cell)
    except (NotThisProtocol, struct.error, ValueError, OverflowError, DecimalException):
        return cell


def _value(kind: Type, cell: bytes) -> Any:
    if kind.id in _NUMBERS:
        (number,) = struct.unpack(_NUMBERS[kind.id], cell)
        return number
    if kind.id in (0x01, 0x0A, 0x0D):
        return cell.decode()
    if kind.id == 0x06:
        scale = struct.unpack_from("!i", cell)[0]
        whole = Decimal(int.from_bytes(cell[4:], signed=True)) if len(cell) < 1_024 else Decimal(0)
        return whole.scaleb(-scale)
    if kind.id == 0x0B:
        return _EPOCH + timedelta(milliseconds=struct.unpack("!q", cell)[0])
    if kind.id in (0x0C, 0x0F):
        return str(UUID(bytes=cell))
    if kind.id == 0x0E:
        return int.from_bytes(cell, signed=True)
    if kind.id == 0x10:
        return str(ip_address(cell))
    if kind.id == 0x11:
        return date(1970, 1, 1) + timedelta(days=struct.unpack("!I", cell)[0] - _DAY_ZERO)
    if kind.id == 0x12:
        return timedelta(microseconds=struct.unpack("!q", cell)[0] // 1_000)
    if kind.id in (0x20, 0x21, 0x22, 0x30, 0x31):
        return _several(kind, Cursor(cell))
    if kind.id == 0x00 and len(cell) % 4 == 0 and _FLOATS.fullmatch(kind.custom):
        return list(struct.unpack(f"!{len(cell) // 4}f", cell))
    return cell


_NUMBERS = {
    0x02: "!q", 0x05: "!q", 0x09: "!i", 0x13: "!h", 0x14: "!b",
    0x04: "!?", 0x07: "!d", 0x08: "!f",
}  # fmt: skip


def _several(kind: Type, cell: Cursor) -> Any:
    if kind.id in (0x20, 0x22):
        count = cell.count(1 << 20, 4)
        return [decoded(kind.parts[0], cell.bytes()) for _ in range(count)]
    if kind.id == 0x21:
        count = cell.count(1 << 20, 8)
        keys, values = kind.parts
        return {
            str(decoded(keys, cell.bytes())): decoded(values, cell.bytes()) for _ in range(count)
        }
    # a tuple or user type may end early: fields that were added later are null
    held = [decoded(part, cell.bytes()) if cell.left else None for part in kind.parts]
    return dict(zip(kind.names, held, strict=True)) if kind.id == 0x30 else held
