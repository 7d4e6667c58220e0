"""MongoDB in every state: SecantusDB, and scripted where it knows no such state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import ip_address

from leftopen.model import Target, Verdict
from leftopen.servers.mongodb import fill, secantus
from leftopen.testing import start
from tests.rows.row import Row, Rows


@contextlib.contextmanager
def _served(*, filled: bool = True, auth: bool = False) -> Iterator[Target]:
    with start(secantus, auth=auth) as server:
        if filled:
            fill(server, "town", "people", [{"email": f"p{n}@example.org"} for n in range(20)])
        yield Target(ip_address(server.address), server.port)


ROWS = Rows(
    "mongodb",
    [
        Row("open", _served, Verdict.OPEN),
        # it lists its own databases; an empty list is UNDETERMINED (tests/engines/test_mongodb.py)
        Row("empty", lambda: _served(filled=False), Verdict.OPEN),
        Row("authentication on", lambda: _served(auth=True), Verdict.AUTH_REQUIRED),
    ],
    absent={
        "metadata only": "roles are given to users only; without a name all or nothing is allowed",
        "read-only": "a read-only node (hello says so) cannot be started here; scripted in "
        "tests/engines/test_mongodb.py",
    },
)
