"""Columns of equally long strings as grids, and the sums that most checksums are made of.

A grid has one contiguous row for each character position and a column for each value, so that a
weighted sum is a short loop over positions of additions over the whole column. Separators are gone
and letters are capitals before a grid is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Codes = NDArray[np.uint8]  # ASCII codes
Bools = NDArray[np.bool_]  # one for each value
Small = NDArray[np.int16]  # digits and their sums: thirteen digits times ten fit many times over
Wide = NDArray[np.int64]

ZERO, A = ord("0"), ord("A")


class Grid:
    """Equally long strings; what several checks need of them is worked out once.

    `codes` are their ASCII codes, (position, value).
    """

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.width, self.size = codes.shape

    @cached_property
    def d(self) -> Small:
        """What each character is worth as a digit; nonsense where it is none."""
        found: Small = np.subtract(self.codes, ZERO, dtype=np.int16)
        return found

    @cached_property
    def wide(self) -> Wide:
        """The same, for whole numbers of up to 18 digits."""
        return self.d.astype(np.int64)

    @cached_property
    def digit(self) -> NDArray[np.bool_]:
        """Which characters are digits, (position, value)."""
        return booleans((self.codes - np.uint8(ZERO)) < 10)  # wraps round below "0"

    @cached_property
    def sane(self) -> Bools:
        """Only digits, and not one digit all through: 000000000 is nobody's number."""
        return booleans(self.digit.all(axis=0) & self.varied)

    @cached_property
    def varied(self) -> Bools:
        found = self.codes[1:] != self.codes[:1]
        return booleans(found.any(axis=0))

    @cached_property
    def pairs(self) -> Small:
        """Two digits from each position on, as one number."""
        found: Small = self.d[:-1] * 10 + self.d[1:]
        return found

    @cached_property
    def luhn(self) -> Bools:
        """Whether the Luhn sum over all positions (ISO/IEC 7812) comes out."""
        return luhn_sum(self.d)

    @cached_property
    def mod11_10(self) -> Bools:
        """ISO 7064 mod 11,10."""
        rest = np.full(self.size, 10, dtype=np.int16)
        for row in self.d[:-1]:
            rest = _PRODUCT.take(rest + row, mode="clip")
        return booleans(mod(rest + self.d[-1], 10) == 1)

    @cached_property
    def verhoeff(self) -> Bools:
        return booleans(verhoeff_rest(self.d[::-1]) == 0)

    def all_none(self) -> Bools:
        return np.zeros(self.size, dtype=np.bool_)

    def digits_at(self, start: int, stop: int) -> Bools:
        """Whether the characters of these positions are digits."""
        return booleans(self.digit[start:stop].all(axis=0))

    def part(self, start: int, stop: int) -> Grid:
        """The values cut to these positions."""
        return Grid(self.codes[start:stop])

    def number(self, start: int, stop: int) -> Wide:
        """The digits of these positions as one number."""
        total: Wide = self.wide[start].copy()
        for row in self.wide[start + 1 : stop]:
            total *= 10
            total += row
        return total

    def short(self, start: int, stop: int) -> Small:
        """The same of at most four digits."""
        total: Small = self.d[start].copy()
        for row in self.d[start + 1 : stop]:
            total *= 10
            total += row
        return total

    def is_one_of(self, at: int, letters: str) -> Bools:
        """Whether the character of the position is among the letters."""
        return booleans(_among(letters)[self.codes[at]])


Check = Callable[[Grid], Bools]


def booleans(found: Any) -> Bools:
    """A comparison of arrays, typed as what it is."""
    return np.asarray(found, dtype=np.bool_)


def codes(values: pa.Array) -> Codes:
    """The bytes of equally long strings as a matrix with a row for each value."""
    if len(values) == 0:
        return np.zeros((0, 1), dtype=np.uint8)
    packed = pa.concat_arrays([values.cast(pa.large_string())])
    _, offsets, data = packed.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[packed.offset : packed.offset + len(packed) + 1]
    flat = np.frombuffer(data, dtype=np.uint8)[bounds[0] : bounds[-1]]
    return flat.reshape(len(packed), -1)


def digits(*widths: int) -> Callable[[Check], Check]:
    """Makes a rule on digits a check: another width or a letter fails."""

    def wrap(rule: Check) -> Check:
        def check(g: Grid) -> Bools:
            if g.width not in widths or not g.sane.any():
                return g.all_none()
            return booleans(rule(g) & g.sane)

        return check

    return wrap


def signs(*widths: int) -> Callable[[Check], Check]:
    """Makes a rule on letters and digits a check: another width fails."""

    def wrap(rule: Check) -> Check:
        def check(g: Grid) -> Bools:
            return rule(g) if g.width in widths else g.all_none()

        return check

    return wrap


# ----------------------------------------------------------------------------------------- sums


def weighted(d: Small, weights: Sequence[int]) -> Small:
    """The sum of the first rows times the weights; weights may be negative, sums stay small."""
    total: Small = d[0] * np.int16(weights[0])
    scratch = np.empty_like(total)
    for row, weight in zip(d[1:], weights[1:], strict=False):
        if weight == 1:
            total += row
        elif weight:
            np.multiply(row, np.int16(weight), out=scratch)
            total += scratch
    return total


Whole = TypeVar("Whole", Small, Wide)


def mod(total: Whole, by: int) -> Whole:
    """The rest, never negative; division by a constant is what numpy does with SIMD."""
    rest = total // by
    rest *= by
    np.subtract(total, rest, out=rest)
    return rest


def luhn_sum(d: Small) -> Bools:
    """Whether every second digit from the right but one doubled, nines cast out, sums to tens."""
    total = d[-1].copy()
    for place, row in enumerate(d[-2::-1]):
        total += row if place % 2 else _DOUBLED.take(row, mode="clip")
    return booleans(mod(total, 10) == 0)


_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], dtype=np.int16)
# ISO 7064 mod 11,10: the rest (1 to 10) plus a digit, modulo 10 with 0 as 10, doubled modulo 11
_PRODUCT = np.array([((s % 10) or 10) * 2 % 11 for s in range(20)], dtype=np.int16)

_DIHEDRAL = np.array(
    [[(i + j) % 5 if j < 5 else 5 + (i + j) % 5 for j in range(10)] for i in range(5)]
    + [[5 + (i - j) % 5 if j < 5 else (i - j) % 5 for j in range(10)] for i in range(5, 10)],
    dtype=np.int16,
).reshape(-1)
_TURNS = np.empty((8, 10), dtype=np.int16)
_TURNS[0] = np.arange(10)
_TURNS[1] = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
for _row in range(2, 8):
    _TURNS[_row] = _TURNS[_row - 1][_TURNS[1]]


def verhoeff_rest(d: Small) -> Small:
    """Verhoeff's sum in the dihedral group of order ten, rows from the right; 0 is right."""
    rest = np.zeros(d.shape[1], dtype=np.int16)
    for place, row in enumerate(d):
        rest = _DIHEDRAL.take(rest * 10 + _TURNS[place % 8].take(row, mode="clip"), mode="clip")
    return rest


# ----------------------------------------------------------------------------------- characters


def pick(signs: bytes, at: Any) -> Codes:
    """The check sign of each rest."""
    found: Codes = np.frombuffer(signs, dtype=np.uint8).take(at, mode="clip")
    return found


def _among(letters: str) -> Bools:
    table = np.zeros(256, dtype=np.bool_)
    table[[ord(letter) for letter in letters]] = True
    return table


def values_of(alphabet: str, start: int = 0) -> Small:
    """What each character is worth by its place in the alphabet; 0 where it is not in it."""
    table = np.zeros(256, dtype=np.int16)
    for place, letter in enumerate(alphabet):
        table[ord(letter)] = place + start
    return table


BASE36 = values_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
