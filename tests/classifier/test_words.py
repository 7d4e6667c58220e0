"""Field names as real schemas of many countries write them, and names that must say nothing.

`field_names.toml` was written from how such tables are called, not from the catalogue's words.
"""

from __future__ import annotations

import random
import re
import tomllib
from pathlib import Path

import pyarrow as pa
import pytest

from leftopen.classifier import classify
from leftopen.classifier.catalogue import BY_ID
from leftopen.classifier.names import read

_HERE = Path(__file__).parent
_LISTED = tomllib.loads((_HERE / "field_names.toml").read_text(encoding="utf-8"))
_NOTHING = tomllib.loads((_HERE / "no_kind_names.toml").read_text(encoding="utf-8"))
_QUIET = [name for names in _NOTHING["silent"].values() for name in names.split()]
_SETTLED = _NOTHING["settled"]["names"].split()
_VAGUE = _NOTHING["vague"]["names"].split()
_WORDS = ("basic", "premium", "open", "closed", "pending", "shipped", "blue", "oak", "retail")


def families(path: str) -> set[str]:
    """The families that the path of a field names."""
    return {BY_ID[kind].family for kind in read(path).namings}


def test_the_list_is_wide() -> None:
    assert len(_LISTED) >= 45
    assert sum(len(languages) >= 12 for languages in _LISTED.values()) >= 45
    assert len({language for listed in _LISTED.values() for language in listed}) >= 24
    assert len(set(_QUIET)) >= 250


@pytest.mark.parametrize("family", sorted(_LISTED))
def test_a_name_says_its_family_in_every_language(family: str) -> None:
    missed = [
        (language, name)
        for language, names in _LISTED[family].items()
        for name in names.split()
        if family not in families(name)
    ]
    assert not missed


@pytest.mark.parametrize("form", ["t_user_base.f_{}", "data.person.{}", "people[].{}", "{}_2"])
def test_prefixes_paths_and_numbers_change_nothing(form: str) -> None:
    missed = [
        path
        for family, languages in _LISTED.items()
        for names in languages.values()
        for name in names.split()
        if family not in families(path := form.format(name))
    ]
    assert not missed


def test_upper_case_and_humps_change_nothing() -> None:
    missed = []
    for family, languages in _LISTED.items():
        for name in " ".join(languages.values()).split():
            if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name):
                continue
            first, *others = name.split("_")
            humps = first + "".join(part.title() for part in others)
            missed += [n for n in (name.upper(), humps) if family not in families(n)]
    assert not missed


@pytest.mark.parametrize("name", _QUIET)
def test_a_name_of_a_thing_says_nothing_clearly(name: str) -> None:
    reading = read(name)
    told = {n.word for n in reading.namings.values() if BY_ID[n.kind].family != "none"}
    clear = {n.word for n in reading.namings.values() if not n.weak}
    assert reading.thing or not told & clear


def _columns(make: str, names: list[str], rows: int, seed: int) -> dict[str, list[object]]:
    rng = random.Random(seed)

    def one() -> object:
        if make == "codes":
            return f"{rng.choice('ABCDEF')}{rng.choice('KLMXZ')}-{rng.randrange(100, 99999)}"
        if make == "words":
            return rng.choice(_WORDS)
        return rng.randrange(1, 4000) if make == "counts" else round(rng.uniform(0, 4000), 2)

    return {name: [one() for _ in range(rows)] for name in names}


@pytest.mark.parametrize("make", ["codes", "words", "counts", "amounts"])
@pytest.mark.parametrize("person", [False, True])
def test_plain_values_under_such_names_are_nobodys(make: str, person: bool) -> None:
    """Also in a table of customers, where an ambiguous word is believed sooner."""
    rows = 120
    beside: dict[str, list[object]] = {}
    if person:
        beside["customer_email"] = [f"a{i}.k@example{i % 9}.org" for i in range(rows)]
        beside["full_name"] = ["Anna Novak", "Luis Becker", "Petra Rossi"] * (rows // 3)
    names = sorted({*_QUIET, *_SETTLED} - set(_VAGUE))
    called = []
    for start in range(0, len(names), 60):
        columns = {**beside, **_columns(make, names[start : start + 60], rows, start)}
        profile = classify(pa.table(columns), name="app.customers" if person else "app.t_data")
        called += [
            (field.path, field.kind)
            for field in profile.fields.values()
            if field.path not in beside and field.family != "none"
        ]
    assert not called
