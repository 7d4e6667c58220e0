"""The stores of the seeds at a hundredth of their size: what is said of them holds against what is
in them. How long it takes is the bench's own business, not a test's."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from stdnum.cn import ric

from bench import seed_scale
from bench.seeds import town
from bench.seeds.stores import Sizes
from leftopen.testing import need

_OF_THE_MACHINE = ("verdict, s", "profile, s")


def test_a_person_is_the_same_in_every_store_and_no_other() -> None:
    everybody = np.concatenate([some.id_number for some in town.everybody(250_000)])
    assert len(np.unique(everybody)) == 250_000
    assert all(ric.calc_check_digit(n) == n[-1] for n in everybody[:500].tolist())
    shop = np.concatenate([some.id_number for some in town.customers(1_000, 400, 250_000)])
    assert np.isin(shop, everybody).sum() == 400
    assert len(np.unique(shop)) == 1_000


def test_positions_come_in_order_and_fill_the_day() -> None:
    span = timedelta(days=1)
    seconds = np.concatenate([some.seconds for some in town.positions(250_000, 9, span)])
    assert len(seconds) == 250_000
    assert (np.diff(seconds) >= 0).all()
    assert 0 <= seconds[0] < 60
    assert 86_340 < seconds[-1] <= 86_400
    by_hour = np.histogram(seconds, 24)[0]
    assert by_hour.max() > 2 * by_hour.min() > 0


def test_sizes_are_those_of_the_seeds() -> None:
    assert Sizes.scaled(1.0).everybody == 3_165_724


@pytest.fixture(scope="module")
def figures() -> list[seed_scale.Figure]:
    return need(seed_scale.measured, 0.01)


def test_what_is_said_of_the_stores_is_true(figures: list[seed_scale.Figure]) -> None:
    held = [one for one in figures if one.passed is not None and one.what not in _OF_THE_MACHINE]
    assert len(held) >= 20
    assert [one for one in held if not one.passed] == []


def test_the_copy_is_named_as_a_mirror(figures: list[seed_scale.Figure]) -> None:
    [mirrors] = [one.value for one in figures if one.what == "--deep: mirrors"]
    assert "OpenSearch, a mirror of a part of " in mirrors
