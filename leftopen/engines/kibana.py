"""Kibana and OpenSearch Dashboards: their REST API over HTTP/1.1, reads only.

The exchange of a probe, one request a line:

    GET /api/saved_objects/_find?type=index-pattern&per_page=1      gated; a page of saved objects
    GET /api/saved_objects/index-pattern/{random name}              must be answered 404, quoting it
    GET /api/status                                                 the version; proves nothing

Versions that do not give saved objects away any more (400 or 404 from a peer that shows what it is)
are asked for the same by /api/data_views and /api/data_views/data_view/{random name}.

OPEN is a page that parsed strictly. What stands behind it, Elasticsearch's or OpenSearch's data, is
as open then, but is never asked for: the console proxy is on no list of this engine. The products
are known by their headers (`kbn-name`, `kbn-version`, `kbn-license-sig`, `osd-name`,
`osd-version`). AUTH_REQUIRED is 401, or a redirect to a log-in page, from a peer with such a
header; a challenge without one counts on port 5601 only. Where saved objects are forbidden but the
spaces are listed (anonymous access with few rights), it is OPEN_PARTIAL. A peer that shows what it
is and leads elsewhere, or knows neither path, is UNDETERMINED.

Known for nothing: the uptime, on that page of its status.

`can_write` is unknown: what a client may write is told to the user interface alone.

Sources: elastic.co/guide/en/kibana/current (Find objects API, Get object API, Data views API,
Spaces API, Status, Authentication); docs.opensearch.org (Dashboards, Security).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._http import Asker, Paths, accepted, at_own_port, closed, json_object
from leftopen.engines._pages import Page, in_pages
from leftopen.engines._proofs import CANNED
from leftopen.engines._since import running
from leftopen.errors import BudgetSpent, NotThisProtocol
from leftopen.knowledge import Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_FIND = "/api/saved_objects/_find"
_VIEWS = "/api/data_views"
_PATHS = Paths(
    f"GET {_FIND}",
    "GET /api/saved_objects/index-pattern/{name}",
    f"GET {_VIEWS}",
    f"GET {_VIEWS}/data_view/{{name}}",
    "GET /api/spaces/space",
    "GET /api/status",
)
_KIBANA = ("kbn-name", "kbn-version", "kbn-license-sig", "kbn-xpack-sig")
_DASHBOARDS = ("osd-name", "osd-version")
# Saved objects that people fill in: names of indices, queries and the values they search for.
_TYPES = ("index-pattern", "search", "query", "dashboard", "visualization", "lens", "map", "url")
_WINDOW = 10_000  # objects that can be paged through


@dataclass(frozen=True, slots=True)
class _Found:
    """A page of saved objects, and how many there are in all."""

    total: int
    objects: tuple[Mapping[str, Any], ...]


class Kibana:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "kibana"
    ports: tuple[int, ...] = (5601,)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "scripted"
    reads = "saved objects (index patterns, searches, dashboards); never the data behind them"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        listed = await asker.get(f"{_FIND}?type=index-pattern&per_page=1&fields=title")
        product = _product(listed)
        one = "/api/saved_objects/index-pattern"
        found = 0
        if listed.status == 200:
            found = len(_objects(listed).objects)
        elif product is not None and listed.status in (400, 404):
            one = f"{_VIEWS}/data_view"
            listed = await asker.get(_VIEWS)
            found = len(_views(listed)) if listed.status == 200 else 0
        if listed.status != 200:
            return await _closed(asker, listed, product, at_own_port(connection, self.ports))
        if not await _names_what_is_missing(asker, one):
            return CANNED
        version, product = await _version(asker, product)
        reason = "saved objects were listed without credentials"
        if not found:
            reason = "a read without credentials is answered; it is empty of index patterns"
        return Proof(Verdict.OPEN, reason, version, product)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The kinds of saved objects that there are any of; kinds that a version does not know are
        left out. Raises ServerRefused, NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        first = await asker.get(f"{_FIND}?type={_TYPES[0]}&per_page=1&fields=title")
        if first.status in (400, 404):
            views = _views(accepted(await asker.get(_VIEWS)))
            return [Collection("data_view", len(views))] if views else []
        found = []
        for kind in _TYPES:
            listed = accepted(first) if kind == _TYPES[0] else None
            if listed is None:
                listed = await asker.get(f"{_FIND}?type={kind}&per_page=1&fields=title")
            total = _objects(listed).total if listed.status == 200 else 0
            if total:
                found.append(Collection(kind, total, handle=kind))
        return found[: connection.limits.collections]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch a page: `id` and what the object holds as `attributes.…`.

        Pages are drawn at random from the first _WINDOW objects; all of them take about
        `limits.reply_bytes` together. Raises ServerRefused, NotThisProtocol and NetError;
        BudgetSpent where one object is over the limit.
        """
        asker = Asker(connection, _PATHS)
        if collection.handle is None:
            views = _views(accepted(await asker.get(_VIEWS)))
            if views:
                yield sampling.documents(views[: limits.rows])
            return

        async def fetch(page: Page) -> Sequence[Mapping[str, Any]]:
            where = f"type={collection.handle}&per_page={page.size}&page={page.number}"
            return _objects(accepted(await asker.get(f"{_FIND}?{where}"))).objects[: page.count]

        total = collection.records or 0
        async for batch in in_pages(connection, fetch, total, limits, reach=_WINDOW):
            yield batch

    async def since(self, connection: Connection) -> Since | None:
        """The start of its process, by the uptime on the page of its status. Raises ServerRefused,
        NotThisProtocol and NetError."""
        told = json_object(accepted(await Asker(connection, _PATHS).get("/api/status")))
        metrics = told.get("metrics")
        process = metrics.get("process") if isinstance(metrics, dict) else None
        uptime = process.get("uptime_in_millis") if isinstance(process, dict) else None
        return running(uptime, per_second=1_000)


ENGINE = Kibana()


def _product(response: Response) -> str | None:
    """Which of the products the headers show, None where they show none."""
    if any(name in response.headers for name in _DASHBOARDS):
        return "OpenSearch Dashboards"
    return "Kibana" if any(name in response.headers for name in _KIBANA) else None


async def _closed(asker: Asker, response: Response, product: str | None, own_port: bool) -> Proof:
    """The verdict on a list that was not given."""
    if product is not None and response.status == 403:
        spaces = await asker.get("/api/spaces/space")
        if spaces.status == 200 and _spaces(spaces):
            reason = "lists its spaces, but saved objects are refused (403)"
            return Proof(Verdict.OPEN_PARTIAL, reason, product=product)
    if product is not None and response.status in (302, 303, 307):
        if "login" in response.headers.get("location", "").lower():
            return Proof(Verdict.AUTH_REQUIRED, "leads to its log-in page", product=product)
        return Proof(Verdict.UNDETERMINED, "leads elsewhere; not followed", product=product)
    if product is not None and response.status in (400, 404):
        reason = "shows what it is, but does not list under this path"
        return Proof(Verdict.UNDETERMINED, reason, product=product)
    known = product is not None
    return closed(response, known=known, own_port=own_port, what="Kibana", product=product)


async def _names_what_is_missing(asker: Asker, path: str) -> bool:
    """Whether the peer says of an object that cannot exist, by its random name, that it is not."""
    token = f"leftopen-{secrets.token_hex(12)}"
    response = await asker.get(f"{path}/{token}")
    told = json_object(response)
    words = told.get("message")
    whole = told.get("statusCode") == response.status == 404
    return whole and isinstance(words, str) and token in words


async def _version(asker: Asker, product: str | None) -> tuple[str | None, str | None]:
    """Version and product as the status page states them; it may be closed or redacted."""
    try:
        response = await asker.get("/api/status")
    except BudgetSpent as spent:
        if spent.code != "reply_too_large":
            raise
        return None, product
    version = json_object(response).get("version") if response.status == 200 else None
    number = version.get("number") if isinstance(version, dict) else None
    return clean_version(number), product or _product(response)


def _objects(response: Response) -> _Found:
    """A page of saved objects, parsed strictly. Raises NotThisProtocol."""
    told = json_object(response)
    total, listed = told.get("total"), told.get("saved_objects")
    if not isinstance(total, int) or isinstance(total, bool) or not 0 <= total < 2**63:
        raise NotThisProtocol("the page of saved objects is none")
    found: list[Mapping[str, Any]] = []
    for line in listed if isinstance(listed, list) else [None]:
        known = line if isinstance(line, dict) else {}
        key, held = known.get("id"), known.get("attributes")
        if not isinstance(key, str) or not isinstance(held, dict):
            raise NotThisProtocol("the page of saved objects is none")
        found.append({"id": key, "attributes": held})
    return _Found(total, tuple(found))


def _views(response: Response) -> list[Mapping[str, Any]]:
    """The list of data views, parsed strictly. Raises NotThisProtocol."""
    listed = json_object(response).get("data_view")
    found: list[Mapping[str, Any]] = []
    for line in listed if isinstance(listed, list) else [None]:
        known = line if isinstance(line, dict) else {}
        if not isinstance(known.get("id"), str) or not isinstance(known.get("title"), str):
            raise NotThisProtocol("the list of data views is none")
        found.append(known)
    return found


def _spaces(response: Response) -> bool:
    """Whether a reply is the list of spaces; there is always one, of the id `default`."""
    try:
        told = response.json()
    except NotThisProtocol:
        return False
    listed = told if isinstance(told, list) else []
    return bool(listed) and all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in listed
    )
