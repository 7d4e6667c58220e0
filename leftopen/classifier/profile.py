"""One pass over batches to a profile of their fields; parts of the data can be profiled apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from leftopen.classifier import context, names, prose, rivals, traces
from leftopen.classifier.calibration import calibrated
from leftopen.classifier.columns import leaves, slices
from leftopen.classifier.counts import Counts
from leftopen.classifier.decide import Candidate, base_of, candidates, choose
from leftopen.classifier.names import Reading
from leftopen.model import FieldProfile


@dataclass(frozen=True, slots=True)
class TableProfile:
    """What the fields of a table hold. `name` and the paths are as given: before they leave the
    sampling process they go through `stand_in`.
    """

    name: str
    rows: int
    fields: Mapping[str, FieldProfile]


class Profiler:
    """Counts over batches of one collection, then judges.

    Holds counts only, never a value: it may be pickled and sent. Batches may differ in their
    columns and types.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.rows = 0
        self._counts: dict[str, Counts] = {}

    def __repr__(self) -> str:
        return f"Profiler({len(self._counts)} fields, {self.rows} rows)"

    def update(self, batch: pa.RecordBatch) -> None:
        """Counts the batch's values, whole columns at a time."""
        self.rows += batch.num_rows
        for part in slices(batch):
            for leaf in leaves(part):
                counts = self._counts.setdefault(leaf.path, Counts())
                counts.add(leaf, context.kind_ids(leaf.path))

    def merge(self, other: Profiler) -> None:
        """Adds what another profiler counted in another part of the same collection."""
        self.rows += other.rows
        for path, counts in other._counts.items():
            self._counts.setdefault(path, Counts()).merge(counts)

    def finish(self) -> TableProfile:
        """The judgement over everything counted so far; counting may go on afterwards."""
        readings = {path: names.read(path) for path in self._counts}
        weighed = {path: candidates(c, readings[path]) for path, c in self._counts.items()}
        options = {path: found for path, (found, _) in weighed.items()}
        around = context.surroundings(self.name, options, readings)
        settled = {
            path: context.heard(path, found, readings[path], around, self._counts[path])
            for path, found in options.items()
        }
        first = {path: best for path, found in settled.items() if (best := choose(found))}
        countries = rivals.told(first, readings.values())
        chosen = {p: rivals.decide(best, settled[p], countries) for p, best in first.items()}
        firms = {p: chosen.pop(p) for p, best in first.items() if best.kind.family == "none"}
        chosen.update(traces.follow(chosen, self._counts, readings, around))
        fields = {}
        for path, counts in self._counts.items():
            against = firms[path].evidence if path in firms else ()
            doubts = against or _doubts(readings[path], *weighed[path])
            fields[path] = _profile(path, counts, chosen.get(path), doubts)
        return TableProfile(self.name, self.rows, fields)


def classify(table: pa.Table, name: str = "") -> TableProfile:
    """What the fields of a table hold: kind, family, confidence and evidence for each path.

    `name` is the collection's name, which helps to tell a person's name from a product's. Every
    value is looked at. Nested columns are opened into dotted paths (`a.b`, `a[]`). Any Arrow type
    is taken; a column that is not personal data has kind and family "none".
    """
    profiler = Profiler(name)
    for batch in table.to_batches():
        profiler.update(batch)
    if not table.num_rows:  # the columns are still fields, without values
        nothing = [
            column.chunk(0).slice(0, 0) if column.num_chunks else pa.nulls(0, column.type)
            for column in table.columns
        ]
        profiler.update(pa.RecordBatch.from_arrays(nothing, names=table.schema.names))
    return profiler.finish()


def _doubts(reading: Reading, found: list[Candidate], against: list[str]) -> tuple[str, ...]:
    """Why a field is not called personal."""
    if against:
        return tuple(against[:3])
    if any(one.naming for one in found):
        return ("what it could be depends on a person near it, and none is",)
    if reading.negated:
        return ("the name asks about personal data, the field does not hold it",)
    return ("neither name nor values speak of personal data",)


def _profile(
    path: str, counts: Counts, best: Candidate | None, doubts: tuple[str, ...]
) -> FieldProfile:
    if best is None:
        return FieldProfile(path, "none", "none", False, 0.0, 0.0, counts.values, doubts)
    if best.kind.family == "free_text":
        sure = best.confidence if best.naming else prose.raised(best.confidence, counts)
        best = best.at(sure, *prose.found(counts))
    return FieldProfile(
        path=path,
        kind=best.kind.id,
        family=best.kind.family,
        special=best.kind.special,
        confidence=round(calibrated(best.confidence), 3),
        share=round(best.share, 4),
        values=base_of(best.kind, counts),
        evidence=best.evidence,
    )
