"""Sets of values as keyed theta sketches: sizes, unions and overlaps without the values.

Every value goes through BLAKE2b under a key of 256 random bits before anything is kept of it. The
key belongs to one Sketcher, is made anew with it and is nowhere else, so that no sketch of another
run, and nobody who gets hold of one, can test whether a value is in it (privacy rules R8, R20).
None of it can be pickled or copied out of the process.

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
_LEAST_LG_K = 10  # 3 %, 8 KiB
_ROOM = 96 << 20  # bytes of all sketches that are kept to be compared
_PART = 16  # of the room that is left, what one sketch may take at the most
_DEVIATIONS = 2  # of the interval, about 95 %


class _Kept:
    """What stays in its process."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError("what was sketched does not leave its process")


class Sketcher(_Kept):
    """Makes sketches that can be compared with one another, and with no others."""

    __slots__ = ("_keyed", "_room")

    def __init__(self) -> None:
        self._keyed = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=8)
        self._room = _ROOM

    def space(self, name: str) -> Space:
        """The values of one kind: those of another space are others, however they are written."""
        keyed = self._keyed.copy()
        keyed.update(hashlib.blake2b(name.encode(), digest_size=16).digest())
        return Space(keyed)

    def keep(self, sketch: Sketch) -> Sketch:
        """The sketch to its end: smaller, and coarser the less room the earlier ones left."""
        lg_k = LG_K
        while lg_k > _LEAST_LG_K and 8 << lg_k > self._room // _PART:
            lg_k -= 1
        kept = sketch._shrunk(lg_k)
        self._room = max(0, self._room - kept._bytes)
        return kept


class Space(_Kept):
    """Values that may be the same as one another."""

    __slots__ = ("_keyed",)

    def __init__(self, keyed: hashlib.blake2b) -> None:
        self._keyed = keyed

    def numbers(self, values: Iterable[bytes]) -> list[int]:
        """A number of 64 bits for each value, the same for the same value."""
        keyed, number = self._keyed, int.from_bytes
        made = []
        for value in values:
            hashed = keyed.copy()
            hashed.update(value)
            made.append(number(hashed.digest(), "little", signed=True))
        return made

    def sketch(self, numbers: Iterable[int] = ()) -> Sketch:
        sketch = Sketch(datasketches.update_theta_sketch(LG_K), self)
        sketch.add_numbers(numbers)
        return sketch


class Sketch(_Kept):
    """A set of values of one space. `size` is exact while there are fewer than 2 ** LG_K."""

    __slots__ = ("_space", "_theta")

    def __init__(self, theta: datasketches.theta_sketch, space: Space | None) -> None:
        self._theta, self._space = theta, space

    def add(self, values: Iterable[bytes]) -> None:
        """Adds values in their canonical form (`keys.canonical`)."""
        assert self._space is not None, "the sketch is at its end"
        self.add_numbers(self._space.numbers(values))

    def add_numbers(self, numbers: Iterable[int]) -> None:
        """Adds values by the numbers that their space made of them."""
        update = self._theta.update
        for number in numbers:
            update(number)

    @property
    def size(self) -> Interval:
        """How many different values there are."""
        return _interval(self._theta)

    def union(self, *others: Sketch) -> Sketch:
        """The values that are in any of them."""
        together = datasketches.theta_union(LG_K)
        for sketch in (self, *others):
            together.update(sketch._theta)
        return Sketch(together.get_result(), None)

    def overlap(self, other: Sketch) -> Interval:
        """How many values are in both."""
        both = datasketches.theta_intersection()
        both.update(self._theta)
        both.update(other._theta)
        return _interval(both.get_result())

    @property
    def _bytes(self) -> int:
        return 8 * int(self._theta.num_retained) + 64

    def _shrunk(self, lg_k: int) -> Sketch:
        together = datasketches.theta_union(lg_k)
        together.update(self._theta)
        return Sketch(together.get_result(), None)


def _interval(theta: datasketches.theta_sketch) -> Interval:
    return Interval(
        theta.get_estimate(),
        theta.get_lower_bound(_DEVIATIONS),
        theta.get_upper_bound(_DEVIATIONS),
        "a sketch of them",
    )
