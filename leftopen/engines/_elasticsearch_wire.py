"""The requests that the elasticsearch engine may send, and the replies that are lists and hits.

A search may ask for everything, in any order, or count one range of times or numbers and how many
different values fields have; no other query leaves, so that nobody is looked up.

Sources: elastic.co/guide/en/elasticsearch/reference (Create index: names; cat indices; Search API;
Range query; Scroll).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from leftopen.engines._http import Asker, Paths, fits, json_object
from leftopen.errors import NotThisProtocol, RequestNotAllowed
from leftopen.net.connection import Connection
from leftopen.net.http import Response

CAT = "/_cat/indices"
CAT_STREAMS = "/_cat/indices/.ds-*"  # what lies behind data streams is hidden from the plain list
COLUMNS = "?format=json&bytes=b&h=health,status,index,docs.count,store.size"

# What the servers themselves allow in no index name, and all that has a meaning in a path.
_NOT_IN_NAMES = re.compile(r'[\s*"<>|:,]|\.\.|^[-_+]')
_MAX_NAME = 255  # bytes
_BACKING_INDEX = re.compile(r"\.ds-(.+?)(?:-\d{4}\.\d{2}\.\d{2})?-\d{6,}")


class _Requests(Paths):
    """The requests; an index is named by a name that a server could have given it."""

    def name(self, method: str, path: str) -> str:
        name = super().name(method, path)
        index = path.partition("?")[0].split("/")[1]
        if "{index}" in name and not is_index_name(unquote(index)):
            raise RequestNotAllowed("not a request that the elasticsearch engine may send")
        return name


def is_index_name(name: str) -> bool:
    """Whether a server could have an index of this name; others might break out of a path."""
    return fits(name) and len(name.encode()) <= _MAX_NAME and _NOT_IN_NAMES.search(name) is None


PATHS = _Requests(
    "GET /", f"GET {CAT}", f"GET {CAT_STREAMS}",
    "GET /_search", "GET /{index}/_search", "POST /{index}/_search", "POST /_search/scroll",
    "GET /{index}/_field_caps", "GET /_stats/indexing", "GET /_nodes/_local/jvm",
)  # fmt: skip

# What the body of a search may hold, and of a scroll.
_PARTS = {
    "from", "size", "timeout", "terminate_after", "query", "sort", "_source", "track_total_hits",
    "aggs",
}  # fmt: skip
_SCROLL_PARTS = {"scroll", "scroll_id"}
_BOUNDS = {"gte", "lt", "format"}
_COUNTED = {"cardinality", "filter"}  # and the only filter is that there is a value
_TIME = re.compile(r"\d[\dT:.,+ Z/-]{3,39}")  # a moment as text: digits and what parts them


class Searcher(Asker):
    """Requests of these paths; what is posted is held against a list of its own."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, PATHS)
        self.connection = connection

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | str,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """As of `Asker`; raises RequestNotAllowed for a query of anything but these."""
        if isinstance(body, str) or not _may_be_asked(path, body):
            raise RequestNotAllowed("not a search that the elasticsearch engine may send")
        return await super().post(path, body, headers)


def _may_be_asked(path: str, body: Mapping[str, Any]) -> bool:
    if path.partition("?")[0] == "/_search/scroll":
        return body.keys() == _SCROLL_PARTS
    if not body.keys() <= _PARTS or body.get("sort", ["_doc"]) != ["_doc"]:
        return False
    queries = [body.get("query", {"match_all": {}})]
    for agg in body.get("aggs", {}).values():
        if len(agg) != 1 or not agg.keys() <= _COUNTED:
            return False
        queries += [agg["filter"]] if "filter" in agg else []
    return all(_is_harmless(query) for query in queries)


def _is_harmless(query: Mapping[str, Any]) -> bool:
    """Whether a query is for everything, for whatever has a field, or for one range."""
    if len(query) != 1:
        return False
    ((kind, told),) = query.items()
    if kind == "function_score":
        return bool(told.get("query") == {"match_all": {}})
    if kind == "range" and len(told) == 1:
        ((_, span),) = told.items()
        bounds = [span.get("gte"), span.get("lt")]
        return span.keys() <= _BOUNDS and all(_is_moment(bound) for bound in bounds)
    return query == {"match_all": {}} or (kind == "exists" and set(told) == {"field"})


def _is_moment(value: object) -> bool:
    text = isinstance(value, str) and _TIME.fullmatch(value) is not None
    return text or type(value) in (int, float)


@dataclass(frozen=True, slots=True)
class Index:
    """A line of the list: `records` and `bytes` (of all copies) where the server tells them."""

    name: str
    readable: bool
    records: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Hits:
    """A search reply: its hits, and whether shards failed or time ran out on the way."""

    hits: tuple[Mapping[str, Any], ...]
    whole: bool


def indices_of(response: Response) -> list[Index]:
    """The list of indices, parsed strictly; names that no server can give are left out.

    Raises NotThisProtocol.
    """
    told = response.json()
    if not isinstance(told, list):
        raise NotThisProtocol("the list of indices is none")
    found = []
    for line in told:
        if not isinstance(line, dict) or not isinstance(line.get("index"), str):
            raise NotThisProtocol("the list of indices is none")
        if is_index_name(line["index"]):
            readable = line.get("status") != "close" and line.get("health") != "red"
            records, size = number_of(line.get("docs.count")), number_of(line.get("store.size"))
            found.append(Index(line["index"], readable, records, size))
    return found


def number_of(value: object) -> int | None:
    """A count as the list gives it: digits in a string, null where it is not known."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return None


def stream_name(index: str) -> str | None:
    """The data stream that an index is a part of, by its name, if it is of one."""
    backing = _BACKING_INDEX.fullmatch(index)
    return backing.group(1) if backing is not None else None


def streams_of(indices: Sequence[Index]) -> list[Index]:
    """Data streams, each the sum of the indices behind it."""
    found: dict[str, Index] = {}
    for part in indices:
        name = stream_name(part.name)
        if name is None or not part.readable or not is_index_name(name):
            continue
        if name.startswith("."):  # the system's
            continue
        before = found.get(name, Index(name, True, 0, 0))
        records = (before.records or 0) + (part.records or 0)
        found[name] = Index(name, True, records, (before.bytes or 0) + (part.bytes or 0))
    return list(found.values())


def hits_of(response: Response) -> Hits:
    """A search reply, parsed strictly. Raises NotThisProtocol."""
    told = json_object(response)
    outer, shards = told.get("hits"), told.get("_shards")
    hits = outer.get("hits") if isinstance(outer, dict) else None
    if not isinstance(hits, list) or not isinstance(shards, dict):
        raise NotThisProtocol("the search reply is none")
    for hit in hits:
        if not isinstance(hit, dict) or not isinstance(hit.get("_index"), str):
            raise NotThisProtocol("the search reply is none")
        if not isinstance(hit.get("_id"), str) or not isinstance(hit.get("_source", {}), dict):
            raise NotThisProtocol("the search reply is none")
    return Hits(tuple(hits), shards.get("failed") == 0 and told.get("timed_out") is False)
