"""Weaviate: its REST API over HTTP/1.1, reads only.

The exchange of a probe, one request a line:

    GET /v1/objects?limit=1         gated; one object of any collection
    GET /v1/objects/{random word}   must be refused by Weaviate's own check of an id (422, code 601,
                                    "id in path must be of type uuid"), which quotes that very word
    GET /v1/schema                  only where the object was not given: is at least the list?

OPEN is an object, or a reply of no object, that parsed strictly. AUTH_REQUIRED is 401 to the read
in Weaviate's words ("anonymous access not enabled"). Where anonymous clients are let in but may not
read objects (403 from its admin list or its roles), an answered schema makes it OPEN_PARTIAL, a
refused one ACL_CLOSED. /v1/.well-known and /v1/meta prove nothing and are not asked for. Port 8080
is everybody's: a challenge there shows no Weaviate. Another refusal is UNDETERMINED.

`can_write` is unknown: the server says nothing about what an anonymous client may write.

Samples begin at random ids, for lists are in order of ids, which are random themselves.

Sources: weaviate's OpenAPI document (openapi-specs/schema.json in its repository: objects, schema,
nodes, tenants); docs.weaviate.io (Authentication, Authorization, Objects: `after`, Multi-tenancy).
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks
from leftopen.engines._http import Asker, Paths, accepted, closed, count_of, json_object, refused
from leftopen.engines._pages import PAGE, WITH_VECTORS, fitting
from leftopen.engines._proofs import CANNED
from leftopen.errors import NotThisProtocol
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_PATHS = Paths(
    "GET /v1/objects",
    "GET /v1/objects/{id}",
    "GET /v1/schema",
    "GET /v1/schema/{name}/tenants",
    "GET /v1/nodes",
)
_CLASS = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")  # what a collection may be called
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ID = re.compile(r"[0-9a-fA-F-]{32,36}")  # a UUID
_KEPT: Mapping[str, type] = {"properties": dict, "vector": list, "vectors": dict}  # of an object
_TENANTS = 8  # of one collection; each has objects of its own
_PAGES = 64  # of one collection
_IDS = 2**128


@dataclass(frozen=True, slots=True)
class _Class:
    """A collection of the schema; `tenants` tells whether its objects are kept by tenant."""

    name: str
    tenants: bool


class Weaviate:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "weaviate"
    ports: tuple[int, ...] = (8080,)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "scripted"
    reads = "names and counts of collections; objects from random ids on, some with their vectors"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        read = await asker.get("/v1/objects?limit=1")
        if read.status != 200 and not _is_error(read):
            return closed(read, known=False, own_port=False, what="Weaviate")
        if read.status == 401:
            return closed(read, known=True, own_port=False, what="Weaviate")
        found = _objects(read) if read.status == 200 else []
        if not await _quotes_what_is_no_id(asker):
            return CANNED
        if found:
            return Proof(Verdict.OPEN, "an object was read without credentials")
        if read.status == 200:
            return Proof(Verdict.OPEN, "a read without credentials is answered; it is empty")
        listed = await asker.get("/v1/schema")
        if listed.status == 200:
            _classes(listed)
            return refused(read, "lists its collections, but an object")
        if listed.status == 403 and read.status == 403:
            return Proof(Verdict.ACL_CLOSED, "lets anonymous clients in, but they may read nothing")
        return Proof(Verdict.UNDETERMINED, f"a read brought status {read.status}")

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """All collections, those kept by tenant as `Collection/tenant`; the largest first.

        Of one collection at most _TENANTS tenants. Raises ServerRefused, NotThisProtocol and
        NetError.
        """
        asker = Asker(connection, _PATHS)
        classes = _classes(accepted(await asker.get("/v1/schema")))
        counts = _counts(await asker.get("/v1/nodes?output=verbose"))
        found: list[Collection] = []
        for known in classes[: connection.limits.collections]:
            tenants: list[str | None] = [None]
            if known.tenants:
                told = await asker.get(f"/v1/schema/{known.name}/tenants?limit={_TENANTS}")
                tenants = [*_tenants(told)]
            for tenant in tenants:
                # without tenants all shards are the collection; with them each tenant is a shard
                records = counts.get((known.name, tenant))
                name = known.name if tenant is None else f"{known.name}/{tenant}"
                query = f"class={known.name}" + (f"&tenant={tenant}" if tenant else "")
                found.append(Collection(name, records, handle=query))
        found.sort(key=lambda collection: -(collection.records or 0))
        return found[: connection.limits.collections]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch a page: `id`, what the object holds as `properties.…`, and in the first its
        `vector` or `vectors.…`.

        A collection of more than `limits.rows` objects is read from a random id on in each of as
        many parts as there are pages. All pages take about `limits.reply_bytes` together. Raises
        ServerRefused, NotThisProtocol and NetError; BudgetSpent where one object is over the limit.
        """
        asker, query = Asker(connection, _PATHS), str(collection.handle)
        drawn = collection.records is not None and collection.records > limits.rows
        parts = min(_PAGES, -(-limits.rows // PAGE) + 1)
        until = connection.bytes_read + limits.reply_bytes
        seen: set[str] = set()
        after = ""
        for number in range(_PAGES):
            most = min(PAGE if seen else WITH_VECTORS, limits.rows - len(seen))
            if most <= 0 or connection.bytes_read >= until:
                return
            if drawn:
                after = _random_id(number % parts, parts)
            wanted = f"/v1/objects?{query}" + (f"&after={after}" if after else "")
            wanted += "" if seen else "&include=vector"

            async def ask(count: int, wanted: str = wanted) -> Response:
                return accepted(await asker.get(f"{wanted}&limit={count}"))

            response, count = await fitting(ask, most)
            objects = _objects(response)[:count]
            fresh = [found for found in objects if found["id"] not in seen]
            seen.update(found["id"] for found in fresh)
            if fresh:
                yield sampling.documents(fresh)
            if not drawn and not fresh:
                return
            after = objects[-1]["id"] if objects else after


ENGINE = Weaviate()


def _random_id(part: int, parts: int) -> str:
    """A random UUID of one of as many equal parts of all."""
    first, last = _IDS * part // parts, _IDS * (part + 1) // parts
    return str(uuid.UUID(int=first + secrets.randbelow(last - first)))


async def _quotes_what_is_no_id(asker: Asker) -> bool:
    """Whether the peer refuses a random word as an id, quoting it, with the code of that check."""
    token = f"leftopen-{secrets.token_hex(12)}"
    response = await asker.get(f"/v1/objects/{token}")
    told = json_object(response)
    code, words = told.get("code"), told.get("message")
    checked = isinstance(code, int) and 600 <= code < 700
    return response.status == 422 and checked and isinstance(words, str) and token in words


def _is_error(response: Response) -> bool:
    """Whether it is an error reply of Weaviate: its own list of messages, or its gate's words."""
    told = json_object(response)
    errors, words = told.get("error"), told.get("message")
    if isinstance(errors, list):
        return bool(errors) and all(
            isinstance(one, dict) and isinstance(one.get("message"), str) for one in errors
        )
    gate = told.get("code") == response.status == 401 and isinstance(words, str)
    return gate and any(part in str(words) for part in ("anonymous access", "oidc auth", "api key"))


def _objects(response: Response) -> list[dict[str, Any]]:
    """The objects of a reply, parsed strictly. Raises NotThisProtocol."""
    told = json_object(response)
    listed = told.get("objects")
    if listed is None and told.get("totalResults") == 0:
        return []
    found: list[dict[str, Any]] = []
    for line in listed if isinstance(listed, list) and "totalResults" in told else [None]:
        if not isinstance(line, dict) or not isinstance(line.get("class"), str):
            raise NotThisProtocol("the reply holds no objects")
        kept = {name: line[name] for name in _KEPT if line.get(name) is not None}
        whole = all(isinstance(value, _KEPT[name]) for name, value in kept.items())
        if not isinstance(line.get("id"), str) or not whole or not _ID.fullmatch(line["id"]):
            raise NotThisProtocol("the reply holds no objects")
        found.append({"id": line["id"], **kept})
    return found


def _classes(response: Response) -> list[_Class]:
    """The collections of the schema, parsed strictly. Raises NotThisProtocol."""
    listed = json_object(response).get("classes")
    found = []
    for line in listed if isinstance(listed, list) else [None]:
        name = line.get("class") if isinstance(line, dict) else None
        if not isinstance(line, dict) or not isinstance(name, str) or not _CLASS.fullmatch(name):
            raise NotThisProtocol("the schema is none")
        tenancy = line.get("multiTenancyConfig")
        found.append(_Class(name, isinstance(tenancy, dict) and tenancy.get("enabled") is True))
    return found


def _tenants(response: Response) -> list[str]:
    """The names of active tenants; none where the server does not tell. Reading from an inactive
    tenant could wake it."""
    try:
        told = response.json() if response.status == 200 else []
    except NotThisProtocol:
        return []
    lines = [line for line in told if isinstance(line, dict)] if isinstance(told, list) else []
    active = [line for line in lines if line.get("activityStatus") in (None, "HOT", "ACTIVE")]
    names = [line.get("name") for line in active]
    return [n for n in names if isinstance(n, str) and _TENANT.fullmatch(n)][:_TENANTS]


def _counts(response: Response) -> Mapping[tuple[str, str | None], int]:
    """Objects by collection and tenant (None: all), from the shards of all nodes where the server
    tells of them. A shard that several nodes keep counts once."""
    nodes = json_object(response).get("nodes") if response.status == 200 else None
    shards: dict[tuple[str, str], int] = {}
    for node in nodes if isinstance(nodes, list) else []:
        listed = node.get("shards") if isinstance(node, dict) else None
        for shard in listed if isinstance(listed, list) else []:
            told = shard if isinstance(shard, dict) else {}
            name, part = told.get("class"), told.get("name")
            objects = count_of(told.get("objectCount"))
            if isinstance(name, str) and isinstance(part, str) and objects is not None:
                shards[name, part] = max(objects, shards.get((name, part), 0))
    counts: dict[tuple[str, str | None], int] = {}
    for (name, part), most in shards.items():
        counts[name, part] = most
        counts[name, None] = counts.get((name, None), 0) + most
    return counts
