"""The trino engine against the scripted coordinator of its rows, and odd and hostile ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.engines import trino
from leftopen.engines.trino import ENGINE, request_name
from leftopen.errors import (
    LeftopenError,
    NotThisProtocol,
    RequestNotAllowed,
    ServerRefused,
)
from leftopen.model import Proof, Verdict
from leftopen.testing import LIMITS, connection
from tests import scripted_http
from tests.rows.row import Row
from tests.rows.trino import PEOPLE, ROWS, Coordinator
from tests.scripted_http import Answer, Asked, Site

CANARY = "canary-Ann-Lee-1980"
ID = "20240515_143022_00000_xyz12"


async def probe(site: Site) -> Proof:
    async with connection(ENGINE, scripted_http.dialer(site)) as link:
        proof = await ENGINE.probe(link)
        assert CANARY not in proof.reason
        return proof


def changed(change: Callable[[Asked, Answer], Answer | None]) -> Site:
    """The open coordinator, with some answers changed."""
    site = Coordinator()

    def answer(asked: Asked) -> Answer:
        told = site(asked)
        return change(asked, told) or told

    return answer


def with_page(**fields: Any) -> Site:
    """The open coordinator whose every page of a result has other fields."""
    return changed(lambda asked, told: Answer({**told.body, **fields}) if _is_page(asked) else None)


def _is_page(asked: Asked) -> bool:
    return asked.path.startswith("/v1/statement")


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_rows(row: Row) -> None:
    with row.serve() as target:
        async with connection(ENGINE, target) as link:
            proof = await ENGINE.probe(link)
            assert (proof.verdict, proof.can_write) == (row.verdict, row.can_write), proof
            assert link.bytes_read < 8_192
            assert set(link.requests) <= ENGINE.requests
    assert proof.product == ("presto" if row.name == "Presto" else "trino")


async def test_open_and_what_was_said() -> None:
    site = Coordinator()
    dialer = scripted_http.dialer(site)
    async with connection(ENGINE, dialer) as link:
        proof = await ENGINE.probe(link)
    assert (proof.verdict, proof.version) == (Verdict.OPEN, "435")
    assert len(set(site.users)) == 1
    assert re.fullmatch(r"leftopen-[0-9a-f]{8}", site.users[0])
    assert [s.partition(" FROM ")[2] for s in site.statements] == [
        "system.metadata.catalogs LIMIT 200",
        "system.information_schema.tables LIMIT 1",
    ]
    assert all(data.startswith((b"GET /v1/", b"POST /v1/statement ")) for data in dialer.sent)
    assert not any(
        b"Authorization" in data or b"coordinator.internal" in data for data in dialer.sent
    )
    assert {str(target.address) for target in dialer.targets} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("version", "product", "told"),
    [
        ("435", "trino", "435"),
        ("351", "trino", "351"),
        ("429-e.5", "trino", "429"),
        ("350", "presto", "350"),
        ("0.284-1a2b3c4", "presto", "0.284"),
        ("unknown", "presto", None),
    ],
)
async def test_product_and_version(version: str, product: str, told: str | None) -> None:
    proof = await probe(Coordinator(version=version, status=401))
    assert (proof.product, proof.version) == (product, told)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>Welcome</html>"),
        Answer(b"", 302, {"Location": "/ui/login"}),
        Answer(b"", 401, {"WWW-Authenticate": 'Basic realm="Tomcat"'}),
        Answer(b"", 403),
        Answer(b"", 404),
        Answer(b"", 503),
        Answer([]),
        Answer({"status": "UP"}),
        Answer({"nodeVersion": "435", "environment": "x", "coordinator": True}),
        Answer({"nodeVersion": {"version": 435}, "environment": "x", "coordinator": True}),
        Answer({"nodeVersion": {"version": "435"}, "environment": "x", "coordinator": "yes"}),
        Answer({"nodeVersion": {"version": "435"}, "coordinator": True}),
        Answer({"name": "node", "cluster_name": "x", "version": {"number": "8.1.0"}}),
        Answer(b"[" * 100_000),
    ],
)
async def test_what_is_no_trino(answer: Answer) -> None:
    assert (await probe(lambda _: answer)).verdict is Verdict.NOT_THIS


async def test_a_gate_that_names_itself() -> None:
    gate = Answer(b"", 401, {"WWW-Authenticate": 'Basic realm="Trino"'})
    assert (await probe(lambda _: gate)).verdict is Verdict.AUTH_REQUIRED


@pytest.mark.parametrize(
    ("denied", "verdict"),
    [
        (["metadata.catalogs"], Verdict.AUTH_REQUIRED),
        (["information_schema"], Verdict.OPEN_PARTIAL),
        ([], Verdict.OPEN),
    ],
)
async def test_statements_that_are_denied(denied: list[str], verdict: Verdict) -> None:
    assert (await probe(Coordinator(denied=denied))).verdict is verdict


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_a_server_in_trouble_is_undetermined(status: int) -> None:
    proof = await probe(Coordinator(status=status))
    assert proof.verdict is Verdict.UNDETERMINED
    assert str(status) in proof.reason


async def test_an_error_is_told_by_its_number_alone() -> None:
    error = {"errorCode": 65_536, "errorName": CANARY, "message": CANARY}
    proof = await probe(with_page(error=error))
    assert proof.verdict is Verdict.UNDETERMINED
    assert "error 65536" in proof.reason


async def test_a_recording_is_not_open() -> None:
    kept: dict[str, Answer] = {}
    site = Coordinator()

    def recorded(asked: Asked) -> Answer:
        key = asked.path + asked.body.decode()[:14]
        if key not in kept:
            kept[key] = site(asked)
        return kept[key]

    assert (await probe(recorded)).verdict is Verdict.OPEN
    proof = await probe(recorded)
    assert proof.verdict is Verdict.NOT_THIS
    assert "canned" in proof.reason


async def test_yes_to_everything_is_not_open() -> None:
    everything = {
        "nodeVersion": {"version": "435"}, "environment": "x", "coordinator": True, "id": ID,
        "stats": {}, "columns": [{"name": "word"}, {"name": "catalog_name"}],
        "data": [["word", "catalog_name"]],
    }  # fmt: skip
    assert (await probe(lambda _: Answer(everything))).verdict is Verdict.NOT_THIS
    assert (
        await probe(lambda _: Answer(everything | {"data": []}))
    ).verdict is Verdict.UNDETERMINED


HOST = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "following",
    [
        f"{HOST}/v1/statement/queued/20240515_143022_00009_other/ya1/1",
        f"{HOST}/v1/query/{ID}",
        f"{HOST}/v1/info/state",
        f"{HOST}/v1/statement/queued/{ID}/../../../x/1",
        f"{HOST}/v1/statement/queued/{ID}/%2e%2e/1",
        f"{HOST}/v1/statement/queued/{ID}/ya1/1?slug=a&b=c",
        f"{HOST}/v1/statement/queued/{ID}/ya1/1?maxWait=9h",
        f"{HOST}/prefix/v1/statement/queued/{ID}/ya1/1",
        f"{HOST}/v1/statement/queued/{ID}/ya1/one",
        f"{HOST}/v1/statement/queued/{ID}/ya1/1\r\nX: y",
        "http://[::1",
        "",
        5,
        {"a": 1},
    ],
)
async def test_a_next_page_is_this_statements_or_none(following: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(with_page(nextUri=following))


async def test_another_host_in_a_next_page_is_not_dialled() -> None:
    dialer = scripted_http.dialer(Coordinator(host="http://192.0.2.7:9999"))
    async with connection(ENGINE, dialer) as link:
        assert (await ENGINE.probe(link)).verdict is Verdict.OPEN
    assert {(str(t.address), t.port) for t in dialer.targets} == {("127.0.0.1", 8080)}
    assert not any(b"192.0.2.7" in data for data in dialer.sent)


async def test_results_without_end_and_of_another_statement() -> None:
    asked_for: list[str] = []

    def endless(asked: Asked, told: Answer) -> Answer | None:
        asked_for.append(asked.path)
        again = f"{HOST}/v1/statement/queued/{ID}/ya1/1"
        return Answer({**told.body, "nextUri": again}) if _is_page(asked) else None

    with pytest.raises(NotThisProtocol):
        await probe(changed(endless))
    assert len(asked_for) < 300

    def another(asked: Asked, told: Answer) -> Answer | None:
        other = ID.replace("xyz12", "zzz99")
        return Answer({**told.body, "id": other}) if "executing" in asked.path else None

    with pytest.raises(NotThisProtocol):
        await probe(changed(another))


@pytest.mark.parametrize(
    "fields",
    [
        {"id": None},
        {"id": "x/../y"},
        {"stats": None},
        {"columns": "word"},
        {"columns": [{"name": "word"}]},
        {"columns": [1, 2]},
        {"columns": [{"name": "word"}] * 9_999},
        {"data": "x"},
        {"data": [1]},
        {"data": [["a"]]},
        {"data": [["a", "b"]] * 20_001},
        {"error": "denied"},
        {"error": {"errorCode": "4"}},
        {"error": {"errorCode": True}},
    ],
)
async def test_pages_that_cannot_be(fields: dict[str, Any]) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(with_page(**fields))


@pytest.mark.parametrize(
    "tables",
    [[["hive", "a", "b"]], [["system", "", "b"]], [["system", 5, "b"]], [["system"] * 3] * 2],
)
async def test_tables_that_cannot_be(tables: list[list[Any]]) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Coordinator(tables=tables))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
async def test_any_body_is_a_verdict_or_an_error_of_ours(body: bytes) -> None:
    for site in (
        lambda _: Answer(body),
        changed(lambda asked, _: Answer(body) if _is_page(asked) else None),
    ):
        try:
            verdict = (await probe(site)).verdict
        except LeftopenError:
            continue
        assert verdict not in (Verdict.OPEN, Verdict.OPEN_PARTIAL)


# --- the names -----------------------------------------------------------------------------------


async def read(site: Site) -> dict[str, tuple[int, list[str]]]:
    """By name: the rows that were read, and the columns."""
    made = {}
    async with connection(ENGINE, scripted_http.dialer(site)) as link:
        for collection in await ENGINE.collections(link):
            assert collection.records is None
            before = link.bytes_read
            (batch,) = [b async for b in ENGINE.sample(link, collection, LIMITS)]
            assert link.bytes_read == before
            made[collection.name] = (batch.num_rows, batch.schema.names)
    return made


@pytest.mark.parametrize("version", ["435", "0.284"])
async def test_names_of_tables_and_columns_and_no_values(version: str) -> None:
    site = Coordinator(version=version, columns=[*PEOPLE, ["system", "runtime", "nodes", "x"]])
    assert await read(site) == {
        "hive.town.people": (0, ["first_name", "iban"]),
        "hive.town.visits": (0, ["at"]),
    }
    assert [s.partition(" FROM ")[2].partition(" ")[0] for s in site.statements] == [
        "system.jdbc.columns"
    ]


async def test_columns_that_are_refused_or_cannot_be() -> None:
    with pytest.raises(ServerRefused):
        await read(Coordinator(denied=["jdbc"]))
    with pytest.raises(NotThisProtocol):
        await read(Coordinator(columns=[["hive", "town", None, "a"]]))
    with pytest.raises(NotThisProtocol):
        await read(lambda _: Answer({"status": "UP"}))
    assert await read(Coordinator(columns=[])) == {}


# --- the allow-list ------------------------------------------------------------------------------


def test_what_may_be_sent_has_its_name() -> None:
    assert {
        request_name("POST", "/v1/statement", trino._CATALOGS.format(word="0" * 32)),
        request_name("POST", "/v1/statement", trino._TABLE),
        request_name("POST", "/v1/statement", trino._COLUMNS),
        request_name("GET", "/v1/info"),
        request_name("GET", f"/v1/statement/{ID}/1"),
        request_name("GET", f"/v1/statement/{ID}/ya1/1"),
        request_name("GET", f"/v1/statement/queued/{ID}/1?slug=a"),
        request_name("GET", f"/v1/statement/queued/{ID}/ya1/1"),
        request_name("GET", f"/v1/statement/executing/{ID}/1"),
        request_name("GET", f"/v1/statement/executing/{ID}/ya1/1"),
    } == ENGINE.requests


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/statement", "SELECT 1"),
        ("POST", "/v1/statement", "DROP TABLE hive.town.people"),
        ("POST", "/v1/statement", trino._TABLE + "; DROP TABLE a"),
        ("POST", "/v1/statement", trino._TABLE.replace("SELECT", "EXPLAIN ANALYZE SELECT")),
        ("POST", "/v1/statement", trino._CATALOGS.format(word="x') FROM a")),
        ("POST", "/v1/statement", "CALL system.runtime.kill_query('a')"),
        ("POST", "/v1/statement", None),
        ("POST", "/v1/info", trino._TABLE),
        ("POST", "/v1/statement?x=y", trino._TABLE),
        ("GET", "/v1/statement", None),
        ("GET", "/v1/query", None),
        ("GET", "/v1/info/state", None),
        ("GET", f"/v1/statement/queued/{ID}/a/b/1", None),
        ("GET", "/v1/info", trino._TABLE),
        ("PUT", "/v1/info/state", '"SHUTTING_DOWN"'),
        ("DELETE", f"/v1/statement/queued/{ID}/ya1/1", None),
    ],
)
def test_what_may_not_be_sent(method: str, path: str, body: str | None) -> None:
    with pytest.raises(RequestNotAllowed):
        request_name(method, path, body)
