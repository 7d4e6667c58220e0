"""The order of a sweep: a seeded permutation of indexes that holds nothing in memory."""

from __future__ import annotations

import hashlib
from math import gcd

_CANDIDATES = 64


class Order:
    """The bijection position → index, index = (a · position + b) mod count.

    `run` successive indexes belong to one host. a is the one of a few seeded candidates that keeps
    a host's turns farthest apart, commonly more than a third of the number of hosts, where a plain
    shuffle would bunch them. The constants come from SHA-256, so that the same seed goes on with
    the same order on any machine and Python.
    """

    def __init__(self, count: int, run: int, seed: int) -> None:
        self._count = max(1, count)
        self._step, self.gap = 1, 0
        for number in range(_CANDIDATES):
            step = _drawn(seed, number) % self._count
            if gcd(step, self._count) == 1:
                gap = _gap(step, self._count, run)
                if gap > self.gap:
                    self._step, self.gap = step, gap
        self._shift = _drawn(seed, _CANDIDATES) % self._count

    def at(self, position: int) -> int:
        """The index at a position; both lie in range(count)."""
        return (self._step * position + self._shift) % self._count


def _drawn(seed: int, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:16])


def _gap(step: int, count: int, run: int) -> int:
    """The fewest positions after which the order can come back to within `run` indexes.

    The multiples of step that come closest to a multiple of count are those at the denominators of
    the convergents of step / count (best approximations of the second kind; Khinchin, Continued
    Fractions, theorem 16), which Euclid's algorithm passes through.
    """
    before, distance = count, min(step, count - step)
    earlier, steps = 0, 1
    while distance >= run and distance > 0:
        whole, rest = divmod(before, distance)
        before, distance = distance, rest
        earlier, steps = steps, earlier + whole * steps
    return steps
