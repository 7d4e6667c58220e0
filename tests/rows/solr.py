"""The states a Solr can be met in: real nodes with and without its authentication and rules."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import ip_address

from leftopen.model import Target, Verdict
from leftopen.servers.base import Server
from leftopen.servers.solr import allow, fill, solr
from leftopen.testing import shared
from tests.rows.row import Row, Rows

PASSWORD = "Invented-Horse-7"
PEOPLE = [
    {
        "id": f"{n:04}",
        "name": name,
        "email": f"{name.lower().replace(' ', '.')}{n}@example.org",
        "born": f"19{n % 100:02}-03-14",
        "phones": [f"+49 731 555{n:04}"],
    }
    for n, name in enumerate(["Ann Lee", "Bo Karlsson", "Cem Yildiz", "Dora Weiss"] * 75)
]
# Predefined permissions that callers without a name have.
READERS = ("read", "core-admin-read", "security-read")
LISTERS = ("core-admin-read",)
_filled: set[str] = set()


def opened() -> Server:
    """Open to everybody, filled once a run."""
    server = shared(solr, cores=("people", "orders", "drafts"), plain=("visits",))
    if server.where not in _filled:
        _filled.add(server.where)
        for core in ("people", "visits"):
            fill(server, core, PEOPLE)
        fill(server, "orders", [{"id": str(n), "total": str(n * 7)} for n in range(20)])
    return server


def locked(allowed: tuple[str, ...] = ()) -> Server:
    """With BasicAuth; `allowed` is what callers without a name may do, until the next call."""
    server = shared(solr, cores=("people",), password=PASSWORD)
    if server.where not in _filled:
        _filled.add(server.where)
        fill(server, "people", PEOPLE[:5], password=PASSWORD)
    allow(server, allowed, PASSWORD)
    return server


@contextlib.contextmanager
def _lent(server: Server) -> Iterator[Target]:
    yield Target(ip_address(server.address), server.port)


ROWS = Rows(
    "solr",
    [
        Row("open", lambda: _lent(opened()), Verdict.OPEN, can_write="yes"),
        Row("empty", lambda: _lent(shared(solr)), Verdict.OPEN, can_write="yes"),
        Row("authentication on", lambda: _lent(locked()), Verdict.AUTH_REQUIRED),
        Row("metadata only", lambda: _lent(locked(LISTERS)), Verdict.OPEN_PARTIAL),
        Row("read-only", lambda: _lent(locked(READERS)), Verdict.OPEN, can_write="no"),
    ],
    absent={},
)
