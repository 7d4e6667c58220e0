"""The states of a memcached. SASL and binary-only servers are rows of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.servers.memcached import fill, memcached
from leftopen.testing import start
from tests.rows.row import Row, Rows, at

PEOPLE = {f"user:{n}": f'{{"name": "Ann Lee", "email": "ann{n}@example.org"}}' for n in range(20)}


@contextlib.contextmanager
def _server(items: Mapping[str, str], **options: Any) -> Iterator[Target]:
    with start(memcached, **options) as server:
        fill(server, items)
        yield at(server)


@contextlib.contextmanager
def _untouched(**options: Any) -> Iterator[Target]:
    with start(memcached, **options) as server:
        yield at(server)


ROWS = Rows(
    "memcached",
    rows=[
        Row("open", lambda: _server(PEOPLE), Verdict.OPEN),
        Row("empty", lambda: _server({}), Verdict.OPEN),
        Row("authentication on", lambda: _untouched(password="a long one"), Verdict.AUTH_REQUIRED),
        Row("SASL", lambda: _untouched(password="x", lock="sasl"), Verdict.AUTH_REQUIRED),
        Row("metadata only", lambda: _server(PEOPLE, dumping=False), Verdict.OPEN_PARTIAL),
        Row("binary only", lambda: _untouched(protocol="binary"), Verdict.OPEN_PARTIAL),
    ],
    absent={"read-only": "memcached has no roles: whoever may read an item may set it"},
)
