"""The geometry of ranges and arrivals: in the frame, in proportion, on one scale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.model import Arrivals, People
from leftopen.report.drawing import WIDTH, Scale, arrivals
from tests.report.samples import ARRIVALS

WIDE = People(1_000_000, 6_700, 6_680_000, "")
SURE = People(2_570_000, 2_560_000, 2_570_000, "")
BEGIN = datetime(2026, 11, 20, 8, 17, tzinfo=UTC)


def hours(*records: int, begin: datetime = BEGIN) -> tuple[Arrivals, ...]:
    return tuple(
        Arrivals(f"{begin + timedelta(hours=n):%Y-%m-%dT%H:%MZ}", number)
        for n, number in enumerate(records)
    )


def test_the_scale_has_powers_of_ten_up_to_what_is_needed() -> None:
    drawn = Scale([WIDE, SURE]).range(WIDE)
    assert drawn is not None
    assert [tick.label for tick in drawn.ticks if tick.label] == [
        "10", "1,000", "100,000", "10 million",
    ]  # fmt: skip
    steps = [after.at - before.at for before, after in pairwise(drawn.ticks)]
    assert max(steps) - min(steps) < 0.3
    assert drawn.ticks[2].at < drawn.low < drawn.ticks[3].at  # 6,700 between 1,000 and 10,000
    assert drawn.ticks[5].at == drawn.estimate  # a million
    assert drawn.estimate < drawn.high < drawn.ticks[6].at


def test_what_is_sure_is_still_seen() -> None:
    drawn = Scale([WIDE, SURE]).range(SURE)
    assert drawn is not None
    assert drawn.high - drawn.low >= 3.9
    assert drawn.low <= drawn.estimate <= drawn.high


@pytest.mark.parametrize("people", [People(10, 0, 10, "", few=True), People(0, 0, 0, "")])
def test_few_and_none_are_not_drawn(people: People) -> None:
    assert Scale([people]).range(people) is None


_COUNT = st.integers(0, 2**80)


@given(st.lists(st.tuples(_COUNT, _COUNT, _COUNT).map(sorted), min_size=1, max_size=5))
def test_every_range_lies_in_the_frame_and_in_order(told: list[list[int]]) -> None:
    people = [People(estimate, low, high, "") for low, estimate, high in told]
    scale = Scale(people)
    for one in people:
        drawn = scale.range(one)
        if drawn is None:
            assert one.high == 0
        else:
            assert 0 <= drawn.low <= drawn.estimate <= drawn.high <= WIDTH
            assert drawn.ticks[-1].label


def test_bars_are_in_proportion() -> None:
    drawn = arrivals(hours(*[100] * 12, *[50] * 12))
    assert drawn is not None
    heights = [bar.height for bar in drawn.bars]
    assert len(heights) == 24
    assert heights[0] == pytest.approx(2 * heights[-1], abs=0.2)
    assert {round(bar.y + bar.height, 1) for bar in drawn.bars} == {drawn.base}
    assert [side.label for side in drawn.sides] == ["100", "50", "0"]
    assert drawn.bars[0].label == "08:17: 100"


def test_hours_of_the_clock_stand_where_they_are() -> None:
    drawn = arrivals(hours(*[100] * 24))
    assert drawn is not None
    assert [tick.label for tick in drawn.hours] == ["12:00", "18:00", "21 Nov", "06:00"]
    hour = (WIDTH - drawn.left) / 24
    assert drawn.hours[0].at == pytest.approx(drawn.left + hour * (3 + 43 / 60), abs=0.1)


def test_a_day_that_begins_at_an_hour_has_its_tick_there() -> None:
    drawn = arrivals(hours(*[7] * 24, begin=datetime(2026, 11, 20, tzinfo=UTC)))
    assert drawn is not None
    assert drawn.hours[0].at == pytest.approx(drawn.left, abs=0.1)
    assert [tick.label for tick in drawn.hours] == [
        "20 Nov", "06:00", "12:00", "18:00", "21 Nov",
    ]  # fmt: skip


def test_an_hour_without_records_has_no_bar_and_older_hours_are_left_out() -> None:
    drawn = arrivals(hours(9_999, *[0] * 10, 40, *[0] * 20, 30))
    assert drawn is not None
    assert [bar.label.partition(" ")[2] for bar in drawn.bars] == ["40", "30"]


@pytest.mark.parametrize("told", [(), hours(0, 0), (Arrivals("yesterday", 3),)])
def test_nothing_arrived_and_nothing_is_drawn(told: tuple[Arrivals, ...]) -> None:
    assert arrivals(told) is None


@given(st.lists(st.integers(-5, 2**80), min_size=1, max_size=40))
def test_every_bar_lies_in_the_frame(records: list[int]) -> None:
    drawn = arrivals(hours(*records))
    if drawn is None:
        assert max(records[-24:]) <= 0
        return
    for bar in drawn.bars:
        assert drawn.left <= bar.x < bar.x + bar.width <= WIDTH
        assert 0 < bar.y < bar.y + bar.height <= drawn.base + 0.1
    assert all(0 <= tick.at <= WIDTH for tick in drawn.hours)


def test_the_axis_ends_at_a_round_number() -> None:
    drawn = arrivals(ARRIVALS)
    assert drawn is not None
    assert [side.label for side in drawn.sides] == ["400,000", "200,000", "0"]
