"""Elasticsearch and OpenSearch: their REST API over HTTP/1.1, reads only.

The exchange of a probe, one request a line:

    GET /                       who speaks, and its version; proves identity only
    GET /_cat/indices           gated; must be a JSON array of objects
    GET /{index}/_search        gated; one hit without its source, so no document leaves the server

A store without an index that holds documents is searched as a whole (GET /_search). OPEN is a
search reply that parsed strictly. AUTH_REQUIRED is 401 or 403 to `/` from a peer that shows what it
is: by an error body, realm or header of these products, or by giving X-Opaque-Id back. A 401 with a
challenge but no such sign counts on its usual ports only (a proxy that guards the server);
elsewhere it is any web server and NOT_THIS, as are HTML pages and redirects, which are never
followed. An open `/` with a closed list, or a list without a search, is OPEN_PARTIAL. Overload
(429, 5xx) and cluster blocks are UNDETERMINED.

So that canned answers are not taken for a server, it must give back something made up for it: the
X-Opaque-Id header, or, where a proxy takes that away, the random name of an index that cannot exist
(GET /{index}/_search answers 404 with that name).

What else is asked of an open store, and of it only, stands in `_elasticsearch_known`.

Indices whose names begin with a dot are the system's (its users and their passwords among them) and
are left out. `can_write` is unknown: nothing that is asked here tells it.

Parameters are those that servers since 2.0 know; unknown ones are refused since 5.0.

Sources: elastic.co/guide/en/elasticsearch/reference (Create index: names; cat indices; Search API;
Function score query; X-Opaque-Id; Security: anonymous access), docs.opensearch.org (the same, and
Security).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _elasticsearch_known
from leftopen.engines._elasticsearch_known import Noted
from leftopen.engines._elasticsearch_wire import (
    CAT,
    CAT_STREAMS,
    COLUMNS,
    PATHS,
    Index,
    Searcher,
    hits_of,
    indices_of,
    streams_of,
)
from leftopen.engines._http import Asker, accepted, at_own_port, closed, json_object, refused
from leftopen.engines._pages import smaller
from leftopen.engines._proofs import CANNED
from leftopen.errors import BudgetSpent, NotThisProtocol
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_ONE_HIT = "?size=1&terminate_after=1&_source=false"

_WINDOW = 10_000  # index.max_result_window: from + size of one search
_PAGE = 1_000  # documents
_PAGES = 64
_UNKNOWN_SIZE = 50  # documents in a first page where nothing is known of their size
_INFLATION = 8  # stored documents are compressed; JSON is this much larger at the most, mostly
_PER_SHARD = 50_000  # documents a search may look at in each shard


request_name = PATHS.name


class Elasticsearch:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "elasticsearch"
    ports: tuple[int, ...] = (9200, 9201, 9250)
    requests = PATHS.names
    speaks = Speaks.HTTP
    verified: Literal["real", "scripted"] = "real"
    reads = "names and sizes of indices; documents in random order, from the first of each shard"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Searcher(connection)
        token = f"leftopen-{secrets.token_hex(12)}"
        first = await asker.get("/", {"X-Opaque-Id": token})
        alive = first.headers.get("x-opaque-id") == token
        identity = _identity(first)
        if identity is None or first.status != 200:
            known = alive or identity is not None
            return _closed(first, known, at_own_port(connection, self.ports))
        product, version = identity
        verdict, reason = await _gated(asker)
        exposed = verdict in (Verdict.OPEN, Verdict.OPEN_PARTIAL)
        if exposed and not alive and not await _names_what_is_missing(asker, token):
            return CANNED
        return Proof(verdict, reason, version, product)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Indices that are open, and data streams by their own name; the largest first.

        Left out: closed indices and those whose name starts with a dot (the system's), as well as
        names that no server can give. Raises ServerRefused, NotThisProtocol and NetError.
        """
        asker = Searcher(connection)
        plain = indices_of(accepted(await asker.get(CAT + COLUMNS)))
        hidden = await asker.get(CAT_STREAMS + COLUMNS)  # unknown before 7.9
        streams = streams_of(indices_of(hidden)) if hidden.status == 200 else []
        found = [i for i in plain if i.readable and not i.name.startswith(".")] + streams
        found.sort(key=lambda index: -(index.records or 0))
        return [Collection(i.name, i.records, i.bytes, Noted()) for i in found]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch a page of documents, `_id` among their columns.

        The order is random: `random_score` over `_seq_no` with a fresh seed, paged with from/size.
        To score a document is to look at it, and of 10^8 that would be a full scan; so each shard
        ends its part after its first _PER_SHARD documents (`terminate_after`), and a larger shard
        is sampled from its older segments only. Servers that do not know this query (400; before
        6.0) give their first documents. Pages are sized by the bytes that documents were found to
        have; all of them together take at most `limits.reply_bytes`, however many rows are left.
        Raises ServerRefused, NotThisProtocol and NetError; BudgetSpent where one document alone is
        over the limit.
        """
        asker = Searcher(connection)
        path = f"/{quote(collection.name, safe='', errors='replace')}/_search"
        rows = min(limits.rows, _WINDOW)
        seed: int | None = secrets.randbelow(2**31)
        per_row, left = _expected_bytes(collection), limits.reply_bytes
        size = min(_fitting(left, per_row), rows)
        start, seen = 0, set[tuple[Any, Any]]()
        for _ in range(_PAGES):
            body = _page(seed, start, size, limits.silence)
            try:
                response = await asker.post(path, body)
            except BudgetSpent as spent:
                if spent.code != "reply_too_large" or size == 1:
                    raise
                size = smaller(size)
                continue
            if response.status == 400 and seed is not None:
                seed = None
                continue
            found = hits_of(accepted(response)).hits[:size]
            fresh = [hit for hit in found if (hit["_index"], hit["_id"]) not in seen]
            seen.update((hit["_index"], hit["_id"]) for hit in fresh)
            if fresh:
                yield sampling.documents(_document(hit) for hit in fresh)
            start += size
            left -= len(response.body)
            if len(found) < size or start >= rows or left <= 0:
                return
            per_row = len(response.body) // len(found) + 1
            size = min(_fitting(left, per_row), rows - start)

    async def known(
        self, connection: Connection, collection: Collection, paths: Sequence[str]
    ) -> Mapping[str, Known]:
        """By the mapping; distinct values by `cardinality` where the index is not too large."""
        return await _elasticsearch_known.known(connection, collection, paths)

    async def count_between(
        self, connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
    ) -> int | None:
        """Hits of a range of a date or number, none of which is sent."""
        return await _elasticsearch_known.count_between(connection, collection, path, begin, end)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """The counts of the list of indices, and all operations since their shards started."""
        return await _elasticsearch_known.marks(connection, collections)

    async def since(self, connection: Connection) -> Since | None:
        """When the JVM of the node was started."""
        return await _elasticsearch_known.since(connection)

    def stream(
        self,
        connection: Connection,
        collection: Collection,
        paths: Sequence[str],
        limits: StoreLimits,
    ) -> AsyncIterator[pa.RecordBatch]:
        """A scroll over these paths of the sources."""
        return _elasticsearch_known.stream(connection, collection, paths, limits)


ENGINE = Elasticsearch()


async def _gated(asker: Asker) -> tuple[Verdict, str]:
    """The verdict on a peer that has shown what it is, by what it lets anyone read."""
    index: Index | None = None
    try:
        listed = await asker.get(CAT + COLUMNS)
        if listed.status != 200:
            return _refused(listed, "shows its version, but the list of indices")
        index = _largest(indices_of(listed))
    except BudgetSpent as spent:
        if spent.code != "reply_too_large":  # too many indices to list for a verdict: search all
            raise
    path = "/_search" if index is None else f"/{quote(index.name, safe='')}/_search"
    response = await asker.get(path + _ONE_HIT)
    if response.status != 200:
        return _refused(response, "lists its indices, but a search")
    found = hits_of(response)
    if index is not None and any(hit["_index"] != index.name for hit in found.hits):
        raise NotThisProtocol("the search reply is none")
    if found.hits:
        return Verdict.OPEN, "a search without credentials found documents"
    if not found.whole:
        return Verdict.UNDETERMINED, "a search without credentials was broken off"
    if index is not None:
        return Verdict.OPEN_PARTIAL, "lists its indices, but a search gives none of their documents"
    return Verdict.OPEN, "a search without credentials is answered; the store is empty"


def _refused(response: Response, what: str) -> tuple[Verdict, str]:
    """The verdict on a gated read that was not answered."""
    if _error_type(response) == "cluster_block_exception":
        return Verdict.UNDETERMINED, f"{what} brought status {response.status}"
    proof = refused(response, what)
    return proof.verdict, proof.reason


async def _names_what_is_missing(asker: Asker, token: str) -> bool:
    """Whether the peer says of an index that cannot exist, by its random name, that it is not."""
    response = await asker.get(f"/{token}/_search?size=0")
    return response.status == 404 and token.encode() in response.body


def _closed(response: Response, known: bool, own_port: bool) -> Proof:
    """The verdict on a `/` that does not greet. `known`: X-Opaque-Id or a greeting came even so."""
    challenge = response.headers.get("www-authenticate", "").lower()
    product = _product_by_signs(response, challenge)
    known = known or product is not None or _error_type(response) is not None
    what = "Elasticsearch or OpenSearch"
    return closed(response, known=known, own_port=own_port, what=what, product=product)


def _product_by_signs(response: Response, challenge: str) -> str | None:
    """What the headers and texts of a closed server give away."""
    start = response.body[:256]
    if "opensearch" in challenge or b"OpenSearch Security" in start:
        return "OpenSearch"
    if "x-opensearch-version" in response.headers:
        return "OpenSearch"
    if 'realm="security"' in challenge or "x-elastic-product" in response.headers:
        return "Elasticsearch"
    if "open distro security" in challenge or "search guard" in challenge:
        return "Elasticsearch"
    if b"es:ESHttp" in start:  # the words of AWS's own gate
        return "OpenSearch"
    return None


def _identity(response: Response) -> tuple[str, str | None] | None:
    """Product and version as `/` states them, or None if it is no greeting of these products."""
    told = json_object(response)
    version, tagline = told.get("version"), told.get("tagline")
    if not isinstance(version, dict) or not isinstance(version.get("number"), str):
        return None
    if not isinstance(tagline, str) and not isinstance(told.get("cluster_name"), str):
        return None
    # OpenSearch may be told to state the version of an Elasticsearch; its tagline stays
    words = tagline if isinstance(tagline, str) else ""
    is_opensearch = version.get("distribution") == "opensearch" or "OpenSearch" in words
    product = "OpenSearch" if is_opensearch else "Elasticsearch"
    return product, clean_version(version["number"])


def _error_type(response: Response) -> str | None:
    """The class of an error reply, "" for the plain text of servers before 2.0; None if it is not
    an error reply of these products."""
    told = json_object(response)
    error = told.get("error")
    if told.get("status") != response.status:
        return None
    if isinstance(error, dict) and isinstance(error.get("type"), str):
        return str(error["type"])
    return "" if isinstance(error, str) else None


def _largest(indices: Sequence[Index]) -> Index | None:
    """The index to read for a verdict: holds documents, not the system's; the largest of them."""
    filled = [i for i in indices if i.readable and i.records and not i.name.startswith(".")]
    return max(filled, key=lambda index: index.records or 0, default=None)


def _document(hit: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its id, which may hold personal data too."""
    return {**hit.get("_source", {}), "_id": hit["_id"]}


def _page(seed: int | None, start: int, size: int, silence: float) -> dict[str, Any]:
    """A search for one page; without a seed in the server's own order.

    The server is asked to answer with what it has before the peer counts as silent.
    """
    everything: dict[str, Any] = {"match_all": {}}
    timeout = f"{max(1, round(silence * 600))}ms"
    body: dict[str, Any] = {"from": start, "size": size, "timeout": timeout, "query": everything}
    if seed is None:
        return body
    order = {"seed": seed, "field": "_seq_no"}
    scored = {"query": everything, "random_score": order, "boost_mode": "replace"}
    return body | {"terminate_after": _PER_SHARD, "query": {"function_score": scored}}


def _expected_bytes(collection: Collection) -> int | None:
    """Bytes of a reply for each document, by the collection's own figures; None if not known."""
    if not collection.records or not collection.bytes:
        return None
    return collection.bytes * _INFLATION // collection.records + 1


def _fitting(left: int, per_row: int | None) -> int:
    """How many documents to ask for when `left` bytes may still come: half of it, to be safe."""
    if per_row is None:
        return _UNKNOWN_SIZE
    return max(1, min(_PAGE, left // 2 // per_row))
