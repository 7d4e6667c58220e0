"""Documents in batches of bounded size, and a word where a batch cannot hold all their fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from leftopen import sample
from leftopen.files.item import Item

_MOST = 1_000  # names that are looked at one by one
# A name that a programmer wrote; `sample` knows what to do with those that are data themselves.
_PLAIN = re.compile(r"(?!.*\d{5})(?![0-9a-fA-F-]{16,}$)[^\W\d][\w -]{0,60}")
_TYPES = (
    pa.null(), pa.bool_(), pa.int64(), pa.float64(), pa.string(), pa.binary(), pa.date32(),
    pa.timestamp("us"),
)  # fmt: skip


def batched(
    documents: Iterable[tuple[Mapping[str, Any], int]], item: Item, rows: int, size: int
) -> Iterator[pa.RecordBatch]:
    """Batches of at most `rows` documents or about `size` bytes of them; what is left when the
    source fails is given before its fault goes on."""
    held: list[Mapping[str, Any]] = []
    taken = 0
    failure: Exception | None = None
    source = iter(documents)
    while True:
        try:
            document, length = next(source)
        except StopIteration:
            break
        except Exception as error:  # whatever it is, what was read counts
            failure = error
            break
        held.append(document)
        taken += length
        if len(held) >= rows or taken >= size:
            yield as_batch(held, item)
            held, taken = [], 0
    if held:
        yield as_batch(held, item)
    if failure is not None:
        raise failure


def as_batch(documents: Sequence[Mapping[str, Any]], item: Item) -> pa.RecordBatch:
    """One batch; the item says if there were more fields than are looked at.

    Columns of plain values under plain names are made whole; only what is nested, mixed or named
    by data goes the long way through `sample.documents`.
    """
    names = list(dict.fromkeys(chain.from_iterable(documents)))
    plain = [name for name in names[:_MOST] if isinstance(name, str) and _PLAIN.fullmatch(name)]
    arrays = {}
    for name in plain:
        array = _array([document.get(name) for document in documents])
        if array is not None:
            arrays[name] = array
    if len(arrays) == len(names) and names:
        return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
    rest = sample.documents(
        {name: value for name, value in document.items() if name not in arrays}
        for document in documents
    )
    if rest.num_columns >= sample.MAX_COLUMNS:
        item.fault(f"it has over {sample.MAX_COLUMNS:,} different fields; not all were looked at")
    return _beside(arrays, rest)


def of_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """The same for rows of a table; a column of mixed types becomes text."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    arrays = [_array(column) for column in columns]
    odd = [at for at, array in enumerate(arrays) if array is None]
    kept = [(name, array) for name, array in zip(names, arrays, strict=True) if array is not None]
    whole = pa.RecordBatch.from_arrays([a for _, a in kept], names=[name for name, _ in kept])
    if not odd:
        return whole
    rest = sample.rows([names[at] for at in odd], zip(*(columns[at] for at in odd), strict=True))
    return pa.RecordBatch.from_arrays(
        [*whole.columns, *rest.columns], names=[*whole.schema.names, *rest.schema.names]
    )


def _beside(arrays: Mapping[str, pa.Array], rest: pa.RecordBatch) -> pa.RecordBatch:
    if rest.schema.names == [""] and arrays:  # rows without a value of their own
        return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
    return pa.RecordBatch.from_arrays(
        [*arrays.values(), *rest.columns], names=[*arrays, *rest.schema.names]
    )


def _array(values: list[Any]) -> pa.Array | None:
    """The values as one column of a plain type; None where they are of no such type."""
    try:
        array = pa.array(values)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return None
    return array if array.type in _TYPES else None
