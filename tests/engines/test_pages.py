"""The sample of a long list by offset, against lists that are short, endless or too large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engines._pages import PAGE, REACH, WITH_VECTORS, Page, in_pages, plan
from leftopen.engines.couchdb import ENGINE
from leftopen.errors import BudgetSpent
from leftopen.testing import connection
from tests.scripted_http import Answer, dialer


@settings(max_examples=80, deadline=None)
@given(
    st.none() | st.integers(0, 10**9) | st.integers(0, 400),
    st.integers(1, 5_000),
    st.none() | st.sampled_from([REACH, 10_000, 16_384]),
    st.booleans(),
)
def test_pages_do_not_overlap_and_are_enough(
    total: int | None, rows: int, reach: int | None, vectors: bool
) -> None:
    pages = plan(total, rows, reach=reach, vectors=vectors)
    assert all(0 < page.count <= PAGE for page in pages)
    taken = [n for page in pages for n in range(page.start, page.start + page.count)]
    assert len(taken) == len(set(taken))
    assert all(reach is None or n < reach for n in taken)
    there = [n for n in taken if total is None or n < total]
    assert len(there) >= (rows if total is None else min(total, rows))
    assert len(taken) < rows + 2 * PAGE
    assert [page.vectors for page in pages] == [vectors, *[False] * (len(pages) - 1)][: len(pages)]
    assert sum(page.count for page in pages if page.vectors) <= WITH_VECTORS
    assert all(page.start % PAGE == 0 for page in pages[2 if vectors else 0 :])


def test_pages_come_from_all_over() -> None:
    assert len({tuple(plan(10_000, 100)) for _ in range(20)}) > 1


async def drawn(
    total: int | None,
    limits: StoreLimits,
    *,
    there: int,
    most: int = 10**9,
    size: int = 1,
    vectors: bool = False,
) -> tuple[list[int], list[Page]]:
    """Numbers of the records that came from a list of `there`, and what was asked for; replies of
    more than `most` records are too large."""
    asked: list[Page] = []
    async with connection(ENGINE, dialer(lambda _: Answer({})), limits) as link:

        async def fetch(page: Page) -> Sequence[Mapping[str, Any]]:
            asked.append(page)
            if page.count > most:
                raise BudgetSpent(code="reply_too_large")
            found = [{"n": n} for n in range(page.start, min(page.start + page.count, there))]
            link.bytes_read += size * len(found)
            return found

        batches = [batch async for batch in in_pages(link, fetch, total, limits, vectors=vectors)]
    return [n for batch in batches for n in batch["n"].to_pylist()], asked


@pytest.mark.parametrize("total", [None, 150])
async def test_all_of_a_short_list(total: int | None) -> None:
    numbers, _ = await drawn(total, StoreLimits(rows=200), there=150)
    assert numbers == list(range(150))


async def test_no_more_rows_than_allowed() -> None:
    numbers, _ = await drawn(10_000, StoreLimits(rows=100), there=10_000)
    assert len(numbers) == len(set(numbers)) == 100


async def test_a_list_that_is_shorter_than_told() -> None:
    numbers, asked = await drawn(10**9, StoreLimits(rows=5_000), there=0)
    assert numbers == []
    assert len(asked) <= 64


@pytest.mark.parametrize("most", [63, 8, 7, 1])
async def test_pages_that_are_too_large_are_cut(most: int) -> None:
    numbers, asked = await drawn(20, StoreLimits(rows=20), there=20, most=most)
    assert numbers == list(range(20))
    # For servers that count in pages, each begins where one of its size does.
    assert all((page.number - 1) * page.size == page.start for page in asked)


async def test_what_was_too_large_once_is_not_asked_for_again() -> None:
    _, asked = await drawn(10_000, StoreLimits(rows=200), there=10_000, most=8)
    assert [page.count for page in asked].count(PAGE) == 1


async def test_large_vectors_do_not_make_the_pages_without_them_small() -> None:
    _, asked = await drawn(200, StoreLimits(rows=200), there=200, most=PAGE, vectors=True)
    assert [(page.count, page.vectors) for page in asked[:3]] == [
        (WITH_VECTORS, True), (PAGE - WITH_VECTORS, False), (PAGE, False),
    ]  # fmt: skip


async def test_a_record_that_is_too_large() -> None:
    with pytest.raises(BudgetSpent):
        await drawn(20, StoreLimits(rows=20), there=20, most=0)


async def test_reading_ends_with_the_bytes() -> None:
    limits = StoreLimits(rows=1_000, reply_bytes=1_000)
    numbers, _ = await drawn(1_000, limits, there=1_000, size=10)
    assert len(numbers) == 2 * PAGE
