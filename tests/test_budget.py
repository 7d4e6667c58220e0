"""The budget's schedule, by a clock that only the test moves."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import Budget
from leftopen.errors import UsageError


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def most_within(moments: Sequence[float], window: float = 1.0) -> int:
    """The most moments in any half-open window of that many seconds."""
    ordered = sorted(moments)
    return max(
        bisect_left(ordered, moment + window - 1e-9) - number
        for number, moment in enumerate(ordered)
    )


@given(
    rate=st.floats(1.0, 5_000.0),
    pauses=st.lists(st.floats(0.0, 2.0), min_size=1, max_size=30),
    burst=st.integers(1, 40),
)
def test_no_second_ever_holds_more_than_the_rate_and_one(
    rate: float, pauses: list[float], burst: int
) -> None:
    clock = Clock()
    budget = Budget(rate, None, clock)
    moments = []
    for pause in pauses:
        clock.now += pause
        moments += [clock.now + budget.slot() for _ in range(burst)]
    assert most_within(moments) <= rate + 1


@given(
    rate=st.floats(0.5, 200.0),
    asked=st.lists(
        st.tuples(st.sampled_from(["10.0.0.1", "10.0.0.2", "::1"]), st.floats(0.0, 0.3)),
        min_size=1,
        max_size=120,
    ),
)
def test_no_host_gets_more_than_its_rate_and_one(
    rate: float, asked: list[tuple[str, float]]
) -> None:
    clock = Clock()
    budget = Budget(None, rate, clock)
    moments: dict[str, list[float]] = {}
    for host, pause in asked:
        clock.now += pause
        moments.setdefault(host, []).append(clock.now + budget.host_slot(host))
    assert all(most_within(of_host) <= rate + 1 for of_host in moments.values())


@pytest.mark.parametrize("rate", [100.0, 1_000.0, 5_000.0])
@pytest.mark.parametrize("late", [0.0, 0.0004, 0.015])
def test_the_rate_is_held_within_five_percent_by_callers_that_wake_late(
    rate: float, late: float
) -> None:
    """A hundred callers, each of whom comes back a little after its moment, as schedulers do."""
    clock = Clock()
    budget = Budget(rate, None, clock)
    used: list[float] = []
    booked = sorted(clock.now + budget.slot() for _ in range(100))
    while len(used) < 3 * rate:
        clock.now = booked.pop(0) + late
        used.append(clock.now)
        booked.append(clock.now + budget.slot())
    held = (len(used) - 1) / (used[-1] - used[0])
    assert held == pytest.approx(rate, rel=0.05)


def test_a_host_that_must_wait_does_not_hold_up_the_others() -> None:
    clock = Clock()
    budget = Budget(1_000.0, 1.0, clock)
    waits = [budget.host_slot("10.0.0.1") for _ in range(50)]
    assert waits[-1] == pytest.approx(49.0)
    assert budget.host_slot("10.0.0.2") == 0.0
    # None of the fifty has taken a moment of all: those are booked when the host's own has come.
    assert budget.slot() == 0.0
    assert budget.slot() == pytest.approx(0.001)


def test_what_was_not_used_is_not_saved_up() -> None:
    clock = Clock()
    budget = Budget(10.0, 10.0, clock)
    assert (budget.slot(), budget.host_slot("h")) == (0.0, 0.0)
    clock.now += 3_600
    assert [budget.slot() for _ in range(3)] == pytest.approx([0.0, 0.1, 0.2])
    assert [budget.host_slot("h") for _ in range(3)] == pytest.approx([0.0, 0.1, 0.2])


def test_without_rates_nobody_waits_and_nothing_is_remembered() -> None:
    budget = Budget(None, None)
    assert {budget.slot() for _ in range(100)} == {0.0}
    assert {budget.host_slot(f"10.0.0.{n}") for n in range(100)} == {0.0}
    assert budget._hosts == {}


def test_hosts_that_wait_are_kept_and_idle_ones_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("leftopen.budget._FORGET_ABOVE", 100)
    clock = Clock()
    budget = Budget(None, 1.0, clock)
    for number in range(1_000):
        budget.host_slot(f"busy {number}")
    assert all(budget.host_slot(f"busy {number}") > 0 for number in range(1_000))
    clock.now += 10
    for number in range(1_100):
        budget.host_slot(f"later {number}")
    assert not any(host.startswith("busy") for host in budget._hosts)
    assert all(budget.host_slot(f"later {number}") > 0 for number in range(1_100))


async def test_admit_waits_for_the_host_and_then_for_all() -> None:
    budget = Budget(200.0, 50.0)
    moments = []
    for _ in range(4):
        await budget.admit("10.0.0.1")
        moments.append(budget._clock())
    assert moments[-1] - moments[0] >= 3 / 50 - 0.003


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_rate_that_never_connects_is_refused(rate: float) -> None:
    with pytest.raises(UsageError):
        Budget(rate, None)
    with pytest.raises(UsageError):
        Budget(None, rate)
