"""Chinese, Japanese and Korean names by their characters: no space stands between their words."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier import lexica
from leftopen.classifier.catalogue import NAMES
from leftopen.classifier.lexica import Bytes, Spans
from leftopen.classifier.text import Text, bits

Marks = NDArray[np.bool_]

# Characters on which names of places, offices and firms end.
_EASTERN_THINGS = (
    "省市县區区州国國路街道村镇鎮乡站店司部院校馆館局处處厂廠社縣町県府都郡中学園园山江河湖海岛島"
    "시군도구동읍면리원소부과점"
)


def _set(characters: str) -> Marks:
    table = np.zeros(1 << 16, dtype=np.bool_)
    table[[ord(c) for c in characters if not c.isspace()]] = True
    return table


@cache
def _sets() -> dict[str, Marks]:
    hand = lexica.written()
    kanji = lexica.read("kanji")[0]
    kana = "".join(chr(code) for code in (*range(0x3041, 0x3097), *range(0x30A1, 0x30FB), 0x30FC))
    return {
        "han": _set(hand["han"] + NAMES.han),
        "han_given": _set(hand["han_given"]),
        "hangul": _set(hand["hangul"]),
        "hangul_given": _set(hand["hangul_given"]),
        "hangul_first": _set(hand["hangul_first"]),
        "hangul_last": _set(hand["hangul_last"]),
        "kanji_last": _set(hand["kanji_last"]),
        "kanji": _set(kanji + kana + "々ヶ"),
        "things": _set(_EASTERN_THINGS),
        "jobs": _set("".join(word[-1] for word in hand["jobs_east"].split())),
        "chinese": _set("".join(chr(code) for code in range(0x3400, 0xA000))),
    }


@cache
def _pairs() -> NDArray[np.int64]:
    listed = lexica.written()["han_pairs"].split()
    return np.array(sorted(ord(p[0]) << 16 | ord(p[1]) for p in listed), dtype=np.int64)


@cache
def _eastern_jobs() -> str:
    return "(?:" + "|".join(sorted(lexica.written()["jobs_east"].split(), reverse=True)) + ")"


def count(text: Text, hits: Counter[str]) -> None:
    """Chinese, Japanese and Korean names: a family name, then characters of given names."""
    values = text.values
    if (text.masks & bits("space punct")).any():
        values = pc.replace_substring_regex(values, "[ ,]+", "")
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int64)
    offsets = offsets[values.offset : values.offset + len(values) + 1]
    first = int(offsets[0])
    raw = np.frombuffer(values.buffers()[2], dtype=np.uint8)[first : int(offsets[-1])]
    data: Bytes = np.zeros(len(raw) + 48, dtype=np.uint8)
    data[: len(raw)] = raw
    starts, lengths = offsets[:-1] - first, np.diff(offsets)
    eastern = (lengths % 3 == 0) & (lengths <= 18)
    for step in range(6):
        inside = lengths > 3 * step
        lead = data[starts + 3 * step]
        eastern &= ~inside | ((lead >= 0xE3) & (lead <= 0xED))
    rows = np.flatnonzero(eastern)
    if not len(rows):
        return
    size = lengths[rows] // 3
    read = [_codes(data, starts[rows] + 3 * step) for step in range(max(3, int(size.max())))]
    found = _chinese(read, size) | _korean(read, size) | _japanese(data, starts[rows], read, size)
    known = lexica.table().classes(data, starts[rows], lengths[rows])
    last = np.choose(size - 1, read, mode="clip")
    thing = (known & np.uint32(lexica.PLACE | lexica.COUNTRY | lexica.ORDINARY | lexica.THING)) != 0
    ending = _sets()["things"][last] & (size >= 3) & ~_korean(read, size)
    marked = np.zeros(len(text), dtype=np.bool_)
    marked[rows] = found & ~thing & ~ending
    against = np.zeros(len(text), dtype=np.bool_)
    against[rows] = thing | (ending & ~found)
    hits["person_east"] += text.weigh(marked) - text.weigh(against)
    named = _given_alone(read, size) | ((known & np.uint32(lexica.GIVEN)) != 0)
    given = np.zeros(len(text), dtype=np.bool_)
    given[rows] = named & ~thing & (size <= 3)
    hits["given_east"] += text.weigh(given) - text.weigh(against)
    one = np.zeros(len(text), dtype=np.bool_)
    one[rows] = (size == 1) & (_sets()["han"][read[0]] | _sets()["hangul"][read[0]])
    one[rows] |= (size == 2) & np.isin(read[0] << 16 | read[1], _pairs())
    hits["family_east"] += text.weigh(one)
    works = np.zeros(len(text), dtype=np.bool_)
    rows = rows[_sets()["jobs"][last]]
    if len(rows):
        fitting = pc.match_substring_regex(values.take(pa.array(rows)), _eastern_jobs() + "$")
        works[rows] = fitting.to_numpy(zero_copy_only=False)
    hits["occupation"] += text.weigh(works)


def _codes(data: Bytes, at: Spans) -> NDArray[np.int64]:
    """The characters of three bytes that lie there."""
    safe = np.minimum(at, len(data) - 3)
    a, b, c = (data[safe + step].astype(np.int64) for step in range(3))
    codes: NDArray[np.int64] = ((a & 15) << 12 | (b & 63) << 6 | (c & 63)) & 0xFFFF
    return codes


Codes = list[NDArray[np.int64]]


def _run(read: Codes, size: Spans, start: int, among: Marks) -> Marks:
    """Whether every character from the start on is one of the set."""
    found = np.ones(len(size), dtype=np.bool_)
    for step in range(start, len(read)):
        found &= (size <= step) | among[read[step]]
    return found


def _chinese(read: Codes, size: Spans) -> Marks:
    sets = _sets()
    short = (size >= 2) & (size <= 3) & sets["han"][read[0]]
    short &= _run(read, size, 1, sets["han_given"])
    pair = np.isin(read[0] << 16 | read[1], _pairs()) & (size >= 3) & (size <= 4)
    found: Marks = short | (pair & _run(read, size, 2, sets["han_given"]))
    return found


def _korean(read: Codes, size: Spans) -> Marks:
    sets = _sets()
    found: Marks = (size == 3) & sets["hangul"][read[0]]
    found &= _run(read, size, 1, sets["hangul_given"])
    return found


def _given_alone(read: Codes, size: Spans) -> Marks:
    """Korean names of two syllables that often stand so; Japanese ones with a telling end."""
    sets = _sets()
    last = np.where(size == 3, read[2], read[1])
    found: Marks = (size == 2) & sets["hangul_first"][read[0]] & sets["hangul_last"][read[1]]
    japanese = (size >= 2) & (size <= 3) & sets["kanji_last"][last]
    found |= japanese & sets["chinese"][read[0]] & _run(read, size, 0, sets["kanji"])
    return found


def _japanese(data: Bytes, starts: Spans, read: Codes, size: Spans) -> Marks:
    """A known family name of one to three characters, then one to three of given names."""
    sets = _sets()
    found = np.zeros(len(size), dtype=np.bool_)
    for width in (2, 1, 3):
        fitting = (size > width + (width == 1)) & (size <= width + 3) & ~found
        fitting &= _run(read, size, width, sets["kanji"])
        fitting &= sets["chinese"][read[0]]
        rows = np.flatnonzero(fitting)
        spans = np.full(len(rows), 3 * width, dtype=np.int64)
        known = lexica.table().classes(data, starts[rows], spans)
        found[rows] = (known & np.uint32(lexica.FAMILY)) != 0
    return found
