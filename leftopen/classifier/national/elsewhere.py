"""Personal numbers of the Near East, Africa and Oceania."""

from __future__ import annotations

import numpy as np

from leftopen.classifier.digits import (
    BASE36,
    Bools,
    Grid,
    booleans,
    digits,
    mod,
    pick,
    signs,
    values_of,
    weighted,
)
from leftopen.classifier.national.dates import THIS_YEAR, birth, day_of


@digits(11)
def tr_tckn(g: Grid) -> Bools:
    """T.C. kimlik no: two check digits modulo 10."""
    odd = g.d[0] + g.d[2] + g.d[4] + g.d[6] + g.d[8]
    even = g.d[1] + g.d[3] + g.d[5] + g.d[7]
    right = mod(odd * 7 - even, 10) == g.d[9]
    return booleans(right & (mod(odd + even + g.d[9], 10) == g.d[10]) & (g.d[0] != 0))


@digits(9)
def il_id(g: Grid) -> Bools:
    """Teudat zehut: Luhn; 5 in front is a firm's."""
    return booleans(g.luhn & (g.d[0] != 5))


@digits(15)
def ae_eid(g: Grid) -> Bools:
    """Emirates ID: 784 and the year of birth. Not all that were given out end in a Luhn digit."""
    year = g.short(3, 7)
    return booleans((g.short(0, 3) == 784) & (year >= 1900) & (year <= THIS_YEAR))


@digits(10)
def sa_id(g: Grid) -> Bools:
    """Saudi citizens begin with 1, residents with 2; Luhn."""
    return booleans(g.luhn & ((g.d[0] == 1) | (g.d[0] == 2)))


@digits(14)
def eg_nid(g: Grid) -> Bools:
    """Century 2 or 3, birth date, governorate; the last digit's rule is not published."""
    year = 1700 + g.d[0] * 100 + g.pairs[1]
    place = g.pairs[7]
    known = ((place >= 1) & (place <= 4)) | ((place >= 11) & (place <= 35)) | (place == 88)
    known &= (place != 20) & (place != 30)
    return booleans(known & is_century(g) & birth(year, g.pairs[3], g.pairs[5]))


def is_century(g: Grid) -> Bools:
    """Egypt and Kuwait: 2 for the 1900s, 3 for the 2000s."""
    return booleans((g.d[0] == 2) | (g.d[0] == 3))


@digits(12)
def kw_civil(g: Grid) -> Bools:
    """Civil ID: century, birth date, serial, modulo 11."""
    rest = 11 - mod(weighted(g.d, (2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)), 11)
    year = 1700 + g.d[0] * 100 + g.pairs[1]
    return booleans((rest == g.d[11]) & is_century(g) & birth(year, g.pairs[3], g.pairs[5]))


@digits(10)
def ir_melli(g: Grid) -> Bools:
    """Code-e melli: modulo 11; rests 0 and 1 stand for themselves."""
    rest = mod(weighted(g.d, (10, 9, 8, 7, 6, 5, 4, 3, 2)), 11)
    return booleans(np.where(rest < 2, rest, 11 - rest) == g.d[9])


@digits(13)
def za_id(g: Grid) -> Bools:
    """Birth date, sex, citizenship 0 to 2, Luhn."""
    return booleans(g.luhn & (g.d[10] <= 2) & day_of(g.pairs[0], g.pairs[2], g.pairs[4]))


@digits(10)
def za_tin(g: Grid) -> Bools:
    """Income tax reference number: 0 to 3 or 9 in front, Luhn."""
    return booleans(g.luhn & ((g.d[0] <= 3) | (g.d[0] == 9)))


@signs(11)
def gh_tin(g: Grid) -> Bools:
    """TIN of a person: P00, modulo 11."""
    total = weighted(g.d[1:], range(1, 10))
    right = pick(b"0123456789X", mod(total, 11)) == g.codes[10]
    return booleans(right & g.is_one_of(0, "P") & g.digits_at(1, 10) & (g.pairs[1] == 0))


@signs(14)
def mu_nid(g: Grid) -> Bools:
    """A letter of the name, birth date, serial, modulo 17 as a digit or letter."""
    total = weighted(BASE36[g.codes[:13]], range(14, 1, -1))
    right = pick(b"0GFEDCBA987654321", mod(total, 17)) == g.codes[13]
    plain = g.digits_at(1, 13) & day_of(g.pairs[5], g.pairs[3], g.pairs[1])
    return booleans(right & plain)


@digits(9)
def gn_nifp(g: Grid) -> Bools:
    return g.luhn


@digits(9)
def mz_nuit(g: Grid) -> Bools:
    """NUIT of a person begins with 1; modulo 11."""
    rest = mod(weighted(g.d, (8, 9, 4, 5, 6, 7, 8, 9)), 11)
    return booleans((np.where(rest == 10, 1, rest) == g.d[8]) & (g.d[0] == 1))


@digits(16)
def rw_nid(g: Grid) -> Bools:
    """1 citizen, 2 refugee, 3 foreigner; year of birth; 7 woman, 8 man."""
    year = g.short(1, 5)
    status = (g.d[0] >= 1) & (g.d[0] <= 3)
    sex = (g.d[5] == 7) | (g.d[5] == 8)
    return booleans(status & sex & (year >= 1900) & (year <= THIS_YEAR))


@digits(9)
def au_tfn(g: Grid) -> Bools:
    return booleans(mod(weighted(g.d, (1, 4, 3, 7, 5, 8, 6, 9, 10)), 11) == 0)


@digits(10, 11)
def au_medicare(g: Grid) -> Bools:
    """Card number: 2 to 6 in front, the ninth digit checks, the tenth counts cards from 1."""
    right = mod(weighted(g.d, (1, 3, 7, 9, 1, 3, 7, 9)), 10) == g.d[8]
    return booleans(right & (g.d[0] >= 2) & (g.d[0] <= 6) & (g.d[9] >= 1))


@digits(16)
def au_ihi(g: Grid) -> Bools:
    """Individual healthcare identifier: 800360 and Luhn."""
    return booleans(g.luhn & (g.number(0, 6) == 800_360))


@digits(8, 9)
def nz_ird(g: Grid) -> Bools:
    """IRD number: modulo 11, other weights where 10 is left."""
    d = g.d[-9:] if g.width == 9 else np.concatenate([np.zeros((1, g.size), np.int16), g.d])
    one = mod(-weighted(d, (3, 2, 7, 6, 5, 4, 3, 2)), 11)
    other = mod(-weighted(d, (7, 4, 3, 2, 5, 2, 7, 6)), 11)
    value = g.number(0, g.width)
    right = np.where(one == 10, other, one) == d[8]
    return booleans(right & (value > 10_000_000) & (value < 150_000_000))


_NHI = values_of("ABCDEFGHJKLMNPQRSTUVWXYZ", 1)


@signs(7)
def nz_nhi(g: Grid) -> Bools:
    """Health index of the old form: three letters without I and O, four digits, modulo 11."""
    total = weighted(_NHI[g.codes[:3]], (7, 6, 5)) + weighted(g.d[3:], (4, 3, 2))
    rest = mod(total, 11)
    known = (_NHI[g.codes[:3]] > 0).all(axis=0) & g.digits_at(3, 7) & (rest != 0)
    return booleans(known & (mod(11 - rest, 10) == g.d[6]))


CHECKS = {
    "tr_tckn": tr_tckn, "il_id": il_id, "ae_eid": ae_eid, "sa_id": sa_id, "eg_nid": eg_nid,
    "kw_civil": kw_civil, "ir_melli": ir_melli, "za_id": za_id, "za_tin": za_tin,
    "gh_tin": gh_tin, "mu_nid": mu_nid, "gn_nifp": gn_nifp, "mz_nuit": mz_nuit,
    "rw_nid": rw_nid, "au_tfn": au_tfn, "au_medicare": au_medicare, "au_ihi": au_ihi,
    "nz_ird": nz_ird, "nz_nhi": nz_nhi,
}  # fmt: skip
