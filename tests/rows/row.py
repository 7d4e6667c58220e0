"""What a row is: a server in a named state, and the verdict that is right for it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal, ParamSpec, TypeVar

from leftopen.model import OptIn, Target, Verdict
from leftopen.servers.base import Server
from leftopen.testing import shared

P = ParamSpec("P")
S = TypeVar("S", bound=Server)

# Every engine has each of these rows, or says in `ABSENT` why its servers cannot be in that state.
NAMES = (
    "open",  # records that anyone may read
    "empty",  # reads are answered; there is nothing in it
    "authentication on",
    "metadata only",  # lists or tells about itself without a name, and refuses to be read
    "read-only",  # anyone may read; the server itself says that they may not write
)
# Rows that an engine may have besides, where its servers know such a state: "old version",
# "another product", "opt-in", "wiped", …


@dataclass(frozen=True)
class Row:
    """A server in one state. `serve` starts it, or lends a shared one, until the block ends.

    `real` is False where a scripted peer stands in. `can_write` is what the report must say.
    """

    name: str
    serve: Callable[[], AbstractContextManager[Target]]
    verdict: Verdict
    real: bool = True
    can_write: Literal["yes", "no", "unknown"] = "unknown"
    opt_in: OptIn = field(default_factory=OptIn)


@dataclass(frozen=True)
class Rows:
    """All rows of one engine; `absent` maps the names of `NAMES` that it lacks to the reason."""

    engine: str
    rows: Sequence[Row]
    absent: Mapping[str, str]


def at(server: Server) -> Target:
    """Where a server is found."""
    return Target(ip_address(server.address), server.port)


def once_a_run(make: Callable[P, S]) -> Callable[P, S]:
    """What starts and fills a server, as one that does so once: all tests of a run share it."""

    @functools.wraps(make)
    def lend(*args: P.args, **options: P.kwargs) -> S:
        return shared(make, *args, **options)

    return lend


def lends(
    serve: Callable[P, Server], *args: P.args, **options: P.kwargs
) -> Callable[[], AbstractContextManager[Target]]:
    """A row's `serve`, of a server that others use as well: it goes on when the block ends."""

    @contextlib.contextmanager
    def lend() -> Iterator[Target]:
        yield at(serve(*args, **options))

    return lend
