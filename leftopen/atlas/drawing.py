"""Maps as SVG path data: the whole world, or what lies in a box."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from leftopen.atlas.clipping import Bounds, within
from leftopen.atlas.topology import Line, Outline, ring, topology, unwound

if TYPE_CHECKING:
    import shapely

_WORLD: Bounds = (-180.0, -58.0, 180.0, 84.0)  # without Antarctica
_WIDEST = 120.0  # degrees of longitude from which on the whole world is shown instead
_MARGIN = 0.12  # of the box's size, on each side
_SMALLEST = 3.0  # degrees of latitude that a map shows at the least
_HIGHEST = 110.0  # and at the most
_FLATTEST, _TALLEST = 0.4, 0.65  # height over width of a map of a box
_FINEST = 0.45  # as a share of the unit of width: what is smaller is not drawn
_FULL = 1_000.0  # width from which on the world is not drawn more finely
_OUTSIDE = 4.0  # how far beyond the picture lines go on, so that where they end is not seen


def project(lon: float, lat: float) -> tuple[float, float]:
    """A point on the Natural Earth projection: x in ±2.735, y in ±1.422, north is up.

    Source: Šavrič, Jenny, Patterson, Petrovič, Hurni, "A polynomial equation for the Natural Earth
    projection", Cartography and Geographic Information Science 38 (4), 2011.
    """
    x, y = _natural(np.array([[lon, lat]], dtype=np.float64))[0].tolist()
    return x, y


def _natural(points: Line) -> Line:
    turn, rise = np.radians(points[:, 0]), np.radians(points[:, 1])
    two = rise * rise
    four = two * two
    wide = 0.8707 - 0.131979 * two + four * (-0.013791 + four * (0.003971 * two - 0.001529 * four))
    high = 1.007226 + two * (0.015085 + four * (-0.044475 + 0.028874 * two - 0.005916 * four))
    return np.column_stack([turn * wide, rise * high])


class Map:
    """A map `width` units wide, to be drawn in a viewBox of `0 0 width height`.

    `bounds` are what it must show: a margin is added, and land beside it for a picture of a good
    shape. The map of a box has equal scales on its middle parallel. Where the box spans much of
    the globe, or without one, it is the whole world on the Natural Earth projection, and without
    Antarctica unless the box reaches there. ValueError for bounds that are none.
    """

    def __init__(self, bounds: Bounds | None = None, width: float = 960.0) -> None:
        if not (width > 0 and math.isfinite(width)):
            raise ValueError("a map has a width")
        self.width = width
        box = _framed(bounds) if bounds is not None else None
        antarctic = bounds is not None and min(bounds[1], bounds[3]) < _WORLD[1]
        self._whole = box is None
        self.bounds: Bounds = box or (_WORLD[0], -90.0 if antarctic else _WORLD[1], *_WORLD[2:])
        west, south, east, north = self.bounds
        self._squeeze = _narrowing(south, north)
        edge = np.array([[west, 0.0], [east, 0.0], [0.0, south], [0.0, north]])
        (left, _), (right, _), (_, low), (_, high) = self._projected(edge).tolist()
        self._scale = width / (right - left)
        self._corner = np.array([left, high])
        self.height = round((high - low) * self._scale, 1)

    def point(self, lon: float, lat: float) -> tuple[float, float]:
        """Where a point is: (x, y), y downwards. It may lie outside the picture."""
        west = -180.0 if self._whole else (self.bounds[0] + self.bounds[2]) / 2 - 180.0
        turned = lon if lon == west + 360 else west + (lon - west) % 360
        x, y = self._placed(np.array([[turned, lat]])).tolist()[0]
        return round(x, 2), round(y, 2)

    def path(self, polygon: Sequence[tuple[float, float]]) -> str:
        """The path data of a polygon of (longitude, latitude), such as an H3 cell; "" where it is
        outside. What lies across the 180th meridian is drawn on both sides of it."""
        import shapely

        if len(polygon) < 3:
            return ""
        line = unwound(np.array([*polygon, polygon[0]], dtype=np.float64))
        return self._data(shapely.get_parts(self._inside(shapely.polygons(line))))

    @cached_property
    def countries(self) -> list[tuple[str, str]]:
        """The code and the path data of each country in the picture; "" for land without a code.

        What is smaller than a dot is left out, but the last that is left of a country.
        """
        import shapely

        west, _, east, _ = self.bounds
        finest = _FINEST * (east - west) / min(self.width, _FULL)
        # Lines are made simpler before they are joined to borders, so that neighbours still meet.
        lines = shapely.simplify([shapely.LineString(arc) for arc in topology().arcs], finest)
        arcs = [shapely.get_coordinates(line) for line in lines]
        found: list[tuple[str, str]] = []
        for outline in topology().outlines:
            rings = ([ring(arcs, numbers) for numbers in polygon] for polygon in outline.polygons)
            whole = [
                shapely.Polygon(outer, [hole for hole in holes if len(hole) > 3])
                for outer, *holes in rings
                if len(outer) > 3
            ] or [shapely.box(*_extent(topology().arcs, outline))]
            parts = shapely.get_parts(self._inside(shapely.MultiPolygon(whole)))
            data = self._data(parts, finest) or self._dot(parts)
            if data:
                found.append((outline.code, data))
        return found

    def _projected(self, points: Line) -> Line:
        """On the plane, north up, in the unit of the projection."""
        if self._whole:
            return _natural(points)
        flat: Line = points * (self._squeeze, 1.0)
        return flat

    def _placed(self, points: Line) -> Line:
        """In the picture."""
        placed: Line = (self._projected(points) - self._corner) * (self._scale, -self._scale)
        return placed

    def _inside(self, shape: shapely.Geometry) -> shapely.Geometry:
        """What of a shape lies in the picture, from whichever turn around the globe."""
        west, south, east, north = self.bounds
        beyond = 0.0 if self._whole else _OUTSIDE / self._scale / self._squeeze
        return within(shape, (west - beyond, south - beyond, east + beyond, north + beyond))

    def _data(self, parts: Iterable[shapely.Geometry], finest: float = 0.0) -> str:
        """The path data of polygons; what is no wider and no higher than `finest` is left out."""
        import shapely

        found: list[str] = []
        for part in parts:
            if part.geom_type != "Polygon":
                continue
            west, south, east, north = part.bounds
            if max(east - west, north - south) <= 2 * finest:
                continue
            found += (
                _steps(self._placed(shapely.get_coordinates(line)))
                for line in (part.exterior, *part.interiors)
            )
        return "".join(found)

    def _dot(self, parts: Sequence[shapely.Geometry]) -> str:
        """A dot for a country too small to be drawn, at its first part in the picture."""
        for part in parts:
            x, y = self.point(part.centroid.x, part.centroid.y)
            return f"M{x:.1f},{y:.1f}h1v1h-1z"
        return ""


def _framed(bounds: Bounds) -> Bounds | None:
    """The box that a map shows to show `bounds` well; None for the whole world."""
    west, south, east, north = bounds
    if not all(map(math.isfinite, bounds)) or not -90 <= south <= north <= 90:
        raise ValueError("bounds are west, south, east, north in degrees")
    wide, high = (east - west) % 360 if east < west else east - west, north - south
    middle = west + wide / 2
    high = max(high * (1 + 2 * _MARGIN), _SMALLEST)
    narrow = _narrowing(south, north)
    across = max(wide * (1 + 2 * _MARGIN) * narrow, high / _TALLEST)
    high = max(high, across * _FLATTEST)
    if across / narrow > _WIDEST or high > _HIGHEST:
        return None
    low = min(max((south + north - high) / 2, -90.0), 90.0 - high)
    half = across / narrow / 2
    return middle - half, low, middle + half, low + high


def _narrowing(south: float, north: float) -> float:
    """How much shorter a degree of longitude is than one of latitude, half way between."""
    return max(math.cos(math.radians((south + north) / 2)), 0.05)


def _extent(arcs: Sequence[Line], outline: Outline) -> Bounds:
    """The box around a country's first polygon."""
    points = ring(arcs, outline.polygons[0][0])
    (west, south), (east, north) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return west, south, east, north


def _steps(points: Line) -> str:
    """Path data of a closed ring, in tenths: a start and steps from point to point."""
    tenths = np.rint(points * 10).astype(np.int64)
    steps = np.diff(tenths, axis=0)
    steps = steps[steps.any(axis=1)][:-1]  # z goes back to the start
    if len(steps) < 2:
        return ""
    (x, y), moves = tenths[0].tolist(), steps.tolist()
    return (
        f"M{_tenth(x)}{_joined(y)}l"
        + "".join(
            f"{_tenth(dx) if number == 0 else _joined(dx)}{_joined(dy)}"
            for number, (dx, dy) in enumerate(moves)
        )
        + "z"
    )


def _tenth(value: int) -> str:
    """A number of tenths, as short as SVG lets it be written: -3 is -.3."""
    whole, part = divmod(abs(value), 10)
    text = f"{whole or '' if part else whole}{f'.{part}' if part else ''}"
    return f"-{text}" if value < 0 else text


def _joined(value: int) -> str:
    """The same with what parts it from a number before it."""
    text = _tenth(value)
    return text if text[0] == "-" else f" {text}"
