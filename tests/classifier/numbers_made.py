"""Invented numbers of each national shape for the tests: random ones, and ones that pass a check.

A template has 9 for a digit, A for a letter, X for either, and `yymmdd`, `ddmmyy`, `yyyymmdd`,
`ddmmyyy` for a day; anything else stands for itself.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pyarrow as pa

from leftopen.classifier.catalogue import KINDS
from leftopen.classifier.checksums import passing

_SIGNS = {
    "9": b"0123456789",
    "A": b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "X": b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
_DAY = re.compile("yyyymmdd|ddmmyyyy|ddmmyyy|yymmdd|ddmmyy")

# By check; the others are as many digits as their kind's pattern begins with.
RANDOM = {
    "fr_nir": "999999999999999", "ie_pps": "9999999A", "uk_upn": "A99999999999X",
    "es_dni": "99999999A", "it_cf": "AAAAAA99A99A999A", "pt_cc": "999999999XX9",
    "se_pnr": "9999999999", "fi_hetu": "999999-999X",
    "by_id": "9999999A999PB9", "ca_ramq": "AAAA99999999", "mx_curp": "AAAA999999HAAAAAX9",
    "mx_rfc": "AAAA999999XXX", "cl_rut": "99999999-X", "pe_cui": "99999999X",
    "ve_rif": "V999999999", "cn_ric": "99999999999999999X", "hk_hkid": "A999999X",
    "tw_id": "A999999999", "in_epic": "AAA9999999", "sg_nric": "A9999999A",
    "gh_tin": "P009999999X", "mu_nid": "A999999999999X", "nz_nhi": "AAA9999",
    "fr_tva": "FR99999999999", "de_vat": "DE999999999", "es_cif": "A9999999X",
    "nl_btw": "999999999B99", "ca_bn": "999999999RC9999", "in_gstin": "99AAAAA9999AXZX",
    "cn_uscc": "9999999999XXXXXXXX", "be_vat": "0999999999", "at_uid": "U99999999",
    "ch_uid": "CHE999999999", "gb_vat": "999999999", "sg_uen": "99999999A",
    "mx_rfc_firm": "AAA999999XXX", "cl_rut_firm": "99999999-X", "ve_rif_firm": "J999999999",
    "lei": "XXXXXXXXXXXXXXXXXX99",
}  # fmt: skip

# With a day inside, so that valid ones are found soon.
DATED = {
    "be_nn": "yymmdd99999", "be_bis": "99299999999", "fr_spi": "0999999999999",
    "de_idnr": "99999999999",
    "at_svnr": "9999ddmmyy", "uk_chi": "ddmmyy9999", "lu_matricule": "yyyymmdd99999",
    "fr_nir": "185069999999999", "it_cf": "AAAAAA99H12A999A", "gr_amka": "ddmmyy99999",
    "ba_jmbg": "ddmmyyy199999", "me_jmbg": "ddmmyyy299999", "hr_jmbg": "ddmmyyy399999",
    "mk_embg": "ddmmyyy499999", "si_emso": "ddmmyyy599999", "rs_jmbg": "ddmmyyy799999",
    "xk_jmbg": "ddmmyyy999999", "se_pnr": "yyyymmdd9999",
    "no_fnr": "ddmmyy99999", "dk_cpr": "ddmmyy9999", "dk_cpr_mod11": "ddmmyy9999",
    "dk_cpr_day": "ddmmyy9999",
    "fi_hetu": "ddmmyy-999X", "is_kt": "ddmmyy9999", "ee_ik": "4yymmdd9999",
    "lt_ak": "3yymmdd9999", "lv_pk": "ddmmyy19999", "pl_pesel": "yymmdd99999",
    "cz_rc": "yymmdd9999", "ro_cnp": "1yymmdd999999", "bg_egn": "yymmdd9999",
    "ua_rntrc": "2999999999", "hu_tax": "8399999999", "md_idnp": "2999999999999",
    "by_id": "3ddmmyyA999PB9", "us_itin": "999999999", "us_atin": "999939999",
    "ca_bc_phn": "9999999999", "ca_ramq": "AAAAyymmdd99", "mx_curp": "AAAAyymmddHDFAAAX9",
    "mx_rfc": "AAAAyymmddXXX", "ec_ci": "1999999999", "ec_ruc": "1999999999001",
    "cu_ni": "yymmdd99999", "gt_cui": "9999999990199", "sv_nit": "0999ddmmyy9999",
    "cn_ric": "110101yyyymmdd999X", "cn_ric15": "110101yymmdd999", "kr_rrn": "yymmdd9999999",
    "id_nik": "320101ddmmyy9999", "my_nric": "yymmdd149999", "lk_nic": "999999999V",
    "th_id": "3999999999999", "vn_cccd": "001099999999", "kz_iin": "yymmdd399999",
    "uz_pinfl": "3ddmmyy9999999", "kg_pin": "1ddmmyyyy99999", "ae_eid": "784198999999999",
    "eg_nid": "2yymmdd0199999", "kw_civil": "2yymmdd99999", "za_id": "yymmdd9999099",
    "mu_nid": "Addmmyy999999X", "rw_nid": "1198089999999999", "au_ihi": "8003609999999999",
    "us_ptin": "P99999999", "ar_cuil": "20999999999", "ar_cuit_firm": "30999999999",
    "pe_ruc": "10999999999", "pe_ruc_firm": "20999999999", "mz_nuit": "199999999",
    "nz_ird": "099999999", "nl_onderwijsnummer": "109999999", "es_dni": "99999999A",
    "br_titulo": "999999990199", "sg_nric": "S9999999A", "hk_hkid": "A9999999",
    "tw_id": "A199999999", "ch_ahv": "7569999999999", "cl_rut": "19999999-9",
    "cl_rut_firm": "79999999-9", "mx_rfc_firm": "AAAyymmddXXX", "it_iva": "99999990019",
    "uk_upn": "A80199999999X", "nl_btw": "999999999B01", "in_gstin": "27AAAPA9999A1ZX",
    "cn_uscc": "91110000XXXXXXXXXX", "md_idno": "1999999999999", "ru_ogrn": "1999999999999",
    "no_orgnr": "999999999", "pt_nif": "299999999", "pt_nif_firm": "599999999",
    "be_vat": "0999999999", "sa_id": "1999999999",
    "au_medicare": "2999999991", "jp_cn": "9999999999999", "lei": "5299XXXXXXXXXXXXXX99",
}  # fmt: skip


def drawn(template: str, size: int, seed: int) -> list[str]:
    """Random strings of a template, the same for the same seed."""
    chance = np.random.default_rng(seed)
    day = np.datetime64("1930-01-01") + chance.integers(0, 29_000, size)  # until 2009
    parts = np.char.partition(np.datetime_as_string(day), "-")
    year = parts[:, 0]
    month, dd = np.char.partition(parts[:, 2], "-")[:, 0], np.char.partition(parts[:, 2], "-")[:, 2]
    short = np.array([y[2:] for y in year])
    three = np.array([y[1:] for y in year])
    days = {
        "yyyymmdd": np.char.add(np.char.add(year, month), dd),
        "ddmmyyyy": np.char.add(np.char.add(dd, month), year),
        "ddmmyyy": np.char.add(np.char.add(dd, month), three),
        "yymmdd": np.char.add(np.char.add(short, month), dd),
        "ddmmyy": np.char.add(np.char.add(dd, month), short),
    }
    made = np.full(size, "", dtype="U1")
    at = 0
    while at < len(template):
        found = _DAY.match(template, at)
        if found:
            made = np.char.add(made, days[found[0]])
            at = found.end()
            continue
        signs = _SIGNS.get(template[at], template[at].encode())
        picked = np.frombuffer(signs, dtype="S1")[chance.integers(0, len(signs), size)]
        made = np.char.add(made, picked.astype("U1"))
        at += 1
    return [str(text) for text in made]


@cache
def template_of(check: str) -> str:
    """Random characters of the shape that the check is for."""
    if check in RANDOM:
        return RANDOM[check]
    for kind in KINDS:
        width = re.match(r"\[0-9\]\{(\d+)\}", kind.pattern)
        if kind.check == check and width:
            return "9" * int(width[1])
    raise LookupError(check)


@cache
def passing_ones(check: str, wanted: int = 300) -> tuple[str, ...]:
    """Invented numbers that pass the check."""
    template = DATED.get(check) or template_of(check)
    found: list[str] = []
    for seed in range(40):
        tried = drawn(template, 20_000, seed)
        right = passing((check,), pa.array(tried))[check]
        found += [tried[place] for place in np.flatnonzero(right)]
        if len(found) >= wanted:
            return tuple(found[:wanted])
    raise AssertionError(f"only {len(found)} numbers of {check}")
