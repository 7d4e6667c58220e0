"""The bytes of MySQL's client/server protocol, as far as a log-on without password and SELECT go.

A packet is a header of 4 bytes (length in 3, sequence number) and its payload. Sources: MySQL
Source Code Documentation, "Client/Server Protocol" (HandshakeV10, SSLRequest, HandshakeResponse41,
AuthSwitchRequest, ERR_Packet, COM_QUERY response, text resultset) and MariaDB Knowledge Base,
"Client/Server Protocol". Every function raises NotThisProtocol for bytes that cannot be.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from leftopen.errors import NotThisProtocol

HEADER = 4
MAX_GREETING = 1_024  # bytes; real ones have about 100
MAX_COLUMNS = 4_096  # the server's own limit

CLIENT_SSL = 0x800
CLIENT_PROTOCOL_41 = 0x200
CLIENT_SECURE_CONNECTION = 0x8000
CLIENT_PLUGIN_AUTH = 0x80000
_LONG_PASSWORD, _LONG_FLAG, _TRANSACTIONS = 0x1, 0x4, 0x2000
# Neither CLIENT_LOCAL_FILES (a server could then ask for our files) nor CLIENT_MULTI_STATEMENTS.
_OURS = _LONG_PASSWORD | _LONG_FLAG | _TRANSACTIONS | CLIENT_PROTOCOL_41 | CLIENT_SECURE_CONNECTION
_UTF8MB4 = 45
_MAX_PACKET = 1 << 24
_BINARY = 63  # the character set of what is no text
EMPTY_METHODS = ("mysql_native_password", "caching_sha2_password")
# What an empty password looks like to each method (libmysql and its plugins).
EMPTY_ANSWERS = {
    "mysql_native_password": b"",
    "caching_sha2_password": b"",
    "mysql_old_password": b"",
    "sha256_password": b"\0",
    "mysql_clear_password": b"\0",
}


@dataclass(frozen=True, slots=True)
class Greeting:
    """HandshakeV10 (or the older V9, which has no capabilities): what a server is."""

    protocol: int
    version: str
    capabilities: int
    method: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """ERR_Packet: its number. Its text is read to check that it is text, and not kept."""

    number: int
    is_mariadb: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result: name, type (enum_field_types), and whether its values are no text."""

    name: str
    type: int
    binary: bool


def packet(payload: bytes, sequence: int) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([sequence & 0xFF]) + payload


def header(raw: bytes) -> tuple[int, int]:
    """Length and sequence number that a header states."""
    return int.from_bytes(raw[:3], "little"), raw[3]


class _Reader:
    """Takes fields off a payload; raises NotThisProtocol where it ends early."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise NotThisProtocol("a packet ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def until_nul(self) -> bytes:
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise NotThisProtocol("a packet ends early")
        text = self.take(end - self.at)
        self.at += 1
        return text

    def length(self) -> int:
        """A length-encoded integer."""
        first = self.number(1)
        if first < 0xFB:
            return first
        sizes = {0xFC: 2, 0xFD: 3, 0xFE: 8}
        if first not in sizes:
            raise NotThisProtocol("not a length")
        return self.number(sizes[first])

    def counted(self) -> bytes:
        return self.take(self.length())


def greeting(payload: bytes) -> Greeting | Refusal:
    """What a server says first: who it is, or that it will not talk to us."""
    if payload[:1] == b"\xff":
        return refusal(payload)
    reader = _Reader(payload)
    protocol = reader.number(1)
    if protocol not in (9, 10):
        raise NotThisProtocol("not a greeting of MySQL")
    version = reader.until_nul()
    if not 0 < len(version) < 256 or not version.isascii() or not version.decode().isprintable():
        raise NotThisProtocol("not a greeting of MySQL")
    reader.take(4)  # the connection's id
    if protocol == 9:
        reader.until_nul()  # a nonce
        return Greeting(protocol, version.decode(), 0, "")
    reader.take(8)
    if reader.number(1) != 0:
        raise NotThisProtocol("not a greeting of MySQL")
    capabilities = reader.number(2)
    if reader.left == 0:
        return Greeting(protocol, version.decode(), capabilities, "")
    reader.take(3)  # character set, status
    capabilities |= reader.number(2) << 16
    nonce = reader.number(1)
    reader.take(10)
    method = b""
    if capabilities & CLIENT_SECURE_CONNECTION:
        reader.take(max(13, nonce - 8) if reader.left >= 13 else reader.left)
    if capabilities & CLIENT_PLUGIN_AUTH and reader.left:
        method = reader.take(reader.left).split(b"\0")[0]
    return Greeting(protocol, version.decode(), capabilities, method.decode("latin-1")[:64])


def refusal(payload: bytes) -> Refusal:
    """An ERR_Packet, with or without SQLSTATE."""
    reader = _Reader(payload)
    if reader.number(1) != 0xFF:
        raise NotThisProtocol("not an error of MySQL")
    number = reader.number(2)
    text = reader.take(reader.left)
    if not 1_000 <= number < 60_000 or len(text) > 1_024 or not _is_text(text):
        raise NotThisProtocol("not an error of MySQL")
    return Refusal(number, b"MariaDB" in text)


def _is_text(raw: bytes) -> bool:
    return bool(raw) and not any(byte < 0x20 and byte not in b"\t\n\r" for byte in raw)


def ssl_request(sequence: int) -> bytes:
    flags = _OURS | CLIENT_PLUGIN_AUTH | CLIENT_SSL
    return packet(struct.pack("<IIB23x", flags, _MAX_PACKET, _UTF8MB4), sequence)


def empty_response(account: str, greeted: Greeting, sequence: int, *, tls: bool) -> bytes:
    """HandshakeResponse41 for an account and no password at all."""
    flags = _OURS | (CLIENT_SSL if tls else 0)
    flags |= greeted.capabilities & CLIENT_PLUGIN_AUTH
    body = struct.pack("<IIB23x", flags, _MAX_PACKET, _UTF8MB4)
    body += account.encode() + b"\0" + b"\0"  # the second is the length of the answer: none
    if flags & CLIENT_PLUGIN_AUTH:
        known = greeted.method in EMPTY_METHODS
        body += (greeted.method if known else EMPTY_METHODS[0]).encode() + b"\0"
    return packet(body, sequence)


def is_empty_response(body: bytes) -> bool:
    """Whether the payload logs somebody on with an empty password, and with nothing else."""
    account, end, rest = body[32:].partition(b"\0")
    known = {b"", *(method.encode() + b"\0" for method in EMPTY_METHODS)}
    return bool(account) and bool(end) and rest[:1] == b"\0" and rest[1:] in known


def switched(payload: bytes) -> str:
    """The method that an AuthSwitchRequest names; a lone 0xFE is the one from before 4.1."""
    if payload == b"\xfe":
        return "mysql_old_password"
    return _Reader(payload[1:]).until_nul().decode("latin-1")[:64]


def query(statement: str) -> bytes:
    return packet(b"\x03" + statement.encode(), 0)


QUIT = packet(b"\x01", 0)


def column_count(payload: bytes) -> int:
    reader = _Reader(payload)
    count = reader.length()
    if not 0 < count <= MAX_COLUMNS or reader.left:
        raise NotThisProtocol("not the start of a result")
    return count


def column(payload: bytes) -> Column:
    """A ColumnDefinition41."""
    reader = _Reader(payload)
    for _ in range(4):  # catalogue, schema, table, its own name
        reader.counted()
    name = reader.counted()
    reader.counted()
    if reader.number(1) != 12:
        raise NotThisProtocol("not a column")
    charset = reader.number(2)
    reader.take(4)
    kind = reader.number(1)
    reader.take(3)
    return Column(name.decode("utf-8", "replace"), kind, charset == _BINARY)


def is_end(payload: bytes) -> bool:
    return payload[:1] == b"\xfe" and len(payload) < 9


def row(payload: bytes, columns: int) -> list[bytes | None]:
    """The cells of a row of a text result."""
    reader = _Reader(payload)
    cells: list[bytes | None] = []
    for _ in range(columns):
        if payload[reader.at : reader.at + 1] == b"\xfb":
            reader.at += 1
            cells.append(None)
        else:
            cells.append(reader.counted())
    if reader.left:
        raise NotThisProtocol("a row has more cells than columns")
    return cells


Decoder = Callable[[bytes], Any]


def _integer(raw: bytes) -> Any:
    try:
        return int(raw) if len(raw) < 40 else text(raw)
    except ValueError:
        return text(raw)


def _floating(raw: bytes) -> Any:
    try:
        return float(raw) if len(raw) < 400 else text(raw)
    except ValueError:
        return text(raw)


def _decimal(raw: bytes) -> Any:
    try:
        return Decimal(raw.decode("ascii")) if len(raw) < 100 else text(raw)
    except (InvalidOperation, UnicodeDecodeError):
        return text(raw)


def _moment(raw: bytes) -> Any:
    try:
        return datetime.fromisoformat(raw.decode("ascii"))
    except ValueError:  # a day that never was, as 0000-00-00
        return text(raw)


def _day(raw: bytes) -> Any:
    try:
        return date.fromisoformat(raw.decode("ascii"))
    except ValueError:
        return text(raw)


def text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


INTEGERS = (1, 2, 3, 8, 9, 13)  # TINY, SHORT, LONG, LONGLONG, INT24, YEAR
_BLOBS = (15, 249, 250, 251, 252, 253, 254)  # VARCHAR, the BLOBs, VAR_STRING, STRING
_DECODERS: dict[int, Decoder] = {
    **dict.fromkeys(INTEGERS, _integer),
    **dict.fromkeys((4, 5), _floating),
    **dict.fromkeys((0, 246), _decimal),
    **dict.fromkeys((7, 12, 17, 18), _moment),
    **dict.fromkeys((10, 14), _day),
    16: bytes,  # BIT
    255: lambda raw: raw[4:],  # GEOMETRY: the number of its reference system, then WKB
}


def decoder(told: Column) -> Decoder:
    """How to read the cells of a column; what says to be a number or a day and is none stays text.

    Gives int, float, Decimal, datetime, date, str, or bytes for BLOB, BINARY, BIT and geometries.
    """
    if told.type in _BLOBS and told.binary:
        return bytes
    return _DECODERS.get(told.type, text)
