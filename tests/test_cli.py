"""The command line as a user meets it: one clear line for bad input, Ctrl-C, resuming."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from leftopen.servers.redis import fill, redis
from leftopen.store import Store
from leftopen.testing import Ran, leftopen, peer, start
from tests.hostile import mute

SCOPE = """
[scope]
owner = "Velmora"
authorised_by = "A. Clerk"
reference = "V-2026-1"
expires = 2099-12-31
targets = ["127.0.0.0/30"]
"""


def refused(tmp_path: Path, *arguments: str) -> str:
    """The one line that the command printed; checks that it is one, and exit code 2."""
    ran = leftopen(*arguments, store=tmp_path / "r.db", cwd=tmp_path)
    assert ran.code == 2, ran
    assert ran.out == ""
    assert ran.err.startswith("leftopen: ")
    assert ran.err.count("\n") == 1, ran.err
    return ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scan", "127.0.0.1", "--engine", "oracle"], "unknown engine 'oracle'"),
        (["scan", "127.0.0.1", "--engine", "oracle", "--ports", "9"], "unknown engine 'oracle'"),
        (["scan", "127.0.0.1", "--format", "docx"], "unknown format 'docx'"),
        (["scan", "127.0.0.300"], "127.0.0.300"),
        (["scan", "127.0.0.1:99999"], "99999"),
        (["scan", "127.0.0.1/24"], "127.0.0.0/24"),
        (["scan", "127.0.0.1\x1b[2J"], "127.0.0.1"),
        (["scan", "--ports", "0", "127.0.0.1"], "0"),
        (["scan", "--ports", "x", "127.0.0.1"], "x"),
        (["scan"], "target"),
        (["scan", "10.0.0.1"], "10.0.0.1"),
        (["scan", "192.0.2.1"], "192.0.2.1"),
        (["scan", "--scope", "none.toml", "127.0.0.1"], "none.toml"),
        (["scan", "-o", "no/such/folder/x", "127.0.0.1"], "no/such/folder"),
        (["scan", "--rate", "-1", "127.0.0.1"], "--rate"),
        (["scan", "--resume", "nobody"], "no run"),
        (["report", "last"], "no run yet"),
        (["report", "last", "--format", "docx"], "unknown format 'docx'"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    line = refused(tmp_path, *arguments)
    assert says in line
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[scope]", "[other]"), "no [scope] table"),
        (('owner = "Velmora"', ""), "owner"),
        (('authorised_by = "A. Clerk"', ""), "authorised_by"),
        (('authorised_by = "A. Clerk"', 'authorised_by = " "'), "authorised_by"),
        (("2099-12-31", "2020-12-31"), "expired"),
        (('["127.0.0.0/30"]', "[]"), "targets is empty"),
        (('["127.0.0.0/30"]', '["127.0.0.0/30"]\nexclusions = ["127.0.0.0/8"]'), "exclusions"),
        (('["127.0.0.0/30"]', '["198.51.100.0/28"]'), "public_addresses = 16"),
        (('["127.0.0.0/30"]', '["198.51.100.0/28"]\npublic_addresses = 17'), "holds 16|hold 16"),
        (("owner", "ownr"), "ownr"),
        (("targets", "targets = "), "TOML"),
    ],
)
def test_a_bad_scope_file_is_one_clear_line(
    tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    (tmp_path / "s.toml").write_text(SCOPE.replace(*change))
    line = refused(tmp_path, "scan", "--scope", "s.toml", "127.0.0.1")
    assert any(part in line for part in says.split("|")), line
    assert "s.toml" in line


def test_without_a_command_the_help_is_shown(tmp_path: Path) -> None:
    ran = leftopen(store=tmp_path / "r.db")
    assert ran.code == 2
    assert "Usage: leftopen" in ran.err
    assert "scan" in ran.err
    assert "\\x0a" not in ran.err


def test_a_record_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = leftopen("scan", "127.0.0.1:9", store=tmp_path / "file" / "r.db")
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert "LEFTOPEN_STORE" in ran.err


def test_an_unreadable_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "s.toml").mkdir()
    assert "s.toml" in refused(tmp_path, "scan", "--scope", "s.toml", "127.0.0.1")


def test_a_scope_file_is_the_whole_truth(tmp_path: Path) -> None:
    (tmp_path / "leftopen.toml").write_text(SCOPE)  # found by its name
    assert "127.0.0.9" in refused(tmp_path, "scan", "127.0.0.9")
    ran = leftopen("scan", "127.0.0.1:9", store=tmp_path / "r.db", cwd=tmp_path)
    assert ran.code == 3, ran.err


def test_nothing_answers(tmp_path: Path) -> None:
    ran = leftopen("scan", "127.0.0.1:9", "--format", "json", store=tmp_path / "r.db")
    assert ran.code == 3
    (service,) = json.loads(ran.out)["services"]
    assert (service["verdict"], service["vantage"]) == ("CLOSED", "loopback")
    assert ran.err == "", "no progress where standard error is no terminal"


def test_settings_come_from_flags_then_environment_then_file(tmp_path: Path) -> None:
    (tmp_path / "leftopen.toml").write_text('[scan]\nformat = "json"\n')
    named = ("scan", "127.0.0.1:9")
    by_file = leftopen(*named, store=tmp_path / "r.db", cwd=tmp_path)
    assert by_file.out.startswith("{")
    env = {"LEFTOPEN_SCAN_FORMAT": "html"}
    by_env = leftopen(*named, store=tmp_path / "r.db", cwd=tmp_path, env=env)
    assert by_env.out.startswith("<!")
    by_flag = leftopen(*named, "--format", "json", store=tmp_path / "r.db", cwd=tmp_path, env=env)
    assert by_flag.out.startswith("{")


def test_the_record_is_in_the_users_data_folder_and_private(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k != "LEFTOPEN_STORE"}
    env |= {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "leftopen", "scan", "127.0.0.1:9"]
    subprocess.run(command, env=env, check=False, capture_output=True)
    record = tmp_path / "leftopen" / "record.db"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_ctrl_c_keeps_what_was_found_and_a_second_scan_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "r.db"
    with ExitStack() as stack:
        server = stack.enter_context(start(redis, "127.0.0.8"))
        mutes = [stack.enter_context(peer(mute)) for _ in range(6)]
        fill(server, [("SET", f"user:{i}", f"ann{i}@example.org") for i in range(50)])
        # mute peers of one host take seconds to judge: time enough to be interrupted in
        arguments = ("scan", server.where, *map(str, mutes), "--format", "json")

        def interrupt(process: subprocess.Popen[bytes]) -> None:
            wait_until(store, exposures=1)
            process.send_signal(signal.SIGINT)

        first = leftopen(*arguments, store=store, meanwhile=interrupt)
        assert first.code == 4, first
        document = json.loads(first.out)
        run = document["run"]["id"]
        assert document["run"]["complete"] is False
        assert [e["port"] for e in document["exposures"]] == [server.port]
        assert f"leftopen scan --resume {run}" in first.err

        second = leftopen("scan", "--resume", run, "--format", "json", store=store)
        document = json.loads(second.out)
        assert document["run"]["id"] == run
        assert document["run"]["complete"] is True
        assert second.code == 11, second.err
        assert {s["port"]: s["verdict"] for s in document["services"]} == {
            server.port: "OPEN",
            **{silent.port: "SILENT" for silent in mutes},
        }
        again = leftopen("scan", "--resume", run, store=store)
        assert again.code == 2
        assert "is complete" in again.err


def test_a_killed_scan_leaves_a_readable_record_and_no_process(tmp_path: Path) -> None:
    store = tmp_path / "r.db"
    children: list[int] = []
    with start(redis) as server, peer(mute) as silent:
        fill(server, [("SET", f"user:{i}", f"ann{i}@example.org") for i in range(50)])

        def kill(process: subprocess.Popen[bytes]) -> None:
            import psutil

            wait_until(store, exposures=1)
            children.extend(p.pid for p in psutil.Process(process.pid).children(recursive=True))
            process.kill()

        killed = leftopen("scan", server.where, str(silent), store=store, meanwhile=kill)
        assert killed.code == -signal.SIGKILL
        shown = leftopen("report", "last", "--format", "json", store=store)
        document = json.loads(shown.out)
        assert [e["port"] for e in document["exposures"]] == [server.port]
        assert document["run"]["complete"] is False
        gone_by = time.monotonic() + 10
        while any(Path(f"/proc/{pid}").exists() for pid in children):
            assert time.monotonic() < gone_by, "the sampling process outlived its parent"
            time.sleep(0.05)
        resumed = leftopen("scan", "--resume", document["run"]["id"], store=store)
        assert resumed.code == 11, resumed.err


def wait_until(store: Path, exposures: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if store.exists():
            record = Store(f"sqlite:///{store}")
            runs = record.runs()
            found = len(record.load(runs[0][0]).exposures) if runs else 0
            record.close()
            if found >= exposures:
                return
        time.sleep(0.05)
    raise AssertionError("the scan found nothing in a minute")


def test_output_to_a_file_is_the_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    ran: Ran = leftopen(
        "scan", "127.0.0.1:9", "--format", "json", "-o", str(path), store=tmp_path / "r.db"
    )
    assert ran.out == ""
    assert json.loads(path.read_text())["schema"] == "leftopen.report/1"


def test_a_store_is_found_on_any_port(tmp_path: Path) -> None:
    """A Redis on MongoDB's port is found as a Redis."""
    address = free_address(27017)
    with start(redis, address, port=27017) as server:
        ran = leftopen("scan", address, "--format", "json", store=tmp_path / "r.db")
        (service,) = json.loads(ran.out)["services"]
        assert (service["port"], service["engine"]) == (server.port, "redis")


def free_address(port: int) -> str:
    for last in range(20, 250):
        address = f"127.0.3.{last}"
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) != 0:
                return address
    raise AssertionError(f"port {port} is taken everywhere")
