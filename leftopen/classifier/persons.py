"""Names of persons and of places, and occupations, by their values: words looked up in lists.

Each word of a value is looked up; what the words are together decides. What looks like a name but
is none (a firm's suffix, a dictionary word, a city) is counted against, so the counts here are
names *less* look-alikes: sums all the same, in any order, that can fall below nought.
"""

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
from leftopen.classifier.text import Gate, Text, bits

Marks = NDArray[np.bool_]

_SPACED = Gate(2, 80, bits("letter space dot dash punct wide"), (bits("letter wide"),))
_EAST = Gate(3, 20, bits("wide space punct"), (bits("wide"),))
_WORK = Gate(3, 80, bits("letter space dot dash slash punct wide"), (bits("letter wide"),))

_RUSSIAN_FAMILY = (
    r"^\p{Cyrillic}{2,}(?:[оеё]ва?|ина?|[сц]к(?:ий|ая|ой)|енко|чук|дзе|швили|ович|евич|[ьй]ян)$"
)
_FIRM_DOTS = (
    r"(?:^|[ ,])(?:s\. ?r\. ?[ol]|a\. ?s|s\. ?a(?:\. ?s|\. ?r\. ?l)?|s\. ?[lcn]|e\. ?v|b\. ?v"
    r"|n\. ?v|s\. ?p\. ?a"
    r"|z ?o\. ?o|o\. ?o|k\. ?k|o\. ?y|k\. ?g|v\. ?o\. ?s|spol)\.?(?: .*)?$"
)
# Characters on which names of places, offices and firms end.
_EASTERN_THINGS = (
    "省市县區区州国國路街道村镇鎮乡站店司部院校馆館局处處厂廠社縣町県府都郡中学園园山江河湖海岛島"
    "시군도구동읍면리원소부과점"
)

# One 8-bit counter for each; values are short enough for none to run over.
_WORDS, _CLEAR_GIVEN, _GIVEN, _CLEAR_FAMILY, _NAMED, _OTHER, _THINGS, _SIGNS = range(0, 64, 8)


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Adds person_full, person_given, person_family, person_east, place and job."""
    del wanted
    spaced = text.select(_SPACED)
    if len(spaced):
        _count_words(spaced, hits)
    east = text.select(_EAST)
    if len(east):
        _count_east(east, hits)


@cache
def _weights() -> NDArray[np.uint64]:
    """What a word of each combination of lists adds to the counters."""
    weights = np.zeros(1 << 10, dtype=np.uint64)
    for held in range(1 << 10):
        given = bool(held & (lexica.GIVEN | lexica.PATRONYM))
        family = bool(held & lexica.FAMILY)
        # Half the family names and many a given name are a town's too: that is no doubt here,
        # whole values that are places are left out below.
        doubt = bool(held & (lexica.ORDINARY | lexica.COUNTRY | lexica.JOB))
        placed = bool(held & lexica.PLACE)
        thing = bool(held & lexica.THING)
        total = 0
        if thing:
            total = 1 << _THINGS | 1 << _WORDS
        elif held & lexica.TITLE:
            total = 1 << _SIGNS
        elif held & lexica.PARTICLE:
            total = 0
        else:
            total = 1 << _WORDS
            if held & lexica.PATRONYM:  # nothing but a name: makes up for another word
                total |= 2 << _CLEAR_GIVEN
            elif given and not doubt:
                total |= 1 << _CLEAR_GIVEN
            if given:
                total |= 1 << _GIVEN
            if family and not given and not doubt:
                total |= 1 << _CLEAR_FAMILY
            if given or family:
                total |= 1 << _NAMED
            elif doubt or placed:
                total |= 1 << _OTHER
        weights[held] = total
    return weights


class _Words:
    """The words of many values: where each lies, how long it is, and which value it is of."""

    def __init__(self, values: pa.Array) -> None:
        offsets = np.frombuffer(values.buffers()[1], dtype=np.int64)
        offsets = offsets[values.offset : values.offset + len(values) + 1]
        first, last = int(offsets[0]), int(offsets[-1])
        raw = np.frombuffer(values.buffers()[2], dtype=np.uint8)[first:last]
        self.data: Bytes = np.zeros(len(raw) + 48, dtype=np.uint8)
        self.data[: len(raw)] = raw
        self.bounds: Spans = offsets - first
        if (raw >= 0x80).any():
            _open_up(self.data)
        letter = _LETTERS[self.data[: len(raw) + 1]]
        fresh = letter.copy()
        fresh[1:] &= ~letter[:-1]
        ended = ~letter
        ended[1:] &= letter[:-1]
        ended[0] = False
        edges = self.bounds[1:-1]
        fresh[edges] = letter[edges]
        ended[edges] = letter[edges - 1]
        self.starts: Spans = np.flatnonzero(fresh)
        self.lengths: Spans = np.flatnonzero(ended) - self.starts
        self.before: Spans = np.searchsorted(self.starts, self.bounds)  # words before each value

    def sums(self, of_words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The numbers of each value's words together; 0 where it has none."""
        if not len(of_words):
            return np.zeros(len(self.bounds) - 1, dtype=np.uint64)
        totals = np.add.reduceat(of_words, np.minimum(self.before[:-1], len(of_words) - 1))
        totals[self.before[1:] == self.before[:-1]] = 0
        return totals


def _letters() -> Marks:
    table = np.zeros(256, dtype=np.bool_)
    table[ord("a") : ord("z") + 1] = table[128:] = table[ord("&")] = True
    return table


_LETTERS = _letters()


def _open_up(data: Bytes) -> None:
    """Marks of more than one byte become spaces, in place: · ・ ’ ‘ ، 、."""
    for mark in ("·", "・", "’", "‘", "،", "、"):
        code = mark.encode()
        found = data[: 1 - len(code)] == code[0]
        for step, byte in enumerate(code[1:], start=1):
            found &= data[step : len(data) + 1 - len(code) + step] == byte
        for at in range(len(code)):
            data[at : len(data) + 1 - len(code) + at][found] = 0x20


def _field(sums: NDArray[np.uint64], shift: int) -> NDArray[np.int64]:
    return ((sums >> np.uint64(shift)) & np.uint64(0xFF)).astype(np.int64)


def _count_words(text: Text, hits: Counter[str]) -> None:
    lowered = text.lowered
    words, table = _Words(lowered), lexica.table()
    classes = table.classes(words.data, words.starts, words.lengths)
    of_words = _weights()[classes & np.uint32(0x3FF)]
    lone = (words.lengths == 1) | ((words.lengths == 2) & (words.data[words.starts] >= 0xC3))
    of_words[lone & ((classes & np.uint32(lexica.THING)) == 0)] = 1 << _SIGNS  # initials
    sums = words.sums(of_words)
    many, clear, given = (_field(sums, at) for at in (_WORDS, _CLEAR_GIVEN, _GIVEN))
    family, named, other, things, signs = (
        _field(sums, at) for at in (_CLEAR_FAMILY, _NAMED, _OTHER, _THINGS, _SIGNS)
    )
    whole = _of_whole_values(words, classes)
    place = (whole & np.uint32(lexica.PLACE | lexica.COUNTRY)) != 0
    land = (whole & np.uint32(lexica.COUNTRY)) != 0
    likely = (clear >= 1) | ((given >= 1) & (family >= 1)) | ((signs >= 1) & (family >= 1))
    likely &= (things == 0) & ((other == 0) | ((clear >= 2) & (other < clear))) & ~place
    full = likely & ((many >= 2) | (signs >= 1)) & (many <= 5) & (named * 2 >= many)
    if (full & (signs > 0)).any():  # s.r.o., S.A., e.V. look like initials
        rows = np.flatnonzero(full & (signs > 0))
        firm = pc.match_substring_regex(lowered.take(pa.array(rows)), _FIRM_DOTS)
        full[rows] &= ~firm.to_numpy(zero_copy_only=False)
    unlike = (many >= 2) & ~full & ((things > 0) | (place & (given == 0)) | (other > clear))
    hits["person_full"] += text.weigh(full) - text.weigh(unlike)
    # Outside Latin letters the lists are short, but so are the ways of being mistaken.
    lead = words.data[words.bounds[:-1]]
    script = (lead >= 0xCE) & (lead <= 0xE0)
    if script.any():
        hits["person_script"] += text.weigh(full & script) - text.weigh(unlike & script)
    single = (many == 1) & (signs == 0)
    against = text.weigh(single & ((other > 0) | (things > 0)))
    hits["person_given"] += text.weigh(single & (clear > 0) & ~place) - against
    sized = np.diff(words.bounds)
    one = (lead >= 0xE3) & (sized == 3)  # one Chinese character: family_east's
    surname = single & (family > 0) & ~place & ~one
    russian = single & (named == 0) & (other == 0) & ~place & (sized >= 8)
    russian &= (lead >= 0xD0) & (lead <= 0xD2)
    if russian.any():
        rows = np.flatnonzero(russian)
        fitting = pc.match_substring_regex(lowered.take(pa.array(rows)), _RUSSIAN_FAMILY)
        surname[rows] |= fitting.to_numpy(zero_copy_only=False)
    hits["person_family"] += text.weigh(surname) - against
    hits["place_name"] += text.weigh(place)
    hits["country_name"] += text.weigh(land)
    _count_jobs(text, words, classes, things + other, hits)


def _of_whole_values(words: _Words, classes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Which lists each value stands in as a whole; values of one word are looked up already."""
    sizes = np.diff(words.bounds)
    found = np.zeros(len(sizes), dtype=np.uint32)
    if not len(classes):
        return found
    first = np.minimum(words.before[:-1], len(classes) - 1)
    one = (np.diff(words.before) == 1) & (words.lengths[first] == sizes)
    found[one] = classes[first[one]]
    rows = np.flatnonzero(~one & (sizes <= lexica.LONGEST))
    found[rows] = lexica.table().classes(words.data, words.bounds[:-1][rows], sizes[rows])
    return found


def _count_jobs(
    text: Text,
    words: _Words,
    classes: NDArray[np.uint32],
    known: NDArray[np.int64],
    hits: Counter[str],
) -> None:
    """Values in which a word for an occupation stands, of at most six words."""
    working = ((classes & np.uint32(lexica.JOB)) != 0).astype(np.uint64)
    if not working.any():
        return
    found = (words.sums(working) > 0) & (known > 0) & (np.diff(words.before) <= 6)
    hits["occupation"] += text.weigh(found)


# ------------------------------------------------------------- names written without spaces (CJK)


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


def _count_east(text: Text, hits: Counter[str]) -> None:
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
    read = [_codes(data, starts[rows] + 3 * step) for step in range(6)]
    found = _chinese(read, size) | _korean(read, size) | _japanese(data, starts[rows], read, size)
    known = lexica.table().classes(data, starts[rows], lengths[rows])
    last = np.choose(np.clip(size - 1, 0, 5), read)
    thing = (known & np.uint32(lexica.PLACE | lexica.COUNTRY | lexica.ORDINARY | lexica.THING)) != 0
    ending = _sets()["things"][last] & (size >= 3) & ~_korean(read, size)
    marked = np.zeros(len(text), dtype=np.bool_)
    marked[rows] = found & ~thing & ~ending
    against = np.zeros(len(text), dtype=np.bool_)
    against[rows] = thing | (ending & ~found)
    hits["person_east"] += text.weigh(marked) - text.weigh(against)
    one = np.zeros(len(text), dtype=np.bool_)
    one[rows] = (size == 1) & (_sets()["han"][read[0]] | _sets()["hangul"][read[0]])
    hits["family_east"] += text.weigh(one)
    placed = np.zeros(len(text), dtype=np.bool_)
    placed[rows] = (known & np.uint32(lexica.PLACE | lexica.COUNTRY)) != 0
    hits["place_east"] += text.weigh(placed)
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
    for step in range(start, 6):
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
