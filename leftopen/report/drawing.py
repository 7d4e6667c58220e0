"""Figures of the HTML report as plain geometry: ranges of people, arrivals, the map.

Nothing here is markup; `figures.html.j2` draws it. Lengths are units of a figure's own viewBox,
which are pixels where it is as wide as its column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from leftopen.model import Arrivals, People
from leftopen.report import view

WIDTH = 440.0
_LETTER = 7.4  # width of a digit at the size of a figure's text
_TOP, _BASE = 14.0, 128.0  # of the bars
_NEVER = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
_SEEN = 4.0  # an interval is drawn no narrower


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis; `anchor` says which end of its label, if it has one, stands there."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Range:
    """An interval with its estimate on an axis of powers of ten."""

    ticks: tuple[Tick, ...]
    low: float
    estimate: float
    high: float


class Scale:
    """The axis of people that all ranges of a report share, so that they can be compared."""

    _LEAST, _MOST = 1, 12  # powers of ten
    _MARGIN = 4.0

    def __init__(self, people: Iterable[People]) -> None:
        most = max((each.high for each in people), default=0)
        self._top = min(self._MOST, max(4, math.ceil(math.log10(max(1, most)))))
        self._ticks = tuple(map(self._tick, range(self._LEAST, self._top + 1)))

    def _tick(self, power: int) -> Tick:
        """Every second one has a label; that at the top always."""
        label = _power(power) if (self._top - power) % 2 == 0 else ""
        anchor = {self._LEAST: "start", self._top: "end"}.get(power, "middle")
        return Tick(self._at(10**power), label, anchor)

    def _at(self, people: int) -> float:
        power = min(self._top, max(self._LEAST, math.log10(max(1, people))))
        inside = WIDTH - 2 * self._MARGIN
        return round(self._MARGIN + inside * (power - self._LEAST) / (self._top - self._LEAST), 1)

    def range(self, people: People) -> Range | None:
        """The people of a store on this axis; None where there is nothing to draw."""
        if people.few or people.high == 0:
            return None
        low, high = self._at(people.low), self._at(people.high)
        if high - low < _SEEN:
            low, high = (low + high - _SEEN) / 2, (low + high + _SEEN) / 2
        return Range(self._ticks, round(low, 1), self._at(people.estimate), round(high, 1))


def _power(power: int) -> str:
    for least, word in ((9, "billion"), (6, "million")):
        if power >= least:
            return f"{10 ** (power - least):,} {word}"
    return f"{10**power:,}"


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Records by the hour: bars on a base line, with ticks below and at the side."""

    height: float
    left: float
    base: float
    bars: tuple[Bar, ...]
    hours: tuple[Tick, ...]
    sides: tuple[Tick, ...]


def arrivals(told: Sequence[Arrivals]) -> Bars | None:
    """The 24 hours up to the last one told; None where nothing arrived in them."""
    found = [(at, each.records) for each in told if (at := _moment(each.hour)) is not None]
    last = max((at for at, _ in found), default=_NEVER)
    begin = last - timedelta(hours=23)
    by_hour = {at: records for at, records in found if at >= begin and records > 0}
    if not by_hour:
        return None
    ceiling = _round_up(max(by_hour.values()))
    left = _LETTER * len(view.number(ceiling)) + 8
    hour = (WIDTH - left) / 24

    def across(at: datetime) -> float:
        return left + (at - begin) / timedelta(hours=1) * hour

    bars = []
    for at, records in sorted(by_hour.items()):
        high = max(1.0, (_BASE - _TOP) * records / ceiling)
        label = f"{at:%H:%M}: {view.number(records)}"
        bars.append(
            Bar(round(across(at) + 1.5, 1), round(_BASE - high, 1), round(hour - 3, 1),
                round(high, 1), label)
        )  # fmt: skip
    return Bars(
        height=_BASE + 28,
        left=left,
        base=_BASE,
        bars=tuple(bars),
        hours=tuple(_hours(begin, across)),
        sides=(
            Tick(_TOP, view.number(ceiling)),
            Tick((_TOP + _BASE) / 2, view.number(ceiling // 2)),
            Tick(_BASE, "0"),
        ),
    )


def _hours(begin: datetime, across: Callable[[datetime], float]) -> Iterator[Tick]:
    """Every sixth hour of the clock in the 24 from `begin` on; midnight is told by its day."""
    first = begin.replace(minute=0, second=0) + timedelta(hours=-begin.hour % 6)
    for number in range(5):
        at = first + timedelta(hours=6 * number)
        x = across(at)
        if across(begin) <= x <= WIDTH:
            label = view.day(f"{at:%Y-%m-%d}")[:-5] if at.hour == 0 else f"{at:%H:%M}"
            yield Tick(round(x, 1), label, "end" if x > WIDTH - 20 else "middle")


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _round_up(value: int) -> int:
    """The next even number that is 1, 2, 4, 5, 6, 8 or 10 times a power of ten."""
    power: int = 10 ** max(0, len(str(value)) - 1)
    for times in (1, 2, 4, 5, 6, 8):
        if times * power >= value:
            return max(2, times * power + times * power % 2)
    return 10 * power
