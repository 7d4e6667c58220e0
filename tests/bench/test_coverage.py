"""The bench of intervals, at a size that takes seconds: the truth lies in nearly all of them."""

from __future__ import annotations

import pytest

from bench import coverage


@pytest.fixture(scope="module")
def outcomes() -> list[coverage.Outcome]:
    return coverage.run(24, seed=2)


def test_the_truth_lies_in_the_intervals(outcomes: list[coverage.Outcome]) -> None:
    assert coverage.coverage(outcomes) >= coverage.BAR
    assert {one.shape for one in outcomes} == {shape.__name__ for shape in coverage.SHAPES}


def test_the_intervals_still_say_something(outcomes: list[coverage.Outcome]) -> None:
    """An interval from nobody to everybody would cover, too."""
    narrower = [one for one in outcomes if one.found.high < 0.8 * one.records]
    assert len(narrower) >= len(outcomes) // 4
    assert all(one.found.low >= 0.02 * one.people for one in outcomes)
    near = [one for one in outcomes if one.off < 1.5]
    assert len(near) >= 0.75 * len(outcomes)


def test_a_small_store_is_counted_to_the_last(outcomes: list[coverage.Outcome]) -> None:
    whole = [one for one in outcomes if one.records <= coverage.ROWS and one.found.exact]
    assert whole
    assert all(one.found.estimate == one.people for one in whole)


def test_stores_are_the_same_for_the_same_seed() -> None:
    assert list(coverage.stores(3, 1)) == list(coverage.stores(3, 1))
    assert list(coverage.stores(3, 1)) != list(coverage.stores(3, 2))
