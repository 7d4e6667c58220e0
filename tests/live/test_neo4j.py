"""The neo4j engine against real servers of Neo4j 5.26, Community Edition."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engines.neo4j import ENGINE
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.neo4j import fill, neo4j, written
from leftopen.testing import connection, shared
from tests.live import reading
from tests.rows.neo4j import PEOPLE, filled

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
