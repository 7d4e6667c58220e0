"""Neo4j in each state: real servers, and scripted ones for states that no edition here has."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from leftopen.engines._neo4j_wire import Reader, message
from leftopen.model import Target, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.neo4j import fill, neo4j
from leftopen.testing import peer, shared
from tests.rows.row import Row, Rows, lends, once_a_run

PEOPLE = 1_200


def town() -> Iterator[str]:
    """Invented people who know each other, a node of every type, and a label to be quoted."""
    yield (
        f"UNWIND range(0, {PEOPLE - 1}) AS n CREATE (:Person {{id: n, name: 'Ann Lee',"
        " email: 'ann.lee' + toString(n) + '@example.org',"
        " born: date('1910-02-03') + duration({days: n})})"
    )
    yield (
        "MATCH (a:Person {id: 0}), (b:Person) WHERE b.id IN [1, 2, 3]"
        " CREATE (a)-[:KNOWS {since: 2000 + b.id}]->(b)"
    )
    yield (
        "CREATE (:Types {a: true, b: -7, c: 123456789012, d: 0.5, e: ['x', 'y'],"
        " f: datetime('2024-02-03T04:05:06.007+01:00'), g: localdatetime('2024-02-03T04:05:06'),"
        " h: localtime('01:02:03'), i: time('01:02:03Z'),"
        " j: point({longitude: 9.9, latitude: 48.4}),"
        " k: datetime('2024-02-03T04:05:06[Europe/Berlin]'), l: point({x: 1.0, y: 2.0, z: 3.0})})"
    )
    yield "CREATE (:`Odd``er Name` {x: 1})"


@once_a_run
def filled() -> Server:
    """A server that anybody may read and write, with the town in it."""
    server = neo4j()
    with unless_failed(server):
        fill(server, town())
    return server


# --- a scripted server ---------------------------------------------------------------------------

Rows_ = list[list[Any]]
HELLO, LOGON, RUN, PULL, RESET = 0x01, 0x6A, 0x10, 0x3F, 0x0F


def failure(word: str) -> bytes:
    told = {"code": f"Neo.ClientError.Security.{word}", "message": "no, ann.lee@example.org"}
    return message(0x7F, told)


class Bolt:
    """Answers as a Neo4j 5 with one node `:Person`. `said` holds other answers by the beginning of
    a query: rows, or bytes as they are. `hello` and `logon` are what those bring."""

    def __init__(
        self,
        said: Mapping[str, Rows_ | bytes] | None = None,
        *,
        version: tuple[int, int] = (5, 4),
        agent: str = "Neo4j/5.26.0",
        hello: bytes | None = None,
        logon: bytes | None = None,
    ) -> None:
        self.said, self.version = said or {}, version
        self.hello = hello or message(0x70, {"server": agent, "hints": {}})
        self.logon = logon or message(0x70, {})
        self.asked: list[tuple[int, list[Any]]] = []
        self.rows: Rows_ | bytes = []

    def __call__(self, data: bytes) -> bytes:
        if data.startswith(b"\x60\x60\xb0\x17"):
            return bytes([0, 0, self.version[1], self.version[0]])
        reader = Reader(data[2:-2])  # one chunk: no request here is longer
        fields_count = reader.take(1)[0] & 0x0F
        operation = reader.take(1)[0]
        fields = [reader.value() for _ in range(fields_count)]
        assert reader.left == 0
        self.asked.append((operation, fields))
        return self.answer(operation, fields)

    def answer(self, operation: int, fields: list[Any]) -> bytes:
        if operation in (HELLO, LOGON):
            return self.hello if operation == HELLO else self.logon
        if operation == RUN:
            self.rows = self.result(*fields)
            return self.rows if isinstance(self.rows, bytes) else message(0x70, {"fields": ["x"]})
        if operation == PULL and not isinstance(self.rows, bytes):
            return b"".join(message(0x71, row) for row in self.rows) + message(0x70, {})
        return message(0x70, {})

    def result(
        self, text: str, values: Mapping[str, Any], extra: Mapping[str, Any]
    ) -> Rows_ | bytes:
        for start, told in self.said.items():
            if text.startswith(start):
                return told
        if text.startswith("RETURN $token"):
            return [[values["token"]]]
        if text.startswith("MATCH (n) RETURN labels(n)"):
            return [[["Person"]]]
        if text.startswith("CALL db.labels"):
            return [["Person"]]
        if text.startswith("MATCH (n:`Person`) RETURN count"):
            return [[1]]
        if text.startswith("MATCH (n:`Person`) WHERE"):
            return [[{"name": "Ann Lee"}]]
        return failure("Procedure") if text.startswith(("SHOW", "CALL dbms")) else []


def behaviour(script: Callable[[bytes], bytes]) -> Callable[[socket.socket], None]:
    """The script as a peer on a socket, which ends the connection at what is no Bolt."""

    def behave(connection: socket.socket) -> None:
        with connection.makefile("rb") as asked:
            hand = asked.read(4)
            if hand != b"\x60\x60\xb0\x17":
                return
            connection.sendall(script(hand + asked.read(16)))
            while len(head := asked.read(2)) == 2:
                data = head + asked.read(int.from_bytes(head)) + asked.read(2)
                connection.sendall(script(data))

    return behave


def _scripted(**said: Any) -> Callable[[], contextlib.AbstractContextManager[Target]]:
    return lambda: peer(behaviour(Bolt(**said)))


MEMGRAPH = "Neo4j/v5.11.0 compatible graph database server - Memgraph"

ROWS = Rows(
    "neo4j",
    rows=[
        Row("open", lends(filled), Verdict.OPEN, can_write="yes"),
        Row("empty", lends(shared, neo4j), Verdict.OPEN, can_write="yes"),
        Row(
            "authentication on",
            lends(shared, neo4j, authentication=True),
            Verdict.AUTH_REQUIRED,
        ),
        Row(
            "metadata only",
            _scripted(said={"MATCH": failure("Forbidden")}),
            Verdict.OPEN_PARTIAL,
            real=False,
        ),
        Row(
            "read-only",
            lends(shared, neo4j, read_only=True),
            Verdict.OPEN,
            can_write="no",
        ),
        Row("another product", _scripted(agent=MEMGRAPH, version=(5, 2)), Verdict.OPEN, real=False),
        Row("old version", _scripted(version=(3, 0)), Verdict.OPEN, real=False),
    ],
    absent={},
)
