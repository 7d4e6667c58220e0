"""What an Elasticsearch or OpenSearch knows of its indices for little, and its streams.

    GET  /{index}/_field_caps    types of fields, and whether they are searchable and aggregatable
    POST /{index}/_search        size 0: `cardinality` and `filter` (`exists`) of fields, no hits
    POST /{index}/_search        size 0: the number of hits of one range of a date or number
    GET  /_cat/indices           records of each index; new ones show after its next refresh (1 s)
    GET  /_stats/indexing        operations on each index since its shards started, at once
    GET  /_nodes/_local/jvm      when the node's JVM was started
    POST /{index}/_search        ?scroll=20s: with --deep, single fields of all documents
    POST /_search/scroll         the next page of them

Every search has a `timeout`, after which the server gives up. Distinct values are asked for of
fields with doc values only (keywords, numbers, dates), never of text, whose terms a server would
have to load into its memory; and of at most 5 million documents, whose values one core reads in
about a second. HyperLogLog++ as these servers use it errs by 0.2 % with the 2^18 registers that a
precision threshold of 40,000 makes, and by less below that.

A scroll is these servers' own way to read everything: it writes nothing, and what a node holds for
it goes 20 seconds after its last page. (To end it sooner is a DELETE, and leftopen sends none.)

Sources: elastic.co/guide/en/elasticsearch/reference (Field capabilities; Cardinality aggregation;
Track total hits; Range query; cat indices; Index stats; Nodes info; Scroll; Source filtering;
Response filtering), docs.opensearch.org (the same).
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines._columns import only
from leftopen.engines._elasticsearch_wire import (
    CAT,
    CAT_STREAMS,
    COLUMNS,
    Index,
    Searcher,
    indices_of,
    stream_name,
    streams_of,
)
from leftopen.engines._http import accepted, count_of, json_object
from leftopen.engines._pages import smaller
from leftopen.errors import BudgetSpent, NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_DATES = frozenset({"date", "date_nanos"})
_NUMBERS = frozenset(
    {"long", "integer", "short", "byte", "double", "float", "half_float", "scaled_float"}
)
_RANGED = _DATES | _NUMBERS
_COUNTED = _RANGED | {"keyword", "constant_keyword", "boolean", "ip", "unsigned_long", "version"}
_NOT_IN_FIELDS = frozenset('*,"\\')  # would make a list or a pattern of a name
_MOST_PATHS = 64
_MOST_RECORDS = 5_000_000
_PRECISION = 40_000
_ERROR = 0.002
_STATS = "/_stats/indexing?filter_path=indices.*.primaries.indexing"
_JVM = "/_nodes/_local/jvm?filter_path=nodes.*.jvm.start_time_in_millis"
_OLDEST = timedelta(days=20 * 365)  # that a process may be

_SCROLL = "20s"
_PAGE = 5_000
_LONGEST_SCROLL_ID = 65_536
_SPENT = ("bytes", "seconds")


@dataclass(slots=True)
class Noted:
    """The type of each field of an index that was asked for, None where it cannot be used."""

    types: dict[str, str | None] = field(default_factory=dict)


async def known(
    connection: Connection, collection: Collection, paths: Sequence[str]
) -> Mapping[str, Known]:
    """What is known of each of the paths. A text field is taken by its subfield `keyword`."""
    asker, paths = Searcher(connection), list(paths)[:_MOST_PATHS]
    named = {path: path.replace("[]", "") for path in paths if path != "_id"}
    types = await _types(
        asker, collection, [n for name in named.values() for n in (name, f"{name}.keyword")]
    )
    counted: dict[str, str] = {}
    for path, name in named.items():
        for candidate in (name, f"{name}.keyword"):
            if types.get(candidate) in _COUNTED:
                counted.setdefault(path, candidate)
    small = collection.records is not None and collection.records <= _MOST_RECORDS
    numbers = await _numbers(asker, collection, list(counted.values())) if small else {}
    found = {"_id": Known(unique=True)} if "_id" in paths else {}
    for path, name in counted.items():
        distinct, filled = numbers.get(name, (None, None))
        error = None if distinct is None else _ERROR
        indexed = types[name] in _RANGED and "[]" not in path
        found[path] = Known(distinct=distinct, error=error, filled=filled, indexed=indexed)
    return found


async def count_between(
    connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
) -> int | None:
    """Records with begin <= path < end; None where the path is no searchable date or number.

    A number or a text is understood as the field's own format says.
    """
    asker = Searcher(connection)
    kind = (await _types(asker, collection, [path])).get(path)
    bounds = [_bound(begin), _bound(end)]
    if kind not in _RANGED or (kind in _NUMBERS and any(isinstance(b, str) for b in bounds)):
        return None
    span: dict[str, Any] = {"gte": bounds[0], "lt": bounds[1]}
    if isinstance(begin, datetime):
        span["format"] = "strict_date_optional_time"
    if None in bounds:
        return None
    told = await _searched(asker, collection, {"query": {"range": {path: span}}})
    return None if told is None else _total(told)


async def marks(connection: Connection, collections: Sequence[Collection]) -> Mapping[str, Mark]:
    """The counters of all of them, in three requests."""
    asker = Searcher(connection)
    listed: list[Index] = indices_of(accepted(await asker.get(CAT + COLUMNS)))
    hidden = await asker.get(CAT_STREAMS + COLUMNS)
    if hidden.status == 200:
        listed += streams_of(indices_of(hidden))
    records = {index.name: index.records for index in listed}
    stats = await asker.get(f"{_STATS}&expand_wildcards=open,hidden")
    if stats.status == 400:  # before 7.7
        stats = await asker.get(_STATS)
    changes = _operations(stats)
    return {
        c.name: Mark(records.get(c.name), changes.get(c.name))
        for c in collections
        if c.name in records
    }


async def since(connection: Connection) -> Since | None:
    """When the JVM of the node that answers was started."""
    told = json_object(accepted(await Searcher(connection).get(_JVM))).get("nodes")
    now = datetime.now(UTC).replace(tzinfo=None)
    for node in told.values() if isinstance(told, dict) else ():
        jvm = node.get("jvm") if isinstance(node, dict) else None
        started = count_of(jvm.get("start_time_in_millis")) if isinstance(jvm, dict) else None
        age = now.replace(tzinfo=UTC).timestamp() - (started or 0) / 1_000
        if -86_400 < age < _OLDEST.total_seconds():
            return Since(now - timedelta(seconds=max(0.0, age)), "started")
    return None


async def stream(
    connection: Connection, collection: Collection, paths: Sequence[str], limits: StoreLimits
) -> AsyncGenerator[pa.RecordBatch, None]:
    """See `leftopen.knowledge.StreamsFields`. Fields inside JSON texts are left out, for source
    filtering does not reach them. Raises ServerRefused where the server breaks it off."""
    asker, start = Searcher(connection), connection.bytes_read
    fields = [path.replace("[]", "") for path in paths if path != "_id"]
    # Without a score a hit that has none of the fields would be filtered away.
    kept = "_scroll_id,timed_out,_shards.failed,hits.hits._score,hits.hits._source"
    kept += ",hits.hits._id" if "_id" in paths else ""
    path = f"{_of(collection)}/_search?scroll={_SCROLL}&filter_path={kept}"
    size, body = _PAGE, _limited(connection) | {"sort": ["_doc"], "_source": fields or False}
    follow: dict[str, Any] | None = None
    while True:
        before, left = connection.bytes_read, connection.seconds_left
        try:
            if follow is None:
                response = await asker.post(path, body | {"size": size})
            else:
                response = await asker.post(f"/_search/scroll?filter_path={kept}", follow)
        except BudgetSpent as spent:
            if spent.code in _SPENT:
                return
            if follow is not None or size == 1:
                raise
            size = smaller(size)
            continue
        scroll_id, rows = _page(accepted(response))
        if rows:
            yield only(sampling.documents(rows), paths)
        got, took = connection.bytes_read - before, left - connection.seconds_left
        room = min(limits.bytes - (connection.bytes_read - start), connection.bytes_left)
        if len(rows) < size or room < 2 * got or connection.seconds_left < 2 * took:
            return
        follow = {"scroll": _SCROLL, "scroll_id": scroll_id}


def _of(collection: Collection) -> str:
    return f"/{quote(collection.name, safe='', errors='replace')}"


def _limited(connection: Connection) -> dict[str, Any]:
    """A search that the server answers with what it has before it counts as silent."""
    return {"timeout": f"{max(1, round(connection.limits.silence * 600))}ms"}


async def _types(
    asker: Searcher, collection: Collection, names: Sequence[str]
) -> Mapping[str, str | None]:
    """The type of each field that is searchable and aggregatable, and the same in all parts."""
    noted = collection.handle if isinstance(collection.handle, Noted) else Noted()
    missing = [
        name
        for name in dict.fromkeys(names)
        if name not in noted.types and name.isprintable() and not _NOT_IN_FIELDS & set(name)
    ]
    if missing:
        asked = ",".join(quote(name, safe="", errors="replace") for name in missing)
        told = json_object(
            accepted(await asker.get(f"{_of(collection)}/_field_caps?fields={asked}"))
        )
        fields = told.get("fields")
        if not isinstance(fields, dict):
            raise NotThisProtocol("the fields' types are none")
        noted.types |= {name: _type(fields.get(name)) for name in missing}
    return noted.types


def _type(caps: object) -> str | None:
    if not isinstance(caps, dict) or len(caps) != 1:
        return None
    ((kind, told),) = caps.items()
    usable = isinstance(told, dict) and told.get("searchable") is told.get("aggregatable") is True
    return str(kind) if usable else None


async def _numbers(
    asker: Searcher, collection: Collection, names: Sequence[str]
) -> Mapping[str, tuple[int | None, float | None]]:
    """Distinct values of each field, and the part of the records that has it."""
    aggs: dict[str, Any] = {}
    for number, name in enumerate(names):
        counted = {"field": name, "precision_threshold": _PRECISION}
        aggs[f"d{number}"] = {"cardinality": counted}
        aggs[f"f{number}"] = {"filter": {"exists": {"field": name}}}
    told = await _searched(asker, collection, {"aggs": aggs}) if aggs else None
    made, total = (told or {}).get("aggregations"), None if told is None else _total(told)
    if not isinstance(made, dict) or not total:
        return {}
    found: dict[str, tuple[int | None, float | None]] = {}
    for number, name in enumerate(names):
        distinct = _figure(made.get(f"d{number}"), "value")
        filled = _figure(made.get(f"f{number}"), "doc_count")
        # none at all: a field of nested documents, which a search of their parents does not see
        if distinct and filled and filled <= total:
            found[name] = (distinct, filled / total)
    return found


async def _searched(
    asker: Searcher, collection: Collection, body: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """The reply to a search without hits; None where the server gave up on the way."""
    whole = {"size": 0, "track_total_hits": True, **_limited(asker.connection), **body}
    told = json_object(accepted(await asker.post(f"{_of(collection)}/_search", whole)))
    shards = told.get("_shards")
    if not isinstance(shards, dict) or told.get("timed_out") is not False:
        return None
    return told if shards.get("failed") == 0 else None


def _total(told: Mapping[str, Any]) -> int | None:
    """How many hits there are: an object that says how exact, a plain number before 7.0."""
    hits = told.get("hits")
    total = hits.get("total") if isinstance(hits, dict) else None
    if isinstance(total, dict):
        return count_of(total.get("value")) if total.get("relation") == "eq" else None
    return count_of(total)


def _figure(told: object, name: str) -> int | None:
    return count_of(told.get(name)) if isinstance(told, dict) else None


def _bound(moment: Moment) -> str | int | float | None:
    if isinstance(moment, datetime):
        return moment.isoformat(timespec="milliseconds")
    if isinstance(moment, bool) or (isinstance(moment, float) and not math.isfinite(moment)):
        return None
    return moment


def _operations(response: Response) -> Mapping[str, int]:
    """Indexed and deleted documents of each index since its shards started; those of a data
    stream's parts together."""
    told = json_object(response).get("indices") if response.status == 200 else None
    found: dict[str, int] = {}
    for name, part in told.items() if isinstance(told, dict) else ():
        primaries = part.get("primaries") if isinstance(part, dict) else None
        indexing = primaries.get("indexing") if isinstance(primaries, dict) else None
        done = [_figure(indexing, total) for total in ("index_total", "delete_total")]
        if None not in done:
            of = stream_name(name) or name
            found[of] = found.get(of, 0) + sum(number or 0 for number in done)
    return found


def _page(response: Response) -> tuple[str, list[dict[str, Any]]]:
    """The id of a scroll and its documents; raises NotThisProtocol, and ServerRefused where the
    server has not looked everywhere."""
    told = json_object(response)
    shards, scroll_id, outer = told.get("_shards"), told.get("_scroll_id"), told.get("hits", {})
    hits = outer.get("hits", []) if isinstance(outer, dict) else None
    if not isinstance(scroll_id, str) or len(scroll_id) > _LONGEST_SCROLL_ID:
        raise NotThisProtocol("the page of a scroll is none")
    if not isinstance(hits, list) or not isinstance(shards, dict):
        raise NotThisProtocol("the page of a scroll is none")
    rows: list[dict[str, Any]] = []
    for hit in hits:
        source = hit.get("_source", {}) if isinstance(hit, dict) else None
        if not isinstance(source, dict):
            raise NotThisProtocol("the page of a scroll is none")
        rows.append({**source, **{k: hit[k] for k in ("_id",) if isinstance(hit.get(k), str)}})
    if shards.get("failed") != 0 or told.get("timed_out") is not False:
        raise ServerRefused("the server broke a scroll off", code="timed_out")
    return scroll_id, rows
