"""Medical codes and words against other implementations, and what only looks so."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from stdnum import luhn, verhoeff

from leftopen.classifier import checksums, medical
from leftopen.classifier.text import Text


def counted(*values: str, wanted: frozenset[str] = frozenset()) -> Counter[str]:
    hits: Counter[str] = Counter()
    medical.count(Text.of(pa.array(values)), wanted, hits)
    return hits


def test_snomed_agrees_with_verhoeff_and_the_partitions() -> None:
    chance = np.random.default_rng(4)
    numbers = [str(n) for n in chance.integers(10**7, 10**8, 4_000)]
    numbers += [str(n) for n in chance.integers(10**11, 10**12, 4_000)]
    used = {"00", "01", "02", "10", "11", "12"}
    expected = sum(verhoeff.is_valid(n) and n[-3:-1] in used for n in numbers)
    assert expected > 20
    assert checksums.passes("snomed", pa.array(numbers)) == expected


def test_snomed_knows_published_identifiers_and_refuses_other_lengths() -> None:
    published = pa.array(["22298006", "404684003", "900000000000207008", "73211009"])
    assert checksums.passes("snomed", published) == 4
    assert checksums.passes("snomed", pa.array(["00006", "0" * 8, "9" * 19, "22298O06"])) == 0


def test_loinc_agrees_with_luhn() -> None:
    numbers = [f"{n // 10}-{n % 10}" for n in range(1_000, 60_000, 7)]
    expected = sum(luhn.is_valid(n.replace("-", "")) for n in numbers)
    assert checksums.passes("loinc", pa.array(numbers)) == expected
    assert checksums.passes("loinc", pa.array(["2345-7", "718-7", "4548-4", "2345-8"])) == 3


def test_icd10_with_and_without_its_dot() -> None:
    named = frozenset({"health.icd10"})
    assert counted("E11.9", "e119", "S72001A", "I10", "A01-", "M54.5", wanted=named)[
        "medical.icd10"] == 6  # fmt: skip
    assert counted("U12", "T99.1", "K97", "12.3", "E1", wanted=named)["medical.icd10"] == 0
    assert counted("E11.9", "F32.1", "T36.0X1A")["medical.icd10.dotted"] == 3
    assert counted("E119", "I10")["medical.icd10.dotted"] == 0  # without a dot a code is anything
    assert counted("B2.1", "E123.4", "C12.4")["medical.icd10.dotted"] < 0  # shelves


@pytest.mark.parametrize(
    "drug",
    ["Pitavastatin", "Perindopril", "Azilsartan", "Bisoprolol", "Ceftaroline fosamil 600 mg",
     "Vonoprazole", "Lumacaftor 200 mg tablet", "Ocrelizumab", "Edoxaban", "Azitromicina",
     "Metoprololtartrat 50 mg"],
)  # fmt: skip
def test_drug_by_its_ending_or_dose(drug: str) -> None:
    assert counted(drug)["medical.drug"] == 1


@pytest.mark.parametrize(
    "disease",
    ["Cholangitis", "Hyponatraemia", "Rhabdomyosarcoma", "Chronic kidney disease", "Zystitis",
     "Hip fracture", "Polyneuropathie", "Viral pharyngitis (disorder)", "类风湿性关节炎", "胃癌"],
)  # fmt: skip
def test_disease_by_its_ending(disease: str) -> None:
    assert counted(disease)["medical.disease"] == 1


@pytest.mark.parametrize(
    "thing",
    ["Machine", "Magazine", "disk failure", "Power failure", "Caroline", "Martin Kessel", "Lyon",
     "Cable 5 m", "Flour 500 gr", "Printer", "Hamburg", "Pacific", "Garden hose", "A4 paper",
     "payment disorder", "Route 66", "测试", "北京市", "Vitis", "Osmia bohemia", "Websites",
     "Blood 12 plasma"],
)  # fmt: skip
def test_thing_is_no_drug_and_no_disease(thing: str) -> None:
    hits = counted(thing)
    assert (hits["medical.drug"], hits["medical.disease"]) == (0, 0)


def test_blood_pressure_is_one_of_a_living_person() -> None:
    assert counted("120/80", "98/60 mmHg", "210 / 110")["medical.pressure"] == 3
    assert counted("1/2", "12/2024", "16/9", "300/80", "120/20")["medical.pressure"] == 0


def test_counts_of_halves_add_up_and_weights_count() -> None:
    values = ["E11.9", "Cholangitis", "Edoxaban", "120/80", "Lyon", "B2.1", "胃癌"] * 3
    whole = counted(*values)
    halves = counted(*values[:8])
    halves.update(counted(*values[8:]))
    assert {k: v for k, v in halves.items() if v} == {k: v for k, v in whole.items() if v}
    hits: Counter[str] = Counter()
    weights = np.array([5, 2], dtype=np.int64)
    distinct = pa.array(["Cholangitis", "Lyon"], pa.large_string())
    medical.count(Text(distinct, weights), frozenset(), hits)
    assert hits["medical.disease"] == 5
