"""Bolt, versions 3 to 5: the handshake, messages in chunks, and PackStream, read bounded.

Source: the Bolt protocol documentation (https://neo4j.com/docs/bolt/current/): handshake, message
specification, PackStream and structure semantics.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from leftopen.errors import BudgetSpent, NotThisProtocol
from leftopen.net.connection import Connection

# Four proposals, each with how many minor versions below it will do too: 5.4, 4.4, 4.1 and 3.
HANDSHAKE = bytes.fromhex("6060b017 00040405 00020404 00000104 00000003")
HELLO, LOGON, RUN, PULL, RESET = 0x01, 0x6A, 0x10, 0x3F, 0x0F
SUCCESS, RECORD, IGNORED, FAILURE = 0x70, 0x71, 0x7E, 0x7F

_MAX_DEPTH = 32
_MAX_VALUES = 500_000  # of one message
_MAX_NOOPS = 16  # empty chunks before a message, which keep a connection alive
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Message = tuple[int, list[Any]]


# --- messages ------------------------------------------------------------------------------------


def message(operation: int, *fields: Any) -> bytes:
    """A request in chunks of at most 65,535 bytes, and the empty one that ends it."""
    data = bytes([0xB0 + len(fields), operation]) + b"".join(map(packed, fields))
    chunks = [data[at : at + 0xFFFF] for at in range(0, len(data), 0xFFFF)]
    return b"".join(len(chunk).to_bytes(2) + chunk for chunk in chunks) + b"\x00\x00"


async def receive(connection: Connection) -> Message:
    """The next message of the server: its kind and its fields.

    Raises NotThisProtocol, and NetError; BudgetSpent where it is longer than the reply limit.
    """
    data = bytearray()
    noops = 0
    while True:
        length = int.from_bytes(await connection.read_exactly(2))
        if length:
            data += await connection.read_exactly(length)
            if len(data) > connection.limits.reply_bytes:
                raise BudgetSpent(code="reply_too_large")
        elif data:
            break
        else:
            noops += 1
            if noops > _MAX_NOOPS:
                raise NotThisProtocol("empty messages without end")
    if len(data) < 2 or not 0xB0 <= data[0] <= 0xBF:
        raise NotThisProtocol("the peer does not speak Bolt")
    reader = Reader(bytes(data))
    reader.take(1)
    kind = reader.take(1)[0]
    fields = [reader.value() for _ in range(data[0] & 0x0F)]
    if reader.left or kind not in (SUCCESS, RECORD, IGNORED, FAILURE) or len(fields) > 1:
        raise NotThisProtocol("the peer does not speak Bolt")
    return kind, fields


# --- PackStream ----------------------------------------------------------------------------------


def packed(value: Any) -> bytes:
    """None, bool, int of 64 bits, float, str, list or dict with str keys, as PackStream."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return (
            value.to_bytes(1, signed=True)
            if -16 <= value < 128
            else struct.pack(">Bq", 0xCB, value)
        )
    if isinstance(value, float):
        return struct.pack(">Bd", 0xC1, value)
    if isinstance(value, str):
        data = value.encode()
        return _sized(0x80, 0xD0, len(data)) + data
    if isinstance(value, Mapping):
        parts = [packed(str(name)) + packed(inner) for name, inner in value.items()]
        return _sized(0xA0, 0xD8, len(parts)) + b"".join(parts)
    if isinstance(value, Sequence):
        return _sized(0x90, 0xD4, len(value)) + b"".join(map(packed, value))
    raise TypeError("a value that PackStream does not know")


def _sized(small: int, large: int, size: int) -> bytes:
    """The marker of something with so many bytes or parts."""
    if size < 16:
        return bytes([small + size])
    width = 0 if size < 1 << 8 else 1 if size < 1 << 16 else 2
    return bytes([large + width]) + size.to_bytes(1 << width)


class Reader:
    """Takes values off a message; raises NotThisProtocol where there is less than it says, and
    where it nests or holds too much."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._values = data, 0, 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise NotThisProtocol("a message is shorter than it says")
        self._at += count
        return self._data[self._at - count : self._at]

    def value(self, depth: int = 0) -> Any:
        """The next value; dates and times as Python's, other structures as their plain parts."""
        self._values += 1
        if depth > _MAX_DEPTH or self._values > _MAX_VALUES:
            raise NotThisProtocol("a message that nests too deep or holds too much")
        marker = self.take(1)[0]
        high, low = marker & 0xF0, marker & 0x0F
        if marker < 0x80 or marker >= 0xF0:
            return marker if marker < 0x80 else marker - 256
        if high == 0x80:
            return self._text(low)
        if high == 0x90:
            return self._list(low, depth)
        if high == 0xA0:
            return self._map(low, depth)
        if high == 0xB0:
            return self._structure(low, depth)
        if marker in _PLAIN:
            return _PLAIN[marker]
        if marker == 0xC1:
            return struct.unpack(">d", self.take(8))[0]
        if 0xC8 <= marker <= 0xCB:
            return int.from_bytes(self.take(1 << marker - 0xC8), signed=True)
        if 0xCC <= marker <= 0xDA and marker & 3 != 3:
            size = int.from_bytes(self.take(1 << (marker & 3)))
            read: dict[int, Callable[[], Any]] = {
                0xCC: lambda: self.take(size),
                0xD0: lambda: self._text(size),
                0xD4: lambda: self._list(size, depth),
                0xD8: lambda: self._map(size, depth),
            }
            return read[marker & 0xFC]()
        raise NotThisProtocol("a marker that PackStream does not know")

    def _text(self, size: int) -> str:
        return self.take(size).decode("utf-8", "replace")

    def _list(self, size: int, depth: int) -> list[Any]:
        if size > self.left:
            raise NotThisProtocol("a message is shorter than it says")
        return [self.value(depth + 1) for _ in range(size)]

    def _map(self, size: int, depth: int) -> dict[str, Any]:
        if size > self.left:
            raise NotThisProtocol("a message is shorter than it says")
        made = {}
        for _ in range(size):
            name = self.value(depth + 1)
            if not isinstance(name, str):
                raise NotThisProtocol("a map whose keys are no texts")
            made[name] = self.value(depth + 1)
        return made

    def _structure(self, size: int, depth: int) -> Any:
        kind = self.take(1)[0]
        parts = [self.value(depth + 1) for _ in range(size)]
        made = _STRUCTURES.get(kind)
        if made is not None and len(parts) == made[0] and all(map(_is_number, parts)):
            try:
                return made[1](*parts)
            except (ValueError, OverflowError, TypeError):
                return parts
        return parts


_PLAIN: dict[int, Any] = {0xC0: None, 0xC2: False, 0xC3: True}


def _is_number(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, int | float) and math.isfinite(part))


def _moment(seconds: int, nanos: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1_000)


def _local(seconds: int, nanos: int) -> datetime:
    return _moment(seconds, nanos).replace(tzinfo=None)


def _shifted(seconds: int, nanos: int, offset: int) -> datetime:
    """Seconds of local time, as before Bolt 5."""
    return _local(seconds, nanos).replace(tzinfo=timezone(timedelta(seconds=offset)))


# By the signature of a structure: how many parts it has, and what they become.
_STRUCTURES: dict[int, tuple[int, Callable[..., Any]]] = {
    0x44: (1, lambda days: date(1970, 1, 1) + timedelta(days=days)),
    0x54: (2, lambda nanos, _: timedelta(microseconds=nanos // 1_000)),
    0x74: (1, lambda nanos: timedelta(microseconds=nanos // 1_000)),
    0x49: (3, lambda seconds, nanos, _: _moment(seconds, nanos)),
    0x69: (3, lambda seconds, nanos, _: _moment(seconds, nanos)),
    0x46: (3, _shifted),
    0x66: (3, lambda seconds, nanos, _: _local(seconds, nanos)),
    0x64: (2, _local),
    0x58: (3, lambda _, x, y: {"x": x, "y": y}),
    0x59: (4, lambda _, x, y, z: {"x": x, "y": y, "z": z}),
}
