"""The note of which servers of a demo stand, and ending them by it, also from another process.

The note (`servers.json`) is written as soon as servers run and removed when they are gone, so that
`leftopen demo --stop` can end what `--keep`, or a demo that was killed, left behind. A process is
ended only if it is still the one noted: a process id can be another's by then.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from leftopen.errors import UsageError
from leftopen.servers.base import Server

NOTE = "servers.json"
_PREFIX = "leftopen-"  # of every server's folder, as leftopen.servers.base.new_folder makes them


class Standing(BaseModel):
    """One server process: `born` tells it from a later process with the same id."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    address: str
    port: int
    pid: int
    born: str
    folder: Path
    ending: int


class Note(BaseModel):
    """What stands, in the order in which it is to be ended, and what reaches it by a scan."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    targets: tuple[str, ...]
    servers: tuple[Standing, ...]


def born(pid: int) -> str | None:
    """A mark of when the process began, or None where it is gone (or dead and not yet reaped)."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            # After the name, which may hold anything: state is field 3, start time 22 (proc(5)).
            fields = stat.read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{boot} {fields[19]}"
    told = subprocess.run(  # noqa: S603 - a number is its only argument
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(int(pid))],
        capture_output=True, text=True, check=False, env={"LC_ALL": "C", "TZ": "UTC"},
    ).stdout.split(maxsplit=1)  # fmt: skip
    return None if len(told) < 2 or told[0].startswith("Z") else told[1].strip()


def write(folder: Path, servers: Iterable[Server], targets: tuple[str, ...]) -> None:
    """Note the servers in the folder, for this user alone to read."""
    standing = []
    for server in servers:
        mark = born(server.process.pid)
        if mark is not None:
            standing.append(
                Standing(
                    name=server.name, address=server.address, port=server.port,
                    pid=server.process.pid, born=mark, folder=server.folder,
                    # PostgreSQL waits for its clients on SIGTERM; SIGINT is its fast end.
                    ending=signal.SIGINT if "postgres" in server.name else signal.SIGTERM,
                )
            )  # fmt: skip
    note = Note(targets=targets, servers=tuple(standing))
    path = folder / NOTE
    path.touch(mode=0o600)
    path.write_text(note.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> Note | None:
    """The note in the folder, None where there is none; raises UsageError for one that is none."""
    path = folder / NOTE
    try:
        return Note.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError):
        raise UsageError(f"{path}: cannot be read as the note of a demo; remove it") from None


def alive(note: Note) -> list[Standing]:
    """The servers of the note that still run."""
    return [server for server in note.servers if born(server.pid) == server.born]


def end(note: Note, seconds: float = 10.0) -> list[Standing]:
    """End what still runs and remove the folders; returns the servers that were ended.

    What does not end within the time is killed.
    """
    running = alive(note)
    for server in running:
        _signal(server, server.ending)
    until = time.monotonic() + seconds
    while (left := [s for s in running if born(s.pid) == s.born]) and time.monotonic() < until:
        time.sleep(0.05)
    for server in left:
        _signal(server, signal.SIGKILL)
    for server in note.servers:
        _remove(server.folder)
    return running


def forget(folder: Path) -> None:
    """Remove the note."""
    (folder / NOTE).unlink(missing_ok=True)


def _signal(server: Standing, number: int) -> None:
    if born(server.pid) == server.born:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(server.pid, number)


def _remove(folder: Path) -> None:
    """Remove a server's folder; a path that is no such folder is left alone."""
    home = Path(tempfile.gettempdir()).resolve()
    folder = folder.resolve()
    if folder.parent == home and folder.name.startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
