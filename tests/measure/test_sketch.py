"""Sketches: sizes, unions and overlaps that are right, and nothing that leaves the process."""

from __future__ import annotations

import copy
import pickle

import pytest

from leftopen.measure import sketch
from leftopen.measure.sketch import Sketch, Sketcher


def of(sketcher: Sketcher, numbers: range, space: str = "email") -> Sketch:
    made = sketcher.space(space).sketch()
    made.add(f"ada{number}@example.org".encode() for number in numbers)
    return made


def test_small_sets_are_exact() -> None:
    sketcher = Sketcher()
    one, other = of(sketcher, range(100)), of(sketcher, range(60, 150))
    assert one.size.exact
    assert one.size.estimate == 100
    assert one.union(other).size.estimate == 150
    assert one.overlap(other).estimate == 40


def test_large_sets_are_within_their_interval() -> None:
    sketcher = Sketcher()
    space = sketcher.space("email")
    one, other = space.sketch(range(1_000_000)), space.sketch(range(900_000, 1_500_000))
    for found, truth in (
        (one.size, 1_000_000),
        (one.union(other).size, 1_500_000),
        (one.overlap(other), 100_000),
    ):
        assert abs(found.estimate - truth) < 0.02 * truth
        assert found.low < found.estimate < found.high
    assert one.size.high - one.size.low < 0.012 * 1_000_000


def test_values_of_another_space_or_sketcher_are_others() -> None:
    sketcher = Sketcher()
    one = of(sketcher, range(100))
    assert one.overlap(of(sketcher, range(100), "phone")).estimate == 0
    assert one.overlap(of(Sketcher(), range(100))).estimate == 0
    assert one.overlap(of(sketcher, range(100))).estimate == 100


def test_two_runs_have_different_registers_and_the_same_estimate() -> None:
    one, other = Sketcher(), Sketcher()
    values = [b"a", b"b", b"c"]
    assert set(one.space("x").numbers(values)).isdisjoint(other.space("x").numbers(values))
    assert of(one, range(50)).size.estimate == of(other, range(50)).size.estimate


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
def test_nothing_leaves_the_process(leave: object) -> None:
    assert callable(leave)
    sketcher = Sketcher()
    for kept in (sketcher, sketcher.space("email"), of(sketcher, range(3))):
        with pytest.raises(TypeError):
            leave(kept)


def test_what_is_kept_stays_within_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch, "_ROOM", 1 << 20)
    sketcher = Sketcher()
    full = of(sketcher, range(20_000))
    kept = [sketcher.keep(full) for _ in range(60)]
    assert sum(one._bytes for one in kept) < 2 << 20
    for one in kept:
        assert abs(one.size.estimate - 20_000) < 0.15 * 20_000
    assert kept[0].overlap(kept[-1]).estimate > 15_000
