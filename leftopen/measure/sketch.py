"""Sets of values as keyed theta sketches: sizes, unions and overlaps without the values.

Every value goes through BLAKE2b under a key of 256 random bits before the sketch sees it. The key
belongs to one Sketcher, is made anew with it and is nowhere else, so that no sketch of another run,
and nobody who gets hold of one, can test whether a value is in it (privacy rules R8, R20). Neither
can be pickled or copied out of the process.

Source: Dasgupta, Lang, Rhodes, Thaler, "A Framework for Estimating Stream Expression
Cardinalities", ICDT 2016; Apache DataSketches, theta.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import NoReturn

import datasketches

from leftopen.measure.interval import Interval

LG_K = 18  # values kept: relative standard error 1 / sqrt(2 ** LG_K) = 0.2 %, 2 MiB when full
_DEVIATIONS = 2  # of the interval, about 95 %


class Sketcher:
    """Makes sketches that can be compared with one another, and with no others."""

    __slots__ = ("_keyed",)

    def __init__(self) -> None:
        self._keyed = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=8)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sketch key does not leave its process")

    def sketch(self) -> Sketch:
        return Sketch(self._keyed)


class Sketch:
    """A set of values. `size` is exact while there are fewer than 2 ** LG_K."""

    __slots__ = ("_keyed", "_theta")

    def __init__(self, keyed: hashlib.blake2b) -> None:
        self._keyed = keyed
        self._theta = datasketches.update_theta_sketch(LG_K)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sketch does not leave its process")

    def add(self, values: Iterable[bytes]) -> None:
        """Adds values in their canonical form (`keys.canonical`)."""
        update, keyed, number = self._theta.update, self._keyed, int.from_bytes
        for value in values:
            hashed = keyed.copy()
            hashed.update(value)
            update(number(hashed.digest(), "little", signed=True))

    @property
    def size(self) -> Interval:
        return _interval(self._theta)

    def union(self, *others: Sketch) -> Interval:
        """How many values are in any of them."""
        together = datasketches.theta_union(LG_K)
        for sketch in (self, *others):
            together.update(sketch._theta)
        return _interval(together.get_result())

    def overlap(self, other: Sketch) -> Interval:
        """How many values are in both."""
        both = datasketches.theta_intersection()
        both.update(self._theta)
        both.update(other._theta)
        return _interval(both.get_result())


def _interval(theta: datasketches.theta_sketch) -> Interval:
    return Interval(
        theta.get_estimate(),
        theta.get_lower_bound(_DEVIATIONS),
        theta.get_upper_bound(_DEVIATIONS),
        "a sketch of them",
    )
