"""The zookeeper engine against scripted peers: refusals, cut and overlong frames, lies.

Frames as zookeeper.jute has them, errors by their numbers in KeeperException.Code.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engines import _zookeeper_wire as wire
from leftopen.engines.zookeeper import ENGINE
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NotThisProtocol,
    PeerClosed,
    RequestNotAllowed,
    ServerRefused,
)
from leftopen.model import OptIn, Proof, Verdict
from leftopen.net.scripted import Reply, ScriptedDialer
from leftopen.testing import connection

LIMITS = StoreLimits(bytes=8 << 20, reply_bytes=1 << 20, seconds=20, rows=500)
SESSION = OptIn(session=True)
TREE = {"/": ["a", "zookeeper"], "/a": ["b"], "/a/b": [], "/zookeeper": []}
SRVR = b"Zookeeper version: 3.4.14-x, built on 03/06/2019\nLatency min/avg/max: 0/0/0\n"
ACCEPTED = struct.pack(">iiqi16s?", 0, 10_000, 77, 16, b"p" * 16, False)
Answer = bytes | int  # a record, or the number of an error


def text(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


def stat(size: int = 3) -> bytes:
    return struct.pack(">qqqqiiiqiiq", 1, 1, 0, 0, 0, 0, 0, 0, size, 1, 1)


def acl(permissions: int, who: bytes = b"anyone") -> bytes:
    return struct.pack(">ii", 1, permissions) + text(b"world") + text(who) + stat()


def names(*listed: str) -> bytes:
    return struct.pack(">i", len(listed)) + b"".join(text(name.encode()) for name in listed)


def framed(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


class FakeZooKeeper:
    """A server with the nodes of TREE, each with data `Ann`. `said` says otherwise: by request
    name, or by name and path; `whole` what the bytes of every reply become."""

    def __init__(
        self,
        said: Mapping[Any, Answer] | None = None,
        *,
        word: bytes = SRVR,
        accepted: bytes = ACCEPTED,
        whole: Callable[[bytes], bytes] = lambda reply: reply,
        piece: int | None = None,
    ) -> None:
        self.said, self.word, self.accepted = said or {}, word, accepted
        self.whole, self.piece = whole, piece

    def __call__(self, data: bytes) -> list[Reply]:
        name = wire.request_name(data)
        if name == "srvr":
            return [self.word, None]
        told = self.accepted if name == "connect" else self.whole(self._reply(name, data))
        told = framed(told)
        size = self.piece or len(told)
        return [told[at : at + size] for at in range(0, len(told), size)]

    def _reply(self, name: str, data: bytes) -> bytes:
        number = struct.unpack_from(">i", data, 4)[0]
        path = ""
        if name != "closeSession":
            size = struct.unpack_from(">i", data, 12)[0]
            path = data[16 : 16 + size].decode()
        answer = self.said.get((name, path), self.said.get(name, self._honest(name, path)))
        if isinstance(answer, int):
            return struct.pack(">iqi", number, 9, answer)
        return struct.pack(">iqi", number, 9, 0) + answer

    def _honest(self, name: str, path: str) -> Answer:
        if name == "closeSession":
            return b""
        if path not in TREE:
            return -101
        return {
            "getChildren": names(*TREE[path]),
            "exists": stat(),
            "getACL": acl(31),
            "getData": text(b"Ann") + stat(),
        }[name]


def link(script: Any, limits: StoreLimits = LIMITS, opt_in: OptIn = SESSION) -> Any:
    return connection(ENGINE, ScriptedDialer(lambda: script), limits, opt_in=opt_in)


async def probe(script: Any, opt_in: OptIn = SESSION) -> Proof:
    async with link(script, opt_in=opt_in) as opened:
        proof: Proof = await ENGINE.probe(opened)
        return proof


# --- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [None, 1, 5])
async def test_open(piece: int | None) -> None:
    proof = await probe(FakeZooKeeper(piece=piece))
    assert (proof.verdict, proof.version, proof.can_write) == (Verdict.OPEN, "3.4.14", "yes")


@pytest.mark.parametrize(
    ("word", "version"),
    [
        (SRVR, "3.4.14"),
        (b"srvr is not executed because it is not in the whitelist.\n", None),
        (b"This ZooKeeper instance is not currently serving requests\n", None),
    ],
)
async def test_words_prove_nothing(word: bytes, version: str | None) -> None:
    proof = await probe(FakeZooKeeper(word=word), OptIn())
    assert (proof.verdict, proof.version) == (Verdict.UNDETERMINED, version)
    assert (await probe(FakeZooKeeper(word=word))).verdict is Verdict.OPEN


@pytest.mark.parametrize(
    "word",
    [
        b"srvr", b"+OK\r\n", b"ERROR\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x15\x03\x01\x00\x02", b"Zookeeper version: \x1b[2J\n",
        b"Zookeeper version: 3.8.0" + b"x" * 9_000 + b"\n", b"\0" * 64,
    ],
)  # fmt: skip
async def test_other_words_are_no_zookeeper(word: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeZooKeeper(word=word))


@pytest.mark.parametrize(
    ("said", "verdict", "can_write"),
    [
        ({"getChildren": -102}, Verdict.AUTH_REQUIRED, "unknown"),
        ({"getChildren": -124}, Verdict.AUTH_REQUIRED, "unknown"),
        ({"getChildren": -112}, Verdict.UNDETERMINED, "unknown"),
        ({"getChildren": names("zookeeper")}, Verdict.OPEN, "yes"),
        ({"getData": -102}, Verdict.OPEN_PARTIAL, "yes"),
        ({"getACL": acl(1)}, Verdict.OPEN, "no"),
        ({"getACL": acl(31, b"ann")}, Verdict.OPEN, "no"),
        ({"getACL": acl(1), ("getACL", "/a"): acl(2)}, Verdict.OPEN, "yes"),
        ({"getACL": -102}, Verdict.OPEN, "unknown"),
        ({("exists", "/a"): stat(1 << 20)}, Verdict.OPEN, "yes"),
        ({("exists", "/a"): -101}, Verdict.OPEN, "yes"),
    ],
)
async def test_what_a_session_brings(said: Any, verdict: Verdict, can_write: str) -> None:
    proof = await probe(FakeZooKeeper(said))
    assert (proof.verdict, proof.can_write) == (verdict, can_write)


async def test_no_session() -> None:
    none = struct.pack(">iiqi16s?", 0, 0, 0, 16, bytes(16), False)
    assert (await probe(FakeZooKeeper(accepted=none))).verdict is Verdict.UNDETERMINED
    old = FakeZooKeeper(accepted=ACCEPTED[:-1])  # before 3.4: no read-only flag
    assert (await probe(old)).verdict is Verdict.OPEN


@pytest.mark.parametrize("accepted", [b"", b"x" * 36, ACCEPTED + b"x", ACCEPTED[:20], b"\0" * 65])
async def test_odd_answers_to_a_connect(accepted: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeZooKeeper(accepted=accepted))


@pytest.mark.parametrize(
    "said",
    [
        {"getChildren": b""},
        {"getChildren": struct.pack(">i", 2**31 - 1)},
        {"getChildren": struct.pack(">i", -2)},
        {"getChildren": struct.pack(">ii", 1, -5)},
        {"getChildren": names("a") + b"more"},
        {"getACL": struct.pack(">i", 2**30)},
        {"getACL": acl(31)[:-1]},
        {("exists", "/a"): stat()[:-1]},
        {"exists": stat()},  # the node that cannot be there, too
        {"getData": struct.pack(">i", 99) + b"x"},
        {"getData": text(b"Ann")},
    ],
)
async def test_records_that_are_none(said: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeZooKeeper(said))


async def test_another_number_or_an_overlong_frame() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeZooKeeper(whole=lambda reply: b"\0\0\0\1" + reply[4:]))
    with pytest.raises(NotThisProtocol):
        await probe(FakeZooKeeper(whole=lambda reply: reply[:12]))

    def huge(data: bytes) -> list[Reply]:
        if wire.request_name(data) != "getChildren":
            return FakeZooKeeper()(data)
        return [struct.pack(">i", 2**31 - 1)]

    with pytest.raises(BudgetSpent):
        await probe(huge)


async def test_a_recording_is_not_taken_for_a_server() -> None:
    honest, kept = FakeZooKeeper(), dict[str, list[Reply]]()

    def recorded(data: bytes) -> list[Reply]:
        return kept.setdefault(wire.request_name(data), honest(data))

    assert (await probe(lambda data: honest(data))).verdict is Verdict.OPEN
    for _ in range(2):  # while it is made, and when it is played back
        with pytest.raises((NotThisProtocol, PeerClosed)):
            await probe(recorded)


# --- collections and samples ---------------------------------------------------------------------


async def test_what_is_in_it() -> None:
    async with link(FakeZooKeeper({("getData", "/a"): -102})) as opened:
        (collection,) = await ENGINE.collections(opened)
        assert (collection.name, collection.records) == ("/a/*", 2)
        rows = [r async for b in ENGINE.sample(opened, collection, LIMITS) for r in b.to_pylist()]
    assert sorted(rows, key=str) == [{"value": "Ann", "@key": "b"}, {"value": None, "@key": ""}]


async def test_a_tree_without_a_bottom_is_left() -> None:
    fake = FakeZooKeeper({"getChildren": names(*(f"n{n}" for n in range(40)))})
    async with link(fake) as opened:
        found = await ENGINE.collections(opened)
    assert len(found) == 40
    assert sum(len(c.handle.nodes) for c in found) <= 5_000
    assert {c.records for c in found} == {None}


async def test_names_that_are_no_names() -> None:
    odd = names("..", ".", "", "a/b", "line\nbreak", "\u202egnp.exe", "größe")
    async with link(FakeZooKeeper({("getChildren", "/"): odd})) as opened:
        assert [c.name for c in await ENGINE.collections(opened)] == ["/größe"]


async def test_refused_where_the_nodes_are_not_given() -> None:
    async with link(FakeZooKeeper({"getChildren": -102})) as opened:
        with pytest.raises(ServerRefused) as refused:
            await ENGINE.collections(opened)
    assert refused.value.code == "-102"


# --- nothing but reads ---------------------------------------------------------------------------


def request(kind: int, rest: bytes = b"", number: int = 1) -> bytes:
    return framed(struct.pack(">ii", number, kind) + rest)


@pytest.mark.parametrize(
    "kind", [0, 1, 2, 5, 7, 9, 11, 12, 13, 14, 15, 16, 19, 20, 21, 100, 101, 104, -10]
)
def test_no_other_type_has_a_name(kind: int) -> None:
    with pytest.raises(RequestNotAllowed):
        wire.request_name(request(kind, text(b"/a") + b"\0"))


@pytest.mark.parametrize(
    "payload",
    [
        b"kill", b"stmk", b"crst", b"srst", b"srvr\n", b"", b"\0" * 12,
        request(4, text(b"/a") + b"\1"),  # a watch
        request(8, text(b"/a") + b"\1"),
        request(4, text(b"/a") + b"\0") + request(2, text(b"/a")),
        request(4, text(b"/a") + b"\0", number=-4),  # auth
        framed(struct.pack(">iqiqi16s?", 7, 0, 1, 0, 16, bytes(16), True)),
    ],
)  # fmt: skip
def test_nothing_else_has_a_name(payload: bytes) -> None:
    with pytest.raises(RequestNotAllowed):
        wire.request_name(payload)


async def test_no_session_without_the_scopes_word() -> None:
    async with link(FakeZooKeeper(), opt_in=OptIn()) as opened:
        with pytest.raises(RequestNotAllowed):
            await ENGINE.collections(opened)
        assert opened.requests == []


# --- whatever comes ------------------------------------------------------------------------------


@given(
    st.sampled_from([wire.children, wire.stat, wire.data, wire.anyones]), st.binary(max_size=200)
)
def test_any_record_at_all(parse: Callable[[bytes], object], record: bytes) -> None:
    try:
        parse(record)
    except NotThisProtocol:
        return
    assert len(record) >= 4


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=12))
async def test_any_answers_at_all(pieces: list[bytes]) -> None:
    left = list(pieces)

    def script(data: bytes) -> list[Reply]:
        if data == b"srvr":
            return [SRVR, None]
        return [left.pop(0)] if left else [None]

    try:
        proof = await probe(script)
    except LeftopenError:
        return
    assert proof.verdict is not Verdict.OPEN
