"""The states in which a Qdrant can be met, scripted from its OpenAPI document and its guides."""

from __future__ import annotations

import contextlib

from leftopen.model import Target, Verdict
from leftopen.testing import peer
from tests.rows.row import Row, Rows
from tests.scripted_http import Answer, Asked, Site, behaviour

IDENTITY = {"title": "qdrant - vector search engine", "version": "1.12.4", "commit": "0f1e2d3c"}
NO_KEY = Answer(b"Must provide an API key or an Authorization bearer token", 401)
PEOPLE = [
    {"id": n, "payload": {"name": f"Ann Lee {n}", "email": f"ann.lee{n}@example.org"}}
    for n in range(1, 31)
]


def ok(result: object) -> Answer:
    return Answer({"result": result, "status": "ok", "time": 1.3e-05})


def error(words: str, status: int) -> Answer:
    return Answer({"status": {"error": words}, "time": 2.2e-06}, status)


def qdrant(**replaced: Answer) -> Site:
    """A whole open server; `root`, `list`, `info`, `missing`, `scroll`, `query` replace answers."""

    def site(asked: Asked) -> Answer:
        path = asked.path
        if path == "/":
            return replaced.get("root", Answer(IDENTITY))
        if path == "/collections":
            return replaced.get("list", ok({"collections": [{"name": "people"}]}))
        if path == "/collections/people":
            info = {"status": "green", "points_count": len(PEOPLE), "segments_count": 2}
            return replaced.get("info", ok(info))
        if path == "/collections/people/points/scroll" and asked.method == "POST":
            return replaced.get("scroll", _scrolled(asked))
        if path == "/collections/people/points/query" and asked.method == "POST":
            return replaced.get("query", ok({"points": PEOPLE[: asked.json()["limit"]]}))
        name = path.removeprefix("/collections/").partition("/")[0]
        missing = error(f"Not found: Collection `{name}` doesn't exist!", 404)
        return replaced.get("missing", missing)

    return site


def _scrolled(asked: Asked) -> Answer:
    query = asked.json()
    first = (query.get("offset") or 1) - 1
    points = [{**point, "vector": None} for point in PEOPLE[first : first + query["limit"]]]
    if query["with_vector"]:
        points = [{**point, "vector": [0.5, 0.25]} for point in points]
    after = first + query["limit"] + 1
    return ok({"points": points, "next_page_offset": after if after <= len(PEOPLE) else None})


def _peer(**replaced: Answer) -> contextlib.AbstractContextManager[Target]:
    return peer(behaviour(qdrant(**replaced)))


def _row(name: str, verdict: Verdict, **replaced: Answer) -> Row:
    return Row(name, lambda: _peer(**replaced), verdict, real=False)


ROWS = Rows(
    "qdrant",
    rows=[
        _row("open", Verdict.OPEN),
        _row("empty", Verdict.OPEN, list=ok({"collections": []})),
        # a key of its own: `/` answers all the same
        _row("authentication on", Verdict.AUTH_REQUIRED, list=NO_KEY, scroll=NO_KEY),
        # behind a proxy that lets GET through and nothing else
        _row("metadata only", Verdict.OPEN_PARTIAL, scroll=Answer(b"<html>403</html>", 403)),
        _row("old version", Verdict.AUTH_REQUIRED, list=Answer(b"Invalid api-key", 403)),
    ],
    absent={"read-only": "read-only is a kind of key; without one all is allowed or nothing"},
)
