"""How fast and how true discovery is, beside nmap and a bare loop. Run: python -m bench.discover

Real servers on loopback, twelve of twelve kinds, each on an address of its own: open and locked on
their usual ports, open on odd ones; seven decoys; 4,096 addresses of closed ports; 256 hosts that
say nothing, in a network namespace. leftopen runs within this process from the first connection to
the last verdict (the scan itself, without the reading that would follow); nmap is a process of its
own, whose start counts. Both are told the same addresses and the same twelve ports. Medians of
--runs; what took half a minute or more was done once, as the column says.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from ipaddress import ip_network
from pathlib import Path

from bench.discovery import decoys, silent, stores
from bench.discovery.nmap import SCRIPTS, VERSIONS, NmapMissingError, Scanned, nmap, version
from bench.discovery.repeated import Times, repeated
from bench.discovery.verdicts import POLITE, UNTHROTTLED, Judged, verdicts
from bench.sweep import _cpu, bare, closed_ports, unlimited
from leftopen.config import Settings
from leftopen.discover import Part, Plan
from leftopen.model import Service, Verdict
from leftopen.scanner import default_ports

VERDICT_BYTES = 96 << 10
SILENT_SECONDS = 5.0
CLOSED_SECONDS = 0.9  # on the machine that the bar was set on, where the bare loop took 0.61
CLOSED_RATIO = 0.9 / 0.61  # so that a slower or busier machine is measured by its own loop
DECOY_SECONDS = 5.0


@dataclass(frozen=True)
class Figure:
    """One line of the table: who did what, its times in seconds, how much of it was right, and the
    bar it is held to; `passed` is None where there is none."""

    row: str
    who: str
    times: Times
    right: str = ""
    bar: str = ""
    passed: bool | None = None
    note: str = ""

    @property
    def seconds(self) -> float:
        return statistics.median(self.times)


@dataclass
class Bench:
    """What all rows share: how often, how long nmap may take, and the dearest verdict so far."""

    runs: int
    limit: float
    judged: list[Judged] = field(default_factory=list)

    def ours(self, addresses: Sequence[str], ports: Sequence[int], how: Settings) -> list[Judged]:
        made = [verdicts(addresses, ports, how, seed) for seed in range(self.runs)]
        self.judged += made
        return made

    def nmap(
        self, how: Sequence[str], addresses: Sequence[str], ports: Sequence[int]
    ) -> tuple[Times, Scanned]:
        """Its times, and what it said last."""
        said: list[Scanned] = []

        def once() -> float:
            said.append(nmap(how, addresses, ports, self.limit))
            return said[-1].seconds

        return repeated(once, self.runs), said[-1]


# ------------------------------------------------------------------------- stores with verdicts


def _rightly(found: Judged, there: Sequence[stores.Place], wanted: Verdict) -> tuple[int, int]:
    """How many stores have the right verdict by the right engine, and how many others are called
    open that are not."""
    by_place: dict[tuple[str, int], Service] = {(s.address, s.port): s for s in found.services}
    right = false = 0
    for place in there:
        service = by_place.pop((place.address, place.port), None)
        if service is None:
            continue
        right += service.verdict is wanted and service.engine == place.store.engine
        false += service.exposed and wanted is not Verdict.OPEN
    return right, false + sum(service.exposed for service in by_place.values())


def _stores(
    bench: Bench, row: str, there: Sequence[stores.Place], wanted: Verdict, *ways: _Way
) -> Iterator[Figure]:
    addresses, ports = [p.address for p in there], [p.port for p in there]
    for name, how, bar in ways:
        runs = bench.ours(addresses, ports, how)
        counted = [_rightly(run, there, wanted) for run in runs]
        right, false = min(c[0] for c in counted), max(c[1] for c in counted)
        took = [run.seconds for run in runs]
        passed = right == len(there) and not false
        yield Figure(
            row,
            f"leftopen, {name}",
            took,
            _told(right, len(there), false),
            f"{len(there)}/{len(there)}" + (f", under {bar:g} s" if bar else ""),
            passed and (bar is None or statistics.median(took) < bar),
        )
    for name, arguments in (("nmap, scripts only", SCRIPTS), ("nmap -sV and scripts", VERSIONS)):
        took, said = bench.nmap(arguments, addresses, ports)
        called = {(p.address, p.port): p.called for p in said.ports}
        words = [called.get((p.address, p.port), "nothing") for p in there]
        if wanted is Verdict.OPEN:
            told = _told(words.count("open"), len(there), 0)
        else:
            told = _told(words.count("locked"), len(there), words.count("open"))
        yield Figure(row, name, took, told if said.ended else "stopped")


def _told(right: int, count: int, false: int) -> str:
    return f"{right}/{count}" + (f", {false} falsely open" if false else "")


_Way = tuple[str, Settings, float | None]
_POLITE: _Way = ("20 a second per host", POLITE, 1.0)
_FREE: _Way = ("no rates", UNTHROTTLED, 0.4)


def open_stores(bench: Bench) -> Iterator[Figure]:
    there = stores.places("127.0.70")
    with stores.serving(there):
        yield from _stores(bench, "open, usual ports", there, Verdict.OPEN, _POLITE, _FREE)
        every = default_ports()
        run = verdicts([p.address for p in there], every, POLITE)
        bench.judged.append(run)
        right, false = _rightly(run, there, Verdict.OPEN)
        yield Figure(
            "open, usual ports",
            f"leftopen, polite, all its {len(every)} ports",
            [run.seconds],
            _told(right, len(there), false),
        )


def locked_stores(bench: Bench) -> Iterator[Figure]:
    there = stores.places("127.0.71")
    with stores.serving(there, locked=True):
        ways: list[_Way] = [("20 a second per host", POLITE, None), ("no rates", UNTHROTTLED, None)]
        yield from _stores(bench, "locked, usual ports", there, Verdict.AUTH_REQUIRED, *ways)


def odd_ports(bench: Bench) -> Iterator[Figure]:
    there = stores.places("127.0.72", odd=True)
    with stores.serving(there):
        ways: list[_Way] = [("20 a second per host", POLITE, None), ("no rates", UNTHROTTLED, None)]
        yield from _stores(bench, "open, odd ports", there, Verdict.OPEN, *ways)


# ---------------------------------------------------------------------------------------- decoys


def decoy_hosts(bench: Bench) -> Iterator[Figure]:
    with decoys.serving("127.0.73") as there:
        for decoy, address in there:
            runs = bench.ours([address], [decoy.port], POLITE)
            judged = [service for run in runs for service in run.services]
            right = len(judged) == len(runs) and all(map(decoy.rightly_judged, judged))
            took = [run.seconds for run in runs]
            yield Figure(
                f"decoy: {decoy.name}",
                "leftopen, polite",
                took,
                "right" if right else "WRONG",
                f"right, under {DECOY_SECONDS:g} s",
                right and statistics.median(took) < DECOY_SECONDS,
                ", ".join(sorted({service.verdict.value for service in judged})),
            )
        with ThreadPoolExecutor(len(there)) as pool:  # nmap mostly waits: each for itself, at once
            runs_of_nmap = [
                pool.submit(bench.nmap, VERSIONS, [address], [decoy.port])
                for decoy, address in there
            ]
        for (decoy, _), ran in zip(there, runs_of_nmap, strict=True):
            took, said = ran.result()
            right = all(map(decoy.rightly_called, said.ports))
            told = ("right" if right else "wrong") if said.ended else "stopped"
            names = ", ".join(f"{port.service}: {port.called}" for port in said.ports)
            yield Figure(f"decoy: {decoy.name}", "nmap -sV and scripts", took, told, note=names)


# ------------------------------------------------------------------------------ closed and silent


def closed_hosts(bench: Bench) -> Iterator[Figure]:
    network, ports = "127.5.0.0/20", closed_ports(12)
    plan = Plan((Part(ip_network(network), ports),))
    known = [(str(t.address), t.port) for t in map(plan.pair, range(plan.count))]
    loop, ours, theirs = [], [], []
    for _ in range(bench.runs):  # in turn, so that a busy moment of the machine is everybody's
        loop.append(plan.count / bare(known))
        ours.append(plan.count / unlimited(plan))
        theirs.append(nmap((), [network], ports, bench.limit).seconds)
    took, least = statistics.median(ours), statistics.median(loop)
    ratio = f"{took / least:.2f} of the loop, {took / statistics.median(theirs):.2f} of nmap"
    row = "4,096 hosts x 12 closed ports"
    bar = f"{CLOSED_SECONDS:g} s or {CLOSED_RATIO:.2f} loops"
    passed = took <= max(CLOSED_SECONDS, CLOSED_RATIO * least)
    yield Figure(row, "leftopen, no rates", ours, "", bar, passed, ratio)
    yield Figure(row, "bare epoll loop", loop)
    yield Figure(row, "nmap -n -Pn -sT", theirs)


def silent_hosts(bench: Bench) -> Iterator[Figure]:
    row = "256 hosts x 12 silent ports"
    inside = silent.namespace()
    if inside is None:
        print("No network namespace can be made here: silent hosts are left out.", file=sys.stderr)
        return
    what = ["-m", "bench.discovery.silent", str(bench.runs), str(bench.limit)]
    told = subprocess.run(
        [*inside, sys.executable, *what],
        stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parent.parent,
        timeout=2 * bench.limit + 60 * bench.runs + 60,
    )  # fmt: skip
    times: dict[str, Times] = json.loads(told.stdout)
    for who, took in times.items():
        if who.startswith("leftopen"):
            passed = statistics.median(took) <= SILENT_SECONDS
            yield Figure(row, who, took, "", f"at most {SILENT_SECONDS:g} s", passed)
        else:
            stopped = "stopped" if max(took) >= bench.limit else ""
            yield Figure(row, who, took, stopped)


# ------------------------------------------------------------------------------------------ table


def dearest(judged: Sequence[Judged]) -> Iterator[str]:
    """What a verdict cost at most, in bytes read and in connections to one host."""
    most = max(run.most_bytes for run in judged)
    word = "pass" if most <= VERDICT_BYTES else "MISS"
    yield f"bytes read for a verdict, at most: {most:,} (bar {VERDICT_BYTES:,}: {word})"
    counts = [count for run in judged for count in run.connections.values()]
    middle = statistics.median(counts)
    yield f"connections to a host, sweep and all: {middle:g} (median), {max(counts)} (at most)"


ROWS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "open": open_stores,
    "locked": locked_stores,
    "odd": odd_ports,
    "decoys": decoy_hosts,
    "closed": closed_hosts,
    "silent": silent_hosts,
}


def _line(figure: Figure) -> str:
    verdict = {None: "", True: "pass", False: "MISS"}[figure.passed]
    return (
        f"{figure.row:<31}{figure.who:<38}{figure.seconds:>9.2f}{len(figure.times):>5}  "
        f"{figure.right:<24}{figure.bar:<22}{verdict:<5}{figure.note}"
    ).rstrip()


def machine() -> str:
    """What ran it, and how busy that was."""
    return (
        f"{_cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}, nmap {version()}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Discovery beside nmap and a bare loop.")
    parser.add_argument("--runs", type=int, default=5, help="medians of so many (default 5)")
    parser.add_argument("--only", choices=ROWS, action="append", help="this row; may be repeated")
    parser.add_argument("--nmap-limit", type=float, default=900.0, metavar="SECONDS",
                        help="one run of nmap is stopped after this (default 900)")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    chosen = parser.parse_args()
    try:
        named = machine()
    except NmapMissingError as missing:
        raise SystemExit(str(missing)) from None
    print(named)
    print(f"\n{'work':<31}{'who':<38}{'seconds':>9}{'runs':>5}  {'right':<24}{'bar':<22}")
    bench = Bench(max(1, chosen.runs), chosen.nmap_limit)
    figures = []
    for name in chosen.only or ROWS:
        for figure in ROWS[name](bench):
            print(_line(figure), flush=True)
            figures.append(figure)
    costs = list(dearest(bench.judged)) if bench.judged else []
    print("", *costs, sep="\n")
    if chosen.json is not None:
        rows = [{**asdict(figure), "seconds": figure.seconds} for figure in figures]
        document = {"machine": named, "runs": bench.runs, "figures": rows, "costs": costs}
        chosen.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
