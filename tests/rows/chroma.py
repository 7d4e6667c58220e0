"""The states in which a Chroma can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.chroma import chroma, fill, gate
from leftopen.testing import peer, shared, start
from tests.rows.row import Row, Rows, at, lends, once_a_run
from tests.scripted_http import Answer, Asked, Site, behaviour

ID = "4ceceff2-8802-4edb-894c-ebf2bcba5018"
V2 = "/api/v2/tenants/default_tenant/databases/default_database"
UNKNOWN = Answer({"detail": "Not Found"}, 404)  # FastAPI's word for a path it has not
FORBIDDEN = Answer({"error": "AuthError", "message": "Forbidden"}, 403)
RECORD = {"ids": ["p1"], "embeddings": None, "documents": None, "uris": None,
          "metadatas": [{"email": "ann.lee@example.org"}], "include": ["metadatas"]}  # fmt: skip


def old_server(**replaced: Answer) -> Site:
    """A Chroma of 0.4 to 0.5.15, which knows /api/v1 only; `list`, `get` replace its answers."""

    def site(asked: Asked) -> Answer:
        if asked.path == "/api/v1/heartbeat":
            return Answer({"nanosecond heartbeat": 1_790_000_000_000_000_000})
        if asked.path == "/api/v1/version":
            return Answer("0.5.5")
        if asked.path == "/api/v1/collections":
            return replaced.get("list", Answer([{"id": ID, "name": "people", "metadata": None}]))
        if asked.path == f"/api/v1/collections/{ID}/count":
            return replaced.get("count", Answer(1))
        if asked.path == f"/api/v1/collections/{ID}/get":
            return replaced.get("get", Answer(RECORD))
        if asked.path.startswith("/api/v1/collections/"):
            if replaced.get("list", UNKNOWN).status == 403:
                return FORBIDDEN
            words = f"Collection {asked.path.rpartition('/')[2]} does not exist."
            return Answer({"error": "InvalidCollection", "message": words}, 400)
        return UNKNOWN

    return site


@once_a_run
def filled() -> Server:
    """A server with some invented people in it."""
    server = chroma()
    people: list[dict[str, Any]] = [
        {
            "id": f"p{n}",
            "embedding": [float(n), 1.0, 0.5],
            "metadata": {"email": f"ann.lee{n}@example.org", "age": 20 + n % 60},
            "document": f"Ann Lee {n} lives in Ulm and had her appendix taken out.",
        }
        for n in range(30)
    ]
    with unless_failed(server):
        fill(server, "people", people)
    return server


@contextlib.contextmanager
def _behind_a_gate() -> Iterator[Target]:
    with start(gate, filled(), "not to be guessed") as server:
        yield at(server)


def _old(**replaced: Answer) -> contextlib.AbstractContextManager[Target]:
    return peer(behaviour(old_server(**replaced)))


ROWS = Rows(
    "chroma",
    rows=[
        Row("open", lends(filled), Verdict.OPEN),
        Row("empty", lends(shared, chroma), Verdict.OPEN),
        Row("authentication on", _behind_a_gate, Verdict.AUTH_REQUIRED),
        Row(
            "authentication on, old version",
            lambda: _old(list=FORBIDDEN, get=FORBIDDEN),
            Verdict.AUTH_REQUIRED,
            real=False,
        ),
        Row("old version", _old, Verdict.OPEN, real=False),
        # 0.5 has a setting of paths that need no token
        Row("metadata only", lambda: _old(get=FORBIDDEN), Verdict.OPEN_PARTIAL, real=False),
    ],
    absent={"read-only": "Chroma tells a client nowhere what it may write"},
)
