"""What was measured, in words: no surer than it is known."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from leftopen.model import Cost, Mirror, People, Place, PlaceKind, Time
from leftopen.progress import PeopleCounted
from leftopen.report import figures, view, words
from leftopen.terminal import TerminalListener
from tests.report.samples import LONG, MEASURED, SESSIONS


@pytest.mark.parametrize(
    ("people", "amount", "interval", "brief"),
    [
        (People(1_200, 1_100, 1_300, ""), "about 1,200 people", "95 %: 1,100 to 1,300", "1,200"),
        (People(1_200, 1_200, 1_200, ""), "about 1,200 people", "", "1,200"),
        (People(150, 100, 200, ""), "about 150 people", "95 %: 100 to 200", "150"),
        (People(150, 95, 200, ""), "between 95 and 200 people", "", "95 to 200"),
        (People(4_000, 0, 9_000, ""), "at most 9,000 people", "", "0 to 9,000"),
        (People(10, 0, 10, "", few=True), "fewer than 10 people", "", "<10"),
        (People(20, 0, 20, "", few=True), "fewer than 20 people", "", "<20"),
        (People(0, 0, 0, ""), "no people", "", "0"),
    ],
)
def test_a_number_of_people(people: People, amount: str, interval: str, brief: str) -> None:
    assert str(figures.amount(people)) == amount
    assert figures.interval(people) == interval
    assert figures.brief(people) == brief


def test_people_that_were_not_counted_are_no_number() -> None:
    assert figures.brief(None) == "–"


@pytest.mark.parametrize(
    ("people", "line"),
    [
        (
            People(1_200, 1_100, 1_300, "a unique index"),
            "about 1,200 people (95 %: 1,100 to 1,300), by a unique index",
        ),
        (
            People(1_200, 10, 90_000, "a sample", deep=Cost(3 << 30, 3_725)),
            "between 10 and 90,000 people, by a sample; "
            "--deep would tell, for about 3 GiB and 1 h 2 min 5 s",
        ),
        (People(1_200, 1_200, 1_200, ""), "about 1,200 people"),
    ],
)
def test_the_line_of_people(people: People, line: str) -> None:
    assert figures.counted(people) == line


@pytest.mark.parametrize(
    ("time", "line"),
    [
        (Time(), ""),
        (Time(newest="2026", oldest_year=2026), "records of 2026"),
        (Time(newest="2026-11-02", oldest_year=2026), "newest records of 2 Nov 2026"),
        (Time(newest="2026", oldest_year=2019), "records from 2019 to 2026"),
        (Time(oldest_year=2019), "records of 2019"),
        (Time(records_per_day=0.0, low=0.0, high=0.0), "no record of the last 24 hours"),
        (Time(records_per_day=10.0, low=0.0, high=40.0), "about 10 records a day (95 %: 0 to 40)"),
        (Time(live=True), "changing as it was read"),
        (Time(since="2026-07-03", since_by="started"), "up since 3 Jul 2026"),
        (Time(since="2026-07-03", since_by="log"), "its log begins on 3 Jul 2026"),
        (Time(since="2026-07-03", since_by="created"), "its data was created on 3 Jul 2026"),
        (Time(since="2026-07-03"), ""),
    ],
)
def test_how_fresh(time: Time, line: str) -> None:
    assert figures.when(time) == line


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (Place(), ""),
        (Place(countries=("ES",)), "Spain"),
        (Place(countries=("CN", "ES", "??")), "China, Spain and ??"),
        (Place(hidden=True), "areas with few people left out"),
        (Place(countries=("ES",), method="postal addresses"), "Spain; by postal addresses"),
        (
            Place(kinds=(PlaceKind("clinic", 50, 40, 60), PlaceKind("night_club", 20, 20, 20))),
            "kinds of places: clinics (40 to 60 records), night club (20 records)",
        ),
        (Place(countries=("ES",), traces=True), f"Spain; {words.TRACES}"),
    ],
)
def test_where(place: Place, line: str) -> None:
    assert figures.where(place) == line


@pytest.mark.parametrize(
    ("across", "noun"),
    [((), "people"), (("a",), "people"), (("a", "b"), "people, each counted once")],
)
def test_once_is_said_only_of_what_was_compared(across: tuple[str, ...], noun: str) -> None:
    assert figures.once(People(1, 1, 1, "", deduplicated_across=across)) == noun


def test_mirrors_name_collections_and_stores_and_no_name_pushes_the_rest_out() -> None:
    faces = MEASURED.exposures[0]
    people = People(
        1, 1, 1, "", mirrors=(Mirror("db.copy", faces.id, 0.95), Mirror(LONG, "db.a", 1.0))
    )
    told = figures.mirrors(people, MEASURED)
    assert told[0] == (
        "db.copy is a mirror of mongodb 4.0.3 at 198.51.100.20:27017: "
        "95 % of its people are there too."
    )
    assert told[1].endswith("n… is a mirror of db.a: 100 % of its people are there too.")


def test_a_run_without_people_says_nothing_of_them() -> None:
    assert list(figures.in_all(replace(MEASURED, people=None))) == []


@pytest.mark.parametrize(
    ("share", "told"), [(0.0, "0 %"), (0.004, "under 1 %"), (0.478, "48 %"), (1.0, "100 %")]
)
def test_shares(share: float, told: str) -> None:
    assert view.percent(share) == told


def test_few_records_are_not_counted() -> None:
    few = replace(SESSIONS, records=10, sampled=10, bytes=None, few=True)
    assert (view.records(few), view.extent(few)) == ("<10", "fewer than 10 records")
    assert view.records(replace(few, records=None)) == "<10"


def test_the_people_of_a_run_are_told_while_it_ends() -> None:
    drawn = io.StringIO()
    with TerminalListener(Console(file=drawn, force_terminal=True, width=80)) as listener:
        listener.on(PeopleCounted(People(3_170_000, 3_160_000, 3_190_000, "m")))
    assert "in all: about 3,170,000 people" in drawn.getvalue()
