"""The clickhouse engine against a real ClickHouse (Debian's 18.16)."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engines import _clickhouse_sql as sql
from leftopen.engines.clickhouse import ENGINE
from leftopen.model import Verdict
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


async def test_personal_kinds_are_found(server: ClickHouseServer) -> None:
    found = await read(server)
    told = classify(pa.Table.from_batches(found["town.visits"][1]))
    assert told.fields["mail"].kind == "email"
