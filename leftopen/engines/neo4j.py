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

Neo4j's HTTP port (7474) tells the product and its Bolt port to anybody, which proves nothing; this
engine does not ask it.

Source: https://neo4j.com/docs/bolt/current/ and the Cypher manual.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from leftopen import sample
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _neo4j_wire as wire
from leftopen.engines._handles import handle_of
from leftopen.engines._proofs import CanWrite, afterwards
from leftopen.errors import NotThisProtocol, PeerClosed, RequestNotAllowed, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection

MAX_LABELS = 1_000
MAX_DATABASES = 64
MAX_ROWS = 10_000  # of one answer: no query asks for more
BATCH_ROWS = 200
_SPARE = 3  # times as many nodes are drawn as are wanted, for chance may bring fewer

_PROOF = "RETURN $token AS token"
_FIRST = "MATCH (n) RETURN labels(n) AS labels LIMIT 1"
_DATABASES = "SHOW DATABASES YIELD name, access RETURN name, access"
_SETTING = "CALL dbms.listConfig($name) YIELD name, value RETURN name, value"
_LABELS = "CALL db.labels() YIELD label RETURN label LIMIT 1000"
_TYPES = "CALL db.relationshipTypes() YIELD relationshipType RETURN relationshipType LIMIT 1000"
_MET_LABELS = (  # where there is no such procedure, as in Memgraph
    "MATCH (n) WITH n LIMIT 10000 UNWIND labels(n) AS label RETURN DISTINCT label LIMIT 1000"
)
_MET_TYPES = "MATCH ()-[r]->() WITH r LIMIT 10000 RETURN DISTINCT type(r) LIMIT 1000"
_NODES = "MATCH (n:{name}) RETURN count(n) AS records"
_LINKS = "MATCH ()-[n:{name}]->() RETURN count(n) AS records"
_SOME_NODES = "MATCH (n:{name}) WHERE rand() < $share RETURN properties(n) AS held LIMIT $most"
_SOME_LINKS = (
    "MATCH ()-[n:{name}]->() WHERE rand() < $share RETURN properties(n) AS held LIMIT $most"
)
_TEXTS = (
    *(_PROOF, _FIRST, _DATABASES, _SETTING, _LABELS, _TYPES, _MET_LABELS, _MET_TYPES),
    *(_NODES, _LINKS, _SOME_NODES, _SOME_LINKS),
)
# A backslash could be the start of an escape that Cypher reads before it reads the quotes.
_NAME = r"`(?:[^`\\\0]|``)+`"
_FORMS = [(text, re.compile(re.escape(text).replace(r"\{name\}", _NAME))) for text in _TEXTS]
_OPERATIONS = {
    wire.HELLO: "HELLO",
    wire.LOGON: "LOGON",
    wire.PULL: "PULL",
    wire.RESET: "RESET",
}


def request_name(operation: int, fields: Sequence[Any]) -> str:
    """The name of a message on the allow-list; a query's is the text that it fits, and it must ask
    for read mode. Raises RequestNotAllowed where there is none."""
    if operation in (wire.HELLO, wire.LOGON) and fields[0].get("scheme", "none") != "none":
        raise RequestNotAllowed("a login is not tried")
    if operation in _OPERATIONS:
        return _OPERATIONS[operation]
    if operation == wire.RUN and fields[2].get("mode") == "r":
        for text, form in _FORMS:
            if form.fullmatch(fields[0]):
                return text
    raise RequestNotAllowed("not a request that this engine may send")


@dataclass(frozen=True, slots=True)
class Note:
    """How to read a collection: the query for a random part of it, and in which database."""

    text: str
    database: str | None
    records: int
    version: tuple[int, int]


class Session:
    """Queries over a connection; `version` is that of Bolt, major and minor."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.version = (0, 0)
        self.agent = ""

    async def begin(self) -> None:
        """The handshake, and in without credentials; raises ServerRefused where that is refused,
        NotThisProtocol and NetError."""
        link = self.connection
        await link.send("handshake", wire.HANDSHAKE)
        chosen = await link.read_exactly(4)
        self.version = (chosen[3], chosen[2])
        if chosen[:2] != b"\0\0" or not ((3, 0) <= self.version <= (5, 4)):
            raise NotThisProtocol("the peer does not speak Bolt")
        hello: dict[str, Any] = {"user_agent": "leftopen/1"}
        if self.version >= (5, 3):
            hello["bolt_agent"] = {"product": "leftopen/1"}
        if self.version < (5, 1):
            hello["scheme"] = "none"
        told = await self._ask(wire.HELLO, hello)
        self.agent = str(told.get("server", ""))
        if self.version >= (5, 1):
            await self._ask(wire.LOGON, {"scheme": "none"})

    async def run(self, text: str, database: str | None = None, **values: Any) -> list[list[Any]]:
        """All rows of a query in read mode; raises ServerRefused with the class of the error."""
        extra: dict[str, Any] = {"mode": "r"}
        if database is not None and self.version >= (4, 0):
            extra["db"] = database
        try:
            await self._ask(wire.RUN, text, values, extra)
            await self._send(wire.PULL, *([{"n": -1}] if self.version >= (4, 0) else []))
            rows = []
            while (row := await self._reply()) is not None:
                rows.append(row)
                if len(rows) > MAX_ROWS:
                    await self.connection.close()
                    raise NotThisProtocol("more rows than were asked for")
            return rows
        except ServerRefused:
            await self._ask(wire.RESET)
            raise

    async def _ask(self, operation: int, *fields: Any) -> dict[str, Any]:
        await self._send(operation, *fields)
        kind, told = await self._receive()
        if kind != wire.SUCCESS or not told or not isinstance(told[0], dict):
            raise NotThisProtocol("the peer does not speak Bolt")
        return told[0]

    async def _send(self, operation: int, *fields: Any) -> None:
        name = request_name(operation, fields)
        await self.connection.send(name, wire.message(operation, *fields))

    async def _reply(self) -> list[Any] | None:
        """The next row; None after the last."""
        kind, told = await self._receive()
        if kind == wire.SUCCESS:
            return None
        if kind != wire.RECORD or not told or not isinstance(told[0], list):
            raise NotThisProtocol("the peer does not speak Bolt")
        row: list[Any] = told[0]
        return row

    async def _receive(self) -> wire.Message:
        try:
            kind, told = await wire.receive(self.connection)
        except BaseException:  # what is left of the answer must not be taken for the next
            await self.connection.close()
            raise
        if kind == wire.FAILURE:
            code = told[0].get("code") if told and isinstance(told[0], dict) else None
            raise ServerRefused("the server refused the request", code=_class(code))
        return kind, told


class Neo4j:
    """The engine; it keeps no state."""

    name = "neo4j"
    ports: tuple[int, ...] = (7687,)
    speaks = Speaks.ANSWERS
    verified: Literal["real", "scripted"] = "real"
    reads = "labels and types, and the properties of random nodes and relationships of each"
    requests = frozenset({"handshake", *_OPERATIONS.values(), *_TEXTS})

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
            if await session.run(_PROOF, token=token) != [[token]]:
                raise NotThisProtocol("an answer to something that was not asked")
            first = await session.run(_FIRST)
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
            for asked, instead, count, some, form in (
                (_LABELS, _MET_LABELS, _NODES, _SOME_NODES, ":{}"),
                (_TYPES, _MET_TYPES, _LINKS, _SOME_LINKS, "-[:{}]->"),
            ):
                for name in await _names(session, database, asked, instead):
                    if len(made) >= connection.limits.collections:
                        return made
                    quoted = "`" + name.replace("`", "``") + "`"
                    text = count.replace("{name}", quoted)
                    records = _count(await session.run(text, database))
                    note = Note(some.replace("{name}", quoted), database, records, session.version)
                    made.append(Collection(prefix + form.format(name), records, None, note))
        return made

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Properties of random nodes or relationships; of small collections all."""
        note = handle_of(collection, Note)
        share = min(1.0, _SPARE * limits.rows / max(1, note.records))
        values = {"share": 1.1 if share == 1.0 else share, "most": min(limits.rows, MAX_ROWS)}
        session = Session(connection)
        session.version = note.version
        try:
            rows = await session.run(note.text, note.database, **values)
        except PeerClosed:
            await connection.reopen()
            await session.begin()
            rows = await session.run(note.text, note.database, **values)
        held = [row[0] for row in rows[: limits.rows] if row and isinstance(row[0], dict)]
        for at in range(0, len(held), BATCH_ROWS):
            yield sample.documents(held[at : at + BATCH_ROWS])


ENGINE = Neo4j()


def _class(code: object) -> str:
    """The last word of an error's code, where it is one that a verdict rests on."""
    known = {"Unauthorized", "Unauthenticated", "Forbidden", "AuthenticationRateLimit"}
    word = code.rpartition(".")[2] if isinstance(code, str) else ""
    return word if word in known else "failure"


def _shut(word: str) -> Proof:
    """The verdict where one is not let in without credentials."""
    if word in ("Unauthorized", "Unauthenticated"):
        return Proof(Verdict.AUTH_REQUIRED, "asks for credentials")
    if word == "Forbidden":
        return Proof(Verdict.ACL_CLOSED, "refuses whoever comes without credentials")
    return Proof(Verdict.UNDETERMINED, "speaks Bolt, but refuses to begin")


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _count(rows: list[list[Any]]) -> int:
    if len(rows) != 1 or len(rows[0]) != 1 or not isinstance(rows[0][0], int):
        raise NotThisProtocol("a count that is none")
    return max(0, rows[0][0])


async def _databases(session: Session) -> list[tuple[str, str]]:
    """Name and access of each database; none where the server does not know of several."""
    try:
        rows = await session.run(_DATABASES, "system")
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
        told = await session.run(_SETTING, name="dbms.security.auth_enabled")
    except ServerRefused:
        return "unknown"
    return "yes" if ["dbms.security.auth_enabled", "false"] in told else "unknown"


async def _names(session: Session, database: str | None, asked: str, instead: str) -> list[str]:
    """What a query in its two forms lists, of what can be quoted."""
    try:
        rows = await session.run(asked, database)
    except ServerRefused:
        rows = await session.run(instead, database)
    names = [row[0] for row in rows[:MAX_LABELS] if len(row) == 1 and isinstance(row[0], str)]
    return [name for name in names if 0 < len(name) <= 512 and not set(name) & {"\\", "\0"}]
