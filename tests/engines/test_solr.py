"""The solr engine against scripted peers: each status, and hostile answers.

The site below answers as Solr 8 and 9 do (solr.apache.org/guide: CoreAdmin API, Common query
parameters, Rule-based authorization plugins).
"""

from __future__ import annotations

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
from leftopen.engines._solr_wire import PATHS
from leftopen.engines.solr import ENGINE
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Target, Verdict
from leftopen.net.connection import Connection
from leftopen.testing import connection
from tests.engines.asking import PLAYED, Played, prober, recorder, sampled
from tests.scripted_http import Answer, Asked, Site, dialer

HEADER = {"status": 0, "QTime": 1}
OPEN_RIGHTS = {"responseHeader": HEADER, "errorMessages": ["No authorization configured"]}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="solr"'}
LOCKED = Answer(b"<html>require authentication</html>", 401, CHALLENGE)
ERROR = {"error": {"metadata": ["error-class", "org.apache.solr.common.SolrException"]}}


@dataclass
class Node:
    """A Solr node: the number of documents in each core; `closed` ones refuse a search."""

    cores: Mapping[str, int] = field(default_factory=dict)
    closed: Mapping[str, int] = field(default_factory=dict)  # core to status
    rights: Any = field(default_factory=lambda: OPEN_RIGHTS)
    random: bool = True
    instead: Mapping[str, Answer] = field(default_factory=dict)  # by path

    def __call__(self, asked: Asked) -> Answer:
        assert asked.method == "GET"
        if asked.path in self.instead:
            return self.instead[asked.path]
        if asked.path == "/solr/admin/cores":
            assert asked.query["action"] == "STATUS"
            chosen = [asked.query["core"]] if "core" in asked.query else list(self.cores)
            told = {name: self._status(name) for name in chosen}
            return Answer({"responseHeader": HEADER, "initFailures": {}, "status": told})
        if asked.path == "/solr/admin/authorization":
            return Answer(self.rights)
        _, _, core, handler = asked.path.split("/")
        if core not in self.cores or handler != "select":
            return Answer(b"<html>Not Found</html>", 404)
        if core in self.closed:
            return Answer({"error": {"msg": "no"}}, self.closed[core])
        if "sort" in asked.query and not self.random:
            return Answer({"error": {"msg": "can not sort on undefined field"}}, 400)
        start, rows = int(asked.query.get("start", "0")), int(asked.query["rows"])
        docs = [
            {"score": 1.0} if asked.query.get("fl") == "score" else {"id": str(n), "_version_": n}
            for n in range(start, min(start + rows, self.cores[core]))
        ]
        header = HEADER | {"params": dict(asked.query)}
        found = {"numFound": self.cores[core], "start": start, "docs": docs}
        return Answer({"responseHeader": header, "response": found})

    def _status(self, name: str) -> Mapping[str, Any]:
        if name not in self.cores:
            return {}
        return {"name": name, "index": {"numDocs": self.cores[name], "sizeInBytes": 900}}


probe = prober(ENGINE)


async def sample(site: Site, limits: StoreLimits, records: int | None) -> list[pa.RecordBatch]:
    return await sampled(ENGINE, site, Collection("people", records), limits)


# --- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cores", [{"people": 3}, {"a": 0, "people": 3}, {"people": 0}, {}])
async def test_open(cores: Mapping[str, int]) -> None:
    proof = await probe(Node(cores))
    assert (proof.verdict, proof.product, proof.can_write) == (Verdict.OPEN, "Solr", "yes")


@pytest.mark.parametrize(
    ("permissions", "can_write"),
    [
        ([{"name": "update", "role": "admin"}], "no"),
        ([{"name": "read", "role": None}, {"name": "all", "role": ["admin"]}], "no"),
        ([{"name": "all", "role": None}], "unknown"),
        ([{"name": "read", "role": None}], "unknown"),
        (
            [{"name": "mine", "path": "/update", "role": None}, {"name": "all", "role": "a"}],
            "unknown",
        ),
        ([{"name": "update", "collection": "a", "role": "x"}], "unknown"),
        ([1], "unknown"),
        ({}, "unknown"),
        (None, "unknown"),
    ],
)
async def test_who_may_write_is_as_told(permissions: Any, can_write: str) -> None:
    rights = {"authorization.enabled": True, "authorization": {"permissions": permissions}}
    proof = await probe(Node({"people": 3}, rights=rights))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, can_write)


@pytest.mark.parametrize(
    ("closed", "verdict"),
    [
        ({"a": 401}, Verdict.OPEN),
        ({"a": 401, "b": 403}, Verdict.OPEN_PARTIAL),
        ({"a": 503, "b": 503}, Verdict.UNDETERMINED),
        ({"a": 404, "b": 404}, Verdict.UNDETERMINED),
    ],
)
async def test_cores_that_refuse(closed: Mapping[str, int], verdict: Verdict) -> None:
    assert (await probe(Node({"a": 1, "b": 1}, closed=closed))).verdict is verdict


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        (LOCKED, Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Negotiate"}), Verdict.AUTH_REQUIRED),
        (Answer(ERROR, 403), Verdict.AUTH_REQUIRED),
        (Answer(ERROR, 500), Verdict.UNDETERMINED),
        (Answer(b"<html>Not Found</html>", 404), Verdict.NOT_THIS),
        (Answer(b"<html>no</html>", 403), Verdict.NOT_THIS),
        (Answer(b"", 302, {"Location": "http://192.0.2.1/solr/"}), Verdict.NOT_THIS),
        (Answer({"error": "no handler", "status": 400}, 400), Verdict.NOT_THIS),
        (Answer({"couchdb": "Welcome"}), Verdict.NOT_THIS),
        (Answer({"responseHeader": {"status": 1}, "status": {}}), Verdict.NOT_THIS),
        (Answer({"responseHeader": HEADER, "status": {"a": 1}}), Verdict.NOT_THIS),
        (Answer({"responseHeader": HEADER, "status": []}), Verdict.NOT_THIS),
    ],
)  # fmt: skip
async def test_the_first_answer(first: Answer, verdict: Verdict) -> None:
    assert (await probe(lambda _: first)).verdict is verdict


async def test_a_challenge_counts_on_its_own_port_only() -> None:
    elsewhere = Target(ip_address("127.0.0.1"), 80)
    for answer, verdict in (
        (Answer(b"", 401, {"WWW-Authenticate": "Basic"}), Verdict.NOT_THIS),
        (LOCKED, Verdict.AUTH_REQUIRED),
    ):
        site = dialer(lambda _, answer=answer: answer)  # type: ignore[misc]  # bound in the loop
        async with Connection(site, elsewhere, ENGINE.requests, StoreLimits()) as link:
            assert (await ENGINE.probe(link)).verdict is verdict


# --- canned answers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "node",
    [Node({"people": 3}), Node(), Node({"people": 0}), Node({"a": 1}, closed={"a": 401})],
    ids=["filled", "no core", "empty", "metadata only"],
)
@pytest.mark.parametrize("play", PLAYED)
async def test_a_recording_is_no_server(play: Played, node: Node) -> None:
    tape: list[tuple[Asked, Answer]] = []
    assert (await probe(recorder(node, tape))).verdict in (Verdict.OPEN, Verdict.OPEN_PARTIAL)
    try:
        proof = await probe(play(tape))
    except NotThisProtocol:
        return
    assert proof.verdict is Verdict.NOT_THIS


# --- hostile answers -----------------------------------------------------------------------------

ODD: list[Any] = [
    None, 1, "x", [], {}, {"response": {}}, {"responseHeader": HEADER},
    {"responseHeader": HEADER, "response": {"numFound": "1", "docs": []}},
    {"responseHeader": HEADER, "response": {"numFound": 1, "docs": [1]}},
    {"responseHeader": {"status": 0, "params": 1}, "response": {"numFound": 1, "docs": []}},
    {"responseHeader": HEADER, "response": {"numFound": 1, "docs": [{}]}},
    b"{", b"[" * 100_000, b"<html>",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:40])
async def test_odd_searches_are_never_open(odd: Any) -> None:
    site = Node({"people": 1}, instead={"/solr/people/select": Answer(odd)})
    try:
        proof = await probe(site)
    except NotThisProtocol:
        return
    assert proof.verdict is Verdict.NOT_THIS


@pytest.mark.parametrize("odd", [*ODD, {"errorMessages": 1}], ids=lambda odd: repr(odd)[:40])
async def test_odd_answers_about_rights_change_no_verdict(odd: Any) -> None:
    proof = await probe(Node({"people": 1}, instead={"/solr/admin/authorization": Answer(odd)}))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "unknown")


async def test_names_and_counts_that_no_node_gives() -> None:
    nasty = ["..", "a/b", "a?b", "\x1b[2J", "", "é", "a%2fb"]
    told: dict[str, Any] = {name: {"name": name} for name in nasty}
    told["people"] = {"index": {"numDocs": -1, "sizeInBytes": 2**70}}
    told["orders"] = {"index": {"numDocs": True, "sizeInBytes": "9"}}
    answer = Answer({"responseHeader": HEADER, "status": told})
    async with connection(ENGINE, dialer(lambda _: answer)) as link:
        found = await ENGINE.collections(link)
    assert [(c.name, c.records, c.bytes) for c in found] == [
        ("people", None, None), ("orders", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(("site", "error"), [(lambda _: LOCKED, ServerRefused),
                                             (lambda _: Answer({}), NotThisProtocol)])  # fmt: skip
async def test_a_list_that_is_refused(site: Site, error: type[LeftopenError]) -> None:
    async with connection(ENGINE, dialer(site)) as link:
        with pytest.raises(error):
            await ENGINE.collections(link)


@pytest.mark.parametrize(
    "asked",
    [
        "GET /solr/admin/cores?action=UNLOAD&core=people",
        "GET /solr/admin/cores?action=STATUS&action=CREATE",
        "GET /solr/admin/cores?action=status",
        "GET /solr/people/update?commit=true",
        "GET /solr/people/select?q=*:*&qt=/update",
        "GET /solr/people/select?q=*:*&stream.url=http://192.0.2.1/",
        "GET /solr/people/select?q=*:*&shards=192.0.2.1:8983/solr/people",
        "GET /solr/people/select?distrib=true",
        "GET /solr/people/select?commit",
        "POST /solr/people/select?q=*:*",
        "GET /solr/admin/collections?action=LIST",
        "GET /solr/../select",
    ],
)
def test_only_reads_have_a_name(asked: str) -> None:
    method, _, path = asked.partition(" ")
    with pytest.raises(RequestNotAllowed):
        PATHS.name(method, path)


# --- the sample ----------------------------------------------------------------------------------


@pytest.mark.parametrize("random", [True, False])
@pytest.mark.parametrize("records", [120, None])
async def test_all_of_a_short_core(random: bool, records: int | None) -> None:
    batches = await sample(Node({"people": 120}, random=random), StoreLimits(), records)
    table = pa.Table.from_batches(batches)
    assert table.column_names == ["id"]
    assert len(set(table["id"].to_pylist())) == 120


async def test_the_order_is_random_where_the_server_can() -> None:
    tape: list[tuple[Asked, Answer]] = []
    await sample(recorder(Node({"people": 500}), tape), StoreLimits(rows=100), 500)
    assert len({asked.query["sort"] for asked, _ in tape}) == 1
    assert tape[0][0].query["rows"] == "0"
    starts = [int(asked.query["start"]) for asked, _ in tape[1:]]
    assert len(set(starts)) == 2
    assert all(start % 64 == 0 and start < 500 for start in starts)


async def test_a_huge_core_is_not_sorted() -> None:
    tape: list[tuple[Asked, Answer]] = []
    node = Node({"people": 10**9})
    batches = await sample(recorder(node, tape), StoreLimits(rows=100), 10**9)
    assert sum(batch.num_rows for batch in batches) == 100
    assert all("sort" not in asked.query for asked, _ in tape)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
)


@settings(max_examples=60, deadline=None)
@given(JSON, JSON)
async def test_any_json_is_survived(status: Any, told: Any) -> None:
    answers = [Answer({"responseHeader": HEADER, "status": status}), Answer(told)]
    try:
        proof = await probe(lambda asked: answers["select" in asked.path])
    except LeftopenError:
        return
    assert proof.verdict not in (Verdict.OPEN, Verdict.OPEN_PARTIAL)
