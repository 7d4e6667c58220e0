"""Telephone numbers of all regions, made by phonenumbers, which the classifier does not load."""

from __future__ import annotations

import importlib.util
import random
from collections import Counter
from functools import cache
from pathlib import Path

import phonenumbers
import pyarrow as pa
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from leftopen.classifier import classify, phones
from leftopen.classifier.text import Text

ROOT = Path(__file__).parents[2]
# The 60 regions with the most people, less those that phonenumbers gives no mobile example of.
REGIONS = [
    "IN",
    "CN",
    "US",
    "ID",
    "PK",
    "NG",
    "BR",
    "BD",
    "RU",
    "MX",
    "ET",
    "JP",
    "PH",
    "EG",
    "CD",
    "VN",
    "IR",
    "TR",
    "DE",
    "TH",
    "TZ",
    "GB",
    "FR",
    "ZA",
    "IT",
    "KE",
    "MM",
    "CO",
    "KR",
    "SD",
    "UG",
    "ES",
    "AR",
    "DZ",
    "IQ",
    "UA",
    "PL",
    "MA",
    "SA",
    "UZ",
    "PE",
    "AO",
    "MY",
    "MZ",
    "GH",
    "YE",
    "NP",
    "VE",
    "MG",
    "CI",
    "CM",
    "NE",
    "AU",
    "LK",
    "BF",
    "ML",
    "RO",
    "MW",
    "CL",
    "KZ",
]


@cache
def valid(region: str, kind: int, many: int = 24) -> tuple[phonenumbers.PhoneNumber, ...]:
    """Random numbers that phonenumbers calls valid: its example with other last digits."""
    chance = random.Random(f"{region}{kind}")
    example = phonenumbers.example_number_for_type(region, kind)
    assert example is not None
    digits = str(example.national_number)
    found: list[phonenumbers.PhoneNumber] = []
    for _ in range(4_000):
        keep = chance.randint(2, 4)
        tail = "".join(chance.choice("0123456789") for _ in digits[keep:])
        one = phonenumbers.PhoneNumber(
            country_code=example.country_code,
            national_number=int(digits[:keep] + tail),
            italian_leading_zero=example.italian_leading_zero,
        )
        if phonenumbers.is_valid_number(one):
            found.append(one)
            if len(found) == many:
                return tuple(found)
    raise AssertionError(f"no numbers of {region}")


def counted(values: list[str]) -> Counter[str]:
    hits: Counter[str] = Counter()
    phones.count(Text.of(pa.array(values)), frozenset(), hits)
    return hits


def written(region: str, kind: int, form: int) -> list[str]:
    return [phonenumbers.format_number(one, form) for one in valid(region, kind)]


@pytest.mark.parametrize("region", REGIONS)
def test_numbers_with_a_country_code_are_found_without_a_name(region: str) -> None:
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        for form in (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164):
            values = written(region, kind, form)
            assert counted(values)["phone.abroad"] == len(values)
            dialled = [v.replace("+", "00", 1) for v in values]
            assert counted(dialled)["phone.abroad"] == len(values)
            assert classify(pa.table({"c17": values})).fields["c17"].family == "phone"


@pytest.mark.parametrize("region", REGIONS)
def test_every_writing_is_found_beside_a_name(region: str) -> None:
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        national = written(region, kind, PhoneNumberFormat.NATIONAL)
        bare = ["".join(c for c in value if c.isdigit()) for value in national]
        plain = [str(one.national_number) for one in valid(region, kind)]
        dotted = [value.replace(" ", ".").replace("-", ".") for value in national]
        for values in (national, bare, plain, dotted):
            for name in ("phone", "userTel", "номер телефона", "celular"):
                found = classify(pa.table({name: values})).fields[name]
                assert found.family == "phone", (name, found)
        whole = pa.array([int(value) for value in plain])
        assert classify(pa.table({"msisdn": whole})).fields["msisdn"].family == "phone"


def national_prefix(region: str) -> str | None:
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
    assert plan is not None
    return plan.national_prefix


def test_national_writings_that_tell_are_found_without_a_name() -> None:
    """A leading zero and groups tell; where the plan has no zero they do not."""
    told = [
        region
        for region in REGIONS
        if classify(
            pa.table({"c17": written(region, PhoneNumberType.MOBILE, PhoneNumberFormat.NATIONAL)})
        )
        .fields["c17"]
        .family
        == "phone"
    ]
    zeroed = {
        region
        for region in REGIONS
        if all(
            value.startswith(("0", "(0"))
            for value in written(region, PhoneNumberType.MOBILE, PhoneNumberFormat.NATIONAL)
        )
        and national_prefix(region) == "0"
    }
    assert zeroed <= set(told)
    assert {"CN", "US", "IN", "BR", "RU"} <= set(told)
    assert len(told) >= 40


@pytest.mark.parametrize("region", list(phones._data()["mobile"]))
def test_bare_mobile_numbers_of_telling_regions_are_found_without_a_name(region: str) -> None:
    values = ["0" + str(one.national_number) for one in valid(region, PhoneNumberType.MOBILE)]
    hits = counted(values)
    assert hits[f"phone.mobile.{region}"] >= 0.85 * len(values)
    assert classify(pa.table({"c17": values})).fields["c17"].family == "phone"


def test_random_digits_are_mobile_numbers_no_more_often_than_the_catalogue_says() -> None:
    chance = random.Random(5)
    for width in range(8, 13):
        values = [f"{chance.randrange(10**width):0{width}}" for _ in range(20_000)]
        hits = counted(values)
        assert max(hits.values(), default=0) <= 0.055 * len(values)
        found = classify(pa.table({"c17": values})).fields["c17"]
        assert found.kind == "none", found


def test_look_alikes_are_no_telephone_numbers() -> None:
    chance = random.Random(6)

    def many(form: str, low: int, high: int) -> list[str]:
        return [form.format(chance.randint(low, high)) for _ in range(200)]

    alike = [
        many("+999{}", 10**7, 10**8 - 1),  # a calling code that nobody has
        many("+1{}", 20_000_000, 99_999_999),  # too short for the plan
        many("0.{:06}", 100_000, 999_999),
        many("00{:08}", 1, 10**8 - 1),
        many("{:011}", 1, 10**7),
        many("01.0{}.2024", 1, 9),
        many("2024-01-01 {:02}", 0, 23),
        many("0-306-{}-2", 10_000, 99_999),
        many("{} 000 000", 100, 999),
        many("ORD-{}", 10**8, 10**9),
        many("+{}.5", 1, 99),
        many("{}", 1_600_000_000, 1_799_999_999),
    ]
    for values in alike:
        assert counted(values)["phone.written"] <= 0.15 * len(values), values[:2]
        assert classify(pa.table({"c17": values})).fields["c17"].family == "none", values[:2]


def test_a_mixture_is_known_by_its_clear_numbers() -> None:
    chance = random.Random(11)

    def mixed(clear: list[str], others: list[str], rows: int = 200) -> str:
        """A quarter of the column is clear; `9` stands for any digit."""
        forms = [chance.choice(clear if n % 4 == 0 else others) for n in range(rows)]
        values = ["".join(chance.choice("23456789") if c == "9" else c for c in f) for f in forms]
        return classify(pa.table({"c17": values})).fields["c17"].family

    assert mixed(["+48 22 999 99 99"], ["999 999 999", "99 999 99 99"]) == "phone"
    assert mixed(["999-999-9999x99", "(099)999-9999"], ["999.999.9999", "9999999999"]) == "phone"
    assert mixed(["+39 0699999999"], ["0999999999", "99999999999"]) == "phone"
    # numbers that are no telephone's, and telephone numbers in something else
    assert mixed(["999-999-9999"], ["999 999 999", "99 999 99 99"]) == "none"
    assert mixed(["+48 22 999 99 99"], ["AX-9999", "none given", "pallet 99"]) == "none"
    assert mixed(["9999 (99)", "(9)"], ["999 999 999", "99999999"]) == "none"


def test_weights_and_merging_count_like_the_values_themselves() -> None:
    values = ["+4915112345678", "030 1234567", "(212) 555-0100 x7", "07700900123", "n/a"]
    many = Text(pa.array(values, pa.large_string()), Text.of(pa.array(["1"])).lengths.repeat(5) * 3)
    hits: Counter[str] = Counter()
    phones.count(many, frozenset(), hits)
    assert hits == counted(values * 3)
    assert hits["phone.written"] == 9
    assert hits["phone.mobile.GB"] == 3
    assert hits["phone.mixed"] == 8 * 3 * (2 - 1)  # an abroad, an extension, one no number


def test_the_table_agrees_with_the_installed_phonenumbers() -> None:
    spec = importlib.util.spec_from_file_location("tools_phones", ROOT / "tools" / "phones.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    said = tool.TARGET.read_text(encoding="utf-8")
    assert said == tool.text(), "run: python tools/phones.py"
