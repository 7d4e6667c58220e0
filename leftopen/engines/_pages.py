"""Pages of a list that a server gives by offset: from random places, smaller where too large.

For servers that can neither draw at random nor score cheaply. A vector is large and says the same
in every record: the first few tell what made them, so only those are read with it. No I/O of its
own.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.errors import BudgetSpent
from leftopen.net.connection import Connection

T = TypeVar("T")

PAGE = 64  # records
WITH_VECTORS = 20  # records of one collection that are read with their vectors
REACH = 50_000  # records: to skip is work for a server, so pages lie within the first of them
_SHRINK = 8  # a page that is too large is cut into as many
_REQUESTS = 64


@dataclass(frozen=True, slots=True)
class Page:
    """`count` records from number `start` on, with their vectors or without."""

    start: int
    count: int
    vectors: bool = False

    @property
    def size(self) -> int:
        """How many records a page has for servers that count in pages: `start` is a multiple."""
        small = PAGE // _SHRINK
        return PAGE if self.count > small else small if self.count > 1 else 1

    @property
    def number(self) -> int:
        """Which page of `size` it is for those servers, from 1."""
        return self.start // self.size + 1


Fetch = Callable[[Page], Awaitable[Sequence[Mapping[str, Any]]]]


def smaller(count: int) -> int:
    """How many records to ask for where the answer for `count` was over the limit of a reply."""
    return max(1, count // _SHRINK)


def plan(
    total: int | None, rows: int, *, reach: int | None = REACH, vectors: bool = False
) -> list[Page]:
    """The pages to ask for: all of a short list, else some at random that do not overlap.

    Without a total they follow each other from the first record. None lies beyond the first `reach`
    records. With `vectors`, the first records are a page of their own, with theirs.
    """
    if total is None or total <= rows:
        end = rows if total is None else total
        end = end if reach is None else min(end, reach)
        pages = [Page(at, min(PAGE, end - at)) for at in range(0, end, PAGE)]
    else:
        whole = total if reach is None else min(total, reach // PAGE * PAGE)
        there, wanted = -(-whole // PAGE), -(-rows // PAGE)
        drawn = secrets.SystemRandom().sample(range(there), min(there, wanted + 1))
        if there - 1 not in drawn[:wanted]:  # else one more, for the last may be short
            drawn = drawn[:wanted]
        pages = [Page(number * PAGE, PAGE) for number in sorted(drawn)]
    if not pages or not vectors:
        return pages
    first, *others = pages
    head = Page(first.start, min(first.count, WITH_VECTORS), True)
    rest = Page(first.start + head.count, first.count - head.count)
    return [head, *([rest] if rest.count else []), *others]


async def in_pages(
    connection: Connection,
    fetch: Fetch,
    total: int | None,
    limits: StoreLimits,
    *,
    reach: int | None = REACH,
    vectors: bool = False,
) -> AsyncIterator[pa.RecordBatch]:
    """One batch a page, until there are `limits.rows` rows or `limits.reply_bytes` were read.

    `fetch(page)` brings the records of one page; without a total, one that brings none is the end.
    Raises what `fetch` raises; BudgetSpent where one record alone is over the limit of a reply.
    """
    left, spent_bytes = limits.rows, 0
    pages = plan(total, limits.rows, reach=reach, vectors=vectors)
    for _ in range(_REQUESTS):
        if not pages or left <= 0 or spent_bytes >= limits.reply_bytes:
            return
        page = pages.pop(0)
        before = connection.bytes_read
        try:
            found = await fetch(page)
        except BudgetSpent as spent:
            if spent.code != "reply_too_large" or page.count == 1:
                raise
            part = smaller(page.size)
            pages = [cut for one in (page, *pages) for cut in _cut(one, part, page.vectors)]
            continue
        if not found and total is None:
            return
        spent_bytes += connection.bytes_read - before
        if kept := found[: min(page.count, left)]:
            left -= len(kept)
            yield sampling.documents(kept)


def _cut(page: Page, part: int, vectors: bool) -> list[Page]:
    """A page in parts of that size, if it is of the kind that was too large."""
    if page.vectors is not vectors:
        return [page]
    end = page.start + page.count
    return [Page(at, min(part, end - at), vectors) for at in range(page.start, end, part)]


async def fitting(ask: Callable[[int], Awaitable[T]], size: int) -> tuple[T, int]:
    """What `ask` brings for `size` records, or for fewer where their answer is over the limit.

    For servers that go on from a record rather than from an offset. Returns the answer and the
    number that was asked for. Raises what `ask` raises; BudgetSpent where one record alone is over
    the limit of a reply.
    """
    while True:
        try:
            return await ask(size), size
        except BudgetSpent as spent:
            if spent.code != "reply_too_large" or size <= 1:
                raise
        size = smaller(size)
