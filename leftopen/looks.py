"""What is asked of a server beside its records: ranges of time counted, and two looks at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from leftopen.engine import Collection, Engine
from leftopen.knowledge import CountsBetween, Mark, Marks
from leftopen.measure.times import Growth, Timing, Window
from leftopen.net.connection import Connection

_COUNT_SECONDS = 10.0  # for the ranges of one collection
_KEPT = 3  # a third of the store's seconds is kept for what comes after
_APART = 0.5  # seconds that two looks are apart at least, where a wait is allowed
_PAUSE = 1.0  # seconds between looks
_SPARE = 1.0  # seconds of the store's that no wait uses up


async def count_arrivals(
    engine: Engine,
    connection: Connection,
    collection: Collection,
    timing: Timing,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Has the server count the records of `timing.windows()`, if it can do so by an index.

    What was counted before an error, or before the time for it was over, counts.
    """
    path = timing.event
    if path is None or not isinstance(engine, CountsBetween):
        return
    end = clock() + _COUNT_SECONDS
    counted: list[Window] = []
    try:
        for begin, until in timing.windows():
            if clock() >= end or connection.seconds_left < connection.limits.seconds / _KEPT:
                break
            moments = timing.moment(begin), timing.moment(until)
            records = await engine.count_between(connection, collection, path, *moments)
            if records is None:
                break
            counted.append(Window(begin, until, records))
    finally:
        timing.count(counted)


class Looks:
    """A look at a store's counters when its reading begins, and another one when it ends."""

    def __init__(
        self,
        engine: Engine,
        connection: Connection,
        collections: Sequence[Collection],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine, self._connection, self._collections = engine, connection, collections
        self._clock, self._sleep = clock, sleep
        self._marks: Mapping[str, Mark] = {}
        self._at = 0.0

    async def first(self) -> None:
        """The first look."""
        if isinstance(self._engine, Marks):
            self._marks = await self._engine.marks(self._connection, self._collections)
            self._at = self._clock()

    async def second(self, patience: float) -> Mapping[str, Growth]:
        """Looks again, and then each second until something has changed, for at most `patience`
        seconds since the first look; gives what was seen of each collection, by name.

        Collections that only one of the looks has seen are left out.
        """
        if not self._marks or not isinstance(self._engine, Marks):
            return {}
        if patience > 0:
            await self._wait(min(_APART, patience) - (self._clock() - self._at))
        while True:
            marks = await self._engine.marks(self._connection, self._collections)
            seconds = self._clock() - self._at
            seen = {
                name: growth
                for name, mark in marks.items()
                if name in self._marks
                and (growth := _growth(self._marks[name], mark, seconds)) is not None
            }
            changed = any(growth.changed for growth in seen.values())
            if changed or not await self._wait(min(_PAUSE, patience - seconds)):
                return seen

    async def _wait(self, seconds: float) -> bool:
        """Waits; False where there is nothing to wait for, or no time left for it."""
        if seconds <= 0 or seconds > self._connection.seconds_left - _SPARE:
            return False
        await self._sleep(seconds)
        return True


def _growth(before: Mark, after: Mark, seconds: float) -> Growth | None:
    """What two marks of one collection tell; None where they have no counter in common.

    Only records tell how many came: `changes` counts updates and other collections' writes, too.
    """
    records = _difference(before.records, after.records)
    changes = _difference(before.changes, after.changes)
    if records is None and changes is None:
        return None
    grown = records if records is not None and records >= 0 else None
    return Growth(bool(records or changes), seconds, grown)


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before
