"""Numbers of firms and offices, which are not personal: known so as to be told from persons'."""

from __future__ import annotations

import numpy as np

from leftopen.classifier.digits import (
    BASE36,
    Bools,
    Grid,
    booleans,
    digits,
    luhn_sum,
    mod,
    pick,
    signs,
    values_of,
    weighted,
)
from leftopen.classifier.national.dates import day_of


@digits(14)
def br_cnpj(g: Grid) -> Bools:
    one = mod(-weighted(g.d, (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)), 11)
    other = mod(-weighted(g.d, (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)), 11)
    right = np.where(one == 10, 0, one) == g.d[12]
    return booleans(right & (np.where(other == 10, 0, other) == g.d[13]))


@digits(9)
def fr_siren(g: Grid) -> Bools:
    return g.luhn


@digits(14)
def fr_siret(g: Grid) -> Bools:
    """SIREN and a place of business, both by Luhn."""
    return booleans(g.luhn & luhn_sum(g.d[:9]))


@signs(11, 13)
def fr_tva(g: Grid) -> Bools:
    """TVA with a key of digits: the SIREN, by Luhn, and 12 modulo 97."""
    g = g.part(2, 13) if g.width == 13 else g
    right = mod(g.number(2, 11) * 100 + 12, 97) == g.pairs[0]
    return booleans(right & g.sane & luhn_sum(g.d[2:]))


@signs(9, 11)
def de_vat(g: Grid) -> Bools:
    g = g.part(2, 11) if g.width == 11 else g
    return booleans(g.mod11_10 & g.sane & (g.d[0] != 0))


@signs(9)
def es_cif(g: Grid) -> Bools:
    """CIF: a letter for the form of firm, Luhn as a digit or as a letter."""
    total = g.d[2] + g.d[4] + g.d[6]
    doubled = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], dtype=np.int16)
    for place in (1, 3, 5, 7):
        total = total + doubled.take(g.d[place], mode="clip")
    rest = mod(-total, 10)
    right = (pick(b"0123456789", rest) == g.codes[8]) | (pick(b"JABCDEFGHI", rest) == g.codes[8])
    return booleans(right & g.digits_at(1, 8) & g.is_one_of(0, "ABCDEFGHJNPQRSUVW"))


@signs(12, 14)
def nl_btw(g: Grid) -> Bools:
    """Btw-nummer: nine digits by the eleven test, or all by modulo 97 (since 2020), B, two."""
    g = g.part(2, 14) if g.width == 14 else g
    eleven = mod(weighted(g.d, (9, 8, 7, 6, 5, 4, 3, 2, -1)), 11) == 0
    # NL is 2321 and B is 11 in ISO 7064 mod 97-10
    number = ((23_21 % 97) * 10**9 + g.number(0, 9)) * 10_000 + 1_100 + g.number(10, 12)
    plain = g.digits_at(0, 9) & g.digits_at(10, 12) & g.is_one_of(9, "B") & (g.pairs[10] > 0)
    return booleans((eleven | (mod(number, 97) == 1)) & plain)


@digits(11)
def au_abn(g: Grid) -> Bools:
    total = weighted(g.d, (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) - 10
    return booleans((mod(total, 89) == 0) & (g.pairs[0] >= 11))


@digits(9)
def au_acn(g: Grid) -> Bools:
    return booleans(mod(-weighted(g.d, (8, 7, 6, 5, 4, 3, 2, 1)), 10) == g.d[8])


@signs(15)
def in_gstin(g: Grid) -> Bools:
    """State, PAN, a count, Z, Luhn over an alphabet of 36."""
    total = np.zeros(g.size, dtype=np.int16)
    for place in range(15):
        worth = BASE36[g.codes[place]]
        if place % 2:
            worth = worth * 2
            worth = worth // 36 + worth % 36
        total += worth
    return booleans((mod(total, 36) == 0) & g.digits_at(0, 2) & g.digits_at(7, 11))


@digits(13)
def jp_cn(g: Grid) -> Bools:
    """Corporate number: the check stands first, modulo 9."""
    rest = mod(weighted(g.d[1:], (2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1)), 9)
    return booleans(9 - rest == g.d[0])


_USCC = values_of("0123456789ABCDEFGHJKLMNPQRTUWXY")


@signs(18)
def cn_uscc(g: Grid) -> Bools:
    """GB 32100: weights are powers of three modulo 31."""
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    rest = mod(-weighted(_USCC[g.codes], weights), 31)
    known = ((_USCC[g.codes] > 0) | (g.d == 0)).all(axis=0)
    return booleans((rest == _USCC[g.codes[17]]) & known & g.digits_at(2, 8))


@digits(10)
def kr_brn(g: Grid) -> Bools:
    total = weighted(g.d, (1, 3, 7, 1, 3, 7, 1, 3, 5, 1)) + g.d[8] * 5 // 10
    return booleans(mod(total, 10) == 0)


@digits(10)
def ru_inn_firm(g: Grid) -> Bools:
    rest = mod(weighted(g.d, (2, 4, 10, 3, 5, 9, 4, 6, 8)), 11)
    return booleans(np.where(rest == 10, 0, rest) == g.d[9])


@digits(13)
def ru_ogrn(g: Grid) -> Bools:
    rest = mod(mod(g.number(0, 12), 11), 10)
    return booleans((rest == g.d[12]) & g.is_one_of(0, "15"))


@digits(11)
def it_iva(g: Grid) -> Bools:
    """Partita IVA: an office 001 to 100 (and four others), Luhn."""
    office = g.short(7, 10)
    known = ((office >= 1) & (office <= 100)) | (office == 120) | (office == 121)
    known |= (office == 888) | (office == 999)
    return booleans(g.luhn & known)


@signs(10, 12)
def be_vat(g: Grid) -> Bools:
    g = g.part(2, 12) if g.width == 12 else g
    rest = mod(g.number(0, 8), 97)
    return booleans((97 - rest == g.pairs[8]) & (g.d[0] <= 1) & g.sane)


@signs(9, 11)
def at_uid(g: Grid) -> Bools:
    d = g.d[-8:]
    total = d[0] + d[2] + d[4] + d[6]
    doubled = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], dtype=np.int16)
    for place in (1, 3, 5):
        total = total + doubled.take(d[place], mode="clip")
    right = mod(96 - total, 10) == d[7]
    return booleans(right & g.digits_at(g.width - 8, g.width) & (g.codes[-9] == ord("U")))


@signs(12)
def ch_uid(g: Grid) -> Bools:
    rest = mod(-weighted(g.d[3:], (5, 4, 3, 2, 7, 6, 5, 4)), 11)
    return booleans((rest == g.d[11]) & g.digits_at(3, 12))


@digits(10)
def pl_nip(g: Grid) -> Bools:
    return booleans(mod(weighted(g.d, (6, 5, 7, 2, 3, 4, 5, 6, 7)), 11) == g.d[9])


@digits(9)
def pl_regon(g: Grid) -> Bools:
    rest = mod(weighted(g.d, (8, 9, 2, 3, 4, 5, 6, 7)), 11)
    return booleans(np.where(rest == 10, 0, rest) == g.d[8])


@digits(9)
def no_orgnr(g: Grid) -> Bools:
    total = weighted(g.d, (3, 2, 7, 6, 5, 4, 3, 2, 1))
    return booleans((mod(total, 11) == 0) & (g.d[0] >= 8))


@digits(10)
def se_orgnr(g: Grid) -> Bools:
    """Luhn; a third digit from 2 on, so that it is nobody's birth month."""
    return booleans(g.luhn & (g.d[2] >= 2))


@digits(8)
def dk_cvr(g: Grid) -> Bools:
    total = weighted(g.d, (2, 7, 6, 5, 4, 3, 2, 1))
    return booleans((mod(total, 11) == 0) & (g.d[0] != 0))


@digits(8)
def fi_ytunnus(g: Grid) -> Bools:
    return booleans(mod(weighted(g.d, (7, 9, 10, 5, 8, 4, 2, 1)), 11) == 0)


@digits(8)
def hu_anum(g: Grid) -> Bools:
    return booleans(mod(weighted(g.d, (9, 7, 3, 1, 9, 7, 3, 1)), 10) == 0)


@digits(10)
def tr_vkn(g: Grid) -> Bools:
    total = np.zeros(g.size, dtype=np.int16)
    for place in range(1, 10):
        one = mod(g.d[9 - place] + place, 10)
        two = mod(one * (2**place % 9), 9)
        total += np.where(one == 0, 0, np.where(two == 0, 9, two)).astype(np.int16)
    return booleans(mod(-total, 10) == g.d[9])


@digits(8)
def tw_ubn(g: Grid) -> Bools:
    digit_sum = np.array([n // 10 + n % 10 for n in range(40)], dtype=np.int16)
    total = np.zeros(g.size, dtype=np.int16)
    for row, weight in zip(g.d, (1, 2, 1, 2, 1, 2, 4, 1), strict=True):
        total += digit_sum.take(row * np.int16(weight), mode="clip")
    rest = mod(total, 10)
    return booleans((rest == 0) | ((rest == 9) & (g.d[6] == 7)))


@signs(9, 11)
def gb_vat(g: Grid) -> Bools:
    g = g.part(2, 11) if g.width == 11 else g
    rest = mod(weighted(g.d, (8, 7, 6, 5, 4, 3, 2, 10, 1)), 97)
    late = (g.d[0] > 0) & ((rest == 42) | (rest == 55))
    return booleans(((rest == 0) | late) & g.sane)


@digits(9)
def il_hp(g: Grid) -> Bools:
    return booleans(g.luhn & (g.d[0] == 5))


@signs(15)
def ca_bn(g: Grid) -> Bools:
    """Business number with its programme (RC, RM, RP, RT) and account."""
    return booleans(luhn_sum(g.d[:9]) & g.digits_at(0, 9) & g.digits_at(11, 15))


@signs(9, 10)
def sg_uen(g: Grid) -> Bools:
    """UEN of businesses (eight digits) and of companies (nine) with their letter."""
    if g.width == 9:
        rest = mod(weighted(g.d, (10, 4, 9, 3, 8, 2, 7, 1)), 11)
        right = pick(b"XMKECAWLJDB", rest) == g.codes[8]
    else:
        rest = mod(weighted(g.d, (10, 8, 6, 4, 9, 7, 5, 3, 1)), 11)
        right = pick(b"ZKCMDNERGWH", rest) == g.codes[9]
    return booleans(right & g.digits_at(0, g.width - 1))


@signs(12)
def mx_rfc_firm(g: Grid) -> Bools:
    return booleans(day_of(g.pairs[3], g.pairs[5], g.pairs[7]) & g.digits_at(3, 9))


@digits(13)
def md_idno(g: Grid) -> Bools:
    right = mod(weighted(g.d, (7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1)), 10) == g.d[12]
    return booleans(right & (g.d[0] == 1))


@digits(9)
def pt_nif_firm(g: Grid) -> Bools:
    rest = mod(weighted(g.d, (9, 8, 7, 6, 5, 4, 3, 2)), 11)
    firm = (g.d[0] >= 5) & (g.d[0] != 7)
    return booleans((np.where(rest < 2, 0, 11 - rest) == g.d[8]) & firm)


@signs(20)
def lei(g: Grid) -> Bools:
    """Legal entity identifier, ISO 17442: modulo 97 with letters as two digits."""
    rest = np.zeros(g.size, dtype=np.int64)
    for row in BASE36[g.codes].astype(np.int64):
        rest = mod(np.where(row >= 10, rest * 100 + row, rest * 10 + row), 97)
    return booleans((rest == 1) & g.digits_at(18, 20))


CHECKS = {
    "br_cnpj": br_cnpj, "fr_siren": fr_siren, "fr_siret": fr_siret, "fr_tva": fr_tva,
    "de_vat": de_vat, "es_cif": es_cif, "nl_btw": nl_btw, "au_abn": au_abn, "au_acn": au_acn,
    "in_gstin": in_gstin, "jp_cn": jp_cn, "cn_uscc": cn_uscc, "kr_brn": kr_brn,
    "ru_inn_firm": ru_inn_firm, "ru_ogrn": ru_ogrn, "it_iva": it_iva, "be_vat": be_vat,
    "at_uid": at_uid, "ch_uid": ch_uid, "pl_nip": pl_nip, "pl_regon": pl_regon,
    "no_orgnr": no_orgnr, "se_orgnr": se_orgnr, "dk_cvr": dk_cvr, "fi_ytunnus": fi_ytunnus,
    "hu_anum": hu_anum, "tr_vkn": tr_vkn, "tw_ubn": tw_ubn, "gb_vat": gb_vat, "il_hp": il_hp,
    "ca_bn": ca_bn, "sg_uen": sg_uen, "mx_rfc_firm": mx_rfc_firm, "md_idno": md_idno,
    "pt_nif_firm": pt_nif_firm, "lei": lei,
}  # fmt: skip
