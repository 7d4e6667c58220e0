"""Cells of text results as columns: the same as `leftopen.sample` makes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen import sample
from leftopen.engines._cells import (
    Told,
    batch,
    days_from,
    decimal_from,
    holding,
    integer_from,
)


def text(cell: bytes) -> str:
    return cell.decode("utf-8", "replace")


def integer(cell: bytes) -> Any:
    try:
        return int(cell)
    except ValueError:
        return text(cell)


TEXT, INTEGER = Told("a", "text", text), Told("a", "integer", integer)
TEXTS = st.one_of(
    st.none(),
    st.text(max_size=20).map(lambda value: value.encode()),
    st.binary(max_size=8),
    st.sampled_from([b'{"b": 1}', b"[1, 2]", b" {}", b"{", b"x" * 20_000, b"\xc3\xa4" * 9_000]),
)
INTEGERS = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70).map(lambda value: str(value).encode()),
    st.sampled_from([b"", b"1.5", b"no", b"\xff"]),
)


@pytest.mark.parametrize(("told", "cells"), [(TEXT, TEXTS), (INTEGER, INTEGERS)], ids=["t", "i"])
def test_columns_are_those_of_a_sample(told: Told, cells: st.SearchStrategy[bytes | None]) -> None:
    @given(st.lists(cells, min_size=1, max_size=8))
    def same(held: list[bytes | None]) -> None:
        rows = [[None if cell is None else told.read(cell)] for cell in held]
        wanted = sample.rows(["a"], rows)
        made = batch([told], [held], wanted.schema.names)
        assert made.to_pydict() == wanted.to_pydict()

    same()


def test_json_in_a_cell_is_opened() -> None:
    made = batch([TEXT], [[b'{"b": {"c": 7}}', None]], ["a.b.c", "a.nothing"])
    assert made.to_pydict() == {"a.b.c": [7, None]}


def test_rows_without_any_of_the_paths_still_count() -> None:
    assert batch([TEXT], [[b"x", b"y"]], ["other"]).num_rows == 2


@pytest.mark.parametrize(
    ("paths", "held"),
    [
        (["id"], ["id"]),
        (["doc.a", "doc[].b"], ["doc"]),
        (["doc.x", "id", "doc.x.y"], ["doc.x", "id"]),
        (["ident", "docs", ""], []),
        (["*.a"], []),
    ],
)
def test_which_columns_hold_the_paths(paths: list[str], held: list[str]) -> None:
    assert holding(["id", "doc", "doc.x"], paths) == held


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (NOON.replace(hour=0), date(2026, 11, 22)),
        (NOON, date(2026, 11, 23)),
        (NOON.replace(9999, 12, 31), None),
        (5, None),
        ("2026-11-22", None),
    ],
)
def test_days(moment: object, day: date | None) -> None:
    assert days_from(moment) == day


@pytest.mark.parametrize(
    ("moment", "whole", "decimal"),
    [
        (5, 5, "5"),
        (5.25, 6, "5.250000"),
        (-5.25, -5, "-5.250000"),
        (2**63, None, None),
        (10**17, 10**17, str(10**17)),
        (float("nan"), None, None),
        (float("-inf"), None, None),
        (True, None, None),
        ("5", None, None),
        (NOON, None, None),
    ],
)
def test_numbers(moment: object, whole: int | None, decimal: str | None) -> None:
    assert (integer_from(moment), decimal_from(moment)) == (whole, decimal)
