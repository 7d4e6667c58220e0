"""Positions that no name tells of, judged from counts: two columns side by side, and geohashes.

Two columns of numbers are a coordinate where both are written with four to eight decimals, stay
within ±90 and ±180, and lie where places of persons lie: in one region, in many separate ones, or
all over the globe. A single column of such numbers is never called a coordinate. What the columns
hold together is not kept, so a pair of measured quantities that happens to lie like that cannot be
told from a place; names that say anything of their own, and things, rule a pair out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leftopen.classifier import names
from leftopen.classifier.catalogue import BY_ID
from leftopen.classifier.context import Surroundings
from leftopen.classifier.counts import Counts
from leftopen.classifier.decide import Candidate
from leftopen.classifier.geocodes import geohashes
from leftopen.classifier.names import Reading
from leftopen.classifier.positions import CELL

_FEWEST = 10  # values from which a distribution says anything
# Words of a column's name that say nothing of what it holds, in folded form
_MUTE = frozenset(
    names.fold(
        "c col column cols f fld field v val value var variable attr attribute prop data d num"
        " unnamed spalte feld wert campo columna coluna valor champ colonne valeur veld kolom"
        " waarde colonna pole stolbec stolbets kolumna alan sutun kolon bidang geo gps loc location"
        " pos position coord coords point zd ziduan lie поле столбец колонка 字段 列 数据 حقل عمود"
    ).split()
)


@dataclass(frozen=True, slots=True)
class _Column:
    """How the numbers of one column are written and where they lie, in degrees."""

    latitude: bool  # none is beyond ±90
    written: bool  # with eight decimals at most, not as sums and means come out
    finest: bool  # most with five decimals or more
    width: float  # of what is left without the outermost hundredth on either side
    gap: float  # between that and zero
    clumped: bool  # in several heaps with less between them
    six: float  # share of those written with at most six decimals

    @property
    def small(self) -> bool:
        """Whether they are all about one or less, as ratios, returns and weights are."""
        return self.gap == 0 and self.width <= 2 * CELL

    @property
    def compact(self) -> bool:
        """Whether they lie in one region, small or far from zero."""
        return self.width <= 16 or (self.gap * 2 >= self.width and self.width <= 60)


def beside(
    chosen: Mapping[str, Candidate],
    counts: Mapping[str, Counts],
    readings: Mapping[str, Reading],
    around: Surroundings,
) -> dict[str, Candidate]:
    """Fields without a telling name that are positions; `counts` are in order of the columns."""
    found: dict[str, Candidate] = {}
    paths = list(counts)
    for path, after in pairwise(paths):
        if path in found or not _alike(path, after):
            continue
        if readings[path].thing or readings[after].thing:
            continue
        person = around.person(path, readings[path])
        if around.collection in ("things", "carriers") and not person:
            continue
        first, second = _column(counts[path]), _column(counts[after])
        if first is None or second is None or path in chosen or after in chosen:
            continue
        confidence = _paired(first, second, person)
        if confidence:
            lat_first = first.latitude
            for at, kind in ((path, "lat"), (after, "lon")) if lat_first else (
                (path, "lon"), (after, "lat"),
            ):  # fmt: skip
                found[at] = _candidate(f"gps.{kind}", confidence, counts[at], _PAIR_SAYS)
    for path, one in counts.items():
        if path in chosen or path in found or not is_mute(path):
            continue
        person = around.person(path, readings[path])
        if geohashes(one.hits, one.values) and (person or around.collection == ""):
            confidence = 0.75 if person else 0.55
            found[path] = _candidate("gps.geohash", confidence, one, _HASH_SAYS)
    return found


_PAIR_SAYS = (
    "two columns side by side of numbers within ±90 and ±180, written finely, that lie as places do"
)
_HASH_SAYS = (
    "codes of one width in the alphabet of geohashes, with common beginnings and even endings"
)


def _candidate(kind: str, confidence: float, counts: Counts, said: str) -> Candidate:
    key = "pos.geohash" if kind == "gps.geohash" else "pos.finer"
    share = min(counts.hits[key] / counts.values, 1.0)
    return Candidate(BY_ID[kind], confidence, share, (said,), None, True)


def _paired(first: _Column, second: _Column, person: bool) -> float:
    """How surely two columns are a latitude and a longitude; 0 where they are not."""
    if not (first.latitude or second.latitude) or first.written != second.written:
        return 0.0
    low, high = (first, second) if first.latitude else (second, first)
    fine = first.finest and second.finest
    if person and fine and first.written and low.width >= 150 and high.width >= 300:
        return 0.65  # all over the globe, and never beyond its edges
    if not _placed(first, second) or abs(first.six - second.six) > 0.2:
        return 0.0
    if not first.written:  # full floating numbers: temperatures are, too
        near = max(first.width, second.width) <= 24 and min(first.gap, second.gap) >= 4
        return 0.55 if person and near else 0.0
    if first.small or second.small:  # by Greenwich or the equator, or a ratio
        other = second if first.small else first
        there = other.width <= 16 and (40 <= other.gap <= 60 or other.gap >= 100)
        return 0.6 if person and fine and there else 0.0
    if fine:
        return 0.8 if person else 0.55
    return 0.65 if person else 0.0  # four decimals: rates of exchange have them, too


def _placed(first: _Column, second: _Column) -> bool:
    """Whether two columns lie where persons do: in one region, or in several separate ones."""
    if first.clumped and second.clumped:
        return True
    if max(first.gap, second.gap) < 4:
        return False
    if all(one.compact or one.clumped for one in (first, second)):
        return True
    wide, far = sorted((first, second), key=lambda one: one.gap)  # a large country
    return far.gap >= far.width and far.width <= 60 and wide.gap >= 4 and wide.width <= 32


def _column(counts: Counts) -> _Column | None:
    """The column's numbers, where nearly all of them are written with four decimals or more."""
    hits, finer = counts.hits, counts.hits["pos.finer"]
    numeric = counts.types["real"] + counts.types["text"]
    if counts.lists or finer < _FEWEST or numeric * 2 < counts.values:
        return None
    if finer < 0.8 * counts.values or hits["pos.beyond"] > 0.01 * counts.values:
        return None
    cells = np.array([hits[f"pos.cell.{number}"] for number in range(-90, 91)], dtype=np.int64)
    before = np.cumsum(cells)
    edge = finer // 100
    start = int(np.searchsorted(before, edge, side="right")) - 90
    stop = int(np.searchsorted(before, finer - edge, side="left")) - 89
    return _Column(
        latitude=hits["pos.finer.lat"] >= 0.999 * finer,
        written=hits["pos.written"] >= 0.95 * finer,
        finest=hits["pos.finest"] >= 0.5 * finer,
        width=(stop - start) * CELL,
        gap=max(start * CELL, -stop * CELL, 0.0),
        clumped=_clumped(cells),
        six=hits["pos.six"] / finer,
    )


def _clumped(cells: NDArray[np.int64]) -> bool:
    """Whether a histogram has several heaps, by more than chance would make them.

    A single heap rises and falls once: its steps add up to twice its height. Of each step three
    standard deviations are taken off.
    """
    steps = np.abs(np.diff(cells, prepend=0, append=0))
    pairs = np.concatenate([[0], cells]) + np.concatenate([cells, [0]])
    sure = np.maximum(steps - 3 * np.sqrt(pairs + 1), 0).sum()
    return bool(sure >= 3 * cells.max())


def is_mute(path: str) -> bool:
    """Whether the last part of a path says nothing of what the field holds."""
    return all(t.isdigit() or len(t) == 1 or t in _MUTE for t in _last(path))


def _alike(path: str, after: str) -> bool:
    """Whether two names say nothing and are of one series: c17 and c18, x and y, col_a, col_b."""
    one, two = _last(path), _last(after)
    if not (is_mute(path) and is_mute(after)):
        return False
    if _parent(path) != _parent(after):
        return False
    if [t for t in one if not t.isdigit()] == [t for t in two if not t.isdigit()]:
        return True
    if not one or not two or one[:-1] != two[:-1]:
        return False
    last = one[-1] + two[-1]
    return len(one[-1]) == len(two[-1]) == 1 and abs(ord(last[0]) - ord(last[1])) == 1


def _last(path: str) -> names.Words:
    return names.tokens(re.split(r"[.\[\]*/]+", path.rstrip("[]"))[-1])


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
