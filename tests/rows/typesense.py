"""The states a Typesense can be met in, scripted: no package of it can be installed here.

The site answers as typesense.org/docs says (API reference: Authentication, Collections, Documents,
Search, API errors). Open is one behind a proxy that adds a key.
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

PEOPLE = [{"id": str(n), "name": f"Ann {n}", "email": f"ann{n}@example.org"} for n in range(300)]
FORBIDDEN = Answer(
    {"message": "Forbidden - a valid `x-typesense-api-key` header must be sent."}, 401
)
ALL = frozenset({"collections:list", "documents:search", "documents:get", "debug:list"})
FIELDS = [{"name": "points", "type": "int32"}, {"name": "name", "type": "string", "facet": False}]


@dataclass
class Type:
    """A Typesense: the documents of each collection; `actions` are those of the proxy's key."""

    stored: Mapping[str, list[Any]] = field(default_factory=dict)
    actions: frozenset[str] = ALL
    fields: Any = field(default_factory=lambda: FIELDS)
    instead: Mapping[str, Answer] = field(default_factory=dict)  # by path

    def __call__(self, asked: Asked) -> Answer:
        assert asked.method == "GET"
        assert "x-typesense-api-key" not in asked.headers
        if asked.path in self.instead:
            return self.instead[asked.path]
        if asked.path == "/health":
            return Answer({"ok": True})
        _, first, *rest = asked.path.split("/")
        if first == "debug":
            return self._if("debug:list", {"state": 1, "version": "27.1"})
        if first != "collections":
            return Answer({"message": "Not Found"}, 404)
        if not rest:
            listed = [self._summary(name) for name in self.stored]
            return self._if("collections:list", listed)
        name, documents, last = rest
        assert documents == "documents"
        if name not in self.stored:
            return Answer({"message": "Not Found"}, 404)
        if last == "search":
            return self._if("documents:search", self._found(name, asked.query))
        if "documents:get" not in self.actions:
            return FORBIDDEN
        return Answer({"message": f"Could not find a document with id: {last}"}, 404)

    def _if(self, action: str, told: Any) -> Answer:
        return Answer(told) if action in self.actions else FORBIDDEN

    def _summary(self, name: str) -> dict[str, Any]:
        count = len(self.stored[name])
        return {"name": name, "num_documents": count, "fields": self.fields, "created_at": 1}

    def _found(self, name: str, query: Mapping[str, str]) -> dict[str, Any]:
        assert query["query_by"] == "name"
        found = self.stored[name] if query["q"] == "*" else []
        size, page = int(query.get("per_page", "10")), int(query.get("page", "1"))
        assert size <= 250
        shown = found[(page - 1) * size : page * size]
        if "include_fields" in query:
            wanted = query["include_fields"]
            shown = [{k: v for k, v in doc.items() if k == wanted} for doc in shown]
        params = {"collection_name": name, "per_page": size, "q": query["q"]}
        hits = [{"document": doc, "highlights": []} for doc in shown]
        return {"found": len(found), "hits": hits, "page": page, "request_params": params}


def _served(site: Site) -> contextlib.AbstractContextManager[Target]:
    return peer(behaviour(site))


OPEN = Type({"people": PEOPLE, "orders": []})
SEARCH_ONLY = Type({"people": PEOPLE}, actions=frozenset({"collections:list", "documents:search"}))
LISTED = Type({"people": PEOPLE}, actions=frozenset({"collections:list", "documents:get"}))
ROWS = Rows(
    "typesense",
    [
        Row("open", lambda: _served(OPEN), Verdict.OPEN, real=False),
        Row("search only", lambda: _served(SEARCH_ONLY), Verdict.OPEN, real=False),
        # Nothing in an empty list shows that it is not a canned one.
        Row("empty", lambda: _served(Type()), Verdict.UNDETERMINED, real=False),
        Row("authentication on", lambda: _served(Type(OPEN.stored, actions=frozenset())),
            Verdict.AUTH_REQUIRED, real=False),
        Row("metadata only", lambda: _served(LISTED), Verdict.OPEN_PARTIAL, real=False),
    ],
    absent={"read-only": "the server tells nobody what the key in use may do"},
)  # fmt: skip
