"""Shares of groups: one count a person, public labels, OpenDP's noise (R19)."""

from __future__ import annotations

import math
import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.classifier.catalogue import BY_ID, KINDS
from leftopen.measure import composition, vocabulary
from leftopen.measure.composition import OTHER, Composing, of_store
from leftopen.measure.vocabulary import of_kind
from leftopen.model import Composition, FieldProfile


def field(path: str, kind: str, confidence: float = 0.9) -> FieldProfile:
    known = BY_ID[kind]
    return FieldProfile(path, kind, known.family, known.special, confidence, 1.0, 100)


FIELDS = {f.path: f for f in (field("email", "email"), field("faith", "religion"))}


def people(faiths: Sequence[object], emails: Sequence[str | None] | None = None) -> pa.RecordBatch:
    emails = emails or [f"p{n}@example.org" for n in range(len(faiths))]
    return pa.RecordBatch.from_pydict({"email": list(emails), "faith": list(faiths)})


def counted(*batches: pa.RecordBatch, fields: dict[str, FieldProfile] = FIELDS) -> dict[str, int]:
    """People by label, `people` for all, of the first field."""
    (one,) = Composing("town.people", fields, batches).counted
    named = dict(zip((*one.vocabulary.labels, "people"), one.counts, strict=True))
    return {label: count for label, count in named.items() if count}


# --- counting people ------------------------------------------------------------------------------


def test_a_person_counts_once_in_a_field() -> None:
    batch = people(["Sunni", "hindu", "HINDU", None], ["a@x.org", "b@x.org", "b@x.org", "c@x.org"])
    again = people(["hindu", "Sikh"], ["a@x.org", "d@x.org"])
    assert counted(batch, again) == {"Muslim, Sunni": 1, "Hindu": 1, "Sikh": 1, "people": 3}


def test_rows_without_a_key_count_each() -> None:
    assert counted(people(["hindu"] * 3, [None, None, "a@x.org"])) == {"Hindu": 3, "people": 3}
    only = {"faith": FIELDS["faith"]}
    assert counted(people(["hindu"] * 3), fields=only) == {"Hindu": 3, "people": 3}


def test_a_value_of_no_public_list_is_only_a_person() -> None:
    batch = people(["Zanzi Quibcanary", "x" * 10_000, "hindu, as his mother"])
    assert counted(batch) == {"people": 3}


def test_lists_count_for_their_first_value() -> None:
    faiths = pa.array([["hindu", "sikh"], [None, "jain"], [], None])
    batch = pa.RecordBatch.from_arrays([pa.array(["a", "b", "c", "d"]), faiths], ["email", "faith"])
    assert counted(batch) == {"Hindu": 1, "Jain": 1, "people": 2}


@pytest.mark.parametrize(
    "column",
    [
        pa.array([{"a": 1}] * 3),
        pa.array([b"\xff\xfe"] * 3),
        pa.array([[["hindu"]], None, [[]]]),
        pa.nulls(3),
        pa.array([1, 2, None]),
        pa.array(["hindu", "sikh", None]).dictionary_encode(),
        pa.array([float("nan"), math.inf, 0.0]),
    ],
    ids=["struct", "binary", "lists", "null", "integer", "dictionary", "real"],
)
def test_any_type_is_taken(column: pa.Array) -> None:
    batch = pa.RecordBatch.from_arrays([column, column], ["email", "faith"])
    assert counted(batch).get("people", 0) <= 3


def test_a_path_that_is_not_there_or_twice_counts_nobody() -> None:
    twice = pa.RecordBatch.from_arrays([pa.array(["hindu"])] * 2, ["faith", "faith"])
    other = pa.RecordBatch.from_pydict({"x": [1]})
    assert counted(twice, other, people(["hindu"])) == {"Hindu": 1, "people": 1}


@pytest.mark.parametrize(
    "other",
    [field("faith", "religion", 0.4), field("faith", "gender"), field("faith", "health.vital")],
    ids=["doubtful", "not special", "no public list"],
)
def test_other_fields_are_not_told(other: FieldProfile) -> None:
    composing = Composing("people", {"faith": other}, [people(["hindu"] * 50)])
    assert composing.counted == []
    assert of_store([composing], epsilon=1.0, threshold=10) == ()


def test_nothing_of_a_batch_is_kept() -> None:
    composing = Composing("people", FIELDS, [people(["Cult of Zanzi"] * 50)])
    assert "Zanzi" not in repr(vars(composing))
    assert "p1@example" not in repr(vars(composing))


# --- what is released -----------------------------------------------------------------------------


def released(faiths: Sequence[object], epsilon: float = 1.0, threshold: int = 10) -> Composition:
    composing = Composing("town.people", FIELDS, [people(faiths)])
    (one,) = of_store([composing], epsilon=epsilon, threshold=threshold)
    return one


def test_a_release_says_what_it_is() -> None:
    one = released(["hindu"] * 3_000 + ["sunni"] * 1_000 + ["Cult of Zanzi"] * 1_000)
    assert (one.field, one.kind) == ("town.people.faith", "religion")
    assert (one.mechanism, one.epsilon) == ("discrete Laplace, scale 2", 1.0)
    shares = {share.label: share.share for share in one.shares}
    assert set(shares) == {"Hindu", "Muslim, Sunni", OTHER}
    for label, share in (("Hindu", 0.6), ("Muslim, Sunni", 0.2), (OTHER, 0.2)):
        assert shares[label] == pytest.approx(share, abs=0.011)


def test_names_of_fields_are_generalised() -> None:
    path = "faith of ann.lee@velmora.example"
    fields = {path: field(path, "religion")}
    batch = pa.RecordBatch.from_pydict({path: ["hindu"] * 50})
    (one,) = of_store(
        [Composing("bob.ray@velmora.example", fields, [batch])], epsilon=1.0, threshold=10
    )
    assert one.field == "<email>.faith of <email>"


@given(st.integers(0, 9))
def test_too_few_people_are_never_told(count: int) -> None:
    composing = Composing("town.people", FIELDS, [people(["hindu"] * count)])
    assert of_store([composing], epsilon=1.0, threshold=10) == ()


@pytest.mark.parametrize("epsilon", [0.0, -1.0])
def test_without_epsilon_there_is_nothing(epsilon: float) -> None:
    composing = Composing("town.people", FIELDS, [people(["hindu"] * 500)])
    assert of_store([composing], epsilon=epsilon, threshold=10) == ()


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_epsilon_is_shared_by_the_fields(number: int) -> None:
    fields = {f"faith{n}": field(f"faith{n}", "religion") for n in range(number)}
    batch = pa.RecordBatch.from_pydict({name: ["hindu"] * 5_000 for name in fields})
    all_ = of_store([Composing("t", fields, [batch])], epsilon=1.0, threshold=10)
    assert len(all_) == number
    assert sum(one.epsilon for one in all_) == pytest.approx(1.0)
    assert {one.mechanism for one in all_} == {f"discrete Laplace, scale {2 * number}"}


def test_small_groups_go_into_others() -> None:
    few = ["sikh"] * 4 + ["jain"] * 4
    one = released(["hindu"] * 400 + few + ["Cult of Zanzi"] * 60, epsilon=8.0)
    assert [share.label for share in one.shares] == ["Hindu", OTHER]


def test_noise_alone_makes_no_group() -> None:
    """Of 200 releases with a hundred empty labels each, hardly any tells of one of them."""
    fields = {"party": field("party", "politics")}
    batch = pa.RecordBatch.from_pydict({"party": ["SPD"] * 300})
    composing = Composing("t", fields, [batch])
    false = 0
    for _ in range(200):
        (one,) = of_store([composing], epsilon=0.5, threshold=10)
        false += any(s.label not in ("SPD (Germany)", OTHER) for s in one.shares)
        assert one.threshold > 10
    assert false <= 24  # 5 % of 200 and four standard deviations


# --- the mechanism (R19) --------------------------------------------------------------------------


def noise(epsilon: float, rounds: int) -> list[int]:
    """What OpenDP adds to counts, as a release draws it."""
    _, measure = composition.mechanism(epsilon)
    found: list[int] = []
    for _ in range(rounds):
        found += [value - 1_000 for value in measure([1_000] * 50)]
    return found


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_the_noise_is_the_discrete_laplace_of_its_scale(epsilon: float) -> None:
    drawn, scale = noise(epsilon, 200), 2 / epsilon
    ratio = math.exp(-1 / scale)
    variance = 2 * ratio / (1 - ratio) ** 2
    assert abs(statistics.fmean(drawn)) < 5 * math.sqrt(variance / len(drawn))
    assert statistics.pvariance(drawn) == pytest.approx(variance, rel=0.15)
    for distance in range(4):
        expected = (1 - ratio) / (1 + ratio) * ratio**distance
        share = sum(value == distance for value in drawn) / len(drawn)
        assert share == pytest.approx(expected, abs=5 * math.sqrt(expected / len(drawn)))


@given(st.floats(0.01, 10))
def test_the_library_vouches_for_epsilon(epsilon: float) -> None:
    scale, measure = composition.mechanism(epsilon)
    assert measure.map(2) <= epsilon  # type: ignore[no-untyped-call]
    assert scale == pytest.approx(2 / epsilon)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["hindu"], ["sikh"]),
        (["hindu"], []),
        (["hindu"], ["Cult of Zanzi"]),
        (["hindu"], [None]),
        (["Cult of Zanzi"], []),
    ],
)
def test_one_person_changes_two_counts_by_one(
    before: list[str | None], after: list[str | None]
) -> None:
    """What the mechanism is told of neighbours holds of what is counted."""
    rest: list[str] = ["hindu"] * 20 + ["jain"] * 20
    counts = [
        Composing("t", {"faith": FIELDS["faith"]}, [people([*rest, *one])]).counted[0].counts
        for one in (before, after)
    ]
    assert sum(abs(a - b) for a, b in zip(*counts, strict=True)) <= 2


def test_neighbours_cannot_be_told_apart() -> None:
    """The probability of any outcome changes by a factor of e^epsilon at the most."""
    _, measure = composition.mechanism(1.0)
    rounds = 6_000
    one = [tuple(measure([5, 5])) for _ in range(rounds)]
    other = [tuple(measure([4, 6])) for _ in range(rounds)]
    for outcome in set(one) | set(other):
        many, few = sorted((one.count(outcome), other.count(outcome)), reverse=True)
        if many > 100:
            assert many <= math.e * few + 5 * math.sqrt(math.e**2 * few + many)


def test_it_runs_in_the_memory_of_the_sampling_process() -> None:
    from leftopen.worker import MEMORY

    code = """
import pyarrow as pa
from leftopen.measure.composition import Composing, of_store
from leftopen.model import FieldProfile
field = FieldProfile("faith", "religion", "religion", True, 0.9, 1.0, 100)
batch = pa.RecordBatch.from_pydict({"faith": ["hindu"] * 100})
assert of_store([Composing("t", {"faith": field}, [batch])], epsilon=1.0, threshold=10)
"""
    limit = (resource.RLIMIT_DATA, (MEMORY, MEMORY))
    ran = subprocess.run(
        [sys.executable, "-c", f"import resource; resource.setrlimit{limit}\n{code}"],
        check=False,
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr


# --- the public lists -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "label"),
    [
        ("religion", "Roman Catholic", "Catholic"),
        ("religion", "röm.-kath.", "Catholic"),
        ("religion", "ISLAM", "Muslim, other or not told"),
        ("religion", " Шиизм ", None),
        ("ethnicity.group", "维吾尔族", "Uyghur"),
        ("ethnicity", "UG", "Uyghur"),
        ("ethnicity.race", "Black or African-American", "Black"),
        ("ethnicity", "Any other White background", "White"),
        ("politics", "中共党员", "Communist Party of China, member"),
        ("politics", "Republican", "Republican Party (USA)"),
        ("sexuality", "Straight / Heterosexual", "straight or heterosexual"),
        ("sexuality", True, "yes"),
        ("trade_union.name", "IG Metall", "a union of the DGB (Germany)"),
        ("trade_union", "No", "no"),
        ("health.icd10", "E11.9", "IV: endocrine, nutritional and metabolic"),
        ("health.icd10", "f32", "V: mental and behavioural"),
        ("health.icd10", "D49", "II: neoplasms"),
        ("health.icd10", "D50.0", "III: blood and immunity"),
        ("health.icd10", "H60", "VIII: ear"),
        ("health.icd10", "E99", None),
        ("health.condition", "Type 2 Diabetes", "IV: endocrine, nutritional and metabolic"),
        ("health.atc", "N02BE01", "N: nervous system"),
        ("health.blood_group", "0 Rh (+)", "O positive"),
        ("health.blood_group.signed", "AB−", "AB negative"),
        ("health.blood_group", "a", "A"),
        ("religion", "", None),
        ("religion", None, None),
        ("religion", 7, None),
    ],
)
def test_values_have_their_label(kind: str, value: object, label: str | None) -> None:
    known = of_kind(kind)
    assert known is not None
    place = known.label(value)
    assert (None if place is None else known.labels[place]) == label


@given(st.text(max_size=80), st.sampled_from(["religion", "ethnicity", "health", "health.atc"]))
def test_a_label_is_always_of_the_list(value: str, kind: str) -> None:
    known = of_kind(kind)
    assert known is not None
    place = known.label(value)
    assert place is None or 0 <= place < len(known.labels)
    assert known.label("Q" * (vocabulary.LONGEST + 1)) is None


def test_every_list_reads_and_every_spelling_has_one_label() -> None:
    """Reading raises where a spelling has two."""
    told = {kind.id for kind in KINDS if kind.special and of_kind(kind.id)}
    assert {"religion", "ethnicity", "politics", "sexuality", "trade_union", "health"} <= told
    assert not told & {"genetic", "face.embedding", "health.vital", "health.pressure"}


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("religion", 0.98), ("ethnicity.group", 0.95), ("ethnicity", 0.9), ("sexuality", 0.95),
        ("politics", 0.65), ("health.condition", 0.6), ("health.blood_group", 0.85),
        ("trade_union.name", 0.45),
    ],
)  # fmt: skip
def test_what_the_classifier_knows_has_a_label(kind: str, least: float) -> None:
    known = of_kind(kind)
    assert known is not None
    words = BY_ID[kind].vocabulary
    assert sum(known.label(word) is not None for word in words) >= least * len(words)
