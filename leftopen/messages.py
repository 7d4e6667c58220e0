"""What the sampling process and its parent say to each other: lines of JSON, checked on arrival."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from leftopen.budget import StoreLimits
from leftopen.model import CollectionProfile, OptIn, ScanError, Tampering


class Job(BaseModel):
    """One open store to read, as the parent hands it over."""

    engine: str
    address: str
    port: int
    host: str | None
    tls: bool
    limits: StoreLimits
    opt_in: OptIn


class Said(BaseModel):
    """One line from the worker: `ask` for a connection, a collection's profile, or the end."""

    model_config = ConfigDict(extra="forbid")
    what: Literal["ask", "collection", "end"]
    collection: CollectionProfile | None = None
    done: int = 0
    total: int = 0
    complete: bool = False
    requests: tuple[str, ...] = ()
    bytes_read: int = 0
    errors: tuple[ScanError, ...] = ()
    tampering: tuple[Tampering, ...] = ()
