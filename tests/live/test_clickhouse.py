"""The clickhouse engine against a real ClickHouse (Debian's 18.16)."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engine import Collection
from leftopen.engines import _clickhouse_sql as sql
from leftopen.engines.clickhouse import ENGINE
from leftopen.knowledge import Known, Mark, Moment
from leftopen.model import Verdict
from leftopen.net.connection import Connection
from leftopen.servers.clickhouse import ClickHouseServer, clickhouse, fill, statements
from leftopen.testing import LIMITS, connection, start
from tests.rows.clickhouse import PEOPLE, ROWS
from tests.rows.row import Row

TOWN = (
    *PEOPLE,
    "CREATE TABLE town.visits (n UInt64, mail Nullable(String), born Date, at DateTime, "
    "tags Array(String), inner Nested(a String, b Int32), price Decimal(9, 2), kind Enum8('a' = 1),"
    " half Float64, states AggregateFunction(sum, UInt64), twice UInt64 ALIAS n * 2) "
    "ENGINE = MergeTree ORDER BY n",
    "INSERT INTO town.visits (n, mail, born, at, tags, `inner.a`, `inner.b`, price, kind, half) "
    "SELECT number, concat('p', toString(number), '@example.org'), '1980-02-03', "
    "'2024-05-06 07:08:09', ['x', 'y'], ['q'], [-1], 12.5, 'a', nan FROM system.numbers "
    "LIMIT 30000",
    "CREATE TABLE town.`of\\`all; \\\\ \\'kinds` (`a b` String) ENGINE = Log",
    "INSERT INTO town.`of\\`all; \\\\ \\'kinds` VALUES ('" + "z" * 20_000 + "')",
    "CREATE TABLE town.held (a String) ENGINE = Memory",
    "CREATE TABLE town.far (a String) ENGINE = URL('http://127.0.0.1:1/x', TSV)",
    "CREATE VIEW town.seen AS SELECT * FROM town.people",
)


@pytest.fixture(scope="module")
def server() -> Iterator[ClickHouseServer]:
    with start(clickhouse) as running:
        fill(running, *TOWN)
        yield running


Read = dict[str, tuple[int | None, list[pa.RecordBatch]]]


async def read(server: ClickHouseServer, limits: StoreLimits = LIMITS) -> Read:
    """By name: the records that were told, and the batches."""
    made: Read = {}
    async with connection(ENGINE, server, limits) as link:
        for collection in await ENGINE.collections(link):
            batches = [batch async for batch in ENGINE.sample(link, collection, limits)]
            made[collection.name] = (collection.records, batches)
    return made


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_rows(row: Row) -> None:
    with row.serve() as target:
        async with connection(ENGINE, target) as link:
            proof = await ENGINE.probe(link)
            assert (proof.verdict, proof.can_write) == (row.verdict, row.can_write), proof
            assert link.bytes_read < 4_096
            assert proof.product == "ClickHouse"


async def test_open(server: ClickHouseServer) -> None:
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert set(link.requests) <= ENGINE.requests
    assert proof.verdict is Verdict.OPEN
    assert proof.reason == "lists its tables and answers a read without credentials"
    assert proof.version == "18.16.1"


async def test_what_is_in_it(server: ClickHouseServer) -> None:
    found = await read(server)
    counts = {n: (records, sum(b.num_rows for b in bs)) for n, (records, bs) in found.items()}
    assert counts == {
        "town.visits": (30_000, 2_000),
        "town.people": (2, 2),
        "town.of`all; \\ 'kinds": (1, 1),
        "town.held": (0, 0),
    }
    assert found["town.of`all; \\ 'kinds"][1][0].to_pylist() == [{"a b": "z" * 16_384}]
    batch = found["town.visits"][1][0]
    assert batch.num_rows == 2_000
    row = batch.to_pylist()[0]
    assert row.pop("mail") == f"p{row.pop('n')}@example.org"
    assert row == {
        "born": date(1980, 2, 3),
        "at": datetime(2024, 5, 6, 7, 8, 9),  # noqa: DTZ001  Arrow's moments are UTC without zone
        "price": 12.5,
        "kind": "a",
        "half": None,
        "tags[]": ["x", "y"],
        "inner.a[]": ["q"],
        "inner.b[]": [-1],
    }
    numbers = batch.column("n").to_pylist()
    assert len(set(numbers)) == 2_000
    assert max(numbers) > 20_000  # from all of it


async def test_pages_that_are_too_large_are_asked_for_again_with_fewer_rows(
    server: ClickHouseServer,
) -> None:
    limits = StoreLimits(rows=2_000, reply_bytes=20_000, silence=5.0)
    found = await read(server, limits)
    assert 10 < sum(b.num_rows for b in found["town.visits"][1]) < 1_000


async def test_the_server_saw_selects_alone(server: ClickHouseServer) -> None:
    before = len(statements(server))
    async with connection(ENGINE, server) as link:
        await ENGINE.probe(link)
    await read(server)
    seen = statements(server)[before:]
    assert len(seen) > 12
    assert {statement.split(" ")[0] for statement in seen} == {"SELECT", "SHOW"}
    for statement in seen:
        assert sql.request_name("GET", "/?query=" + quote(statement.strip())) in ENGINE.requests


def test_the_server_itself_refuses_to_be_written_by_get(server: ClickHouseServer) -> None:
    url = f"http://{server.where}/?query=DROP%20TABLE%20town.people"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=10)
    with refused.value as answer:
        assert b"Cannot drop table in readonly mode" in answer.read()


async def test_a_user_who_may_not_change_settings_is_read_too() -> None:
    with start(clickhouse, readonly=1) as running:
        fill(running, *PEOPLE)
        found = await read(running)
        assert found["town.people"][1][0].to_pylist() == [
            {"id": 1, "name": "Ann Lee"},
            {"id": 2, "name": "Bob Ray"},
        ]
        assert not any("max_execution_time" in line for line in statements(running))


async def test_over_tls(certificate: tuple[Path, Path]) -> None:
    with start(clickhouse, tls=certificate) as running:
        async with connection(ENGINE, running, tls=True) as link:
            assert (await ENGINE.probe(link)).verdict is Verdict.OPEN


# --- what it knows -------------------------------------------------------------------------------

KNOWN = (
    "CREATE DATABASE known",
    "CREATE TABLE known.visits (n UInt64, at DateTime, code String, day Date, "
    "half Nullable(String), price Decimal(9, 2), tags Array(String)) "
    "ENGINE = MergeTree ORDER BY (at, n)",
    "INSERT INTO known.visits SELECT number, toDateTime('2026-01-01 00:00:00', 'UTC') + number, "
    "concat('c\\t', toString(number)), toDate('2026-01-01') + intDiv(number, 1000), "
    "if(number % 2 = 0, NULL, 'x'), 1.5, ['a'] FROM system.numbers LIMIT 30000",
    "CREATE TABLE known.days (day Date, n UInt32) ENGINE = ReplacingMergeTree ORDER BY day",
    "INSERT INTO known.days SELECT toDate('2026-01-01') + number, number FROM system.numbers "
    "LIMIT 100",
    "CREATE TABLE known.`by\\`name` (`co\\`de` String) ENGINE = MergeTree ORDER BY `co\\`de`",
    "INSERT INTO known.`by\\`name` SELECT concat('2026-01-0', toString(number)) "
    "FROM system.numbers LIMIT 9",
    "CREATE TABLE known.shifted (n UInt32) ENGINE = MergeTree ORDER BY n + 1",
    "CREATE TABLE known.logged (n UInt32) ENGINE = Log",
)


@pytest.fixture(scope="module", params=[0, 1], ids=["any", "readonly"])
def knowing(request: pytest.FixtureRequest) -> Iterator[ClickHouseServer]:
    """A server that takes settings with a query, and one that does not."""
    with start(clickhouse, readonly=request.param) as running:
        fill(running, *KNOWN)
        yield running


@contextlib.asynccontextmanager
async def listed(
    server: ClickHouseServer,
) -> AsyncIterator[tuple[Connection, dict[str, Collection]]]:
    async with connection(ENGINE, server) as link:
        yield link, {c.name: c for c in await ENGINE.collections(link)}


async def test_what_is_known_of_columns(knowing: ClickHouseServer) -> None:
    async with listed(knowing) as (link, found):
        visits = await ENGINE.known(link, found["known.visits"], ["n", "at", "code"])
        assert visits == {"at": Known(indexed=True)}
        named = await ENGINE.known(link, found["known.by`name"], ["co`de"])
        assert named == {"co`de": Known(indexed=True)}
        assert await ENGINE.known(link, found["known.shifted"], ["n"]) == {}
        assert await ENGINE.known(link, found["known.logged"], ["n"]) == {}


BEGIN = datetime.fromisoformat("2026-01-01 01:00:00")
END = datetime.fromisoformat("2026-01-01 02:30:00")


@pytest.mark.parametrize(
    ("table", "path", "begin", "end", "count"),
    [
        ("visits", "at", BEGIN, END, 5_400),
        ("visits", "at", END, BEGIN, 0),
        ("visits", "at", 5, 10, None),
        ("visits", "n", 5, 10, None),
        ("days", "day", BEGIN, datetime.fromisoformat("2026-01-05"), 3),
        ("by`name", "co`de", "2026-01-02", "2026-01-05", 3),
        ("logged", "n", 1, 2, None),
    ],
)
async def test_ranges_are_counted_as_they_are(
    knowing: ClickHouseServer, table: str, path: str, begin: Moment, end: Moment, count: int | None
) -> None:
    async with listed(knowing) as (link, found):
        collection = found[f"known.{table}"]
        assert await ENGINE.count_between(link, collection, path, begin, end) == count


async def test_marks_move_when_somebody_writes_and_only_then(knowing: ClickHouseServer) -> None:
    async with listed(knowing) as (link, found):

        async def look() -> Mapping[str, Mark]:
            return await ENGINE.marks(link, list(found.values()))

        first = await look()
        assert set(first) == {"known.visits", "known.days", "known.by`name"}
        assert first["known.visits"].records == 30_000
        assert first["known.days"].records is None  # its rows go as it merges them
        fill(knowing, "INSERT INTO known.visits (n, at) VALUES (1, '2026-02-01 00:00:00')",
             "INSERT INTO known.days VALUES ('2026-01-01', 5)")  # fmt: skip
        second = await look()
        fill(knowing, "OPTIMIZE TABLE known.days FINAL", "OPTIMIZE TABLE known.visits FINAL")
        third = await look()
        assert third == second
    assert second["known.visits"].records == 30_001
    moved = {name for name in first if (second[name].changes or 0) > (first[name].changes or 0)}
    assert moved == {"known.visits", "known.days"}
    fill(knowing, "ALTER TABLE known.visits DELETE WHERE at >= '2026-02-01 00:00:00'")


async def test_since(knowing: ClickHouseServer) -> None:
    async with connection(ENGINE, knowing) as link:
        told = await ENGINE.since(link)
        assert told is not None
        age = datetime.now(UTC).replace(tzinfo=None) - told.moment
        assert (told.how, timedelta(0) <= age < timedelta(minutes=10)) == ("started", True)
        assert await ENGINE.collections(link)


async def test_a_stream_gives_each_row_once(knowing: ClickHouseServer) -> None:
    made: dict[str, list[Any]] = {}
    async with listed(knowing) as (link, found):
        visits = found["known.visits"]
        paths = ["n", "code", "half", "day", "price", "tags[]", "nothing"]
        async for batch in ENGINE.stream(link, visits, paths, link.limits):
            for name in batch.schema.names:
                made.setdefault(name, []).extend(batch[name].to_pylist())
        assert [b async for b in ENGINE.stream(link, visits, ["nothing"], link.limits)] == []
        assert set(link.requests) <= ENGINE.requests
    assert set(made) == {"n", "code", "half", "day", "price"}
    rows = {n: code for n, code in zip(made["n"], made["code"], strict=True) if code}
    assert rows == {n: f"c\t{n}" for n in range(30_000)}
    assert sum(half is None for half in made["half"]) in (15_000, 15_001)
    assert set(made["price"]) <= {1.5, 0.0}


async def test_columns_of_a_stream_are_those_of_a_sample(knowing: ClickHouseServer) -> None:
    paths = ["n", "at", "code", "day", "half"]
    async with listed(knowing) as (link, found):
        visits = found["known.visits"]
        stream = ENGINE.stream(link, visits, paths, link.limits)
        first = await anext(stream)
        del stream
        [batch] = [b async for b in ENGINE.sample(link, visits, link.limits)]
    assert [first.schema.field(p).type for p in paths] == [
        batch.schema.field(p).type for p in paths
    ]


async def test_the_server_saw_selects_alone_when_it_was_measured(
    knowing: ClickHouseServer,
) -> None:
    before = len(statements(knowing))
    async with listed(knowing) as (link, found):
        visits = found["known.visits"]
        await ENGINE.since(link)
        await ENGINE.marks(link, list(found.values()))
        await ENGINE.known(link, visits, ["at"])
        await ENGINE.count_between(link, visits, "at", BEGIN, END)
        assert [b async for b in ENGINE.stream(link, visits, ["n"], link.limits)]
    for statement in statements(knowing)[before:]:
        assert statement.startswith("SELECT ")
        assert sql.request_name("GET", "/?query=" + quote(statement.strip())) in ENGINE.requests


async def test_personal_kinds_are_found(server: ClickHouseServer) -> None:
    found = await read(server)
    told = classify(pa.Table.from_batches(found["town.visits"][1]))
    assert told.fields["mail"].kind == "email"
