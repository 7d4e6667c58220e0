"""The pipeline itself: its events, its faults, its Python interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

import leftopen
from leftopen import cli, scanner
from leftopen.discover import plan
from leftopen.errors import NetError, ScopeRefused, UsageError
from leftopen.model import Verdict
from leftopen.net.resolve import resolve
from leftopen.net.sweep import Sweep, SweepResult
from leftopen.progress import (
    Event,
    ExposureRated,
    Finished,
    PeopleCounted,
    ServiceJudged,
    SweepProgress,
    TargetFound,
)
from leftopen.scanner import Beginning
from leftopen.scope import Scope
from leftopen.servers.redis import fill, redis
from leftopen.testing import peer, start
from tests.hostile import html_page, mute
from tests.test_store import SERVICE

LOOPBACK = Scope.loopback()


async def events(*targets: str, ports: tuple[int, ...] = (1,), **options: Any) -> list[Event]:
    what = plan(LOOPBACK, targets, ports, resolve)
    return [event async for event in leftopen.scan(LOOPBACK, what, **options)]


async def test_the_way_of_one_open_store_in_order() -> None:
    with start(redis) as server:
        fill(server, [("SET", "user:1", "ann@example.org")])
        told = await events(server.address, ports=(server.port, 1))
    kinds = [type(event) for event in told if not isinstance(event, SweepProgress)]
    assert kinds[:2] == [TargetFound, ServiceJudged]
    assert kinds[-3:] == [ExposureRated, PeopleCounted, Finished]
    rated = next(event.exposure for event in told if isinstance(event, ExposureRated))
    assert [c.name for c in rated.profile.collections] == ["user:*"]
    assert rated.service.bytes_read > rated.profile.bytes_read > 0
    assert {"SCAN", "GETRANGE"} <= set(rated.service.requests)
    last = [event for event in told if isinstance(event, SweepProgress)][-1]
    assert (last.done, last.total) == (2, 2)


async def test_a_resumed_scan_does_not_judge_twice() -> None:
    with peer(html_page) as done, peer(html_page) as waiting:
        told = await events(
            str(done),
            str(waiting),
            beginning=Beginning(to_judge=(waiting,), judged=frozenset({done})),
        )
    judged = [event.service for event in told if isinstance(event, ServiceJudged)]
    assert [service.target for service in judged] == [waiting]
    assert judged[0].verdict is Verdict.NOT_THIS


async def test_leaving_early_stops_everything() -> None:
    with peer(mute) as one:
        what = plan(LOOPBACK, [str(one), "127.0.0.0/20"], (1,), resolve)
        async with aclosing(leftopen.scan(LOOPBACK, what)) as told:  # minutes at the polite rate
            async for event in told:
                if isinstance(event, SweepProgress):
                    break
            assert len(asyncio.all_tasks()) > 1, "it was at work"
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_record_that_was_tampered_with_leads_nobody_out_of_the_scope() -> None:
    """A resumed scan takes targets and services from a record; the scope still says yes or no."""
    reached: list[object] = []
    narrow = Scope(targets=(ip_network("127.0.0.1/32"),))
    with peer(reached.append, "127.0.0.9") as outside:
        what = plan(narrow, ["127.0.0.1"], (1,), resolve)
        to_judge = Beginning(to_judge=(outside,))
        told = [event async for event in leftopen.scan(narrow, what, beginning=to_judge)]
        (judged,) = [event.service for event in told if isinstance(event, ServiceJudged)]
        assert judged.verdict is Verdict.REFUSED_BY_SCOPE
        service = replace(SERVICE, address="127.0.0.9", port=outside.port)
        with pytest.raises(ScopeRefused):
            async for _ in leftopen.scan(narrow, what, beginning=Beginning(to_profile=(service,))):
                pass
    assert reached == []


def _fail(*_: object) -> SweepResult:
    raise NetError("this machine has no sockets left", code="EMFILE")


def _stumble(*_: object) -> SweepResult:
    raise KeyError("ann.lee@example.org")


async def test_a_sweep_that_cannot_go_on_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sweep, "run", _fail)
    with pytest.raises(NetError) as caught:
        await events("127.0.0.1")
    assert caught.value.code == "EMFILE"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (_fail, "leftopen: this machine has no sockets left\n"),
        (_stumble, "a fault in leftopen (KeyError at test_scanner.py:"),
    ],
)
def test_any_fault_is_one_line_without_a_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: Callable[..., Any], says: str
) -> None:
    monkeypatch.setattr(Sweep, "run", fault)
    monkeypatch.setenv("LEFTOPEN_STORE", f"sqlite:///{tmp_path / 'r.db'}")
    ran = CliRunner().invoke(cli.main, ["scan", "127.0.0.1"])
    assert ran.exit_code == 1
    assert says in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert "ann.lee" not in ran.stderr


async def test_a_scope_without_a_target_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(UsageError):
        async for _ in leftopen.scan(LOOPBACK):
            pass


def test_the_python_interface() -> None:
    table = pa.table({"email": [f"p{i}@example.org" for i in range(50)]})
    field = leftopen.classify(table, name="users").fields["email"]
    assert (field.kind, field.family) == ("email", "email")
    assert field.confidence > 0.9
    assert field.evidence
    assert callable(leftopen.classify), "importing the package's parts must not hide the function"
    assert leftopen.scan is scanner.scan
    with pytest.raises(AttributeError):
        leftopen.nothing  # noqa: B018 - the access is the test
