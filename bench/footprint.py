"""What a scan asks of each server and what that costs it. Run: python -m bench.footprint

Fills real servers with 10,000, 1,000,000 and 10,000,000 persons, scans each as by default, and
writes docs/footprint.md: the requests that were sent, the bytes that came, how long it took, how
much processor time the server used meanwhile (as the system counts it) and what the server itself
counted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from bench.footprints.fillers import Filled, fillers
from bench.seed_scale import scanned
from bench.seeds.stores import Seeded

SIZES = (10_000, 1_000_000, 10_000_000)
_DOCUMENT = Path("docs/footprint.md")


@dataclass(frozen=True)
class Footprint:
    """One scan of one store. `requests` are the names of those that were sent, `counted` what the
    server counted meanwhile."""

    engine: str
    records: int
    requests: tuple[str, ...]
    bytes: int
    seconds: float
    processor: float
    counted: dict[str, float]
    people: str


def footprint(engine: str, filled: Filled, records: int) -> Footprint:
    """Scans a filled store and says what that cost."""
    seeded = Seeded(engine, filled.server, records)
    before = filled.counters()
    told = scanned([seeded], deep=False)
    after = filled.counters()
    [service] = told["report"]["services"]
    [exposure] = told["report"]["exposures"]
    people = exposure["people"]
    return Footprint(
        engine,
        records,
        tuple(service["requests"]),
        service["bytes_read"],
        told["times"][filled.server.where]["verdict"]
        + told["times"][filled.server.where]["reading"],
        told["server"],
        {name: after[name] - before.get(name, 0.0) for name in after},
        f"{people['estimate']:,} ({people['low']:,} to {people['high']:,})",
    )


def measured(sizes: tuple[int, ...], only: str) -> Iterator[Footprint]:
    """Every engine of `fillers` at each of these sizes that it is filled with."""
    for engine, fill, most in fillers():
        if only and engine != only:
            continue
        for records in sizes:
            if records > most:
                continue
            began = time.perf_counter()
            filled = fill(records, "127.0.0.61")
            with contextlib.closing(_Stopping(filled)):
                print(f"# {engine}: {records:,} in {time.perf_counter() - began:.0f} s",
                      file=sys.stderr)  # fmt: skip
                found = footprint(engine, filled, records)
            print(f"#   {found}", file=sys.stderr)
            yield found


@dataclass
class _Stopping:
    filled: Filled

    def close(self) -> None:
        self.filled.server.stop()


def document(found: list[Footprint], machine: str) -> str:
    """docs/footprint.md."""
    lines = [
        "# Footprint",
        "",
        "What one scan, as by default, asks of a server, and what that costs it; made by",
        "`python -m bench.footprint`. One connection at a time, every request under a time limit",
        "that the server itself keeps where it has one, no write, no sort or scan that a server",
        "must spill to its disk for. The figures are for a store of one collection, of one scan",
        f"each, on {machine}. `seconds` are those of the whole reading, our own work included;",
        "`processor` is the time that the server's processes used meanwhile, as the system counts",
        "it, and what stands behind it is what the server itself counted, where it was asked. Of",
        "the engines that are not here nothing was measured at these sizes.",
        "",
        "| engine | records | bytes read | seconds | processor | the server counted | people |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for one in found:
        counted = "; ".join(f"{value:,.0f} {name}" for name, value in one.counted.items())
        lines.append(
            f"| {one.engine} | {one.records:,} | {one.bytes:,} | {one.seconds:.1f} | "
            f"{one.processor:.2f} s | {counted or '–'} | {one.people} |"
        )
    lines += ["", "## The requests", ""]
    for engine in dict.fromkeys(one.engine for one in found):
        sent = dict.fromkeys(r for one in found if one.engine == engine for r in one.requests)
        lines.append(f"- **{engine}**: {', '.join(f'`{name}`' for name in sent)}")
    lines += [
        "",
        "All requests that an engine may send, with what they are for and their sources, are in",
        "[engines.md](engines.md).",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="", help="only this one; writes no document")
    parser.add_argument("--most", type=int, default=max(SIZES), help="records of the largest store")
    parser.add_argument("--json", type=Path, help="keep the figures here, and take those that are")
    asked = parser.parse_args()
    sizes = tuple(size for size in SIZES if size <= asked.most)
    known: list[Footprint] = []
    if asked.json and asked.json.exists():
        known = [Footprint(**one) for one in json.loads(asked.json.read_text())]
    for one in measured(sizes, asked.engine):
        known = [k for k in known if (k.engine, k.records) != (one.engine, one.records)] + [one]
        if asked.json:
            asked.json.write_text(json.dumps([asdict(k) for k in known], indent=1))
    known.sort(key=lambda one: (one.engine, one.records))
    text = document(known, f"{psutil.cpu_count()} cores, {platform.machine()}")
    if asked.engine:
        print(text)
    else:
        _DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
