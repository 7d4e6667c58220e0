"""Personal numbers of northern Europe and the Baltic."""

from __future__ import annotations

import numpy as np

from leftopen.classifier.digits import (
    Bools,
    Grid,
    booleans,
    digits,
    mod,
    pick,
    signs,
    weighted,
)
from leftopen.classifier.national.dates import THIS_YEAR, birth, day_of


@digits(10, 12)
def se_pnr(g: Grid) -> Bools:
    """Personnummer; the day of a samordningsnummer is 60 higher."""
    ten = g if g.width == 10 else g.part(2, 12)
    day = ten.pairs[4]
    day = np.where(day > 60, day - 60, day).astype(np.int16)
    if g.width == 12:
        return booleans(ten.luhn & birth(g.short(0, 4), ten.pairs[2], day))
    return booleans(ten.luhn & day_of(ten.pairs[0], ten.pairs[2], day))


@digits(11)
def no_fnr(g: Grid) -> Bools:
    """Fødselsnummer; D-numbers add 40 to the day, H-numbers 40 to the month."""
    one = mod(-weighted(g.d, (3, 7, 6, 1, 8, 9, 4, 5, 2)), 11)
    other = mod(-weighted(g.d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)), 11)
    day, month, year = g.pairs[0], g.pairs[2], g.pairs[4]
    day = np.where((day > 40) & (day < 80), day - 40, day).astype(np.int16)
    month = np.where(month > 40, month - 40, month).astype(np.int16)
    serial = g.short(6, 9)
    late = (serial >= 500) & (year < 40)
    known = (serial < 500) | late | ((serial < 750) & (year >= 54)) | (serial >= 900)
    dated = day_of(year, month, day) & known & (~late | (year <= THIS_YEAR - 2000))
    return booleans((one == g.d[9]) & (other == g.d[10]) & dated)


@digits(10)
def dk_cpr(g: Grid) -> Bools:
    """CPR number: a day, and the seventh digit says the century; no check digit since 2007."""
    seventh, two = g.d[6], g.pairs[4]
    old = (seventh >= 5) & (seventh <= 8) & (two >= 58)
    last = (seventh <= 3) | (((seventh == 4) | (seventh == 9)) & (two >= 37))
    year = np.where(old, two + 1800, np.where(last, two + 1900, two + 2000)).astype(np.int16)
    return birth(year, g.pairs[2], g.pairs[0])


@digits(10)
def dk_cpr_day(g: Grid) -> Bools:
    """CPR numbers but those that are also a day of recent years, year first, as orders begin with.

    One true number in eight is left out; of numbers that start with the day of an order, all are.
    """
    recent = (g.pairs[0] >= THIS_YEAR - 2011) & (g.pairs[0] <= THIS_YEAR - 2000)
    return booleans(dk_cpr(g) & ~(recent & day_of(g.pairs[0], g.pairs[2], g.pairs[4])))


@digits(10)
def dk_cpr_mod11(g: Grid) -> Bools:
    """CPR numbers given out before 2007, nearly all of which are divisible by 11."""
    total = weighted(g.d, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    return booleans((mod(total, 11) == 0) & dk_cpr(g))


@signs(10, 11)
def fi_hetu(g: Grid) -> Bools:
    """Day, month, year, a century sign (a hyphen is already gone), three digits, modulo 31."""
    serial = g.number(g.width - 4, g.width - 1)
    rest = mod(g.number(0, 6) * 1000 + serial, 31)
    right = pick(b"0123456789ABCDEFHJKLMNPRSTUVWXY", rest) == g.codes[-1]
    plain = g.digits_at(0, 6) & g.digits_at(g.width - 4, g.width - 1)
    if g.width == 11:  # of 1800 the sign is a plus
        plain = plain & g.is_one_of(6, "+ABCDEFUVWXY")
    return booleans(right & plain & (serial >= 2) & day_of(g.pairs[4], g.pairs[2], g.pairs[0]))


@digits(10)
def is_kt(g: Grid) -> Bools:
    """Kennitala of persons: the century stands last; firms add 40 to the day."""
    right = mod(weighted(g.d, (3, 2, 7, 6, 5, 4, 3, 2, 1)), 11) == 0
    century = np.where(g.d[9] == 0, 2000, 1900).astype(np.int16)
    known = (g.d[9] == 0) | (g.d[9] == 9)
    return booleans(right & known & birth(century + g.pairs[4], g.pairs[2], g.pairs[0]))


def _baltic(g: Grid) -> Bools:
    """Two sets of weights modulo 11; the second where the first leaves 10."""
    one = mod(weighted(g.d, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)), 11)
    other = mod(weighted(g.d, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)), 11)
    other = np.where(other == 10, 0, other)
    century = (g.d[0] + 1) // 2 * 100 + 1700
    dated = birth(century + g.pairs[1], g.pairs[3], g.pairs[5])
    return booleans((np.where(one == 10, other, one) == g.d[10]) & dated & (g.d[0] >= 1))


ee_ik = digits(11)(_baltic)
lt_ak = digits(11)(_baltic)


@digits(11)
def lv_pk(g: Grid) -> Bools:
    """Personas kods; those given since 2017 begin with 32 and hold no date."""
    rest = mod(1 + weighted(g.d, (10, 5, 8, 4, 2, 1, 6, 3, 7, 9)), 11)
    right = np.where(rest == 10, 0, rest) == g.d[10]
    dated = birth(1800 + g.d[6] * 100 + g.pairs[4], g.pairs[2], g.pairs[0])
    return booleans(right & (dated | (g.pairs[0] == 32)))


CHECKS = {
    "se_pnr": se_pnr, "no_fnr": no_fnr, "dk_cpr": dk_cpr, "dk_cpr_day": dk_cpr_day,
    "dk_cpr_mod11": dk_cpr_mod11,
    "fi_hetu": fi_hetu, "is_kt": is_kt, "ee_ik": ee_ik, "lt_ak": lt_ak, "lv_pk": lv_pk,
}  # fmt: skip
