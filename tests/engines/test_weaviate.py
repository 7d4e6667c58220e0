"""The weaviate engine against scripted peers, built from Weaviate's OpenAPI document
(openapi-specs/schema.json of its repository) and its documentation of authentication and
authorization, and against answers that no Weaviate gives."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given, settings

from leftopen.budget import StoreLimits
from leftopen.engine import Engine
from leftopen.engines._pages import WITH_VECTORS
from leftopen.engines.weaviate import ENGINE
from leftopen.errors import BudgetSpent, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Verdict
from leftopen.testing import connection
from tests.engines.asking import (
    OTHERS,
    anything,
    canned,
    held,
    probe,
    probed,
    run,
    values,
)
from tests.rows.weaviate import FORBIDDEN, IDS, NO_ANONYMOUS, PEOPLE, objects, weaviate
from tests.scripted_http import Answer, Asked, dialer


def refusal(words: str, status: int) -> Answer:
    return Answer({"error": [{"message": words}]}, status)


async def test_an_open_store_is_open_by_a_read_and_a_random_word() -> None:
    assert isinstance(ENGINE, Engine)
    proof, sent = await probed(ENGINE, weaviate())
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "unknown")
    assert [(method, path.partition("leftopen-")[0]) for method, path in sent] == [
        ("GET", "/v1/objects?limit=1"), ("GET", "/v1/objects/"),
    ]  # fmt: skip


@pytest.mark.parametrize("listed", [[], None])
async def test_a_read_that_finds_nothing_is_open(listed: Any) -> None:
    answer = Answer({"deprecations": None, "objects": listed, "totalResults": 0})
    proof = await probe(ENGINE, weaviate(objects=answer))
    assert (proof.verdict, "it is empty" in proof.reason) == (Verdict.OPEN, True)


@pytest.mark.parametrize("words", ["anonymous access not enabled. Please authenticate through one "
                                   "of the available methods: [API-keys]",
                                   "oidc auth is not configured, please try another"])  # fmt: skip
async def test_the_gate_is_known_by_its_words(words: str) -> None:
    locked = Answer({"code": 401, "message": words}, 401)
    proof, sent = await probed(ENGINE, weaviate(objects=locked))
    assert (proof.verdict, len(sent)) == (Verdict.AUTH_REQUIRED, 1)


@pytest.mark.parametrize(
    "locked",
    [
        Answer({"code": 401, "message": "no"}, 401),
        Answer(b"<html>401</html>", 401, {"WWW-Authenticate": 'Basic realm="x"'}),
        Answer({"code": 403, "message": "anonymous access"}, 403),
        Answer({"error": "anonymous access not enabled"}, 401),
        Answer({"error": []}, 403),
        Answer({"error": ["x"]}, 403),
    ],
)
async def test_other_refusals_show_no_weaviate(locked: Answer) -> None:
    assert (await probe(ENGINE, weaviate(objects=locked))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize(
    ("read", "schema", "verdict"),
    [
        (FORBIDDEN, Answer({"classes": []}), Verdict.OPEN_PARTIAL),
        (FORBIDDEN, FORBIDDEN, Verdict.ACL_CLOSED),
        (FORBIDDEN, refusal("down", 500), Verdict.UNDETERMINED),
        (FORBIDDEN, Answer({"classes": {}}), Verdict.NOT_THIS),
        (refusal("leader not found", 500), Answer({"classes": []}), Verdict.UNDETERMINED),
        (refusal("no such thing", 422), FORBIDDEN, Verdict.UNDETERMINED),
    ],
)
async def test_a_read_that_is_refused(read: Answer, schema: Answer, verdict: Verdict) -> None:
    assert (await probe(ENGINE, weaviate(objects=read, schema=schema))).verdict is verdict


@pytest.mark.parametrize(
    "told",
    [
        {}, {"objects": []}, {"objects": {}, "totalResults": 0}, {"totalResults": 1},
        {"objects": [1], "totalResults": 1}, {"objects": [{}], "totalResults": 1},
        {"objects": [{"class": "A", "id": 1}], "totalResults": 1},
        {"objects": [{"class": "A", "id": "../x"}], "totalResults": 1},
        {"objects": [{"class": "A", "id": IDS[0], "properties": []}], "totalResults": 1},
        {"objects": [{"class": "A", "id": IDS[0], "vector": "x"}], "totalResults": 1},
    ],
)  # fmt: skip
async def test_objects_that_are_none(told: Any) -> None:
    assert (await probe(ENGINE, weaviate(objects=Answer(told)))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize(
    "word",
    [
        Answer({"code": 601, "message": 'id in path must be of type uuid: "other"'}, 422),
        Answer({"message": "leftopen-"}, 422),
        Answer(PEOPLE[0]),
        Answer(b"", 404),
        objects([]),
    ],
)
async def test_it_must_refuse_a_random_word_as_an_id(word: Answer) -> None:
    assert (await probe(ENGINE, weaviate(word=word))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize(("code", "status"), [(200, 422), ("601", 422), (601, 200), (601, 404)])
async def test_the_random_word_must_come_with_the_code_of_that_check(
    code: Any, status: int
) -> None:
    def site(asked: Asked) -> Answer:
        usual = weaviate()(asked)
        if usual.status != 422:
            return usual
        return Answer({**usual.body, "code": code}, status)

    assert (await probe(ENGINE, site)).verdict is Verdict.NOT_THIS


async def test_recordings_are_told_from_servers() -> None:
    for how, played in await canned(ENGINE, weaviate()):
        assert (await probe(ENGINE, played)).verdict is Verdict.NOT_THIS, how


@pytest.mark.parametrize("answer", OTHERS.values(), ids=OTHERS)
async def test_other_products_and_sites_are_none(answer: Answer) -> None:
    proof, sent = await probed(ENGINE, lambda _: answer)
    assert (proof.verdict, len(sent)) == (Verdict.NOT_THIS, 1)


@settings(max_examples=150, deadline=None)
@given(told=anything)
def test_whatever_json_it_sends_only_objects_prove_an_open_store(told: Any) -> None:
    assert run(ENGINE, weaviate(objects=Answer(told))).verdict is Verdict.NOT_THIS
    odd = run(ENGINE, weaviate(objects=Answer({"objects": told, "totalResults": 1})))
    assert odd.verdict is Verdict.NOT_THIS or told == []


@pytest.mark.parametrize(
    "request_",
    [
        "POST /v1/objects", "DELETE /v1/objects/{id}", "POST /v1/graphql", "PUT /v1/schema",
        "DELETE /v1/schema/{name}", "POST /v1/batch/objects", "POST /v1/schema/{name}/tenants",
    ],
)  # fmt: skip
async def test_nothing_that_writes_can_be_named(request_: str) -> None:
    async with connection(ENGINE, dialer(weaviate())) as link:
        with pytest.raises(RequestNotAllowed):
            await link.send(request_, b"x")
    assert all(name.startswith("GET ") for name in ENGINE.requests)


async def test_what_is_in_it() -> None:
    ((collection, batches),) = await held(ENGINE, weaviate())
    assert (collection.name, collection.records) == ("Person", 30)
    assert values(batches, "id") == IDS
    assert values(batches, "properties.email")[29] == "ann.lee29@example.org"
    assert values(batches, "vector[]") == [[0.5, 0.25]] * WITH_VECTORS


async def test_named_vectors_are_read_too() -> None:
    one = {**PEOPLE[0], "vectors": {"face": [1.0, 0.0]}}
    ((_, batches),) = await held(ENGINE, weaviate(objects=objects([one])))
    assert values(batches, "vectors.face[]") == [[1.0, 0.0]]


async def test_large_collections_are_read_from_random_ids_and_no_object_counts_twice() -> None:
    starts: list[str] = []

    def site(asked: Asked) -> Answer:
        if asked.path != "/v1/objects":
            return weaviate(nodes=nodes)(asked)
        starts.append(asked.query["after"])
        first = uuid.UUID(starts[-1]).int
        keys = [str(uuid.UUID(int=(first + n) % 2**128)) for n in range(int(asked.query["limit"]))]
        return objects([{"class": "Person", "id": key, "properties": {"n": key}} for key in keys])

    shards = [{"class": "Person", "name": "a", "objectCount": 60_000},
              {"class": "Person", "name": "b", "objectCount": 50_000}]  # fmt: skip
    copies = [{"name": "node1", "shards": shards}, {"name": "node2", "shards": shards}]
    nodes = Answer({"nodes": copies})
    ((collection, batches),) = await held(ENGINE, site, StoreLimits(rows=250))
    assert collection.records == 110_000  # a shard that two nodes keep counts once
    ids = values(batches, "id")
    assert len(ids) == len(set(ids)) == 250
    assert len({start[0] for start in starts}) > 1
    assert len(starts) == 5


async def test_collections_kept_by_tenant_are_read_tenant_by_tenant() -> None:
    asked_for: list[str] = []

    def site(asked: Asked) -> Answer:
        if asked.path == "/v1/objects" and "tenant" in asked.query:
            asked_for.append(asked.query["tenant"])
        return usual(asked)

    many = {"class": "Person", "multiTenancyConfig": {"enabled": True}}
    told = [{"name": "ulm", "activityStatus": "HOT"}, {"name": "bonn"}, {"name": "../../x"}, 3,
            {"name": "asleep", "activityStatus": "COLD"}]  # fmt: skip
    usual = weaviate(
        schema=Answer({"classes": [many]}), tenants=Answer(told), nodes=Answer({"nodes": [
            {"shards": [{"class": "Person", "name": "bonn", "objectCount": 7}]}]}),
    )  # fmt: skip
    found = await held(ENGINE, site)
    assert [(c.name, c.records) for c, _ in found] == [("Person/bonn", 7), ("Person/ulm", None)]
    assert set(asked_for) == {"ulm", "bonn"}


@pytest.mark.parametrize(
    "nodes",
    [
        FORBIDDEN, Answer([]), Answer({"nodes": {}}), Answer({"nodes": [1, {"shards": [2]}]}),
        Answer({"nodes": [{"shards": [{"class": "Person", "name": "a", "objectCount": "3"}]}]}),
        Answer({"nodes": [{"shards": [{"class": "Person", "name": "a", "objectCount": -1}]}]}),
    ],
)  # fmt: skip
async def test_a_count_that_is_none_is_left_open(nodes: Answer) -> None:
    ((collection, batches),) = await held(ENGINE, weaviate(nodes=nodes))
    assert collection.records is None
    assert len(values(batches, "id")) == 30


@pytest.mark.parametrize("name", ["../../x", "a/b", "a?b=1", "", 3, "é"])
async def test_names_that_no_server_gives_end_the_reading(name: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await held(ENGINE, weaviate(schema=Answer({"classes": [{"class": name}]})))


async def test_a_list_that_runs_in_circles_ends() -> None:
    ((_, batches),) = await held(ENGINE, weaviate(objects=objects(PEOPLE[:3])))
    assert values(batches, "id") == IDS[:3]


async def test_objects_larger_than_a_reply_may_be_are_read_fewer_at_a_time() -> None:
    counts: list[int] = []

    def site(asked: Asked) -> Answer:
        if asked.path != "/v1/objects":
            return weaviate()(asked)
        counts.append(int(asked.query["limit"]))
        large = {**PEOPLE[0], "properties": {"text": "x" * 5_000}}
        return objects([{**large, "id": key} for key in IDS[: counts[-1]]])

    await held(ENGINE, site, StoreLimits(rows=100, reply_bytes=60_000))
    assert counts[:2] == [20, 2]
    with pytest.raises(BudgetSpent):
        await held(ENGINE, site, StoreLimits(reply_bytes=4_000))


async def test_a_store_that_closes_while_it_is_read_is_an_error() -> None:
    with pytest.raises(ServerRefused):
        await held(ENGINE, weaviate(schema=NO_ANONYMOUS))
    with pytest.raises(ServerRefused):
        await held(ENGINE, weaviate(objects=FORBIDDEN))
