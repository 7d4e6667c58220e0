"""Checks of accounts and SIM cards: each takes `places`, one array of codes a character.

`places[i]` holds the ASCII code of character i of every value; capitals, separators gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Place = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Check = Callable[[Sequence[Place]], Bools]

# Registry of ISO 13616: how long the numbers of each country are.
_IBAN_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip


def _code(text: str) -> int:
    """A short word as one number, a byte a character."""
    return int.from_bytes(text.encode(), "big")


def _joined(places: Sequence[Place]) -> NDArray[np.int64]:
    total = np.zeros(len(places[0]), dtype=np.int64)
    for place in places:
        total = total * 256 + place
    return total


def _none(places: Sequence[Place]) -> Bools:
    return np.zeros(len(places[0]) if len(places) else 0, dtype=np.bool_)


def _digits(places: Sequence[Place]) -> tuple[list[NDArray[np.int64]], Bools]:
    """The digits, and where all of them are digits and not all the same."""
    digits = [place.astype(np.int64) - ord("0") for place in places]
    sound = np.ones(len(places[0]), dtype=np.bool_)
    varied = np.zeros(len(places[0]), dtype=np.bool_)
    for digit in digits:
        sound &= (digit >= 0) & (digit <= 9)
        varied |= digit != digits[0]
    return digits, sound & varied


_COUNTRIES = {
    width: np.array(sorted(map(_code, said.split()))) for width, said in _IBAN_LENGTHS.items()
}


def iban(places: Sequence[Place]) -> Bools:
    """ISO 13616: the country's length, and modulo 97 of the turned number; not its own digits."""
    if len(places) not in _COUNTRIES:
        return _none(places)
    rest = np.zeros(len(places[0]), dtype=np.int64)
    for place in (*places[4:], *places[:4]):
        code = place.astype(np.int64)
        letter = code >= ord("A")
        rest = np.where(letter, rest * 100 + code - 55, rest * 10 + code - ord("0")) % 97
    found: Bools = (rest == 1) & np.isin(_joined(places[:2]), _COUNTRIES[len(places)])
    return found


def iccid(places: Sequence[Place]) -> Bools:
    """ITU-T E.118: 89 in front, 19 or 20 digits, the last of which is Luhn's."""
    if len(places) not in (19, 20):
        return _none(places)
    digits, sound = _digits(places)
    total = np.zeros(len(places[0]), dtype=np.int64)
    for back, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if back % 2 else digit
        total += np.where(doubled > 9, doubled - 9, doubled)
    found: Bools = (total % 10 == 0) & sound & (digits[0] == 8) & (digits[1] == 9)
    return found


def clabe(places: Sequence[Place]) -> Bools:
    """Mexico: 18 digits, weights 3, 7, 1, each product modulo 10."""
    if len(places) != 18:
        return _none(places)
    digits, sound = _digits(places)
    total = np.zeros(len(places[0]), dtype=np.int64)
    for place, digit in enumerate(digits[:17]):
        total += digit * (3, 7, 1)[place % 3] % 10
    found: Bools = ((10 - total % 10) % 10 == digits[17]) & sound
    return found


def cbu(places: Sequence[Place]) -> Bools:
    """Argentina: 22 digits in two blocks, weights 7, 1, 3, 9 and 3, 9, 7, 1 each with a digit."""
    if len(places) != 22:
        return _none(places)
    digits, found = _digits(places)
    for block, weights in ((digits[:8], (7, 1, 3, 9, 7, 1, 3)), (digits[8:], (3, 9, 7, 1) * 4)):
        total = np.zeros(len(places[0]), dtype=np.int64)
        for digit, weight in zip(block[:-1], weights, strict=False):
            total += digit * weight
        found &= (10 - total % 10) % 10 == block[-1]
    return found


CHECKS: dict[str, Check] = {
    "iban_country": iban,
    "iccid": iccid,
    "clabe": clabe,
    "cbu": cbu,
}
