"""The clickhouse engine against scripted peers: newer servers, odd and hostile answers.

Answers of newer servers are built from clickhouse.com/docs (HTTP Interface: exception header and
status; GRANT Statement: what SHOW GRANTS gives; JSONCompact).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engines import _clickhouse_sql as sql
from leftopen.engines._clickhouse_known import literal
from leftopen.engines._clickhouse_stream import rows_taken
from leftopen.engines.clickhouse import ENGINE
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NotThisProtocol,
    RequestNotAllowed,
    ServerRefused,
)
from leftopen.knowledge import (
    CountsBetween,
    Known,
    KnowsFields,
    Mark,
    Marks,
    StreamsFields,
    TellsSince,
)
from leftopen.model import Proof, Target, Verdict
from leftopen.net.scripted import ScriptedDialer
from leftopen.testing import LIMITS, connection
from tests import scripted_http
from tests.rows.clickhouse import SIGN, exception, modern, result
from tests.scripted_http import Answer, Asked

CANARY = "canary-Ann-Lee-1980"


def statement(asked: Asked) -> str:
    return (asked.query.get("query") or asked.body.decode()).removesuffix(sql.FORMAT)


def honest(asked: Asked) -> Answer:
    """An open server of 24.8 with one table."""
    said = statement(asked)
    if "reverse(" in said:
        return result([said.split("'")[1][::-1], "24.8.1.2684", ["system", "town"]])
    if "sorting_key" in said:
        return result(["n, name"])
    if said == sql.UPTIME:
        return result([100])
    if "system.tables" in said:
        return result(["town", "people", "ReplacingMergeTree"])
    if "system.parts" in said:
        return result(["town", "people", 2, "4096"])
    if "system.columns" in said:
        return result(["name", "LowCardinality(Nullable(String))", 40], ["n", "Int64", "16"])
    if said == sql.READONLY:
        return result(["0" if asked.method == "POST" else "2"])
    if said == sql.GRANTS:
        return result(["GRANT SELECT, INSERT, ALTER TABLE ON *.* TO default WITH GRANT OPTION"])
    if said.startswith("SELECT 1 "):
        return result([1])
    if said.startswith("SELECT count()"):
        return result(["2"])
    if said.startswith("SELECT substring("):
        return result(["Ann", "-9007199254740993"], [None, 5])
    raise AssertionError(f"not asked for by the engine: {said}")


Site = Callable[[Asked], Answer]


def but(sign: str, answer: Answer) -> Site:
    """The honest server with another answer to statements that have the sign."""
    return lambda asked: answer if sign in statement(asked) else honest(asked)


def always(answer: Answer) -> Site:
    return lambda _: answer


async def probe(site: Site, port: int | None = None) -> Proof:
    dialer = scripted_http.dialer(site)
    async with link(dialer, port) as opened:
        proof = await ENGINE.probe(opened)
        assert CANARY not in proof.reason
        return proof


def link(dialer: ScriptedDialer, port: int | None = None, limits: StoreLimits = LIMITS) -> Any:
    opened = connection(ENGINE, dialer, limits)
    if port is not None:
        opened.target = Target(opened.target.address, port)
    return opened


# --- verdicts ------------------------------------------------------------------------------------


async def test_open() -> None:
    dialer = scripted_http.dialer(honest)
    async with link(dialer) as opened:
        proof = await ENGINE.probe(opened)
        assert opened.bytes_read < 2_048
    assert (proof.verdict, proof.version) == (Verdict.OPEN, "24.8.1.2684")
    assert (proof.product, proof.can_write) == ("ClickHouse", "yes")
    methods = [data.split(b" ")[0] for data in dialer.sent]
    assert methods == [b"GET", b"GET", b"GET", b"POST", b"GET"]
    assert not any(
        b"Authorization" in data or b"user" in data.split(b"\r\n")[0] for data in dialer.sent
    )


async def test_without_a_stored_table() -> None:
    proof = await probe(but("system.tables", Answer({"meta": [{}, {}, {}], "data": []})))
    with pytest.raises(NotThisProtocol):  # one column where three are due
        await probe(but("system.tables", result()))
    assert proof.verdict is Verdict.OPEN
    assert "no stored table" in proof.reason


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (exception(516, 403, CANARY), Verdict.AUTH_REQUIRED),
        (exception(516, 401, CANARY), Verdict.AUTH_REQUIRED),
        (exception(194, 401), Verdict.AUTH_REQUIRED),
        (exception(195, 500), Verdict.ACL_CLOSED),
        (exception(497, 403), Verdict.OPEN_PARTIAL),
        (exception(202, 500), Verdict.UNDETERMINED),  # too many queries
        (Answer(b"Code: 193, e.displayText() = DB::Exception: x", 500), Verdict.AUTH_REQUIRED),
        (Answer(b"", 403, SIGN), Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Basic"}), Verdict.AUTH_REQUIRED),
        (Answer(b"no", 403), Verdict.NOT_THIS),
        (Answer(b"busy", 503), Verdict.UNDETERMINED),
        (Answer(b"<html>", 503), Verdict.NOT_THIS),
        (Answer(b"", 302, {"Location": "/login"}), Verdict.NOT_THIS),
        (Answer(b"<html>Home Assistant</html>", 404), Verdict.NOT_THIS),
        (Answer({"error": {"type": "illegal_argument_exception"}}, 400), Verdict.NOT_THIS),
    ],
)
async def test_the_first_answer_on_its_own_port(answer: Answer, verdict: Verdict) -> None:
    assert (await probe(always(answer))).verdict is verdict


@pytest.mark.parametrize("status", [401, 503])
async def test_a_stranger_elsewhere_is_any_web_server(status: int) -> None:
    answer = Answer(b"", status, {"WWW-Authenticate": "Basic"})
    assert (await probe(always(answer), 8_080)).verdict is Verdict.NOT_THIS
    assert (await probe(always(exception(516, 403)), 8_080)).verdict is Verdict.AUTH_REQUIRED


async def test_the_native_port_tells_what_it_is() -> None:
    words = b"Port 9000 is for clickhouse-client program\r\nYou must use port 8123 for HTTP.\r\n"
    proof = await probe(always(Answer(words, 400)), 9_000)
    assert (proof.verdict, proof.product) == (Verdict.UNDETERMINED, "ClickHouse")


@pytest.mark.parametrize(
    ("sign", "answer", "verdict"),
    [
        ("system.tables", exception(497, 403), Verdict.OPEN_PARTIAL),
        ("system.tables", exception(159), Verdict.UNDETERMINED),
        ("SELECT 1", exception(497, 403), Verdict.OPEN_PARTIAL),
        ("SELECT 1", exception(60, 404), Verdict.UNDETERMINED),
        ("SELECT 1", Answer(b"", 502), Verdict.UNDETERMINED),
        ("SELECT 1", result(), Verdict.OPEN),
    ],
)
async def test_reads_that_are_refused(sign: str, answer: Answer, verdict: Verdict) -> None:
    assert (await probe(but(sign, answer))).verdict is verdict


async def test_a_user_who_may_list_alone() -> None:
    assert (await probe(modern)).verdict is Verdict.OPEN_PARTIAL


async def test_a_recording_is_not_open() -> None:
    answers: dict[str, Answer] = {}

    def recorded(asked: Asked) -> Answer:
        return answers.setdefault(statement(asked)[:14], honest(asked))

    assert (await probe(recorded)).verdict is Verdict.OPEN
    proof = await probe(recorded)
    assert proof.verdict is Verdict.NOT_THIS
    assert "canned" in proof.reason


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>Welcome</html>"),
        Answer(b"Ok.\n"),
        Answer(b""),
        Answer([]),
        Answer({"cluster_name": "x", "version": {"number": "8.1.0"}, "tagline": "You Know"}),
        Answer({"meta": [], "data": []}),
        Answer({"meta": [1, 2, 3], "data": [[1, 2, 3], [1, 2, 3]]}),
        Answer({"meta": [1, 2, 3], "data": [1]}),
        Answer({"meta": [1, 2, 3], "data": {}}),
        Answer({"meta": 3, "data": [[1, 2, 3]]}),
        Answer(b"[" * 100_000),
        Answer(b'{"data": NaN}'),
        Answer(b"\xff\xfe"),
    ],
)
async def test_what_is_no_answer_of_clickhouse(answer: Answer) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(always(answer))


@pytest.mark.parametrize("databases", [None, "town", [1], [""], ["x" * 600], ["a\0b"], {"a": 1}])
async def test_databases_that_cannot_be(databases: Any) -> None:
    def site(asked: Asked) -> Answer:
        return result([statement(asked).split("'")[1][::-1], "24.8", databases])

    with pytest.raises(NotThisProtocol):
        await probe(site)


@pytest.mark.parametrize(
    ("sign", "answer"),
    [
        ("system.tables", result(["elsewhere", "people", "Log"])),
        ("system.tables", result(["system", "users", "Log"])),
        ("system.tables", result(["town", 5, "Log"])),
        ("SELECT 1", result([2])),
        ("SELECT 1", result([1], [1])),
        ("SELECT 1", Answer(b"1\n")),
    ],
)
async def test_lies_after_the_first_answer(sign: str, answer: Answer) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(but(sign, answer))


async def test_many_databases_cost_few_questions() -> None:
    names = [f"d{n:03}" + "ü" * 400 for n in range(1_000)]
    asked_for: list[str] = []

    def site(asked: Asked) -> Answer:
        asked_for.append(statement(asked))
        assert len(quote(asked_for[-1])) < 16_000
        if "reverse(" in asked_for[-1]:
            return result([asked_for[-1].split("'")[1][::-1], "24.8", names])
        return (
            Answer({"meta": [1, 2, 3], "data": []}) if "tables" in asked_for[-1] else honest(asked)
        )

    assert (await probe(site)).verdict is Verdict.OPEN
    assert len(asked_for) <= 8


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
async def test_any_body_is_a_verdict_or_an_error_of_ours(body: bytes) -> None:
    for site in (always(Answer(body)), but("system.tables", Answer(body))):
        try:
            verdict = (await probe(site)).verdict
        except LeftopenError:
            continue
        assert verdict is not Verdict.OPEN


# --- may it be written ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "can_write"),
    [
        (result(["1"]), "no"),
        (result(["2"]), "no"),
        (result(["3"]), "unknown"),
        (result(), "unknown"),
        (result([0]), "unknown"),
        (exception(497, 403), "unknown"),
        (Answer(b"0"), "unknown"),
        (Answer(b"", 405), "unknown"),
    ],
)
async def test_the_setting_decides_first(setting: Answer, can_write: str) -> None:
    def site(asked: Asked) -> Answer:
        return setting if asked.method == "POST" else honest(asked)

    proof = await probe(site)
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, can_write)


@pytest.mark.parametrize(
    ("granted", "can_write"),
    [
        (result(["GRANT ALL ON *.* TO default WITH GRANT OPTION"]), "yes"),
        (result(["GRANT SELECT(a, b), INSERT(a) ON t.* TO default"]), "yes"),
        (
            result(["GRANT SHOW TABLES, SELECT ON *.* TO default"], ["GRANT SELECT ON a.b TO d"]),
            "no",
        ),
        (result(["GRANT reader TO default"]), "unknown"),
        (result(["GRANT ALL ON *.* TO default"], ["REVOKE INSERT ON a.* FROM default"]), "unknown"),
        (result(["GRANT SELECT, SYSTEM ON *.* TO default"]), "unknown"),
        (result(["GRANT CREATE TEMPORARY TABLE ON *.* TO default"]), "unknown"),
        (result([5]), "unknown"),
        (result(), "unknown"),
        (exception(62, 400), "yes"),  # servers before 20.4
        (exception(497, 403), "unknown"),
    ],
)
async def test_grants_decide_then(granted: Answer, can_write: str) -> None:
    assert (await probe(but(sql.GRANTS, granted))).can_write == can_write


# --- the sample ----------------------------------------------------------------------------------


async def read(site: Site, limits: StoreLimits = LIMITS) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {}
    async with link(scripted_http.dialer(site), limits=limits) as opened:
        for collection in await ENGINE.collections(opened):
            assert (collection.records, collection.bytes) in ((2, 4_096), (2, None))
            made[collection.name] = [
                row
                async for batch in ENGINE.sample(opened, collection, limits)
                for row in batch.to_pylist()
            ]
    return made


ROWS = [{"name": "Ann", "n": -9007199254740993}, {"name": None, "n": 5}]


async def test_a_newer_server_is_read() -> None:
    assert await read(honest) == {"town.people": ROWS}


async def test_sizes_that_are_not_told_are_counted() -> None:
    assert await read(but("system.parts", exception(497, 403))) == {"town.people": ROWS}


async def test_the_time_is_limited_where_settings_may_be_given() -> None:
    for limited in ("1", "2"):
        paths: list[bool] = []

        def site(asked: Asked, limited: str = limited, paths: list[bool] = paths) -> Answer:
            paths.append(asked.query.get("max_execution_time") == "4")
            return result([limited]) if statement(asked) == sql.READONLY else honest(asked)

        await read(site)
        assert any(paths) is (limited == "2")


async def test_rows_that_are_refused_or_too_large() -> None:
    with pytest.raises(ServerRefused) as refused:
        await read(but("SELECT substring", exception(159, 500, CANARY)))
    assert (refused.value.code, CANARY in str(refused.value)) == ("159", False)
    with pytest.raises(BudgetSpent):
        await read(
            but("SELECT substring", result(["x" * 9_999, 1])), StoreLimits(reply_bytes=5_000)
        )


@pytest.mark.parametrize(
    ("sign", "answer"),
    [
        ("system.parts", result(["town", "people", -1, "1"])),
        ("system.parts", result(["town", "people", True, "1"])),
        ("system.parts", result(["town", "people", "9" * 30, "1"])),
        ("system.columns", result(["", "String", 1])),
        ("SELECT substring", result(["Ann"])),
        ("SELECT substring", result(*[["Ann", 1]] * 3_000)),
    ],
)
async def test_answers_that_cannot_be(sign: str, answer: Answer) -> None:
    with pytest.raises(NotThisProtocol):
        await read(but(sign, answer))


# --- what the server knows -----------------------------------------------------------------------


def test_it_knows_of_itself() -> None:
    for protocol in (KnowsFields, CountsBetween, Marks, TellsSince, StreamsFields):
        assert isinstance(ENGINE, protocol)


async def asked(site: Site, what: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    async with link(scripted_http.dialer(site)) as opened:
        [collection] = await ENGINE.collections(opened)
        return await what(opened, collection)


async def test_what_it_is_sorted_by_is_known_and_counted() -> None:
    def known(opened: Any, collection: Any) -> Awaitable[Any]:
        return ENGINE.known(opened, collection, ["name", "n", "n.a"])

    def count(opened: Any, collection: Any) -> Awaitable[Any]:
        return ENGINE.count_between(opened, collection, "n", 5, 9.5)

    def other(opened: Any, collection: Any) -> Awaitable[Any]:
        return ENGINE.count_between(opened, collection, "name", "1", "2")

    assert await asked(honest, known) == {"n": Known(indexed=True)}
    assert await asked(honest, count) == 2
    assert await asked(honest, other) is None
    for answer in (result(["lower(n), name"]), result(["other"]), result([5]), exception(47, 404)):
        assert await asked(but("sorting_key", answer), known) == {}
        assert await asked(but("sorting_key", answer), count) is None
    with pytest.raises(NotThisProtocol):
        await asked(but("WHERE `n` >=", result(["-2"])), count)
    with pytest.raises(ServerRefused):
        await asked(but("WHERE `n` >=", exception(159)), count)


@pytest.mark.parametrize(
    ("key", "first"),
    [
        ("n", "n"),
        ("n, at", "n"),
        ("`a``, b", None),
        ("`a b`, c", "a b"),
        ("`a\\`b`", "a`b"),
        ("toDate(n), n", None),
        ("(n, at)", None),
        ("", None),
        ("n.a", None),
        ("`" * 5_000, None),
    ],
)
def test_the_first_of_a_sorting_key(key: str, first: str | None) -> None:
    assert sql.first_of(key) == first


@pytest.mark.parametrize(
    ("engine", "row", "mark"),
    [
        ("MergeTree", ["town", "people", "7", 3], Mark(7, 3)),
        ("ReplacingMergeTree", ["town", "people", "7", 3], Mark(None, 3)),
        ("MergeTree", ["town", "others", "7", 3], None),
    ],
)
async def test_counters(engine: str, row: list[Any], mark: Mark | None) -> None:
    def site(asked_: Asked) -> Answer:
        if "max_block_number" in statement(asked_):
            return result(row)
        if "system.tables" in statement(asked_) and "sorting" not in statement(asked_):
            return result(["town", "people", engine])
        return honest(asked_)

    told = await asked(site, lambda opened, c: ENGINE.marks(opened, [c]))
    assert told == ({} if mark is None else {"town.people": mark})


@pytest.mark.parametrize(
    "row", [["town", "people", -1, 1], ["town", "people", 1, True], ["town", 5, 1, 1]]
)
async def test_counters_that_cannot_be(row: list[Any]) -> None:
    with pytest.raises(NotThisProtocol):
        await asked(but("max_block", result(row)), lambda opened, c: ENGINE.marks(opened, [c]))
    nothing = await asked(
        but("max_block", exception(497)), lambda opened, c: ENGINE.marks(opened, [c])
    )
    assert nothing == {}


@pytest.mark.parametrize("uptime", [-5, 1e300, "soon", None, True])
async def test_uptimes_that_cannot_be(uptime: Any) -> None:
    told = but("uptime()", result([uptime]))
    assert await asked(told, lambda opened, c: ENGINE.since(opened)) is None
    assert (await asked(honest, lambda opened, c: ENGINE.since(opened))).how == "started"


# --- streams -------------------------------------------------------------------------------------


async def streamed(body: bytes | Answer, limits: StoreLimits = LIMITS) -> list[Any]:
    answer = body if isinstance(body, Answer) else Answer(body)

    def site(asked_: Asked) -> Answer:
        is_stream = statement(asked_).endswith(sql.STREAM)
        return answer if is_stream else honest(asked_)

    async with link(scripted_http.dialer(site), limits=limits) as opened:
        [collection] = await ENGINE.collections(opened)
        stream = ENGINE.stream(opened, collection, ["name", "n"], limits)
        batches = [batch async for batch in stream]
        assert await ENGINE.known(opened, collection, ["n"])  # the session goes on
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


async def test_a_stream_of_escaped_cells() -> None:
    body = b"Ann\t5\n\\N\t-7\na\\tb\\\\\\'\\n\t9223372036854775807\n\t0\n"
    wanted = [("Ann", 5), (None, -7), ("a\tb\\'\n", 2**63 - 1), ("", 0)]
    assert await streamed(body) == wanted
    assert await streamed(b"") == []


@pytest.mark.parametrize("body", [b"Ann\n", b"Ann\t1\t2\n", b"Ann\t1", b"Ann\t1\n<html>"])
async def test_streams_that_cannot_be(body: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await streamed(body)


@pytest.mark.parametrize(
    "body",
    [
        b"Ann\t1\nCode: 159. DB::Exception: Timeout, canary-Ann-Lee-1980\n",
        b"Ann\t1\nBoCode: 159, e.displayText() = DB::Exception: Timeout",
        exception(159, 500, CANARY),
        Answer(b"Code: 159. DB::Exception: " + b"x" * 9_000, 500),
    ],
)
async def test_a_stream_that_is_broken_off(body: bytes | Answer) -> None:
    with pytest.raises(ServerRefused) as refused:
        await streamed(body)
    assert (refused.value.code, CANARY in str(refused.value)) == ("159", False)


async def test_a_stream_of_one_line_without_end() -> None:
    with pytest.raises(BudgetSpent):
        await streamed(b"x" * 500_000, StoreLimits(reply_bytes=100_000))


async def test_a_stream_ends_in_good_order_with_its_bytes() -> None:
    limits = StoreLimits(bytes=200_000)

    def site(asked_: Asked) -> Answer:
        many = Answer((b"x" * 100 + b"\t1\n") * 5_000)
        return many if statement(asked_).endswith(sql.STREAM) else honest(asked_)

    async with link(scripted_http.dialer(site), limits=limits) as opened:
        [collection] = await ENGINE.collections(opened)
        stream = ENGINE.stream(opened, collection, ["n"], limits)
        rows = sum([batch.num_rows async for batch in stream])
    assert 500 < rows < 2_000


@settings(deadline=None)
@given(
    st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=9), min_size=1, max_size=9),
    st.integers(1, 3),
)
def test_cells_come_back(values: list[str | None], width: int) -> None:
    def escaped(value: str | None) -> bytes:
        if value is None:
            return b"\\N"
        for raw, letter in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("'", "\\'")):
            value = value.replace(raw, letter)
        return value.encode()

    columns: list[list[bytes | None]] = [[] for _ in range(width)]
    rows_taken(b"\n".join(b"\t".join([escaped(v)] * width) for v in values), columns)
    encoded = [None if value is None else value.encode() for value in values]
    assert columns == [encoded] * width


# --- the allow-list ------------------------------------------------------------------------------

TOWN = sql.Table("town", "people")
COLUMNS = [
    sql.Column("a`b", "String", 1),
    sql.Column("n", "Int8", 1),
    sql.Column("l", "Array(X)", 1),
]


def named(text: str, more: str = "") -> str:
    return sql.request_name("GET", "/?query=" + quote(text + sql.FORMAT) + more)


def test_what_may_be_said_has_its_name() -> None:
    names = {
        named(sql.DATABASES.format(word="0" * 32)),
        named(sql.TABLES.format(names="'a', 'b\\''", limit=1)),
        named(sql.PARTS.format(names="'a'")),
        named(sql.COLUMNS.format(database="'a'", table="'b'")),
        named(sql.READONLY),
        named(sql.GRANTS),
        named(sql.one_of(TOWN)),
        named(sql.count_of(TOWN)),
        named(sql.rows_of(TOWN, COLUMNS, 5, 7, 9_999), "&max_execution_time=2"),
        named(sql.SORTING.format(database="'a'", table="'b'")),
        named(sql.UPTIME),
        named(sql.COUNTERS.format(names="'a', 'b'")),
        named(sql.count_between_of(TOWN, "a`b", "toDateTime(5)", "toDate('2026-11-22')")),
        sql.request_name(
            "GET", "/?query=" + quote(sql.fields_of(TOWN, COLUMNS, 9_999) + sql.STREAM)
        ),
        sql.request_name("POST", "/", sql.READONLY + sql.FORMAT),
    }
    assert names == ENGINE.requests


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "DROP TABLE town.people",
        "INSERT INTO town.people SELECT 1",
        "SELECT 1 FROM `system`.`users` LIMIT 1",
        "SELECT 1 FROM `SYSTEM`.`users` LIMIT 1",
        "SELECT 1 FROM url('http://x', TSV) LIMIT 1",
        "SELECT count() FROM `a`.`b`; DROP TABLE `a`.`b`",
        "SELECT count() FROM `a`.`b` INTO OUTFILE 'x'",
        "SELECT `a` FROM `a`.`b` LIMIT 1 SETTINGS readonly = 0",
        "SELECT sleep(3) FROM `a`.`b` LIMIT 1",
        "SELECT `a` FROM `a`.`b` WHERE rand() % 0 = 0 OR 1 LIMIT 1",
        "SELECT `a\\` FROM `a`.`b` LIMIT 1",
        sql.TABLES.format(names="'a' OR 1", limit=1),
        sql.count_between_of(TOWN, "a", "now()", "now()"),
        sql.count_between_of(TOWN, "a", "'x'", "'y'"),
        sql.count_between_of(TOWN, "a", "1", "2 OR 1"),
        sql.count_between_of(sql.Table("system", "users"), "a", "1", "2"),
        sql.fields_of(TOWN, COLUMNS, 9_999),
        sql.fields_of(TOWN, COLUMNS, 9_999) + " INTO OUTFILE 'x'" + sql.STREAM,
        sql.COLUMNS.format(database="'a\\'", table="'b'"),
    ],
)
def test_what_may_not_be_said(text: str) -> None:
    with pytest.raises(RequestNotAllowed):
        named(text)
    with pytest.raises(RequestNotAllowed):
        sql.request_name("POST", "/", text + sql.FORMAT)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/?query=" + quote(sql.READONLY), None),  # without its format
        ("GET", "/?query=" + quote(sql.READONLY + sql.FORMAT) + "&readonly=0", None),
        ("GET", "/?query=" + quote(sql.READONLY + sql.FORMAT) + "&user=admin", None),
        ("GET", "/?query=" + quote(sql.READONLY + sql.FORMAT) + "&max_execution_time=x", None),
        ("GET", "/?query=DROP&query=" + quote(sql.READONLY + sql.FORMAT), None),
        ("GET", "/?query=" + quote(sql.READONLY + sql.FORMAT), "DROP TABLE x"),
        ("GET", "/play?query=" + quote(sql.READONLY + sql.FORMAT), None),
        ("POST", "/?query=" + quote(sql.READONLY + sql.FORMAT), ""),
        ("POST", "/", sql.GRANTS + sql.FORMAT),
        ("DELETE", "/", sql.READONLY + sql.FORMAT),
        ("GET", "/", None),
    ],
)
def test_what_else_may_not_be_sent(method: str, path: str, body: str | None) -> None:
    with pytest.raises(RequestNotAllowed):
        sql.request_name(method, path, body)


MOMENTS = st.one_of(
    st.datetimes(), st.integers(), st.floats(), st.text(), st.from_regex(r"[0-9TZ:+. -]{1,60}")
)
KINDS = ["DateTime", "DateTime64(3, 'UTC')", "DateTime('Asia/Tokyo')", "Date", "UInt64", "Int8",
         "Float64", "Decimal(9, 2)", "String", "UUID"]  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(KINDS), MOMENTS, MOMENTS)
def test_whatever_the_moments_a_count_is_one_range(kind: str, begin: Any, end: Any) -> None:
    low, high = literal(kind, begin), literal(kind, end)
    if low is not None and high is not None:
        text = sql.count_between_of(TOWN, "a` OR `b", low, high)
        assert named(text) == "GET SELECT count between"


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=60).filter(lambda name: "\0" not in name))
def test_no_name_breaks_out(name: str) -> None:
    if any(0xD800 <= ord(letter) < 0xE000 for letter in name):
        return
    table = sql.Table("town", name)
    columns = [sql.Column(name, "String", 1)]
    assert named(sql.rows_of(table, columns, 5, 7, 9_999)) == "GET SELECT rows"
    literal = sql.text(name)
    assert named(sql.COLUMNS.format(database=literal, table=literal)) == "GET SELECT columns"
    inner = literal[1:-1].replace("\\\\", "").replace("\\'", "")
    assert "'" not in inner
    assert "\\" not in inner
