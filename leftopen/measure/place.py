"""Where people are: H3 cells and countries, never so small that one could be found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from leftopen.measure.interval import Interval
from leftopen.model import FieldProfile, Place


class Placing:
    """The places of one collection, from its sample."""

    def __init__(
        self,
        name: str,
        fields: Mapping[str, FieldProfile],
        batches: Sequence[pa.RecordBatch],
        resolution: int,
    ) -> None: ...


def of_store(placed: Sequence[Placing], people: Mapping[str, Interval], threshold: int) -> Place:
    """The places of a store as they may be shown. `people` are those of each collection, by name,
    before rounding."""
    return Place()
