"""OpenSearch in every state, with its own security plugin; all real."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import ip_address

from leftopen.model import Target, Verdict
from leftopen.servers.base import Server
from leftopen.servers.opensearch import fill, opensearch
from leftopen.testing import shared, start
from tests.rows.row import Row, Rows

PASSWORD = "a-Long-one-17"


def _target(server: Server) -> Target:
    return Target(ip_address(server.address), server.port)


@contextlib.contextmanager
def _open() -> Iterator[Target]:
    server = shared(opensearch)
    people = ({"_id": str(n), "email": f"p{n}@example.org"} for n in range(20))
    with contextlib.suppress(RuntimeError):  # they are there already: this row was met before
        fill(server, "people", people)
    yield _target(server)


@contextlib.contextmanager
def _empty() -> Iterator[Target]:
    with start(opensearch) as server:
        yield _target(server)


@contextlib.contextmanager
def _locked(*permissions: str) -> Iterator[Target]:
    yield _target(shared(opensearch, password=PASSWORD, anonymous=permissions or None))


ROWS = Rows(
    "elasticsearch",
    [
        Row("open", _open, Verdict.OPEN),
        Row("empty", _empty, Verdict.OPEN),
        Row("authentication on", _locked, Verdict.AUTH_REQUIRED),
        Row("metadata only", lambda: _locked("cluster:monitor/main"), Verdict.OPEN_PARTIAL),
    ],
    absent={
        "read-only": "roles say what visitors may do; `/_plugins/_security/authinfo` names roles, "
        "not rights, so that no answer says that nothing may be written",
    },
)
