"""What the MongoDB engine learns for nothing, and its stream, at a scripted peer: what no honest
server says, and what may never be asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines._mongodb_wire import Handle, ask
from leftopen.engines.mongodb import ENGINE
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.knowledge import Known, Mark
from leftopen.sample import MAX_CELL
from tests.engines.test_mongodb import Peer, cursor, opened, people, refusal, sampled

BEGIN, END = datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-01-02")
OF_A_TIME = bson.ObjectId("65f000000000000000000000")


def index(*fields: str, way: object = 1, name: object = "i", **more: object) -> dict[str, Any]:
    return {"v": 2, "key": dict.fromkeys(fields, way), "name": name, **more}


async def known(entries: object, *paths: str) -> Mapping[str, Known]:
    peer = Peer(listIndexes=cursor(entries))
    async with opened(peer.dialer) as link:
        return await ENGINE.known(link, people(), paths)


# --- indexes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (index("a"), Known(indexed=True)),
        (index("a", way=-1), Known(indexed=True)),
        (index("a", way=1.0), Known(indexed=True)),
        (index("a", unique=True), Known(unique=True, indexed=True)),
        (index("a", "b", unique=True), Known(indexed=True)),
        (index("a", unique=True, collation={"locale": "de"}), Known(unique=True)),
        (index("a", unique=True, hidden=True), Known(unique=True)),
        (index("a", unique="yes"), Known(indexed=True)),
        (index("a", unique=True, name=7), Known(unique=True)),
        (index("a", unique=True, sparse=True), None),
        (index("a", unique=True, partialFilterExpression={"b": 1}), None),
        (index("a", way="hashed", unique=True), None),
        (index("a", way="2dsphere"), None),
        (index("a", way=True), None),
        (index("a", way={}), None),
        (index("a", way=None), None),
        (index("b", "a"), None),
        ({"key": ["a"], "name": "i"}, None),
        ({"key": {}, "name": "i"}, None),
        ({"name": "i"}, None),
        ({}, None),
    ],
)
async def test_what_an_index_tells(entry: dict[str, Any], told: Known | None) -> None:
    found = await known([entry], "a")
    assert found == ({} if told is None else {"a": told})


async def test_the_id_is_unique_without_being_called_so() -> None:
    assert await known([index("_id")], "_id", "a") == {"_id": Known(unique=True, indexed=True)}


@pytest.mark.parametrize("entries", [None, {}, "a", [1], ["a"], [[]]])
async def test_a_list_of_indexes_that_is_none(entries: object) -> None:
    with pytest.raises(NotThisProtocol):
        await known(entries, "a")


async def test_no_more_indexes_are_looked_at_than_a_collection_can_have() -> None:
    assert await known([*([index("b")] * 64), index("a")], "a", "b") == {"b": Known(indexed=True)}


async def test_nothing_is_asked_of_a_view() -> None:
    peer = Peer()
    async with opened(peer.dialer) as link:
        view = people(stored=False)
        assert await ENGINE.known(link, view, ["a"]) == {}
        assert await ENGINE.count_between(link, view, "a", 1, 2) is None
        assert await ENGINE.marks(link, [view]) == {}
    assert peer.commands == []


# --- ranges --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "end"),
    [(BEGIN, END), (1, 2), (1.5, 2.5), ("2026-01-01T00:00:00Z", "2026-01-02"), ("1700", "1800")],
)
async def test_a_range_is_one_path_with_its_index(begin: Any, end: Any) -> None:
    peer = Peer(listIndexes=cursor([index("at", name="at_1")]), count={"n": 7, "ok": 1.0})
    async with opened(peer.dialer) as link:
        found = people()
        assert [await ENGINE.count_between(link, found, "at", begin, end) for _ in "ab"] == [7, 7]
    assert peer.names == ["listIndexes", "count", "count"]  # the indexes are asked for once
    command = peer.commands[-1]
    assert command["query"] == {"at": {"$gte": begin, "$lt": end}}
    assert command["hint"] == "at_1"
    assert command["maxTimeMS"] > 0
    assert command["$readPreference"] == {"mode": "secondaryPreferred"}


@pytest.mark.parametrize(
    ("begin", "end"),
    [(1, 2.0), (2**63, 2**63 + 1), (float("nan"), 1.0), (1.0, float("inf")), (True, False)],
)
async def test_a_range_that_cannot_be_said_is_not(begin: Any, end: Any) -> None:
    peer = Peer(listIndexes=cursor([index("at")]), count={"n": 7, "ok": 1.0})
    async with opened(peer.dialer) as link:
        assert await ENGINE.count_between(link, people(), "at", begin, end) is None
    assert "count" not in peer.names


@pytest.mark.parametrize("told", [-1, 2**60, "7", None, True, {}, float("nan")])
async def test_a_count_that_cannot_be_is_none(told: object) -> None:
    peer = Peer(listIndexes=cursor([index("at")]), count={"n": told, "ok": 1.0})
    async with opened(peer.dialer) as link:
        assert await ENGINE.count_between(link, people(), "at", 1, 2) is None


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"a": 1},
        {"a": "ann.lee@example.org"},
        {"a": {"$gte": 1}},
        {"a": {"$gte": 1, "$lt": 2, "$ne": 1}},
        {"a": {"$gt": 1, "$lt": 2}},
        {"a": {"$gte": 1, "$lt": "2026"}},
        {"a": {"$gte": "ann", "$lt": "anna"}},
        {"a": {"$gte": "2026-01-01", "$lt": "2026-01-01 Ann"}},
        {"a": {"$gte": True, "$lt": True}},
        {"a": {"$gte": OF_A_TIME, "$lt": bson.ObjectId("65f000000000000000000001")}},
        {"a": {"$gte": {}, "$lt": {}}},
        {"a": {"$gte": 1, "$lt": 2}, "b": {"$gte": 1, "$lt": 2}},
        {"$where": {"$gte": 1, "$lt": 2}},
        {"$or": [{"a": 1}]},
        ["a"],
    ],
)
async def test_no_query_leaves_but_a_range_of_moments(query: object) -> None:
    peer = Peer(count={"n": 1, "ok": 1.0})
    async with opened(peer.dialer) as link:
        with pytest.raises(RequestNotAllowed):
            await ask(link, "town", {"count": "people", "query": query})
    assert peer.commands == []


@pytest.mark.parametrize(
    "command",
    [
        {"find": "people", "filter": {"email": "ann.lee@example.org"}},
        {"find": "people", "sort": {"a": 1}},
        {"find": "people", "noCursorTimeout": True},
        {"getMore": 5, "collection": "people", "term": 1},
        {"aggregate": "people", "pipeline": [{"$sample": {"size": 1}}], "let": {"a": 1}},
        {"count": "people", "skip": 1},
        {"listIndexes": "people", "includeBuildUUIDs": True},
        {"killCursors": "people", "cursors": [1], "comment": "x"},
    ],
)
async def test_a_command_has_no_other_parts(command: dict[str, Any]) -> None:
    peer = Peer()
    async with opened(peer.dialer) as link:
        with pytest.raises(RequestNotAllowed):
            await ask(link, "town", command)
    assert peer.commands == []


# --- counters and uptime -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "mark"),
    [
        ({"count": 5}, Mark(5)),
        ({"count": 5, "wiredTiger": {"cursor": {"insert calls": 7}}}, Mark(5, 7)),
        (
            {"count": 5, "wiredTiger": {"cursor": {"insert calls": 7, "update calls": 2}}},
            Mark(5, 9),
        ),
        ({"count": -1, "wiredTiger": {"cursor": {"insert calls": "7"}}}, Mark()),
        ({"count": "5", "wiredTiger": {"cursor": 5}}, Mark()),
        ({"count": 2**70 * 1.0, "wiredTiger": []}, Mark()),
        ({}, Mark()),
    ],
)
async def test_marks(told: dict[str, Any], mark: Mark) -> None:
    peer = Peer(collStats={**told, "ok": 1.0})
    async with opened(peer.dialer) as link:
        assert await ENGINE.marks(link, [people()]) == {"town.people": mark}


async def test_the_tables_of_the_largest_are_looked_at_and_the_rest_counted() -> None:
    peer = Peer(
        collStats={"count": 3, "wiredTiger": {"cursor": {"insert calls": 4}}, "ok": 1.0},
        count=lambda command: refusal(13) if command["count"] == "c5" else {"n": 2, "ok": 1.0},
    )
    collections = [Collection(f"t.c{n}", n, None, Handle("t", f"c{n}", True)) for n in range(30)]
    async with opened(peer.dialer) as link:
        told = await ENGINE.marks(link, collections)
    assert len(told) == 29
    assert {name for name, mark in told.items() if mark == Mark(3, 4)} == {
        f"t.c{n}" for n in range(14, 30)
    }
    assert told["t.c0"] == Mark(2)
    assert "t.c5" not in told
    assert peer.names.count("collStats") == 16


@pytest.mark.parametrize(
    ("told", "age"),
    [
        ({"uptimeMillis": bson.Int64(90_500), "uptime": 90.0}, timedelta(seconds=90.5)),
        ({"uptime": 3_600.0}, timedelta(hours=1)),
        ({"uptimeMillis": "90500"}, None),
        ({"uptimeMillis": -5}, None),
        ({"uptimeMillis": bson.Int64(2**52)}, None),
        ({"uptime": float("inf")}, None),
        ({}, None),
    ],
)
async def test_since(told: dict[str, Any], age: timedelta | None) -> None:
    peer = Peer(serverStatus={**told, "ok": 1.0})
    async with opened(peer.dialer) as link:
        since = await ENGINE.since(link)
    if age is None:
        assert since is None
    else:
        assert since is not None
        passed = datetime.now(UTC).replace(tzinfo=None) - since.moment - age
        assert timedelta() <= passed < timedelta(seconds=10)
    assert peer.commands[0]["wiredTiger"] == 0


async def test_since_refused() -> None:
    async with opened(Peer(serverStatus=refusal(13)).dialer) as link:
        with pytest.raises(ServerRefused):
            await ENGINE.since(link)


# --- the stream ----------------------------------------------------------------------------------


async def streamed(docs: object, *paths: str) -> tuple[Peer, list[dict[str, Any]]]:
    peer = Peer(find=cursor(docs))
    async with opened(peer.dialer) as link:
        batches = [b async for b in ENGINE.stream(link, people(), paths, StoreLimits())]
    return peer, [row for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("paths", "projection"),
    [
        (["a"], {"a": 1, "_id": 0}),
        (["_id"], {"_id": 1}),
        (["_id", "a.b"], {"_id": 1, "a.b": 1}),
        (["a[].b", "c[]"], {"a.b": 1, "c": 1, "_id": 0}),
        (["a", "a.b"], {"a": 1, "_id": 0}),
        (["*.a", "b", "c.*"], {"b": 1, "_id": 0}),
        (["$where", "b.$c", "d..e", "f\0", "b"], {"b": 1, "_id": 0}),
    ],
)
async def test_the_projection(paths: list[str], projection: dict[str, int]) -> None:
    peer, _ = await streamed([{}], *paths)
    (command,) = peer.commands
    assert command["projection"] == projection
    assert "filter" not in command


@pytest.mark.parametrize("paths", [[], ["*"], ["a.*.b"], [""]])
async def test_nothing_to_project_is_not_asked_for(paths: list[str]) -> None:
    peer, rows = await streamed([{"a": 1}], *paths)
    assert (peer.commands, rows) == ([], [])


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6),
    st.sampled_from(["{}", '{"k": 1}', " [1, 2]", "[", "x" * (MAX_CELL + 5)]),
    st.datetimes(datetime.fromisoformat("1970-01-01")).map(
        lambda at: at.replace(microsecond=at.microsecond // 1_000 * 1_000)
    ),
    st.builds(bson.ObjectId),
    st.binary(max_size=4),
    st.just(bson.DatetimeMS(2**62)),
    st.lists(st.integers(0, 9), max_size=2),
    st.dictionaries(st.sampled_from("bc"), st.integers(0, 9), max_size=2),
)
_DOCS = st.one_of(
    *(
        st.lists(st.fixed_dictionaries({}, optional={"a": kind}), max_size=5)
        for kind in (st.text("ab{[", max_size=3), st.integers(0, 9), st.builds(bson.ObjectId))
    ),
    st.lists(st.fixed_dictionaries({}, optional={"a": _VALUES}), max_size=5),
)


@given(docs=_DOCS)
def test_columns_are_those_of_a_sample(docs: list[dict[str, Any]]) -> None:
    import asyncio

    async def both() -> None:
        batches = await sampled(Peer(find=cursor(docs)), people())
        columns = dict(zip(batches[0].schema.names, batches[0], strict=True)) if batches else {}
        paths = [path for path in columns if path and "*" not in path]
        if not paths:
            return
        peer = Peer(find=cursor(docs))
        async with opened(peer.dialer) as link:
            (batch,) = [b async for b in ENGINE.stream(link, people(), paths, StoreLimits())]
        assert batch.num_rows == len(docs)
        for path in batch.schema.names:
            assert batch.column(path).equals(columns[path]), path

    asyncio.run(both())


async def test_a_field_that_is_nowhere_leaves_the_rows() -> None:
    _, rows = await streamed([{"b": 1}, {}], "a", "c.d")
    assert len(rows) == 2
    assert all(set(row.values()) <= {None} for row in rows)


async def test_replies_grow_to_a_mebibyte_and_the_cursor_is_read_to_its_end() -> None:
    left = 120_000
    sizes: list[int] = []

    def batch(command: dict[str, Any], kind: str) -> dict[str, Any]:
        nonlocal left
        sizes.append(command["batchSize"])
        given = min(command["batchSize"], left)
        left -= given
        return cursor([{"a": "x" * 50}] * given, 9 if left else 0, kind)

    peer = Peer(find=lambda c: batch(c, "firstBatch"), getMore=lambda c: batch(c, "nextBatch"))
    async with opened(peer.dialer, StoreLimits(bytes=1 << 30)) as link:
        stream = ENGINE.stream(link, people(), ["a"], StoreLimits(bytes=1 << 30))
        rows = [batch.num_rows async for batch in stream]
    assert sum(rows) == 120_000
    assert max(rows) <= 10_000
    assert sizes[0] == 1_000
    assert 10_000 < sizes[1] < 16_000
    assert set(peer.names) == {"find", "getMore"}


@pytest.mark.parametrize(
    "limits", [StoreLimits(bytes=900_000), StoreLimits(bytes=900_000, rows=1, seconds=60)]
)
async def test_a_stream_that_is_cut_gives_its_cursor_back(limits: StoreLimits) -> None:
    def more(command: dict[str, Any]) -> dict[str, Any]:
        return cursor([{"a": "x" * 50}] * min(command["batchSize"], 2_000), 9, "nextBatch")

    peer = Peer(find=cursor([{"a": "x" * 50}] * 100, 9), getMore=more)
    async with opened(peer.dialer, StoreLimits(bytes=900_000)) as link:
        rows = [b.num_rows async for b in ENGINE.stream(link, people(), ["a"], limits)]
        assert link.bytes_read <= 900_000
    assert sum(rows) > 2_000
    killed = peer.commands[-1]
    assert (killed["killCursors"], killed["cursors"]) == ("people", [9])


async def test_a_stream_without_end_and_without_documents_ends() -> None:
    peer = Peer(find=cursor([], 9), getMore=cursor([], 9, "nextBatch"))
    async with opened(peer.dialer) as link:
        assert [b async for b in ENGINE.stream(link, people(), ["a"], StoreLimits())] == []
    assert peer.names == ["find", "killCursors"]


async def test_nothing_is_said_to_a_connection_out_of_order() -> None:
    peer = Peer(find=cursor([{"a": 1}], 9), getMore=b"\0" * 64)
    async with opened(peer.dialer) as link:
        with pytest.raises(LeftopenError):
            [b async for b in ENGINE.stream(link, people(), ["a"], StoreLimits())]
    assert peer.names == ["find", "getMore"]
