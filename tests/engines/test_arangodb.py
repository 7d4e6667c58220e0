"""The arangodb engine against scripted peers: each state, and hostile answers.

What the site answers is in tests/rows/arangodb.py, with its source.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engine import Collection
from leftopen.engines.arangodb import _PATHS, ENGINE, _Asker
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Target, Verdict
from leftopen.net.connection import Connection
from leftopen.testing import connection
from tests.engines.asking import PLAYED, Played, keeps_to, prober, recorder, sampled
from tests.rows.arangodb import (
    LISTED,
    LOOK,
    OPEN,
    PAGE,
    PEOPLE,
    ROWS,
    TOWN,
    WORD,
    Arango,
    done,
    error,
)
from tests.rows.row import Row
from tests.scripted_http import Answer, Asked, Site, dialer

CURSOR = "/_db/town/_api/cursor"
LIST = "/_db/town/_api/collection"


probe = prober(ENGINE)


async def sample(site: Site, limits: StoreLimits, records: int | None) -> list[pa.RecordBatch]:
    return await sampled(
        ENGINE, site, Collection("town.people", records, handle=("town", "people")), limits
    )


# --- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_each_state_has_its_verdict(row: Row) -> None:
    await keeps_to(ENGINE, row, 3_000)


async def test_open_names_what_it_is() -> None:
    proof = await probe(OPEN)
    assert (proof.product, proof.version) == ("ArangoDB", "3.11.4")
    assert proof.reason == "a query without credentials looked at a document"


async def test_no_document_is_read_for_a_verdict() -> None:
    tape: list[tuple[Asked, Answer]] = []
    await probe(recorder(OPEN, tape))
    assert all(b"example.org" not in answer.encode() for _, answer in tape)


async def test_collections_without_documents() -> None:
    proof = await probe(Arango({"town": {"people": []}}))
    assert proof.verdict is Verdict.OPEN
    assert "are empty" in proof.reason


async def test_a_list_that_shows_nothing_else() -> None:
    proof = await probe(Arango(TOWN, refuses=frozenset({WORD, LOOK, PAGE})))
    assert proof.verdict is Verdict.UNDETERMINED
    assert "canned" in proof.reason


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(401, Verdict.OPEN_PARTIAL), (403, Verdict.OPEN_PARTIAL), (503, Verdict.UNDETERMINED)],
)
@pytest.mark.parametrize("path", ["/_api/database/user", LIST])
async def test_a_list_that_is_not_given(path: str, status: int, verdict: Verdict) -> None:
    site = Arango({"town": {"people": PEOPLE}}, instead={path: error(status, 11)})
    proof = await probe(site)
    assert proof.verdict is verdict


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        (error(401, 11), Verdict.AUTH_REQUIRED),
        (Answer({"error": True, "code": 403, "errorNum": 11}, 403), Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"Server": "ArangoDB"}), Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Basic"}), Verdict.AUTH_REQUIRED),
        (Answer(b"", 503, {"Server": "ArangoDB"}), Verdict.UNDETERMINED),
        (Answer({"error": "no"}, 401), Verdict.NOT_THIS),
        (Answer(b"<html>no</html>", 503), Verdict.NOT_THIS),
        (Answer({"server": "nginx", "version": "3.11.4"}), Verdict.NOT_THIS),
        (Answer({"error": {"type": "x"}, "status": 404}, 404), Verdict.NOT_THIS),
        (Answer(b"", 302, {"Location": "http://192.0.2.1/_api/version"}), Verdict.NOT_THIS),
    ],
)
async def test_the_first_answer(first: Answer, verdict: Verdict) -> None:
    assert (await probe(lambda _: first)).verdict is verdict


async def test_the_error_tells_it_on_any_port() -> None:
    elsewhere = Target(ip_address("127.0.0.1"), 80)
    for answer, verdict in (
        (error(401, 11), Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Basic"}), Verdict.NOT_THIS),
    ):
        site = dialer(Arango(instead={"/_api/version": answer}))
        async with Connection(site, elsewhere, ENGINE.requests, StoreLimits()) as link:
            assert (await ENGINE.probe(link)).verdict is verdict


@pytest.mark.parametrize("mode", [None, 1, "x", []])
async def test_who_may_write_is_unknown_unless_told(mode: Any) -> None:
    site = Arango(TOWN, instead={"/_admin/server/mode": Answer({"mode": mode})})
    proof = await probe(site)
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "unknown")


# --- canned answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("site", [OPEN, Arango(), LISTED, Arango({"town": {"people": []}})])
@pytest.mark.parametrize("play", PLAYED)
async def test_a_recording_is_no_server(play: Played, site: Arango) -> None:
    tape: list[tuple[Asked, Answer]] = []
    assert (await probe(recorder(site, tape))).verdict in (Verdict.OPEN, Verdict.OPEN_PARTIAL)
    assert (await probe(play(tape))).verdict is Verdict.NOT_THIS


# --- hostile answers -----------------------------------------------------------------------------

ODD: list[Any] = [
    None, 1, "x", [], {}, {"result": []}, {"error": False, "code": 200, "result": {}},
    {"error": True, "code": 200, "result": []}, {"error": False, "code": 200, "result": [1]},
    {"error": False, "code": 200, "result": [{}]}, b"{", b"[" * 100_000, b"<html>",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:50])
@pytest.mark.parametrize("path", ["/_api/database/user", LIST])
async def test_odd_lists_are_never_open(path: str, odd: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Arango({"town": {"people": PEOPLE}}, instead={path: Answer(odd)}))


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(odd, 201) for odd in ODD),
        done([["x", True]], 201),
        done([1], 201),
        done([None], 201),
    ],
    ids=lambda answer: repr(answer.body)[:50],
)
async def test_odd_results_are_never_open(answer: Answer) -> None:
    try:
        proof = await probe(Arango({"town": {"people": PEOPLE}}, instead={CURSOR: answer}))
    except NotThisProtocol:
        return
    assert proof.verdict is Verdict.NOT_THIS


async def test_names_that_lead_elsewhere_are_not_followed() -> None:
    nasty = ["..", "a/b", "x?y", "\x1b[2J", "", "%2e%2e", "_users", "x" * 2_000, "a b"]
    inner: dict[str, list[Any]] = {name: [] for name in [*nasty, "people"]}
    site = Arango(dict.fromkeys([*nasty, "town"], inner))
    async with connection(ENGINE, dialer(site)) as link:
        found = await ENGINE.collections(link)
    assert [collection.name for collection in found] == ["town.people"]


@pytest.mark.parametrize("count", [-1, True, "9", 2**70, None])
async def test_counts_that_are_none(count: Any) -> None:
    told = {f"{LIST}/{name}/count": Answer({"count": count}) for name in TOWN["town"]}
    async with connection(ENGINE, dialer(Arango(TOWN, instead=told))) as link:
        assert {collection.records for collection in await ENGINE.collections(link)} == {None}


@pytest.mark.parametrize(
    "asked",
    [
        "POST /_api/cursor", "POST /_db/town/_api/cursor", "PUT /_api/simple/all", "GET /_api/user",
        "GET /_api/user/root", "DELETE /_api/collection/people", "POST /_api/database",
        "GET /_db/a%2Fb/_api/collection", "GET /_db/../_api/collection", "POST /_open/auth",
    ],
)  # fmt: skip
def test_only_reads_have_a_name(asked: str) -> None:
    method, _, path = asked.partition(" ")
    with pytest.raises(RequestNotAllowed):
        _PATHS.name(method, path)


@pytest.mark.parametrize(
    "query",
    [
        "FOR d IN @@c REMOVE d IN @@c", "INSERT {} INTO people", "RETURN SLEEP(10)",
        "RETURN @word ",
        PAGE + " REMOVE d IN @@c", "",
    ],
)  # fmt: skip
async def test_only_literal_queries_are_sent(query: str) -> None:
    peer = dialer(OPEN)
    async with connection(ENGINE, peer) as link:
        with pytest.raises(RequestNotAllowed):
            await _Asker(link).query("town", query, {})
        with pytest.raises(RequestNotAllowed):
            await _Asker(link).query("town/x", WORD, {})
    assert peer.sent == []


async def test_the_query_is_part_of_a_requests_name() -> None:
    async with connection(ENGINE, dialer(OPEN)) as link:
        await ENGINE.probe(link)
    assert f"POST /_db/{{db}}/_api/cursor {LOOK}" in link.requests


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
)


@settings(max_examples=60, deadline=None)
@given(JSON, JSON)
async def test_any_json_is_survived(names: Any, result: Any) -> None:
    def site(asked: Asked) -> Answer:
        if asked.path == "/_api/version":
            return OPEN(asked)
        return done(names if asked.path == "/_api/database/user" else result)

    try:
        proof = await probe(site)
    except LeftopenError:
        return
    assert proof.verdict in (Verdict.NOT_THIS, Verdict.UNDETERMINED)


# --- what is in it -------------------------------------------------------------------------------


async def test_what_is_in_it() -> None:
    async with connection(ENGINE, dialer(OPEN)) as link:
        found = await ENGINE.collections(link)
    assert [(c.name, c.records) for c in found] == [("town.people", 300), ("town.orders", 1)]
    table = pa.Table.from_batches(await sample(OPEN, StoreLimits(rows=1_000), 300))
    assert sorted(table.column_names) == ["_key", "email", "name"]
    assert len(set(table["_key"].to_pylist())) == 300
    assert classify(table, "people").fields["email"].kind == "email"


async def test_a_sample_is_as_large_as_allowed() -> None:
    batches = await sample(OPEN, StoreLimits(rows=100), 300)
    keys = [key for batch in batches for key in batch["_key"].to_pylist()]
    assert len(keys) == len(set(keys)) == 100


async def test_a_collection_that_is_refused() -> None:
    with pytest.raises(ServerRefused) as refusal:
        await sample(LISTED, StoreLimits(), 300)
    assert refusal.value.code == "403"


async def test_a_database_that_is_refused_is_left_out() -> None:
    site = Arango(TOWN | {"other": {"people": PEOPLE}}, instead={LIST: error(403, 11)})
    async with connection(ENGINE, dialer(site)) as link:
        assert [c.name for c in await ENGINE.collections(link)] == ["other.people"]


async def test_a_list_that_is_refused() -> None:
    async with connection(ENGINE, dialer(Arango(locked=True))) as link:
        with pytest.raises(ServerRefused) as refusal:
            await ENGINE.collections(link)
    assert refusal.value.code == "401"
