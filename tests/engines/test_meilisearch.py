"""The meilisearch engine against scripted peers: each state, and hostile answers.

What the site answers is in tests/rows/meilisearch.py, with its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engine import Collection
from leftopen.engines.meilisearch import _PATHS, ENGINE
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Target, Verdict
from leftopen.net.connection import Connection
from leftopen.testing import connection
from tests.engines.asking import PLAYED, Played, keeps_to, prober, recorder
from tests.rows.meilisearch import LISTED, OPEN, PEOPLE, ROWS, Meili, error
from tests.rows.row import Row
from tests.scripted_http import Answer, Asked, Site, dialer

probe = prober(ENGINE)


async def read(site: Site, limits: StoreLimits) -> dict[str, tuple[Collection, pa.Table | None]]:
    made = {}
    async with connection(ENGINE, dialer(site), limits) as link:
        for found in await ENGINE.collections(link):
            batches = [b async for b in ENGINE.sample(link, found, limits)]
            made[found.name] = (found, pa.Table.from_batches(batches) if batches else None)
    return made


# --- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_each_state_has_its_verdict(row: Row) -> None:
    await keeps_to(ENGINE, row, 3_000)


async def test_open_names_what_it_is() -> None:
    proof = await probe(OPEN)
    assert (proof.product, proof.version) == ("Meilisearch", "1.11.3")
    assert proof.reason == "documents are given without credentials"


async def test_no_document_is_read_for_a_verdict() -> None:
    tape: list[tuple[Asked, Answer]] = []
    await probe(recorder(OPEN, tape))
    assert all(b"example.org" not in answer.encode() for _, answer in tape)


async def test_keys_are_asked_for_without_any() -> None:
    tape: list[tuple[Asked, Answer]] = []
    await probe(recorder(OPEN, tape))
    assert [asked.query for asked, _ in tape if asked.path == "/keys"] == [{"limit": "0"}]


async def test_an_old_server_is_not_asked_for_keys() -> None:
    tape: list[tuple[Asked, Answer]] = []
    await probe(recorder(Meili({"people": PEOPLE}, version="0.27.2", old=True), tape))
    assert "/keys" not in {asked.path for asked, _ in tape}


NO_KEYS = {"results": [], "offset": 0, "limit": 0, "total": 2}


@pytest.mark.parametrize("keys", [Answer(NO_KEYS), Answer({}, 403), Answer(b"x", 401)])
async def test_who_may_write_is_unknown_unless_told(keys: Answer) -> None:
    proof = await probe(Meili({"people": PEOPLE}, instead={"/keys": keys}))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "unknown")


@pytest.mark.parametrize("indexes", [{"a": [], "people": PEOPLE}, {"a": [], "b": []}])
async def test_indexes_without_documents(indexes: Mapping[str, list[Any]]) -> None:
    proof = await probe(Meili(indexes))
    assert proof.verdict is Verdict.OPEN
    assert ("empty" in proof.reason) is ("people" not in indexes)


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        (error(401, "missing_authorization_header"), Verdict.AUTH_REQUIRED),
        (error(403, "invalid_api_key"), Verdict.AUTH_REQUIRED),
        (Answer({"errorCode": "missing_authorization_header"}, 401), Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Basic"}), Verdict.AUTH_REQUIRED),
        (Answer({"error": "busy"}, 503), Verdict.UNDETERMINED),
        (Answer({"message": "no"}, 401), Verdict.NOT_THIS),
        (Answer(b"<html>no</html>", 503), Verdict.NOT_THIS),
        (Answer(b"", 302, {"Location": "http://192.0.2.1/indexes"}), Verdict.NOT_THIS),
        (Answer({"error": {"type": "index_not_found_exception"}, "status": 404}, 404),
         Verdict.NOT_THIS),
    ],
)  # fmt: skip
async def test_the_first_answer(first: Answer, verdict: Verdict) -> None:
    assert (await probe(lambda _: first)).verdict is verdict


async def test_the_error_tells_it_on_any_port() -> None:
    elsewhere = Target(ip_address("127.0.0.1"), 80)
    for site, verdict in (
        (Meili(key=True), Verdict.AUTH_REQUIRED),
        (lambda _: Answer(b"", 401, {"WWW-Authenticate": "Basic"}), Verdict.NOT_THIS),
    ):
        async with Connection(dialer(site), elsewhere, ENGINE.requests, StoreLimits()) as link:
            assert (await ENGINE.probe(link)).verdict is verdict


@pytest.mark.parametrize("status", [404, 429, 500])
async def test_no_answer_is_no_verdict(status: int) -> None:
    paths = [f"/indexes/{uid}/documents" for uid in OPEN.indexes]
    site = Meili(OPEN.indexes, instead={path: Answer({}, status) for path in paths})
    assert (await probe(site)).verdict is Verdict.UNDETERMINED


# --- canned answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("site", [OPEN, Meili(), LISTED], ids=["open", "empty", "listed"])
@pytest.mark.parametrize("play", PLAYED)
async def test_a_recording_is_no_server(play: Played, site: Meili) -> None:
    tape: list[tuple[Asked, Answer]] = []
    assert (await probe(recorder(site, tape))).verdict in (Verdict.OPEN, Verdict.OPEN_PARTIAL)
    assert (await probe(play(tape))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize("status", [200, 404])
async def test_a_site_that_gives_back_any_path_is_none(status: int) -> None:
    def site(asked: Asked) -> Answer:
        if asked.path in ("/indexes", "/indexes/people/documents"):
            return OPEN(asked)
        return Answer({"message": f"no {asked.path}", "code": "not_found"}, status)

    assert (await probe(site)).verdict is Verdict.NOT_THIS


# --- hostile answers -----------------------------------------------------------------------------

ODD: list[Any] = [
    None, 1, "x", {}, [1], [{}], {"results": []},
    {"results": [1], "offset": 0, "limit": 1, "total": 1},
    {"results": 1, "offset": 0, "limit": 1, "total": 1}, {"results": [], "offset": "0"},
    [{"uid": 1, "primaryKey": None}], [{"uid": "x"}], b"{", b"[" * 100_000, b"<html>",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:40])
async def test_odd_lists_are_never_open(odd: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Meili({"people": PEOPLE}, instead={"/indexes": Answer(odd)}))


@pytest.mark.parametrize("odd", [o for o in ODD if not isinstance(o, list) or o == [1]], ids=repr)
async def test_odd_documents_are_never_open(odd: Any) -> None:
    site = Meili({"people": PEOPLE}, instead={"/indexes/people/documents": Answer(odd)})
    with pytest.raises(NotThisProtocol):
        await probe(site)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:40])
async def test_odd_versions_change_no_verdict(odd: Any) -> None:
    proof = await probe(Meili({"people": PEOPLE}, instead={"/version": Answer(odd)}))
    assert (proof.verdict, proof.version, proof.can_write) == (Verdict.OPEN, None, "unknown")


async def test_names_and_counts_that_no_server_gives() -> None:
    nasty = ["..", "a/b", "x?y", "\x1b[2J", "", "é", "%2e%2e", "x" * 2_000]
    stats = {
        "indexes": {"people": {"numberOfDocuments": -1}, "orders": {"numberOfDocuments": True}}
    }
    names = [*nasty, "people", "orders", "odd"]
    site = Meili({name: [] for name in names}, instead={"/stats": Answer(stats)})
    async with connection(ENGINE, dialer(site)) as link:
        found = await ENGINE.collections(link)
    assert [(c.name, c.records) for c in found] == [
        ("people", None),
        ("orders", None),
        ("odd", None),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        "GET /keys/abc", "POST /keys", "DELETE /indexes/people", "POST /indexes/people/documents",
        "GET /indexes/people/search", "GET /indexes/a%2Fb", "GET /tasks", "GET /snapshots",
        "POST /dumps", "GET /indexes/../keys",
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
async def test_any_json_is_survived(listed: Any, told: Any) -> None:
    try:
        proof = await probe(lambda a: Answer(listed if a.path == "/indexes" else told))
    except LeftopenError:
        return
    assert proof.verdict is Verdict.NOT_THIS


# --- what is in it -------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True])
async def test_what_is_in_it(old: bool) -> None:
    found = await read(Meili(OPEN.indexes, old=old), StoreLimits(rows=1_000))
    assert {name: collection.records for name, (collection, _) in found.items()} == {
        "people": 300, "orders": 1,
    }  # fmt: skip
    table = found["people"][1]
    assert table is not None
    assert table.num_rows == 300
    fields = classify(table, "people").fields
    assert {path: field.kind for path, field in fields.items()}["email"] == "email"


async def test_a_sample_is_as_large_as_allowed() -> None:
    table = (await read(OPEN, StoreLimits(rows=100)))["people"][1]
    assert table is not None
    assert len(set(table["id"].to_pylist())) == 100


async def test_a_server_that_gives_more_than_asked_for() -> None:
    answer = Answer(PEOPLE * 4)
    site = Meili({"people": []}, old=True, instead={"/indexes/people/documents": answer})
    async with connection(ENGINE, dialer(site), StoreLimits(rows=100)) as link:
        found = Collection("people", 10**12)
        sizes = [b.num_rows async for b in ENGINE.sample(link, found, link.limits)]
    assert sum(sizes) == 100


async def test_a_list_that_is_refused() -> None:
    async with connection(ENGINE, dialer(Meili(key=True))) as link:
        with pytest.raises(ServerRefused) as refusal:
            await ENGINE.collections(link)
    assert refusal.value.code == "401"
