"""Qdrant: its REST API over HTTP/1.1, reads only.

The exchange of a probe, one request a line:

    GET  /collections                 gated; must be Qdrant's envelope with a list of names
    GET  /collections/{random name}   must be answered 404 by Qdrant's error for that very name
    POST /collections/{name}/points/scroll    gated; the payload of one point, without its vector
    GET  /                            proves nothing: answers where a key is asked for, too

OPEN is a point, or a reply of no point, that parsed strictly. AUTH_REQUIRED is 401 or 403 to the
list in the words of Qdrant's gate ("Must provide an API key or an Authorization bearer token";
before 1.8 "Invalid api-key"), or from a peer whose `/` says that it is Qdrant. A list whose points
are refused is OPEN_PARTIAL.

`can_write` is unknown: the server says nothing about what a client without a key may write.

Samples are drawn at random (`{"sample": "random"}`, since 1.11); older servers give their first
points.

Sources: qdrant's OpenAPI document (docs/redoc/master/openapi.json in its repository);
qdrant.tech/documentation/guides/security, /concepts/collections, /concepts/points (Scroll),
/concepts/hybrid-queries (Random sampling).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._http import (
    Asker,
    Paths,
    accepted,
    at_own_port,
    closed,
    count_of,
    fits,
    json_object,
    refused,
    segment,
)
from leftopen.engines._pages import PAGE, WITH_VECTORS, fitting
from leftopen.engines._proofs import CANNED
from leftopen.errors import NotThisProtocol
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_PATHS = Paths(
    "GET /",
    "GET /collections",
    "GET /collections/{name}",
    "POST /collections/{name}/points/scroll",
    "POST /collections/{name}/points/query",
)
_GATE = ("Must provide an API key", "Invalid api-key", "Invalid API key", "Forbidden: ")
_PAGES = 64  # of one collection


class Qdrant:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "qdrant"
    ports: tuple[int, ...] = (6333,)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "scripted"
    reads = "names and counts of collections; payloads of points at random, some with their vectors"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        listed = await asker.get("/collections")
        if listed.status != 200:
            words = _error(listed) or listed.body[:64].decode("latin-1")
            known = words.startswith(_GATE)
            if not known and listed.status in (401, 403):
                known = (await _identity(asker))[0]
            own_port = at_own_port(connection, self.ports)
            return closed(listed, known=known, own_port=own_port, what="Qdrant")
        names = _names(listed)
        if not await _names_what_is_missing(asker):
            return CANNED
        _, version = await _identity(asker)
        if not names:
            reason = "its list of collections is answered without credentials; it is empty"
            return Proof(Verdict.OPEN, reason, version)
        query = {"limit": 1, "with_payload": True, "with_vector": False}
        read = await asker.post(f"/collections/{segment(names[0])}/points/scroll", query)
        if read.status != 200:
            proof = refused(read, "lists its collections, but a point")
            return Proof(proof.verdict, proof.reason, version)
        if _points(read, 1)[0]:
            return Proof(Verdict.OPEN, "a point was read without credentials", version)
        reason = "a read without credentials is answered; the collection that was read is empty"
        return Proof(Verdict.OPEN, reason, version)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """All collections with their number of points, the largest first.

        Left out: names that cannot stand in a path. Raises ServerRefused, NotThisProtocol and
        NetError.
        """
        asker = Asker(connection, _PATHS)
        names = _names(accepted(await asker.get("/collections")))
        found = []
        for name in names[: connection.limits.collections]:
            told = _result(await asker.get(f"/collections/{segment(name)}"))
            count = told.get("points_count") if isinstance(told, dict) else None
            found.append(Collection(name, count_of(count), handle=f"/collections/{segment(name)}"))
        return sorted(found, key=lambda collection: -(collection.records or 0))

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch a page: `id`, what the payload holds as `payload.…`, and in the first `vector`.

        Points are drawn at random from a collection that has more than `limits.rows`. All pages
        take about `limits.reply_bytes` together. Raises ServerRefused, NotThisProtocol and
        NetError; BudgetSpent where one point is over the limit.
        """
        asker, path = Asker(connection, _PATHS), str(collection.handle)
        drawn = collection.records is not None and collection.records > limits.rows
        until = connection.bytes_read + limits.reply_bytes
        seen: set[str] = set()
        offset: Any = None
        for _ in range(_PAGES):
            most = min(PAGE if seen else WITH_VECTORS, limits.rows - len(seen))
            if most <= 0 or connection.bytes_read >= until:
                return
            query: dict[str, Any] = {"with_payload": True, "with_vector": not seen}
            query |= {"query": {"sample": "random"}} if drawn else {"offset": offset}

            async def ask(count: int, query: Mapping[str, Any] = query) -> Response:
                where = f"{path}/points/query" if "query" in query else f"{path}/points/scroll"
                return await asker.post(where, {**query, "limit": count})

            response, count = await fitting(ask, most)
            if drawn and not seen and response.status in (400, 404, 422):
                drawn = False  # a server of before 1.11
                continue
            points, offset = _points(accepted(response), count)
            fresh = [point for point in points if repr(point["id"]) not in seen]
            seen.update(repr(point["id"]) for point in fresh)
            if fresh:
                yield sampling.documents(fresh)
            if not fresh or (not drawn and offset is None):
                return


ENGINE = Qdrant()


async def _identity(asker: Asker) -> tuple[bool, str | None]:
    """Whether `/` says that this is Qdrant, and the version it states."""
    told = json_object(await asker.get("/"))
    title = told.get("title")
    if not isinstance(title, str) or "qdrant" not in title.lower():
        return False, None
    return True, clean_version(told.get("version"))


async def _names_what_is_missing(asker: Asker) -> bool:
    """Whether the peer says of a collection that cannot exist, by its random name, that it is not:
    404 and an error of Qdrant's envelope."""
    token = f"leftopen-{secrets.token_hex(12)}"
    response = await asker.get(f"/collections/{token}")
    return response.status == 404 and token in _error(response)


def _error(response: Response) -> str:
    """The words of an error reply, "" where it is no error reply of Qdrant's envelope."""
    status = json_object(response).get("status")
    error = status.get("error") if isinstance(status, dict) else None
    return error if isinstance(error, str) else ""


def _result(response: Response) -> Any:
    """What Qdrant's envelope holds, None where it is none."""
    told = json_object(response)
    if response.status != 200 or told.get("status") != "ok":
        return None
    return told.get("result")


def _names(response: Response) -> list[str]:
    """The names of the list, parsed strictly; without those that cannot stand in a path.

    Raises NotThisProtocol.
    """
    told = _result(response)
    listed = told.get("collections") if isinstance(told, dict) else None
    found = []
    for line in listed if isinstance(listed, list) else [None]:
        name = line.get("name") if isinstance(line, dict) else None
        if not isinstance(name, str):
            raise NotThisProtocol("the list of collections is none")
        if fits(name):
            found.append(name)
    return found


def _points(response: Response, most: int) -> tuple[list[dict[str, Any]], Any]:
    """Up to `most` points of a reply, parsed strictly, and the id that the next ones begin with.

    Raises NotThisProtocol.
    """
    told = _result(response)
    points = told.get("points") if isinstance(told, dict) else None
    found: list[dict[str, Any]] = []
    for point in points if isinstance(points, list) else [None]:
        if not isinstance(point, dict) or not isinstance(point.get("id"), int | str):
            raise NotThisProtocol("the reply holds no points")
        payload, vector = point.get("payload"), point.get("vector")
        if not isinstance(payload, dict | None) or not isinstance(vector, list | dict | None):
            raise NotThisProtocol("the reply holds no points")
        kept = {"payload": payload, "vector": vector}
        found.append({"id": point["id"], **{k: v for k, v in kept.items() if v is not None}})
    after = told.get("next_page_offset") if isinstance(told, dict) else None
    return found[:most], after if isinstance(after, int | str) else None
