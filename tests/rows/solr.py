"""The states a Solr can be met in: real nodes with and without its authentication and rules."""

from __future__ import annotations

from leftopen.model import Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.solr import allow, fill, solr
from leftopen.testing import shared
from tests.rows.row import Row, Rows, lends, once_a_run

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


@once_a_run
def opened() -> Server:
    """Open to everybody, filled once a run."""
    server = solr(cores=("people", "orders", "drafts"), plain=("visits",))
    with unless_failed(server):
        for core in ("people", "visits"):
            fill(server, core, PEOPLE)
        fill(server, "orders", [{"id": str(n), "total": str(n * 7)} for n in range(20)])
    return server


@once_a_run
def _locked() -> Server:
    server = solr(cores=("people",), password=PASSWORD)
    with unless_failed(server):
        fill(server, "people", PEOPLE[:5], password=PASSWORD)
    return server


def locked(allowed: tuple[str, ...] = ()) -> Server:
    """With BasicAuth; `allowed` is what callers without a name may do, until the next call."""
    server = _locked()
    allow(server, allowed, PASSWORD)
    return server


ROWS = Rows(
    "solr",
    [
        Row("open", lends(opened), Verdict.OPEN, can_write="yes"),
        Row("empty", lends(shared, solr), Verdict.OPEN, can_write="yes"),
        Row("authentication on", lends(locked), Verdict.AUTH_REQUIRED),
        Row("metadata only", lends(locked, LISTERS), Verdict.OPEN_PARTIAL),
        Row("read-only", lends(locked, READERS), Verdict.OPEN, can_write="no"),
    ],
    absent={},
)
