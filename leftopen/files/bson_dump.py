"""BSON as mongodump writes it: documents one after the other, each with its length before it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

from bson import decode
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from leftopen.bson_values import plain_document
from leftopen.files.item import BATCH_BYTES, BATCH_ROWS, Batches, Fault, Item
from leftopen.files.rows import batched
from leftopen.files.stream import Stream

_LARGEST = 48 << 20  # bytes of a document; MongoDB itself allows 16 MiB and a little
_OPTIONS: CodecOptions[Mapping[str, Any]] = CodecOptions(
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)


def read(stream: Stream, item: Item) -> Batches:
    """Batches of documents; the first length that cannot be right ends the reading."""
    for documents in batched(_documents(stream, item), item, BATCH_ROWS, BATCH_BYTES):
        yield "", documents


def _documents(stream: Stream, item: Item) -> Iterator[tuple[dict[str, Any], int]]:
    at = number = 0
    while start := _exactly(stream, 4):
        number += 1
        length = struct.unpack("<i", start)[0] if len(start) == 4 else 0
        if not 5 <= length <= _LARGEST:
            raise Fault(f"byte {at:,}: no BSON document begins here; the rest was not read")
        data = start + _exactly(stream, length - 4)
        if len(data) < length:
            raise Fault(f"document {number:,} is cut off at the end of the file")
        try:
            yield plain_document(decode(data, _OPTIONS)), length
        except (BSONError, ValueError, OverflowError, RecursionError):
            item.fault(f"document {number:,} at byte {at:,} is no valid BSON; it was left out")
        at += length


def _exactly(stream: Stream, count: int) -> bytes:
    """So many bytes, or what is left."""
    pieces = []
    while count and (piece := stream.read(min(count, 1 << 20))):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
