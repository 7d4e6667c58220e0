"""How fresh a store is: event times, arrivals, growth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import numpy as np
import pyarrow as pa

from leftopen.classifier import stand_in
from leftopen.knowledge import Known, Moment, Since
from leftopen.measure import rates
from leftopen.measure.interval import Interval
from leftopen.measure.moments import DAY, EPOCH, NEVER, SECOND
from leftopen.measure.time_columns import HOUR, Column, agree, rows_of, shift, time_columns
from leftopen.model import Arrivals, FieldProfile, Time, TimeField

HOURS = 24
_MOST_PATHS = 16  # to ask a server about
_MOST_FIELDS = 50  # that are told
_IN_A_WINDOW = 2_000  # records that a server counts at once, about
_UNKNOWN_WINDOW = 36  # seconds, where the collection's size is not known
_FIRST_SERVERS = 1995


@dataclass(frozen=True, slots=True)
class Window:
    """How many records the server counted from `begin` until before `end` (UTC, without a zone)."""

    begin: datetime
    end: datetime
    records: int


@dataclass(frozen=True, slots=True)
class Growth:
    """Two looks at a collection: did anything change, and by how many records in what time?"""

    changed: bool
    seconds: float
    records: int | None = None


class Timing:
    """The times of one collection. `now` is UTC without a zone."""

    def __init__(
        self,
        name: str,
        records: int | None,
        fields: Mapping[str, FieldProfile],
        batches: Sequence[pa.RecordBatch],
        now: datetime,
    ) -> None:
        self.name, self.now = name, now
        self._now = _micros(now)
        self._rows = rows_of(batches)
        # what the server tells may be an estimate, or of another moment
        self._records = None if records is None or records < 0 else max(records, self._rows)
        self._read_whole = records == self._rows
        found = time_columns(fields, batches, self._now)
        self._roles = tuple(TimeField(name, path, role) for path, role, _ in found)
        datable = [column for _, role, column in found if column and role in ("event", "record")]
        self._columns = sorted(datable, key=lambda column: -column.rank)
        self._indexed: frozenset[str] = frozenset()
        self._windows: tuple[Window, ...] = ()
        self._growth: Growth | None = None
        self._settle()

    def _settle(self) -> None:
        """Chooses the event time, and takes from it what is asked for later."""
        self._event = self._choose()
        self._shift, self._times = 0, np.zeros(0, dtype=np.int64)
        if self._event is not None:
            at = self._event.at[self._event.at != NEVER]
            self._shift = shift(at, self._event.form, self._now)
            self._times = at - self._shift * SECOND

    def _choose(self) -> Column | None:
        if not self._columns:
            return None
        best = self._columns[0]
        for one in self._columns:
            countable = one.path in self._indexed and one.form.ordered and not one.many
            if countable and (one.role == best.role == "event" or agree(one, best)):
                return one
        return best

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields of times to ask the server about, the likeliest event time first."""
        return tuple(column.path for column in self._columns if not column.many)[:_MOST_PATHS]

    def know(self, known: Mapping[str, Known]) -> None:
        """Takes what the server tells of `paths`: an indexed event time is preferred."""
        self._indexed = frozenset(path for path, one in known.items() if one.indexed)
        self._settle()

    @property
    def event(self) -> str | None:
        """The path of the event time, if there is one."""
        return None if self._event is None else self._event.path

    @property
    def fresh(self) -> bool:
        """Whether the sample has records of the last hour: a second look is worth a wait."""
        begin = self.now - timedelta(hours=1)
        if any(window.records > 0 and window.end > begin for window in self._windows):
            return True
        return bool((np.abs(self._now - self._times) <= HOUR * SECOND).any())

    def moment(self, at: datetime) -> Moment:
        """A point in time in the form in which the event time is stored."""
        if self._event is None:
            return at
        return self._event.form.write(at + timedelta(seconds=self._shift))

    def windows(
        self, chance: np.random.Generator | None = None
    ) -> tuple[tuple[datetime, datetime], ...]:
        """The ranges of the last 24 hours to have counted, each short enough to be cheap: one in
        each hour, at random there, the newest first and the others in random order. Of dates
        without a clock, the whole of yesterday."""
        if self._event is None or self._event.many or not self._event.form.ordered:
            return ()
        step = self._event.form.resolution
        if step == DAY:
            today = datetime(self.now.year, self.now.month, self.now.day)  # noqa: DTZ001
            return ((today - timedelta(days=1), today),)
        length = self._length(step)
        chance = chance or np.random.default_rng()  # of the system's entropy, as `secrets` is
        # each moment of an hour has the same chance: what is written on the hour would bias others
        starts = chance.integers(0, HOUR // length, HOURS) * length
        starts[-1] = HOUR - length
        order = [HOURS - 1, *chance.permutation(HOURS - 1).tolist()]
        begin = self._begin
        ranges = []
        for hour in order:
            start = begin + timedelta(seconds=hour * HOUR + int(starts[hour]))
            ranges.append((start, start + timedelta(seconds=length)))
        return tuple(ranges)

    @property
    def _begin(self) -> datetime:
        """24 hours ago, to a full minute or second as the event time has them."""
        step = 1 if self._event is None else min(self._event.form.resolution, 60)
        return _datetime(self._now // (step * SECOND) * step * SECOND) - timedelta(hours=HOURS)

    def _length(self, step: int) -> int:
        """Seconds of a window in which about 2,000 records should lie: a whole part of an hour."""
        if self._records is None:
            length = float(_UNKNOWN_WINDOW)
        else:
            share = max(self._met, 0.5) / max(self._rows, 1)
            length = _IN_A_WINDOW * DAY / (share * max(self._records, 1))
        if length * 2 >= HOUR:  # for little more the figure is exact
            return HOUR
        return max(s for s in range(step, HOUR, step) if HOUR % s == 0 and s <= max(step, length))

    def count(self, windows: Sequence[Window]) -> None:
        """Takes what the server counted."""
        whole = [w for w in windows if type(w.records) is int and 0 <= w.records < 2**53]
        self._windows = tuple(sorted(whole, key=lambda window: window.begin))

    def grew(self, growth: Growth) -> None:
        """Takes what two looks told."""
        self._growth = growth

    @property
    def growth(self) -> Growth | None:
        return self._growth

    def roles(self) -> tuple[TimeField, ...]:
        """Which field is the time of what, under their raw names."""
        return self._roles

    def per_day(self) -> Interval | None:
        """Records of the last 24 hours: counted, or by the sample, or by growth between two looks,
        whichever is surest.

        Where what was counted and the sample contradict each other, either records come in bursts,
        of which the counts may have met none, and the interval holds both; or they come evenly, and
        it is the sample that was not drawn at random.
        """
        counted, sampled, grown = self._counted(), self._sampled(), self._grown()
        if counted and sampled and not counted.exact:
            borne_out = sampled.low <= counted.estimate <= sampled.high
            if not borne_out and self._even:
                sampled = None
            elif not borne_out:
                return Interval(
                    max(counted.estimate, sampled.estimate),
                    min(counted.low, sampled.low),
                    max(counted.high, sampled.high),
                    f"both {counted.method}, and {sampled.method}: they come in bursts",
                )
        found = [one for one in (counted, sampled, grown) if one is not None]
        return min(found, key=lambda one: one.high - one.low, default=None)

    @property
    def _met(self) -> int:
        """Records of the sample that are of the last 24 hours (of yesterday, without a clock)."""
        if self._event is not None and self._event.form.resolution == DAY:
            end = self._now // (DAY * SECOND) * DAY * SECOND - 1
        else:
            end = self._now
        return int(((self._times > end - DAY * SECOND) & (self._times <= end)).sum())

    def _sampled(self) -> Interval | None:
        if self._event is None or self._event.many or self._records is None or not self._rows:
            return None
        met, records = self._met, self._records
        if self._read_whole:
            return Interval(met, met, met, "all of its records, which were read")
        step = self._event.form.resolution * SECOND
        effective = rates.independent(self._times, step) * self._rows / len(self._times)
        low, high = rates.proportion(met, self._rows, effective)
        estimate = met / self._rows * records
        low, high = max(low * records, met), min(high * records, records - (self._rows - met))
        method = "the share of the last 24 hours in a sample of its records"
        return Interval(estimate, min(low, estimate), max(high, estimate), method)

    def _counted(self) -> Interval | None:
        if not self._windows or self._event is None:
            return None
        counts = [window.records for window in self._windows]
        if self._event.form.resolution == DAY:
            total = sum(counts)
            return Interval(total, total, total, "an index, in which the server counted yesterday")
        if len(counts) == HOURS and min(self._parts) == 1.0:
            total = sum(counts)
            return Interval(total, total, total, "an index, in which the server counted them all")
        method = "an index, in which the server counted stretches of the last 24 hours"
        return Interval(*rates.of_strata(counts, self._parts, HOURS), method)

    @property
    def _parts(self) -> list[float]:
        """How much of its hour each window covers."""
        return [min(1.0, _seconds(window) / HOUR) for window in self._windows]

    @property
    def _even(self) -> bool:
        """Whether the windows' counts differ by little more than chance would have them differ."""
        return rates.even([window.records for window in self._windows], self._parts)

    def _grown(self) -> Interval | None:
        """Growth now says little of the rest of the day: it may be a third or three times as much
        as the mean."""
        grown = self._growth
        if grown is None or not grown.records or grown.records < 0 or not grown.seconds > 0:
            return None
        a_day = DAY / grown.seconds
        low, high = rates.poisson(grown.records)
        method = "its growth between two looks, as if it had grown so all day"
        estimate = grown.records * a_day
        return Interval(estimate, low * a_day / 3, high * a_day * 3, method)

    @property
    def hourly(self) -> tuple[float, ...]:
        """Records of each of the last 24 hours, oldest first; none where not all were counted."""
        if len(self._windows) != HOURS:
            return ()
        return tuple(w.records * max(1.0, HOUR / _seconds(w)) for w in self._windows)

    @property
    def begin(self) -> datetime:
        """When the first of the `hourly` hours began."""
        return self._begin

    def newest(self, threshold: int) -> str | None:
        """The latest day with that many records, else the latest such year; never a date of fewer,
        and none more than a day ahead of now."""
        past = self._times[self._times <= self._now + DAY * SECOND].view("datetime64[us]")
        days, counts = np.unique(past.astype("datetime64[D]"), return_counts=True)
        supported = {str(day) for day in days[counts >= threshold]} | self._counted_days(threshold)
        if supported:
            return max(supported)
        years, counts = np.unique(past.astype("datetime64[Y]"), return_counts=True)
        return max((str(year) for year in years[counts >= threshold]), default=None)

    def _counted_days(self, threshold: int) -> set[str]:
        days: Counter[str] = Counter()
        for window in self._windows:
            if window.begin.date() == (window.end - timedelta(microseconds=1)).date():
                days[window.begin.date().isoformat()] += window.records
        return {day for day, count in days.items() if count >= threshold}

    def oldest_year(self, threshold: int) -> int | None:
        """The first year until the end of which that many of the sampled records are."""
        past = np.sort(self._times[self._times <= self._now + DAY * SECOND])
        if len(past) < threshold:
            return None
        return _datetime(int(past[threshold - 1])).year


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _datetime(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _seconds(window: Window) -> float:
    return max((window.end - window.begin).total_seconds(), 1e-6)


def of_store(timed: Sequence[Timing], since: Since | None, threshold: int) -> Time:
    """The times of a store, as they may be shown; names are generalised.

    Rates are those of its collections, added up: a mirror within a store counts again.
    """
    rated = [(one, rate) for one in timed if (rate := one.per_day()) is not None]
    whole = _rate(rated, threshold)
    looks = [one.growth for one in timed if one.growth is not None]
    newest = [day for one in timed if (day := one.newest(threshold))]
    oldest = [year for one in timed if (year := one.oldest_year(threshold)) is not None]
    since = since if since is not None and _possible(since, timed) else None
    return Time(
        oldest_year=min(oldest, default=None),
        newest=max(newest, key=lambda day: (day[:4], len(day), day), default=None),
        records_per_day=None if whole is None else whole.estimate,
        low=None if whole is None else whole.low,
        high=None if whole is None else whole.high,
        method="" if whole is None else whole.method,
        live=any(growth.changed for growth in looks),
        seconds_apart=max((round(growth.seconds, 1) for growth in looks), default=None),
        since=None if since is None else since.moment.date().isoformat(),
        since_by=None if since is None else since.how,
        arrivals=_arrivals(timed, whole, threshold),
        fields=_fields(timed),
    )


def _possible(since: Since, timed: Sequence[Timing]) -> bool:
    """A server's clock may be wrong: nothing was open before there were such servers, or will be
    from tomorrow on."""
    latest = max((one.now for one in timed), default=since.moment) + timedelta(days=1)
    return since.moment.year >= _FIRST_SERVERS and since.moment <= latest


def _rate(rated: Sequence[tuple[Timing, Interval]], threshold: int) -> Interval | None:
    """Records of a day over all collections, as they may be whole."""
    if not rated:
        return None
    whole = rated[0][1]
    if len(rated) > 1:
        parts = [rate for _, rate in rated]
        most = max(parts, key=lambda rate: rate.estimate)
        whole = rates.together(parts, f"the sum over its collections; for the most, {most.method}")
    low = _rounded(whole.low, math.floor)
    estimate, high = (
        float(max(_rounded(x, how), threshold)) if x > 0 else 0.0
        for x, how in ((whole.estimate, round), (whole.high, math.ceil))
    )
    return Interval(estimate, float(low) if low >= threshold else 0.0, high, whole.method)


def _rounded(figure: float, how: Callable[[float], int]) -> int:
    """To 5 up to 1,000, else to three significant digits (privacy rule R6)."""
    step = 5 if figure < 1_000 else 10 ** (math.floor(math.log10(figure)) - 2)
    return how(figure / step) * step


def _arrivals(
    timed: Sequence[Timing], whole: Interval | None, threshold: int
) -> tuple[Arrivals, ...]:
    """The last 24 hours, hour by hour, if the server counted most of what came in them."""
    counted = [one for one in timed if one.hourly]
    bars = [sum(hours) for hours in zip(*(one.hourly for one in counted), strict=True)]
    if whole is None or sum(bars) < max(threshold, whole.estimate / 2):
        return ()
    begin = max(one.begin for one in counted)
    return tuple(
        Arrivals(
            f"{begin + timedelta(hours=hour):%Y-%m-%dT%H:%MZ}",
            max(_rounded(bar, round), threshold) if bar >= threshold else 0,
        )
        for hour, bar in enumerate(bars)
    )


def _fields(timed: Sequence[Timing]) -> tuple[TimeField, ...]:
    """The fields under names that hold no person's data."""
    raw = islice((field for one in timed for field in one.roles()), _MOST_FIELDS)
    shown = (
        TimeField(stand_in(field.collection), stand_in(field.path), field.role) for field in raw
    )
    return tuple(dict.fromkeys(shown))
