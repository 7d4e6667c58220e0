"""Personal numbers of western Europe."""

from __future__ import annotations

import numpy as np

from leftopen.classifier.digits import (
    A,
    Bools,
    Grid,
    booleans,
    digits,
    luhn_sum,
    mod,
    pick,
    signs,
    values_of,
    verhoeff_rest,
    weighted,
)
from leftopen.classifier.national.dates import THIS_YEAR, birth, day_of


def _belgian(g: Grid) -> Bools:
    """97 less the first nine digits modulo 97; those born since 2000 put a 2 before them."""
    first, key = g.number(0, 9), g.pairs[9]
    late = mod(first + 2_000_000_000, 97)
    new = (97 - late == key) & (g.pairs[0] <= THIS_YEAR - 2000)
    return booleans((97 - mod(first, 97) == key) | new)


def _belgian_day(g: Grid) -> Bools:
    """Month and day may be unknown: then they are 00, and where many are, the day counts on."""
    month = mod(g.pairs[2], 20)
    unknown = (month == 0) | (g.pairs[4] == 0)
    return booleans((month <= 12) & (unknown | day_of(g.pairs[0], month, g.pairs[4])))


@digits(11)
def be_nn(g: Grid) -> Bools:
    """Rijksregisternummer (royal decree of 3 April 1984)."""
    return booleans(_belgian(g) & _belgian_day(g) & (g.pairs[2] <= 12))


@digits(11)
def be_bis(g: Grid) -> Bools:
    """Bis number: a month 20 or 40 higher, for those who are in no population register."""
    month = g.pairs[2]
    odd = ((month >= 20) & (month <= 32)) | ((month >= 40) & (month <= 52))
    return booleans(_belgian(g) & _belgian_day(g) & odd)


@digits(12)
def be_eid(g: Grid) -> Bools:
    """Number of an identity card: ten digits modulo 97, 97 for 0."""
    rest = mod(g.number(0, 10), 97)
    return booleans(np.where(rest == 0, 97, rest) == g.pairs[10])


@digits(9)
def nl_bsn(g: Grid) -> Bools:
    """Burgerservicenummer: the eleven test."""
    return booleans(mod(weighted(g.d, (9, 8, 7, 6, 5, 4, 3, 2, -1)), 11) == 0)


@digits(9)
def nl_onderwijsnummer(g: Grid) -> Bools:
    """Pupils without a BSN: starts with 10, the eleven test leaves 5."""
    rest = mod(weighted(g.d, (9, 8, 7, 6, 5, 4, 3, 2, -1)), 11)
    return booleans((rest == 5) & (g.pairs[0] == 10))


@signs(15)
def fr_nir(g: Grid) -> Bools:
    """Numéro de sécurité sociale: 97 minus the number modulo 97; 2A counts as 19, 2B as 18."""
    south, north = g.codes[6] == ord("A"), g.codes[6] == ord("B")
    corsica = (south | north) & (g.codes[5] == ord("2"))
    # 2A stands for 19 and 2B for 18, at the place worth ten million and more
    last = np.where(south, 9, np.where(north, 8, g.d[6])).astype(np.int64)
    tens = np.where(corsica, 1, g.d[5]).astype(np.int64)
    number = g.number(0, 5) * 100_000_000 + tens * 10_000_000 + last * 1_000_000 + g.number(7, 13)
    month = g.pairs[3]
    dated = ((month >= 1) & (month <= 12)) | (month >= 20)  # 20 and more: month unknown
    known = g.is_one_of(0, "123478") & dated & (g.digit[6] | corsica)
    plain = g.digits_at(0, 6) & g.digits_at(7, 15)
    return booleans(plain & known & (97 - mod(number, 97) == g.pairs[13]))


@digits(13)
def fr_spi(g: Grid) -> Bools:
    """Numéro fiscal de référence: ten digits modulo 511 as the last three."""
    return booleans((mod(g.number(0, 10), 511) == g.number(10, 13)) & (g.d[0] <= 3))


@digits(11)
def de_idnr(g: Grid) -> Bools:
    """Steuer-ID: mod 11,10; of the first ten digits one comes twice or three times."""
    # three bits for each of the ten digit values, all counted in one word
    counts = np.zeros(g.size, dtype=np.int64)
    for row in g.wide[:10]:
        counts += np.left_shift(1, np.clip(row, 0, 9) * 4)
    several = np.zeros(g.size, dtype=np.int16)
    most = np.zeros(g.size, dtype=np.int64)
    for digit in range(10):
        times = (counts >> (digit * 4)) & 15
        several += times > 1
        np.maximum(most, times, out=most)
    repeated = (several == 1) & (most <= 3)
    return booleans(repeated & (g.d[0] != 0) & g.mod11_10)


@digits(10)
def at_svnr(g: Grid) -> Bools:
    """Sozialversicherungsnummer: the check stands fourth; a month 13 to 15 where days ran out."""
    rest = mod(weighted(g.d, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)), 11)
    month = g.pairs[6]
    day = day_of(g.pairs[8], month, g.pairs[4])
    spare = (month >= 13) & (month <= 15) & (g.pairs[4] >= 1) & (g.pairs[4] <= 31)
    return booleans((rest == g.d[3]) & (g.d[0] != 0) & (day | spare))


@digits(9)
def at_tin(g: Grid) -> Bools:
    """Abgabenkontonummer: a Luhn digit; the tax office in front is not looked up."""
    return booleans(g.luhn & (g.pairs[0] >= 3) & (g.pairs[0] <= 98))


@digits(13)
def ch_ahv(g: Grid) -> Bools:
    """AHVN13: an EAN-13 of country 756."""
    total = weighted(g.d, (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1))
    return booleans((mod(total, 10) == 0) & (g.short(0, 3) == 756))


_PPS = values_of("WABCDEFGHIJKLMNOPQRSTUV")


@signs(8, 9)
def ie_pps(g: Grid) -> Bools:
    """PPS number: modulo 23 as a letter; a second letter A to I counts nine times."""
    total = weighted(g.d, (8, 7, 6, 5, 4, 3, 2))
    right = g.digits_at(0, 7)
    if g.width == 9:
        second = g.codes[8]
        total = total + np.where(second <= ord("I"), second.astype(np.int16) - A + 1, 0) * 9
        right = right & g.is_one_of(8, "ABCDEFGHITWX")
    return booleans(right & (pick(b"WABCDEFGHIJKLMNOPQRSTUV", mod(total, 23)) == g.codes[7]))


@digits(10)
def uk_nhs(g: Grid) -> Bools:
    """NHS number: modulo 11."""
    return booleans(mod(weighted(g.d, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)), 11) == 0)


@digits(10)
def uk_chi(g: Grid) -> Bools:
    """Scotland's CHI number: an NHS number that begins with the day of birth."""
    dated = day_of(g.pairs[4], g.pairs[2], g.pairs[0])
    return booleans(dated & (mod(weighted(g.d, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)), 11) == 0))


@digits(10)
def uk_utr(g: Grid) -> Bools:
    """Unique taxpayer reference: the check digit stands first."""
    rest = mod(weighted(g.d[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)), 11)
    return booleans(pick(b"21987654321", rest) == g.codes[0])


_UPN = values_of("ABCDEFGHJKLMNPQRTUVWXYZ0123456789")


@signs(13)
def uk_upn(g: Grid) -> Bools:
    """Unique pupil number: a check letter modulo 23, an authority, year, serial (or a letter)."""
    total = weighted(_UPN[g.codes[1:]], range(2, 14))
    right = pick(b"ABCDEFGHJKLMNPQRTUVWXYZ", mod(total, 23)) == g.codes[0]
    authority = g.short(1, 4)
    last = g.digit[12] | g.is_one_of(12, "ABCDEFGHJKLMNPQRTUVWXYZ")
    plain = g.digits_at(1, 12) & last & (authority >= 200) & (authority < 940)
    return booleans(right & plain)


@digits(13)
def lu_matricule(g: Grid) -> Bools:
    """Birth date and serial, then a Luhn digit and a Verhoeff digit, both over eleven digits."""
    dated = birth(g.short(0, 4), g.pairs[4], g.pairs[6])
    last = np.concatenate([g.d[12:], g.d[10::-1]])
    return booleans(dated & luhn_sum(g.d[:12]) & (verhoeff_rest(last) == 0))


CHECKS = {
    "be_nn": be_nn, "be_bis": be_bis, "be_eid": be_eid, "nl_bsn": nl_bsn,
    "nl_onderwijsnummer": nl_onderwijsnummer, "fr_nir": fr_nir, "fr_spi": fr_spi,
    "de_idnr": de_idnr, "at_svnr": at_svnr, "at_tin": at_tin, "ch_ahv": ch_ahv, "ie_pps": ie_pps,
    "uk_nhs": uk_nhs, "uk_chi": uk_chi, "uk_utr": uk_utr, "uk_upn": uk_upn,
    "lu_matricule": lu_matricule,
}  # fmt: skip
