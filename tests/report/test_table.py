"""The terminal report: as it was looked at, and safe."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from rich.cells import cell_len
from rich.console import Console

from leftopen.model import Run
from leftopen.report.as_table import render
from tests.report.samples import EMPTY, LONG, MEASURED, MONGODB, NASTY, RUN, exposure, hostile
from tests.report.test_json import runs

DATA = Path(__file__).parents[1] / "data"


def table(run: Run, width: int = 80) -> str:
    """The report as a terminal without colours gets it."""
    return render(run, Console(width=width, color_system=None, force_terminal=False))


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    ("name", "run"), [("report_table", RUN), ("report_table_measured", MEASURED)]
)
def test_snapshot(name: str, run: Run, width: int) -> None:
    kept = DATA / f"{name}_{width}.txt"
    shown = table(run, width)
    if os.environ.get("LEFTOPEN_RENEW"):
        kept.write_text(shown, encoding="utf-8")
    assert shown == kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize(
    "run", [RUN, MEASURED, EMPTY, hostile()], ids=["run", "measured", "empty", "hostile"]
)
def test_no_line_is_wider_than_the_terminal(run: Run, width: int) -> None:
    assert max(cell_len(line) for line in table(run, width).splitlines()) <= width


@settings(max_examples=30, deadline=None)
@given(runs())
def test_every_run_is_shown_without_control_characters(run: Run) -> None:
    shown = table(run)
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert max(cell_len(line) for line in shown.splitlines()) <= 80


def test_findings_come_worst_first_and_the_summary_last() -> None:
    shown = table(RUN)
    order = [shown.index(word) for word in ("mongodb 7", "redis 6", "Other services", "3 stores")]
    assert order == sorted(order)
    assert "VERY HIGH   mongodb 7.0.14 at 127.0.0.2:27017  OPEN from loopback" in shown
    assert "go on with: leftopen scan --resume 3f9c2a7d1b04" in shown


def test_what_was_measured_is_told_in_lines() -> None:
    shown = " ".join(table(MEASURED, 120).split())
    for told in (
        "People about 2,570,000 people (95 %: 2,560,000 to 2,570,000), by a unique index of its ID",
        "People between 6,700 and 6,680,000 people, by a sample of 1,000 records; --deep would "
        "tell, for about 160 MiB and 35 s",
        "People fewer than 10 people, by all of its records",
        "When about 6,680,000 records a day (95 %: 6,650,000 to 6,710,000), by counts of 24",
        "Where China; 104 areas of the map, areas with few people left out, by",
        "places of worship (90,100 to 103,000 records)",
        "Who db.person.ethnicity: Uyghur 48 %, Han 39 %",
        "No material change: the figures are those of an earlier run.",
        "doctor:* <10 1.4 KiB",
        "Flags gt_100",
        "In all: about 3,170,000 people, each counted once. 95 %: 3,160,000 to 3,190,000.",
        "is a mirror of mongodb 4.0.3 at 198.51.100.20:27017: 95 % of its people are there too.",
    ):
        assert told in shown


def test_special_data_is_marked_without_colour() -> None:
    shown = table(RUN)
    assert "ethnic origin*" in shown
    assert "ethnicity*" in shown
    assert "location traces*" not in shown
    assert "* specially guarded: GDPR Art. 9" in shown
    assert "specially guarded" not in table(replace(RUN, exposures=RUN.exposures[:1]))


def test_an_open_store_that_was_not_read_is_not_lost() -> None:
    shown = table(RUN)
    assert "Open, but not read before the run ended" in shown
    assert "127.0.0.9:5432" in shown
    assert "The worst of those read is" in shown


def test_long_lists_are_cut_and_counted() -> None:
    [_, store, _] = RUN.exposures
    people = store.profile.collections[2]
    many = tuple(replace(people, name=f"db.c{n:03}") for n in range(40))
    services = tuple(replace(RUN.services[4], port=n) for n in range(1, 101))
    errors = RUN.errors * 50
    run = replace(RUN, services=services, exposures=(exposure(MONGODB, *many),), errors=errors)
    shown = table(run)
    assert "and 28 more collections" in shown
    assert "and 40 more services" in shown
    assert "and 30 more errors" in shown


def test_hostile_names_act_nowhere() -> None:
    shown = table(hostile(), 120)
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert LONG[:201] not in shown
    # Neither markup nor emoji of the drawing library is taken from a name.
    assert "[bold red]markup[/bold red] :smile:" in shown
    assert "\\x1b[2J" in shown
    assert "\\u202e" in shown
    assert all(name not in shown for name in NASTY if not name.isprintable())


def test_colours_only_where_the_console_has_them() -> None:
    assert "\x1b" not in table(RUN)
    coloured = render(RUN, Console(width=80, color_system="standard", force_terminal=True))
    assert "\x1b[" in coloured
    # The only escapes are the console's own styles, in the hostile run too.
    worst = render(hostile(), Console(width=80, color_system="standard", force_terminal=True))
    assert "\x1b" not in re.sub(r"\x1b\[[\d;]*m", "", worst)
