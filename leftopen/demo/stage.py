"""The demo from curtain to curtain: start, scan as a user would, report, stop."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError
from rich.console import Console
from rich.table import Table

from leftopen.demo import child, feeder, places, standing
from leftopen.demo.cast import REGISTER, ROLES, Outcome
from leftopen.demo.town import town
from leftopen.demo.troupe import StartFailed, Troupe
from leftopen.engines import all_engines
from leftopen.errors import UsageError
from leftopen.model import Verdict

RECORD = "record.db"
HTML, JSON = "report.html", "report.json"
_BANDS = {11: "low", 12: "medium", 13: "high", 14: "very high"}  # a scan's exit codes
_VERDICTS: Mapping[Outcome, tuple[Verdict, ...]] = {
    "open": (Verdict.OPEN,),
    "locked": (Verdict.AUTH_REQUIRED, Verdict.ACL_CLOSED),
    "no store": (Verdict.NOT_THIS,),
}
_STYLES: Mapping[Outcome, str] = {"open": "red", "locked": "green", "no store": "dim"}


def run(console: Console, *, keep: bool, folder: Path) -> int:
    """See `leftopen.demo.run`; `folder` is absolute."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made ({error.strerror}); name another") from None
    note = standing.read(folder)
    if note is not None:
        if standing.alive(note):
            _say(console, f"A demo stands already. End it with: {_stop(folder)}", "red")
            return 1
        standing.end(note)  # what a demo that was killed left on the disk
    with child.signals_end():
        scanned = {port for engine in all_engines().values() for port in engine.ports}
        where = places.find([(role.name, role.port) for role in ROLES], scanned)
        troupe = Troupe(ROLES, where, folder)
        kept = False
        try:
            code = _play(console, troupe, folder)
            kept = keep and code == 0
        except child.Ended as ended:
            _say(console, "\nEnding; the servers are being stopped.")
            code = 128 + ended.number
        except StartFailed as failed:
            _say(console, str(failed), "red")
            code = 1
        except PyMongoError as failed:
            _say(console, f"The residents' MongoDB fails: {type(failed).__name__}.", "red")
            code = 1
        finally:
            if not kept:
                child.ignore_signals()
                troupe.stop()
    if kept:
        _say_next(console, troupe, folder)
    else:
        _say(console, "The servers are stopped.")
    return code


def _play(console: Console, troupe: Troupe, folder: Path) -> int:
    record = folder / RECORD
    begun = time.monotonic()
    _start(console, troupe)
    register = troupe.servers[REGISTER]
    before = feeder.count(register.address, register.port)
    _say(console, f"\nReady after {time.monotonic() - begun:.0f} s. Now as a user would:\n")
    _say_command(console, "cd", str(folder))
    _say_command(console, "export", f"LEFTOPEN_STORE={child.store_url(record)}")
    code = _leftopen(console, folder, "scan", *troupe.where.targets, "--format", "table")
    after = feeder.count(register.address, register.port)
    if code not in _BANDS:
        _say(console, f"The scan ended with {code}; 11 to 14 was due.", "red")
        return 1
    for format_, name in (("html", HTML), ("json", JSON)):
        failed = _leftopen(console, folder, "report", "last", "--format", format_, "-o", name)
        if failed:
            _say(console, f"The {format_} report ended with {failed}; 0 was due.", "red")
            return 1
    missed = judge(json.loads((folder / JSON).read_bytes()), troupe)
    for line in missed:
        _say(console, line, "red")
    if missed:
        return 1
    _explain(console, code, after - before)
    _say(console, f"HTML report  {folder / HTML}\nJSON report  {folder / JSON}")
    _say(console, f"\n{time.monotonic() - begun:.0f} s in all.")
    return 0


def _start(console: Console, troupe: Troupe) -> None:
    velmora = town()
    _say(
        console,
        "Velmora is an invented town: nobody in it exists, and nothing leaves this machine.\n"
        f"{len(velmora.residents):,} residents; {len(troupe.roles)} real servers:\n",
    )
    with console.status("starting servers"):
        for number, role in enumerate(troupe.start(velmora), 1):
            address, port = troupe.where.at[role.name]
            line = Table.grid(padding=(0, 2))
            for width in (3, 17, 10, 8):
                line.add_column(width=width, no_wrap=True)
            line.add_column()
            style = _STYLES[role.outcome]
            line.add_row(
                f"{number:>3}", f"{address}:{port}", role.kind,
                f"[{style}]{role.outcome}[/]", role.holds,
            )  # fmt: skip
            console.print(line)


def judge(report: Mapping[str, Any], troupe: Troupe) -> list[str]:
    """What a report (`leftopen.report/1`) says otherwise than it is, a line each."""
    told = {(service["address"], service["port"]): service for service in report["services"]}
    missed = []
    for role in troupe.roles:
        address, port = troupe.where.at[role.name]
        service = told.get((address, port), {})
        verdict = service.get("verdict", "nothing")
        if verdict not in _VERDICTS[role.outcome]:
            missed.append(f"{address}:{port} is {role.outcome}, but the scan says {verdict}.")
        elif role.engine is not None and service.get("engine") != role.engine:
            missed.append(f"{address}:{port} is {role.kind}, but the scan says otherwise.")
    return missed


def _explain(console: Console, code: int, grown: int) -> None:
    count = {outcome: sum(r.outcome == outcome for r in ROLES) for outcome in _VERDICTS}
    _say(
        console,
        f"\nThe scan told all of them right: {count['open']} stores open to anyone, "
        f"{count['locked']} locked, {count['no store']} page that is no store.\n"
        f"Its exit code {code} says that the worst it found is of {_BANDS[code]} severity.\n"
        f"While it looked, {grown} new positions came in. It kept nobody's data.\n",
    )


def _say_next(console: Console, troupe: Troupe, folder: Path) -> None:
    _say(console, "\nThe servers and the record stay. Try next:\n")
    _say_command(console, "cd", str(folder))
    _say_command(console, "export", f"LEFTOPEN_STORE={child.store_url(folder / RECORD)}")
    _say_command(console, "leftopen", "report", "last")
    _say_command(console, "leftopen", "scan", *troupe.where.targets)
    _say_command(console, "leftopen", "demo", "--stop", "-o", ".")


def _leftopen(console: Console, folder: Path, *arguments: str) -> int:
    console.print()
    _say_command(console, "leftopen", *arguments)
    return child.leftopen(arguments, folder, folder / RECORD)


def _say_command(console: Console, *words: str) -> None:
    _say(console, f"$ {shlex.join(words)}", "bold")
    console.file.flush()  # what the command itself prints comes after


def _stop(folder: Path) -> str:
    return shlex.join(["leftopen", "demo", "--stop", "-o", str(folder)])


def _say(console: Console, text: str, style: str | None = None) -> None:
    """Print the text as it is: paths are not markup and are not broken."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
