"""OpenSearch in every state, with its own security plugin; all real."""

from __future__ import annotations

from leftopen.model import Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.opensearch import fill, opensearch
from leftopen.testing import shared
from tests.rows.row import Row, Rows, lends, once_a_run

PASSWORD = "Correct-Horse-9-Battery"  # the plugin refuses weak ones


@once_a_run
def filled() -> Server:
    """A node that anybody may read and write, with invented people in it."""
    server = opensearch()
    with unless_failed(server):
        fill(server, "people", ({"_id": str(n), "email": f"p{n}@example.org"} for n in range(20)))
    return server


@once_a_run
def locked() -> Server:
    """A node that asks everybody for PASSWORD."""
    server = opensearch(password=PASSWORD)
    with unless_failed(server):
        fill(server, "people", [{"name": "Ann"}], password=PASSWORD)
    return server


LISTED = lends(shared, opensearch, password=PASSWORD, anonymous=("cluster:monitor/main",))


ROWS = Rows(
    "elasticsearch",
    [
        Row("open", lends(filled), Verdict.OPEN),
        Row("empty", lends(shared, opensearch), Verdict.OPEN),
        Row("authentication on", lends(locked), Verdict.AUTH_REQUIRED),
        Row("metadata only", LISTED, Verdict.OPEN_PARTIAL),
    ],
    absent={
        "read-only": "roles say what visitors may do; `/_plugins/_security/authinfo` names roles, "
        "not rights, so that no answer says that nothing may be written",
    },
)
