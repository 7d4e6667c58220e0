"""What a row is: a server in a named state, and the verdict that is right for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from leftopen.model import OptIn, Target, Verdict

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
