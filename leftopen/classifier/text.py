"""Strings of one column made ready: which patterns they fit, counted in whole arrays.

Values of one length go through the sieve together, which leaves for each value the patterns that
it can still match; few values need a pattern to be run. The classes of bytes in a value and its
length are a second, coarser sieve for measures that are no patterns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier.catalogue import ALIASES, CLASSES
from leftopen.classifier.regular import LONGEST
from leftopen.classifier.sieve import sieve
from leftopen.classifier.utf8 import settled, valid

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Number = TypeVar("Number", bound=np.generic)

_BITS = {name: 1 << number for number, name in enumerate(CLASSES)}
_LENGTHS = 128  # lengths from 127 up share a signature
_ANY = (1 << len(CLASSES)) - 1
_LOOK = 256  # values looked at to see whether a column repeats itself


def bits(names: str) -> int:
    """The classes named, as a mask; "" is none."""
    mask = 0
    for name in names.split():
        for part in ALIASES.get(name, (name,)):
            mask |= _BITS[part]
    return mask


def _table() -> NDArray[np.uint16]:
    table = np.full(256, _BITS["punct"], dtype=np.uint16)
    spans = {
        "digit": "0123456789",
        "hexlower": "abcdef",
        "lower": "ghijklmnopqrstuvwxyz",
        "hexupper": "ABCDEF",
        "upper": "GHIJKLMNOPQRSTUVWXYZ",
        "space": " \t\r\n\v\f",
        "at": "@",
        "dot": ".",
        "dash": "-",
        "colon": ":",
        "slash": "/+=_",
    }
    for name, characters in spans.items():
        table[np.frombuffer(characters.encode(), dtype=np.uint8)] = _BITS[name]
    table[128:] = _BITS["wide"]
    return table


_CLASS = _table()
_NONE = np.zeros(0, dtype=np.int64)
_MANY = 4_096  # values of one length for which it pays to ask several patterns as one
_TOGETHER = 8  # patterns asked as one


@dataclass(frozen=True, slots=True)
class Gate:
    """What a value must be made of for a measure to be worth taking."""

    shortest: int = 1
    longest: int = 1 << 30
    only: int = _ANY
    needs: tuple[int, ...] = ()

    def whole(self, common: int, met: int, least: int, most: int) -> bool | None:
        """Whether all values pass, or none does, as far as the classes that all have and that any
        has and the bounds of their lengths say; lengths of 127 stand for that or more.
        """
        short = min(self.shortest, _LENGTHS - 1)
        if most < short or least > self.longest or common & ~self.only:
            return False
        if any(not need & met for need in self.needs):
            return False
        if least < short or most > min(self.longest, _LENGTHS - 2) or met & ~self.only:
            return None
        return True if all(need & common for need in self.needs) else None

    def lets(self, masks: Ints, lengths: Ints) -> Bools:
        """Which signatures pass; lengths of 127 stand for that or more."""
        found: Bools = (
            (lengths >= min(self.shortest, _LENGTHS - 1))
            & (lengths <= self.longest)
            & ((masks & ~self.only) == 0)
        )
        for need in self.needs:
            found &= (masks & need) != 0
        return found


def gate(length: tuple[int, int], chars: str = "", has: str = "") -> Gate:
    """A gate from what `kinds.toml` says."""
    return Gate(
        shortest=length[0],
        longest=length[1],
        only=bits(chars) or _ANY,
        needs=tuple(bits(name.replace("|", " ")) for name in has.split()),
    )


@dataclass(frozen=True)
class _Sieved:
    """Values of one length and the patterns left for each of them."""

    length: int
    at: Ints | slice  # which values
    matrix: NDArray[np.uint8]
    numbers: dict[int, tuple[int, int]]  # pattern → word and bit, of those left for any value
    words: list[NDArray[np.uint64]]
    exact: list[int]

    @cached_property
    def joint(self) -> Mapping[int, Bools]:
        """The values that match, for patterns that were worth asking together."""
        if self.matrix.shape[1] < _MANY or self.length > LONGEST:
            return {}
        open_ = [n for n, (word, bit) in self.numbers.items() if not self.exact[word] >> bit & 1]
        found: dict[int, Bools] = {}
        for start in range(0, len(open_), _TOGETHER):
            some = tuple(n for n in open_[start : start + _TOGETHER] if sieve().machine((n,)))
            machine = sieve().machine(some) if len(some) > 1 else None
            if machine is not None:
                ends = machine.matches(self.matrix)
                found |= {n: (ends & np.uint64(1 << b)) != 0 for b, n in enumerate(some)}
        return found


def _numbered(each: Ints) -> tuple[Ints, Ints]:
    """The different numbers, all small, and which of them each one is."""
    met = np.flatnonzero(np.bincount(each))
    if len(met) == 1:
        return met, np.zeros(len(each), dtype=np.int64)
    numbers = np.zeros(int(met[-1]) + 1, dtype=np.int64)
    numbers[met] = np.arange(len(met))
    return met, numbers.take(each)


class _Column:
    """The strings of one column, and all that is found out about them once."""

    def __init__(self, values: pa.Array, weights: Ints | None) -> None:
        self.values, self.weights = values, weights
        self.known = 0  # how many patterns the sieve knew when these values went through it

    @cached_property
    def offsets(self) -> Ints:
        raw = np.frombuffer(self.values.buffers()[1], dtype=np.int64)
        return raw[self.values.offset : self.values.offset + len(self.values) + 1]

    @cached_property
    def data(self) -> NDArray[np.uint8]:
        return np.frombuffer(self.values.buffers()[2] or b"", dtype=np.uint8)

    @cached_property
    def lengths(self) -> Ints:
        return np.diff(self.offsets)

    @property
    def settled(self) -> bool:
        """Whether all of it is in compatibility form."""
        return settled(self.data[self.offsets[0] : self.offsets[-1]])

    @cached_property
    def plain(self) -> bool:
        """Whether all of it is ASCII."""
        window = self.data[self.offsets[0] : self.offsets[-1]]
        return not window.size or int(window.max()) < 0x80

    @cached_property
    def masks(self) -> Ints:
        """The classes of bytes met in each value."""
        first, last = int(self.offsets[0]), int(self.offsets[-1])
        classes = _CLASS.take(self.data[first:last], mode="clip")
        return np.bitwise_or.reduceat(classes, self.offsets[:-1] - first).astype(np.int64)

    @cached_property
    def signatures(self) -> tuple[Ints, Ints, Ints]:
        """Kinds of values, as far as gates tell them apart: of which kind each value is, and the
        classes and the length of each kind (127 for longer ones).
        """
        masks, of_masks = _numbered(self.masks)
        each = of_masks * _LENGTHS + np.minimum(self.lengths, _LENGTHS - 1)
        met, kinds = _numbered(each)
        return kinds, masks[met // _LENGTHS], met % _LENGTHS

    @cached_property
    def bounds(self) -> tuple[int, int, int, int]:
        """The classes met in all of the values and in any; the least and the greatest length."""
        _, masks, lengths = self.signatures
        common, met = np.bitwise_and.reduce(masks), np.bitwise_or.reduce(masks)
        return int(common), int(met), int(lengths.min()), int(lengths.max())

    def passing(self, by: Gate) -> Bools | bool:
        """Which values pass the gate, or whether all or none do."""
        common, met, least, most = self.bounds
        whole = by.whole(common, met, least, most)
        if whole is not None:
            return whole
        kinds, masks, lengths = self.signatures
        lets = by.lets(masks, lengths)
        if not lets.any():
            return False
        exact = by.longest >= _LENGTHS - 1 or by.shortest >= _LENGTHS - 1
        exact &= most == _LENGTHS - 1
        if not exact:
            return True if lets.all() else lets.take(kinds)
        return lets.take(kinds) & (self.lengths >= by.shortest) & (self.lengths <= by.longest)

    @cached_property
    def groups(self) -> list[tuple[int, Ints | None]]:
        """The values by length: the length (LONGEST + 1 for all longer ones) and which they are."""
        lengths = np.minimum(self.lengths, LONGEST + 1).astype(np.uint8)
        totals = np.bincount(lengths)
        met = np.flatnonzero(totals)
        if len(met) == 1:
            return [(int(met[0]), None)]
        order = np.argsort(lengths, kind="stable")
        ends = np.cumsum(totals[met])
        return [
            (int(length), order[end - totals[length] : end])
            for length, end in zip(met, ends, strict=True)
        ]

    def matrix(self, length: int, at: Ints | None) -> NDArray[np.uint8]:
        """The first bytes of values of one length: a row for each place."""
        places = min(length, LONGEST)
        if at is None and length <= LONGEST:
            first = int(self.offsets[0])
            flat = self.data[first : first + len(self.values) * places]
            return np.ascontiguousarray(flat.reshape(-1, places).T)
        starts = self.offsets[:-1] if at is None else self.offsets[at]
        found: NDArray[np.uint8] = self.data[starts + np.arange(places)[:, None]]
        return found

    @cached_property
    def sieved(self) -> list[_Sieved]:
        self.known = len(sieve().patterns)
        return [self._sieve(length, at) for length, at in self.groups]

    def _sieve(self, length: int, at: Ints | None) -> _Sieved:
        tables = sieve().tables(length, self.plain)
        matrix = self.matrix(length, at)
        numbers: dict[int, tuple[int, int]] = {}
        words: list[NDArray[np.uint64]] = []
        for table in tables:
            left = table.bytes[0].take(matrix[0], mode="clip")
            for place in range(1, len(matrix)):  # clip: no byte is out of reach, none is looked up
                left &= table.bytes[place].take(matrix[place], mode="clip")
            any_left = int(np.bitwise_or.reduce(left))
            for bit, number in enumerate(table.patterns):
                if any_left >> bit & 1:
                    numbers[number] = (len(words), bit)
            words.append(left)
        exact = [table.exact for table in tables]
        return _Sieved(length, slice(None) if at is None else at, matrix, numbers, words, exact)

    @cached_property
    def possible(self) -> frozenset[int]:
        """The patterns that any of the values may match, of those known."""
        return frozenset().union(*(group.numbers for group in self.sieved))

    def left(self, number: int) -> tuple[Bools, Bools]:
        """Values that match, and values of which only a run can tell."""
        sure = np.zeros(len(self.values), dtype=np.bool_)
        tried = np.zeros(len(self.values), dtype=np.bool_)
        for group in self.sieved:
            place = group.numbers.get(number)
            if place is None:
                continue
            word, bit = place
            found = (group.words[word] & np.uint64(1 << bit)) != 0
            if group.exact[word] >> bit & 1:
                sure[group.at] = found
            elif group.length > LONGEST:
                tried[group.at] = found
            else:
                self._step(np.flatnonzero(found), group, number, sure, tried)
        return sure, tried

    def _step(self, which: Ints, group: _Sieved, number: int, sure: Bools, tried: Bools) -> None:
        """Tells the group's values apart by the pattern's machine, as far as they are ASCII."""
        at = which if isinstance(group.at, slice) else group.at[which]
        if self.plain and number in group.joint:
            sure[at] = group.joint[number][which]
            return
        machine = sieve().machine((number,))
        if machine is None:
            tried[at] = True
            return
        if not self.plain:
            wide = (self.masks[at] & _BITS["wide"]) != 0
            tried[at[wide]] = True
            which, at = which[~wide], at[~wide]
        if len(at):
            matrix = group.matrix if len(which) == group.matrix.shape[1] else group.matrix[:, which]
            sure[at] = machine.matches(matrix) != 0


class Text:
    """Strings of one column: no nulls, NFKC, trimmed, none empty.

    `values` may be the distinct ones; then `weights` says how often each stands in the column.
    Whatever is counted is counted through `total`, `count` and `weigh`, which see to it.
    """

    def __init__(
        self, values: pa.Array | _Column, weights: Ints | None = None, at: Ints | None = None
    ) -> None:
        self._column = values if isinstance(values, _Column) else _Column(values, weights)
        self._at = at
        self._selected: dict[Gate, Text] = {}

    @staticmethod
    def of(values: pa.Array) -> Text:
        """From any array of strings; in values that are no UTF-8 the wide bytes become `?`."""
        whole = values.drop_null().cast(pa.large_string(), safe=False)
        weights = None
        if _repeats(whole):
            counted = whole.value_counts()
            whole, weights = counted.field(0), counted.field(1).to_numpy().astype(np.int64)
        column = _Column(whole, weights)
        moved = not column.plain and not column.settled
        if not column.plain:
            whole = valid(whole)
        if moved:
            whole = pc.utf8_normalize(whole, form="NFKC")
        if moved or _ragged(column):
            whole = pc.utf8_trim_whitespace(whole)
        filled = pc.greater(pc.binary_length(whole), 0).to_numpy(zero_copy_only=False)
        if not filled.all():
            whole = whole.filter(pa.array(filled))
            weights = None if weights is None else weights[filled]
        return Text(whole, weights)

    def __len__(self) -> int:
        return len(self._column.values) if self._at is None else len(self._at)

    @cached_property
    def values(self) -> pa.Array:
        """The strings (large_string)."""
        return self._column.values if self._at is None else self._column.values.take(self._at)

    @property
    def places(self) -> Ints:
        """Where in the column's distinct values these are."""
        return np.arange(len(self)) if self._at is None else self._at

    @cached_property
    def weights(self) -> Ints | None:
        """How often each stands in the column; None = once each."""
        weights = self._column.weights
        return weights if weights is None or self._at is None else weights[self._at]

    @cached_property
    def lengths(self) -> Ints:
        """Bytes of each value."""
        lengths = self._column.lengths
        return lengths if self._at is None else lengths[self._at]

    @cached_property
    def masks(self) -> Ints:
        """The classes of bytes met in each value."""
        masks = self._column.masks
        return masks if self._at is None else masks[self._at]

    @property
    def total(self) -> int:
        """How many values of the column these are."""
        return len(self) if self.weights is None else int(self.weights.sum())

    def weigh(self, found: Bools) -> int:
        """How many values of the column the marked ones are."""
        if self.weights is None:
            return int(np.count_nonzero(found))
        return int(self.weights[found].sum())

    def spread(self, each: NDArray[Number]) -> NDArray[Number]:
        """What was found out about each value, once for every time it stands in the column."""
        return each if self.weights is None else np.repeat(each, self.weights)

    def keep(self, found: Bools) -> Text:
        """The marked ones."""
        return self if found.all() else self.at(np.flatnonzero(found))

    def at(self, places: Ints) -> Text:
        """Those at some places among these, in order."""
        if len(places) == len(self):
            return self
        return Text(self._column, at=places if self._at is None else self._at[places])

    def bytewise(self, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Of each value, the bits that the table gives its bytes, together."""
        return self._over_bytes(table, np.bitwise_or)

    def sums(self, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Of each value, what the table gives its bytes, added; above 255 it starts from 0."""
        return self._over_bytes(table, np.add)

    def _over_bytes(self, table: NDArray[np.uint8], joined: np.ufunc) -> NDArray[np.uint8]:
        column = self._column if self._at is None else _Column(self.values, None)
        first, last = int(column.offsets[0]), int(column.offsets[-1])
        given = table.take(column.data[first:last], mode="clip")
        found: NDArray[np.uint8] = joined.reduceat(
            given, column.offsets[:-1] - first, dtype=np.uint8
        )
        return found

    def nth(self, place: int) -> NDArray[np.uint8]:
        """The byte at a place of each value, or its last one if it is shorter; -1: the last."""
        column = self._column
        starts = column.offsets[:-1] if self._at is None else column.offsets[:-1][self._at]
        step = self.lengths - 1 if place < 0 else np.minimum(place, self.lengths - 1)
        found: NDArray[np.uint8] = column.data[starts + step if place else starts]
        return found

    def select(self, by: Gate) -> Text:
        """The values that pass the gate; the same object for the same gate."""
        found = self._selected.get(by)
        if found is None:
            found = self
            if len(self):
                passing = self._column.passing(by)
                if isinstance(passing, bool):
                    found = self if passing else Text(self._column, at=_NONE)
                else:
                    found = self.keep(passing if self._at is None else passing[self._at])
            if found is not self:  # no ring of references: a column goes as soon as it is counted
                self._selected[by] = found
        return found

    @property
    def possible(self) -> frozenset[int]:
        """The numbers of the patterns that a value of the column may fit, of those that the sieve
        knew when it was first asked about the column.
        """
        return self._column.possible

    def may(self, pattern: str) -> bool:
        """Whether any value may fit the pattern."""
        number = sieve().number(pattern)
        if number is None or not len(self):
            return bool(len(self))
        return number in self._column.possible or number >= self._column.known

    def fits(self, pattern: str) -> Bools:
        """Which of the values the pattern fits (RE2, searched for; tie it to the ends yourself)."""
        if not self.may(pattern):
            return np.zeros(len(self), dtype=np.bool_)
        number = sieve().number(pattern)
        if number is None or number >= self._column.known:
            return _run(self.values, pattern)
        found, tried = self._column.left(number)
        if self._at is not None:
            found, tried = found[self._at], tried[self._at]
        if tried.any():
            which = np.flatnonzero(tried)
            some = self.values if len(which) == len(self) else self.values.take(which)
            found[which] = _run(some, pattern)
        return found

    def count(self, pattern: str) -> int:
        """How many values of the column the pattern fits."""
        return self.weigh(self.fits(pattern)) if self.may(pattern) else 0

    def matching(self, pattern: str) -> Text:
        """The values the pattern fits."""
        return self.keep(self.fits(pattern))

    @cached_property
    def lowered(self) -> pa.Array:
        """The values in small letters."""
        return pc.utf8_lower(self.values)


def _run(values: pa.Array, pattern: str) -> Bools:
    found = pc.match_substring_regex(values, plain(pattern)).to_numpy(zero_copy_only=False)
    marked: Bools = found
    return marked


_GENERAL = {r"\p{L}": r"A-Za-z\x{aa}-\x{10ffff}", r"\p{M}": r"\x{300}-\x{10ffff}", r"\p{N}": "0-9"}
_CLASS_OR_NOT = re.compile(r"\\p\{[LMN]\}|\\.|\[\^?\]?|\]", re.DOTALL)


@cache
def plain(pattern: str) -> str:
    """The pattern with its general Unicode classes taken wider: a letter is one of ASCII or any
    character outside it. RE2 runs ten times as fast without their long tables.
    """
    inside = False

    def one(found: re.Match[str]) -> str:
        nonlocal inside
        piece = found[0]
        if piece in _GENERAL:
            return _GENERAL[piece] if inside else f"[{_GENERAL[piece]}]"
        if piece[0] == "[":
            inside = True
        elif piece == "]":
            inside = False
        return piece

    return _CLASS_OR_NOT.sub(one, pattern)


def _repeats(values: pa.Array) -> bool:
    """Whether counting the distinct values first saves work."""
    if len(values) < _LOOK:
        return False
    step = len(values) // _LOOK
    some = values.take(pa.array(np.arange(0, step * _LOOK, step)))
    return len(some.unique()) <= _LOOK // 2


def _ragged(column: _Column) -> bool:
    """Whether any value begins or ends with white space."""
    filled = column.lengths > 0
    first = column.data[column.offsets[:-1][filled]]
    last = column.data[column.offsets[1:][filled] - 1]
    return bool(((first <= 0x20) | (last <= 0x20)).any())
