"""The MongoDB engine and a real server (SecantusDB) over real sockets; and things that are none."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import bson
import pyarrow as pa
import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.engine import Collection
from leftopen.engines.mongodb import ENGINE
from leftopen.errors import NetError, NotThisProtocol
from leftopen.model import Target, Verdict
from leftopen.net.connection import Connection
from leftopen.net.dial import TcpDialer
from leftopen.scope import Scope
from leftopen.servers.base import Server
from leftopen.servers.mongodb import (
    client,
    fill,
    operations,
    record_commands,
    recorded_commands,
    secantus,
)
from leftopen.testing import start

PEOPLE = 3_000


@contextlib.contextmanager
def served(address: str = "127.0.0.1", **options: Any) -> Iterator[Server]:
    """A running server; killed at the end, for an orderly stop of SecantusDB takes two seconds."""
    server = start(secantus, address, **options)
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)


def connect(
    port: int,
    *,
    address: str = "127.0.0.1",
    tls: bool = False,
    limits: StoreLimits | None = None,
) -> Connection:
    dialer = TcpDialer(Scope.loopback(), Budget(None, None))
    target = Target(ip_address(address), port)
    return Connection(dialer, target, ENGINE.requests, limits or StoreLimits(rows=2_000), tls=tls)


async def verdict(port: int, **options: Any) -> Verdict:
    async with connect(port, **options) as connection:
        return (await ENGINE.probe(connection)).verdict


async def read(
    port: int, limits: StoreLimits | None = None, **options: Any
) -> list[tuple[Collection, list[pa.RecordBatch]]]:
    """Every collection with its sample, over one connection."""
    limits = limits or StoreLimits(rows=2_000)
    async with connect(port, **options) as connection:
        return [
            (one, [batch async for batch in ENGINE.sample(connection, one, limits)])
            for one in await ENGINE.collections(connection)
        ]


def put_people(server: Server) -> None:
    people = (
        {
            "name": f"Person {n}",
            "born": datetime(1950 + n % 60, 1, 1, tzinfo=UTC),
            "seen": bson.Int64(n),
            "address": {"city": "Ulm", "geo": [10.0, 48.4]},
            "photo": bson.Binary(bytes([n % 256]) * 40),
        }
        for n in range(PEOPLE)
    )
    fill(server, "town", "people", people)
    fill(server, "town", "orders", [{"sum": bson.Decimal128("9.50")} for _ in range(30)])
    fill(server, "shop", "sess", [{"token": "t"}])


@pytest.fixture(scope="module")
def left_open() -> Iterator[Server]:
    with served() as server:
        put_people(server)
        yield server


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    with served(auth=True) as server:
        fill(server, "town", "people", [{"name": "Person"}])
        yield server


@pytest.fixture(scope="module")
def tls_open(certificate: tuple[Path, Path]) -> Iterator[Server]:
    with served(tls=certificate) as server:
        fill(server, "town", "people", [{"name": "Person"}])
        yield server


@pytest.fixture(scope="module")
def tls_locked(certificate: tuple[Path, Path]) -> Iterator[Server]:
    with served(tls=certificate, auth=True) as server:
        yield server


async def test_left_open(left_open: Server) -> None:
    async with connect(left_open.port) as connection:
        proof = await ENGINE.probe(connection)
    assert proof.verdict == Verdict.OPEN
    with client(left_open) as driver:
        assert proof.version == driver.server_info()["version"]
    assert connection.requests == [
        "hello", "buildInfo", "listDatabases", "listCollections", "find"
    ]  # fmt: skip


async def test_its_collections_and_samples(left_open: Server) -> None:
    told = {one.name: (one, batches) for one, batches in await read(left_open.port)}
    assert set(told) == {"town.people", "town.orders", "shop.sess"}
    people, batches = told["town.people"]
    assert people.records == PEOPLE
    assert people.bytes is not None
    assert people.bytes > PEOPLE * 100
    table = pa.Table.from_batches(batches)
    assert table.num_rows == 2_000
    assert {field.name: field.type for field in table.schema} == {
        "_id": pa.string(),
        "name": pa.string(),
        "born": pa.timestamp("us"),
        "seen": pa.int64(),
        "address.city": pa.string(),
        "address.geo[]": pa.list_(pa.float64()),
        "photo": pa.binary(),
    }
    seen = table.column("seen").to_pylist()
    assert len(set(seen)) == len(seen)
    assert seen != sorted(seen)  # drawn at random: the first 2,000 came in order
    assert max(seen) >= 2_000
    (orders,) = told["town.orders"][1]
    assert orders.column("sum").to_pylist() == [9.5] * 30


async def test_a_view_is_sampled_without_figures(left_open: Server) -> None:
    with client(left_open) as driver:
        driver["views"].command({"create": "few", "viewOn": "base", "pipeline": [{"$limit": 3}]})
        driver["views"]["base"].insert_many([{"n": n} for n in range(9)])
        told = {one.name: (one, batches) for one, batches in await read(left_open.port)}
        driver.drop_database("views")
    view, batches = told["views.few"]
    assert (view.records, view.bytes) == (None, None)
    assert sum(batch.num_rows for batch in batches) == 3


async def test_large_documents_come_in_small_replies() -> None:
    with served() as server:
        fill(server, "town", "photos", [{"n": n, "photo": b"x" * 400_000} for n in range(40)])
        limits = StoreLimits(reply_bytes=2 << 20)
        ((photos, batches),) = await read(server.port, limits=limits)
        assert photos.records == 40
        assert sum(batch.num_rows for batch in batches) == 40
        assert max(batch.num_rows for batch in batches) <= 3


async def test_locked(locked: Server) -> None:
    async with connect(locked.port) as connection:
        proof = await ENGINE.probe(connection)
    assert proof.verdict == Verdict.AUTH_REQUIRED
    assert proof.version is not None  # hello and buildInfo answer anyone, and prove nothing
    assert "find" not in connection.requests


async def test_the_locked_server_is_not_empty(locked: Server) -> None:
    with client(locked) as driver:
        assert driver["town"]["people"].count_documents({}) == 1


async def test_an_open_server_without_data() -> None:
    """It lists `local` and lets anyone read there: open, with nothing in it."""
    with served() as server:
        assert await verdict(server.port) == Verdict.OPEN
        assert await read(server.port) == []


async def test_tls_left_open(tls_open: Server) -> None:
    assert await verdict(tls_open.port, tls=True) == Verdict.OPEN
    ((people, batches),) = await read(tls_open.port, tls=True)
    assert people.name == "town.people"
    assert batches[0].column("name").to_pylist() == ["Person"]


async def test_tls_locked(tls_locked: Server) -> None:
    assert await verdict(tls_locked.port, tls=True) == Verdict.AUTH_REQUIRED


async def test_plain_words_to_a_tls_port(tls_open: Server) -> None:
    with pytest.raises((NetError, NotThisProtocol)):
        await verdict(tls_open.port)


async def test_tls_to_a_plain_port(left_open: Server) -> None:
    with pytest.raises(NetError):
        await verdict(left_open.port, tls=True)


async def test_ipv6() -> None:
    with served("::1") as server:
        fill(server, "town", "people", [{"name": "Person"}])
        assert await verdict(server.port, address="::1") == Verdict.OPEN


async def test_the_server_was_asked_for_reads_only() -> None:
    """By the server's own profiler and counters: what it was asked, and that nothing changed."""
    watched = ["admin", "local", "town", "shop"]
    with served() as server:
        put_people(server)
        before = operations(server)
        record_commands(server, watched)
        async with connect(server.port) as probing:
            assert (await ENGINE.probe(probing)).verdict == Verdict.OPEN
        told = await read(server.port)
        noted = recorded_commands(server, watched)
        after = operations(server)
    assert len(told) == 3
    asked = [next(iter(command)) for _, command in noted]
    assert set(asked) <= ENGINE.requests
    # hello, buildInfo and getMore the profiler leaves out, as MongoDB's does
    assert set(asked) == {"listDatabases", "listCollections", "find", "collStats", "aggregate"}
    pipelines = [command["pipeline"] for _, command in noted if "aggregate" in command]
    assert pipelines == [[{"$sample": {"size": 2_000}}]]
    changed = {what for what in ("insert", "update", "delete") if before[what] != after[what]}
    assert changed == set()
    assert after["query"] > before["query"]
