"""The sampling process: its limits, and that nothing it does can hurt the scan."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import psutil
import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.errors import ScopeRefused
from leftopen.model import Profile, Service, Vantage, Verdict
from leftopen.sampler import Sampler
from leftopen.scope import Scope
from leftopen.servers.base import Server
from leftopen.servers.redis import fill, redis
from leftopen.testing import peer, start
from leftopen.worker import MEMORY
from tests.hostile import mute

FREE = Budget(None, None)
LOOPBACK = Scope.loopback()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start(redis) as running:
        fill(running, [("SET", f"user:{i}", f"ann{i}@example.org") for i in range(20)])
        yield running


def service(address: str, port: int) -> Service:
    return Service(
        address, port, Verdict.OPEN, Vantage.LOOPBACK, "reads", engine="redis", verified="real"
    )


def workers() -> list[psutil.Process]:
    mine = psutil.Process().children()
    return [child for child in mine if "leftopen.worker" in child.cmdline()]


async def the_worker() -> psutil.Process:
    """The worker, once it runs as such."""
    for _ in range(500):
        if found := workers():
            return found[0]
        await asyncio.sleep(0.02)
    raise AssertionError("no worker came up")


def names(profile: Profile) -> list[str]:
    return [collection.name for collection in profile.collections]


async def test_one_process_reads_store_after_store_and_ends_with_the_scan(server: Server) -> None:
    told: list[tuple[int, int]] = []
    async with Sampler(LOOPBACK, FREE, StoreLimits()) as sampler:
        first = await sampler.profile(
            service(server.address, server.port), lambda done, total: told.append((done, total))
        )
        (worker,) = workers()
        again = await sampler.profile(service(server.address, server.port))
        assert workers() == [worker]
    assert not worker.is_running()
    assert first.complete
    assert names(first) == names(again) == ["user:*"]
    assert told == [(1, 1)]
    assert first.bytes_read > 0
    assert "SCAN" in first.requests


def environment(pid: int) -> dict[str, str]:
    told = Path(f"/proc/{pid}/environ").read_text().rstrip("\0").split("\0")
    return dict(entry.split("=", 1) for entry in told)


async def test_the_record_is_not_named_to_it(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setenv("LEFTOPEN_STORE", "postgresql+psycopg://me:secret@db/leftopen")
    async with Sampler(LOOPBACK, FREE, StoreLimits()) as sampler:
        await sampler.profile(service(server.address, server.port))
        (worker,) = workers()
        told = environment(worker.pid)
    assert "PATH" in told
    assert not [name for name, value in told.items() if "LEFTOPEN" in name or "secret" in value]


async def test_it_is_handed_nothing_outside_the_scope() -> None:
    """Its own scope is the address it is given, so the parent's has to say yes first."""
    reached: list[object] = []
    narrow = Scope(targets=(ip_network("127.0.0.1/32"),))
    with peer(reached.append, "127.0.0.9") as outside:
        async with Sampler(narrow, FREE, StoreLimits()) as sampler:
            with pytest.raises(ScopeRefused):
                await sampler.profile(service("127.0.0.9", outside.port))
            assert not workers()
    assert reached == []


def system_says(pid: int) -> tuple[str, list[str]]:
    """The limits of a process and what its three streams are."""
    folder = Path(f"/proc/{pid}")
    return (folder / "limits").read_text(), [os.readlink(folder / f"fd/{n}") for n in range(3)]


async def test_its_limits_are_set_by_the_system(server: Server) -> None:
    """Privacy rule R3: no core dump; and no more memory than it may have."""
    async with Sampler(LOOPBACK, FREE, StoreLimits()) as sampler:
        await sampler.profile(service(server.address, server.port))
        (worker,) = workers()
        limits, streams = system_says(worker.pid)
    rows = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert rows["Max core file size"] == ["0", "0"]
    assert rows["Max data size"] == [str(MEMORY), str(MEMORY)]
    assert streams[2] == "/dev/null", "a traceback there could hold a value"
    assert streams[0].startswith(("pipe:", "socket:"))


async def test_a_worker_that_dies_costs_its_store_only(server: Server) -> None:
    async with Sampler(LOOPBACK, FREE, StoreLimits()) as sampler:
        with peer(mute) as silent:
            reading = asyncio.create_task(sampler.profile(service("127.0.0.1", silent.port)))
            worker = await the_worker()
            worker.send_signal(signal.SIGKILL)
            lost = await reading
        assert (lost.complete, lost.broken_off) == (False, True)
        assert [error.code for error in lost.errors] == ["died"]
        after = await sampler.profile(service(server.address, server.port))
        assert names(after) == ["user:*"]


async def test_a_store_that_fails_is_not_a_worker_that_fails() -> None:
    with peer(mute) as silent:
        async with Sampler(LOOPBACK, FREE, StoreLimits(silence=0.3)) as sampler:
            profile = await sampler.profile(service("127.0.0.1", silent.port))
    (error,) = profile.errors
    assert (error.class_, error.code) == ("Silent", "silent")
    assert (profile.complete, profile.broken_off) == (False, False)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("echo 'ann.lee@example.org'; sleep 60", "nonsense"),
        ('echo \'{"what":"end","value":1}\' ; exit 0', "nonsense"),
        ("exit 3", "died"),
        ("sleep 60", "timeout"),
        ("yes | tr -d '\\n' | head -c 40000000; sleep 60", "nonsense"),
    ],
)
async def test_a_worker_that_misbehaves_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, code: str
) -> None:
    script = tmp_path / "misbehave"
    script.write_text(f"#!/bin/sh\nread job\n{program}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("leftopen.sampler.sys.executable", str(script))
    monkeypatch.setattr("leftopen.sampler._GRACE", 0.5)
    began = time.monotonic()
    async with Sampler(LOOPBACK, FREE, StoreLimits(seconds=1)) as sampler:
        profile = await sampler.profile(service("127.0.0.1", 9))
        assert not [p for p in psutil.Process().children() if script.name in p.name()]
    assert time.monotonic() - began < 30
    assert [error.code for error in profile.errors] == [code]
    assert "ann" not in repr(profile)


async def test_every_connection_is_asked_of_the_parents_budget(server: Server) -> None:
    asked: list[str] = []

    class Counting:
        async def admit(self, host: str) -> None:
            asked.append(host)

    async with Sampler(LOOPBACK, Counting(), StoreLimits()) as sampler:
        profile = await sampler.profile(service(server.address, server.port))
    assert profile.complete
    assert asked
    assert set(asked) == {server.address}


async def test_waiting_for_the_budget_is_not_the_stores_time(server: Server) -> None:
    class Slow:
        async def admit(self, host: str) -> None:
            await asyncio.sleep(1.5)

    async with Sampler(LOOPBACK, Slow(), StoreLimits(seconds=1)) as sampler:
        profile = await sampler.profile(service(server.address, server.port))
    assert profile.complete, profile.errors
