"""A figure with the interval that holds the truth with a probability of 95 %."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """`low` <= `estimate` <= `high`, of anything that is counted; `method` is a clause that says
    what it rests on (`a unique index of its 2,565,724 records`), in leftopen's own words."""

    estimate: float
    low: float
    high: float
    method: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.estimate <= self.high:
            raise ValueError("an interval that does not hold its estimate")

    @property
    def exact(self) -> bool:
        return self.low == self.high
