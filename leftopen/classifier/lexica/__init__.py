"""Word lists, and the table in which many words are looked up at once.

A word is read as up to five numbers of eight bytes, mixed into one and looked for in a table of two
choices. That costs some tens of nanoseconds a word and nothing for building at each call, where
`pyarrow.compute.is_in` hashes the whole list again for every array it is asked about.
"""

from __future__ import annotations

import lzma
import tomllib
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leftopen.classifier.lexica.forms import forms

Bytes = NDArray[np.uint8]
Spans = NDArray[np.int64]

GIVEN, FAMILY, ORDINARY, PLACE, PARTICLE, TITLE, THING, JOB, PATRONYM, COUNTRY, HEAD = (
    1 << bit for bit in range(11)
)
LONGEST = 40  # bytes of a word that is looked up
_ROOM = 20  # the table has 2^20 places, three in ten of them taken
_FACTORS = (
    *(0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93),
    0xA0761D6478BD642F,
)
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(9)], dtype=np.uint64)
HERE = Path(__file__).parent


def read(name: str, folder: Path = HERE) -> list[str]:
    """The words of one list."""
    return lzma.decompress((folder / f"{name}.txt.xz").read_bytes()).decode().split("\n")[:-1]


@cache
def written() -> dict[str, str]:
    """The lists written by hand, each as one string."""
    found: dict[str, str] = tomllib.loads((HERE / "words.toml").read_text(encoding="utf-8"))
    return found


@cache
def endings() -> NDArray[np.uint64]:
    """Bounds of the last eight bytes of words that end as family names do, from and to in turn.

    Read as a number of which the last byte is the highest, words of one ending lie side by side.
    """
    found: list[tuple[int, int]] = []
    for ending in sorted(forms(written()["endings"]), key=len):
        code = ending.encode()[-8:]
        low = int.from_bytes(code, "little") << (64 - 8 * len(code))
        if not any(start <= low < stop for start, stop in found):
            found.append((low, low + (1 << (64 - 8 * len(code)))))
    found.sort()
    return np.array([bound for pair in found for bound in pair], dtype=np.uint64)


def ends(data: Bytes, stops: Spans) -> NDArray[np.bool_]:
    """Whether each word that stops there, at byte 8 or later, ends as family names do."""
    eights = np.ndarray((max(len(data) - 7, 0),), np.dtype("<u8"), data, strides=(1,))
    last = eights[stops - 8]
    found = _last_two().take((last >> np.uint64(48)).astype(np.int64))
    rows = np.flatnonzero(found)
    found[rows] = np.searchsorted(endings(), last[rows], "right") % 2 == 1
    return found


@cache
def _last_two() -> NDArray[np.bool_]:
    """Which two bytes an ending may end on: most words need not be looked for among the bounds."""
    table = np.zeros(1 << 16, dtype=np.bool_)
    for low, high in endings().reshape(-1, 2).tolist():
        table[low >> 48 : (high - 1 >> 48) + 1] = True
    return table


def hashes(data: Bytes, starts: Spans, lengths: Spans) -> NDArray[np.uint64]:
    """A number for each word. `data` needs eight bytes more than the last word has."""
    eights = np.ndarray((max(len(data) - 7, 0),), np.dtype("<u8"), data, strides=(1,))
    mixed = (eights[starts] & _MASKS[np.minimum(lengths, 8)]) * np.uint64(_FACTORS[0])
    for step in range(1, LONGEST // 8):
        rows = np.flatnonzero(lengths > 8 * step)
        if not len(rows):
            break
        rows = rows[lengths[rows] <= LONGEST]
        part = eights[starts[rows] + 8 * step] & _MASKS[np.minimum(lengths[rows] - 8 * step, 8)]
        turned = mixed[rows] ^ (mixed[rows] >> np.uint64(29))
        mixed[rows] = turned + part * np.uint64(_FACTORS[step])
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    return mixed


class Table:
    """Which lists a word stands in, as bits.

    A cell of the table holds a mark of 16 bits, which tells a word from others that lie there, and
    the bits of its lists; an empty one is 0.
    """

    def __init__(self, cells: NDArray[np.uint32]) -> None:
        self.cells = cells

    @staticmethod
    def of(lists: Iterable[tuple[int, Iterable[str]]]) -> Table:
        """Built from lists; the same words give the same table, in whatever order they come."""
        held: dict[bytes, int] = {}
        for bit, words in lists:
            for word in words:
                key = word.encode()
                if len(key) <= LONGEST:
                    held[key] = held.get(key, 0) | bit
        keys = sorted(held)
        lengths = np.array([len(key) for key in keys], dtype=np.int64)
        data = np.frombuffer(b"".join(keys) + bytes(48), dtype=np.uint8)
        first, second, marks = _places(hashes(data, np.cumsum(lengths) - lengths, lengths))
        filled = (marks << np.uint32(16)) | np.array([held[key] for key in keys], dtype=np.uint32)
        owners = _settle(first, second)
        cells = np.zeros(1 << _ROOM, dtype=np.uint32)
        taken = owners >= 0
        cells[taken] = filled[owners[taken]]
        return Table(cells)

    @staticmethod
    def unpacked(packed: bytes) -> Table:
        """The table that `pack` made bytes of."""
        plain = np.frombuffer(zlib.decompress(packed), dtype=np.uint8)
        there, rest = plain[: 1 << (_ROOM - 3)], plain[1 << (_ROOM - 3) :]
        taken = np.unpackbits(there).view(np.bool_)
        cells = np.zeros(1 << _ROOM, dtype="<u4")
        halves = rest.view("<u2").reshape(2, -1).astype("<u4")
        cells[taken] = (halves[1] << np.uint32(16)) | halves[0]
        return Table(cells)

    def pack(self) -> bytes:
        """As bytes: which cells are taken, then of those the lists, then the marks."""
        taken = self.cells != 0
        full = self.cells[taken]
        halves = np.concatenate([full & np.uint32(0xFFFF), full >> np.uint32(16)]).astype("<u2")
        return zlib.compress(np.packbits(taken).tobytes() + halves.tobytes(), 9)

    def classes(self, data: Bytes, starts: Spans, lengths: Spans) -> NDArray[np.uint32]:
        """The bits of each word; 0 for a word in no list."""
        first, second, marks = _places(hashes(data, starts, lengths))
        found = self.cells[first]
        right = (found >> np.uint32(16)) == marks
        rows = np.flatnonzero(~right)
        other = self.cells[second[rows]]
        hit = (other >> np.uint32(16)) == marks[rows]
        found[rows] = np.where(hit, other, 0)
        found &= np.uint32(0xFFFF)
        found[lengths > LONGEST] = 0
        return found


def _settle(first: Spans, second: Spans) -> Spans:
    """Who has each place: whoever finds both of his taken turns one out (cuckoo hashing)."""
    owners = np.full(1 << _ROOM, -1, dtype=np.int64)
    turned = np.zeros(len(first), dtype=np.bool_)
    pending = np.arange(len(first))
    for _ in range(64):
        if not len(pending):
            break
        at = np.where(turned[pending], second[pending], first[pending])
        out = np.unique(owners[at])
        owners[at] = pending
        pending = np.concatenate([pending[owners[at] != pending], out[out >= 0]])
        turned[pending] ^= True
    return owners


def _places(
    keys: NDArray[np.uint64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]:
    """Two places in the table for each key, and a mark that tells it from others there."""
    mask = np.uint64((1 << _ROOM) - 1)
    first = (keys >> np.uint64(64 - _ROOM)).astype(np.int64)
    second = (keys & mask).astype(np.int64)
    marks = ((keys >> np.uint64(24)) & np.uint64(0xFFFF)).astype(np.uint32)
    return first, second, np.maximum(marks, np.uint32(1))


@cache
def table() -> Table:
    """All words of all lists: what `lists.listed` says, made ready by `tools/lexica.py`."""
    return Table.unpacked((HERE / "table.bin").read_bytes())
