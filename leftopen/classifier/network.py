"""IP addresses by themselves: those that a person's device can have, told from version numbers.

A version such as 10.0.2.1 has small parts; of four parts of an address at least two are larger.
Loopback, link-local, multicast and mask addresses are nobody's and are not counted.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from leftopen.classifier.heads import laid_out
from leftopen.classifier.text import Gate, Text, bits

_FOUR = Gate(7, 15, bits("digit dot"), (bits("dot"), bits("digit")))
_SIX = Gate(9, 45, bits("hex colon"), (bits("colon"),))
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_LARGE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[4-9][0-9]|3[2-9])"
_TWO_LARGE = "^(?:{})$".format(
    "|".join(
        r"\.".join(_LARGE if place in (one, two) else _OCTET for place in range(4))
        for two in range(4)
        for one in range(two)
    )
)
_NOBODYS = r"^(?:0|127|169\.254|22[4-9]|2[34][0-9]|25[0-5])\."
_FULL = r"(?i)^(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2})(?::[0-9a-f]{1,4}){7}$"
_SHORTENED = (
    r"(?i)^(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2})(?::[0-9a-f]{1,4}){0,5}::"
    r"(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,5})?$"
)


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Adds `ip.device`."""
    del wanted  # what a name says is looked for by the kind's own pattern
    fours = text.select(_FOUR)
    if len(fours):
        parted = _parted(fours)
        if parted.any():
            addresses = fours.keep(parted).matching(_TWO_LARGE)
            hits["ip.device"] += addresses.total - addresses.count(_NOBODYS)
    sixes = text.select(_SIX)
    if len(sixes):
        hits["ip.device"] += sixes.count(_FULL) + sixes.count(_SHORTENED)


def _parted(text: Text) -> NDArray[np.bool_]:
    """Which have a dot among bytes two to four, and one before the last one to three."""
    data, bounds = laid_out(text.values)
    starts, ends = bounds[:-1], bounds[1:]
    dot = data == ord(".")
    found: NDArray[np.bool_] = dot[starts + 1] | dot[starts + 2] | dot[starts + 3]
    found &= dot[ends - 2] | dot[ends - 3] | dot[ends - 4]
    return found
