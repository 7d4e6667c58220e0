"""The chroma engine against a real Chroma (1.x), and against one behind an nginx that asks for a
token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import Profiler
from leftopen.engines.chroma import ENGINE
from leftopen.knowledge import Mark
from leftopen.model import Verdict
from leftopen.servers.base import Server
from leftopen.servers.chroma import chroma, fill, gate
from leftopen.testing import LIMITS, connection, start
from tests.live import reading

PEOPLE = 1_200


def _people(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield {
            "id": f"p{n}",
            "embedding": [float(n), 1.0, 0.5],
            "metadata": {"email": f"ann.lee{n}@example.org", "number": n, "vip": n % 2 == 0},
            "document": f"Ann Lee lives at {n} Mill Lane.",
        }


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start(chroma) as running:
        fill(running, "people", _people(PEOPLE))
        fill(running, "pairs", _people(2), database="second")
        fill(running, "none", [])
        yield running


def column(batches: list[pa.RecordBatch], name: str) -> list[Any]:
    return [v for b in batches if name in b.schema.names for v in b.column(name).to_pylist()]


async def test_open(server: Server) -> None:
    proof = await reading.probe(ENGINE, server)
    assert proof.verdict is Verdict.OPEN
    assert re.fullmatch(r"\d+\.\d+\.\d+", proof.version or "")
    assert proof.can_write == "unknown"


async def test_what_is_in_it(server: Server) -> None:
    found = await reading.read(ENGINE, server, LIMITS)
    assert {name: collection.records for name, (collection, _) in found.items()} == {
        "people": PEOPLE, "second/pairs": 2, "none": 0,
    }  # fmt: skip
    people = found["people"][1]
    assert sorted(column(people, "metadata.number")) == list(range(PEOPLE))
    assert set(people[0].schema.names) == {
        "id", "metadata.email", "metadata.number", "metadata.vip", "document", "uri", "embedding[]",
    }  # fmt: skip
    assert column(people, "embedding[]")[3] == [3.0, 1.0, 0.5]
    assert len(column(people, "embedding[]")) == 20
    assert column(found["second/pairs"][1], "id") == ["p0", "p1"]
    assert found["none"][1] == []


async def test_a_sample_is_drawn_from_all_of_it_without_repeating(server: Server) -> None:
    found = await reading.read(ENGINE, server, StoreLimits(rows=300))
    numbers = column(found["people"][1], "metadata.number")
    assert len(set(numbers)) == len(numbers) == 300
    assert min(numbers) < 400
    assert max(numbers) >= 800


async def test_the_classifier_finds_the_persons_in_it(server: Server) -> None:
    found = await reading.read(ENGINE, server, StoreLimits(rows=100))
    profiler = Profiler("people")
    for batch in found["people"][1]:
        profiler.update(batch)
    fields = profiler.finish().fields
    assert fields["metadata.email"].kind == "email"
    assert fields["metadata.vip"].kind == "none"


async def test_the_server_was_only_asked_what_reads(server: Server) -> None:
    before = len(server.log.read_text())
    await reading.probe(ENGINE, server)
    found = await reading.read(ENGINE, server, LIMITS)
    log = re.sub(r"\x1b\[[0-9;]*m", "", server.log.read_text()[before:])
    asked = set(re.findall(r"http\.method: (\w+), http\.uri: ([^,\s]+)", log))
    assert {method for method, _ in asked} == {"GET", "POST"}
    assert all(uri.endswith("/get") for method, uri in asked if method == "POST")
    after = await reading.read(ENGINE, server, LIMITS)
    assert {n: c.records for n, (c, _) in after.items()} == {
        n: c.records for n, (c, _) in found.items()
    }


async def test_open_and_empty() -> None:
    with start(chroma) as empty:
        proof = await reading.probe(ENGINE, empty)
        assert (proof.verdict, "empty" in proof.reason) == (Verdict.OPEN, True)
        assert await reading.read(ENGINE, empty, LIMITS) == {}


async def test_locked_by_a_gate(server: Server) -> None:
    with start(gate, server, "not to be guessed") as locked:
        proof = await reading.probe(ENGINE, locked)
        assert (proof.verdict, proof.version) == (Verdict.AUTH_REQUIRED, None)


async def test_its_counters(server: Server) -> None:
    async with connection(ENGINE, server) as link:
        told = await ENGINE.marks(link, await ENGINE.collections(link))
    assert told == {"people": Mark(PEOPLE), "second/pairs": Mark(2), "none": Mark(0)}
