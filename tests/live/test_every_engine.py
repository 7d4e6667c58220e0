"""One scan of everything: an open real server of every engine and its locked twin, all on ports
that say nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from leftopen.engines import all_engines
from leftopen.exitcode import BANDS
from leftopen.hail import REQUEST as HAIL
from leftopen.model import OptIn, Target, Verdict
from leftopen.report.as_json import schema
from leftopen.testing import Ran, leftopen
from tests.live.canaries import AT_ONCE, OPT_INS, STORES, Standing, scope_file
from tests.rows.row import Row, Rows

MIB = 1 << 20
LOCKED = "authentication on"
# What is not "OPEN": nobody is let into MySQL without a name, so its proof is another one.
OPEN = {"mysql": "PASSWORDLESS"}
# Where the collections are all that is read.
NO_ROWS = {"mqtt", "rabbitmq"}


@dataclass
class Twin:
    """A locked server of an engine, or a peer that plays one; None where it is missing here."""

    row: Row
    target: Target | None = None


@pytest.fixture(scope="module")
def twins() -> Iterator[dict[str, Twin]]:
    """The rows of the contract suite in which every engine's server asks for credentials."""
    made: dict[str, Twin] = {}
    for name in STORES:
        rows: Rows = import_module(f"tests.rows.{name}").ROWS
        made[name] = Twin(next(row for row in rows.rows if row.name == LOCKED))
    with contextlib.ExitStack() as stack:

        def serve(twin: Twin) -> None:
            # what is missing is named at the end of the run by the tests of the rows
            with contextlib.suppress(pytest.skip.Exception):
                twin.target = stack.enter_context(twin.row.serve())

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(serve, made.values()))
        yield made


@dataclass(frozen=True)
class Scanned:
    """What the scan said: the run itself, and services and exposures by where they are."""

    ran: Ran
    document: Any

    def service(self, where: str) -> Any:
        (found,) = [s for s in self.document["services"] if _where(s) == where]
        return found

    def exposure(self, where: str) -> Any:
        (found,) = [e for e in self.document["exposures"] if _where(e) == where]
        return found


def _where(told: Any) -> str:
    return f"{told['address']}:{told['port']}"


@pytest.fixture(scope="module")
def scanned(
    every_store: Standing, twins: dict[str, Twin], tmp_path_factory: pytest.TempPathFactory
) -> Scanned:
    folder = tmp_path_factory.mktemp("every-engine")
    locked = [twin for twin in twins.values() if twin.target is not None]
    opt_ins = {str(twin.target): twin.row.opt_in for twin in locked if twin.row.opt_in != OptIn()}
    opt_ins |= {
        server.where: OPT_INS[name]
        for name, server in every_store.servers.items()
        if name in OPT_INS
    }
    targets = [*every_store.targets, *(str(twin.target) for twin in locked)]
    ran = leftopen(
        "scan", *targets, "--scope", str(scope_file(folder, opt_ins)), "--host-rate", "1000",
        "--format", "json", store=folder / "r.db", cwd=folder,
    )  # fmt: skip
    return Scanned(ran, json.loads(ran.out))


@pytest.fixture
def where(every_store: Standing, request: pytest.FixtureRequest) -> str:
    """Where the open server of the test's engine is."""
    engine = request.getfixturevalue("engine")
    if engine in every_store.missing:
        pytest.skip(every_store.missing[engine])
    return every_store.servers[engine].where


each = pytest.mark.parametrize("engine", STORES)


@each
def test_the_open_one_is_found_and_profiled(scanned: Scanned, where: str, engine: str) -> None:
    service = scanned.service(where)
    assert (service["verdict"], service["engine"]) == (OPEN.get(engine, "OPEN"), engine), service
    assert (service["verified"], service["vantage"]) == ("real", "loopback")
    exposure = scanned.exposure(where)
    collections = exposure["collections"]
    assert collections
    if engine not in NO_ROWS:
        personal = [f for c in collections for f in c["fields"] if f["kind"] != "none"]
        assert personal
        assert sum(c["sampled"] for c in collections) >= (4 if engine == "registry" else 20)


@each
def test_only_what_its_engine_may_send_was_sent(scanned: Scanned, where: str, engine: str) -> None:
    """Its own, and those of the engines that asked before it was known: their names come first."""
    engines = all_engines()
    sent = set(scanned.service(where)["requests"])
    own = sent & engines[engine].requests
    assert own
    others = {f"{name} {r}" for name, its in engines.items() for r in its.requests}
    assert sent <= own | others | {f"hail {HAIL}"}


@each
def test_the_locked_one_asks_for_credentials(
    scanned: Scanned, twins: dict[str, Twin], engine: str
) -> None:
    twin = twins[engine]
    if twin.target is None:
        pytest.skip("its server is missing")
    assert twin.row.verdict is Verdict.AUTH_REQUIRED
    service = scanned.service(str(twin.target))
    assert (service["verdict"], service["engine"]) == ("AUTH_REQUIRED", engine), service
    assert str(twin.target) not in [_where(e) for e in scanned.document["exposures"]]


def test_the_report_is_valid_and_has_everybody(
    scanned: Scanned, every_store: Standing, twins: dict[str, Twin]
) -> None:
    Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
        scanned.document
    )
    asked = [*every_store.targets, *(str(t.target) for t in twins.values() if t.target)]
    assert sorted(map(_where, scanned.document["services"])) == sorted(asked)
    assert sorted(map(_where, scanned.document["exposures"])) == sorted(every_store.targets)
    assert scanned.document["errors"] == []
    assert scanned.document["run"]["complete"] is True


def test_the_exit_code_tells_the_worst(scanned: Scanned) -> None:
    worst = max(
        BANDS.index(e["assessment"]["severity"]["band"]) for e in scanned.document["exposures"]
    )
    assert scanned.ran.code == 11 + worst


def test_memory_stays_small(scanned: Scanned) -> None:
    """Of the parent and its sampling process together."""
    assert scanned.ran.peak < 450 * MIB
