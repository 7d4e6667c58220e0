"""Official numbers of persons: made from their shape, kept where python-stdnum calls them valid.

The checks of leftopen are not asked: what they get wrong must show.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

Maker = Callable[[random.Random], object]
POOL = 400  # different numbers of each kind


@dataclass(frozen=True, slots=True)
class Official:
    """A number that a state gives a person.

    `module` is python-stdnum's; in `shapes` 9 is a digit, A a letter, yyyymmdd, yymmdd, ddmmyy a
    day of birth. `distinct` where the written form alone tells the country.
    """

    kind: str
    module: str
    shapes: tuple[str, ...]
    names: tuple[str, ...]
    distinct: bool = False
    family: str = "gov_id"


_ALL = (
    Official("gov_id.cn", "cn.ric", ("110101yyyymmdd9999", "310101yyyymmdd9999",
             "440103yyyymmdd9999"), ("sfzh", "身份证号", "id_card_no"), distinct=True),
    Official("gov_id.us", "us.ssn", ("999-99-9999",), ("ssn", "social_security_no"), distinct=True),
    Official("gov_id.es", "es.dni", ("99999999A",), ("dni", "numero_dni"), distinct=True),
    Official("gov_id.es", "es.nie", ("X9999999A", "Y9999999A"), ("nie", "dni_nie"), distinct=True),
    Official("gov_id.fr", "fr.nir", ("185067511699999", "290013805599999", "178116938899999"),
             ("nir", "numero_secu"), distinct=True),
    Official("gov_id.de", "de.idnr", ("99999999999",), ("steuer_id", "idnr")),
    Official("gov_id.it", "it.codicefiscale", ("AAAAAA85H10H501A", "AAAAAA70A41F205A",
             "AAAAAA62P15L219A"), ("codice_fiscale", "cf"), distinct=True),
    Official("gov_id.nl", "nl.bsn", ("999999999",), ("bsn", "burgerservicenummer")),
    Official("gov_id.br", "br.cpf", ("999.999.999-99",), ("cpf", "nr_cpf"), distinct=True),
    Official("gov_id.in", "in_.aadhaar", ("299999999999", "799999999999"),
             ("aadhaar", "aadhaar_no")),
    Official("gov_id.in", "in_.pan", ("AAAPA9999A",), ("pan", "pan_no"), distinct=True),
    Official("gov_id.pl", "pl.pesel", ("yymmdd99999",), ("pesel", "nr_pesel")),
    Official("gov_id.se", "se.personnummer", ("yymmdd-9999", "yyyymmdd-9999"),
             ("personnummer", "personnr"), distinct=True),
    Official("gov_id.be", "be.nn", ("yymmdd99999",), ("rijksregisternummer", "registre_national")),
    Official("gov_id.tr", "tr.tckimlik", ("99999999999",), ("tc_kimlik_no", "tckn")),
    Official("gov_id.kr", "kr.rrn", ("yymmdd-1999999", "yymmdd-2999999"),
             ("주민등록번호", "rrn", "jumin_no")),
    Official("gov_id.no", "no.fodselsnummer", ("ddmmyy99999",), ("fodselsnummer", "fnr")),
    Official("gov_id.fi", "fi.hetu", ("ddmmyy-999A", "ddmmyy-9999"), ("hetu", "henkilotunnus"),
             distinct=True),
    Official("gov_id.cz", "cz.rc", ("yymmdd/9999",), ("rodne_cislo", "rc"), distinct=True),
    Official("gov_id.ro", "ro.cnp", ("1yymmdd129999", "2yymmdd409999"), ("cnp", "cod_numeric")),
    Official("gov_id.bg", "bg.egn", ("yymmdd9999",), ("egn", "ЕГН")),
    Official("gov_id.hr", "hr.oib", ("99999999999",), ("oib", "osobni_oib")),
    Official("gov_id.pt", "pt.nif", ("299999999", "199999999"), ("nif", "contribuinte")),
    Official("gov_id.ca", "ca.sin", ("999-999-999",), ("sin", "social_insurance_number")),
    Official("gov_id.mx", "mx.curp", ("AEAAyymmddHDFAAA99", "AOAAyymmddMJCAAA99"), ("curp",),
             distinct=True),
    Official("gov_id.ch", "ch.ssn", ("756.9999.9999.99",), ("ahv_nr", "avs_nummer"),
             distinct=True),
    Official("gov_id.za", "za.idnr", ("yymmdd9999089",), ("id_number_rsa", "sa_id_number")),
    Official("gov_id.cl", "cl.rut", ("12999999-9", "18999999-9"), ("rut", "run_rut")),
    Official("gov_id.ar", "ar.cuit", ("20-99999999-9", "27-99999999-9"), ("cuil", "nro_cuil"),
             distinct=True),
    Official("gov_id.ru", "ru.inn", ("770199999999", "500199999999"), ("inn", "ИНН")),
    Official("gov_id.ee", "ee.ik", ("3yymmdd9999", "4yymmdd9999"), ("isikukood", "ik")),
    Official("gov_id.gr", "gr.amka", ("ddmmyy99999",), ("amka", "ΑΜΚΑ")),
    Official("gov_id.th", "th.pin", ("1-9999-99999-99-9", "3-9999-99999-99-9"),
             ("เลขประจำตัวประชาชน", "thai_id"), distinct=True),
    Official("gov_id.ie", "ie.pps", ("9999999A", "9999999AA"), ("pps_no", "ppsn")),
    Official("gov_id.at", "at.vnr", ("9999ddmmyy",), ("svnr", "sozialversicherungsnummer")),
    Official("gov_id.au", "au.tfn", ("999 999 999",), ("tfn", "tax_file_number")),
    Official("gov_id.il", "il.idnr", ("999999999",), ("teudat_zehut", "mispar_zehut")),
    Official("gov_id.my", "my.nric", ("yymmdd-14-9999", "yymmdd-10-9999"), ("nric", "no_kp"),
             distinct=True),
    Official("gov_id.pk", "pk.cnic", ("35201-9999999-9", "42101-9999999-9"), ("cnic", "nic_no"),
             distinct=True),
    Official("gov_id.ua", "ua.rntrc", ("9999999999",), ("ipn", "РНОКПП")),
    Official("gov_id.si", "si.emso", ("ddmm978509999", "ddmm985509999"), ("emso",)),
    Official("gov_id.lt", "lt.asmens", ("3yymmdd9999", "4yymmdd9999"), ("asmens_kodas",)),
    Official("gov_id.id", "id.nik", ("317101ddmmyy9999", "327301ddmmyy9999"), ("nik", "no_ktp"),
             distinct=True),
    Official("person_id.uk|person_id.gb|gov_id.uk|gov_id.gb", "gb.nhs", ("999 999 9999",),
             ("nhs_number", "nhs_no"), family="person_id"),
)  # fmt: skip
OFFICIAL: Mapping[str, Official] = {one.module: one for one in _ALL}


@cache
def valid(module: str) -> tuple[str, ...]:
    """Numbers that python-stdnum calls valid; as many as POOL."""
    is_valid = importlib.import_module(f"stdnum.{module}").is_valid
    chance = random.Random(module)
    shapes = OFFICIAL[module].shapes
    found: dict[str, None] = {}
    for _ in range(600 * POOL):
        one = shaped(chance, chance.choice(shapes))
        if is_valid(one):
            found[one] = None
            if len(found) == POOL:
                return tuple(found)
    raise AssertionError(f"too few valid numbers of {module}: {len(found)}")


def number(module: str) -> Maker:
    """Makes valid numbers of a kind."""
    return lambda r: r.choice(valid(module))


def shaped(chance: random.Random, shape: str) -> str:
    """A random text of a shape; see `Official`."""
    born = date(1945, 1, 1) + timedelta(days=chance.randrange(20_000))
    dates = {"yyyymmdd": "%Y%m%d", "yymmdd": "%y%m%d", "ddmmyy": "%d%m%y", "ddmm": "%d%m"}
    parts = {"9": "0123456789", "A": "ABCDEFGHJKLMNPQRSTUVWXYZ"}
    made, at = "", 0
    while at < len(shape):
        for word, form in dates.items():
            if shape.startswith(word, at):
                made += born.strftime(form)
                at += len(word)
                break
        else:
            made += chance.choice(parts.get(shape[at], shape[at]))
            at += 1
    return made
