"""The prometheus engine against a real Prometheus: open, locked, and as an agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from leftopen import classify
from leftopen.budget import StoreLimits
from leftopen.engines.prometheus import ENGINE
from leftopen.errors import ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.prometheus import prometheus
from leftopen.testing import LIMITS, connection, start
from tests.live import knowing
from tests.rows.prometheus import ADMIN, logins, own_address

OLD = 'old_logins{user="bo.berg@example.org"} 1 1600000000\n'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start(prometheus, samples=logins(300) + "# TYPE old_logins gauge\n" + OLD) as running:
        yield running


async def probe(server: Server) -> Proof:
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 8_192
        assert set(link.requests) <= ENGINE.requests
        return proof


async def profile(server: Server, limits: StoreLimits = LIMITS) -> dict[str, pa.Table]:
    made = {}
    async with connection(ENGINE, server, limits) as link:
        for collection in await ENGINE.collections(link):
            assert collection.records is None
            batches = [b async for b in ENGINE.sample(link, collection, limits)]
            made[collection.name] = pa.Table.from_batches(batches)
    return made


async def test_open(server: Server) -> None:
    proof = await probe(server)
    assert (proof.verdict, proof.product) == (Verdict.OPEN, "Prometheus")
    assert proof.version is not None
    assert proof.reason == "a series was read without credentials"
    assert proof.can_write == "no"


async def test_what_is_in_it(server: Server) -> None:
    read = await profile(server)
    assert {name: table.num_rows for name, table in read.items()} == {
        "logins": 300,
        "old_logins": 1,  # go_threads is the server's own
    }
    values: dict[str, list[Any]] = read["logins"].to_pydict()
    assert set(values) == {"user", "city", "instance", "job", "sample_value"}
    assert set(values["user"]) == {f"ann.lee{n}@example.org" for n in range(300)}
    assert {float(value) for value in values["sample_value"]} == set(range(300))
    assert read["old_logins"].to_pydict() == {"user": ["bo.berg@example.org"]}  # none of today
    assert classify(read["logins"]).fields["user"].kind == "email"


async def test_no_more_rows_than_the_limit(server: Server) -> None:
    read = await profile(server, StoreLimits(rows=20))
    assert read["logins"].num_rows == 20


async def test_the_servers_own_log_shows_reads_only(server: Server) -> None:
    log = server.folder / "queries.log"
    before = len(log.read_text().splitlines())
    blocks = sorted(path.name for path in (server.folder / "data").iterdir())
    await probe(server)
    await profile(server)
    seen = [json.loads(line) for line in log.read_text().splitlines()[before:]]
    assert len(seen) >= 3
    assert {query["httpRequest"]["method"] for query in seen} == {"GET"}
    assert {query["httpRequest"]["path"] for query in seen} == {"/api/v1/query"}
    assert sorted(path.name for path in (server.folder / "data").iterdir()) == blocks


@pytest.mark.parametrize(
    ("flags", "can_write"),
    [
        ((), "no"),
        ((ADMIN,), "yes"),
        (("--web.enable-remote-write-receiver",), "yes"),
        (("--enable-feature=remote-write-receiver",), "yes"),
        (("--enable-feature=exemplar-storage", "--web.enable-lifecycle"), "no"),
    ],
)
async def test_the_flags_say_who_may_write(flags: tuple[str, ...], can_write: str) -> None:
    with start(prometheus, flags=flags) as server:
        proof = await probe(server)
        assert (proof.verdict, proof.can_write) == (Verdict.OPEN, can_write)
        assert "there is no series" in proof.reason
        assert await profile(server) == {}


async def test_locked() -> None:
    with start(prometheus, own_address(), port=ENGINE.ports[0], locked=True) as server:
        proof = await probe(server)
        assert proof.verdict is Verdict.AUTH_REQUIRED
        assert "by its port alone" in proof.reason
        async with connection(ENGINE, server) as link:
            with pytest.raises(ServerRefused):
                await ENGINE.collections(link)


async def test_locked_on_another_port_it_could_be_any_web_server() -> None:
    with start(prometheus, locked=True) as server:
        assert (await probe(server)).verdict is Verdict.NOT_THIS


async def test_an_agent_keeps_nothing_to_be_read() -> None:
    with start(prometheus, agent=True) as server:
        proof = await probe(server)
        assert proof.verdict is Verdict.OPEN_PARTIAL
        assert "agent" in proof.reason


# --- what it knows for nothing -------------------------------------------------------------------


async def test_since_when_it_runs(server: Server) -> None:
    assert knowing.is_recent(await knowing.since(ENGINE, server), "started")


async def test_the_newest_sample_marks_what_is_scraped(server: Server) -> None:
    """It scrapes nothing but what it is told to: without that, the mark stands still."""
    before, after = await knowing.marks_around(ENGINE, server, lambda: None)
    assert before == after
    (changes,) = {mark.changes for mark in after.values()}
    assert changes is not None
