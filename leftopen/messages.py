"""What the sampling process and its parent say to each other: lines of JSON, checked on arrival."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from leftopen.budget import StoreLimits
from leftopen.config import Measuring
from leftopen.model import (
    CollectionProfile,
    Composition,
    OptIn,
    People,
    Place,
    ScanError,
    Tampering,
    Time,
)

GO = b"go\n"  # from the parent: a connection is granted
TOGETHER = b"together\n"  # from the parent: tell how many people are in all stores read so far


class Job(BaseModel):
    """One open store to read, as the parent hands it over."""

    engine: str
    address: str
    port: int
    host: str | None
    tls: bool
    limits: StoreLimits
    opt_in: OptIn
    measuring: Measuring = Measuring()


class Said(BaseModel):
    """One line from the worker: `ask` for a connection, a collection's profile, the end of a store,
    or what all stores come to `together`.

    `people_of` are the people of each collection, in their order: they are told at the end, when it
    is known what may be shown side by side. `stores` are the exposures that `people` is about.
    """

    model_config = ConfigDict(extra="forbid")
    what: Literal["ask", "collection", "end", "together"]
    collection: CollectionProfile | None = None
    done: int = 0
    total: int = 0
    complete: bool = False
    requests: tuple[str, ...] = ()
    bytes_read: int = 0
    errors: tuple[ScanError, ...] = ()
    tampering: tuple[Tampering, ...] = ()
    people: People | None = None
    people_of: tuple[People | None, ...] = ()
    time: Time | None = None
    place: Place | None = None
    composition: tuple[Composition, ...] = ()
    stores: tuple[str, ...] = ()
