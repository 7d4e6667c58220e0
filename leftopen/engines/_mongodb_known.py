"""What a MongoDB server knows of its collections for nothing: indexes, counters, its uptime.

    X      listIndexes      which fields are unique, and which an ordered index begins with
    X      count            with one range of an indexed field and that index as `hint`: the server
                            counts keys of the index and reads no document (COUNT_SCAN)
    X      count            without a query: the collection's own counter
    X      collStats        the same of the largest collections, and how often their tables were
                            written to (WiredTiger's calls), which tells updates too
    admin  serverStatus     how long the process has been up; its large sections are left out

A range is of dates, numbers, dates as text, or of ObjectIds with a time and nothing else in them.

Sources: mongodb.com/docs/manual/reference/command (listIndexes, count, collStats, serverStatus),
mongodb.com/docs/manual/reference/explain-results (COUNT_SCAN), mongodb.com/docs/manual/core
(index-unique, index-sparse, index-partial, index-multikey).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import bson

from leftopen.engine import Collection
from leftopen.engines._mongodb_wire import Handle, batch_of, figure, read
from leftopen.errors import ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.net.connection import Connection

_INDEXES = 64  # a collection has no more
_WATCHED = 16  # collections whose tables' own counters are read, some 30 KB each
_CALLS = ("insert calls", "update calls", "modify calls", "remove calls")
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_LONGEST = timedelta(days=20 * 365)  # that a process may have been up
_SECTIONS = (
    "asserts", "connections", "electionMetrics", "extra_info", "flowControl", "globalLock",
    "indexBuilds", "indexBulkBuilder", "indexStats", "locks", "logicalSessionRecordCache",
    "metrics", "network", "opLatencies", "opcounters", "opcountersRepl", "queryAnalyzers", "repl",
    "security", "shardingStatistics", "storageEngine", "tcmalloc", "transactions",
    "transportSecurity", "twoPhaseCommitCoordinator", "wiredTiger",
)  # fmt: skip


async def known(
    connection: Connection, handle: Handle, paths: Sequence[str]
) -> Mapping[str, Known]:
    """What the indexes tell of each of the paths; nothing of a view's."""
    if not handle.stored:
        return {}
    unique = await _look(connection, handle)
    ranged = handle.indexes or {}
    return {
        path: Known(unique=path in unique, indexed=path in ranged)
        for path in paths
        if path in unique or path in ranged
    }


async def count_between(
    connection: Connection, handle: Handle, path: str, begin: Moment, end: Moment
) -> int | None:
    """Records with begin <= path < end, by the keys of an index; None where there is none."""
    if not handle.stored:
        return None
    if handle.indexes is None:
        await _look(connection, handle)
    index = (handle.indexes or {}).get(path)
    span = _bound(path, begin), _bound(path, end)
    if index is None or None in span or type(span[0]) is not type(span[1]):
        return None
    query = {path: {"$gte": span[0], "$lt": span[1]}}
    command = {"count": handle.name, "query": query, "hint": index}
    return figure((await read(connection, handle.database, command)).get("n"))


async def marks(connection: Connection, collections: Sequence[Collection]) -> Mapping[str, Mark]:
    """The counters of stored collections, those of the largest first; of as many as half of the
    time that is left allows."""
    found: dict[str, Mark] = {}
    until = connection.seconds_left / 2
    for collection in sorted(collections, key=lambda c: -(c.records or 0)):
        handle: Handle = collection.handle
        if not handle.stored:
            continue
        if connection.seconds_left <= until:
            break
        try:
            found[collection.name] = await _mark(connection, handle, len(found) < _WATCHED)
        except ServerRefused:
            continue
    return found


async def since(connection: Connection) -> Since | None:
    """When the process was started, by its own count of milliseconds and our clock."""
    command = {"serverStatus": 1, **dict.fromkeys(_SECTIONS, 0)}
    told = await read(connection, "admin", command)
    milliseconds, seconds = figure(told.get("uptimeMillis")), figure(told.get("uptime"))
    if milliseconds is None:
        milliseconds = None if seconds is None else seconds * 1_000
    if milliseconds is None or milliseconds > _LONGEST / timedelta(milliseconds=1):
        return None
    now = datetime.now(UTC).replace(tzinfo=None)
    return Since(now - timedelta(milliseconds=milliseconds), "started")


async def _look(connection: Connection, handle: Handle) -> set[str]:
    """Notes the indexes that ranges may be counted by; returns the paths that are unique."""
    asked = {"listIndexes": handle.name, "cursor": {"batchSize": _INDEXES}}
    _, entries = batch_of(await read(connection, handle.database, asked), "firstBatch")
    unique: set[str] = set()
    ranged: dict[str, str] = {}
    for entry in entries[:_INDEXES]:
        fields, name = entry.get("key"), entry.get("name")
        if not isinstance(fields, dict) or not fields or not _covers_all(entry):
            continue
        path, way = next(iter(fields.items()))
        if isinstance(way, bool) or way not in (1, -1):  # hashed, text, 2dsphere
            continue
        if len(fields) == 1 and (entry.get("unique") is True or path == "_id"):
            unique.add(path)
        # Text is in another order under a collation; the planner may not use a hidden one.
        if isinstance(name, str) and not entry.get("collation") and not entry.get("hidden"):
            ranged.setdefault(path, name)
    handle.indexes = ranged
    return unique


def _covers_all(entry: Mapping[str, Any]) -> bool:
    """Whether an index has every document in it."""
    return not entry.get("sparse") and "partialFilterExpression" not in entry


def _bound(path: str, moment: Moment) -> datetime | int | float | str | bson.ObjectId | None:
    """A moment as BSON has it; None where it cannot say it. As an `_id`, text of 24 hexadecimal
    digits is an ObjectId."""
    if isinstance(moment, bool):
        return None
    if isinstance(moment, int):
        return bson.Int64(moment) if -(2**63) <= moment < 2**63 else None
    if isinstance(moment, float):
        return moment if math.isfinite(moment) else None
    if isinstance(moment, str) and path == "_id" and _OBJECT_ID.fullmatch(moment):
        return bson.ObjectId(moment)
    return moment


async def _mark(connection: Connection, handle: Handle, watched: bool) -> Mark:
    if not watched:
        told = await read(connection, handle.database, {"count": handle.name})
        return Mark(figure(told.get("n")))
    told = await read(connection, handle.database, {"collStats": handle.name})
    tiger = told.get("wiredTiger")
    cursor = tiger.get("cursor") if isinstance(tiger, dict) else None
    calls = [figure(cursor.get(name)) for name in _CALLS] if isinstance(cursor, dict) else []
    counted = [number for number in calls if number is not None]
    return Mark(figure(told.get("count")), sum(counted) if counted else None)
