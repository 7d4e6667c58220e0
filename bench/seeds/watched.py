"""One scan in a process of its own, watched: `python -m bench.seeds.watched`.

Reads on standard input, as JSON, the targets and whether to go deep; prints, as JSON, when each
store had its verdict and its profile (seconds from the start), how much memory the scan and its
sampling process had at most, and the report.
"""

from __future__ import annotations

import asyncio
import json
import platform
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from leftopen import report
from leftopen.budget import StoreLimits
from leftopen.config import Measuring, Settings
from leftopen.discover import plan
from leftopen.model import Run
from leftopen.net.resolve import resolve
from leftopen.progress import ExposureRated, ProfileStarted, ServiceJudged
from leftopen.scanner import scan
from leftopen.scope import Scope
from leftopen.store import Store

_EVERY = 0.05  # seconds between two looks at the memory


@dataclass
class Times:
    """Seconds from the start of the scan to a store's verdict, and those its reading took."""

    verdict: float = 0.0
    begun: float = 0.0
    reading: float = 0.0


@dataclass
class Watched:
    """What a scan took: by target, in MiB at most resident, in seconds of our own processor time;
    `report` is the JSON report."""

    times: dict[str, Times] = field(default_factory=dict)
    memory: float = 0.0
    processor: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)


class _Memory(threading.Thread):
    """Looks at this process and its children: the most memory each had, the time they took."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._most: dict[int, float] = {}
        self._took: dict[int, float] = {}
        self._me = psutil.Process()

    def run(self) -> None:
        while True:
            self.look()
            time.sleep(_EVERY)

    def look(self) -> None:
        for process in (self._me, *self._me.children(recursive=True)):
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
                took = process.cpu_times()
            except (OSError, psutil.Error):
                continue
            self._took[process.pid] = took.user + took.system
            for line in status.splitlines():
                if line.startswith("VmHWM"):
                    self._most[process.pid] = int(line.split()[1]) / 1024

    @property
    def most(self) -> float:
        return sum(self._most.values())

    @property
    def took(self) -> float:
        return sum(self._took.values())


async def watched(targets: list[str], *, deep: bool, folder: Path) -> Watched:
    """Scan these targets (address:port) with the limits that the command line has."""
    limits = StoreLimits(bytes=1 << 30, seconds=900.0) if deep else StoreLimits()
    settings = Settings(limits=limits, measuring=Measuring(deep=deep))
    scope = Scope.loopback()
    record = Store(f"sqlite:///{folder / 'record.db'}")
    run = Run(
        id="bench", started=datetime.now(UTC), finished=None, version="", host=platform.node(),
        scope={"owner": None, "reference": None, "sha256": None}, complete=False,
    )  # fmt: skip
    record.start(run, {})
    told = Watched({target: Times() for target in targets})
    memory = _Memory()
    memory.start()
    began = time.perf_counter()
    async for event in scan(scope, plan(scope, targets, (1,), resolve), settings=settings):
        record.keep("bench", event)
        at = time.perf_counter() - began
        if isinstance(event, ServiceJudged):
            told.times[str(event.service.target)].verdict = at
        elif isinstance(event, ProfileStarted):
            told.times[str(event.service.target)].begun = at
        elif isinstance(event, ExposureRated):
            times = told.times[str(event.exposure.service.target)]
            times.reading = at - times.begun
            memory.look()
    told.memory, told.processor = memory.most, memory.took
    told.report = json.loads(report.renderer("json")(record.load("bench"), Console()))
    record.close()
    return told


def main() -> None:
    asked = json.loads(sys.stdin.read())
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(watched(asked["targets"], deep=asked["deep"], folder=Path(folder)))
    print(json.dumps(asdict(told)))


if __name__ == "__main__":
    main()
