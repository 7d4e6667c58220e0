"""Parquet and Arrow files: their own batches, a part of a row group at a time."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from leftopen.files.item import Batches, Item
from leftopen.files.stream import Stream

_CELLS = 1 << 20  # values of one batch, over all columns
_MOST_ROWS = 65_536


def parquet(stream: Stream, item: Item) -> Batches:
    """Batches of about a million values; nested columns as they are."""
    with pq.ParquetFile(stream.whole(), memory_map=False) as file:
        schema = file.schema_arrow
        yield "", _empty(schema)
        rows = max(1, min(_MOST_ROWS, _CELLS // max(1, file.metadata.num_columns)))
        for batch in file.iter_batches(batch_size=rows, use_threads=False):
            yield "", batch


def arrow_file(stream: Stream, item: Item) -> Batches:
    """Batches as they were written (Arrow IPC file, Feather version 2)."""
    item.format = "arrow"
    with pa.ipc.open_file(stream.whole()) as reader:
        yield "", _empty(reader.schema)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            batch.validate(full=True)  # offsets that lead outside would take the process down
            yield "", batch


def arrow_stream(stream: Stream, item: Item) -> Batches:
    """Batches as they were written (Arrow IPC stream)."""
    item.format = "arrow"
    with pa.ipc.open_stream(pa.PythonFile(stream, "r")) as reader:
        yield "", _empty(reader.schema)
        for batch in reader:
            batch.validate(full=True)
            yield "", batch


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    """No rows, but the fields: a table without rows has fields, too."""
    arrays = [pa.nulls(0, kind) for kind in schema.types]
    return pa.RecordBatch.from_arrays(arrays, names=schema.names)
