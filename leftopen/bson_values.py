"""BSON values as the plain Python types that `leftopen.sample` knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import bson
from bson.binary import UUID_SUBTYPE
from bson.datetime_ms import DatetimeMS

from leftopen.sample import MAX_DEPTH, MAX_ELEMENTS


def plain_document(doc: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    return {key: plain(value, depth + 1) for key, value in doc.items()}


def plain(value: Any, depth: int) -> Any:
    """A BSON value as the plain Python type that `leftopen.sample` knows.

    Exact types, for `sample` tells columns by them and BSON's are subclasses (Int64, Binary). Dates
    that Python cannot hold, MinKey and MaxKey become None; so does what nests deeper than a sample.
    """
    if isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            return None
        if isinstance(value, dict):
            return plain_document(value, depth)
        return [plain(inner, depth + 1) for inner in value[:MAX_ELEMENTS]]
    match value:
        case bson.Int64():
            return int(value)
        case bson.Binary():
            if value.subtype == UUID_SUBTYPE and len(value) == 16:
                return str(UUID(bytes=bytes(value)))
            return bytes(value)
        case bson.Code():
            return str.__str__(value)
        case bson.ObjectId():
            return str(value)
        case bson.Decimal128():
            return value.to_decimal()
        case bson.Regex():
            return value.pattern
        case bson.Timestamp():
            return value.as_datetime().replace(tzinfo=None)
        case bson.DBRef():
            return plain(dict(value.as_doc()), depth)
        case DatetimeMS() | bson.MinKey() | bson.MaxKey():
            return None
    return value
