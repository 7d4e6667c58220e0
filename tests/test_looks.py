"""Ranges counted and two looks taken, against an engine, a clock and a sleep that are scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import cast

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Engine
from leftopen.errors import LeftopenError, ServerRefused, Silent
from leftopen.knowledge import Mark, Moment
from leftopen.looks import Looks, count_arrivals
from leftopen.measure.times import Growth, Timing
from leftopen.model import Target
from leftopen.net.connection import Connection
from leftopen.net.scripted import ScriptedDialer

NOW = datetime(2026, 11, 22, 12, 34, 56)  # noqa: DTZ001
ROWS = 200
SEEN = Collection("town.seen", 1_000_000)


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def connection(clock: Callable[[], float], seconds: float = 60.0) -> Connection:
    dialer = ScriptedDialer(lambda: lambda data: None)
    target = Target(ip_address("127.0.0.1"), 1)
    return Connection(dialer, target, frozenset(), StoreLimits(seconds=seconds), clock=clock)


class Counts:
    """Counts so many in each range; an error or None instead where `answers` has it."""

    def __init__(
        self, clock: Clock, answers: Sequence[int | LeftopenError | None], cost: float = 0.0
    ) -> None:
        self._clock, self._answers, self._cost = clock, answers, cost
        self.asked: list[tuple[str, str, Moment, Moment]] = []

    async def count_between(
        self, connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
    ) -> int | None:
        answer = self._answers[len(self.asked) % len(self._answers)]
        self.asked.append((collection.name, path, begin, end))
        self._clock.now += self._cost
        if isinstance(answer, LeftopenError):
            raise answer
        return answer


class Keeps:
    """Gives one look after the other, the last one for ever."""

    def __init__(self, *looks: Mapping[str, Mark] | LeftopenError) -> None:
        self._looks = looks
        self.asked = 0

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        look = self._looks[min(self.asked, len(self._looks) - 1)]
        self.asked += 1
        if isinstance(look, LeftopenError):
            raise look
        return look


def timing(name: str = "ts") -> Timing:
    """The times of a million records, a fifth of them of the last day."""
    seconds = [int((number + 1) * 5 * 86_400 / ROWS) for number in range(ROWS)]
    at = pa.array([NOW - timedelta(seconds=s) for s in seconds], pa.timestamp("us"))
    return Timing(SEEN.name, SEEN.records, {}, [pa.record_batch({name: at})], NOW)


def count(engine: object, clock: Clock, timing: Timing, seconds: float = 60.0) -> None:
    asyncio.run(
        count_arrivals(cast(Engine, engine), connection(clock, seconds), SEEN, timing, clock=clock)
    )


def test_every_hour_is_counted_once() -> None:
    clock, times = Clock(), timing()
    engine = Counts(clock, [500])
    count(engine, clock, times)
    assert {(name, path) for name, path, _, _ in engine.asked} == {("town.seen", "ts")}
    begins = sorted(cast(datetime, begin) for _, _, begin, _ in engine.asked)
    ends = sorted(cast(datetime, end) for _, _, _, end in engine.asked)
    assert len(begins) == 24
    assert ends[-1] == NOW
    length = (ends[0] - begins[0]).total_seconds()
    rate = times.per_day()
    assert rate is not None
    assert rate.estimate == pytest.approx(500 * 3_600 / length * 24)


def test_an_engine_that_counts_nothing_is_not_asked() -> None:
    times = timing()
    before = times.per_day()
    count(object(), Clock(), times)
    assert times.per_day() == before


def test_a_collection_without_times_is_not_asked() -> None:
    clock = Clock()
    engine = Counts(clock, [1])
    times = Timing("x", 10, {}, [pa.record_batch({"name": ["Ann", "Bo"]})], NOW)
    count(engine, clock, times)
    assert not engine.asked


def test_without_an_index_one_question_is_enough() -> None:
    clock, times = Clock(), timing()
    before = times.per_day()
    engine = Counts(clock, [None])
    count(engine, clock, times)
    assert len(engine.asked) == 1
    assert times.per_day() == before


@pytest.mark.parametrize(
    ("cost", "seconds", "asked"),
    [
        (1.0, 600.0, 10),  # ten seconds for the ranges of a collection
        (3.0, 600.0, 4),
        (1.0, 12.0, 9),  # a third of the store's seconds stays: 4 of 12
        (0.1, 60.0, 24),
    ],
)
def test_slow_counts_stop(cost: float, seconds: float, asked: int) -> None:
    clock = Clock()
    engine = Counts(clock, [2_000], cost)
    count(engine, clock, timing(), seconds)
    assert len(engine.asked) == asked


def test_what_was_counted_before_an_error_counts() -> None:
    clock, times = Clock(), timing()
    sampled = times.per_day()
    engine = Counts(clock, [2_000, 2_000, 2_000, ServerRefused(code="1")])
    with pytest.raises(ServerRefused):
        count(engine, clock, times)
    assert len(engine.asked) == 4
    assert times.per_day() != sampled


def look(
    engine: object, clock: Clock, patience: float, *, reading: float = 0.0, seconds: float = 60.0
) -> Mapping[str, Growth]:
    """Both looks, `reading` seconds apart."""

    async def both() -> Mapping[str, Growth]:
        looks = Looks(
            cast(Engine, engine), connection(clock, seconds), [SEEN], clock=clock, sleep=clock.sleep
        )
        await looks.first()
        clock.now += reading
        return await looks.second(patience)

    return asyncio.run(both())


@pytest.mark.parametrize(
    ("before", "after", "changed", "records"),
    [
        (Mark(10), Mark(15), True, 5),
        (Mark(10), Mark(10), False, 0),
        (Mark(10), Mark(7), True, None),  # records may fall
        (Mark(None, 3), Mark(None, 9), True, None),  # how many came is not known
        (Mark(10, 3), Mark(10, 9), True, 0),  # only updates
        (Mark(10, 3), Mark(7, 9), True, None),
        (Mark(None, 9), Mark(None, 1), True, None),  # its counters began anew
        (Mark(10, None), Mark(None, 4), None, None),  # nothing to compare
        (Mark(), Mark(), None, None),
    ],
)
def test_what_two_marks_tell(
    before: Mark, after: Mark, changed: bool | None, records: int | None
) -> None:
    seen = look(Keeps({"town.seen": before}, {"town.seen": after}), Clock(), 0.0, reading=8.0)
    if changed is None:
        assert seen == {}
    else:
        assert seen == {"town.seen": Growth(changed, 8.0, records)}


def test_names_that_vanish_or_appear_tell_nothing() -> None:
    engine = Keeps({"a": Mark(1), "b": Mark(1)}, {"b": Mark(2), "c": Mark(9)})
    assert look(engine, Clock(), 0.0, reading=1.0) == {"b": Growth(True, 1.0, 1)}


def test_it_waits_until_something_changes() -> None:
    still, moved = {"a": Mark(5), "b": Mark(5)}, {"a": Mark(5), "b": Mark(8)}
    clock, engine = Clock(), Keeps(still, still, still, moved)
    seen = look(engine, clock, 5.0)
    assert clock.slept == [0.5, 1.0, 1.0]
    assert seen == {"a": Growth(False, 2.5, 0), "b": Growth(True, 2.5, 3)}


def test_it_waits_no_longer_than_its_patience() -> None:
    clock, engine = Clock(), Keeps({"a": Mark(5)})
    seen = look(engine, clock, 3.0)
    assert seen == {"a": Growth(False, 3.0, 0)}
    assert sum(clock.slept) == 3.0


def test_patience_is_counted_from_the_first_look() -> None:
    clock, engine = Clock(), Keeps({"a": Mark(5)})
    assert look(engine, clock, 5.0, reading=20.0)["a"].seconds == 20.0
    assert clock.slept == []
    assert engine.asked == 2


def test_without_patience_it_looks_at_once() -> None:
    clock, engine = Clock(), Keeps({"a": Mark(5)}, {"a": Mark(6)})
    assert look(engine, clock, 0.0, reading=0.1)["a"].changed
    assert clock.slept == []


def test_it_never_waits_away_the_last_second_of_the_store() -> None:
    clock, engine = Clock(), Keeps({"a": Mark(5)})
    look(engine, clock, 30.0, seconds=4.0)
    assert clock.now <= 100.0 + 4.0 - 1.0
    assert engine.asked >= 3


def test_an_engine_without_counters_is_not_waited_for() -> None:
    clock = Clock()
    assert look(object(), clock, 5.0) == {}
    assert clock.slept == []


@pytest.mark.parametrize("engine", [Keeps(Silent()), Keeps({"a": Mark(1)}, Silent())])
def test_errors_are_the_callers(engine: Keeps) -> None:
    with pytest.raises(Silent):
        look(engine, Clock(), 2.0)


def test_a_second_look_without_a_first_one_tells_nothing() -> None:
    clock, engine = Clock(), Keeps({"a": Mark(1)})
    looks = Looks(cast(Engine, engine), connection(clock), [SEEN], clock=clock, sleep=clock.sleep)
    assert asyncio.run(looks.second(5.0)) == {}
    assert engine.asked == 0
