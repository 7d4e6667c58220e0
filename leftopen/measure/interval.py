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

    @property
    def tight(self) -> bool:
        """Whether it is no wider than 1 % of its estimate."""
        return self.high - self.low <= self.estimate / 100


def between(low: float, estimate: float, high: float, method: str = "") -> Interval:
    """An interval of figures that were reckoned apart: what is out of order is put in it."""
    low = max(0.0, low)
    high = max(low, high)
    return Interval(min(max(estimate, low), high), low, high, method)
