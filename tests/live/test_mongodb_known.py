"""What the MongoDB engine learns for nothing, and its stream, at two servers of that protocol:
SecantusDB, and mongo-java-server with the collections of `leftopen.servers.mongo_java`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.mongodb import ENGINE
from leftopen.knowledge import (
    CountsBetween,
    Known,
    KnowsFields,
    Mark,
    Marks,
    StreamsFields,
    TellsSince,
)
from leftopen.model import Verdict
from leftopen.net.connection import Connection
from leftopen.servers import mongo_java, mongodb
from leftopen.servers.base import Server
from leftopen.testing import LIMITS, connection, start

RECORDS = 5_000
FIRST = datetime.fromisoformat("2026-01-01")
STEP = timedelta(seconds=13)
Fill = Callable[[Server, str, str, Any], int]


@dataclass(frozen=True)
class Standing:
    """A server with positions in it, and how to put more there."""

    server: Server
    fill: Fill
    cursors: Callable[[], int | None]


def _position(n: int) -> dict[str, Any]:
    return {
        "email": f"p{n}@example.org",
        "person": {"id": f"person-{n % 700}"},
        "at": FIRST + n * STEP,
        "turn": n,
        "tags": [{"of": f"tag-{n % 9}"}],
    }


def _secantus() -> Iterator[Standing]:
    with start(mongodb.secantus) as server:
        mongodb.fill(server, "town", "positions", map(_position, range(RECORDS)))
        mongodb.fill(server, "town", "other", [{"n": 1}])
        with mongodb.client(server) as driver:
            positions = driver["town"]["positions"]
            for path in ("at", "turn"):
                positions.create_index(path)
            positions.create_index("email", unique=True)
        yield Standing(server, mongodb.fill, lambda: None)


def _mongo_java() -> Iterator[Standing]:
    with start(mongo_java.mongo_java, heap="256m") as server:
        for path in ("at", "turn", "email"):
            mongo_java.index(server, "town", "positions", path, unique=path == "email")
        mongo_java.fill(server, "town", "positions", map(_position, range(RECORDS)))
        mongo_java.fill(server, "town", "other", [{"n": 1}])

        def cursors() -> int:
            told = mongo_java.call(server, "admin", {"serverStatus": 1})
            return int(told["metrics"]["cursor"]["open"]["total"])

        yield Standing(server, mongo_java.fill, cursors)


@pytest.fixture(scope="module", params=[_secantus, _mongo_java], ids=["secantus", "java"])
def standing(request: pytest.FixtureRequest) -> Iterator[Standing]:
    yield from request.param()


async def _of(link: Connection, name: str = "town.positions") -> Collection:
    (found,) = [one for one in await ENGINE.collections(link) if one.name == name]
    return found


def test_what_it_can() -> None:
    for what in (KnowsFields, CountsBetween, Marks, TellsSince, StreamsFields):
        assert isinstance(ENGINE, what)


async def test_it_is_open_and_sampled(standing: Standing) -> None:
    async with connection(ENGINE, standing.server) as link:
        assert (await ENGINE.probe(link)).verdict is Verdict.OPEN
    async with connection(ENGINE, standing.server) as link:
        positions = await _of(link)
        assert positions.records == RECORDS
        limits = StoreLimits(rows=200)
        table = pa.Table.from_batches(
            [batch async for batch in ENGINE.sample(link, positions, limits)]
        )
    turns = table["turn"].to_pylist()
    assert len(set(turns)) == 200
    assert max(turns) > 1_000  # from all over
    assert turns != sorted(turns)


async def test_what_the_indexes_tell(standing: Standing) -> None:
    asked = ["_id", "email", "at", "person.id", "tags[].of", "turn"]
    async with connection(ENGINE, standing.server) as link:
        told = await ENGINE.known(link, await _of(link), asked)
    assert told == {
        "_id": Known(unique=True, indexed=True),
        "email": Known(unique=True, indexed=True),
        "at": Known(indexed=True),
        "turn": Known(indexed=True),
    }


@pytest.mark.parametrize(
    ("path", "begin", "end", "truth"),
    [
        ("at", FIRST + 100 * STEP, FIRST + 350 * STEP, 250),
        ("at", FIRST - STEP, FIRST + 4_900 * STEP, 4_900),
        ("at", FIRST + 7_000 * STEP, FIRST + 8_000 * STEP, 0),
        ("turn", 10, 10, 0),
        ("turn", -5, 1_234, 1_234),
        ("person.id", FIRST, FIRST + STEP, None),  # no index
        ("tags[].of", 1, 2, None),
        ("turn", 1, 2.5, None),
        ("turn", 1, 2**70, None),
    ],
)
async def test_a_range_is_counted(
    standing: Standing, path: str, begin: Any, end: Any, truth: int | None
) -> None:
    async with connection(ENGINE, standing.server) as link:
        counted = await ENGINE.count_between(link, await _of(link), path, begin, end)
    assert counted == truth


async def test_object_ids_of_a_time_are_counted(standing: Standing) -> None:
    """Those that were made today: all of them."""
    now = datetime.now(UTC)
    begin, end = (f"{int((now + timedelta(days=d)).timestamp()):08x}" + "0" * 16 for d in (-1, 1))
    async with connection(ENGINE, standing.server) as link:
        other = await _of(link, "town.other")
        assert await ENGINE.count_between(link, other, "_id", begin, end) == 1
        assert await ENGINE.count_between(link, other, "_id", "0" * 24, begin) == 0


async def test_counters_move_when_somebody_writes(standing: Standing) -> None:
    async with connection(ENGINE, standing.server) as link:
        found = await ENGINE.collections(link)
        first = await ENGINE.marks(link, found)
        again = await ENGINE.marks(link, found)
        standing.fill(standing.server, "town", "other", [{"n": 2}, {"n": 3}])
        moved = await ENGINE.marks(link, found)
    assert set(first) == {"town.positions", "town.other"}
    assert first == again
    assert first["town.positions"] == moved["town.positions"] == Mark(RECORDS)
    assert (moved["town.other"].records or 0) - (first["town.other"].records or 0) == 2


async def test_since_when_it_runs(standing: Standing) -> None:
    async with connection(ENGINE, standing.server) as link:
        since = await ENGINE.since(link)
    assert since is not None
    assert since.how == "started"
    age = datetime.now(UTC).replace(tzinfo=None) - since.moment
    assert timedelta() <= age < timedelta(minutes=30)


@pytest.mark.parametrize(
    ("paths", "types"),
    [
        (["email"], [pa.string()]),
        (["_id"], [pa.string()]),
        (["email", "person.id", "at"], [pa.string(), pa.string(), pa.timestamp("us")]),
        (["turn", "tags[].of"], [pa.int64(), pa.list_(pa.string())]),
    ],
)
async def test_every_record_once_as_a_sample_has_it(
    standing: Standing, paths: Sequence[str], types: Sequence[pa.DataType]
) -> None:
    async with connection(ENGINE, standing.server) as link:
        positions = await _of(link)
        sample, *_ = [b async for b in ENGINE.sample(link, positions, LIMITS)]
        batches = [b async for b in ENGINE.stream(link, positions, paths, LIMITS)]
        assert "killCursors" not in link.requests
    table = pa.Table.from_batches(batches)
    assert table.num_rows == RECORDS
    assert table.column_names == list(paths)
    assert table.schema.types == list(types)
    assert all(sample.schema.field(path).type == table.schema.field(path).type for path in paths)
    if "email" in paths:
        assert sorted(table["email"].to_pylist()) == sorted(
            f"p{n}@example.org" for n in range(RECORDS)
        )
    if "person.id" in paths:
        assert len(set(table["person.id"].to_pylist())) == 700


async def test_a_stream_that_is_left_leaves_no_cursor(standing: Standing) -> None:
    async with connection(ENGINE, standing.server) as link:
        positions = await _of(link)
        batches = ENGINE.stream(link, positions, ["email"], LIMITS)
        assert (await anext(batches)).num_rows == 1_000
        before = standing.cursors()
        await batches.aclose()
        assert link.requests[-1] == "killCursors"
        after = standing.cursors()
        if before is not None:
            assert after == before - 1
        # and the connection is in order
        assert (await ENGINE.marks(link, [positions]))["town.positions"].records == RECORDS


async def test_a_stream_ends_at_its_bytes(standing: Standing) -> None:
    async with connection(ENGINE, standing.server) as link:
        positions = await _of(link)
        limits = StoreLimits(bytes=60_000)
        batches = [b async for b in ENGINE.stream(link, positions, ["email"], limits)]
        assert link.requests[-1] == "killCursors"
        assert 0 < sum(b.num_rows for b in batches) < RECORDS
    assert standing.cursors() in (None, 0)


def test_a_document_may_be_given_as_bson_and_is_told_by_its_number() -> None:
    docs: list[Mapping[str, Any] | bytes] = [bson.encode({"_id": 1}), {"_id": 2}]
    with start(mongo_java.mongo_java, heap="128m") as server:
        assert mongo_java.fill(server, "town", "people", docs) == 2
        with pytest.raises(RuntimeError, match="people"):
            mongo_java.fill(server, "town", "people", [{"_id": 2}])
        mongo_java.call(
            server, "town", {"delete": "people", "deletes": [{"q": {"_id": 1}, "limit": 1}]}
        )
        told = mongo_java.call(server, "town", {"find": "people"})
        assert told["cursor"]["firstBatch"] == [{"_id": 2}]
        assert mongo_java.call(server, "town", {"collStats": "people"})["count"] == 1
