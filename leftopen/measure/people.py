"""How many people there are: of a collection, of a store, of all stores of a run.

Records are not people: logs repeat, mirrors copy, tables overlap, households share an address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from leftopen.knowledge import Known
from leftopen.measure.interval import Interval
from leftopen.measure.sketch import Sketcher
from leftopen.model import Cost, FieldProfile, Mirror


@dataclass(slots=True)
class Counted:
    """What was counted of one collection: never leaves the sampling process."""

    name: str
    people: Interval


@dataclass(frozen=True, slots=True)
class Together:
    """How many people several collections or stores come to, not yet for showing."""

    people: Interval
    deduplicated_across: tuple[str, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    deep: Cost | None = None


class Counting:
    """Counts the people of one collection: `sample` and `known` first, `stream` with `--deep`."""

    def __init__(
        self,
        name: str,
        records: int | None,
        fields: Mapping[str, FieldProfile],
        sketcher: Sketcher,
    ) -> None: ...

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields by which people may be told apart, those to ask the server about."""
        return ()

    def sample(self, batch: pa.RecordBatch) -> None:
        """Counts a batch of the sample."""

    def know(self, known: Mapping[str, Known]) -> None:
        """Takes what the server tells of `paths`."""

    def to_stream(self) -> tuple[str, ...]:
        """The fields to stream with `--deep`: none where nothing more would be learnt."""
        return ()

    def stream(self, batch: pa.RecordBatch) -> None:
        """Counts a batch of the stream of `to_stream`."""

    def streamed(self, *, whole: bool) -> None:
        """The stream is at its end; `whole`: it gave every record."""

    def finish(self) -> Counted:
        return Counted("", Interval(0, 0, 0))


def of_store(counted: Sequence[Counted]) -> Together:
    """The people of a store, each counted once, from those of its collections."""
    return Together(Interval(0, 0, 0))


def of_run(stores: Mapping[str, Sequence[Counted]]) -> Together:
    """The people of several stores, by exposure id, each counted once."""
    return Together(Interval(0, 0, 0))


def alone(counted: Counted) -> Together:
    """The people of one collection by itself."""
    return Together(counted.people)
