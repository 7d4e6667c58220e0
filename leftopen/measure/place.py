"""Where people are: H3 cells and countries, never so small that one could be found in them.

A cell is shown only where at least the threshold of different people was seen in it, and only with
the order of magnitude of how many they are. Fewer are moved up into the cell around, together with
whoever else is not shown there, until they are enough or the whole of an H3 base cell holds too
few. What is hidden cannot be had by subtraction, either: see `_complemented`.

Who is who is told by numbers that a Placing gives to the keys of its own records, in the order in
which it meets them; it keeps neither keys nor coordinates.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen import atlas
from leftopen.atlas import places
from leftopen.atlas.topology import codes
from leftopen.measure.coordinates import Column, Positions, columns, positions
from leftopen.measure.interval import Interval
from leftopen.model import Cell, FieldProfile, Place, PlaceKind

Ints = NDArray[np.int64]

# Families of fields by which the people of a collection are told apart, the best first.
_KEYS = ("gov_id", "person_id", "email", "phone", "username", "device_id", "vehicle")
_NATIONAL = re.compile(
    r"(?:gov_id(?:\.driving_licence|\.voter)?|phone|person_id|vehicle\.plate)\.([a-z]{2})(?:\.|$)"
)
_CODES = {"uk": "GB"}  # where a kind is not called by the ISO code
_NARROWEST = 10  # people that a hidden cell may have more or fewer, for all that is shown
_Z = 1.959964  # standard deviations of 95 %


@dataclass(frozen=True, slots=True)
class _Named:
    """How many records name a kind of place, and how many different people these are of."""

    records: int
    people: int | None


class Placing:
    """The places of one collection, from its sample; `records` are those of the whole."""

    def __init__(
        self,
        name: str,
        records: int | None,
        fields: Mapping[str, FieldProfile],
        batches: Sequence[pa.RecordBatch],
        resolution: int,
    ) -> None:
        self.name = name
        self.looked_at: int = sum(batch.num_rows for batch in batches)
        self.records = max(records or 0, self.looked_at)
        self.traces = any(field.family == "location_trace" for field in fields.values())
        found = positions(fields, batches)
        persons = _persons(fields, batches)
        self.placed = bool(found.rows.size)
        self.people: int = 0 if persons is None else int(persons.max(initial=-1)) + 1
        self.persons, self.cells = _cells(found, persons, resolution)
        self.countries = _countries(found, persons)
        self.signs = _signs(fields, batches)
        self.kinds = _kinds(fields, batches, persons)

    def of_people(self, seen: int, people: Interval | None) -> float:
        """How many people of the collection so many of the sample stand for."""
        if not self.people:
            return seen * self.records / max(self.looked_at, 1)
        whole = max(people.estimate if people else 0.0, float(self.people))
        return seen / self.people * whole


def of_store(placed: Sequence[Placing], people: Mapping[str, Interval], threshold: int) -> Place:
    """The places of a store as they may be shown. `people` are those of each collection, by name,
    before rounding."""
    cells, hidden = _shown(placed, people, threshold)
    return Place(
        cells=tuple(Cell(cell, band.label) for cell, band in sorted(cells.items())),
        countries=_told(placed, people, threshold),
        traces=any(one.traces for one in placed),
        kinds=_estimated(placed, threshold),
        hidden=hidden,
        method=_method([one for one in placed if one.placed], threshold),
    )


def _method(placed: Sequence[Placing], threshold: int) -> str:
    if not placed:
        return ""
    looked_at = sum(one.looked_at for one in placed)
    records = sum(one.records for one in placed)
    if looked_at < threshold:
        return f"positions in fewer than {threshold} records"
    return f"positions in {_rounded(looked_at):,} of {_rounded(records):,} records looked at"


# ------------------------------------------------------------------------------------ who is who


def _persons(fields: Mapping[str, FieldProfile], batches: Sequence[pa.RecordBatch]) -> Ints | None:
    """A number for the person of each record, -1 where it names none; None without a key.

    The first family counts that is filled in half of the records, else what is filled the most.
    """
    best: Ints | None = None
    ranked = sorted(
        (field for field in fields.values() if field.family in _KEYS),
        key=lambda field: (_KEYS.index(field.family), -field.values * field.share, field.path),
    )
    for field in ranked[:50]:
        numbers = _numbered(field.path, batches)
        if numbers is None:
            continue
        filled = int(np.count_nonzero(numbers >= 0))
        if filled * 2 >= len(numbers):
            return numbers
        if filled and (best is None or filled > np.count_nonzero(best >= 0)):
            best = numbers
    return best


def _numbered(path: str, batches: Sequence[pa.RecordBatch]) -> Ints | None:
    """Equal numbers for records with equal values of a field; None where one has several."""
    texts: list[pa.Array] = []
    for batch in batches:
        column = columns(batch, [path]).get(path)
        text = None if column is None else _keys(column, batch.num_rows)
        if column is not None and text is None:
            return None
        texts.append(pa.nulls(batch.num_rows, pa.large_string()) if text is None else text)
    coded = pa.chunked_array(texts, pa.large_string()).combine_chunks().dictionary_encode()
    numbers: Ints = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
    return numbers


def _keys(column: Column, rows: int) -> pa.Array | None:
    """The values as strings, alike however they are written: the same person is not two."""
    values = column.values
    if values.type == pa.null():
        return pa.nulls(rows, pa.large_string())
    if len(column.rows) and np.bincount(column.rows).max() > 1:
        return None
    if pa.types.is_binary(values.type) or pa.types.is_fixed_size_binary(values.type):
        values = pa.array([None if v is None else v.hex() for v in values.to_pylist()])
    try:
        text = values.cast(pa.large_string())
    except pa.ArrowException:  # a type that cannot be written as text tells nobody apart
        return None
    text = pc.utf8_lower(pc.utf8_normalize(text, form="NFKC"))
    text = pc.replace_substring_regex(text, r"[^\pL\pN@]", "")
    text = pc.if_else(pc.equal(text, ""), None, text)
    places = np.full(rows, -1, dtype=np.int64)
    places[column.rows] = np.arange(len(column.rows))
    return text.take(pa.array(places, mask=places < 0))


def _different(numbers: Iterable[int]) -> int:
    return len({number for number in numbers if number >= 0})


# ----------------------------------------------------------------------------------------- cells


def _cells(
    found: Positions, persons: Ints | None, resolution: int
) -> tuple[Ints, NDArray[np.uint64]]:
    """Each person once in each cell: persons and cells."""
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64)
    if persons is None or not found.rows.size:
        return nothing
    known = persons[found.rows] >= 0
    if not known.any():
        return nothing
    import h3.api.basic_int as h3

    seen = np.column_stack([found.latitudes[known], found.longitudes[known]])
    different, at = np.unique(seen, axis=0, return_inverse=True)
    cells = np.array([h3.latlng_to_cell(*place, resolution) for place in different], np.uint64)
    pairs = {*zip(persons[found.rows[known]].tolist(), cells[at.ravel()].tolist(), strict=True)}
    both = sorted(pairs)
    return (
        np.array([person for person, _ in both], dtype=np.int64),
        np.array([cell for _, cell in both], dtype=np.uint64),
    )


@dataclass(frozen=True, slots=True, order=True)
class _Band:
    """Between `low` and `high` people: a power of ten each, but the lowest begins where showing
    does."""

    low: int
    high: int

    @staticmethod
    def of(people: float, threshold: int) -> _Band:
        ten = 10 ** max(int(math.log10(max(people, 1.0)) + 1e-9), 1)
        return _Band(threshold if ten == 10 else ten, ten * 10)

    @property
    def label(self) -> str:
        return f"{self.low:,}–{self.high:,}"


def _shown(
    placed: Sequence[Placing], people: Mapping[str, Interval], threshold: int
) -> tuple[dict[str, _Band], bool]:
    """The cells with enough people, by their H3 index, and whether there are others.

    Whether two collections have the same people is not known here, so a cell has as many as the
    one of them that has the most.
    """
    shown: dict[str, float] = {}
    left = [(one, one.persons, one.cells) for one in placed if one.cells.size]
    hidden: set[int] = {cell for _, _, cells in left for cell in cells.tolist()}
    without_key = any(one.placed and not one.cells.size for one in placed)
    if not left:
        return {}, without_key
    import h3.api.basic_int as h3

    finest = max(h3.get_resolution(cell) for cell in hidden)
    below = {cell: {cell} for cell in hidden}  # the finest cells of what is left of each cell
    for resolution in range(finest, -1, -1):
        enough: dict[int, float] = {}
        for one, persons, cells in left:
            pairs = np.unique(np.column_stack([cells.view(np.int64), persons]), axis=0)
            met, counts = np.unique(pairs[:, 0], return_counts=True)
            for cell, seen in zip(met.tolist(), counts.tolist(), strict=True):
                if seen >= threshold:
                    some = one.of_people(seen, people.get(one.name))
                    enough[cell] = max(some, enough.get(cell, 0.0))
        shown |= {h3.int_to_str(cell): some for cell, some in enough.items()}
        for cell in enough:
            hidden -= below.pop(cell)
        if not resolution:
            break
        parents = {cell: h3.cell_to_parent(cell, resolution - 1) for cell in below}
        left = [_raised(one, persons, cells, parents) for one, persons, cells in left]
        above: dict[int, set[int]] = {}
        for cell, inside in below.items():
            above.setdefault(parents[cell], set()).update(inside)
        below = above
    bands = {cell: _Band.of(some, threshold) for cell, some in shown.items()}
    totals = [
        people.get(one.name) or Interval(one.people, one.people, one.people) for one in placed
    ]
    kept = _complemented(shown, bands, len(hidden), totals)
    return kept, bool(hidden) or without_key or len(kept) < len(bands)


def _raised(
    one: Placing, persons: Ints, cells: NDArray[np.uint64], parents: Mapping[int, int]
) -> tuple[Placing, Ints, NDArray[np.uint64]]:
    """What is left of a collection, in the cells around."""
    kept = np.array([cell in parents for cell in cells.tolist()], dtype=np.bool_)
    raised = [parents[cell] for cell in cells[kept].tolist()]
    return one, persons[kept], np.array(raised, dtype=np.uint64)


def _complemented(
    shown: Mapping[str, float],
    bands: Mapping[str, _Band],
    hidden: int,
    totals: Sequence[Interval],
) -> dict[str, _Band]:
    """The bands that may be shown beside hidden cells (rule R5).

    A hidden cell is never the only one, and none can be told to fewer than ten people by taking
    the bands from a number of people that is shown: the smallest cells are hidden with it until
    that is so, none before the coarser cell around it, which stands for all whom no finer one
    shows. Where the bands come to more than the people, who then are in several cells each, nothing
    can be taken from anything.
    """
    import h3

    kept = dict(bands)
    while hidden and kept:
        low = sum(band.low for band in kept.values())
        high = sum(band.high for band in kept.values())
        near = any(
            low <= total.high and total.high - low - max(0.0, total.low - high) < _NARROWEST
            for total in totals
        )
        if hidden > 1 and not near:
            break
        outer = (
            cell
            for cell in kept
            if not any(h3.cell_to_parent(cell, n) in kept for n in range(h3.get_resolution(cell)))
        )
        del kept[min(outer, key=lambda cell: (shown[cell], cell))]
        hidden += 1
    return kept


# ------------------------------------------------------------------------------------- countries


def _countries(found: Positions, persons: Ints | None) -> Mapping[str, int]:
    """How many people, or records where none tells who it is of, are in each country."""
    if not found.rows.size:
        return {}
    # a hundredth of a degree is as good as any more
    near = np.column_stack([found.longitudes, found.latitudes]).round(2)
    different, at = np.unique(near, axis=0, return_inverse=True)
    named = atlas.country_codes(different[:, 0], different[:, 1])
    who = found.rows if persons is None else persons[found.rows]
    pairs = {*zip(at.ravel().tolist(), who.tolist(), strict=True)}
    met = {(named[place], one) for place, one in pairs if one >= 0}
    return Counter(code for code, _ in met if code is not None)


def _signs(
    fields: Mapping[str, FieldProfile], batches: Sequence[pa.RecordBatch]
) -> Mapping[str, int]:
    """How many different values of each country's own numbers there are: ids, telephones."""
    found: Counter[str] = Counter()
    known = {*codes().numeric.values(), *codes().unnumbered.values(), *codes().small}
    for field in fields.values():
        told = _NATIONAL.match(field.kind)
        if told is None:
            continue
        code = _CODES.get(told[1], told[1].upper())
        numbers = _numbered(field.path, batches)
        if code in known and numbers is not None:
            values = min(_different(numbers.tolist()), round(field.share * field.values))
            found[code] = max(found[code], values)
    return found


def _told(
    placed: Sequence[Placing], people: Mapping[str, Interval], threshold: int
) -> tuple[str, ...]:
    """The countries of enough people, those of the most first."""
    weights: Counter[str] = Counter()
    for one in placed:
        for code in {*one.countries, *one.signs}:
            seen = max(one.countries.get(code, 0), one.signs.get(code, 0))
            if seen >= threshold:
                weights[code] += math.ceil(one.of_people(seen, people.get(one.name)))
    return tuple(sorted(weights, key=lambda code: (-weights[code], code)))


# -------------------------------------------------------------------------------- kinds of places


def _kinds(
    fields: Mapping[str, FieldProfile], batches: Sequence[pa.RecordBatch], persons: Ints | None
) -> Mapping[str, _Named]:
    """Which kinds of places the records name: in values that are places, and, where it is told
    whose records they are, by what a field is called."""
    valued = {
        path
        for path, field in fields.items()
        if field.family == "place_label" or field.kind == "trace.gate"
    }
    called = {} if persons is None else {path: places.called(path) for path in fields}
    wanted = valued | {path for path, kind in called.items() if kind}
    rows: dict[str, set[int]] = {}
    first = 0
    for batch in batches:
        for path, column in columns(batch, wanted).items():
            values = column.values
            if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
                continue
            kind = called.get(path)
            found = {kind: places.filled(values)} if kind else places.named(values)
            for one, there in found.items():
                rows.setdefault(one, set()).update((column.rows[there] + first).tolist())
        first += batch.num_rows
    return {
        kind: _Named(len(met), None if persons is None else _different(persons[[*met]].tolist()))
        for kind, met in rows.items()
        if met
    }


def _estimated(placed: Sequence[Placing], threshold: int) -> tuple[PlaceKind, ...]:
    """The kinds that enough records, of enough people, name, for the whole of their collections."""
    sums: dict[str, list[float]] = {}
    for one in placed:
        for kind, named in one.kinds.items():
            people = named.people if named.people is not None else named.records
            if min(named.records, people) < threshold:
                continue
            low, high = _wilson(named.records, one.looked_at)
            if one.records == one.looked_at:
                low = high = named.records / one.looked_at
            share = named.records / one.looked_at
            total = sums.setdefault(kind, [0.0, 0.0, 0.0])
            for place, part in enumerate((share, low, high)):
                total[place] += part * one.records
    found = [
        PlaceKind(kind, max(_rounded(some), threshold), _down(low, threshold), _up(high))
        for kind, (some, low, high) in sums.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.estimate, one.kind)))


def _wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927)."""
    square = _Z * _Z
    middle = (hits + square / 2) / (of + square)
    half = _Z / (of + square) * math.sqrt(hits * (of - hits) / of + square / 4)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _step(value: float) -> int:
    """What counts are rounded to: 5 up to 1,000, else three digits (rule R6)."""
    return 5 if value <= 1_000 else 10 ** (int(math.log10(value)) - 2)


def _rounded(value: float) -> int:
    return round(value / _step(value)) * _step(value)


def _down(value: float, threshold: int) -> int:
    low = math.floor(value / _step(value)) * _step(value)
    return low if low >= threshold else 0


def _up(value: float) -> int:
    return math.ceil(value / _step(value)) * _step(value)
