"""The MongoDB engine and a scripted peer: its verdict rules, and answers no real server gives."""

from __future__ import annotations

import asyncio
import struct
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import bson
import pyarrow as pa
import pytest
from bson.binary import Binary
from hypothesis import given
from hypothesis import strategies as st

from leftopen import sample as sampling
from leftopen.bson_values import plain_document
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Engine
from leftopen.engines import mongodb
from leftopen.engines._mongodb_wire import Handle, ask, check_bson, decoded, receive
from leftopen.engines.mongodb import ENGINE
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NotThisProtocol,
    PeerClosed,
    RequestNotAllowed,
    ServerRefused,
)
from leftopen.model import Proof, Target, Verdict
from leftopen.net.connection import Connection
from leftopen.net.scripted import ScriptedDialer

TARGET = Target(ip_address("127.0.0.1"), 27017)
HEADER = struct.Struct("<iiii")
Answer = Mapping[str, Any] | bytes | Callable[[dict[str, Any]], Mapping[str, Any] | bytes]

HELLO = {"maxWireVersion": 21, "isWritablePrimary": True, "hosts": ["203.0.113.9:27017"], "ok": 1.0}
BUILD = {"version": "7.0.14", "ok": 1.0}


def refusal(code: object) -> dict[str, Any]:
    return {"ok": 0.0, "errmsg": "no entry for ann.lee@example.org", "code": code}


def cursor(docs: object, number: int = 0, batch: str = "firstBatch") -> dict[str, Any]:
    return {"cursor": {batch: docs, "id": bson.Int64(number), "ns": "a.b"}, "ok": 1.0}


def names(*found: str, kind: str = "collection") -> dict[str, Any]:
    return cursor([{"name": name, "type": kind} for name in found])


def databases(*found: str) -> dict[str, Any]:
    return {"databases": [{"name": name} for name in found], "ok": 1.0}


def message(
    document: bytes,
    answers: int,
    *,
    flags: int = 0,
    kind: int = 0,
    operation: int = 2013,
    length: int | None = None,
) -> bytes:
    body = struct.pack("<IB", flags, kind) + document
    told = HEADER.size + len(body) if length is None else length
    return HEADER.pack(told, 7, answers, operation) + body


def asked(request: bytes) -> tuple[int, dict[str, Any]]:
    """Request id and command of what the engine sent; checks its framing on the way."""
    length, number, answers, operation = HEADER.unpack_from(request)
    flags, kind = struct.unpack_from("<IB", request, HEADER.size)
    assert (length, answers, operation, flags, kind) == (len(request), 0, 2013, 0, 0)
    assert number > 0
    return number, bson.decode(request[HEADER.size + 5 :])


class Peer:
    """A server that answers each command by its name; unknown commands as MongoDB does (59)."""

    def __init__(self, **answers: Answer) -> None:
        self.answers: dict[str, Answer] = {"hello": HELLO, "buildInfo": BUILD, **answers}
        self.commands: list[dict[str, Any]] = []
        self.dialer = ScriptedDialer(lambda: self.answer)

    def answer(self, request: bytes) -> bytes:
        number, command = asked(request)
        self.commands.append(command)
        told = self.answers.get(next(iter(command)), refusal(59))
        if callable(told):
            told = told(command)
        return told if isinstance(told, bytes) else message(bson.encode(told), number)

    @property
    def names(self) -> list[str]:
        return [next(iter(command)) for command in self.commands]


@asynccontextmanager
async def opened(
    dialer: ScriptedDialer, limits: StoreLimits | None = None
) -> AsyncIterator[Connection]:
    async with Connection(
        dialer, TARGET, ENGINE.requests, limits or StoreLimits(rows=2_000)
    ) as connection:
        yield connection


async def probe(peer: Peer) -> Proof:
    async with opened(peer.dialer) as connection:
        return await ENGINE.probe(connection)


async def raw(answer: Callable[[bytes], bytes | None], limits: StoreLimits | None = None) -> Proof:
    async with opened(ScriptedDialer(lambda: answer), limits) as connection:
        return await ENGINE.probe(connection)


def an_open(**answers: Answer) -> Peer:
    told: dict[str, Answer] = {
        "listDatabases": databases("admin", "local", "town"),
        "listCollections": names("people"),
        "find": cursor([{"_id": 1}]),
    }
    return Peer(**{**told, **answers})


async def sampled(
    peer: Peer, collection: Collection, limits: StoreLimits | None = None
) -> list[pa.RecordBatch]:
    async with opened(peer.dialer) as connection:
        batches = ENGINE.sample(connection, collection, limits or StoreLimits(rows=2_000))
        return [batch async for batch in batches]


def people(records: int | None = 2, size: int | None = None, *, stored: bool = True) -> Collection:
    document = size / records if size and records else None
    handle = Handle("town", "people", stored, document)
    return Collection("town.people", records, size, handle)


# --- Verdicts ----------------------------------------------------------------------------------


def test_it_is_an_engine() -> None:
    assert isinstance(ENGINE, Engine)
    assert ENGINE.ports == (27017, 27018, 27019)


async def test_open_is_a_find_that_parsed() -> None:
    peer = an_open()
    proof = await probe(peer)
    assert (proof.verdict, proof.version) == (Verdict.OPEN, "7.0.14")
    assert peer.names == ["hello", "buildInfo", "listDatabases", "listCollections", "find"]
    listing, collections, find = peer.commands[2:]
    assert listing["authorizedDatabases"] is False
    assert listing["nameOnly"] is True
    assert collections["authorizedCollections"] is False
    assert (find["$db"], find["find"], find["limit"]) == ("town", "people", 1)
    assert find["singleBatch"] is True
    assert find["$readPreference"] == {"mode": "secondaryPreferred"}
    assert 0 < find["maxTimeMS"] <= 3000
    assert peer.dialer.targets == [TARGET]  # the members that hello named were not dialled


@pytest.mark.parametrize("code", [13, 18, bson.Int64(13), 13.0])
async def test_codes_13_and_18_are_auth_required(code: object) -> None:
    proof = await probe(Peer(listDatabases=refusal(code)))
    assert proof.verdict == Verdict.AUTH_REQUIRED
    assert proof.version == "7.0.14"


@pytest.mark.parametrize(
    ("code", "shown"),
    [(59, "59"), (11600, "11600"), (13436, "13436"), (-1, "none"), ("13", "none"), (True, "none")],
)
async def test_other_codes_are_undetermined_and_named(code: object, shown: str) -> None:
    proof = await probe(Peer(listDatabases=refusal(code)))
    assert proof.verdict == Verdict.UNDETERMINED
    assert proof.reason.endswith(f"code {shown}")


async def test_no_text_of_the_server_is_in_a_reason_or_version() -> None:
    told = {"version": "7.0 ann.lee@example.org", "ok": 1.0}
    proof = await probe(Peer(buildInfo=told, listDatabases=refusal(13)))
    assert "ann" not in repr(proof)
    assert proof.version == "7.0"


async def test_an_empty_list_alone_is_undetermined() -> None:
    peer = Peer(listDatabases=databases())
    assert (await probe(peer)).verdict == Verdict.UNDETERMINED
    assert "find" not in peer.names


@pytest.mark.parametrize("code", [13, 18])
async def test_lists_but_refuses_the_read_is_partly_open(code: int) -> None:
    assert (await probe(an_open(find=refusal(code)))).verdict == Verdict.OPEN_PARTIAL


@pytest.mark.parametrize("code", [13, 50])
async def test_lists_databases_only(code: int) -> None:
    proof = await probe(an_open(listCollections=refusal(code)))
    assert proof.verdict == (Verdict.OPEN_PARTIAL if code == 13 else Verdict.UNDETERMINED)


async def test_a_read_that_fails_otherwise_is_undetermined() -> None:
    proof = await probe(an_open(find=refusal(50)))
    assert proof.verdict == Verdict.UNDETERMINED
    assert proof.reason.endswith("code 50")


async def test_one_refused_database_does_not_hide_an_open_one() -> None:
    def find(command: dict[str, Any]) -> dict[str, Any]:
        return cursor([]) if command["$db"] == "local" else refusal(13)

    assert (await probe(an_open(find=find))).verdict == Verdict.OPEN


async def test_databases_without_collections_are_partly_open() -> None:
    assert (await probe(an_open(listCollections=names()))).verdict == Verdict.OPEN_PARTIAL


async def test_a_read_of_startup_log_proves_an_empty_store_open() -> None:
    def listed(command: dict[str, Any]) -> dict[str, Any]:
        return names("startup_log") if command["$db"] == "local" else names()

    peer = an_open(listDatabases=databases("admin", "config", "local"), listCollections=listed)
    assert (await probe(peer)).verdict == Verdict.OPEN
    assert peer.commands[-1]["find"] == "startup_log"


async def test_a_view_is_read_only_where_nothing_is_stored() -> None:
    entries = [{"name": "aview", "type": "view"}, {"name": "people", "type": "collection"}]
    peer = an_open(listCollections=cursor(entries))
    assert (await probe(peer)).verdict == Verdict.OPEN
    assert peer.commands[-1]["find"] == "people"


@pytest.mark.parametrize(
    "told",
    [
        {"ok": 1.0},
        {"ok": 1.0, "cursor": []},
        cursor({"0": {}}),
        cursor(["people"]),
        {"ok": 1.0, "cursor": {"firstBatch": [{}], "id": "0"}},
        {"ok": 1.0, "cursor": {"firstBatch": [{}], "id": True}},
        {"ok": 1.0, "cursor": {"nextBatch": [{}], "id": 0}},
        {"ok": True, "cursor": {"firstBatch": [{}], "id": 0}},
        {"ok": "1", "cursor": {"firstBatch": [{}], "id": 0}},
        {"cursor": {"firstBatch": [{}], "id": 0}},
    ],
)
async def test_a_find_reply_that_is_not_quite_one_is_never_open(told: dict[str, Any]) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(an_open(find=told))


@pytest.mark.parametrize(
    "told",
    [{"ok": 1.0}, {"ok": 1.0, "databases": {}}, {"ok": 1.0, "databases": [{"name": 5}]},
     {"ok": 1.0, "databases": ["town"]}],
)  # fmt: skip
async def test_a_list_that_is_none(told: dict[str, Any]) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Peer(listDatabases=told))


async def test_a_server_older_than_hello() -> None:
    peer = an_open(hello=refusal(59), isMaster={"ismaster": True, "maxWireVersion": 6, "ok": 1.0})
    assert (await probe(peer)).verdict == Verdict.OPEN
    assert peer.names[:2] == ["hello", "isMaster"]


@pytest.mark.parametrize(("code", "verdict"), [(13, "AUTH_REQUIRED"), (91, "UNDETERMINED")])
async def test_hello_refused(code: int, verdict: str) -> None:
    assert (await probe(Peer(hello=refusal(code)))).verdict == verdict


async def test_hello_that_says_ok_to_everything_is_not_mongodb() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Peer(hello={"ok": 1.0}))


async def test_what_buildinfo_says_decides_nothing() -> None:
    proof = await probe(an_open(buildInfo=refusal(13)))
    assert (proof.verdict, proof.version) == (Verdict.OPEN, None)


async def test_a_read_only_server_cannot_be_written() -> None:
    assert (await probe(an_open())).can_write == "unknown"
    assert (await probe(an_open(hello={**HELLO, "readOnly": True}))).can_write == "no"


async def test_a_thousand_databases_cost_a_bounded_probe() -> None:
    peer = an_open(
        listDatabases=databases(*(f"d{n}" for n in range(1000)), "local"), find=refusal(13)
    )
    assert (await probe(peer)).verdict == Verdict.OPEN_PARTIAL
    assert len(peer.commands) < 30


# --- Hostile framing ---------------------------------------------------------------------------

OK = bson.encode(HELLO)


def nested(levels: int) -> bytes:
    inside: dict[str, Any] = {}
    for _ in range(levels):
        inside = {"a": [inside]}
    return bson.encode({**HELLO, "x": inside})


def element(kind: int, value: bytes) -> bytes:
    inside = bytes([kind]) + b"a\0" + value
    return struct.pack("<i", len(inside) + 5) + inside + b"\0"


@pytest.mark.parametrize(
    "answer",
    [
        lambda n: message(OK, n + 1),  # to somebody else
        lambda n: message(OK, 0),
        lambda n: message(OK, n, operation=1),  # OP_REPLY
        lambda n: message(OK, n, operation=2012),  # OP_COMPRESSED
        lambda n: message(OK, n, flags=1),  # a checksum
        lambda n: message(OK, n, flags=2),  # more to come
        lambda n: message(OK, n, flags=1 << 9),  # a required flag that nobody knows
        lambda n: message(OK, n, kind=1),
        lambda n: message(OK, n, length=0),
        lambda n: message(OK, n, length=-1),
        lambda n: message(OK, n, length=25),
        lambda n: message(OK, n, length=2**31 - 1),
        lambda n: message(OK + b"\0", n),  # behind the document
        lambda n: message(OK[:-1] + b"x", n),  # no closing zero
        lambda n: message(struct.pack("<i", 2**31 - 1) + OK[4:], n),
        lambda n: message(struct.pack("<i", -5) + OK[4:], n),
        lambda n: message(struct.pack("<i", 5) + OK[4:], n),
        lambda n: message(nested(100), n),
        lambda n: message(element(0x99, b""), n),
        lambda n: message(element(0x02, struct.pack("<i", 2**31 - 1) + b"ab\0"), n),
        lambda n: message(element(0x02, struct.pack("<i", -1)), n),
        lambda n: message(element(0x05, struct.pack("<i", 40) + b"\0abc"), n),
        lambda n: message(element(0x03, struct.pack("<i", 400) + b"\0"), n),
        lambda n: message(element(0x0B, b"no end"), n),
        lambda n: message(element(0x12, b"abc"), n),
        lambda n: message(b"\x07\0\0\0\x10a\0", n),
        lambda n: message(bson.encode({}), n),
        lambda n: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        lambda n: b"-ERR unknown command 'x', with args beginning with: \r\n",
        lambda n: b"\0" * 64,
        lambda n: b"\xff" * 64,
    ],
)  # fmt: skip
async def test_replies_that_are_not_the_protocol(answer: Callable[[int], bytes]) -> None:
    dialer = ScriptedDialer(lambda: lambda request: answer(asked(request)[0]))
    async with opened(dialer) as connection:
        with pytest.raises(NotThisProtocol):
            await ENGINE.probe(connection)
    assert len(dialer.sent) == 1  # the first reply settles it


def test_nesting_is_taken_up_to_the_servers_own_limit() -> None:
    assert decoded(nested(99))["ok"] == 1.0
    with pytest.raises(NotThisProtocol):
        decoded(nested(100))
    endless = b"\x05\0\0\0\0"
    for _ in range(20_000):
        endless = struct.pack("<i", len(endless) + 8) + b"\x03a\0" + endless + b"\0"
    with pytest.raises(NotThisProtocol):
        decoded(endless)


async def test_an_echo_is_not_mongodb() -> None:
    with pytest.raises(NotThisProtocol):
        await raw(lambda request: request)


@pytest.mark.parametrize("kept", [0, 1, 15, 16, 40])
async def test_a_reply_that_ends_early(kept: int) -> None:
    with pytest.raises(PeerClosed):
        await raw(lambda request: message(OK, asked(request)[0])[:kept] or None)


async def test_a_reply_above_the_limit_is_not_read() -> None:
    big = bson.encode({**HELLO, "x": "x" * 5_000})
    limits = StoreLimits(reply_bytes=4_096)
    dialer = ScriptedDialer(lambda: lambda request: message(big, asked(request)[0]))
    async with opened(dialer, limits) as connection:
        with pytest.raises(BudgetSpent):
            await ENGINE.probe(connection)
    assert len(dialer.streams) == 2  # dialled anew: the rest must not pass for the next reply


async def test_a_flood_of_tiny_values_is_bounded() -> None:
    flood = bson.encode({**HELLO, "x": [None] * 400_000})
    started = time.monotonic()
    with pytest.raises(BudgetSpent):
        await raw(lambda request: message(flood, asked(request)[0]))
    assert time.monotonic() - started < 5


async def test_an_endless_cursor_is_bounded() -> None:
    def more(command: dict[str, Any]) -> dict[str, Any]:
        assert type(command["getMore"]) is bson.Int64
        return cursor([{"n": 1}], 5, "nextBatch")

    peer = an_open(find=cursor([{"n": 1}], 5), getMore=more)
    limits = StoreLimits(rows=50)
    batches = await sampled(peer, people(2), limits)
    assert sum(batch.num_rows for batch in batches) == 50
    assert len(peer.commands) <= 52


async def test_a_cursor_that_never_brings_anything_ends() -> None:
    peer = an_open(find=cursor([], 5), getMore=cursor([], 5, "nextBatch"))
    assert await sampled(peer, people(2)) == []
    assert len(peer.commands) < 5


@given(st.binary(max_size=300))
def test_the_walk_over_garbage_ends_in_our_own_errors_only(data: bytes) -> None:
    for document in (data, struct.pack("<i", len(data) + 5) + data + b"\0"):
        try:
            plain_document(decoded(document))
        except LeftopenError:
            continue


_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**63), 2**63 - 1) | st.binary()
    | st.text() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.text(st.characters(exclude_characters="\0", codec="utf-8")), inner),
    max_leaves=30,
)  # fmt: skip


@given(_VALUES, st.data())
def test_the_walk_takes_what_bson_writes_and_survives_what_is_done_to_it(
    value: object, data: st.DataObject
) -> None:
    document = bytearray(bson.encode({"a": value}))
    check_bson(bytes(document))
    for _ in range(3):
        at = data.draw(st.integers(0, len(document) - 1))
        document[at] = data.draw(st.integers(0, 255))
    number = 5
    dialer = ScriptedDialer(lambda: lambda _: message(bytes(document), number))

    async def received() -> None:
        async with opened(dialer) as connection:
            await connection.send("hello", b"")
            told = await receive(connection, number)
            sampling.documents([plain_document(told)])

    try:
        asyncio.run(received())
    except LeftopenError:
        return


# --- What may be sent --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        {"insert": "people", "documents": [{"a": 1}]},
        {"update": "people", "updates": []},
        {"delete": "people", "deletes": []},
        {"drop": "people"},
        {"dropDatabase": 1},
        {"create": "x"},
        {"findAndModify": "people", "remove": True},
        {"killCursors": "people", "cursors": []},
        {"saslStart": 1},
        {"authenticate": 1},
        {"shutdown": 1},
        {"eval": "1"},
        {"aggregate": "people", "pipeline": []},
        {"aggregate": "people", "pipeline": [{"$out": "x"}]},
        {"aggregate": "people", "pipeline": [{"$sample": {"size": 1}}, {"$out": "x"}]},
        {"aggregate": "people", "pipeline": [{"$sample": {"size": 1}}, {"$merge": "x"}]},
        {"aggregate": "people", "pipeline": [{"$sample": {"size": 1}, "$out": "x"}]},
        {"aggregate": "people", "pipeline": [{"$unionWith": {"coll": "x"}}]},
    ],
)
async def test_nothing_else_leaves(command: dict[str, Any]) -> None:
    peer = an_open()
    async with opened(peer.dialer) as connection:
        with pytest.raises(RequestNotAllowed):
            await ask(connection, "town", command)
    assert peer.dialer.sent == []


# --- Collections -------------------------------------------------------------------------------


async def collections(peer: Peer, limits: StoreLimits | None = None) -> list[Collection]:
    async with opened(peer.dialer, limits) as connection:
        return list(await ENGINE.collections(connection))


async def test_collections_with_the_servers_figures() -> None:
    entries = [
        {"name": "people", "type": "collection"},
        {"name": "adults", "type": "view"},
        {"name": "positions", "type": "timeseries"},
        {"name": "system.views", "type": "collection"},
    ]
    stats = {"count": 10, "size": 2_000.0, "ok": 1.0}
    peer = an_open(listCollections=cursor(entries), collStats=stats)
    found = await collections(peer)
    assert [(c.name, c.records, c.bytes) for c in found] == [
        ("town.people", 10, 2_000),
        ("town.adults", None, None),
        ("town.positions", None, None),
    ]
    # one question for figures, and none to the databases that are MongoDB's own
    assert peer.names == ["listDatabases", "listCollections", "collStats"]


async def test_count_where_collstats_is_refused() -> None:
    peer = an_open(collStats=refusal(13), count={"n": 7, "ok": 1.0})
    assert [(c.records, c.bytes) for c in await collections(peer)] == [(7, None)]
    assert "query" not in peer.commands[-1]
    assert [c.records for c in await collections(an_open())] == [None]  # both refused


@pytest.mark.parametrize("figure", [-1, "7", True, float("nan"), float("inf"), None, 2.0**60])
async def test_figures_that_cannot_be(figure: object) -> None:
    stats = {"count": figure, "size": figure, "ok": 1.0}
    found = await collections(an_open(collStats=stats))
    assert [(c.records, c.bytes) for c in found] == [(None, None)]


async def test_names_are_kept_raw_and_bounded() -> None:
    odd = "a\x1b[31m<b>\r\n=1+1\u202e"
    listed = names(odd, "", "x" * 600, odd, *(f"c{n}" for n in range(50_000)))
    found = await collections(an_open(listCollections=listed), StoreLimits(collections=20))
    assert len(found) == 20
    assert [c.name for c in found][:2] == [f"town.{odd}", "town.c0"]


async def test_a_database_that_will_not_list_is_left_out() -> None:
    def listed(command: dict[str, Any]) -> dict[str, Any]:
        return refusal(13) if command["$db"] == "one" else names("people")

    peer = an_open(listDatabases=databases("one", "two"), listCollections=listed)
    assert [c.name for c in await collections(peer)] == ["two.people"]


async def test_a_locked_store_has_no_collections_to_tell() -> None:
    with pytest.raises(ServerRefused) as refused:
        await collections(Peer(listDatabases=refusal(13)))
    assert refused.value.code == "13"
    assert "ann" not in str(refused.value)


async def test_a_number_that_is_no_code_is_not_shown() -> None:
    proof = await probe(Peer(listDatabases=refusal(bson.Int64(8801726354917))))
    assert proof.verdict is Verdict.UNDETERMINED
    assert "88017" not in proof.reason
    assert "code other" in proof.reason


# --- Samples -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "size", "stored", "how", "rows"),
    [
        (None, None, True, "find", 2_000),  # nothing known
        (2_000, 10**6, True, "find", 2_000),  # all of it
        (90_000, 10**9, False, "find", 2_000),  # a view
        (2_001, 10**6, True, "sample", 2_000),  # small: may be read whole
        (40_001, 10**9, True, "sample", 2_000),  # below 5 %: a random cursor
        (40_000, 10**9, True, "sample", 1_999),  # cut to below 5 %
        (10_000, None, True, "sample", 499),
        (2_001, 10**9, True, "sample", 100),
        (90_000_000, 90_000_000 << 20, True, "sample", 64),  # large documents: fewer
    ],
)
def test_the_plan_is_gentle(
    records: int | None, size: int | None, stored: bool, how: str, rows: int
) -> None:
    told = people(records, size, stored=stored)
    plan = mongodb._plan(told, told.handle, StoreLimits(rows=2_000))
    assert (plan.how, plan.rows) == (how, rows)


def test_the_plan_for_few_rows_of_little_more() -> None:
    told = people(1_000, 10**9)
    plan = mongodb._plan(told, told.handle, StoreLimits(rows=100))
    assert (plan.how, plan.rows) == ("find", 67)  # 64 MiB of documents of 1 MB


async def test_a_random_sample() -> None:
    docs = [{"_id": n} for n in range(100)]
    peer = an_open(aggregate=cursor(docs))
    limits = StoreLimits(rows=100)
    (batch,) = await sampled(peer, people(100_000, 10**7), limits)
    assert batch.num_rows == 100
    (command,) = peer.commands
    assert command["pipeline"] == [{"$sample": {"size": 100}}]
    assert command["allowDiskUse"] is False  # else the server might write
    assert command["cursor"] == {"batchSize": 101}
    assert command["maxTimeMS"] > 0


@pytest.mark.parametrize("code", [13, 50, 292, 40324])
async def test_find_where_sample_is_refused(code: int) -> None:
    peer = an_open(aggregate=refusal(code), find=cursor([{"a": 1}, {"a": 2}, {"a": 3}]))
    (batch,) = await sampled(peer, people(100_000, 10**7), StoreLimits(rows=2))
    assert batch.column("a").to_pylist() == [1, 2]  # and no more rows than were asked for
    assert peer.names == ["aggregate", "find"]


async def test_batches_grow_to_a_measured_size_and_read_the_cursor_to_its_end() -> None:
    sizes: list[int] = []
    left = 600

    def batch(command: dict[str, Any], kind: str) -> dict[str, Any]:
        nonlocal left
        size = command["batchSize"]
        sizes.append(size)
        given = min(size, left)
        left -= given
        return cursor([{"a": "x" * 10_000}] * given, 0 if given < size else 9, kind)

    peer = an_open(find=lambda c: batch(c, "firstBatch"), getMore=lambda c: batch(c, "nextBatch"))
    batches = await sampled(peer, people(600), StoreLimits(rows=600))
    assert sum(b.num_rows for b in batches) == 600
    assert sizes[0] == 4
    assert max(sizes) <= (1 << 20) // 10_000
    assert sizes[-1] > 600 - sum(sizes[:-1])  # one more than is left: the server meets the end
    assert set(peer.names) == {"find", "getMore"}


async def test_a_sample_stops_at_its_bytes() -> None:
    def more(command: dict[str, Any]) -> dict[str, Any]:
        return cursor([{"a": "x" * 10_000}] * 50, 9, "nextBatch")

    peer = an_open(find=cursor([{"a": "x"}], 9), getMore=more)
    batches = await sampled(peer, people(None), StoreLimits(bytes=1_200_000))
    assert 100 < sum(b.num_rows for b in batches) < 200


async def test_every_bson_type_becomes_a_plain_column() -> None:
    identity = uuid.uuid4()
    doc = {
        "oid": bson.ObjectId("65f000000000000000000001"),
        "long": bson.Int64(2**40),
        "decimal": bson.Decimal128("12.5"),
        "binary": Binary(b"\x01\x02", 0),
        "legacy": Binary(b"x" * 16, 3),
        "uuid": Binary.from_uuid(identity),
        "short_uuid": Binary(b"abc", 4),
        "regex": bson.Regex("^a", "i"),
        "code": bson.Code("f()"),
        "scoped": bson.Code("g()", {"x": 1}),
        "ref": bson.DBRef("people", bson.ObjectId("65f000000000000000000002"), "town"),
        "stamp": bson.Timestamp(1_700_000_000, 3),
        "when": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        "never": bson.DatetimeMS(2**62),
        "least": bson.MinKey(),
        "most": bson.MaxKey(),
        "list": [bson.Int64(1), bson.Int64(2)],
        "deep": {"er": {"long": bson.Int64(5)}},
    }
    (batch,) = await sampled(an_open(find=cursor([doc])), people(1))
    told = {name: batch.column(name) for name in batch.schema.names}
    assert {name: column.to_pylist()[0] for name, column in told.items()} == {
        "oid": "65f000000000000000000001",
        "long": 2**40,
        "decimal": 12.5,
        "binary": b"\x01\x02",
        "legacy": b"x" * 16,
        "uuid": str(identity),
        "short_uuid": b"abc",
        "regex": "^a",
        "code": "f()",
        "scoped": "g()",
        "ref.$ref": "people",
        "ref.$id": "65f000000000000000000002",
        "ref.$db": "town",
        "stamp": datetime.fromisoformat("2023-11-14T22:13:20"),
        "when": datetime.fromisoformat("2024-05-06T07:08:09"),
        "never": None,
        "least": None,
        "most": None,
        "list[]": [1, 2],
        "deep.er.long": 5,
    }
    assert told["long"].type == pa.int64()
    assert told["binary"].type == pa.binary()
    assert told["when"].type == told["stamp"].type == pa.timestamp("us")


async def test_text_that_is_not_utf8_is_read_all_the_same() -> None:
    document = bson.encode(cursor([{"name": "MARK", "MARKkey": 1}]))
    bad = document.replace(b"MARK", b"\xff\xfe\xfd\xfc")
    peer = an_open(find=lambda _: message(bad, peer_number(peer)))
    (batch,) = await sampled(peer, people(1))
    assert batch.column("name").to_pylist() == ["\ufffd" * 4]


def peer_number(peer: Peer) -> int:
    return asked(peer.dialer.sent[-1])[0]


async def test_users_and_their_passwords_are_read_for_no_verdict() -> None:
    both = names("system.users", "system.version")
    peer = an_open(listDatabases=databases("admin"), listCollections=both)
    assert (await probe(peer)).verdict is Verdict.OPEN
    assert [command["find"] for command in peer.commands if "find" in command] == ["system.version"]
