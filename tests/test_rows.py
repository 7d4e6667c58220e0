"""The contract suite in named rows: every state that a server can be met in, and its verdict.

Each engine's rows are in `tests/rows/`; what can stand before any server (a port forward, TLS, a
proxy, a recording of it) is made here from its row "open". All verdicts are the whole prober's:
every engine is there, the servers are on ports that say nothing, and all that is read is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.engine import Engine, Speaks
from leftopen.engines import all_engines
from leftopen.model import OptIn, Service, Target, Verdict
from leftopen.net.dial import TcpDialer
from leftopen.prober import PROBE_LIMITS, VERDICT_BYTES, judge
from leftopen.scope import Scope
from leftopen.servers import base
from leftopen.testing import peer
from tests import relays, rows
from tests.hostile import Behaviour, echo
from tests.rows.row import NAMES, Row, Rows
from tests.scripted_http import Answer, Asked, behaviour

# For where most of what is asked is never answered: a scan waits longer.
IMPATIENT = dataclasses.replace(PROBE_LIMITS, silence=1.0)
GIVEN_AWAY = (Verdict.OPEN, Verdict.PASSWORDLESS)
ALL: dict[str, Rows] = {
    module.name: import_module(f"tests.rows.{module.name}").ROWS
    for module in pkgutil.iter_modules(rows.__path__)
    if module.name != "row"
}
EACH = [(name, row) for name, its in ALL.items() for row in its.rows]
OPEN = [(n, row) for n, row in EACH if row.name == "open" and row.verdict in GIVEN_AWAY]
OVER_HTTP = [(n, row) for n, row in OPEN if all_engines()[n].speaks is Speaks.HTTP]

every_row = pytest.mark.parametrize(
    ("engine", "row"), EACH, ids=[f"{name}: {row.name}" for name, row in EACH]
)
every_open = pytest.mark.parametrize(("engine", "row"), OPEN, ids=[name for name, _ in OPEN])
every_open_http = pytest.mark.parametrize(
    ("engine", "row"), OVER_HTTP, ids=[name for name, _ in OVER_HTTP]
)


async def verdict(
    target: Target, opt_in: OptIn | None = None, limits: StoreLimits = PROBE_LIMITS
) -> Service:
    dialer = TcpDialer(Scope.loopback(), Budget(None, None))
    judged = await judge(dialer, target, all_engines(), limits, opt_in=opt_in)
    assert judged.errors == ()
    assert judged.service.bytes_read <= VERDICT_BYTES
    return judged.service


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return base.certificate(tmp_path_factory.mktemp("certificate"))


@pytest.mark.parametrize("engine", all_engines())
def test_every_engine_has_every_row_or_says_why_not(engine: str) -> None:
    its = ALL[engine]
    assert its.engine == engine
    here = [row.name for row in its.rows]
    assert len(set(here)) == len(here)
    missing = [name for name in NAMES if name not in here]
    assert sorted(its.absent) == sorted(missing)
    assert all(len(reason) > 15 for reason in its.absent.values())
    if all_engines()[engine].verified == "real":
        assert any(row.real for row in its.rows)
    else:
        assert not any(row.real for row in its.rows)


@every_row
async def test_the_verdict_on_each_state(engine: str, row: Row) -> None:
    with row.serve() as target:
        service = await verdict(target, row.opt_in)
    assert (service.verdict, service.engine) == (row.verdict, engine), service
    assert service.can_write == row.can_write, service
    assert service.reason


@every_open
async def test_a_port_forward_on_its_usual_port(engine: str, row: Row) -> None:
    port = next((p for p in all_engines()[engine].ports if p > 1023), 0)
    with row.serve() as target, relays.forward(target, "127.0.67.1", port) as relay:
        service = await verdict(relay, row.opt_in)
    assert (service.verdict, service.engine) == (row.verdict, engine), service


@every_open
async def test_tls_only(engine: str, row: Row, certificate: tuple[Path, Path]) -> None:
    with row.serve() as target, relays.over_tls(target, certificate) as relay:
        service = await verdict(relay, row.opt_in, IMPATIENT)
    assert (service.verdict, service.engine, service.tls) == (row.verdict, engine, True), service
    assert service.certificate_names == ("db.example.org",)


@every_open
async def test_a_client_certificate_wanted(
    engine: str, row: Row, certificate: tuple[Path, Path]
) -> None:
    with row.serve() as target, relays.over_tls(target, certificate, ask_client=True) as relay:
        service = await verdict(relay, row.opt_in, IMPATIENT)
    assert service.verdict is Verdict.ACL_CLOSED, service
    assert "client certificate" in service.reason


@every_open_http
async def test_a_reverse_proxy_in_front(engine: str, row: Row) -> None:
    with row.serve() as target, relays.behind_nginx(target) as proxy:
        service = await verdict(proxy, row.opt_in)
    assert (service.verdict, service.engine) == (row.verdict, engine), service


@every_open_http
async def test_a_reverse_proxy_that_asks_for_a_password(engine: str, row: Row) -> None:
    with row.serve() as target, relays.behind_nginx(target, login=True) as proxy:
        service = await verdict(proxy, row.opt_in)
    assert not service.exposed, service
    assert service.verdict in (Verdict.AUTH_REQUIRED, Verdict.NOT_THIS), service


@contextlib.contextmanager
def _a_recording(row: Row) -> Iterator[tuple[Target, relays.Recording]]:
    recording = relays.Recording()
    with row.serve() as target, relays.recorded(target, recording) as relay:
        yield relay, recording


@every_open
async def test_a_recording_of_it_is_not_open(engine: str, row: Row) -> None:
    with _a_recording(row) as (relay, recording):
        only = {engine: all_engines()[engine]}
        dialer = TcpDialer(Scope.loopback(), Budget(None, None))
        first = await judge(dialer, relay, only, IMPATIENT, opt_in=row.opt_in)
    assert first.service.verdict is row.verdict
    # The hail is part of the recording: played back to the same engine in the same order.
    with relays.played(recording) as honeypot:
        again = await judge(dialer, honeypot, only, IMPATIENT, opt_in=row.opt_in)
    assert not again.service.exposed, again.service


@every_open_http
async def test_a_recording_played_by_path_is_not_open(engine: str, row: Row) -> None:
    with _a_recording(row) as (relay, recording):
        only = {engine: all_engines()[engine]}
        dialer = TcpDialer(Scope.loopback(), Budget(None, None))
        await judge(dialer, relay, only, IMPATIENT, opt_in=row.opt_in)
    with relays.played_by_path(recording) as honeypot:
        assert not (await verdict(honeypot, row.opt_in)).exposed


def _login_page(asked: Asked) -> Answer:
    return Answer(b"<html><form><input type=password></form></html>")


def _redirect_to_login(asked: Asked) -> Answer:
    return Answer(b"", 302, {"Location": "/login"})


def _yes(body: object) -> Behaviour:
    behave = behaviour(lambda asked: Answer(body))
    behave.__name__ = f"yes with {body!r}"[:40]
    return behave


def _mirror(asked: Asked) -> Answer:
    """A honeypot that gives back all it is told, with names that many products use."""
    told = {
        "path": asked.path,
        **asked.query,
        **{name: [asked.path] for name in ("data", "result", "items", "hits", "collections")},
        "status": "success",
        "name": asked.path.rsplit("/", 1)[-1],
        "body": asked.body.decode("latin-1"),
    }
    return Answer(told, headers=dict(asked.headers))


HONEYPOTS: list[Behaviour] = [
    behaviour(_login_page),
    behaviour(_redirect_to_login),
    behaviour(_mirror),
    *(_yes(body) for body in ({}, [], True, "OK", {"status": "ok"}, [{"name": "x"}], b"OK")),
    echo,
]


async def _at_honeypots(port: int, engines: dict[str, Engine]) -> None:
    """All honeypots at once, each at an address of its own."""
    dialer = TcpDialer(Scope.loopback(), Budget(None, None))
    with contextlib.ExitStack() as stack:
        targets = [
            stack.enter_context(peer(honeypot, f"127.0.68.{number}", port))
            for number, honeypot in enumerate(HONEYPOTS, 1)
        ]
        judged = await asyncio.gather(*(judge(dialer, target, engines) for target in targets))
    for honeypot, told in zip(HONEYPOTS, judged, strict=True):
        assert told.errors == ()
        assert not told.service.exposed, (honeypot.__name__, told.service)
        kinds = (Verdict.NOT_THIS, Verdict.UNDETERMINED)
        assert told.service.verdict in kinds, (honeypot.__name__, told.service)


async def test_honeypots_that_say_yes_to_every_engine() -> None:
    await _at_honeypots(0, all_engines())


@pytest.mark.parametrize("engine", all_engines())
async def test_honeypots_on_an_engines_own_port(engine: str) -> None:
    """There less is asked of a peer before it counts as that engine's."""
    port = next((p for p in all_engines()[engine].ports if p > 1023), 0)
    await _at_honeypots(port, {engine: all_engines()[engine]})
