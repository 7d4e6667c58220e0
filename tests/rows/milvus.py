"""The states in which a Milvus can be met, scripted from the reference of its RESTful API v2 and
from its list of error codes."""

from __future__ import annotations

import contextlib

from leftopen.model import Target, Verdict
from leftopen.testing import peer
from tests.rows.row import Row, Rows
from tests.scripted_http import Answer, Asked, Site, behaviour

V2 = "/v2/vectordb"
FIELDS = [
    {"autoId": False, "id": 100, "name": "id", "primaryKey": True, "type": "Int64"},
    {"id": 101, "name": "email", "primaryKey": False, "type": "VarChar",
     "params": [{"key": "max_length", "value": "200"}]},
    {"id": 102, "name": "face", "primaryKey": False, "type": "FloatVector",
     "params": [{"key": "dim", "value": "2"}]},
]  # fmt: skip
DESCRIBED = {
    "collectionName": "people", "collectionID": 449, "enableDynamicField": True, "fields": FIELDS,
    "load": "LoadStateLoaded", "shardsNum": 1, "indexes": [], "aliases": [],
}  # fmt: skip
PEOPLE = [
    {"id": n, "email": f"ann.lee{n}@example.org", "town": "Ulm", "face": [0.5, 0.25]}
    for n in range(30)
]


def ok(data: object) -> Answer:
    return Answer({"code": 0, "data": data})


def error(code: int, words: str, status: int = 200) -> Answer:
    return Answer({"code": code, "message": words}, status)


NO_USER = error(1800, "user hasn't authenticated", 401)
NOT_LOADED = error(101, "collection not loaded[collection=449]")


def milvus(**replaced: Answer) -> Site:
    """A whole open server; `list`, `missing`, `describe`, `stats`, `query`, `databases` replace
    its answers."""

    def site(asked: Asked) -> Answer:
        if asked.method != "POST" or not asked.path.startswith(V2):
            return Answer(b"404 page not found", 404)
        body = asked.json()
        what = asked.path.removeprefix(V2)
        if what == "/collections/list":
            return replaced.get("list", ok(["people"]))
        if what == "/databases/list":
            return replaced.get("databases", ok(["default"]))
        if body.get("collectionName") != "people":
            words = f"can't find collection[database=default][collection={body['collectionName']}]"
            return replaced.get("missing", error(100, words))
        if what == "/collections/describe":
            return replaced.get("describe", ok(DESCRIBED))
        if what == "/collections/get_stats":
            return replaced.get("stats", ok({"rowCount": len(PEOPLE)}))
        if what == "/entities/query":
            return replaced.get("query", _queried(asked))
        return Answer(b"404 page not found", 404)

    return site


def _queried(asked: Asked) -> Answer:
    query = asked.json()
    some = PEOPLE[query["offset"] :][: query["limit"]]
    fields = {"town" if field == "$meta" else field for field in query["outputFields"]}
    return ok([{k: v for k, v in one.items() if k in fields or "*" in fields} for one in some])


def _peer(**replaced: Answer) -> contextlib.AbstractContextManager[Target]:
    return peer(behaviour(milvus(**replaced)))


def _row(name: str, verdict: Verdict, **replaced: Answer) -> Row:
    return Row(name, lambda: _peer(**replaced), verdict, real=False)


ROWS = Rows(
    "milvus",
    rows=[
        _row("open", Verdict.OPEN),
        _row("empty", Verdict.OPEN, list=ok([])),
        _row("authentication on", Verdict.AUTH_REQUIRED, list=NO_USER, missing=NO_USER),
        # nothing is loaded into memory, so nothing can be read until somebody asks for that
        _row("metadata only", Verdict.OPEN_PARTIAL, query=NOT_LOADED),
        _row("old version", Verdict.OPEN, list=Answer({"code": 200, "data": ["people"]})),
    ],
    absent={"read-only": "without authentication all is allowed, and nothing says so"},
)
