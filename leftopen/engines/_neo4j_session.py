"""Queries over Bolt in read mode: every text that the neo4j engine may send, and how it is asked.

Source: https://neo4j.com/docs/bolt/current/ (RUN: mode, tx_timeout; PULL: n, has_more).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from leftopen.engines import _neo4j_wire as wire
from leftopen.errors import NotThisProtocol, PeerClosed, RequestNotAllowed, ServerRefused
from leftopen.net.connection import Connection

MAX_ROWS = 10_000  # of one answer: no query asks for more

PROOF = "RETURN $token AS token"
FIRST = "MATCH (n) RETURN labels(n) AS labels LIMIT 1"
DATABASES = "SHOW DATABASES YIELD name, access RETURN name, access"
SETTING = "CALL dbms.listConfig($name) YIELD name, value RETURN name, value"
LABELS = "CALL db.labels() YIELD label RETURN label LIMIT 1000"
TYPES = "CALL db.relationshipTypes() YIELD relationshipType RETURN relationshipType LIMIT 1000"
MET_LABELS = (  # where there is no such procedure, as in Memgraph
    "MATCH (n) WITH n LIMIT 10000 UNWIND labels(n) AS label RETURN DISTINCT label LIMIT 1000"
)
MET_TYPES = "MATCH ()-[r]->() WITH r LIMIT 10000 RETURN DISTINCT type(r) LIMIT 1000"
NODES, LINKS = "(n:{name})", "()-[n:{name}]->()"  # what a collection is made of
COUNT = "MATCH {these} RETURN count(n) AS records"
SOME = "MATCH {these} WHERE rand() < $share RETURN properties(n) AS held LIMIT $most"
# What the catalogue knows. Labels and types of relationships come in one column.
STARTED = "SHOW DATABASES YIELD name, lastStartTime RETURN lastStartTime"
UNIQUE = (
    "SHOW CONSTRAINTS YIELD type, entityType, labelsOrTypes, properties "
    "RETURN type, entityType, labelsOrTypes, properties"
)
INDEXES = (
    "SHOW INDEXES YIELD type, entityType, labelsOrTypes, properties, state "
    "RETURN type, entityType, labelsOrTypes, properties, state"
)
ESTIMATES = "CALL db.stats.retrieve('GRAPH COUNTS') YIELD data RETURN data"
BETWEEN = (
    "MATCH {these} WHERE n.{property} >= $begin AND n.{property} < $end RETURN count(n) AS records"
)
# Of two moments of different types none is before the other: each counts its own.
BETWEEN_MOMENTS = " UNION ALL ".join(
    f"MATCH {{these}} WHERE n.{{property}} >= {kind}($begin) AND n.{{property}} < {kind}($end) "
    "RETURN count(n) AS records"
    for kind in ("datetime", "localdatetime")
)
FIELDS = "MATCH {these} RETURN n {{properties}} AS held"

_TEXTS = (
    *(PROOF, FIRST, DATABASES, SETTING, LABELS, TYPES, MET_LABELS, MET_TYPES),
    *(STARTED, UNIQUE, INDEXES, ESTIMATES),
    *(
        text.replace("{these}", these)
        for text in (COUNT, SOME, BETWEEN, BETWEEN_MOMENTS, FIELDS)
        for these in (NODES, LINKS)
    ),
)
# A backslash could be the start of an escape that Cypher reads before it reads the quotes.
_NAME = r"`(?:[^`\\\0]|``)+`"
_PLACES = {
    "name": _NAME,
    "property": _NAME,
    "{properties}": rf"\{{\.{_NAME}(?:, \.{_NAME})*\}}",
}


def _form(text: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(name|property|\{properties\})\}", text)
    return re.compile(
        "".join(_PLACES[p] if at % 2 else re.escape(p) for at, p in enumerate(pieces))
    )


_FORMS = [(text, _form(text)) for text in _TEXTS]
_OPERATIONS = {
    wire.HELLO: "HELLO",
    wire.LOGON: "LOGON",
    wire.PULL: "PULL",
    wire.RESET: "RESET",
}
REQUESTS = frozenset({"handshake", *_OPERATIONS.values(), *_TEXTS})


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


def is_name(name: str) -> bool:
    """Whether a name can be quoted without a doubt."""
    return 0 < len(name) <= 512 and not set(name) & {"\\", "\0"}


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@dataclass(frozen=True, slots=True)
class Note:
    """How to read a collection: the label or type, of nodes or links, and in which database."""

    name: str
    these: str  # NODES or LINKS
    database: str | None
    records: int
    version: tuple[int, int]

    def text(self, template: str, **names: str) -> str:
        """The query made from a template; `names` are put in quoted."""
        names["name"] = self.name
        made = template.replace("{these}", self.these)
        return re.sub(r"\{(name|property)\}", lambda place: quoted(names[place[1]]), made)


class Session:
    """Queries over a connection; `version` is that of Bolt, major and minor."""

    def __init__(self, connection: Connection, version: tuple[int, int] = (0, 0)) -> None:
        self.connection = connection
        self.version = version
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

    async def run(
        self,
        text: str,
        database: str | None = None,
        *,
        seconds: float | None = None,
        **values: Any,
    ) -> list[list[Any]]:
        """All rows of a query in read mode; raises ServerRefused with the class of the error.

        `seconds` is how long the server may take for it.
        """
        try:
            await self._ask(wire.RUN, text, values, self._extra(database, seconds))
            rows, _ = await self._pull(-1)
            return rows
        except ServerRefused:
            await self._ask(wire.RESET)
            raise

    async def pages(
        self, text: str, database: str | None, size: int, seconds: float
    ) -> AsyncGenerator[list[list[Any]], None]:
        """The rows of a query, `size` at a time, as they are asked for; from Bolt 4 on.

        Whoever leaves before the end closes the connection.
        """
        try:
            await self._ask(wire.RUN, text, {}, self._extra(database, seconds))
            more = True
            while more:
                rows, more = await self._pull(size)
                if more and not rows:
                    raise NotThisProtocol("pages without rows")
                yield rows
        except ServerRefused:
            await self._ask(wire.RESET)
            raise

    def _extra(self, database: str | None, seconds: float | None) -> dict[str, Any]:
        extra: dict[str, Any] = {"mode": "r"}
        if database is not None and self.version >= (4, 0):
            extra["db"] = database
        if seconds is not None:
            extra["tx_timeout"] = max(1, round(seconds * 1_000))
        return extra

    async def _pull(self, size: int) -> tuple[list[list[Any]], bool]:
        """Up to `size` rows (all where it is -1) and whether there are more."""
        await self._send(wire.PULL, *([{"n": size}] if self.version >= (4, 0) else []))
        rows: list[list[Any]] = []
        while not isinstance(told := await self._reply(), dict):
            rows.append(told)
            if len(rows) > (MAX_ROWS if size == -1 else size):
                await self.connection.close()
                raise NotThisProtocol("more rows than were asked for")
        return rows, size != -1 and told.get("has_more") is True

    async def _ask(self, operation: int, *fields: Any) -> dict[str, Any]:
        await self._send(operation, *fields)
        kind, told = await self._receive()
        if kind != wire.SUCCESS or not told or not isinstance(told[0], dict):
            raise NotThisProtocol("the peer does not speak Bolt")
        return told[0]

    async def _send(self, operation: int, *fields: Any) -> None:
        name = request_name(operation, fields)
        await self.connection.send(name, wire.message(operation, *fields))

    async def _reply(self) -> list[Any] | dict[str, Any]:
        """The next row; after the last what is said of them all."""
        kind, told = await self._receive()
        first = told[0] if told else {}
        if kind == wire.SUCCESS:
            return first if isinstance(first, dict) else {}
        if kind != wire.RECORD or not isinstance(first, list):
            raise NotThisProtocol("the peer does not speak Bolt")
        return first

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


async def asked(
    connection: Connection, note: Note, text: str, seconds: float | None = None, **values: Any
) -> list[list[Any]]:
    """All rows of a query in a collection's database, after beginning anew where the connection
    has ended."""
    session = Session(connection, note.version)
    try:
        return await session.run(text, note.database, seconds=seconds, **values)
    except PeerClosed:
        await connection.reopen()
        await session.begin()
        return await session.run(text, note.database, seconds=seconds, **values)


def _class(code: object) -> str:
    """The last word of an error's code, where it is one that a verdict rests on."""
    known = {"Unauthorized", "Unauthenticated", "Forbidden", "AuthenticationRateLimit"}
    word = code.rpartition(".")[2] if isinstance(code, str) else ""
    return word if word in known else "failure"


def count_of(rows: list[list[Any]]) -> int:
    """The one number of an answer; raises NotThisProtocol."""
    if len(rows) != 1 or len(rows[0]) != 1 or type(rows[0][0]) is not int:
        raise NotThisProtocol("a count that is none")
    return max(0, rows[0][0])
