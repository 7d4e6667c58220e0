"""The prometheus engine against scripted peers: other products, other servers, hostile answers.

VictoriaMetrics' answers are built from docs.victoriametrics.com (Prometheus querying API usage): a
number comes back as a vector of one, and X-Server-Hostname is among its headers.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.prometheus import _PATHS, ENGINE, _escaped
from leftopen.errors import BudgetSpent, LeftopenError, NotThisProtocol, RequestNotAllowed
from leftopen.model import Verdict
from leftopen.testing import connection
from tests.engines.asking import prober
from tests.hostile import NASTY
from tests.rows.prometheus import success
from tests.scripted_http import Answer, Asked, Site, dialer

NOW = 1_700_000_000.5
FLAGS = {"web.enable-admin-api": "false", "enable-feature": ""}
BUILD = {"version": "2.55.1", "goVersion": "go1.23"}
FORBIDDEN = Answer({"status": "error", "errorType": "forbidden", "error": "no"}, 403)
HTML = Answer(b"<html><body>Sign in</body></html>")


def vector(*labels: Any, value: Any = "1") -> Answer:
    listed = [{"metric": metric, "value": [NOW, value]} for metric in labels]
    return success({"resultType": "vector", "result": listed})


def store(**replaced: Answer) -> Site:
    """An open server; `number`, `up`, `labels`, `one`, `names`, `series`, `top`, `build`, `flags`
    replace its answers."""

    def site(asked: Asked) -> Answer:
        text = asked.query.get("query", "")
        answers = {
            "/api/v1/labels": ("labels", success(["__name__", "user"])),
            "/api/v1/label/__name__/values": ("names", success(["go_info", "logins", "up"])),
            "/api/v1/series": ("series", success([])),
            "/api/v1/status/buildinfo": ("build", success(BUILD)),
            "/api/v1/status/flags": ("flags", success(FLAGS)),
        }
        if asked.path == "/api/v1/query":
            if text.isdigit():
                plain = success({"resultType": "scalar", "result": [NOW, text]})
                return replaced.get("number", plain)
            if text == "topk(1,up)":
                return replaced.get("up", vector({"__name__": "up", "job": "x"}))
            kind = "top" if "__name__" in text else "one"
            return replaced.get(kind, vector({"__name__": "logins", "user": "ann"}))
        name, answer = answers.get(asked.path, ("other", Answer(b"404 page not found", 404)))
        return replaced.get(name, answer)

    return site


probe = prober(ENGINE)


async def test_open() -> None:
    proof = await probe(store())
    assert (proof.verdict, proof.version, proof.product) == (Verdict.OPEN, "2.55.1", "Prometheus")


async def test_victoriametrics() -> None:
    def site(asked: Asked) -> Answer:
        if asked.query.get("query", "").isdigit():
            number = {"metric": {}, "value": [NOW, asked.query["query"]]}
            found = {"resultType": "vector", "result": [number]}
            told = {"status": "success", "isPartial": False, "data": found}
            return Answer(told, headers={"X-Server-Hostname": "vm-1"})
        return store(build=success({"version": "2.24.0"}), flags=HTML)(asked)

    proof = await probe(site)
    assert (proof.verdict, proof.product) == (Verdict.OPEN, "VictoriaMetrics")
    assert proof.can_write == "unknown"


async def test_thanos() -> None:
    flags = success({"grpc-address": "0.0.0.0:10901"})
    proof = await probe(store(flags=flags, build=success({"version": "0.37.2", "goVersion": "x"})))
    assert (proof.verdict, proof.product, proof.version) == (Verdict.OPEN, "Thanos", "0.37.2")
    assert proof.can_write == "unknown"


NOTHING = vector()


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"up": NOTHING}, Verdict.OPEN),
        ({"up": NOTHING, "one": NOTHING}, Verdict.OPEN),
        ({"up": NOTHING, "one": FORBIDDEN}, Verdict.OPEN_PARTIAL),
        ({"up": NOTHING, "labels": success([])}, Verdict.OPEN),
        ({"up": NOTHING, "labels": success(None)}, Verdict.OPEN),
        ({"up": NOTHING, "labels": FORBIDDEN}, Verdict.OPEN_PARTIAL),
        ({"up": FORBIDDEN}, Verdict.OPEN_PARTIAL),
        ({"up": Answer({"status": "error"}, 503)}, Verdict.UNDETERMINED),
        ({"number": vector({}, value="12")}, Verdict.NOT_THIS),
        ({"number": success({"resultType": "scalar", "result": [NOW, "12"]})}, Verdict.NOT_THIS),
        ({"number": success({"resultType": "scalar", "result": [NOW, 12]})}, Verdict.NOT_THIS),
        ({"number": vector()}, Verdict.NOT_THIS),
        ({"number": FORBIDDEN}, Verdict.AUTH_REQUIRED),
        ({"number": Answer(b"Unauthorized", 401, {"WWW-Authenticate": "Basic"})},
         Verdict.AUTH_REQUIRED),
        ({"number": Answer(b"Unauthorized", 401)}, Verdict.NOT_THIS),
        ({"number": Answer({"error": {"type": "x"}, "status": 400}, 400)}, Verdict.NOT_THIS),
        ({"number": Answer(b"", 302, {"Location": "/login"})}, Verdict.NOT_THIS),
        ({"number": Answer({"status": "error", "errorType": "execution", "error": "x"}, 422)},
         Verdict.UNDETERMINED),
        ({"number": Answer({"status": "error", "errorType": "timeout"}, 503)},
         Verdict.UNDETERMINED),
    ],
)  # fmt: skip
async def test_verdicts(answers: dict[str, Answer], verdict: Verdict) -> None:
    proof = await probe(store(**answers))
    assert proof.verdict is verdict


@pytest.mark.parametrize(
    ("flags", "can_write"),
    [
        ({}, "unknown"),
        (FLAGS, "no"),
        ({**FLAGS, "web.enable-admin-api": "true"}, "yes"),
        ({**FLAGS, "web.enable-otlp-receiver": "true"}, "yes"),
        ({**FLAGS, "enable-feature": "otlp-write-receiver,agent"}, "yes"),
        ({"web.enable-admin-api": "false"}, "unknown"),
        ({"web.enable-admin-api": True, "enable-feature": 7}, "unknown"),
    ],
)
async def test_who_may_write(flags: dict[str, Any], can_write: str) -> None:
    assert (await probe(store(flags=success(flags)))).can_write == can_write


@pytest.mark.parametrize(
    "body",
    [
        [], {}, {"status": "success"}, {"status": "success", "data": {"result": []}},
        {"status": "success", "data": {"resultType": "scalar", "result": "1"}},
        {"status": "success", "data": {"resultType": "scalar", "result": ["1"]}},
        {"status": "success", "data": {"resultType": "vector", "result": [7]}},
        {"status": "success", "data": {"resultType": "vector", "result": [{"value": [1]}]}},
        {"status": "success", "data": {"resultType": "vector",
                                       "result": [{"metric": 1, "value": [1, "1"]}]}},
        {"status": "success", "data": {"resultType": "vector",
                                       "result": [{"metric": {"a": 1}, "value": [1, "1"]}]}},
    ],
)  # fmt: skip
async def test_what_is_no_answer_of_prometheus_is_not_this(body: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(store(number=Answer(body)))


async def test_pages_and_deep_json_are_not_this() -> None:
    for answer in (HTML, Answer(b'{"status":' + b"[" * 100_000)):
        with pytest.raises(NotThisProtocol):
            await probe(store(number=answer))


async def test_nothing_a_server_says_is_in_the_proof() -> None:
    for name in NASTY:
        proof = await probe(store(build=success({"version": name}), up=vector({"a": name})))
        assert (proof.verdict, proof.version, proof.product) == (Verdict.OPEN, None, None)
        assert name not in proof.reason


async def test_collections_leave_the_servers_own_out_and_end_at_the_limit() -> None:
    async with connection(ENGINE, dialer(store())) as link:
        assert [c.name for c in await ENGINE.collections(link)] == ["logins", "up"]
    many = success([f"m{n}" for n in range(5_000)])
    limits = StoreLimits(collections=7)
    async with connection(ENGINE, dialer(store(names=many)), limits) as link:
        assert len(await ENGINE.collections(link)) == 7


async def rows(site: Site, name: str = "logins", limits: StoreLimits | None = None) -> list[Any]:
    async with connection(ENGINE, dialer(site), limits or StoreLimits()) as link:
        return [b async for b in ENGINE.sample(link, Collection(name), link.limits)]


async def test_sample_ends_at_the_limit_whatever_comes() -> None:
    many = vector(*({"__name__": "logins", "user": f"u{n}"} for n in range(900)))
    (batch,) = await rows(store(top=many), limits=StoreLimits(rows=5))
    assert batch.num_rows == 5
    assert set(batch.schema.names) == {"user", "sample_value"}
    series = success([{"__name__": "logins", "user": f"u{n}"} for n in range(900)])
    (batch,) = await rows(store(top=NOTHING, series=series), limits=StoreLimits(rows=5))
    assert (batch.num_rows, batch.schema.names) == (5, ["user"])
    assert await rows(store(top=NOTHING)) == []


@pytest.mark.parametrize("series", [{"a": 1}, 7, [7], [{"a": {}}]])
async def test_a_list_of_series_that_is_none_ends_the_sample(series: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await rows(store(top=NOTHING, series=success(series)))


async def test_a_reply_over_the_limit_ends_the_sample() -> None:
    series = success([{"user": "x" * 9_000}])
    with pytest.raises(BudgetSpent):
        await rows(store(top=NOTHING, series=series), limits=StoreLimits(reply_bytes=4_096))


@pytest.mark.parametrize(
    "path",
    ["/-/quit", "/-/reload", "/api/v1/admin/tsdb/delete_series", "/api/v1/write",
     "/api/v1/admin/tsdb/snapshot", "/api/v1/query_range", "/federate", "/api/v1/query/../write"],
)  # fmt: skip
def test_what_writes_cannot_be_named(path: str) -> None:
    for method in ("GET", "POST"):
        with pytest.raises(RequestNotAllowed):
            _PATHS.name(method, path)
    assert all(name.startswith("GET ") for name in ENGINE.requests)


@given(st.text(max_size=30))
def test_any_name_stays_inside_its_quotes(name: str) -> None:
    """Read as PromQL's double-quoted strings are: a backslash takes the next character along."""
    text = _escaped(name) + '"'
    inner, at = "", 0
    while text[at] != '"':
        if text[at] == "\\":
            at += 1
            inner += {"n": "\n"}.get(text[at], text[at])
        else:
            assert text[at] != "\n"
            inner += text[at]
        at += 1
    assert (inner, at) == (name, len(text) - 1)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9),
                    lambda kind: st.lists(kind, max_size=3) | st.dictionaries(
                        st.sampled_from(["resultType", "result", "metric", "value"]), kind,
                        max_size=4), max_leaves=12))  # fmt: skip
async def test_no_answer_brings_anything_but_a_verdict_or_our_own_error(data: Any) -> None:
    for part in ("number", "up", "labels", "build", "flags"):
        try:
            proof = await probe(store(**{part: success(data)}))
        except LeftopenError:
            continue
        assert part != "number" or proof.verdict is Verdict.NOT_THIS


async def test_a_label_called_value_is_kept() -> None:
    found = vector({"__name__": "logins", "value": "ann"}, value="3")
    (batch,) = await rows(store(top=found))
    assert batch.to_pylist() == [{"value": "ann", "sample_value": "3"}]
