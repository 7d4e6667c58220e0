"""PostgreSQL's frontend/backend protocol 3.0 and its text values as pure functions, no I/O.

Source: PostgreSQL documentation, "Frontend/Backend Protocol", "Message Formats" and "Error and
Notice Message Fields". Whatever does not fit the formats raises NotThisProtocol.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from leftopen.errors import NotThisProtocol

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
HEADER = 5  # one byte of type, four of length

_VERSION_3_0 = 3 << 16
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")
_MAX_COLUMNS = 1_664  # PostgreSQL's own limit for a result
# Ways to prove who one is that a server may ask for, by the code of its Authentication request.
_ASKS = {2, 3, 5, 6, 7, 9, 10}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the server: its type byte and what follows the length."""

    type: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """An ErrorResponse without its texts: `code` is the SQLSTATE; `routine` the server's own
    function that refused, which no language setting changes ("" where it tells none)."""

    code: str
    routine: str


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result: its name and the object id of its type."""

    name: str
    oid: int


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def startup(parameters: Mapping[str, str]) -> bytes:
    """StartupMessage; `parameters` must hold `user`."""
    pairs = b"".join(f"{k}\0{v}\0".encode() for k, v in parameters.items()) + b"\0"
    return struct.pack("!ii", len(pairs) + 8, _VERSION_3_0) + pairs


def query(sql: str, rows: int) -> bytes:
    """Parse, Bind, Describe, Execute up to `rows` rows, Flush: the extended query, in which the
    server itself refuses more than one statement. `sync` must follow."""
    return b"".join(
        (
            _framed(b"P", b"\0" + sql.encode() + b"\0" + struct.pack("!h", 0)),
            _framed(b"B", b"\0\0" + struct.pack("!hhh", 0, 0, 0)),
            _framed(b"D", b"P\0"),
            more(rows),
        )
    )


def more(rows: int) -> bytes:
    """Execute up to `rows` further rows of the query under way, Flush."""
    return _framed(b"E", b"\0" + struct.pack("!i", rows)) + _framed(b"H", b"")


def sync() -> bytes:
    return _framed(b"S", b"")


def terminate() -> bytes:
    return _framed(b"X", b"")


def body_length(header: bytes) -> int:
    """How many bytes follow a message's header."""
    length = int.from_bytes(header[1:5], "big", signed=True) - 4
    if length < 0:
        raise NotThisProtocol("a message has a length that cannot be")
    return length


def asked_for(body: bytes) -> int:
    """The code of an Authentication request as the first one may be; 0 is AuthenticationOk."""
    code = int.from_bytes(body[:4], "big")
    plain = len(body) == 4 and code in _ASKS - {5, 10}
    salted = len(body) == 8 and code == 5
    sasl = len(body) > 6 and code == 10 and body.endswith(b"\0\0")
    if not (plain or salted or sasl or (len(body) == 4 and code == 0)):
        raise NotThisProtocol("not an Authentication request")
    return code


def refusal(body: bytes) -> Refusal:
    """What an ErrorResponse says; its texts are dropped here."""
    fields: dict[bytes, bytes] = {}
    if not body.endswith(b"\0\0") or len(body) < 3:
        raise NotThisProtocol("not an ErrorResponse")
    for part in body[:-2].split(b"\0"):
        if not part[:1].isalpha():
            raise NotThisProtocol("not an ErrorResponse")
        fields[part[:1]] = part[1:]
    code = fields.get(b"C", b"").decode("latin-1")
    if not _SQLSTATE.fullmatch(code):
        raise NotThisProtocol("not an ErrorResponse")
    return Refusal(code, fields.get(b"R", b"").decode("latin-1"))


def parameter(body: bytes) -> tuple[str, str]:
    """Name and value of a ParameterStatus."""
    parts = body.split(b"\0")
    if len(parts) != 3 or parts[2]:
        raise NotThisProtocol("not a ParameterStatus")
    return parts[0].decode("latin-1"), parts[1].decode("utf-8", "replace")


def row_description(body: bytes) -> tuple[ResultColumn, ...]:
    columns = []
    count, at = _int16(body, 0), 2
    if not 0 <= count <= _MAX_COLUMNS:
        raise NotThisProtocol("a result has more columns than can be")
    for _ in range(count):
        end = body.find(b"\0", at)
        if end < 0 or end + 19 > len(body):
            raise NotThisProtocol("not a RowDescription")
        oid, _, _, form = struct.unpack_from("!Ihih", body, end + 7)
        if form != 0:
            raise NotThisProtocol("a result is not in text form")
        columns.append(ResultColumn(body[at:end].decode("utf-8", "replace"), oid))
        at = end + 19
    if at != len(body):
        raise NotThisProtocol("not a RowDescription")
    return tuple(columns)


def data_row(body: bytes, columns: int) -> list[bytes | None]:
    """The cells of a DataRow, which must have as many as the result has columns."""
    if _int16(body, 0) != columns:
        raise NotThisProtocol("a row has another number of cells than its result has columns")
    cells: list[bytes | None] = []
    at = 2
    for _ in range(columns):
        if at + 4 > len(body):
            raise NotThisProtocol("a row ends early")
        length = int.from_bytes(body[at : at + 4], "big", signed=True)
        at += 4
        if length == -1:
            cells.append(None)
            continue
        if length < 0 or at + length > len(body):
            raise NotThisProtocol("a cell has a length that cannot be")
        cells.append(body[at : at + length])
        at += length
    if at != len(body):
        raise NotThisProtocol("a row holds more than its cells")
    return cells


def completed(body: bytes) -> int | None:
    """The number of rows that the CommandComplete of a SELECT states; None for BEGIN, ROLLBACK and
    SET."""
    match = re.fullmatch(rb"SELECT (\d{1,18})\0|(?:BEGIN|ROLLBACK|SET)\0", body)
    if match is None:
        raise NotThisProtocol("not the CommandComplete of a statement that was sent")
    return None if match[1] is None else int(match[1])


def _int16(body: bytes, at: int) -> int:
    if at + 2 > len(body):
        raise NotThisProtocol("a message ends early")
    return int.from_bytes(body[at : at + 2], "big", signed=True)


# --- values -----------------------------------------------------------------------------------

Decoder = Callable[[bytes], Any]


def text(cell: bytes) -> str:
    """Text in UTF-8; what is none (databases in SQL_ASCII hold any bytes) is replaced."""
    return cell.decode("utf-8", "replace")


def _boolean(cell: bytes) -> bool:
    return {b"t": True, b"f": False}[cell]


def _numeric(cell: bytes) -> int | Decimal:
    return int(cell) if cell.isdigit() and len(cell) < 4_000 else Decimal(cell.decode("ascii"))


def _hexadecimal(cell: bytes) -> bytes:
    """bytea in its hex form, or a PostGIS geometry (EWKB); an odd last digit is a cut one."""
    digits = cell.removeprefix(b"\\x")
    return bytes.fromhex(digits[: len(digits) & ~1].decode("ascii"))


def _timestamp(cell: bytes) -> datetime:
    return datetime.fromisoformat(cell.decode("ascii"))


def _date(cell: bytes) -> date:
    return date.fromisoformat(cell.decode("ascii"))


def _point(cell: bytes) -> list[float]:
    if (cell[:1], cell[-1:]) != (b"(", b")"):
        raise ValueError("not a point")
    return [float(part) for part in cell[1:-1].split(b",")]


BYTEA, CHARACTER = 17, 1042  # object ids, of pg_type.dat

# By object id of the type (pg_type.dat); what is not here is text.
_DECODERS: dict[int, Decoder] = {
    16: _boolean,
    BYTEA: _hexadecimal,
    20: int,
    21: int,
    23: int,
    26: int,
    600: _point,
    700: float,
    701: float,
    1082: _date,
    1114: _timestamp,
    1184: _timestamp,
    1700: _numeric,
}


def decoder(oid: int) -> Decoder:
    """How to read a cell of that type. Falls back on the text where a value has no such Python
    value: years before 1 or beyond 9999, infinity, another DateStyle."""
    wanted = _DECODERS.get(oid)
    if wanted is None:
        return text

    def read(cell: bytes) -> Any:
        try:
            return wanted(cell)
        except (ValueError, KeyError, InvalidOperation):
            return text(cell)

    return read


_DEPTH = 6  # PostgreSQL's own limit of an array's dimensions
_ARRAY_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"|([^{},"\\]+)|[{},]', re.DOTALL)
_BOUNDS = re.compile(rb"(?:\[-?\d+:-?\d+\])+=")


def array(cell: bytes, element: Decoder) -> Any:
    """An array's text, `{1,NULL,{"a\\"b"}}`, as a list of decoded elements.

    One that the server cut off gives the elements that came whole; what is no array stays text.
    """
    bounds = _BOUNDS.match(cell)
    at = bounds.end() if bounds else 0
    if cell[at : at + 1] != b"{":
        return text(cell)
    stack: list[list[Any]] = []
    while True:
        token = _ARRAY_TOKEN.match(cell, at)
        if token is None:
            break
        at = token.end()
        if token[0] == b"{":
            inner: list[Any] = []
            if stack:
                stack[-1].append(inner)
            if len(stack) >= _DEPTH:
                return text(cell)
            stack.append(inner)
        elif token[0] == b"}":
            if len(stack) == 1:
                return stack[0]
            stack.pop()
        elif token[1] is not None:
            stack[-1].append(element(re.sub(rb"\\(.)", rb"\1", token[1], flags=re.DOTALL)))
        elif token[2] is not None and at < len(cell):  # one that ends with the text was cut
            stack[-1].append(None if token[2] == b"NULL" else element(token[2]))
    return stack[0] if stack else text(cell)
