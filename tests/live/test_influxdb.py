"""The influxdb engine against a real InfluxDB 1.x, open and with authentication on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from leftopen import classify
from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines._influxdb_query import request_name
from leftopen.engines.influxdb import ENGINE
from leftopen.errors import ServerRefused
from leftopen.knowledge import Known, Mark
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.influxdb import fill, influxdb, requests, statement
from leftopen.testing import connection, start
from tests.live import knowing
from tests.rows.influxdb import PASSWORD, people

ODD = 'what "they" said, ann@example.org'


def _odd_lines() -> Iterator[str]:
    name = ODD.replace(",", "\\,").replace(" ", "\\ ")
    yield f"{name} note=1i 1700000000"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start(influxdb) as running:
        fill(running, "town", people(500))
        fill(running, "town", ["old,city=Bonn pulse=7i 1600000000"], policy="for_years")
        fill(running, "odd one", _odd_lines())
        fill(running, "none", [])
        yield running


async def probe(server: Server) -> Proof:
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 4_096
        return proof


Read = dict[str, tuple[Collection, pa.Table]]


async def profile(server: Server, limits: StoreLimits) -> tuple[Read, set[str]]:
    """By name: the collection and what was sampled of it; and the names of the requests sent."""
    made: Read = {}
    async with connection(ENGINE, server, limits) as link:
        for collection in await ENGINE.collections(link):
            batches = [b async for b in ENGINE.sample(link, collection, limits)]
            made[collection.name] = (collection, pa.Table.from_batches(batches))
        return made, set(link.requests)


async def test_open(server: Server) -> None:
    proof = await probe(server)
    assert proof.verdict is Verdict.OPEN
    assert proof.reason == "a query without credentials found a point"
    assert (proof.product, proof.can_write) == ("InfluxDB", "unknown")
    assert re.fullmatch(r"1\.\d+\.\d+", proof.version or "")


async def test_what_is_in_it(server: Server) -> None:
    read, sent = await profile(server, StoreLimits(rows=200))
    assert {name: table.num_rows for name, (_, table) in read.items()} == {
        "town.visits": 200,
        "town.old": 1,
        f"odd one.{ODD}": 1,
    }
    assert all(collection.records is None for collection, _ in read.values())
    visits: dict[str, list[Any]] = read["town.visits"][1].to_pydict()
    assert set(visits) == {"time", "city", "device", "email", "pulse"}
    newest = {f"ann.lee{n}@example.org" for n in range(300, 500)}
    assert set(visits["email"]) == newest
    assert read["town.old"][1].to_pydict()["city"] == ["Bonn"]  # of a policy not the default
    assert sent <= ENGINE.requests
    fields = classify(read["town.visits"][1]).fields
    assert fields["email"].kind == "email"
    assert fields["pulse"].kind != "email"


async def test_the_servers_own_log_shows_allow_listed_reads_only(server: Server) -> None:
    before = len(requests(server))
    await probe(server)
    await profile(server, StoreLimits(rows=10))
    seen = requests(server)[before:]
    assert len(seen) >= 10
    assert {method for method, _ in seen} == {"GET"}
    texts = {path.partition("q=")[2].partition("&")[0] for _, path in seen}
    assert {text.split(" ")[0] for text in texts} == {"SHOW", "SELECT"}
    assert not any(" INTO " in text for text in texts)


async def test_a_reply_over_the_limit_is_asked_for_again_in_part(server: Server) -> None:
    limits = StoreLimits(rows=500, reply_bytes=16_384)
    read, _ = await profile(server, limits)
    assert 10 <= read["town.visits"][1].num_rows < 500


def test_a_get_is_no_promise_of_this_server() -> None:
    """Why the allow-list holds the texts themselves: 1.x obeys a DROP in a GET."""
    with start(influxdb) as server:
        fill(server, "town", people(1))
        import http.client

        link = http.client.HTTPConnection(server.address, server.port, timeout=10)
        link.request("GET", "/query?q=DROP+DATABASE+town")
        assert link.getresponse().read()
        link.close()
        assert "values" not in statement(server, "SHOW DATABASES")["series"][0]
    with pytest.raises(Exception, match="not a query"):
        request_name("/query?q=DROP+DATABASE+town")


async def test_locked() -> None:
    with start(influxdb, password=PASSWORD) as server:
        fill(server, "town", people(3), password=PASSWORD)
        proof = await probe(server)
        assert (proof.verdict, proof.product) == (Verdict.AUTH_REQUIRED, "InfluxDB")
        async with connection(ENGINE, server) as link:
            with pytest.raises(ServerRefused):
                await ENGINE.collections(link)
        assert set(re.findall(r"\[httpd\] \S+ - (\S+) .*GET", _log(server))) == {"-"}


def _log(server: Server) -> str:
    return server.log.read_text(errors="replace")


async def test_authentication_without_an_account_can_be_claimed_by_anybody() -> None:
    with start(influxdb, password="") as server:
        proof = await probe(server)
        assert (proof.verdict, proof.can_write) == (Verdict.OPEN_PARTIAL, "yes")
        assert "anybody" in proof.reason


# --- what it knows for nothing -------------------------------------------------------------------


async def test_since_when_it_runs(server: Server) -> None:
    assert knowing.is_recent(await knowing.since(ENGINE, server), "started")


async def test_how_many_values_tags_have(server: Server) -> None:
    paths = ("city", "device", "email", "time", "not there")
    assert await knowing.known(ENGINE, server, "town.visits", *paths) == {
        "city": Known(distinct=1, error=0.02),
        "device": Known(distinct=7, error=0.02),
        "time": Known(filled=1.0, indexed=True),
    }


async def test_points_between_moments(server: Server) -> None:
    first = datetime(2023, 11, 14, 22, 13, 20)  # noqa: DTZ001  moments are UTC without a zone
    hour = timedelta(hours=1)
    for begin, end, points in (
        (first, first + hour, 60),
        (first.isoformat() + "Z", (first + hour / 2).isoformat() + "Z", 30),
        (first - hour, first, 0),
        (first, first + 2 * hour, None),  # more than the server is made to read
        (first + hour, first, None),
        (5, 7, None),
    ):
        told = await knowing.counted(ENGINE, server, "town.visits", "time", begin, end)
        assert told == points
    assert await knowing.counted(ENGINE, server, "town.visits", "pulse", first, first) is None
    old = datetime(2020, 9, 13, 12)  # noqa: DTZ001  of a policy that is not the default
    assert await knowing.counted(ENGINE, server, "town.old", "time", old, old + hour) == 1


async def test_marks_move_with_writes_alone() -> None:
    with start(influxdb) as server:
        fill(server, "town", people(30))
        before, after = await knowing.marks_around(
            ENGINE, server, lambda: fill(server, "town", people(3))
        )
    assert (before, after) == (
        {"town.visits": Mark(changes=30)}, {"town.visits": Mark(changes=33)}
    )  # fmt: skip
