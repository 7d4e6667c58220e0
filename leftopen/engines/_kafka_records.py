"""Kafka's record batches, and what is profiled of a record.

Source: "Record Batch" in the chapter on message format of Kafka's documentation
(https://kafka.apache.org/documentation/#messageformat), and the wire format of Confluent's schema
registry.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from leftopen.engines._kafka_wire import Cursor
from leftopen.errors import NotThisProtocol

_BATCH = struct.Struct("!qiibIhiqqqhii")
_MAGIC = 2
_CODECS = {1: "gzip", 3: "lz4", 4: "zstd"}
_SNAPPY, _CONTROL = 2, 0x20
_XERIAL = b"\x82SNAPPY\x00"
MAX_UNPACKED = 4 << 20  # bytes that one batch may become
_MAX_HEADERS = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `moment` is milliseconds since 1970."""

    moment: int
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes | None], ...] = field(repr=False)


def records(data: bytes, start: int = 0) -> tuple[list[Record], int]:
    """The records from offset `start` on of whole batches, and the offset after the last batch.

    A batch comes from its beginning, wherever in it the offset is. One cut off at the end, one of a
    form older than Kafka 0.11, and what controls a transaction, is left out. Raises NotThisProtocol
    where a batch does not add up.
    """
    at, begun = 0, start
    found: list[Record] = []
    while at + _BATCH.size <= len(data):
        base, length, _, magic, _, attributes, last, moment, *_, count = _BATCH.unpack_from(
            data, at
        )
        end = at + 12 + length
        if length < _BATCH.size - 12 and magic == _MAGIC:
            raise NotThisProtocol("a batch of records shorter than its head")
        if end > len(data) or length < 0:
            break
        if magic == _MAGIC and not attributes & _CONTROL:
            inner = _unpacked(attributes & 7, data[at + _BATCH.size : end])
            for offset, record in _records(Cursor(inner), moment, count):
                if base + offset >= begun:
                    found.append(record)
        if magic == _MAGIC:
            start = max(start, base + max(0, last) + 1)
        at = end
    return found, start


def _records(batch: Cursor, first: int, count: int) -> Iterator[tuple[int, Record]]:
    """Records with their offsets, counted from the batch's own."""
    if count < 0 or count > batch.left:
        raise NotThisProtocol("a batch names more records than it holds")
    for _ in range(count):
        length = batch.varint()
        one = Cursor(batch.take(length))
        one.take(1)  # attributes: none yet
        moment = first + one.varint()
        offset = one.varint()
        key, value = one.bytes(), one.bytes()
        headers = []
        named = one.varint()
        if not 0 <= named <= _MAX_HEADERS:
            raise NotThisProtocol("a record with too many headers")
        for _ in range(named):
            name = one.bytes() or b""
            headers.append((name.decode("utf-8", "replace"), one.bytes()))
        yield offset, Record(moment, key, value, tuple(headers))


def _unpacked(codec: int, data: bytes) -> bytes:
    """The records of a batch, decompressed to MAX_UNPACKED bytes at most."""
    if codec == 0:
        return data
    try:
        if codec == _SNAPPY:
            return _snappy(data)
        if codec not in _CODECS:
            raise NotThisProtocol("a compression that Kafka does not know")
        with pa.CompressedInputStream(pa.BufferReader(data), _CODECS[codec]) as stream:
            unpacked: bytes = stream.read(MAX_UNPACKED + 1)
    except (OSError, pa.ArrowException):
        raise NotThisProtocol("records that cannot be decompressed") from None
    if len(unpacked) > MAX_UNPACKED:
        raise NotThisProtocol("records that become too large")
    return unpacked


def _snappy(data: bytes) -> bytes:
    """Blocks with their lengths, as Java's library writes them, or one block without (others)."""
    if not data.startswith(_XERIAL):
        return _snappy_block(data, MAX_UNPACKED)
    whole, at = bytearray(), 16  # magic, and two version numbers
    while at + 4 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        whole += _snappy_block(data[at + 4 : at + 4 + length], MAX_UNPACKED - len(whole))
        at += 4 + length
    return bytes(whole)


def _snappy_block(data: bytes, most: int) -> bytes:
    """One block, which begins with the number of bytes that it becomes (a plain varint)."""
    size = 0
    for number, byte in enumerate(data[:5]):
        size |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            break
    if size > most:
        raise NotThisProtocol("records that become too large")
    unpacked: bytes = pa.decompress(data, size, "snappy", asbytes=True)
    return unpacked


# --- documents -----------------------------------------------------------------------------------


def document(record: Record) -> dict[str, Any]:
    """What is profiled of a record: its moment, key, value and headers."""
    made: dict[str, Any] = {}
    if -(1 << 46) < record.moment < 1 << 46:
        made["time"] = _EPOCH + timedelta(milliseconds=record.moment)
    made["key"] = _opened(record.key)
    made["value"] = _opened(record.value)
    if record.headers:
        made["headers"] = {name: _opened(value) for name, value in record.headers}
    return made


def _opened(data: bytes | None) -> Any:
    """Text where it is text (JSON is opened later); the strings in a record of Avro with the id of
    its schema before it; else the bytes."""
    if data is None:
        return None
    if data[:1] == b"\x00" and len(data) > 5:  # Confluent's framing: 0, and a schema's id
        text = _text(data[5:])
        if text is not None and text.lstrip()[:1] in ("{", "[", '"'):
            return text
        return _avro_strings(data[5:]) or data
    return _text(data) or data


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _avro_strings(data: bytes) -> list[str]:
    """What can be read of an Avro record without its schema: its strings, each after its length
    (a zigzag number); shorter ones than 3 bytes are not told from other numbers."""
    found, at = [], 0
    while at < len(data):
        length, skip = data[at] >> 1, 1
        if data[at] >= 0x80 and at + 1 < len(data) and data[at + 1] < 0x80:
            length, skip = (data[at] & 0x7F | data[at + 1] << 7) >> 1, 2
        text = _text(data[at + skip : at + skip + length]) if not data[at] & 1 else None
        if text is not None and 3 <= length <= len(data) - at - skip and text.isprintable():
            found.append(text)
            at += skip + length
        else:
            at += 1
    return found
