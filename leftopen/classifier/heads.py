"""The first bytes of all strings of a column at once: the cheapest thing that rules a form out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def laid_out(values: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes that strings are stored in, and the offsets of each (one more than strings)."""
    whole = values if pa.types.is_large_string(values.type) else values.cast(pa.large_string())
    _, offsets, data = whole.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[whole.offset : whole.offset + len(whole) + 1]
    return np.frombuffer(data or b"", dtype=np.uint8), bounds


def firsts(values: pa.Array) -> NDArray[np.uint8]:
    """The first byte of each; no string may be empty."""
    data, bounds = laid_out(values)
    found: NDArray[np.uint8] = data[bounds[:-1]]
    return found


def pairs(values: pa.Array) -> NDArray[np.uint16]:
    """The first two bytes of each as 256 times the one plus the other; none may be shorter."""
    data, bounds = laid_out(values)
    starts = bounds[:-1]
    found: NDArray[np.uint16] = data[starts].astype(np.uint16) * np.uint16(256) + data[starts + 1]
    return found


def opens(*beginnings: str) -> NDArray[np.bool_]:
    """For `pairs`: which pairs of bytes open one of the beginnings (two bytes or longer)."""
    table = np.zeros(65_536, dtype=np.bool_)
    for beginning in beginnings:
        one, two = beginning.encode()[:2]
        table[one * 256 + two] = True
    return table
