"""The typesense engine against scripted peers: each state, and hostile answers.

What the site answers is in tests/rows/typesense.py, with its source.
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
from leftopen.engines.typesense import _PATHS, ENGINE
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Target, Verdict
from leftopen.net.connection import Connection
from leftopen.testing import connection
from tests.engines.asking import PLAYED, Played, keeps_to, prober, recorder, sampled
from tests.rows.row import Row
from tests.rows.typesense import ALL, FORBIDDEN, LISTED, OPEN, PEOPLE, ROWS, SEARCH_ONLY, Type
from tests.scripted_http import Answer, Asked, Site, dialer

SEARCH = "/collections/people/documents/search"


probe = prober(ENGINE)


async def sample(site: Site, limits: StoreLimits, records: int | None) -> list[pa.RecordBatch]:
    return await sampled(ENGINE, site, Collection("people", records, handle="name"), limits)


# --- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_each_state_has_its_verdict(row: Row) -> None:
    await keeps_to(ENGINE, row, 3_000)


async def test_open_names_what_it_is() -> None:
    proof = await probe(OPEN)
    assert (proof.product, proof.version) == ("Typesense", "27.1")
    assert proof.reason == "a search without a key found documents"


async def test_no_document_is_read_for_a_verdict() -> None:
    tape: list[tuple[Asked, Answer]] = []
    await probe(recorder(OPEN, tape))
    assert all(b"example.org" not in answer.encode() for _, answer in tape)


async def test_collections_without_documents() -> None:
    proof = await probe(Type({"orders": [], "drafts": []}))
    assert proof.verdict is Verdict.OPEN
    assert "found nothing" in proof.reason


async def test_a_list_that_shows_nothing_else() -> None:
    proof = await probe(Type({"people": PEOPLE}, actions=frozenset({"collections:list"})))
    assert proof.verdict is Verdict.UNDETERMINED
    assert "canned" in proof.reason


async def test_nothing_to_search_in() -> None:
    site = Type({"people": PEOPLE}, fields=[{"name": "points", "type": "int32"}])
    assert (await probe(site)).verdict is Verdict.UNDETERMINED
    async with connection(ENGINE, dialer(site)) as link:
        assert await ENGINE.collections(link) == []


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        (FORBIDDEN, Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Basic"}), Verdict.AUTH_REQUIRED),
        (Answer({"message": "Not Ready or Lagging"}, 503), Verdict.UNDETERMINED),
        (Answer({"message": "no"}, 401), Verdict.NOT_THIS),
        (Answer(b"<html>no</html>", 503), Verdict.NOT_THIS),
        (Answer({"message": "Not Found"}, 404), Verdict.NOT_THIS),
        (Answer(b"", 302, {"Location": "http://192.0.2.1/collections"}), Verdict.NOT_THIS),
    ],
)
async def test_the_first_answer(first: Answer, verdict: Verdict) -> None:
    assert (await probe(lambda _: first)).verdict is verdict


async def test_the_error_tells_it_on_any_port() -> None:
    elsewhere = Target(ip_address("127.0.0.1"), 80)
    for answer, verdict in (
        (FORBIDDEN, Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Basic"}), Verdict.NOT_THIS),
    ):
        site = dialer(Type(instead={"/collections": answer}))
        async with Connection(site, elsewhere, ENGINE.requests, StoreLimits()) as link:
            assert (await ENGINE.probe(link)).verdict is verdict


@pytest.mark.parametrize("status", [400, 404, 408, 500, 503])
async def test_no_answer_is_no_verdict(status: int) -> None:
    site = Type({"people": PEOPLE}, instead={SEARCH: Answer({"message": "x"}, status)})
    assert (await probe(site)).verdict is Verdict.UNDETERMINED


# --- canned answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("site", [OPEN, SEARCH_ONLY, Type({"orders": []})])
@pytest.mark.parametrize("play", PLAYED)
async def test_a_recording_is_no_server(play: Played, site: Type) -> None:
    tape: list[tuple[Asked, Answer]] = []
    assert (await probe(recorder(site, tape))).verdict is Verdict.OPEN
    assert (await probe(play(tape))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize("play", PLAYED)
async def test_a_recorded_refusal_is_no_server(play: Played) -> None:
    tape: list[tuple[Asked, Answer]] = []
    assert (await probe(recorder(LISTED, tape))).verdict is Verdict.OPEN_PARTIAL
    assert (await probe(play(tape))).verdict is Verdict.UNDETERMINED


# --- hostile answers -----------------------------------------------------------------------------

TEXT = {"name": "name", "type": "string"}
ODD_LISTS: list[Any] = [
    None, 1, "x", {}, [1], [{}], [{"name": "a"}], [{"name": 1, "num_documents": 1, "fields": []}],
    [{"name": "a", "num_documents": "1", "fields": []}], b"{", b"[" * 100_000, b"<html>",
    [{"name": "a", "num_documents": True, "fields": []}],
    [{"name": "a", "num_documents": 1, "fields": [1]}],
    [{"name": "a", "num_documents": 1, "fields": None}],
]  # fmt: skip
ODD_HITS: list[Any] = [
    None, 1, [], {}, {"found": 1}, {"found": "1", "hits": []}, {"found": 1, "hits": [1]},
    {"found": 1, "hits": [{"document": 1}]}, b"{", b"[" * 100_000, b"<html>",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_LISTS, ids=lambda odd: repr(odd)[:40])
async def test_odd_lists_are_never_open(odd: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Type({"people": PEOPLE}, instead={"/collections": Answer(odd)}))


@pytest.mark.parametrize("odd", ODD_HITS, ids=lambda odd: repr(odd)[:40])
async def test_odd_searches_are_never_open(odd: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Type({"people": PEOPLE}, instead={SEARCH: Answer(odd)}))


async def test_names_that_lead_elsewhere_are_not_followed() -> None:
    nasty = ["..", "a/b", "x?y", "\x1b[2J", "", "%2e%2e", "x" * 2_000]
    fields = [{"name": "", "type": "string"}, {"name": 1, "type": "string"}, TEXT]
    site = Type(dict.fromkeys([*nasty, "people"], PEOPLE), fields=fields)
    async with connection(ENGINE, dialer(site)) as link:
        found = await ENGINE.collections(link)
    assert [(collection.name, collection.handle) for collection in found] == [("people", "name")]


async def test_a_field_that_would_add_parameters_is_quoted() -> None:
    tape: list[tuple[Asked, Answer]] = []
    fields = [{"name": "a&preset=x&q=y#", "type": "string"}]
    listed = [{"name": "people", "num_documents": 1, "fields": fields}]
    answers = {"/collections": Answer(listed), SEARCH: Answer({"found": 0, "hits": []})}
    await probe(recorder(Type({"people": PEOPLE}, instead=answers), tape))
    asked = [asked for asked, _ in tape if asked.path == SEARCH]
    assert [(one.query["q"][:8], one.query["query_by"]) for one in asked] == [
        ("*", "a&preset=x&q=y#"), ("leftopen", "a&preset=x&q=y#"),
    ]  # fmt: skip
    assert all("preset" not in one.query for one in asked)


@pytest.mark.parametrize(
    "asked",
    [
        "GET /keys", "POST /collections", "DELETE /collections/people", "GET /collections/people",
        "POST /collections/people/documents", "GET /collections/people/documents/a/b",
        "POST /multi_search", "GET /collections/people/overrides", "GET /operations/snapshot",
        "GET /collections/../documents/search", "GET /collections/a%2Fb/documents/search",
    ],
)  # fmt: skip
def test_only_reads_have_a_name(asked: str) -> None:
    method, _, path = asked.partition(" ")
    with pytest.raises(RequestNotAllowed):
        _PATHS.name(method, path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
)


@settings(max_examples=60, deadline=None)
@given(JSON, JSON)
async def test_any_json_is_survived(fields: Any, told: Any) -> None:
    listed = [{"name": "people", "num_documents": 1, "fields": [*[TEXT], fields]}]
    try:
        proof = await probe(lambda a: Answer(listed if a.path == "/collections" else told))
    except LeftopenError:
        return
    assert proof.verdict is Verdict.NOT_THIS


# --- what is in it -------------------------------------------------------------------------------


async def test_what_is_in_it() -> None:
    async with connection(ENGINE, dialer(OPEN)) as link:
        found = await ENGINE.collections(link)
    assert [(c.name, c.records) for c in found] == [("people", 300), ("orders", 0)]
    table = pa.Table.from_batches(await sample(OPEN, StoreLimits(rows=1_000), 300))
    assert len(set(table["id"].to_pylist())) == 300
    assert classify(table, "people").fields["email"].kind == "email"


async def test_a_sample_is_as_large_as_allowed() -> None:
    batches = await sample(OPEN, StoreLimits(rows=100), 300)
    ids = [i for batch in batches for i in batch["id"].to_pylist()]
    assert len(ids) == len(set(ids)) == 100


async def test_large_documents_come_in_smaller_pages() -> None:
    docs = [{"id": str(n), "text": "x" * 9_000} for n in range(20)]
    batches = await sample(Type({"people": docs}), StoreLimits(reply_bytes=90_000), 20)
    ids = [i for batch in batches for i in batch["id"].to_pylist()]
    assert ids == [str(n) for n in range(len(ids))]
    assert len(ids) >= 8


async def test_a_list_that_is_refused() -> None:
    async with connection(ENGINE, dialer(Type(actions=ALL - {"collections:list"}))) as link:
        with pytest.raises(ServerRefused) as refusal:
            await ENGINE.collections(link)
    assert refusal.value.code == "401"
