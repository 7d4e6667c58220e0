"""What the elasticsearch engine learns for little, and its stream, at a scripted peer: what no
honest server says, and what may never be asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines._elasticsearch_known import Noted
from leftopen.engines._elasticsearch_wire import Searcher
from leftopen.engines.elasticsearch import ENGINE
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.knowledge import Known, Mark
from leftopen.net.scripted import ScriptedDialer
from leftopen.testing import connection
from tests.engines.asking import anything, sent
from tests.scripted_http import Answer, Asked, Site, dialer

BEGIN, END = datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-01-02")
SHARDS = {"total": 1, "successful": 1, "failed": 0}


def cap(kind: str, searchable: object = True, aggregatable: object = True) -> dict[str, Any]:
    return {kind: {"type": kind, "searchable": searchable, "aggregatable": aggregatable}}


def found(total: object, **more: object) -> dict[str, Any]:
    return {"timed_out": False, "_shards": SHARDS, "hits": {"total": total, "hits": []}, **more}


def site(caps: Any = None, /, **answers: Any) -> Site:
    """Answers by the last word of the path; functions are given what was asked."""
    told: dict[str, Any] = {"_field_caps": {"fields": {} if caps is None else caps}, **answers}

    def answer(asked: Asked) -> Answer:
        body = told.get(asked.path.rpartition("/")[2], Answer({"error": "x", "status": 404}, 404))
        body = body(asked) if callable(body) else body
        return body if isinstance(body, Answer) else Answer(body)

    return answer


def people(records: int | None = 100) -> Collection:
    return Collection("people", records, 1_000, Noted())


async def known(peer: Site, *paths: str, records: int | None = 100) -> Mapping[str, Known]:
    async with connection(ENGINE, dialer(peer)) as link:
        return await ENGINE.known(link, people(records), paths)


async def counted(peer: ScriptedDialer, begin: Any = BEGIN, end: Any = END) -> int | None:
    async with connection(ENGINE, peer) as link:
        return await ENGINE.count_between(link, people(), "at", begin, end)


# --- fields --------------------------------------------------------------------------------------


def aggs(distinct: object, filled: object, total: object = 100) -> dict[str, Any]:
    values = {"d0": {"value": distinct}, "f0": {"doc_count": filled}}
    return found({"value": total, "relation": "eq"}, aggregations=values)


@pytest.mark.parametrize(
    ("reply", "distinct", "filled"),
    [
        (aggs(80, 90), 80, 0.9),
        (aggs(80, 101), None, None),
        (aggs(0, 90), None, None),
        (aggs(-1, 90), None, None),
        (aggs(2**70, 90), None, None),
        (aggs("80", 90), None, None),
        (aggs(80, None), None, None),
        (aggs(80, 90, 0), None, None),
        (aggs(80, 90, "100"), None, None),
        ({**aggs(80, 90), "timed_out": True}, None, None),
        ({**aggs(80, 90), "_shards": {"failed": 1}}, None, None),
        ({**aggs(80, 90), "aggregations": []}, None, None),
        ({}, None, None),
        ([], None, None),
    ],
)
async def test_distinct_values(reply: Any, distinct: int | None, filled: float | None) -> None:
    told = await known(site({"a": cap("keyword")}, _search=reply), "a")
    assert (told["a"].distinct, told["a"].filled) == (distinct, filled)
    assert (told["a"].error is None) == (distinct is None)


@pytest.mark.parametrize(
    "caps",
    [
        cap("text"),
        cap("geo_point"),
        cap("keyword", searchable=False),
        cap("keyword", aggregatable="yes"),
        cap("keyword") | cap("long"),  # other types in other parts of the index
        {},
        [],
        {"keyword": []},
        {"keyword": {}},
    ],
)
async def test_what_is_not_asked_of_a_field(caps: Any) -> None:
    def search(asked: Asked) -> Answer:
        raise AssertionError(asked)

    assert await known(site({"a": caps}, _search=search), "a") == {}


async def test_large_indices_are_not_counted_and_text_goes_by_its_keyword() -> None:
    asked: list[Any] = []

    def search(request: Asked) -> Any:
        asked.append(request.json())
        return aggs(7, 50)

    peer = site({"a": cap("text"), "a.keyword": cap("keyword")}, _search=search)
    assert (await known(peer, "a[]"))["a[]"] == Known(distinct=7, error=0.002, filled=0.5)
    (body,) = asked
    assert body["aggs"]["d0"]["cardinality"]["field"] == "a.keyword"
    assert (body["size"], body["timeout"][-2:]) == (0, "ms")
    assert await known(peer, "a", records=5_000_001) == {"a": Known()}
    assert await known(peer, "a", records=None) == {"a": Known()}
    assert len(asked) == 1


async def test_names_that_are_patterns_or_lists_are_not_asked_for() -> None:
    asking = dialer(site())
    async with connection(ENGINE, asking) as link:
        await ENGINE.known(link, people(), ["*.a", "b,c", "d\\e", "f&g=h", "i\nj", "k"])
    (path,) = [path for _, path in sent(asking)]
    assert path == "/people/_field_caps?fields=f%26g%3Dh,f%26g%3Dh.keyword,k,k.keyword"


# --- ranges --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "truth"),
    [
        ({"value": 7, "relation": "eq"}, 7),
        (7, 7),
        ({"value": 10_000, "relation": "gte"}, None),
        ({"value": -1, "relation": "eq"}, None),
        ({"value": 2**64, "relation": "eq"}, None),
        ({"value": "7", "relation": "eq"}, None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
async def test_a_range(total: object, truth: int | None) -> None:
    asked: list[Any] = []

    def search(request: Asked) -> Any:
        asked.append(request.json())
        return found(total)

    assert await counted(dialer(site({"at": cap("date")}, _search=search))) == truth
    span = {"gte": "2026-01-01T00:00:00.000", "lt": "2026-01-02T00:00:00.000"}
    span["format"] = "strict_date_optional_time"
    assert asked[0]["query"] == {"range": {"at": span}}


@pytest.mark.parametrize(
    ("kind", "begin", "end"),
    [
        ("keyword", BEGIN, END),
        ("text", BEGIN, END),
        ("long", BEGIN, END),
        ("long", "2026", "2027"),
        ("long", True, False),
        ("double", float("nan"), 1.0),
        ("date", 1.0, float("inf")),
    ],
)
async def test_a_range_that_cannot_be_said_is_not(kind: str, begin: Any, end: Any) -> None:
    asking = dialer(site({"at": cap(kind)}))
    assert await counted(asking, begin, end) is None
    assert len(asking.sent) == 1


async def test_the_types_are_asked_for_once() -> None:
    asking = dialer(site({"at": cap("date")}, _search=found(3)))
    async with connection(ENGINE, asking) as link:
        one = people()
        assert [await ENGINE.count_between(link, one, "at", 1, 2) for _ in "abc"] == [3, 3, 3]
    assert [method for method, _ in sent(asking)] == ["GET", "POST", "POST", "POST"]


_RANGE = {"gte": 1, "lt": 2}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/people/_search", {"query": {"term": {"email": "ann.lee@example.org"}}}),
        ("/people/_search", {"query": {"match": {"name": "Ann"}}}),
        ("/people/_search", {"query": {"range": {"a": {**_RANGE, "gte": "ann", "lt": "anna"}}}}),
        ("/people/_search", {"query": {"range": {"a": {"gte": "2026-01-01", "lt": "2026 Ann"}}}}),
        ("/people/_search", {"query": {"range": {"a": {"gte": 1}}}}),
        ("/people/_search", {"query": {"range": {"a": {**_RANGE, "boost": 2}}}}),
        ("/people/_search", {"query": {"range": {"a": _RANGE, "b": _RANGE}}}),
        ("/people/_search", {"query": {"match_all": {}, "match_none": {}}}),
        ("/people/_search", {"query": {"exists": {"field": "a"}, "term": {}}}),
        ("/people/_search", {"query": {"function_score": {"query": {"term": {"a": "b"}}}}}),
        ("/people/_search", {"query": {}}),
        ("/people/_search", {"aggs": {"a": {"terms": {"field": "a"}}}}),
        ("/people/_search", {"aggs": {"a": {"filter": {"term": {"a": "b"}}}}}),
        ("/people/_search", {"aggs": {"a": {"cardinality": {}, "aggs": {}}}}),
        ("/people/_search", {"sort": ["name"]}),
        ("/people/_search", {"search_after": ["ann"]}),
        ("/people/_search", {"script_fields": {}}),
        ("/people/_search", {"runtime_mappings": {}}),
        ("/people/_search", "{}"),
        ("/_search/scroll", {"scroll": "20s"}),
        ("/_search/scroll", {"scroll": "20s", "scroll_id": "a", "query": {}}),
    ],
)
async def test_nobody_is_looked_up(path: str, body: Any) -> None:
    asking = dialer(site())
    async with connection(ENGINE, asking) as link:
        with pytest.raises(RequestNotAllowed):
            await Searcher(link).post(path, body)
    assert asking.sent == []


# --- counters and start --------------------------------------------------------------------------


def line(index: str, records: object) -> dict[str, Any]:
    return {"index": index, "docs.count": records, "status": "open", "health": "green"}


def operations(indexed: object, deleted: object = 0) -> dict[str, Any]:
    return {"primaries": {"indexing": {"index_total": indexed, "delete_total": deleted}}}


async def marks(stats: Any, lines: Any = None) -> Mapping[str, Mark]:
    listed = [line("people", "5"), line("orders", None)] if lines is None else lines
    hidden = [line(".ds-traces-2026.01.01-000001", "3"), line(".ds-traces-000002", "4")]
    peer = site(indices=listed, indexing=stats, **{".ds-*": hidden})
    asked = [Collection(name) for name in ("people", "orders", "traces", "gone")]
    async with connection(ENGINE, dialer(peer)) as link:
        return await ENGINE.marks(link, asked)


async def test_marks() -> None:
    told = {
        "people": operations(9, 2),
        "orders": operations(0),
        ".ds-traces-2026.01.01-000001": operations(3),
        ".ds-traces-000002": operations(4, 1),
    }
    assert await marks({"indices": told}) == {
        "people": Mark(5, 11), "orders": Mark(None, 0), "traces": Mark(7, 8),
    }  # fmt: skip


@pytest.mark.parametrize(
    "stats",
    [
        {}, [], {"indices": []}, {"indices": {"people": 5}}, {"indices": {"people": {}}},
        {"indices": {"people": operations(-1)}}, {"indices": {"people": operations("9")}},
        {"indices": {"people": operations(2**70)}}, {"indices": {"people": operations(1, None)}},
        Answer({}, 403), Answer(b"{"),
    ],
)  # fmt: skip
async def test_marks_without_operations(stats: Any) -> None:
    assert (await marks(stats))["people"] == Mark(5)


async def test_older_servers_do_not_know_hidden_indices() -> None:
    def stats(asked: Asked) -> Any:
        if "expand_wildcards" in asked.query:
            return Answer({"error": {"type": "x"}, "status": 400}, 400)
        return {"indices": {"people": operations(9)}}

    assert (await marks(stats))["people"] == Mark(5, 9)


@pytest.mark.parametrize(
    ("jvm", "age"),
    [
        ({"start_time_in_millis": lambda now: now - 90_000}, 90),
        ({"start_time_in_millis": lambda now: now + 5_000}, 0),
        ({"start_time_in_millis": lambda now: now + 10**9}, None),
        ({"start_time_in_millis": lambda now: 5}, None),
        ({"start_time_in_millis": lambda now: str(now)}, None),
        ({"start_time_in_millis": lambda now: 2**80}, None),
        ({"start_time_in_millis": lambda now: -now}, None),
        ({}, None),
    ],
)
async def test_since(jvm: dict[str, Callable[[int], Any]], age: int | None) -> None:
    now = datetime.now(UTC)
    told = {name: value(int(now.timestamp() * 1_000)) for name, value in jvm.items()}
    peer = site(jvm={"nodes": {"n": {"jvm": told}}})
    async with connection(ENGINE, dialer(peer)) as link:
        since = await ENGINE.since(link)
    if age is None:
        assert since is None
    else:
        assert since is not None
        off = now.replace(tzinfo=None) - timedelta(seconds=age) - since.moment
        assert abs(off) < timedelta(seconds=6)


# --- the stream ----------------------------------------------------------------------------------


def page(*hits: Any, scroll: object = "s", **more: object) -> dict[str, Any]:
    failed = {"failed": 0}
    told = {"_scroll_id": scroll, "timed_out": False, "_shards": failed, "hits": {"hits": hits}}
    return told | more


async def streamed(
    first: Any, *paths: str, limits: StoreLimits | None = None, following: Any = None
) -> list[dict[str, Any]]:
    limits = limits or StoreLimits()
    peer = site(_search=first, scroll=following)
    async with connection(ENGINE, dialer(peer), limits) as link:
        stream = ENGINE.stream(link, people(), paths, limits)
        return [row async for batch in stream for row in batch.to_pylist()]


async def test_fields_of_a_page() -> None:
    asked: list[Asked] = []

    def first(request: Asked) -> Any:
        asked.append(request)
        hits = [{"_id": "1", "_source": {"a": [{"b": 1}, {"b": 2}], "c": "x"}}, {"_score": None}]
        return page(*hits)

    rows = await streamed(first, "_id", "a[].b")
    assert rows == [{"_id": "1", "a[].b": [1, 2]}, {"_id": None, "a[].b": None}]
    (request,) = asked
    assert request.query["scroll"] == "20s"
    assert request.json()["_source"] == ["a.b"]
    assert request.json()["sort"] == ["_doc"]


@pytest.mark.parametrize(
    "told",
    [
        {}, [], page(scroll=None), page(scroll=5), page(scroll="s" * 70_000), page("a"), page([]),
        page({"_source": []}), page(hits={"hits": {}}), page(hits=[]), page(_shards=None),
    ],
)  # fmt: skip
async def test_a_page_that_is_none(told: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await streamed(told, "a")


@pytest.mark.parametrize("more", [{"timed_out": True}, {"_shards": {"failed": 1}}])
async def test_a_search_that_is_broken_off_is_not_whole(more: dict[str, Any]) -> None:
    with pytest.raises(ServerRefused):
        await streamed(page({"_source": {"a": 1}}, **more), "a")


async def test_pages_follow_the_servers_own_mark_until_one_is_short() -> None:
    asked: list[Any] = []

    def following(request: Asked) -> Any:
        asked.append(request.json())
        return page(*[{"_source": {"a": 2}}] * (5_000 if len(asked) < 3 else 7), scroll="t")

    full = page(*[{"_source": {"a": 1}}] * 5_000)
    rows = await streamed(full, "a", following=following)
    assert len(rows) == 5_000 * 3 + 7
    assert [body["scroll_id"] for body in asked] == ["s", "t", "t"]


async def test_a_first_page_that_is_too_large_is_asked_for_in_part() -> None:
    sizes: list[int] = []

    def first(request: Asked) -> Any:
        sizes.append(request.json()["size"])
        return page(*[{"_source": {"a": "x" * 100}}] * sizes[-1])

    rows = await streamed(
        first, "a", following=page(), limits=StoreLimits(reply_bytes=100_000, bytes=10**7)
    )
    assert sizes == [5_000, 625]
    assert len(rows) == 625


async def test_a_stream_ends_at_its_bytes() -> None:
    full = page(*[{"_source": {"a": "x" * 50}}] * 5_000)
    rows = await streamed(full, "a", following=full, limits=StoreLimits(bytes=1_500_000))
    assert 5_000 <= len(rows) < 30_000


@given(told=anything, following=anything)
def test_no_json_makes_it_fail(told: Any, following: Any) -> None:
    """Whatever comes: an answer, none, or an error of ours."""

    async def ask_all() -> None:
        names = ("_field_caps", "_search", "indices", ".ds-*", "indexing", "jvm")
        peer = site(scroll=following, **dict.fromkeys(names, told))
        async with connection(ENGINE, dialer(peer)) as link:
            for asked in (
                lambda: ENGINE.known(link, people(), ["a", "_id"]),
                lambda: ENGINE.count_between(link, people(), "a", 1, 2),
                lambda: ENGINE.marks(link, [people()]),
                lambda: ENGINE.since(link),
            ):
                try:
                    await asked()
                except LeftopenError:
                    await link.reopen()
            with contextlib.suppress(LeftopenError):
                assert [b async for b in ENGINE.stream(link, people(), ["a"], StoreLimits())] == []

    asyncio.run(ask_all())
