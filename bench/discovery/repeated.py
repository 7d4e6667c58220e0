"""Work timed again and again, but not where once is long enough."""

from __future__ import annotations

from collections.abc import Callable

Times = list[float]
LONG = 30.0  # seconds; what takes longer is done once, and the table says so


def repeated(work: Callable[[], float], runs: int) -> Times:
    """What `work` returned (seconds), `runs` times, or once if that took LONG or more."""
    took = [work()]
    while len(took) < runs and took[0] < LONG:
        took.append(work())
    return took
