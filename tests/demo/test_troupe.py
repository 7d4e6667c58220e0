"""Starting the servers together, what happens when one fails, and judging what a scan said."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from leftopen import demo
from leftopen.demo import cast, places, stage, standing
from leftopen.demo.cast import ROLES, Role
from leftopen.demo.town import town
from leftopen.demo.troupe import StartFailed, Troupe
from leftopen.servers.base import Server, accepts, free_port

PAGE = next(role for role in ROLES if role.outcome == "no store")


def fails(address: str, port: int) -> Server:
    raise RuntimeError("no room")


def troupe_of(*roles: Role, folder: Path) -> Troupe:
    where = places.find([(role.name, free_port()) for role in roles], ())
    return Troupe(roles, where, folder)


def test_one_that_fails_is_named_and_the_others_can_be_stopped(tmp_path: Path) -> None:
    bad = Role("bad", "Redis", "redis", 6379, "open", "", fails)
    troupe = troupe_of(PAGE, bad, folder=tmp_path)
    address, port = troupe.where.at["bad"]
    with pytest.raises(StartFailed, match=rf"^Redis on {address}:{port}: no room$"):
        list(troupe.start(town(10)))
    server = troupe.servers["page"]
    assert accepts(server.address, server.port)
    assert (tmp_path / standing.NOTE).exists()
    troupe.stop()
    assert not accepts(server.address, server.port)
    assert not server.folder.exists()
    assert not (tmp_path / standing.NOTE).exists()


def test_a_troupe_that_is_ended_fills_nothing_more(tmp_path: Path) -> None:
    filled: list[str] = []
    troupe = troupe_of(PAGE, folder=tmp_path)

    def start(address: str, port: int) -> Server:
        server = PAGE.start(address, port)
        troupe.stop()  # as Ctrl-C would, while this one starts
        return server

    role = Role("page", "", None, 0, "no store", "", start, lambda s, t, n: filled.append(s.name))
    troupe.roles = [role]
    assert list(troupe.start(town(10))) == [role]
    assert filled == []
    troupe.stop()
    assert not accepts(*troupe.where.at["page"])


def report(troupe: Troupe) -> dict[str, Any]:
    """What a report that told all right would say."""
    verdict = {"open": "OPEN", "locked": "AUTH_REQUIRED", "no store": "NOT_THIS"}
    services = [
        {
            "address": troupe.where.at[role.name][0],
            "port": troupe.where.at[role.name][1],
            "verdict": verdict[role.outcome],
            "engine": role.engine,
        }
        for role in troupe.roles
    ]
    return {"services": services}


def test_a_report_is_judged_by_what_really_stands(tmp_path: Path) -> None:
    troupe = troupe_of(*ROLES, folder=tmp_path)
    told = report(troupe)
    assert stage.judge(told, troupe) == []
    for number, (role, service) in enumerate(zip(ROLES, told["services"], strict=True)):
        where = f"{service['address']}:{service['port']}"
        for wrong in ("UNDETERMINED", "ERROR", "OPEN_PARTIAL"):
            services = [dict(s) for s in told["services"]]
            services[number]["verdict"] = wrong
            assert stage.judge({"services": services}, troupe) == [
                f"{where} is {role.outcome}, but the scan says {wrong}."
            ]
        rest = [s for s in told["services"] if s is not service]
        assert stage.judge({"services": rest}, troupe) == [
            f"{where} is {role.outcome}, but the scan says nothing."
        ]
    services = [dict(s) for s in told["services"]]
    services[3]["engine"] = "mongodb"  # the Redis on MongoDB's port, mistaken for what is usual
    assert len(stage.judge({"services": services}, troupe)) == 1


def test_the_cast_is_what_the_issue_asks_for() -> None:
    stands = [(role.engine, role.outcome) for role in ROLES]
    for engine in ("mongodb", "redis", "postgresql"):
        assert (engine, "open") in stands
        assert (engine, "locked") in stands
    assert (None, "no store") in stands
    assert any(role.engine == "redis" and role.port == 27017 for role in ROLES)
    assert len({role.name for role in ROLES}) == len(ROLES)
    assert cast.REGISTER in {role.name for role in ROLES}


def test_a_missing_package_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == "secantus" else real(name))
    with (tmp_path / "out").open("w") as out:
        console = Console(file=out, width=40)
        assert demo.run(console, folder=tmp_path / "demo") == 1
    assert (tmp_path / "out").read_text() == (
        "leftopen demo needs SecantusDB: pip install 'leftopen[demo]'\n"
    )
    assert not (tmp_path / "demo").exists()


def test_where_only_one_address_exists_it_plays_on_free_ports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As on macOS: every server on 127.0.0.1, and the scan is told each of their ports."""
    monkeypatch.setattr(places, "_BLOCKS", range(0))
    with (tmp_path / "out").open("w") as out:
        assert demo.run(Console(file=out, width=100), folder=tmp_path / "demo") == 0
    told = (tmp_path / "out").read_text()
    scan = next(line for line in told.splitlines() if line.startswith("$ leftopen scan"))
    assert scan.count(" 127.0.0.1:") == len(ROLES)
    assert "4 stores open to anyone, 3 locked, 1 page" in told
    assert "127.0.0.1:" in capfd.readouterr().out  # the scan's own table
    assert not (tmp_path / "demo" / standing.NOTE).exists()
