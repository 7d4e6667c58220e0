"""The labelled tables are what their labels say, and the scores count what they claim to."""

from __future__ import annotations

import importlib
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from stdnum import isbn, luhn
from stdnum.de import vat
from stdnum.iban import is_valid as is_iban
from stdnum.imei import is_valid as is_imei

from bench import scoring
from bench.labelled import Label, Labelled, people, scripts, things
from bench.labelled.build import Column, Template, emissions, styled, tables
from bench.labelled.official import OFFICIAL, number, shaped, valid
from bench.scoring import Answer
from leftopen.classifier.columns import leaves

FAMILIES = json.loads((Path(__file__).parent.parent / "data" / "families.json").read_text())


def made(maker: object, count: int = 300) -> list[str]:
    chance = random.Random(11)
    return [str(maker(chance)) for _ in range(count)]  # type: ignore[operator]  # a Maker


@pytest.fixture(scope="module")
def everything() -> list[Labelled]:
    return list(tables())


def test_labels_are_families_of_fields_that_are_there(everything: Sequence[Labelled]) -> None:
    known = set(FAMILIES["families"])
    for one in everything:
        paths = {leaf.path for batch in one.table.to_batches() for leaf in leaves(batch)}
        assert set(one.labels) <= paths, one.name
        for label in one.labels.values():
            assert {label.family, *label.also} <= known
            assert label.family not in label.also


def test_there_is_enough_of_everything(everything: Sequence[Labelled]) -> None:
    labels = [label for one in everything for label in one.labels.values()]
    met = Counter(label.family for label in labels)
    assert len(everything) >= 60
    assert len(labels) >= 1_200
    assert 0.4 <= met["none"] / len(labels) <= 0.6
    assert sum(not label.telling for label in labels) >= 400
    assert set(met) == set(FAMILIES["families"])
    assert all(200 <= one.table.num_rows <= 1_000 for one in everything)


def test_the_same_seed_makes_the_same_tables(everything: Sequence[Labelled]) -> None:
    for first, again in zip(everything[:12], tables(), strict=False):
        assert first.table.equals(again.table)
        assert first.labels == again.labels
    other = next(tables(seed=4))
    assert not everything[0].table.equals(other.table)


def test_untold_tables_show_the_same_values_under_names_that_say_nothing() -> None:
    template = Template(
        "members",
        (
            Column("member_name", people.login, "name", speaks=True, lie="sku"),
            Column("age", things.whole(0, 99), "age"),
            Column("stay.price", things.real(1, 9)),
        ),
    )
    told, untold, lied = emissions(template, 7, 3)
    assert list(told.labels) == ["member_name", "age", "stay.price"]
    assert untold.name == "t7"
    assert untold.table.column_names == ["c1", "c2", "c3"]
    assert list(untold.labels) == ["c1", "c3"]  # an age is not to be told from a number
    assert not any(label.telling for label in untold.labels.values())
    assert list(lied.labels) == ["sku"]
    assert not lied.labels["sku"].telling
    assert untold.table["c1"].equals(told.table["member_name"])
    assert pa.compute.equal(lied.table["sku"], told.table["member_name"]).null_count == (
        told.table["member_name"].null_count
    )


@pytest.mark.parametrize("module", sorted(OFFICIAL))
def test_official_numbers_are_valid(module: str) -> None:
    is_valid = importlib.import_module(f"stdnum.{module}").is_valid
    assert len(set(valid(module))) == len(valid(module)) >= 300
    assert all(map(is_valid, made(number(module), 100)))


def test_shapes() -> None:
    assert shaped(random.Random(1), "A-9").count("-") == 1
    date = shaped(random.Random(1), "yyyymmdd")
    assert 1945 <= int(date[:4]) <= 1999
    assert 1 <= int(date[4:6]) <= 12


def test_values_that_carry_a_check_digit_pass_it() -> None:
    assert all(map(luhn.is_valid, made(people.card)))
    assert all(map(is_imei, made(people.imei)))
    assert all(map(is_iban, made(people.iban("DE", 18))))
    assert all(map(isbn.is_valid, made(things.isbn)))
    assert all(map(vat.is_valid, made(things.vat)))
    assert all(_vin_check(value) for value in made(people.vin))


def _vin_check(vin: str) -> bool:
    worth = {c: i % 10 for i, c in enumerate("0123456789")}
    worth |= {"A": 1, "B": 2, "C": 3, "D": 4, "E": 5, "F": 6, "G": 7, "H": 8, "J": 1, "K": 2}
    worth |= {"L": 3, "M": 4, "N": 5, "P": 7, "R": 9, "S": 2, "T": 3, "U": 4, "V": 5, "W": 6}
    worth |= {"X": 7, "Y": 8, "Z": 9}
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    rest = sum(worth[c] * w for c, w in zip(vin, weights, strict=True)) % 11
    return vin[8] == ("X" if rest == 10 else str(rest))


@pytest.mark.parametrize("width", [9, 10, 11, 12, 13, 15, 16])
def test_digits_that_are_to_fail_the_luhn_test_fail_it(width: int) -> None:
    values = made(things.failing(width))
    assert all(len(value) == width and value.isdigit() for value in values)
    assert not any(map(luhn.is_valid, values))


def test_scripts_have_names_enough_and_keep_to_themselves() -> None:
    assert len(scripts.SCRIPTS) == 7
    for name, one in scripts.SCRIPTS.items():
        assert len(set(one.given)) >= 28, name
        assert len(set(one.family)) >= 28, name
        assert all((c.isascii() or name != "latin") or c.isalpha() for n in one.given for c in n)
        latin = [any("a" <= c.lower() <= "z" for c in n) for n in one.given]
        assert all(latin) if name == "latin" else not any(latin), name


@pytest.mark.parametrize(
    ("style", "written"),
    [
        ("snake", "birth_date"), ("camel", "birthDate"), ("upper", "BIRTH_DATE"),
        ("joined", "birthdate"), ("prefixed", "f_birth_date"),
    ],
)  # fmt: skip
def test_styles_of_names(style: str, written: str) -> None:
    assert styled("birth_date", style) == written
    assert styled("stay.birth_date", style) == f"stay.{written}"
    assert styled("生年月日", style) == "生年月日"


# ------------------------------------------------------------------------------------ scoring


def answer(family: str, got: str, *also: str, **more: object) -> Answer:
    label = Label(family, also=also, telling=bool(more.pop("telling", True)))
    return Answer("t", "p", label, (got,), **more)  # type: ignore[arg-type]  # by keyword


def test_precision_and_recall() -> None:
    answers = [
        answer("name", "name"), answer("name", "none"), answer("email", "phone"),
        answer("none", "card"), answer("none", "none"), answer("none", "none"),
        answer("none", "ip", "ip"),  # allowed: counts neither way
        answer("job", "none", "none"),  # likewise
        answer("family_tie", "name", "name"),
    ]  # fmt: skip
    assert scoring.counts(answers) == (2, 2, 2)
    found = scoring.score(answers)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert found.called_personal == 0.25
    families = scoring.by_family(answers)
    assert families["name"] == (2, 1.0, 0.5)
    assert families["card"][1] == 0.0
    assert "job" not in families


def test_untold_and_country() -> None:
    told = Answer("t", "p", Label("gov_id", "gov_id.uk|gov_id.gb"), ("gov_id",), "gov_id.gb.nino")
    wrong = Answer("t", "p", Label("gov_id", "gov_id.pl"), ("gov_id",), "gov_id.de.idnr")
    untold = [answer("name", "none", telling=False), answer("none", "none", telling=False)]
    found = scoring.score([told, wrong, *untold])
    assert (found.country, found.untold, found.untold_personal) == (0.5, 0.5, 0.0)


def test_a_peer_label_of_several_families_counts_as_the_right_one() -> None:
    one = Answer("t", "p", Label("postcode"), ("address", "postcode"))
    assert one.right
    assert one.got == "postcode"
    assert Answer("t", "p", Label("none"), ("address", "postcode")).got == "address"


def test_reliability() -> None:
    answers = [answer("name", "name", confidence=0.96)] * 3
    answers += [answer("name", "job", confidence=0.96), answer("ip", "ip", confidence=0.62)]
    answers += [answer("name", "none", confidence=0.0)]  # not called personal: no confidence
    bins, error = scoring.reliability(answers)
    assert [(b.low, b.count, b.right) for b in bins] == [(0.6, 1, 1.0), (0.95, 4, 0.75)]
    assert error == pytest.approx((0.38 + 4 * 0.21) / 5)
    svg = ElementTree.fromstring(scoring.picture(bins, error))
    assert len(svg.findall("{http://www.w3.org/2000/svg}circle")) == 2
