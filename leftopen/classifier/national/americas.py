"""Personal numbers of the Americas."""

from __future__ import annotations

import numpy as np

from leftopen.classifier.digits import (
    ZERO,
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
    weighted,
)
from leftopen.classifier.national.dates import day_of


@digits(9)
def us_itin(g: Grid) -> Bools:
    """ITIN: 9, and in the fourth and fifth place 50-65, 70-88, 90-92 or 94-99 (IRS)."""
    group = g.pairs[3]
    known = ((group >= 50) & (group <= 65)) | ((group >= 70) & (group != 89) & (group != 93))
    return booleans((g.d[0] == 9) & known)


@digits(9)
def us_atin(g: Grid) -> Bools:
    """ATIN: 9, and 93 in the fourth and fifth place."""
    return booleans((g.d[0] == 9) & (g.pairs[3] == 93))


@digits(9)
def ca_sin(g: Grid) -> Bools:
    """SIN: Luhn; none begins with 0 or 8."""
    return booleans(g.luhn & (g.d[0] != 0) & (g.d[0] != 8))


@digits(10)
def ca_bc_phn(g: Grid) -> Bools:
    """British Columbia's personal health number: 9, then eight digits modulo 11."""
    rest = mod(-weighted(g.d[1:], (2, 4, 8, 5, 10, 9, 7, 3)), 11)
    return booleans((rest == g.d[9]) & (g.d[0] == 9))


@digits(10)
def ca_ohip(g: Grid) -> Bools:
    """Ontario's health number: Luhn, no 0 in front."""
    return booleans(g.luhn & (g.d[0] != 0))


@signs(12)
def ca_ramq(g: Grid) -> Bools:
    """Quebec's health number: four letters of the name, birth date (women plus 50), serial."""
    month = np.where(g.pairs[6] > 50, g.pairs[6] - 50, g.pairs[6]).astype(np.int16)
    return booleans(day_of(g.pairs[4], month, g.pairs[8]) & g.digits_at(4, 12))


_CURP = values_of("0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ")
_STATES = frozenset(
    (
        *("AS", "BC", "BS", "CC", "CH", "CL", "CM", "CS", "DF", "DG", "GR", "GT", "HG", "JC"),
        *("MC", "MN", "MS", "NE", "NL", "NT", "OC", "PL", "QR", "QT", "SL", "SP", "SR", "TC"),
        *("TL", "TS", "VZ", "YN", "ZS"),
    )
)
_STATE = np.zeros(26 * 26, dtype=np.bool_)
_STATE[[(ord(s[0]) - A) * 26 + ord(s[1]) - A for s in _STATES]] = True


@signs(18)
def mx_curp(g: Grid) -> Bools:
    """CURP: an alphabet with an eñe between N and O, modulo 10; date and state must exist."""
    worth = _CURP[g.codes[:17]]
    right = mod(-weighted(worth, range(18, 1, -1)), 10) + ZERO == g.codes[17]
    state = (g.codes[11].astype(np.int16) - A) * 26 + g.codes[12] - A
    dated = day_of(g.pairs[4], g.pairs[6], g.pairs[8])
    return booleans(right & dated & _STATE.take(state, mode="clip") & g.digits_at(4, 10))


@signs(13)
def mx_rfc(g: Grid) -> Bools:
    """RFC of a person: four letters and a date; its check digit is often made up by others."""
    return booleans(day_of(g.pairs[4], g.pairs[6], g.pairs[8]) & g.digits_at(4, 10))


@digits(11)
def br_cpf(g: Grid) -> Bools:
    one = mod(-weighted(g.d, (10, 9, 8, 7, 6, 5, 4, 3, 2)), 11)
    other = mod(-weighted(g.d, (11, 10, 9, 8, 7, 6, 5, 4, 3, 2)), 11)
    right = np.where(one == 10, 0, one) == g.d[9]
    return booleans(right & (np.where(other == 10, 0, other) == g.d[10]))


@digits(11)
def br_pis(g: Grid) -> Bools:
    """PIS, PASEP, NIS: modulo 11."""
    rest = mod(-weighted(g.d, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)), 11)
    return booleans((np.where(rest == 10, 0, rest) == g.d[10]) & (g.d[0] >= 1))


@digits(12)
def br_titulo(g: Grid) -> Bools:
    """Título de eleitor: eight digits, a state 01 to 28, two digits modulo 11."""
    one = mod(weighted(g.d, (2, 3, 4, 5, 6, 7, 8, 9)), 11)
    one = np.where(one == 10, 0, one).astype(np.int16)
    other = mod(g.d[8] * 7 + g.d[9] * 8 + one * 9, 11)
    right = (one == g.d[10]) & (np.where(other == 10, 0, other) == g.d[11])
    return booleans(right & (g.pairs[8] >= 1) & (g.pairs[8] <= 28))


def _cuit(g: Grid) -> Bools:
    rest = mod(-weighted(g.d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)), 11)
    # where 10 would be due the prefix is changed; of firms a 9 is written instead
    return booleans(np.where(rest == 10, 9, rest) == g.d[10])


@digits(11)
def ar_cuil(g: Grid) -> Bools:
    """CUIL, and CUIT of persons: 20, 23, 24, 25, 26, 27."""
    return booleans(_cuit(g) & g.is_one_of(1, "034567") & (g.d[0] == 2))


@digits(11)
def ar_cuit_firm(g: Grid) -> Bools:
    """CUIT of firms: 30, 33, 34."""
    return booleans(_cuit(g) & g.is_one_of(1, "034") & (g.d[0] == 3))


@signs(8, 9)
def cl_rut(g: Grid) -> Bools:
    """RUT or RUN: modulo 11, 10 as K."""
    weights = [2 + place % 6 for place in range(g.width - 1)][::-1]
    right = pick(b"0K987654321", mod(weighted(g.d, weights), 11)) == g.codes[-1]
    return booleans(right & g.digits_at(0, g.width - 1) & g.varied)


@signs(9)
def cl_rut_firm(g: Grid) -> Bools:
    """RUT from 50 million on: firms; persons' are below."""
    return booleans(cl_rut(g) & (g.d[0] >= 5))


@digits(11)
def do_cedula(g: Grid) -> Bools:
    """Cédula: a Luhn digit (some old ones lack it)."""
    return g.luhn


@digits(10)
def ec_ci(g: Grid) -> Bools:
    """Cédula: province 01 to 24, 30 or 50, a third digit up to 6, Luhn."""
    place = g.pairs[0]
    known = ((place >= 1) & (place <= 24)) | (place == 30) | (place == 50)
    return booleans(g.luhn & known & (g.d[2] <= 6))


@digits(13)
def gt_cui(g: Grid) -> Bools:
    """CUI: modulo 11 over eight digits, department 01 to 22, municipality."""
    right = mod(weighted(g.d, (2, 3, 4, 5, 6, 7, 8, 9)), 11) == g.d[8]
    place = (g.pairs[9] >= 1) & (g.pairs[9] <= 22) & (g.pairs[11] >= 1) & (g.pairs[11] <= 40)
    return booleans(right & place)


@digits(11)
def cu_ni(g: Grid) -> Bools:
    """Carné de identidad: a birth date and a digit for the century; no check digit."""
    seventh, two = g.d[6], g.pairs[0]
    century = np.where(seventh == 9, 1800, np.where(seventh <= 5, 1900, 2000)).astype(np.int16)
    return day_of(century + two, g.pairs[2], g.pairs[4])


_CUI_DIGIT, _CUI_LETTER = b"65432110987", b"KJIHGFEDCBA"


@signs(9)
def pe_cui(g: Grid) -> Bools:
    """DNI with its check sign, a digit or a letter."""
    rest = mod(weighted(g.d, (3, 2, 7, 6, 5, 4, 3, 2)), 11)
    right = (pick(_CUI_DIGIT, rest) == g.codes[8]) | (pick(_CUI_LETTER, rest) == g.codes[8])
    return booleans(right & g.digits_at(0, 8) & g.varied)


@digits(9)
def sv_dui(g: Grid) -> Bools:
    """DUI: nines down to twos, modulo 10."""
    return booleans(mod(weighted(g.d, (9, 8, 7, 6, 5, 4, 3, 2, 1)), 10) == 0)


@digits(14)
def sv_nit(g: Grid) -> Bools:
    """NIT: a municipality, the day of birth, serial, modulo 11."""
    old = mod(weighted(g.d, (14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)), 11)
    new = mod(-weighted(g.d, (2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)), 11)
    rest = np.where(g.short(10, 13) <= 100, old, new)
    dated = day_of(g.pairs[8], g.pairs[6], g.pairs[4])
    known = (g.d[0] <= 1) | (g.d[0] == 9)
    return booleans((np.where(rest == 10, 0, rest) == g.d[13]) & known & dated)


@digits(8)
def uy_ci(g: Grid) -> Bools:
    """Cédula: modulo 10."""
    return booleans(mod(weighted(g.d, (2, 9, 8, 7, 6, 3, 4, 1)), 10) == 0)


_RIF = values_of("VEJPG", 1) * 4


@signs(10)
def ve_rif(g: Grid) -> Bools:
    """RIF: V, E and P are persons."""
    return booleans(_rif(g) & g.is_one_of(0, "VEP"))


@signs(10)
def ve_rif_firm(g: Grid) -> Bools:
    """RIF: J and G are firms and offices."""
    return booleans(_rif(g) & g.is_one_of(0, "JG"))


def _rif(g: Grid) -> Bools:
    total = _RIF[g.codes[0]] + weighted(g.d[1:], (3, 2, 7, 6, 5, 4, 3, 2))
    return booleans((pick(b"00987654321", mod(total, 11)) == g.codes[9]) & g.digits_at(1, 10))


@digits(9)
def py_ruc(g: Grid) -> Bools:
    """RUC of a person: the cédula of up to eight digits (firms begin with 80), modulo 11."""
    rest = mod(-weighted(g.d, (9, 8, 7, 6, 5, 4, 3, 2)), 11)
    return booleans((np.where(rest == 10, 0, rest) == g.d[8]) & (g.pairs[0] != 80))


@digits(11)
def pe_ruc(g: Grid) -> Bools:
    """RUC of a person: 10, 15 or 17 and the DNI."""
    return booleans(_peruvian(g) & (g.d[0] == 1) & g.is_one_of(1, "057"))


@digits(11)
def pe_ruc_firm(g: Grid) -> Bools:
    return booleans(_peruvian(g) & (g.pairs[0] == 20))


def _peruvian(g: Grid) -> Bools:
    rest = 11 - mod(weighted(g.d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)), 11)
    return booleans(np.where(rest >= 10, rest - 10, rest) == g.d[10])


@digits(13)
def ec_ruc(g: Grid) -> Bools:
    """RUC of a person: the cédula and three digits for the place of business."""
    cedula = luhn_sum(g.d[:10]) & (g.pairs[0] >= 1) & (g.pairs[0] <= 24) & (g.d[2] < 6)
    return booleans(cedula & (g.short(10, 13) >= 1) & (g.short(10, 13) <= 99))


CHECKS = {
    "us_itin": us_itin, "us_atin": us_atin, "ca_sin": ca_sin, "ca_bc_phn": ca_bc_phn,
    "ca_ohip": ca_ohip, "ca_ramq": ca_ramq, "mx_curp": mx_curp, "mx_rfc": mx_rfc,
    "br_cpf": br_cpf, "br_pis": br_pis, "br_titulo": br_titulo, "ar_cuil": ar_cuil,
    "ar_cuit_firm": ar_cuit_firm, "cl_rut": cl_rut, "cl_rut_firm": cl_rut_firm,
    "do_cedula": do_cedula, "ec_ci": ec_ci, "ec_ruc": ec_ruc, "gt_cui": gt_cui, "cu_ni": cu_ni,
    "pe_cui": pe_cui, "pe_ruc": pe_ruc, "pe_ruc_firm": pe_ruc_firm, "sv_dui": sv_dui,
    "sv_nit": sv_nit, "uy_ci": uy_ci, "ve_rif": ve_rif, "ve_rif_firm": ve_rif_firm,
    "py_ruc": py_ruc,
}  # fmt: skip
