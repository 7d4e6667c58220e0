"""Numbers of different values: intervals that hold the truth however repeats are spread."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from leftopen.knowledge import Known
from leftopen.measure.distinct import RECORDS_OFF, Repeats, of_known, of_sample, repeats

Values = NDArray[np.int64]
Maker = Callable[[np.random.Generator, int], Values]


def zipf(slope: float) -> Maker:
    def make(chance: np.random.Generator, size: int) -> Values:
        weights = 1 / np.arange(1, max(2, size // 3) + 1) ** slope
        return chance.choice(len(weights), size, p=weights / weights.sum())

    return make


def even(each: int) -> Maker:
    return lambda chance, size: chance.integers(0, max(1, size // each), size)


def all_different(chance: np.random.Generator, size: int) -> Values:
    return np.arange(size)


def few(chance: np.random.Generator, size: int) -> Values:
    return chance.integers(0, 30, size)


def heavy_and_rare(chance: np.random.Generator, size: int) -> Values:
    values = np.arange(size)
    values[: size * 3 // 10] = size + chance.integers(0, 5, size * 3 // 10)
    return values


SPREADS: Mapping[str, Maker] = {
    "even by 2": even(2), "even by 10": even(10), "zipf": zipf(1.0), "steep": zipf(1.5),
    "heavy and rare": heavy_and_rare, "all different": all_different, "few": few,
}  # fmt: skip


@pytest.mark.parametrize("spread", SPREADS)
def test_a_sample_of_200_rows_covers(spread: str) -> None:
    chance = np.random.default_rng(17)
    held = 0
    for _ in range(120):
        size = int(math.exp(chance.uniform(math.log(210), math.log(50_000))))
        values = SPREADS[spread](chance, size)
        truth = len(np.unique(values))
        found = of_sample(repeats(chance.choice(values, 200, replace=False).tolist()), size)
        held += found.low <= truth <= found.high
    assert held >= 114  # 95 %


@pytest.mark.parametrize("spread", SPREADS)
def test_what_postgresql_says_covers(spread: str) -> None:
    chance = np.random.default_rng(18)
    held = 0
    for _ in range(40):
        size = int(math.exp(chance.uniform(math.log(5_000), math.log(60_000))))
        values, drawn = SPREADS[spread](chance, size), 3_000
        times = Counter(Counter(chance.choice(values, drawn, replace=False).tolist()).values())
        seen, once = sum(times.values()), times[1]
        said = round(drawn * seen / (drawn - once + once * drawn / size))
        found = of_known(Known(distinct=said, drawn=drawn), size, 1.0)
        assert found is not None
        held += found.low <= len(np.unique(values)) <= found.high
    assert held >= 38


def test_records_of_a_page_are_no_independent_draws() -> None:
    """Each value's 30 records stand together; the sample is of 24 pages of 60 records."""
    chance = np.random.default_rng(19)
    for _ in range(40):
        pages = int(chance.integers(30, 800))
        values = np.repeat(np.arange(pages * 2), 30)
        near = np.concatenate([
            np.arange(page * 60, page * 60 + 60)
            for page in sorted(chance.choice(pages, 24, replace=False))
        ])  # fmt: skip
        drawn = values[sorted(chance.choice(near, 200, replace=False))].tolist()
        found = of_sample(repeats(drawn), len(values))
        assert found.low <= pages * 2 <= found.high
        # counted record by record, the interval would be sure of far too few
        naive = of_sample(Repeats(Counter(Counter(drawn).values())), len(values))
        assert naive.high < found.high


def test_repeats_in_any_order_count_record_by_record() -> None:
    chance = np.random.default_rng(20)
    drawn = chance.integers(0, 40, 200).tolist()
    assert repeats(drawn) == Repeats(Counter(Counter(drawn).values()))


def test_all_of_a_population_is_exact() -> None:
    found = of_sample(Repeats({1: 30, 2: 10}), 50)
    assert (found.low, found.estimate, found.high) == (40, 40, 40)


def test_nothing_seen_is_nothing() -> None:
    assert of_sample(Repeats({}), 0).high == 0


def test_a_register_without_repeats_is_as_many_as_it_has_records() -> None:
    assert of_sample(Repeats({1: 200}), 100_000, alike=True).estimate == 100_000
    assert of_sample(Repeats({1: 200}), 100_000).estimate < 50_000
    # what it cannot tell stays in the interval: it may be 5,400 people
    assert of_sample(Repeats({1: 200}), 100_000, alike=True).low < 6_000


@given(
    st.dictionaries(st.integers(1, 40), st.integers(1, 60), min_size=1, max_size=6),
    st.floats(0, 1e9),
    st.floats(0, 0.5),
)
def test_a_sample_never_contradicts_itself(times: dict[int, int], more: float, off: float) -> None:
    drawn, seen = sum(k * v for k, v in times.items()), sum(times.values())
    found = of_sample(Repeats(times), drawn + more, off=off)
    assert seen <= found.low <= found.estimate <= found.high
    assert found.high <= seen + (drawn + more) * (1 + off) - drawn + 1e-6 * found.high


def test_a_unique_index_counts_the_records_that_have_the_field() -> None:
    found = of_known(Known(unique=True, filled=0.5), 1_000_000, 1.0)
    assert found is not None
    assert (found.estimate, found.low) == (500_000, 500_000 * (1 - RECORDS_OFF))
    assert of_known(Known(unique=True), 1_000, 0.25) == of_known(
        Known(unique=True, filled=0.25), 1_000, 1.0
    )


@pytest.mark.parametrize(
    ("known", "low", "high"),
    [
        (Known(distinct=500, error=0.0), 500, 500),
        (Known(distinct=500, error=0.1), 402, 598),
        (Known(distinct=500), 250, 1_000),
        (Known(distinct=500, drawn=0), 250, 1_000),
        (Known(distinct=500, error=math.nan), 250, 1_000),
    ],
)
def test_what_a_server_counted(known: Known, low: float, high: float) -> None:
    found = of_known(known, 10_000, 1.0)
    assert found is not None
    assert (round(found.low), round(found.high)) == (low, high)


def test_a_server_that_knows_nothing_says_nothing() -> None:
    assert of_known(Known(), 100, 1.0) is None
    assert of_known(Known(filled=0.5, indexed=True), 100, 1.0) is None


_NUMBERS = st.one_of(st.none(), st.integers(-5, 10**30))


@given(
    _NUMBERS, st.one_of(st.none(), st.floats()), _NUMBERS, st.booleans(),
    st.one_of(st.none(), st.floats()), st.integers(0, 10**15), st.floats(0, 1),
)  # fmt: skip
def test_a_hostile_server_gets_an_interval_at_most(
    distinct: int | None, error: float | None, drawn: int | None, unique: bool,
    filled: float | None, records: int, seen: float,
) -> None:  # fmt: skip
    known = Known(distinct, error, drawn, unique, filled)
    found = of_known(known, float(records), seen)
    if found is not None:
        assert 0 <= found.low <= found.estimate <= found.high
