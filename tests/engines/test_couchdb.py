"""The couchdb engine against scripted peers: each status, and hostile answers.

The site below answers as docs.couchdb.org says CouchDB does (API reference: Server, Databases,
`/{db}/_all_docs`, `/{db}/_security`; Introduction: Security).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.couchdb import _PATHS, ENGINE
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NotThisProtocol,
    RequestNotAllowed,
    ServerRefused,
)
from leftopen.model import Target, Verdict
from leftopen.net.connection import Connection
from leftopen.testing import connection
from tests.engines.asking import PLAYED, Played, prober, recorder, sampled
from tests.rows.couchdb import installed, valid_user
from tests.scripted_http import Answer, Asked, Site, dialer

REFUSED = Answer({"error": "unauthorized", "reason": "You are not authorized."}, 401)


@dataclass
class Couch:
    """A CouchDB: its databases and documents by id; `closed` ones refuse to be read."""

    databases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()
    security: Any = None
    instead: Mapping[str, Answer] = field(default_factory=dict)  # by path

    def __call__(self, asked: Asked) -> Answer:
        assert asked.method == "GET"
        if asked.path in self.instead:
            return self.instead[asked.path]
        if asked.path == "/":
            return Answer({"couchdb": "Welcome", "version": "3.3.3", "features": []})
        if asked.path == "/_all_dbs":
            return Answer(["_replicator", "_users", *self.databases])
        if asked.path == "/_session":
            return Answer({"ok": True, "userCtx": {"name": None, "roles": list(self.roles)}})
        if asked.path == "/_uuids":
            return Answer({"uuids": [uuid.uuid4().hex for _ in range(int(asked.query["count"]))]})
        name, _, what = asked.path[1:].partition("/")
        if name not in self.databases:
            return Answer({"error": "not_found", "reason": "Database does not exist."}, 404)
        if name in self.closed:
            return REFUSED
        if what == "_security":
            return Answer(self.security)
        assert what == "_all_docs"
        return Answer(self._all_docs(self.databases[name], asked.query))

    def _all_docs(self, docs: Mapping[str, Any], query: Mapping[str, str]) -> Any:
        ids = sorted(docs)
        skip, limit = int(query.get("skip", "0")), int(query.get("limit", "1000000"))
        if "keys" in query:
            wanted = json.loads(query["keys"])[skip : skip + limit]
            rows = [{"key": i, "error": "not_found"} for i in wanted if i not in docs]
            return {"total_rows": len(ids), "offset": 0, "rows": rows}
        rows = [{"id": i, "key": i, "value": {"rev": "1-a"}} for i in ids[skip : skip + limit]]
        if query.get("include_docs") == "true":
            rows = [
                r | {"doc": {"_id": r["id"], "_rev": "1-a", **docs[str(r["id"])]}} for r in rows
            ]
        return {"total_rows": len(ids), "offset": skip, "rows": rows}


PEOPLE = {f"p{n:04}": {"name": "Ann", "n": n} for n in range(400)}


probe = prober(ENGINE)


async def sample(
    site: Site, limits: StoreLimits, records: int | None = None
) -> list[pa.RecordBatch]:
    return await sampled(ENGINE, site, Collection("people", records), limits)


# --- verdicts ------------------------------------------------------------------------------------


async def test_open() -> None:
    proof = await probe(Couch({"people": PEOPLE}))
    assert proof.verdict is Verdict.OPEN
    assert (proof.product, proof.version) == ("CouchDB", "3.3.3")


@pytest.mark.parametrize(
    ("roles", "security", "can_write"),
    [
        (("_admin",), None, "yes"),
        ((), {"admins": {"roles": ["_admin"]}, "members": {"roles": [], "names": []}}, "yes"),
        ((), {}, "yes"),
        ((), {"members": {"roles": ["_admin"]}}, "unknown"),
        ((), {"members": {"names": ["ann"], "roles": []}}, "unknown"),
        ((), {"members": []}, "unknown"),
        ((), "odd", "unknown"),
    ],
)
async def test_who_may_write_is_as_told(
    roles: tuple[str, ...], security: Any, can_write: str
) -> None:
    proof = await probe(Couch({"people": PEOPLE}, roles=roles, security=security))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, can_write)


async def test_empty() -> None:
    proof = await probe(Couch())
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "unknown")
    assert "there is none" in proof.reason


async def test_databases_without_documents() -> None:
    proof = await probe(Couch({"people": {}, "orders": {}}))
    assert proof.verdict is Verdict.OPEN
    assert "are empty" in proof.reason


async def test_the_first_databases_may_be_closed() -> None:
    site = Couch({"a": PEOPLE, "b": PEOPLE, "c": PEOPLE}, closed=frozenset("ab"))
    assert (await probe(site)).verdict is Verdict.OPEN


async def test_a_list_of_closed_databases() -> None:
    proof = await probe(Couch({"a": PEOPLE, "b": PEOPLE}, closed=frozenset("ab")))
    assert proof.verdict is Verdict.OPEN_PARTIAL


@pytest.mark.parametrize("site", [valid_user, installed])
async def test_locked(site: Site) -> None:
    assert (await probe(site)).verdict is Verdict.AUTH_REQUIRED


@pytest.mark.parametrize("status", [404, 429, 500, 503])
@pytest.mark.parametrize("path", ["/_all_dbs", "/people/_all_docs"])
async def test_no_answer_is_no_verdict(path: str, status: int) -> None:
    site = Couch({"people": PEOPLE}, instead={path: Answer({"error": "busy"}, status)})
    proof = await probe(site)
    # without a database to look into, no proof of life is possible but by its UUIDs
    assert proof.verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize(
    "first",
    [
        Answer(b"<html><body>Welcome</body></html>"),
        Answer({"couchdb": "Hello", "version": "1.0"}),
        Answer({"cluster_name": "town", "version": {"number": "7.17.9"}, "tagline": "You Know"}),
        Answer([1]),
        Answer({}, 404),
        Answer(b"", 302, {"Location": "http://192.0.2.1/"}),
        Answer({"error": "unauthorized"}, 401),
    ],
)
async def test_what_is_no_couchdb(first: Answer) -> None:
    assert (await probe(lambda _: first)).verdict is Verdict.NOT_THIS


async def test_a_challenge_counts_on_its_own_port_only() -> None:
    def site(asked: Asked) -> Answer:
        del asked
        return Answer(b"no", 401, {"WWW-Authenticate": "Basic"})

    assert (await probe(site)).verdict is Verdict.AUTH_REQUIRED
    elsewhere = Target(ip_address("127.0.0.1"), 80)
    async with Connection(dialer(site), elsewhere, ENGINE.requests, StoreLimits()) as link:
        assert (await ENGINE.probe(link)).verdict is Verdict.NOT_THIS


# --- canned answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("databases", [{"people": PEOPLE}, {}], ids=["filled", "empty"])
@pytest.mark.parametrize("play", PLAYED)
async def test_a_recording_is_no_server(play: Played, databases: Mapping[str, Any]) -> None:
    tape: list[tuple[Asked, Answer]] = []
    assert (await probe(recorder(Couch(databases), tape))).verdict is Verdict.OPEN
    assert (await probe(play(tape))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize(
    "uuids",
    [
        lambda count: ["a"] * count,
        lambda count: [f"{n}" for n in range(count)],  # the same ones again
        lambda count: [1] * count,
        lambda count: [f"{n}" for n in range(1_000)],
        lambda count: None,
    ],
)
async def test_uuids_that_are_none(uuids: Any) -> None:
    couch = Couch()

    def site(asked: Asked) -> Answer:
        if asked.path == "/_uuids":
            return Answer({"uuids": uuids(int(asked.query["count"]))})
        return couch(asked)

    assert (await probe(site)).verdict is Verdict.NOT_THIS


# --- hostile answers -----------------------------------------------------------------------------

ODD: list[Any] = [
    None, 1, "x", [], {}, [1], [{}], {"rows": 1}, {"rows": [1]}, {"rows": [{"key": 1}]},
    {"rows": [{}]}, {"total_rows": "9", "rows": None}, b"{", b"[" * 100_000, b"<html>",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:24])
@pytest.mark.parametrize("path", ["/_all_dbs", "/people/_all_docs"])
async def test_odd_answers_are_never_open(path: str, odd: Any) -> None:
    site = Couch({"people": PEOPLE}, instead={path: Answer(odd)})
    try:
        proof = await probe(site)
    except NotThisProtocol:
        return
    # an empty list of databases is an answer: then the UUIDs tell
    assert proof.verdict is not Verdict.OPEN or (path, odd) == ("/_all_dbs", [])


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:24])
@pytest.mark.parametrize("path", ["/_session", "/people/_security"])
async def test_odd_answers_about_rights_change_no_verdict(path: str, odd: Any) -> None:
    site = Couch({"people": PEOPLE}, security={"members": 1}, instead={path: Answer(odd)})
    proof = await probe(site)
    assert proof.verdict is Verdict.OPEN
    assert proof.can_write == ("yes" if (path, odd) == ("/people/_security", {}) else "unknown")


async def test_names_that_lead_elsewhere_are_not_followed() -> None:
    nasty = ["..", "a/b", "x?y", "x#y", "", "\x1b[2J", "a\nb", "é", "%2e%2e", "x" * 2_000]
    site = Couch(dict.fromkeys([*nasty, "people"], PEOPLE))
    async with connection(ENGINE, dialer(site)) as link:
        found = {c.name for c in await ENGINE.collections(link)}
    assert found == {"é", "people"}


async def test_no_more_databases_than_allowed_are_looked_into() -> None:
    site = Couch({f"d{n}": {} for n in range(50)})
    async with connection(ENGINE, dialer(site), StoreLimits(collections=7)) as link:
        assert len(await ENGINE.collections(link)) == 7


async def test_a_list_that_is_refused() -> None:
    async with connection(ENGINE, dialer(installed)) as link:
        with pytest.raises(ServerRefused) as refusal:
            await ENGINE.collections(link)
    assert refusal.value.code == "401"


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ("GET /people/_all_docs?limit=1", False),
        ("PUT /people", True),
        ("POST /people/_all_docs", True),
        ("GET /people", True),
        ("GET /_config", True),
        ("GET /_users/_security/x", True),
        ("GET /a%2Fb/_all_docs", True),
        ("GET /../_all_docs", True),
        ("DELETE /people/_all_docs", True),
    ],
)
def test_only_reads_have_a_name(asked: str, refused: bool) -> None:
    method, _, path = asked.partition(" ")
    if refused:
        with pytest.raises(RequestNotAllowed):
            _PATHS.name(method, path)
    else:
        assert _PATHS.name(method, path) in ENGINE.requests


# --- the sample ----------------------------------------------------------------------------------


async def test_all_of_a_short_list() -> None:
    batches = await sample(Couch({"people": PEOPLE}), StoreLimits(rows=1_000), 400)
    table = pa.Table.from_batches(batches)
    assert table.num_rows == 400
    assert set(table.column_names) == {"_id", "name", "n"}
    assert sorted(table["n"].to_pylist()) == list(range(400))


async def test_design_documents_are_no_records() -> None:
    docs = {"_design/a": {"views": {}}, "p": {"name": "Ann"}}
    batches = await sample(Couch({"people": docs}), StoreLimits(), 2)
    assert [batch["_id"].to_pylist() for batch in batches] == [["p"]]


async def test_a_server_that_knows_no_end() -> None:
    page = [{"id": "p", "key": "p", "doc": {"name": "Ann"}}] * 500
    answer = Answer({"total_rows": 2**62, "offset": 0, "rows": page})
    site = Couch({"people": {}}, instead={"/people/_all_docs": answer})
    batches = await sample(site, StoreLimits(rows=200), 2**62)
    assert sum(batch.num_rows for batch in batches) == 200


async def test_large_documents_come_in_smaller_pages() -> None:
    docs = {f"p{n}": {"text": "x" * 4_000} for n in range(60)}
    limits = StoreLimits(rows=60, reply_bytes=40_000)
    batches = await sample(Couch({"people": docs}), limits, 60)
    assert 0 < sum(batch.num_rows for batch in batches) < 60  # the bytes are spent before the end


async def test_a_document_over_the_limit() -> None:
    site = Couch({"people": {"p": {"text": "x" * 50_000}}})
    with pytest.raises(BudgetSpent):
        await sample(site, StoreLimits(reply_bytes=10_000), 1)


@pytest.mark.parametrize("doc", [None, 1, [], "x", {"a": {"b": [1]}}], ids=repr)
async def test_odd_documents(doc: Any) -> None:
    rows = {"total_rows": 1, "rows": [{"id": "p", "key": "p", "doc": doc}]}
    site = Couch({"people": {}}, instead={"/people/_all_docs": Answer(rows)})
    (batch,) = await sample(site, StoreLimits(), 1)
    assert batch["_id"].to_pylist() == ["p"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
)


@settings(max_examples=60, deadline=None)
@given(JSON)
async def test_any_json_is_survived(told: Any) -> None:
    try:
        proof = await probe(lambda _: Answer(told))
    except LeftopenError:
        return
    assert proof.verdict is Verdict.NOT_THIS
