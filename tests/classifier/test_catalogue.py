"""The catalogue covers every family, agrees with the law's list and checks itself."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pydantic import ValidationError

from leftopen.classifier import catalogue
from leftopen.classifier.catalogue import KINDS, Catalogue, Kind
from leftopen.classifier.names import tokens
from leftopen.classifier.values import whole

FAMILIES = json.loads((Path(__file__).parents[1] / "data" / "families.json").read_text("utf-8"))


def test_every_family_has_a_kind_and_every_kind_a_family() -> None:
    assert {kind.family for kind in KINDS} | {"none"} == set(FAMILIES["families"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.id)
def test_kind_is_special_where_its_family_is(kind: Kind) -> None:
    assert kind.special == (kind.family in FAMILIES["special"])
    assert (kind.category == "art10") == (kind.family == "criminal")


PACKAGE = Path(catalogue.__file__).parent
SOURCES = "".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))


def counted(measure: str) -> bool:
    """Whether a module counts under this name: written out, or with a part filled in."""
    parts = measure.split(".")
    cuts = [(".".join(parts[:n]), ".".join(parts[n:])) for n in range(1, len(parts))]
    return f'"{measure}"' in SOURCES or any(
        f'f"{first}.{{' in SOURCES or (f'"{first}"' in SOURCES and f"}}.{last}" in SOURCES)
        for first, last in cuts
    )


@pytest.mark.parametrize("kind", [k for k in KINDS if k.measure], ids=lambda k: k.id)
def test_every_measure_is_counted(kind: Kind) -> None:
    # `face.seen` is no sum but what Faces found; a kind's own id counts its vocabulary
    own = {"face.seen", *(k.id for k in KINDS if k.evidenced and not k.measure)}
    assert kind.measure in own or counted(kind.measure)
    assert not counted("no.such.measure")


def test_every_pattern_compiles() -> None:
    for kind in KINDS:
        if kind.pattern:
            pc.match_substring_regex(pa.array(["x"]), whole(kind))


def test_words_are_said_in_many_languages_and_can_be_found() -> None:
    spoken = {language for kind in KINDS for language in kind.words}
    assert spoken >= {"en", "zh", "es", "pt", "fr", "de", "nl", "it", "ru", "tr", "id"}
    for kind in KINDS:
        for word in (w for words in kind.words.values() for w in words):
            assert tokens(word.removesuffix("?")), (kind.id, word)


ENTRY: dict[str, object] = {"id": "a", "family": "email", "says": "a", "types": ["text"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {},  # nothing is looked for
        {"pattern": "a", "measure": "lat"},
        {"pattern": "a", "check": "no_such", "chance": 0.1},
        {"pattern": "a", "check": "luhn"},  # without its chance
        {"named": 0.5, "alone": 0.5},
        {"pattern": "a", "chars": "consonants"},
        {"pattern": "a", "dpv": "Email"},
        {"pattern": "a", "colour": "red"},
        {"pattern": "a", "like": "nobody"},
    ],
)
def test_wrong_entry_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Catalogue.model_validate({"kind": [ENTRY | wrong]})


def test_kind_listed_twice_is_refused() -> None:
    good = ENTRY | {"pattern": "a"}
    assert Catalogue.model_validate({"kind": [good]}).kind[0].id == "a"
    with pytest.raises(ValidationError):
        Catalogue.model_validate({"kind": [good, good]})
