"""Moments in every form in which stores keep them: whole columns read, single ones written again.

Read are Arrow's times and dates, seconds since 1970 and their fractions, packed numbers
(20261122053000), dates as they are written in many lands, and the time of birth of an ObjectId, a
ULID and a UUID of version 1 or 7. Sources: BSON's ObjectId, the ULID specification, RFC 9562.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier.utf8 import valid
from leftopen.knowledge import Moment

Micros = NDArray[np.int64]
Bools = NDArray[np.bool_]

NEVER = int(np.iinfo(np.int64).min)  # stands where there is no moment
SECOND = 1_000_000
DAY = 86_400
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (all datetimes here are UTC without a zone)
_YEARS = (1900, 2200)  # what lies outside is no date but a slip or a stand-in for "none"
_TRIED = 64  # values that are tried before a whole column is read
_ENOUGH = 0.8  # part of the values that must be moments
_ALIKE = 0.99  # part of the moments that must be written alike for their text to sort as they do
_FARTHEST = 14 * 3_600  # seconds of the time zone that is farthest from UTC
_LONGEST = 48  # characters of a written moment
_SCALES = (1, 1_000, 1_000_000, 1_000_000_000)
_PLAUSIBLE = (9e8, 2.2e9)  # seconds: 1998 to 2039, as in leftopen.classifier.numbers
_PACKED_LENGTHS = (8, 12, 14)


@dataclass(frozen=True, slots=True)
class Form:
    """How a field keeps its moments.

    `resolution` is the number of seconds between two that can be told apart (1 for finer ones).
    `zoned`: it is clear which instant is meant; if not, the clock may be anybody's. `ordered`: the
    server's own order of what is stored is the order of the moments. `scale` is units a second,
    `template` the written form with 0 for each digit, `zone` its ending and `offset` what that
    means, in seconds.
    """

    kind: Literal["time", "epoch", "written", "object_id", "uuid7", "ulid", "uuid1"]
    resolution: int = 1
    zoned: bool = True
    ordered: bool = True
    scale: int = 1
    store: Literal["int", "float", "text"] = "text"
    template: str = ""
    zone: str = ""
    offset: int = 0

    def write(self, at: datetime) -> Moment:
        """The moment as the field would hold it; of an id, the least one of that moment."""
        seconds = (at - EPOCH) / timedelta(seconds=1)
        match self.kind:
            case "time":
                return at
            case "epoch":
                units = round(seconds * self.scale)
                return {"int": units, "float": seconds * self.scale}.get(self.store, str(units))
            case "written":
                return self._written(at)
            case "object_id":
                return f"{int(seconds):08x}" + "0" * 16
            case "ulid":
                return _in_base32(round(seconds * 1_000)) + "0" * 16
        number = f"{round(seconds * 1_000):012x}"
        return f"{number[:8]}-{number[8:]}-7000-8000-000000000000"

    def _written(self, at: datetime) -> Moment:
        digits = iter((at + timedelta(seconds=self.offset)).strftime("%Y%m%d%H%M%S%f"))
        text = "".join(next(digits, "0") if c == "0" else c for c in self.template)
        return int(text) if self.store == "int" else text + self.zone


def settled(forms: Counter[Form]) -> Form:
    """The form of most of the moments; not `ordered` if others are written in another way."""
    groups: Counter[Form] = Counter()
    for form, count in forms.items():
        groups[_without_fraction(form)] += count
    group, count = groups.most_common(1)[0]
    form = max((f for f in forms if _without_fraction(f) == group), key=forms.__getitem__)
    return form if count >= _ALIKE * groups.total() else replace(form, ordered=False)


def _without_fraction(form: Form) -> Form:
    return replace(form, template=re.sub(r"[.,]0+$", "", form.template))


def read(values: pa.Array, *, key: bool = False) -> tuple[Micros, Counter[Form]] | None:
    """The moments of a flat column, in microseconds since 1970 (NEVER where there is none), and
    how many of them have which form. None where the column is not one of moments.

    `key`: the field is the record's own key, so that the time of birth of an id counts.
    """
    try:
        for part in (values.drop_null()[:_TRIED], values):
            found = _read(part, key)
            met = int((found.at != NEVER).sum())
            if not met or met < _ENOUGH * found.filled:
                return None
    except (pa.ArrowException, OverflowError, ValueError):  # what no kernel takes is no moment
        return None
    return found.at, found.forms


@dataclass(frozen=True, slots=True)
class _Found:
    """`filled`: how many values there are that do not just say "none"."""

    at: Micros
    forms: Counter[Form]
    filled: int


def _read(values: pa.Array, key: bool) -> _Found:
    kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _times(values)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(values)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(values, key)
    return _Found(_nothing(len(values)), Counter(), 0)


def _nothing(length: int) -> Micros:
    return np.full(length, NEVER)


def _times(values: pa.Array) -> _Found:
    kind = values.type
    if pa.types.is_timestamp(kind):
        scale = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[kind.unit]
        raw, form = values.view(pa.int64()), Form("time", zoned=kind.tz is not None)
    elif pa.types.is_date32(kind):
        raw = values.view(pa.int32()).cast(pa.int64())
        scale, form = 0, Form("time", DAY, zoned=False)
    else:
        raw, scale, form = values.view(pa.int64()), 1_000, Form("time", DAY, zoned=False)
    there = values.is_valid().to_numpy(zero_copy_only=False)
    number = pc.fill_null(raw, 0).to_numpy(zero_copy_only=False)
    seconds = number * float(DAY) if not scale else number / scale
    at = _nothing(len(values))
    good = there & _in_range(seconds)
    whole = number[good]
    if not scale:
        at[good] = whole * DAY * SECOND
    elif scale > SECOND:
        at[good] = whole // (scale // SECOND)
    else:
        at[good] = whole * (SECOND // scale)
    met = int(good.sum())
    return _Found(at, Counter({form: met}), met)


def _in_range(seconds: NDArray[np.float64]) -> Bools:
    """Which are in years that a store may speak of; 0 is how "never" is often kept."""
    first, last = (
        (datetime(year, 1, 1) - EPOCH).total_seconds()  # noqa: DTZ001
        for year in _YEARS
    )
    found: Bools = (seconds > first) & (seconds < last) & (seconds != 0)
    return found


def _numbers(values: pa.Array) -> _Found:
    there = values.is_valid().to_numpy(zero_copy_only=False)
    number = pc.fill_null(values.cast(pa.float64(), safe=False), 0.0)
    number = number.to_numpy(zero_copy_only=False)
    store: Literal["int", "float"] = "int" if pa.types.is_integer(values.type) else "float"
    at, forms = _nothing(len(number)), Counter[Form]()
    _epochs(number, store, at, forms)
    if store == "int":
        for length in _PACKED_LENGTHS:
            some = np.flatnonzero(
                (number >= 10.0 ** (length - 1)) & (number < 10.0**length) & (at == NEVER)
            )
            if not len(some):
                continue
            packed = pa.array(number[some].astype(np.int64)).cast(pa.large_string())
            read = _written(packed, _PACKED)
            at[some] = read.at
            for form, count in read.forms.items():
                forms[replace(form, store="int")] += count
    return _Found(at, forms, int((there & (number != 0)).sum()))


def _epochs(
    number: NDArray[np.float64],
    store: Literal["int", "float", "text"],
    at: Micros,
    forms: Counter[Form],
) -> None:
    """Puts those that are plausible in one of the units where they belong in `at`."""
    for scale in _SCALES:
        with np.errstate(invalid="ignore"):
            good = (number >= _PLAUSIBLE[0] * scale) & (number < _PLAUSIBLE[1] * scale)
        if good.any():
            at[good] = np.rint(number[good] * (SECOND / scale)).astype(np.int64)
            forms[Form("epoch", scale=scale, store=store)] += int(good.sum())


_CLOCK = (
    r"(?P<H>[0-9]{1,2})[:时時시] ?(?P<M>[0-9]{2})[分분]?"
    r"(?:[: ]?(?P<S>[0-9]{2})[秒초]?(?:[.,](?P<f>[0-9]{1,9}))?)?(?P<p> ?[AaPp]\.?[Mm]\.?)?"
)
_ZONE = r"(?P<z> ?(?:Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?"
_DATE_FIRST = (
    r"^(?P<w>(?P<y>[12][0-9]{3})[-/.年] ?(?P<m>[0-9]{1,2})[-/.月] ?(?P<d>[0-9]{1,2})日?"
    rf"(?:[T ]{{1,2}}{_CLOCK})?){_ZONE}$"
)
_DATE_LAST = (
    r"^(?P<w>(?:[A-Za-z]{2,9}\.?,? )?(?P<d>[0-9]{1,2})[-/. ]{1,2}(?P<m>[0-9]{1,2}|[A-Za-z]{3,9})"
    rf"[-/. ,]{{1,2}}(?P<y>[12][0-9]{{3}})(?:[T :,]{{1,2}}{_CLOCK})?){_ZONE}$"
)
_YEAR_LAST = (  # of C's ctime and of social media
    r"^(?P<w>(?:[A-Za-z]{3} )?(?P<m>[A-Za-z]{3,9})\.? {1,2}(?P<d>[0-9]{1,2}),? "
    rf"(?:{_CLOCK}{_ZONE} )?(?P<y>[12][0-9]{{3}}))$"
)
_PACKED = (
    r"^(?P<w>(?P<y>(?:19|20)[0-9]{2})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"
    r"(?:[T_ -]?(?P<H>[0-9]{2})(?P<M>[0-9]{2})(?:(?P<S>[0-9]{2})[.,]?(?P<f>[0-9]{3,6})?)?)?)"
    r"(?P<z>Z)?$"
)
_EPOCH_TEXT = r"^[0-9]{10}(?:[.,][0-9]{1,9})?$|^[0-9]{13}$|^[0-9]{16}$|^[0-9]{19}$"
_DIGITS = r"[0-9].*[0-9].*[0-9].*[0-9].*[0-9]"  # every moment has five at least
_NO_DATE = (
    r"^(?:(?:0{1,4}[-/.]00?[-/.]0{1,4}|(?:0001|1900|1970)-01-01|9999-12-31).*"
    r"|0*|-|(?i:null|none|nan|n/a))$"
)
_OBJECT_ID, _ULID = r"^[0-9a-f]{24}$", r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[17][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_SORTED = re.compile(
    r"0{4}[-/.年]?00[-/.月]?00日?"
    r"(?:[T_ -]?00[:时時시]?00[分분]?(?:[: ]?00[秒초]?(?:[.,]?0+)?)?)?"
)


def _texts(values: pa.Array, key: bool) -> _Found:
    values = valid(values.cast(pa.large_string()))
    at, forms = _nothing(len(values)), Counter[Form]()
    filled = pc.fill_null(pc.invert(pc.match_substring_regex(values, _NO_DATE)), False)
    count = int(pc.sum(filled).as_py() or 0)
    short = pc.and_(filled, pc.less_equal(pc.utf8_length(values), _LONGEST))
    places = np.flatnonzero(short.to_numpy(zero_copy_only=False))
    texts = pc.utf8_trim_whitespace(pc.utf8_normalize(values.take(pa.array(places)), form="NFKC"))
    if (
        not key and _matches(texts, _DIGITS).sum() < _ENOUGH * count
    ):  # most columns of text end here
        return _Found(at, forms, count)
    for pattern in (_DATE_FIRST, _PACKED, _DATE_LAST, _YEAR_LAST):
        left = np.flatnonzero(at[places] == NEVER)
        if not len(left):
            break
        found = _written(texts.take(pa.array(left)), pattern)
        at[places[left]] = found.at
        forms.update(found.forms)
    left = np.flatnonzero(at[places] == NEVER)
    rest = texts.take(pa.array(left))
    for found in (_epoch_texts(rest), *([_ids(rest)] if key else [])):
        new = found.at != NEVER
        at[places[left[new]]] = found.at[new]
        forms.update(found.forms)
    return _Found(at, forms, count)


def _epoch_texts(values: pa.Array) -> _Found:
    at, forms = _nothing(len(values)), Counter[Form]()
    some = np.flatnonzero(_matches(values, _EPOCH_TEXT))
    if not len(some):
        return _Found(at, forms, len(values))
    number = pc.replace_substring(values.take(pa.array(some)), ",", ".").cast(pa.float64())
    read = _nothing(len(some))
    _epochs(number.to_numpy(zero_copy_only=False), "text", read, forms)
    at[some] = read
    return _Found(at, forms, len(values))


def _matches(values: pa.Array, pattern: str) -> Bools:
    found: Bools = pc.match_substring_regex(values, pattern).to_numpy(zero_copy_only=False)
    return found.astype(np.bool_)


def _written(values: pa.Array, pattern: str) -> _Found:
    """Dates in words and digits: all values that match the pattern and are a day that exists."""
    if not _matches(values, pattern).any():
        return _Found(_nothing(len(values)), Counter(), 0)
    parts = pc.extract_regex(values.cast(pa.string()), pattern)
    names = [field.name for field in parts.type]
    matched = parts.is_valid().to_numpy(zero_copy_only=False)

    def number(name: str) -> Micros:
        if name not in names:
            return np.zeros(len(parts), dtype=np.int64)
        text = parts.field(name)
        filled: Micros = (
            pc.if_else(pc.equal(text, ""), "0", text)
            .cast(pa.int64())
            .to_numpy(zero_copy_only=False)
        )
        return filled

    years, days = number("y"), number("d")
    months = _months(parts.field("m"))
    if pattern == _DATE_LAST and _month_first(days[matched], months[matched]):
        days, months = months, days
    hours, minutes, seconds = number("H"), number("M"), number("S")
    if "p" in names:
        noon = _matches(parts.field("p"), "[Pp]")
        hours = np.where(_matches(parts.field("p"), "[AaPp]"), hours % 12 + 12 * noon, hours)
    zones = parts.field("z") if "z" in names else pc.utf8_slice_codeunits(parts.field("y"), 0, 0)
    offsets = _offsets(zones)
    good = matched & (years >= _YEARS[0]) & (years < _YEARS[1]) & (months >= 1) & (months <= 12)
    good &= (hours < 24) & (minutes < 60) & (seconds <= 60) & (np.abs(offsets) <= _FARTHEST)
    months = np.where(good, months, 1)
    day, existing = _days(np.where(good, years, EPOCH.year), months, days)
    good &= existing
    fraction = np.zeros(len(parts), dtype=np.int64)
    if "f" in names:
        padded = pc.utf8_slice_codeunits(pc.utf8_rpad(parts.field("f"), 6, "0"), 0, 6)
        fraction = padded.cast(pa.int64()).to_numpy(zero_copy_only=False)
    at = _nothing(len(parts))
    total = day * DAY + hours * 3_600 + minutes * 60 + seconds - offsets
    at[good] = total[good] * SECOND + fraction[good]
    at[at == 0] = NEVER  # 1 January 1970, to the second: how "never" is often kept
    good = at != NEVER
    clocked = _matches(parts.field("H"), ".")
    return _Found(at, _forms(parts.field("w"), zones, offsets, clocked, good), len(parts))


_MONTHS = {  # by their first letters, in the languages of Western Europe
    name: number
    for number, listed in enumerate(
        (
            *("jan ene gen", "feb fev fév", "mar mär mrt", "apr abr avr", "may mai maj mei mag"),
            *("jun giu juin", "jul lug juil", "aug ago aou aoû", "sep set", "oct okt out ott"),
            *("nov", "dec dez dic déc"),
        ),
        1,
    )
    for name in listed.split()
}


def _months(texts: pa.Array) -> Micros:
    """The numbers of months, from digits or names; 0 where there is no such month."""
    coded = pc.dictionary_encode(texts)
    names = coded.dictionary.to_pylist()
    numbers = [
        int(name)
        if name.isdigit()
        else _MONTHS.get(name[:4].casefold(), 0) or _MONTHS.get(name[:3].casefold(), 0)
        for name in names
    ]
    found: Micros = np.array([*numbers, 0], dtype=np.int64)[
        pc.fill_null(coded.indices, len(numbers)).to_numpy(zero_copy_only=False)
    ]
    return found


def _month_first(first: Micros, second: Micros) -> bool:
    """Whether the column writes 11/22/2026: that is so if no other reading makes days of all."""
    return bool(len(first)) and bool((second > 12).any()) and not bool((first > 12).any())


def _offsets(zones: pa.Array) -> Micros:
    """Seconds ahead of UTC; 0 where nothing is written."""
    coded = pc.dictionary_encode(zones)
    seconds = [0]
    for zone in coded.dictionary.to_pylist():
        digits = zone.strip().replace(":", "")
        ahead = 0
        if digits[:1] in ("+", "-"):
            ahead = int(digits[1:3]) * 3_600 + int(digits[3:5] or 0) * 60
        seconds.append(-ahead if digits.startswith("-") else ahead)
    at = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    found: Micros = np.array(seconds, dtype=np.int64)[at + 1]
    return found


def _days(years: Micros, months: Micros, days: Micros) -> tuple[Micros, Bools]:
    """Days since 1970, and which of them exist."""
    month = ((years - 1970) * 12 + months - 1).astype("datetime64[M]")
    first = month.astype("datetime64[D]").astype(np.int64)
    length = (month + 1).astype("datetime64[D]").astype(np.int64) - first
    return first + days - 1, (days >= 1) & (days <= length)


def _forms(
    wholes: pa.Array, zones: pa.Array, offsets: Micros, clocked: Bools, good: Bools
) -> Counter[Form]:
    """How the good ones are written, each way once with its count."""
    some = pa.array(np.flatnonzero(good))
    shapes = pc.replace_substring_regex(wholes.take(some), "[0-9]", "0")
    keys = pc.binary_join_element_wise(shapes, zones.take(some), "\n")
    coded = pc.dictionary_encode(keys)
    places = coded.indices.to_numpy(zero_copy_only=False)
    counts = np.bincount(places, minlength=len(coded.dictionary))
    # values that are written alike have one offset, and all a clock or none
    first = np.zeros(len(counts), dtype=np.int64)
    first[places[::-1]] = np.arange(len(places))[::-1]
    forms: Counter[Form] = Counter()
    for key, count, offset, clock in zip(
        coded.dictionary.to_pylist(),
        counts.tolist(),
        offsets[good][first].tolist(),
        clocked[good][first].tolist(),
        strict=True,
    ):
        template, _, zone = key.partition("\n")
        sorts = _SORTED.fullmatch(template) is not None
        fine = 60 if template.count("0") == 12 else 1
        form = Form(
            "written",
            fine if clock else DAY,
            zoned=bool(zone),
            ordered=sorts,
            template=template if sorts else "",
            zone=zone,
            offset=offset,
        )
        forms[form] += count
    return forms


_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GREGORIAN = 12_219_292_800  # seconds from 15 October 1582 to 1970


def _ids(values: pa.Array) -> _Found:
    """The moments at which ids were made."""
    at, forms = _nothing(len(values)), Counter[Form]()

    def made(pattern: str, form: Form, cuts: str, base: str, scale: int, before: int = 0) -> None:
        some = np.flatnonzero(_matches(values, pattern))
        if not len(some):
            return
        texts = np.array(values.take(pa.array(some)).to_pylist(), dtype=np.bytes_)
        letters = texts.view(np.uint8).reshape(len(some), -1)
        places = [place for cut in cuts.split() for place in range(*map(int, cut.split("-")))]
        table = np.zeros(256, dtype=np.int64)
        table[np.frombuffer(base.encode(), dtype=np.uint8)] = np.arange(len(base))
        number = np.zeros(len(some), dtype=np.int64)
        for place in places:
            number = number * len(base) + table[letters[:, place]]
        seconds = number / scale - before
        good = _in_range(seconds)
        at[some[good]] = np.rint(seconds[good] * SECOND).astype(np.int64)
        forms[form] += int(good.sum())

    hexadecimal = "0123456789abcdef"
    made(_OBJECT_ID, Form("object_id"), "0-8", hexadecimal, 1)
    made(_ULID, Form("ulid"), "0-10", _BASE32, 1_000)
    made(_UUID.replace("[17]", "7"), Form("uuid7"), "0-8 9-13", hexadecimal, 1_000)
    made(
        _UUID.replace("[17]", "1"),
        Form("uuid1", ordered=False),
        "15-18 9-13 0-8",
        hexadecimal,
        10_000_000,
        _GREGORIAN,
    )
    return _Found(at, forms, len(values))


def _in_base32(number: int) -> str:
    return "".join(_BASE32[number >> shift & 31] for shift in range(45, -1, -5))
