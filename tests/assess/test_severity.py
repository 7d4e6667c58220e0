"""Every row of ENISA's annexes, and the composed ones, through leftopen's own tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.assess.severity import Context, band, cb, credentials, dpc, ei, highest, severity
from leftopen.assess.tables import CATEGORIES, TABLES, Category

FACTS = json.loads((Path(__file__).parents[1] / "data" / "enisa.json").read_text())


def _rows(kind: str) -> list[Any]:
    rows = [r for r in FACTS["examples"] + FACTS["composed"] if r["kind"] == kind]
    return [pytest.param(row, id=row["id"]) for row in rows]


# What the credentials of each row open, read from its description.
OPENED: dict[str, tuple[Category, int]] = {
    "DPC-49": ("simple", 0),  # a music account
    "DPC-50": ("behavioural", 0),  # past shopping lists
    "DPC-51": ("behavioural", 1),  # social media: a detailed profile
    "DPC-52": ("financial", 0),  # the tax system
    "DPC-53": ("financial", 1),  # online banking with transfers: fraud
    "DPC-54": ("sensitive", 0),  # sexual preferences
}

# Which criterion of leftopen's table each row of Annex 2 is.
CRITERIA = {
    "EI-01": ("full_name", "many_share"),
    "EI-02": ("full_name", "few_share"),
    "EI-03": ("full_name", "hardly_shared"),
    "EI-04": ("full_name", "with_birth_date_and_email"),
    "EI-05": ("id_number", "alone"),
    "EI-06": ("id_number", "reveals_more_and_linked"),
    "EI-07": ("id_number", "with_reference_data"),
    "EI-08": ("phone_or_address", "not_in_register"),
    "EI-09": ("phone_or_address", "small_city"),
    "EI-10": ("phone_or_address", "in_public_register"),
    "EI-11": ("email", "not_searchable"),
    "EI-12": ("email", "searchable"),
    "EI-13": ("email", "name_and_searchable"),
    "EI-14": ("picture", "vague"),
    "EI-15": ("picture", "vague_with_more"),
    "EI-16": ("picture", "clear"),
    "EI-17": ("picture", "clear_with_more"),
    "EI-18": ("code", "no_reference"),
    "EI-19": ("code", "some_data_linked"),
    "EI-20": ("code", "name_or_reference"),
}

LEVELS = {
    "CB-01": ("confidentiality", "no_evidence"),
    "CB-02": ("confidentiality", "known_recipients"),
    "CB-03": ("confidentiality", "unknown_recipients"),
    "CB-04": ("integrity", "restored_before_use"),
    "CB-05": ("integrity", "recoverable"),
    "CB-06": ("integrity", "not_recoverable"),
    "CB-07": ("availability", "copies_exist"),
    "CB-08": ("availability", "temporary"),
    "CB-09": ("availability", "lost"),
    "CB-10": ("malicious_intent", "none"),
    "CB-11": ("malicious_intent", "intentional"),
}


def _context(row: dict[str, Any]) -> Context:
    """The row scored by leftopen's table: its category, changed as the row's base tells."""
    if row["category"] == "credentials":
        category, adjustment = OPENED[row["id"]]
        return credentials([dpc(category, adjustment, row["description"])])
    return dpc(row["category"], row["dpc"] - row["base"], row["reason"])


@pytest.mark.parametrize("row", _rows("annex1_dpc"))
def test_data_processing_context(row: dict[str, Any]) -> None:
    context = _context(row)
    assert context.score == row["dpc"]
    if row["category"] != "credentials":
        own = TABLES.dpc[row["category"]]
        assert own.base == row["base"]
        assert context.adjustment in (0, *own.adjustments)


@pytest.mark.parametrize("row", _rows("annex2_ei"))
def test_ease_of_identification(row: dict[str, Any]) -> None:
    assert ei([CRITERIA[row["id"]]]) == row["ei"]


@pytest.mark.parametrize("row", _rows("annex3_cb"))
def test_circumstances(row: dict[str, Any]) -> None:
    element, level = LEVELS[row["id"]]
    assert element == row["element"]
    assert cb(element, level) == row["cb"]


def test_no_row_is_left_out_and_no_criterion_is_of_our_making() -> None:
    kinds = {row["kind"] for row in FACTS["examples"] + FACTS["composed"]}
    assert kinds == {"annex1_dpc", "annex2_ei", "annex3_cb", "composed_by_us"}
    assert set(CRITERIA.values()) == {(i, c) for i, held in TABLES.ei.items() for c in held}
    assert set(LEVELS.values()) == {(e, lvl) for e, held in TABLES.cb.items() for lvl in held}


@pytest.mark.parametrize("row", _rows("composed_by_us"))
def test_composed(row: dict[str, Any]) -> None:
    people = 101 if "gt_100" in row["flags"] else 100
    rated = severity(row["dpc"], row["ei"], row["cb_elements"], people=people)
    assert (rated.se, rated.band, rated.cb) == (row["se"], row["band"], row["cb"])
    assert list(rated.flags) == row["flags"]


@pytest.mark.parametrize("row", [r for r in _rows("composed_by_us") if r.values[0]["from_annex"]])
def test_composed_from_the_rows_it_names(row: dict[str, Any]) -> None:
    """The same score from leftopen's tables alone: category, criterion and level, no number."""
    known = {r["id"]: r for r in FACTS["examples"]}
    names = row["from_annex"]
    context = highest(_context(known[n]) for n in names if n.startswith("DPC"))
    identified = ei(CRITERIA[n] for n in names if n.startswith("EI"))
    elements = {LEVELS[n][0]: cb(*LEVELS[n]) for n in names if n.startswith("CB")}
    rated = severity(context.score, identified, elements)
    assert (rated.se, rated.band) == (row["se"], row["band"])


def test_permitted_changes_are_those_of_the_facts() -> None:
    for category in CATEGORIES:
        told = FACTS["dpc_adjustments"][category]
        assert TABLES.dpc[category].base == told["base"]
        assert set(TABLES.dpc[category].adjustments) == {int(k) for k in told if k != "base"}


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("adjustment", range(-5, 6))
def test_a_change_outside_the_table_is_refused(category: Category, adjustment: int) -> None:
    if adjustment == 0 or adjustment in TABLES.dpc[category].adjustments:
        assert 1 <= dpc(category, adjustment, "because").score <= 4
    else:
        with pytest.raises(ValueError, match="may not be changed"):
            dpc(category, adjustment, "because")


@pytest.mark.parametrize("silence", ["", "  \n"])
def test_a_change_without_its_explanation_is_refused(silence: str) -> None:
    with pytest.raises(ValueError, match="explanation"):
        dpc("simple", 1, silence)


def test_of_several_categories_the_highest_counts() -> None:
    contexts = [dpc("simple"), dpc("financial"), dpc("behavioural", 1, "a year of it")]
    assert highest(contexts).category == "financial"
    with pytest.raises(ValueError, match="empty"):
        highest([])


def test_of_several_identifiers_the_maximum_counts() -> None:
    assert ei([("code", "no_reference"), ("email", "searchable")]) == 0.75
    with pytest.raises(KeyError):
        ei([("email", "guessed")])


@pytest.mark.parametrize(
    ("se", "name"),
    [
        (0.0, "low"), (1.9999, "low"), (2.0, "medium"), (2.9999, "medium"), (3.0, "high"),
        (3.9999, "high"), (4.0, "very_high"), (6.0, "very_high"),
    ],
)  # fmt: skip
def test_a_bound_belongs_to_the_band_above_it(se: float, name: str) -> None:
    assert band(se) == name


@pytest.mark.parametrize(("people", "flags"), [(None, ()), (100, ()), (101, ("gt_100",))])
def test_flags_leave_the_score_as_it_is(people: int | None, flags: tuple[str, ...]) -> None:
    plain = severity(2, 0.5, {})
    flagged = severity(2, 0.5, {}, people=people, unintelligible=True)
    assert flagged.flags == (*flags, "unintelligible")
    assert (flagged.se, flagged.band) == (plain.se, plain.band)


@pytest.mark.parametrize(
    ("context", "identified", "elements"),
    [
        (5, 1, {}), (1.5, 1, {}), (1, 0.3, {}), (1, 1.25, {}), (0, 1, {}), (1, 0, {}),
        (1, 1, {"confidentiality": 0.4}), (1, 1, {"malicious_intent": 0.25}), (1, 1, {"luck": 0}),
    ],
)  # fmt: skip
def test_scores_the_method_does_not_know_are_refused(
    context: float, identified: float, elements: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match=r"no|0 together"):
        severity(context, identified, elements)


_ELEMENTS = st.fixed_dictionaries(
    {}, optional={e: st.sampled_from(sorted(held.values())) for e, held in TABLES.cb.items()}
)


@given(
    context=st.integers(1, 4), identified=st.sampled_from([0.25, 0.5, 0.75, 1]), elements=_ELEMENTS
)
def test_the_formula(context: int, identified: float, elements: dict[str, float]) -> None:
    rated = severity(context, identified, elements)
    assert rated.se == context * identified + sum(elements.values())
    assert 0.25 <= rated.se <= 6
    bounds = {"low": (0, 2), "medium": (2, 3), "high": (3, 4), "very_high": (4, 7)}
    low, high = bounds[rated.band]
    assert low <= rated.se < high
