"""The columns of a batch that a stream was asked for, and no others."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa


def only(batch: pa.RecordBatch, paths: Sequence[str]) -> pa.RecordBatch:
    """The batch with the columns of these paths, as far as it has them; every row stays."""
    there = [path for path in paths if path in batch.schema.names]
    if there:
        return batch.select(there)
    return pa.RecordBatch.from_arrays([pa.nulls(batch.num_rows)], names=[""])
