"""Word lists, and the table in which many words are looked up at once.

A word is read as up to five numbers of eight bytes, mixed into one and looked for in a table of two
choices. That costs some tens of nanoseconds a word and nothing for building at each call, where
`pyarrow.compute.is_in` hashes the whole list again for every array it is asked about.
"""

from __future__ import annotations

import lzma
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leftopen.classifier.catalogue import NAMES

Bytes = NDArray[np.uint8]
Spans = NDArray[np.int64]

GIVEN, FAMILY, ORDINARY, PLACE, PARTICLE, TITLE, THING, JOB, PATRONYM, COUNTRY, HEAD = (
    1 << bit for bit in range(11)
)
LONGEST = 40  # bytes of a word that is looked up
_ROOM = 20  # the table has 2^20 places, a quarter of them taken
_FACTORS = (
    *(0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93),
    0xA0761D6478BD642F,
)
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(9)], dtype=np.uint64)
_HERE = Path(__file__).parent


def read(name: str) -> list[str]:
    """The words of one list."""
    return lzma.decompress((_HERE / f"{name}.txt.xz").read_bytes()).decode().split("\n")[:-1]


@cache
def written() -> dict[str, str]:
    """The lists written by hand, each as one string."""
    found: dict[str, str] = tomllib.loads((_HERE / "words.toml").read_text(encoding="utf-8"))
    return found


@cache
def people() -> tuple[frozenset[str], frozenset[str]]:
    """Given and family names written by hand, of all languages, in the forms they are met in."""
    listed = tomllib.loads((_HERE / "people.toml").read_text(encoding="utf-8")).values()
    given = _forms(" ".join(names.get("given", "") for names in listed))
    family = _forms(" ".join(names.get("family", "") for names in listed))
    return frozenset(given), frozenset(family)


@cache
def endings() -> NDArray[np.uint64]:
    """Bounds of the last eight bytes of words that end as family names do, from and to in turn.

    Read as a number of which the last byte is the highest, words of one ending lie side by side.
    """
    found: list[tuple[int, int]] = []
    for ending in sorted(_forms(written()["endings"]), key=len):
        code = ending.encode()[-8:]
        low = int.from_bytes(code, "little") << (64 - 8 * len(code))
        if not any(start <= low < stop for start, stop in found):
            found.append((low, low + (1 << (64 - 8 * len(code)))))
    found.sort()
    return np.array([bound for pair in found for bound in pair], dtype=np.uint64)


def ends(data: Bytes, stops: Spans) -> NDArray[np.bool_]:
    """Whether each word that stops there, at byte 8 or later, ends as family names do."""
    eights = np.ndarray((max(len(data) - 7, 0),), np.dtype("<u8"), data, strides=(1,))
    inside: NDArray[np.bool_] = np.searchsorted(endings(), eights[stops - 8], "right") % 2 == 1
    return inside


_ARABIC = str.maketrans("أإآىة\u06cc\u06a9", "اااي\u0647يك")


def plain(word: str) -> str:
    """Without accents; Arabic without hamza on its alef; Greek with one form of sigma."""
    bare = unicodedata.normalize("NFKD", word.replace("ı", "i").replace("ł", "l"))
    kept = "".join(c for c in bare if not unicodedata.combining(c))
    if kept.isascii():
        return kept
    if "\u0370" <= word[0] < "\u0400":
        return kept.replace("ς", "σ")
    return word.translate(_ARABIC)


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
    """Which lists a word stands in, as bits."""

    def __init__(self, lists: Iterable[tuple[int, Iterable[str]]]) -> None:
        bits: dict[bytes, int] = {}
        for bit, words in lists:
            for word in words:
                key = word.encode()
                if len(key) <= LONGEST:
                    bits[key] = bits.get(key, 0) | bit
        lengths = np.array([len(key) for key in bits], dtype=np.int64)
        data = np.frombuffer(b"".join(bits) + bytes(48), dtype=np.uint8)
        keys = hashes(data, np.cumsum(lengths) - lengths, lengths)
        classes = np.array(list(bits.values()), dtype=np.uint32)
        first, second, marks = _places(keys)
        cells = (marks << np.uint32(16)) | classes
        self._cells = np.zeros(1 << _ROOM, dtype=np.uint32)
        owners = _settle(first, second)
        taken = owners >= 0
        self._cells[taken] = cells[owners[taken]]

    def classes(self, data: Bytes, starts: Spans, lengths: Spans) -> NDArray[np.uint32]:
        """The bits of each word; 0 for a word in no list."""
        first, second, marks = _places(hashes(data, starts, lengths))
        found = self._cells[first]
        right = (found >> np.uint32(16)) == marks
        rows = np.flatnonzero(~right)
        other = self._cells[second[rows]]
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


def _forms(words: str) -> set[str]:
    """Each word as it is written, and as it is met: in plain letters, in Arabic in part."""
    split = unicodedata.normalize("NFKC", words).lower().split()
    found = {form for word in split for form in (word, plain(word))}
    eastern = {word for word in found if "\u0600" <= word[0] < "\u0700"}
    for before, after in (("أ", "ا"), ("إ", "ا"), ("آ", "ا"), ("ى", "ي"), ("ة", "ه")):
        eastern |= {word.replace(before, after) for word in eastern}
    eastern |= {word.replace("ي", "\u06cc").replace("ك", "\u06a9") for word in eastern}
    return found | eastern


def _heads(names: list[str]) -> set[str]:
    """First words of names of more than one."""
    found = {name: re.split(r"[^\w&]+", name, maxsplit=1)[0] for name in names}
    return {head for name, head in found.items() if head and head != name}


@cache
def table() -> Table:
    """All words of all lists."""
    hand = written()
    given, family = people()
    return Table(
        (
            (GIVEN, [*read("given"), *_forms(hand["given"]), *_forms(NAMES.given), *given]),
            (FAMILY, [*read("family"), *_forms(hand["family"]), *_forms(NAMES.family), *family]),
            (ORDINARY, [*read("ordinary"), *_forms(hand["wares"])]),
            (PLACE, read("place")),
            (HEAD, _heads([*read("place"), *read("country")])),
            (COUNTRY, read("country")),
            (PARTICLE, _forms(hand["particles"])),
            (TITLE, _forms(hand["titles"])),
            (THING, _forms(hand["things"])),
            (JOB, _forms(hand["jobs"])),
            (PATRONYM, [*read("patronym"), *_forms(hand["sure"])]),
        )
    )
