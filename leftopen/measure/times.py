"""How fresh a store is: event times, arrivals, growth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from leftopen.knowledge import Known, Moment, Since
from leftopen.measure.interval import Interval
from leftopen.model import FieldProfile, Time, TimeField


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
    ) -> None: ...

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields of times to ask the server about, the likeliest event time first."""
        return ()

    def know(self, known: Mapping[str, Known]) -> None:
        """Takes what the server tells of `paths`: an indexed event time is preferred."""

    @property
    def event(self) -> str | None:
        """The path of the event time, if there is one."""
        return None

    @property
    def fresh(self) -> bool:
        """Whether the sample has records of the last hour: a second look is worth a wait."""
        return False

    def moment(self, at: datetime) -> Moment:
        """A point in time in the form in which the event time is stored."""
        return at

    def windows(self) -> tuple[tuple[datetime, datetime], ...]:
        """The ranges of the last 24 hours to have counted, each short enough to be cheap."""
        return ()

    def count(self, windows: Sequence[Window]) -> None:
        """Takes what the server counted."""

    def grew(self, growth: Growth) -> None:
        """Takes what two looks told."""

    def roles(self) -> tuple[TimeField, ...]:
        """Which field is the time of what, under their raw names."""
        return ()

    def per_day(self) -> Interval | None:
        """Records of the last 24 hours."""
        return None


def of_store(timed: Sequence[Timing], since: Since | None, threshold: int) -> Time:
    """The times of a store, as they may be shown; names are generalised."""
    return Time()
