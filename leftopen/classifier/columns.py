"""A batch's columns as flat leaves: one path and one flat array each, whatever was nested.

Structs become `a.b`, lists `a[]`, maps `a[].key` and `a[].value`, the types of a union all `a`. A
column that leftopen.sample made is called `a.b[]` already and keeps its name. Dictionary, view,
run-end and extension arrays are unpacked into the plain type they stand for.

Arrow's kernels do not know every type inside every other, and some abort: what is inside is reached
by the places of its values, and only flat arrays are given to a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SLICE_ROWS = 65_536  # values looked at together, and
SLICE_BYTES = 8 << 20  # bytes, unless one value has more: bounds what is held beside the batch
_SLICE_NUMBERS = 4 << 20  # the same for numbers, which take less beside them than text
MAX_DEPTH = 64  # levels of nesting that are opened; what lies deeper is one field of other type


@dataclass(frozen=True, slots=True)
class Leaf:
    """One flat column. `lengths` are those of the lists that hold any, if the values are numbers in
    lists: a face vector or a point is recognised by the list, not by its numbers.
    """

    path: str
    values: pa.Array
    lengths: Ints | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """The values at some places of an array, or all; place -1 is a null."""

    array: pa.Array
    at: Ints | None = None

    def places(self) -> Ints:
        return np.arange(len(self.array)) if self.at is None else self.at

    def there(self) -> Ints | None:
        """The places that are not null; None = all."""
        at = self.at if self.at is None else self.at[self.at >= 0]
        if not self.array.null_count:
            return at
        valid = self.array.is_valid().to_numpy(zero_copy_only=False)
        return np.flatnonzero(valid) if at is None else at[valid[at]]


def slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in parts that can be looked at together: each a piece of one column."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for start in range(0, max(len(column), 1), SLICE_ROWS):
            for piece in _pieces(column.slice(start, SLICE_ROWS)):
                yield pa.RecordBatch.from_arrays([piece], names=[name])


def _pieces(column: pa.Array) -> Iterator[pa.Array]:
    if pa.types.is_string_view(column.type) or pa.types.is_binary_view(column.type):
        column = _flat(_Part(column))  # slices of views have the bytes of the whole
    kind, size, middle = column.type, column.nbytes, len(column) // 2
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    listed |= pa.types.is_fixed_size_list(kind)
    inner = kind.value_type if listed else kind
    halves = (column.slice(0, middle), column.slice(middle))
    # what slices share (a dictionary) does not get less by slicing
    most = SLICE_BYTES
    if pa.types.is_primitive(inner):
        most = _SLICE_NUMBERS * inner.bit_width // 8
    if size <= most or not middle or sum(half.nbytes for half in halves) > size * 1.5:
        yield column
        return
    for half in halves:
        yield from _pieces(half)


def leaves(batch: pa.RecordBatch) -> Iterator[Leaf]:
    """Every leaf of the batch, in column order; paths that meet twice are both given."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        yield from _open(name, _Part(column), "[]" in name or "*" in name, 0)


def _open(path: str, part: _Part, listed: bool, depth: int) -> Iterator[Leaf]:
    part = _unpacked(part)
    kind = part.array.type
    if pa.types.is_null(kind) or not pa.types.is_nested(kind):
        yield Leaf(path, _flat(part))
    elif depth >= MAX_DEPTH or (pa.types.is_struct(kind) and not kind.num_fields):
        yield Leaf(path, _closed(part))
    elif pa.types.is_union(kind):
        for one in _types(part):
            yield from _open(path, one, listed, depth + 1)
    elif pa.types.is_struct(kind):
        at = part.there()
        for number in range(kind.num_fields):
            inner = f"{path}.{kind.field(number).name}"
            yield from _open(inner, _Part(part.array.field(number), at), listed, depth + 1)
    elif pa.types.is_map(kind):
        for name, values in (("key", part.array.keys), ("value", part.array.items)):
            held, _ = _inside(part, values)
            yield from _open(f"{path}[].{name}", held, False, depth + 1)
    else:
        held, lengths = _inside(part, part.array.values)
        held = _unpacked(held)
        name = path if listed else f"{path}[]"
        if pa.types.is_floating(held.array.type) or pa.types.is_integer(held.array.type):
            yield Leaf(name, _flat(held), lengths[lengths > 0])
        else:
            yield from _open(name, held, False, depth + 1)


def _unpacked(part: _Part) -> _Part:
    """The same values out of what only wraps another array."""
    while True:
        array = part.array
        if isinstance(array, pa.ExtensionArray):
            part = _Part(array.storage, part.at)
        elif pa.types.is_dictionary(array.type):
            rows = _Part(array.indices, part.at)
            part = _Part(array.dictionary, _flat(rows).cast(pa.int64()).fill_null(-1).to_numpy())
        elif pa.types.is_run_end_encoded(array.type):
            ends, places = array.run_ends.to_numpy(), part.places()
            runs = ends.searchsorted(places + array.offset, "right")
            part = _Part(array.values, np.where(places < 0, -1, runs))
        else:
            return part


def _flat(part: _Part) -> pa.Array:
    """The values, in a type that the kernels know."""
    array, kind = part.array, part.array.type
    if pa.types.is_string_view(kind):
        array = array.cast(pa.large_string())
    elif pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        array = array.cast(pa.large_binary())
    elif pa.types.is_float16(kind):
        array = array.cast(pa.float32())
    return array if part.at is None else array.take(pa.array(part.at, mask=part.at < 0))


def _closed(part: _Part) -> pa.Array:
    """As many values as are there, of a type that nothing looks into."""
    there = part.there()
    many = len(part.array) if there is None else len(there)
    return pa.Array.from_buffers(pa.struct([]), many, [None])


def _types(part: _Part) -> Iterator[_Part]:
    """The values of each type of a union by themselves."""
    union, places = part.array, part.places()
    places = places[places >= 0]
    # not type_codes and offsets: of a union that is a slice they are those of the whole
    codes = np.frombuffer(union.buffers()[1], dtype=np.int8)[places + union.offset]
    if union.type.mode == "dense":
        offsets = np.frombuffer(union.buffers()[2], dtype=np.int32)
        places = offsets[places + union.offset].astype(np.int64)
    for number, code in enumerate(union.type.type_codes):
        yield _Part(union.field(number), places[codes == code])


def _inside(part: _Part, values: pa.Array) -> tuple[_Part, Ints]:
    """What the lists hold, end to end, and how much each; a list that is null holds nothing.

    `values` are those of the whole array of which this one may be a slice.
    """
    array, kind = part.array, part.array.type
    if pa.types.is_fixed_size_list(kind):
        starts = (np.arange(len(array)) + array.offset) * kind.list_size
        lengths = np.full(len(array), kind.list_size)
    elif pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        starts = array.offsets.to_numpy().astype(np.int64)
        lengths = array.sizes.to_numpy().astype(np.int64)
    else:
        ends = array.offsets.to_numpy().astype(np.int64)
        starts, lengths = ends[:-1], np.diff(ends)
    at = part.there()
    if at is not None:
        starts, lengths = starts[at], lengths[at]
    before = np.cumsum(lengths) - lengths
    if len(starts) and (starts - before == starts[0]).all():  # they stand end to end already
        return _Part(values.slice(int(starts[0]), int(lengths.sum()))), lengths
    return _Part(
        values, np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    ), lengths
