"""A sample of a long list that a server gives by offset: a few pages of it, from random places.

For servers that can neither draw at random nor score cheaply. To skip is work for a server, so
pages lie within the first _REACH records. No I/O of its own.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.errors import BudgetSpent
from leftopen.net.connection import Connection

Fetch = Callable[[int, int], Awaitable[Sequence[Mapping[str, Any]]]]

PAGE = 64  # records
SMALL_PAGE = 8  # records, where a page was larger than a reply may be; then one by one
_REACH = 50_000  # records
_REQUESTS = 64


def plan(total: int | None, rows: int) -> list[tuple[int, int]]:
    """Offset and count of the pages to ask for: all of a short list, else some that do not overlap.

    Each begins at a multiple of PAGE, for servers that count in pages. Without a total they follow
    each other from the first record.
    """
    if total is None or total <= rows:
        end = rows if total is None else total
        return [(at, min(PAGE, end - at)) for at in range(0, end, PAGE)]
    pages, wanted = -(-min(total, _REACH) // PAGE), -(-rows // PAGE)
    drawn = secrets.SystemRandom().sample(range(pages), pages)
    if pages - 1 in drawn[:wanted]:  # the last may be short
        wanted += 1
    return [(number * PAGE, PAGE) for number in sorted(drawn[:wanted])]


async def in_pages(
    connection: Connection, fetch: Fetch, total: int | None, limits: StoreLimits
) -> AsyncIterator[pa.RecordBatch]:
    """One batch a page, until there are `limits.rows` rows or `limits.reply_bytes` were read.

    `fetch(offset, count)` brings the records of one page; without a total, one that brings none is
    the end. Raises what `fetch` raises; BudgetSpent where one record alone is over the limit of a
    reply.
    """
    left, spent_bytes = limits.rows, 0
    pages = plan(total, limits.rows)
    for _ in range(_REQUESTS):
        if not pages or left <= 0 or spent_bytes >= limits.reply_bytes:
            return
        at, count = pages.pop(0)
        before = connection.bytes_read
        try:
            found = await fetch(at, count)
        except BudgetSpent as spent:
            if spent.code != "reply_too_large" or count == 1:
                raise
            part = SMALL_PAGE if count > SMALL_PAGE else 1
            parts = range(at, at + count, part)
            pages[:0] = [(start, min(part, at + count - start)) for start in parts]
            continue
        if not found and total is None:
            return
        spent_bytes += connection.bytes_read - before
        if kept := found[: min(count, left)]:
            left -= len(kept)
            yield sampling.documents(kept)
