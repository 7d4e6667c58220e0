"""Cells that a server gives as text, a column at a time: for streams, whose rows are many and
plain. Columns come out as `leftopen.sample` would make them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from leftopen import sample as sampling
from leftopen.engines._streams import only

Cells = list[bytes | None]

BATCH = 10_000  # rows of a batch, about
BATCH_BYTES = 4 << 20  # of their cells
_CELL_BYTES = 262_144  # more than any cell has that was cut on the server as it was told to
_OPENS = r"^\s*[\[{]"  # what may be JSON, which is opened


@dataclass(frozen=True, slots=True)
class Told:
    """A column of a result: its name, what its cells look like, and how one of them is read."""

    name: str
    form: Literal["integer", "text", "other"]
    read: Callable[[bytes], Any]


def holding(names: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Those of a table's columns in which the paths lie: `home.city` may be a column of that name,
    or lie in JSON that is the value of `home`."""
    known = dict.fromkeys(names)
    held: dict[str, None] = {}
    for path in paths:
        lies_in = [
            name for name in known if path == name or path.startswith((name + ".", name + "["))
        ]
        if lies_in:
            held[max(lies_in, key=len)] = None
    return list(held)


def batch(columns: Sequence[Told], cells: Sequence[Cells], paths: Sequence[str]) -> pa.RecordBatch:
    """The columns of these paths, as far as they have them, from the cells of each column."""
    made: dict[str, pa.Array] = {}
    for column, held in zip(columns, cells, strict=True):
        array = _plain(column, held)
        if array is not None:
            made[column.name] = array
            continue
        read = column.read
        rows = ([None if cell is None else read(cell[:_CELL_BYTES])] for cell in held)
        opened = sampling.rows([column.name], rows)
        made |= dict(zip(opened.schema.names, opened.columns, strict=True))
    return only(pa.RecordBatch.from_arrays(list(made.values()), names=list(made)), paths)


def _plain(column: Told, cells: Cells) -> pa.Array | None:
    """All cells at once; None where one of them is not as plain as its column says."""
    if column.form == "other":
        return None
    try:
        texts = pa.array(cells, pa.binary()).cast(pa.string())
        if column.form == "integer":
            return texts.cast(pa.int64())
    except pa.ArrowInvalid:  # not UTF-8, or no number of 64 bits
        return None
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    opens = longest > 1 and pc.any(pc.match_substring_regex(texts, _OPENS)).as_py()
    return None if opens or longest > sampling.MAX_CELL else texts


# --- points in time and numbers that are put into a statement -------------------------------------


def days_from(moment: object) -> date | None:
    """The first day that does not begin before the moment, for a column of days."""
    if isinstance(moment, datetime):
        whole = moment.date()
        if moment == datetime(moment.year, moment.month, moment.day):  # noqa: DTZ001  UTC as it is
            return whole
        return whole + timedelta(days=1) if whole < date.max else None
    return moment if isinstance(moment, date) else None


def integer_from(moment: object) -> int | None:
    """The first whole number of 64 bits that is not below the moment."""
    if isinstance(moment, bool) or not isinstance(moment, int | float) or not math.isfinite(moment):
        return None
    number = math.ceil(moment)
    return number if -(2**63) <= number < 2**63 else None


def decimal_from(moment: object) -> str | None:
    """The moment in decimal, without an exponent: up to 19 digits before the point, 6 after."""
    if isinstance(moment, bool) or not isinstance(moment, int | float) or not math.isfinite(moment):
        return None
    if abs(moment) >= 10**18:
        return None
    return str(moment) if isinstance(moment, int) else f"{moment:.6f}"
