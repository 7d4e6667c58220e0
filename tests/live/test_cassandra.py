"""The cassandra engine against real nodes of Apache Cassandra 4.1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from leftopen.classifier import classify
from leftopen.engines.cassandra import ENGINE
from leftopen.knowledge import Known
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.cassandra import cassandra, fill, queries
from leftopen.testing import connection, shared
from tests.live import reading
from tests.rows.cassandra import PEOPLE, filled


@pytest.fixture
def town() -> Server:
    return filled()


async def test_open(town: Server) -> None:
    async with connection(ENGINE, town) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 8_192
    reason = "a table's row was read without credentials"  # of three tables two or more hold some
    assert proof == Proof(Verdict.OPEN, reason, "4.1.7", "cassandra", "yes")


async def test_empty() -> None:
    async with connection(ENGINE, shared(cassandra)) as link:
        proof = await ENGINE.probe(link)
    assert await reading.read(ENGINE, shared(cassandra)) == {}
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "yes")
    assert proof.reason == "its schema can be read without credentials; it holds no table"


async def test_authentication_on() -> None:
    async with connection(ENGINE, shared(cassandra, authentication=True)) as link:
        proof = await ENGINE.probe(link)
        assert link.requests == ["OPTIONS", "STARTUP"]
    assert proof == Proof(
        Verdict.AUTH_REQUIRED, "asks for credentials", product="cassandra", can_write="unknown"
    )


async def test_what_is_in_it(town: Server) -> None:
    found = await reading.read(ENGINE, town)
    assert {name: collection.records for name, (collection, _) in found.items()} == {
        "town.people": PEOPLE,
        "town.types": 1,
        "town.nobody": 0,
        "town.Odd": 1,
    }
    people = pa.Table.from_batches(found["town.people"][1])
    assert sorted(people.column("id").to_pylist()) == list(range(PEOPLE))
    assert people.schema.field("born").type == pa.date32()
    odd = found["town.Odd"][1][0].to_pylist()
    assert odd == [{'k"q': "1", "SELECT": "x"}]


async def test_every_type_is_read(town: Server) -> None:
    _, (batch,) = (await reading.read(ENGINE, town))["town.types"]
    (row,) = batch.to_pylist()
    told: dict[str, Any] = {
        "a": "123e4567-e89b-12d3-a456-426614174000",
        "b": 1,
        "c[]": ["x", "y"],
        "d.one": 1,
        "e.street": "Main",
        "e.city": "Ulm",
        "f": -12.5,
        "g": "192.0.2.7",
        "h": datetime.fromisoformat("2024-02-03T04:05:06.007"),
        "i[][]": ["7", "seven"],
        "j": "-70000000000000000000",
        "k": b"\xff\x00",
        "l": True,
        "m": 0.5,
        "n": "1:02:03",
        "o": -3,
        "p": 4,
    }
    assert row == told


async def test_a_sample_is_random_rows(town: Server) -> None:
    drawn = []
    for _ in range(2):
        async with connection(ENGINE, town) as link:
            limits = link.limits.__class__(rows=40)
            (people,) = [c for c in await ENGINE.collections(link) if c.name.endswith("people")]
            batches = [batch async for batch in ENGINE.sample(link, people, limits)]
        ids = pa.Table.from_batches(batches).column("id").to_pylist()
        assert len(set(ids)) == len(ids) == 40
        drawn.append(set(ids))
    assert drawn[0] != drawn[1]


async def test_a_connection_that_was_dropped_is_dialled_again(town: Server) -> None:
    async with connection(ENGINE, town) as link:
        (people,) = [c for c in await ENGINE.collections(link) if c.name.endswith("people")]
        await link.close()
        batches = [batch async for batch in ENGINE.sample(link, people, link.limits)]
    assert sum(batch.num_rows for batch in batches) == PEOPLE


async def test_what_is_known_of_keys(town: Server) -> None:
    async with connection(ENGINE, town) as link:
        found = {c.name: c for c in await ENGINE.collections(link)}
        people = await ENGINE.known(link, found["town.people"], ["id", "name"])
        types = await ENGINE.known(link, found["town.types"], ["a", "b"])
        odd = await ENGINE.known(link, found["town.Odd"], ['k"q', "SELECT"])
    assert people == {"id": Known(unique=True, filled=1.0)}
    assert set(types) == {"a"}
    assert not types["a"].unique  # with b together it is
    assert odd == {'k"q': Known(unique=True, filled=1.0)}


async def test_since(town: Server) -> None:
    async with connection(ENGINE, town) as link:
        told = await ENGINE.since(link)
        assert len(await ENGINE.collections(link)) == 4
    assert told is not None
    age = datetime.now(UTC).replace(tzinfo=None) - told.moment
    assert (told.how, timedelta(0) <= age < timedelta(hours=1)) == ("started", True)


async def test_a_stream_gives_each_row_once() -> None:
    options = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    node = shared(cassandra)
    statements = [
        f"CREATE KEYSPACE streamed WITH replication = {options}",
        "CREATE TABLE streamed.visits (id int PRIMARY KEY, mail text, told text)",
    ]
    for start in range(0, 12_000, 100):
        inserts = " ".join(
            f"INSERT INTO streamed.visits (id, mail, told) VALUES ({n}, 'p{n}@example.org', "
            "'{\"a\": 1}');"
            for n in range(start, start + 100)
        )
        statements.append(f"BEGIN UNLOGGED BATCH {inserts} APPLY BATCH")
    fill(node, statements)
    made: dict[str, list[Any]] = {}
    try:
        async with connection(ENGINE, node) as link:
            (visits,) = await ENGINE.collections(link)
            paths = ["id", "told.a", "nothing"]
            async for batch in ENGINE.stream(link, visits, paths, link.limits):
                assert batch.num_rows <= 5_000
                for name in batch.schema.names:
                    made.setdefault(name, []).extend(batch[name].to_pylist())
            assert [b async for b in ENGINE.stream(link, visits, ["nothing"], link.limits)] == []
            assert set(link.requests) <= ENGINE.requests
    finally:
        fill(node, ["DROP KEYSPACE streamed"])
    assert sorted(made["id"]) == list(range(12_000))
    assert set(made) == {"id", "told.a"}
    assert set(made["told.a"]) == {1}


async def test_the_node_saw_reads_only(town: Server) -> None:
    before = len(queries(town))
    async with connection(ENGINE, town) as link:
        await ENGINE.probe(link)
        await link.reopen()
        await ENGINE.since(link)
        (people,) = [c for c in await ENGINE.collections(link) if c.name.endswith("people")]
        await ENGINE.known(link, people, ["id"])
        assert [batch async for batch in ENGINE.stream(link, people, ["id"], link.limits)]
    await reading.read(ENGINE, town)
    seen = queries(town)[before:]
    assert len(seen) > 12
    # the node's own words for what each was; an ERROR is a setting's table asked for in vain
    assert {(kind, group) for kind, group, _ in seen} <= {
        ("SELECT", "QUERY"),
        ("REQUEST_FAILURE", "ERROR"),
    }
    assert all(text.startswith("SELECT ") for _, _, text in seen)


async def test_the_classifier_finds_the_persons_in_it(town: Server) -> None:
    _, batches = (await reading.read(ENGINE, town))["town.people"]
    fields = classify(pa.Table.from_batches(batches), "people").fields
    kinds = [fields[path].kind for path in ("name", "email", "born")]
    assert kinds == ["name.person", "email", "birth.date"]
