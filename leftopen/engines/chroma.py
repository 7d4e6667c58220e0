"""Chroma: its REST API over HTTP/1.1, reads only.

The exchange of a probe, one request a line (servers before 0.5.16 know /api/v1 only):

    GET  …/collections?limit=1        gated; must be a JSON array of collections
    GET  …/collections/{random name}  must be answered with Chroma's own error for that very name
    POST …/collections/{id}/get       gated; the metadata of one record
    GET  …/version                    proves nothing

where … is /api/v2/tenants/default_tenant/databases/default_database. The heartbeat, the version and
the pre-flight checks answer even where tokens are asked for: they tell that it is Chroma, no more.

OPEN is a record, or a reply of no record, that parsed strictly. AUTH_REQUIRED is 401 or 403 to the
list from a peer whose heartbeat is Chroma's (`nanosecond heartbeat`), or that refuses in its words
(`AuthError`). Port 8000 is everybody's: a challenge there shows no Chroma. A list whose records are
refused is OPEN_PARTIAL. Since 1.0 Chroma has no log-in of its own; what guards it is a proxy.

`can_write` is unknown: the server says nothing about who may write. Without the default tenant it
is UNDETERMINED.

Sources: docs.trychroma.com (Chroma API: collections, get), the server's own /openapi.json (1.x),
cookbook.chromadb.dev/security (0.4 to 0.6: tokens and paths that ignore them).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._http import (
    Asker,
    Paths,
    accepted,
    closed,
    count_of,
    json_object,
    refused,
    segment,
)
from leftopen.engines._pages import Page, in_pages
from leftopen.engines._proofs import CANNED
from leftopen.errors import NotThisProtocol
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_DATABASES = "/api/v2/tenants/default_tenant/databases"
_DEFAULT = "default_database"
_V1 = "/api/v1"
_PATHS = Paths(
    f"GET {_DATABASES}",
    f"GET {_DATABASES}/{{database}}/collections",
    f"GET {_DATABASES}/{{database}}/collections/{{name}}",
    f"GET {_DATABASES}/{{database}}/collections/{{id}}/count",
    f"POST {_DATABASES}/{{database}}/collections/{{id}}/get",
    "GET /api/v2/heartbeat",
    "GET /api/v2/version",
    "GET /api/v1/collections",
    "GET /api/v1/collections/{name}",
    "GET /api/v1/collections/{id}/count",
    "POST /api/v1/collections/{id}/get",
    "GET /api/v1/heartbeat",
    "GET /api/v1/version",
)
_REFUSALS = ("AuthError", "AuthorizationError")
_MAX_DATABASES = 32
_ID = re.compile(r"[0-9a-fA-F-]{32,36}")  # a UUID
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,510}[A-Za-z0-9]")  # what a database may be called
# What a reply of records holds beside their ids: its name there, its name here, its type.
_FIELDS: tuple[tuple[str, str, type], ...] = (
    ("metadatas", "metadata", dict),
    ("documents", "document", str),
    ("uris", "uri", str),
    ("embeddings", "embedding", list),
)


@dataclass(frozen=True, slots=True)
class _Known:
    """A collection as the list gives it, and the path under which it is read."""

    name: str
    path: str


class Chroma:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "chroma"
    ports: tuple[int, ...] = (8000,)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "real"
    reads = (
        "names and counts of collections; metadata, documents and some vectors, at random places"
    )

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        base, api = f"{_DATABASES}/{_DEFAULT}", "/api/v2"
        listed = await asker.get(f"{base}/collections?limit=1")
        if _knows_no_v2(listed):
            base, api = _V1, _V1
            listed = await asker.get(f"{base}/collections?limit=1")
        if listed.status != 200:
            return await _closed(asker, listed)
        found = _collections(listed, base)
        if not await _names_what_is_missing(asker, base):
            return CANNED
        version = clean_version(_word(await asker.get(f"{api}/version")))
        if not found:
            reason = "its list of collections is answered without credentials; it is empty"
            return Proof(Verdict.OPEN, reason, version)
        read = await asker.post(f"{found[0].path}/get", {"limit": 1, "include": ["metadatas"]})
        if read.status != 200:
            proof = refused(read, "lists its collections, but a record")
            return Proof(proof.verdict, proof.reason, version)
        if _records(read, 1):
            return Proof(Verdict.OPEN, "a record was read without credentials", version)
        reason = "a read without credentials is answered; the collection that was read is empty"
        return Proof(Verdict.OPEN, reason, version)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The collections of all databases of the default tenant, the largest first.

        Those of other databases than the default one are named `database/collection`. Other
        tenants are not listed by any server. Raises ServerRefused, NotThisProtocol and NetError.
        """
        asker = Asker(connection, _PATHS)
        most = connection.limits.collections
        found: list[Collection] = []
        for database in await _databases(asker):
            base = _V1 if database is None else f"{_DATABASES}/{segment(database)}"
            listed = accepted(await asker.get(f"{base}/collections?limit={most - len(found)}"))
            for known in _collections(listed, base)[: most - len(found)]:
                records = count_of(_word(await asker.get(f"{known.path}/count")))
                own = database in (None, _DEFAULT)
                name = known.name if own else f"{database}/{known.name}"
                found.append(Collection(name, records, handle=known.path))
            if len(found) >= most:
                break
        return sorted(found, key=lambda collection: -(collection.records or 0))

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch a page: `id`, `document`, `uri` and what the metadata holds, as `metadata.…`.

        Pages are at random places of the collection. The first page comes with its vectors, in
        `embedding`. All pages together take about `limits.reply_bytes` at most. Raises
        ServerRefused, NotThisProtocol and NetError; BudgetSpent where one record is over the limit.
        """
        asker, path = Asker(connection, _PATHS), f"{collection.handle}/get"

        async def fetch(page: Page) -> Sequence[Mapping[str, Any]]:
            include = ["metadatas", "documents", "uris", *(["embeddings"] if page.vectors else [])]
            query = {"offset": page.start, "limit": page.count, "include": include}
            return _records(accepted(await asker.post(path, query)), page.count)

        total = collection.records
        async for batch in in_pages(connection, fetch, total, limits, reach=None, vectors=True):
            yield batch

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """The numbers of records, one request each."""
        asker = Asker(connection, _PATHS)
        found: dict[str, Mark] = {}
        for one in collections:
            counted = await asker.get(f"{one.handle}/count")
            if counted.status == 200:
                found[one.name] = Mark(count_of(_word(counted)))
        return found


ENGINE = Chroma()


def _knows_no_v2(response: Response) -> bool:
    """Whether the peer is of before /api/v2: the framework's own word for an unknown path."""
    return response.status == 404 and json_object(response) == {"detail": "Not Found"}


async def _closed(asker: Asker, response: Response) -> Proof:
    """The verdict on a list that was not given."""
    known = _error(response)[0] in (*_REFUSALS, "NotFoundError")
    if not known and response.status in (401, 403):
        known = await _beats(asker, "/api/v2/heartbeat") or await _beats(asker, f"{_V1}/heartbeat")
    if known and response.status == 404:
        reason = "is Chroma, but keeps nothing under its default tenant and database"
        return Proof(Verdict.UNDETERMINED, reason)
    return closed(response, known=known, own_port=False, what="Chroma")


async def _beats(asker: Asker, path: str) -> bool:
    """Whether the peer's heartbeat is Chroma's; it answers without a token."""
    response = await asker.get(path)
    return response.status == 200 and isinstance(
        json_object(response).get("nanosecond heartbeat"), int
    )


async def _names_what_is_missing(asker: Asker, base: str) -> bool:
    """Whether the peer says of a collection that cannot exist, by its random name, that it is not.

    404 since 1.0; 400 or 500 before.
    """
    token = f"leftopen-{secrets.token_hex(12)}"
    response = await asker.get(f"{base}/collections/{token}")
    kind, text = _error(response)
    return response.status in (400, 404, 500) and kind is not None and token in kind + text


def _error(response: Response) -> tuple[str | None, str]:
    """The class and the words of an error reply; the class is None where it is no such reply."""
    told = json_object(response)
    kind, text = told.get("error"), told.get("message", "")
    if response.status < 400 or not isinstance(kind, str):
        return None, ""
    return kind, text if isinstance(text, str) else ""


def _word(response: Response) -> object:
    """A reply that is one JSON word, or None."""
    try:
        return response.json() if response.status == 200 else None
    except NotThisProtocol:
        return None


def _collections(response: Response, base: str) -> list[_Known]:
    """The list of collections, parsed strictly. Raises NotThisProtocol."""
    told = response.json()
    found = []
    for line in told if isinstance(told, list) else [None]:
        key, name = (line.get("id"), line.get("name")) if isinstance(line, dict) else (None, None)
        if not isinstance(key, str) or not isinstance(name, str) or not _ID.fullmatch(key):
            raise NotThisProtocol("the list of collections is none")
        found.append(_Known(name, f"{base}/collections/{key}"))
    return found


async def _databases(asker: Asker) -> list[str | None]:
    """The databases of the default tenant; [None] stands for a server that knows /api/v1 only."""
    listed = await asker.get(_DATABASES)
    if _knows_no_v2(listed) or listed.status == 405:  # 405: 0.5 knows how to make one, not to list
        known = await asker.get(f"{_DATABASES}/{_DEFAULT}/collections?limit=1")
        return [None] if _knows_no_v2(known) else [_DEFAULT]
    told = listed.json() if listed.status == 200 else []
    if not isinstance(told, list):
        raise NotThisProtocol("the list of databases is none")
    names = [line.get("name") for line in told if isinstance(line, dict)]
    others = [name for name in names if isinstance(name, str) and _NAME.fullmatch(name)]
    others = [name for name in others if name != _DEFAULT]
    return [_DEFAULT, *others[: _MAX_DATABASES - 1]]


def _records(response: Response, most: int) -> list[dict[str, Any]]:
    """Up to `most` records of a reply, parsed strictly. Raises NotThisProtocol."""
    told = json_object(response)
    ids = told.get("ids")
    if not isinstance(ids, list) or not all(isinstance(key, str) for key in ids):
        raise NotThisProtocol("the reply holds no records")
    records: list[dict[str, Any]] = [{"id": key} for key in ids[:most]]
    for field, name, kind in _FIELDS:
        values = told.get(field)
        if values is None:
            continue
        if not isinstance(values, list) or len(values) != len(ids):
            raise NotThisProtocol("the reply holds no records")
        for record, value in zip(records, values, strict=False):
            if value is not None and not isinstance(value, kind):
                raise NotThisProtocol("the reply holds no records")
            record[name] = value
    return records
