"""The influxdb engine against scripted peers: other versions, other servers, hostile answers.

Answers of 2.x and 3.x are built from docs.influxdata.com: API v2 (Setup, Buckets, the 1.x
compatibility of /query) and 3 Core's v1 query API, whose columns are named `iox::…`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines._influxdb_query import FIRST, Where, made, request_name, select
from leftopen.engines.influxdb import ENGINE
from leftopen.errors import BudgetSpent, LeftopenError, NotThisProtocol, RequestNotAllowed
from leftopen.model import Verdict
from leftopen.testing import connection
from tests.engines.asking import prober
from tests.hostile import NASTY
from tests.rows.influxdb import UNAUTHORIZED, VERSION_2, version_2
from tests.scripted_http import Answer, Asked, Site, dialer

HTML = Answer(b"<html><body>Sign in</body></html>")


def result(*series: dict[str, Any], **more: Any) -> Answer:
    return Answer({"results": [{"statement_id": 0, "series": list(series), **more}]})


def named(*names: Any, column: str = "name") -> Answer:
    return result({"name": "x", "columns": [column], "values": [[name] for name in names]})


def store(**replaced: Answer) -> Site:
    """An open server; `databases`, `measurements`, `policies`, `select`, `missing` replace its
    answers."""

    def site(asked: Asked) -> Answer:
        text, database = asked.query.get("q", ""), asked.query.get("db", "")
        if asked.path != "/query":
            return Answer(b"404 page not found", 404)
        if text == "SHOW DATABASES":
            return replaced.get("databases", named("_internal", "town"))
        if database.startswith("leftopen-"):
            lost = {"results": [{"statement_id": 0, "error": f"database not found: {database}"}]}
            return replaced.get("missing", Answer(lost))
        if text.startswith("SHOW MEASUREMENTS"):
            return replaced.get("measurements", named("visits"))
        if text == "SHOW RETENTION POLICIES":
            return replaced.get("policies", result())
        point = {"name": "visits", "columns": ["time", "email"], "values": [["2024", "a@b.de"]]}
        return replaced.get("select", result(point))

    return site


probe = prober(ENGINE)


async def test_open() -> None:
    assert (await probe(store())).verdict is Verdict.OPEN


async def test_version_3_names_its_columns_in_another_way() -> None:
    def site(asked: Asked) -> Answer:
        if asked.query.get("db", "").startswith("leftopen-"):
            return Answer({"error": f"database not found: {asked.query['db']}"}, 404)
        if asked.query["q"] == "SHOW DATABASES":
            return named("town", column="iox::database")
        if asked.query["q"].startswith("SHOW MEASUREMENTS"):
            return result({"columns": ["iox::measurement", "name"], "values": [["m", "visits"]]})
        if asked.query["q"].startswith("SHOW"):
            return result({"columns": ["iox::database", "name"], "values": [["town", "autogen"]]})
        columns = ["iox::measurement", "time", "email"]
        return result({"columns": columns, "values": [["visits", "2024", "a@b.de"]]})

    assert (await probe(site)).verdict is Verdict.OPEN
    async with connection(ENGINE, dialer(site)) as link:
        (visits,) = await ENGINE.collections(link)
        (batch,) = [b async for b in ENGINE.sample(link, visits, link.limits)]
    assert visits.name == "town.visits"
    assert batch.to_pydict() == {"time": ["2024"], "email": ["a@b.de"]}


@pytest.mark.parametrize(
    ("site", "verdict", "can_write"),
    [
        (version_2(), Verdict.AUTH_REQUIRED, "unknown"),
        (version_2(claimed=False), Verdict.OPEN_PARTIAL, "yes"),
        (version_2(buckets=Answer({"buckets": []}, headers=VERSION_2)), Verdict.OPEN_PARTIAL,
         "unknown"),
    ],
)  # fmt: skip
async def test_version_2(site: Site, verdict: Verdict, can_write: str) -> None:
    proof = await probe(site)
    assert (proof.verdict, proof.can_write, proof.version) == (verdict, can_write, "2.7.4")


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"measurements": Answer({"error": "no"}, 403)}, Verdict.OPEN_PARTIAL),
        ({"select": Answer({"error": "no"}, 401)}, Verdict.OPEN_PARTIAL),
        ({"select": result(error="not now")}, Verdict.OPEN_PARTIAL),
        ({"select": Answer({"error": "busy"}, 503)}, Verdict.UNDETERMINED),
        ({"measurements": result()}, Verdict.OPEN),
        ({"databases": named("_internal")}, Verdict.OPEN),
        ({"databases": result({"columns": ["name"]})}, Verdict.OPEN),
        ({"missing": result()}, Verdict.NOT_THIS),
        ({"missing": named("town")}, Verdict.NOT_THIS),
        ({"missing": Answer({"error": "database not found: other"}, 404)}, Verdict.NOT_THIS),
        ({"databases": UNAUTHORIZED}, Verdict.AUTH_REQUIRED),
        ({"databases": Answer(b"", 401, {"WWW-Authenticate": 'Basic realm="x"'})},
         Verdict.AUTH_REQUIRED),
        ({"databases": Answer(b"", 401)}, Verdict.NOT_THIS),
        ({"databases": Answer(b"", 403)}, Verdict.NOT_THIS),
        ({"databases": Answer({"error": "create admin user first"}, 403)}, Verdict.NOT_THIS),
        ({"databases": Answer({"error": "busy"}, 503, VERSION_2)}, Verdict.UNDETERMINED),
        ({"databases": Answer({"error": "x", "status": 405}, 405)}, Verdict.NOT_THIS),
        ({"databases": Answer({"results": [{"error": "x"}]})}, Verdict.NOT_THIS),
        ({"databases": Answer({"results": [{"error": "x"}]}, 200, VERSION_2)},
         Verdict.UNDETERMINED),
        ({"databases": Answer(b"", 302, {"Location": "/login"})}, Verdict.NOT_THIS),
    ],
)  # fmt: skip
async def test_verdicts(answers: dict[str, Answer], verdict: Verdict) -> None:
    proof = await probe(store(**answers))
    assert proof.verdict is verdict
    assert proof.can_write == "unknown"


@pytest.mark.parametrize(
    "answer",
    [
        HTML,
        Answer({}),
        Answer([]),
        Answer({"results": []}),
        Answer({"results": [{}, {}]}),
        Answer({"results": {"0": {}}}),
        Answer({"results": [{"series": {}}]}),
        Answer({"results": [{"series": [1]}]}),
        Answer({"results": [{"series": [{"columns": "name", "values": []}]}]}),
        Answer({"results": [{"series": [{"columns": ["name"], "values": [["a", "b"]]}]}]}),
        Answer({"results": [{"series": [{"columns": ["name"], "values": [[1]]}]}]}),
        Answer({"results": [{"series": [{"columns": ["other"], "values": [["a"]]}]}]}),
        Answer(b'{"results":' + b"[" * 100_000),
    ],
)
async def test_what_is_no_list_of_databases_is_not_this(answer: Answer) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(store(databases=answer))


async def test_a_peer_that_gives_every_question_the_same_answer_is_not_this() -> None:
    assert (await probe(lambda _: named("town"))).verdict is Verdict.NOT_THIS


async def test_nothing_a_server_says_is_in_the_proof() -> None:
    for name in NASTY:
        headers = {"X-Influxdb-Version": "v2" + name.encode("ascii", "ignore").decode().strip()}
        if any(not 31 < ord(letter) < 127 for letter in headers["X-Influxdb-Version"]):
            continue
        proof = await probe(store(databases=Answer({"error": name}, 403, headers)))
        assert proof.verdict is Verdict.AUTH_REQUIRED
        assert (proof.version, proof.reason) == ("2", "asks for credentials")


async def test_nasty_names_are_left_out_or_stay_inside_their_quotes() -> None:
    site = store(databases=named("town", "a&q=DROP DATABASE town", *NASTY),
                 measurements=named(*NASTY, '"; DROP DATABASE town; --', "v" * 2_000))  # fmt: skip
    lines = dialer(site)
    async with connection(ENGINE, lines) as link:
        for collection in await ENGINE.collections(link):
            async for batch in ENGINE.sample(link, collection, link.limits):
                assert batch.num_rows == 1
    sent = b"".join(lines.sent)
    assert b"GET /query?q=DROP" not in sent
    assert b"\nq=" not in sent
    assert sent.count(b"GET ") == len(lines.sent)


async def test_more_names_than_the_limit_are_not_kept() -> None:
    site = store(measurements=named(*(f"m{n}" for n in range(5_000))))
    async with connection(ENGINE, dialer(site), StoreLimits(collections=7)) as link:
        assert len(await ENGINE.collections(link)) == 7


async def test_a_row_over_the_limit_ends_the_sample() -> None:
    wide = result({"columns": ["time"], "values": [["x" * 9_000]]})
    limits = StoreLimits(reply_bytes=4_096)
    async with connection(ENGINE, dialer(store(select=wide)), limits) as link:
        (visits,) = await ENGINE.collections(link)
        with pytest.raises(BudgetSpent):
            [b async for b in ENGINE.sample(link, visits, limits)]


async def test_more_rows_than_asked_for_are_cut_off() -> None:
    many = result({"columns": ["n"], "values": [[n] for n in range(900)]})
    limits = StoreLimits(rows=5)
    async with connection(ENGINE, dialer(store(select=many)), limits) as link:
        (visits,) = await ENGINE.collections(link)
        batches = [b async for b in ENGINE.sample(link, visits, limits)]
    assert [b.num_rows for b in batches] == [5]


async def test_a_collection_of_another_engine_is_refused() -> None:
    async with connection(ENGINE, dialer(store())) as link:
        with pytest.raises(TypeError):
            [b async for b in ENGINE.sample(link, Collection("x"), link.limits)]


# --- the allow-list ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        {"q": "DROP DATABASE town"},
        {"q": "SHOW DATABASES; DROP DATABASE town"},
        {"q": 'SELECT * INTO "b" FROM "a" LIMIT 1'},
        {"q": 'SELECT * FROM "a"; DROP DATABASE town; SELECT * FROM "b" LIMIT 1'},
        {"q": 'SELECT * FROM "a\\" LIMIT 1; DROP DATABASE town'},
        {"q": "SELECT * FROM a LIMIT 1"},
        {"q": "SELECT * FROM {name} LIMIT {n}"},
        {"q": "SHOW MEASUREMENTS LIMIT {n}"},
        {"q": "show databases"},
        {"q": "SHOW USERS"},
        {"q": "SHOW DATABASES", "u": "admin"},
        {"q": "SHOW DATABASES", "p": ""},
        {"db": "town"},
        {},
    ],
)
def test_what_is_not_on_the_list_cannot_be_named(query: dict[str, str]) -> None:
    with pytest.raises(RequestNotAllowed):
        request_name(f"/query?{urlencode(query)}")


@pytest.mark.parametrize(
    "path",
    ["/write?db=town", "/ping", "/api/v2/setup?x=1", "/api/v2/buckets?limit=9", "/query",
     "/query?q=SHOW+DATABASES&q=DROP+DATABASE+town", "/query {name}", "/api/v2/delete"],
)  # fmt: skip
def test_nor_any_other_path(path: str) -> None:
    with pytest.raises(RequestNotAllowed):
        request_name(path)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=40))
def test_any_name_stays_one_quoted_name(name: str) -> None:
    """Read as InfluxQL is: a quote ends the name unless a backslash stands before it."""
    text = select(FIRST, name, 1)
    assert request_name(f"/query?{urlencode({'q': text})}") == f"GET /query {FIRST}"
    inner, at = "", len('SELECT * FROM "')
    while text[at] != '"':
        at += text[at] == "\\"
        inner += text[at]
        at += 1
    assert (inner, text[at + 1 :]) == (name, " LIMIT 1")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9),
                    lambda kind: st.lists(kind, max_size=3) | st.dictionaries(
                        st.sampled_from(["results", "series", "columns", "values", "name"]), kind,
                        max_size=4), max_leaves=12))  # fmt: skip
async def test_no_answer_brings_anything_but_a_verdict_or_our_own_error(body: Any) -> None:
    for part in ("databases", "measurements", "select", "missing"):
        try:
            proof = await probe(store(**{part: Answer(body)}))
        except LeftopenError:
            continue
        assert part != "missing" or proof.verdict is Verdict.NOT_THIS


# --- what it knows for nothing -------------------------------------------------------------------


VISITS = Collection("town.visits", handle=Where("town", "visits", ("for_years",)))
NOON = datetime(2026, 11, 22, 12)  # noqa: DTZ001  moments are UTC without a zone
HOUR = timedelta(hours=1)


def one(columns: list[Any], *rows: list[Any]) -> Answer:
    return Answer({"results": [{"series": [{"columns": columns, "values": rows}]}]})


async def known(answer: Answer, *paths: str) -> Any:
    async with connection(ENGINE, dialer(lambda _: answer)) as link:
        return await ENGINE.known(link, VISITS, paths)


async def counted(answer: Answer, begin: Any = NOON, end: Any = NOON + HOUR) -> Any:
    async with connection(ENGINE, dialer(lambda _: answer)) as link:
        return await ENGINE.count_between(link, VISITS, "time", begin, end)


@pytest.mark.parametrize("count", [0, -1, "7", None, 2**70, 7.5, True, []])
async def test_a_number_of_values_that_is_none(count: Any) -> None:
    assert await known(one(["count"], [count]), "city") == {}
    assert await known(one(["city"], [7]), "city") == {}
    assert await known(Answer({"results": [{}]}), "city") == {}


async def test_no_more_tags_are_asked_for_than_a_few_and_none_after_a_refusal() -> None:
    asked: list[str] = []

    def site(request: Asked) -> Answer:
        asked.append(request.query["q"])
        return one(["count"], [7]) if len(asked) < 100 else Answer({"error": "no"}, 403)

    async with connection(ENGINE, dialer(site)) as link:
        found = await ENGINE.known(link, VISITS, [f"tag{n}" for n in range(50)] + ["a\nb", ""])
        assert len(found) == len(asked) == 16
        asked += [""] * 100
        assert await ENGINE.known(link, VISITS, ["a", "b"]) == {}
    assert len(asked) == 117


@pytest.mark.parametrize("count", [-1, "7", None, 2**70, 7.5, True, []])
async def test_a_count_that_is_none(count: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await counted(one(["time", "count_email", "count_pulse"], ["x", 3, count]))


async def test_points_are_counted_by_the_fullest_field_of_each_policy() -> None:
    assert await counted(one(["time", "count_email", "count_pulse"], ["x", 3, 5])) == 2 * 5
    assert await counted(Answer({"results": [{}]})) == 0
    assert await counted(one(["time"], ["x"])) == 0


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (NOON, NOON), (NOON + HOUR, NOON), (NOON, NOON + 2 * HOUR), ("soon", "later"), (1, 2),
        (0.5, 0.7), (datetime(1960, 1, 1), datetime(1960, 1, 1, 0, 30)),  # noqa: DTZ001
        ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.5-14:00"),
        ("2026-11-22T12:00:00Z" * 900, NOON),
    ],
)  # fmt: skip
async def test_ranges_that_are_none_or_too_long_are_not_asked_for(begin: Any, end: Any) -> None:
    def site(asked: Asked) -> Answer:
        raise AssertionError(asked)

    async with connection(ENGINE, dialer(site)) as link:
        assert await ENGINE.count_between(link, VISITS, "time", begin, end) is None


@pytest.mark.parametrize("name", NASTY)
async def test_names_stay_names(name: str) -> None:
    text = made("SHOW TAG VALUES CARDINALITY FROM {name} WITH KEY = {name}", name, "{name}")
    assert text.endswith(' WITH KEY = "{name}"')
    path = f"/query?{urlencode({'q': text})}"
    assert request_name(path).startswith("GET /query SHOW TAG VALUES CARDINALITY")
