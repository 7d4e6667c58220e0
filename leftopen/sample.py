"""Documents and rows to Arrow batches whose columns are dotted paths.

`{"addresses": [{"city": "Ulm"}]}` becomes a column `addresses[].city` of list type, one list a row;
JSON inside a string value is opened under the same path; a key that is itself data (an id, an
e-mail address) becomes `*`. Whatever a server sends is bounded here: depth, columns, elements,
the length of a cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

MAX_DEPTH = 32
MAX_COLUMNS = 2_000
MAX_ELEMENTS = 1_024  # of one array in one row: enough for a face vector
MAX_CELL = 16_384  # characters or bytes of one value
MAX_BINARY = 65_536  # bytes of one binary value: enough of a photograph to see a face in it
MAX_JSON = 262_144  # characters of a string that is tried as JSON

_INT64 = range(-(2**63), 2**63)
# A key that no programmer wrote: five digits, an at sign, a long hexadecimal word, or overlong.
_KEY_IS_DATA = re.compile(r"@|\d{5}|^[0-9a-fA-F-]{16,}$|^.{80}|^\+?\d+$", re.DOTALL)


class _Column:
    """Values of one path, row by row; `many` once any row may hold several."""

    __slots__ = ("many", "values")

    def __init__(self, many: bool) -> None:
        self.many = many
        self.values: dict[int, list[Any]] = {}


def documents(docs: Iterable[Mapping[str, Any]]) -> pa.RecordBatch:
    """One batch with a row for each document and a column for each path met in any of them.

    Column types are those of the values: bool, int64, float64, timestamp, date32, binary or
    string; mixed ones become strings. Paths with `[]` or `*` are lists. Paths beyond MAX_COLUMNS,
    levels beyond MAX_DEPTH and elements beyond MAX_ELEMENTS are left out.
    """
    columns: dict[str, _Column] = {}
    count = 0
    for row, doc in enumerate(docs):
        count += 1
        _walk(columns, row, "", doc, 0, False)
    names = list(columns)
    arrays = [_array(columns[name], count) for name in names]
    if not names:  # rows without a single value still count
        return pa.RecordBatch.from_arrays([pa.nulls(count)], names=[""])
    return pa.RecordBatch.from_arrays(arrays, names=names)


def rows(names: Sequence[str], values: Iterable[Sequence[Any]]) -> pa.RecordBatch:
    """The same for rows of a table whose columns are `names`; nested values are opened alike."""
    names = [_text(name) for name in names]
    columns: dict[str, _Column] = {
        name: _Column(False) for name in list(dict.fromkeys(names))[:MAX_COLUMNS]
    }
    count = 0
    for row, record in enumerate(values):
        count += 1
        for name, value in zip(names, record, strict=False):
            _walk(columns, row, name, value, 1, False)
    kept = {
        name: column
        for name, column in columns.items()
        # a column that was opened into deeper paths has no values of its own left
        if column.values or not any(other.startswith((name + ".", name + "[")) for other in columns)
    }
    arrays = [_array(column, count) for column in kept.values()]
    return pa.RecordBatch.from_arrays(arrays, names=list(kept))


def _walk(
    columns: dict[str, _Column], row: int, path: str, value: Any, depth: int, many: bool
) -> None:
    if isinstance(value, str) and len(value) <= MAX_JSON:
        value = _opened(value)
    if isinstance(value, Mapping):
        if depth >= MAX_DEPTH:
            return
        for key, inner in value.items():
            name = _text(str(key))
            varies = _KEY_IS_DATA.search(name) is not None
            part = "*" if varies else name
            _walk(
                columns, row, f"{path}.{part}" if path else part, inner, depth + 1, many or varies
            )
        return
    if isinstance(value, list | tuple | set | frozenset):
        if depth >= MAX_DEPTH:
            return
        for number, inner in enumerate(value):
            if number >= MAX_ELEMENTS:
                break
            _walk(columns, row, path + "[]", inner, depth + 1, True)
        return
    column = columns.get(path)
    if column is None:
        if len(columns) >= MAX_COLUMNS:
            return
        column = columns[path] = _Column(many)
    if value is None:
        return
    held = column.values.setdefault(row, [])
    if len(held) < MAX_ELEMENTS:
        held.append(_cell(value))
        column.many = column.many or len(held) > 1


def _opened(text: str) -> Any:
    """What a string holds if it is a JSON object or array, else the string."""
    bare = text.strip()
    if len(bare) < 2 or (bare[0], bare[-1]) not in (("{", "}"), ("[", "]")):
        return text
    try:
        return json.loads(bare)
    except (ValueError, RecursionError):
        return text


def _cell(value: Any) -> Any:
    """One value as a type that Arrow holds, bounded in length."""
    if isinstance(value, bool | float | datetime | date):
        return value
    if isinstance(value, int):
        if value in _INT64:
            return value
        # Python refuses to write very long numbers in decimal
        return (str(value) if value.bit_length() < 4_096 else hex(value))[:MAX_CELL]
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value[:MAX_BINARY])
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() and abs(value) < 2**53 else str(value)
    if isinstance(value, str):
        return _text(value[:MAX_CELL])
    if isinstance(value, time | timedelta):
        return str(value)
    return _text(str(value)[:MAX_CELL])


def _text(value: str) -> str:
    """The string with what UTF-8 cannot say (lone surrogates) replaced."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _array(column: _Column, count: int) -> pa.Array:
    flat = [value for held in column.values.values() for value in held]
    kind = _arrow_type(flat)
    convert: Callable[[Any], Any] | None = None
    if kind == pa.string():
        convert = _as_string
    elif kind == pa.float64():
        convert = float
    elif kind == pa.timestamp("us"):
        convert = _as_naive
    values = column.values
    if convert is not None:
        values = {row: [convert(v) for v in held] for row, held in values.items()}
    if column.many:
        return pa.array([values.get(row) for row in range(count)], type=pa.list_(kind))
    return pa.array([values[row][0] if row in values else None for row in range(count)], type=kind)


def _arrow_type(values: Sequence[Any]) -> pa.DataType:
    kinds = {type(value) for value in values}
    if not kinds:
        return pa.null()
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    if kinds <= {int, float}:
        return pa.float64()
    if all(issubclass(kind, datetime) for kind in kinds):
        return pa.timestamp("us")
    if kinds == {date}:
        return pa.date32()
    if kinds == {bytes}:
        return pa.binary()
    return pa.string()


def _as_naive(value: datetime) -> datetime:
    """UTC without a zone, so that mixed columns have one type."""
    if value.tzinfo is None:
        return value
    try:
        return value.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # at the ends of time a zone leads over them
        return value.replace(tzinfo=None)


def _as_string(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else str(value)
