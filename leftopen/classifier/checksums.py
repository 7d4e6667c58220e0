"""Checksums by the names that `kinds.toml` calls them, computed over whole columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leftopen.classifier import accounts, national, terminologies
from leftopen.classifier.digits import ZERO, A, Bools, Codes, codes


def passes(name: str, values: pa.Array) -> int:
    """How many of `values` (strings without nulls that match the kind's pattern) pass the check."""
    bare = pc.utf8_upper(pc.replace_substring_regex(values, r"[ .\-/()\t]", ""))
    check = CHECKS[name]
    widths = pc.binary_length(bare).to_numpy(zero_copy_only=False)
    total = 0
    for width in np.unique(widths):
        if not 0 < width <= 64:
            continue
        total += int(np.count_nonzero(check(codes(bare.filter(pa.array(widths == width))))))
    return total


def passing(names: Sequence[str], values: pa.Array) -> dict[str, Bools]:
    bare = pc.utf8_upper(pc.replace_substring_regex(values, r"[ .\-/()\t]", ""))
    widths = pc.binary_length(bare).to_numpy(zero_copy_only=False)
    out = {n: np.zeros(len(values), dtype=np.bool_) for n in names}
    for width in np.unique(widths):
        if not 0 < width <= 64:
            continue
        at = widths == width
        c = codes(bare.filter(pa.array(at)))
        for n in names:
            out[n][at] = CHECKS[n](c)
    return out


def iban(c: Codes) -> Bools:
    """ISO 13616: the country and check digits moved to the end, letters as two digits, mod 97."""
    if not 15 <= c.shape[1] <= 34:
        return np.zeros(len(c), dtype=np.bool_)
    turned = np.concatenate([c[:, 4:], c[:, :4]], axis=1).astype(np.int64)
    rest = np.zeros(len(c), dtype=np.int64)
    for column in range(turned.shape[1]):
        code = turned[:, column]
        letter = code >= A
        rest = np.where(letter, rest * 100 + code - A + 10, rest * 10 + code - ZERO) % 97
    found: Bools = rest == 1
    return found


_VIN = np.zeros(91, dtype=np.int64)
_VIN[ord("0") : ord("9") + 1] = np.arange(10)
_VIN[A : A + 26] = (
    *(1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 0, 7, 0, 9),
    *(2, 3, 4, 5, 6, 7, 8, 9),
)


def vin(c: Codes) -> Bools:
    """The check digit of 49 CFR 565; vehicles made for Europe need not carry it."""
    if c.shape[1] != 17:
        return np.zeros(len(c), dtype=np.bool_)
    places = np.array([8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2])
    rest = _VIN[np.minimum(c, 90)] @ places % 11
    found: Bools = np.frombuffer(b"0123456789X", dtype=np.uint8)[rest] == c[:, 8]
    return found


def _by_places(check: accounts.Check) -> Callable[[Codes], Bools]:
    """A check of accounts.py, which wants one array a character."""
    return lambda c: check(c.T)


CHECKS: dict[str, Callable[[Codes], Bools]] = {
    **national.CHECKS,
    "iban": iban,
    "vin": vin,
    **terminologies.CHECKS,
    **{name: _by_places(check) for name, check in accounts.CHECKS.items()},
}
