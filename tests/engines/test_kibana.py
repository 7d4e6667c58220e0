"""The kibana engine against scripted peers, built from Kibana's reference of its REST API (saved
objects, data views, spaces, status) and from answers that its issues and those of OpenSearch
Dashboards show, and against answers that neither gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from leftopen.budget import StoreLimits
from leftopen.engine import Engine
from leftopen.engines.kibana import ENGINE
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
from tests.rows.kibana import (
    DASHBOARDS,
    EMPTY,
    FORBIDDEN,
    KIBANA,
    NOT_AVAILABLE,
    STATUS,
    TO_LOGIN,
    UNAUTHORIZED,
    error,
    kibana,
)
from tests.scripted_http import Answer, Asked, dialer

VIEWS = Answer({"data_view": [{"id": "v1", "title": "patients-*", "name": "Patients"}]})


@pytest.mark.parametrize(
    ("headers", "product"), [(KIBANA, "Kibana"), (DASHBOARDS, "OpenSearch Dashboards"),
                             ({"kbn-version": "6.8.1"}, "Kibana"), ({}, None)]
)  # fmt: skip
async def test_open_by_a_list_a_random_name_and_the_status(
    headers: dict[str, str], product: str | None
) -> None:
    assert isinstance(ENGINE, Engine)
    proof, sent = await probed(ENGINE, kibana(headers))
    assert (proof.verdict, proof.product, proof.version) == (Verdict.OPEN, product, "8.15.0")
    assert [path.partition("?")[0].partition("leftopen-")[0] for _, path in sent] == [
        "/api/saved_objects/_find", "/api/saved_objects/index-pattern/", "/api/status",
    ]  # fmt: skip
    assert "per_page=1" in sent[0][1]


async def test_nothing_saved_is_open_and_empty() -> None:
    proof = await probe(ENGINE, kibana(find=EMPTY))
    assert (proof.verdict, "it is empty" in proof.reason) == (Verdict.OPEN, True)


@pytest.mark.parametrize("refusal", [NOT_AVAILABLE, error(404, "Not Found", "Not Found")])
async def test_versions_without_saved_objects_are_asked_for_data_views(refusal: Answer) -> None:
    proof, sent = await probed(ENGINE, kibana(find=refusal, views=VIEWS))
    assert proof.verdict is Verdict.OPEN
    assert sent[1][1] == "/api/data_views"
    assert sent[2][1].startswith("/api/data_views/data_view/leftopen-")
    ((collection, batches),) = await held(ENGINE, kibana(find=refusal, views=VIEWS))
    assert (collection.name, collection.records) == ("data_view", 1)
    assert values(batches, "title") == ["patients-*"]


@pytest.mark.parametrize(
    ("find", "headers", "port", "verdict"),
    [
        (UNAUTHORIZED, KIBANA, 8443, Verdict.AUTH_REQUIRED),
        (UNAUTHORIZED, DASHBOARDS, 8443, Verdict.AUTH_REQUIRED),
        (TO_LOGIN, KIBANA, 8443, Verdict.AUTH_REQUIRED),
        (TO_LOGIN, {}, 5601, Verdict.NOT_THIS),
        (Answer(b"", 302, {"location": "/spaces/enter"}), KIBANA, 5601, Verdict.UNDETERMINED),
        (UNAUTHORIZED, {}, 5601, Verdict.NOT_THIS),
        (UNAUTHORIZED, {"www-authenticate": "Basic"}, 5601, Verdict.AUTH_REQUIRED),
        (UNAUTHORIZED, {"www-authenticate": "Basic"}, 8443, Verdict.NOT_THIS),
        (error(503, "Service Unavailable", "License"), KIBANA, 8443, Verdict.UNDETERMINED),
        (Answer(b"Kibana server is not ready yet", 503), {}, 5601, Verdict.UNDETERMINED),
        (NOT_AVAILABLE, {}, 5601, Verdict.NOT_THIS),
    ],
)
async def test_a_list_that_is_not_given(
    find: Answer, headers: dict[str, str], port: int, verdict: Verdict
) -> None:
    assert (await probe(ENGINE, kibana(headers, find=find), port)).verdict is verdict


@pytest.mark.parametrize(
    ("spaces", "verdict"),
    [
        (Answer([{"id": "default"}]), Verdict.OPEN_PARTIAL),
        (Answer([]), Verdict.AUTH_REQUIRED),
        (Answer([1]), Verdict.AUTH_REQUIRED),
        (Answer({"id": "default"}), Verdict.AUTH_REQUIRED),
        (Answer(b"<html></html>"), Verdict.AUTH_REQUIRED),
        (FORBIDDEN, Verdict.AUTH_REQUIRED),
    ],
)
async def test_a_list_that_is_forbidden(spaces: Answer, verdict: Verdict) -> None:
    assert (await probe(ENGINE, kibana(find=FORBIDDEN, spaces=spaces))).verdict is verdict


async def test_a_path_that_a_peer_does_not_know_decides_nothing() -> None:
    elsewhere = error(404, "Not Found", "Not Found")
    proof = await probe(ENGINE, kibana(find=elsewhere, views=elsewhere))
    assert proof.verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize(
    "told",
    [
        [], {}, {"total": 1}, {"total": "1", "saved_objects": []}, {"saved_objects": []},
        {"total": True, "saved_objects": []}, {"total": -1, "saved_objects": []},
        {"total": 1, "saved_objects": {}}, {"total": 1, "saved_objects": [1]},
        {"total": 1, "saved_objects": [{"id": 1, "attributes": {}}]},
        {"total": 1, "saved_objects": [{"id": "x"}]},
    ],
)  # fmt: skip
async def test_a_page_of_saved_objects_that_is_none(told: Any) -> None:
    assert (await probe(ENGINE, kibana(find=Answer(told)))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize("told", [[], {}, {"data_view": {}}, {"data_view": [1]},
                                  {"data_view": [{"id": "x"}]}])  # fmt: skip
async def test_data_views_that_are_none(told: Any) -> None:
    site = kibana(find=NOT_AVAILABLE, views=Answer(told))
    assert (await probe(ENGINE, site)).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize(
    "missing",
    [
        error(404, "Not Found", "Saved object [index-pattern/other] not found"),
        error(404, "Not Found", "Not Found"),
        Answer({"id": "x", "type": "index-pattern", "attributes": {}}),
        Answer(b"<html></html>", 404),
    ],
)
async def test_it_must_say_of_a_random_name_that_it_is_missing(missing: Answer) -> None:
    assert (await probe(ENGINE, kibana(missing=missing))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize("status", [Answer(b"", 401), Answer([]), Answer({"version": "8"}),
                                    Answer({"status": {"overall": {"level": "available"}}}),
                                    Answer({"version": {"number": "<b>"}})])  # fmt: skip
async def test_a_status_that_is_closed_or_redacted_leaves_the_version_open(status: Answer) -> None:
    proof = await probe(ENGINE, kibana(status=status))
    assert (proof.verdict, proof.version) == (Verdict.OPEN, None)


async def test_recordings_are_told_from_servers() -> None:
    for site in (kibana(), kibana(find=NOT_AVAILABLE, views=VIEWS)):
        for how, played in await canned(ENGINE, site):
            assert (await probe(ENGINE, played)).verdict is Verdict.NOT_THIS, how


@pytest.mark.parametrize("answer", OTHERS.values(), ids=OTHERS)
async def test_other_products_and_sites_are_none(answer: Answer) -> None:
    proof, sent = await probed(ENGINE, lambda _: answer, 8080)
    assert (proof.verdict, len(sent)) == (Verdict.NOT_THIS, 1)


@settings(max_examples=150, deadline=None)
@given(told=anything)
def test_whatever_json_it_sends_only_saved_objects_prove_it_open(told: Any) -> None:
    assert run(ENGINE, kibana(find=Answer(told))).verdict is Verdict.NOT_THIS
    odd = run(ENGINE, kibana(find=Answer({"total": 1, "saved_objects": told})))
    assert odd.verdict is Verdict.NOT_THIS or told == []
    assert run(ENGINE, kibana(status=Answer(told))).verdict is Verdict.OPEN


@pytest.mark.parametrize(
    "request_",
    [
        "POST /api/console/proxy", "POST /api/saved_objects/_import", "DELETE /api/spaces/space",
        "POST /api/saved_objects/_export", "GET /api/console/proxy",
        "POST /api/saved_objects/_find", "PUT /api/saved_objects/index-pattern/{name}",
    ],
)  # fmt: skip
async def test_neither_what_writes_nor_the_console_can_be_named(request_: str) -> None:
    async with connection(ENGINE, dialer(kibana())) as link:
        with pytest.raises(RequestNotAllowed):
            await link.send(request_, b"x")
    assert all(name.startswith("GET ") for name in ENGINE.requests)


async def test_what_is_in_it() -> None:
    found = await held(ENGINE, kibana())
    assert [(c.name, c.records) for c, _ in found] == [
        ("index-pattern", 2), ("query", 1), ("dashboard", 40),
    ]  # fmt: skip
    batches = {c.name: b for c, b in found}
    assert values(batches["index-pattern"], "attributes.title") == ["patients-*", "logs-*"]
    # JSON in a text is opened
    assert values(batches["query"], "attributes.query.query") == ["email:ann.lee@example.org"]
    assert len(set(values(batches["dashboard"], "id"))) == 40


async def test_large_kinds_are_sampled_from_random_pages() -> None:
    pages: list[int] = []

    def site(asked: Asked) -> Answer:
        if asked.query.get("type") != "dashboard":
            return kibana(find=EMPTY)(asked)
        count, page = int(asked.query["per_page"]), int(asked.query.get("page", "0"))
        pages.extend([page] if page else [])
        some = [{"id": f"{page}-{n}", "attributes": {}} for n in range(count)]
        return Answer({"total": 10**6, "saved_objects": some})

    ((collection, batches),) = await held(ENGINE, site, StoreLimits(rows=100))
    assert collection.records == 10**6
    assert len(set(values(batches, "id"))) == 100
    assert len(pages) == len(set(pages)) == 2
    assert max(pages) <= 156  # no page ends behind the first 10,000


async def test_objects_larger_than_a_reply_may_be_are_read_fewer_at_a_time() -> None:
    asked_for: list[tuple[int, int]] = []

    def site(asked: Asked) -> Answer:
        if asked.query.get("type") != "dashboard" or "page" not in asked.query:
            return kibana()(asked)
        count = int(asked.query["per_page"])
        asked_for.append((count, int(asked.query["page"])))
        some = [{"id": f"{n}", "attributes": {"x": "y" * 9_000}} for n in range(count)]
        return Answer({"total": 40, "saved_objects": some})

    await held(ENGINE, site, StoreLimits(rows=100, reply_bytes=60_000))
    assert asked_for[:2] == [(64, 1), (8, 1)]
    with pytest.raises(BudgetSpent):
        await held(ENGINE, site, StoreLimits(reply_bytes=8_000))


async def test_a_store_that_closes_while_it_is_read_is_an_error() -> None:
    with pytest.raises(ServerRefused):
        await held(ENGINE, kibana(find=UNAUTHORIZED))
    with pytest.raises(ServerRefused):
        await held(ENGINE, kibana(find=NOT_AVAILABLE, views=FORBIDDEN))
    with pytest.raises(NotThisProtocol):
        await held(ENGINE, kibana(find=Answer(STATUS)))
