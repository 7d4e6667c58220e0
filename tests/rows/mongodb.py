"""MongoDB in every state: SecantusDB, and scripted where it knows no such state."""

from __future__ import annotations

from leftopen.model import Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.mongodb import fill, secantus
from leftopen.testing import shared
from tests.rows.row import Row, Rows, lends, once_a_run


@once_a_run
def filled(*, auth: bool = False) -> Server:
    """A server with invented people in it."""
    server = secantus(auth=auth)
    with unless_failed(server):
        fill(server, "town", "people", [{"email": f"p{n}@example.org"} for n in range(20)])
    return server


ROWS = Rows(
    "mongodb",
    [
        Row("open", lends(filled), Verdict.OPEN),
        # it lists its own databases; an empty list is UNDETERMINED (tests/engines/test_mongodb.py)
        Row("empty", lends(shared, secantus), Verdict.OPEN),
        Row("authentication on", lends(filled, auth=True), Verdict.AUTH_REQUIRED),
    ],
    absent={
        "metadata only": "roles are given to users only; without a name all or nothing is allowed",
        "read-only": "a read-only node (hello says so) cannot be started here; scripted in "
        "tests/engines/test_mongodb.py",
    },
)
