"""The checks agree with numbers that issuers and handbooks publish as examples."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from leftopen.classifier import terminologies
from leftopen.classifier.catalogue import KINDS, Kind
from leftopen.classifier.checksums import CHECKS, passes
from leftopen.classifier.text import Text
from leftopen.classifier.values import whole
from tests.classifier.test_national import HARD, NATIONAL, ORACLE

PUBLISHED = {
    "loinc": "2345-7", "snomed": "22298006",
    "luhn": "4111111111111111", "ca_sin": "123-456-782", "imei": "490154203237518",
    "hr_oib": "33392005961", "cn_ric": "11010519491231002X", "es_dni": "54362315K",
    "fr_nir": "2 95 10 99 126 111 93", "de_idnr": "36 574 261 809", "it_cf": "RCCMNL83S18D969H",
    "nl_bsn": "111222333", "br_cpf": "390.533.447-05", "in_aadhaar": "234123412346",
    "pl_pesel": "44051401359", "se_pnr": "880320-0016", "be_nn": "85.07.30-033.28",
    "tr_tckn": "17291716060", "kr_rrn": "971013-9019902", "no_fnr": "15108695088",
    "cz_rc": "710319/2745", "ro_cnp": "1630615123457", "bg_egn": "7523169263",
    "pt_nif": "123456789", "ch_ahv": "756.9217.0769.85", "za_id": "7503305044089",
    "cl_rut": "12.531.909-2", "ar_cuil": "20-05536168-2", "ru_snils": "112-233-445 95",
    "ru_inn": "123456789047", "ee_ik": "36805280109", "gr_amka": "01013099997",
    "tw_id": "A123456789", "hk_hkid": "G123456(A)", "sg_nric": "S1234567D",
    "th_id": "1234545678781", "ie_pps": "6433435F", "at_svnr": "1237 010180",
    "uk_nhs": "943 476 5919", "jp_mynumber": "123456789018", "au_tfn": "123 456 782",
    "fi_hetu": "131052-308T", "mx_curp": "BOXW310820HNERXN09", "iban": "GB82WEST12345698765432",
    "vin": "1M8GDM9AXKP042788", "iban_country": "DE89370400440532013000",
    "iccid": "89014103211118510720", "clabe": "032180000118359719",
    "cbu": "2850590940090418135201",
}  # fmt: skip


# Rules without a published example at hand and without an oracle: test_national.py makes numbers.
MADE_ONLY = {
    "lu_matricule", "uk_chi", "hu_tax", "by_id", "ca_ohip", "ca_ramq", "br_titulo", "gt_cui",
    "cn_ric15", "lk_nic", "vn_cccd", "uz_pinfl", "kg_pin", "kw_civil", "rw_nid", "au_medicare",
    "au_ihi", "kr_brn", "cl_rut_firm", "lei",
}  # fmt: skip


ELSEWHERE = set(terminologies.CHECKS)  # see test_medical.py


def test_every_check_has_an_example_or_an_oracle() -> None:
    assert set(PUBLISHED) <= set(CHECKS)
    hard = {check for check, *_ in HARD}
    assert set(CHECKS) == set(PUBLISHED) | set(ORACLE) | hard | MADE_ONLY | ELSEWHERE


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_numbers_pass_and_slips_of_the_pen_do_not(name: str) -> None:
    number = PUBLISHED[name]
    assert passes(name, pa.array([number])) == 1
    assert passes(name, pa.array([number.lower()])) == 1
    places = [i for i, c in enumerate(number) if c.isdigit()]
    wrong = [
        number[:i] + d + number[i + 1 :] for i in places for d in "0123456789" if d != number[i]
    ]
    # one wrong digit is mostly caught; sums modulo 10 with even weights miss many by design
    assert passes(name, pa.array(wrong)) <= len(wrong) * 0.35


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_other_widths_letters_and_repeated_digits_fail(name: str) -> None:
    odd = ["1", "99", "ABC", "1" * 40, "Z" * 11, "０" * 3]
    assert passes(name, pa.array(odd)) == 0
    assert passes(name, pa.array([], pa.string())) == 0
    if PUBLISHED[name].isdigit():
        width = len(PUBLISHED[name])
        assert passes(name, pa.array(["0" * width, "7" * width])) == 0


# Of national numbers test_national.py says how often chance passes.
OTHERS = [k for k in KINDS if k.check in PUBLISHED and k.check not in NATIONAL]


@pytest.mark.parametrize("kind", OTHERS, ids=lambda k: k.id)
def test_random_look_alikes_pass_no_more_often_than_the_catalogue_says(kind: Kind) -> None:
    chance = random.Random(3)
    example = PUBLISHED[kind.check]
    alike = [
        "".join(
            chance.choice("0123456789") if c.isdigit() else
            chance.choice("ABCDEFGHJKLMNPRSTUVWXYZ") if c.isalpha() else c
            for c in example
        )
        for _ in range(6_000)
    ]  # fmt: skip
    fitting = Text(pa.array(alike, pa.large_string())).matching(whole(kind))
    share = passes(kind.check, fitting.values) / len(alike)
    assert share <= kind.chance * 1.25 + 0.002
