"""What was measured of a store, in words: how many people, how fresh, where and who.

Names in a sentence are made plain and cut one by one, so that none pushes the rest of it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from leftopen.model import Composition, Exposure, People, Place, Run, Time
from leftopen.report import view, words
from leftopen.report.escape import plain

_MOST = 8  # values or kinds that are told of a field or a place
_WIDE = 2  # from so many times its lower end on, an interval is told instead of an estimate


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of people as it is said: `about` `2,570,000` `people`."""

    before: str
    number: str
    noun: str = "people"

    def __str__(self) -> str:
        return " ".join(filter(None, (self.before, self.number, self.noun)))


def wide(people: People) -> bool:
    """Whether the interval says more than the estimate does."""
    return not people.few and people.high > _WIDE * people.low


def amount(people: People) -> Amount:
    """How many people there are, no surer than it is known."""
    high = view.number(people.high)
    if people.few:
        return Amount("fewer than", high)
    if people.high == 0:
        return Amount("", "no")
    if not wide(people):
        return Amount("about", view.number(people.estimate))
    if people.low == 0:
        return Amount("at most", high)
    return Amount("between", f"{view.number(people.low)} and {high}")


def interval(people: People) -> str:
    """The interval, where `amount` does not tell it: `95 %: 2,560,000 to 2,570,000`."""
    if people.few or wide(people) or people.low == people.high:
        return ""
    return f"95 %: {view.number(people.low)} to {view.number(people.high)}"


def deep(people: People) -> str:
    """What would tell more, and what it would cost the server."""
    if people.deep is None:
        return ""
    cost = f"{view.size(people.deep.bytes, 0)} and {view.time(people.deep.seconds)}"
    return f"--deep would tell, for about {cost}"


def basis(people: People) -> Iterator[str]:
    """What the number rests on, in sentences to stand below it."""
    if around := interval(people):
        yield f"{around}."
    if people.method:
        yield f"By {people.method}."
    if told := deep(people):
        yield view.sentence(told)


def brief(people: People | None) -> str:
    """How many people, for a column of numbers."""
    if people is None:
        return "–"
    if people.few:
        return f"<{view.number(people.high)}"
    if wide(people):
        return f"{view.number(people.low)} to {view.number(people.high)}"
    return view.number(people.estimate)


def counted(people: People) -> str:
    """How many people, how surely, and by what."""
    around = interval(people)
    told = f"{amount(people)} ({around})" if around else str(amount(people))
    told = f"{told}, by {people.method}" if people.method else told
    return "; ".join(filter(None, (told, deep(people))))


def once(people: People) -> str:
    """What the number of people of a whole run is a number of."""
    several = len(people.deduplicated_across) > 1
    return "people, each counted once" if several else "people"


def in_all(run: Run) -> Iterator[str]:
    """The people of all stores of a run, in sentences."""
    if run.people:
        told = replace(amount(run.people), noun=once(run.people))
        yield " ".join((f"In all: {told}.", *basis(run.people)))
        yield from mirrors(run.people, run)


def mirrors(people: People, run: Run) -> list[str]:
    """Which collections are copies of others, a sentence each."""
    stores = {exposure.id: exposure.service for exposure in run.exposures}

    def named(name: str) -> str:
        service = stores.get(name)
        return plain(f"{view.what(service)} at {view.where(service)}" if service else name)

    return [
        f"{named(each.collection)} is a mirror of {named(each.of)}: "
        f"{view.percent(each.share)} of its people are there too."
        for each in people.mirrors
    ]


def per_day(time: Time) -> str:
    """How many records came in a day, or ""."""
    if time.records_per_day is None:
        return ""
    told = f"about {view.number(round(time.records_per_day))} records a day"
    if not time.records_per_day and not time.high:
        return "no record of the last 24 hours"
    around = between(time.low, time.high)
    told = f"{told} (95 %: {around})" if around else told
    return f"{told}, by {time.method}" if time.method else told


def flow(time: Time) -> str:
    """How many records came in a day, without the interval, or ""."""
    if not time.records_per_day:
        return ""
    return f"About {view.number(round(time.records_per_day))} records a day"


def between(low: float | None, high: float | None) -> str:
    """An interval, or "" where it is none."""
    if low is None or high is None or low == high:
        return ""
    return f"{view.number(round(low))} to {view.number(round(high))}"


def live(time: Time) -> str:
    """Whether it was written to between two looks, or ""."""
    if not time.live:
        return ""
    return "growing as it was read" if time.records_per_day else "changing as it was read"


def span(time: Time) -> str:
    """From when to when its records are, or ""."""
    newest = view.day(time.newest) if time.newest else ""
    oldest = str(time.oldest_year or "")
    if newest and oldest and newest[-4:] != oldest:
        return f"records from {oldest} to {newest}"
    if newest and newest != oldest:
        return f"newest records of {newest}"
    return f"records of {oldest}" if oldest else ""


def since(time: Time) -> str:
    """From when on the store was there, or ""."""
    return words.SINCE[time.since_by].format(view.day(time.since)) if time.since_by and time.since \
        else ""  # fmt: skip


def when(time: Time) -> str:
    """How fresh the store is, as one line, or ""."""
    return "; ".join(filter(None, (per_day(time), live(time), span(time), since(time))))


def freshness(time: Time) -> str:
    """How fresh the store is, beside `flow`: as one line, or ""."""
    if not time.records_per_day:
        return when(time)
    around = between(time.low, time.high)
    basis = ", ".join(
        filter(None, (around and f"95 %: {around}", time.method and f"by {time.method}"))
    )
    return "; ".join(filter(None, (basis, live(time), span(time), since(time))))


def countries(place: Place) -> str:
    """The countries where the people are, or ""."""
    return words.listed([words.country(code) for code in place.countries])


def areas(place: Place) -> str:
    """How many cells of the map have people in them and how that is known, or ""."""
    told = f"{view.count(len(place.cells), 'area')} of the map" if place.cells else ""
    hidden = "areas with few people left out" if place.hidden else ""
    method = f"by {place.method}" if place.method else ""
    return ", ".join(filter(None, (told, hidden, method)))


def where(place: Place) -> str:
    """Where the people are, as one line, or ""."""
    kinds = ", ".join(
        f"{plain(words.place(each.kind))} "
        f"({between(each.low, each.high) or view.number(each.estimate)} records)"
        for each in place.kinds[:_MOST]
    )
    return "; ".join(
        filter(
            None,
            (
                countries(place),
                areas(place),
                words.TRACES if place.traces else "",
                f"kinds of places: {kinds}" if kinds else "",
            ),
        )
    )


def composition(told: Composition) -> str:
    """The shares of one field, as one line."""
    shares = [f"{plain(each.label, 60)} {view.percent(each.share)}" for each in told.shares[:_MOST]]
    if len(told.shares) > _MOST:
        shares.append(f"and {view.count(len(told.shares) - _MOST, 'more value')}")
    return f"{plain(told.field)}: {', '.join(shares)} ({noise(told)})"


def noise(told: Composition) -> str:
    """What was done to the shares so that nobody can be told from them."""
    return (
        f"with noise added: {told.mechanism}, epsilon {told.epsilon:g}; "
        f"labels of fewer than {told.threshold} people are in other"
    )


def lines(exposure: Exposure, run: Run) -> Iterator[tuple[str, str]]:
    """What was measured as (label, line), for a report without pictures."""
    profile = exposure.profile
    if profile.people:
        yield "People", counted(profile.people)
        yield from (("", mirror) for mirror in mirrors(profile.people, run))
    if profile.time and (told := when(profile.time)):
        yield "When", told
    if profile.place and (told := where(profile.place)):
        yield "Where", told
    for number, each in enumerate(profile.composition):
        yield ("" if number else "Who"), composition(each)
    if profile.unchanged:
        yield "", words.UNCHANGED
