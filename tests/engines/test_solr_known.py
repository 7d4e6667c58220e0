"""What the solr engine learns for nothing, and its stream, at a scripted peer: what no honest node
says, and what may never be asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines._solr_wire import PATHS
from leftopen.engines.solr import ENGINE
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.knowledge import Known, Mark
from leftopen.testing import connection
from tests.engines.asking import anything
from tests.scripted_http import Answer, Asked, Site, dialer

BEGIN, END = datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-01-02")
PEOPLE = Collection("people", 100)
OK = {"status": 0}


def field(kind: object = "p", indexed: object = True, many: object = False) -> dict[str, Any]:
    return {"field": {"name": "a", "type": kind, "indexed": indexed, "multiValued": many}}


def kind(name: object) -> dict[str, Any]:
    return {"fieldType": {"name": "p", "class": name}}


def hits(total: object, *docs: Any, **header: object) -> dict[str, Any]:
    found = {"numFound": total, "start": 0, "docs": list(docs)}
    return {"responseHeader": OK | header, "response": found}


def site(**answers: Any) -> Site:
    """Answers by the last word of the path that is known; functions are given what was asked."""

    def answer(asked: Asked) -> Answer:
        for word in reversed(asked.path.split("/")):
            if word in answers:
                body = answers[word]
                body = body(asked) if callable(body) else body
                return body if isinstance(body, Answer) else Answer(body)
        return Answer({"responseHeader": {"status": 404}}, 404)

    return answer


def points(**answers: Any) -> Site:
    return site(fields=field(), fieldtypes=kind("solr.LongPointField"), **answers)


# --- fields --------------------------------------------------------------------------------------


async def known(peer: Site, *paths: str) -> Mapping[str, Known]:
    async with connection(ENGINE, dialer(peer)) as link:
        return await ENGINE.known(link, PEOPLE, paths)


@pytest.mark.parametrize(
    ("fields", "kinds", "indexed"),
    [
        (field(), kind("solr.DatePointField"), True),
        (field(), kind("org.apache.solr.schema.IntPointField"), True),
        (field(), kind("solr.StrField"), False),
        (field(), kind("solr.TrieLongField"), False),
        (field(), kind(["solr.LongPointField"]), False),
        (field(), {"fieldType": []}, False),
        (field(), [], False),
        (field(indexed=False), kind("solr.LongPointField"), False),
        (field(indexed="yes"), kind("solr.LongPointField"), False),
        (field(many=True), kind("solr.LongPointField"), False),
        (field(kind="../x"), kind("solr.LongPointField"), False),
        (field(kind=5), kind("solr.LongPointField"), False),
        ({"field": []}, kind("solr.LongPointField"), False),
        ([], kind("solr.LongPointField"), False),
        (Answer({}, 404), kind("solr.LongPointField"), False),
    ],
)
async def test_which_fields_are_indexed(fields: Any, kinds: Any, indexed: bool) -> None:
    told = await known(site(fields=fields, fieldtypes=kinds), "a")
    assert told == ({"a": Known(indexed=True)} if indexed else {})


@pytest.mark.parametrize(
    ("luke", "filled"),
    [
        ({"index": {"numDocs": 10, "maxDoc": 10}, "fields": {"a": {"docs": 9}}}, 0.9),
        ({"index": {"numDocs": 10, "maxDoc": 12}, "fields": {"a": {"docs": 9}}}, None),
        ({"index": {"numDocs": 10, "maxDoc": 10}, "fields": {"a": {"docs": 11}}}, None),
        ({"index": {"numDocs": 10, "maxDoc": 10}, "fields": {"a": {"docs": -1}}}, None),
        ({"index": {"numDocs": 10, "maxDoc": 10}, "fields": {"a": {"docs": "9"}}}, None),
        ({"index": {"numDocs": 10, "maxDoc": 10}, "fields": {"a": 9}}, None),
        ({"index": {"numDocs": 0, "maxDoc": 0}, "fields": {"a": {"docs": 0}}}, None),
        ({"index": {"numDocs": 2**70, "maxDoc": 2**70}, "fields": {"a": {"docs": 9}}}, None),
        ({"index": [], "fields": {}}, None),
        ({"index": {}, "fields": []}, None),
        ([], None),
    ],
)
async def test_how_many_documents_have_it(luke: Any, filled: float | None) -> None:
    assert await known(site(luke=luke), "a") == (
        {"a": Known(filled=filled)} if filled is not None else {}
    )


async def test_the_key_is_unique() -> None:
    assert await known(site(uniquekey={"uniqueKey": "a"}), "a", "b") == {"a": Known(unique=True)}
    assert await known(site(uniquekey={"uniqueKey": ["a"]}), "a") == {}


# --- ranges --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "truth"),
    [
        (hits(7), 7),
        (hits(7, partialResults=True), None),
        (hits(-1), None),
        (hits(2**70), None),
    ],
)
async def test_a_range(reply: Any, truth: int | None) -> None:
    asked: list[Asked] = []

    def select(request: Asked) -> Any:
        asked.append(request)
        return reply

    peer = site(fields=field(), fieldtypes=kind("solr.DatePointField"), select=select)
    async with connection(ENGINE, dialer(peer)) as link:
        assert await ENGINE.count_between(link, PEOPLE, "a", BEGIN, END) == truth
    query = asked[0].query
    assert query["fq"] == "{!cache=false}a:[2026-01-01T00:00:00.000Z TO 2026-01-02T00:00:00.000Z}"
    assert (query["rows"], query["q"]) == ("0", "*:*")
    assert int(query["timeAllowed"]) > 0


@pytest.mark.parametrize("reply", [{}, [], hits("7"), hits(True), hits(None), Answer({}, 500)])
async def test_a_range_that_is_not_answered(reply: Any) -> None:
    async with connection(ENGINE, dialer(points(select=reply))) as link:
        with pytest.raises((NotThisProtocol, ServerRefused)):
            await ENGINE.count_between(link, PEOPLE, "a", 1, 2)


@pytest.mark.parametrize(
    "query",
    [
        "fq=email:ann",
        "fq={!cache=false}email:ann",
        "fq=a:[1 TO 2}",
        "fq={!cache=false}a:[1 TO 2} OR b:ann",
        "fq={!cache=false}a:[ann TO anna}",
        "fq={!cache=false}a:[1 TO 2]",
        "fq={!join from=a to=b}c:[1 TO 2}",
        "fl=*",
        "fl=a,sum(1,2)",
        "fl=[explain]",
        "numTerms=10",
        "cursorMark=AoE",
        "q=email:ann",
        "stream.body=x",
        "shards=192.0.2.1",
        "qt=/update",
    ],
)
def test_no_other_parameters_leave(query: str) -> None:
    key, _, value = query.partition("=")
    with pytest.raises(RequestNotAllowed):
        PATHS.name("GET", f"/solr/people/select?{key}={quote(value, safe='')}")


# --- counters and start --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "mark"),
    [
        ({"numDocs": 5, "version": 9}, Mark(5, 9)),
        ({"numDocs": "5", "version": -1}, Mark()),
        ({"numDocs": 2**70, "version": True}, Mark()),
        ({}, Mark()),
        ([], Mark()),
    ],
)
async def test_marks(index: Any, mark: Mark) -> None:
    cores = {"responseHeader": OK, "status": {"people": {"name": "people", "index": index}}}
    async with connection(ENGINE, dialer(site(cores=cores))) as link:
        told = await ENGINE.marks(link, [PEOPLE, Collection("gone")])
    assert told == {"people": mark}


@pytest.mark.parametrize(
    ("ups", "seconds"),
    [
        ([90_000], 90),
        ([5_000, 90_000, "9", None, -1, 2**80, 2**39 * 2], 90),
        (["90000"], None),
        ([2**80], None),
        ([10**12 * 9 // 10], None),
        ([], None),
    ],
)
async def test_since(ups: list[object], seconds: int | None) -> None:
    status = {f"c{n}": {"uptime": up} for n, up in enumerate(ups)}
    cores = {"responseHeader": OK, "status": status}
    async with connection(ENGINE, dialer(site(cores=cores))) as link:
        since = await ENGINE.since(link)
    if seconds is None:
        assert since is None
    else:
        assert since is not None
        age = datetime.now(UTC).replace(tzinfo=None) - since.moment
        assert timedelta() <= age - timedelta(seconds=seconds) < timedelta(seconds=10)


# --- the stream ----------------------------------------------------------------------------------


async def streamed(
    select: Any, *paths: str, limits: StoreLimits | None = None
) -> list[dict[str, Any]]:
    limits = limits or StoreLimits()
    async with connection(ENGINE, dialer(site(select=select)), limits) as link:
        stream = ENGINE.stream(link, PEOPLE, paths, limits)
        return [row async for batch in stream for row in batch.to_pylist()]


def paged(total: int, value: str = "x") -> tuple[list[Asked], Any]:
    asked: list[Asked] = []

    def select(request: Asked) -> Any:
        asked.append(request)
        rows, start = int(request.query["rows"]), int(request.query["start"])
        docs = [{"a": f"{value}{n}"} for n in range(start, min(total, start + rows))]
        return hits(total, *docs)

    return asked, select


async def test_pages_follow_one_another() -> None:
    asked, select = paged(20_000)
    rows = await streamed(select, "a", "b c", "d[]")
    assert [row["a"] for row in rows] == [f"x{n}" for n in range(20_000)]
    assert len(asked) == 2
    assert {request.query["sort"] for request in asked} == {"_docid_ asc"}
    assert {request.query["fl"] for request in asked} == {"a,d"}


async def test_a_page_that_is_too_large_is_asked_for_in_part() -> None:
    asked, select = paged(2_000, "x" * 200)
    limits = StoreLimits(reply_bytes=200_000)
    assert len(await streamed(select, "a", limits=limits)) == 2_000
    assert [int(request.query["rows"]) for request in asked[:2]] == [5_000, 625]


async def test_a_stream_ends_at_its_bytes() -> None:
    _, select = paged(400_000)
    rows = await streamed(select, "a", limits=StoreLimits(bytes=1_000_000))
    assert 5_000 <= len(rows) < 80_000


async def test_a_search_that_is_broken_off_is_not_whole() -> None:
    with pytest.raises(ServerRefused):
        await streamed(hits(5, {"a": 1}, partialResults=True), "a")


@pytest.mark.parametrize("paths", [(), ("*",), ("a b",), ("sum(a)",)])
async def test_nothing_is_asked_for_names_that_are_none(paths: tuple[str, ...]) -> None:
    asked, select = paged(5)
    assert await streamed(select, *paths) == []
    assert asked == []


async def test_pages_that_never_end_end() -> None:
    empty = hits(10**9)
    assert await streamed(empty, "a") == []


@given(told=anything)
def test_no_json_makes_it_fail(told: Any) -> None:
    """Whatever comes: an answer, none, or an error of ours."""

    async def ask_all() -> None:
        names = ("uniquekey", "luke", "fields", "fieldtypes", "select", "cores")
        async with connection(ENGINE, dialer(site(**dict.fromkeys(names, told)))) as link:
            for asked in (
                lambda: ENGINE.known(link, PEOPLE, ["a"]),
                lambda: ENGINE.count_between(link, PEOPLE, "a", 1, 2),
                lambda: ENGINE.marks(link, [PEOPLE]),
                lambda: ENGINE.since(link),
            ):
                try:
                    await asked()
                except LeftopenError:
                    await link.reopen()
            with contextlib.suppress(LeftopenError):
                assert [b async for b in ENGINE.stream(link, PEOPLE, ["a"], StoreLimits())] == []

    asyncio.run(ask_all())
