"""Where the records of a batch are: coordinates in the many forms that stores keep them in.

Which fields hold positions, and which hold latitudes or longitudes, is the classifier's word; in
what form and on what scale they are written is told here from the values of the column together.
What names a place only with a key that is not public (what3words), or with a grid that is not
told (metres of a national grid), stays unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.atlas import grids, notation
from leftopen.model import FieldProfile

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Degrees = tuple[Reals, Reals]
"""Latitudes and longitudes, NaN where there is none."""

MOST = 1 << 18  # positions read of one collection
_VALUES = 1 << 18  # values of one field in one batch, in lists
_DEPTH = 16  # levels of lists and structs
_NONE = np.zeros(0, dtype=np.float64)
_FAMILIES = frozenset({"gps", "location_trace"})


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions in degrees (WGS84), and the record that each is of."""

    rows: Ints
    latitudes: Reals
    longitudes: Reals

    @staticmethod
    def joined(parts: Sequence[Positions]) -> Positions:
        if not parts:
            return Positions(np.zeros(0, dtype=np.int64), _NONE, _NONE)
        return Positions(
            np.concatenate([part.rows for part in parts])[:MOST],
            np.concatenate([part.latitudes for part in parts])[:MOST],
            np.concatenate([part.longitudes for part in parts])[:MOST],
        )


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one path, nulls included, and the record of each.

    `lengths` are those of the innermost lists, where the values lie in lists.
    """

    values: pa.Array
    rows: Ints
    lengths: Ints | None = None


def columns(batch: pa.RecordBatch, wanted: Iterable[str]) -> dict[str, Column]:
    """The columns of the wanted paths, named as the classifier names them (`a.b`, `a[]`)."""
    paths = frozenset(wanted)
    found: dict[str, Column] = {}
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        if any(path.startswith(name) for path in paths):
            rows = np.arange(batch.num_rows, dtype=np.int64)
            for path, column in _opened(name, Column(values, rows), "[]" in name or "*" in name, 0):
                if path in paths and path not in found:
                    found[path] = column
    return found


def _opened(path: str, column: Column, listed: bool, depth: int) -> Iterable[tuple[str, Column]]:
    values, rows = column.values, column.rows
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    if depth >= _DEPTH:
        return
    if pa.types.is_struct(kind):
        for number, inner in enumerate(values.flatten()):
            part = Column(inner, rows, column.lengths)
            yield from _opened(f"{path}.{kind.field(number).name}", part, False, depth + 1)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or _fixed(kind):
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy().astype(np.int64)
        inner = Column(values.flatten()[:_VALUES], np.repeat(rows, lengths), lengths)
        inner = Column(inner.values, inner.rows[: len(inner.values)], lengths)
        yield from _opened(path if listed else f"{path}[]", inner, False, depth + 1)
    elif not pa.types.is_nested(kind):
        yield path, Column(values, rows, column.lengths)


def _fixed(kind: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_list(kind))


# ------------------------------------------------------------------------------ what is held where


def positions(fields: Mapping[str, FieldProfile], batches: Sequence[pa.RecordBatch]) -> Positions:
    """The positions of all records; rows are numbered through all batches."""
    placed = [path for path, field in fields.items() if _is_position(field)]
    axes = {path: axis for path in placed if (axis := _axis(fields[path])) is not None}
    points = [path for path in placed if path not in axes]
    opened = _numbered(batches, placed)
    pairs = _pairs(axes)
    lettered = _lettered(batches) if pairs else []
    found = [_pair(lat, lon, opened, lettered, axes) for lat, lon in pairs]
    found += (_points(path, fields[path].kind, opened) for path in points)
    return Positions.joined([_possible(part) for part in found])


def _is_position(field: FieldProfile) -> bool:
    towers = field.kind in ("trace.tower", "trace.gate")
    return field.family in _FAMILIES and not towers


def _axis(field: FieldProfile) -> str | None:
    """`lat` or `lon`, where the field is half of a position."""
    parts = field.kind.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ("lat", "lon") else None


def _numbered(batches: Sequence[pa.RecordBatch], paths: Sequence[str]) -> dict[str, list[Column]]:
    """Of each path the columns of all batches, rows numbered through, batch by batch."""
    found: dict[str, list[Column]] = {path: [] for path in paths}
    first = 0
    for batch in batches:
        met = columns(batch, paths)
        for path in paths:
            column = met.get(path)
            if column is None:
                column = Column(pa.nulls(batch.num_rows), np.arange(batch.num_rows))
            found[path].append(Column(column.values, column.rows + first, column.lengths))
        first += batch.num_rows
    return found


def _possible(found: Positions) -> Positions:
    """Those that are somewhere on earth; 0, 0 is what stands for no position."""
    lat, lon = found.latitudes, found.longitudes
    with np.errstate(invalid="ignore"):
        right = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)
        right &= (np.abs(lat) > 1e-6) | (np.abs(lon) > 1e-6)
    return Positions(found.rows[right], lat[right], lon[right])


# ------------------------------------------------------------------------- a latitude, a longitude

_PART = re.compile(r"(?i)min(?:s|ute|uten|utes|utos)?$|sec(?:s|onds?)?$|sekunden|segundos|分$|秒$")


def _pairs(axes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Latitudes and longitudes that belong together: those whose paths are most alike."""
    lats = [path for path, axis in axes.items() if axis == "lat" and not _PART.search(path)]
    lons = [path for path, axis in axes.items() if axis == "lon" and not _PART.search(path)]
    if len(lats) * len(lons) > 10_000:
        lats, lons = lats[:100], lons[:100]
    place = {path: number for number, path in enumerate(axes)}
    ranked = sorted(
        product(lats, lons),
        key=lambda pair: (-_alike(*pair), abs(place[pair[0]] - place[pair[1]]), pair),
    )
    found: list[tuple[str, str]] = []
    taken: set[str] = set()
    for lat, lon in ranked:
        near = lat.rpartition(".")[0] == lon.rpartition(".")[0]
        if lat not in taken and lon not in taken and (near or _alike(lat, lon) > 0.5):
            found.append((lat, lon))
            taken |= {lat, lon}
    return found


def _alike(one: str, other: str) -> float:
    """The share of the shorter of two paths that begins and ends like the other."""
    most = min(len(one), len(other))
    start = next((i for i in range(most) if one[i] != other[i]), most)
    end = next((i for i in range(most - start) if one[~i] != other[~i]), most - start)
    return (start + end) / max(most, 1)


def _pair(
    lat: str,
    lon: str,
    opened: Mapping[str, Sequence[Column]],
    lettered: Sequence[Mapping[str, tuple[str, pa.Array]]],
    axes: Mapping[str, str],
) -> Positions:
    parts: list[tuple[Ints, Reals, Reals, Reals, Reals]] = []
    for number, both in enumerate(zip(opened[lat], opened[lon], strict=True)):
        rows, halves = _aligned(*both)
        units = {path: opened[path][number] for path in axes}
        raw_up, told_up = notation.angles(halves[0].values)
        raw_along, told_along = notation.angles(halves[1].values)
        raw_up = _refined(raw_up, lat, axes, units)
        parts.append((rows, raw_up, told_up, _refined(raw_along, lon, axes, units), told_along))
    if not parts:
        return Positions.joined([])
    rows = np.concatenate([part[0] for part in parts])
    raw_up, told_up, raw_along, told_along = (
        np.concatenate([part[number] for part in parts]) for number in range(1, 5)
    )
    up, along = _scaled(raw_up, raw_along, f"{lat} {lon}")
    up = _signed(up, rows, _hemispheres(lat, "NS", lettered))
    along = _signed(along, rows, _hemispheres(lon, "EW", lettered))
    latitudes = np.where(np.isnan(told_up), up, told_up)
    longitudes = np.where(np.isnan(told_along), along, told_along)
    return Positions(rows, *_unshifted(latitudes, longitudes, f"{lat} {lon}"))


def _refined(
    whole: Reals, path: str, axes: Mapping[str, str], opened: Mapping[str, Column]
) -> Reals:
    """Whole degrees with the minutes and seconds that stand in columns of their own."""
    told = np.isfinite(whole)
    if not told.any() or (whole[told] != np.trunc(whole[told])).any():
        return whole
    found = whole
    for other, axis in axes.items():
        unit = _PART.search(other)
        beside = other.rpartition(".")[0] == path.rpartition(".")[0]
        if unit is None or axis != axes[path] or not beside:
            continue
        part = notation.angles(opened[other].values)[0]
        if len(part) == len(whole) and np.nanmax(part, initial=0.0) < 60:
            size = 60.0 if unit[0][0] in "mM分" else 3600.0
            found = found + np.where(np.signbit(whole), -1, 1) * np.nan_to_num(np.abs(part)) / size
    return found


def _aligned(one: Column, other: Column) -> tuple[Ints, tuple[Column, Column]]:
    """The values that stand together; records that have more of one than of the other have none."""
    if len(one.rows) == len(other.rows) and (one.rows == other.rows).all():
        return one.rows, (one, other)
    most = int(max(one.rows.max(initial=-1), other.rows.max(initial=-1))) + 1
    same = np.bincount(one.rows, minlength=most) == np.bincount(other.rows, minlength=most)
    kept = [
        Column(column.values.filter(pa.array(same[column.rows])), column.rows[same[column.rows]])
        for column in (one, other)
    ]
    return kept[0].rows, (kept[0], kept[1])


def _scaled(lat: Reals, lon: Reals, named: str) -> Degrees:
    """Numbers as degrees, whatever they are multiples of, as far as the columns together tell."""
    with np.errstate(invalid="ignore", over="ignore"):
        both = np.isfinite(lat) & np.isfinite(lon) & ((lat != 0) | (lon != 0))
        if not both.any():
            return lat, lon
        if _fits(lat[both], lon[both], 0.5):
            return lat, lon
        if _fits(lon[both], lat[both], 0.9):  # under each other's names
            return lon, lat
        if re.search(r"(?i)mercator|3857|900913", named):
            return grids.web_mercator(lon, lat)
        whole = (lat[both] == np.trunc(lat[both])) & (lon[both] == np.trunc(lon[both]))
        if whole.mean() > 0.9:
            scales = [10.0 ** int(told) for told in re.findall(r"(?i)1?e([4-7])", named)[:1]]
            for scale in (*scales, 1e5, 1e6, 1e7, 3.6e6):
                if _fits(lat[both] / scale, lon[both] / scale, 0.9):
                    return lat / scale, lon / scale
            return np.full_like(lat, np.nan), np.full_like(lon, np.nan)
        packed = _unpacked(lat), _unpacked(lon)
        better = _fitting(packed[0][both], packed[1][both]) > _fitting(lat[both], lon[both])
        return packed if better else (lat, lon)


def _fits(lat: Reals, lon: Reals, share: float) -> bool:
    return _fitting(lat, lon) >= share


def _fitting(lat: Reals, lon: Reals) -> float:
    """The share of pairs that can be degrees."""
    return float(np.mean((np.abs(lat) <= 90) & (np.abs(lon) <= 180)))


def _unpacked(numbers: Reals) -> Reals:
    """Degrees from degrees and minutes in one number, as NMEA has them: 4807.038 is 48° 7.038'."""
    whole = np.trunc(numbers / 100)
    minutes = numbers - 100 * whole
    found: Reals = np.where(np.abs(minutes) < 60, whole + minutes / 60, np.nan)
    return found


def _lettered(batches: Sequence[pa.RecordBatch]) -> list[dict[str, tuple[str, pa.Array]]]:
    """Of each batch the columns that hold nothing but N and S, or E and W."""
    found: list[dict[str, tuple[str, pa.Array]]] = []
    for batch in batches:
        met: dict[str, tuple[str, pa.Array]] = {}
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
                some = values.slice(0, 50).unique().drop_null().to_pylist()
                for letters in ("NS", "EW"):
                    if some and all(len(one) == 1 and one.upper() in letters for one in some):
                        met[name] = letters, values
        found.append(met)
    return found


def _hemispheres(
    path: str, letters: str, lettered: Sequence[Mapping[str, tuple[str, pa.Array]]]
) -> NDArray[np.bool_] | None:
    """Which records are south or west, from a column of such letters beside `path`."""
    parent = path.rpartition(".")[0]
    below: list[NDArray[np.bool_]] = []
    for met in lettered:
        beside = [
            (_alike(path, name), values)
            for name, (said, values) in met.items()
            if said == letters and name.rpartition(".")[0] == parent
        ]
        if not beside:
            return None
        _, values = max(beside, key=lambda one: one[0])
        turned = pc.fill_null(pc.equal(pc.utf8_upper(values), letters[1]), False)
        below.append(turned.to_numpy(zero_copy_only=False))
    return np.concatenate(below) if below else None


def _signed(degrees: Reals, rows: Ints, below: NDArray[np.bool_] | None) -> Reals:
    with np.errstate(invalid="ignore"):
        if below is None or (degrees < 0).any():
            return degrees
    found: Reals = np.where(below[rows], -degrees, degrees)
    return found


def _unshifted(lat: Reals, lon: Reals, named: str) -> Degrees:
    """Coordinates of maps that China has shifted, where the fields' names say so."""
    if re.search(r"(?i)bd.?09|baidu|百度", named):
        return grids.from_bd09(lat, lon)
    if re.search(r"(?i)gcj.?02|amap|gaode|高德|火星", named):
        return grids.from_gcj02(lat, lon)
    return lat, lon


# -------------------------------------------------------------------------- positions in one value


def _points(path: str, kind: str, opened: Mapping[str, Sequence[Column]]) -> Positions:
    rows: list[Ints] = []
    reads: list[notation.Read] = []
    for column in opened[path]:
        at, read = _values(path, kind, column)
        rows.append(at)
        reads.append(read)
    if not reads:
        return Positions.joined([])
    lat, lon, x, y = (
        np.concatenate([getattr(read, name) for read in reads]) for name in ("lat", "lon", "x", "y")
    )
    turned = notation.ordered(x, y, path, any(read.north for read in reads))
    lat, lon = (np.where(np.isnan(lat), turned[0], lat), np.where(np.isnan(lat), turned[1], lon))
    return Positions(np.concatenate(rows), *_unshifted(lat, lon, path))


def _values(path: str, kind: str, column: Column) -> tuple[Ints, notation.Read]:
    """The records and what was read of them."""
    values = column.values
    named_s2 = kind == "gps.s2" or re.search(r"(?i)\bs2|s2[_.]?cell|cell_?token", path) is not None
    if pa.types.is_integer(values.type) and column.lengths is None:
        numbers = values.fill_null(0).cast(pa.int64(), safe=False).to_numpy().view(np.uint64)
        read = notation.Read.nothing(len(numbers))
        read.lat, read.lon = grids.s2(numbers) if named_s2 else notation.from_h3(numbers.tolist())
        return column.rows, read
    if notation.numbers(values) is not None:
        return (
            _lists(path, column)
            if column.lengths is not None
            else (column.rows[:0], notation.Read.nothing(0))
        )
    if (
        pa.types.is_binary(values.type)
        or pa.types.is_large_binary(values.type)
        or _sized(values.type)
    ):
        read = notation.Read.nothing(len(values))
        notation.fill_wkb(read, ((n, value) for n, value in enumerate(values.to_pylist()) if value))
        return column.rows, read
    text = notation.distinct(values)
    if text is None:
        return column.rows[:0], notation.Read.nothing(0)
    return column.rows, notation.written(text[0], kind, named_s2).take(text[1])


def _sized(kind: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_binary(kind))


def _lists(path: str, column: Column) -> tuple[Ints, notation.Read]:
    """Lists of two or three numbers, or of pairs end to end, as `coordinates` of lines are."""
    numbers, lengths = notation.numbers(column.values), column.lengths
    assert numbers is not None
    assert lengths is not None
    starts = np.cumsum(lengths) - lengths
    step = np.where(lengths <= 3, np.maximum(lengths, 1), np.where(lengths % 2 == 0, 2, 3))
    right = (lengths == 2) | (lengths == 3)
    if path.endswith(("[][]", "coordinates[]")):
        right |= (lengths > 3) & (lengths % step == 0)
    starts, lengths, step = starts[right], lengths[right], step[right]
    many = lengths // step
    first = np.repeat(starts, many) + np.repeat(step, many) * (
        np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
    )
    first = first[first + 1 < len(numbers)]
    read = notation.Read.nothing(len(first))
    read.x, read.y, read.north = numbers[first], numbers[first + 1], False
    return column.rows[first], read
