"""Personal numbers of central and eastern Europe."""

from __future__ import annotations

import numpy as np

from leftopen.classifier.digits import (
    BASE36,
    Bools,
    Grid,
    booleans,
    digits,
    mod,
    signs,
    weighted,
)
from leftopen.classifier.national.dates import birth, day_of

_TIMES_731 = (7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1, 7)


@digits(11)
def pl_pesel(g: Grid) -> Bools:
    """PESEL: the month holds the century."""
    right = mod(weighted(g.d, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)), 10) == 0
    month = g.pairs[2]
    century = np.array([1900, 2000, 2100, 2200, 1800], dtype=np.int16).take(month // 20)
    return booleans(right & birth(century + g.pairs[0], mod(month, 20), g.pairs[4]))


@digits(9, 10)
def cz_rc(g: Grid) -> Bools:
    """Rodné číslo: women's month plus 50, plus 20 where numbers ran out; modulo 11 since 1954."""
    month = g.pairs[2]
    month = np.where(month > 50, month - 50, month)
    month = np.where(month > 20, month - 20, month).astype(np.int16)
    two = g.pairs[0]
    if g.width == 9:
        # no 9 digits after 1953 and no check digit
        year = np.where(two >= 80, two + 1800, two + 1900).astype(np.int16)
        return booleans(birth(year, month, g.pairs[4]) & (year < 1954))
    year = np.where(two < 54, two + 2000, two + 1900).astype(np.int16)
    rest = mod(g.number(0, 9), 11)
    right = np.where(rest == 10, 0, rest) == g.d[9]
    return booleans(right & birth(year, month, g.pairs[4]))


@digits(13)
def ro_cnp(g: Grid) -> Bools:
    """CNP: sex and century, birth date, county."""
    rest = mod(weighted(g.d, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)), 11)
    right = np.where(rest == 10, 1, rest) == g.d[12]
    centuries = np.array([0, 1900, 1900, 1800, 1800, 2000, 2000, 1900, 1900, 1900], dtype=np.int16)
    dated = birth(centuries.take(g.d[0], mode="clip") + g.pairs[1], g.pairs[3], g.pairs[5])
    county = g.pairs[7]
    # 01 to 46 the counties and sectors of Bukarest, 47 and 48 former sectors, 51 and 52, 70 and 80
    # to 83 for registrations without a county
    known = (county >= 1) & (county <= 48)
    known |= (county == 51) | (county == 52) | (county == 70) | ((county >= 80) & (county <= 83))
    return booleans(right & dated & known)


@digits(10)
def bg_egn(g: Grid) -> Bools:
    """EGN: 20 is added to the month of those born before 1900, 40 since 2000."""
    rest = mod(weighted(g.d, (2, 4, 8, 5, 10, 9, 7, 3, 6)), 11)
    right = np.where(rest == 10, 0, rest) == g.d[9]
    month = g.pairs[2]
    century = np.where(month > 40, 2000, np.where(month > 20, 1800, 1900)).astype(np.int16)
    month = np.where(month > 40, month - 40, np.where(month > 20, month - 20, month))
    return booleans(right & birth(century + g.pairs[0], month.astype(np.int16), g.pairs[4]))


@digits(10)
def bg_pnf(g: Grid) -> Bools:
    """The personal number of foreigners."""
    return booleans(mod(weighted(g.d, (21, 19, 17, 13, 11, 9, 7, 3, 1)), 10) == g.d[9])


@digits(9)
def hu_taj(g: Grid) -> Bools:
    """TAJ: threes and sevens modulo 10."""
    return booleans(mod(weighted(g.d, (3, 7, 3, 7, 3, 7, 3, 7)), 10) == g.d[8])


@digits(10)
def hu_tax(g: Grid) -> Bools:
    """Adóazonosító jel: an 8, the days from 1867 to the birth, serial, modulo 11."""
    days = g.number(1, 6)
    born = (days >= 4_750) & (days <= 62_000)  # 1880 to 2036
    right = mod(weighted(g.d, (1, 2, 3, 4, 5, 6, 7, 8, 9)), 11) == g.d[9]
    return booleans(right & (g.d[0] == 8) & born)


@digits(10)
def ua_rntrc(g: Grid) -> Bools:
    """РНОКПП: five digits are the days from 1900 to the birth."""
    rest = mod(weighted(g.d, (-1, 5, 7, 9, 4, 6, 10, 5, 7)), 11)
    right = np.where(rest == 10, 0, rest) == g.d[9]
    days = g.number(0, 5)
    return booleans(right & (days >= 1) & (days <= 50_000))


@digits(11)
def ru_snils(g: Grid) -> Bools:
    """СНИЛС: the sum modulo 101, 100 as 00."""
    rest = mod(weighted(g.d, (9, 8, 7, 6, 5, 4, 3, 2, 1)), 101)
    return booleans(np.where(rest == 100, 0, rest) == g.pairs[9])


@digits(12)
def ru_inn(g: Grid) -> Bools:
    """ИНН of a person, of twelve digits; those of ten are firms'."""
    one = mod(weighted(g.d, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)), 11)
    other = mod(weighted(g.d, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)), 11)
    right = np.where(one == 10, 0, one) == g.d[10]
    return booleans(right & (np.where(other == 10, 0, other) == g.d[11]))


@signs(14)
def by_id(g: Grid) -> Bools:
    """Belarus: sex and century, birth date, region letter, serial, citizenship, 7-3-1 check."""
    total = weighted(BASE36[g.codes], (*_TIMES_731,))
    right = mod(total, 10) == g.d[13]
    plain = g.digits_at(0, 7) & g.digits_at(8, 11) & g.digit[13]
    return booleans(right & plain & day_of(g.pairs[5], g.pairs[3], g.pairs[1]))


@digits(13)
def md_idnp(g: Grid) -> Bools:
    """IDNP: 7-3-1 modulo 10; persons begin with 2 (or 09), firms with 1."""
    right = mod(weighted(g.d, _TIMES_731[:12]), 10) == g.d[12]
    return booleans(right & ((g.d[0] == 2) | (g.pairs[0] == 9)))


CHECKS = {
    "pl_pesel": pl_pesel, "cz_rc": cz_rc, "ro_cnp": ro_cnp, "bg_egn": bg_egn, "bg_pnf": bg_pnf,
    "hu_taj": hu_taj, "hu_tax": hu_tax, "ua_rntrc": ua_rntrc, "ru_snils": ru_snils,
    "ru_inn": ru_inn, "by_id": by_id, "md_idnp": md_idnp,
}  # fmt: skip
