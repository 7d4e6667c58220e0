"""The note of standing servers: it ends what it noted, all of it, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from leftopen import demo
from leftopen.demo import standing
from leftopen.errors import UsageError
from leftopen.servers.base import Server, accepts, free_port, launch, new_folder

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def page() -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "leftopen.demo.page", "127.0.0.1", str(port)]
    with launch("page", command, "127.0.0.1", port, new_folder("page")) as server:
        yield server


def test_noted_servers_are_ended_and_their_folders_removed(page: Server, tmp_path: Path) -> None:
    standing.write(tmp_path, [page], ("127.0.77.0/28",))
    assert (tmp_path / standing.NOTE).stat().st_mode & 0o777 == 0o600
    note = standing.read(tmp_path)
    assert note is not None
    assert note.targets == ("127.0.77.0/28",)
    assert [server.pid for server in standing.alive(note)] == [page.process.pid]
    assert [server.name for server in standing.end(note)] == ["page"]
    assert page.process.wait(5) == -signal.SIGTERM
    assert not accepts(page.address, page.port)
    assert not page.folder.exists()
    assert standing.alive(note) == standing.end(note) == []


def test_a_server_that_will_not_end_is_killed(tmp_path: Path) -> None:
    folder = new_folder("stubborn")
    with launch(
        "stubborn", [sys.executable, "-c", STUBBORN], "127.0.0.1", 1, folder,
        ready=lambda: "up" in (folder / "server.log").read_text(),
    ) as server:  # fmt: skip
        standing.write(tmp_path, [server], ())
        note = standing.read(tmp_path)
        assert note is not None
        assert len(standing.end(note, seconds=0.3)) == 1
        assert server.process.wait(5) == -signal.SIGKILL


def test_another_process_with_the_same_id_is_left_alone(page: Server, tmp_path: Path) -> None:
    standing.write(tmp_path, [page], ())
    path = tmp_path / standing.NOTE
    told = json.loads(path.read_text())
    told["servers"][0]["born"] = "another time"
    told["servers"][0]["folder"] = str(tmp_path)
    path.write_text(json.dumps(told))
    note = standing.read(tmp_path)
    assert note is not None
    assert standing.alive(note) == standing.end(note) == []
    assert page.process.poll() is None
    assert accepts(page.address, page.port)


@pytest.mark.parametrize("where", ["leftopen-not-in-temp", "other"])
def test_a_folder_that_is_no_servers_is_left_alone(
    page: Server, tmp_path: Path, where: str
) -> None:
    folder = tmp_path / where  # below a temporary folder, but not directly in it
    folder.mkdir()
    standing.write(tmp_path, [page], ())
    path = tmp_path / standing.NOTE
    told = json.loads(path.read_text())
    told["servers"][0]["folder"] = str(folder)
    path.write_text(json.dumps(told))
    note = standing.read(tmp_path)
    assert note is not None
    standing.end(note)
    assert folder.is_dir()


def test_postgresql_is_ended_by_its_fast_signal(page: Server, tmp_path: Path) -> None:
    page.name = "postgresql"
    standing.write(tmp_path, [page], ())
    note = standing.read(tmp_path)
    assert note is not None
    assert note.servers[0].ending == signal.SIGINT


def test_a_process_has_one_birth_and_the_dead_have_none() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        mark = standing.born(process.pid)
        assert mark is not None
        assert mark == standing.born(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet reaped
        assert standing.born(process.pid) is None
    assert standing.born(process.pid) is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"targets": [], "servers": [{"pid": "x"}]}'])
def test_what_is_no_note_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / standing.NOTE).write_text(text)
    with pytest.raises(UsageError, match="cannot be read as the note of a demo; remove it"):
        standing.read(tmp_path)


def test_stop_says_what_it_did(page: Server, tmp_path: Path) -> None:
    console = Console(record=True, width=400, quiet=False, file=(tmp_path / "out").open("w"))
    with console.file:
        assert demo.stop(console, folder=tmp_path) == 0
        standing.write(tmp_path, [page], ())
        assert demo.stop(console, folder=tmp_path) == 0
    told = console.export_text().splitlines()
    assert told[0] == f"No demo stands in {tmp_path}."
    assert told[1] == f"Stopped 1 servers; reports and record stay in {tmp_path}."
    assert page.process.wait(5) == -signal.SIGTERM
    assert not (tmp_path / standing.NOTE).exists()
