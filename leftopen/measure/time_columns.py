"""The columns of a sample that hold times: whose rows they are, and what they are the times of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leftopen.classifier.columns import leaves
from leftopen.measure import moments, roles
from leftopen.measure.moments import DAY, EPOCH, NEVER, SECOND, Form, Micros
from leftopen.model import FieldProfile

HOUR = 3_600
_ROWS = 20_000  # of a sample that are looked at
_CELLS = 20_000  # of one column's lists in a batch
_AHEAD = 120  # seconds by which clocks may differ
_FARTHEST = 14 * HOUR  # of a time zone from UTC
_IDS_FROM = (datetime(2005, 1, 1) - EPOCH) // timedelta(microseconds=1)  # noqa: DTZ001

Role = Literal["event", "birth", "expiry", "record"]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The times of one field: the newest of each sampled record, NEVER where it has none.

    `many`: a record may hold several. `rank` is higher the likelier they are those of events.
    """

    path: str
    role: Role
    at: Micros
    form: Form
    many: bool
    rank: float


def rows_of(batches: Sequence[pa.RecordBatch]) -> int:
    """How many records of a sample are looked at."""
    rows: int = sum(batch.num_rows for batch in batches)
    return min(rows, _ROWS)


def time_columns(
    fields: Mapping[str, FieldProfile], batches: Sequence[pa.RecordBatch], now: int
) -> tuple[tuple[str, Role, Column | None], ...]:
    """The fields that are times, what of, and their columns, in order; `now` is in microseconds.

    A field that is known to be an expiry without being read as one has no column.
    """
    found: list[tuple[str, Role, Column | None]] = []
    gathered, rows = _gather(batches), rows_of(batches)
    for path in dict.fromkeys((*gathered, *fields)):
        column = _column(path, gathered.get(path, ()), rows)
        role = _role(path, fields.get(path), column, now)
        if role is not None:
            ranked = column and replace(column, role=role, rank=_rank(path, role, column))
            found.append((path, role, ranked))
    return tuple(found)


def _column(path: str, pieces: Sequence[_Piece], rows: int) -> Column | None:
    at = np.full(rows, NEVER)
    forms: Counter[Form] = Counter()
    unread = 0
    for piece in pieces:
        read = moments.read(piece.values, key=roles.is_key(path))
        if read is None:
            unread += len(piece.values) - piece.values.null_count
            continue
        np.maximum.at(at, piece.rows, read[0])
        forms.update(read[1])
    if not forms or unread > forms.total():
        return None
    many = any(piece.many for piece in pieces)
    return Column(path, "event", at, moments.settled(forms), many, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Flat values, the rows of the sample that they belong to, whether a row may have several."""

    values: pa.Array
    rows: Micros
    many: bool


def _gather(batches: Sequence[pa.RecordBatch]) -> dict[str, list[_Piece]]:
    """The columns of the sample, of the batches' first rows, by their paths."""
    gathered: dict[str, list[_Piece]] = {}
    before = 0
    for batch in batches:
        batch = batch.slice(0, _ROWS - before)
        rows = np.arange(before, before + batch.num_rows)
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            for path, piece in _pieces(name, column, rows):
                gathered.setdefault(path, []).append(piece)
        before += batch.num_rows
    return gathered


def _pieces(name: str, column: pa.Array, rows: Micros) -> list[tuple[str, _Piece]]:
    if pa.types.is_list(column.type) and not pa.types.is_nested(column.type.value_type):
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        values, owners = column.flatten()[:_CELLS], np.repeat(rows, lengths)[:_CELLS]
        return [(name, _Piece(values, owners, True))]
    if not pa.types.is_nested(column.type):
        return [(name, _Piece(column, rows, False))]
    return [  # no engine gives such; whose the values are is lost, so that they are nobody's
        (
            leaf.path,
            _Piece(leaf.values[:_CELLS], np.zeros(min(len(leaf.values), _CELLS), int), True),
        )
        for leaf in leaves(pa.RecordBatch.from_arrays([column], names=[name]))
        if len(rows)
    ]


def _role(path: str, field: FieldProfile | None, column: Column | None, now: int) -> Role | None:
    """What the field's times are of; None where it holds none, or those of a death or an
    appointment."""
    kind, family = (field.kind, field.family) if field else ("none", "none")
    if kind == "card.expiry":
        return "expiry"
    if column is None or family == "death_date" or roles.says_death(path):
        return None
    if family == "birth_date" or roles.says_birth(path):
        return "birth"
    if roles.says_expiry(path):
        return "expiry"
    id_of_it = column.form.kind in ("object_id", "ulid", "uuid7", "uuid1")
    at = column.at[column.at != NEVER]
    ahead = float((at > now + DAY * SECOND).mean())
    if id_of_it:
        plausible = (at > _IDS_FROM) & (at <= now + DAY * SECOND)
        return "record" if plausible.mean() >= 0.95 else None
    if roles.says_updated(path) or roles.says_created(path):
        return "record"
    if ahead > 0.5:
        return None
    return "event" if roles.says_observed(path) or _is_time(path, family, column, at) else None


def _is_time(path: str, family: str, column: Column, at: Micros) -> bool:
    """Whether a field whose name does not say so holds times: numbers may be anything."""
    form = column.form
    if form.kind == "time" or (form.kind == "written" and form.store == "text" and form.template):
        return len(form.template) != 8  # 20261122 may be anybody's number
    if form.kind == "written":
        return form.store == "text"
    return family == "none" and form.scale > 1 and roles.says_nothing(path)


def _rank(path: str, role: Role, column: Column) -> float:
    """Events before records, made before changed, observed before happened, clocks before days."""
    filled = float((column.at != NEVER).mean())
    if role == "event":
        base = 6.0 if roles.says_observed(path) else 4.0
    elif roles.is_key(path):
        base = 1.5
    else:
        base = 1.0 if roles.says_updated(path) else 2.0
    return base + filled - 8 * column.many - 0.5 * (column.form.resolution == DAY)


def agree(one: Column, other: Column) -> bool:
    """Whether two fields tell the same of a record, to the hour."""
    both = (one.at != NEVER) & (other.at != NEVER)
    if int(both.sum()) * 2 < int((other.at != NEVER).sum()):
        return False
    return float(np.median(np.abs(one.at[both] - other.at[both]))) <= HOUR * SECOND


def shift(at: Micros, form: Form, now: int) -> int:
    """Seconds by which clocks without a zone are ahead of UTC: they are in the East if some records
    are of the next hours and hardly any of the days after."""
    if form.zoned or form.resolution == DAY or not len(at):
        return 0
    ahead = at - now
    near = ahead[(ahead > _AHEAD * SECOND) & (ahead <= _FARTHEST * SECOND)]
    beyond = int((ahead > _FARTHEST * SECOND).sum())
    if len(near) < max(3, len(at) / 50) or beyond * 20 > len(near):
        return 0
    half = HOUR // 2
    least = math.ceil(int(near.max()) / (half * SECOND)) * half
    full = math.ceil(least / HOUR) * HOUR
    # zones of half hours are rare: the last records must fill the half hour
    expected = _FARTHEST * SECOND / len(near)
    return least if full * SECOND - int(near.max()) > 5 * expected else full
