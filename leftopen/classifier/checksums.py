"""Checksums of personal numbers, computed over whole columns.

Every check takes a matrix of ASCII codes, one row a value and one column a character, all values of
the same width, separators already gone and letters in capitals. It returns one boolean a row. What
a check demands is the published rule of the number; a name such as `cn_ric` is what `kinds.toml`
refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_ZERO, _A = ord("0"), ord("A")


def passes(name: str, values: pa.Array) -> int:
    """How many of `values` (strings without nulls that match the kind's pattern) pass the check."""
    bare = pc.utf8_upper(pc.replace_substring_regex(values, r"[ .\-/()\t]", ""))
    check = CHECKS[name]
    widths = pc.binary_length(bare).to_numpy(zero_copy_only=False)
    total = 0
    for width in np.unique(widths):
        if not 0 < width <= 64:
            continue
        total += int(np.count_nonzero(check(codes(bare.filter(pa.array(widths == width))))))
    return total


def codes(values: pa.Array) -> Codes:
    """The bytes of equally long strings as a matrix."""
    if len(values) == 0:
        return np.zeros((0, 1), dtype=np.uint8)
    packed = pa.concat_arrays([values.cast(pa.large_string())])
    _, offsets, data = packed.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[packed.offset : packed.offset + len(packed) + 1]
    flat = np.frombuffer(data, dtype=np.uint8)[bounds[0] : bounds[-1]]
    return flat.reshape(len(packed), -1)


def _digits(c: Codes) -> Ints:
    return c.astype(np.int64) - _ZERO


def _all_digits(c: Codes) -> Bools:
    found: Bools = ((c >= _ZERO) & (c <= _ZERO + 9)).all(axis=1)
    return found


def _number(d: Ints) -> Ints:
    """Digits of one row as one integer; at most 18 of them."""
    weights = 10 ** np.arange(d.shape[1] - 1, -1, -1, dtype=np.int64)
    total: Ints = d @ weights
    return total


def _weighted(d: Ints, weights: Sequence[int]) -> Ints:
    total: Ints = d[:, : len(weights)] @ np.asarray(weights, dtype=np.int64)
    return total


def _day_month(day: Ints, month: Ints) -> Bools:
    found: Bools = (day >= 1) & (day <= 31) & (month >= 1) & (month <= 12)
    return found


def _two(d: Ints, at: int) -> Ints:
    return d[:, at] * 10 + d[:, at + 1]


def _varied(d: Ints) -> Bools:
    """Not one digit all through: 000000000 passes many sums and is nobody's number."""
    found: Bools = (d != d[:, :1]).any(axis=1)
    return found


def of_digits(*widths: int) -> Callable[[Callable[[Ints], Bools]], Callable[[Codes], Bools]]:
    """Makes a rule on digits a check on characters: wrong width or a letter fails."""

    def wrap(rule: Callable[[Ints], Bools]) -> Callable[[Codes], Bools]:
        def check(c: Codes) -> Bools:
            if c.shape[1] not in widths:
                return np.zeros(len(c), dtype=np.bool_)
            digits = _digits(c)
            return rule(digits) & _all_digits(c) & _varied(digits)

        return check

    return wrap


def _luhn(d: Ints) -> Bools:
    doubled = d.copy()
    doubled[:, -2::-2] *= 2
    found: Bools = np.where(doubled > 9, doubled - 9, doubled).sum(axis=1) % 10 == 0
    return found


def _mod11_10(d: Ints) -> Bools:
    """ISO 7064 mod 11,10."""
    rest = np.full(len(d), 10, dtype=np.int64)
    for column in range(d.shape[1] - 1):
        total = (rest + d[:, column]) % 10
        rest = np.where(total == 0, 10, total) * 2 % 11
    found: Bools = (11 - rest) % 10 == d[:, -1]
    return found


luhn = of_digits(*range(12, 20))(_luhn)
ca_sin = of_digits(9)(_luhn)
imei = of_digits(15)(_luhn)
hr_oib = of_digits(11)(_mod11_10)


def cn_ric(c: Codes) -> Bools:
    """GB 11643: ISO 7064 mod 11-2 over 17 digits; the county is not looked up, the date is."""
    if c.shape[1] != 18:
        return np.zeros(len(c), dtype=np.bool_)
    d = _digits(c)
    total = _weighted(d, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
    want = np.frombuffer(b"10X98765432", dtype=np.uint8)[total]
    century = _two(d, 6)
    return (
        _all_digits(c[:, :17])
        & (want == c[:, 17])
        & (century >= 18)
        & (century <= 20)
        & _day_month(_two(d, 12), _two(d, 10))
    )


def es_dni(c: Codes) -> Bools:
    """DNI and NIE: the letter is the number modulo 23."""
    if c.shape[1] != 9:
        return np.zeros(len(c), dtype=np.bool_)
    d = _digits(c[:, :8])
    first = c[:, 0].astype(np.int64)
    foreign = (first >= ord("X")) & (first <= ord("Z"))
    d[:, 0] = np.where(foreign, first - ord("X"), d[:, 0])
    letters = np.frombuffer(b"TRWAGMYFPDXBNJZSQVHLCKE", dtype=np.uint8)
    found: Bools = letters[_number(d) % 23] == c[:, 8]
    return found & _all_digits(c[:, 1:8]) & ((d[:, 0] >= 0) & (d[:, 0] <= 9))


def fr_nir(c: Codes) -> Bools:
    """Numéro de sécurité sociale: 97 minus the number modulo 97; 2A counts as 19, 2B as 18."""
    if c.shape[1] != 15:
        return np.zeros(len(c), dtype=np.bool_)
    corsica = np.isin(c[:, 6], (ord("A"), ord("B")))
    d = _digits(c)
    south = c[:, 6] == ord("A")
    d[:, 5] = np.where(corsica, 1, d[:, 5])
    d[:, 6] = np.where(corsica, np.where(south, 9, 8), d[:, 6])
    found: Bools = (97 - _number(d[:, :13]) % 97) == _two(d, 13)
    return found & ((d >= 0) & (d <= 9)).all(axis=1)


def _de_idnr(d: Ints) -> Bools:
    """Steuer-ID: mod 11,10; of the first ten digits one comes twice or three times."""
    counts = (d[:, :10, None] == np.arange(10)).sum(axis=1)
    repeated: Bools = (counts.max(axis=1) >= 2) & (counts.max(axis=1) <= 3)
    zeros = (counts == 0).sum(axis=1)
    found: Bools = repeated & (zeros >= 1) & (zeros <= 2) & (d[:, 0] != 0)
    return found & _mod11_10(d)


de_idnr = of_digits(11)(_de_idnr)

_CF_ODD = np.zeros(91, dtype=np.int64)
_CF_ODD[ord("0") : ord("9") + 1] = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_CF_ODD[_A : _A + 26] = (
    *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24),
    23,
)
_CF_EVEN = np.zeros(91, dtype=np.int64)
_CF_EVEN[ord("0") : ord("9") + 1] = np.arange(10)
_CF_EVEN[_A : _A + 26] = np.arange(26)


def it_cf(c: Codes) -> Bools:
    """Codice fiscale: values of odd and even places, sum modulo 26 as a letter."""
    if c.shape[1] != 16:
        return np.zeros(len(c), dtype=np.bool_)
    safe = np.minimum(c, 90)
    total = _CF_ODD[safe[:, 0:15:2]].sum(axis=1) + _CF_EVEN[safe[:, 1:15:2]].sum(axis=1)
    found: Bools = total % 26 + _A == c[:, 15]
    return found


@of_digits(9)
def nl_bsn(d: Ints) -> Bools:
    return (_weighted(d, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11) == 0


@of_digits(11)
def br_cpf(d: Ints) -> Bools:
    one = _weighted(d, range(10, 1, -1)) * 10 % 11 % 10
    two = _weighted(d, range(11, 1, -1)) * 10 % 11 % 10
    return (one == d[:, 9]) & (two == d[:, 10])


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
    return (rest == 0) & (d[:, 0] >= 2)


@of_digits(11)
def pl_pesel(d: Ints) -> Bools:
    total = _weighted(d, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3))
    return ((10 - total % 10) % 10 == d[:, 10]) & _day_month(_two(d, 4), _two(d, 2) % 20)


@of_digits(10, 12)
def se_pnr(d: Ints) -> Bools:
    ten = d[:, -10:]
    day = _two(ten, 4)
    return _luhn(ten) & _day_month(np.where(day > 60, day - 60, day), _two(ten, 2))


@of_digits(11)
def be_nn(d: Ints) -> Bools:
    number, key = _number(d[:, :9]), _two(d, 9)
    right = (97 - number % 97 == key) | (97 - (number + 2_000_000_000) % 97 == key)
    return right & (_two(d, 2) % 20 <= 12) & (_two(d, 4) <= 31)


@of_digits(11)
def tr_tckn(d: Ints) -> Bools:
    tenth = (d[:, 0:9:2].sum(axis=1) * 7 - d[:, 1:8:2].sum(axis=1)) % 10
    last = d[:, :10].sum(axis=1) % 10
    return (tenth == d[:, 9]) & (last == d[:, 10]) & (d[:, 0] != 0)


@of_digits(13)
def kr_rrn(d: Ints) -> Bools:
    total = _weighted(d, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return ((11 - total % 11) % 10 == d[:, 12]) & _day_month(_two(d, 4), _two(d, 2))


@of_digits(11)
def no_fnr(d: Ints) -> Bools:
    one = (11 - _weighted(d, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11) % 11
    two = (11 - _weighted(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    day = _two(d, 0)
    dated = _day_month(np.where(day > 40, day - 40, day), _two(d, 2) % 40)
    return (one == d[:, 9]) & (two == d[:, 10]) & dated


@of_digits(10)
def cz_rc(d: Ints) -> Bools:
    """Rodné číslo of ten digits (since 1954): divisible by 11; women's month plus 50."""
    month = _two(d, 2) % 50
    return (_number(d) % 11 == 0) & _day_month(_two(d, 4), np.where(month > 20, month - 20, month))


@of_digits(13)
def ro_cnp(d: Ints) -> Bools:
    total = _weighted(d, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    want = np.where(total == 10, 1, total)
    return (want == d[:, 12]) & (d[:, 0] != 0) & _day_month(_two(d, 5), _two(d, 3))


@of_digits(10)
def bg_egn(d: Ints) -> Bools:
    total = _weighted(d, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return (total == d[:, 9]) & _day_month(_two(d, 4), _two(d, 2) % 20)


@of_digits(9)
def pt_nif(d: Ints) -> Bools:
    want = 11 - _weighted(d, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return (np.where(want >= 10, 0, want) == d[:, 8]) & np.isin(d[:, 0], (1, 2, 3))


@of_digits(13)
def ch_ahv(d: Ints) -> Bools:
    total = _weighted(d, (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3))
    return ((10 - total % 10) % 10 == d[:, 12]) & (_number(d[:, :3]) == 756)


@of_digits(13)
def za_id(d: Ints) -> Bools:
    return _luhn(d) & _day_month(_two(d, 4), _two(d, 2)) & (d[:, 10] <= 2)


def cl_rut(c: Codes) -> Bools:
    if c.shape[1] not in (8, 9):
        return np.zeros(len(c), dtype=np.bool_)
    d = _digits(c[:, :-1])
    weights = [2 + place % 6 for place in range(d.shape[1])][::-1]
    want = np.frombuffer(b"0K987654321", dtype=np.uint8)[_weighted(d, weights) % 11]
    found: Bools = want == c[:, -1]
    return found & _all_digits(c[:, :-1])


@of_digits(11)
def ar_cuil(d: Ints) -> Bools:
    want = (11 - _weighted(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    return (want == d[:, 10]) & np.isin(_two(d, 0), (20, 23, 24, 25, 26, 27))


@of_digits(11)
def ru_snils(d: Ints) -> Bools:
    return _weighted(d, range(9, 0, -1)) % 101 % 100 == _two(d, 9)


@of_digits(12)
def ru_inn(d: Ints) -> Bools:
    """The 12-digit INN is a person's; the 10-digit one is a firm's and not looked for."""
    one = _weighted(d, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    two = _weighted(d, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return (one == d[:, 10]) & (two == d[:, 11])


@of_digits(11)
def ee_ik(d: Ints) -> Bools:
    """Isikukood; the Lithuanian asmens kodas has the same rule."""
    one = _weighted(d, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    two = _weighted(d, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    first = (d[:, 0] >= 1) & (d[:, 0] <= 8)
    right = np.where(one == 10, two, one) == d[:, 10]
    return right & first & _day_month(_two(d, 5), _two(d, 3))


@of_digits(11)
def gr_amka(d: Ints) -> Bools:
    return _luhn(d) & _day_month(_two(d, 0), _two(d, 2))


_TW = np.array(
    [10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21, 22, 35, 23, 24, 25, 26, 27, 28, 29]
    + [32, 30, 31, 33],
    dtype=np.int64,
)


def tw_id(c: Codes) -> Bools:
    if c.shape[1] != 10:
        return np.zeros(len(c), dtype=np.bool_)
    area = _TW[np.clip(c[:, 0].astype(np.int64) - _A, 0, 25)]
    total = area // 10 + area % 10 * 9 + _digits(c[:, 1:]) @ np.array([8, 7, 6, 5, 4, 3, 2, 1, 1])
    found: Bools = (total % 10 == 0) & (c[:, 0] >= _A) & (c[:, 0] <= _A + 25)
    return found & _all_digits(c[:, 1:])


def hk_hkid(c: Codes) -> Bools:
    """One or two letters, six digits and a check digit (A is ten), modulo 11."""
    if c.shape[1] not in (8, 9):
        return np.zeros(len(c), dtype=np.bool_)
    letters = c[:, : c.shape[1] - 7].astype(np.int64) - _A + 10
    if letters.shape[1] == 1:  # a missing first letter counts as a blank, worth 36
        letters = np.concatenate([np.full((len(c), 1), 36), letters], axis=1)
    last = np.where(c[:, -1] == _A, 10, c[:, -1].astype(np.int64) - _ZERO)
    total = letters @ np.array([9, 8]) + _digits(c[:, -7:-1]) @ np.arange(7, 1, -1) + last
    found: Bools = (total % 11 == 0) & _all_digits(c[:, -7:-1])
    return found


def sg_nric(c: Codes) -> Bools:
    if c.shape[1] != 9:
        return np.zeros(len(c), dtype=np.bool_)
    late = np.isin(c[:, 0], (ord("T"), ord("G")))
    rest = (_weighted(_digits(c[:, 1:8]), (2, 7, 6, 5, 4, 3, 2)) + np.where(late, 4, 0)) % 11
    born = np.frombuffer(b"JZIHGFEDCBA", dtype=np.uint8)[rest]
    foreign = np.frombuffer(b"XWUTRQPNMLK", dtype=np.uint8)[rest]
    citizen = np.isin(c[:, 0], (ord("S"), ord("T")))
    found: Bools = np.where(citizen, born, foreign) == c[:, 8]
    return found & _all_digits(c[:, 1:8])


@of_digits(13)
def th_id(d: Ints) -> Bools:
    return ((11 - _weighted(d, range(13, 1, -1)) % 11) % 10 == d[:, 12]) & (d[:, 0] != 0)


def ie_pps(c: Codes) -> Bools:
    if c.shape[1] not in (8, 9):
        return np.zeros(len(c), dtype=np.bool_)
    total = _weighted(_digits(c[:, :7]), (8, 7, 6, 5, 4, 3, 2))
    if c.shape[1] == 9:
        second = c[:, 8].astype(np.int64) - _A + 1
        total = total + np.where(c[:, 8] == ord("W"), 0, second) * 9
    want = np.frombuffer(b"WABCDEFGHIJKLMNOPQRSTUV", dtype=np.uint8)[total % 23]
    found: Bools = want == c[:, 7]
    return found & _all_digits(c[:, :7])


@of_digits(10)
def at_svnr(d: Ints) -> Bools:
    total = _weighted(d, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11
    return (total == d[:, 3]) & (_two(d, 4) <= 31) & (_two(d, 6) >= 1) & (_two(d, 6) <= 15)


@of_digits(10)
def uk_nhs(d: Ints) -> Bools:
    return (11 - _weighted(d, range(10, 1, -1)) % 11) % 11 == d[:, 9]


@of_digits(12)
def jp_mynumber(d: Ints) -> Bools:
    rest = _weighted(d, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return np.where(rest <= 1, 0, 11 - rest) == d[:, 11]


@of_digits(9)
def au_tfn(d: Ints) -> Bools:
    return _weighted(d, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def fi_hetu(c: Codes) -> Bools:
    """Day, month, year, a century sign (a hyphen is already gone), three digits, a check of 31."""
    if c.shape[1] not in (10, 11):
        return np.zeros(len(c), dtype=np.bool_)
    d = _digits(np.concatenate([c[:, :6], c[:, -4:-1]], axis=1))
    sign = np.frombuffer(b"0123456789ABCDEFHJKLMNPRSTUVWXY", dtype=np.uint8)
    found: Bools = sign[_number(d) % 31] == c[:, -1]
    return found & _day_month(_two(d, 0), _two(d, 2)) & ((d >= 0) & (d <= 9)).all(axis=1)


def mx_curp(c: Codes) -> Bools:
    if c.shape[1] != 18:
        return np.zeros(len(c), dtype=np.bool_)
    code = c[:, :17].astype(np.int64)
    # the alphabet has an eñe between N and O, so letters from O on count one more
    letter = code - _A + 10 + (code >= ord("O"))
    total = np.where(code >= _A, letter, code - _ZERO) @ np.arange(18, 1, -1)
    found: Bools = (10 - total % 10) % 10 + _ZERO == c[:, 17]
    return found


def iban(c: Codes) -> Bools:
    """ISO 13616: the country and check digits moved to the end, letters as two digits, mod 97."""
    if not 15 <= c.shape[1] <= 34:
        return np.zeros(len(c), dtype=np.bool_)
    turned = np.concatenate([c[:, 4:], c[:, :4]], axis=1).astype(np.int64)
    rest = np.zeros(len(c), dtype=np.int64)
    for column in range(turned.shape[1]):
        code = turned[:, column]
        letter = code >= _A
        rest = np.where(letter, rest * 100 + code - _A + 10, rest * 10 + code - _ZERO) % 97
    found: Bools = rest == 1
    return found


_VIN = np.zeros(91, dtype=np.int64)
_VIN[ord("0") : ord("9") + 1] = np.arange(10)
_VIN[_A : _A + 26] = (
    *(1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 0, 7, 0, 9),
    *(2, 3, 4, 5, 6, 7, 8, 9),
)


def vin(c: Codes) -> Bools:
    """The check digit of 49 CFR 565; vehicles made for Europe need not carry it."""
    if c.shape[1] != 17:
        return np.zeros(len(c), dtype=np.bool_)
    places = np.array([8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2])
    rest = _VIN[np.minimum(c, 90)] @ places % 11
    found: Bools = np.frombuffer(b"0123456789X", dtype=np.uint8)[rest] == c[:, 8]
    return found


CHECKS: dict[str, Callable[[Codes], Bools]] = {
    "luhn": luhn, "ca_sin": ca_sin, "imei": imei, "hr_oib": hr_oib, "cn_ric": cn_ric,
    "es_dni": es_dni, "fr_nir": fr_nir, "de_idnr": de_idnr, "it_cf": it_cf, "nl_bsn": nl_bsn,
    "br_cpf": br_cpf, "in_aadhaar": in_aadhaar, "pl_pesel": pl_pesel, "se_pnr": se_pnr,
    "be_nn": be_nn, "tr_tckn": tr_tckn, "kr_rrn": kr_rrn, "no_fnr": no_fnr, "cz_rc": cz_rc,
    "ro_cnp": ro_cnp, "bg_egn": bg_egn, "pt_nif": pt_nif, "ch_ahv": ch_ahv, "za_id": za_id,
    "cl_rut": cl_rut, "ar_cuil": ar_cuil, "ru_snils": ru_snils, "ru_inn": ru_inn,
    "ee_ik": ee_ik, "gr_amka": gr_amka, "tw_id": tw_id, "hk_hkid": hk_hkid,
    "sg_nric": sg_nric, "th_id": th_id, "ie_pps": ie_pps, "at_svnr": at_svnr,
    "uk_nhs": uk_nhs, "jp_mynumber": jp_mynumber, "au_tfn": au_tfn, "fi_hetu": fi_hetu,
    "mx_curp": mx_curp, "iban": iban, "vin": vin,
}  # fmt: skip
