"""The milvus engine against scripted peers, built from the reference of Milvus's RESTful API v2
(milvus.io/api-reference/restful/v2.4.x) and its error codes (pkg/util/merr/errors.go of its
repository), and against answers that no Milvus gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from leftopen.budget import StoreLimits
from leftopen.engine import Engine
from leftopen.engines._pages import WITH_VECTORS
from leftopen.engines.milvus import ENGINE
from leftopen.errors import BudgetSpent, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Verdict
from leftopen.testing import connection
from tests.engines.asking import (
    OPENED,
    OTHERS,
    anything,
    canned,
    held,
    probe,
    probed,
    run,
    values,
)
from tests.rows.milvus import DESCRIBED, FIELDS, NO_USER, NOT_LOADED, PEOPLE, V2, error, milvus, ok
from tests.scripted_http import Answer, Asked, dialer


async def test_an_open_store_is_open_by_a_list_a_random_name_and_a_read() -> None:
    assert isinstance(ENGINE, Engine)
    bodies: list[Any] = []

    def site(asked: Asked) -> Answer:
        bodies.append(asked.json())
        return milvus()(asked)

    proof, sent = await probed(ENGINE, site)
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "unknown")
    assert sent == [
        ("POST", f"{V2}/collections/list"), ("POST", f"{V2}/collections/describe"),
        ("POST", f"{V2}/collections/describe"), ("POST", f"{V2}/entities/query"),
    ]  # fmt: skip
    assert bodies[-1] == {  # of one entity its key alone
        "collectionName": "people", "filter": "id >= -9223372036854775807",
        "outputFields": ["id"], "offset": 0, "limit": 1,
    }  # fmt: skip


async def test_keys_that_are_text_are_asked_for_as_text() -> None:
    filters: list[str] = []

    def site(asked: Asked) -> Answer:
        filters.append(asked.json().get("filter", ""))
        return milvus(describe=ok({"fields": [field]}), query=ok([{"mail": "x"}]))(asked)

    field = {"name": "mail", "primaryKey": True, "type": "VarChar"}
    assert (await probe(ENGINE, site)).verdict is Verdict.OPEN
    assert filters[-1] == 'mail >= ""'


async def test_empty_stores_and_empty_collections_are_open() -> None:
    for listed in (ok([]), Answer({"code": 0}), Answer({"code": 200, "data": []})):
        proof = await probe(ENGINE, milvus(list=listed))
        assert (proof.verdict, "it is empty" in proof.reason) == (Verdict.OPEN, True)
    proof = await probe(ENGINE, milvus(query=ok([])))
    assert (proof.verdict, "read is empty" in proof.reason) == (Verdict.OPEN, True)


@pytest.mark.parametrize(
    ("listed", "verdict"),
    [
        (NO_USER, Verdict.AUTH_REQUIRED),
        (error(1800, "user hasn't authenticated"), Verdict.AUTH_REQUIRED),
        (error(1400, "not authenticated"), Verdict.AUTH_REQUIRED),
        (error(65535, "auth check failure, please check username", 401), Verdict.AUTH_REQUIRED),
        (error(65535, "PrivilegeShowCollections: permission deny", 403), Verdict.AUTH_REQUIRED),
        (error(65535, "stack overflow"), Verdict.UNDETERMINED),
        (error(1, "service not ready"), Verdict.UNDETERMINED),
        (error(8, "rate limit exceeded"), Verdict.UNDETERMINED),
        (error(1800, "x", 404), Verdict.AUTH_REQUIRED),
        (error(404, "not found", 404), Verdict.NOT_THIS),
        (Answer({"code": 1800}, 401), Verdict.NOT_THIS),
        (Answer({"code": True, "message": "x"}), Verdict.NOT_THIS),
        (Answer({"code": "1800", "message": "x"}, 401), Verdict.NOT_THIS),
        (Answer(b"404 page not found", 404), Verdict.NOT_THIS),
    ],
)
async def test_a_list_that_is_not_given(listed: Answer, verdict: Verdict) -> None:
    assert (await probe(ENGINE, milvus(list=listed))).verdict is verdict


@pytest.mark.parametrize(("port", "verdict"), [(19530, Verdict.AUTH_REQUIRED),
                                               (8443, Verdict.NOT_THIS)])  # fmt: skip
async def test_a_proxy_that_asks_for_a_password(port: int, verdict: Verdict) -> None:
    asks = Answer(b"<html>401</html>", 401, {"WWW-Authenticate": 'Basic realm="x"'})
    assert (await probe(ENGINE, lambda _: asks, port)).verdict is verdict


@pytest.mark.parametrize(
    ("read", "verdict"),
    [
        (NOT_LOADED, Verdict.OPEN_PARTIAL),
        (NO_USER, Verdict.OPEN_PARTIAL),
        (error(1401, "privilege not permitted"), Verdict.OPEN_PARTIAL),
        (error(1100, "invalid parameter"), Verdict.UNDETERMINED),
        (Answer(b"", 302, {"Location": "/"}), Verdict.UNDETERMINED),
        (Answer(b"<html></html>"), Verdict.UNDETERMINED),
        (ok({}), Verdict.NOT_THIS),
        (ok([1]), Verdict.NOT_THIS),
        (ok([{}]), Verdict.NOT_THIS),
        (Answer({"code": 0}), Verdict.NOT_THIS),
    ],
)
async def test_a_read_that_is_refused_or_none(read: Answer, verdict: Verdict) -> None:
    assert (await probe(ENGINE, milvus(query=read))).verdict is verdict


async def test_of_many_collections_the_first_that_is_loaded_is_read() -> None:
    def site(asked: Asked) -> Answer:
        name = asked.json().get("collectionName")
        if name == "people" or name is None or "leftopen" in name:
            return usual(asked)
        return NOT_LOADED if asked.path.endswith("/query") else ok(DESCRIBED)

    usual = milvus(list=ok(["a", "b", "people", "c"]))
    assert (await probe(ENGINE, site)).verdict is Verdict.OPEN
    usual = milvus(list=ok(["a", "b", "c", "people"]))
    proof, sent = await probed(ENGINE, site)
    assert (proof.verdict, len(sent)) == (Verdict.OPEN_PARTIAL, 8)


@pytest.mark.parametrize(
    "described",
    [
        None, [], {}, {"fields": {}}, {"fields": []}, {"fields": [1]}, {"fields": [{"name": "id"}]},
        {"fields": [{"name": 'id" or 1 == 1', "type": "Int64", "primaryKey": True}]},
        {"fields": [{"name": "a", "type": "Int64"}]}, {"fields": FIELDS + FIELDS},
    ],
)  # fmt: skip
async def test_a_description_that_is_none(described: Any) -> None:
    proof = await probe(ENGINE, milvus(describe=ok(described)))
    assert proof.verdict is Verdict.NOT_THIS


@pytest.mark.parametrize(
    "listed", [{}, "people", [1], [None], ["a/b"], ["a b"], [""], ["x" * 300], [["people"]], 3]
)
async def test_a_list_that_is_none(listed: Any) -> None:
    assert (await probe(ENGINE, milvus(list=ok(listed)))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize(
    "missing",
    [
        error(100, "can't find collection[database=default][collection=other]"),
        ok(DESCRIBED),
        ok([]),
        Answer(b"<html></html>"),
        error(1100, "leftopen"),
    ],
)
async def test_it_must_say_of_a_random_name_that_it_is_missing(missing: Answer) -> None:
    assert (await probe(ENGINE, milvus(missing=missing))).verdict is Verdict.NOT_THIS


async def test_recordings_are_told_from_servers() -> None:
    for how, played in await canned(ENGINE, milvus()):
        assert (await probe(ENGINE, played)).verdict is Verdict.NOT_THIS, how


@pytest.mark.parametrize("answer", OTHERS.values(), ids=OTHERS)
async def test_other_products_and_sites_are_none(answer: Answer) -> None:
    proof, sent = await probed(ENGINE, lambda _: answer, 8080)
    assert (proof.verdict, len(sent)) == (Verdict.NOT_THIS, 1)


@settings(max_examples=150, deadline=None)
@given(told=anything)
def test_whatever_json_it_sends_only_entities_prove_an_open_store(told: Any) -> None:
    assert run(ENGINE, milvus(list=Answer(told))).verdict not in OPENED or told["code"] == 0
    odd = run(ENGINE, milvus(list=ok(told)))
    assert odd.verdict not in OPENED or told == []
    assert run(ENGINE, milvus(describe=ok(told))).verdict not in OPENED
    odd = run(ENGINE, milvus(query=ok(told)))
    assert odd.verdict not in OPENED or isinstance(told, list)


@pytest.mark.parametrize(
    "what",
    [
        "collections/create", "collections/drop", "collections/load", "entities/insert",
        "entities/delete", "entities/upsert", "users/create", "databases/drop", "users/list",
    ],
)  # fmt: skip
async def test_nothing_that_writes_can_be_named(what: str) -> None:
    async with connection(ENGINE, dialer(milvus())) as link:
        with pytest.raises(RequestNotAllowed):
            await link.send(f"POST {V2}/{what}", b"x")
    ends = {name.rpartition("/")[2] for name in ENGINE.requests}
    assert ends == {"list", "describe", "get_stats", "query"}


async def test_what_is_in_it() -> None:
    ((collection, batches),) = await held(ENGINE, milvus())
    assert (collection.name, collection.records) == ("people", 30)
    assert values(batches, "id") == list(range(30))
    assert values(batches, "town") == ["Ulm"] * 30
    assert values(batches, "face[]") == [[0.5, 0.25]] * WITH_VECTORS


async def test_databases_beside_the_default_one_are_named() -> None:
    named: list[Any] = []

    def site(asked: Asked) -> Answer:
        named.append(asked.json().get("dbName"))
        return milvus(databases=ok(["default", "town"]))(asked)

    found = await held(ENGINE, site)
    assert [collection.name for collection, _ in found] == ["people", "town/people"]
    assert set(named) == {None, "town"}


async def test_servers_that_list_no_databases_have_their_default_one() -> None:
    for answer in (Answer(b"404 page not found", 404), error(1401, "no"), Answer([])):
        ((collection, _),) = await held(ENGINE, milvus(databases=answer))
        assert collection.name == "people"


async def test_collections_that_are_not_loaded_are_listed_and_not_read() -> None:
    ((collection, batches),) = await held(ENGINE, milvus(query=NOT_LOADED))
    assert (collection.records, batches) == (30, [])
    ((collection, batches),) = await held(ENGINE, milvus(describe=error(65535, "x")))
    assert (collection.name, batches) == ("people", [])


async def test_queries_reach_no_further_than_servers_let_them() -> None:
    ends: list[int] = []

    def site(asked: Asked) -> Answer:
        query = asked.json()
        if asked.path.endswith("/query"):
            ends.append(query["offset"] + query["limit"])
            return ok([{"id": query["offset"] + n} for n in range(query["limit"])])
        return milvus(stats=ok({"rowCount": 10**9}))(asked)

    ((_, batches),) = await held(ENGINE, site, StoreLimits(rows=1_000))
    ids = values(batches, "id")
    assert len(ids) == len(set(ids)) == 1_000
    assert 10_000 < max(ends) <= 16_384


@pytest.mark.parametrize("stats", [ok(None), ok({"rowCount": "3"}), ok({"rowCount": -1}),
                                   ok({"rowCount": True}), error(1, "no")])  # fmt: skip
async def test_a_count_that_is_none_is_left_open(stats: Answer) -> None:
    ((collection, batches),) = await held(ENGINE, milvus(stats=stats))
    assert collection.records is None
    assert len(values(batches, "id")) == 30


async def test_entities_larger_than_a_reply_may_be_are_read_fewer_at_a_time() -> None:
    counts: list[int] = []

    def site(asked: Asked) -> Answer:
        if not asked.path.endswith("/query"):
            return milvus()(asked)
        counts.append(asked.json()["limit"])
        return ok([{"id": n, "text": "x" * 5_000} for n in range(counts[-1])])

    await held(ENGINE, site, StoreLimits(rows=100, reply_bytes=60_000))
    assert counts[:2] == [20, 8]
    with pytest.raises(BudgetSpent):
        await held(ENGINE, site, StoreLimits(reply_bytes=4_000))


async def test_more_than_was_asked_for_is_not_taken() -> None:
    flood = ok(PEOPLE * 100)
    ((_, batches),) = await held(ENGINE, milvus(query=flood), StoreLimits(rows=25))
    assert sum(batch.num_rows for batch in batches) == 25


async def test_a_store_that_closes_while_it_is_read_is_an_error() -> None:
    with pytest.raises(ServerRefused) as refused:
        await held(ENGINE, milvus(list=NO_USER))
    assert refused.value.code == "1800"
    with pytest.raises(ServerRefused):
        await held(ENGINE, milvus(query=Answer(b"<html></html>", 502)))
    with pytest.raises(NotThisProtocol):
        await held(ENGINE, milvus(query=ok("x")))
