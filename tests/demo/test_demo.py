"""The whole demo as its user runs it, with its real servers, and the ways it can end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from leftopen.demo import standing
from leftopen.demo.town import town
from leftopen.servers.base import accepts


@dataclass
class Bench:
    """A place to run demos in: `here` is where the user stands, `temp` where servers keep data."""

    here: Path
    temp: Path
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.here / "leftopen-demo"

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `leftopen demo` in a process group of its own, as a terminal does."""
        process = subprocess.Popen(
            [sys.executable, "-m", "leftopen", "demo", *arguments],
            cwd=self.here,
            env={**os.environ, "TMPDIR": str(self.temp), "COLUMNS": "120"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.running.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str]:
        """`leftopen demo` to its end: exit code and all that it printed."""
        process = self.begin(*arguments)
        told, _ = process.communicate(timeout=240)
        return process.returncode, told

    def left(self) -> list[str]:
        """Processes that work in, or were told of, the servers' folders."""
        found = []
        for process in psutil.process_iter():
            try:
                words = [process.cwd(), *process.cmdline()]
            except psutil.Error:
                continue
            if any(str(self.temp) in word for word in words):
                found.append(" ".join(words[1:]))
        return found

    def note(self) -> standing.Note:
        note = standing.read(self.folder)
        assert note is not None
        return note


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    # Not pytest's own folder: PostgreSQL runs as another user where we are root, and its socket's
    # path must be short.
    temp = Path(tempfile.mkdtemp(prefix="lo-"))
    temp.chmod(0o755)
    bench = Bench(tmp_path, temp)
    try:
        yield bench
    finally:
        for process in bench.running:
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=60)
        if (bench.folder / standing.NOTE).exists():
            standing.end(bench.note())
        shutil.rmtree(temp, ignore_errors=True)


def wait_for(what: Any, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come to that in time"
        time.sleep(0.05)


def collections(report: dict[str, Any], port: int, engine: str) -> dict[str, Any]:
    return {
        collection["name"]: collection
        for exposure in report["exposures"]
        if (exposure["port"], exposure["engine"]) == (port, engine)
        for collection in exposure["collections"]
    }


def families(collection: dict[str, Any]) -> set[str]:
    return {field["family"] for field in collection["fields"]}


def test_the_whole_demo(bench: Bench) -> None:
    # A user's own settings must neither help nor hinder.
    (bench.here / "leftopen.toml").write_text('[scan]\nports = "1"\n')
    begun = time.monotonic()
    code, told = bench.run()
    assert code == 0, told
    assert time.monotonic() - begun < 120  # the bound
    html, data = bench.folder / "report.html", bench.folder / "report.json"
    assert f"HTML report  {html}" in told
    assert f"JSON report  {data}" in told
    assert re.search(r"^\$ leftopen scan 127\.0\.\d+\.0/28 --format table$", told, re.MULTILINE)
    assert "4 stores open to anyone, 3 locked, 1 page that is no store" in told
    grown = re.search(r"While it looked, (\d+) new positions came in", told)
    assert grown is not None
    assert int(grown[1]) > 0

    report = json.loads(data.read_text())
    assert report["schema"] == "leftopen.report/1"
    verdicts = sorted((s["verdict"], s["engine"]) for s in report["services"] if s["engine"])
    assert verdicts == [
        ("AUTH_REQUIRED", "mongodb"), ("AUTH_REQUIRED", "postgresql"), ("AUTH_REQUIRED", "redis"),
        ("OPEN", "mongodb"), ("OPEN", "postgresql"), ("OPEN", "redis"), ("OPEN", "redis"),
    ]  # fmt: skip
    register = collections(report, 27017, "mongodb")
    assert register["velmora.residents"]["records"] == 3_000
    assert register["velmora.sightings"]["records"] > 8_000  # the stream grew
    assert {"name", "gov_id", "ethnicity", "religion", "face_embedding"} <= families(
        register["velmora.residents"]
    )
    assert {"sess:*", "cart:*"} <= set(collections(report, 6379, "redis"))
    assert "ride:*" in collections(report, 27017, "redis")
    tables = collections(report, 5432, "postgresql")
    assert {
        "shop.public.customers", "shop.public.orders", "clinic.public.patients",
        "clinic.public.visits",
    } <= set(tables)  # fmt: skip
    assert "health" in families(tables["clinic.public.visits"])

    page = html.read_text()
    assert page.lstrip().lower().startswith("<!doctype html")
    for who in town().residents:  # no value of anybody's in any output
        for value in (who.full_name, who.dni, who.phone, who.email):
            assert value not in told
            assert value not in page
            assert value not in data.read_text()

    assert bench.left() == []
    assert list(bench.temp.iterdir()) == []
    assert sorted(path.name for path in bench.folder.iterdir()) == [
        "record.db", "report.html", "report.json",
    ]  # fmt: skip
    assert sorted(path.name for path in bench.here.iterdir()) == ["leftopen-demo", "leftopen.toml"]


def test_kept_servers_stand_until_they_are_stopped(bench: Bench) -> None:
    code, told = bench.run("--keep")
    assert code == 0, told
    note = bench.note()
    assert len(note.servers) == 9  # eight and the feeder
    assert standing.alive(note) == list(note.servers)
    assert all(accepts(server.address, server.port) for server in note.servers)
    told_next = told.partition("Try next:")[2]
    for line in (
        f"$ cd {bench.folder}",
        f"$ export LEFTOPEN_STORE=sqlite:///{bench.folder}/record.db",
        "$ leftopen report last",
        f"$ leftopen scan {note.targets[0]}",
        "$ leftopen demo --stop -o .",
    ):
        assert line in told_next.splitlines()

    code, told = bench.run()
    assert code == 1
    assert told.startswith("A demo stands already. End it with: leftopen demo --stop -o ")
    assert standing.alive(note) == list(note.servers)

    code, told = bench.run("--stop")
    assert (code, told.startswith("Stopped 9 servers;")) == (0, True)
    assert standing.alive(note) == []
    assert bench.left() == []
    assert list(bench.temp.iterdir()) == []
    assert (bench.folder / "report.html").exists()
    assert bench.run("--stop") == (0, f"No demo stands in {bench.folder}.\n")


def interrupt(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)


def has_servers(bench: Bench, count: int) -> bool:
    try:
        note = standing.read(bench.folder)
    except Exception:
        return False  # it is being written at this moment
    return note is not None and len(note.servers) >= count


@pytest.mark.parametrize(
    ("send", "servers", "code"),
    [(end, 1, 128 + signal.SIGTERM), (interrupt, 9, 128 + signal.SIGINT)],
    ids=["SIGTERM while servers start", "Ctrl-C when all stand"],
)
def test_a_signal_leaves_nothing_behind(bench: Bench, send: Any, servers: int, code: int) -> None:
    process = bench.begin()
    wait_for(lambda: has_servers(bench, servers))
    send(process)
    told, _ = process.communicate(timeout=90)
    assert process.returncode == code, told
    assert "Traceback" not in told
    assert told.endswith("The servers are stopped.\n")
    assert bench.left() == []
    assert list(bench.temp.iterdir()) == []
    assert not (bench.folder / standing.NOTE).exists()


def test_what_a_killed_demo_left_is_ended_by_stop(bench: Bench) -> None:
    process = bench.begin()
    wait_for(lambda: has_servers(bench, 9))
    process.kill()
    process.communicate(timeout=60)
    note = bench.note()
    code, told = bench.run("--stop")
    assert (code, told.startswith("Stopped ")) == (0, True)
    assert standing.alive(note) == []


def test_a_folder_that_cannot_be_made(bench: Bench) -> None:
    (bench.here / "file").touch()
    code, told = bench.run("-o", "file/demo")
    assert code == 2
    assert told.count("\n") == 1
    assert "cannot be made" in told
