"""In which country a point lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leftopen.atlas.clipping import Bounds, within
from leftopen.atlas.topology import codes, ring, topology

if TYPE_CHECKING:
    import shapely

OFF_COAST = 0.2  # degrees from the nearest shore at which a point still belongs to its country

_GLOBE: Bounds = (-180.0, -90.0, 180.0, 90.0)


@dataclass(frozen=True, slots=True)
class Country:
    """A country by its ISO 3166-1 alpha-2 code (Kosovo: XK); `shape` in degrees."""

    code: str
    name: str
    shape: shapely.Geometry


@cache
def countries() -> tuple[Country, ...]:
    """All countries with a code. Those that are only a box come last."""
    import shapely

    drawn = topology()
    found: list[Country] = []
    for one in drawn.outlines:
        if one.code:
            rings = ([ring(drawn.arcs, numbers) for numbers in rings] for rings in one.polygons)
            shape = shapely.MultiPolygon([(outer, holes) for outer, *holes in rings])
            # parts that the file keeps apart meet along a line: a buffer of nothing joins them
            whole = within(shape.buffer(0), _GLOBE)
            found.append(Country(one.code, one.name, whole.buffer(0)))
    for code, (name, *box) in codes().small.items():
        found.append(Country(code, name, shapely.box(*box)))
    return tuple(found)


@cache
def _parts() -> tuple[shapely.STRtree, NDArray[np.int64]]:
    """All pieces of land in a tree, and the country of each."""
    import shapely

    parts, owners = shapely.get_parts([one.shape for one in countries()], return_index=True)
    return shapely.STRtree(parts), owners


def country_codes(
    longitudes: NDArray[np.float64], latitudes: NDArray[np.float64]
) -> list[str | None]:
    """The code of the country of each point; None on the high seas and for no place on earth.

    Points off a coast, as in harbours, belong to the nearest country within OFF_COAST degrees.
    """
    import shapely

    found: NDArray[np.int64] = np.full(len(longitudes), -1, dtype=np.int64)
    with np.errstate(invalid="ignore"):
        real = np.flatnonzero((np.abs(longitudes) <= 180) & (np.abs(latitudes) <= 90))
    if real.size:
        points = shapely.points(longitudes[real], latitudes[real])
        shapes = np.array([country.shape for country in countries()])
        # asked from the countries' side, for GEOS prepares the shape that asks
        inside, place = shapely.STRtree(points).query(shapes, predicate="intersects")
        found[real[place]] = inside  # of those that overlap the last: the small ones
        off = real[found[real] < 0]
        if off.size:
            land, owners = _parts()
            shore = shapely.points(longitudes[off], latitudes[off])
            which, near = land.query_nearest(shore, max_distance=OFF_COAST, all_matches=False)
            found[off[which]] = owners[near]
    names = [country.code for country in countries()]
    return [names[number] if number >= 0 else None for number in found.tolist()]
