"""National numbers agree with python-stdnum, the oracle, but where a difference is meant."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from leftopen.classifier.catalogue import KINDS, Kind
from leftopen.classifier.checksums import passes, passing
from leftopen.classifier.national import look_alikes
from leftopen.classifier.text import Text
from leftopen.classifier.values import whole
from tests.classifier.numbers_made import DATED, drawn, passing_ones, template_of

# check: (module of python-stdnum, why its verdict may differ from ours)
ORACLE = {
    "be_nn": ("be.nn", "day past the month's end"),
    "be_bis": ("be.bis", "day past the month's end"),
    "be_eid": ("be.eid", ""), "nl_bsn": ("nl.bsn", ""),
    "nl_onderwijsnummer": ("nl.onderwijsnummer", ""),
    "fr_nir": ("fr.nir", "first digit and month are not looked at"), "fr_spi": ("fr.nif", ""),
    "de_idnr": ("de.idnr", ""), "at_svnr": ("at.vnr", "date is not looked at"),
    "at_tin": ("at.tin", "knows the offices"), "ch_ahv": ("ch.ssn", ""), "ie_pps": ("ie.pps", ""),
    "uk_nhs": ("gb.nhs", ""), "uk_utr": ("gb.utr", ""), "uk_upn": ("gb.upn", "knows authorities"),
    "es_dni": ("es.nif", ""), "it_cf": ("it.codicefiscale", "takes a day modulo 40"),
    "pt_nif": ("pt.nif", "firms' are not told apart"), "pt_cc": ("pt.cc", ""),
    "gr_amka": ("gr.amka", ""), "gr_afm": ("gr.vat", ""), "hr_oib": ("hr.oib", ""),
    "ba_jmbg": ("si.emso", "region"), "me_jmbg": ("si.emso", "region"),
    "hr_jmbg": ("si.emso", "region"), "mk_embg": ("si.emso", "region"),
    "si_emso": ("si.emso", "region"), "rs_jmbg": ("si.emso", "region"),
    "xk_jmbg": ("si.emso", "region"),
    "se_pnr": ("se.personnummer", "both: coordination numbers, years out of reach"),
    "no_fnr": ("no.fodselsnummer", ""),
    "dk_cpr": ("dk.cpr", "the current year"), "dk_cpr_mod11": ("dk.cpr", "no check digit"),
    "dk_cpr_day": ("dk.cpr", "days of orders"),
    "fi_hetu": ("fi.hetu", "serials from 900 on are for a time"),
    "is_kt": ("is_.kennitala", "firms' are not told apart"),
    "ee_ik": ("ee.ik", "days to come"), "lt_ak": ("lt.asmens", "days to come, 9 without a date"),
    "lv_pk": ("lv.pvn", "firms, days to come"),
    "pl_pesel": ("pl.pesel", "days to come"), "cz_rc": ("cz.rc", "days to come"),
    "ro_cnp": ("ro.cnp", "days to come"), "bg_egn": ("bg.egn", "days to come"),
    "bg_pnf": ("bg.pnf", ""), "ua_rntrc": ("ua.rntrc", "date is not looked at"),
    "ru_inn": ("ru.inn", ""), "md_idnp": ("md.idno", "firms"),
    "us_itin": ("us.itin", "50 to 65 came later"), "us_atin": ("us.atin", "shape only"),
    "ca_sin": ("ca.sin", ""), "ca_bc_phn": ("ca.bc_phn", ""),
    "mx_curp": ("mx.curp", "rude words"), "mx_rfc": ("mx.rfc", "rude words"),
    "br_cpf": ("br.cpf", ""), "ar_cuil": ("ar.cuit", "both: 25 and 26, firms"),
    "ar_cuit_firm": ("ar.cuit", "persons"), "cl_rut": ("cl.rut", ""),
    "do_cedula": ("do.cedula", "old ones without a check"), "ec_ci": ("ec.ci", ""),
    "ec_ruc": ("ec.ruc", "firms"), "cu_ni": ("cu.ni", ""), "pe_cui": ("pe.cui", ""),
    "pe_ruc": ("pe.ruc", "firms"), "pe_ruc_firm": ("pe.ruc", "persons"),
    "sv_nit": ("sv.nit", "date is not looked at"), "ve_rif": ("ve.rif", ""),
    "ve_rif_firm": ("ve.rif", ""), "py_ruc": ("py.ruc", "firms"),
    "cn_ric": ("cn.ric", "knows the counties of each year"), "kr_rrn": ("kr.rrn", "days to come"),
    "in_aadhaar": ("in_.aadhaar", ""), "in_vid": ("in_.vid", ""), "in_epic": ("in_.epic", ""),
    "pk_cnic": ("pk.cnic", ""), "id_nik": ("id.nik", "both: knows the regencies, not the rest"),
    "id_npwp": ("id.npwp", ""), "my_nric": ("my.nric", ""), "th_id": ("th.pin", ""),
    "tr_tckn": ("tr.tckimlik", ""), "il_id": ("il.idnr", "firms"),
    "za_id": ("za.idnr", "2 for refugees"), "za_tin": ("za.tin", ""), "gh_tin": ("gh.tin", ""),
    "mu_nid": ("mu.nid", ""), "gn_nifp": ("gn.nifp", ""), "mz_nuit": ("mz.nuit", "firms"),
    "au_tfn": ("au.tfn", ""), "nz_ird": ("nz.ird", ""),
    "br_cnpj": ("br.cnpj", ""), "fr_siren": ("fr.siren", ""), "fr_siret": ("fr.siret", ""),
    "fr_tva": ("fr.tva", "000 is Monaco"), "de_vat": ("de.vat", ""), "es_cif": ("es.cif", ""),
    "nl_btw": ("nl.btw", ""), "au_abn": ("au.abn", ""), "au_acn": ("au.acn", ""),
    "in_gstin": ("in_.gstin", "knows the states, the kinds of holder"), "jp_cn": ("jp.cn", ""),
    "cn_uscc": ("cn.uscc", ""), "ru_inn_firm": ("ru.inn", ""), "ru_ogrn": ("ru.ogrn", "1 or 5"),
    "it_iva": ("it.iva", ""), "be_vat": ("be.vat", ""), "at_uid": ("at.uid", ""),
    "ch_uid": ("ch.uid", ""), "pl_nip": ("pl.nip", ""), "pl_regon": ("pl.regon", ""),
    "no_orgnr": ("no.orgnr", "8 or 9"), "se_orgnr": ("se.orgnr", "persons"),
    "dk_cvr": ("dk.cvr", ""), "fi_ytunnus": ("fi.ytunnus", ""), "hu_anum": ("hu.anum", ""),
    "tr_vkn": ("tr.vkn", ""), "tw_ubn": ("tw.ubn", ""), "gb_vat": ("gb.vat", ""),
    "il_hp": ("il.hp", ""), "ca_bn": ("ca.bn", ""), "sg_uen": ("sg.uen", ""),
    "mx_rfc_firm": ("mx.rfc", ""), "md_idno": ("md.idno", "persons"),
    "pt_nif_firm": ("pt.nif", "persons"),
}  # fmt: skip
_EVENLY = re.compile(r"^(.)\1*$")  # one digit all through, which we take for nobody's


def _oracle(check: str) -> Callable[[str], bool]:
    module = importlib.import_module(f"stdnum.{ORACLE[check][0]}")
    judge: Callable[[str], bool] = module.is_valid
    return judge


def _changed(numbers: tuple[str, ...]) -> list[str]:
    """The numbers with one digit changed, at every place in turn."""
    made = []
    for turn, text in enumerate(numbers):
        place = turn % len(text)
        if text[place].isdigit():
            digit = (int(text[place]) + 1 + turn // len(text) % 9) % 10
            made.append(f"{text[:place]}{digit}{text[place + 1 :]}")
    return made


@pytest.mark.parametrize("check", sorted(ORACLE))
def test_verdicts_are_the_oracles_but_where_a_difference_is_meant(check: str) -> None:
    valid = passing_ones(check)
    tried = [*valid, *_changed(valid), *drawn(template_of(check), 1_000, 5)]
    tried += drawn(DATED.get(check) or template_of(check), 1_500, 6)
    tried = [text for text in tried if not _EVENLY.match(text)]
    ours = passing((check,), pa.array(tried))[check]
    judge = _oracle(check)
    theirs = np.array([judge(text) for text in tried])
    stricter, laxer = int((theirs & ~ours).sum()), int((ours & ~theirs).sum())
    if not ORACLE[check][1]:
        assert (stricter, laxer) == (0, 0), [
            t for t, a, b in zip(tried, ours, theirs, strict=True) if a != b
        ][:5]
    elif ORACLE[check][1].startswith("knows"):  # a list that changes is not copied
        assert stricter == 0
    else:
        assert (theirs & ours).sum() >= 0.3 * len(valid)
        both_ways = ORACLE[check][1].startswith("both")
        assert both_ways or not (stricter and laxer), (stricter, laxer)


NATIONAL = sorted(
    {k.check for k in KINDS if k.check and k.id.startswith(("gov", "person", "firm"))}
)


@pytest.mark.parametrize("check", NATIONAL)
def test_numbers_of_one_kind_pass_no_other_check_that_is_not_declared(check: str) -> None:
    made = pa.array(passing_ones(check, 2_000 if CHANCE[check] > 1e-3 else 300), pa.large_string())
    found = passing(NATIONAL, made)
    rivals = look_alikes()[check]
    for other in NATIONAL:
        shapes = [Text(made).fits(whole(kind)) for kind in KINDS if kind.check == other]
        share = max(float((found[other] & shape).mean()) for shape in shapes)
        if other in rivals:
            assert share >= 0.4, f"{other} is no rival"
        elif other != check:
            assert share < 0.8, f"{other} is a rival"


CHANCE = {kind.check: kind.chance for kind in KINDS if kind.check in NATIONAL}


@pytest.mark.parametrize("kind", [k for k in KINDS if k.check in NATIONAL], ids=lambda k: k.id)
def test_random_values_of_the_shape_pass_as_often_as_the_catalogue_says(kind: Kind) -> None:
    width = re.match(r"\[0-9\]\{(\d+)\}", kind.pattern)
    template = "9" * int(width[1]) if width else template_of(kind.check)
    if kind.pattern.startswith("[0-9]{7,8}"):
        template = "99999999X"
    if kind.id == "gov_id.lk.nic":
        template = "999999999V"
    drawn_ones = pa.array(drawn(template, 30_000, 11), pa.large_string())
    fitting = Text(drawn_ones).matching(whole(kind))
    passed = passes(kind.check, fitting.values)
    few = 4 * np.sqrt(kind.chance * len(fitting)) + 3  # four standard deviations
    assert abs(passed - kind.chance * len(fitting)) <= few + 0.1 * kind.chance * len(fitting)


HARD = [
    ("cn_ric", "11010519491231002X", True), ("cn_ric", "11010519491331002X", False),
    ("cn_ric", "160105194912310026", False),  # no such province
    ("be_nn", "85073003328", True), ("be_nn", "17073003384", True),  # born 1917 or 2017
    ("no_fnr", "15108695088", True), ("dk_cpr", "3002011234", False),  # 30 February
    ("dk_cpr_day", "2306151234", False), ("dk_cpr_day", "0506711234", True),
    ("se_pnr", "880320-0016", True), ("se_pnr", "8803800016", False),
    ("fi_hetu", "131052-308T", True), ("fi_hetu", "310252-308T", False),
    ("fr_nir", "2 95 10 99 126 111 93", True), ("fr_nir", "2 95 14 99 126 111 93", False),
    ("es_dni", "X-2482300-W", True), ("es_dni", "2482300W", False),
    ("us_itin", "912-90-3456", True), ("us_itin", "912-89-3456", False),
    ("ae_eid", "784-1985-1234567-1", True), ("ae_eid", "784-2185-1234567-1", False),
    ("eg_nid", "29001011234567", True), ("eg_nid", "29002301234567", False),
    ("ir_melli", "0499370899", True), ("ir_melli", "0499370898", False),
    ("kz_iin", "880101300014", False), ("hu_taj", "111111110", True),
    ("in_aadhaar", "234123412346", True), ("in_aadhaar", "222222222222", False),
    ("md_idnp", "1008600038413", False), ("md_idno", "1008600038413", True),
    ("tw_id", "A123456789", True), ("hk_hkid", "G123456(A)", True),
    ("sa_id", "3000000000", False),
    ("uy_ci", "1.234.567-2", True), ("sv_dui", "00016297-5", True),
    ("br_pis", "120.5412.2222", False), ("nz_nhi", "ZZZ0016", True), ("nz_nhi", "ZZZ0017", False),
]  # fmt: skip


@pytest.mark.parametrize(("check", "number", "right"), HARD)
def test_hard_cases(check: str, number: str, right: bool) -> None:
    assert passes(check, pa.array([number])) == right


def test_many_checks_at_once_say_what_each_says_alone() -> None:
    mixed = pa.array(
        ["390.533.447-05", "39053344705", "", "11010519491231002x", "é", "1" * 70, "27 / 3-5.1"]
        * 40
        + drawn("99999999999", 400, 3)
        + drawn("99.999.999-X", 400, 4)
    )
    found = passing(NATIONAL, mixed)
    for check in NATIONAL:
        one_by_one = [passes(check, mixed.slice(place, 1)) for place in range(0, 1_080, 7)]
        assert found[check][::7][: len(one_by_one)].tolist() == one_by_one
        assert passes(check, mixed) == found[check].sum()
    assert found["br_cpf"][:2].all()
    assert found["cn_ric"][3]


def test_a_large_column_is_cut_into_blocks_without_a_seam() -> None:
    numbers = drawn("999999999", 70_001, 9)
    whole_column = passing(("nl_bsn",), pa.array(numbers))["nl_bsn"]
    parts = [
        passing(("nl_bsn",), pa.array(numbers).slice(start, 9_001))["nl_bsn"]
        for start in range(0, len(numbers), 9_001)
    ]
    assert (whole_column == np.concatenate(parts)).all()
    assert 0.08 < whole_column.mean() < 0.1
