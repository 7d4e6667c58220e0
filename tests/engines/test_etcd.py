"""The etcd engine against scripted peers: other versions, refusals, lies and hostile answers.

Answers as etcd.io/docs describes them (gRPC gateway, API reference), those of the v2 API as the
documentation of 2.3 does; error texts are those of etcd's package rpctypes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.etcd import _PATHS, ENGINE, _behind, _folder, _name, _Note, _rest
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Verdict
from leftopen.testing import connection
from tests.engines.asking import prober, reader
from tests.scripted_etcd import NOT_HERE, error_v3, etcd_v2, etcd_v3
from tests.scripted_http import Answer, Asked, Site, dialer

LIMITS = StoreLimits(bytes=16 << 20, reply_bytes=1 << 20, seconds=20, rows=500)
PAIRS = {b"/people/%d" % n: b'{"email": "p%d@example.org"}' % n for n in range(40)}
HEADER = {"cluster_id": "1", "member_id": "2", "revision": "3", "raft_term": "4"}
LINE = {"key": "YQ=="}


probe = prober(ENGINE, LIMITS)


profile = reader(ENGINE, LIMITS)


# --- versions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "gateway", "can_write"),
    [
        ("3.1.0", "/v3alpha", "unknown"),
        ("3.3.27", "/v3beta", "unknown"),
        ("3.4.23", "/v3", "unknown"),
        ("3.5.9", "/v3", "yes"),
        ("3.6.1", "/v3", "yes"),
    ],
)
async def test_every_gateway(version: str, gateway: str, can_write: str) -> None:
    proof = await probe(etcd_v3(PAIRS, version=version, gateway=gateway))
    assert (proof.verdict, proof.version, proof.can_write) == (Verdict.OPEN, version, can_write)
    proof = await probe(etcd_v3(PAIRS, version=version, gateway=gateway, locked=True))
    assert (proof.verdict, proof.version) == (Verdict.AUTH_REQUIRED, version)


async def test_empty() -> None:
    proof = await probe(etcd_v3({}))
    assert (proof.verdict, "no key" in proof.reason) == (Verdict.OPEN, True)


async def test_only_v2() -> None:
    tree = {"people": {"1": "Ann", "old": {"2": "Bob"}}, "motd": "hello", "leader": "x"}
    proof = await probe(etcd_v2(tree))
    assert (proof.verdict, proof.version, proof.can_write) == (Verdict.OPEN, "2.3.8", "yes")
    assert "holds none" in (await probe(etcd_v2({}))).reason
    assert (await probe(etcd_v2(tree, auth=True))).can_write == "unknown"
    assert (await probe(etcd_v2(tree, auth=True, guest=False))).verdict is Verdict.AUTH_REQUIRED
    read = await profile(etcd_v2(tree))
    assert set(read) == {"/people/*", "/*"}
    assert {(row["@key"], row["value"]) for row in read["/people/*"][1]} == {
        ("1", "Ann"), ("2", "Bob"),
    }  # fmt: skip
    assert {row["@key"] for row in read["/*"][1]} == {"motd", "leader"}


# --- verdicts ------------------------------------------------------------------------------------

RANGE = "/v3/kv/range"


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        (error_v3("etcdserver: user name is empty", 3), Verdict.AUTH_REQUIRED),
        (error_v3("etcdserver: invalid auth token", 16, 401), Verdict.AUTH_REQUIRED),
        (error_v3("etcdserver: permission denied", 7, 403), Verdict.AUTH_REQUIRED),
        (error_v3("etcdserver: request timed out", 14, 503), Verdict.UNDETERMINED),
        (Answer({"message": "no"}, 401, {"WWW-Authenticate": "Basic"}), Verdict.AUTH_REQUIRED),
        (Answer(b"<html>", 502), Verdict.NOT_THIS),
        (Answer(b"", 302, {"Location": "/login"}), Verdict.NOT_THIS),
        (Answer({"error": "no handler", "status": 400}, 400), Verdict.NOT_THIS),
        (Answer({"detail": "Not Found"}, 404), Verdict.NOT_THIS),
    ],
    ids=lambda value: str(value) if isinstance(value, Verdict) else repr(value.body)[:40],
)
async def test_first_answers(first: Answer, verdict: Verdict) -> None:
    proof = await probe(etcd_v3(PAIRS, said={RANGE: first}))
    assert proof.verdict is verdict, proof


@pytest.mark.parametrize(
    "body",
    [
        b"<html>welcome</html>",
        b"[" * 100_000,
        [],
        {},
        {"header": 1},
        {"header": {}},
        {"header": HEADER | {"revision": 3}},
        {"header": HEADER | {"revision": "many"}},
        {"header": HEADER, "kvs": {}},
        {"header": HEADER, "kvs": [1]},
        {"header": HEADER, "kvs": [{"key": "!!"}]},
        {"header": HEADER, "kvs": [{"key": "YQ==", "value": 1}]},
        {"header": HEADER, "kvs": [LINE], "count": "1" * 5_000},
        {"header": HEADER, "kvs": [LINE], "more": "yes"},
        {"cluster_name": "x", "version": {"number": "7.17"}, "tagline": "You Know, for Search"},
    ],
    ids=lambda body: repr(body)[:40],
)
async def test_what_is_no_range_is_no_etcd(body: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(etcd_v3(PAIRS, said={RANGE: Answer(body)}))


async def test_the_same_range_whatever_was_asked() -> None:
    canned = Answer({"header": HEADER, "kvs": [LINE], "count": "1"})
    assert (await probe(lambda _: canned)).verdict is Verdict.NOT_THIS
    empty = Answer({"header": HEADER})
    assert (await probe(lambda _: empty)).verdict is Verdict.NOT_THIS


async def test_another_cluster_answers_the_second_question() -> None:
    clusters = iter("12345")

    def site(asked: Asked) -> Answer:
        answer = etcd_v3({})(asked)
        if answer.status == 200 and "header" in answer.body:
            return Answer({"header": HEADER | {"cluster_id": next(clusters)}})
        return answer

    assert (await probe(site)).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize("make", [lambda: etcd_v3(PAIRS), lambda: etcd_v2({"a": {"b": "c"}})])
async def test_a_recording_is_not_taken_for_a_server(make: Callable[[], Site]) -> None:
    site, by_path, in_order = make(), dict[str, Answer](), list[Answer]()

    def recorded(asked: Asked) -> Answer:
        answer = site(asked)
        by_path.setdefault(asked.path, answer)
        in_order.append(answer)
        return answer

    assert (await probe(recorded)).verdict is Verdict.OPEN
    assert (
        await probe(lambda asked: by_path.get(asked.path, NOT_HERE))
    ).verdict is not Verdict.OPEN
    left = iter(in_order)
    assert (await probe(lambda _: next(left, NOT_HERE))).verdict is not Verdict.OPEN


@pytest.mark.parametrize(
    "listed",
    [
        Answer({"action": "set", "node": {}}),
        Answer({"action": "get", "node": {"dir": 1}}),
        Answer({"action": "get", "node": {"dir": True, "nodes": 3}}),
        Answer({"action": "get", "node": {"dir": True, "nodes": [3]}}),
        Answer({"action": "get", "node": {}}),
        Answer([]),
    ],
    ids=lambda answer: repr(answer.body)[:40],
)
async def test_odd_v2_lists(listed: Answer) -> None:
    tree = etcd_v2({})
    with pytest.raises(NotThisProtocol):
        await probe(lambda asked: listed if asked.path == "/v2/keys/" else tree(asked))


async def test_nothing_of_a_server_is_in_a_reason() -> None:
    words = "TELLTALE"
    for first in (error_v3(words, 3), error_v3(words, 16, 401), error_v3(words, 14, 503)):
        proof = await probe(etcd_v3(PAIRS, version=words, said={RANGE: first}))
        assert words not in repr(proof)


# --- collections and samples ---------------------------------------------------------------------


async def test_folders() -> None:
    pairs = PAIRS | {
        b"/registry/pods/default/web": b"k8s\x00\xff", b"/users/4711007/mail": b"x",
        b"plain": b"1", b"\xff\xfe": b"2", b"ann@example.org/mail": b"3", b"trailing/": b"4",
    }  # fmt: skip
    read = await profile(etcd_v3(pairs))
    assert {name: found.records for name, (found, _) in read.items()} == {
        "/people/*": 40, "/registry/pods/*": 1, "/users/*": 1, "plain": 1, "*": 3,
    }  # fmt: skip
    assert read["/registry/pods/*"][1] == [{"value": b"k8s\x00\xff", "@key": "default/web"}]
    assert len(read["/people/*"][1]) == 40


async def test_a_list_that_never_ends_is_ended() -> None:
    page = {"header": HEADER, "kvs": [LINE] * 500, "count": "9", "more": True}
    count = 0

    def site(asked: Asked) -> Answer:
        nonlocal count
        count += 1
        return Answer(page)

    async with connection(ENGINE, dialer(site), LIMITS) as link:
        assert len(await ENGINE.collections(link)) == 1
    assert count < 150


async def test_runs_too_large_for_a_reply_are_read_key_by_key() -> None:
    limits = StoreLimits(bytes=16 << 20, reply_bytes=65_536, rows=500, seconds=20)
    pairs = {b"/f/%d" % n: b"x" * 10_000 for n in range(30)} | {b"/f/x": b"x" * 100_000}
    read = await profile(etcd_v3(pairs), limits)
    assert len(read["/f/*"][1]) == 30  # all but the one that no reply may hold


async def test_refused_later() -> None:
    locked = etcd_v3(PAIRS, locked=True)
    with pytest.raises(ServerRefused):
        await profile(locked)


@given(st.binary(max_size=80))
def test_a_folder_is_a_beginning_of_its_key(key: bytes) -> None:
    folder = _folder(key)
    assert folder == key or (key.startswith(folder) and folder[-1:] in (b"", b"/", b":"))
    assert "@" not in _name(folder, [key])
    assert _rest(folder, key) == key[len(folder) :].decode("utf-8", "replace")
    if folder and folder != key:
        assert folder <= key < _behind(folder)


# --- nothing but reads ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v3/kv/put"), ("POST", "/v3/kv/deleterange"), ("POST", "/v3/kv/txn"),
        ("POST", "/v3/kv/compaction"), ("POST", "/v3/lease/grant"), ("POST", "/v3/watch"),
        ("POST", "/v3/auth/authenticate"), ("POST", "/v3/auth/user/add"),
        ("POST", "/v3/maintenance/snapshot"), ("PUT", "/v2/keys/a"), ("DELETE", "/v2/keys/a"),
        ("POST", "/v2/keys/a"), ("PUT", "/v2/auth/enable"), ("GET", "/v2/keys/../../v3/kv/put"),
    ],
)  # fmt: skip
def test_nothing_else_has_a_name(method: str, path: str) -> None:
    with pytest.raises(RequestNotAllowed):
        _PATHS.name(method, path)


WORDS = st.sampled_from(["header", "kvs", "count", "cluster_id", "code", "message", "node"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([200, 400, 401, 404, 500]))
async def test_any_json_at_all(body: Any, status: int) -> None:
    answer = Answer(json.dumps(body).encode(), status)
    try:
        proof = await probe(lambda _: answer)
    except LeftopenError:
        return
    assert proof.verdict not in (Verdict.OPEN, Verdict.OPEN_PARTIAL)


# --- what it knows for nothing -------------------------------------------------------------------


def ranges(count: Any = "3", revision: Any = "9", **more: Any) -> Site:
    """Answers every range with the same figures, and no key."""
    header = {"cluster_id": "1", "member_id": "2", "revision": revision}
    return lambda asked: Answer({"header": header, "count": count, **more})


def folder(name: bytes) -> Collection:
    return Collection(name.decode() + "*", 3, None, _Note("/v3", name, (name + b"1",)))


async def test_marks_are_the_revision_and_counts_of_folders_that_hold_no_other() -> None:
    alone = Collection("k", 1, None, _Note("/v3", b"k"))
    listed = [folder(b"/a/"), folder(b"/a/b/"), folder(b"/c/"), alone]
    async with connection(ENGINE, dialer(ranges())) as link:
        told = await ENGINE.marks(link, listed)
    assert {name: mark.records for name, mark in told.items()} == {
        "/a/*": None, "/a/b/*": 3, "/c/*": 3, "k": None,
    }  # fmt: skip
    assert {mark.changes for mark in told.values()} == {9}


async def test_v2_has_no_marks_and_nothing_to_stream() -> None:
    old = Collection("/a/*", None, None, _Note(None, b"", (), ("a",)))
    async with connection(ENGINE, dialer(ranges())) as link:
        assert await ENGINE.marks(link, [old]) == {}
        assert [b async for b in ENGINE.stream(link, old, ["@key"], link.limits)] == []


@pytest.mark.parametrize("wrong", [-1, "-1", 3, "x", None, [], "9" * 30, "\u0663"])
async def test_figures_that_are_none(wrong: Any) -> None:
    for site in (ranges(count=wrong), ranges(revision=wrong)):
        async with connection(ENGINE, dialer(site)) as link:
            with pytest.raises(NotThisProtocol):
                await ENGINE.marks(link, [folder(b"/a/")])


async def test_a_stream_gives_only_keys_of_its_folder_and_goes_on() -> None:
    """A server that gives the same page again and again is left when nothing new is in it."""
    keys = [b"/a/1", b"/a/2", b"/b/1", b"/a/x/1", b""]
    site = ranges(kvs=[{"key": base64.b64encode(key).decode()} for key in keys], more=True)
    async with connection(ENGINE, dialer(site)) as link:
        batches = [b async for b in ENGINE.stream(link, folder(b"/a/"), ["@key"], link.limits)]
    assert [row["@key"] for batch in batches for row in batch.to_pylist()] == ["1", "2"]
