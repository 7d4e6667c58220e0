"""Check digits of medical terminologies: LOINC and SNOMED CT."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]  # ASCII codes, a row for each value
Bools = NDArray[np.bool_]

# The dihedral group of order ten, and the permutation that Verhoeff applies at each place.
_D5 = np.array(
    [[(i + j) % 5 + 5 * (j >= 5) if i < 5 else (i - j) % 5 + 5 * (j < 5) for j in range(10)]
     for i in range(10)], dtype=np.int64,
)  # fmt: skip
_PLACE = np.empty((8, 10), dtype=np.int64)
_PLACE[0] = np.arange(10)
_PLACE[1] = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
for _row in range(2, 8):
    _PLACE[_row] = _PLACE[_row - 1][_PLACE[1]]

# Concepts, descriptions and relationships of the core (0x) and of extensions (1x); SNOMED CT
# Release File Specification, "Partition-identifier".
_PARTITIONS = (0, 1, 2, 10, 11, 12)


def _digits(c: Codes) -> tuple[NDArray[np.int64], Bools]:
    """Digits, and which rows hold nothing else; the others are turned to noughts."""
    digits = c.astype(np.int64) - ord("0")
    wrong = (digits < 0) | (digits > 9)
    digits[wrong] = 0
    return digits, np.asarray(~wrong.any(axis=1), dtype=np.bool_)


def snomed(c: Codes) -> Bools:
    """A SNOMED CT identifier: 6 to 18 digits, a partition that is used, Verhoeff's check digit."""
    width = c.shape[1]
    if not 6 <= width <= 18:
        return np.zeros(len(c), dtype=np.bool_)
    digits, whole = _digits(c)
    rest = np.zeros(len(c), dtype=np.int64)
    for place in range(width):
        rest = _D5[rest, _PLACE[place % 8][digits[:, width - 1 - place]]]
    partition = digits[:, -3] * 10 + digits[:, -2]
    found: Bools = whole & (rest == 0) & (digits[:, 0] > 0) & np.isin(partition, _PARTITIONS)
    return found


def loinc(c: Codes) -> Bools:
    """A LOINC code: the last digit by the mod-10 rule of the LOINC Users' Guide."""
    if not 2 <= c.shape[1] <= 8:
        return np.zeros(len(c), dtype=np.bool_)
    digits, whole = _digits(c)
    doubled = digits.copy()
    doubled[:, -2::-2] *= 2
    total = np.where(doubled > 9, doubled - 9, doubled).sum(axis=1)
    found: Bools = whole & (total % 10 == 0)
    return found


CHECKS: dict[str, Callable[[Codes], Bools]] = {"snomed": snomed, "loinc": loinc}
