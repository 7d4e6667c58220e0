"""What the engines of vector stores share: which records to read, and how many at a time.

A vector is large and says the same in every record: the first few tell what made them, so only
those are read with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from leftopen.errors import BudgetSpent

T = TypeVar("T")

PAGE = 100  # records in one answer
WITH_VECTORS = 20  # of one collection
_SHRINK = 8


@dataclass(frozen=True, slots=True)
class Page:
    """`count` records from number `start` on, with their vectors or without."""

    start: int
    count: int
    vectors: bool = False


async def fitting(ask: Callable[[int], Awaitable[T]], size: int) -> tuple[T, int]:
    """What `ask` brings for `size` records, or for fewer where their answer is over the limit.

    Returns the answer and the number that was asked for. Raises what `ask` raises; BudgetSpent
    where one record alone is over the limit of a reply.
    """
    while True:
        try:
            return await ask(size), size
        except BudgetSpent as spent:
            if spent.code != "reply_too_large" or size <= 1:
                raise
        size = max(1, size // _SHRINK)


def spread(total: int, rows: int) -> list[Page]:
    """The pages to read `rows` of `total` records by, in order and never overlapping.

    All records where there are no more than `rows`; else each page lies at a random place of its
    own part of the collection. The first WITH_VECTORS records are a page of their own, with theirs.
    """
    rows = min(total, rows)
    found: list[Page] = []
    for done in range(0, rows, PAGE):
        count = min(PAGE, rows - done)
        first, last = total * done // rows, total * (done + count) // rows
        start = first + secrets.randbelow(last - first - count + 1)
        head = min(count, WITH_VECTORS) if not found else 0
        found += [Page(start, head, True)] if head else []
        found += [Page(start + head, count - head)] if count > head else []
    return found
