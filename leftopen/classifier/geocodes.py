"""Positions that are coded: H3 cells, geohashes and well-known binary, tested bit by bit.

Rules: H3 index layout and its 122 base cells (h3geo.org, "H3 index"); geohash alphabet (Niemeyer);
WKB as in OGC 06-103r4 with the Z/M/SRID flags of PostGIS' EWKB, and MySQL's four bytes before it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier.digits import codes
from leftopen.classifier.text import Text, gate

_H3 = gate((15, 16), "digit hexlower hexupper")
_H3_CELLS = 122
_GEOHASH = gate((5, 12), "digit hexlower lower", "digit hexlower|lower")
_GEOHASH_NAMED = gate((1, 12), "digit hexlower lower")
_ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
_TAIL = 3  # characters at the end of a geohash that are as good as random
_WEB_MERCATOR = 20_037_508.35  # metres from the middle to the edge of the map

_NIBBLE = np.full(256, 255, dtype=np.uint8)
_NIBBLE[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)
_NIBBLE[np.frombuffer(b"ABCDEF", dtype=np.uint8)] = np.arange(10, 16)


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Counts H3 cells and geohashes among strings."""
    hexed = text.select(_H3)
    if len(hexed):
        for pattern in ("^8[0-9a-fA-F]{14}$", "^08[0-9a-fA-F]{14}$"):
            likely = hexed.matching(pattern)
            if len(likely):
                hits["pos.h3"] += likely.weigh(_is_h3(likely.values))
    coded = text.select(_GEOHASH_NAMED if "gps.geohash" in wanted else _GEOHASH)
    if len(coded):
        _count_geohashes(coded, hits)


def _is_h3(values: pa.Array) -> NDArray[np.bool_]:
    """Which strings of equal length, hexadecimal, are cells of the H3 grid."""
    nibbles = _NIBBLE[codes(values)].astype(np.uint64)
    width = nibbles.shape[1]
    shifts = np.uint64(4) * np.arange(width - 1, -1, -1, dtype=np.uint64)
    index = np.bitwise_or.reduce(nibbles << shifts, axis=1)
    right = (index >> np.uint64(59)) == 1  # mode 1, a cell; the reserved bit before it is 0
    right &= ((index >> np.uint64(56)) & np.uint64(7)) == 0
    resolution = ((index >> np.uint64(52)) & np.uint64(15)).astype(np.int64)
    right &= ((index >> np.uint64(45)) & np.uint64(127)) < _H3_CELLS
    for level in range(1, 16):  # a level in use has a digit below 7, all finer ones have 7
        digit = (index >> np.uint64(3 * (15 - level))) & np.uint64(7)
        right &= (digit != 7) == (level <= resolution)
    found: NDArray[np.bool_] = right
    return found


def _count_geohashes(coded: Text, hits: Counter[str]) -> None:
    """Geohashes, and what tells a column of them from codes: how they begin and how they end."""
    found = coded.matching(f"^[{_ALPHABET}]{{1,12}}$")
    hits["geohash.strange"] += coded.total - found.total  # with letters that geohashes lack
    if not len(found):
        return
    hits["pos.geohash"] += found.total
    found = found.select(_GEOHASH)
    if not len(found):
        return
    long = pc.binary_length(found.values)
    for width in range(5, 13):
        of_width = pc.equal(long, width).to_numpy(zero_copy_only=False)
        total = found.weigh(of_width)
        if not total:
            continue
        hits[f"geohash.width.{width}"] += total
        same = found.keep(of_width)
        letters = codes(same.values)
        hits["geohash.mixed"] += total  # the gate asks for a digit and a letter
        for place in range(width - _TAIL, width):
            hits["geohash.tail.letter"] += same.weigh(letters[:, place] >= ord("a"))
            hits["geohash.tail.rare"] += same.weigh(np.isin(letters[:, place], list(b"eu01")))
        for letter in _ALPHABET:
            begun = same.weigh(letters[:, 0] == ord(letter))
            if begun:
                hits[f"geohash.first.{letter}"] += begun


def geohashes(hits: Counter[str], values: int) -> bool:
    """Whether a column without a telling name holds geohashes, from its counts.

    Letters that geohashes lack would be in other codes, so nearly all values must do without
    them; the last characters are spread evenly over an alphabet of 22 letters and ten digits; and
    whoever is located is located somewhere: few first characters make up most of the column.
    """
    mixed = hits["geohash.mixed"]
    if mixed < 30 or hits["geohash.strange"] > 0.02 * mixed:
        return False
    first = sorted((hits[f"geohash.first.{c}"] for c in _ALPHABET), reverse=True)
    widest = max(hits[f"geohash.width.{width}"] for width in range(5, 13))
    letters = hits["geohash.tail.letter"] / (_TAIL * mixed)
    rare = hits["geohash.tail.rare"] / (_TAIL * mixed)
    return (
        mixed >= 0.8 * values
        and widest >= 0.9 * mixed
        and sum(first[:4]) >= 0.75 * mixed
        and 0.55 <= letters <= 0.8  # 22 of 32
        and 0.07 <= rare <= 0.2  # 4 of 32: other alphabets without vowels lack these
    )


# ------------------------------------------------------------------------------------ binary form

_MYSQL = 4  # bytes of a SRID that MySQL puts before WKB


def count_bytes(values: pa.Array, hits: Counter[str]) -> None:
    """Counts points and lines in well-known binary."""
    whole = values.cast(pa.large_binary())
    lengths = pc.binary_length(whole)
    for width in (21, 25, 29, 33, 37, 41, 45):  # 2 to 4 coordinates, with a SRID or without
        same = whole.filter(pc.equal(lengths, width))
        if len(same):
            hits["pos.wkb"] += int(np.count_nonzero(_is_point(_bytes(same, width))))
    longer = whole.filter(pc.greater(lengths, 40))
    if len(longer):
        head = pc.binary_slice(longer, 0, 30)
        full = head.filter(pc.equal(pc.binary_length(head), 30))
        hits["pos.wkb"] += int(np.count_nonzero(_is_line(_bytes(full, 30))))


def _bytes(values: pa.Array, width: int) -> NDArray[np.uint8]:
    packed = pa.concat_arrays([values.cast(pa.large_binary())])
    _, offsets, data = packed.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[packed.offset : packed.offset + len(packed) + 1]
    return np.frombuffer(data, dtype=np.uint8)[bounds[0] : bounds[-1]].reshape(-1, width)


def _is_point(rows: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return _headed(rows, 1, whole=True) | _headed(rows[:, _MYSQL:], 1, whole=True)


def _is_line(rows: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return _headed(rows, 2) | _headed(rows[:, _MYSQL:], 2)


def _headed(rows: NDArray[np.uint8], shape: int, whole: bool = False) -> NDArray[np.bool_]:
    """Which rows begin with the header of a shape (1 point, 2 line) and a plausible coordinate."""
    found = np.zeros(len(rows), dtype=np.bool_)
    for little in (1, 0):
        order = "<" if little else ">"
        kind = _read(rows, 1, order + "u4")
        # EWKB sets the top bits for Z, M and SRID; ISO WKB adds 1000 for Z and 2000 for M
        plain = (kind & np.uint32(0x1FFFFFFF)) % 1000
        known = (rows[:, 0] == little) & (plain == shape)
        known &= (kind & np.uint32(0x1FFFFFFF)) < 4000
        for tagged in (False, True):
            start = 9 if tagged else 5
            right = known & (((kind & np.uint32(0x20000000)) != 0) == tagged)
            if shape == 2:
                start += 4  # the number of points
            if whole:
                rest = rows.shape[1] - start
                if rest < 16 or rest % 8:
                    continue
            if start + 16 > rows.shape[1] or not right.any():
                continue
            one, two = _read(rows, start, order + "f8"), _read(rows, start + 8, order + "f8")
            with np.errstate(invalid="ignore"):
                size = np.maximum(np.abs(one), np.abs(two))
                degrees = (np.abs(one) <= 180) & (np.abs(two) <= 90)
                metres = (size <= _WEB_MERCATOR) & (size >= 1000) & tagged
                found |= right & (degrees | metres) & (size > 1e-9)
    return found


def _read(rows: NDArray[np.uint8], start: int, what: str) -> NDArray[Any]:
    kind: np.dtype[Any] = np.dtype(what)
    part = np.ascontiguousarray(rows[:, start : start + kind.itemsize])
    read: NDArray[Any] = part.view(kind)[:, 0]
    return read
