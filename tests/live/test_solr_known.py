"""What the solr engine learns for nothing, and its stream, at a real Solr."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.solr import ENGINE
from leftopen.knowledge import (
    CountsBetween,
    Known,
    KnowsFields,
    Marks,
    StreamsFields,
    TellsSince,
)
from leftopen.net.connection import Connection
from leftopen.servers import solr as launcher
from leftopen.servers.base import Server
from leftopen.testing import connection, start

RECORDS = 12_000
FIRST = datetime.fromisoformat("2026-01-01")
STEP = timedelta(seconds=13)
LIMITS = StoreLimits(rows=2_000, silence=15.0)  # a node shares two cores with the rest of the run
POINTS = """\
  <fieldType name="moment" class="solr.DatePointField"/>
  <fieldType name="whole" class="solr.LongPointField"/>
  <fieldType name="part" class="org.apache.solr.schema.DoublePointField"/>
  <field name="at" type="moment"/>
  <field name="turn" type="whole"/>
  <field name="lat" type="part"/>
  <field name="marks" type="whole" multiValued="true"/>
  <field name="silent" type="whole" indexed="false"/>
  <uniqueKey>"""


def _positions() -> Iterator[dict[str, Any]]:
    for n in range(RECORDS):
        at = (FIRST + n * STEP).isoformat() + "Z"
        numbers = {"turn": n, "lat": n / 4, "marks": [n, -n], "silent": n}
        yield {"id": f"r{n}", "email": f"p{n % 4_000}@example.org", "at": at, **numbers} | (
            {"few": "yes"} if n % 4 == 0 else {}
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launcher, "_SCHEMA", launcher._SCHEMA.replace("  <uniqueKey>", POINTS))
        standing = start(launcher.solr, cores=("positions", "orders"))
    with standing:
        launcher.fill(standing, "positions", _positions())
        launcher.fill(standing, "orders", ({"id": f"o{n}"} for n in range(20)))
        yield standing


async def _of(link: Connection, name: str = "positions") -> Collection:
    (found,) = [one for one in await ENGINE.collections(link) if one.name == name]
    return found


def test_what_it_can() -> None:
    for what in (KnowsFields, CountsBetween, Marks, TellsSince, StreamsFields):
        assert isinstance(ENGINE, what)


async def test_what_is_known_of_fields(server: Server) -> None:
    paths = ["id", "email[]", "few[]", "at", "turn", "lat", "marks[]", "silent", "a b", "gone"]
    async with connection(ENGINE, server, LIMITS) as link:
        told = await ENGINE.known(link, await _of(link), paths)
    assert told == {
        "id": Known(unique=True, filled=1.0),
        "email[]": Known(filled=1.0),
        "few[]": Known(filled=0.25),
        **dict.fromkeys(("at", "turn", "lat"), Known(indexed=True)),
    }


@pytest.mark.parametrize(
    ("path", "begin", "end", "truth"),
    [
        ("at", FIRST + 100 * STEP, FIRST + 350 * STEP, 250),
        ("at", FIRST - STEP, FIRST + 11_000 * STEP, 11_000),
        ("turn", -5, 1_234, 1_234),
        ("turn", 5, 5, 0),
        ("lat", 1.0, 2.0, 4),
        ("lat", 1, 2, 4),
        ("turn", 1.5, 2.5, None),
        ("turn", FIRST, FIRST + STEP, None),
        ("at", 1, 2, None),
        ("at", "2026-01-01", "2026-01-02", None),
        ("lat", float("nan"), 1.0, None),
        ("marks", 1, 2, None),
        ("silent", 1, 2, None),
        ("id", 1, 2, None),
        ("gone", 1, 2, None),
        ("a:[1 TO 2] OR b", 1, 2, None),
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
        new = ({"id": f"new{n}"} for n in range(2))
        await asyncio.to_thread(launcher.fill, server, "orders", new)
        moved = await ENGINE.marks(link, found)
    assert set(first) == {"positions", "orders"}
    assert first == again
    assert first["positions"] == moved["positions"]
    assert first["positions"].records == RECORDS
    assert (first["orders"].records, moved["orders"].records) == (20, 22)
    assert (moved["orders"].changes or 0) > (first["orders"].changes or 0)


async def test_since_when_it_runs(server: Server) -> None:
    async with connection(ENGINE, server, LIMITS) as link:
        since = await ENGINE.since(link)
    assert since is not None
    assert since.how == "started"
    age = datetime.now(UTC).replace(tzinfo=None) - since.moment
    assert timedelta() <= age < timedelta(minutes=30)


@pytest.mark.parametrize("paths", [["id"], ["email[]", "turn"], ["at"]])
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
    if "id" in paths:
        assert len(set(table["id"].to_pylist())) == RECORDS
    if "turn" in paths:
        assert sorted(table["turn"].to_pylist()) == list(range(RECORDS))


async def test_documents_without_the_field_are_rows_too(server: Server) -> None:
    async with connection(ENGINE, server, LIMITS) as link:
        positions = await _of(link)
        batches = [b async for b in ENGINE.stream(link, positions, ["few[]"], LIMITS)]
    assert sum(batch.num_rows for batch in batches) == RECORDS


async def test_a_stream_ends_at_its_bytes(server: Server) -> None:
    async with connection(ENGINE, server, LIMITS) as link:
        positions = await _of(link)
        few = StoreLimits(bytes=200_000)
        batches = [b async for b in ENGINE.stream(link, positions, ["email[]"], few)]
        assert 0 < sum(batch.num_rows for batch in batches) < RECORDS


async def test_no_more_than_so_many_are_streamed(server: Server) -> None:
    async with connection(ENGINE, server, LIMITS) as link:
        large = Collection("positions", 500_001)
        assert [b async for b in ENGINE.stream(link, large, ["id"], LIMITS)] == []
