"""The states an ArangoDB can be met in, scripted: no package of it can be installed here.

The site answers as docs.arangodb.com says (HTTP API: Authentication, Databases, Collections,
Queries, Users, Administration; Error codes).
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

PEOPLE = [
    {"_key": str(n), "_id": f"people/{n}", "_rev": "_x", "name": f"Ann {n}",
     "email": f"ann{n}@example.org"}
    for n in range(300)
]  # fmt: skip
WORD = "RETURN @word"
LOOK = "FOR d IN @@c LIMIT 1 RETURN [@word, IS_OBJECT(d)]"
PAGE = "FOR d IN @@c LIMIT @offset, @count RETURN d"


def error(status: int, number: int) -> Answer:
    told = {"error": True, "code": status, "errorNum": number, "errorMessage": "no"}
    challenge = {"WWW-Authenticate": 'Bearer token_type="JWT", realm="ArangoDB"'}
    return Answer(told, status, challenge if status == 401 else {})


def done(result: Any, status: int = 200) -> Answer:
    return Answer({"error": False, "code": status, "result": result}, status)


@dataclass
class Arango:
    """An ArangoDB: documents by database and collection; `locked` wants a login for everything,
    `refuses` are the queries that something in front of it refuses."""

    databases: Mapping[str, Mapping[str, list[Any]]] = field(default_factory=dict)
    locked: bool = False
    refuses: frozenset[str] = frozenset()
    mode: str = "default"
    administers: bool = True
    instead: Mapping[str, Answer] = field(default_factory=dict)  # by path

    def __call__(self, asked: Asked) -> Answer:
        assert "authorization" not in asked.headers
        if asked.path in self.instead:
            return self.instead[asked.path]
        if self.locked:
            return error(401, 11)
        if asked.path.endswith("/_api/cursor"):
            return self._cursor(asked)
        assert asked.method == "GET"
        if asked.path == "/_api/version":
            return Answer({"server": "arango", "license": "community", "version": "3.11.4"})
        if asked.path == "/_api/database/user":
            return done(["_system", *self.databases])
        if asked.path == "/_admin/server/mode":
            return Answer({"error": False, "code": 200, "mode": self.mode})
        if asked.path.startswith("/_api/user/"):
            return error(404, 1703) if self.administers else error(403, 11)
        _, _, database, _, _, *rest = asked.path.split("/")
        collections = self.databases.get(database, {})
        if not rest:
            assert asked.query == {"excludeSystem": "true"}
            return done([{"name": n, "isSystem": False, "status": 3} for n in collections])
        name, what = rest
        assert what == "count"
        return Answer({"error": False, "code": 200, "count": len(collections[name])})

    def _cursor(self, asked: Asked) -> Answer:
        body = asked.json()
        assert asked.method == "POST"
        query, bound = body["query"], body["bindVars"]
        if query in self.refuses:
            return error(403, 11)
        if query == WORD:
            return done([bound["word"]], 201)
        docs = self.databases[asked.path.split("/")[2]][bound["@c"]]
        if query == LOOK:
            return done([[bound["word"], True]] if docs else [], 201)
        assert query == PAGE
        assert body["batchSize"] >= bound["count"]
        return done(docs[bound["offset"] : bound["offset"] + bound["count"]], 201)


def _served(site: Site) -> contextlib.AbstractContextManager[Target]:
    return peer(behaviour(site))


TOWN: dict[str, dict[str, list[Any]]] = {
    "town": {"people": PEOPLE, "orders": [{"_key": "1", "total": 7}]},
    "void": {},
}
OPEN = Arango(TOWN)
LISTED = Arango(TOWN, refuses=frozenset({LOOK, PAGE}))
ROWS = Rows(
    "arangodb",
    [
        Row("open", lambda: _served(OPEN), Verdict.OPEN, real=False, can_write="yes"),
        Row("empty", lambda: _served(Arango()), Verdict.OPEN, real=False, can_write="yes"),
        Row("authentication on", lambda: _served(Arango(TOWN, locked=True)),
            Verdict.AUTH_REQUIRED, real=False),
        Row("metadata only", lambda: _served(LISTED), Verdict.OPEN_PARTIAL, real=False),
        Row("read-only", lambda: _served(Arango(TOWN, mode="readonly")), Verdict.OPEN,
            real=False, can_write="no"),
        Row("no administrator", lambda: _served(Arango(TOWN, administers=False)), Verdict.OPEN,
            real=False),
    ],
    absent={},
)  # fmt: skip
