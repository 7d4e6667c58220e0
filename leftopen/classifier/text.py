"""Strings made ready: which bytes a value is made of decides cheaply what it may be.

Each byte is mapped to a class; the classes met in a value and its length are its signature. A
column has few signatures however many values it has, so a pattern is tried only on the values
whose signature lets it match. All of it is whole-array work; no value is looked at by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier.catalogue import ALIASES, CLASSES

_BITS = {name: 1 << number for number, name in enumerate(CLASSES)}
_LENGTHS = 128  # lengths from 127 up share a signature
_ANY = (1 << len(CLASSES)) - 1


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
_CONTROL = np.zeros(256, dtype=np.bool_)
_CONTROL[:32] = True
_CONTROL[[9, 10, 13]] = False  # tab and line ends are text


@dataclass(frozen=True, slots=True)
class Gate:
    """What a value must be made of for a pattern to be worth trying."""

    shortest: int = 1
    longest: int = 1 << 30
    only: int = _ANY
    needs: tuple[int, ...] = ()

    def lets(self, masks: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which signatures pass; lengths of 127 stand for that or more."""
        found: NDArray[np.bool_] = (
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


class Text:
    """Strings of one column: no nulls, NFKC, trimmed, none empty.

    `values` may be the distinct ones; then `weights` says how often each stands in the column.
    Whatever is counted is counted through `total`, `count` and `weigh`, which see to it.
    """

    def __init__(self, values: pa.Array, weights: NDArray[np.int64] | None = None) -> None:
        self.values = values
        self.weights = weights
        self._selected: dict[Gate, Text] = {}

    @property
    def total(self) -> int:
        """How many values of the column these are."""
        return len(self.values) if self.weights is None else int(self.weights.sum())

    def weigh(self, found: NDArray[np.bool_]) -> int:
        """How many values of the column the marked ones are."""
        if self.weights is None:
            return int(np.count_nonzero(found))
        return int(self.weights[found].sum())

    def keep(self, found: NDArray[np.bool_]) -> Text:
        """The marked ones."""
        weights = None if self.weights is None else self.weights[found]
        return Text(self.values.filter(pa.array(found)), weights)

    @staticmethod
    def of(values: pa.Array) -> Text:
        """From any array of strings; bytes that are no UTF-8 become question marks."""
        whole = values.drop_null().cast(pa.large_string(), safe=False)
        if len(whole) and _is_wide(whole):
            whole = pc.utf8_normalize(_valid(whole), form="NFKC")
        whole = pc.utf8_trim_whitespace(whole)
        return Text(whole.filter(pc.greater(pc.binary_length(whole), 0)))

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def _offsets(self) -> NDArray[np.int64]:
        array = self.values
        raw = np.frombuffer(array.buffers()[1], dtype=np.int64)
        return raw[array.offset : array.offset + len(array) + 1]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of each value."""
        return np.diff(self._offsets)

    @cached_property
    def masks(self) -> NDArray[np.int64]:
        """The classes of bytes met in each value."""
        data = np.frombuffer(self.values.buffers()[2], dtype=np.uint8)
        first, last = int(self._offsets[0]), int(self._offsets[-1])
        classes = _CLASS[data[first:last]]
        starts = self._offsets[:-1] - first
        return np.bitwise_or.reduceat(classes, starts).astype(np.int64)

    @cached_property
    def _signatures(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        each = self.masks * _LENGTHS + np.minimum(self.lengths, _LENGTHS - 1)
        met = np.flatnonzero(np.bincount(each, minlength=1))
        return each, met

    def select(self, by: Gate) -> Text:
        """The values that pass the gate; the same object for the same gate."""
        found = self._selected.get(by)
        if found is None:
            found = self._selected[by] = self._select(by)
        return found

    def _select(self, by: Gate) -> Text:
        if not len(self):
            return self
        each, met = self._signatures
        passing = by.lets(met // _LENGTHS, met % _LENGTHS)
        if not passing.any():
            return Text(self.values.slice(0, 0))
        exact = by.longest >= _LENGTHS - 1 or by.shortest >= _LENGTHS - 1
        if passing.all() and not exact:
            return self
        table = np.zeros(int(met[-1]) + 1, dtype=np.bool_)
        table[met[passing]] = True
        keep = table[each]
        if exact:
            keep &= (self.lengths >= by.shortest) & (self.lengths <= by.longest)
        if keep.all():
            return self
        return self.keep(keep)

    def count(self, pattern: str) -> int:
        """How many values the pattern fits (RE2; anchor it yourself)."""
        if not len(self):
            return 0
        return self.weigh(self.fits(pattern))

    def fits(self, pattern: str) -> NDArray[np.bool_]:
        """Which of the values the pattern fits (RE2)."""
        found = pc.match_substring_regex(self.values, pattern)
        marked: NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
        return marked

    def matching(self, pattern: str) -> Text:
        """The values the pattern fits."""
        if not len(self):
            return self
        return self.keep(self.fits(pattern))

    @cached_property
    def lowered(self) -> pa.Array:
        """The values in small letters."""
        return pc.utf8_lower(self.values)


def _is_wide(array: pa.Array) -> bool:
    data = array.buffers()[2]
    if data is None:
        return False
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)
    first, last = offsets[array.offset], offsets[array.offset + len(array)]
    window = np.frombuffer(data, dtype=np.uint8)[first:last]
    return bool(window.size) and bool(window.max() >= 0x80)


def readable(values: pa.Array) -> pa.Array:
    """Of binary values those that are text: UTF-8 without control characters."""
    whole = values.cast(pa.large_binary())
    if not len(whole) or whole.buffers()[2] is None:
        return pa.array([], pa.large_string())
    offsets = np.frombuffer(whole.buffers()[1], dtype=np.int64)
    offsets = offsets[whole.offset : whole.offset + len(whole) + 1]
    data = np.frombuffer(whole.buffers()[2], dtype=np.uint8)
    wrong = _wrong_utf8(data, offsets) | _CONTROL[data]
    return whole.filter(pa.array(~_touched(wrong, offsets))).cast(pa.large_string())


def _touched(wrong: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which values hold a marked byte."""
    before = np.concatenate([[0], np.cumsum(wrong)])
    found: NDArray[np.bool_] = before[offsets[1:]] > before[offsets[:-1]]
    return found


def _valid(array: pa.Array) -> pa.Array:
    """The same strings; in values that are no UTF-8 every byte above 127 becomes `?`."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)
        offsets = offsets[array.offset : array.offset + len(array) + 1]
        data = np.frombuffer(array.buffers()[2], dtype=np.uint8).copy()
        broken = np.repeat(_touched(_wrong_utf8(data, offsets), offsets), np.diff(offsets))
        window = data[offsets[0] : offsets[-1]]
        window[broken & (window >= 0x80)] = ord("?")
        return pa.Array.from_buffers(
            pa.large_string(), len(array), [None, pa.py_buffer(offsets.copy()), pa.py_buffer(data)]
        )
    return array


def _wrong_utf8(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Bytes at which a value stops being UTF-8 (RFC 3629, table in section 4)."""
    size = len(data)
    need = np.zeros(size, dtype=np.int8)  # continuation bytes that a leading byte asks for
    need[(data >= 0xC2) & (data <= 0xDF)] = 1
    need[(data >= 0xE0) & (data <= 0xEF)] = 2
    need[(data >= 0xF0) & (data <= 0xF4)] = 3
    continues = (data & 0xC0) == 0x80
    padded = np.append(data, np.uint8(0))
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))  # whose byte it is
    owner = np.concatenate([np.full(offsets[0], -1), owner, np.full(size - offsets[-1], -1)])
    wanted = np.zeros(size, dtype=np.bool_)
    for place in (1, 2, 3):
        wanted[place:] |= (need[:-place] >= place) & (owner[:-place] == owner[place:])
    second = padded[1 : size + 1]
    wrong: NDArray[np.bool_] = wanted != continues
    wrong |= (data == 0xE0) & (second < 0xA0) | (data == 0xED) & (second > 0x9F)
    wrong |= (data == 0xF0) & (second < 0x90) | (data == 0xF4) & (second > 0x8F)
    wrong |= (data >= 0x80) & ~continues & (need == 0)
    # a value may not end inside a character: what would follow belongs to the next value
    ends = offsets[1:]
    for back in (1, 2, 3):
        last = ends - back
        inside = last >= offsets[:-1]
        hit = last[inside]
        wrong[hit] |= need[hit] >= back
    return wrong
