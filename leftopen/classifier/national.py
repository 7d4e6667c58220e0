"""The checks of personal numbers, country by country; the rule of each is its issuer's.

A check takes a matrix of characters (see digits.py) and returns one boolean a row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from leftopen.classifier.digits import (
    ZERO,
    A,
    Bools,
    Codes,
    Ints,
    all_digits,
    booleans,
    day_month,
    digits_of,
    luhn_rule,
    mod11_10_rule,
    number,
    of_digits,
    two,
    weighted,
)

luhn = of_digits(*range(12, 20))(luhn_rule)
ca_sin = of_digits(9)(luhn_rule)
imei = of_digits(15)(luhn_rule)
hr_oib = of_digits(11)(mod11_10_rule)


def cn_ric(c: Codes) -> Bools:
    """GB 11643: ISO 7064 mod 11-2 over 17 digits; the county is not looked up, the date is."""
    if c.shape[1] != 18:
        return np.zeros(len(c), dtype=np.bool_)
    d = digits_of(c)
    total = weighted(d, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
    want = np.frombuffer(b"10X98765432", dtype=np.uint8)[total]
    century = two(d, 6)
    return booleans(
        all_digits(c[:, :17])
        & (want == c[:, 17])
        & (century >= 18)
        & (century <= 20)
        & day_month(two(d, 12), two(d, 10))
    )


def es_dni(c: Codes) -> Bools:
    """DNI and NIE: the letter is the number modulo 23."""
    if c.shape[1] != 9:
        return np.zeros(len(c), dtype=np.bool_)
    d = digits_of(c[:, :8])
    first = c[:, 0].astype(np.int64)
    foreign = (first >= ord("X")) & (first <= ord("Z"))
    d[:, 0] = np.where(foreign, first - ord("X"), d[:, 0])
    letters = np.frombuffer(b"TRWAGMYFPDXBNJZSQVHLCKE", dtype=np.uint8)
    found = booleans(letters[number(d) % 23] == c[:, 8])
    return booleans(found & all_digits(c[:, 1:8]) & ((d[:, 0] >= 0) & (d[:, 0] <= 9)))


def fr_nir(c: Codes) -> Bools:
    """Numéro de sécurité sociale: 97 minus the number modulo 97; 2A counts as 19, 2B as 18."""
    if c.shape[1] != 15:
        return np.zeros(len(c), dtype=np.bool_)
    corsica = np.isin(c[:, 6], (ord("A"), ord("B")))
    d = digits_of(c)
    south = c[:, 6] == ord("A")
    d[:, 5] = np.where(corsica, 1, d[:, 5])
    d[:, 6] = np.where(corsica, np.where(south, 9, 8), d[:, 6])
    found = booleans((97 - number(d[:, :13]) % 97) == two(d, 13))
    return booleans(found & ((d >= 0) & (d <= 9)).all(axis=1))


def _de_idnr(d: Ints) -> Bools:
    """Steuer-ID: mod 11,10; of the first ten digits one comes twice or three times."""
    counts = (d[:, :10, None] == np.arange(10)).sum(axis=1)
    repeated: Bools = (counts.max(axis=1) >= 2) & (counts.max(axis=1) <= 3)
    zeros = (counts == 0).sum(axis=1)
    found = booleans(repeated & (zeros >= 1) & (zeros <= 2) & (d[:, 0] != 0))
    return booleans(found & mod11_10_rule(d))


de_idnr = of_digits(11)(_de_idnr)

_CF_ODD = np.zeros(91, dtype=np.int64)
_CF_ODD[ord("0") : ord("9") + 1] = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_CF_ODD[A : A + 26] = (
    *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24),
    23,
)
_CF_EVEN = np.zeros(91, dtype=np.int64)
_CF_EVEN[ord("0") : ord("9") + 1] = np.arange(10)
_CF_EVEN[A : A + 26] = np.arange(26)


def it_cf(c: Codes) -> Bools:
    """Codice fiscale: values of odd and even places, sum modulo 26 as a letter."""
    if c.shape[1] != 16:
        return np.zeros(len(c), dtype=np.bool_)
    safe = np.minimum(c, 90)
    total = _CF_ODD[safe[:, 0:15:2]].sum(axis=1) + _CF_EVEN[safe[:, 1:15:2]].sum(axis=1)
    return booleans(total % 26 + A == c[:, 15])


@of_digits(9)
def nl_bsn(d: Ints) -> Bools:
    return booleans((weighted(d, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11) == 0)


@of_digits(11)
def br_cpf(d: Ints) -> Bools:
    one = weighted(d, range(10, 1, -1)) * 10 % 11 % 10
    other = weighted(d, range(11, 1, -1)) * 10 % 11 % 10
    return booleans((one == d[:, 9]) & (other == d[:, 10]))


_D5 = np.array(
    [[(i + j) % 5 if j < 5 else 5 + (i + j) % 5 for j in range(10)] for i in range(5)]
    + [[5 + (i - j) % 5 if j < 5 else (i - j) % 5 for j in range(10)] for i in range(5, 10)],
    dtype=np.int64,
)
_VERHOEFF = np.empty((8, 10), dtype=np.int64)
_VERHOEFF[0] = np.arange(10)
_VERHOEFF[1] = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
for _row in range(2, 8):
    _VERHOEFF[_row] = _VERHOEFF[_row - 1][_VERHOEFF[1]]


@of_digits(12)
def in_aadhaar(d: Ints) -> Bools:
    """Verhoeff: the dihedral group of order ten."""
    rest = np.zeros(len(d), dtype=np.int64)
    for place in range(12):
        rest = _D5[rest, _VERHOEFF[place % 8][np.clip(d[:, 11 - place], 0, 9)]]
    return booleans((rest == 0) & (d[:, 0] >= 2))


@of_digits(11)
def pl_pesel(d: Ints) -> Bools:
    total = weighted(d, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3))
    return booleans(((10 - total % 10) % 10 == d[:, 10]) & day_month(two(d, 4), two(d, 2) % 20))


@of_digits(10, 12)
def se_pnr(d: Ints) -> Bools:
    ten = d[:, -10:]
    day = two(ten, 4)
    return booleans(luhn_rule(ten) & day_month(np.where(day > 60, day - 60, day), two(ten, 2)))


@of_digits(11)
def be_nn(d: Ints) -> Bools:
    first, key = number(d[:, :9]), two(d, 9)
    right = (97 - first % 97 == key) | (97 - (first + 2_000_000_000) % 97 == key)
    return booleans(right & (two(d, 2) % 20 <= 12) & (two(d, 4) <= 31))


@of_digits(11)
def tr_tckn(d: Ints) -> Bools:
    tenth = (d[:, 0:9:2].sum(axis=1) * 7 - d[:, 1:8:2].sum(axis=1)) % 10
    last = d[:, :10].sum(axis=1) % 10
    return booleans((tenth == d[:, 9]) & (last == d[:, 10]) & (d[:, 0] != 0))


@of_digits(13)
def kr_rrn(d: Ints) -> Bools:
    total = weighted(d, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return booleans(((11 - total % 11) % 10 == d[:, 12]) & day_month(two(d, 4), two(d, 2)))


@of_digits(11)
def no_fnr(d: Ints) -> Bools:
    one = (11 - weighted(d, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11) % 11
    other = (11 - weighted(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    day = two(d, 0)
    dated = day_month(np.where(day > 40, day - 40, day), two(d, 2) % 40)
    return booleans((one == d[:, 9]) & (other == d[:, 10]) & dated)


@of_digits(10)
def cz_rc(d: Ints) -> Bools:
    """Rodné číslo of ten digits (since 1954): divisible by 11; women's month plus 50."""
    month = two(d, 2) % 50
    return booleans(
        (number(d) % 11 == 0) & day_month(two(d, 4), np.where(month > 20, month - 20, month))
    )


@of_digits(13)
def ro_cnp(d: Ints) -> Bools:
    total = weighted(d, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    want = np.where(total == 10, 1, total)
    return booleans((want == d[:, 12]) & (d[:, 0] != 0) & day_month(two(d, 5), two(d, 3)))


@of_digits(10)
def bg_egn(d: Ints) -> Bools:
    total = weighted(d, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return booleans((total == d[:, 9]) & day_month(two(d, 4), two(d, 2) % 20))


@of_digits(9)
def pt_nif(d: Ints) -> Bools:
    want = 11 - weighted(d, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return booleans((np.where(want >= 10, 0, want) == d[:, 8]) & np.isin(d[:, 0], (1, 2, 3)))


@of_digits(13)
def ch_ahv(d: Ints) -> Bools:
    total = weighted(d, (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3))
    return booleans(((10 - total % 10) % 10 == d[:, 12]) & (number(d[:, :3]) == 756))


@of_digits(13)
def za_id(d: Ints) -> Bools:
    return booleans(luhn_rule(d) & day_month(two(d, 4), two(d, 2)) & (d[:, 10] <= 2))


def cl_rut(c: Codes) -> Bools:
    if c.shape[1] not in (8, 9):
        return np.zeros(len(c), dtype=np.bool_)
    d = digits_of(c[:, :-1])
    weights = [2 + place % 6 for place in range(d.shape[1])][::-1]
    want = np.frombuffer(b"0K987654321", dtype=np.uint8)[weighted(d, weights) % 11]
    found = booleans(want == c[:, -1])
    return booleans(found & all_digits(c[:, :-1]))


@of_digits(11)
def ar_cuil(d: Ints) -> Bools:
    want = (11 - weighted(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    return booleans((want == d[:, 10]) & np.isin(two(d, 0), (20, 23, 24, 25, 26, 27)))


@of_digits(11)
def ru_snils(d: Ints) -> Bools:
    return booleans(weighted(d, range(9, 0, -1)) % 101 % 100 == two(d, 9))


@of_digits(12)
def ru_inn(d: Ints) -> Bools:
    """The 12-digit INN is a person's; the 10-digit one is a firm's and not looked for."""
    one = weighted(d, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    other = weighted(d, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return booleans((one == d[:, 10]) & (other == d[:, 11]))


@of_digits(11)
def ee_ik(d: Ints) -> Bools:
    """Isikukood; the Lithuanian asmens kodas has the same rule."""
    one = weighted(d, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    other = weighted(d, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    first = (d[:, 0] >= 1) & (d[:, 0] <= 8)
    right = np.where(one == 10, other, one) == d[:, 10]
    return booleans(right & first & day_month(two(d, 5), two(d, 3)))


@of_digits(11)
def gr_amka(d: Ints) -> Bools:
    return booleans(luhn_rule(d) & day_month(two(d, 0), two(d, 2)))


_TW = np.array(
    (
        *(10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21),
        *(22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33),
    ),
    dtype=np.int64,
)


def tw_id(c: Codes) -> Bools:
    if c.shape[1] != 10:
        return np.zeros(len(c), dtype=np.bool_)
    area = _TW[np.clip(c[:, 0].astype(np.int64) - A, 0, 25)]
    total = area // 10 + area % 10 * 9 + digits_of(c[:, 1:]) @ np.array([8, 7, 6, 5, 4, 3, 2, 1, 1])
    found = booleans((total % 10 == 0) & (c[:, 0] >= A) & (c[:, 0] <= A + 25))
    return booleans(found & all_digits(c[:, 1:]))


def hk_hkid(c: Codes) -> Bools:
    """One or two letters, six digits and a check digit (A is ten), modulo 11."""
    if c.shape[1] not in (8, 9):
        return np.zeros(len(c), dtype=np.bool_)
    letters = c[:, : c.shape[1] - 7].astype(np.int64) - A + 10
    if letters.shape[1] == 1:  # a missing first letter counts as a blank, worth 36
        letters = np.concatenate([np.full((len(c), 1), 36), letters], axis=1)
    last = np.where(c[:, -1] == A, 10, c[:, -1].astype(np.int64) - ZERO)
    total = letters @ np.array([9, 8]) + digits_of(c[:, -7:-1]) @ np.arange(7, 1, -1) + last
    return booleans((total % 11 == 0) & all_digits(c[:, -7:-1]))


def sg_nric(c: Codes) -> Bools:
    if c.shape[1] != 9:
        return np.zeros(len(c), dtype=np.bool_)
    late = np.isin(c[:, 0], (ord("T"), ord("G")))
    rest = (weighted(digits_of(c[:, 1:8]), (2, 7, 6, 5, 4, 3, 2)) + np.where(late, 4, 0)) % 11
    born = np.frombuffer(b"JZIHGFEDCBA", dtype=np.uint8)[rest]
    foreign = np.frombuffer(b"XWUTRQPNMLK", dtype=np.uint8)[rest]
    citizen = np.isin(c[:, 0], (ord("S"), ord("T")))
    found = booleans(np.where(citizen, born, foreign) == c[:, 8])
    return booleans(found & all_digits(c[:, 1:8]))


@of_digits(13)
def th_id(d: Ints) -> Bools:
    return booleans(((11 - weighted(d, range(13, 1, -1)) % 11) % 10 == d[:, 12]) & (d[:, 0] != 0))


def ie_pps(c: Codes) -> Bools:
    if c.shape[1] not in (8, 9):
        return np.zeros(len(c), dtype=np.bool_)
    total = weighted(digits_of(c[:, :7]), (8, 7, 6, 5, 4, 3, 2))
    if c.shape[1] == 9:
        second = c[:, 8].astype(np.int64) - A + 1
        total = total + np.where(c[:, 8] == ord("W"), 0, second) * 9
    want = np.frombuffer(b"WABCDEFGHIJKLMNOPQRSTUV", dtype=np.uint8)[total % 23]
    found = booleans(want == c[:, 7])
    return booleans(found & all_digits(c[:, :7]))


@of_digits(10)
def at_svnr(d: Ints) -> Bools:
    total = weighted(d, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11
    return booleans((total == d[:, 3]) & (two(d, 4) <= 31) & (two(d, 6) >= 1) & (two(d, 6) <= 15))


@of_digits(10)
def uk_nhs(d: Ints) -> Bools:
    return booleans((11 - weighted(d, range(10, 1, -1)) % 11) % 11 == d[:, 9])


@of_digits(12)
def jp_mynumber(d: Ints) -> Bools:
    rest = weighted(d, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return booleans(np.where(rest <= 1, 0, 11 - rest) == d[:, 11])


@of_digits(9)
def au_tfn(d: Ints) -> Bools:
    return booleans(weighted(d, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0)


def fi_hetu(c: Codes) -> Bools:
    """Day, month, year, a century sign (a hyphen is already gone), three digits, a check of 31."""
    if c.shape[1] not in (10, 11):
        return np.zeros(len(c), dtype=np.bool_)
    d = digits_of(np.concatenate([c[:, :6], c[:, -4:-1]], axis=1))
    sign = np.frombuffer(b"0123456789ABCDEFHJKLMNPRSTUVWXY", dtype=np.uint8)
    found = booleans(sign[number(d) % 31] == c[:, -1])
    return booleans(found & day_month(two(d, 0), two(d, 2)) & ((d >= 0) & (d <= 9)).all(axis=1))


def mx_curp(c: Codes) -> Bools:
    if c.shape[1] != 18:
        return np.zeros(len(c), dtype=np.bool_)
    code = c[:, :17].astype(np.int64)
    # the alphabet has an eñe between N and O, so letters from O on count one more
    letter = code - A + 10 + (code >= ord("O"))
    total = np.where(code >= A, letter, code - ZERO) @ np.arange(18, 1, -1)
    return booleans((10 - total % 10) % 10 + ZERO == c[:, 17])


CHECKS: dict[str, Callable[[Codes], Bools]] = {
    "luhn": luhn, "ca_sin": ca_sin, "imei": imei, "hr_oib": hr_oib, "cn_ric": cn_ric,
    "es_dni": es_dni, "fr_nir": fr_nir, "de_idnr": de_idnr, "it_cf": it_cf, "nl_bsn": nl_bsn,
    "br_cpf": br_cpf, "in_aadhaar": in_aadhaar, "pl_pesel": pl_pesel, "se_pnr": se_pnr,
    "be_nn": be_nn, "tr_tckn": tr_tckn, "kr_rrn": kr_rrn, "no_fnr": no_fnr, "cz_rc": cz_rc,
    "ro_cnp": ro_cnp, "bg_egn": bg_egn, "pt_nif": pt_nif, "ch_ahv": ch_ahv, "za_id": za_id,
    "cl_rut": cl_rut, "ar_cuil": ar_cuil, "ru_snils": ru_snils, "ru_inn": ru_inn, "ee_ik": ee_ik,
    "gr_amka": gr_amka, "tw_id": tw_id, "hk_hkid": hk_hkid, "sg_nric": sg_nric, "th_id": th_id,
    "ie_pps": ie_pps, "at_svnr": at_svnr, "uk_nhs": uk_nhs, "jp_mynumber": jp_mynumber,
    "au_tfn": au_tfn, "fi_hetu": fi_hetu, "mx_curp": mx_curp,
}  # fmt: skip
