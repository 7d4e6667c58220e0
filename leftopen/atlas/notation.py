"""Positions as they are written: pairs, degrees and minutes, WKT, GeoJSON, links, codes, binary.

Given strings or bytes of one column, what each says; the column as a whole tells the order of a
pair that could be either. The form of a value is told from the value.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.atlas import grids
from leftopen.atlas.lookup import country_codes

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Degrees = tuple[Reals, Reals]
"""Latitudes and longitudes, NaN where there is none."""

_LONGEST = 4_096  # characters of a value that are looked at

# ----------------------------------------------------------------------------------------- angles

_NUMBER = r"^[+-]?[0-9]{1,12}(?:\.[0-9]{0,17})?$"
_MARK = r"(?:°|o|˚| ?deg\.?|d)"
_PRIME, _SECOND = r"(?:['’`‘′m])", r"""(?:["”“″s]|''|’’|′′)"""
_ANGLE = (
    rf"(?P<d%s>[0-9]{{1,3}}(?:[.,][0-9]+)?) ?{_MARK}? ?(?:(?P<m%s>[0-9]{{1,2}}(?:[.,][0-9]+)?) ?"
    rf"{_PRIME}? ?(?:(?P<s%s>[0-9]{{1,2}}(?:[.,][0-9]+)?) ?{_SECOND}? ?)?)?"
)
_NORTHS, _SOUTHS = "Nn北Сс", "Ss南Юю"
_EASTS, _WESTS = "Ee东東Вв", "Ww西Зз"
_LETTER = f"[{_NORTHS}{_SOUTHS}{_EASTS}{_WESTS}Oo]"
_ONE_ANGLE = (
    rf"^{_ANGLE % (1, 1, 1)} ?(?P<h1>{_LETTER})$",
    rf"^(?P<h1>{_LETTER}) ?{_ANGLE % (1, 1, 1)}$",
)
_TWO_ANGLES = (
    rf"^{_ANGLE % (1, 1, 1)} ?(?P<h1>{_LETTER})[ ,;/]*{_ANGLE % (2, 2, 2)} ?(?P<h2>{_LETTER})$",
    rf"^(?P<h1>{_LETTER}) ?{_ANGLE % (1, 1, 1)}[ ,;/]*(?P<h2>{_LETTER}) ?{_ANGLE % (2, 2, 2)}$",
)
_BARE_MARKS = rf"^(?P<g1>[+-]?){_ANGLE % (1, 1, 1)}$"
_NMEA_AXIS = r"^(?P<d1>[0-9]{2,3})(?P<m1>[0-9]{2}\.[0-9]{1,8}) ?,? ?(?P<h1>[NSEWnsew])$"


def angles(values: pa.Array) -> Degrees:
    """The numbers as they stand, and what is written as an angle with a sign or marks, in degrees.

    Not latitudes and longitudes: two readings of one axis.
    """
    nothing = np.full(len(values), np.nan)
    plain_numbers = numbers(values)
    if plain_numbers is not None:
        return plain_numbers, nothing
    text = distinct(values)
    if text is None:
        return nothing, nothing
    texts, back = text
    comma = pc.replace_substring(texts, ",", ".")
    plain = pc.match_substring_regex(comma, _NUMBER)
    bare = pc.if_else(plain, pc.utf8_ltrim(comma, characters="+"), None)
    raw = _real(bare)
    told = np.full(len(texts), np.nan)
    for pattern in (_NMEA_AXIS, *_ONE_ANGLE, _BARE_MARKS):
        found = pc.extract_regex(texts, pattern)
        angle = _degrees(found, 1)
        told = np.where(np.isnan(told) & np.isnan(raw), angle, told)
    return raw[back], told[back]


def _degrees(found: pa.StructArray, number: int, letters: str = "") -> Reals:
    """Degrees from the groups d, m, s and h of that number; south and west are below zero."""
    names = {found.type.field(place).name for place in range(found.type.num_fields)}

    def group(name: str) -> pa.Array:
        return pc.struct_field(found, name) if name in names else pa.nulls(len(found), pa.string())

    def amount(name: str) -> Reals:
        part = group(name)
        return _real(pc.if_else(pc.equal(part, ""), "0", pc.replace_substring(part, ",", ".")))

    whole, minutes, seconds = amount(f"d{number}"), amount(f"m{number}"), amount(f"s{number}")
    angle = whole + np.nan_to_num(minutes) / 60 + np.nan_to_num(seconds) / 3600
    half = group(f"h{number}")
    below = pc.is_in(half, pa.array([*_SOUTHS, *_WESTS, *letters]))
    below = pc.or_(
        pc.fill_null(below, False), pc.fill_null(pc.equal(group(f"g{number}"), "-"), False)
    )
    return np.where(below.to_numpy(zero_copy_only=False), -angle, angle)


# ------------------------------------------------------------------- both halves in one value

_NUM = r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?"
_KEY = r"""["']?[a-zA-Z_]{0,12}%s[a-zA-Z]{0,8}["']? ?[:=] ?["']?"""
_PLAIN = (  # groups lat and lon
    rf"(?i)^\W{{0,3}}{_KEY % 'lat'}(?P<lat>{_NUM})[\"',; &]{{1,4}}"
    rf"{_KEY % '(?:lon|lng)'}(?P<lon>{_NUM})",
    rf"(?i)^\W{{0,3}}{_KEY % '(?:lon|lng)'}(?P<lon>{_NUM})[\"',; &]{{1,4}}"
    rf"{_KEY % 'lat'}(?P<lat>{_NUM})",
    rf"(?i)^geo:(?P<lat>{_NUM}),(?P<lon>{_NUM})",
    r"(?i)^https?://[^ ]*?(?:[?&](?:q|ll|sll|query|center|destination|daddr|mlat)=(?:loc:)?|/@"
    rf"|#map=[0-9]{{1,2}}/|[?&]pt=)(?P<lat>{_NUM})(?:,|%2C|/|&mlon=)\+?(?P<lon>{_NUM})",
    r"^(?P<lat>[+-][0-9]{2}(?:\.[0-9]{1,12})?)(?P<lon>[+-][0-9]{3}(?:\.[0-9]{1,12})?)"
    r"(?:[+-][0-9.]{1,12})?(?:CRS[A-Za-z0-9_]+)?/?$",
)
_ISO = (  # ISO 6709 with minutes, and with seconds
    r"^(?P<g1>[+-])(?P<d1>[0-9]{2})(?P<m1>[0-9]{2}(?:\.[0-9]{1,12})?)"
    r"(?P<g2>[+-])(?P<d2>[0-9]{3})(?P<m2>[0-9]{2}(?:\.[0-9]{1,12})?)(?:[+-/C].*)?$",
    r"^(?P<g1>[+-])(?P<d1>[0-9]{2})(?P<m1>[0-9]{2})(?P<s1>[0-9]{2}(?:\.[0-9]{1,12})?)"
    r"(?P<g2>[+-])(?P<d2>[0-9]{3})(?P<m2>[0-9]{2})(?P<s2>[0-9]{2}(?:\.[0-9]{1,12})?)"
    r"(?:[+-/C].*)?$",
)
_NMEA = (
    r"^\$.*?,(?P<d1>[0-9]{2})(?P<m1>[0-9]{2}\.[0-9]{1,8}),(?P<h1>[NS]),"
    r"(?P<d2>[0-9]{3})(?P<m2>[0-9]{2}\.[0-9]{1,8}),(?P<h2>[EW])",
    r"^(?P<d1>[0-9]{2})(?P<m1>[0-9]{2}\.[0-9]{1,8}) ?,? ?(?P<h1>[NS]) ?[, ] ?"
    r"(?P<d2>[0-9]{3})(?P<m2>[0-9]{2}\.[0-9]{1,8}) ?,? ?(?P<h2>[EW])$",
)
_EASTING_FIRST = (  # groups x and y, in the order of OGC and of GeoJSON
    r"(?i)^(?:srid=(?P<srid>[0-9]{1,6}); ?)?(?:multi)?(?:point|linestring|polygon|"
    rf"geometrycollection) ?(?:zm?|m)? ?\([( a-z]{{0,40}}(?P<x>{_NUM}) (?P<y>{_NUM})",
    rf'^\{{.*"coordinates" ?: ?[\[ ]{{1,8}}(?P<x>{_NUM}) ?, ?(?P<y>{_NUM})',
)
_NORTHING_FIRST = (
    r"^(?P<x>[+-]?[0-9]{1,3},[0-9]{1,17})(?: ?[;/|] ?| )(?P<y>[+-]?[0-9]{1,3},[0-9]{1,17})$",
    rf"^[\[(]? ?(?P<x>{_NUM})(?: ?[,;/|] ?| )(?P<y>{_NUM})(?:(?: ?[,;] ?| ){_NUM}){{0,2}} ?[\])]?$",
)
_UTM = (
    r"(?i)^(?:UTM ?)?(?P<zone>[0-9]{1,2}) ?(?P<band>[C-HJ-NP-X]),? ?(?P<x>[1-9][0-9]{5}"
    r"(?:\.[0-9]+)?) ?(?:mE)?,? ?(?P<y>[0-9]{1,8}(?:\.[0-9]+)?) ?(?:mN)?$"
)
_HEX = r"^[0-9A-Fa-f]{42}[0-9A-Fa-f]*$"
_MGRS = r"(?i)^[0-9]{1,2} ?[C-HJ-NP-X] ?[A-HJ-NP-Z][A-HJ-NP-V] ?(?:[0-9]{1,5} ?[0-9]{1,5})?$"
_PLUS = r"(?i)^[2-9CFGHJMPQRVWX0]{8}\+[2-9CFGHJMPQRVWX]{0,7}$"
_H3 = r"(?i)^0?8[0-9a-f]{14}$"
_GEOHASH = r"(?i)^[0-9b-hjkmnp-z]{3,12}$"
_S2 = r"(?i)^(?:[0-9a-f]{1,16}|-?[0-9]{17,20})$"


@dataclass(slots=True)
class Read:
    """What was read of a column: `lat` and `lon` for sure, or `x` and `y` in an order that the
    column as a whole must tell; `north` says that the first is rather the latitude."""

    lat: Reals
    lon: Reals
    x: Reals
    y: Reals
    north: bool = True

    @staticmethod
    def nothing(many: int) -> Read:
        a, b, c, d = (np.full(many, np.nan) for _ in range(4))
        return Read(a, b, c, d)

    @property
    def open(self) -> NDArray[np.bool_]:
        """Where nothing was read yet."""
        return np.isnan(self.lat) & np.isnan(self.x)

    def take(self, at: Ints) -> Read:
        return Read(self.lat[at], self.lon[at], self.x[at], self.y[at], self.north)


def written(texts: pa.Array, kind: str, named_s2: bool) -> Read:
    """What different strings say, whatever form each is in."""
    read = Read.nothing(len(texts))
    if kind in ("gps.geohash", "gps.geocode"):
        _coded(read, texts, _GEOHASH, grids.geohash)
        return read
    if named_s2:
        _coded(read, texts, _S2, lambda codes: grids.s2(np.array([*map(_s2_id, codes)], np.uint64)))
        return read
    for pattern in _PLAIN:
        found = pc.extract_regex(texts, pattern)
        _fill(read, _real(pc.struct_field(found, "lat")), _real(pc.struct_field(found, "lon")))
    for pattern in (*_ISO, *_NMEA, *_TWO_ANGLES):
        _fill_angles(read, pc.extract_regex(texts, pattern))
    for pattern in _EASTING_FIRST:
        _fill_flat(read, pc.extract_regex(texts, pattern))
    _coded(read, texts, _UTM, _of_utm)
    _coded(read, texts, _MGRS, grids.mgrs)
    _coded(read, texts, _PLUS, grids.plus_code)
    _coded(read, texts, _H3, lambda codes: from_h3([int(code, 16) for code in codes]))
    hexed = pc.match_substring_regex(texts, _HEX).fill_null(False).to_numpy(zero_copy_only=False)
    codes = ((int(n), texts[int(n)].as_py()) for n in np.flatnonzero(hexed & read.open))
    fill_wkb(read, ((n, bytes.fromhex(code)) for n, code in codes if len(code) % 2 == 0))
    for pattern in _NORTHING_FIRST:
        found = pc.extract_regex(texts, pattern)
        at = read.open
        for name in ("x", "y"):
            number = _real(pc.replace_substring(pc.struct_field(found, name), ",", "."))
            setattr(read, name, np.where(at, number, getattr(read, name)))
    if kind == "trace.text" and read.open.mean() > 0.9:
        _coded(read, texts, _GEOHASH, grids.geohash)
    return read


def _fill(read: Read, lat: Reals, lon: Reals) -> None:
    at = read.open & np.isfinite(lat) & np.isfinite(lon)
    read.lat, read.lon = np.where(at, lat, read.lat), np.where(at, lon, read.lon)


def _fill_angles(read: Read, found: pa.StructArray) -> None:
    """Two angles, of which letters may say which is the latitude."""
    names = {found.type.field(place).name for place in range(found.type.num_fields)}
    letters, turned = "", np.zeros(len(found), dtype=np.bool_)
    if "h1" in names:
        firsts, seconds = pc.struct_field(found, "h1"), pc.struct_field(found, "h2")
        wests = pa.array([*_WESTS])
        seen = pc.any(pc.or_kleene(pc.is_in(firsts, wests), pc.is_in(seconds, wests))).as_py()
        letters = "" if seen else "Oo"  # Ost is east where west is W, Oeste and Ouest are west
        upward = pa.array([*_NORTHS, *_SOUTHS])
        turned = pc.is_in(seconds, upward).to_numpy(zero_copy_only=False)
        straight = pc.is_in(firsts, upward).to_numpy(zero_copy_only=False)
        told = turned != straight
    else:
        told = ~turned
    one, two = _degrees(found, 1, letters), _degrees(found, 2, letters)
    lat, lon = np.where(turned, two, one), np.where(turned, one, two)
    _fill(read, np.where(told, lat, np.nan), np.where(told, lon, np.nan))


def _fill_flat(read: Read, found: pa.StructArray) -> None:
    x, y = (_real(pc.struct_field(found, name)) for name in ("x", "y"))
    srids = np.zeros(len(x))
    if found.type.get_field_index("srid") >= 0:
        told = pc.struct_field(found, "srid")
        srids = np.nan_to_num(_real(pc.if_else(pc.equal(told, ""), None, told)))
    at = read.open & np.isfinite(x) & np.isfinite(y)
    _take_flat(read, np.flatnonzero(at), x[at], y[at], srids[at])


def _take_flat(read: Read, at: Ints, x: Reals, y: Reals, srids: Reals) -> None:
    """Eastings and northings of a grid by its EPSG number; degrees where it tells no other."""
    degrees = (np.abs(x) <= 180) & (np.abs(y) <= 180)
    read.x[at[degrees]], read.y[at[degrees]] = x[degrees], y[degrees]
    read.north = read.north and not degrees.any()
    metres = np.isin(srids, (3857, 900913, 102100)) & ~degrees
    read.lat[at[metres]], read.lon[at[metres]] = grids.web_mercator(x[metres], y[metres])
    base = srids - srids % 100
    zoned = np.isin(base, (32600, 32700, 25800)) & ~degrees
    zones, north = (srids % 100)[zoned], base[zoned] != 32700
    read.lat[at[zoned]], read.lon[at[zoned]] = grids.utm(zones, north, x[zoned], y[zoned])


def _coded(
    read: Read, texts: pa.Array, pattern: str, decode: Callable[[list[str]], Degrees]
) -> None:
    fits = pc.match_substring_regex(texts, pattern).fill_null(False).to_numpy(zero_copy_only=False)
    at = np.flatnonzero(fits & read.open)
    if at.size:
        read.lat[at], read.lon[at] = decode(texts.take(pa.array(at)).to_pylist())


def _of_utm(codes: list[str]) -> Degrees:
    found = pc.extract_regex(pa.array(codes), _UTM)
    zone, x, y = (_real(pc.struct_field(found, name)) for name in ("zone", "x", "y"))
    band = pc.utf8_upper(pc.struct_field(found, "band"))
    north = pc.greater_equal(band, "N").to_numpy(zero_copy_only=False)
    return grids.utm(zone, north, x, y)


def _s2_id(code: str) -> int:
    """An S2 cell id from its number, signed or not, or from its token."""
    if len(code) > 16 or code.startswith("-"):
        return int(code) % (1 << 64)
    return int(code.ljust(16, "0"), 16)


def from_h3(cells: Sequence[int]) -> Degrees:
    import h3.api.basic_int as h3

    found = [
        h3.cell_to_latlng(cell) if h3.is_valid_cell(cell) else (np.nan, np.nan) for cell in cells
    ]
    both = np.array(found, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def fill_wkb(read: Read, values: Iterable[tuple[int, bytes]]) -> None:
    found = [(n, *first) for n, value in values if (first := _first_of_wkb(value))]
    if found:
        at, x, y, srids = np.array(found, dtype=np.float64).T
        with np.errstate(invalid="ignore"):
            _take_flat(read, at.astype(np.int64), x, y, srids)


_SRID = 0x20000000
_POINTS = {16, 24, 32}  # bytes of two to four coordinates


def _first_of_wkb(value: bytes) -> tuple[float, float, float] | None:
    """Easting and northing of the first point of a shape in well-known binary, and its SRID.

    OGC 06-103r4, with PostGIS' flags, or with MySQL's four bytes of SRID before it.
    """
    found = _first_point(value, 0, 0)
    if found is None and len(value) > 4:
        found = _first_point(value, 4, 0)
        if found and not found[2]:
            found = (*found[:2], float(int.from_bytes(value[:4], "little")))
    return found


def _first_point(value: bytes, at: int, depth: int) -> tuple[float, float, float] | None:
    if depth > 3 or len(value) < at + 21 or value[at] > 1:
        return None
    order = "<" if value[at] else ">"
    (kind,) = struct.unpack_from(order + "I", value, at + 1)
    shape, start = (kind & 0x1FFFFFFF) % 1000, at + 5
    srid = 0
    if kind & _SRID:
        (srid,) = struct.unpack_from(order + "I", value, start)
        start += 4
    if (kind & 0x1FFFFFFF) >= 4000 or not 1 <= shape <= 7:
        return None
    if shape > 3:  # many of a shape, each with a head of its own
        inner = _first_point(value, start + 4, depth + 1)
        return (*inner[:2], float(srid) or inner[2]) if inner else None
    if shape == 1 and not depth and len(value) - start not in _POINTS:
        return None
    start += 4 * (shape - 1)  # how many points, or rings and points
    if len(value) < start + 16:
        return None
    x, y = struct.unpack_from(order + "2d", value, start)
    return x, y, float(srid)


def ordered(x: Reals, y: Reals, named: str, north: bool) -> Degrees:
    """Latitudes and longitudes from pairs whose order is told by what is possible, else by the
    field's name, else by where more of them lie on land, else by what is usual."""
    with np.errstate(invalid="ignore"):
        there = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & ((x != 0) | (y != 0)))
        one, two = x[there], y[there]
        if not there.size:
            return x, y
        fits = [
            float(np.mean((np.abs(a) <= 90) & (np.abs(b) <= 180)))
            for a, b in ((one, two), (two, one))
        ]
    if abs(fits[0] - fits[1]) > 0.02:
        north = fits[0] > fits[1]
    elif re.search(r"(?i)(?:lng|lon|long)[^a-z]{0,2}lat", named):
        north = False
    elif re.search(r"(?i)lat[^a-z]{0,2}(?:lng|lon)", named):
        north = True
    else:
        some = there[:: max(1, there.size // 256)]
        lands = [
            sum(code is not None for code in country_codes(b, a)) / some.size
            for a, b in ((x[some], y[some]), (y[some], x[some]))
        ]
        if abs(lands[0] - lands[1]) > 0.3:
            north = lands[0] > lands[1]
    return (x, y) if north else (y, x)


# ------------------------------------------------------------------------------------------ values


def distinct(values: pa.Array) -> tuple[pa.Array, Ints] | None:
    """The different strings, in compatibility form and trimmed, the last one null; and which each
    value is. None for what are no strings."""
    kind = values.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()):
        return None
    coded = values.cast(pa.large_string()).dictionary_encode()
    texts = pc.utf8_slice_codeunits(coded.dictionary, 0, _LONGEST)
    texts = pc.utf8_trim_whitespace(pc.utf8_normalize(texts, form="NFKC"))
    back = coded.indices.fill_null(len(texts)).to_numpy().astype(np.int64)
    return pa.concat_arrays([texts, pa.nulls(1, pa.large_string())]), back


def _real(texts: pa.Array) -> Reals:
    """Strings of digits as numbers; NaN for null."""
    found: Reals = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def numbers(values: pa.Array) -> Reals | None:
    """Numbers, NaN for null; None for what are no numbers."""
    kind = values.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        return None
    if pa.types.is_float16(kind):
        values = values.cast(pa.float32())
    found: Reals = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found
