"""What the elasticsearch engine learns for little, and its stream, at a real OpenSearch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.elasticsearch import ENGINE
from leftopen.knowledge import (
    CountsBetween,
    KnowsFields,
    Marks,
    StreamsFields,
    TellsSince,
)
from leftopen.net.connection import Connection
from leftopen.servers.base import Server
from leftopen.servers.opensearch import call, fill, opensearch
from leftopen.testing import connection, start

RECORDS = 12_000
PERSONS = 4_000
FIRST = datetime.fromisoformat("2026-01-01")
STEP = timedelta(seconds=13)
LIMITS = StoreLimits(rows=2_000, silence=15.0)  # a node shares two cores with the rest of the run
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FIELDS = {
    "person": {"properties": {"id": {"type": "keyword"}}},
    "at": {"type": "date"},
    "seen": {"type": "date", "format": "epoch_second"},
    "turn": {"type": "long"},
    "email": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
    "note": {"type": "text"},
    "silent": {"type": "date", "index": False},
    "few": {"type": "keyword"},
    "visits": {"type": "nested", "properties": {"n": {"type": "long"}}},
}


def _seconds(at: datetime) -> int:
    return round((at.replace(tzinfo=UTC) - EPOCH).total_seconds())


def _positions() -> Iterator[dict[str, Any]]:
    for n in range(RECORDS):
        at = FIRST + n * STEP
        yield {
            "_id": f"r{n}",
            "person": {"id": f"person-{n % PERSONS}"},
            "at": at.isoformat() + "Z",
            "seen": _seconds(at),
            "turn": n,
            "email": f"p{n % PERSONS}@example.org",
            "note": "seen",
            "silent": at.isoformat() + "Z",
            "visits": [{"n": n}],
        } | ({"few": "yes"} if n % 4 == 0 else {})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start(opensearch) as standing:
        mapping = json.dumps({"mappings": {"properties": _FIELDS}})
        call(standing, "PUT", "/positions", mapping)
        fill(standing, "positions", _positions())
        call(standing, "PUT", "/bare", json.dumps({}))
        fill(standing, "bare", ({"n": n} if n % 2 else {"m": n} for n in range(30)))
        template = {"index_patterns": ["traces*"], "data_stream": {}}
        call(standing, "PUT", "/_index_template/traces", json.dumps(template))
        fill(standing, "traces", ({"@timestamp": "2026-01-01T00:00:00Z", "n": n} for n in range(9)))
        yield standing


async def _of(link: Connection, name: str = "positions") -> Collection:
    (found,) = [one for one in await ENGINE.collections(link) if one.name == name]
    return found


def test_what_it_can() -> None:
    for what in (KnowsFields, CountsBetween, Marks, TellsSince, StreamsFields):
        assert isinstance(ENGINE, what)


async def test_what_is_known_of_fields(server: Server) -> None:
    paths = ["_id", "person.id", "email", "at", "turn", "few", "note", "visits[].n", "gone"]
    async with connection(ENGINE, server, LIMITS) as link:
        told = await ENGINE.known(link, await _of(link), paths)
    assert set(told) == {"_id", "person.id", "email", "at", "turn", "few", "visits[].n"}
    assert told["_id"].unique
    for path, truth in {"person.id": PERSONS, "email": PERSONS, "turn": RECORDS, "few": 1}.items():
        distinct, error = told[path].distinct, told[path].error
        assert distinct is not None
        assert error is not None
        assert abs(distinct - truth) <= 4 * error * truth, path
    assert told["few"].filled == 0.25
    assert told["email"].filled == 1.0
    assert [path for path in told if told[path].indexed] == ["at", "turn"]
    assert told["visits[].n"].distinct is None  # nested documents are not seen from their parents


@pytest.mark.parametrize(
    ("path", "begin", "end", "truth"),
    [
        ("at", FIRST + 100 * STEP, FIRST + 350 * STEP, 250),
        ("at", FIRST - STEP, FIRST + 11_000 * STEP, 11_000),
        ("at", "2026-01-01T00:00:00Z", "2026-01-01T00:13:00Z", 60),
        ("seen", _seconds(FIRST), _seconds(FIRST + 70 * STEP), 70),
        ("seen", FIRST, FIRST + 70 * STEP, 70),
        ("turn", 10, 1_234, 1_224),
        ("turn", 10.5, 12.5, 2),
        ("turn", 5, 5, 0),
        ("turn", FIRST, FIRST + STEP, None),
        ("email", "2026-01-01", "2026-01-02", None),
        ("person.id", 1, 2, None),
        ("gone", 1, 2, None),
    ],
)
async def test_a_range_is_counted(
    server: Server, path: str, begin: Any, end: Any, truth: int | None
) -> None:
    async with connection(ENGINE, server, LIMITS) as link:
        counted = await ENGINE.count_between(link, await _of(link), path, begin, end)
    assert counted == truth


async def test_counters_move_when_somebody_writes(server: Server) -> None:
    async with connection(ENGINE, server, LIMITS) as link:
        found = await ENGINE.collections(link)
        first = await ENGINE.marks(link, found)
        again = await ENGINE.marks(link, found)
        await asyncio.to_thread(fill, server, "bare", [{"n": 1}, {"n": 2}])
        moved = await ENGINE.marks(link, found)
    assert set(first) == {"positions", "bare", "traces"}
    assert first == again
    assert first["traces"] == moved["traces"]
    assert (first["traces"].records, first["traces"].changes) == (9, 9)
    assert first["positions"] == moved["positions"]
    assert moved["bare"].records == (first["bare"].records or 0) + 2
    assert moved["bare"].changes == (first["bare"].changes or 0) + 2


async def test_since_when_it_runs(server: Server) -> None:
    async with connection(ENGINE, server, LIMITS) as link:
        since = await ENGINE.since(link)
    assert since is not None
    assert since.how == "started"
    age = datetime.now(UTC).replace(tzinfo=None) - since.moment
    assert timedelta() <= age < timedelta(minutes=30)


@pytest.mark.parametrize(
    "paths", [["email"], ["_id"], ["_id", "person.id", "at"], ["turn", "visits[].n"]]
)
async def test_every_record_once_as_a_sample_has_it(server: Server, paths: Sequence[str]) -> None:
    async with connection(ENGINE, server, LIMITS) as link:
        positions = await _of(link)
        sample, *_ = [batch async for batch in ENGINE.sample(link, positions, LIMITS)]
        table = pa.Table.from_batches(
            [batch async for batch in ENGINE.stream(link, positions, paths, LIMITS)]
        )
    assert table.num_rows == RECORDS
    assert table.column_names == list(paths)
    assert all(sample.schema.field(path).type == table.schema.field(path).type for path in paths)
    if "_id" in paths:
        assert len(set(table["_id"].to_pylist())) == RECORDS
    if "turn" in paths:
        assert sorted(table["turn"].to_pylist()) == list(range(RECORDS))
    if "email" in paths:
        assert len(set(table["email"].to_pylist())) == PERSONS


async def test_documents_without_the_field_are_rows_too(server: Server) -> None:
    async with connection(ENGINE, server, LIMITS) as link:
        bare = await _of(link, "bare")
        batches = [b async for b in ENGINE.stream(link, bare, ["n"], LIMITS)]
    assert sum(batch.num_rows for batch in batches) == bare.records


async def test_a_stream_ends_at_its_bytes(server: Server) -> None:
    async with connection(ENGINE, server, LIMITS) as link:
        positions = await _of(link)
        few = StoreLimits(bytes=100_000)
        batches = [b async for b in ENGINE.stream(link, positions, ["email"], few)]
        assert 0 < sum(batch.num_rows for batch in batches) < RECORDS
        assert (await ENGINE.marks(link, [positions]))["positions"].records is not None
