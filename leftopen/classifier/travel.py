"""Machine-readable lines of travel documents (ICAO Doc 9303), with their check digits."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier.heads import laid_out
from leftopen.classifier.text import Gate, Text, bits

_GATE = Gate(
    30, 100, bits("digit upper hexupper punct space"), (bits("punct"), bits("upper hexupper"))
)
# The line with the name, of passports and visas (44, 36) and of cards (the third of 30).
_NAME_LINES = (
    r"^(?:[PV][A-Z<][A-Z]{1,3}<{0,2}[A-Z<]{39}|[PVIAC][A-Z<][A-Z]{1,3}<{0,2}[A-Z<]{31})$"
    r"|^[A-Z]+(?:<[A-Z]+)*<<[A-Z][A-Z<]*<$"
)
# By width of all lines together: where numbers stand and, behind the colon, their check digit.
_CHECKED = {
    88: ((44, 53), (57, 63), (65, 71)),
    44: ((0, 9), (13, 19), (21, 27)),
    72: ((36, 45), (49, 55), (57, 63)),
    36: ((0, 9), (13, 19), (21, 27)),
    90: ((5, 14), (30, 36), (38, 44)),
    60: ((5, 14), (30, 36), (38, 44)),
}
# The lines of a card by themselves: 30 characters each.
_CARD_LINES = (((5, 14),), ((0, 6), (8, 14)))
_VALUE = np.full(256, 99, dtype=np.int64)
_VALUE[ord("0") : ord("9") + 1] = np.arange(10)
_VALUE[ord("A") : ord("Z") + 1] = np.arange(10, 36)
_VALUE[ord("<")] = 0


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Adds `mrz`: lines whose check digits hold, and lines of names in their form."""
    del wanted
    gated = text.select(_GATE)
    if not len(gated):
        return
    lines = gated.matching(r"^[A-Z0-9<\s]*<[A-Z0-9<\s]*$")
    if not len(lines):
        return
    bare = Text(pc.replace_substring_regex(lines.values, r"\s", ""), lines.weights)
    found = bare.fits(_NAME_LINES)
    for width in np.unique(bare.lengths).tolist():
        these = bare.lengths == width
        matrix = _matrix(bare.keep(these), width)
        if width in _CHECKED:
            found[these] |= _holds(matrix, _CHECKED[width])
        elif width == 30:
            for places in _CARD_LINES:
                found[these] |= _holds(matrix, places)
    hits["mrz"] += bare.weigh(found)


def _matrix(text: Text, width: int) -> NDArray[np.uint8]:
    data, bounds = laid_out(text.values)
    return data[bounds[0] : bounds[-1]].reshape(len(text), width)


def _holds(lines: NDArray[np.uint8], places: tuple[tuple[int, int], ...]) -> NDArray[np.bool_]:
    """Whether every number of every line has its check digit: weights 7, 3, 1, modulo 10."""
    found = np.ones(len(lines), dtype=np.bool_)
    for start, stop in places:
        weights = np.resize((7, 3, 1), stop - start)
        total = _VALUE[lines[:, start:stop]] @ weights % 10
        said = lines[:, stop]
        found &= (total == _VALUE[said]) & (said <= ord("9")) & (said >= ord("0"))
        # fillers alone have the check digit 0 as well
        found &= (lines[:, start:stop] != ord("<")).any(axis=1)
    return found
