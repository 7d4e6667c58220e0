"""Telephone numbers by themselves: writings with a country code, national writings, bare digits.

`phones.toml` holds what is used of the numbering plans (ITU-T E.164 and the national ones, from
libphonenumber). A number with a country code is held against the plan behind that code. Bare
digits tell little: only mobile numbers with their leading zero are counted, region by region, and
only for regions whose mobile numbers are few among such digit strings.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier.heads import firsts, laid_out
from leftopen.classifier.text import Gate, Text, bits

# x and ext stand before an extension, and nothing else of letters in a telephone number
_WRITTEN = Gate(8, 32, bits("digit space dot dash slash punct"), (bits("digit"),))
_EXTENDED = Gate(
    10, 36, bits("digit space dot dash slash punct hexlower lower"), (bits("digit"), bits("lower"))
)
_SEPARATED = bits("space dot dash slash punct")
_DOT = bits("dot")
_PUNCT = bits("punct")
_GROUPED = bits("space dot dash punct")
_BARE = Gate(8, 14, bits("digit"))
_EXTENSION = r" ?(?:x|ext\.?|#) ?[0-9]{1,6}$"
# Brackets around an area code, and a number before an extension: nothing else is written so.
_BRACKETED = r"^(?:\+?[0-9]{1,3}[ \-]?)?\([0-9]{2,5}\)[ .\-]?[0-9]{2,9}(?:[ .\-][0-9]{2,5}){0,3}$"
_EXTENDS = r"^[0-9+(][0-9 .\-()+/]{7,}(?:x|ext\.?) ?[0-9]{1,6}$"
# One number in eight written as nothing but a telephone number is, and only numbers beside it.
_TELLING = 8
_OPENS = np.zeros(256, dtype=np.bool_)
_OPENS[np.frombuffer(b"+0(123456789", dtype=np.uint8)] = True

_ABROAD = r"^\(?(?:\+|00)[ ]?[1-9][0-9 .\-()/]{5,24}[0-9]$"
# With a leading zero: `(030) 123456`, `0171/1234567`, `06 12 34 56 78`, `010-1234-5678`; the
# first group has two digits or more, or an ISBN would do, and there are no colons, or a time would.
_ZERO = r"^(?:\(0[1-9][0-9]{0,4}\)[ .\-/]?|0[1-9][0-9]{0,4}[ .\-/])(?:[0-9]{2,8}[ .\-/]{0,1}){1,4}$"
_ZERO_DIGITS = r"^0[1-9][0-9]{7,11}$"
_TRUNKLESS = (
    # North America; Brazil and others with the area in brackets
    r"^(?:(?:\+?1|001)[ .\-]?)?(?:\([2-9][0-9]{2}\)[ .\-]?|[2-9][0-9]{2}[.\-])"
    r"[2-9][0-9]{2}[.\-][0-9]{4}$"
    r"|^\([1-9][0-9]\) ?9?[0-9]{4}[ .\-]?[0-9]{4}$"
    # Russia and Kazakhstan with the 8 of calls at home; Chinese mobiles in groups
    r"|^8[ \-]?\(?[3489][0-9]{2}\)?[ \-]?[0-9]{3}[ \-][0-9]{2}[ \-][0-9]{2}$"
    r"|^1[3-9][0-9][ \-][0-9]{4}[ \-][0-9]{4}$"
    # Indian mobiles, five and five; French-like pairs of Spanish mobiles
    r"|^[6-9][0-9]{4}[ \-][0-9]{5}$|^[67][0-9]{2}(?: [0-9]{2}){3}$"
)


@cache
def _plans() -> tuple[str, ...]:
    """One pattern for each first digit of calling codes, over digits without separators."""
    by_zone: dict[str, list[str]] = {}
    for code, pattern in _data()["calling"].items():
        # some writers keep the zero of calls at home behind the country code
        by_zone.setdefault(code[0], []).append(f"{code}0?(?:{pattern})")
    return tuple(f"^(?:{'|'.join(parts)})$" for _, parts in sorted(by_zone.items()))


@cache
def _data() -> dict[str, dict[str, Any]]:
    path = Path(__file__).with_name("phones.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def _mobiles() -> tuple[tuple[str, ...], dict[int, NDArray[np.int64]]]:
    """The regions, and by length of number which prefixes (rows) are theirs (columns)."""
    data = _data()["mobile"]
    regions = tuple(data)
    tables: dict[int, NDArray[np.int64]] = {}
    for column, region in enumerate(regions):
        for width, said in data[region].items():
            table = tables.setdefault(int(width), np.zeros((1000, len(regions)), dtype=np.int64))
            for span in said.split():
                first, _, last = span.partition("-")
                table[int(first) : int(last or first) + 1, column] = 1
    return regions, tables


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Adds `phone.abroad`, `phone.written` (which includes them), `phone.mobile.<region>`, and
    `phone.mixed`: as many as all if some are clear telephone numbers and all others may be.
    """
    del wanted  # what a name says is looked for by the kinds' own patterns
    _count_mobiles(text.select(_BARE), hits)
    both = ((text.select(_WRITTEN), False), (text.select(_EXTENDED), True))
    hits["phone.mixed"] -= _TELLING * (text.total - sum(one.total for one, _ in both))
    for candidates, extended in both:
        if not len(candidates):
            continue
        opening = _OPENS[firsts(candidates.values)] & _separated(candidates)
        if opening.any():
            _count_written(candidates.keep(opening), extended, hits)


def _separated(text: Text) -> NDArray[np.bool_]:
    """Which are not of digits alone, or start with the 00 of calls abroad; no plain decimals."""
    data, bounds = laid_out(text.values)
    starts, ends = bounds[:-1], bounds[1:]
    separators = text.masks & _SEPARATED
    dotted = separators == _DOT
    found: NDArray[np.bool_] = (separators != 0) & ~dotted
    found |= (data[starts] == ord("0")) & (data[starts + 1] == ord("0")) & ~dotted
    if dotted.any():  # a decimal has one point, a telephone number one near either end
        dot = data == ord(".")
        early = dot[starts + 2] | dot[starts + 3]
        late = dot[ends - 3] | dot[ends - 4] | dot[ends - 5]
        found |= dotted & early & late & (ends - starts >= 10)
    return found


def _count_written(text: Text, extended: bool, hits: Counter[str]) -> None:
    values = text.values
    if extended:
        hits["phone.mixed"] += _TELLING * text.count(_EXTENDS)
        values = pc.replace_substring_regex(values, pattern=f"(?i){_EXTENSION}", replacement="")
        text = Text(values, text.weights)
    marked = text.fits(_ABROAD)
    rest = text.keep(~marked)
    if marked.any():
        abroad = _planned(text.keep(marked))
        hits["phone.abroad"] += abroad
        hits["phone.written"] += abroad
        if not extended:
            hits["phone.mixed"] += _TELLING * abroad
    if len(rest):
        if not extended:
            bracketed = rest.keep((rest.masks & _PUNCT) != 0)
            hits["phone.mixed"] += _TELLING * bracketed.count(_BRACKETED)
        found = rest.fits(_TRUNKLESS)
        hits["phone.written"] += rest.weigh(found)
        rest = rest.keep(~found).matching(_ZERO)
        if len(rest):
            hits["phone.written"] += _bare(rest).count(_ZERO_DIGITS)


def _planned(text: Text) -> int:
    """How many numbers with a country code the numbering plan behind that code has."""
    if (text.masks & _GROUPED).any() or text.fits("/").any():
        text = _bare(Text(pc.replace_substring(text.values, "(0)", ""), text.weights))
    # no calling code starts with a zero
    digits = Text(pc.utf8_ltrim(text.values, characters="+0"), text.weights)
    # the first digit of the calling code decides which plans can speak
    zones = firsts(digits.values)
    return sum(
        digits.keep(zones == ord("1") + number).count(pattern)
        for number, pattern in enumerate(_plans())
        if (zones == ord("1") + number).any()
    )


def _bare(text: Text) -> Text:
    return Text(pc.replace_substring_regex(text.values, r"[ .\-()/]", ""), text.weights)


def _count_mobiles(text: Text, hits: Counter[str]) -> None:
    """Digits with a leading zero that mobile numbers of a region begin with."""
    if not len(text):
        return
    data, bounds = laid_out(text.values)
    starts, widths = bounds[:-1], np.diff(bounds)
    led = (data[starts] == ord("0")) & (data[starts + 1] != ord("0"))
    if not led.any():
        return
    starts, widths = starts[led], widths[led]
    weights = None if text.weights is None else text.weights[led]
    prefix = (data[starts + 1].astype(np.int64) - 48) * 100
    prefix += (data[starts + 2].astype(np.int64) - 48) * 10 + data[starts + 3] - 48
    regions, tables = _mobiles()
    for width, table in tables.items():
        these = widths == width
        if these.any():
            each = None if weights is None else weights[these]
            met = np.bincount(prefix[these], each, minlength=1000)
            for region, total in zip(regions, (met @ table).tolist(), strict=True):
                if total:
                    hits[f"phone.mobile.{region}"] += int(total)
