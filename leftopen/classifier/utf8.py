"""Bytes as text: which values are UTF-8, and what stands in for those that are not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_CONTROL = np.zeros(256, dtype=np.bool_)
_CONTROL[:32] = True
_CONTROL[[9, 10, 13]] = False  # tab and line ends are text


def readable(values: pa.Array) -> pa.Array:
    """Of binary values those that are text: UTF-8 without control characters."""
    whole = values.cast(pa.large_binary())
    if not len(whole) or whole.buffers()[2] is None:
        return pa.array([], pa.large_string())
    data, offsets = _window(whole)
    wrong = _wrong_utf8(data, offsets) | _CONTROL[data]
    return whole.filter(pa.array(~_touched(wrong, offsets))).cast(pa.large_string())


def _window(array: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of these values alone, and where in them each begins and ends."""
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)
    offsets = offsets[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(array.buffers()[2] or b"", dtype=np.uint8)
    return data[offsets[0] : offsets[-1]], offsets - offsets[0]


def _touched(wrong: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which values hold a marked byte."""
    before = np.concatenate([[0], np.cumsum(wrong)])
    found: NDArray[np.bool_] = before[offsets[1:]] > before[offsets[:-1]]
    return found


def valid(array: pa.Array) -> pa.Array:
    """The same strings; in values that are no UTF-8 every byte above 127 becomes `?`."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        data, offsets = _window(array)
        data = data.copy()
        broken = np.repeat(_touched(_wrong_utf8(data, offsets), offsets), np.diff(offsets))
        data[broken & (data >= 0x80)] = ord("?")
        return pa.Array.from_buffers(
            pa.large_string(), len(array), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
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


# Leading bytes of characters that NFKC leaves as they are and that are no white space: letters of
# Western and Central Europe, Russian Cyrillic, unified Han, Hangul syllables (UAX 15).
_SETTLED = np.ones(256, dtype=np.bool_)
_SETTLED[0xC0:] = False
_SETTLED[[0xC3, 0xC4, 0xC5, 0xD0, 0xD1, 0xEA, 0xEB, 0xEC, 0xED, *range(0xE4, 0xEA)]] = True


def settled(data: NDArray[np.uint8]) -> bool:
    """Whether NFKC and trimming of wide blanks would surely change nothing in this UTF-8."""
    if not bool(_SETTLED.take(data, mode="clip").all()):
        return False
    first, second = data[:-1], data[1:]
    if bool((first == 0xEA).any()) and bool((second[first == 0xEA] < 0xB0).any()):
        return False  # what stands before the syllables
    if bool((first == 0xED).any()) and bool((second[first == 0xED] >= 0x9F).any()):
        return False  # what stands after them
    ligatures = (first == 0xC4) & np.isin(second, (0xB2, 0xB3, 0xBF))
    ligatures |= (first == 0xC5) & np.isin(second, (0x80, 0x89, 0xBF))
    return not bool(ligatures.any())
