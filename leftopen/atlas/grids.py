"""Codes and grids of the earth as degrees (WGS84): the middle of the cell that a code names.

Each function takes values of one column and gives latitudes and longitudes, NaN for what is no such
code. Sources: geohash (Niemeyer, 2008); Open Location Code specification (github.com/google/
open-location-code); S2 geometry (s2geometry.io, "S2 cells": quadratic projection, Hilbert curve);
UTM by Krüger's series (Karney, "Transverse Mercator with an accuracy of a few nanometers", 2011, to
third order) and MGRS as in NGA.STND.0037; GCJ-02 as reverse engineered in the open (the constants
are of the Krasovsky ellipsoid), undone by one step of its own shift, which leaves some metres.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Degrees = tuple[Reals, Reals]
"""Latitudes and longitudes."""

# -------------------------------------------------------------------------- codes of nested boxes

_GEOHASH = "0123456789bcdefghjkmnpqrstuvwxyz"
_OLC = "23456789CFGHJMPQRVWX"
_OLC_FORM = re.compile(r"([2-9CFGHJMPQRVWX0]{8})\+([2-9CFGHJMPQRVWX]{0,7})$")


def geohash(codes: Sequence[str]) -> Degrees:
    """From geohashes of 1 to 12 characters, in either case."""
    return _each(codes, _of_geohash)


def _of_geohash(code: str) -> tuple[float, float] | None:
    digits = [_GEOHASH.find(letter) for letter in code.lower()]
    if not 1 <= len(digits) <= 12 or min(digits) < 0:
        return None
    box = [[-180.0, 180.0], [-90.0, 90.0]]
    bits = (digit >> shift & 1 for digit in digits for shift in range(4, -1, -1))
    for number, bit in enumerate(bits):
        axis = box[number % 2]
        axis[1 - bit] = sum(axis) / 2
    return sum(box[1]) / 2, sum(box[0]) / 2


def plus_code(codes: Sequence[str]) -> Degrees:
    """From full plus codes; short ones, that want a place beside them, are none."""
    return _each(codes, _of_plus_code)


def _of_plus_code(code: str) -> tuple[float, float] | None:
    found = _OLC_FORM.match(code.strip().upper())
    if not found:
        return None
    digits = found[1].rstrip("0") + found[2]
    if "0" in digits or (len(digits) % 2 and len(digits) < 10):
        return None
    low, size = [-90.0, -180.0], [400.0, 400.0]  # of latitude and longitude
    for number, letter in enumerate(digits[:10]):
        axis = number % 2
        size[axis] /= 20
        low[axis] += _OLC.index(letter) * size[axis]
    for letter in digits[10:]:
        row, column = divmod(_OLC.index(letter), 4)
        size = [size[0] / 5, size[1] / 4]
        low = [low[0] + row * size[0], low[1] + column * size[1]]
    return low[0] + size[0] / 2, low[1] + size[1] / 2


def _each(codes: Sequence[str], one: Callable[[str], tuple[float, float] | None]) -> Degrees:
    found = [one(code) or (np.nan, np.nan) for code in codes]
    both = np.array(found, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


# --------------------------------------------------------------------------------------------- S2

_TURNED = np.array([[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]])  # curve to square
_TURNS = np.array([1, 0, 0, 3])


def s2(cells: NDArray[np.uint64]) -> Degrees:
    """From S2 cell ids of any level."""
    with np.errstate(over="ignore"):
        last = cells & (~cells + np.uint64(1))
    face = (cells >> np.uint64(61)).astype(np.int64)
    valid = (face < 6) & (last != 0) & ((last & np.uint64(0x1555555555555555)) != 0)
    turn = face & 1
    i, j = np.zeros(len(cells), dtype=np.int64), np.zeros(len(cells), dtype=np.int64)
    size = np.ones(len(cells))
    for level in range(29, -1, -1):
        used = last < (np.uint64(1) << np.uint64(2 * level + 1))
        step = (cells >> np.uint64(2 * level + 1)).astype(np.int64) & 3
        at = _TURNED[turn, step]
        i, j = np.where(used, i << 1 | at >> 1, i), np.where(used, j << 1 | at & 1, j)
        turn = np.where(used, turn ^ _TURNS[step], turn)
        size = np.where(used, size / 2, size)
    u, v = (_quadratic((one + 0.5) * size) for one in (i, j))
    one = np.ones(len(cells))
    sides = np.array(
        [(one, u, v), (-u, one, v), (-u, -v, one), (-one, -v, -u), (v, -one, -u), (v, u, -one)]
    )
    x, y, z = sides[np.where(valid, face, 0), :, np.arange(len(cells))].T
    lat, lon = np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))
    return np.where(valid, lat, np.nan), np.where(valid, lon, np.nan)


def _quadratic(s: Reals) -> Reals:
    found: Reals = np.where(s >= 0.5, (4 * s * s - 1) / 3, (1 - 4 * (1 - s) ** 2) / 3)
    return found


# --------------------------------------------------------------------------- metres on a flat map

_RADIUS, _FLATTENING = 6_378_137.0, 1 / 298.257223563  # WGS84
_BANDS = "CDEFGHJKLMNPQRSTUVWX"  # of 8 degrees each from 80 south
_COLUMNS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_MGRS = re.compile(r"([0-9]{1,2})([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])([0-9]{0,10})$")


def utm(zone: Reals, north: NDArray[np.bool_], easting: Reals, northing: Reals) -> Degrees:
    """From zones 1 to 60, whether north of the equator, and metres."""
    n = _FLATTENING / (2 - _FLATTENING)
    radius = _RADIUS / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    beta = (n / 2 - 2 / 3 * n**2 + 37 / 96 * n**3, n**2 / 48 + n**3 / 15, 17 / 480 * n**3)
    delta = (2 * n - 2 / 3 * n**2 - 2 * n**3, 7 / 3 * n**2 - 8 / 5 * n**3, 56 / 15 * n**3)
    valid = (zone >= 1) & (zone <= 60) & (np.abs(easting - 5e5) < 1e6) & (np.abs(northing) <= 1e7)
    east, up = np.where(valid, easting, 5e5), np.where(valid, northing, 0.0)
    xi = (up - np.where(north, 0.0, 1e7)) / (0.9996 * radius)
    eta = (east - 5e5) / (0.9996 * radius)
    along, across = xi.copy(), eta.copy()
    for order, b in enumerate(beta, 1):
        along -= b * np.sin(2 * order * xi) * np.cosh(2 * order * eta)
        across -= b * np.cos(2 * order * xi) * np.sinh(2 * order * eta)
    chi = np.arcsin(np.sin(along) / np.cosh(across))
    lat = chi + sum(d * np.sin(2 * order * chi) for order, d in enumerate(delta, 1))
    lon = np.degrees(np.arctan2(np.sinh(across), np.cos(along))) + 6 * zone - 183
    return np.where(valid, np.degrees(lat), np.nan), np.where(valid, lon, np.nan)


def mgrs(codes: Sequence[str]) -> Degrees:
    """From MGRS references, with or without spaces, of squares of 100 km down to 1 m."""
    parts = np.array([_of_mgrs(code) for code in codes], dtype=np.float64).reshape(-1, 4)
    return utm(parts[:, 0], parts[:, 1] > 0, parts[:, 2], parts[:, 3])


def _of_mgrs(code: str) -> tuple[float, float, float, float]:
    """Zone, north (1 or 0), easting and northing."""
    nothing = (np.nan, 0.0, np.nan, np.nan)
    found = _MGRS.match(code.upper().replace(" ", ""))
    if not found or len(found[5]) % 2:
        return nothing
    zone, half = int(found[1]), len(found[5]) // 2
    column = _COLUMNS.index(found[3]) - (zone - 1) % 3 * 8
    if not (1 <= zone <= 60 and 0 <= column < 8):
        return nothing
    size = 10.0 ** (5 - half)
    east, north = (int(part or 0) * size + size / 2 for part in (found[5][:half], found[5][half:]))
    row = (_ROWS.index(found[4]) - (0 if zone % 2 else 5)) % 20
    up = row * 1e5 + north
    south_edge = _BANDS.index(found[2]) * 8 - 80
    least = south_edge * 110_500.0 + (1e7 if south_edge < 0 else 0.0) - 1e5
    while up < least:  # the letters begin anew every 2,000 km
        up += 2e6
    return zone, float(south_edge >= 0), (column + 1) * 1e5 + east, up


def web_mercator(x: Reals, y: Reals) -> Degrees:
    """From metres of EPSG:3857."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.degrees(np.arctan(np.sinh(y / _RADIUS))), np.degrees(x / _RADIUS)


# --------------------------------------------------------------------- maps that China has shifted

_AXIS, _ECCENTRICITY = 6_378_245.0, 0.00669342162296594323


def from_gcj02(lat: Reals, lon: Reals) -> Degrees:
    """From the shifted coordinates of maps in China; those elsewhere stay."""
    x, y = lon - 105.0, lat - 35.0
    waves = (20 * np.sin(6 * x * np.pi) + 20 * np.sin(2 * x * np.pi)) * 2 / 3
    up = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + waves
    up += (20 * np.sin(y * np.pi) + 40 * np.sin(y / 3 * np.pi)) * 2 / 3
    up += (160 * np.sin(y / 12 * np.pi) + 320 * np.sin(y * np.pi / 30)) * 2 / 3
    along = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + waves
    along += (20 * np.sin(x * np.pi) + 40 * np.sin(x / 3 * np.pi)) * 2 / 3
    along += (150 * np.sin(x / 12 * np.pi) + 300 * np.sin(x / 30 * np.pi)) * 2 / 3
    turn = np.radians(lat)
    bend = 1 - _ECCENTRICITY * np.sin(turn) ** 2
    up_degrees = np.degrees(up / (_AXIS * (1 - _ECCENTRICITY) / bend**1.5))
    along_degrees = np.degrees(along / (_AXIS / np.sqrt(bend) * np.cos(turn)))
    china = (lat > 0.8293) & (lat < 55.8271) & (lon > 72.004) & (lon < 137.8347)
    return np.where(china, lat - up_degrees, lat), np.where(china, lon - along_degrees, lon)


def from_bd09(lat: Reals, lon: Reals) -> Degrees:
    """From the coordinates of Baidu's maps, which are shifted once more."""
    x, y, swing = lon - 0.0065, lat - 0.006, np.pi * 3000 / 180
    far = np.hypot(x, y) - 0.00002 * np.sin(y * swing)
    turn = np.arctan2(y, x) - 0.000003 * np.cos(x * swing)
    return from_gcj02(far * np.sin(turn), far * np.cos(turn))
