"""What is asked of a server beside its records: ranges of time counted, and two looks at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leftopen.engine import Collection, Engine
from leftopen.measure.times import Growth, Timing
from leftopen.net.connection import Connection


async def count_arrivals(
    engine: Engine, connection: Connection, collection: Collection, timing: Timing
) -> None:
    """Has the server count the records of `timing.windows()`, if it can do so by an index."""


class Looks:
    """A look at a store's counters when its reading begins, and another one when it ends."""

    def __init__(
        self, engine: Engine, connection: Connection, collections: Sequence[Collection]
    ) -> None: ...

    async def first(self) -> None:
        """The first look."""

    async def second(self, patience: float) -> Mapping[str, Growth]:
        """Looks again, and then each second until something has changed, for at most `patience`
        seconds since the first look; gives what was seen of each collection, by name."""
        return {}
