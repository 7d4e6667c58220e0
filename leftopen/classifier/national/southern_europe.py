"""Personal numbers of southern Europe and the Balkans."""

from __future__ import annotations

import numpy as np

from leftopen.classifier.digits import (
    BASE36,
    A,
    Bools,
    Check,
    Grid,
    booleans,
    digits,
    mod,
    pick,
    signs,
    values_of,
    weighted,
)
from leftopen.classifier.national.dates import birth, day_of

_DNI = b"TRWAGMYFPDXBNJZSQVHLCKE"


@signs(9)
def es_dni(g: Grid) -> Bools:
    """DNI, NIE (X, Y, Z for 0, 1, 2) and the NIF of persons without (K, L, M): modulo 23."""
    foreign = g.is_one_of(0, "XYZ")
    first = np.where(foreign, g.codes[0] - ord("X"), np.where(g.digit[0], g.d[0], 0))
    number = first.astype(np.int64) * 10_000_000 + g.number(1, 8)
    known = g.digit[0] | foreign | g.is_one_of(0, "KLM")
    right = pick(_DNI, mod(number, 23)) == g.codes[8]
    return booleans(right & known & g.digits_at(1, 8))


_CF_ODD = np.zeros(256, dtype=np.int16)
_CF_ODD[ord("0") : ord("9") + 1] = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_CF_ODD[A : A + 26] = (
    *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24),
    23,
)
_CF_EVEN = values_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + values_of("0123456789")
_CF_DIGIT = values_of("0123456789") + values_of("LMNPQRSTUV")
_CF_MONTH = values_of("ABCDEHLMPRST", 1)


@signs(16)
def it_cf(g: Grid) -> Bools:
    """Codice fiscale: values of odd and even places modulo 26; women's days plus 40."""
    total = _CF_ODD[g.codes[0]]
    for place in range(1, 15):
        total = total + (_CF_EVEN if place % 2 else _CF_ODD)[g.codes[place]]
    right = mod(total, 26) + A == g.codes[15]
    day = _CF_DIGIT[g.codes[9]] * 10 + _CF_DIGIT[g.codes[10]]
    day = np.where(day > 40, day - 40, day)
    year = _CF_DIGIT[g.codes[6]] * 10 + _CF_DIGIT[g.codes[7]]
    return booleans(right & day_of(year, _CF_MONTH[g.codes[8]], day))


@digits(9)
def pt_nif(g: Grid) -> Bools:
    """NIF of persons: starts with 1, 2, 3 or, of those who live abroad, 45."""
    rest = mod(weighted(g.d, (9, 8, 7, 6, 5, 4, 3, 2)), 11)
    person = ((g.d[0] >= 1) & (g.d[0] <= 3)) | (g.pairs[0] == 45)
    return booleans((np.where(rest < 2, 0, 11 - rest) == g.d[8]) & person)


@signs(12)
def pt_cc(g: Grid) -> Bools:
    """Cartão de cidadão: Luhn over twelve characters, letters from ten on."""
    total = np.zeros(g.size, dtype=np.int16)
    for place in range(12):
        worth = BASE36[g.codes[place]]
        if place % 2 == 0:
            worth = worth * 2
            worth = worth - np.where(worth > 9, 9, 0).astype(np.int16)
        total += worth
    return booleans((mod(total, 10) == 0) & g.digits_at(0, 9) & g.digit[11])


@digits(11)
def gr_amka(g: Grid) -> Bools:
    """AMKA: day of birth and a Luhn digit."""
    return booleans(g.luhn & day_of(g.pairs[4], g.pairs[2], g.pairs[0]))


@digits(9)
def gr_afm(g: Grid) -> Bools:
    """AFM: powers of two modulo 11."""
    rest = mod(weighted(g.d, (256, 128, 64, 32, 16, 8, 4, 2)), 11)
    return booleans(np.where(rest == 10, 0, rest) == g.d[8])


@digits(11)
def hr_oib(g: Grid) -> Bools:
    return g.mod11_10


def _jmbg(first: int, last: int) -> Check:
    """The number of Yugoslavia and its successors: a birth date, a region, modulo 11."""

    @digits(13)
    def check(g: Grid) -> Bools:
        region = g.pairs[7]
        rest = mod(-weighted(g.d, (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)), 11)
        year = g.short(4, 7)
        year = np.where(year >= 800, year + 1000, year + 2000).astype(np.int16)
        dated = birth(year, g.pairs[2], g.pairs[0])
        right = np.where(rest == 10, 0, rest) == g.d[12]
        return booleans(dated & right & (region >= first) & (region <= last))

    return check


CHECKS = {
    "es_dni": es_dni, "it_cf": it_cf, "pt_nif": pt_nif, "pt_cc": pt_cc, "gr_amka": gr_amka,
    "gr_afm": gr_afm, "hr_oib": hr_oib, "ba_jmbg": _jmbg(10, 19), "me_jmbg": _jmbg(20, 29),
    "hr_jmbg": _jmbg(30, 39), "mk_embg": _jmbg(40, 49), "si_emso": _jmbg(50, 59),
    "rs_jmbg": _jmbg(70, 89), "xk_jmbg": _jmbg(90, 99),
}  # fmt: skip
