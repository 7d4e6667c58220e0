"""Positions as they are written: pairs, degrees and minutes, WKT, GeoJSON, codes of the earth.

Three sorts of counts: `pos.text` (tells by itself), `pos.loose` (wants a telling name) and, for
numbers, sums over single values from which pairs.py judges two columns side by side.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from leftopen.classifier.geocodes import count_bytes
from leftopen.classifier.text import Text, gate

__all__ = ["CELL", "count", "count_bytes", "count_lists", "count_reals"]

# ------------------------------------------------------------------------------------------- text

_END = r"(?:\.[0-9]{4,17})"
_LAT = rf"[+-]?(?:[0-8]?[0-9]{_END}|90(?:\.0+)?)"
_LON = rf"[+-]?(?:(?:1[0-7][0-9]|0?[0-9]{{1,2}}){_END}|180(?:\.0+)?)"
_BETWEEN = r" ?[,;/|] ?| "
# One of the two is at least four degrees: pairs of ratios and of unit vectors are not
_FAR = r"^[^0-9]*(?:0*[4-9]|0*[1-9][0-9]+)\.|[,;/| ][+-]?0*(?:[4-9]|[1-9][0-9]+)\."
_PAIR = rf"^[\[(]? ?(?:{_LAT}(?:{_BETWEEN}){_LON}|{_LON}(?:{_BETWEEN}){_LAT}) ?[\])]?$"
_PAIR_HIGH = (  # with an altitude or an accuracy behind
    rf"^[\[(]? ?(?:{_LAT}(?:{_BETWEEN}){_LON}|{_LON}(?:{_BETWEEN}){_LAT})"
    r"(?:(?: ?[,;] ?| )-?[0-9]{1,5}(?:\.[0-9]+)?){1,2} ?[\])]?$"
)
_D = r"[0-9]{1,3}(?:[.,][0-9]{1,17})?"
_LOOSE_PAIR = rf"^[\[(]? ?[+-]?{_D}(?: ?[,;/|] ?| )[+-]?{_D}(?:(?: ?[,;] ?| )[+-]?{_D})? ?[\])]?$"
_NUM = r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_ISO6709 = (
    r"^[+-](?:[0-8][0-9]|90)(?:[0-5][0-9]){0,2}\.[0-9]{1,12}"
    r"[+-](?:0[0-9]{2}|1[0-7][0-9]|180)(?:[0-5][0-9]){0,2}\.[0-9]{1,12}"
    r"(?:[+-][0-9]{1,6}(?:\.[0-9]+)?)?(?:CRS[A-Za-z0-9_]+)?/?$"
)
_GEO_URI = rf"(?i)^geo:{_NUM},{_NUM}(?:,{_NUM})?(?:[;?].*)?$"
_WKT = (
    r"(?i)^(?:srid=[0-9]+; ?)?(?:multi)?(?:point|linestring) ?(?:zm?|m)? ?\(\(? ?"
    rf"{_NUM} {_NUM}(?: {_NUM}){{0,2}} ?\)?(?:, ?\(?.*)?\)$"
)
_AREA = r"(?i)^(?:srid=[0-9]+; ?)?(?:multi)?(?:polygon|geometrycollection) ?(?:zm?|m)? ?\(.*\)$"
_GEOJSON = (
    r'^\{.*"type" ?: ?"(?:Multi)?(?:Point|LineString)".*"coordinates" ?: ?\[|'
    r'^\{.*"coordinates" ?: ?\[.*"type" ?: ?"(?:Multi)?(?:Point|LineString)"'
)
_JSON_PAIR = (
    rf"""(?i)^\W{{0,3}}["']?_?(?:geo|gps|pos)?_?lat(?:itude?|itud)?["']? ?[:=] ?["']?{_NUM}["']?"""
    rf"""[,; &]{{1,3}}["']?_?(?:geo|gps|pos)?_?l(?:on|ng|ong)(?:gitude?|itude?|g?itud)?["']?"""
    rf""" ?[:=] ?["']?{_NUM}"""
)
_JSON_TURNED = (
    rf"""(?i)^\W{{0,3}}["']?(?:lon|lng|long)(?:gitude?|itude?)?["']? ?[:=] ?["']?{_NUM}["']?"""
    rf"""[,; &]{{1,3}}["']?lat(?:itude?)?["']? ?[:=] ?["']?{_NUM}"""
)
_LINK = (  # a link to a map that shows the place
    r"(?i)^https?://[^ ]*(?:(?:[?&](?:q|ll|sll|query|center|destination|daddr|mlat)="
    r"(?:loc:)?)|/@|#map=[0-9]+/|[?&]pt=)[+-]?[0-9]{1,3}\.[0-9]{3,}"
    r"(?:,|%2C|/|&mlon=)\+?-?[0-9]{1,3}\.[0-9]{3,}"
)
_NMEA = r"^\$G[A-Z](?:RMC|GGA|GLL|GNS),"
_NMEA_PAIR = (
    r"^[0-9]{2}[0-5][0-9]\.[0-9]{2,7} ?,? ?[NS] ?[, ] ?[0-9]{3}[0-5][0-9]\.[0-9]{2,7} ?,? ?[EW]$"
)
_MARK = r"(?:°|o| ?deg\.?|d)"  # o: what compatibility form makes of the ordinal sign
_PRIME = r"(?:['′’`‘]|m)"
_SECOND = r"""(?:["″”“]|''|′′|’’|s)"""
_DMS = (
    rf"[0-9]{{1,3}} ?{_MARK} ?(?:[0-5]?[0-9](?:[.,][0-9]+)? ?{_PRIME}? ?"
    rf"(?:[0-5]?[0-9](?:[.,][0-9]+)? ?{_SECOND}? ?)?)?"
)
_DEG = rf"[0-9]{{1,3}}[.,][0-9]{{2,}} ?{_MARK}? ?"
_NS, _EW = "[NSns北南сСюЮ]", "[EWOew东西東вВзЗ]"
_ANGLE = rf"(?:{_DMS}|{_DEG})"
_DMS_PAIR = (
    rf"^(?:{_ANGLE}{_NS}|{_NS} ?{_ANGLE})[ ,;/]*(?:{_ANGLE}{_EW}|{_EW} ?{_ANGLE})$"
    rf"|^(?:{_ANGLE}{_EW}|{_EW} ?{_ANGLE})[ ,;/]*(?:{_ANGLE}{_NS}|{_NS} ?{_ANGLE})$"
)
_OLC = "23456789CFGHJMPQRVWX"
_PLUS = (
    rf"(?i)^[2-9CFGHJMPQR][2-9CFGHJMPQRV](?:[{_OLC}]{{6}}\+(?:[{_OLC}]{{2,7}})?|"
    rf"[{_OLC}]{{2}}0000\+|[{_OLC}]{{4}}00\+)$"
)
_PLUS_SHORT = rf"^[{_OLC}]{{4}}\+[{_OLC}]{{2,3}},? \p{{L}}[\p{{L}} ,.'\-]+$"
_WORDS = (
    r"^(?:///|https?://(?:w3w\.co|what3words\.com)/)[\p{L}\p{M}]+\.[\p{L}\p{M}]+\.[\p{L}\p{M}]+$"
)
_WORDS_LOOSE = r"^[\p{L}\p{M}]{2,24}\.[\p{L}\p{M}]{2,24}\.[\p{L}\p{M}]{2,24}$"
_ZONE = r"(?:0?[1-9]|[1-5][0-9]|60)"
_MGRS = (
    rf"^{_ZONE} ?[C-HJ-NP-X] [A-HJ-NP-Z][A-HJ-NP-V] (?:[0-9]{{3}} [0-9]{{3}}|[0-9]{{4}} [0-9]{{4}}"
    rf"|[0-9]{{5}} [0-9]{{5}})$|^{_ZONE}[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V][0-9]{{10}}$"
)
_MGRS_LOOSE = rf"^{_ZONE} ?[C-HJ-NP-X] ?[A-HJ-NP-Z][A-HJ-NP-V] ?(?:[0-9]{{2}}){{1,5}}$"
_UTM = (
    rf"^(?:UTM )?{_ZONE} ?[C-HJ-NP-X],? [1-8][0-9]{{5}}(?:\.[0-9]+)? ?(?:mE)?,? "
    r"[0-9]{6,8}(?:\.[0-9]+)? ?(?:mN)?$"
)
_COORD = r"(?:[0-9A-F]{12}(?:[0-6][0-9A-F][4C]0|[0-9A-F]{2}[3B]F)|0{16})"
_COORD_BIG = r"(?:(?:[4C]0[0-6][0-9A-F]|[3B]F[0-9A-F]{2})[0-9A-F]{12}|0{16})"
_METRES = r"[0-9A-F]{12}[0-9A-F]{2}(?:[4C][01]|[3B]F)"
_HEXWKB = (
    rf"(?i)^(?:01(?:01000000|01000080|01000040|E9030000|0100002[0]E6100000|010000A0E6100000)"
    rf"{_COORD}{{2}}(?:[0-9A-F]{{16}})?"
    rf"|010100002[0][0-9A-F]{{4}}0000(?:{_METRES}){{2}}"
    rf"|00(?:00000001|0020000001[0-9A-F]{{8}}|20000001[0-9A-F]{{8}}){_COORD_BIG}{{2}}"
    rf"|01(?:02000000|0200002[0]E6100000)[0-9A-F]{{4}}0000{_COORD}{{2}}[0-9A-F]+)$"
)
_SIGNS = "digit dot dash slash space punct"
# Gates: a form is looked for only in values that are long enough and made of the right bytes.
_G_PAIR = gate((11, 90), _SIGNS, "digit dot space|punct|slash")
_G_LOOSE = gate((3, 90), _SIGNS, "digit")
_G_ISO = gate((12, 60), "digit dot dash slash letter", "digit dot slash|dash slash")
_G_NAMED = gate((10, 1 << 30), "", "digit letter space|punct|colon")
_G_URL = gate((20, 2_000), "", "digit letter colon slash dot")
_G_ANGLE = gate((3, 70), "", "digit letter|wide wide|punct|space|dot")
_G_NMEA = gate((12, 200), "", "digit upper dot punct|space")
_G_PLUS = gate(
    (8, 60), "digit letter slash space punct dash dot", "digit slash hexupper|upper|hexlower|lower"
)
_G_WORDS = gate((6, 80), "letter wide dot slash colon", "letter|wide dot")
_G_MGRS = gate((6, 40), "digit hexupper upper letter space dot punct", "digit hexupper|upper")
_G_HEX = gate((42, 1 << 30), "hex", "digit")

_MAPS = r"(?i)^https?://[^ ]*map"  # openstreetmap, google.com/maps, amap, map.baidu and the like
_AXIS_FORMS = {
    "lat": rf"^(?:{_ANGLE}{_NS}|{_NS} ?{_ANGLE}|[0-8][0-9][0-5][0-9]\.[0-9]{{2,7}} ?,? ?[NS])$",
    "lon": rf"^(?:{_ANGLE}{_EW}|{_EW} ?{_ANGLE}|[01][0-9]{{2}}[0-5][0-9]\.[0-9]{{2,7}} ?,? ?[EW])$",
}


def _any(*patterns: str) -> str:
    """One of the patterns, each tied to the start: tied once, the others are not searched for."""
    bare = [p.replace("|^", "|").removeprefix("^").replace("(?i)^", "(?i)") for p in patterns]
    return "^(?:" + "|".join(f"(?:{pattern})" for pattern in bare) + ")"


_ANGLES = _any(_DMS_PAIR)
_AXIS = {axis: _any(pattern) for axis, pattern in _AXIS_FORMS.items()}

# What tells by itself: gate, bytes that a value may begin with, pattern.
_TELLING = (
    (_G_ISO, b"+-", _ISO6709),
    (_G_NAMED, b"gGpPlLmMsS{[\"'(_", _any(_GEO_URI, _WKT, _GEOJSON, _JSON_PAIR, _JSON_TURNED)),
    (_G_NMEA, b"$0123456789", _any(_NMEA, _NMEA_PAIR)),
    (_G_PLUS, _OLC.encode() + _OLC.lower().encode(), _any(_PLUS, _PLUS_SHORT)),
    (_G_WORDS, b"/h", _WORDS),
    (_G_MGRS, b"0123456789U", _any(_MGRS, _UTM)),
    (_G_HEX, b"0", _any(_HEXWKB)),
)
_TELLING_ANGLE = b"0123456789NSEWnsew\xd1\xd0\xe5\xe4\xe6"
# What wants a name that tells.
_LOOSE = (
    (_G_LOOSE, _LOOSE_PAIR),
    (_G_NAMED, _AREA),
    (_G_WORDS, _WORDS_LOOSE),
    (_G_MGRS, _MGRS_LOOSE),
)


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Counts positions among strings."""
    told = 0
    pairs = text.select(_G_PAIR)
    if len(pairs):
        near = pairs.matching(_any(_PAIR, _PAIR_HIGH))
        told += near.count(_FAR) if len(near) else 0
    for by, first, pattern in _TELLING:
        told += _begun(text.select(by), first).count(pattern)
    links = _begun(text.select(_G_URL), b"hH")
    if len(links) and b"map" in links.values.buffers()[2].to_pybytes().lower():
        told += links.matching(_MAPS).count(_LINK)
    angles = _begun(text.select(_G_ANGLE), _TELLING_ANGLE)
    if len(angles):
        told += angles.count(_ANGLES)
        for axis, pattern in _AXIS.items():
            hits[f"pos.axis.{axis}"] += angles.count(pattern)
            hits[f"pos.degrees.{axis}"] += angles.matching(pattern).count("°")
    if told:
        hits["pos.text"] += told
    if "gps.loose" in wanted:
        hits["pos.loose"] += sum(text.select(by).count(pattern) for by, pattern in _LOOSE)


def _begun(text: Text, first: bytes) -> Text:
    """The values that begin with one of the bytes; none is empty."""
    if not len(text):
        return text
    _, offsets, data = text.values.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)
    starts = starts[text.values.offset : text.values.offset + len(text)]
    table = np.zeros(256, dtype=np.bool_)
    table[list(first)] = True
    found = table[np.frombuffer(data, dtype=np.uint8)[starts]]
    return text.keep(found) if not found.all() else text


# ---------------------------------------------------------------------------------------- numbers

CELL = 2.0  # degrees on a side of the coarse cells in which numbers are counted
_CELLS = tuple(f"pos.cell.{number}" for number in range(-90, 91))
_EDGE = 20_037_508.35  # metres from the middle of the Web Mercator map to its edge


def count_reals(values: NDArray[np.float64], hits: Counter[str]) -> None:
    """Counts over finite numbers: how finely they are written, how they lie, and other scales.

    Numbers within ±180 are narrowed step by step, to those with three decimals, with four, to
    those that are written with at most eight: what is no coordinate costs little.
    """
    if not values.size:
        return
    size = np.abs(values)
    inside = size <= 180
    within = int(np.count_nonzero(inside))
    if within:
        _count_degrees(values if within == values.size else values[inside], hits)
    if within < values.size:
        hits["pos.beyond"] += int(values.size) - within
        _count_scaled(size if within == 0 else size[~inside], hits)


def _off(values: NDArray[np.float64], scale: float, slack: float) -> NDArray[np.bool_]:
    """Which numbers are no multiples of 1/scale."""
    scaled = values * scale
    scaled -= np.rint(scaled)
    found: NDArray[np.bool_] = np.abs(scaled, out=scaled) > slack
    return found


def _count_degrees(values: NDArray[np.float64], hits: Counter[str]) -> None:
    fine = values[_off(values, 1e2, 1e-6)]
    if not fine.size:
        return
    hits["pos.fine.lon"] += int(fine.size)
    hits["pos.fine.lat"] += int(np.count_nonzero(np.abs(fine) <= 90))
    fine = fine[_off(fine, 1e3, 1e-6)]
    if not fine.size:
        return
    hits["pos.finer"] += int(fine.size)
    hits["pos.finest"] += int(np.count_nonzero(_off(fine, 1e4, 1e-6)))
    hits["pos.six"] += int(fine.size - np.count_nonzero(_off(fine, 1e6, 1e-5)))
    hits["pos.written"] += int(fine.size - np.count_nonzero(_off(fine, 1e8, 1e-4)))
    hits["pos.finer.lat"] += int(np.count_nonzero(np.abs(fine) <= 90))
    cells = np.floor(fine / CELL).astype(np.int64) + 90
    totals = np.bincount(cells, minlength=len(_CELLS))
    for number in np.flatnonzero(totals).tolist():
        hits[_CELLS[number]] += int(totals[number])


def _count_scaled(size: NDArray[np.float64], hits: Counter[str]) -> None:
    """Numbers beyond ±180: degrees times 1e5 to 1e7, degrees and minutes in one, metres."""
    whole = size == np.trunc(size)
    long = whole & (size >= 1e4) & (size <= 1.8e9)
    hits["pos.scaled.lon"] += int(np.count_nonzero(long))
    hits["pos.scaled.lat"] += int(np.count_nonzero(long & (size <= 9e8)))
    hits["pos.metres"] += int(np.count_nonzero((size >= 1_000) & (size <= _EDGE)))
    packed = size[~whole & (size <= 18_000)]
    if packed.size:
        right = packed - 100 * np.trunc(packed / 100) < 60
        hits["pos.nmea.lon"] += int(np.count_nonzero(right))
        hits["pos.nmea.lat"] += int(np.count_nonzero(right & (packed <= 9_000)))


def count_lists(
    numbers: NDArray[np.float64],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    hits: Counter[str],
) -> None:
    """Counts lists of two or three numbers that can be a position, in either order of the two.

    `starts` and `lengths` (none 0) say where in `numbers` each list lies. `point` wants a telling
    name; `point.fine` are written with five decimals or more, at most eight, off the middle.
    """
    short = starts[(lengths == 2) | (lengths == 3)]
    if not short.size:
        return
    one, two = numbers[short], numbers[short + 1]
    low, high = np.minimum(np.abs(one), np.abs(two)), np.maximum(np.abs(one), np.abs(two))
    inside = (high <= 180) & (low <= 90)
    broken = (one != np.trunc(one)) | (two != np.trunc(two))
    hits["point"] += int(np.count_nonzero(inside & broken))
    fine = inside & (high >= 4) & _off(one, 1e3, 1e-6) & _off(two, 1e3, 1e-6)
    one, two = one[fine], two[fine]
    written = ~_off(one, 1e8, 1e-4) & ~_off(two, 1e8, 1e-4)
    finest = _off(one, 1e4, 1e-6) | _off(two, 1e4, 1e-6)
    hits["point.fine"] += int(np.count_nonzero(written & finest))
