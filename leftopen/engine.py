"""The Engine interface, on one page: what one kind of datastore must be able to tell.

An engine is one file in `leftopen/engines/` (or an entry point in the group `leftopen.engines`)
whose module attribute `ENGINE` is an instance of a class with the members below. It speaks its
protocol over the `Connection` it is handed: it can reopen that connection, never open another
address, and every request goes through `Connection.send(name, payload)`, which refuses any name
that is not on the engine's allow-list. It takes the name from the payload itself (the command
word, the method and path template, the SQL text), so that the list cannot be talked around.

What an engine may raise: `NotThisProtocol` where the bytes are not of its protocol,
`ServerRefused(code=…)` where the server said no, and any `NetError`, which it need not catch.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from leftopen.budget import StoreLimits
from leftopen.model import Proof
from leftopen.net.connection import Connection

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection as its engine names it; lives in the sampling process only.

    `name` is the engine's own qualified name, raw: it may itself hold a person's data and is
    generalised before it leaves the process. `records` and `bytes` are the server's own figures,
    None where it tells none. `handle` is the engine's own note of how to read it.
    """

    name: str
    records: int | None = None
    bytes: int | None = None
    handle: Any = None


class Speaks(StrEnum):
    """How a conversation with a server begins; tells which engines are worth asking."""

    HTTP = "http"  # requests of HTTP/1.1
    GREETS = "greets"  # the server speaks first, in a protocol of its own
    ANSWERS = "answers"  # the client speaks first, in a protocol of its own


@runtime_checkable
class Engine(Protocol):
    """One kind of datastore server and how to ask it."""

    name: str
    ports: tuple[int, ...]
    speaks: Speaks
    requests: frozenset[str]
    verified: Literal["real", "scripted"]
    reads: str  # one line: what is read for the profile

    async def probe(self, connection: Connection) -> Proof:
        """Judge by one short exchange, on a fresh connection.

        OPEN only after a gated read whose answer no canned page could give: something made up for
        it comes back. `connection.opt_in` is what the scope file allows beyond that.
        """
        ...

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The collections of an OPEN store, on a fresh connection; system ones left out."""
        ...

    def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Batches of at most `limits.rows` rows in all, drawn at random where the engine can.

        Called on the connection `collections` used. Columns are dotted paths, from
        `leftopen.sample`.
        """
        ...


@runtime_checkable
class TellsSettings(Protocol):
    """An engine whose servers show in their settings what earlier visitors have changed."""

    async def settings(self, connection: Connection) -> Mapping[str, str]:
        """A few settings by name, raw: they are looked at in the sampling process and kept
        nowhere. Empty where the server does not let them be read."""
        ...


_VERSION = re.compile(r"\d{1,4}(\.\d{1,5}){0,3}(-?(alpha|beta|rc|SNAPSHOT)[.-]?\d{0,3})?")


def clean_version(text: object) -> str | None:
    """The version number a server states, or None if it is not plainly one.

    A version is a server's own text and is shown: only digits, dots and a release word pass.
    """
    if not isinstance(text, str):
        return None
    match = _VERSION.match(text[:64])
    return match.group(0) if match else None
