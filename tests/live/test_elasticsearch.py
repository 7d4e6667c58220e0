"""The elasticsearch engine and real OpenSearch nodes over real sockets; and things that are none.

Nodes take seconds to start, so each kind is started once for the whole run.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.engine import Collection
from leftopen.engines.elasticsearch import ENGINE, request_name
from leftopen.errors import LeftopenError, PeerClosed, ServerRefused, TlsFailed
from leftopen.model import Proof, Target, Verdict
from leftopen.net.connection import Connection
from leftopen.net.dial import TcpDialer
from leftopen.scope import Scope
from leftopen.servers.base import Server, ServerMissingError
from leftopen.servers.opensearch import call, fill, opensearch, requests, visitor
from leftopen.testing import peer, start
from tests.rows import elasticsearch as rows
from tests.rows.elasticsearch import PASSWORD

LIMITS = StoreLimits(silence=15.0, rows=2_000)  # a node shares two cores with the rest of the run
PEOPLE = 2_500


def _people() -> Iterator[dict[str, Any]]:
    for n in range(PEOPLE):
        yield {
            "_id": f"p{n}",
            "name": f"Person {n}",
            "born": f"19{n % 100:02}-03-14",
            "addresses": [{"city": "Ulm", "zip": f"{n:05}"}],
        }


@asynccontextmanager
async def connect(
    server: Server, *, tls: bool = False, limits: StoreLimits = LIMITS
) -> AsyncIterator[Connection]:
    dialer = TcpDialer(Scope.loopback(), Budget(None, None))
    target = Target(ip_address(server.address), server.port)
    async with Connection(dialer, target, ENGINE.requests, limits, tls=tls) as connection:
        yield connection


async def probe(server: Server, *, tls: bool = False) -> Proof:
    async with connect(server, tls=tls) as connection:
        return await ENGINE.probe(connection)


@dataclass(frozen=True)
class Reading:
    """What one full reading brought, and what it said it sent."""

    collections: dict[str, Collection]
    batches: dict[str, list[pa.RecordBatch]]
    requests: list[str]


async def read(server: Server, *, tls: bool = False, rows: int = 200) -> Reading:
    limits = StoreLimits(rows=rows, silence=LIMITS.silence)
    async with connect(server, tls=tls, limits=limits) as connection:
        listed = await ENGINE.collections(connection)
        batches = {
            c.name: [batch async for batch in ENGINE.sample(connection, c, limits)] for c in listed
        }
        return Reading({c.name: c for c in listed}, batches, connection.requests)


@dataclass(frozen=True)
class Open:
    """The open node, filled; and the verdict on it while it was empty."""

    server: Server
    while_empty: Proof


@pytest.fixture(scope="session")
def opened() -> Iterator[Open]:
    with start(opensearch) as server:
        while_empty = asyncio.run(probe(server))
        fill(server, "people", _people())
        fill(server, "orders", ({"total": n} for n in range(40)))
        fill(server, "名簿", [{"name": "Aiko"}])
        fill(server, "closed", [{"name": "nobody"}])
        call(server, "POST", "/closed/_close")
        template = {"index_patterns": ["traces*"], "data_stream": {}}
        call(server, "PUT", "/_index_template/traces", json.dumps(template))
        at = "2024-05-01T12:00:00Z"
        fill(server, "traces", ({"@timestamp": at, "lat": 48.4, "n": n} for n in range(70)))
        call(server, "POST", "/traces/_rollover")
        fill(server, "traces", ({"@timestamp": at, "lat": 48.4, "n": n} for n in range(30)))
        yield Open(server, while_empty)


@pytest.fixture(scope="session")
def open_tls(certificate: tuple[Path, Path]) -> Iterator[Server]:
    with start(opensearch, tls=certificate) as server:
        fill(server, "people", [{"name": "Ann"}, {"name": "Lee"}], tls=True)
        yield server


@pytest.fixture
def locked() -> Server:
    return rows.locked()


@pytest.fixture(scope="session")
def locked_tls(certificate: tuple[Path, Path]) -> Iterator[Server]:
    with start(opensearch, password=PASSWORD, tls=certificate) as server:
        fill(server, "people", [{"name": "Ann"}], tls=True, password=PASSWORD)
        yield server


@pytest.fixture(scope="session")
def partial() -> Iterator[Server]:
    """Locked, but callers without credentials are let in with a role that tests change."""
    with start(opensearch, password=PASSWORD, anonymous=["cluster:monitor/main"]) as server:
        fill(server, "people", [{"name": "Ann"}], password=PASSWORD)
        yield server


@pytest.mark.parametrize("left", [(), ("java",), ("java", "javac")], ids=["all", "jdk", "maven"])
def test_missing_programs_are_named(
    left: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in left:
        (tmp_path / program).symlink_to(shutil.which(program) or "/nonexistent")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(ServerMissingError, match=r"Java|Maven"):
        opensearch()


async def test_open_and_filled(opened: Open) -> None:
    proof = await probe(opened.server)
    assert proof.verdict is Verdict.OPEN
    assert (proof.product, proof.version) == ("OpenSearch", "2.19.1")
    assert "empty" not in proof.reason


def test_open_and_empty(opened: Open) -> None:
    assert opened.while_empty.verdict is Verdict.OPEN
    assert "empty" in opened.while_empty.reason


async def test_collections_of_an_open_store(opened: Open) -> None:
    found = (await read(opened.server, rows=1)).collections
    assert {name: c.records for name, c in found.items()} == {
        "people": PEOPLE, "traces": 100, "orders": 40, "名簿": 1,
    }  # fmt: skip
    assert all((c.bytes or 0) > 0 for c in found.values())


async def test_samples_of_an_open_store(opened: Open) -> None:
    batches = (await read(opened.server, rows=200)).batches
    people = pa.Table.from_batches(batches["people"])
    assert people.num_rows == 200
    assert set(people.column_names) == {
        "name", "born", "addresses[].city", "addresses[].zip", "_id",
    }  # fmt: skip
    assert sum(b.num_rows for b in batches["traces"]) == 100
    assert sum(b.num_rows for b in batches["orders"]) == 40
    assert batches["名簿"][0].column("name").to_pylist() == ["Aiko"]


async def test_a_sample_is_random_and_without_repeats(opened: Open) -> None:
    drawn = []
    for _ in range(2):
        batches = (await read(opened.server, rows=1_200)).batches["people"]
        assert len(batches) > 1
        drawn.append([i for batch in batches for i in batch.column("_id").to_pylist()])
    first, second = (set(ids) for ids in drawn)
    assert len(first) == len(second) == 1_200
    # Two draws of 1,200 from 2,500 share 576 ± 18 if both are random, all 1,200 if neither is.
    assert 470 < len(first & second) < 680
    # In the order of writing the ids of a draw would be the first 1,200.
    assert sum(int(i[1:]) >= PEOPLE // 2 for i in first) in range(500, 700)


async def test_the_servers_own_log_shows_reads_of_the_list_only(opened: Open) -> None:
    before = len(requests(opened.server))
    async with connect(opened.server) as connection:
        await ENGINE.probe(connection)
        probed = connection.requests
    reading = await read(opened.server)
    logged = requests(opened.server)[before:]
    names = [request_name(method, path) for method, path in logged]
    assert len(logged) >= 3 + 2 + 4
    assert set(names) == {*probed, *reading.requests}
    assert set(names) <= ENGINE.requests


async def test_locked(locked: Server) -> None:
    before = len(requests(locked))
    proof = await probe(locked)
    assert (proof.verdict, proof.product) == (Verdict.AUTH_REQUIRED, "OpenSearch")
    assert requests(locked)[before:] == [("GET", "/")]
    async with connect(locked) as connection:
        with pytest.raises(ServerRefused) as refused:
            await ENGINE.collections(connection)
    assert refused.value.code == "401"


async def test_open_over_tls(open_tls: Server) -> None:
    proof = await probe(open_tls, tls=True)
    assert (proof.verdict, proof.product) == (Verdict.OPEN, "OpenSearch")
    reading = await read(open_tls, tls=True)
    names = reading.batches["people"][0].column("name").to_pylist()
    assert sorted(names) == ["Ann", "Lee"]


async def test_locked_over_tls(locked_tls: Server) -> None:
    proof = await probe(locked_tls, tls=True)
    assert (proof.verdict, proof.product) == (Verdict.AUTH_REQUIRED, "OpenSearch")


async def test_plain_text_to_a_tls_port_and_the_other_way_round(
    open_tls: Server, opened: Open
) -> None:
    with pytest.raises(PeerClosed):
        await probe(open_tls)
    with pytest.raises(TlsFailed):
        await probe(opened.server, tls=True)


async def test_what_visitors_may_do_decides(partial: Server) -> None:
    """The same node under three roles: greeting only, list without search, all reads."""
    told = [await _as_visitor(partial, ["cluster:monitor/main"])]
    told.append(await _as_visitor(partial, ["cluster_monitor", "indices_monitor"]))
    told.append(await _as_visitor(partial, ["cluster_monitor", "indices_monitor", "read"]))
    assert [proof.verdict for proof in told] == [
        Verdict.OPEN_PARTIAL, Verdict.OPEN_PARTIAL, Verdict.OPEN,
    ]  # fmt: skip
    assert "list of indices is refused" in told[0].reason
    assert "search is refused" in told[1].reason
    assert all(proof.version == "2.19.1" for proof in told)


async def _as_visitor(server: Server, permissions: list[str]) -> Proof:
    role = json.dumps(visitor(permissions))
    path = "/_plugins/_security/api/roles/visitor"
    await asyncio.to_thread(call, server, "PUT", path, role, password=PASSWORD)
    return await probe(server)


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        ("200 OK", "text/html", b"<html>It works</html>"),
        ("401 Unauthorized", "text/html", b"<html>401</html>"),
        ("302 Found\r\nLocation: /login", "text/html", b""),
        ("200 OK", "application/json", b"{}"),
        ("200 OK", "application/json", b"[]"),
        ("200 OK", "application/json", b'{"version":{"number":"7.1.0"},"tagline":"x"}'),
    ],
    ids=["html", "401", "login", "{}", "[]", "greeting"],
)
async def test_a_canned_page_is_never_open(status: str, kind: str, body: bytes) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"

    def canned(connection: socket.socket) -> None:
        while connection.recv(65_536):
            connection.sendall(head.encode() + b"\r\n\r\n" + body)

    with peer(canned) as target:
        dialer = TcpDialer(Scope.loopback(), Budget(None, None))
        async with Connection(dialer, target, ENGINE.requests, LIMITS) as connection:
            try:
                verdict = (await ENGINE.probe(connection)).verdict
            except LeftopenError:
                verdict = Verdict.UNDETERMINED
    assert verdict in (Verdict.NOT_THIS, Verdict.UNDETERMINED)
