"""CouchDB, and PouchDB Server that speaks as it does: their HTTP API, reads only.

The exchange of a probe, one request a line:

    GET /                                    who speaks, and its version; proves identity only
    GET /_all_dbs?limit=50                   gated; must be a JSON array of names
    GET /{db}/_all_docs?limit=1              gated; one id without its document
    GET /{db}/_all_docs?limit=1&keys=["…"]   a random id: the row must name it as not found
    GET /_session, GET /{db}/_security       what a client without a name may do

OPEN is a list of ids that parsed strictly, from a server that answers for a made-up id. A store
without databases has none to look that up in; it is asked twice for a random number of fresh UUIDs
(GET /_uuids) and must give exactly so many, none of them twice. `/` is answered by a server that
is otherwise locked (CouchDB 3 as installed), so a list that is refused (401, 403) after it is
AUTH_REQUIRED, as is a 401 to `/` from a peer that shows itself as CouchDB by its headers. A list
whose databases refuse to be read is OPEN_PARTIAL.

`can_write`: the role `_admin` without a name ("admin party") may write everything; in a database
whose `_security` names no members, everybody may write documents.

Whether something was written shows in `_all_docs` without rows: its number of documents, and the
sequence of changes (`update_seq`).

Sources: docs.couchdb.org (API reference: Server, Databases, `_all_docs`, `_security`; Introduction:
Security; Configuration: `require_valid_user`, `admin_only_all_dbs`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import pyarrow as pa

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
from leftopen.engines._pages import Page, in_pages
from leftopen.engines._proofs import CANNED, CanWrite, afterwards
from leftopen.errors import NotThisProtocol
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_PATHS = Paths(
    "GET /", "GET /_all_dbs", "GET /_session", "GET /_uuids",
    "GET /{db}/_all_docs", "GET /{db}/_security",
)  # fmt: skip
_LISTED = 50  # names of databases for a verdict
_TRIED = 3  # databases to look into for a verdict
_MOST_UUIDS = 90


class Couchdb:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "couchdb"
    ports: tuple[int, ...] = (5984,)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "real"
    reads = "names of databases, their numbers of documents; pages of documents from random places"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        ask = Asker(connection, _PATHS)
        first = await ask.get("/")
        identity = _identity(first)
        if identity is None:
            own_port = at_own_port(connection, self.ports)
            return closed(first, known=_shows_itself(first), own_port=own_port, what="CouchDB")
        product, version = identity
        verdict, reason, database = await _gated(ask)
        if verdict not in (Verdict.OPEN, Verdict.OPEN_PARTIAL):
            return Proof(verdict, reason, version, product)
        if not await _alive(ask, database):
            return CANNED
        can_write = await afterwards(_can_write(ask, database))
        return Proof(verdict, reason, version, product, can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The databases that may be read, the largest first; those with a leading underscore are
        the system's. Raises ServerRefused, NotThisProtocol and NetError."""
        ask = Asker(connection, _PATHS)
        names = _databases(accepted(await ask.get("/_all_dbs")))
        found = []
        for name in names[: connection.limits.collections]:
            counted = await ask.get(f"/{segment(name)}/_all_docs?limit=0")
            if counted.status == 200:
                found.append(Collection(name, _listed(counted)[0]))
        return sorted(found, key=lambda database: -(database.records or 0))

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Documents in pages from random places of the order of ids, without design documents.

        Raises ServerRefused, NotThisProtocol and NetError; BudgetSpent where one document alone is
        over the limit of a reply.
        """
        ask = Asker(connection, _PATHS)
        path = f"/{segment(collection.name)}/_all_docs?include_docs=true"

        async def fetch(page: Page) -> Sequence[Mapping[str, Any]]:
            answer = accepted(await ask.get(f"{path}&skip={page.start}&limit={page.count}"))
            rows = _listed(answer)[1][: page.count]
            return [_document(row) for row in rows if not _is_design(row)]

        async for batch in in_pages(connection, fetch, collection.records, limits):
            yield batch

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """The number of documents, and how many changes there have been; one request each."""
        ask = Asker(connection, _PATHS)
        found: dict[str, Mark] = {}
        for one in collections:
            counted = await ask.get(f"/{segment(one.name)}/_all_docs?limit=0&update_seq=true")
            if counted.status == 200:
                changes = _changes(json_object(counted).get("update_seq"))
                found[one.name] = Mark(_listed(counted)[0], changes)
        return found


ENGINE = Couchdb()


async def _gated(ask: Asker) -> tuple[Verdict, str, str | None]:
    """Verdict, reason, and the database that was read, by what the peer lets anyone read."""
    listed = await ask.get(f"/_all_dbs?limit={_LISTED}")
    if listed.status in (401, 403):
        reason = f"shows its version; the list of databases asks for credentials ({listed.status})"
        return Verdict.AUTH_REQUIRED, reason, None
    if listed.status != 200:
        proof = refused(listed, "shows its version, but the list of databases")
        return proof.verdict, proof.reason, None
    names = _databases(listed)
    if not names:
        return Verdict.OPEN, "lists its databases without credentials; there is none", None
    readable, denied = None, None
    for name in names[:_TRIED]:
        response = await ask.get(f"/{segment(name)}/_all_docs?limit=1")
        if response.status != 200:
            denied = response
            continue
        readable = name
        if _listed(response)[1]:
            return Verdict.OPEN, "documents of a database are listed without credentials", name
    if readable is not None:
        reason = "a database is read without credentials; those looked into are empty"
        return Verdict.OPEN, reason, readable
    assert denied is not None  # each database was either readable or not
    proof = refused(denied, "lists its databases, but reading one")
    return proof.verdict, proof.reason, None


async def _alive(ask: Asker, database: str | None) -> bool:
    """Whether the answers come from a server that hears what it is asked."""
    if database is None:
        return await _counts_uuids(ask)
    token = f"leftopen-{secrets.token_hex(12)}"
    keys = quote(json.dumps([token]), safe="")
    response = await ask.get(f"/{segment(database)}/_all_docs?limit=1&keys={keys}")
    if response.status != 200:
        return False
    rows = _listed(response)[1]
    return len(rows) == 1 and rows[0].get("key") == token and rows[0].get("error") == "not_found"


async def _counts_uuids(ask: Asker) -> bool:
    """Whether the peer makes as many UUIDs as it is asked for, and new ones each time."""
    made: list[str] = []
    wanted = secrets.SystemRandom().sample(range(2, _MOST_UUIDS), 2)
    for count in wanted:
        told = json_object(await ask.get(f"/_uuids?count={count}")).get("uuids")
        if not isinstance(told, list) or len(told) != count:
            return False
        made += [uuid for uuid in told if isinstance(uuid, str)]
    return len(set(made)) == sum(wanted)


async def _can_write(ask: Asker, database: str | None) -> CanWrite:
    """What the server says of a client without a name."""
    user = json_object(await ask.get("/_session")).get("userCtx")
    roles = user.get("roles") if isinstance(user, dict) else None
    if isinstance(roles, list) and "_admin" in roles:
        return "yes"
    if database is None:
        return "unknown"
    response = await ask.get(f"/{segment(database)}/_security")
    return "yes" if response.status == 200 and _is_public(response) else "unknown"


def _is_public(response: Response) -> bool:
    """Whether a `_security` names no members: everybody may read and write documents then."""
    try:
        told = response.json()
    except NotThisProtocol:
        return False
    if not isinstance(told, dict) or (told and not {"admins", "members"} & set(told)):
        return False
    members = told.get("members", {})
    if not isinstance(members, dict):
        return False
    return all(members.get(key, []) == [] for key in ("names", "roles"))


def _identity(response: Response) -> tuple[str, str | None] | None:
    """Product and version as `/` states them, or None if it is no greeting of these products."""
    told = json_object(response)
    if response.status != 200:
        return None
    for key, word, product in (
        ("couchdb", "Welcome", "CouchDB"), ("express-pouchdb", "Welcome!", "PouchDB"),
    ):  # fmt: skip
        if told.get(key) == word:
            return product, clean_version(told.get("version"))
    return None


def _shows_itself(response: Response) -> bool:
    """Whether the headers of a refusal are CouchDB's own."""
    named = response.headers.get("server", "").startswith("CouchDB/")
    return named or "x-couch-request-id" in response.headers


def _databases(response: Response) -> list[str]:
    """The names of databases that are not the system's. Raises NotThisProtocol."""
    told = response.json()
    if not isinstance(told, list) or not all(isinstance(name, str) for name in told):
        raise NotThisProtocol("the list of databases is none")
    return [name for name in told if not name.startswith("_") and fits(name)]


def _listed(response: Response) -> tuple[int | None, list[Mapping[str, Any]]]:
    """The number of documents and the rows of `_all_docs`, parsed strictly.

    Raises NotThisProtocol.
    """
    told = json_object(response)
    total, rows = told.get("total_rows"), told.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotThisProtocol("the list of documents is none")
    if any(not isinstance(row.get("key"), str) for row in rows):
        raise NotThisProtocol("the list of documents is none")
    return count_of(total), rows


def _is_design(row: Mapping[str, Any]) -> bool:
    """Whether a row is a design document: programs of the database, no records."""
    return str(row["key"]).startswith("_design/")


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its id, without what the server adds for itself."""
    doc = row.get("doc")
    kept = doc if isinstance(doc, dict) else {}
    return {**{key: value for key, value in kept.items() if key != "_rev"}, "_id": row["key"]}


def _changes(told: object) -> int | None:
    """The number of a sequence: it leads a text since CouchDB 2, and was all of it before."""
    head = told.partition("-")[0] if isinstance(told, str) else ""
    return int(head) if head.isdecimal() and len(head) < 16 else count_of(told)
