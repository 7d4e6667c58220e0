"""Who is in a store, as shares of groups that differential privacy lets be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from leftopen.model import Composition, FieldProfile


class Composing:
    """What a collection's fields of special category hold, counted by labels of public lists."""

    def __init__(
        self,
        name: str,
        fields: Mapping[str, FieldProfile],
        batches: Sequence[pa.RecordBatch],
    ) -> None: ...


def of_store(
    composing: Sequence[Composing], *, epsilon: float, threshold: int
) -> tuple[Composition, ...]:
    """The shares of each field of special category; together they cost `epsilon` at the most."""
    return ()
