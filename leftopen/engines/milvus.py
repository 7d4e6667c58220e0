"""Milvus: its RESTful API v2 over HTTP/1.1, reads only. All of that API is POST.

The exchange of a probe, one request a line:

    POST /v2/vectordb/collections/list       gated; must be {"code": 0, "data": [names]}
    POST /v2/vectordb/collections/describe   of a random name: must be refused with it, by code 100
    POST /v2/vectordb/collections/describe   of one that exists: its key, and whether it is loaded
    POST /v2/vectordb/entities/query         gated; the key of one entity

OPEN is an entity, or a reply of none, that parsed strictly. AUTH_REQUIRED is code 1800 or 1400
(or 65535, if it speaks of authentication) in Milvus's envelope. A collection can only be read once
it is loaded into the server's memory, which leftopen does not ask for: where none of the first few
is, the list alone makes it OPEN_PARTIAL. The health of port 9091 proves nothing and is not asked
for. gRPC is spoken on the same port; servers of before 2.3, which know nothing else, are not
recognised. Where a read ends with another error it is UNDETERMINED.

`can_write` is unknown: the server does not say what a client without credentials may write.

Samples come from random places within the first 16,384 entities, as far as servers let a query
skip.

Sources: milvus.io/api-reference/restful/v2.4.x (Collection, Database, Vector: Query),
milvus.io/docs/authenticate.md, the error codes of pkg/util/merr/errors.go in its repository.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks
from leftopen.engines._http import Asker, Paths, at_own_port, closed, count_of, json_object
from leftopen.engines._pages import Page, in_pages
from leftopen.engines._proofs import CANNED
from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_V2 = "/v2/vectordb"
_PATHS = Paths(
    f"POST {_V2}/databases/list",
    f"POST {_V2}/collections/list",
    f"POST {_V2}/collections/describe",
    f"POST {_V2}/collections/get_stats",
    f"POST {_V2}/entities/query",
)
_GOOD = (0, 200)  # 200 in 2.3
_NOT_FOUND = (4, 100)
_NOT_LOADED = (101, 103)
_NO_CREDENTIALS = (1400, 1800)
_NOT_ALLOWED = (1401,)
_UNEXPECTED = 65535  # any error that has no number of its own
_WORDS = re.compile(r"auth|permission|credential", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")  # of databases, collections and fields
_TRIED = 3  # collections of a verdict
_DATABASES = 32
_REACH = 16_384  # offset and limit of one query together


@dataclass(frozen=True, slots=True)
class _Form:
    """What describes a collection: what to ask for all of it, and its fields without vectors."""

    database: str | None
    name: str
    key: str
    everything: str
    fields: tuple[str, ...]

    def query(self, fields: Sequence[str], start: int = 0) -> dict[str, Any]:
        """A query for entities from number `start` on."""
        return {
            **_where(self.database, self.name),
            "filter": self.everything,
            "outputFields": list(fields),
            "offset": start,
        }


class Milvus:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "milvus"
    ports: tuple[int, ...] = (19530,)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "scripted"
    reads = "names and counts of collections; entities of loaded ones, some with their vectors"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        listed = await asker.post(f"{_V2}/collections/list", {})
        code = _code(listed)
        if code not in _GOOD or listed.status != 200:
            return _closed(listed, at_own_port(connection, self.ports))
        names = _names(listed)
        if not await _names_what_is_missing(asker):
            return CANNED
        if not names:
            reason = "its list of collections is answered without credentials; it is empty"
            return Proof(Verdict.OPEN, reason)
        refusals: set[int | None] = set()
        for name in names[:_TRIED]:
            described = await asker.post(f"{_V2}/collections/describe", _where(None, name))
            read = described
            if _code(described) in _GOOD:
                form = _form(described, None, name)
                query = {**form.query([form.key]), "limit": 1}
                read = await asker.post(f"{_V2}/entities/query", query)
            if _code(read) not in _GOOD:
                refusals.add(_code(read))
                continue
            if _entities(read, 1):
                return Proof(Verdict.OPEN, "an entity was read without credentials")
            reason = "a read without credentials is answered; the collection that was read is empty"
            return Proof(Verdict.OPEN, reason)
        if refusals <= {*_NOT_LOADED}:
            reason = "lists its collections, but those tried are not loaded and cannot be read"
            return Proof(Verdict.OPEN_PARTIAL, reason)
        if refusals <= {*_NOT_LOADED, *_NO_CREDENTIALS, *_NOT_ALLOWED}:
            return Proof(Verdict.OPEN_PARTIAL, "lists its collections, but an entity is refused")
        return Proof(Verdict.UNDETERMINED, "lists its collections, but a read brought an error")

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The collections of all databases, loaded or not; the largest first.

        Those of other databases than the default one are named `database/collection`. One that
        cannot be described is listed and not read. Raises ServerRefused, NotThisProtocol and
        NetError.
        """
        asker = Asker(connection, _PATHS)
        most = connection.limits.collections
        found: list[Collection] = []
        for database in await _databases(asker):
            body = {} if database is None else {"dbName": database}
            for name in _names(_good(await asker.post(f"{_V2}/collections/list", body))):
                if len(found) >= most:
                    break
                where = _where(database, name)
                described = await asker.post(f"{_V2}/collections/describe", where)
                form = _form(described, database, name) if _code(described) in _GOOD else None
                records = _count(await asker.post(f"{_V2}/collections/get_stats", where))
                shown = name if database is None else f"{database}/{name}"
                found.append(Collection(shown, records, handle=form))
        return sorted(found, key=lambda collection: -(collection.records or 0))

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch a page, the first with vectors; a collection that is not loaded gives none.

        All pages take about `limits.reply_bytes` together. Raises ServerRefused, NotThisProtocol
        and NetError; BudgetSpent where one entity is over the limit.
        """
        form = collection.handle
        if not isinstance(form, _Form):
            return
        asker = Asker(connection, _PATHS)

        async def fetch(page: Page) -> Sequence[Mapping[str, Any]]:
            query = form.query(["*"] if page.vectors else form.fields, page.start)
            response = await asker.post(f"{_V2}/entities/query", {**query, "limit": page.count})
            if _code(response) in _NOT_LOADED:
                return []
            return _entities(_good(response), page.count)

        total = collection.records
        async for batch in in_pages(connection, fetch, total, limits, reach=_REACH, vectors=True):
            yield batch


ENGINE = Milvus()


def _where(database: str | None, name: str) -> dict[str, Any]:
    """The part of a request's body that names a collection; None is the default database."""
    return {"collectionName": name, **({} if database is None else {"dbName": database})}


def _closed(response: Response, own_port: bool) -> Proof:
    """The verdict on a list that was not given."""
    code, words = _code(response), json_object(response).get("message")
    known = code is not None and isinstance(words, str)
    about_auth = code == _UNEXPECTED and _WORDS.search(str(words)) is not None
    if known and (code in (*_NO_CREDENTIALS, *_NOT_ALLOWED) or about_auth):
        return Proof(Verdict.AUTH_REQUIRED, "asks for credentials")
    if known and response.status == 200 and code in _SERVER_CODES:
        return Proof(Verdict.UNDETERMINED, "the first question brought an error")
    return closed(response, known=False, own_port=own_port, what="Milvus")


# Codes that say that it is Milvus and cannot answer now: not ready, overloaded, timed out.
_SERVER_CODES = (1, 2, 3, 4, 5, 8, 9, 10000, 10001, _UNEXPECTED)


async def _names_what_is_missing(asker: Asker) -> bool:
    """Whether the peer says of a collection that cannot exist, by its random name, that it is not:
    the code of that error, and the name in its words."""
    token = f"leftopen_{secrets.token_hex(12)}"
    response = await asker.post(f"{_V2}/collections/describe", _where(None, token))
    words = json_object(response).get("message")
    return _code(response) in _NOT_FOUND and isinstance(words, str) and token in words


def _code(response: Response) -> int | None:
    """The code of Milvus's envelope, None where the reply is none."""
    code = json_object(response).get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _good(response: Response) -> Response:
    """The reply if it is a success; raises ServerRefused with its code or status."""
    code = _code(response)
    if response.status != 200 or code not in _GOOD:
        known = response.status if code is None else code
        raise ServerRefused("the server refused the request", code=str(known))
    return response


def _names(response: Response) -> list[str]:
    """A list of names, parsed strictly. Raises NotThisProtocol.

    A reply without any may lack its data.
    """
    told = json_object(response).get("data", [])
    for name in told if isinstance(told, list) else [None]:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise NotThisProtocol("the list of names is none")
    return list(told)


async def _databases(asker: Asker) -> list[str | None]:
    """The databases to look into, the default one (None) first; alone before 2.4."""
    listed = await asker.post(f"{_V2}/databases/list", {})
    named = _names(listed) if listed.status == 200 and _code(listed) in _GOOD else []
    return [None, *[name for name in named if name != "default"][: _DATABASES - 1]]


def _form(response: Response, database: str | None, name: str) -> _Form:
    """What a description says, parsed strictly. Raises NotThisProtocol."""
    told = json_object(response).get("data")
    fields = told.get("fields") if isinstance(told, dict) else None
    plain: list[str] = []
    keys: list[tuple[str, str]] = []
    for field in fields if isinstance(fields, list) else [None]:
        known = field if isinstance(field, dict) else {}
        label, kind = known.get("name"), known.get("type")
        if not isinstance(label, str) or not isinstance(kind, str) or not _NAME.fullmatch(label):
            raise NotThisProtocol("the description is none")
        if known.get("primaryKey") is True:
            keys.append((label, kind))
        if "Vector" not in kind:
            plain.append(label)
    if len(keys) != 1 or not isinstance(told, dict):
        raise NotThisProtocol("the description is none")
    if told.get("enableDynamicField") is True:
        plain.append("$meta")  # all that is in no field of its own
    key, kind = keys[0]
    everything = f'{key} >= ""' if "Char" in kind else f"{key} >= {-(2**63) + 1}"
    return _Form(database, name, key, everything, tuple(plain))


def _count(response: Response) -> int | None:
    """The number of entities, where the server tells it."""
    told = json_object(response).get("data") if _code(response) in _GOOD else None
    return count_of(told.get("rowCount")) if isinstance(told, dict) else None


def _entities(response: Response, most: int) -> list[dict[str, Any]]:
    """Up to `most` entities of a reply, parsed strictly. Raises NotThisProtocol."""
    told = json_object(response).get("data")
    for entity in told if isinstance(told, list) else [None]:
        if not isinstance(entity, dict) or not entity:
            raise NotThisProtocol("the reply holds no entities")
    return list(told)[:most] if isinstance(told, list) else []
