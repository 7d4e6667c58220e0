"""The kafka engine against real brokers of Apache Kafka 3.9 (KRaft)."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engines.kafka import ENGINE
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.kafka import fill, kafka, record, requests, topic
from leftopen.testing import connection, shared, start
from tests.live import knowing, reading
from tests.rows.kafka import PEOPLE, limited, opened


@pytest.fixture
def town() -> Server:
    return opened()


async def test_open(town: Server) -> None:
    proof = await reading.probe(ENGINE, town)
    assert (proof.verdict, proof.product, proof.can_write) == (Verdict.OPEN, "kafka", "yes")


async def test_empty() -> None:
    reason = "topics can be listed without credentials; there is none"
    assert await reading.probe(ENGINE, shared(kafka)) == Proof(
        Verdict.OPEN, reason, None, "kafka", "yes"
    )
    assert await reading.read(ENGINE, shared(kafka)) == {}


async def test_authentication_on() -> None:
    locked = shared(kafka, password="hare-and-tortoise")
    assert await reading.probe(ENGINE, locked) == Proof(
        Verdict.AUTH_REQUIRED, "asks for credentials (SASL)", product="kafka"
    )


async def test_may_describe_and_not_read() -> None:
    reason = "its topics are listed, but not read (denied)"
    proof = await reading.probe(ENGINE, limited("DESCRIBE"))
    assert proof == Proof(Verdict.OPEN_PARTIAL, reason, None, "kafka", "no")


async def test_may_read_and_not_write() -> None:
    reason = "a topic's records were read without credentials"
    proof = await reading.probe(ENGINE, limited("READ"))
    assert proof == Proof(Verdict.OPEN, reason, None, "kafka", "no")


async def test_what_is_in_it(town: Server) -> None:
    found = await reading.read(ENGINE, town)
    assert {name: collection.records for name, (collection, _) in found.items()} == {
        "people": PEOPLE,
        "plain": 2,
        "avro": 1,
        "nothing": 0,
    }
    # every compression is among them
    rows = [row for batch in found["people"][1] for row in batch.to_pylist()]
    assert sorted(row["value.n"] for row in rows) == list(range(PEOPLE))
    assert all(row["key"] == f"p{row['value.n']}" for row in rows)
    plain = [row["value"] for batch in found["plain"][1] for row in batch.to_pylist()]
    assert plain == ["Grüße an Ann", "\ufffd\x00\ufffd"]
    assert found["avro"][1][0].to_pylist()[0]["value[]"] == ["Ann Lee", "ann.lee@example.org"]
    assert found["nothing"][1] == []


async def test_a_sample_comes_from_all_over(town: Server) -> None:
    drawn = set()
    for _ in range(4):
        batches = (await reading.read(ENGINE, town, StoreLimits(rows=40)))["people"][1]
        numbers = [n for batch in batches for n in batch["value.n"].to_pylist()]
        assert len(set(numbers)) == len(numbers)
        assert 20 <= len(numbers) <= 40
        drawn.add(frozenset(numbers))
    assert len(drawn) > 1


async def test_a_connection_that_was_dropped_is_dialled_again(town: Server) -> None:
    async with connection(ENGINE, town) as link:
        (people,) = [c for c in await ENGINE.collections(link) if c.name == "people"]
        await link.close()
        batches = [batch async for batch in ENGINE.sample(link, people, link.limits)]
    assert sum(batch.num_rows for batch in batches) == PEOPLE


async def test_the_broker_saw_reads_only(town: Server) -> None:
    await reading.probe(ENGINE, town)
    await reading.read(ENGINE, town)
    seen = requests(town, "leftopen")
    assert len(seen) > 10
    assert set(seen) == {"API_VERSIONS", "METADATA", "LIST_OFFSETS", "FETCH"}
    assert sorted(await reading.read(ENGINE, town)) == [
        "avro",
        "nothing",
        "people",
        "plain",
    ]  # no topic was made


async def test_the_classifier_finds_the_persons_in_it(town: Server) -> None:
    _, batches = (await reading.read(ENGINE, town))["people"]
    fields = classify(pa.Table.from_batches(batches), "people").fields
    kinds = [fields[path].kind for path in ("value.name", "value.email")]
    assert kinds == ["name.person", "email"]


# --- what it knows for nothing -------------------------------------------------------------------


async def test_the_oldest_record_tells_since_when_it_was_there(town: Server) -> None:
    assert knowing.is_recent(await knowing.since(ENGINE, town), "log")
    assert await knowing.since(ENGINE, shared(kafka)) is None  # it has no topic


async def test_marks_move_with_writes_alone() -> None:
    writes = [record("people", b"x"), record("people", b"y"), record("people", b"z")]
    with start(kafka) as server:
        fill(server, [topic("people", 2), topic("nothing"), *writes])
        before, after = await knowing.marks_around(ENGINE, server, lambda: fill(server, writes))
    assert before == {"people": Mark(changes=3), "nothing": Mark(changes=0)}
    assert after == {"people": Mark(changes=6), "nothing": Mark(changes=0)}


async def test_counts_between_moments(town: Server) -> None:
    hour, now = timedelta(hours=1), knowing.now()
    for name, begin, end, records in (
        ("people", now - hour, now, PEOPLE),
        ("people", now - 2 * hour, now - hour, 0),
        ("people", now, now + hour, 0),
        ("nothing", now - hour, now, 0),
    ):
        assert await knowing.counted(ENGINE, town, name, "time", begin, end) == records
    assert await knowing.counted(ENGINE, town, "people", "value.n", 0, 10) is None
    assert await knowing.counted(ENGINE, town, "people", "time", 0, 10) is None
