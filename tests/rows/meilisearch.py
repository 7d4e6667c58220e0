"""The states a Meilisearch can be met in, scripted: no package of it can be installed here.

The site answers as meilisearch.com/docs says (API reference: Indexes, Documents, Keys, Stats,
Version; Error codes).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.testing import peer
from tests.rows.row import Row, Rows
from tests.scripted_http import Answer, Asked, Site, behaviour

PEOPLE = [{"id": n, "name": f"Ann {n}", "email": f"ann{n}@example.org"} for n in range(300)]


def error(status: int, code: str, message: str = "No.", kind: str = "invalid_request") -> Answer:
    link = f"https://docs.meilisearch.com/errors#{code}"
    return Answer({"message": message, "code": code, "type": kind, "link": link}, status)


@dataclass
class Meili:
    """A Meilisearch: the documents of each index; `key` is its master key, `closed` the indexes
    that something in front of it refuses."""

    indexes: Mapping[str, list[Any]] = field(default_factory=dict)
    key: bool = False
    closed: frozenset[str] = frozenset()
    old: bool = False  # before 0.28: bare arrays
    version: str = "1.11.3"
    instead: Mapping[str, Answer] = field(default_factory=dict)  # by path

    def __call__(self, asked: Asked) -> Answer:
        assert asked.method == "GET"
        assert "authorization" not in asked.headers
        if asked.path in self.instead:
            return self.instead[asked.path]
        if asked.path == "/health":
            return Answer({"status": "available"})
        if self.key:
            return error(401, "missing_authorization_header", kind="auth")
        if asked.path == "/keys":
            return error(401, "missing_master_key", kind="auth")
        if asked.path == "/version":
            return Answer({"commitSha": "0d2a", "commitDate": "x", "pkgVersion": self.version})
        if asked.path == "/stats":
            told = {uid: {"numberOfDocuments": len(d)} for uid, d in self.indexes.items()}
            return Answer({"databaseSize": 9, "lastUpdate": None, "indexes": told})
        if asked.path == "/indexes":
            made = {"createdAt": "x", "updatedAt": "x", "primaryKey": "id"}
            return self._page([{"uid": uid, **made} for uid in self.indexes], asked.query, 20)
        _, _, uid, *rest = asked.path.split("/")
        if uid not in self.indexes:
            return error(404, "index_not_found", f"Index `{uid}` not found.")
        assert rest == ["documents"]
        if uid in self.closed:
            return error(403, "invalid_api_key", kind="auth")
        docs = self.indexes[uid]
        if "fields" in asked.query:
            docs = [{k: v for k, v in doc.items() if k == asked.query["fields"]} for doc in docs]
        return self._page(docs, asked.query, 20)

    def _page(self, found: list[Any], query: Mapping[str, str], default: int) -> Answer:
        offset, limit = int(query.get("offset", "0")), int(query.get("limit", str(default)))
        results = found[offset : offset + limit]
        if self.old:
            return Answer(results)
        page = {"results": results, "offset": offset, "limit": limit, "total": len(found)}
        return Answer(page)


def _served(site: Site) -> contextlib.AbstractContextManager[Target]:
    return peer(behaviour(site))


OPEN = Meili({"people": PEOPLE, "orders": [{"id": 1, "total": 7}]})
LISTED = Meili({"people": PEOPLE}, closed=frozenset({"people"}))
ROWS = Rows(
    "meilisearch",
    [
        Row("open", lambda: _served(OPEN), Verdict.OPEN, real=False, can_write="yes"),
        Row("empty", lambda: _served(Meili()), Verdict.OPEN, real=False, can_write="yes"),
        Row("authentication on", lambda: _served(Meili(key=True)), Verdict.AUTH_REQUIRED,
            real=False),
        Row("metadata only", lambda: _served(LISTED), Verdict.OPEN_PARTIAL, real=False),
        Row("old version", lambda: _served(Meili({"people": PEOPLE}, old=True, version="0.27.2")),
            Verdict.OPEN, real=False),
    ],
    absent={"read-only": "without a master key everybody may write; with one nobody may read"},
)  # fmt: skip
