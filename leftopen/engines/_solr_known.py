"""What a Solr node knows of its cores for nothing, and its streams.

    GET /solr/{core}/schema/uniquekey          the field that tells documents apart
    GET /solr/{core}/schema/fields/{field}     the type of a field
    GET /solr/{core}/schema/fieldtypes/{kind}  its class: of points or not
    GET /solr/{core}/admin/luke?numTerms=0     documents with a field, as the index notes them
    GET /solr/{core}/select?rows=0&fq=…        the number of hits of one range of a point field
    GET /solr/admin/cores?action=STATUS        documents and index version of each core, its uptime
    GET /solr/{core}/select?sort=_docid_ asc   with --deep: single fields of all documents

Each search has `timeAllowed`. A range does not go through the filter cache. A new document shows
after the next commit.

A stream goes by offset in the order of the index, which is no work to sort; but for each page the
server keeps a queue as long as its end, so that cores of more than 500,000 documents are not
streamed. (A cursor mark would hold the key of the last document: a person's, in a request, and in
the server's log.) Where somebody commits meanwhile, a document may be met twice or never.

Sources: solr.apache.org/guide (Schema API; Luke request handler; Common query parameters:
timeAllowed, cache; CoreAdmin API: STATUS; Pagination of results; Field types included with Solr).
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines._columns import only
from leftopen.engines._http import Asker, accepted, count_of, json_object, segment
from leftopen.engines._pages import smaller
from leftopen.engines._solr_wire import ALL, PATHS, STATUS, cores_of, found_in, is_field
from leftopen.errors import BudgetSpent, NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_DATE = "DatePointField"
_POINTS = ("LongPointField", "IntPointField", "DoublePointField", "FloatPointField")
_MOST_PATHS = 32
_DEFAULTS = "includeDynamic=true&showDefaults=true"
_OLDEST = timedelta(days=20 * 365)  # that a core may be up

_STREAMED = 500_000
_PAGE = 5_000
_MOST = 50_000
_PAGE_BYTES = 2 << 20
_SPENT = ("bytes", "seconds")


async def known(
    connection: Connection, collection: Collection, paths: Sequence[str]
) -> Mapping[str, Known]:
    """What is known of each of the paths."""
    asker, core = Asker(connection, PATHS), f"/solr/{segment(collection.name)}"
    fields = {path: path.removesuffix("[]") for path in paths}
    fields = {p: f for p, f in list(fields.items())[:_MOST_PATHS] if is_field(f)}
    told = json_object(await asker.get(f"{core}/schema/uniquekey"))
    unique = told.get("uniqueKey")
    asked = ",".join(dict.fromkeys(fields.values()))
    filled = _filled(await asker.get(f"{core}/admin/luke?numTerms=0&wt=json&fl={asked}"))
    found: dict[str, Known] = {}
    for path, field in fields.items():
        indexed = "[]" not in path and await _class(asker, core, field) is not None
        one = Known(unique=field == unique, filled=filled.get(field), indexed=indexed)
        if one != Known():
            found[path] = one
    return found


async def count_between(
    connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
) -> int | None:
    """Records with begin <= path < end; None where the path is no point field of such values."""
    asker, core = Asker(connection, PATHS), f"/solr/{segment(collection.name)}"
    kind = await _class(asker, core, path) if is_field(path) else None
    bounds = _bound(kind, begin), _bound(kind, end)
    if None in bounds:
        return None
    span = quote(f"{{!cache=false}}{path}:[{bounds[0]} TO {bounds[1]}}}", safe="")
    response = await asker.get(f"{core}/select?{ALL}&rows=0&fq={span}{_limited(connection)}")
    found_in(accepted(response))
    return _total(response)


async def marks(connection: Connection, collections: Sequence[Collection]) -> Mapping[str, Mark]:
    """The counters of all of them, in one request."""
    cores = cores_of(accepted(await Asker(connection, PATHS).get(STATUS)))
    if cores is None:
        raise NotThisProtocol("the list of cores is none")
    return {
        c.name: Mark(count_of(cores[c.name].get("numDocs")), count_of(cores[c.name].get("version")))
        for c in collections
        if c.name in cores
    }


async def since(connection: Connection) -> Since | None:
    """When the core that has been up for longest was started: with the node, as a rule."""
    told = json_object(await Asker(connection, PATHS).get(f"{STATUS}&indexInfo=false"))
    status = told.get("status")
    cores = status.values() if isinstance(status, dict) else ()
    ups = [count_of(core.get("uptime")) for core in cores if isinstance(core, dict)]
    believed = [timedelta(milliseconds=up) for up in ups if up is not None and up < 2**40]
    longest = max((up for up in believed if up < _OLDEST), default=None)
    now = datetime.now(UTC).replace(tzinfo=None)
    return None if longest is None else Since(now - longest, "started")


async def stream(
    connection: Connection, collection: Collection, paths: Sequence[str], limits: StoreLimits
) -> AsyncGenerator[pa.RecordBatch, None]:
    """See `leftopen.knowledge.StreamsFields`; nothing of a core that is too large."""
    fields = [field for path in paths if is_field(field := path.removesuffix("[]"))]
    if not fields or (collection.records or 0) > _STREAMED:
        return
    asker, start = Asker(connection, PATHS), connection.bytes_read
    search = f"/solr/{segment(collection.name)}/select?{ALL}&sort=_docid_%20asc"
    search += f"&fl={','.join(fields)}{_limited(connection)}"
    at, size = 0, _PAGE
    while at < _STREAMED:
        before, left = connection.bytes_read, connection.seconds_left
        try:
            response = accepted(await asker.get(f"{search}&start={at}&rows={size}"))
        except BudgetSpent as spent:
            if spent.code in _SPENT:
                return
            if size == 1:
                raise
            size = smaller(size)
            continue
        rows = found_in(response)[1][:size]
        total = _total(response)
        if total is None:
            raise ServerRefused("the server broke a search off", code="timed_out")
        if rows:
            yield only(sampling.documents(rows), paths)
        at += len(rows)
        got, took = connection.bytes_read - before, left - connection.seconds_left
        room = min(limits.bytes - (connection.bytes_read - start), connection.bytes_left)
        if not rows or at >= total or room < 2 * got or connection.seconds_left < 2 * took:
            return
        per_row = got // len(rows) + 1
        size = max(1, min(_MOST, _PAGE_BYTES // per_row, room // 2 // per_row))


def _limited(connection: Connection) -> str:
    """A search that the server answers with what it has before it counts as silent."""
    return f"&timeAllowed={max(1, round(connection.limits.silence * 600))}"


async def _class(asker: Asker, core: str, field: str) -> str | None:
    """The class of a field of points that is indexed and has one value a document; else None."""
    response = await asker.get(f"{core}/schema/fields/{segment(field)}?{_DEFAULTS}")
    told = json_object(response).get("field")
    if not isinstance(told, dict) or told.get("indexed") is not True or told.get("multiValued"):
        return None
    kind = told.get("type")
    if not isinstance(kind, str) or not is_field(kind):
        return None
    kinds = json_object(await asker.get(f"{core}/schema/fieldtypes/{segment(kind)}"))
    made = kinds.get("fieldType")
    name = str(made.get("class")) if isinstance(made, dict) else ""
    name = name.rpartition(".")[2]
    return name if name == _DATE or name in _POINTS else None


def _bound(kind: str | None, moment: Moment) -> str | None:
    """A moment as the field's class wants it; None where it cannot be one of its values."""
    if kind == _DATE:
        return f"{moment.isoformat(timespec='milliseconds')}Z" if type(moment) is datetime else None
    if kind is None or isinstance(moment, bool) or not isinstance(moment, int | float):
        return None
    if isinstance(moment, float) and not (kind[0] in "DF" and math.isfinite(moment)):
        return None
    return f"{moment:f}" if isinstance(moment, float) else str(moment)


def _total(response: Response) -> int | None:
    """How many hits there are; None where the time allowed ran out on the way."""
    told = json_object(response)
    header, found = told.get("responseHeader"), told.get("response")
    if not isinstance(header, dict) or header.get("partialResults") or not isinstance(found, dict):
        return None
    return count_of(found.get("numFound")) if found.get("numFoundExact", True) is True else None


def _filled(response: Response) -> Mapping[str, float]:
    """The part of the documents that has each field, where none was deleted that still counts."""
    told = json_object(response)
    index, fields = told.get("index"), told.get("fields")
    if not isinstance(index, dict) or not isinstance(fields, dict):
        return {}
    total = count_of(index.get("numDocs"))
    if not total or total != index.get("maxDoc"):
        return {}
    told_of = {name: field for name, field in fields.items() if isinstance(field, dict)}
    counts = {name: count_of(field.get("docs")) for name, field in told_of.items()}
    return {name: n / total for name, n in counts.items() if n is not None and n <= total}
