"""A batch's columns as flat leaves: one path and one flat array each, whatever was nested.

Structs become `a.b`, lists `a[]`, maps `a[].key` and `a[].value`. A column that leftopen.sample
made is called `a.b[]` already and keeps its name. Dictionary, view, run-end and extension arrays
are unpacked into the plain type they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

MAX_DEPTH = 64  # levels of nesting that are opened; deeper ones are left out


@dataclass(frozen=True, slots=True)
class Leaf:
    """One flat column. `rows` is the list column it was in, if its values are numbers in lists:
    a face vector or a point is recognised by the list, not by its numbers.
    """

    path: str
    values: pa.Array
    rows: pa.Array | None = None


def leaves(batch: pa.RecordBatch) -> Iterator[Leaf]:
    """Every leaf of the batch, in column order; paths that meet twice are both given."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        yield from _open(name, column, "[]" in name or "*" in name, 0)


def _open(path: str, column: pa.Array, listed: bool, depth: int) -> Iterator[Leaf]:
    column = plain(column)
    kind = column.type
    if depth >= MAX_DEPTH:
        return
    if pa.types.is_struct(kind):
        # flatten() gives the parent's nulls to the children
        for number, child in enumerate(column.flatten()):
            name = kind.field(number).name
            yield from _open(f"{path}.{name}", child, listed, depth + 1)
        return
    if pa.types.is_map(kind):
        inner = f"{path}[]"
        yield from _open(f"{inner}.key", column.keys, False, depth + 1)
        yield from _open(f"{inner}.value", column.items, False, depth + 1)
        return
    if _is_list(kind):
        inner = path if listed else f"{path}[]"
        values = plain(pc.list_flatten(column))
        if _is_number(values.type):
            yield Leaf(inner, values, column)
        else:
            yield from _open(inner, values, False, depth + 1)
        return
    yield Leaf(path, column)


def plain(column: pa.Array) -> pa.Array:
    """The same values in a type that the kernels know."""
    while isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(column))
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    if pa.types.is_binary_view(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_fixed_size_binary(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        return column.cast(pa.large_list(kind.value_type))
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    return column


def _is_list(kind: pa.DataType) -> bool:
    found: bool = (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
    return found


def _is_number(kind: pa.DataType) -> bool:
    found: bool = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    return found
