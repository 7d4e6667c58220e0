"""The consul engine against a scripted agent: versions, permissions, lies and hostile answers.

Its answers are built from developer.hashicorp.com/consul/api-docs: `kv` (read key: 404 where there
is none; keys and separator; 403), `catalog` (list services), `agent` (get service configuration),
`acl/tokens` and "API structure" (the header of the default ACL policy, 1.9 on).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engines.consul import _PATHS, ENGINE, _quoted
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.testing import connection
from tests.engines.asking import prober, reader
from tests.rows.consul import PEOPLE, ROWS
from tests.rows.row import Row
from tests.scripted_consul import DENIED, TEXT, consul
from tests.scripted_http import Answer, Asked, Site

LIMITS = StoreLimits(bytes=16 << 20, reply_bytes=1 << 20, seconds=20, rows=500)
INDEXED = {"X-Consul-Index": "14", "X-Consul-Default-Acl-Policy": "allow"}
NOT_HERE = Answer(b"", 404, INDEXED)


probe = prober(ENGINE, LIMITS)


def always(answer: Answer) -> Site:
    return lambda _: answer


def in_turn(answers: Sequence[Answer]) -> Site:
    left = iter(answers)
    return lambda _: next(left, NOT_HERE)


profile = reader(ENGINE, LIMITS)


# --- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_rows(row: Row) -> None:
    with row.serve() as target:
        async with connection(ENGINE, target) as link:
            proof = await ENGINE.probe(link)
            assert (proof.verdict, proof.can_write) == (row.verdict, row.can_write), proof
            assert link.bytes_read < 4_096


async def test_open() -> None:
    reason = "keys are listed and read without a token"
    assert await probe(consul(PEOPLE)) == Proof(Verdict.OPEN, reason, "1.16.2", can_write="yes")
    assert "there are none" in (await probe(consul({}))).reason


@pytest.mark.parametrize(
    ("options", "can_write"),
    [
        ({"version": (1, 9)}, "yes"),
        ({"version": (1, 4)}, "yes"),
        ({"version": (1, 4), "acls": True}, "unknown"),
        ({"version": (0, 8)}, "yes"),
        ({"policy": "deny", "readable": [""]}, "unknown"),
    ],
)
async def test_who_may_write(options: dict[str, Any], can_write: str) -> None:
    proof = await probe(consul(PEOPLE, **options))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, can_write)


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({}, Verdict.AUTH_REQUIRED),
        ({"list_policy": True}, Verdict.AUTH_REQUIRED),
        ({"version": (1, 2)}, Verdict.AUTH_REQUIRED),
        ({"readable": ["config/"]}, Verdict.OPEN),
        ({"readable": ["config/"], "version": (1, 2)}, Verdict.OPEN),
        ({"services": ["consul"]}, Verdict.OPEN_PARTIAL),
        ({"services": ["consul"], "version": (1, 2)}, Verdict.OPEN_PARTIAL),
        (
            {"readable": ["config/"], "said": {"/v1/kv/config/a/b": Answer(DENIED, 403, TEXT)}},
            Verdict.OPEN_PARTIAL,
        ),
        (
            {"readable": ["config/"], "said": {"/v1/kv/config/": Answer([], headers=INDEXED)}},
            Verdict.OPEN_PARTIAL,
        ),
    ],
)
async def test_permissions(options: dict[str, Any], verdict: Verdict) -> None:
    proof = await probe(consul({**PEOPLE, "config/a/b": b"x"}, policy="deny", **options))
    assert proof.verdict is verdict, proof


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        (Answer(b"No cluster leader", 500, {**INDEXED, **TEXT}), Verdict.UNDETERMINED),
        (Answer(b"", 401, {"WWW-Authenticate": "Basic"}), Verdict.AUTH_REQUIRED),
        (Answer(b"<html>Permission denied</html>", 403), Verdict.NOT_THIS),
        (Answer(b"<html>welcome</html>", 200), Verdict.NOT_THIS),
        (Answer(b"", 302, {"Location": "/ui/"}), Verdict.NOT_THIS),
        (Answer(b"", 404), Verdict.NOT_THIS),
        (Answer([]), Verdict.NOT_THIS),
        (Answer({"error": "no handler found", "status": 400}, 400), Verdict.NOT_THIS),
    ],
    ids=lambda value: str(value) if isinstance(value, Verdict) else repr(value.body)[:40],
)
async def test_first_answers(first: Answer, verdict: Verdict) -> None:
    assert (await probe(consul(PEOPLE, said={"/v1/kv/": first}))).verdict is verdict


@pytest.mark.parametrize("body", [{}, [1], ["a", None], b"[" * 100_000, b"x"])
async def test_what_is_no_list_of_keys_is_no_consul(body: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(consul(PEOPLE, said={"/v1/kv/": Answer(body, headers=INDEXED)}))


async def test_the_same_whatever_was_asked() -> None:
    for canned in (Answer(["a"], headers=INDEXED), NOT_HERE, Answer(DENIED, 404, INDEXED)):
        assert (await probe(always(canned))).verdict is Verdict.NOT_THIS
    refusing = Answer(b"Permission denied", 403, TEXT)
    assert (await probe(always(refusing))).verdict is Verdict.AUTH_REQUIRED


async def test_overloaded_in_the_middle() -> None:
    busy = Answer(b"No cluster leader", 500, {**INDEXED, **TEXT})
    site = consul(PEOPLE)
    proof = await probe(lambda a: busy if a.path.startswith("/v1/kv/leftopen") else site(a))
    assert proof.verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize("version", [(1, 16), (1, 2)])
async def test_a_recording_is_not_taken_for_a_server(version: tuple[int, int]) -> None:
    site, by_path, in_order = consul(PEOPLE, version=version), dict[str, Answer](), list[Answer]()

    def recorded(asked: Asked) -> Answer:
        answer = site(asked)
        shape = "/v1/kv/x" if "leftopen" in asked.path else asked.path
        by_path.setdefault(shape, answer)
        in_order.append(answer)
        return answer

    assert (await probe(recorded)).verdict is Verdict.OPEN

    def by_shape(asked: Asked) -> Answer:
        return by_path.get("/v1/kv/x" if "leftopen" in asked.path else asked.path, NOT_HERE)

    assert (await probe(by_shape)).verdict is Verdict.NOT_THIS
    for _ in range(5):
        assert (await probe(in_turn(in_order))).verdict is Verdict.NOT_THIS


async def test_nothing_of_a_server_is_in_a_reason() -> None:
    words = b"Permission denied: TELLTALE"
    for first in (Answer(words, 403, TEXT), Answer(words, 500, {**INDEXED, **TEXT})):
        said = {"/v1/kv/": first, "/v1/agent/version": Answer({"HumanVersion": "TELLTALE"})}
        assert "TELLTALE" not in repr(await probe(consul(PEOPLE, said=said)))


# --- collections and samples ---------------------------------------------------------------------


async def test_what_is_in_it() -> None:
    pairs = {**PEOPLE, "config/mail/host": b"mx.example.org", "leader": b"\xff\x00", "none": b""}
    read = await profile(consul(pairs))
    assert {name: found.records for name, (found, _) in read.items()} == {
        "users/*": 40, "config/*": 1, "leader": 1, "none": 1,
    }  # fmt: skip
    assert read["config/*"][1] == [{"value": "mx.example.org", "@key": "mail/host"}]
    assert read["leader"][1] == [{"value": b"\xff\x00", "@key": "leader"}]
    assert read["none"][1] == [{"value": None, "@key": "none"}]
    fields = classify(pa.Table.from_pylist(read["users/*"][1]), "users/*").fields
    assert (fields["value.email"].kind, fields["value.name"].family) == ("email", "name")
    some = await profile(consul(PEOPLE), StoreLimits(rows=7))
    assert (some["users/*"][0].records, len(some["users/*"][1])) == (40, 7)


async def test_keys_that_cannot_stand_in_a_path() -> None:
    pairs = {"a/../b": b"1", "a//c": b"2", "a/d?e": b"3", "a/größe x": b"4", "\x1b[2J": b"5"}
    read = await profile(consul(pairs))
    assert {row["@key"]: row["value"] for row in read["a/*"][1]} == {
        "../b": None, "/c": None, "d?e": None, "größe x": "4",
    }  # fmt: skip


async def test_too_much_for_a_reply() -> None:
    limits = StoreLimits(bytes=16 << 20, reply_bytes=20_000, rows=500, seconds=20)
    pairs = {f"deep/{n}/{'x' * 90}": b"1" for n in range(300)}
    pairs |= {"deep/leaf": b"2", "large/1": b"x" * 30_000, "large/2": b"y"}
    read = await profile(consul(pairs), limits)
    found, rows = read["deep/*"]
    assert (found.records, rows) == (None, [{"value": "2", "@key": "leaf"}])
    assert {row["value"] for row in read["large/*"][1]} == {None, "y"}


async def test_very_many_keys_at_the_top_are_one_collection() -> None:
    read = await profile(consul({f"k{n}": b"v" for n in range(100)}))
    assert {name: (found.records, len(rows)) for name, (found, rows) in read.items()} == {
        "*": (100, 100)
    }


@pytest.mark.parametrize(
    "body",
    [{}, [], [1], [{"Key": 1, "Value": ""}], [{"Key": "a", "Value": 1}],
     [{"Key": "a", "Value": "!"}], [{"Key": "a"}], b"x"],
)  # fmt: skip
async def test_odd_values(body: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await profile(consul({"a": b"b"}, said={"/v1/kv/a": Answer(body, headers=INDEXED)}))


async def test_refused_later() -> None:
    with pytest.raises(ServerRefused):
        await profile(consul(PEOPLE, policy="deny", list_policy=True))


# --- nothing but reads ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/kv/a"), ("DELETE", "/v1/kv/a"), ("POST", "/v1/kv/a"), ("PUT", "/v1/txn"),
        ("PUT", "/v1/agent/service/register"), ("PUT", "/v1/agent/leave"), ("GET", "/v1/snapshot"),
        ("GET", "/v1/agent/monitor"), ("GET", "/v1/acl/tokens"), ("PUT", "/v1/acl/bootstrap"),
        ("GET", "/v1/kv/../acl/tokens"), ("GET", "/v1/kv/%2e%2e/acl/tokens"),
    ],
)  # fmt: skip
def test_nothing_else_has_a_name(method: str, path: str) -> None:
    with pytest.raises(RequestNotAllowed):
        _PATHS.name(method, path)


@given(st.text(max_size=40))
def test_any_key_is_asked_for_under_the_store_or_not_at_all(key: str) -> None:
    quoted = _quoted(key)
    if quoted is not None:
        name = _PATHS.name("GET", f"/v1/kv/{quoted}")
        assert name in ("GET /v1/kv/{key*}", "GET /v1/kv/{key*}/")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(JSON, st.sampled_from([200, 401, 403, 404, 500]))
async def test_any_json_at_all(body: Any, status: int) -> None:
    answer = Answer(json.dumps(body).encode(), status, INDEXED)
    try:
        proof = await probe(lambda _: answer)
    except LeftopenError:
        return
    assert proof.verdict not in (Verdict.OPEN, Verdict.OPEN_PARTIAL)
