"""The neo4j engine against scripted servers: verdicts, lies, bounds, and what it may ask."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines import _neo4j_wire as wire
from leftopen.engines._neo4j_session import MAX_ROWS, NODES, Note, Session, request_name
from leftopen.engines.neo4j import ENGINE
from leftopen.errors import BudgetSpent, NotThisProtocol, PeerClosed, RequestNotAllowed
from leftopen.knowledge import Known
from leftopen.model import Proof, Verdict
from leftopen.net.scripted import ScriptedDialer
from leftopen.testing import connection
from tests.engines.asking import prober, reader, scripted
from tests.rows.neo4j import MEMGRAPH, Bolt, failure

LIMITS = StoreLimits(bytes=8 << 20, reply_bytes=1 << 20, seconds=10, rows=100)


probe = prober(ENGINE, LIMITS, scripted)


read = reader(ENGINE, LIMITS, scripted)


# --- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [(5, 4), (5, 1), (5, 0), (4, 4), (4, 1), (3, 0)])
async def test_open(version: tuple[int, int]) -> None:
    server = Bolt(version=version)
    reason = "a node was read without credentials"
    assert await probe(server) == Proof(Verdict.OPEN, reason, "5.26.0", "neo4j", "unknown")
    begun = [f[0] for operation, f in server.asked if operation in (wire.HELLO, wire.LOGON)]
    assert [fields["scheme"] for fields in begun if "scheme" in fields] == ["none"]
    modes = {f[2]["mode"] for operation, f in server.asked if operation == wire.RUN}
    assert modes == {"r"}


SHOW, SETTING = "SHOW DATABASES", "CALL dbms.listConfig"
AUTH = "dbms.security.auth_enabled"


@pytest.mark.parametrize(
    ("said", "verdict", "can_write"),
    [
        ({"MATCH (n) RETURN": []}, Verdict.OPEN, "unknown"),
        ({"MATCH (n) RETURN": failure("Forbidden")}, Verdict.OPEN_PARTIAL, "unknown"),
        ({"RETURN": failure("Forbidden")}, Verdict.OPEN_PARTIAL, "unknown"),
        ({"RETURN": failure("Unauthorized")}, Verdict.AUTH_REQUIRED, "unknown"),
        ({"MATCH (n) RETURN": failure("Whatever")}, Verdict.UNDETERMINED, "unknown"),
        ({SHOW: [["system", "read-write"], ["neo4j", "read-only"]]}, Verdict.OPEN, "no"),
        ({SHOW: [["neo4j", "read-write"]], SETTING: [[AUTH, "false"]]}, Verdict.OPEN, "yes"),
        ({SHOW: [["neo4j", "read-write"]], SETTING: [[AUTH, "true"]]}, Verdict.OPEN, "unknown"),
        ({SHOW: [["neo4j", "read-write"]]}, Verdict.OPEN, "unknown"),
        ({SHOW: [["neo4j", 7], ["x"]]}, Verdict.OPEN, "unknown"),
    ],
)
async def test_verdicts(said: dict[str, Any], verdict: Verdict, can_write: str) -> None:
    proof = await probe(Bolt(said))
    assert (proof.verdict, proof.can_write) == (verdict, can_write)
    assert "ann.lee" not in proof.reason


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("Unauthorized", Verdict.AUTH_REQUIRED),
        ("Unauthenticated", Verdict.AUTH_REQUIRED),
        ("Forbidden", Verdict.ACL_CLOSED),
        ("AuthenticationRateLimit", Verdict.UNDETERMINED),
        ("ann.lee@example.org", Verdict.UNDETERMINED),
    ],
)
async def test_not_let_in(word: str, verdict: Verdict) -> None:
    server = Bolt(logon=failure(word))
    proof = await probe(server)
    assert proof.verdict is verdict
    assert "lee" not in proof.reason
    assert [operation for operation, _ in server.asked] == [wire.HELLO, wire.LOGON]
    assert (await probe(Bolt(version=(4, 4), hello=failure(word)))).verdict is verdict


async def test_memgraph_is_told_by_its_name() -> None:
    proof = await probe(Bolt(agent=MEMGRAPH, version=(5, 2)))
    assert (proof.verdict, proof.product, proof.version) == (Verdict.OPEN, "memgraph", None)


# --- what is no Neo4j ----------------------------------------------------------------------------


async def test_a_recording_played_back_is_not_open() -> None:
    said: list[bytes] = []
    server = Bolt()

    def keep(data: bytes) -> bytes:
        said.append(server(data))
        return said[-1]

    assert (await probe(keep)).verdict is Verdict.OPEN
    answers = iter(said)
    with pytest.raises(NotThisProtocol):
        await probe(lambda _: next(answers))


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-ERR unknown command\r\n", bytes(64), b"\xff" * 64],
)
async def test_other_answers_are_of_another_protocol(answer: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda _: answer)


async def test_an_echo_and_one_that_says_success_to_everything_are_no_neo4j() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: data)
    greeted = bytes([0, 0, 4, 5])
    success = wire.message(wire.SUCCESS, {})
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: greeted if data.startswith(b"\x60\x60") else success)


@pytest.mark.parametrize("at", range(1, 7))
async def test_answers_cut_short(at: int) -> None:
    server = Bolt()
    turns = iter(range(1, 100))

    def cut(data: bytes) -> Any:
        told = server(data)
        return [told[: len(told) // 2], None] if next(turns) == at else told

    with pytest.raises(PeerClosed):
        await probe(cut)


@pytest.mark.parametrize(
    "told",
    [
        b"\x00\x00" * 100,  # nothing, without end
        b"\x00\x02\xb1\x70\x00\x00",  # a field is missing
        b"\x00\x03\xb1\x70\x01\x00\x00",  # a number where a map should be
        b"\x00\x07\xb1\x70\xda\x7f\xff\xff\xff\x00\x00",  # a map of 2,147,483,647 entries
        b"\x01\x02\xb1\x71" + b"\x91" * 256 + b"\x00\x00",  # lists in lists
        b"\x00\x03\xb0\x70\xa0\x00\x00",  # more than it says
    ],
)
async def test_messages_that_do_not_add_up(told: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Bolt(hello=told))


async def test_a_message_beyond_the_limit_is_not_read() -> None:
    with pytest.raises(BudgetSpent):
        await probe(Bolt(hello=(b"\xff\xff" + bytes(65_535)) * 40))


async def test_other_rows_than_were_asked_for() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Bolt({"MATCH (n) RETURN": [[7]]}))
    with pytest.raises(NotThisProtocol):
        await probe(Bolt({"MATCH (n) RETURN": [[["Person"]]] * (MAX_ROWS + 1)}))


# --- reading -------------------------------------------------------------------------------------


async def test_what_is_in_it() -> None:
    ((name, (collection, found)),) = (await read(Bolt())).items()
    assert (name, collection.records) == (":Person", 1)
    assert found == [{"name": "Ann Lee"}]


async def test_every_database_is_read_under_its_name() -> None:
    databases = [["system", "read-write"], ["a", "read-write"], ["b", "read-write"]]
    server = Bolt({SHOW: databases})
    assert list(await read(server)) == ["a/:Person", "b/:Person"]
    asked = {f[2].get("db") for operation, f in server.asked if operation == wire.RUN}
    assert asked == {"system", "a", "b"}


async def test_without_procedures_labels_are_met() -> None:
    said = {"CALL db.": failure("ProcedureNotFound")}
    met = {"MATCH (n) WITH n": [["Person"]]}
    assert list(await read(Bolt({**said, **met}))) == [":Person"]


async def test_names_are_quoted_and_what_cannot_be_is_left_out() -> None:
    odd = "x`) DETACH DELETE n //"
    said: dict[str, Any] = {
        "CALL db.labels": [[odd], ["\\u0060x"], ["nul\0"], [""], [7], ["a", "b"]],
        "MATCH (n:`x": [[3]],
    }
    server = Bolt(said)
    async with connection(ENGINE, ScriptedDialer(lambda: server), LIMITS) as link:
        (collection,) = await ENGINE.collections(link)
    assert (collection.name, collection.records) == (f":{odd}", 3)
    texts = [f[0] for operation, f in server.asked if operation == wire.RUN]
    assert "MATCH (n:`x``) DETACH DELETE n //`) RETURN count(n) AS records" in texts
    assert not any("u0060" in text or "nul" in text for text in texts)


async def test_a_large_collection_is_drawn_from_by_chance() -> None:
    server = Bolt({"MATCH (n:`Person`) RETURN count": [[30_000]]})
    await read(server)
    (values,) = [f[1] for operation, f in server.asked
                 if operation == wire.RUN and "rand()" in f[0]]  # fmt: skip
    assert values == {"share": pytest.approx(0.01), "most": LIMITS.rows}


async def test_more_rows_than_wanted_are_not_taken() -> None:
    server = Bolt({"MATCH (n:`Person`) WHERE": [[{"name": "Ann Lee"}]] * 500})
    _, found = (await read(server))[":Person"]
    assert len(found) == LIMITS.rows


# --- what may be asked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "CREATE (n)",
        "MATCH (n) DETACH DELETE n",
        "MATCH (n:`a`) SET n.x = 1 RETURN count(n) AS records",
        "MATCH (n:a) RETURN count(n) AS records",
        "MATCH (n:`a\\u0060`) RETURN count(n) AS records",
        "CALL dbms.setConfigValue($name, $value)",
        "RETURN $token AS token; CREATE (n)",
    ],
)
def test_nothing_but_the_texts_on_the_list(text: str) -> None:
    with pytest.raises(RequestNotAllowed):
        request_name(wire.RUN, [text, {}, {"mode": "r"}])


def test_queries_in_read_mode_only_and_no_login() -> None:
    text = "RETURN $token AS token"
    assert request_name(wire.RUN, [text, {}, {"mode": "r"}]) == text
    for extra in ({}, {"mode": "w"}):
        with pytest.raises(RequestNotAllowed):
            request_name(wire.RUN, [text, {}, extra])
    for operation in (wire.HELLO, wire.LOGON):
        with pytest.raises(RequestNotAllowed):
            request_name(operation, [{"scheme": "basic", "principal": "neo4j"}])


@pytest.mark.parametrize("operation", sorted({*range(128)} - {0x01, 0x0F, 0x10, 0x3F, 0x6A}))
def test_no_other_message(operation: int) -> None:
    with pytest.raises(RequestNotAllowed):
        request_name(operation, [{}])


# --- PackStream ----------------------------------------------------------------------------------

NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_packed_is_read_again(value: Any) -> None:
    reader = wire.Reader(wire.packed(value))
    assert reader.value() == value
    assert reader.left == 0


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    with contextlib.suppress(NotThisProtocol):
        wire.Reader(data).value()


@given(st.sampled_from(sorted(wire._STRUCTURES)), st.lists(NUMBERS, min_size=1, max_size=4))
def test_any_structure_has_a_value(kind: int, parts: list[Any]) -> None:
    data = bytes([0xB0 + len(parts), kind]) + b"".join(map(wire.packed, parts))
    wire.Reader(data).value()


def test_numbers_of_every_width() -> None:
    for marker, form, number in ((0xC8, "b", -100), (0xC9, "h", -3000), (0xCA, "i", 1 << 30)):
        assert wire.Reader(struct.pack(f">B{form}", marker, number)).value() == number
    assert wire.Reader(b"\xf0").value() == -16
    assert wire.Reader(b"\xcc\x02ab").value() == b"ab"


# --- what it knows for nothing -------------------------------------------------------------------


NOTE = Note("Person", NODES, None, 1, (5, 4))
PERSON = Collection(":Person", 1, None, NOTE)
INDEXES, UNIQUE = "SHOW INDEXES", "SHOW CONSTRAINTS"
ESTIMATES, BETWEEN = "CALL db.stats", "MATCH (n:`Person`) WHERE n.`id` >= "
ON_ID = ["RANGE", "NODE", ["Person"], ["id"], "ONLINE"]
DEEP: list[Any] = [[[[[]]]]]


async def told(work: str, said: dict[str, Any], *arguments: Any) -> Any:
    """What one of the optional methods makes of a server's answers."""
    async with connection(ENGINE, ScriptedDialer(lambda: Bolt(said)), LIMITS) as link:
        if work != "since":
            session = Session(link)
            await session.begin()
        if work == "stream":
            batches = ENGINE.stream(link, PERSON, arguments[0], LIMITS)
            return [row async for batch in batches for row in batch.to_pylist()]
        return await getattr(ENGINE, work)(link, *arguments)


@pytest.mark.parametrize(
    ("rows", "there"),
    [
        ([["2026-11-01T00:00:00Z"]], True),
        ([["2026-11-01T00:00:00Z"], [7], [None], []], True),
        ([["9999-01-01T00:00:00Z"]], False),
        ([["0001-01-01T00:00:00+14:00"]], False),
        ([["x" * 10_000]], False),
        ([[10**15]], False),
        ([DEEP], False),
        ([], False),
    ],
)
async def test_a_start_is_believed_where_it_can_be_true(rows: list[Any], there: bool) -> None:
    since = await told("since", {"SHOW DATABASES YIELD name, lastStartTime": rows})
    assert (since is not None) == there


async def test_the_catalogue_of_a_server_that_knows_no_estimates() -> None:
    said = {UNIQUE: [["UNIQUENESS", "NODE", ["Person"], ["id"]]], INDEXES: [ON_ID]}
    assert await told("known", {**said, ESTIMATES: failure("Procedure")}, PERSON, ["id", "x"]) == {
        "id": Known(unique=True, indexed=True)
    }


@pytest.mark.parametrize(
    "rows",
    [
        [], [[]], [[None] * 5], [DEEP * 5],
        [["RANGE", "NODE", ["Person"], ["id"], "POPULATING"]],
        [["RANGE", "RELATIONSHIP", ["Person"], ["id"], "ONLINE"]],
        [["RANGE", "NODE", ["Person"], ["id", "x"], "ONLINE"]],
        [["RANGE", "NODE", ["Person"], [7], "ONLINE"]],
        [["RANGE", "NODE", ["Person"], "id", "ONLINE"]],
        [["TEXT", "NODE", ["Person"], ["id"], "ONLINE"]],
        [[7, "NODE", ["Person"], ["id"], "ONLINE"]],
        [["RANGE", "NODE", ["Other"], ["id"], "ONLINE"]],
    ],
)  # fmt: skip
async def test_an_index_that_is_none_is_not_counted_over(rows: list[Any]) -> None:
    said = {INDEXES: rows, UNIQUE: rows, ESTIMATES: rows, BETWEEN: [[7]]}
    assert await told("known", said, PERSON, ["id"]) == {}
    assert await told("count_between", said, PERSON, "id", 1, 2) is None


@pytest.mark.parametrize(
    ("figures", "known"),
    [
        ((5, 10, 0), (5, 10)),
        ((5, 100, 5), (5, 100)),
        ((5, 100, 6), (None, None)),  # out of date
        ((0, 0, 0), (None, None)),
        ((11, 10, 0), (None, None)),
        ((-1, 10, 0), (None, None)),
        ((5, 10, -1), (None, None)),
        ((True, 10, 0), (None, None)),
        (("5", "10", "0"), (None, None)),
        ((5.0, 1e300, 0), (None, None)),
    ],
)
async def test_an_estimate_counts_where_it_adds_up(
    figures: tuple[Any, ...], known: tuple[int | None, int | None]
) -> None:
    names = ("estimatedUniqueSize", "totalSize", "updatesSinceEstimation")
    index = {"labels": ["Person"], "properties": ["id"], **dict(zip(names, figures, strict=True))}
    said = {UNIQUE: [], INDEXES: [ON_ID], ESTIMATES: [[{"indexes": [None, {}, index]}]]}
    (found,) = (await told("known", said, PERSON, ["id"])).values()
    assert (found.distinct, found.drawn) == known


@pytest.mark.parametrize("rows", [[], [["7"]], [[True]], [[1, 2]], [[1], [2]], [[None]]])
async def test_a_count_that_is_none(rows: list[Any]) -> None:
    said = {INDEXES: [ON_ID], BETWEEN: rows, "MATCH (n:`Person`) RETURN count": rows}
    with pytest.raises(NotThisProtocol):
        await told("count_between", said, PERSON, "id", 1, 2)
    with pytest.raises(NotThisProtocol):
        await told("marks", said, [PERSON])


async def test_what_is_asked_has_a_time_limit() -> None:
    server = Bolt({INDEXES: [ON_ID], BETWEEN: [[7]]})
    async with connection(ENGINE, ScriptedDialer(lambda: server), LIMITS) as link:
        await Session(link).begin()
        assert await ENGINE.count_between(link, PERSON, "id", 1, 2) == 7
        _ = [b async for b in ENGINE.stream(link, PERSON, ["id"], LIMITS)]
    limits = [fields[2].get("tx_timeout") for kind, fields in server.asked if kind == wire.RUN]
    assert limits[:2] == [2_000, 2_000]
    assert 0 < limits[2] <= LIMITS.seconds * 1_000


@pytest.mark.parametrize("name", ["a`b", "id` IS NOT NULL RETURN n //", "{name}", "é", "a.b"])
async def test_names_stay_names(name: str) -> None:
    server = Bolt({INDEXES: [["RANGE", "NODE", ["Person"], [name], "ONLINE"]], "MATCH": [[7]]})
    async with connection(ENGINE, ScriptedDialer(lambda: server), LIMITS) as link:
        await Session(link).begin()
        assert await ENGINE.count_between(link, PERSON, name, 1, 2) == 7
        _ = [b async for b in ENGINE.stream(link, PERSON, [name], LIMITS)]
    texts = [fields[0] for kind, fields in server.asked if kind == wire.RUN]
    quoted = "`" + name.replace("`", "``") + "`"
    assert texts[1].count(quoted) == 2
    assert quoted in texts[2]


@pytest.mark.parametrize("name", ["a\\u0060b", "a\0b", "", "x" * 600])
async def test_names_that_cannot_be_quoted_are_not_asked_for(name: str) -> None:
    assert await told("count_between", {}, PERSON, name, 1, 2) is None
    assert await told("stream", {}, [name]) == []


async def test_rows_of_a_stream_that_are_none() -> None:
    rows = [[{"id": 1}], [None], [7], [], [{"id": 2}, 3], [DEEP], [{"id": {"x": 4}}]]
    found = await told("stream", {"MATCH (n:`Person`) RETURN n {": rows}, ["id"])
    assert [row["id"] for row in found] == [1, None]


async def test_pages_without_rows_do_not_go_on_for_ever() -> None:
    more = wire.message(wire.SUCCESS, {"has_more": True})
    server = Bolt()

    def script(data: bytes) -> bytes:
        answer = server(data)
        return more if server.asked and server.asked[-1][0] == wire.PULL else answer

    async with connection(ENGINE, ScriptedDialer(lambda: script), LIMITS) as link:
        await Session(link).begin()
        with pytest.raises(NotThisProtocol):
            _ = [b async for b in ENGINE.stream(link, PERSON, ["id"], LIMITS)]


async def test_before_bolt_4_nothing_is_streamed() -> None:
    old = Collection(":Person", 1, None, replace(NOTE, version=(3, 0)))
    async with connection(ENGINE, ScriptedDialer(Bolt), LIMITS) as link:
        assert [b async for b in ENGINE.stream(link, old, ["id"], LIMITS)] == []
