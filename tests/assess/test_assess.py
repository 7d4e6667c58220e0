"""From families of data to a rating: which category, which identifiers, which circumstances."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.assess import assess
from leftopen.assess.severity import ei
from leftopen.assess.tables import TABLES
from leftopen.model import (
    CollectionProfile,
    FieldProfile,
    People,
    Severity,
    Vantage,
    Verdict,
)
from tests.assess.profiles import collection, field, profile, service

DATA = Path(__file__).parents[1] / "data"
FAMILIES = json.loads((DATA / "families.json").read_text())["families"]


def rate(*collections: CollectionProfile, vantage: Vantage = Vantage.PUBLIC) -> Severity:
    return assess(service(vantage), profile(*collections)).severity


def told(rated: Severity, start: str) -> str:
    [reason] = [r for r in rated.reasons if r.startswith(start)]
    return reason


def test_every_family_has_a_category_and_a_word() -> None:
    assert set(TABLES.category_of) == set(FAMILIES)
    assert set(TABLES.words) >= set(FAMILIES) - {"none"}
    named = {f for rule in TABLES.rules for f in (*rule.all, *rule.any, *rule.with_)}
    assert named <= set(TABLES.words)
    kinds_of_name = {"full_name", "part_name", "whole_birth_date"}
    assert named <= set(FAMILIES) | kinds_of_name
    assert TABLES.signs["life"] | TABLES.signs["person"] <= set(FAMILIES)


@pytest.mark.parametrize(
    ("kinds", "dpc", "says"),
    [
        ({"who": "name.full", "tel": "phone"}, 1, "simple data (ENISA A2, base 1)"),
        ({"who": "name.full", "own": "housing"}, 2, "housing is simple data"),
        ({"e": "education", "j": "job", "f": "family_tie"}, 2, "base 1), +1: a profile"),
        ({"j": "job", "f": "family_tie"}, 1, "base 1)"),
        ({"at": "gps"}, 2, "coordinates are behavioural data (ENISA A2, base 2)"),
        ({"at": "location_trace"}, 3, "location trace is behavioural data (ENISA A2, base 2), +1"),
        ({"text": "free_text"}, 2, "free text is behavioural"),
        ({"ip": "ip"}, 1, "IP address without a record of activity is behavioural"),
        ({"ip": "ip", "url": "none"}, 2, "what people did"),
        ({"mail": "email", "last_order_item": "none"}, 2, "what people did"),
        ({"url": "none", "place": "locality"}, 1, "place of residence is simple"),
        ({"sum": "finance"}, 3, "income or balance is financial data (ENISA A2, base 3)"),
        ({"score": "welfare"}, 3, "financial data (ENISA A2, base 3)"),
        ({"iban": "bank.iban"}, 2, "base 3), -1"),
        ({"iban": "bank.iban", "sum": "finance"}, 3, "income or balance is financial"),
        ({"n": "card.pan", "exp": "card.expiry"}, 4, "payment card number with its expiry"),
        ({"n": "card.pan"}, 3, "a payment card number is financial data"),
        ({"exp": "card.expiry"}, 2, "a part of payment card data"),
        ({"s": "finance", "e": "education", "j": "job", "h": "housing"}, 4, "beside education"),
        ({"x": "ethnicity"}, 4, "ethnic origin is sensitive data (ENISA A2, base 4)"),
        ({"x": "criminal"}, 4, "Art. 10"),
        ({"x": "iris"}, 4, "biometric data, GDPR Art. 9"),
        ({"x": "place_label"}, 3, "base 4), -1: lets sensitive information be assumed"),
        ({"x": "face_image"}, 3, "face picture is sensitive data (ENISA A2, base 4), -1"),
        ({"x": "secret"}, 2, "scores by the data they open"),
        ({"x": "secret", "y": "health"}, 4, "health data is sensitive"),
        ({"x": "gov_id"}, 1, "ID number is simple data"),
    ],
)
def test_the_category(kinds: dict[str, str], dpc: int, says: str) -> None:
    rated = rate(collection(**kinds))
    assert rated.dpc == dpc
    assert says in told(rated, f"DPC {dpc}:")


def test_a_trace_beside_special_data_is_a_profile_based_on_it() -> None:
    trace = field("seen", "location_trace")
    photo = field("photo", "face_image")
    rated = rate(CollectionProfile("c", 1, 1, 1, (trace, photo)))
    assert rated.dpc == 4
    assert "a location trace beside face picture" in told(rated, "DPC 4:")


def test_a_trace_that_is_special_by_inference_does_not_stand_beside_itself() -> None:
    trace = field("seen", "location_trace", special=True)
    assert rate(CollectionProfile("c", 1, 1, 1, (trace,))).dpc == 3


@pytest.mark.parametrize(("kind", "says"), [("email", "address is simple"), ("gps", "ates are ")])
def test_one_family_alone_has_its_verb(kind: str, says: str) -> None:
    rated = rate(collection(x=kind))
    assert says in told(rated, "DPC")


def test_a_picture_not_marked_as_special_is_simple_data() -> None:
    picture = field("avatar", "face_image", special=False)
    rated = rate(CollectionProfile("c", 1, 1, 1, (picture,)))
    assert "face picture is simple data" in told(rated, "DPC 1:")


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("name.full birth_date email", 1),
        ("name.full birth_date address", 1),
        ("name.full birth_date phone", 1),
        ("name.given.common name.family birth.date.unnamed email", 1),
        ("name.full birth.year phone", 0.75),
        ("name.full birth.place", 0.25),
        ("gov_id.es.dni name.full", 1),
        ("gov_id face_image", 1),
        ("name.full email", 1),
        ("name.full username", 1),
        ("name.full address phone", 1),
        ("face_image gps", 1),
        ("face_embedding location_trace", 1),
        ("gov_id address", 0.75),
        ("gov_id email", 0.75),
        ("gov_id name.given", 0.25),
        ("name.full birth_date", 0.75),
        ("name.full address", 0.75),
        ("email", 0.75),
        ("face_image", 0.75),
        ("face_embedding person_id", 0.75),
        ("location_trace person_id", 0.75),
        ("name.given phone", 0.75),
        ("name.full locality", 0.5),
        ("name.full", 0.25),
        ("name", 0.25),
        ("name.given", 0.25),
        ("gov_id", 0.25),
        ("phone", 0.25),
        ("address", 0.25),
        ("location_trace", 0.25),
        ("person_id", 0.25),
        ("username ip device_id", 0.25),
        ("health", 0.25),
    ],
)
def test_identification(kinds: str, expected: float) -> None:
    fields = tuple(field(f"f{n}", kind) for n, kind in enumerate(kinds.split()))
    rated = rate(CollectionProfile("c", 1, 1, 1, fields))
    assert rated.ei == expected
    assert told(rated, f"EI {expected:g}:")


def test_reasons_name_what_stands_together() -> None:
    rated = rate(collection(n="name.full", b="birth_date", m="email", g="gov_id"))
    assert told(rated, "EI 1:").startswith("EI 1: full name, birth date and e-mail address stand")


PEOPLE = collection("db.people", person_id="person_id", who="name.full", born="birth_date")
LABS = collection("db.labs", result="health", unit="none")


def test_collections_that_nothing_links_are_rated_apart() -> None:
    rated = rate(PEOPLE, LABS)
    # people: 1 x 1 (name and number); labs: 4 x 0.25
    assert (rated.dpc, rated.ei, rated.se) == (4, 0.25, 1.5)
    assert any("2 sets of collections" in reason for reason in rated.reasons)


def test_a_deeper_set_that_counts_less_is_told() -> None:
    named = collection("db.n", n="name.full", m="email", s="finance")
    rated = rate(named, LABS)
    assert (rated.dpc, rated.ei) == (3, 1)
    assert any("Another set holds sensitive data (DPC 4)" in reason for reason in rated.reasons)


@pytest.mark.parametrize(
    ("path", "kind", "other_path", "other_kind", "linked"),
    [
        ("person_id", "person_id", "personId", "person_id", True),
        ("person_id", "person_id", "patient_no", "person_id", False),
        ("id", "person_id", "id", "person_id", False),
        ("card_id", "gov_id.cn.ric", "national.id", "gov_id.cn.ric", True),
        ("a", "gov_id.cn.ric", "b", "gov_id.es.dni", False),
        ("a", "gov_id.us.ssn", "b", "gov_id.us.ssn.dashed", True),
        ("a", "phone", "b", "phone.cn", True),
        ("mail", "email", "contact", "email", True),
        ("town", "locality", "town", "locality", False),
    ],
)
def test_a_persons_key_links_collections(
    path: str, kind: str, other_path: str, other_kind: str, linked: bool
) -> None:
    people = (field(path, kind), field("who", "name.full"), field("born", "birth_date"))
    labs = (field(other_path, other_kind), field("result", "health"))
    rated = rate(
        CollectionProfile("people", 9, 9, 9, people), CollectionProfile("labs", 9, 9, 9, labs)
    )
    together = any("sets of collections" in reason for reason in rated.reasons) is False
    assert together is linked
    assert (rated.dpc * rated.ei >= 3) is linked


def test_links_reach_over_several_collections_and_the_reason_says_so() -> None:
    rated = rate(
        collection("a", person_id="person_id", at="location_trace"),
        collection("b", person_id="person_id", mail="email"),
        collection("c", contact="email", who="name.full", born="birth_date"),
    )
    assert (rated.dpc, rated.ei) == (3, 1)
    assert "stand together" in told(rated, "EI 1:")
    apart = rate(
        collection("a", person_id="person_id", mail="email"),
        collection("b", person_id="person_id", who="name.full"),
    )
    assert "linked by person number" in told(apart, "EI 1:")


@pytest.mark.parametrize(
    ("people", "says"),
    [
        (People(2_570_000, 2_560_000, 2_570_000, "m"), "about 2,570,000 people: more than 100"),
        (People(110, 101, 120, "m"), "about 110 people: more than 100 individuals (ENISA flag)"),
        (People(9_000, 105, 90_000, "m"), "between 105 and 90,000 people: more than 100"),
        (People(110, 100, 120, "m"), ""),
        (People(1_000_000, 0, 2_000_000, "m"), ""),
        (People(10, 0, 10, "m", few=True), ""),
        (None, ""),
    ],
)
def test_more_than_a_hundred_people_raise_a_flag_and_change_no_score(
    people: People | None, says: str
) -> None:
    held = profile(collection(who="name.full", tel="phone"))
    without = assess(service(), held).severity
    rated = assess(service(), replace(held, people=people)).severity
    assert (rated.flags == ("gt_100",)) == bool(says)
    assert says in " ".join(rated.reasons)
    assert ("ENISA flag" in " ".join(rated.reasons)) == bool(says)
    assert (rated.se, rated.band) == (without.se, without.band)


@pytest.mark.parametrize(
    ("vantage", "cb", "says"),
    [
        (Vantage.PUBLIC, 0.5, "it answered at a public address"),
        (Vantage.PRIVATE, 0.25, "it answered at a private address"),
        (Vantage.LOOPBACK, 0.25, "it answered at a loopback address"),
    ],
)
def test_the_vantage_decides_the_circumstances(vantage: Vantage, cb: float, says: str) -> None:
    rated = rate(collection(n="name.full", m="email", x="health"), vantage=vantage)
    assert (rated.cb, rated.se) == (cb, 4 + cb)
    reason = told(rated, f"CB {cb:g}:")
    assert says in reason
    assert ("from the internet it would be 0.5 and SE 4.50 (very high)" in reason) is (cb == 0.25)


def test_a_band_can_hang_on_the_vantage() -> None:
    shop = collection(mail="email", cart="none")  # 2 x 0.75
    assert rate(shop, vantage=Vantage.LOOPBACK).band == "low"
    assert rate(shop, vantage=Vantage.PUBLIC).band == "medium"


def test_without_personal_data_only_the_circumstances_are_left() -> None:
    rated = rate(collection(a="none", b="none"), collection("other", c="none"))
    assert (rated.dpc, rated.ei, rated.se, rated.band) == (0, 0, 0.5, "low")
    assert "200 records looked at, in 2 collections;" in told(rated, "DPC 0:")
    assert "outside ENISA's 1 to 4" in told(rated, "DPC 0:")
    assert "leftopen's own" in told(rated, "EI 0:")


def test_weak_evidence_does_not_count_but_is_told() -> None:
    fields = (field("a", "health", 0.49), field("b", "email", 0.5))
    rated = rate(CollectionProfile("c", 9, 9, 9, fields))
    assert (rated.dpc, rated.ei) == (1, 0.75)
    assert any("below 0.5: health data" in reason for reason in rated.reasons)
    assert "[found with confidence 0.50]" in told(rated, "DPC 1:")
    assert "[found with confidence 0.50]" in told(rated, "EI 0.75:")


def test_limits_are_told() -> None:
    partial = assess(service(verdict=Verdict.OPEN_PARTIAL), profile(PEOPLE, complete=False))
    assert any("rests on what it lists" in reason for reason in partial.severity.reasons)
    assert any("ended before" in reason for reason in partial.severity.reasons)
    whole = assess(service(), profile(PEOPLE))
    assert not any("rests on what it lists" in reason for reason in whole.severity.reasons)
    assert not any("ended before" in reason for reason in whole.severity.reasons)


def test_an_empty_or_partial_store_is_rated_too() -> None:
    rated = assess(service(verdict=Verdict.OPEN_PARTIAL), profile()).severity
    assert (rated.se, rated.band, rated.flags) == (0.5, "low", ())
    assert "no record could be looked at" in told(rated, "DPC 0:")


_FIELDS = st.builds(
    FieldProfile,
    path=st.text(max_size=40),
    kind=st.sampled_from(sorted(FAMILIES)),
    family=st.sampled_from([*sorted(FAMILIES), "of_a_plugin"]),
    special=st.booleans(),
    confidence=st.floats(0, 1),
    share=st.floats(0, 1),
    values=st.integers(0, 1_000),
)
_COLLECTIONS = st.builds(
    CollectionProfile,
    name=st.text(max_size=20),
    records=st.none(),
    bytes=st.none(),
    sampled=st.integers(0, 200),
    fields=st.lists(_FIELDS, max_size=8).map(tuple),
)


@given(st.lists(_COLLECTIONS, max_size=6), st.sampled_from(list(Vantage)))
def test_any_profile_is_rated_within_the_method(
    collections: list[CollectionProfile], vantage: Vantage
) -> None:
    rated = rate(*collections, vantage=vantage)
    assert rated.se == rated.dpc * rated.ei + rated.cb
    values = {ei([(i, c)]) for i, held in TABLES.ei.items() for c in held}
    assert rated.ei in values | {0}
    assert rated.flags == ()
    assert [r.split(" ")[0] for r in rated.reasons].count("CB") == 1


@given(st.lists(_COLLECTIONS, max_size=4), _COLLECTIONS)
def test_more_data_never_makes_it_milder(
    collections: list[CollectionProfile], more: CollectionProfile
) -> None:
    assert rate(*collections, more).se >= rate(*collections).se


def test_no_server_text_in_any_reason() -> None:
    named = collection("db.CANARY", CANARY_mail="email", CANARY_item="none", CANARY_h="health")
    assert not any("CANARY" in reason for reason in rate(named).reasons)
