"""Words that the proofs of many engines share."""

from __future__ import annotations

from typing import Literal

from leftopen.model import Proof, Verdict

CanWrite = Literal["yes", "no", "unknown"]
CANNED = Proof(Verdict.NOT_THIS, "gives canned answers, not those of a server")
