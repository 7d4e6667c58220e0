"""Columns of digits as matrices, and the sums that most checksums are made of.

A matrix has a row for each value and a column for each character; all values of one matrix have
the same width, separators already gone and letters in capitals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Codes = NDArray[np.uint8]  # ASCII codes
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]  # digits

ZERO, A = ord("0"), ord("A")


def booleans(found: Any) -> Bools:
    """A comparison of arrays, typed as what it is."""
    return np.asarray(found, dtype=np.bool_)


def codes(values: pa.Array) -> Codes:
    """The bytes of equally long strings as a matrix."""
    if len(values) == 0:
        return np.zeros((0, 1), dtype=np.uint8)
    packed = pa.concat_arrays([values.cast(pa.large_string())])
    _, offsets, data = packed.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[packed.offset : packed.offset + len(packed) + 1]
    flat = np.frombuffer(data, dtype=np.uint8)[bounds[0] : bounds[-1]]
    return flat.reshape(len(packed), -1)


def digits_of(c: Codes) -> Ints:
    return c.astype(np.int64) - ZERO


def all_digits(c: Codes) -> Bools:
    return booleans(((c >= ZERO) & (c <= ZERO + 9)).all(axis=1))


def number(d: Ints) -> Ints:
    """Digits of one row as one integer; at most 18 of them."""
    weights = 10 ** np.arange(d.shape[1] - 1, -1, -1, dtype=np.int64)
    total: Ints = d @ weights
    return total


def weighted(d: Ints, weights: Sequence[int]) -> Ints:
    total: Ints = d[:, : len(weights)] @ np.asarray(weights, dtype=np.int64)
    return total


def day_month(day: Ints, month: Ints) -> Bools:
    return booleans((day >= 1) & (day <= 31) & (month >= 1) & (month <= 12))


def two(d: Ints, at: int) -> Ints:
    return d[:, at] * 10 + d[:, at + 1]


def varied(d: Ints) -> Bools:
    """Not one digit all through: 000000000 passes many sums and is nobody's number."""
    return booleans((d != d[:, :1]).any(axis=1))


def of_digits(*widths: int) -> Callable[[Callable[[Ints], Bools]], Callable[[Codes], Bools]]:
    """Makes a rule on digits a check on characters: wrong width or a letter fails."""

    def wrap(rule: Callable[[Ints], Bools]) -> Callable[[Codes], Bools]:
        def check(c: Codes) -> Bools:
            if c.shape[1] not in widths:
                return np.zeros(len(c), dtype=np.bool_)
            digits = digits_of(c)
            return rule(digits) & all_digits(c) & varied(digits)

        return check

    return wrap


def luhn_rule(d: Ints) -> Bools:
    doubled = d.copy()
    doubled[:, -2::-2] *= 2
    return booleans(np.where(doubled > 9, doubled - 9, doubled).sum(axis=1) % 10 == 0)


def mod11_10_rule(d: Ints) -> Bools:
    """ISO 7064 mod 11,10."""
    rest = np.full(len(d), 10, dtype=np.int64)
    for column in range(d.shape[1] - 1):
        total = (rest + d[:, column]) % 10
        rest = np.where(total == 0, 10, total) * 2 % 11
    return booleans((11 - rest) % 10 == d[:, -1])
