"""Kinds of personal data inside running text: in how many values each is met at least once.

Two nets are thrown first, one over Latin letters and one over the other scripts; what holds digits
is counted by them. Only values caught are searched for single kinds. Where a kind has a checksum,
the first number of its form in a value is checked. Nothing of a text is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier import lexica
from leftopen.classifier.checksums import passing
from leftopen.classifier.heads import laid_out
from leftopen.classifier.inside_forms import (
    EMAIL,
    SECRETS,
    TITLES,
    WIDE_SECRETS,
    WIDE_TITLES,
    Search,
    latin_net,
    nets,
    wide_net,
    words,
)
from leftopen.classifier.text import Text, bits

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

PREFIX = "inside."


class _Found:
    """Which values hold what, while they are searched."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.marks: dict[str, Bools] = {}

    def add(self, kind: str, rows: Ints) -> None:
        if len(rows):
            mark = self.marks.setdefault(kind, np.zeros(len(self.text), dtype=np.bool_))
            mark[rows] = True

    def search(self, kind: str, pattern: str, rows: Ints, values: pa.Array) -> None:
        """Marks those of the rows whose values the pattern is met in."""
        self.add(kind, rows[_met(values, pattern)])

    @cached_property
    def digits(self) -> Ints:
        """How many digits each value has."""
        data, bounds = laid_out(self.text.values)
        window = data[bounds[0] : bounds[-1]]
        return counted((window - np.uint8(48)) < 10, bounds - bounds[0])


def counted(marks: Bools, bounds: Ints) -> Ints:
    """How many marked bytes lie in each value."""
    counts: Ints = np.diff(np.searchsorted(np.flatnonzero(marks), bounds))
    return counts


def _met(values: pa.Array, pattern: str) -> Bools:
    met: Bools = pc.match_substring_regex(values, pattern).to_numpy(zero_copy_only=False)
    return met


def search(text: Text) -> dict[str, Bools]:
    """Which values (distinct ones of the column) hold which kinds; kinds not met are left out."""
    found = _Found(text)
    masks = text.masks
    rows = np.flatnonzero(masks & bits("at"))
    if len(rows):
        found.search("email", EMAIL, rows, text.values.take(pa.array(rows)))
    _numbers(found, masks)
    _latin(found, masks)
    _wide(found, masks)
    return found.marks


def _numbers(found: _Found, masks: Ints) -> None:
    rows = np.flatnonzero(masks & bits("digit"))
    if not len(rows):
        return
    digits = found.digits
    for least, net, ones in nets():
        rows = np.flatnonzero(digits >= least) if len(ones) > 1 else _needed(ones[0], found, masks)
        if not len(rows):
            continue
        values = found.text.values.take(pa.array(rows))
        caught = _met(values, net)
        if not caught.any():
            continue
        rows, values = rows[caught], values.filter(pa.array(caught))
        for one in ones:
            if one.check:
                found.add(one.id, _checked(one, rows, values))
            elif len(ones) > 1:
                found.search(one.id, one.pattern, rows, values)
            else:
                found.add(one.id, rows)


def _needed(one: Search, found: _Found, masks: Ints) -> Ints:
    """The values that have the digits and the classes of bytes that the search needs."""
    fitting = found.digits >= one.digits
    for name in one.needs.split():
        fitting &= (masks & bits(name)) != 0
    return np.flatnonzero(fitting)


def _checked(one: Search, rows: Ints, values: pa.Array) -> Ints:
    """The rows whose first number of the form passes its check."""
    met = _met(values, one.pattern)
    if not met.any():
        return rows[:0]
    parts = pc.extract_regex(values.filter(pa.array(met)), one.pattern)
    numbers = pc.struct_field(parts, "n").cast(pa.large_string())
    passed: Bools = passing([one.check], numbers)[one.check]
    return rows[met][passed]


def _latin(found: _Found, masks: Ints) -> None:
    rows = np.flatnonzero(masks & bits("letter"))
    if not len(rows):
        return
    values = found.text.values
    if len(rows) < len(values):
        values = values.take(pa.array(rows))
    caught = _met(values, latin_net())
    if caught.any():
        some, where = values.filter(pa.array(caught)), rows[caught]
        found.search("name", TITLES, where, some)
        found.search("secret", SECRETS, where, some)
        for kind, _, latin, _ in words():
            found.search(kind, f"(?i){latin}", where, some)
    found.add("name", rows[_named(values)])


def _wide(found: _Found, masks: Ints) -> None:
    rows = np.flatnonzero(masks & bits("wide"))
    if not len(rows):
        return
    values = found.text.values.take(pa.array(rows))
    caught = _met(values, wide_net())
    if caught.any():
        some, where = values.filter(pa.array(caught)), rows[caught]
        found.search("name", WIDE_TITLES, where, some)
        found.search("secret", WIDE_SECRETS, where, some)
        for kind, _, _, wide in words():
            found.search(kind, wide, where, some)


# ------------------------------------------------------------------------------ names by lexicon

_LETTER = np.zeros(256, dtype=np.bool_)
_LETTER[65:91] = _LETTER[97:123] = _LETTER[128:] = True
_LONGEST = 24  # bytes of a name
_NO_NAME = np.uint32(
    lexica.ORDINARY | lexica.COUNTRY | lexica.THING | lexica.JOB | lexica.TITLE | lexica.PARTICLE
)


def _named(values: pa.Array) -> Bools:
    """Values with two capitalised Latin words in a row, a given name and a family name."""
    data, bounds = laid_out(values)
    window = data[bounds[0] : bounds[-1]]
    found = np.zeros(len(values), dtype=np.bool_)
    if len(window) < 4:
        return found
    padded = np.zeros(len(window) + 48, dtype=np.uint8)
    padded[: len(window)] = window
    bounds = bounds - bounds[0]
    upper = (window - np.uint8(65)) < 26
    at = np.flatnonzero(upper)
    edge = np.zeros(len(window) + 1, dtype=np.bool_)
    edge[bounds] = True  # what ends the value before is no matter
    starts = at[edge[at] | ~_LETTER[window[at - 1]]]
    near = (np.diff(starts) <= _LONGEST) & (window[starts[1:] - 1] == 0x20) & ~edge[starts[1:]]
    one, two = starts[:-1][near], starts[1:][near]
    near = (padded[one + 1] >= 97) & (padded[two + 1] >= 97)
    if not near.any():
        return found
    one, two = one[near], two[near]
    owners = np.searchsorted(bounds, one, side="right") - 1
    same = owners == np.searchsorted(bounds, two, side="right") - 1
    one, two, owners = one[same], two[same], owners[same]
    sizes = two - one - 1
    ahead = _LETTER[padded[two[:, None] + np.arange(_LONGEST)]]
    rest = np.where(ahead.all(axis=1), 0, np.argmin(ahead, axis=1)).astype(np.int64)
    rest = np.minimum(rest, bounds[owners + 1] - two)
    padded[at] |= 0x20
    table = lexica.table()
    first = table.classes(padded, one, sizes)  # of two words, it is in no list of names
    second = table.classes(padded, two, rest)
    both = table.classes(padded, one, sizes + 1 + rest)
    named = ((first & np.uint32(lexica.GIVEN)) != 0) & ((second & np.uint32(lexica.FAMILY)) != 0)
    named &= ((first | second) & _NO_NAME) == 0
    named &= (both & np.uint32(lexica.PLACE | lexica.COUNTRY)) == 0
    found[owners[named & (sizes > 2) & (rest > 2)]] = True
    return found


def add(text: Text, found: dict[str, Bools], hits: Counter[str]) -> None:
    """Adds in how many values of the column each kind was met."""
    for kind, marks in found.items():
        hits[PREFIX + kind] += text.weigh(marks)


def either(found: dict[str, Bools], kinds: Sequence[str], size: int) -> Bools:
    """Which values hold one of the kinds."""
    marks = np.zeros(size, dtype=np.bool_)
    for kind in kinds:
        if kind in found:
            marks |= found[kind]
    return marks
