"""ArangoDB: its HTTP API, reads only.

The exchange of a probe, one request a line:

    GET /_api/version                            who speaks, and its version
    GET /_api/database/user                      the databases that this client may see
    GET /_db/{db}/_api/collection?excludeSystem=true
    POST /_db/{db}/_api/cursor                   one document is looked at; a random word comes back
    GET /_admin/server/mode, GET /_api/user/{random name}/database      what the client may do

A cursor is the one way to read a document by a request that is no write by its method (`PUT` reads
it too). What a query does is in its text, so that is part of the request's name: only the literal
texts below can be sent, and each reads. A page is asked for whole, so no cursor stays behind.

OPEN is an answer to such a query that parsed strictly and gives the random word back.
AUTH_REQUIRED is 401 from a peer that shows itself by its realm, its `Server` header, or the number
of its error. A list of databases or collections whose documents are refused is OPEN_PARTIAL where a
query without a collection is answered, else UNDETERMINED: it could be canned.

`/_api/version` says who speaks and proves nothing more.

`can_write`: a server in read-only mode says so; else a client that is told that a made-up user is
not there (error 1703) has the right to administer, which the others are refused.

Sources: docs.arangodb.com (HTTP API: Authentication, Databases, Collections, Queries: cursors,
Users, Administration: server mode; Error codes).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._http import (
    Paths,
    accepted,
    at_own_port,
    closed,
    count_of,
    json_object,
    refused,
    segment,
)
from leftopen.engines._pages import Page, in_pages
from leftopen.engines._proofs import CANNED, CanWrite, afterwards
from leftopen.errors import NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession, Response

_WORD = "RETURN @word"
_LOOK = "FOR d IN @@c LIMIT 1 RETURN [@word, IS_OBJECT(d)]"
_PAGE = "FOR d IN @@c LIMIT @offset, @count RETURN d"
_CURSOR = "POST /_db/{db}/_api/cursor"
_QUERIES = {query: f"{_CURSOR} {query}" for query in (_WORD, _LOOK, _PAGE)}
_PATHS = Paths(
    "GET /_api/version", "GET /_api/database/user", "GET /_db/{db}/_api/collection",
    "GET /_db/{db}/_api/collection/{name}/count", "GET /_admin/server/mode",
    "GET /_api/user/{user}/database",
)  # fmt: skip
_CURSORS = Paths(_CURSOR)
_SYSTEM = "_system"
_TRIED = 3  # databases, and collections of each, to look into for a verdict
_NO_SUCH_USER = 1703
_NOT_AUTHORIZED = 11
# Traditional names; extended ones (3.9, 3.11) may hold almost anything but these.
_NOT_IN_NAMES = re.compile(r"[\s/%?#\\:]|^_|^\.+$")


class Arangodb:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "arangodb"
    ports: tuple[int, ...] = (8529,)
    speaks = Speaks.HTTP
    requests = _PATHS.names | frozenset(_QUERIES.values())
    verified: Literal["real", "scripted"] = "scripted"
    reads = "names of databases and collections, their counts; pages of documents, random places"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        ask = _Asker(connection)
        first = await ask.get("/_api/version")
        told = json_object(first)
        if first.status != 200 or told.get("server") != "arango":
            own_port = at_own_port(connection, self.ports)
            return closed(first, known=_shows_itself(first), own_port=own_port, what="ArangoDB")
        word = f"leftopen-{secrets.token_hex(12)}"
        proof, database = await _look(ask, word)
        can_write: CanWrite = "unknown"
        if proof.verdict in (Verdict.OPEN, Verdict.OPEN_PARTIAL):
            returned = await ask.query(database, _WORD, {"word": word})
            if returned.status in (401, 403) and proof.verdict is Verdict.OPEN_PARTIAL:
                reason = "lists its collections and refuses the rest; that could be a canned list"
                proof = Proof(Verdict.UNDETERMINED, reason)
            elif returned.status != 201 or _result(returned) != [word]:
                return CANNED
        if proof.verdict is Verdict.OPEN:
            can_write = await afterwards(_can_write(ask, word))
        version = clean_version(told.get("version"))
        return Proof(proof.verdict, proof.reason, version, "ArangoDB", can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The collections of all databases as `database.collection`, the largest first; those of
        the system left out. Raises ServerRefused, NotThisProtocol and NetError."""
        ask = _Asker(connection)
        found: list[Collection] = []
        for database in _names(accepted(await ask.get("/_api/database/user"))):
            listed = await ask.get(_collections_path(database))
            if listed.status != 200:
                continue
            for name in _collections(listed):
                if len(found) >= connection.limits.collections:
                    break
                path = f"/_db/{segment(database)}/_api/collection/{segment(name)}/count"
                count = json_object(await ask.get(path)).get("count")
                handle = (database, name)
                found.append(Collection(f"{database}.{name}", count_of(count), handle=handle))
        return sorted(found, key=lambda collection: -(collection.records or 0))

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Documents in pages from random places of the server's own order.

        Raises ServerRefused, NotThisProtocol and NetError; BudgetSpent where one document alone is
        over the limit of a reply.
        """
        ask = _Asker(connection)
        database, name = collection.handle

        async def fetch(page: Page) -> Sequence[Mapping[str, Any]]:
            bound = {"@c": name, "offset": page.start, "count": page.count}
            response = await ask.query(database, _PAGE, bound)
            if response.status != 201:
                raise ServerRefused("the server refused a query", code=str(response.status))
            found = _result(response)[: page.count]
            return [_document(doc) for doc in found if isinstance(doc, dict)]

        async for batch in in_pages(connection, fetch, collection.records, limits):
            yield batch

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """The numbers of documents, one request each."""
        ask = _Asker(connection)
        found: dict[str, Mark] = {}
        for one in collections:
            database, name = one.handle
            path = f"/_db/{segment(database)}/_api/collection/{segment(name)}/count"
            counted = await ask.get(path)
            if counted.status == 200:
                found[one.name] = Mark(count_of(json_object(counted).get("count")))
        return found


ENGINE = Arangodb()
_LOOKED_AT = Proof(Verdict.OPEN, "a query without credentials looked at a document")


class _Asker:
    """The engine's requests over one connection, each held against its allow-list."""

    def __init__(self, connection: Connection) -> None:
        self._session = HttpSession(connection)
        self._seconds = max(0.1, connection.limits.silence * 0.6)  # it ends before we give up

    async def get(self, path: str) -> Response:
        return await self._session.request(_PATHS.name("GET", path), path)

    async def query(self, database: str, query: str, bound: Mapping[str, Any]) -> Response:
        """The answer to one of the literal queries; its text is part of the request's name.

        Raises RequestNotAllowed for any other text.
        """
        path = f"/_db/{segment(database)}/_api/cursor"
        if query not in _QUERIES or _CURSORS.name("POST", path) != _CURSOR:
            raise RequestNotAllowed("not a query that this engine may send")
        body = {
            "query": query,
            "bindVars": dict(bound),
            "batchSize": 1_000,  # more than any page: nothing is left to fetch
            "cache": False,
            "options": {"maxRuntime": self._seconds},
        }
        return await self._session.request(_QUERIES[query], path, method="POST", body=body)


async def _look(ask: _Asker, word: str) -> tuple[Proof, str]:
    """The verdict by a look at one document, and the database whose answers tell."""
    listed = await ask.get("/_api/database/user")
    if listed.status != 200:
        return refused(listed, "shows its version, but the list of databases"), _SYSTEM
    databases = _names(listed)
    where, denied, seen = databases[0] if databases else _SYSTEM, None, 0
    for database in databases[:_TRIED]:
        response = await ask.get(_collections_path(database))
        if response.status != 200:
            denied = response
            continue
        for name in _collections(response)[:_TRIED]:
            looked = await ask.query(database, _LOOK, {"@c": name, "word": word})
            where = database
            if looked.status != 201:
                denied = looked
            elif (result := _result(looked)) == [[word, True]]:
                return Proof(
                    Verdict.OPEN, "a query without credentials looked at a document"
                ), where
            elif result:
                return CANNED, where
            else:
                seen += 1
    if denied is not None and not seen:
        return refused(denied, "lists its collections, but a query"), where
    if seen:
        return Proof(Verdict.OPEN, "queries are answered; the collections seen are empty"), where
    reason = "lists its databases without credentials; those looked into have no collection"
    return Proof(Verdict.OPEN, reason), where


async def _can_write(ask: _Asker, name: str) -> CanWrite:
    """What the server says of this client (the module's text); `name` is no user's."""
    mode = json_object(await ask.get("/_admin/server/mode")).get("mode")
    if mode == "readonly":
        return "no"
    response = await ask.get(f"/_api/user/{segment(name)}/database")
    missing = json_object(response).get("errorNum") == _NO_SUCH_USER
    return "yes" if mode == "default" and response.status == 404 and missing else "unknown"


def _shows_itself(response: Response) -> bool:
    """Whether a refusal is ArangoDB's own."""
    told, headers = json_object(response), response.headers
    own_error = told.get("errorNum") == _NOT_AUTHORIZED and told.get("code") == response.status
    own_realm = 'realm="arangodb"' in headers.get("www-authenticate", "").lower()
    return own_realm or own_error or headers.get("server") == "ArangoDB"


def _result(response: Response) -> list[Any]:
    """The `result` of an answer, parsed strictly. Raises NotThisProtocol."""
    told = json_object(response)
    result = told.get("result")
    own = told.get("error") is False and told.get("code") == response.status
    if not own or not isinstance(result, list):
        raise NotThisProtocol("the answer is none")
    return result


def _names(response: Response) -> list[str]:
    """The names of databases, those of users first; raises NotThisProtocol."""
    told = _result(response)
    if not all(isinstance(name, str) for name in told):
        raise NotThisProtocol("the list of databases is none")
    found = [name for name in told if _fits(name)]
    return [*found, _SYSTEM] if _SYSTEM in told else found


def _collections_path(database: str) -> str:
    return f"/_db/{segment(database)}/_api/collection?excludeSystem=true"


def _collections(response: Response) -> list[str]:
    """The names of collections that are not the system's; raises NotThisProtocol."""
    found = []
    for one in _result(response):
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise NotThisProtocol("the list of collections is none")
        if one.get("isSystem") is not True and _fits(one["name"]):
            found.append(str(one["name"]))
    return found


def _fits(name: str) -> bool:
    """Whether the name can stand in a path and is not the system's."""
    usable = 0 < len(name.encode("utf-8", "replace")) <= 256 and name.isprintable()
    return usable and _NOT_IN_NAMES.search(name) is None


def _document(doc: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what the server adds for itself; `_key` may be a person's."""
    return {key: value for key, value in doc.items() if key not in ("_id", "_rev")}
