"""The rabbitmq engine against scripted peers: other versions and products, hostile answers.

The forms are those of the API page that the server brings along (Pagination) and of
lavinmq.com/documentation (HTTP API).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engines.rabbitmq import _PATHS, ENGINE
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed
from leftopen.model import Verdict
from leftopen.testing import connection
from tests.engines.asking import prober
from tests.hostile import NASTY
from tests.scripted_http import Answer, Asked, Site, dialer

OVERVIEW = {"management_version": "3.12.1", "rabbitmq_version": "3.12.1",
            "object_totals": {"queues": 1}}  # fmt: skip
LAVIN = {"management_version": "1.3.0", "lavinmq_version": "1.3.0"}
ORDERS = {"name": "orders", "vhost": "/", "messages": 3}
FORBIDDEN = Answer({"error": "not_authorised", "reason": "Not management user"}, 401)
HTML = Answer(b"<html><body>Sign in</body></html>")
REALM = {"WWW-Authenticate": 'Basic realm="RabbitMQ Management"'}


def page(*queues: Any) -> Answer:
    return Answer({"items": list(queues), "page": 1, "page_size": 1, "page_count": 1})


def store(**replaced: Answer) -> Site:
    """An open server; `overview`, `missing`, `queues`, `who` replace its answers."""

    def site(asked: Asked) -> Answer:
        if asked.path == "/api/overview":
            return replaced.get("overview", Answer(OVERVIEW))
        if asked.path == "/api/whoami":
            return replaced.get("who", Answer({"name": "x", "tags": ["administrator"]}))
        if asked.path != "/api/queues":
            return Answer({"error": "Object Not Found", "reason": "Not Found"}, 404)
        number = asked.query["page"]
        if int(number) > 10**6:
            reason = f"Page out of range, page: {number} page size: 1, len: 2"
            lost = Answer({"error": "page_out_of_range", "reason": reason}, 400)
            return replaced.get("missing", lost)
        return replaced.get("queues", page(ORDERS) if number == "1" else page())

    return site


probe = prober(ENGINE)


async def test_open() -> None:
    proof = await probe(store())
    assert (proof.verdict, proof.version, proof.can_write) == (Verdict.OPEN, "3.12.1", "yes")


async def test_a_server_that_gives_an_empty_page_back_by_its_number() -> None:
    def site(asked: Asked) -> Answer:
        if asked.path == "/api/overview":
            return Answer(LAVIN)
        number, size = int(asked.query.get("page", 1)), int(asked.query.get("page_size", 1))
        if number > 1:
            return Answer({"items": [], "page": number, "page_size": size})
        return store(who=Answer({"name": "x", "tags": "monitoring,management"}))(asked)

    proof = await probe(site)
    assert (proof.verdict, proof.product, proof.version) == (Verdict.OPEN, "LavinMQ", "1.3.0")
    assert proof.can_write == "unknown"


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"overview": Answer(b"", 401, REALM)}, Verdict.AUTH_REQUIRED),
        ({"overview": FORBIDDEN}, Verdict.AUTH_REQUIRED),
        ({"overview": Answer(b"", 401, {"WWW-Authenticate": "Basic"})}, Verdict.AUTH_REQUIRED),
        ({"overview": Answer(b"", 401)}, Verdict.NOT_THIS),
        ({"overview": HTML}, Verdict.NOT_THIS),
        ({"overview": Answer([OVERVIEW])}, Verdict.NOT_THIS),
        ({"overview": Answer({"rabbitmq_version": "3.12.1"})}, Verdict.NOT_THIS),
        ({"overview": Answer({**OVERVIEW, "rabbitmq_version": 3})}, Verdict.NOT_THIS),
        ({"overview": Answer({"error": {"type": "x"}, "status": 400}, 400)}, Verdict.NOT_THIS),
        ({"overview": Answer(b"", 302, {"Location": "/login"})}, Verdict.NOT_THIS),
        ({"overview": Answer(b'{"a":' + b"[" * 100_000)}, Verdict.NOT_THIS),
        ({"missing": page(ORDERS)}, Verdict.NOT_THIS),
        ({"missing": page()}, Verdict.NOT_THIS),
        ({"missing": Answer({"error": "page_out_of_range", "reason": "no"}, 400)},
         Verdict.NOT_THIS),
        ({"missing": HTML}, Verdict.NOT_THIS),
        ({"missing": FORBIDDEN}, Verdict.OPEN_PARTIAL),
        ({"queues": FORBIDDEN}, Verdict.OPEN_PARTIAL),
        ({"queues": Answer({}, 503)}, Verdict.UNDETERMINED),
        ({"queues": page()}, Verdict.OPEN_PARTIAL),
        ({"queues": page(), "overview": Answer({**OVERVIEW, "object_totals": {"queues": 0}})},
         Verdict.OPEN),
        ({"queues": page(), "overview": Answer({**OVERVIEW, "object_totals": 7})}, Verdict.OPEN),
        ({"who": HTML}, Verdict.OPEN),
    ],
)  # fmt: skip
async def test_verdicts(answers: dict[str, Answer], verdict: Verdict) -> None:
    assert (await probe(store(**answers))).verdict is verdict


@pytest.mark.parametrize(
    ("tags", "can_write"),
    [(["administrator"], "yes"), ("monitoring,administrator", "yes"), (["monitoring"], "unknown"),
     ("", "unknown"), (None, "unknown"), ({"administrator": 1}, "unknown"), ([7], "unknown")],
)  # fmt: skip
async def test_who_may_write(tags: Any, can_write: str) -> None:
    assert (await probe(store(who=Answer({"name": "x", "tags": tags})))).can_write == can_write


@pytest.mark.parametrize(
    "body", [[], {}, {"items": {}}, {"items": [7]}, {"items": [{"name": "a"}]},
             {"items": [{"name": 1, "vhost": "/"}]}, {"items": [{"name": "a", "vhost": None}]}],
)  # fmt: skip
async def test_a_list_of_queues_that_is_none_is_not_this(body: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(store(queues=Answer(body)))


async def test_nothing_a_server_says_is_in_the_proof() -> None:
    for name in NASTY:
        told = {**OVERVIEW, "rabbitmq_version": name, "product_name": name}
        proof = await probe(store(overview=Answer(told)))
        assert (proof.verdict, proof.version, proof.product) == (Verdict.OPEN, None, "RabbitMQ")


async def test_pages_end_at_the_limit_whatever_comes() -> None:
    many = page(*({"name": f"q{n}", "vhost": "/", "messages": n} for n in range(100)))
    lines = dialer(store(queues=many))
    async with connection(ENGINE, lines, StoreLimits(collections=250)) as link:
        assert len(await ENGINE.collections(link)) == 250
    assert len(lines.sent) == 3


async def test_counts_that_are_none_are_left_out() -> None:
    counts: list[Any] = [None, True, -1, "3", 2**70, 1.5, 7]
    many = page(*({"name": f"q{n}", "vhost": "a", "messages": c} for n, c in enumerate(counts)))
    async with connection(ENGINE, dialer(store(queues=many))) as link:
        listed = await ENGINE.collections(link)
    assert [(q.name, q.records) for q in listed][:2] == [("a/q6", 7), ("a/q0", None)]
    assert [q.records for q in listed[1:]] == [None] * 6


async def test_queues_that_the_server_named_itself_are_left_out() -> None:
    own = {"name": "amq.gen-JzTY20BRgKO", "vhost": "/", "messages": 9}
    async with connection(ENGINE, dialer(store(queues=page(own, ORDERS)))) as link:
        assert [queue.name for queue in await ENGINE.collections(link)] == ["orders"]


@pytest.mark.parametrize(
    "path",
    ["/api/queues/%2F/orders/get", "/api/queues/%2F/orders/contents", "/api/definitions",
     "/api/users", "/api/queues/%2F/orders", "/api/login", "/api/rebalance/queues"],
)  # fmt: skip
def test_what_takes_or_writes_cannot_be_named(path: str) -> None:
    for method in ("GET", "POST"):
        with pytest.raises(RequestNotAllowed):
            _PATHS.name(method, path)
    assert all(name.startswith("GET ") for name in ENGINE.requests)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9),
                    lambda kind: st.lists(kind, max_size=3) | st.dictionaries(
                        st.sampled_from(["items", "page", "page_size", "name", "vhost", "error",
                                         "reason", "tags"]), kind, max_size=4),
                    max_leaves=12))  # fmt: skip
async def test_no_answer_brings_anything_but_a_verdict_or_our_own_error(body: Any) -> None:
    for part in ("overview", "missing", "queues", "who"):
        try:
            proof = await probe(store(**{part: Answer(body)}))
        except LeftopenError:
            continue
        if part in ("overview", "missing"):
            assert proof.verdict is Verdict.NOT_THIS
