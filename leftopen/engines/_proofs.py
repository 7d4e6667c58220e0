"""Words that the proofs of many engines share."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Literal

from leftopen.errors import LeftopenError
from leftopen.model import Proof, Verdict

CanWrite = Literal["yes", "no", "unknown"]
CANNED = Proof(Verdict.NOT_THIS, "gives canned answers, not those of a server")


async def afterwards(work: Awaitable[CanWrite]) -> CanWrite:
    """Who may write, asked once the verdict stands: where that fails, it must not cost the
    verdict."""
    try:
        return await work
    except LeftopenError:
        return "unknown"
