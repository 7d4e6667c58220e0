"""What a server knows of itself for nothing, on one page: optional members of an Engine.

An engine has whichever of these its server can answer gently: from catalogues, counters and ordered
indexes, never by a scan, a sort or anything that the server must spill to its disk for, and always
under a time limit that the server itself keeps, where it has one. Every request goes through
`Connection.send` and stands on the engine's allow-list, as those of `leftopen.engine` do. They are
asked one after the other, on the connection that `collections` used.

They may raise what an engine may raise; whoever asks goes on without the answer. `Collection` is
the one that `collections` gave, `paths` are columns of the batches that `sample` gave.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.net.connection import Connection

if TYPE_CHECKING:
    import pyarrow as pa

Moment = datetime | int | float | str
"""A point in time in a field's own form: what its server stores and compares. A datetime is UTC
without a zone."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the server tells of one field.

    `distinct` is its number of different values other than null: with `error`, the relative
    standard error of the server's method (0: exact), or with `drawn`, the number of records that
    the server's own estimate rests on (a PostgreSQL ANALYZE, say). `unique`: an index or key allows
    each value once. `filled` is the part of the records in which it is not null, 0..1. `indexed`:
    an ordered index begins with it, so that ranges of it are cheap. `refers_to` is the collection
    (its `name`) and the path whose values all of this field's are among: a foreign key.
    """

    distinct: int | None = None
    error: float | None = None
    drawn: int | None = None
    unique: bool = False
    filled: float | None = None
    indexed: bool = False
    refers_to: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Counters of a collection that move when it is written to; None where there is none.

    `records` is exact, never an estimate; `changes` only ever rises (insertions, updates, offsets,
    sequence numbers).
    """

    records: int | None = None
    changes: int | None = None


@dataclass(frozen=True, slots=True)
class Since:
    """From when on the store was there: its process `started`, the oldest entry of its own `log`,
    or its data was `created`. `moment` is UTC without a zone."""

    moment: datetime
    how: Literal["started", "log", "created"]


@runtime_checkable
class KnowsFields(Protocol):
    """Its catalogue tells how many different values fields have."""

    async def known(
        self, connection: Connection, collection: Collection, paths: Sequence[str]
    ) -> Mapping[str, Known]:
        """What is known of each of the paths; those of which nothing is known are left out."""
        ...


@runtime_checkable
class CountsBetween(Protocol):
    """It counts the records of a range of an indexed field without reading them."""

    async def count_between(
        self, connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
    ) -> int | None:
        """Records with begin <= path < end; None where no ordered index begins with the path."""
        ...


@runtime_checkable
class Marks(Protocol):
    """It keeps counters that show whether something was written."""

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """The counters of each collection by its name, as they are now."""
        ...


@runtime_checkable
class TellsSince(Protocol):
    """It tells since when it has been there."""

    async def since(self, connection: Connection) -> Since | None: ...


@runtime_checkable
class StreamsFields(Protocol):
    """It gives single fields of all records, for `--deep`."""

    def stream(
        self,
        connection: Connection,
        collection: Collection,
        paths: Sequence[str],
        limits: StoreLimits,
    ) -> AsyncIterator[pa.RecordBatch]:
        """Every record once, its `paths` alone, as columns of the same form as `sample` gives.

        In the server's own order, in batches of some thousand rows, never held as a whole; ends
        early, in good order, once `limits.bytes` were read or `connection.seconds_left` is used up.
        """
        ...
