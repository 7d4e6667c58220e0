"""The qdrant engine against scripted peers, built from Qdrant's OpenAPI document
(docs/redoc/master/openapi.json of its repository) and its guide on security, and against answers
that no Qdrant gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from leftopen.budget import StoreLimits
from leftopen.engine import Engine
from leftopen.engines._pages import WITH_VECTORS
from leftopen.engines.qdrant import ENGINE
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
from tests.rows.qdrant import IDENTITY, NO_KEY, PEOPLE, error, ok, qdrant
from tests.scripted_http import Answer, Asked, Site, dialer


async def test_an_open_store_is_open_by_a_list_a_random_name_and_a_read() -> None:
    assert isinstance(ENGINE, Engine)
    proof, sent = await probed(ENGINE, qdrant())
    assert (proof.verdict, proof.version) == (Verdict.OPEN, "1.12.4")
    assert [(method, path.partition("leftopen-")[0]) for method, path in sent] == [
        ("GET", "/collections"), ("GET", "/collections/"), ("GET", "/"),
        ("POST", "/collections/people/points/scroll"),
    ]  # fmt: skip


async def test_the_probe_asks_for_one_point_without_its_vector() -> None:
    asked: list[Any] = []

    def site(request: Asked) -> Answer:
        asked.append(request.json() if request.body else None)
        return qdrant()(request)

    await probe(ENGINE, site)
    assert asked[-1] == {"limit": 1, "with_payload": True, "with_vector": False}


async def test_empty_stores_and_empty_collections_are_open() -> None:
    proof = await probe(ENGINE, qdrant(list=ok({"collections": []})))
    assert (proof.verdict, "it is empty" in proof.reason) == (Verdict.OPEN, True)
    none = ok({"points": [], "next_page_offset": None})
    proof = await probe(ENGINE, qdrant(scroll=none))
    assert (proof.verdict, "read is empty" in proof.reason) == (Verdict.OPEN, True)


@pytest.mark.parametrize("port", [6333, 9999])
@pytest.mark.parametrize(
    "refusal",
    [
        NO_KEY,
        Answer(NO_KEY.body, 403),
        Answer(b"Invalid api-key", 403),
        error("Must provide an API key or an Authorization bearer token", 401),
        error("Forbidden: Global access is required", 403),
    ],
)
async def test_the_gate_is_known_by_its_words(refusal: Answer, port: int) -> None:
    proof, sent = await probed(ENGINE, qdrant(list=refusal), port)
    assert (proof.verdict, len(sent)) == (Verdict.AUTH_REQUIRED, 1)


@pytest.mark.parametrize(
    ("root", "port", "verdict"),
    [
        (Answer(IDENTITY), 9999, Verdict.AUTH_REQUIRED),
        (Answer({"title": "Some shop"}), 9999, Verdict.NOT_THIS),
        (Answer({"title": "Some shop"}), 6333, Verdict.AUTH_REQUIRED),  # by its port alone
        (Answer([]), 9999, Verdict.NOT_THIS),
    ],
)
async def test_a_proxy_that_asks_for_a_password(root: Answer, port: int, verdict: Verdict) -> None:
    asks = Answer(b"<html>401</html>", 401, {"WWW-Authenticate": 'Basic realm="x"'})
    assert (await probe(ENGINE, qdrant(list=asks, root=root), port)).verdict is verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (error("Forbidden: Access to collection people is required", 403), Verdict.OPEN_PARTIAL),
        (NO_KEY, Verdict.OPEN_PARTIAL),
        (error("Service internal error", 500), Verdict.UNDETERMINED),
        (Answer(b"", 302, {"Location": "/"}), Verdict.UNDETERMINED),
        (ok({"points": {}}), Verdict.NOT_THIS),
        (ok({"points": [1]}), Verdict.NOT_THIS),
        (ok({"points": [{"id": None}]}), Verdict.NOT_THIS),
        (ok({"points": [{"id": 1, "payload": "x"}]}), Verdict.NOT_THIS),
        (ok([]), Verdict.NOT_THIS),
        (Answer({"result": {"points": []}, "status": "error"}), Verdict.NOT_THIS),
        (Answer(b"<html></html>"), Verdict.NOT_THIS),
    ],
)
async def test_a_read_that_is_refused_or_none(answer: Answer, verdict: Verdict) -> None:
    assert (await probe(ENGINE, qdrant(scroll=answer))).verdict is verdict


@pytest.mark.parametrize(
    "result",
    [
        None, [], {}, {"collections": None}, {"collections": {}}, {"collections": [1]},
        {"collections": ["people"]}, {"collections": [{}]}, {"collections": [{"name": 1}]},
    ],
)  # fmt: skip
async def test_a_list_that_is_none(result: Any) -> None:
    assert (await probe(ENGINE, qdrant(list=ok(result)))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize(
    "missing",
    [
        error("Not found: Collection `other` doesn't exist!", 404),
        ok({"status": "green"}),
        Answer({"status": "not found"}, 404),
        Answer(b"<html>leftopen-</html>", 404),
        Answer(b"", 404),
    ],
)
async def test_it_must_say_of_a_random_name_that_it_is_missing(missing: Answer) -> None:
    assert (await probe(ENGINE, qdrant(missing=missing))).verdict is Verdict.NOT_THIS


async def test_recordings_are_told_from_servers() -> None:
    for how, played in await canned(ENGINE, qdrant()):
        assert (await probe(ENGINE, played)).verdict is Verdict.NOT_THIS, how


@pytest.mark.parametrize("answer", OTHERS.values(), ids=OTHERS)
async def test_other_products_and_sites_are_none(answer: Answer) -> None:
    proof, sent = await probed(ENGINE, lambda _: answer, 8080)
    assert proof.verdict is Verdict.NOT_THIS
    assert len(sent) <= 2


@settings(max_examples=150, deadline=None)
@given(told=anything)
def test_whatever_json_it_sends_only_points_prove_an_open_store(told: Any) -> None:
    assert run(ENGINE, qdrant(list=Answer(told))).verdict not in OPENED
    odd = run(ENGINE, qdrant(list=ok(told)))
    assert odd.verdict not in OPENED or told["collections"] == []
    odd = run(ENGINE, qdrant(scroll=ok({"points": told})))
    assert odd.verdict not in OPENED or isinstance(told, list)


@pytest.mark.parametrize(
    "request_",
    [
        "PUT /collections/{name}", "DELETE /collections/{name}", "POST /collections",
        "POST /collections/people/points/delete", "PUT /collections/{name}/points",
        "POST /collections/{name}/snapshots", "POST /locks", "PATCH /collections/{name}",
    ],
)  # fmt: skip
async def test_nothing_that_writes_can_be_named(request_: str) -> None:
    async with connection(ENGINE, dialer(qdrant())) as link:
        with pytest.raises(RequestNotAllowed):
            await link.send(request_, b"x")
    posts = {name.rpartition("/")[2] for name in ENGINE.requests if name.startswith("POST")}
    assert posts == {"scroll", "query"}


async def test_what_is_in_it() -> None:
    ((collection, batches),) = await held(ENGINE, qdrant())
    assert (collection.name, collection.records) == ("people", 30)
    assert values(batches, "id") == list(range(1, 31))
    assert values(batches, "payload.email")[29] == "ann.lee30@example.org"
    assert values(batches, "vector[]") == [[0.5, 0.25]] * WITH_VECTORS


def many(seen: list[Any], **replaced: Answer) -> Site:
    """A store of 1,000 points that are drawn from without end."""

    def site(asked: Asked) -> Answer:
        if asked.path.endswith("/query"):
            query = asked.json()
            seen.append(query)
            start = 50 * len(seen)
            points = [{"id": f"{start + n}", "payload": {}} for n in range(query["limit"])]
            return replaced.get("query", ok({"points": points}))
        return qdrant(info=ok({"points_count": 1_000}))(asked)

    return site


async def test_large_collections_are_sampled_at_random_and_no_point_counts_twice() -> None:
    seen: list[Any] = []
    ((_, batches),) = await held(ENGINE, many(seen), StoreLimits(rows=200))
    ids = values(batches, "id")
    assert len(ids) == len(set(ids)) == 200
    assert all(query["query"] == {"sample": "random"} for query in seen)
    assert [query["with_vector"] for query in seen] == [True] + [False] * (len(seen) - 1)


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_servers_that_cannot_draw_give_their_first_points(status: int) -> None:
    site = many([], query=error("Bad request", status))
    ((_, batches),) = await held(ENGINE, site, StoreLimits(rows=10))
    assert values(batches, "id") == list(range(1, 11))
    assert values(batches, "vector[]") == [[0.5, 0.25]] * 10


async def test_a_cursor_that_runs_in_circles_ends() -> None:
    same = ok({"points": PEOPLE[:3], "next_page_offset": 1})
    ((_, batches),) = await held(ENGINE, qdrant(scroll=same))
    assert values(batches, "id") == [1, 2, 3]


@pytest.mark.parametrize("info", [ok(None), ok({"points_count": "3"}), ok({"points_count": -1}),
                                  ok({"points_count": True}), error("no", 500)])  # fmt: skip
async def test_a_count_that_is_none_is_left_open(info: Answer) -> None:
    ((collection, batches),) = await held(ENGINE, qdrant(info=info))
    assert collection.records is None
    assert len(values(batches, "id")) == 30


async def test_names_that_would_lead_elsewhere_are_left_out() -> None:
    names = ["../../x", "a/b", "a\nb", "", "people", "x" * 600]
    listed = ok({"collections": [{"name": name} for name in names]})
    assert [c.name for c, _ in await held(ENGINE, qdrant(list=listed))] == ["people"]


async def test_points_larger_than_a_reply_may_be_are_read_fewer_at_a_time() -> None:
    counts: list[int] = []

    def site(asked: Asked) -> Answer:
        if not asked.path.endswith("/scroll"):
            return qdrant()(asked)
        counts.append(asked.json()["limit"])
        points = [{"id": n, "payload": {"text": "x" * 5_000}} for n in range(counts[-1])]
        return ok({"points": points, "next_page_offset": None})

    await held(ENGINE, site, StoreLimits(rows=100, reply_bytes=60_000))
    assert counts == [20, 2]
    with pytest.raises(BudgetSpent):
        await held(ENGINE, site, StoreLimits(reply_bytes=4_000))


async def test_a_store_that_closes_while_it_is_read_is_an_error() -> None:
    with pytest.raises(ServerRefused):
        await held(ENGINE, qdrant(list=NO_KEY))
    with pytest.raises(ServerRefused):
        await held(ENGINE, qdrant(scroll=NO_KEY))
    with pytest.raises(NotThisProtocol):
        await held(ENGINE, qdrant(scroll=ok({"points": "x"})))
