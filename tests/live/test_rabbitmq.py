"""The rabbitmq engine against a real RabbitMQ, by itself and behind an nginx that adds a login."""

from __future__ import annotations

import time

import pytest

from leftopen.engines.rabbitmq import ENGINE
from leftopen.errors import ServerRefused
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.nginx import requests
from leftopen.servers.rabbitmq import USER, call, fill
from leftopen.testing import LIMITS, connection
from tests.live import knowing
from tests.rows.rabbitmq import OWNER, QUEUES, broker, logged_in


async def probe(server: Server) -> Proof:
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 4_096
        assert set(link.requests) <= ENGINE.requests
        return proof


async def test_it_asks_for_a_login_by_itself() -> None:
    proof = await probe(broker())
    assert (proof.verdict, proof.reason) == (Verdict.AUTH_REQUIRED, "asks for credentials")
    async with connection(ENGINE, broker()) as link:
        with pytest.raises(ServerRefused):
            await ENGINE.collections(link)


async def test_open_behind_a_proxy_that_logs_everybody_in() -> None:
    with logged_in(USER, OWNER) as proxy:
        proof = await probe(proxy)
        assert (proof.verdict, proof.product) == (Verdict.OPEN, "RabbitMQ")
        assert proof.reason == "a queue was listed without a login"
        assert proof.version is not None
        assert proof.can_write == "yes"
        async with connection(ENGINE, proxy) as link:
            listed = await ENGINE.collections(link)
            assert {queue.name: queue.records for queue in listed} == QUEUES
            assert [queue.records for queue in listed] == [3, 1]
            for queue in listed:
                assert [b async for b in ENGINE.sample(link, queue, LIMITS)] == []
        assert {method for method, _ in requests(proxy)} == {"GET"}
        paths = {path.partition("?")[0] for _, path in requests(proxy)}
        assert paths == {"/api/overview", "/api/queues", "/api/whoami"}
    told = call(broker(), "GET", "/api/queues?disable_stats=true&enable_queue_totals=true")
    assert {queue["name"]: queue["messages"] for queue in told} == QUEUES  # none was taken


async def test_an_account_of_an_empty_virtual_host() -> None:
    with logged_in("visitor", "v") as proxy:
        proof = await probe(proxy)
        assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "unknown")
        assert "it is empty" in proof.reason


async def test_an_account_that_may_watch_and_enter_no_virtual_host() -> None:
    with logged_in("watcher", "w") as proxy:
        proof = await probe(proxy)
        assert (proof.verdict, proof.can_write) == (Verdict.OPEN_PARTIAL, "unknown")
        assert "lists none" in proof.reason


async def test_an_account_without_the_right_to_the_api() -> None:
    with logged_in("sender", "s") as proxy:
        assert (await probe(proxy)).verdict is Verdict.AUTH_REQUIRED


async def test_names_say_the_virtual_host_where_there_are_several() -> None:
    fill(broker(), "second", {"jobs": 2})
    try:
        with logged_in(USER, OWNER) as proxy:
            async with connection(ENGINE, proxy) as link:
                listed = {queue.name: queue.records for queue in await ENGINE.collections(link)}
    finally:
        call(broker(), "DELETE", "/api/vhosts/second")
    assert listed == {"/orders": 3, "/mail.ann.lee@example.org": 1, "second/jobs": 2}


# --- what it knows for nothing -------------------------------------------------------------------


async def test_since_when_it_runs_and_marks_that_move_with_writes_alone() -> None:
    """The server counts anew every five seconds: each time until then is waited."""
    with logged_in(USER, OWNER) as proxy:
        published = _published(more_than=0)
        assert knowing.is_recent(await knowing.since(ENGINE, proxy), "started")

        def write() -> None:
            fill(broker(), "/", {"marked": 2})
            _published(more_than=published)

        before, after = await knowing.marks_around(ENGINE, proxy, write)
    call(broker(), "DELETE", "/api/queues/%2F/marked")
    assert before == {name: Mark(records, published) for name, records in QUEUES.items()}
    assert after == {name: Mark(records, published + 2) for name, records in QUEUES.items()}


def _published(more_than: int) -> int:
    """How many messages were published, once it is more than so many."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        told = call(broker(), "GET", "/api/overview")["message_stats"].get("publish", 0)
        if told > more_than and call(broker(), "GET", "/api/nodes?columns=uptime")[0]:
            return int(told)
        time.sleep(0.2)
    raise AssertionError("the server does not count")
