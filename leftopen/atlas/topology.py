"""The vendored outlines, decoded from TopoJSON: lines that neighbours share, and their countries.

Format: the TopoJSON specification (github.com/topojson/topojson-specification). A country is drawn
as Natural Earth draws it: by who governs, with its parts overseas (Réunion is France's).
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Line = NDArray[np.float64]
"""Points as rows of longitude and latitude in degrees."""

HERE = Path(__file__).parent
Rings = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A country: polygons, each an outer ring and its holes, each ring the numbers of its arcs.

    A negative number n is arc ~n backwards. `code` is ISO 3166-1 alpha-2; "" where there is none.
    """

    code: str
    name: str
    polygons: tuple[Rings, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """`arcs` are the lines; where two countries meet, both are made of the same ones."""

    arcs: tuple[Line, ...]
    outlines: tuple[Outline, ...]


@dataclass(frozen=True, slots=True)
class _Codes:
    numeric: dict[str, str]
    unnumbered: dict[str, str]
    small: dict[str, tuple[str, float, float, float, float]]


@cache
def codes() -> _Codes:
    """What `codes.toml` says."""
    told = tomllib.loads((HERE / "codes.toml").read_text(encoding="utf-8"))
    pairs = (pair.split("=") for pair in told["numeric"].split())
    small = {code: tuple(box) for code, box in told["small"].items()}
    return _Codes(dict(pairs), told["unnumbered"], small)


@cache
def topology() -> Topology:
    """All countries, in order of the file; entries of one code are one country."""
    read: dict[str, Any] = json.loads((HERE / "countries-50m.json").read_bytes())
    scale, translate = (np.array(read["transform"][key]) for key in ("scale", "translate"))
    # each point is told by its distance from the one before, in steps of `scale`
    arcs = tuple(
        np.round(np.cumsum(np.array(arc, dtype=np.int64), axis=0) * scale + translate, 6)
        for arc in read["arcs"]
    )
    found: dict[str, Outline] = {}
    for entry in read["objects"]["countries"]["geometries"]:
        name = entry["properties"]["name"]
        number = entry.get("id")
        code = codes().numeric[number] if number else codes().unnumbered.get(name, "")
        nested = entry["arcs"] if entry["type"] == "MultiPolygon" else [entry["arcs"]]
        polygons = tuple(tuple(tuple(ring) for ring in polygon) for polygon in nested)
        known = found.get(code or name)
        if known is None:
            found[code or name] = Outline(code, name, polygons)
        else:  # the name of the larger part, which has the number
            whole = name if number and len(polygons) > len(known.polygons) else known.name
            found[code] = Outline(code, whole, known.polygons + polygons)
    return Topology(arcs, tuple(found.values()))


def ring(arcs: Sequence[Line], numbers: Sequence[int]) -> Line:
    """The closed line that the arcs make, unwound; each begins where the one before it ends."""
    parts = [arcs[n] if n >= 0 else arcs[~n][::-1] for n in numbers]
    return unwound(np.concatenate([parts[0], *(part[1:] for part in parts[1:])]))


def unwound(closed: Line) -> Line:
    """A closed line whose longitudes go on beyond 180° instead of jumping to the other side; one
    that goes around a pole is led along it."""
    if np.abs(np.diff(closed[:, 0])).max(initial=0.0) <= 180:
        return closed
    line = closed.copy()
    line[:, 0] = np.unwrap(line[:, 0], period=360.0)
    if abs(line[-1, 0] - line[0, 0]) > 180:
        pole = math.copysign(90.0, float(line[:, 1].mean()))
        return np.concatenate([line, [[line[-1, 0], pole], [line[0, 0], pole], line[0]]])
    return line
