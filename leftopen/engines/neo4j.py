"""Neo4j, and Memgraph that speaks as it does: Bolt on port 7687.

The exchange: the handshake about versions, HELLO (from Bolt 5.1 on LOGON too) with the scheme
`none`, then queries in read mode, in which the server itself refuses writes.

* AUTH_REQUIRED: the scheme `none` is refused as Unauthorized (Unauthenticated at Memgraph). No
  other scheme is tried.
* ACL_CLOSED: it is refused as Forbidden. UNDETERMINED: it is refused otherwise.
* OPEN: a random parameter comes back from `RETURN`, and a node's labels can be read; where there is
  no node, it is OPEN and empty.
* OPEN_PARTIAL: it lets one in without credentials, but refuses to run queries (Forbidden).
* `can_write`: "no" where SHOW DATABASES says that each of its databases is read-only; "yes" where
  one is not and the server's settings say that authentication is off: then everybody is an
  administrator.

Known for nothing, each under a time limit of the server's own: when it was started (SHOW DATABASES,
5.0 on), constraints and indexes (SHOW CONSTRAINTS, SHOW INDEXES, 4.3 on), how many different values
an index holds (db.stats.retrieve), the counts of nodes and relationships that the server keeps, and
counts over ranges of an index. With `--deep`, the properties that tell people apart, page by page
(Bolt 4 on).

Neo4j's HTTP port (7474) tells the product and its Bolt port to anybody, which proves nothing; this
engine does not ask it.

Source: https://neo4j.com/docs/bolt/current/ and the Cypher manual.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import pyarrow as pa

from leftopen import sample
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _neo4j_known
from leftopen.engines._handles import handle_of
from leftopen.engines._neo4j_session import (
    COUNT,
    DATABASES,
    FIRST,
    LABELS,
    LINKS,
    MAX_ROWS,
    MET_LABELS,
    MET_TYPES,
    NODES,
    PROOF,
    REQUESTS,
    SETTING,
    SOME,
    TYPES,
    Note,
    Session,
    asked,
    count_of,
    is_name,
)
from leftopen.engines._proofs import CanWrite, afterwards
from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection

MAX_LABELS = 1_000
MAX_DATABASES = 64
BATCH_ROWS = 200
_SPARE = 3  # times as many nodes are drawn as are wanted, for chance may bring fewer


class Neo4j:
    """The engine; it keeps no state."""

    name = "neo4j"
    ports: tuple[int, ...] = (7687,)
    speaks = Speaks.ANSWERS
    verified: Literal["real", "scripted"] = "real"
    reads = "labels and types, and the properties of random nodes and relationships of each"
    requests = REQUESTS

    async def probe(self, connection: Connection) -> Proof:
        """OPEN where a random parameter comes back and a node's labels can be read."""
        session = Session(connection)
        try:
            await session.begin()
        except ServerRefused as refused:
            return _shut(refused.code)
        product = "memgraph" if "memgraph" in session.agent.lower() else "neo4j"
        version = clean_version(session.agent.removeprefix("Neo4j/"))
        if product == "memgraph":
            version = None  # it states that of the Neo4j that it stands in for
        token = secrets.token_hex(8)
        try:
            if await session.run(PROOF, token=token) != [[token]]:
                raise NotThisProtocol("an answer to something that was not asked")
            first = await session.run(FIRST)
        except ServerRefused as refused:
            if refused.code in ("Unauthorized", "Unauthenticated"):
                return Proof(Verdict.AUTH_REQUIRED, "asks for credentials", version, product)
            verdict = Verdict.OPEN_PARTIAL if refused.code == "Forbidden" else Verdict.UNDETERMINED
            reason = "lets in without credentials, but refuses to be read"
            return Proof(verdict, reason, version, product)
        if first and not (len(first) == 1 and len(first[0]) == 1 and _is_names(first[0][0])):
            raise NotThisProtocol("an answer to something that was not asked")
        reason = "a node was read without credentials"
        if not first:
            reason = "queries are answered without credentials; there is no node"
        can_write = await afterwards(_can_write(session))
        return Proof(Verdict.OPEN, reason, version, product, can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Labels as `:Label` and types of relationships as `-[:TYPE]->`, of every database, with
        their counts. A node with several labels is in each of them."""
        session = Session(connection)
        await session.begin()
        databases: list[str | None] = [
            name for name, _ in await _databases(session) if name != "system"
        ]
        made: list[Collection] = []
        for database in databases[:MAX_DATABASES] or [None]:
            prefix = f"{database}/" if len(databases) > 1 else ""
            for listed, instead, these, form in (
                (LABELS, MET_LABELS, NODES, ":{}"),
                (TYPES, MET_TYPES, LINKS, "-[:{}]->"),
            ):
                for name in await _names(session, database, listed, instead):
                    if len(made) >= connection.limits.collections:
                        return made
                    note = Note(name, these, database, 0, session.version)
                    records = count_of(await session.run(note.text(COUNT), database))
                    note = replace(note, records=records)
                    made.append(Collection(prefix + form.format(name), records, None, note))
        return made

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Properties of random nodes or relationships; of small collections all."""
        note = handle_of(collection, Note)
        share = min(1.0, _SPARE * limits.rows / max(1, note.records))
        values = {"share": 1.1 if share == 1.0 else share, "most": min(limits.rows, MAX_ROWS)}
        rows = await asked(connection, note, note.text(SOME), **values)
        held = [row[0] for row in rows[: limits.rows] if row and isinstance(row[0], dict)]
        for at in range(0, len(held), BATCH_ROWS):
            yield sample.documents(held[at : at + BATCH_ROWS])

    async def since(self, connection: Connection) -> Since | None:
        """When its databases were last started. Raises ServerRefused, NotThisProtocol, NetError."""
        return await _neo4j_known.since(connection)

    async def known(
        self, connection: Connection, collection: Collection, paths: Sequence[str]
    ) -> Mapping[str, Known]:
        """Which properties are unique or indexed, and the server's own counts of the values of
        indexed ones. Raises ServerRefused, NotThisProtocol and NetError."""
        return await _neo4j_known.known(connection, collection, paths)

    async def count_between(
        self, connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
    ) -> int | None:
        """A count over a range of an index. Raises ServerRefused, NotThisProtocol and NetError."""
        return await _neo4j_known.count_between(connection, collection, path, begin, end)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """Exact counts, which the server keeps. Raises ServerRefused, NotThisProtocol, NetError."""
        return await _neo4j_known.marks(connection, collections)

    def stream(
        self,
        connection: Connection,
        collection: Collection,
        paths: Sequence[str],
        limits: StoreLimits,
    ) -> AsyncIterator[pa.RecordBatch]:
        """The properties in which these paths lie, of all nodes or relationships."""
        return _neo4j_known.stream(connection, collection, paths, limits)


ENGINE = Neo4j()


def _shut(word: str) -> Proof:
    """The verdict where one is not let in without credentials."""
    if word in ("Unauthorized", "Unauthenticated"):
        return Proof(Verdict.AUTH_REQUIRED, "asks for credentials")
    if word == "Forbidden":
        return Proof(Verdict.ACL_CLOSED, "refuses whoever comes without credentials")
    return Proof(Verdict.UNDETERMINED, "speaks Bolt, but refuses to begin")


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


async def _databases(session: Session) -> list[tuple[str, str]]:
    """Name and access of each database; none where the server does not know of several."""
    try:
        rows = await session.run(DATABASES, "system")
    except ServerRefused:
        return []
    return [(row[0], row[1]) for row in rows if len(row) == 2 and _is_names(row)]


async def _can_write(session: Session) -> CanWrite:
    access = {access for name, access in await _databases(session) if name != "system"}
    if access == {"read-only"}:
        return "no"
    if "read-write" not in access:
        return "unknown"
    try:
        told = await session.run(SETTING, name="dbms.security.auth_enabled")
    except ServerRefused:
        return "unknown"
    return "yes" if ["dbms.security.auth_enabled", "false"] in told else "unknown"


async def _names(session: Session, database: str | None, listed: str, instead: str) -> list[str]:
    """What a query in its two forms lists, of what can be quoted."""
    try:
        rows = await session.run(listed, database)
    except ServerRefused:
        rows = await session.run(instead, database)
    names = [row[0] for row in rows[:MAX_LABELS] if len(row) == 1 and isinstance(row[0], str)]
    return list(filter(is_name, names))
