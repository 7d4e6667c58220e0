"""The elasticsearch engine against scripted peers: each status, and hostile answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Engine
from leftopen.engines.elasticsearch import ENGINE, request_name
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NotThisProtocol,
    RequestNotAllowed,
    ServerRefused,
)
from leftopen.model import Proof, Target, Verdict
from leftopen.net.connection import Connection
from leftopen.net.scripted import Reply, Script, ScriptedDialer

LIMITS = StoreLimits(rows=2_000)
GREETING = {
    "name": "node-1",
    "cluster_name": "town",
    "version": {"number": "7.17.9", "build_flavor": "default"},
    "tagline": "You Know, for Search",
}
LIST = [
    {"health": "green", "status": "open", "index": "people", "docs.count": "3", "store.size": "900"}
]
HTML = b"<html><body>Sign in</body></html>"


@dataclass(frozen=True)
class Page:
    """One canned reply; `body` is sent as it is if bytes, else as JSON."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    echo: bool = True  # gives X-Opaque-Id back, as both products do

    def render(self, head: str) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        lines = [f"HTTP/1.1 {self.status} Some", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        sent = re.search(r"^X-Opaque-Id: *(.+?)\r$", head, re.MULTILINE | re.IGNORECASE)
        if sent is not None and self.echo:
            lines.append(f"X-Opaque-Id: {sent.group(1)}")
        return "\r\n".join([*lines, "", ""]).encode() + body


Answer = Callable[[str, str, Any], Page]


def error(status: int, kind: str, **more: Any) -> Page:
    """An error reply as both products send it."""
    told = {"type": kind, "reason": "no", "root_cause": [{"type": kind}], **more}
    return Page(status, {"error": told, "status": status})


def found(*hits: Mapping[str, Any], timed_out: bool = False, failed: int = 0) -> Page:
    """A search reply."""
    shards = {"total": 1, "successful": 1 - failed, "skipped": 0, "failed": failed}
    listed = {"max_score": 1.0, "hits": list(hits)}
    return Page(200, {"took": 1, "timed_out": timed_out, "_shards": shards, "hits": listed})


def hit(number: int, index: str = "people", **source: Any) -> dict[str, Any]:
    return {"_index": index, "_id": f"id-{number}", "_score": 1.0, "_source": source}


def store(**pages: Page) -> Answer:
    """A whole open server; `root`, `cat`, `streams`, `search`, `missing` replace its replies."""

    def answer(method: str, path: str, body: Any) -> Page:
        plain = path.partition("?")[0]
        if plain == "/":
            return pages.get("root", Page(200, GREETING))
        if plain == "/_cat/indices":
            return pages.get("cat", Page(200, LIST))
        if plain == "/_cat/indices/.ds-*":
            return pages.get("streams", Page(200, []))
        if plain.startswith("/leftopen-"):
            name = plain.split("/")[1]
            return pages.get("missing", error(404, "index_not_found_exception", index=name))
        return pages.get("search", found(hit(1)))

    return answer


def server(answer: Answer) -> Script:
    def script(data: bytes) -> Reply:
        head, _, body = data.decode().partition("\r\n\r\n")
        method, path, _ = head.split("\r\n")[0].split(" ")
        return answer(method, path, json.loads(body) if body else None).render(head + "\r\n")

    return script


async def probe(script: Script, port: int = 9200) -> tuple[Proof, ScriptedDialer]:
    dialer = ScriptedDialer(lambda: script)
    target = Target(ip_address("127.0.0.1"), port)
    async with Connection(dialer, target, ENGINE.requests, LIMITS) as connection:
        return await ENGINE.probe(connection), dialer


async def collections(answer: Answer) -> list[Collection]:
    dialer = ScriptedDialer(lambda: server(answer))
    target = Target(ip_address("127.0.0.1"), 9200)
    async with Connection(dialer, target, ENGINE.requests, LIMITS) as connection:
        return list(await ENGINE.collections(connection))


async def sample(
    answer: Answer, collection: Collection, limits: StoreLimits = LIMITS
) -> list[pa.RecordBatch]:
    dialer = ScriptedDialer(lambda: server(answer))
    target = Target(ip_address("127.0.0.1"), 9200)
    async with Connection(dialer, target, ENGINE.requests, limits) as connection:
        return [batch async for batch in ENGINE.sample(connection, collection, limits)]


def paths(dialer: ScriptedDialer) -> list[str]:
    return [data.split(b" HTTP/1.1")[0].decode() for data in dialer.sent]


def test_it_is_an_engine() -> None:
    assert isinstance(ENGINE, Engine)
    assert ENGINE.name == "elasticsearch"


async def test_an_open_store_is_open_by_three_reads() -> None:
    proof, dialer = await probe(server(store()))
    assert proof.verdict is Verdict.OPEN
    assert (proof.product, proof.version) == ("Elasticsearch", "7.17.9")
    sent = paths(dialer)
    assert [p.partition("?")[0] for p in sent] == [
        "GET /", "GET /_cat/indices", "GET /people/_search",
    ]  # fmt: skip
    assert "size=1" in sent[2]
    assert "_source=false" in sent[2]  # no document crosses the wire for a verdict


@pytest.mark.parametrize(
    ("version", "tagline", "product", "clean"),
    [
        ({"number": "1.4.2"}, "You Know, for Search", "Elasticsearch", "1.4.2"),
        ({"number": "8.15.0"}, None, "Elasticsearch", "8.15.0"),
        ({"number": "3.1.0", "distribution": "opensearch"}, None, "OpenSearch", "3.1.0"),
        ({"number": "7.10.2"}, "The OpenSearch Project: https://x/", "OpenSearch", "7.10.2"),
        ({"number": "<script>alert(1)</script>"}, "x", "Elasticsearch", None),
        ({"number": "7.1\x1b[31m"}, "x", "Elasticsearch", "7.1"),
    ],
)
async def test_product_and_version(
    version: dict[str, str], tagline: str | None, product: str, clean: str | None
) -> None:
    greeting = {**GREETING, "version": version, "tagline": tagline}
    proof, _ = await probe(server(store(root=Page(200, greeting))))
    assert proof.verdict is Verdict.OPEN
    assert (proof.product, proof.version) == (product, clean)


_ES_CHALLENGE = {"WWW-Authenticate": 'Basic realm="security" charset="UTF-8"'}
_OS_CHALLENGE = {"WWW-Authenticate": 'Basic realm="OpenSearch Security"'}
_NGINX_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Restricted"', "Content-Type": "text/html"}
_AWS = {"Message": "User: anonymous is not authorized to perform: es:ESHttpGet"}


@pytest.mark.parametrize(
    ("page", "product"),
    [
        (error(401, "security_exception"), None),
        (error(403, "security_exception"), None),
        (replace(error(401, "security_exception"), headers=_ES_CHALLENGE), "Elasticsearch"),
        (Page(401, b"Unauthorized", _OS_CHALLENGE), "OpenSearch"),
        (Page(401, b"", _ES_CHALLENGE), "Elasticsearch"),
        (Page(401, b"", {"X-elastic-product": "Elasticsearch"}), "Elasticsearch"),
        (Page(401, {"error": "AuthenticationException[no]", "status": 401}), None),
        (Page(403, _AWS), "OpenSearch"),
    ],
)
@pytest.mark.parametrize("port", [9200, 8080])
async def test_a_refused_root_of_these_products_is_auth_required(
    page: Page, product: str | None, port: int
) -> None:
    proof, dialer = await probe(server(store(root=replace(page, echo=False))), port)
    assert proof.verdict is Verdict.AUTH_REQUIRED
    assert proof.product == product
    assert paths(dialer) == ["GET /"]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_bare_refusal_that_gives_the_opaque_id_back_is_theirs(status: int) -> None:
    proof, _ = await probe(server(store(root=Page(status, b""))), 8080)
    assert proof.verdict is Verdict.AUTH_REQUIRED


@pytest.mark.parametrize(
    ("page", "port", "verdict"),
    [
        (Page(401, HTML, _NGINX_CHALLENGE), 9200, Verdict.AUTH_REQUIRED),
        (Page(401, HTML, _NGINX_CHALLENGE), 8080, Verdict.NOT_THIS),
        (Page(401, HTML), 9200, Verdict.NOT_THIS),
        (Page(403, HTML, _NGINX_CHALLENGE), 9200, Verdict.NOT_THIS),
        (Page(401, {"message": "no API key found"}), 9200, Verdict.NOT_THIS),
        (Page(401, {"error": "unauthorized"}), 8080, Verdict.NOT_THIS),
        (Page(403, {"error": {"code": 403}}), 8080, Verdict.NOT_THIS),
    ],
)
async def test_any_web_server_can_say_401(page: Page, port: int, verdict: Verdict) -> None:
    proof, _ = await probe(server(store(root=replace(page, echo=False))), port)
    assert proof.verdict is verdict
    assert proof.product is None


@pytest.mark.parametrize(
    ("page", "verdict"),
    [
        (Page(401, b"Unauthorized"), Verdict.OPEN_PARTIAL),
        (error(403, "security_exception"), Verdict.OPEN_PARTIAL),
        (Page(403, HTML), Verdict.OPEN_PARTIAL),
        (error(403, "cluster_block_exception"), Verdict.UNDETERMINED),
        (error(429, "circuit_breaking_exception"), Verdict.UNDETERMINED),
        (error(503, "cluster_block_exception"), Verdict.UNDETERMINED),
        (error(400, "illegal_argument_exception"), Verdict.UNDETERMINED),
        (Page(302, b"", {"Location": "http://192.0.2.1/login"}), Verdict.UNDETERMINED),
        (Page(500, HTML), Verdict.UNDETERMINED),
    ],
)
@pytest.mark.parametrize("step", ["cat", "search"])
async def test_an_open_root_with_a_closed_gate(step: str, page: Page, verdict: Verdict) -> None:
    proof, dialer = await probe(server(store(**{step: page})))
    assert proof.verdict is verdict
    assert proof.version == "7.17.9"
    assert len(dialer.sent) == (2 if step == "cat" else 3)


@pytest.mark.parametrize(
    "page",
    [
        Page(200, HTML, {"Content-Type": "text/html"}),
        Page(404, HTML),
        Page(400, b"The plain HTTP request was sent to HTTPS port"),
        Page(301, b"", {"Location": "https://192.0.2.1:9200/"}),
        Page(302, b"", {"Location": "/login"}),
        Page(307, GREETING, {"Location": "http://192.0.2.1:9200/"}),
        Page(200, {}), Page(200, []), Page(200, None), Page(200, "ok"), Page(200, b""),
        Page(200, {"version": "7.1"}), Page(200, {"version": {"number": 7}, "tagline": "x"}),
        Page(200, {"version": {"number": "7.1.0"}}),
        Page(200, {"version": {"number": "7.1.0"}, "cluster_name": ["x"], "tagline": {}}),
        Page(502, HTML), Page(503, HTML),
        Page(200, b"[" * 100_000), Page(200, b'{"version":' * 100_000),
        Page(418, GREETING["tagline"]),
    ],
)  # fmt: skip
async def test_other_web_servers_are_not_this(page: Page) -> None:
    proof, dialer = await probe(server(store(root=replace(page, echo=False))))
    assert proof.verdict is Verdict.NOT_THIS
    assert paths(dialer) == ["GET /"]
    assert {target.port for target in dialer.targets} == {9200}


@pytest.mark.parametrize(
    ("page", "port", "verdict"),
    [
        (Page(503, b"OpenSearch Security not initialized."), 8080, Verdict.UNDETERMINED),
        (error(503, "master_not_discovered_exception"), 8080, Verdict.UNDETERMINED),
        (error(429, "es_rejected_execution_exception"), 8080, Verdict.UNDETERMINED),
        (Page(503, GREETING), 8080, Verdict.UNDETERMINED),
        (Page(429, b"slow down"), 9200, Verdict.UNDETERMINED),
        (Page(429, b"slow down"), 8080, Verdict.NOT_THIS),
        (Page(502, b"bad gateway"), 8080, Verdict.NOT_THIS),
    ],
)
async def test_overload_is_undetermined(page: Page, port: int, verdict: Verdict) -> None:
    proof, _ = await probe(server(store(root=replace(page, echo=False))), port)
    assert proof.verdict is verdict


@pytest.mark.parametrize(
    "body",
    [
        GREETING, {}, [], LIST, HTML, b"", b"null",
        {**GREETING, "hits": {"hits": [hit(1)]}, "_shards": {"failed": 0}, "timed_out": False},
    ],
)  # fmt: skip
@pytest.mark.parametrize("echo", [True, False])
async def test_the_same_body_to_anything_is_not_this(body: Any, echo: bool) -> None:
    def answer(method: str, path: str, _: Any) -> Page:
        return Page(200, body, echo=echo)

    try:
        proof, _ = await probe(server(answer))
    except NotThisProtocol:
        return
    assert proof.verdict is Verdict.NOT_THIS


async def test_canned_replies_by_path_are_not_taken_for_a_server() -> None:
    root = Page(200, GREETING, echo=False)
    proof, dialer = await probe(server(store(root=root, missing=found(hit(1)))))
    assert proof.verdict is Verdict.NOT_THIS
    asked = [p.partition("?")[0] for p in paths(dialer)]
    assert re.fullmatch(r"GET /leftopen-[0-9a-f]{24}/_search", asked[3])


@pytest.mark.parametrize("missing", [error(404, "index_not_found_exception"), Page(404, HTML)])
async def test_a_404_that_does_not_name_the_index_proves_nothing(missing: Page) -> None:
    root = Page(200, GREETING, echo=False)
    proof, _ = await probe(server(store(root=root, missing=missing)))
    assert proof.verdict is Verdict.NOT_THIS


async def test_behind_a_proxy_that_strips_headers_a_server_is_still_open() -> None:
    proof, _ = await probe(server(store(root=Page(200, GREETING, echo=False))))
    assert proof.verdict is Verdict.OPEN


async def test_two_probes_never_ask_with_the_same_token() -> None:
    tokens = set()
    for _ in range(3):
        _, dialer = await probe(server(store()))
        sent = re.search(rb"(?i)x-opaque-id: (\S+)", dialer.sent[0])
        assert sent is not None
        tokens.add(sent.group(1))
    assert len(tokens) == 3


async def test_an_empty_store_is_open_and_said_to_be_empty() -> None:
    proof, dialer = await probe(server(store(cat=Page(200, []), search=found())))
    assert proof.verdict is Verdict.OPEN
    assert "empty" in proof.reason
    assert paths(dialer)[-1].startswith("GET /_search?")


async def test_documents_that_no_search_gives_are_not_open() -> None:
    proof, _ = await probe(server(store(search=found())))
    assert proof.verdict is Verdict.OPEN_PARTIAL


@pytest.mark.parametrize("broken", [found(timed_out=True), found(failed=1)])
async def test_a_search_that_was_broken_off_is_undetermined(broken: Page) -> None:
    proof, _ = await probe(server(store(search=broken)))
    assert proof.verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize(
    "page",
    [
        Page(200, {}), Page(200, []), Page(200, HTML), Page(200, {"hits": []}),
        Page(200, {"hits": {"hits": [hit(1)]}}),
        Page(200, {"hits": {"hits": {}}, "_shards": {}}),
        found({"_id": "1"}), found({"_index": "people"}),
        found({"_index": "people", "_id": 7}),
        found({"_index": "people", "_id": "1", "_source": []}),
        found(hit(1, index="another")),
    ],
)  # fmt: skip
async def test_a_search_reply_that_is_none_proves_nothing(page: Page) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(server(store(search=page)))


@pytest.mark.parametrize(
    "body", [{}, HTML, b"green open people", ["people"], [{"name": "people"}], [{"index": 7}], b"["]
)
async def test_a_list_that_is_none_proves_nothing(body: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(server(store(cat=Page(200, body))))


async def test_a_list_too_long_for_a_verdict_is_not_needed() -> None:
    long = [{"index": f"i-{n}", "docs.count": "1"} for n in range(260_000)]
    proof, dialer = await probe(server(store(cat=Page(200, long))))
    assert proof.verdict is Verdict.OPEN
    assert paths(dialer)[-1].startswith("GET /_search?")


async def test_it_reads_the_largest_index_that_can_be_read() -> None:
    lines = [
        {"index": ".kibana", "status": "open", "docs.count": "9999"},
        {"index": "shut", "status": "close", "docs.count": "999"},
        {"index": "broken", "status": "open", "health": "red", "docs.count": "999"},
        {"index": "small", "status": "open", "docs.count": "2"},
        {"index": "people", "status": "open", "docs.count": "10"},
        {"index": "empty", "status": "open", "docs.count": "0"},
        {"index": "odd", "status": "open", "docs.count": None},
    ]
    proof, dialer = await probe(server(store(cat=Page(200, lines))))
    assert proof.verdict is Verdict.OPEN
    assert paths(dialer)[-1].startswith("GET /people/_search?")


EVIL = [
    "../_shutdown", "..", ".", "a/../b", "people/_delete_by_query", "*", "_all", "a,b", "-people",
    "+x", "_cluster", "a?b", "a#b", "a b", "a\r\nHost: x", "a\x00b", "\u202eabc", "a\\b", '"a"',
    "<script>", "remote:index", "", "x" * 256, "\ud800",
]  # fmt: skip


async def test_names_that_could_break_out_of_a_path_are_never_used() -> None:
    lines = [{"index": name, "docs.count": "99999"} for name in EVIL] + LIST
    listed = store(cat=Page(200, lines))
    proof, dialer = await probe(server(listed))
    assert proof.verdict is Verdict.OPEN
    assert paths(dialer)[-1].startswith("GET /people/_search?")
    assert [c.name for c in await collections(listed)] == ["people"]


@pytest.mark.parametrize("name", EVIL)
async def test_nor_are_they_sampled(name: str) -> None:
    asked: list[str] = []

    def answer(method: str, path: str, body: Any) -> Page:
        asked.append(path)
        return found()

    with pytest.raises(RequestNotAllowed):
        await sample(answer, Collection(name))
    assert asked == []


@pytest.mark.parametrize("name", ["людь", "名簿", "a{b}", "a'b", "a&b=c", "ann.lee@x.org"])
async def test_unusual_names_arrive_as_they_are(name: str) -> None:
    asked: list[str] = []

    def answer(method: str, path: str, body: Any) -> Page:
        asked.append(path)
        return found(hit(1, index=name))

    batches = await sample(answer, Collection(name))
    assert batches[0].num_rows == 1
    assert re.fullmatch(r"/[A-Za-z0-9%._~-]+/_search", asked[0])


async def test_collections_are_open_indices_and_data_streams() -> None:
    lines = [
        {"index": "people", "status": "open", "docs.count": "3", "store.size": "900"},
        {"index": ".security-7", "status": "open", "docs.count": "50", "store.size": "1"},
        {"index": "shut", "status": "close", "docs.count": None, "store.size": None},
        {"index": "odd", "status": "open", "docs.count": "-1", "store.size": "9" * 40},
    ]
    behind = [
        {"index": ".ds-traces-2024.05.01-000001", "docs.count": "70", "store.size": "7"},
        {"index": ".ds-traces-2024.05.02-000002", "docs.count": "30", "store.size": "3"},
        {"index": ".ds-old-000001", "docs.count": "1", "store.size": "5"},
        {"index": ".ds-_all-000001", "docs.count": "1", "store.size": "5"},
        {"index": ".kibana", "docs.count": "1", "store.size": "5"},
    ]
    told = await collections(store(cat=Page(200, lines), streams=Page(200, behind)))
    assert [(c.name, c.records, c.bytes) for c in told] == [
        ("traces", 100, 10),
        ("people", 3, 900),
        ("old", 1, 5),
        ("odd", None, None),
    ]


async def test_servers_without_data_streams_list_their_indices() -> None:
    told = await collections(store(streams=error(400, "invalid_index_name_exception")))
    assert [c.name for c in told] == ["people"]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_a_refused_list_raises_with_its_number_only(status: int) -> None:
    with pytest.raises(ServerRefused) as refused:
        await collections(store(cat=error(status, "canary-4711")))
    assert refused.value.code == str(status)
    assert "canary" not in str(refused.value)


def shelf(count: int, size: int = 20, *, most: int = 10_000) -> tuple[Answer, list[Any]]:
    """A store of `count` documents of about `size` bytes, given in pages; and what was asked."""
    asked: list[Any] = []

    def answer(method: str, path: str, body: Any) -> Page:
        assert method == "POST"
        asked.append(body)
        start, end = body["from"], body["from"] + body["size"]
        assert end <= most
        return found(*(hit(n, name="x" * size) for n in range(start, min(end, count))))

    return answer, asked


async def test_a_sample_is_drawn_at_random_and_bounded_at_the_server() -> None:
    answer, asked = shelf(10_000)
    limits = replace(LIMITS, rows=2_500)
    batches = await sample(answer, Collection("people", 10_000, 10_000 * 20), limits)
    assert sum(batch.num_rows for batch in batches) == 2_500
    ids = [value for batch in batches for value in batch.column("_id").to_pylist()]
    assert len(set(ids)) == 2_500
    seeds = {body["query"]["function_score"]["random_score"]["seed"] for body in asked}
    assert len(seeds) == 1  # one order, paged through
    for body in asked:
        assert body["size"] <= 1_000
        assert body["terminate_after"] == 50_000
        assert float(body["timeout"].removesuffix("ms")) / 1_000 < limits.silence


async def test_each_sample_has_a_seed_of_its_own() -> None:
    answer, asked = shelf(5)
    for _ in range(3):
        await sample(answer, Collection("people", 5, 100))
    assert len({b["query"]["function_score"]["random_score"]["seed"] for b in asked}) == 3


async def test_pages_shrink_where_documents_are_larger_than_the_list_said() -> None:
    answer, asked = shelf(1_000, size=5_000)
    limits = replace(LIMITS, reply_bytes=400_000)
    batches = await sample(answer, Collection("people", 1_000, 20_000), limits)
    rows = sum(batch.num_rows for batch in batches)
    assert 20 <= rows <= 80
    assert [body["size"] for body in asked[:2]] == [1_000, 125]


async def test_a_document_over_the_limit_is_said_to_be_so() -> None:
    answer, asked = shelf(1_000, size=50_000)
    with pytest.raises(BudgetSpent):
        await sample(
            answer, Collection("people", 1_000, 20_000), replace(LIMITS, reply_bytes=9_999)
        )
    assert asked[-1]["size"] == 1


async def test_a_collection_costs_at_most_one_replys_worth() -> None:
    answer, _ = shelf(10_000, size=2_000)
    limits = replace(LIMITS, rows=10_000, reply_bytes=300_000)
    batches = await sample(answer, Collection("people", 10_000, 10_000 * 2_000), limits)
    assert sum(batch.num_rows for batch in batches) * 2_000 <= 300_000


async def test_old_servers_give_their_first_documents() -> None:
    inner, asked = shelf(30)

    def answer(method: str, path: str, body: Any) -> Page:
        if "function_score" in body["query"]:
            return error(400, "parsing_exception")
        return inner(method, path, body)

    batches = await sample(answer, Collection("people", 30, 600))
    assert sum(batch.num_rows for batch in batches) == 30
    assert asked[0]["query"] == {"match_all": {}}
    assert "terminate_after" not in asked[0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 503])
async def test_a_refused_sample_raises_with_its_number_only(status: int) -> None:
    page = error(status, "canary-4711")
    with pytest.raises(ServerRefused) as refused:
        await sample(lambda *_: page, Collection("people", 3, 900))
    assert refused.value.code == str(status)


async def test_a_server_that_gives_the_same_page_for_ever_is_left() -> None:
    same = found(*(hit(n, name="x") for n in range(50)))
    batches = await sample(lambda *_: same, Collection("people"), replace(LIMITS, rows=200))
    assert sum(batch.num_rows for batch in batches) == 50


async def test_more_documents_than_were_asked_for_are_not_kept() -> None:
    flood = found(*(hit(n, name="x") for n in range(5_000)))
    batches = await sample(lambda *_: flood, Collection("people", 9, 90), replace(LIMITS, rows=10))
    assert sum(batch.num_rows for batch in batches) == 10


async def test_columns_are_paths_and_hold_the_id() -> None:
    nested = hit(1, name="Ann", addresses=[{"city": "Ulm"}, {"city": "Bonn"}])
    page = found(nested, {"_index": "people", "_id": "ann.lee@example.org"})  # without _source
    batches = await sample(lambda *_: page, Collection("people", 2, 200))
    assert batches[0].column("addresses[].city").to_pylist() == [["Ulm", "Bonn"], None]
    assert batches[0].column("_id").to_pylist() == ["id-1", "ann.lee@example.org"]


async def test_hostile_field_names_and_values_stay_data() -> None:
    source = {"\x1b[2J": "\x00", "<b>": "=cmd()", "\ud800": "\udfff", "_id": "forged"}
    page = found(hit(1, **source))
    batches = await sample(lambda *_: page, Collection("people", 1, 100))
    assert batches[0].column("_id").to_pylist() == ["id-1"]
    assert batches[0].num_columns == 4


async def test_documents_that_nest_without_end_are_bounded() -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    shell = json.dumps(found({**hit(1), "_source": "@"}).body).encode()
    page = Page(200, shell.replace(b'"@"', deep))
    with pytest.raises(NotThisProtocol):
        await sample(lambda *_: page, Collection("people", 1, 100))


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * (9 << 20),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
        b"* OK IMAP ready\r\n",
        b"\xff" * 100,
    ],
    ids=["short", "flood", "headers", "banner", "binary"],
)
async def test_hostile_bytes_end_in_an_error(reply: bytes) -> None:
    with pytest.raises(LeftopenError):
        await probe(lambda _: (reply, None))


async def test_an_echo_is_not_this() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: data)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/", "GET /"),
        ("GET", "/_cat/indices?format=json", "GET /_cat/indices"),
        ("GET", "/_cat/indices/.ds-*?h=index", "GET /_cat/indices/.ds-*"),
        ("GET", "/_search?size=1", "GET /_search"),
        ("GET", "/people/_search?size=1", "GET /{index}/_search"),
        ("POST", "/people/_search", "POST /{index}/_search"),
        ("POST", "/%E5%90%8D/_search", "POST /{index}/_search"),
    ],
)
def test_the_name_of_a_request_is_taken_from_what_is_sent(
    method: str, path: str, name: str
) -> None:
    assert request_name(method, path) == name


def test_every_name_on_the_list_is_reachable_and_a_read() -> None:
    assert ENGINE.requests == {
        "GET /", "GET /_cat/indices", "GET /_cat/indices/.ds-*",
        "GET /_search", "GET /{index}/_search", "POST /{index}/_search", "POST /_search/scroll",
        "GET /{index}/_field_caps", "GET /_stats/indexing", "GET /_nodes/_local/jvm",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/people"), ("DELETE", "/people"), ("DELETE", "/"), ("POST", "/"), ("HEAD", "/"),
        ("POST", "/_search"), ("POST", "/_cat/indices"), ("POST", "/people/_doc"),
        ("POST", "/people/_delete_by_query"), ("POST", "/people/_search/template"),
        ("GET", "/people"), ("GET", "/_all/_search"), ("GET", "/*/_search"),
        ("GET", "/a,b/_search"),
        ("GET", "/_cluster/settings"), ("POST", "/_bulk"), ("POST", "/people/_close"),
        ("POST", "/../_search"), ("POST", "/%2e%2e/_search"), ("POST", "/a%2F_x/_search"),
        ("POST", "/%2A/_search"), ("POST", "/{index}/_search"), ("GET", "/_search/scroll"),
        ("POST", "/people/_search#"), ("POST", "//people/_search"), ("GET", "/people/_search/"),
        ("GET", "http://192.0.2.1/people/_search"), ("GET", ""), ("get", "/"),
        ("POST", "/people/_search\r\nX: y"), ("GET", "/_cat/indices/people"),
    ],
)  # fmt: skip
def test_all_else_is_refused(method: str, path: str) -> None:
    with pytest.raises(RequestNotAllowed):
        request_name(method, path)


@given(st.text(), st.text(max_size=40))
def test_no_path_is_taken_for_another(method: str, path: str) -> None:
    try:
        name = request_name(method, path)
    except RequestNotAllowed:
        return
    assert name in ENGINE.requests
    assert name.split(" ")[0] == method


_Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(root=_Json, cat=_Json, search=_Json, status=st.sampled_from([200, 301, 401, 403, 404, 503]))
async def test_no_json_makes_it_fail_or_open(root: Any, cat: Any, search: Any, status: int) -> None:
    """Whatever the bodies: a verdict or an error of ours; OPEN never without a search reply."""
    pages = {"cat": Page(200, cat), "search": Page(200, search)}
    for answer in (store(root=Page(status, root), **pages), store(**pages)):
        try:
            proof, _ = await probe(server(answer))
        except LeftopenError:
            continue
        assert proof.verdict is not Verdict.OPEN
