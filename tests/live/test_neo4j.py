"""The neo4j engine against real servers of Neo4j 5.26, Community Edition."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engines.neo4j import ENGINE
from leftopen.knowledge import Known, Mark, Moment
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.neo4j import fill, neo4j, written
from leftopen.testing import connection, shared
from tests.live import knowing, reading
from tests.rows.neo4j import PEOPLE, filled
from tests.rows.row import once_a_run

VERSION = "5.26.0"


@pytest.fixture
def town() -> Server:
    return filled()


async def test_open(town: Server) -> None:
    reason = "a node was read without credentials"
    assert await reading.probe(ENGINE, town) == Proof(Verdict.OPEN, reason, VERSION, "neo4j", "yes")


async def test_empty() -> None:
    reason = "queries are answered without credentials; there is no node"
    assert await reading.probe(ENGINE, shared(neo4j)) == Proof(
        Verdict.OPEN, reason, VERSION, "neo4j", "yes"
    )
    assert await reading.read(ENGINE, shared(neo4j)) == {}


async def test_read_only() -> None:
    proof = await reading.probe(ENGINE, shared(neo4j, read_only=True))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "no")


async def test_authentication_on() -> None:
    async with connection(ENGINE, shared(neo4j, authentication=True)) as link:
        assert await ENGINE.probe(link) == Proof(Verdict.AUTH_REQUIRED, "asks for credentials")
        assert link.requests == ["handshake", "HELLO", "LOGON"]


async def test_what_is_in_it(town: Server) -> None:
    found = await reading.read(ENGINE, town)
    assert {name: collection.records for name, (collection, _) in found.items()} == {
        ":Person": PEOPLE,
        ":Types": 1,
        ":Odd`er Name": 1,
        "-[:KNOWS]->": 3,
    }
    people = pa.Table.from_batches(found[":Person"][1])
    assert sorted(people.column("id").to_pylist()) == list(range(PEOPLE))
    assert people.schema.field("born").type == pa.date32()
    links = [row for batch in found["-[:KNOWS]->"][1] for row in batch.to_pylist()]
    assert sorted(row["since"] for row in links) == [2001, 2002, 2003]


async def test_every_type_is_read(town: Server) -> None:
    _, (batch,) = (await reading.read(ENGINE, town))[":Types"]
    (row,) = batch.to_pylist()
    assert row == {
        "a": True,
        "b": -7,
        "c": 123456789012,
        "d": 0.5,
        "e[]": ["x", "y"],
        "f": datetime.fromisoformat("2024-02-03T03:05:06.007"),
        "g": datetime.fromisoformat("2024-02-03T04:05:06"),
        "h": "1:02:03",
        "i": "1:02:03",
        "j.x": 9.9,
        "j.y": 48.4,
        "k": datetime.fromisoformat("2024-02-03T03:05:06"),
        "l.x": 1.0,
        "l.y": 2.0,
        "l.z": 3.0,
    }


async def test_a_sample_is_random_nodes(town: Server) -> None:
    drawn = set()
    for _ in range(2):
        batches = (await reading.read(ENGINE, town, StoreLimits(rows=50)))[":Person"][1]
        numbers = [n for batch in batches for n in batch["id"].to_pylist()]
        assert len(set(numbers)) == len(numbers) == 50  # of 150 that chance draws
        drawn.add(frozenset(numbers))
    assert len(drawn) == 2


async def test_a_connection_that_was_dropped_is_dialled_again(town: Server) -> None:
    async with connection(ENGINE, town) as link:
        (people,) = [c for c in await ENGINE.collections(link) if c.name == ":Person"]
        await link.close()
        batches = [batch async for batch in ENGINE.sample(link, people, link.limits)]
    assert sum(batch.num_rows for batch in batches) == PEOPLE


async def test_nothing_was_written(town: Server) -> None:
    before = written(town)
    await reading.probe(ENGINE, town)
    await reading.read(ENGINE, town)
    assert written(town) == before
    fill(town, ["MATCH (n:Types) SET n.b = -8", "MATCH (n:Types) SET n.b = -7"])
    assert written(town) == before + 2  # it would have shown


async def test_the_classifier_finds_the_persons_in_it(town: Server) -> None:
    _, batches = (await reading.read(ENGINE, town))[":Person"]
    fields = classify(pa.Table.from_batches(batches), "Person").fields
    kinds = [fields[path].kind for path in ("name", "email", "born")]
    assert kinds == ["name.person", "email", "birth.date"]


# --- what it knows for nothing -------------------------------------------------------------------

_FIRST = datetime(2026, 1, 1)  # noqa: DTZ001  moments are UTC without a zone


@once_a_run
def indexed() -> Server:
    """A server with 5,000 visits, indexed in some ways, and a few links."""
    server = neo4j()
    with unless_failed(server):
        fill(server, [
            "UNWIND range(0, 4999) AS n CREATE (:Visit {id: n, town: n % 37, `a.b`: 'x' + n,"
            " home: '{\"mail\": \"p' + n + '@example.org\"}', plain: n,"
            " at: datetime('2026-01-01T01:00:00+01:00') + duration({minutes: n}),"
            " local: localdatetime('2026-01-01T00:00:00') + duration({minutes: n})})",
            "MATCH (a:Visit {id: 0}), (b:Visit) WHERE 0 < b.id < 6"
            " CREATE (a)-[:Visit {no: b.id}]->(b)",
            "CREATE CONSTRAINT FOR (v:Visit) REQUIRE v.id IS UNIQUE",
            *(f"CREATE INDEX FOR (v:Visit) ON (v.{name})" for name in ("at", "local", "town")),
            "CREATE INDEX FOR (v:Visit) ON (v.plain, v.town)",
            "CREATE INDEX FOR ()-[v:Visit]-() ON (v.no)",
            "CALL db.awaitIndexes(60)",
        ])  # fmt: skip
    return server


async def test_since_when_it_runs() -> None:
    assert knowing.is_recent(await knowing.since(ENGINE, indexed()), "started")


async def test_what_its_catalogue_knows() -> None:
    paths = ("id", "town", "at", "plain", "no", "not there")
    told = await knowing.known(ENGINE, indexed(), ":Visit", *paths)
    assert told == {
        "id": Known(distinct=5_000, drawn=5_000, unique=True, indexed=True),
        "town": Known(distinct=37, drawn=5_000, indexed=True),
        "at": Known(distinct=5_000, drawn=5_000, indexed=True),
    }
    links = await knowing.known(ENGINE, indexed(), "-[:Visit]->", *paths)
    assert links == {"no": Known(distinct=5, drawn=5, indexed=True)}


@pytest.mark.parametrize(
    ("path", "begin", "end", "records"),
    [
        ("at", _FIRST, _FIRST + timedelta(hours=1), 60),
        ("at", _FIRST - timedelta(hours=1), _FIRST, 0),
        ("local", _FIRST, _FIRST + timedelta(hours=2), 120),
        ("id", 5, 10, 5),
        ("id", 4.5, 10.5, 6),
        ("id", "a", "z", 0),
        ("town", 0, 1, 136),
        ("plain", 0, 1, None),  # its index serves both of its properties only
        ("home", "a", "z", None),
        ("id", 5, "z", None),
    ],
)
async def test_counts_over_an_index(
    path: str, begin: Moment, end: Moment, records: int | None
) -> None:
    assert await knowing.counted(ENGINE, indexed(), ":Visit", path, begin, end) == records


async def test_counts_of_links() -> None:
    assert await knowing.counted(ENGINE, indexed(), "-[:Visit]->", "no", 2, 4) == 2


async def test_marks_move_with_writes_alone(town: Server) -> None:
    before, after = await knowing.marks_around(
        ENGINE, town, lambda: fill(town, ["CREATE (:Person {id: -1})-[:KNOWS]->(:Person {id: -1})"])
    )
    fill(town, ["MATCH (n:Person {id: -1}) DETACH DELETE n"])
    assert before[":Person"] == Mark(records=PEOPLE)
    assert after[":Person"] == Mark(records=PEOPLE + 2)
    assert after["-[:KNOWS]->"] == Mark(records=4)
    assert after[":Types"] == before[":Types"]


async def test_a_stream_gives_each_node_once() -> None:
    before = written(indexed())
    rows = await knowing.streamed(ENGINE, indexed(), ":Visit", ["id", "home.mail", "a.b"])
    assert sorted(row["id"] for row in rows) == list(range(5_000))
    assert all(row["home.mail"] == f"p{row['id']}@example.org" for row in rows)
    assert all(row["a.b"] == f"x{row['id']}" for row in rows)
    links = await knowing.streamed(ENGINE, indexed(), "-[:Visit]->", ["no"])
    assert sorted(row["no"] for row in links) == [1, 2, 3, 4, 5]
    assert written(indexed()) == before


async def test_a_stream_ends_with_its_budget() -> None:
    limits = StoreLimits(bytes=30_000)
    rows = await knowing.streamed(ENGINE, indexed(), ":Visit", ["id"], limits)
    assert 0 < len(rows) < 5_000
