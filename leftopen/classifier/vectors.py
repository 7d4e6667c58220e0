"""Number lists as recognition models give them: of length one, or of a common width.

They stand in stores as lists, as text (`[0.01, -0.2, …]`), and as the bytes of float32 or float64,
raw, behind numpy's header, in base64 or in hexadecimal digits. That a list is of such a form says
nothing by itself: texts, products and songs are embedded the same way. The name says whose it is.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier.templates import SIXTEEN, SIXTY_FOUR
from leftopen.classifier.text import Gate, Text, bits

Mask = NDArray[np.bool_]

# Widths of the vectors that face, voice and other recognition models give.
WIDTHS = (64, 96, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024, 1280, 1536, 2048, 4096)
_NARROWEST = 32  # numbers under which a list of length one is a share, a direction or a colour
_UNIT = 0.02  # how far from one a unit vector's length may be
_LARGEST = 1000.0  # numbers of a vector that was not made to be of length one stay below
_SMALLEST = 1e-12  # bytes that are no numbers read as numbers far outside these two

_NUMPY = b"\x93NUMPY"
_NUMPY_HEADER = 128  # bytes that numpy.save writes before the numbers
_SIZES = {width * size: size for size in (8, 4) for width in WIDTHS}  # 8 first: 4 where both
_BYTES = np.array(sorted(_SIZES))

_CHUNK = 4 << 20  # bytes of text that are read as numbers at a time

_LISTED = Gate(64, 1 << 30, bits("digit dot dash space punct slash") | bits("hex"),
               (bits("dot"), bits("digit"), bits("space punct")))  # fmt: skip
_NUMBER = r"[+\-]?(?:[0-9]{1,3}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+\-]?[0-9]{1,2})?"
_LIST = rf"^[\[({{]?\s*{_NUMBER}(?:[\s,;|]+{_NUMBER}){{31,}}[\s,;|]*[\])}}]?$"
_CODED = Gate(340, 1 << 30, bits("digit letter slash dash punct"), (bits("letter"),))


def models(
    numbers: NDArray[np.float64], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> Mask:
    """Which of the lists, laid end to end and none empty, a model may have given."""
    found = np.zeros(len(lengths), dtype=np.bool_)
    if not len(lengths) or int(lengths.max()) < _NARROWEST:
        return found
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.sqrt(np.add.reduceat(numbers * numbers, starts))
    unit = (lengths >= _NARROWEST) & (np.abs(norms - 1) < _UNIT)
    common = np.isin(lengths, WIDTHS)
    low = np.minimum.reduceat(numbers, starts)
    high = np.maximum.reduceat(numbers, starts)
    found |= unit | (common & (low < 0) & (high > 0) & (high < _LARGEST) & (low > -_LARGEST))
    return found


# ------------------------------------------------------------------------------------------- bytes


def in_bytes(values: pa.Array, lengths: NDArray[np.int64]) -> Mask:
    """Which of the large_binary values are the numbers of a model's vector."""
    found = np.zeros(len(values), dtype=np.bool_)
    raw = np.isin(lengths, _BYTES)
    saved = np.isin(lengths - _NUMPY_HEADER, _BYTES)
    if saved.any():
        saved &= pc.starts_with(values, _NUMPY).to_numpy(zero_copy_only=False)
    for chosen, skip in ((raw & ~saved, 0), (saved, _NUMPY_HEADER)):
        for length in np.unique(lengths[chosen]).tolist():
            rows = chosen & (lengths == length)
            table = _rows(values.filter(pa.array(rows)), length)[:, skip:]
            found[rows] = _floats(np.ascontiguousarray(table))
    return found


def _rows(values: pa.Array, length: int) -> NDArray[np.uint8]:
    """Values of one length, a row each."""
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int64)
    start = int(offsets[values.offset])
    data = np.frombuffer(values.buffers()[2], dtype=np.uint8)
    return data[start : start + length * len(values)].reshape(len(values), length)


def _floats(table: NDArray[np.uint8]) -> Mask:
    """Which rows of bytes, all of one length, are numbers of a vector; low byte first."""
    found = np.zeros(len(table), dtype=np.bool_)
    for form in ("<f8", "<f4"):
        width = table.shape[1] // int(form[2])
        if width in WIDTHS:
            found |= _likely(table.view(form))
    return found


def _likely(numbers: NDArray[np.floating]) -> Mask:
    # bytes that are no numbers make signalling, infinite and tiny ones: no warning is due
    with np.errstate(all="ignore"):
        size = np.abs(numbers)
        sane = (((size > _SMALLEST) & (size < _LARGEST)) | (size == 0)).all(axis=1)
        both = (numbers < 0).any(axis=1) & (numbers > 0).any(axis=1)
        norms = np.sqrt(np.square(numbers, dtype=np.float64).sum(axis=1))
    found: Mask = sane & (both | (np.abs(norms - 1) < _UNIT))
    return found


# ------------------------------------------------------------------------------------------ strings


def count(text: Text, hits: Counter[str]) -> None:
    """Counts over strings: lists written out, and bytes in base64 or hexadecimal digits."""
    listed = text.select(_LISTED).matching(_LIST)
    if len(listed):
        hits["vector.model"] += listed.weigh(_written(listed))
    coded = text.select(_CODED)
    if len(coded):
        _count_coded(coded, hits)


def _written(text: Text) -> Mask:
    """Which of the lists written out are vectors; a bounded part of the text at a time."""
    parts: list[Mask] = []
    ends = np.cumsum(text.lengths)
    cuts = np.unique(np.searchsorted(ends, np.arange(0, int(ends[-1]), _CHUNK)))
    for start, stop in zip(cuts, [*cuts[1:], len(text)], strict=True):
        values = text.values.slice(int(start), int(stop - start))
        bare = pc.replace_substring_regex(values, r"[^0-9eE.\-]+", " ")
        lists = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(bare))
        numbers = pc.list_flatten(lists).cast(pa.float64()).to_numpy(zero_copy_only=False)
        lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
        parts.append(models(numbers, np.cumsum(lengths) - lengths, lengths))
    return np.concatenate(parts)


def _count_coded(text: Text, hits: Counter[str]) -> None:
    bare = Text(pc.replace_substring_regex(text.values, r"^(?:\\x|0x)|=+$", ""), text.weights)
    lengths = bare.lengths
    for size in _BYTES.tolist():
        for length, table, bits_each in (
            (2 * size, SIXTEEN, 4),
            (-(-size * 4 // 3), SIXTY_FOUR, 6),
        ):
            rows = lengths == length
            if not rows.any():
                continue
            codes = table[_rows(bare.keep(rows).values, length)]
            valid = (codes != 255).all(axis=1)
            plain = _decoded(np.where(codes == 255, np.uint8(0), codes), bits_each, size)
            found = np.zeros(len(bare), dtype=np.bool_)
            found[rows] = valid & _floats(plain)
            hits["vector.model"] += bare.weigh(found)


def _decoded(codes: NDArray[np.uint8], each: int, size: int) -> NDArray[np.uint8]:
    """Bytes from digits of four or six bits, a row a value."""
    if each == 4:
        return np.ascontiguousarray((codes[:, 0::2] << 4) | codes[:, 1::2])
    short = -codes.shape[1] % 4
    wide = np.pad(codes, ((0, 0), (0, short))).astype(np.uint32).reshape(len(codes), -1, 4)
    word = (wide[..., 0] << 18) | (wide[..., 1] << 12) | (wide[..., 2] << 6) | wide[..., 3]
    three = np.stack([word >> 16, (word >> 8) & 255, word & 255], axis=-1).astype(np.uint8)
    return np.ascontiguousarray(three.reshape(len(codes), -1)[:, :size])
