"""What a store of the seeds' size costs and tells. Run: python -m bench.seed_scale [--scale 0.01]

2,565,724 people and 6,680,348 positions of the last 24 hours, growing while they are read, once in
PostgreSQL and once over MongoDB's protocol (mongo-java-server, a stand-in whose own time is told
beside ours); a second PostgreSQL of 1,000,000 customers, of whom 400,000 are the same people; a
copy of 100,000 people in OpenSearch. Each store is scanned alone, as by default; then all of them
together with --deep. What is said is held against what is in them.

Not in CI, which runs it at 1/100 (tests/bench/test_seed_scale.py).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.seeds import stores
from bench.seeds.stores import Seeded, Sizes

VERDICT_SECONDS = 1.0
PROFILE_SECONDS = 60.0
READ_MIB = 64.0
RESIDENT_MIB = 400.0
PEOPLE_ERROR, DEEP_ERROR, RATE_ERROR = 0.05, 0.01, 0.05


@dataclass(frozen=True)
class Figure:
    """One line: what was measured, what it came to, the bar it is held to (None: none)."""

    store: str
    what: str
    value: str
    bar: str = ""
    passed: bool | None = None


def scanned(seeded: Sequence[Seeded], *, deep: bool) -> dict[str, Any]:
    """What `bench.seeds.watched` says of one scan, with the servers' own processor time."""
    before = sum(_processor(one) for one in seeded)
    asked = {"targets": [one.server.where for one in seeded], "deep": deep}
    done = subprocess.run(
        [sys.executable, "-m", "bench.seeds.watched"],
        input=json.dumps(asked), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, Any] = json.loads(done.stdout)
    told["server"] = sum(_processor(one) for one in seeded) - before
    return told


def _processor(seeded: Seeded) -> float:
    """Seconds of processor time that a server has taken so far, those of its children too."""
    total = 0.0
    top = psutil.Process(seeded.server.process.pid)
    for process in (top, *top.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            took = process.cpu_times()
            total += took.user + took.system + took.children_user + took.children_system
    return total


def one_by_one(seeded: Seeded, sizes: Sizes) -> list[Figure]:
    """A scan as by default, of one store alone; of one that is fed, while it grows."""
    with stores.feeding(seeded, sizes) if seeded.add else contextlib.nullcontext():
        told = scanned([seeded], deep=False)
    truth = seeded.last_day() if seeded.last_day else None
    times = told["times"][seeded.server.where]
    [exposure] = told["report"]["exposures"]
    [service] = told["report"]["services"]
    read = service["bytes_read"] / 2**20
    figures = [
        _below(seeded, "verdict, s", times["verdict"], VERDICT_SECONDS),
        _below(seeded, "profile, s", times["reading"], PROFILE_SECONDS),
        Figure(
            seeded.title,
            "processor, s",
            f"{told['processor']:.1f} ours, {told['server']:.1f} the server's",
        ),
        _below(seeded, "read, MiB", read, READ_MIB),
        _below(seeded, "resident, MiB", told["memory"], RESIDENT_MIB),
        _near(seeded, exposure["people"], seeded.people, PEOPLE_ERROR),
        _within(seeded, exposure["people"], seeded.people),
    ]
    if truth is not None:
        rate = exposure["time"]["records_per_day"] or 0.0
        figures += [
            Figure(seeded.title, "records a day", f"{rate:,.0f} of {truth:,}",
                   f"within {RATE_ERROR:.0%}", abs(rate - truth) <= RATE_ERROR * truth),
            Figure(seeded.title, "live", str(exposure["time"]["live"]), "recognised",
                   exposure["time"]["live"] is True),
        ]  # fmt: skip
    return figures


def together(seeded: Sequence[Seeded], sizes: Sizes) -> list[Figure]:
    """A scan of all stores with --deep."""
    told = scanned(seeded, deep=True)
    run = told["report"]["run"]["people"]
    found = {e["address"]: e for e in told["report"]["exposures"]}
    read = {s["address"]: s["bytes_read"] / 2**20 for s in told["report"]["services"]}
    figures = []
    for one in seeded:
        times = told["times"][one.server.where]
        figures += [
            _near(one, found[one.server.address]["people"], one.people, DEEP_ERROR, "--deep: "),
            _within(one, found[one.server.address]["people"], one.people, "--deep: "),
            Figure(one.title, "--deep: cost",
                   f"{times['reading']:.0f} s, {read[one.server.address]:.0f} MiB"),
        ]  # fmt: skip
    error = abs(run["estimate"] / sizes.everybody - 1)
    figures += [
        Figure("all", "--deep: people", f"{run['estimate']:,} ({run['low']:,} to {run['high']:,}) "
               f"of {sizes.everybody:,}", f"within {DEEP_ERROR:.0%}", error <= DEEP_ERROR),
        Figure("all", "--deep: mirrors", ", ".join(
            f"{_title(seeded, m['collection'], found)} of {_title(seeded, m['of'], found)}"
            for m in run["mirrors"]) or "none"),
        Figure("all", "--deep: processor, s",
               f"{told['processor']:.0f} ours, {told['server']:.0f} the servers'"),
        Figure("all", "--deep: resident, MiB", f"{told['memory']:.0f}"),
    ]  # fmt: skip
    return figures


def _title(seeded: Sequence[Seeded], exposure: str, found: dict[str, Any]) -> str:
    by_id = {one["id"]: address for address, one in found.items()}
    return next(s.title for s in seeded if s.server.address == by_id[exposure])


def _below(seeded: Seeded, what: str, value: float, bar: float) -> Figure:
    return Figure(seeded.title, what, f"{value:.2f}", f"below {bar:g}", value < bar)


def _near(seeded: Seeded, people: dict[str, Any], truth: int, bar: float, how: str = "") -> Figure:
    error = abs(people["estimate"] / truth - 1)
    told = f"{people['estimate']:,} of {truth:,}: {error:.2%} off"
    return Figure(seeded.title, f"{how}people", told, f"within {bar:.0%}", error <= bar)


def _within(seeded: Seeded, people: dict[str, Any], truth: int, how: str = "") -> Figure:
    told = f"{people['low']:,} to {people['high']:,}"
    inside = people["low"] <= truth <= people["high"]
    return Figure(seeded.title, f"{how}interval", told, "holds the truth", inside)


def measured(scale: float) -> list[Figure]:
    """Fills the stores at this scale and measures them."""
    sizes = Sizes.scaled(scale)
    figures: list[Figure] = []
    with contextlib.ExitStack() as stack:
        seeded: list[Seeded] = []
        for number, fill in enumerate(
            (stores.register_in_postgresql, stores.register_in_mongodb,
             stores.shop_in_postgresql, stores.mirror_in_opensearch), 41,
        ):  # fmt: skip
            began = time.perf_counter()
            one = fill(sizes, f"127.0.0.{number}")
            stack.enter_context(one.server)
            seeded.append(one)
            print(f"# {one.title}: filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
            figures += one_by_one(one, sizes)
            for figure in figures[-9:]:
                print(f"#   {figure}", file=sys.stderr)
        figures += together(seeded, sizes)
    return figures


def table(figures: Sequence[Figure]) -> str:
    """As lines of text."""
    lines = []
    for figure in figures:
        mark = {True: "ok", False: "MISSED", None: ""}[figure.passed]
        lines.append(f"{figure.store:34} {figure.what:24} {figure.value:58} {figure.bar:16} {mark}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of the seeds' size")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    asked = parser.parse_args()
    figures = measured(asked.scale)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine(),
    )  # fmt: skip
    print(f"{psutil.cpu_count()} cores, {model}; scale {asked.scale:g}")
    print(table(figures))
    if any(figure.passed is False for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
