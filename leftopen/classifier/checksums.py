"""Checksums by the names that the catalogue calls them, computed over whole columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leftopen.classifier import accounts, national, terminologies
from leftopen.classifier.digits import (
    BASE36,
    Bools,
    Check,
    Codes,
    Grid,
    booleans,
    mod,
    pick,
    signs,
    weighted,
)

_LONGEST = 64  # bytes of a value that any check reads
_BLOCK = 1 << 15  # values at a time: their grid stays in the processor's cache

_SEPARATOR = np.zeros(256, dtype=np.bool_)
_SEPARATOR[np.frombuffer(b" .-/()\t", dtype=np.uint8)] = True
_UPPER = np.arange(256, dtype=np.uint8)
_UPPER[ord("a") : ord("z") + 1] -= 32


def passes(name: str, values: pa.Array) -> int:
    """How many of `values` (strings without nulls that match the kind's pattern) pass the check."""
    return int(np.count_nonzero(passing((name,), values)[name]))


def passing(names: Sequence[str], values: pa.Array) -> Mapping[str, Bools]:
    """Which of the values (strings without nulls) pass each check, a boolean for each value.

    What the checks need of the strings is worked out once for all of them.
    """
    found = {name: np.zeros(len(values), dtype=np.bool_) for name in names}
    for where, grid in _grids(values):
        for name, right in found.items():
            right[where] = _CHECKS[name](grid)
    return found


def _grids(values: pa.Array) -> Iterator[tuple[slice | NDArray[np.int64], Grid]]:
    """The values without separators and in capitals, width by width, and where they stand."""
    for start in range(0, len(values), _BLOCK):
        flat, widths = bare(values.slice(start, _BLOCK))
        if not len(flat):
            continue
        met = np.flatnonzero(np.bincount(np.minimum(widths, _LONGEST + 1)))
        if len(met) == 1:
            if met[0] <= _LONGEST:
                grid = Grid(np.ascontiguousarray(flat.reshape(-1, met[0]).T))
                yield slice(start, start + len(widths)), grid
            continue
        starts = np.cumsum(widths) - widths
        for width in met:
            if 0 < width <= _LONGEST:
                places = np.flatnonzero(widths == width)
                rows = starts[places] + np.arange(width)[:, np.newaxis]
                yield start + places, Grid(flat[rows])


def bare(values: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All bytes of the strings but separators, in capitals, and how many each string has left."""
    packed = pa.concat_arrays([values.cast(pa.large_string())])
    _, offsets, data = packed.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[packed.offset : packed.offset + len(packed) + 1]
    if data is None:
        return np.zeros(0, dtype=np.uint8), np.diff(bounds)
    flat = np.frombuffer(data, dtype=np.uint8)[bounds[0] : bounds[-1]]
    widths = np.diff(bounds)
    if not len(flat):
        return flat, widths
    if flat.min() < ord("0"):  # all separators stand before the digits in ASCII
        apart = _SEPARATOR[flat]
        before = np.concatenate([[0], np.cumsum(apart)])
        ends = bounds - bounds[0]
        widths = widths - np.diff(before[ends])
        flat = flat[~apart]
    if len(flat) and flat.max() >= ord("a"):
        flat = _UPPER[flat]
    return flat, widths


@signs(*range(15, 35))
def iban(g: Grid) -> Bools:
    """ISO 13616: the country and check digits moved to the end, letters as two digits, mod 97."""
    rest = np.zeros(g.size, dtype=np.int64)
    worth = BASE36[g.codes].astype(np.int64)
    for row in (*worth[4:], *worth[:4]):
        rest = mod(np.where(row >= 10, rest * 100 + row, rest * 10 + row), 97)
    plain = (g.codes[:2] >= ord("A")).all(axis=0) & g.digits_at(2, 4)
    return booleans((rest == 1) & plain)


_VIN = np.zeros(256, dtype=np.int16)
_VIN[ord("0") : ord("9") + 1] = np.arange(10)
_VIN[ord("A") : ord("Z") + 1] = (
    *(1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 0, 7, 0, 9),
    *(2, 3, 4, 5, 6, 7, 8, 9),
)


@signs(17)
def vin(g: Grid) -> Bools:
    """The check digit of 49 CFR 565; vehicles made for Europe need not carry it."""
    places = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    rest = mod(weighted(_VIN[g.codes], places), 11)
    return booleans(pick(b"0123456789X", rest) == g.codes[8])


def _by_places(check: accounts.Check) -> Check:
    """A check of accounts.py, which wants one array a character."""
    return lambda g: check(tuple(g.codes))


def _by_values(check: Callable[[Codes], Bools]) -> Check:
    """A check of terminologies.py, which wants a row a value."""
    return lambda g: check(g.codes.T)


def _of_matrix(check: Check) -> Callable[[Codes], Bools]:
    return lambda c: check(Grid(np.ascontiguousarray(c.T)))


_CHECKS: Mapping[str, Check] = {
    **national.CHECKS,
    "iban": iban,
    "vin": vin,
    **{name: _by_values(check) for name, check in terminologies.CHECKS.items()},
    **{name: _by_places(check) for name, check in accounts.CHECKS.items()},
}

# The same for values of one width at hand as a matrix with a row for each, without separators and
# in capitals.
CHECKS: Mapping[str, Callable[[Codes], Bools]] = {
    name: _of_matrix(check) for name, check in _CHECKS.items()
}
