"""What may be shown of counts: the threshold, rounding, totals beside parts, run beside run."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from leftopen.classifier import classify
from leftopen.measure import disclosure
from leftopen.measure.interval import Interval
from leftopen.measure.people import Together
from leftopen.model import (
    CollectionProfile,
    Composition,
    Cost,
    FieldProfile,
    Mirror,
    People,
    Profile,
    ScanError,
    Share,
    Stage,
    Tampering,
    Time,
    exposure_id,
)

THRESHOLDS = st.integers(5, 20)
COUNTS = st.one_of(st.integers(0, 60), st.integers(0, 12_000), st.integers(0, 10**12))


@cache
def exact(count: float, threshold: int = 10) -> People:
    return disclosure.people(Together(Interval(count, count, count, "a unique index")), threshold)


def sampled(low: float, estimate: float, high: float, threshold: int = 10) -> People:
    return disclosure.people(Together(Interval(estimate, low, high, "a sample")), threshold)


# --- people: the threshold and the rounding (R4, R6) ----------------------------------------------


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, (0, 0, 0, False)),
        (1, (10, 0, 10, True)),
        (9, (10, 0, 10, True)),
        (10, (10, 10, 15, False)),
        (502, (500, 495, 505, False)),
        (503, (505, 500, 510, False)),
        (1_000, (1_000, 995, 1_010, False)),
        (1_004, (1_000, 995, 1_010, False)),
        (1_005, (1_010, 1_000, 1_020, False)),
        (2_565_724, (2_570_000, 2_560_000, 2_580_000, False)),
    ],
)
def test_an_exact_count_is_shown_rounded(count: int, shown: tuple[int, int, int, bool]) -> None:
    told = exact(count)
    assert (told.estimate, told.low, told.high, told.few) == shown


@given(COUNTS, THRESHOLDS)
def test_every_rounded_count_has_several_truths(count: int, threshold: int) -> None:
    """Nothing that is shown of an exact count is the count of one number alone."""
    shown = exact(count, threshold)
    near = [n for n in range(max(count - 4, 1), count + 5) if exact(n, threshold) == shown]
    assert count == 0 or len(near) >= 3


@given(st.floats(0, 1e13), st.floats(0, 1e13), st.floats(0, 1e13), THRESHOLDS)
def test_no_small_count_is_shown_and_the_interval_only_widens(
    a: float, b: float, c: float, threshold: int
) -> None:
    low, estimate, high = sorted((a, b, c))
    shown = sampled(low, estimate, high, threshold)
    assert shown.low <= shown.estimate <= shown.high
    for figure in (shown.low, shown.estimate, shown.high):
        assert figure == 0 or figure >= threshold
    assert shown.low <= low
    assert shown.high >= high
    if shown.few:
        assert (shown.estimate, shown.low, shown.high) == (threshold, 0, threshold)
        assert shown.method == f"fewer than {threshold}"
    elif high:
        assert abs(shown.estimate - estimate) <= max(5, estimate / 200, threshold + 4)
        digits = str(shown.estimate).rstrip("0")
        assert shown.estimate % 5 == 0
        assert shown.estimate <= 1_000 or len(digits) <= 3
        assert shown.high > shown.low


def test_a_wide_interval_is_not_called_few() -> None:
    shown = sampled(2, 7, 400)
    assert (shown.few, shown.estimate, shown.low, shown.high) == (False, 10, 0, 400)


@pytest.mark.parametrize("high", [math.inf, 1e300])
def test_an_absurd_count_is_bounded(high: float) -> None:
    assert sampled(0, 1e200, high).high < 10**16


def test_counts_in_the_method_are_rounded_too() -> None:
    method = "a unique index of its 2,565,724 records, 7 of them empty (95 % of 503, SHA-256)."
    told = disclosure.people(Together(Interval(50, 50, 50, method)), 10).method
    assert told == (
        "a unique index of its 2,570,000 records, "
        "fewer than 10 of them empty (95 % of 505, SHA-256)."
    )


def test_names_are_generalised_and_ids_of_stores_stay() -> None:
    store = exposure_id("mongodb", "10.0.0.1", 27017)
    names = ("town.people", "ann.lee@velmora.example", "bob.ray@velmora.example", store)
    mirrors = (Mirror("copy of ann.lee@velmora.example", store, 0.95),)
    together = Together(Interval(50, 50, 50, "a"), names, mirrors, Cost(123_456_789, 12.345))
    shown = disclosure.people(together, 10, exposures=[store])
    assert shown.deduplicated_across == ("town.people", "<email>", store)
    assert shown.mirrors == (Mirror("copy of <email>", store, 0.95),)
    assert shown.deep == Cost(120_000_000, 12.0)
    without = disclosure.people(together, 10)
    assert store not in without.deduplicated_across, "a collection may be called by a person's hash"


def test_few_people_have_no_mirrors_and_no_cost() -> None:
    together = Together(
        Interval(7, 7, 7, "7 e-mails"), ("a",), (Mirror("a", "b", 0.85),), Cost(7, 7)
    )
    shown = disclosure.people(together, 10)
    assert shown.few
    assert (shown.mirrors, shown.deep, shown.method) == ((), None, "fewer than 10")


# --- a total beside its parts (R5) ----------------------------------------------------------------


def truths(shown: People | None, threshold: int, most: int) -> list[int]:
    """Every count of which this would be shown; written without the code that is tested."""
    if shown is None:
        return list(range(most + 1))
    return [n for n in range(most + 1) if exact(n, threshold) == shown]


def possible(
    whole: People, parts: Sequence[People | None], threshold: int, most: int
) -> list[tuple[int, int]]:
    """For each part the least and the most that it can be, by all that is shown: the total is that
    of a union, no less than its greatest part and no more than all parts together."""
    wholes = truths(whole, threshold, most)
    each = [truths(part, threshold, most) for part in parts]
    found = []
    for at, own in enumerate(each):
        others = [other for number, other in enumerate(each) if number != at]
        least = max((min(other) for other in others), default=0)
        rest = sum(max(other) for other in others)
        fits = [n for n in own if any(max(least, n) <= w <= n + rest for w in wholes)]
        found.append((min(fits), max(fits)))
    return found


@st.composite
def unions(draw: st.DrawFn) -> tuple[int, list[int], int]:
    """A threshold, counts of parts, and a total that a union of them can have."""
    threshold = draw(THRESHOLDS)
    parts = draw(
        st.lists(st.one_of(st.integers(0, 30), st.integers(0, 1_500)), min_size=1, max_size=5)
    )
    return draw(st.integers(max(parts), sum(parts))), parts, threshold


@settings(deadline=None)
@given(unions())
@example((520, [502, 9, 9], 10))
@example((18, [9, 9], 10))
@example((511, [502, 9], 10))
def test_no_hidden_part_can_be_computed(given_: tuple[int, list[int], int]) -> None:
    total, counts, threshold = given_
    most = sum(counts) + 60
    whole, parts = disclosure.beside(
        exact(total, threshold), [exact(n, threshold) for n in counts], threshold
    )
    assert len(parts) == len(counts)
    for count, part, (least, greatest) in zip(
        counts, parts, possible(whole, parts, threshold, most), strict=True
    ):
        assert least <= count <= greatest
        if part is None:
            assert greatest - least >= threshold
        elif part.few:
            # "fewer than the threshold" is all that is known, as it is of such a part by itself
            assert (least, greatest) == (1, threshold - 1)
            assert part.high - part.low >= threshold
        else:
            assert part == exact(count, threshold), "what is shown is never made wrong"


def test_the_smallest_part_is_withheld_and_only_where_it_must_be() -> None:
    whole, parts = disclosure.beside(exact(820), [exact(502), exact(300), exact(9), exact(9)], 10)
    assert whole == exact(820)
    assert parts == (exact(502), None, exact(9), exact(9))
    same = [exact(1_000), exact(502), exact(3), None]
    assert disclosure.beside(exact(1_502), same, 10)[1] == tuple(same)


def test_wide_intervals_hide_by_themselves() -> None:
    parts = [sampled(300, 500, 900), exact(9)]
    assert disclosure.beside(sampled(400, 530, 1_200), parts, 10)[1] == tuple(parts)


# --- a collection (R4) ----------------------------------------------------------------------------


def field(
    path: str, share: float, values: int, *evidence: str, kind: str = "email"
) -> FieldProfile:
    family = kind.split(".")[0]
    return FieldProfile(
        path, kind, family, False, 0.0 if kind == "none" else 0.9, share, values, evidence
    )


def profile_of(count: int, records: int | None) -> CollectionProfile:
    """What the classifier says of a table of so many people, a third of them with a bad address."""
    table = pa.table(
        {
            "email": [f"maria{n}@example.org" if n % 3 else "x" for n in range(count)],
            "notes": ["call maria.schneider@example.org about the mill, please"] * count,
            "phone": [f"+4989123400{n:02}" for n in range(count)],
        }
    )
    found = classify(table, "people")
    fields = tuple(found.fields.values())
    return CollectionProfile("people", records, 4_096 + count, found.rows, fields)


@pytest.mark.parametrize("records", [True, False])
def test_few_records_do_not_tell_how_many_they_are(records: bool) -> None:
    told = {disclosure.collection(profile_of(n, n if records else None), 10) for n in (5, 6, 8, 9)}
    shown = {
        (
            c.records,
            c.bytes,
            c.sampled,
            c.few,
            tuple((f.share, f.values, f.evidence) for f in c.fields),
        )
        for c in told
    }
    ((known, size, rows, few, fields),) = shown
    assert (known, size, rows, few) == (10 if records else None, None, 10, True)
    assert {share for share, _, _ in fields} <= {0.0, 0.5, 1.0}
    allowed = r"\b(0|100) % of the values|\(1 in [\d,]+ would by chance\)"
    for _, _, evidence in fields:
        assert not any(re.search(r"\d", re.sub(allowed, "", why)) for why in evidence)


def test_what_holds_no_persons_data_is_shown_as_it_is() -> None:
    some = CollectionProfile("stock", 3, 99, 3, (field("n", 0.0, 3, "3 values", kind="none"),))
    assert disclosure.collection(some, 10) == some


def test_records_are_the_servers_own_figure() -> None:
    some = CollectionProfile("people", 1_234, 99, 200, (field("mail", 1.0, 200, "all 200 values"),))
    assert disclosure.collection(some, 10) == some


@given(st.integers(1, 400), st.integers(0, 400), THRESHOLDS)
def test_a_share_never_counts_fewer_than_the_threshold(
    values: int, carriers: int, threshold: int
) -> None:
    assume(carriers <= values)
    share = round(carriers / values, 4)
    rows = CollectionProfile("people", values, 9, values, (field("mail", share, values),))
    (shown,) = disclosure.collection(rows, threshold).fields
    alike = [
        n
        for n in range(values + 1)
        if disclosure.collection(
            replace(rows, fields=(field("mail", round(n / values, 4), values),)), threshold
        )
        .fields[0]
        .share
        == shown.share
    ]
    assert carriers in alike
    if carriers in (0, values):  # all or none: how many they are is told by the records, or not
        assert shown.share == share
    elif carriers < threshold or values - carriers < threshold:
        assert len(alike) >= min(threshold, values) - 1
    else:
        assert shown.share == share


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("3 % of 50 values are e-mail addresses", "some of the values are e-mail addresses"),
        ("over 99 % of 1,050 values have the form", "some of the values have the form"),
        ("100 % of 7 values pass IBAN (1 in 97 would by chance)",
         "100 % of the values pass IBAN (1 in 97 would by chance)"),
        ("12 % hold an e-mail address", "some hold an e-mail address"),
        ("0.5 % of 900 values hold a name", "some of the values hold a name"),
        ("7 values", "values"),
        ("a face was found in 3 of 5 images looked at (2 more could not be read)",
         "a face was found in some of the images looked at"),
        ("no face was found in 7 images looked at", "no face was found in the images looked at"),
        ("55 % of 9 values are codes of ICD-10", "some of the values are codes of ICD-10"),
    ],
)  # fmt: skip
def test_evidence_loses_its_counts(before: str, after: str) -> None:
    rows = CollectionProfile("people", 9, 9, 9, (field("a", 0.5, 9, before),))
    assert disclosure.collection(rows, 10).fields[0].evidence == (after,)


# --- one run beside another (R7) ------------------------------------------------------------------


def store(
    count: int, records: int | None = None, threshold: int = 10, *, parts: Sequence[int] = ()
) -> Profile:
    """A profile as a run would show it: one table of people, and further ones of `parts`."""
    whole, people = disclosure.beside(
        exact(count, threshold), [exact(n, threshold) for n in (count, *parts)], threshold
    )
    collections = tuple(
        replace(
            disclosure.collection(
                CollectionProfile(f"t{at}", n, 99, min(n, 200), (field("mail", 1.0, min(n, 200)),)),
                threshold,
            ),
            people=one,
        )
        for at, (n, one) in enumerate(zip((records or count, *parts), people, strict=True))
    )
    return Profile(collections, True, ("find",), 900, people=whole)


def figures(profile: Profile) -> Profile:
    """The profile without what is told of the run itself."""
    return replace(profile, unchanged=False, requests=(), bytes_read=0)


@pytest.mark.parametrize(
    "count", [8, 9, 10, 12, 502, 504, 999, 1_000, 1_004, 9_994, 100_499, 2_564_999]
)
@pytest.mark.parametrize("more", [1, -1])
def test_one_person_more_or_less_is_not_shown(count: int, more: int) -> None:
    before, after = store(count), store(count + more)
    shown = disclosure.settled(before, after, 10)
    assert figures(shown) == figures(before)
    assert shown.unchanged


@given(st.one_of(st.integers(1, 60), st.integers(1, 3_000), st.integers(1, 10**9)), st.data())
def test_fewer_people_than_the_threshold_are_not_shown(count: int, data: st.DataObject) -> None:
    threshold = data.draw(THRESHOLDS)
    more = data.draw(st.integers(0, threshold - 1))
    small, great = store(count, threshold=threshold), store(count + more, threshold=threshold)
    for before, after in itertools.permutations((small, great)):
        assert figures(disclosure.settled(before, after, threshold)) == figures(before)


@settings(deadline=None)
@given(unions(), st.data())
def test_one_person_in_one_of_several_tables_is_not_shown(
    given_: tuple[int, list[int], int], data: st.DataObject
) -> None:
    """Nor by which of the parts had to be withheld."""
    _, counts, threshold = given_
    assume(min(counts) > 0)
    at = data.draw(st.integers(0, len(counts) - 1))
    more = [n + (number == at) for number, n in enumerate(counts)]
    before = store(sum(counts), threshold=threshold, parts=counts)
    after = store(sum(more), threshold=threshold, parts=more)
    assert figures(disclosure.settled(before, after, threshold)) == figures(before)


@pytest.mark.parametrize(("before", "after"), [(500, 560), (9, 60), (60, 9), (10_000, 10_500)])
def test_a_material_change_is_shown(before: int, after: int) -> None:
    now = store(after)
    assert disclosure.settled(store(before), now, 10) == now


def test_many_more_records_are_shown_though_the_people_are_the_same() -> None:
    now = store(500, records=9_000)
    assert disclosure.settled(store(500, records=8_000), now, 10) == now
    assert disclosure.settled(store(500, records=8_995), now, 10).unchanged


BROKEN = ScanError("127.0.0.1", 1, Stage.SAMPLE, "Worker", "died")


@pytest.mark.parametrize(
    "now",
    [
        replace(store(500), complete=False),
        replace(store(500), errors=(BROKEN,)),
        replace(store(500), people=None),
        replace(store(500), tampering=(Tampering("note", "ransom"),)),
        replace(store(500), collections=()),
        replace(
            store(500),
            collections=(
                replace(store(500).collections[0], fields=(field("mail", 1, 200, kind="phone"),)),
            ),
        ),
        replace(
            store(500), time=Time(records_per_day=50_000.0, low=49_000.0, high=51_000.0, live=True)
        ),
    ],
    ids=["incomplete", "broken", "no people", "tampering", "no collection", "kind", "pace"],
)
def test_what_matters_is_shown(now: Profile) -> None:
    assert disclosure.settled(store(500), now, 10) == now


def test_after_a_reading_that_was_not_complete_everything_is_shown() -> None:
    now = store(501)
    assert disclosure.settled(replace(store(500), complete=False), now, 10) == now
    assert disclosure.settled(replace(store(500), people=None), now, 10) == now


def test_a_store_that_comes_alive_by_one_record_is_not_shown() -> None:
    before = replace(store(500), time=Time(newest="2026-11-20", live=False))
    after = replace(store(501), time=Time(newest="2026-11-21", live=True, seconds_apart=5.0))
    assert disclosure.settled(before, after, 10).time == before.time


def test_the_run_itself_is_told_of_anew() -> None:
    error = ScanError("127.0.0.1", 1, Stage.SAMPLE, "Silent", "silent")
    now = replace(store(501), requests=("find", "count"), bytes_read=950, errors=(error,))
    shown = disclosure.settled(store(500), now, 10)
    assert (shown.requests, shown.bytes_read, shown.errors) == (("find", "count"), 950, (error,))


def with_people(people: People) -> Profile:
    one = replace(store(5_000).collections[0], people=people)
    return replace(store(5_000), people=people, collections=(one,))


def test_samples_that_differ_by_chance_are_the_same() -> None:
    before, after = with_people(sampled(700, 1_000, 1_600)), with_people(sampled(800, 1_200, 1_900))
    assert disclosure.settled(before, after, 10).people == before.people


def test_a_better_figure_replaces_a_samples() -> None:
    before, after = with_people(sampled(700, 1_000, 1_600)), with_people(exact(1_003))
    assert disclosure.settled(before, after, 10) == after


SHARES = (Composition("t0.faith", "religion", (Share("other", 1.0),), "discrete Laplace", 1.0, 10),)
OTHERS = (replace(SHARES[0], shares=(Share("Hindu", 1.0),)),)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [(SHARES, OTHERS, SHARES), (SHARES, (), SHARES), ((), OTHERS, OTHERS), ((), (), ())],
    ids=["drawn once", "shown again", "asked for later", "never"],
)
def test_noise_is_drawn_once_for_the_same_people(
    before: tuple[Composition, ...], after: tuple[Composition, ...], shown: tuple[Composition, ...]
) -> None:
    earlier, now = (replace(store(500), composition=c) for c in (before, after))
    assert disclosure.settled(earlier, now, 10).composition == shown


# --- stores whose people cannot be compared -------------------------------------------------------


@given(st.lists(COUNTS, min_size=1, max_size=6), THRESHOLDS)
def test_a_sum_of_stores_encloses_every_union(counts: list[int], threshold: int) -> None:
    parts = [exact(n, threshold) for n in counts]
    together = disclosure.added(parts, threshold)
    assert together is not None
    assert together.low <= max(counts)
    assert together.high >= sum(counts)
    assert together.low <= together.estimate <= together.high
    for figure in (together.low, together.estimate, together.high):
        assert figure == 0 or figure >= threshold
    if together.few:
        assert sum(counts) < threshold


def test_a_sum_says_what_it_is() -> None:
    together = disclosure.added([exact(500), exact(9), exact(30)], 10)
    assert together is not None
    assert (together.low, together.estimate, together.high) == (495, 540, 550)
    assert "not compared" in together.method
    assert not together.few
    assert disclosure.added([], 10) is None
    assert disclosure.added([exact(9), exact(0)], 10) == exact(9)
    assert disclosure.added([exact(500)], 10) == exact(500)
