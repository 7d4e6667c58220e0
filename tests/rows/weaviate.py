"""The states in which a Weaviate can be met, scripted from its OpenAPI document and its guides."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping, Sequence

from leftopen.model import Target, Verdict
from leftopen.testing import peer
from tests.rows.row import Row, Rows
from tests.scripted_http import Answer, Asked, Site, behaviour

NO_ANONYMOUS = Answer(
    {"code": 401, "message": "anonymous access not enabled, please provide an auth scheme"}, 401
)
FORBIDDEN = Answer(
    {"error": [{"message": "rbac: authorization, forbidden action: user 'anonymous' has "
                           "insufficient permissions to read_data"}]}, 403,
)  # fmt: skip
IDS = sorted(str(uuid.uuid5(uuid.NAMESPACE_DNS, f"person-{n}")) for n in range(30))
PEOPLE: list[dict[str, object]] = [
    {
        "class": "Person", "id": key, "creationTimeUnix": 1, "lastUpdateTimeUnix": 1,
        "properties": {"name": f"Ann Lee {n}", "email": f"ann.lee{n}@example.org"},
        "vectorWeights": None,
    }
    for n, key in enumerate(IDS)
]  # fmt: skip
NODES = {"nodes": [{"name": "node1", "status": "HEALTHY", "shards": [
    {"class": "Person", "name": "x9", "objectCount": 30}]}]}  # fmt: skip


def objects(listed: Sequence[Mapping[str, object]]) -> Answer:
    return Answer({"deprecations": [], "objects": listed, "totalResults": len(listed)})


def weaviate(**replaced: Answer) -> Site:
    """A whole open server; `objects`, `word`, `schema`, `nodes`, `tenants` replace its answers."""

    def site(asked: Asked) -> Answer:
        path = asked.path
        if path == "/v1/objects":
            return replaced.get("objects", _listed(asked))
        if path.startswith("/v1/objects/"):
            words = f'id in path must be of type uuid: "{path.rpartition("/")[2]}"'
            return replaced.get("word", Answer({"code": 601, "message": words}, 422))
        if path == "/v1/schema":
            return replaced.get("schema", Answer({"classes": [{"class": "Person"}]}))
        if path == "/v1/nodes":
            return replaced.get("nodes", Answer(NODES))
        if path.endswith("/tenants"):
            return replaced.get("tenants", Answer([]))
        return Answer({"code": 404, "message": f"path {path} was not found"}, 404)

    return site


def _listed(asked: Asked) -> Answer:
    after = asked.query.get("after", "")
    some = [one for one in PEOPLE if str(one["id"]) > after][: int(asked.query["limit"])]
    if asked.query.get("include") == "vector":
        some = [{**one, "vector": [0.5, 0.25]} for one in some]
    return objects(some)


def _peer(**replaced: Answer) -> contextlib.AbstractContextManager[Target]:
    return peer(behaviour(weaviate(**replaced)))


def _row(name: str, verdict: Verdict, **replaced: Answer) -> Row:
    return Row(name, lambda: _peer(**replaced), verdict, real=False)


ROWS = Rows(
    "weaviate",
    rows=[
        _row("open", Verdict.OPEN),
        _row("empty", Verdict.OPEN, objects=objects([]), schema=Answer({"classes": []})),
        _row(
            "authentication on", Verdict.AUTH_REQUIRED,
            objects=NO_ANONYMOUS, word=NO_ANONYMOUS, schema=NO_ANONYMOUS,
        ),
        # roles that let anonymous clients see the schema and no data
        _row("metadata only", Verdict.OPEN_PARTIAL, objects=FORBIDDEN),
        _row("anonymous without rights", Verdict.ACL_CLOSED, objects=FORBIDDEN, schema=FORBIDDEN),
    ],
    absent={"read-only": "its admin list may allow reads only, but it tells a client so nowhere"},
)  # fmt: skip
