"""Shapes that lie across the 180th meridian, cut to a box in degrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import shapely

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees. Across the 180th meridian west may be greater than east, or
east greater than 180."""


def within(shape: shapely.Geometry, box: Bounds) -> shapely.Geometry:
    """What of a shape lies in the box, whichever turn around the globe its longitudes are from."""
    import shapely

    low, _, high, _ = shapely.bounds(shape)
    met: list[shapely.Geometry] = []
    for turn in (-360.0, 0.0, 360.0):
        if low + turn < box[2] and high + turn > box[0]:
            moved = shapely.transform(shape, lambda points, turn=turn: points + np.array([turn, 0]))
            part = shapely.clip_by_rect(moved, *box)
            if not part.is_empty:
                met.append(part)
    if len(met) == 1:
        return met[0]
    # what was cut apart at the 180th meridian has no line there any more
    return shapely.union_all([shapely.make_valid(part) for part in met])
