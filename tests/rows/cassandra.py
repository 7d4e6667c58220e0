"""Cassandra in each state: real nodes, and a scripted one for a state that no node here has."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

from leftopen.model import Target, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.cassandra import cassandra, fill
from leftopen.testing import peer, shared
from tests.rows.row import Row, Rows, lends, once_a_run

PEOPLE = 300


def town() -> Iterator[str]:
    """A keyspace of invented people: a table of plain columns, one of each other type, an empty
    one, and one with names that must be quoted."""
    options = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    yield f"CREATE KEYSPACE town WITH replication = {options}"
    yield "CREATE TABLE town.people (id int PRIMARY KEY, name text, email text, born date)"
    for n in range(PEOPLE):
        yield (
            "INSERT INTO town.people (id, name, email, born) VALUES"
            f" ({n}, 'Ann Lee', 'ann.lee{n}@example.org', '19{n % 90 + 10}-02-03')"
        )
    yield "CREATE TYPE town.home (street text, city text)"
    yield (
        "CREATE TABLE town.types (a uuid, b int, c set<text>, d map<text, int>, e frozen<home>,"
        " f decimal, g inet, h timestamp, i list<frozen<tuple<int, text>>>, j varint, k blob,"
        " l boolean, m double, n time, o smallint, p tinyint, PRIMARY KEY ((a), b))"
    )
    yield (
        "INSERT INTO town.types (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) VALUES"
        " (123e4567-e89b-12d3-a456-426614174000, 1, {'x', 'y'}, {'one': 1},"
        " {street: 'Main', city: 'Ulm'}, -12.50, '192.0.2.7', '2024-02-03 04:05:06.007+0000',"
        " [(7, 'seven')], -70000000000000000000, 0xff00, true, 0.5, '01:02:03', -3, 4)"
    )
    yield "CREATE TABLE town.nobody (id int PRIMARY KEY)"
    yield 'CREATE TABLE town."Odd" ("k""q" text PRIMARY KEY, "SELECT" text)'
    yield """INSERT INTO town."Odd" ("k""q", "SELECT") VALUES ('1', 'x')"""


@once_a_run
def filled() -> Server:
    """A node that anybody may read and write, with the town in it."""
    server = cassandra()
    with unless_failed(server):
        fill(server, town())
    return server


# --- a scripted node -----------------------------------------------------------------------------

Cell = bytes | None
READY, INVALID, UNAUTHORIZED = (2, b""), 0x2200, 0x2100


def string(text: str) -> bytes:
    return struct.pack("!H", len(text.encode())) + text.encode()


def error(code: int) -> tuple[int, bytes]:
    return 0, struct.pack("!i", code) + string("no, and ann.lee@example.org")


def rows(
    names: Sequence[str], cells: Sequence[Sequence[Cell]], types: Sequence[bytes] | None = None
) -> tuple[int, bytes]:
    """A RESULT of rows; columns are texts, where no types (encoded) are given."""
    body = struct.pack("!iii", 2, 1, len(names)) + string("k") + string("t")
    for number, name in enumerate(names):
        body += string(name) + (types[number] if types else b"\x00\x0d")
    body += struct.pack("!i", len(cells))
    for row in cells:
        for cell in row:
            body += b"\xff\xff\xff\xff" if cell is None else struct.pack("!i", len(cell)) + cell
    return 8, body


class Node:
    """Answers as a Cassandra 4 with a table `town.people` of one row. `said` holds other answers
    (operation and body) for OPTIONS and STARTUP or for the beginnings of queries."""

    def __init__(
        self, said: Mapping[str, tuple[int, bytes]] | None = None, version: int = 4
    ) -> None:
        self.said, self.version = said or {}, version
        self.asked: list[str] = []

    def __call__(self, data: bytes) -> bytes:
        version, _, stream, operation, length = struct.unpack("!BBhBi", data[:9])
        assert len(data) == 9 + length
        if version != self.version:
            return frame(self.version, stream, *error(0x000A))
        text = {5: "OPTIONS", 1: "STARTUP"}.get(operation)
        if operation == 7:
            text = data[13 : 13 + int.from_bytes(data[9:13])].decode()
        assert text is not None
        self.asked.append(text)
        for start, (told, body) in self.said.items():
            if text.startswith(start):
                return frame(version, stream, told, body)
        return frame(version, stream, *self.answer(text))

    def answer(self, text: str) -> tuple[int, bytes]:
        if text == "OPTIONS":
            return 6, b"\x00\x01" + string("CQL_VERSION") + b"\x00\x01" + string("3.4.6")
        if text == "STARTUP":
            return READY
        if " FROM system.local " in text:
            name = text.split('"')[1]
            cell = b"org.apache.cassandra.dht.Murmur3Partitioner"
            return rows([name, "partitioner"], [[b"4.1.7", cell]])
        if " FROM system_schema.tables" in text:
            names = ["keyspace_name", "table_name"]
            return rows(names, [[b"system", b"local"], [b"town", b"people"]])
        if " FROM system_schema.columns" in text:
            cells = [[b"id", b"partition_key", bytes(4)], [b"name", b"regular", b"\xff" * 4]]
            types = [b"\x00\x0d", b"\x00\x0d", b"\x00\x09"]
            return rows(["column_name", "kind", "position"], cells, types)
        if text.startswith('SELECT "id" FROM "town"."people"'):
            return rows(["id"], [[b"7"]])
        if text.startswith('SELECT "id", "name" FROM "town"."people"'):
            return rows(["id", "name"], [[b"7", b"Ann Lee"]])
        return error(INVALID)


def frame(version: int, stream: int, operation: int, body: bytes) -> bytes:
    return struct.pack("!BBhBi", 0x80 + version, 0, stream, operation, len(body)) + body


def behaviour(script: Callable[[bytes], bytes]) -> Callable[[socket.socket], None]:
    """The script as a peer on a socket, which ends the connection at what is no CQL."""

    def behave(connection: socket.socket) -> None:
        with connection.makefile("rb") as asked:
            while len(head := asked.read(9)) == 9 and head[0] <= 6 and head[5:7] == b"\0\0":
                connection.sendall(script(head + asked.read(int.from_bytes(head[5:]))))

    return behave


@contextlib.contextmanager
def _metadata_only() -> Iterator[Target]:
    with peer(behaviour(Node({'SELECT "id"': error(UNAUTHORIZED)}))) as found:
        yield found


@contextlib.contextmanager
def _old() -> Iterator[Target]:
    """A node before Cassandra 3: version 3 of the protocol, the schema in another place."""
    said = {
        "SELECT keyspace_name, table_name": error(INVALID),
        "SELECT keyspace_name, columnfamily_name": rows(
            ["keyspace_name", "columnfamily_name"], [[b"town", b"people"]]
        ),
        "SELECT column_name, type": rows(
            ["column_name", "type", "component_index"], [[b"id", b"partition_key", None]]
        ),
    }
    with peer(behaviour(Node(said, version=3))) as found:
        yield found


ROWS = Rows(
    "cassandra",
    rows=[
        Row("open", lends(filled), Verdict.OPEN, can_write="yes"),
        Row("empty", lends(shared, cassandra), Verdict.OPEN, can_write="yes"),
        Row(
            "authentication on",
            lends(shared, cassandra, authentication=True),
            Verdict.AUTH_REQUIRED,
        ),
        Row("metadata only", _metadata_only, Verdict.OPEN_PARTIAL, real=False),
        Row("old version", _old, Verdict.OPEN, real=False),
    ],
    absent={
        "read-only": "Cassandra knows permissions of named roles only: its authorizer that tells"
        " reading from writing does not start where clients need no name",
    },
)
