"""The checks of national numbers, region by region; the rule of each is its issuer's.

A check takes a grid of characters (see digits.py) and returns one boolean for each value.
"""

from __future__ import annotations

from collections.abc import Mapping

from leftopen.classifier.digits import Bools, Check, Grid, digits
from leftopen.classifier.national import (
    americas,
    asia,
    eastern_europe,
    elsewhere,
    firms,
    northern_europe,
    southern_europe,
    western_europe,
)


@digits(*range(12, 20))
def luhn(g: Grid) -> Bools:
    """Payment cards, ISO/IEC 7812."""
    return g.luhn


@digits(15)
def imei(g: Grid) -> Bools:
    return g.luhn


CHECKS: Mapping[str, Check] = {
    "luhn": luhn,
    "imei": imei,
    **western_europe.CHECKS,
    **southern_europe.CHECKS,
    **northern_europe.CHECKS,
    **eastern_europe.CHECKS,
    **americas.CHECKS,
    **asia.CHECKS,
    **elsewhere.CHECKS,
    **firms.CHECKS,
}

# Whose numbers pass another check too, wholly or nearly so, because the rule is the same or one
# holds the other within itself. What the values cannot decide, name and neighbours must.
_LUHN9 = frozenset({"at_tin", "ca_sin", "fr_siren", "gn_nifp", "il_id"})
_LUHN10 = frozenset({"ca_ohip", "se_orgnr", "za_tin"})
_ALIKE: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_LUHN9, _LUHN9),
    "il_hp": _LUHN9 - {"il_id"},
    **dict.fromkeys(_LUHN10, _LUHN10),
    "sa_id": _LUHN10 | {"ec_ci"},
    "ec_ci": _LUHN10 | {"sa_id"},
    # the same rule
    "ee_ik": frozenset({"lt_ak"}),
    "lt_ak": frozenset({"ee_ik"}),
    "ar_cuil": frozenset({"pe_ruc_firm"}),
    "pe_ruc_firm": frozenset({"ar_cuil"}),
    "uk_nhs": frozenset({"ir_melli"}),
    "ir_melli": frozenset({"uk_nhs"}),
    "mz_nuit": frozenset({"cl_rut"}),
    "nz_ird": frozenset({"cl_rut"}),
    "no_orgnr": frozenset({"cl_rut"}),
    "dk_cvr": frozenset({"cl_rut", "nz_ird"}),
    "cl_rut": frozenset({"mz_nuit", "nz_ird"}),
    # stricter than the other, so the first is meant where both fit
    "be_nn": frozenset({"cu_ni"}),
    "pl_pesel": frozenset({"cu_ni"}),
    "de_idnr": frozenset({"hr_oib"}),
    "it_iva": frozenset({"do_cedula"}),
    "gr_amka": frozenset({"do_cedula"}),
    "uk_chi": frozenset({"dk_cpr", "dk_cpr_day", "uk_nhs", "ir_melli"}),
    "hu_tax": frozenset({"uk_nhs", "ir_melli"}),
    "dk_cpr": frozenset({"dk_cpr_day"}),
    "dk_cpr_day": frozenset({"dk_cpr"}),
    "dk_cpr_mod11": frozenset({"dk_cpr", "dk_cpr_day"}),
    "is_kt": frozenset({"dk_cpr", "dk_cpr_day"}),
    "kz_iin": frozenset({"my_nric"}),
    "se_pnr": frozenset({"lk_nic"}),
    "pt_nif": frozenset({"py_ruc"}),
    "pt_nif_firm": frozenset({"py_ruc"}),
    "cl_rut_firm": frozenset({"cl_rut"}),
    # any thirteen digits of which the first is 1 to 7 may be Pakistani: only a name says so
    **{
        name: frozenset({"pk_cnic"})
        for name in (
            *("ch_ahv", "lu_matricule", "ba_jmbg", "me_jmbg", "hr_jmbg", "mk_embg", "si_emso"),
            *("rs_jmbg", "xk_jmbg", "ro_cnp", "md_idnp", "md_idno", "ec_ruc", "gt_cui", "kr_rrn"),
            *("th_id", "za_id", "jp_cn", "ru_ogrn"),
        )
    },
}


def look_alikes() -> Mapping[str, frozenset[str]]:
    """For each check the others that its own numbers pass too; most checks have none."""
    return {check: _ALIKE.get(check, frozenset()) - {check} for check in CHECKS}
