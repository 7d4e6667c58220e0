"""The states in which a Kibana or an OpenSearch Dashboards can be met, scripted from the reference
of their REST APIs and from answers shown in their documentation and issues."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from leftopen.model import Target, Verdict
from leftopen.testing import peer
from tests.rows.row import Row, Rows
from tests.scripted_http import Answer, Asked, Site, behaviour

KIBANA = {"kbn-name": "desk", "kbn-license-sig": "3a7f"}
DASHBOARDS = {"osd-name": "desk"}
ATTRIBUTES: Mapping[str, Sequence[Mapping[str, str]]] = {
    "index-pattern": [{"title": "patients-*", "timeFieldName": "@timestamp"}, {"title": "logs-*"}],
    "query": [{"title": "one person", "query": '{"query": "email:ann.lee@example.org"}'}],
    "dashboard": [{"title": f"Ward {n}", "description": "by Ann Lee"} for n in range(40)],
}
STATUS = {
    "name": "desk", "uuid": "5b2de169-2785-441b-ae8c-186a1936b17d",
    "version": {"number": "8.15.0", "build_number": 76360, "build_snapshot": False},
    "status": {"overall": {"level": "available", "summary": "All services are available"}},
}  # fmt: skip


def error(status: int, name: str, words: str) -> Answer:
    return Answer({"statusCode": status, "error": name, "message": words}, status)


UNAUTHORIZED = error(401, "Unauthorized", "Unauthorized")
FORBIDDEN = error(403, "Forbidden", "Unable to find index-pattern")
TO_LOGIN = Answer(b"", 302, {"location": "/login?next=%2Fapi%2Fsaved_objects%2F_find"})
NOT_AVAILABLE = error(400, "Bad Request", "uri is not available with the current configuration")


def kibana(headers: Mapping[str, str] = KIBANA, **replaced: Answer) -> Site:
    """A whole open server; `find`, `missing`, `views`, `spaces`, `status` replace its answers."""

    def answered(asked: Asked) -> Answer:
        path = asked.path
        if path == "/api/saved_objects/_find":
            return replaced.get("find", _found(asked))
        if path == "/api/data_views":
            return replaced.get("views", Answer({"data_view": []}))
        if path == "/api/spaces/space":
            return replaced.get("spaces", Answer([{"id": "default", "name": "Default"}]))
        if path == "/api/status":
            return replaced.get("status", Answer(STATUS))
        words = f"Saved object [index-pattern/{path.rpartition('/')[2]}] not found"
        return replaced.get("missing", error(404, "Not Found", words))

    def site(asked: Asked) -> Answer:
        answer = answered(asked)
        return Answer(answer.body, answer.status, {**headers, **answer.headers})

    return site


def _found(asked: Asked) -> Answer:
    kind, count = asked.query["type"], int(asked.query["per_page"])
    held = ATTRIBUTES.get(kind, [])
    start = (int(asked.query.get("page", "1")) - 1) * count
    listed = [
        {"type": kind, "id": f"{kind}-{n}", "attributes": held[n], "references": [], "score": 0}
        for n in range(start, min(start + count, len(held)))
    ]
    told = {"page": 1, "per_page": count, "total": len(held), "saved_objects": listed}
    return Answer(told)


def _peer(
    headers: Mapping[str, str], **answers: Answer
) -> contextlib.AbstractContextManager[Target]:
    return peer(behaviour(kibana(headers, **answers)))


def _row(
    name: str, verdict: Verdict, headers: Mapping[str, str] = KIBANA, **answers: Answer
) -> Row:
    return Row(name, lambda: _peer(headers, **answers), verdict, real=False)


EMPTY = Answer({"page": 1, "per_page": 1, "total": 0, "saved_objects": []})
ROWS = Rows(
    "kibana",
    rows=[
        _row("open", Verdict.OPEN),
        _row("open, another product", Verdict.OPEN, DASHBOARDS),
        _row("empty", Verdict.OPEN, find=EMPTY),
        _row("authentication on", Verdict.AUTH_REQUIRED, find=UNAUTHORIZED),
        _row("authentication on, old version", Verdict.AUTH_REQUIRED, find=TO_LOGIN),
        # anonymous access with a role that may see the spaces alone
        _row("metadata only", Verdict.OPEN_PARTIAL, find=FORBIDDEN),
    ],
    absent={"read-only": "told only to its own pages, in an answer too large for a verdict"},
)
