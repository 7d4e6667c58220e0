"""OP_MSG over a Connection: one command out, one bounded and strictly read reply in.

`bson` decodes; a walk over the lengths before it bounds what a reply may hold. Of an error only its
number is kept. What a command may say beside its name is held against a list as well: no query but
a range of times or numbers ever leaves.

Sources: github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md, bsonspec.org.
"""

from __future__ import annotations

import re
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.errors import BSONError

from leftopen.errors import BudgetSpent, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.net.connection import Connection

_OP_MSG = 2013
_HEADER = struct.Struct("<iiii")  # messageLength, requestID, responseTo, opCode
_INT32 = struct.Struct("<i")
_BODY_START = 5  # flagBits and the kind byte of the one section
_MAX_MESSAGE = 48_000_000  # maxMessageSizeBytes of every server there is
_REQUIRED_FLAGS = 0xFFFF  # bits 0 to 15: a reader must refuse those it does not know
MAX_NESTING = 200  # BSONDepth::kDefaultMaxAllowableDepth
MAX_ELEMENTS = 300_000  # of one reply: bounds the memory that decoding takes

# What some commands may hold beside what all may; those not named here have nothing but their own.
_EVERY = {"maxTimeMS", "$readPreference"}
_PARTS = {
    "aggregate": {"pipeline", "allowDiskUse", "cursor"},
    "count": {"query", "hint"},
    "find": {"projection", "limit", "batchSize", "singleBatch"},
    "getMore": {"collection", "batchSize"},
    "killCursors": {"cursors"},
    "listIndexes": {"cursor"},
}
_TIME = re.compile(r"\d[\dT:.,+ Z/-]{3,39}")  # a moment as text: digits and what parts them
_OF_A_MOMENT = bytes(8)  # what an ObjectId that stands for a time has behind its seconds

_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    unicode_decode_error_handler="replace",
    uuid_representation=UuidRepresentation.UNSPECIFIED,  # else a UUID of wrong length is an error
    datetime_conversion=bson.DatetimeConversion.DATETIME_AUTO,
)


@dataclass(slots=True)
class Handle:
    """How to read a collection: `stored` is False for views, `document` the mean bytes of one.

    `indexes` are those that a range may be counted by, each path with an index's name; None as long
    as they were not asked for.
    """

    database: str
    name: str
    stored: bool
    document: float | None = None
    indexes: Mapping[str, str] | None = None


async def read(connection: Connection, database: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """A command that reads: the server gives up before we do, and a secondary answers itself."""
    patience = max(1, int(connection.limits.silence * 1000 * 2 / 3))
    preference = {"mode": "secondaryPreferred"}
    asked = {**command, "maxTimeMS": patience, "$readPreference": preference}
    return await ask(connection, database, asked)


def batch_of(reply: Mapping[str, Any], batch: str) -> tuple[int, list[dict[str, Any]]]:
    """The cursor's id (0 at its end) and its documents, strictly; raises NotThisProtocol."""
    cursor = reply.get("cursor")
    docs = cursor.get(batch) if isinstance(cursor, dict) else None
    number = cursor.get("id") if isinstance(cursor, dict) else None
    if not isinstance(docs, list) or not all(isinstance(doc, dict) for doc in docs):
        raise NotThisProtocol("the reply holds no batch of documents")
    if isinstance(number, bool) or not isinstance(number, int):
        raise NotThisProtocol("the reply's cursor has no id")
    return number, docs


async def ask(connection: Connection, database: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Send one command and return its reply with `ok: 1`; its name is the document's first key.

    Raises ServerRefused with the server's error code where `ok` is 0, NotThisProtocol where the
    reply is not an OP_MSG that answers this request, and RequestNotAllowed, before a byte leaves,
    for a command that is not on the list, a pipeline that is more than one `$sample`, or a query
    that is more than one range.
    """
    name = next(iter(command))
    _check_parts(name, command)
    number = 1 + secrets.randbelow(2**31 - 1)
    body = bytes(_BODY_START) + bson.encode({**command, "$db": database})
    await connection.send(name, _HEADER.pack(_HEADER.size + len(body), number, 0, _OP_MSG) + body)
    try:
        reply = await receive(connection, number)
    except BudgetSpent as spent:
        if spent.code == "reply_too_large":
            await connection.reopen()  # what was not read must not be taken for the next reply
        raise
    ok = reply.get("ok")
    if isinstance(ok, bool) or not isinstance(ok, int | float):
        raise NotThisProtocol("the reply has no outcome")
    if ok != 1:
        code = figure(reply.get("code"))
        # Codes have five digits at most; a longer number is no code, and codes are shown.
        told = "none" if code is None else str(code) if code < 100_000 else "other"
        raise ServerRefused("the server refused a command", code=told)
    return reply


def _check_parts(name: str, command: Mapping[str, Any]) -> None:
    allowed = _PARTS.get(name)
    if allowed is not None and not command.keys() <= {name, *allowed, *_EVERY}:
        raise RequestNotAllowed("a command with a part that is not on the list")
    if name == "aggregate" and [list(stage) for stage in command["pipeline"]] != [["$sample"]]:
        raise RequestNotAllowed("a pipeline of anything but one $sample is not allowed")
    if name == "killCursors" and list(map(type, command["cursors"])) != [bson.Int64]:
        raise RequestNotAllowed("more than the one cursor that was read is not given back")
    if name == "count" and "query" in command and not _is_range(command["query"]):
        raise RequestNotAllowed("a query of anything but one range is not allowed")


def _is_range(query: object) -> bool:
    """Whether a query is one path from a moment until before another, and nothing else."""
    if not isinstance(query, dict) or len(query) != 1:
        return False
    ((path, span),) = query.items()
    if not isinstance(path, str) or path.startswith("$") or not isinstance(span, dict):
        return False
    begin, end = span.get("$gte"), span.get("$lt")
    moments = type(begin) is type(end) and _is_moment(begin) and _is_moment(end)
    return moments and set(span) == {"$gte", "$lt"}


def _is_moment(value: object) -> bool:
    """Whether a value is a point in time in one of the forms in which times are stored."""
    if isinstance(value, str):
        return _TIME.fullmatch(value) is not None
    if isinstance(value, bson.ObjectId):
        return value.binary.endswith(_OF_A_MOMENT)
    return type(value) in (datetime, int, float, bson.Int64)


async def receive(connection: Connection, number: int) -> dict[str, Any]:
    """The document of the next message, which must answer request `number`."""
    length, _, answers, operation = _HEADER.unpack(await connection.read_exactly(_HEADER.size))
    if operation != _OP_MSG or answers != number:
        raise NotThisProtocol("the peer does not answer in MongoDB's protocol")
    if not _HEADER.size + _BODY_START + 5 <= length <= _MAX_MESSAGE:
        raise NotThisProtocol("the reply's length cannot be")
    message = await connection.read_exactly(length - _HEADER.size)
    # No checksum, no moreToCome: neither was asked for. One section, of kind 0 (a body).
    if _INT32.unpack_from(message)[0] & _REQUIRED_FLAGS or message[_BODY_START - 1] != 0:
        raise NotThisProtocol("the reply is of a form that was not asked for")
    return decoded(message[_BODY_START:])


def decoded(document: bytes) -> dict[str, Any]:
    """The document as bson's types; text that is not UTF-8 is mended, odd dates are kept apart."""
    check_bson(document)
    try:
        return bson.decode(document, _OPTIONS)
    except (BSONError, ValueError, TypeError, OverflowError, RecursionError):
        raise NotThisProtocol("the reply is not BSON") from None


def figure(value: object) -> int | None:
    """A count or size as the server tells it (an int32, int64 or double), if it can be one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 2**53 else None


# Bytes of a value after its name, by type; the others carry a length. Source: bsonspec.org, 1.1.
_FIXED = {
    0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16,
    0x7F: 0, 0xFF: 0,
}  # fmt: skip
_STRINGS = {0x02: 0, 0x0D: 0, 0x0E: 0, 0x0C: 12}  # and what follows the string (DBPointer: an id)


def check_bson(data: bytes) -> None:
    """Walk the lengths of a document, without recursion, before a decoder sees it.

    Raises NotThisProtocol where a length leaves its document or documents nest beyond
    MAX_NESTING, and BudgetSpent where there are more than MAX_ELEMENTS values.
    """
    ends = [_document_end(data, 0, len(data))]
    if ends[0] != len(data) - 1:
        raise NotThisProtocol("the reply's length is not its document's")
    at, elements = 4, 0
    while ends:
        end = ends[-1]
        if at == end:
            ends.pop()
            at += 1
            continue
        elements += 1
        if elements > MAX_ELEMENTS:
            raise BudgetSpent(code="reply_too_large")
        kind = data[at]
        at = _after_cstring(data, at + 1, end)
        if kind in _FIXED:
            at += _FIXED[kind]
        elif kind in _STRINGS:
            at = _after_counted(data, at, end) + _STRINGS[kind]
        elif kind == 0x05:
            at = _after_counted(data, at, end) + 1  # the subtype
        elif kind == 0x0B:
            at = _after_cstring(data, _after_cstring(data, at, end), end)
        elif kind in (0x03, 0x04, 0x0F):
            if kind == 0x0F:  # code with scope: its whole length, a string, a document
                at = _after_counted(data, at + 4, end)
            ends.append(_document_end(data, at, end))
            if len(ends) > MAX_NESTING:
                raise NotThisProtocol("the reply nests too deep")
            at += 4
            continue
        else:
            raise NotThisProtocol("the reply holds a type that BSON has not")
        if at > end:
            raise NotThisProtocol("a value of the reply leaves its document")


def _document_end(data: bytes, at: int, limit: int) -> int:
    """Where the closing zero of the document at `at` lies; it must end at or before `limit`."""
    if at + 5 <= limit:
        last = at + _INT32.unpack_from(data, at)[0] - 1
        if at + 4 <= last < limit and data[last] == 0:
            return int(last)
    raise NotThisProtocol("a document of the reply has a length that cannot be")


def _after_cstring(data: bytes, at: int, end: int) -> int:
    stop = data.find(0, at, end)
    if stop < 0:
        raise NotThisProtocol("a name of the reply has no end")
    return stop + 1


def _after_counted(data: bytes, at: int, end: int) -> int:
    """Behind a value that begins with its length; the caller checks that this is not past `end`."""
    if at + 4 > end:
        raise NotThisProtocol("a value of the reply leaves its document")
    length = _INT32.unpack_from(data, at)[0]
    if length < 0:
        raise NotThisProtocol("a value of the reply has a length that cannot be")
    return at + 4 + int(length)
