"""The map of the HTML report: countries, the cells with people in them, where that is on Earth."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import h3

from leftopen.atlas import Map
from leftopen.model import Place
from leftopen.report import view
from leftopen.report.drawing import WIDTH

STEPS = 5  # shades of the ramp of people: 10, 100, 1,000, 10,000, 100,000 and more
WORLD_WIDTH = 112.0

_Point = tuple[float, float]  # longitude, latitude
_Bounds = tuple[float, float, float, float]  # west, south, east, north

_LEAST_SPAN = 8.0  # degrees from south to north: less shows no outline that one would know
_POLEMOST = 80.0  # degrees of latitude beyond which nobody is looked for
_SEEN = 3.0  # a smaller cell is drawn as a dot
_MANY = 400  # cells; more are drawn as the outline of all that have the same shade
_APART = 4  # of dots, where there are many


@dataclass(frozen=True, slots=True)
class Layer:
    """All cells of one shade: `areas` and `dots` are paths."""

    step: int
    areas: str
    dots: str


@dataclass(frozen=True, slots=True)
class Band:
    """A line of the legend."""

    step: int
    label: str


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A map. `land` and `held` are the outlines of countries, `held` of those with people;
    `window` is the part of the little world that is seen, None where it is all of it. The little
    world stands in the corner `inset`."""

    height: float
    land: str
    held: str
    layers: tuple[Layer, ...]
    legend: tuple[Band, ...]
    window: Rect | None
    inset: _Point | None


@dataclass(frozen=True, slots=True)
class World:
    """The little world that says where a map is, as one path."""

    width: float
    height: float
    path: str


def world() -> World:
    drawn = _world()
    path = "".join(path for _, path in drawn.countries)
    return World(WORLD_WIDTH, round(drawn.height, 1), path)


@cache
def _world() -> Map:
    return Map(None, WORLD_WIDTH)


def picture(place: Place) -> Picture | None:
    """The map of a store's places; None where nothing is known of them."""
    bands = {cell.h3: cell.people_band for cell in place.cells if h3.is_valid_cell(cell.h3)}
    if not bands and not place.countries:
        return None
    drawn = Map(_around([_turned(h3.cell_to_latlng(cell)) for cell in bands]), WIDTH)
    held = set(place.countries)
    part = drawn.bounds != _world().bounds
    return Picture(
        height=round(drawn.height, 1),
        land="".join(path for code, path in drawn.countries if code not in held),
        held="".join(path for code, path in drawn.countries if code in held),
        layers=_layers(drawn, bands),
        legend=_legend(bands.values()),
        window=_window(drawn.bounds) if part else None,
        inset=_free_corner(drawn, bands) if part else None,
    )


def _turned(at: tuple[float, float]) -> _Point:
    """H3 has latitude first, maps have longitude first."""
    return at[1], at[0]


def _around(points: Sequence[_Point]) -> _Bounds | None:
    """The smallest box that holds the points, west of east even across the date line."""
    if not points:
        return None
    longitudes = sorted({longitude for longitude, _ in points})
    gaps = [
        ((after - before) % 360 or 360.0, after, before)
        for before, after in zip(longitudes, longitudes[1:] + longitudes[:1], strict=True)
    ]
    _, west, east = max(gaps)
    latitudes = [max(-_POLEMOST, min(_POLEMOST, latitude)) for _, latitude in points]
    south, north = min(latitudes), max(latitudes)
    lacking = max(0.0, _LEAST_SPAN - (north - south)) / 2
    return west, south - lacking, east, north + lacking


def _layers(drawn: Map, bands: Mapping[str, str]) -> tuple[Layer, ...]:
    cells: dict[int, list[str]] = defaultdict(list)
    for cell, band in bands.items():
        cells[_step(band)].append(cell)
    return tuple(
        Layer(step, *_paths(drawn, cells[step], merged=len(bands) > _MANY))
        for step in sorted(cells)  # the most people on top
    )


def _paths(drawn: Map, cells: Iterable[str], *, merged: bool) -> tuple[str, str]:
    areas: list[str] = []
    dots: dict[tuple[int, int], None] = {}
    apart = _APART if merged else 1
    large: dict[int, list[str]] = defaultdict(list)
    for cell in cells:
        corners = [_turned(at) for at in h3.cell_to_boundary(cell)]
        x, y = drawn.point(*_turned(h3.cell_to_latlng(cell)))
        if 2 * max(abs(y - drawn.point(*corner)[1]) for corner in corners) < _SEEN:
            dots[round(x / apart) * apart, round(y / apart) * apart] = None
        elif merged:
            large[h3.get_resolution(cell)].append(cell)
        else:
            areas.append(drawn.path(corners))
    for alike in large.values():
        areas += [drawn.path(ring) for ring in _rings(alike)]
    # A line of no length with round ends is a dot.
    return "".join(areas), "".join(f"M{x} {y}h0" for x, y in dots)


def _rings(cells: Sequence[str]) -> Iterator[list[_Point]]:
    """The outlines of cells of one resolution, holes too."""
    shape = h3.cells_to_h3shape(cells, tight=False)
    for polygon in shape:
        for ring in (polygon.outer, *polygon.holes):
            yield [_turned(at) for at in ring]


def _numbers(band: str) -> list[int]:
    return [int(number.replace(",", "")[:15]) for number in re.findall(r"\d[\d,]*", band)]


def _step(band: str) -> int:
    """The shade of a band of people, 1 to STEPS, by the power of ten at which it begins."""
    numbers = _numbers(band)
    power = len(str(numbers[0])) - 1 if numbers else 1
    return min(STEPS, max(1, power))


def _legend(bands: Iterable[str]) -> tuple[Band, ...]:
    """The bands in rising order, as they are said."""
    told = sorted(set(bands), key=_numbers)
    return tuple(Band(_step(band), _said(band)) for band in told)


def _said(band: str) -> str:
    match _numbers(band):
        case [low, high]:
            return f"{view.number(low)} to {view.number(high)}"
        case [low]:
            return f"{view.number(low)} or more"
    return band


def _window(bounds: _Bounds) -> Rect:
    """The box on the little world, about as large as it is there."""
    west, south, east, north = bounds
    span = (east - west) % 360
    x, y = _world().point((west + span / 2 + 180) % 360 - 180, (south + north) / 2)
    width = max(4.0, WORLD_WIDTH * span / 360)
    height = max(4.0, _world().point(0, south)[1] - _world().point(0, north)[1])
    return Rect(
        round(x - width / 2, 1), round(y - height / 2, 1), round(width, 1), round(height, 1)
    )


def _free_corner(drawn: Map, bands: Mapping[str, str]) -> _Point:
    """Where the little world hides the fewest cells."""
    right, bottom = WIDTH - WORLD_WIDTH - 6, drawn.height - _world().height - 6
    corners = [(right, bottom), (6.0, bottom), (right, 6.0), (6.0, 6.0)]
    cells = [drawn.point(*_turned(h3.cell_to_latlng(cell))) for cell in bands]

    def hidden(corner: _Point) -> int:
        left, top = corner
        return sum(
            left <= x <= left + WORLD_WIDTH and top <= y <= top + _world().height for x, y in cells
        )

    return min(corners, key=hidden)
