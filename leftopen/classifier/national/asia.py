"""Personal numbers of eastern, southern and central Asia."""

from __future__ import annotations

import numpy as np

from leftopen.classifier.digits import (
    BASE36,
    A,
    Bools,
    Grid,
    booleans,
    digits,
    luhn_sum,
    mod,
    pick,
    signs,
    weighted,
)
from leftopen.classifier.national.dates import THIS_YEAR, birth, day_of


def _among(*spans: tuple[int, int]) -> Bools:
    """A table of the two-digit codes that are given out."""
    table = np.zeros(100, dtype=np.bool_)
    for first, last in spans:
        table[first : last + 1] = True
    return table


# GB/T 2260: the provinces; counties change every year and are not looked at
_CHINESE = _among((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))


@signs(18)
def cn_ric(g: Grid) -> Bools:
    """GB 11643: ISO 7064 mod 11-2 over 17 digits; a province and a day that exist."""
    total = weighted(g.d, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    right = pick(b"10X98765432", mod(total, 11)) == g.codes[17]
    dated = birth(g.short(6, 10), g.pairs[10], g.pairs[12])
    known = _CHINESE.take(g.pairs[0], mode="clip")
    return booleans(right & dated & known & g.digits_at(0, 17))


@digits(15)
def cn_ric15(g: Grid) -> Bools:
    """The first generation's, until 1999: province, county, birth date of the 1900s, serial."""
    county = (g.pairs[2] >= 1) & (g.pairs[4] >= 1)
    dated = day_of(g.pairs[6], g.pairs[8], g.pairs[10])
    return booleans(_CHINESE.take(g.pairs[0], mode="clip") & county & dated)


_TW = np.zeros(256, dtype=np.int16)
_TW[A : A + 26] = (
    *(10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21),
    *(22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33),
)


@signs(10)
def tw_id(g: Grid) -> Bools:
    """A letter as two digits; residents' old numbers have a second letter, of which units count."""
    area = _TW[g.codes[0]]
    second = np.where(g.digit[1], g.d[1], _TW[g.codes[1]] % 10)
    total = area // 10 + area % 10 * 9 + second * 8
    total = total + weighted(g.d[2:], (7, 6, 5, 4, 3, 2, 1, 1))
    known = g.is_one_of(1, "1289ABCD")
    return booleans((mod(total, 10) == 0) & known & (area > 0) & g.digits_at(2, 10))


@signs(8, 9)
def hk_hkid(g: Grid) -> Bools:
    """Modulo 11 with 10 as A; a missing first letter counts as a blank, worth 36."""
    one = np.full(g.size, 36, dtype=np.int16) if g.width == 8 else BASE36[g.codes[0]]
    two = BASE36[g.codes[-8]]
    last = np.where(g.codes[-1] == A, 10, g.d[-1])
    total = one * 9 + two * 8 + weighted(g.d[-7:], (7, 6, 5, 4, 3, 2)) + last
    letters = (g.codes[: g.width - 7] >= A).all(axis=0)
    known = g.digit[-1] | (g.codes[-1] == A)
    plain = g.digits_at(g.width - 7, g.width - 1)
    return booleans((mod(total, 11) == 0) & plain & letters & known)


_SG_ADD = np.zeros(256, dtype=np.int16)
_SG_ADD[[ord("T"), ord("G")]] = 4
_SG_ADD[ord("M")] = 3


@signs(9)
def sg_nric(g: Grid) -> Bools:
    """NRIC (S, T) and FIN (F, G, since 2022 M): modulo 11 as a letter."""
    total = weighted(g.d[1:], (2, 7, 6, 5, 4, 3, 2)) + _SG_ADD[g.codes[0]]
    rest = mod(total, 11)
    citizen = g.is_one_of(0, "ST") & (pick(b"JZIHGFEDCBA", rest) == g.codes[8])
    foreign = g.is_one_of(0, "FG") & (pick(b"XWUTRQPNMLK", rest) == g.codes[8])
    late = g.is_one_of(0, "M") & (pick(b"XWUTRQPNJLK", rest) == g.codes[8])
    return booleans((citizen | foreign | late) & g.digits_at(1, 8))


@digits(13)
def kr_rrn(g: Grid) -> Bools:
    """Birth date, sex and century (5 to 8 foreigners), place up to 96; numbers given out since
    October 2020 have no check digit.
    """
    rest = 11 - mod(weighted(g.d, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)), 11)
    right = mod(rest, 10) == g.d[12]
    centuries = np.array([1800, 1900, 1900, 2000, 2000, 1900, 1900, 2000, 2000, 1800], np.int16)
    year = centuries.take(g.d[6], mode="clip") + g.pairs[0]
    return booleans(right & birth(year, g.pairs[2], g.pairs[4]) & (g.pairs[7] <= 96))


@digits(12)
def jp_mynumber(g: Grid) -> Bools:
    rest = mod(weighted(g.d, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)), 11)
    return booleans(np.where(rest <= 1, 0, 11 - rest) == g.d[11])


@digits(12)
def in_aadhaar(g: Grid) -> Bools:
    """Verhoeff; no 0 or 1 in front, and no palindrome."""
    mirrored = (g.codes[:6] == g.codes[:5:-1]).all(axis=0)
    return booleans(g.verhoeff & (g.d[0] >= 2) & ~mirrored)


@digits(16)
def in_vid(g: Grid) -> Bools:
    """Aadhaar's virtual number, which stands for it for a while."""
    mirrored = (g.codes[:8] == g.codes[:7:-1]).all(axis=0)
    return booleans(g.verhoeff & (g.d[0] >= 2) & ~mirrored)


@signs(10)
def in_epic(g: Grid) -> Bools:
    """Voter's card: three letters and seven digits by Luhn."""
    return booleans(luhn_sum(g.d[3:]) & g.digits_at(3, 10))


@signs(10, 12)
def lk_nic(g: Grid) -> Bools:
    """Year and day of the year, women plus 500; the card is for those over fifteen."""
    if g.width == 12:
        day = g.short(4, 7)
        year = g.short(0, 4)
        known = (year >= 1900) & (year <= THIS_YEAR - 15) & g.sane
    else:
        day = g.short(2, 5)
        known = g.digits_at(0, 9) & g.is_one_of(9, "VX")
    day = np.where(day > 500, day - 500, day)
    return booleans(known & (day >= 1) & (day <= 366))


@digits(13)
def pk_cnic(g: Grid) -> Bools:
    """A province 1 to 7 in front, the sex behind: never 0."""
    return booleans((g.d[0] >= 1) & (g.d[0] <= 7) & (g.d[12] != 0))


_PROVINCES_ID = _among(
    *((11, 19), (21, 21), (31, 36), (51, 53), (61, 65), (71, 76), (81, 82), (91, 97))
)


@digits(16)
def id_nik(g: Grid) -> Bools:
    """Province, regency, district, birth date (women's day plus 40), serial."""
    day = np.where(g.pairs[6] > 40, g.pairs[6] - 40, g.pairs[6]).astype(np.int16)
    place = _PROVINCES_ID.take(g.pairs[0], mode="clip") & (g.pairs[2] >= 1) & (g.pairs[4] >= 1)
    serial = g.short(12, 16) >= 1
    return booleans(place & serial & day_of(g.pairs[10], g.pairs[8], day))


@digits(15)
def id_npwp(g: Grid) -> Bools:
    """Tax number of the old form: the first nine digits by Luhn."""
    return luhn_sum(g.d[:9])


# National registration department: states and countries of birth
_BIRTH_PLACES = _among(
    *((1, 16), (21, 59), (60, 68), (71, 72), (74, 79), (82, 93), (98, 99)),
)


@digits(12)
def my_nric(g: Grid) -> Bools:
    """MyKad: birth date, place of birth, serial; no check digit."""
    place = _BIRTH_PLACES.take(g.pairs[6], mode="clip")
    return booleans(place & day_of(g.pairs[0], g.pairs[2], g.pairs[4]))


@digits(13)
def th_id(g: Grid) -> Bools:
    """Modulo 11; the first digit says how one came to be registered, 1 to 8."""
    rest = 11 - mod(weighted(g.d, range(13, 1, -1)), 11)
    return booleans((mod(rest, 10) == g.d[12]) & (g.d[0] >= 1) & (g.d[0] <= 8))


@digits(12)
def vn_cccd(g: Grid) -> Bools:
    """Province 001 to 096, sex and century, year of birth, serial (circular 59/2021)."""
    place = g.short(0, 3)
    year = 1900 + (g.d[3] // 2) * 100 + g.pairs[4]
    dated = (g.d[3] <= 3) & (year <= THIS_YEAR)
    return booleans(dated & (place >= 1) & (place <= 96))


@digits(12)
def kz_iin(g: Grid) -> Bools:
    """ИИН: birth date, sex and century 1 to 6, weights modulo 11, other weights for 10."""
    one = mod(weighted(g.d, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)), 11)
    other = mod(weighted(g.d, (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)), 11)
    right = np.where(one == 10, other, one) == g.d[11]
    century = 1800 + (g.d[6] - 1) // 2 * 100
    known = (g.d[6] >= 1) & (g.d[6] <= 6)
    return booleans(right & known & birth(century + g.pairs[0], g.pairs[2], g.pairs[4]))


@digits(14)
def uz_pinfl(g: Grid) -> Bools:
    """ПИНФЛ: sex and century 3 to 6, birth date, district, serial, 7-3-1 modulo 10."""
    right = mod(weighted(g.d, (7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1, 7)), 10) == g.d[13]
    year = 1900 + (g.d[0] - 3) // 2 * 100 + g.pairs[5]
    known = (g.d[0] >= 3) & (g.d[0] <= 6)
    return booleans(right & known & birth(year, g.pairs[3], g.pairs[1]))


@digits(14)
def kg_pin(g: Grid) -> Bools:
    """ПИН: sex 1 or 2, birth date with four digits of the year, serial."""
    sex = (g.d[0] == 1) | (g.d[0] == 2)
    return booleans(sex & birth(g.short(5, 9), g.pairs[3], g.pairs[1]))


CHECKS = {
    "cn_ric": cn_ric, "cn_ric15": cn_ric15, "tw_id": tw_id, "hk_hkid": hk_hkid,
    "sg_nric": sg_nric, "kr_rrn": kr_rrn, "jp_mynumber": jp_mynumber, "in_aadhaar": in_aadhaar,
    "in_vid": in_vid, "in_epic": in_epic, "lk_nic": lk_nic, "pk_cnic": pk_cnic, "id_nik": id_nik,
    "id_npwp": id_npwp, "my_nric": my_nric, "th_id": th_id, "vn_cccd": vn_cccd,
    "kz_iin": kz_iin, "uz_pinfl": uz_pinfl, "kg_pin": kg_pin,
}  # fmt: skip
