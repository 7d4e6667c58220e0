"""The chroma engine against scripted peers: Chroma 0.4 to 0.5 by its documented answers (see the
engine's sources), and answers that no Chroma gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from leftopen.budget import StoreLimits
from leftopen.engine import Engine
from leftopen.engines.chroma import ENGINE
from leftopen.errors import BudgetSpent, NotThisProtocol, RequestNotAllowed
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
from tests.rows.chroma import FORBIDDEN, ID, RECORD, UNKNOWN, V2, old_server
from tests.scripted_http import Answer, Asked, Site, dialer

BEAT = Answer({"nanosecond heartbeat": 1_790_000_000_000_000_000})


def new_server(**replaced: Answer | Callable[[Asked], Answer]) -> Site:
    """A Chroma of 1.x; `list`, `missing`, `get`, `beat`, `count`, `databases` replace answers."""

    def given(name: str, asked: Asked, usual: Answer) -> Answer:
        answer = replaced.get(name, usual)
        return answer if isinstance(answer, Answer) else answer(asked)

    def site(asked: Asked) -> Answer:
        path = asked.path
        if path == "/api/v2/heartbeat":
            return given("beat", asked, BEAT)
        if path == "/api/v2/version":
            return Answer("1.0.0")
        if path == "/api/v2/tenants/default_tenant/databases":
            usual = [{"id": ID, "name": "default_database", "tenant": "default_tenant"}]
            return given("databases", asked, Answer(usual))
        if path == f"{V2}/collections":
            return given("list", asked, Answer([{"id": ID, "name": "people", "dimension": 3}]))
        if path == f"{V2}/collections/{ID}/count":
            return given("count", asked, Answer(1))
        if path == f"{V2}/collections/{ID}/get":
            return given("get", asked, Answer(RECORD))
        words = f"Collection [{path.rpartition('/')[2]}] does not exist"
        return given("missing", asked, Answer({"error": "NotFoundError", "message": words}, 404))

    return site


async def test_an_open_store_is_open_by_a_list_a_random_name_and_a_read() -> None:
    assert isinstance(ENGINE, Engine)
    proof, sent = await probed(ENGINE, new_server())
    assert (proof.verdict, proof.version) == (Verdict.OPEN, "1.0.0")
    assert [target.partition("leftopen-")[0] for _, target in sent] == [
        f"{V2}/collections?limit=1", f"{V2}/collections/", "/api/v2/version",
        f"{V2}/collections/{ID}/get",
    ]  # fmt: skip


async def test_an_old_server_is_asked_by_its_own_paths() -> None:
    proof, sent = await probed(ENGINE, old_server())
    assert (proof.verdict, proof.version) == (Verdict.OPEN, "0.5.5")
    assert [target.partition("leftopen-")[0] for _, target in sent[1:]] == [
        "/api/v1/collections?limit=1", "/api/v1/collections/", "/api/v1/version",
        f"/api/v1/collections/{ID}/get",
    ]  # fmt: skip
    ((collection, batches),) = await held(ENGINE, old_server())
    assert (collection.name, collection.records) == ("people", 1)
    assert values(batches, "metadata.email") == ["ann.lee@example.org"]


async def test_a_server_of_0_4_tells_of_what_is_missing_by_its_exception() -> None:
    def site(asked: Asked) -> Answer:
        answer = old_server()(asked)
        if answer.status != 400:
            return answer
        name = asked.path.rpartition("/")[2]
        return Answer({"error": f"ValueError('Collection {name} does not exist.')"}, 500)

    assert (await probe(ENGINE, site)).verdict is Verdict.OPEN


async def test_empty_stores_and_empty_collections_are_open() -> None:
    proof = await probe(ENGINE, new_server(list=Answer([])))
    assert (proof.verdict, "it is empty" in proof.reason) == (Verdict.OPEN, True)
    none = {**RECORD, "ids": [], "metadatas": []}
    proof = await probe(ENGINE, new_server(get=Answer(none)))
    assert (proof.verdict, "read is empty" in proof.reason) == (Verdict.OPEN, True)


@pytest.mark.parametrize(
    ("refusal", "beat", "verdict"),
    [
        (FORBIDDEN, UNKNOWN, Verdict.AUTH_REQUIRED),
        (Answer({"error": "AuthorizationError"}, 401), UNKNOWN, Verdict.AUTH_REQUIRED),
        (Answer(b"<html>403</html>", 403), BEAT, Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Bearer"}), BEAT, Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Bearer"}), UNKNOWN, Verdict.NOT_THIS),
        (Answer({"error": "Unauthorized"}, 401), UNKNOWN, Verdict.NOT_THIS),
        (Answer(b"", 302, {"Location": "/login"}), BEAT, Verdict.NOT_THIS),
        (Answer({"error": "NotFoundError", "message": "x"}, 404), BEAT, Verdict.UNDETERMINED),
    ],
)
async def test_a_list_that_is_not_given(refusal: Answer, beat: Answer, verdict: Verdict) -> None:
    proof = await probe(ENGINE, new_server(list=refusal, beat=beat))
    assert proof.verdict is verdict


async def test_a_server_of_0_4_that_asks_for_a_token_at_every_path_but_its_first_heartbeat() -> (
    None
):
    def site(asked: Asked) -> Answer:
        return BEAT if asked.path == "/api/v1/heartbeat" else Answer({"error": "Unauthorized"}, 401)

    proof, sent = await probed(ENGINE, site)
    assert (proof.verdict, len(sent)) == (Verdict.AUTH_REQUIRED, 3)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (FORBIDDEN, Verdict.OPEN_PARTIAL),
        (Answer(b"", 401), Verdict.OPEN_PARTIAL),
        (Answer({"error": "InternalError", "message": "x"}, 500), Verdict.UNDETERMINED),
        (Answer(b"", 302, {"Location": "/"}), Verdict.UNDETERMINED),
        (Answer({"ids": "p1"}), Verdict.NOT_THIS),
        (Answer({"ids": [1]}), Verdict.NOT_THIS),
        (Answer({"ids": ["p1"], "metadatas": []}), Verdict.NOT_THIS),
        (Answer({"ids": ["p1"], "metadatas": ["x"]}), Verdict.NOT_THIS),
        (Answer([RECORD]), Verdict.NOT_THIS),
        (Answer(b"<html></html>"), Verdict.NOT_THIS),
    ],
)
async def test_a_read_that_is_refused_or_none(answer: Answer, verdict: Verdict) -> None:
    assert (await probe(ENGINE, new_server(get=answer))).verdict is verdict


@pytest.mark.parametrize(
    "listed",
    [
        {"collections": []}, [1], [None], [{}], [{"id": ID}], [{"id": ID, "name": 1}],
        [{"id": "../../x", "name": "a"}], [{"id": "a" * 10_000, "name": "a"}], "x", 1, None,
    ],
)  # fmt: skip
async def test_a_list_that_is_none(listed: Any) -> None:
    assert (await probe(ENGINE, new_server(list=Answer(listed)))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize("missing", ["other name", "found", "html", "no class", "success"])
async def test_it_must_say_of_a_random_name_that_it_is_missing(missing: str) -> None:
    def answer(asked: Asked) -> Answer:
        name = asked.path.rpartition("/")[2]
        return {
            "other name": Answer({"error": "NotFoundError", "message": "Collection [x]"}, 404),
            "found": Answer({"id": ID, "name": name}),
            "html": Answer(f"<html>{name}</html>".encode(), 404),
            "no class": Answer({"message": name}, 404),
            "success": Answer({"error": "NotFoundError", "message": name}),
        }[missing]

    assert (await probe(ENGINE, new_server(missing=answer))).verdict is Verdict.NOT_THIS


async def test_recordings_are_told_from_servers() -> None:
    for site in (new_server(), old_server()):
        for how, played in await canned(ENGINE, site):
            assert (await probe(ENGINE, played)).verdict is Verdict.NOT_THIS, how


@pytest.mark.parametrize("answer", OTHERS.values(), ids=OTHERS)
async def test_other_products_and_sites_are_none(answer: Answer) -> None:
    proof, sent = await probed(ENGINE, lambda _: answer)
    assert proof.verdict is Verdict.NOT_THIS
    assert len(sent) <= 3


@settings(max_examples=150, deadline=None)
@given(listed=anything, read=anything)
def test_whatever_json_it_sends_only_records_prove_an_open_store(listed: Any, read: Any) -> None:
    odd = run(ENGINE, new_server(list=Answer(listed)))
    assert odd.verdict is Verdict.NOT_THIS or listed == []
    odd = run(ENGINE, new_server(get=Answer(read)))
    assert odd.verdict not in OPENED or (isinstance(read, dict) and "ids" in read)


@pytest.mark.parametrize(
    "request_",
    [
        f"POST {V2}/collections", f"POST {V2}/collections/{ID}/add", "POST /api/v2/reset",
        f"POST {V2}/collections/{ID}/delete", f"DELETE {V2}/collections/{ID}",
        f"PUT {V2}/collections/{ID}", "GET /api/v1/reset",
    ],
)  # fmt: skip
async def test_nothing_that_writes_can_be_named(request_: str) -> None:
    async with connection(ENGINE, dialer(new_server())) as link:
        with pytest.raises(RequestNotAllowed):
            await link.send(request_, b"x")
    assert all(name.endswith("/get") for name in ENGINE.requests if name.startswith("POST"))


async def test_databases_beside_the_default_one_are_named() -> None:
    def site(asked: Asked) -> Answer:
        moved = asked.path.replace("/databases/town", "/databases/default_database")
        return usual(Asked(asked.method, moved, asked.query, asked.headers, asked.body))

    usual = new_server(databases=Answer([{"name": "default_database"}, {"name": "town"}, 3]))
    assert [c.name for c, _ in await held(ENGINE, site)] == ["people", "town/people"]


async def test_a_database_that_would_lead_elsewhere_is_never_asked_for() -> None:
    ((collection, _),) = await held(ENGINE, new_server(databases=Answer([{"name": "../../x"}])))
    assert collection.name == "people"


async def test_a_server_that_lists_no_databases_is_read_by_the_default_one() -> None:
    for answer in (UNKNOWN, Answer({"detail": "Method Not Allowed"}, 405), FORBIDDEN):
        ((collection, _),) = await held(ENGINE, new_server(databases=answer))
        assert collection.name == "people"


@pytest.mark.parametrize("count", [True, -1, 2**70, "3", None, [1]])
async def test_a_count_that_is_none_is_left_open(count: Any) -> None:
    ((collection, batches),) = await held(ENGINE, new_server(count=Answer(count)))
    assert collection.records is None
    assert values(batches, "id") != []


async def test_records_larger_than_a_reply_may_be_are_read_fewer_at_a_time() -> None:
    counts: list[int] = []

    def get(asked: Asked) -> Answer:
        count = asked.json()["limit"]
        counts.append(count)
        ids = [f"p{n}" for n in range(count)]
        return Answer({"ids": ids, "documents": ["x" * 5_000] * count})

    limits = StoreLimits(rows=100, reply_bytes=60_000)
    ((_, batches),) = await held(ENGINE, new_server(count=Answer(500), get=get), limits)
    assert counts[:2] == [20, 8]
    assert len(values(batches, "document")) >= 2
    with pytest.raises(BudgetSpent):
        await held(ENGINE, new_server(count=Answer(500), get=get), StoreLimits(reply_bytes=4_000))


async def test_more_than_was_asked_for_is_not_taken() -> None:
    flood = Answer({"ids": [f"p{n}" for n in range(5_000)]})
    limits = StoreLimits(rows=30)
    ((_, batches),) = await held(ENGINE, new_server(count=Answer(30), get=flood), limits)
    assert sum(batch.num_rows for batch in batches) == 30


async def test_a_reply_without_records_in_the_middle_ends_the_reading() -> None:
    def get(asked: Asked) -> Answer:
        return Answer({"ids": ["a"] if asked.json()["offset"] == 0 else []})

    ((_, batches),) = await held(ENGINE, new_server(count=Answer(2_000), get=get))
    assert values(batches, "id") == ["a"]
    with pytest.raises(NotThisProtocol):
        await held(ENGINE, new_server(get=Answer({"ids": None})))
