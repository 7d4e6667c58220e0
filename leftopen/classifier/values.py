"""What a column of strings holds, as counts: how many values fit each kind and each measure.

Every function takes values of one column and adds to a counter; none keeps a value. A count is a
sum over values, so counts of two halves add up to the count of the whole, in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier import numbers
from leftopen.classifier.catalogue import CONTEXT, KINDS, Kind
from leftopen.classifier.checksums import passing
from leftopen.classifier.measures import TEXT
from leftopen.classifier.sieve import sieve
from leftopen.classifier.text import Gate, Text, bits, gate

Hits = Counter[str]


def whole(kind: Kind) -> str:
    """The kind's pattern, tied to both ends of the value."""
    return f"^(?:{kind.pattern})$"


# A digit is still a digit in a value with nothing but digits: the gates below are of measures.
_PATTERNED = tuple(
    (kind, whole(kind), gate(kind.length, kind.chars, kind.has)) for kind in KINDS if kind.pattern
)
_SHORT = Gate(longest=64)
_WIDE = bits("wide")
_DIGEST = Gate(32, 128, bits("hex"), (bits("digit"), bits("hexlower hexupper")))
_UUID = Gate(36, 38, bits("hex dash punct"), (bits("dash"),))
_DATE = Gate(8, 40, needs=(bits("digit"),))
_NUMBER = Gate(1, 28, bits("digit dot dash slash"), (bits("digit"),))
_AGE_RANGE = Gate(3, 9, bits("digit dash slash space wide"), (bits("digit"),))
_AMOUNT = Gate(2, 30, needs=(bits("digit"), bits("space dot dash punct wide letter colon slash")))
_ADDRESS = Gate(1, 300)

_ADDRESS_LIKE = (
    r"^(?:[0-9]{1,5} ?[a-zA-Z]?|[\p{L}\p{M}'’.\-]{3,40}[0-9]{0,4}[a-z]?"
    r"|[^@:]*\p{L}{2}[^@]*[\s,][^@]*|.*\p{Han}.*)$"
)
_ISO_DATE = (
    r"^[12][0-9]{3}[\-/.年] ?(?:0?[1-9]|1[0-2])[\-/.月] ?(?:0?[1-9]|[12][0-9]|3[01])日?"
    r"(?:[T ].*)?$"
)
_LATE_DATE = (
    r"^(?:0?[1-9]|[12][0-9]|3[01])[\-/. ](?:0?[1-9]|[12][0-9]|3[01]|[A-Za-z]{3,9})"
    r"[\-/. ,]{1,2}[12][0-9]{3}$"
)
_PACKED_DATE = r"^(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])$"
_DIGITS = r"^[0-9]{1,9}$"
_NUMERIC = r"^(?:[+\-][0-9]{1,9}|[+\-]?[0-9]{1,9}\.[0-9]{1,17})$"
_AGES = r"^[0-9]{1,3} ?(?:[-–~] ?[0-9]{1,3}|\+)$"
_MONEY = r"^[$€£¥₹]? ?-?[0-9][0-9 .,']*(?: ?(?:[€$£¥₹元]|[A-Z]{3}|kr|zł|k|K))?$"


def count_text(values: pa.Array, wanted: frozenset[str], hits: Hits) -> int:
    """Counts over an array of strings; the return is how many values (not null, not empty)."""
    text = Text.of(values)
    if len(text):
        _patterns(text, wanted, hits)
        _vocabularies(text, hits)
        _measures(text, wanted, hits)
        _numeric(text, hits)
        for measure in TEXT:
            measure(text, wanted, hits)
    return text.total


def count_whole_numbers(values: pa.Array, wanted: frozenset[str], hits: Hits) -> None:
    """Counts over integers as they would be written: ids, phones and cards are kept so, too."""
    text = Text.of(values.cast(pa.string()))
    if len(text):
        _patterns(text, wanted, hits)
        _vocabularies(text, hits)
        _dates(text, hits)


@cache
def _spoken() -> tuple[Mapping[int, tuple[int, ...]], tuple[int, ...], Mapping[str, int]]:
    """Rows of `_PATTERNED`: of kinds whose values alone can speak, by the number that the sieve
    knows the pattern by, and those it cannot read; then of the other kinds, by the kind.
    """
    numbered: dict[int, tuple[int, ...]] = {}
    unread: list[int] = []
    named: dict[str, int] = {}
    for row, (kind, pattern, _) in enumerate(_PATTERNED):
        number = sieve().number(pattern) if kind.alone else None
        if not kind.alone:
            named[kind.id] = row
        elif number is None:
            unread.append(row)
        else:
            numbered[number] = (*numbered.get(number, ()), row)
    return numbered, tuple(unread), named


def _rows(text: Text, wanted: frozenset[str]) -> list[int]:
    """Which patterns to count: few of them can fit any value of a column."""
    numbered, unread, named = _spoken()
    rows = [row for number in text.possible & numbered.keys() for row in numbered[number]]
    rows += (named[kind] for kind in wanted & named.keys())
    return sorted((*rows, *unread))


def _patterns(text: Text, wanted: frozenset[str], hits: Hits) -> None:
    checked: dict[bytes, tuple[Text, list[Kind]]] = {}
    for kind, pattern, by in (_PATTERNED[row] for row in _rows(text, wanted)):
        if not text.may(pattern):
            continue
        candidates = text.select(by)
        if not kind.check:
            hits[kind.id] += candidates.count(pattern)
            continue
        found = candidates.fits(pattern)
        if found.any():  # kinds that the same values may be are checked together
            fitting = candidates.keep(found)
            key = b"" if len(fitting) == len(text) else fitting.places.tobytes()
            checked.setdefault(key, (fitting, []))[1].append(kind)
    for fitting, kinds in checked.values():
        total = fitting.total
        passed = passing([kind.check for kind in kinds], fitting.values)
        for kind in kinds:
            hits[f"{kind.id}?"] += total
            hits[kind.id] += fitting.weigh(passed[kind.check])


@cache
def _vocabulary() -> tuple[pa.Array, NDArray[np.int64], tuple[str, ...]]:
    """All words of all vocabularies, which kinds each belongs to, and the words of switches."""
    lists = {kind.id: kind.vocabulary for kind in KINDS if kind.vocabulary}
    lists["flag"] = tuple(CONTEXT.flags.split())
    words = sorted({word.lower() for listed in lists.values() for word in listed})
    row = {word: number for number, word in enumerate(words)}
    belongs = np.zeros((len(words), len(lists)), dtype=np.int64)
    for column, listed in enumerate(lists.values()):
        belongs[[row[word.lower()] for word in listed], column] = 1
    return pa.array(words, pa.large_string()), belongs, tuple(lists)


_SMALL = np.frombuffer(bytes(range(256)).lower(), dtype=np.uint8)
_FACTORS = (0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F)


def _shape(text: Text) -> NDArray[np.int64]:
    """A number of 16 bits from each value's length and its first, second and last byte, in small
    letters: few values have the number of any word.
    """
    mixed = text.lengths * 0x9E3779B1
    for place, factor in zip((0, 1, -1), _FACTORS, strict=True):
        mixed += _SMALL.take(text.nth(place)).astype(np.int64) * factor
    shape: NDArray[np.int64] = (mixed >> 15) & 0xFFFF
    return shape


@cache
def _shapes() -> NDArray[np.bool_]:
    """Which of those numbers words of vocabularies have."""
    table = np.zeros(1 << 16, dtype=np.bool_)
    table[_shape(Text(_vocabulary()[0]))] = True
    return table


def _vocabularies(text: Text, hits: Hits) -> None:
    short = text.select(_SHORT)
    if not len(short):
        return
    maybe = _shapes().take(_shape(short))
    maybe |= (short.masks & _WIDE) != 0  # small letters may be of another length
    short = short.keep(maybe)
    if not len(short):
        return
    words, belongs, ids = _vocabulary()
    met = pc.fill_null(pc.index_in(short.lowered, words), -1).to_numpy()
    known = met >= 0
    if not known.any():
        return
    often = None if short.weights is None else short.weights[known]
    totals = np.bincount(met[known], often, len(words)).astype(np.int64) @ belongs
    hits.update({name: int(total) for name, total in zip(ids, totals, strict=True) if total})


def _measures(text: Text, wanted: frozenset[str], hits: Hits) -> None:
    hits["digest"] += text.select(_DIGEST).count(
        r"(?i)^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$"
    )
    hits["uuid"] += text.select(_UUID).count(
        r"(?i)^\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?$"
    )
    if "address" in wanted:
        hits["address_like"] += text.select(_ADDRESS).count(_ADDRESS_LIKE)
    _dates(text, hits)


def _dates(text: Text, hits: Hits) -> None:
    dated = text.select(_DATE)
    for pattern, start, stop in ((_ISO_DATE, 0, 4), (_PACKED_DATE, 0, 4), (_LATE_DATE, -4, None)):
        found = dated.matching(pattern)
        if len(found):
            years = pc.utf8_slice_codeunits(found.values, start, stop).cast(pa.int32())
            numbers.count_years(found.spread(years.to_numpy(zero_copy_only=False)), hits)


def _numeric(text: Text, hits: Hits) -> None:
    short = text.select(_NUMBER)
    digits = short.fits(_DIGITS)
    for found in (short.keep(digits), short.keep(~digits).matching(_NUMERIC)):
        if len(found):
            bare = pc.utf8_ltrim(found.values, characters="+").cast(pa.float64())
            numbers.count_numbers(found.spread(bare.to_numpy(zero_copy_only=False)), hits)
    hits["age"] += text.select(_AGE_RANGE).count(_AGES)
    priced = text.select(_AMOUNT)  # plain numbers are in count_numbers already
    hits["amount"] += priced.keep(~priced.fits(_NUMERIC)).count(_MONEY)
