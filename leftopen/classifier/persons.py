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

from leftopen.classifier import eastern, lexica
from leftopen.classifier.lexica import Bytes, Spans
from leftopen.classifier.text import Gate, Text, bits

Marks = NDArray[np.bool_]

_LONG = 36  # bytes from which on it pays to count the words first

_SPACED = Gate(2, 80, bits("letter space dot dash punct wide"), (bits("letter wide"),))
_EAST = Gate(3, 20, bits("wide space punct"), (bits("wide"),))
_WORK = Gate(3, 80, bits("letter space dot dash slash punct wide"), (bits("letter wide"),))

_FIRM_DOTS = (
    r"(?i)(?:^|[ ,])(?:s\. ?r\. ?[ol]|a\. ?s|s\. ?a(?:\. ?s|\. ?r\. ?l)?|s\. ?[lcn]|e\. ?v|b\. ?v"
    r"|n\. ?v|s\. ?p\. ?a"
    r"|z ?o\. ?o|o\. ?o|k\. ?k|o\. ?y|k\. ?g|v\. ?o\. ?s|spol)\.?(?: .*)?$"
)

# One 8-bit counter for each; values are short enough for none to run over.
_WORDS, _CLEAR_GIVEN, _GIVEN, _CLEAR_FAMILY, _NAMED, _OTHER, _THINGS, _SIGNS = range(0, 64, 8)


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Adds person_full, person_script, person_given, person_family, person_native, person_east,
    given_east, family_east, place_name and occupation.
    """
    del wanted
    spaced = _of_few_words(text.select(_SPACED))
    if len(spaced):
        _count_words(spaced, hits)
    east = text.select(_EAST)
    if len(east):
        eastern.count(east, hits)


def _of_few_words(text: Text) -> Text:
    """Those of seven words at most: neither names nor occupations have more."""
    if not len(text) or int(text.lengths.max()) <= _LONG:
        return text
    spaces = text.sums(_BLANK)
    return text.keep((spaces <= 6) | (text.lengths <= _LONG))


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

    def __init__(self, text: Text) -> None:
        # A table makes small letters of ASCII faster than Arrow does.
        met = int(np.bitwise_or.reduce(text.masks))
        ascii_only = not met & _WIDE
        values = text.values if ascii_only else text.lowered
        offsets = np.frombuffer(values.buffers()[1], dtype=np.int64)
        offsets = offsets[values.offset : values.offset + len(values) + 1]
        first, last = int(offsets[0]), int(offsets[-1])
        raw = np.frombuffer(values.buffers()[2], dtype=np.uint8)[first:last]
        # Eight bytes before the first word and after the last one can be read.
        self.data: Bytes = np.zeros(len(raw) + 56, dtype=np.uint8)
        self.data[8 : len(raw) + 8] = _SMALL.take(raw, mode="clip") if ascii_only else raw
        self.bounds: Spans = offsets - first + 8
        self.wide = not ascii_only
        self.alone = not met & ~_LETTER  # every value is one word
        if self.alone:
            self.starts: Spans = self.bounds[:-1]
            self.lengths: Spans = np.diff(self.bounds)
            self.before: Spans = np.arange(len(self.bounds))  # words before each value
            return
        if self.wide:
            _open_up(self.data)
        letter = _LETTERS.take(self.data[7 : len(raw) + 9], mode="clip")
        fresh, ended = letter[1:] > letter[:-1], letter[1:] < letter[:-1]
        edges = self.bounds[1:-1] - 8
        fresh[edges] = letter[edges + 1]
        ended[edges] = letter[edges]
        self.starts = np.flatnonzero(fresh) + 8
        self.lengths = np.flatnonzero(ended) + 8 - self.starts
        self.before = np.searchsorted(self.starts, self.bounds)

    def sums(self, of_words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The numbers of each value's words together; 0 where it has none."""
        if self.alone:
            return of_words
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
_LETTER, _WIDE = bits("letter"), bits("wide")
_BLANK: Bytes = (np.arange(256) == 0x20).astype(np.uint8)
_SMALL: Bytes = np.frombuffer(bytes(range(256)).lower(), dtype=np.uint8)


def _open_up(data: Bytes) -> None:
    """Marks of more than one byte become spaces, in place: · ・ ’ ‘ ، 、."""
    for mark in ("·", "・", "’", "‘", "،", "、"):
        code = mark.encode()
        found = data[: 1 - len(code)] == code[0]
        for step, byte in enumerate(code[1:], start=1):
            if found.any():
                found &= data[step : len(data) + 1 - len(code) + step] == byte
        if not found.any():
            continue
        for at in range(len(code)):
            data[at : len(data) + 1 - len(code) + at][found] = 0x20


def _field(sums: NDArray[np.uint64], shift: int) -> NDArray[np.uint8]:
    return (sums >> np.uint64(shift)).astype(np.uint8)


def _count_words(text: Text, hits: Counter[str]) -> None:
    words, table = _Words(text), lexica.table()
    classes = table.classes(words.data, words.starts, words.lengths)
    of_words = _weights()[classes & np.uint32(0x3FF)]
    lone = words.lengths == 1
    if words.wide:
        lone |= (words.lengths == 2) & (words.data[words.starts] >= 0xC3)
    lone &= (classes & np.uint32(lexica.THING)) == 0
    of_words[lone] = 1 << _SIGNS  # initials
    unknown = np.flatnonzero((classes == 0) & (words.lengths >= 6))
    if len(unknown):
        stops = words.starts[unknown] + words.lengths[unknown]
        ended = unknown[lexica.ends(words.data, stops)]
        of_words[ended] = 1 << _WORDS | 1 << _CLEAR_FAMILY | 1 << _NAMED
        composed = unknown[words.data[words.starts[unknown]] == 0xE0]
        if len(composed):
            composed = composed[_made_of_names(words, composed)]
            of_words[composed] = 1 << _WORDS | 1 << _CLEAR_GIVEN | 1 << _GIVEN | 1 << _NAMED
    sums = words.sums(of_words)
    many, clear, given = (_field(sums, at) for at in (_WORDS, _CLEAR_GIVEN, _GIVEN))
    family, named, other, things, signs = (
        _field(sums, at) for at in (_CLEAR_FAMILY, _NAMED, _OTHER, _THINGS, _SIGNS)
    )
    whole = _of_whole_values(words, classes)
    place = (whole & np.uint32(lexica.PLACE | lexica.COUNTRY)) != 0
    likely = (clear >= 1) | ((given >= 1) & (family >= 1)) | ((signs >= 1) & (family >= 1))
    likely |= (family >= 2) & (named == many)
    likely &= (things == 0) & ((other == 0) | ((clear >= 2) & (other < clear))) & ~place
    full = likely & ((many >= 2) | (signs >= 1)) & (many <= 5) & (named * 2 >= many)
    if (full & (signs > 0)).any():  # s.r.o., S.A., e.V. look like initials
        rows = np.flatnonzero(full & (signs > 0))
        firm = pc.match_substring_regex(text.values.take(pa.array(rows)), _FIRM_DOTS)
        full[rows] &= ~firm.to_numpy(zero_copy_only=False)
    unlike = (many >= 2) & ~full & ((things > 0) | (place & (given == 0)) | (other > clear))
    hits["person_full"] += text.weigh(full) - text.weigh(unlike)
    sized = np.diff(words.bounds)
    single = (many == 1) & (signs == 0)
    short = single & (sized <= 2)  # a state's or a country's code, yes and no
    single &= ~short
    opposed = (single & ((other > 0) | (things > 0))) | short
    against = text.weigh(opposed)
    # Outside Latin letters the lists are short, but so are the ways of being mistaken.
    lead = words.data[words.bounds[:-1]]
    script = (lead >= 0xCE) & (lead <= 0xE3)
    if script.any():
        hits["person_script"] += text.weigh(full & script) - text.weigh(unlike & script)
    single &= ~place & ((lead < 0xE3) | (sized > 3))  # one Chinese character: family_east's
    hits["person_given"] += text.weigh(single & (clear > 0)) - against
    if script.any():
        native = single & script & ((clear > 0) | (family > 0))
        hits["person_native"] += text.weigh(native) - text.weigh(opposed & script)
    hits["person_family"] += text.weigh(single & ((family > 0) | (clear > 0))) - against
    common = (whole & np.uint32(lexica.ORDINARY)) != 0  # Green, Orange and Reading are towns, too
    hits["place_name"] += text.weigh(place & ~common)
    _count_jobs(text, words, classes, things + other, hits)


def _made_of_names(words: _Words, which: Spans) -> Marks:
    """Whether a name of four to seven letters begins or ends the word, as in India and Thailand."""
    starts, lengths = words.starts[which], words.lengths[which]
    found = np.zeros(len(which), dtype=np.bool_)
    for size in (12, 15, 18, 21):
        rows = np.flatnonzero(~found & (lengths > size))
        spans = np.full(len(rows), size, dtype=np.int64)
        for at in (starts[rows], starts[rows] + lengths[rows] - size):
            known = lexica.table().classes(words.data, at, spans)
            found[rows] |= (known & np.uint32(lexica.GIVEN)) != 0
    return found


def _of_whole_values(words: _Words, classes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Which lists each value stands in as a whole; values of one word are looked up already."""
    sizes = np.diff(words.bounds)
    found = np.zeros(len(sizes), dtype=np.uint32)
    if not len(classes):
        return found
    first = np.minimum(words.before[:-1], len(classes) - 1)
    one = (np.diff(words.before) == 1) & (words.lengths[first] == sizes)
    found[one] = classes[first[one]]
    opens = ((classes[first] & np.uint32(lexica.HEAD)) != 0) & (np.diff(words.before) > 0)
    rows = np.flatnonzero(~one & opens & (sizes <= lexica.LONGEST))
    found[rows] = lexica.table().classes(words.data, words.bounds[:-1][rows], sizes[rows])
    return found


def _count_jobs(
    text: Text,
    words: _Words,
    classes: NDArray[np.uint32],
    known: NDArray[np.uint8],
    hits: Counter[str],
) -> None:
    """Values in which a word for an occupation stands, of at most six words."""
    working = ((classes & np.uint32(lexica.JOB)) != 0).astype(np.uint64)
    if not working.any():
        return
    found = (words.sums(working) > 0) & (known > 0) & (np.diff(words.before) <= 6)
    hits["occupation"] += text.weigh(found)
