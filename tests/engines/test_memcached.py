"""The memcached engine against scripted peers: old servers, refusals, lies and hostile answers.

The answers are those of doc/protocol.txt; servers before 1.6 do not know `mg`, and the oldest not
`lru_crawler metadump`.
"""

from __future__ import annotations

import re
import struct
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines._memcached_wire import MAX_KEYS, request_name
from leftopen.engines.memcached import ENGINE
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NotThisProtocol,
    PeerClosed,
    RequestNotAllowed,
    ServerRefused,
    Silent,
)
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.net.scripted import Reply, Script, ScriptedDialer
from leftopen.testing import connection
from tests.engines.asking import prober, reader, scripted

LIMITS = StoreLimits(bytes=16 << 20, reply_bytes=1 << 20, seconds=20, rows=500)
ITEMS = {b"user:%d" % n: b'{"email": "p%d@example.org"}' % n for n in range(40)}
Said = dict[str, bytes]


class FakeMemcached:
    """Answers as a memcached with `items`; `said` says otherwise for a command word, `piece` is
    how many bytes come at a time."""

    def __init__(
        self,
        items: dict[bytes, bytes] | None = None,
        said: Said | None = None,
        *,
        version: str = "1.6.18",
        piece: int | None = None,
    ) -> None:
        self.items = ITEMS if items is None else items
        self.said, self.piece, self.version = said or {}, piece, version
        self.heard: list[str] = []

    def __call__(self, data: bytes) -> list[Reply]:
        told = b"".join(self.answer(line) for line in data.split(b"\r\n")[:-1])
        size = self.piece or max(1, len(told))
        return [told[at : at + size] for at in range(0, len(told), size)]

    def answer(self, line: bytes) -> bytes:
        word, _, rest = line.partition(b" ")
        name = request_name(line + b"\r\n")
        self.heard.append(name)
        if name in self.said:
            return self.said[name]
        old = self.version.startswith("1.4")
        if name == "version":
            return b"VERSION %b\r\n" % self.version.encode()
        if name == "stats":
            told = {"pid": "1", "version": self.version, "curr_items": str(len(self.items))}
            return b"".join(f"STAT {n} {v}\r\n".encode() for n, v in told.items()) + b"END\r\n"
        if name == "stats cachedump":
            number, most = map(int, rest.split()[1:])
            keys = list(self.items.items())[:most] if number == 5 and old else []
            lines = [b"ITEM %b [%d b; 0 s]\r\n" % (key, len(value)) for key, value in keys]
            return b"".join(lines) + b"END\r\n"
        if old and word in (b"mg", b"lru_crawler"):
            return b"ERROR\r\n"
        if name == "lru_crawler metadump":
            lines = [
                b"key=%b exp=-1 la=1 cas=1 fetch=no cls=1 size=%d\n"
                % (quote_from_bytes(key, safe="").encode(), 60 + len(value))
                for key, value in self.items.items()
            ]
            return b"".join(lines) + b"END\r\n"
        key, *flags = rest.split()
        value = self.items.get(key)
        if word == b"get":
            if value is None:
                return b"END\r\n"
            return b"VALUE %b 0 %d\r\n%b\r\nEND\r\n" % (key, len(value), value)
        if value is None:
            return b"EN\r\n"
        opaque = b"".join(b" " + flag for flag in flags if flag[:1] == b"O")
        if b"v" not in flags:
            return b"HD k%b s%d%b\r\n" % (key, len(value), opaque)
        return b"VA %d k%b s%d%b\r\n%b\r\n" % (len(value), key, len(value), opaque, value)


def dialer(script: Any) -> ScriptedDialer:
    return ScriptedDialer(lambda: script)


probe = prober(ENGINE, LIMITS, scripted)


profile = reader(ENGINE, LIMITS, scripted)


# --- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [None, 1, 7])
async def test_open(piece: int | None) -> None:
    fake = FakeMemcached(piece=piece)
    reason = "keys were listed and an item read without a password"
    assert await probe(fake) == Proof(Verdict.OPEN, reason, "1.6.18")
    assert fake.heard[0] == "version"
    assert fake.heard[-2:] == ["lru_crawler metadump", "mg"]
    assert set(fake.heard) == ENGINE.requests - {"noop", "version (binary)"}


async def test_a_server_before_the_meta_commands() -> None:
    fake = FakeMemcached(version="1.4.15")
    proof = await probe(fake)
    assert (proof.verdict, proof.version) == (Verdict.OPEN, "1.4.15")
    assert "mg" not in fake.heard
    read = await profile(FakeMemcached(version="1.4.15"))
    assert read["user:*"][0].records == 40
    assert len(read["user:*"][1]) == 40
    assert all(row["value.email"] for row in read["user:*"][1])


async def test_the_only_values_of_an_old_server_are_large() -> None:
    fake = FakeMemcached({b"a": b"x" * 5_000}, version="1.4.15")
    proof = await probe(fake)
    assert (proof.verdict, "large" in proof.reason) == (Verdict.OPEN, True)
    assert fake.heard[-1] == "stats cachedump"


async def test_empty() -> None:
    proof = await probe(FakeMemcached({}))
    assert (proof.verdict, "no item" in proof.reason) == (Verdict.OPEN, True)


NO_DUMP = {
    "stats cachedump": b"CLIENT_ERROR stats cachedump not allowed\r\n",
    "lru_crawler metadump": b"ERROR metadump not allowed\r\n",
}


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (NO_DUMP, Verdict.OPEN_PARTIAL),
        ({"lru_crawler metadump": b"END\r\n"}, Verdict.OPEN_PARTIAL),
        ({"mg": b"CLIENT_ERROR invalid flag\r\n"}, Verdict.OPEN),
        ({"mg": b"SERVER_ERROR no\r\n", "get": b"END\r\n"}, Verdict.OPEN),
        ({"mg": b"EN\r\n"}, Verdict.OPEN),  # it ran out meanwhile; keys were listed
        ({"stats": b"ERROR\r\n"}, Verdict.UNDETERMINED),
        ({"version": b"CLIENT_ERROR unauthenticated\r\n"}, Verdict.AUTH_REQUIRED),
    ],
)
async def test_refusals(said: Said, verdict: Verdict) -> None:
    proof = await probe(FakeMemcached(said=said))
    assert proof.verdict is verdict, proof


@pytest.mark.parametrize(
    "said",
    [
        {"version": b"+OK\r\n"},
        {"version": b"-ERR unknown command 'version'\r\n"},
        {"version": b"HTTP/1.1 400 Bad Request\r\n"},
        {"version": b"VERSION " + b"9" * 5_000 + b"\r\n"},
        {"get": b"VERSION 1.6.18\r\n"},  # says the same to anything
        {"version": b"END\r\n"},
        {"stats": b"STAT curr_items many\r\nEND\r\n"},
        {"stats": b"STAT curr_items 9\xb2\r\nEND\r\n"},
        {"stats": b"END\r\n"},
        {"stats": b"STAT a b\r\n" * 600},
        {"stats": b"what\r\n"},
        {"lru_crawler metadump": b"key= exp=x\n"},
        {"lru_crawler metadump": b"key=" + b"a" * 4_000 + b" exp=0 size=1\nEND\r\n"},
        {"mg": b"VA 1 kanother O0\r\nx\r\n"},
        {"mg": b"VA 1 kuser:0 s1 Ocanned\r\nx\r\n"},
        {"stats cachedump": b"ITEM a [1 b; 0 s]\r\nITEM b [1 b; 0 s]\r\nEND\r\n"},
    ],
    ids=lambda said: f"{next(iter(said))}-{next(iter(said.values()))[:16]!r}",
)
async def test_no_memcached_speaks_so(said: Said) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeMemcached(said=said))


async def test_a_peer_that_never_ends_its_line_is_left_at_once() -> None:
    pieces: list[Reply] = [b"+"] * 100
    peer = dialer(lambda _: [pieces.pop()])
    async with connection(ENGINE, peer, LIMITS) as link:
        with pytest.raises(NotThisProtocol):
            await ENGINE.probe(link)
        assert link.bytes_read == 1


async def test_a_value_larger_than_a_reply_may_be() -> None:
    with pytest.raises(BudgetSpent):
        await _with_length(b"9999999999")


async def _with_length(length: bytes) -> None:
    class Liar(FakeMemcached):
        def answer(self, line: bytes) -> bytes:
            honest = super().answer(line)
            return re.sub(rb"^VA \d+", b"VA " + length, honest)

    await probe(Liar())


async def test_a_value_shorter_than_it_says() -> None:
    with pytest.raises(NotThisProtocol):
        await _with_length(b"3")


async def test_a_recording_of_another_probe_is_not_taken_for_a_server() -> None:
    answers: list[bytes] = []

    def recorded(data: bytes) -> list[Reply]:
        said = honest(data)
        answers.append(b"".join(part for part in said if isinstance(part, bytes)))
        return said

    honest = FakeMemcached()
    assert (await probe(recorded)).verdict is Verdict.OPEN
    for _ in range(20):
        left = list(answers)
        with pytest.raises((NotThisProtocol, PeerClosed)):
            await probe(lambda _, left=left: [left.pop(0)] if left else [])


async def test_a_recording_by_command_cannot_give_back_the_opaque() -> None:
    said: dict[bytes, bytes] = {}
    honest = FakeMemcached()

    def recorded(data: bytes) -> list[Reply]:
        answer = b"".join(part for part in honest(data) if isinstance(part, bytes))
        said.setdefault(data if data.startswith(b"stats c") else data.split()[0], answer)
        return [answer]

    assert (await probe(recorded)).verdict is Verdict.OPEN
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: [said[data if data.startswith(b"stats c") else data.split()[0]]])


# --- binary only ---------------------------------------------------------------------------------


def _binary(
    status: int, *, opaque: int | None = None, code: int | None = None, body: bytes = b""
) -> Script:
    """A server that hangs up on text and answers binary requests with this status."""

    def answer(data: bytes) -> Reply:
        if data[:1] != b"\x80":
            return None
        asked, given = data[1], struct.unpack(">I", data[12:16])[0]
        head = struct.pack(
            ">BBHBBHIIQ", 0x81, asked if code is None else code, 0, 0, 0, status, len(body),
            given if opaque is None else opaque, 0,
        )  # fmt: skip
        return head + body

    return answer


async def test_sasl() -> None:
    proof = await probe(_binary(0x20, body=b"Auth failure."))
    assert proof.verdict is Verdict.AUTH_REQUIRED


async def test_binary_without_sasl() -> None:
    proof = await probe(_binary(0, body=b"1.4.13"))
    assert (proof.verdict, proof.version) == (Verdict.OPEN_PARTIAL, "1.4.13")
    assert (await probe(_binary(0x81))).verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize("wrong", [{"opaque": 7}, {"code": 1}, {"body": b"x" * 9_000}])
async def test_binary_answers_to_something_else(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(_binary(0x20, **wrong))


async def test_a_peer_that_always_hangs_up_is_asked_twice_at_most() -> None:
    peer = dialer(lambda _: None)
    async with connection(ENGINE, peer, LIMITS) as link:
        with pytest.raises(PeerClosed):
            await ENGINE.probe(link)
    assert len(peer.streams) == 2


async def test_a_read_that_is_refused_either_way() -> None:
    class Refusing(FakeMemcached):
        def answer(self, line: bytes) -> bytes:
            if line.startswith((b"mg ", b"get user")):
                return b"SERVER_ERROR out of memory\r\n"
            return super().answer(line)

    assert (await probe(Refusing())).verdict is Verdict.OPEN_PARTIAL
    with pytest.raises(ServerRefused):
        await profile(Refusing())


async def test_a_dump_without_an_end() -> None:
    keys = b"".join(b"key=k%%3A%d exp=-1 la=1 cas=1 cls=1 size=9\n" % n for n in range(3))
    fake = FakeMemcached(said={"lru_crawler metadump": keys})
    quiet: list[Reply] = [Silent("nothing came")]

    def script(data: bytes) -> list[Reply]:
        return fake(data) + quiet * data.startswith(b"lru_crawler")

    async with connection(ENGINE, dialer(script), LIMITS) as link:
        (collection,) = await ENGINE.collections(link)
    assert (collection.name, collection.records) == ("k:*", 3)


# --- collections and samples ---------------------------------------------------------------------


async def test_keys_that_are_data_or_cannot_be_asked_for() -> None:
    items = {b"a b": b"1", b"\xff\xfe": b"2", b"ann@example.org": b"3", "größe:1".encode(): b"4"}
    read = await profile(FakeMemcached(items))
    rows = [row for _, found in read.values() for row in found]
    assert sorted(str(row["value"]) for row in rows) == ["2", "3", "4", "None"]
    assert "ann@example.org" not in read


async def test_many_kinds_of_keys_are_bounded() -> None:
    items = {f"{a}{b}:x:y".encode(): b"v" for a in "abcdefghijklm" for b in "nopqrstuvwxyz"}
    assert list(await profile(FakeMemcached(items))) == ["*:x:y"]


async def test_counts_are_scaled_where_not_all_keys_are_listed() -> None:
    many = b"".join(
        b"key=k%%3A%d exp=-1 la=1 cas=1 fetch=no cls=1 size=9\n" % n for n in range(MAX_KEYS + 9)
    )
    said = {
        "lru_crawler metadump": many,  # and never an END
        "stats": b"STAT curr_items 50000\r\nSTAT version 1.6.18\r\nEND\r\n",
    }
    peer = dialer(FakeMemcached(said=said))
    async with connection(ENGINE, peer, LIMITS) as link:
        (collection,) = await ENGINE.collections(link)
    assert (collection.name, collection.records) == ("k:*", 50_000)
    assert len(peer.streams) == 2  # what was left of the dump was left there


async def test_flags_that_the_server_does_not_know() -> None:
    read = await profile(FakeMemcached(said={"mg": b"CLIENT_ERROR invalid flag\r\n"}))
    assert {row["value.email"] for row in read["user:*"][1]} == {
        f"p{n}@example.org" for n in range(40)
    }


async def test_no_list_is_an_error_in_the_end() -> None:
    with pytest.raises(ServerRefused):
        await profile(FakeMemcached(said=NO_DUMP))


async def test_a_busy_crawler_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leftopen.engines._memcached_wire._BUSY_SECONDS", 0.0)
    fake = FakeMemcached(said={"lru_crawler metadump": b"BUSY currently processing\r\n"})
    with pytest.raises(ServerRefused):
        await probe_dump(fake)
    assert fake.heard.count("lru_crawler metadump") == 10


async def probe_dump(fake: FakeMemcached) -> None:
    said = fake.said
    said["stats cachedump"] = b"ERROR\r\n"
    async with connection(ENGINE, dialer(fake), LIMITS) as link:
        await ENGINE.collections(link)


# --- nothing but reads ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        b"set a 0 0 1\r\nx\r\n", b"delete a\r\n", b"flush_all\r\n", b"touch a 0\r\n",
        b"incr a 1\r\n", b"gat 0 a\r\n", b"ms a 1\r\nx\r\n",
        b"md a\r\n", b"ma a\r\n", b"shutdown\r\n", b"watch\r\n",
        b"stats reset\r\n", b"stats detail on\r\n", b"verbosity 1\r\n", b"cache_memlimit 1\r\n",
        b"lru_crawler disable\r\n", b"lru_crawler crawl all\r\n", b"slabs reassign 1 2\r\n",
        b"mg a k s u T0 v\r\n", b"mg a k s u N30 v\r\n", b"mg a k s v\r\n", b"mg a k s u E1\r\n",
        b"get a\r\nflush_all\r\n", b"get a\nflush_all\r\n", b"get a b\r\n",
        b"version\r\nshutdown\r\n",
        b"\x80\x08" + b"\x00" * 22,  # flush
        b"\x80\x01" + b"\x00" * 22,  # set
    ],
)  # fmt: skip
def test_nothing_else_has_a_name(payload: bytes) -> None:
    with pytest.raises(RequestNotAllowed):
        request_name(payload)


# --- whatever comes ------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=60), max_size=20))
async def test_any_answers_at_all(pieces: list[bytes]) -> None:
    left = list(pieces)
    try:
        proof = await probe(lambda _: left.pop(0) if left else None)
    except LeftopenError:
        return
    assert proof.verdict is not Verdict.OPEN


# --- what it knows for nothing -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uptime", "there"),
    [("0", True), ("3600", True), ("-1", False), ("x", False), ("9" * 30, False), ("", False)],
)
async def test_an_uptime_is_believed_where_it_can_be_true(uptime: str, there: bool) -> None:
    said = {"stats": b"STAT uptime %b\r\nEND\r\n" % uptime.encode()}
    async with connection(ENGINE, scripted(FakeMemcached(said=said)), LIMITS) as link:
        assert (await ENGINE.since(link) is not None) == there


@pytest.mark.parametrize(
    ("stats", "changes"),
    [
        (b"STAT total_items 7\r\nSTAT incr_hits 2\r\nSTAT get_hits 9\r\n", 9),
        (b"STAT total_items 9999999999999999999\r\n", 9_999_999_999_999_999_999),
        (b"STAT get_hits 9\r\n", None),
        (b"", None),
    ],
)
async def test_changes_are_what_was_stored(stats: bytes, changes: int | None) -> None:
    said = {"stats": stats + b"END\r\n"}
    async with connection(ENGINE, scripted(FakeMemcached(said=said)), LIMITS) as link:
        told = await ENGINE.marks(link, [Collection("user:*", 3)])
    assert told == {"user:*": Mark(changes=changes)}


@pytest.mark.parametrize("figure", [b"-7", b"x", b"", b"9" * 30])
async def test_figures_that_are_none(figure: bytes) -> None:
    said = {"stats": b"STAT total_items %b\r\nEND\r\n" % figure}
    async with connection(ENGINE, scripted(FakeMemcached(said=said)), LIMITS) as link:
        with pytest.raises(NotThisProtocol):
            await ENGINE.marks(link, [Collection("user:*", 3)])
