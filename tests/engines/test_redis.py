"""The redis engine against scripted peers: verdicts, hostile answers, key patterns."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Engine
from leftopen.engines._key_patterns import _STRONG, MAX_TEXT, Shape, patterns
from leftopen.engines._redis_values import Note
from leftopen.engines.redis import ENGINE
from leftopen.errors import BudgetSpent, LeftopenError, NotThisProtocol, PeerClosed, ServerRefused
from leftopen.knowledge import Mark
from leftopen.model import Proof, Target, Verdict
from leftopen.net.connection import Connection
from leftopen.net.scripted import Reply, Script, ScriptedDialer, ScriptedStream

LIMITS = StoreLimits(bytes=32 << 20, reply_bytes=1 << 20, seconds=30, rows=2_000)
KEYS = [b"sess:%08x" % (n * 7919) for n in range(40)]


def commands(data: bytes) -> Iterator[list[bytes]]:
    """The commands of one write."""
    reader = hiredis.Reader()
    reader.feed(data)
    while (command := reader.gets()) is not False:
        yield command


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def array(*values: bytes) -> bytes:
    """An array of what is already encoded."""
    return b"*%d\r\n%b" % (len(values), b"".join(values))


class FakeRedis:
    """Answers as a Redis with `KEYS`, all strings; `said` says otherwise for a command word."""

    def __init__(self, said: dict[bytes, bytes] | None = None, piece: int | None = None) -> None:
        self.said, self.piece = said or {}, piece
        self.words: list[str] = []

    def __call__(self, data: bytes) -> list[Reply]:
        told = b"".join(self.answer(command) for command in commands(data))
        if self.piece is None:
            return [told]
        return [told[at : at + self.piece] for at in range(0, len(told), self.piece)]

    def answer(self, command: list[bytes]) -> bytes:
        word, rest = command[0], command[1:]
        self.words.append(word.decode())
        for asked in (b" ".join(command), word, b"*"):
            if asked in self.said:
                return self.said[asked]
        simple = {
            b"DBSIZE": b":%d\r\n" % len(KEYS),
            b"SCAN": array(bulk(b"0"), array(*map(bulk, KEYS))),
            b"RANDOMKEY": bulk(KEYS[0]),
            b"TYPE": b"+string\r\n",
            b"GETRANGE": bulk(b'{"email": "ann@example.org"}'),
            b"SELECT": b"+OK\r\n",
        }
        if word == b"PING":
            return bulk(rest[0]) if rest else b"+PONG\r\n"
        if word == b"ACL":
            return array(bulk(b"flags"), array(bulk(b"on")), bulk(b"commands"), bulk(b"+@all"))
        if word == b"CONFIG":
            return array(bulk(b"dir"), bulk(b"/var/lib/redis"))
        if word == b"INFO":
            if rest == [b"replication"]:
                return bulk(b"# Replication\r\nrole:master\r\n")
            if rest == [b"server"]:
                return bulk(b"# Server\r\nredis_version:7.0.15\r\nexecutable:/usr/bin/x\r\n")
            return bulk(b"# Keyspace\r\ndb0:keys=%d,expires=0,avg_ttl=0\r\n" % len(KEYS))
        return simple[word]


def connection(dialer: Any, limits: StoreLimits = LIMITS) -> Connection:
    return Connection(dialer, Target(ip_address("127.0.0.1"), 6379), ENGINE.requests, limits)


def always(script: Script) -> ScriptedDialer:
    return ScriptedDialer(lambda: script)


async def probe(script: Script) -> Proof:
    async with connection(always(script)) as link:
        return await ENGINE.probe(link)


async def profile(script: Script, limits: StoreLimits = LIMITS) -> list[tuple[Any, int, set[str]]]:
    """Collection, rows read and columns met, for every collection."""
    made = []
    async with connection(always(script), limits) as link:
        for collection in await ENGINE.collections(link):
            rows, columns = 0, set()
            async for batch in ENGINE.sample(link, collection, limits):
                rows += batch.num_rows
                columns |= set(batch.schema.names)
            made.append((collection, rows, columns))
    return made


def test_it_is_an_engine() -> None:
    assert isinstance(ENGINE, Engine)
    assert ENGINE.name == "redis"


# --- verdicts ------------------------------------------------------------------------------------


async def test_open() -> None:
    fake = FakeRedis()
    assert (await probe(fake)) == Proof(
        Verdict.OPEN,
        "keys were listed and a value read without a password",
        "7.0.15",
        "redis",
        can_write="yes",
    )
    words = ["PING", "DBSIZE", "SCAN", "TYPE", "GETRANGE", "INFO", "INFO", "ACL"]
    assert fake.words == words


@pytest.mark.parametrize(
    ("said", "can_write"),
    [
        ({b"ACL GETUSER default": array(bulk(b"commands"), bulk(b"+@all"))}, "yes"),
        ({b"ACL GETUSER default": array(bulk(b"commands"), bulk(b"-@all +@read +ping"))}, "no"),
        ({b"ACL GETUSER default": array(bulk(b"commands"), bulk(b"-@all +@read +set"))}, "unknown"),
        ({b"ACL GETUSER default": array(bulk(b"commands"), bulk(b"+@all -set"))}, "unknown"),
        ({b"ACL GETUSER default": array(bulk(b"commands"))}, "unknown"),
        ({b"ACL GETUSER default": array(bulk(b"commands"), array())}, "unknown"),
        ({b"ACL GETUSER default": b"-NOPERM no\r\n"}, "unknown"),
        ({b"ACL GETUSER default": b"-ERR unknown command\r\n"}, "unknown"),
        ({b"INFO replication": bulk(b"role:slave\r\nslave_read_only:1\r\n")}, "no"),
        ({b"INFO replication": bulk(b"role:slave\r\nslave_read_only:0\r\n")}, "unknown"),
        ({b"INFO replication": b"-NOPERM no\r\n"}, "yes"),
    ],
)
async def test_who_may_write_is_what_the_server_says(
    said: dict[bytes, bytes], can_write: str
) -> None:
    proof = await probe(FakeRedis(said))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, can_write)


async def test_open_and_empty_says_so() -> None:
    proof = await probe(FakeRedis({b"DBSIZE": b":0\r\n", b"SCAN": b"*2\r\n$1\r\n0\r\n*0\r\n"}))
    assert proof.verdict is Verdict.OPEN
    assert "empty" in proof.reason


async def test_a_key_is_found_where_the_first_buckets_are_empty() -> None:
    fake = FakeRedis({b"SCAN": b"*2\r\n$3\r\n512\r\n*0\r\n"})
    assert (await probe(fake)).verdict is Verdict.OPEN
    assert fake.words[3:6] == ["RANDOMKEY", "TYPE", "GETRANGE"]


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (b"-NOPERM x\r\n", Verdict.OPEN_PARTIAL),
        (b"-ERR unknown command\r\n", Verdict.UNDETERMINED),
        (b"$-1\r\n", Verdict.OPEN),  # all keys have expired
    ],
)
async def test_no_key_at_hand(said: bytes, verdict: Verdict) -> None:
    fake = FakeRedis({b"SCAN": b"*2\r\n$3\r\n512\r\n*0\r\n", b"RANDOMKEY": said})
    assert (await probe(fake)).verdict is verdict


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("NOAUTH", Verdict.AUTH_REQUIRED),
        ("DENIED", Verdict.ACL_CLOSED),
        ("NOPERM", Verdict.OPEN_PARTIAL),
        *((w, Verdict.UNDETERMINED) for w in ("LOADING", "MASTERDOWN", "BUSY", "MISCONF")),
        *((w, Verdict.UNDETERMINED) for w in ("READONLY", "CLUSTERDOWN", "MOVED", "OOM")),
    ],
)
async def test_first_error_word_decides(word: str, verdict: Verdict) -> None:
    proof = await probe(FakeRedis({b"*": b"-%b its own text 4711\r\n" % word.encode()}))
    assert proof.verdict is verdict
    assert word in proof.reason
    assert "4711" not in proof.reason


@pytest.mark.parametrize("word", ["ANNLEE", "ann.lee@example.org", "", "X" * 5_000, "\x1b[2J"])
async def test_an_error_word_that_redis_has_not_is_server_text(word: str) -> None:
    proof = await probe(FakeRedis({b"*": b"-%b text\r\n" % word.encode()}))
    assert proof.verdict is Verdict.UNDETERMINED
    assert "(OTHER)" in proof.reason
    assert not word or word not in proof.reason


async def test_locked_in_the_words_of_an_old_redis() -> None:
    proof = await probe(FakeRedis({b"*": b"-ERR operation not permitted\r\n"}))
    assert proof.verdict is Verdict.AUTH_REQUIRED


async def test_unknown_commands_all_along_are_another_protocol() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeRedis({b"*": b"-ERR unknown command\r\n"}))


async def test_a_server_that_cannot_echo_is_not_called_open() -> None:
    proof = await probe(FakeRedis({b"PING": b"-ERR wrong number of arguments\r\n"}))
    assert proof.verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({b"DBSIZE": b"-NOPERM x\r\n", b"SCAN": b"-NOPERM x\r\n"}, Verdict.OPEN_PARTIAL),
        ({b"SCAN": b"-NOPERM x\r\n"}, Verdict.OPEN_PARTIAL),
        ({b"PING": b"-NOPERM x\r\n"}, Verdict.OPEN_PARTIAL),
        ({b"SCAN": b"-NOAUTH x\r\n"}, Verdict.AUTH_REQUIRED),
        ({b"SCAN": b"-ERR unknown command\r\n"}, Verdict.UNDETERMINED),
        ({b"GETRANGE": b"-NOPERM x\r\n"}, Verdict.OPEN_PARTIAL),
        ({b"TYPE": b"-NOPERM x\r\n"}, Verdict.OPEN_PARTIAL),
        ({b"GETRANGE": b"-MOVED 3999 10.0.0.9:6381\r\n"}, Verdict.OPEN_PARTIAL),
        ({b"GETRANGE": b"-ASK 3999 10.0.0.9:6381\r\n"}, Verdict.OPEN_PARTIAL),
        ({b"GETRANGE": b"-MASTERDOWN x\r\n"}, Verdict.UNDETERMINED),
        ({b"TYPE": b"+none\r\n"}, Verdict.OPEN),
        ({b"TYPE": b"+ReJSON-RL\r\n"}, Verdict.OPEN),
        ({b"INFO": b"-NOPERM x\r\n"}, Verdict.OPEN),
        ({b"INFO": b"$2\r\nhi\r\n"}, Verdict.OPEN),
    ],
)
async def test_refusals_on_the_way(said: dict[bytes, bytes], verdict: Verdict) -> None:
    assert (await probe(FakeRedis(said))).verdict is verdict


async def test_one_key_that_can_be_read_is_enough() -> None:
    said = {b"TYPE %b" % KEYS[0]: b"-NOPERM x\r\n", b"TYPE %b" % KEYS[1]: b"+none\r\n"}
    assert (await probe(FakeRedis(said))).verdict is Verdict.OPEN


async def test_redirects_are_never_followed() -> None:
    dialer = always(FakeRedis({b"GETRANGE": b"-MOVED 3999 10.0.0.9:6381\r\n"}))
    async with connection(dialer) as link:
        await ENGINE.probe(link)
    assert {str(target) for target in dialer.targets} == {"127.0.0.1:6379"}


@pytest.mark.parametrize(
    ("info", "product", "version"),
    [
        (b"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1", "valkey", "8.0.1"),
        (b"redis_version:6.3.4\r\nexecutable:/usr/bin/keydb-server", "keydb", "6.3.4"),
        (b"redis_version:<b>ann@example.org</b>", "redis", None),
    ],
)
async def test_product_and_version(info: bytes, product: str, version: str | None) -> None:
    proof = await probe(FakeRedis({b"INFO server": bulk(info)}))
    assert (proof.product, proof.version) == (product, version)


async def test_denied_unasked() -> None:
    dialer = ScriptedDialer(
        lambda: lambda data: None,
        greeting=b"-DENIED Redis is running in protected mode because it is enabled\r\n",
    )
    async with connection(dialer) as link:
        proof = await ENGINE.probe(link)
    assert proof.verdict is Verdict.ACL_CLOSED


class _SecondTime:
    """A peer whose first words were lost to the reset that our command provoked."""

    def __init__(self, greeting: bytes) -> None:
        self.greeting, self.streams = greeting, 0

    async def dial(self, target: Target) -> ScriptedStream:
        self.streams += 1
        greeting = self.greeting if self.streams > 1 else b""
        return ScriptedStream(lambda data: PeerClosed(), greeting, tls=False)


async def test_denied_is_heard_though_the_first_connection_was_reset() -> None:
    async with connection(_SecondTime(b"-DENIED Redis is running in protected mode\r\n")) as link:
        assert (await ENGINE.probe(link)).verdict is Verdict.ACL_CLOSED


@pytest.mark.parametrize("greeting", [b"", b"220 mail ready\r\n", b"-ERR go away\r\n", b"+OK\r\n"])
async def test_a_peer_that_closes_stays_one_that_closes(greeting: bytes) -> None:
    async with connection(_SecondTime(greeting)) as link:
        with pytest.raises(PeerClosed):
            await ENGINE.probe(link)


# --- not Redis, and hostile ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"ERROR\r\nERROR\r\nERROR\r\n",  # memcached
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"+OK POP3 ready\r\n",
        b":1\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"$5\r\nwrong\r\n",
        b"\r\n",
        b"\x00\x01\x02",
        b"%1\r\n+a\r\n+b\r\n",  # RESP3, which was not asked for
        b"+a\n+b\r\n",
        b"$-2\r\n",
        b"$+5\r\nhello\r\n",
        b"*1\r\n" * 50 + b":1\r\n",
        b"$16\r\n" + b"0" * 16 + b"xx",
    ],
)
async def test_another_protocol(said: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: said)


async def test_an_echo_is_not_redis() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: data)


async def test_a_canned_pong_is_not_called_open() -> None:
    assert (await probe(FakeRedis({b"PING": b"+PONG\r\n"}))).verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize(
    "said",
    [
        {b"DBSIZE": b"+40\r\n"},
        {b"DBSIZE": b":-1\r\n"},
        {b"SCAN": b"*0\r\n"},
        {b"SCAN": b"*2\r\n$1\r\nx\r\n*0\r\n"},
        {b"SCAN": b"*2\r\n$1\r\n0\r\n*1\r\n:5\r\n"},
        {b"SCAN": b"*2\r\n$1\r\n0\r\n*1\r\n-NOPERM x\r\n"},
        {b"TYPE": b":1\r\n"},
        {b"GETRANGE": b":1\r\n"},
        {b"TYPE": b"+hash\r\n", b"HSCAN": b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"},
        {b"TYPE": b"+zset\r\n", b"ZRANGE": b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
        {b"TYPE": b"+stream\r\n", b"XREVRANGE": b"*1\r\n*2\r\n$3\r\nx-y\r\n*0\r\n"},
        {b"TYPE": b"+stream\r\n", b"XREVRANGE": b"*1\r\n$1\r\na\r\n"},
        {b"TYPE": b"+list\r\n", b"LRANGE": b"$1\r\na\r\n"},
        {b"GETRANGE": b"$1\r\na\r\n+more than was asked\r\n"},
    ],
)
async def test_a_reply_of_the_wrong_shape_is_not_called_open(said: dict[bytes, bytes]) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeRedis(said))


@pytest.mark.parametrize(
    "pieces",
    [
        [b"+" + b"x" * 60_000] + [b"y" * 60_000] * 500,
        [b"$999999999999\r\n"] + [b"y" * 60_000] * 500,
        [b"$1000000\r\n"] + [b"y" * 60_000] * 500,
        [b"*4294967290\r\n"],
        [b"*200001\r\n"],
        [b"*100000\r\n"] * 3,
        [b"*1\r\n" * 15_000] * 500,
        [b"*10\r\n" * 15_000] * 500,
        [b"*100000\r\n" + b"*0\r\n" * 10_000] * 500,
        [b"-" + b"E" * 70_000 + b"\r\n"],
    ],
)
async def test_floods_and_lies_end_bounded(pieces: list[bytes]) -> None:
    async with connection(always(lambda data: pieces)) as link:
        with pytest.raises((BudgetSpent, NotThisProtocol)):
            await ENGINE.probe(link)
        assert link.bytes_read <= LIMITS.reply_bytes + 65_536


async def test_every_split_of_the_packets_reads_alike() -> None:
    whole = await probe(FakeRedis())
    length = len(b"".join(FakeRedis().answer(c) for c in [[b"DBSIZE"], [b"SCAN"]]))
    for piece in [*range(1, 40), length - 1]:
        assert await probe(FakeRedis(piece=piece)) == whole
    told = await profile(FakeRedis(piece=1))
    assert [(c.name, rows) for c, rows, _ in told] == [("sess:*", 40)]


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.booleans())
async def test_any_bytes_end_in_an_error_of_ours_and_never_in_open(
    pieces: list[bytes], framed: bool
) -> None:
    if framed:
        pieces = [b"%b%d\r\n" % (b"+-:$*"[n % 5 : n % 5 + 1], n) for p in pieces for n in p]
    try:
        proof = await probe(lambda data: list(pieces))
    except LeftopenError:
        return
    assert proof.verdict in (Verdict.UNDETERMINED, Verdict.OPEN_PARTIAL)


# --- requests ------------------------------------------------------------------------------------


async def test_names_of_requests_are_the_words_that_were_sent() -> None:
    dialer = always(FakeRedis())
    async with connection(dialer) as link:
        await ENGINE.probe(link)
        await link.reopen()
        for collection in await ENGINE.collections(link):
            async for _ in ENGINE.sample(link, collection, LIMITS):
                pass
        sent = {_request(c) for data in dialer.sent for c in commands(data)}
        assert sent == set(link.requests) <= ENGINE.requests


def _request(command: list[bytes]) -> str:
    return b" ".join(command[:2] if command[0] in (b"ACL", b"CONFIG") else command[:1]).decode()


async def test_the_first_words_are_harmless_to_others() -> None:
    """One RESP array and nothing else before the peer has answered as Redis."""
    dialer = always(lambda data: None)
    async with connection(dialer) as link:
        with pytest.raises(PeerClosed):
            await ENGINE.probe(link)
    (sent,) = dialer.sent
    assert sent.startswith(b"*2\r\n$4\r\nPING\r\n$16\r\n")


# --- collections and samples ---------------------------------------------------------------------


async def test_a_pattern_is_a_collection_with_its_keys_as_a_column() -> None:
    ((collection, rows, columns),) = await profile(FakeRedis())
    assert (collection.name, collection.records, rows) == ("sess:*", 40, 40)
    assert columns == {"value.email", "@key"}


async def test_counts_are_scaled_from_the_sample() -> None:
    said = {
        b"SCAN": array(bulk(b"7"), array(*map(bulk, KEYS))),  # a walk that never ends
        b"INFO keyspace": bulk(b"db0:keys=4000,expires=0\r\n"),
    }
    ((collection, _, _),) = await profile(FakeRedis(said))
    assert collection.records == 4_000


async def test_databases_are_named_where_there_are_several() -> None:
    said = {b"INFO keyspace": bulk(b"db0:keys=40,expires=0\r\ndb3:keys=40,expires=0\r\n")}
    fake = FakeRedis(said)
    assert {c.name for c, _, _ in await profile(fake)} == {"db0/sess:*", "db3/sess:*"}
    only = FakeRedis({b"INFO keyspace": bulk(b"db3:keys=40,expires=0\r\n")})
    assert {c.name for c, _, _ in await profile(only)} == {"sess:*"}
    assert "SELECT" in only.words


async def test_a_closed_database_does_not_hide_the_others() -> None:
    said = {
        b"INFO keyspace": bulk(b"db0:keys=40,expires=0\r\ndb3:keys=40,expires=0\r\n"),
        b"SELECT 3": b"-NOPERM x\r\n",
    }
    assert {c.name for c, _, _ in await profile(FakeRedis(said))} == {"db0/sess:*"}


async def test_without_info_database_0_is_read() -> None:
    fake = FakeRedis({b"INFO": b"-NOPERM x\r\n"})
    assert [c.name for c, _, _ in await profile(fake)] == ["sess:*"]


async def test_rows_and_bytes_are_bounded() -> None:
    limits = StoreLimits(bytes=4 << 20, reply_bytes=1 << 20, rows=7)
    ((_, rows, _),) = await profile(FakeRedis(), limits)
    assert rows == 7
    limits = StoreLimits(bytes=1 << 20, reply_bytes=1 << 20)
    ((_, rows, _),) = await profile(FakeRedis({b"GETRANGE": bulk(b"x" * 50_000)}), limits)
    assert 1 <= rows <= 22  # an eighth of the bytes, and what one exchange adds


async def test_keys_too_large_to_read_are_passed_over() -> None:
    said = {b"GETRANGE %b 0 262143" % KEYS[0]: b"$2000000\r\n"}
    ((_, rows, _),) = await profile(FakeRedis(said))
    assert rows == len(KEYS) - 1


async def test_rows_read_before_an_error_are_not_lost() -> None:
    fake = FakeRedis()
    reads = 0

    def script(data: bytes) -> Reply | list[Reply]:
        nonlocal reads
        if b"GETRANGE" in data:
            reads += 1
            if reads == 3:
                return PeerClosed()
        return fake(data)

    async with connection(always(script)) as link:
        (collection,) = await ENGINE.collections(link)
        batches = ENGINE.sample(link, collection, LIMITS)
        assert (await anext(batches)).num_rows == 9  # one to learn from, then eight
        with pytest.raises(PeerClosed):
            await anext(batches)


async def test_a_dropped_connection_is_opened_again_for_the_next_sample() -> None:
    async with connection(always(FakeRedis())) as link:
        (collection,) = await ENGINE.collections(link)
        await link.close()
        assert [b.num_rows async for b in ENGINE.sample(link, collection, LIMITS)] == [40]


async def test_refused_reads_are_an_error_only_where_all_are() -> None:
    with pytest.raises(ServerRefused) as refused:
        await profile(FakeRedis({b"GETRANGE": b"-NOPERM ann@example.org\r\n"}))
    assert refused.value.code == "NOPERM"
    assert "ann" not in str(refused.value)
    some = FakeRedis({b"GETRANGE %b 0 262143" % KEYS[0]: b"-NOPERM x\r\n"})
    assert [rows for _, rows, _ in await profile(some)] == [len(KEYS) - 1]


@pytest.mark.parametrize("kind", ["ReJSON-RL", "none", "MBbloom--", "\x1b[2J"])
async def test_types_of_modules_are_left_out(kind: str) -> None:
    ((_, rows, _),) = await profile(FakeRedis({b"TYPE": b"+%b\r\n" % kind.encode()}))
    assert rows == 0


async def test_an_endless_hash_ends() -> None:
    said = {
        b"SCAN": array(bulk(b"0"), array(bulk(b"index"))),
        b"TYPE": b"+hash\r\n",
        b"HLEN": b":1000000\r\n",
        b"HSCAN": b"*2\r\n$1\r\n5\r\n*0\r\n",
    }
    fake = FakeRedis(said)
    ((collection, rows, _),) = await profile(fake)
    assert (collection.records, rows) == (1_000_000, 0)
    assert fake.words.count("HSCAN") < 3_000


async def test_an_endless_stream_ends() -> None:
    entry = array(array(bulk(b"1700000000000-18446744073709551615"), array(bulk(b"a"), bulk(b"b"))))
    said = {
        b"SCAN": array(bulk(b"0"), array(bulk(b"positions"))),
        b"TYPE": b"+stream\r\n",
        b"XLEN": b":6700000\r\n",
        b"XRANGE": entry,
        b"XREVRANGE": entry,
    }
    ((collection, rows, columns),) = await profile(FakeRedis(said))
    assert (collection.records, rows, columns) == (6_700_000, 20, {"a", "@time"})


# --- key patterns --------------------------------------------------------------------------------


def names(*keys: str | bytes) -> dict[str, int]:
    raw = [key.encode() if isinstance(key, str) else key for key in keys]
    return {pattern.name: len(pattern.members) for pattern in patterns(raw)}


@pytest.mark.parametrize(
    ("key", "name", "changing"),
    [
        ("sess:8f3a9c017e", "sess:*", ("8f3a9c017e",)),
        ("sess:deadbeef", "sess:*", ("deadbeef",)),
        ("user:17:cart", "user:*:cart", ("17",)),
        ("user:ann.lee@example.org", "user:*", ("ann.lee@example.org",)),
        ("ann.lee@example.org", "*", ("ann.lee@example.org",)),
        ("user:ann lee", "user:*", ("ann lee",)),
        ("user_42", "user_*", ("42",)),
        ("cache:user_42:v2", "cache:user_*:v2", ("42",)),
        ("2024-05-01", "*", ("2024-05-01",)),
        ("stats:2024-05-01:hits", "stats:*:hits", ("2024-05-01",)),
        ("ip:10.0.0.1", "ip:*", ("10.0.0.1",)),
        ("phone:+49 731 1234567", "phone:*", ("+49 731 1234567",)),
        ("config", "config", ()),
        ("queue:mail", "queue:mail", ()),
        ("app/settings", "app/settings", ()),
        ("用户:17", "用户:*", ("17",)),
        ("literal*star", "*", ("literal*star",)),
        ("-100", "*", ("-100",)),
        ("", "*", ("",)),
        ("token_Xk3-9fQ_zzAbcD", "token_*", ("Xk3-9fQ_zzAbcD",)),
    ],
)
def test_one_key(key: str, name: str, changing: tuple[str, ...]) -> None:
    (pattern,) = patterns([key.encode()])
    assert (pattern.name, pattern.members) == (name, ((key.encode(), changing),))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (b"bin:\xff\x00\x01", "bin:*"),
        (b"\xff\xfe", "*"),
        (b"user:\x1b[2J:x", "user:*"),
        (b"a\nb", "*"),
        (b"user:\xe2\x80\xae17", "user:*"),  # a right-to-left mark
    ],
)
def test_keys_that_are_no_text(key: bytes, name: str) -> None:
    (pattern,) = patterns([key])
    assert pattern.name == name
    assert pattern.members[0][0] == key


def test_uuids_and_tokens() -> None:
    assert names(*(f"sess-{uuid.uuid4()}" for _ in range(20))) == {"sess-*": 20}
    assert names(*(f"sess:{secrets.token_hex(4)}" for _ in range(500))) == {"sess:*": 500}
    made = names(*(f"token_{secrets.token_urlsafe(12)}" for _ in range(500)))
    assert made["token_*"] >= 495  # of random text a rare one is spelt like a word


def test_names_that_change_become_a_star() -> None:
    people = ["ann", "bob", "eve", "joe", "kim", "lou"]
    assert names(*(f"profile:{p}" for p in people)) == {"profile:*": 6}
    assert names(*(f"{p}:home:{x}" for p in people for x in ("lat", "lon"))) == {
        "*:home:lat": 6,
        "*:home:lon": 6,
    }
    words = [f"{a}{b}" for a in ("red", "blue", "green", "dark", "pale") for b in people]
    assert names(*words) == {"*": 30}


def test_tables_side_by_side_stay_apart() -> None:
    tables = ["users", "orders", "carts", "items", "logs", "jobs", "mails"]
    keys = [f"shop:{table}:{n}" for table in tables for n in range(20)]
    assert names(*keys, "shop:settings", "queue:mail", "queue:sms") == {
        **{f"shop:{table}:*": 20 for table in tables},
        "shop:settings": 1,
        "queue:mail": 1,
        "queue:sms": 1,
    }


def test_a_counter_beside_its_table_stays_a_name() -> None:
    assert names(*(f"user:{n}" for n in range(300)), "user:next_id") == {
        "user:*": 300,
        "user:next_id": 1,
    }


_WORDS = st.sampled_from(["user", "sess", "ann", "mail", "a1b2c3", "12345", "x@y.org", "17", "Ab9"])
_GAPS = st.sampled_from([":", "_", "-", ".", "/", "::", "__", ""])
_KEY = st.one_of(
    st.text(max_size=40),
    st.lists(st.tuples(_WORDS, _GAPS), max_size=20).map(lambda p: "".join(w + g for w, g in p)),
)


@given(st.lists(_KEY, unique=True, max_size=60))
def test_patterns_hold_each_key_once_and_fit_it(keys: list[str]) -> None:
    raw = [key.encode() for key in keys]
    found = patterns(raw)
    assert sorted(k for p in found for k, _ in p.members) == sorted(raw)
    for pattern in found:
        assert pattern.name.isprintable()
        assert "@" not in pattern.name
        assert not any(sum(map(str.isdigit, w)) >= 5 for w in _STRONG.split(pattern.name))
        for key, changing in pattern.members:
            assert len(changing) == pattern.name.count("*")
            if len(key.decode()) < MAX_TEXT:
                pieces = pattern.name.split("*")
                filled = pieces[0] + "".join(
                    part + piece for part, piece in zip(changing, pieces[1:], strict=True)
                )
                assert filled == key.decode()


@given(st.lists(st.binary(max_size=300), max_size=60, unique=True))
def test_any_bytes_can_be_keys(keys: list[bytes]) -> None:
    assert sorted(k for p in patterns(keys) for k, _ in p.members) == sorted(keys)


async def test_json_in_strings_is_opened_and_binary_stays_binary() -> None:
    said = {b"GETRANGE": bulk(json.dumps({"home": [{"lat": 48.1}]}).encode())}
    ((_, _, columns),) = await profile(FakeRedis(said))
    assert columns == {"value.home[].lat", "@key"}
    async with connection(always(FakeRedis({b"GETRANGE": bulk(b"\xff\xd8\xff")}))) as link:
        (collection,) = await ENGINE.collections(link)
        (batch,) = [b async for b in ENGINE.sample(link, collection, LIMITS)]
    assert batch.column("value")[0].as_py() == b"\xff\xd8\xff"


# --- what it knows for nothing -------------------------------------------------------------------


async def marks(said: dict[bytes, bytes]) -> Any:
    """The marks of a pattern and of a list that is a table."""
    made = [
        Collection("sess:*", 2, None, Note(0, False, ((b"sess:1", ("1",)),), pattern="sess:*")),
        Collection("queue", 7, None, Note(0, False, ((b"queue", ()),), "list", 7)),
    ]
    async with connection(always(FakeRedis({b"LLEN": b":7\r\n", **said}))) as link:
        return await ENGINE.marks(link, made)


@pytest.mark.parametrize(
    ("uptime", "there"),
    [
        (b"0", True), (b"3600", True), (b"-5", False), (b"1e400", False), (b"nan", False),
        (b"9" * 30, False), (b"9" * 400, False), (b"", False), (b"soon", False),
    ],
)  # fmt: skip
async def test_an_uptime_is_believed_where_it_can_be_true(uptime: bytes, there: bool) -> None:
    fake = FakeRedis({b"INFO server": bulk(b"uptime_in_seconds:" + uptime)})
    async with connection(always(fake)) as link:
        since = await ENGINE.since(link)
    assert (since is not None) == there
    assert since is None or since.how == "started"


@pytest.mark.parametrize(
    ("stats", "changes"),
    [
        (b"cmdstat_set:calls=5,usec=9\r\ncmdstat_hset:calls=2,usec=1\r\ncmdstat_get:calls=9", 7),
        (b"cmdstat_set:calls=5,usec=9,rejected_calls=1,failed_calls=2", 3),
        (b"cmdstat_set:calls=1,usec=9,failed_calls=5", 0),
        (b"cmdstat_set:calls=-5,usec=9", 0),
        (b"cmdstat_set:calls=" + b"9" * 19, 0),
        (b"cmdstat_set:calls=" + b"9" * 18 + b",x", 10**18 - 1),
        (b"cmdstat_set:5", 0),
        (b"# nothing", None),
        (b"\xff\xfe", None),
    ],
)
async def test_changes_are_the_writes_that_did_not_fail(stats: bytes, changes: int | None) -> None:
    told = await marks({b"INFO commandstats": bulk(stats)})
    assert told == {"sess:*": Mark(None, changes), "queue": Mark(7, changes)}


@pytest.mark.parametrize("length", [b":-1\r\n", b"$1\r\n7\r\n", b"*0\r\n", b"+7\r\n"])
async def test_a_length_that_is_none(length: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await marks({b"LLEN": length})


async def test_what_may_not_be_asked() -> None:
    with pytest.raises(ServerRefused):
        await marks({b"INFO": b"-NOPERM no\r\n"})
    told = await marks({b"LLEN": b"-WRONGTYPE no\r\n"})
    assert told["queue"].records is None


async def streamed(said: dict[bytes, bytes], *paths: str, limits: StoreLimits = LIMITS) -> Any:
    note = Note(0, False, tuple((key, (key[5:].decode(),)) for key in KEYS), pattern="sess:*")
    rows = []
    async with connection(always(FakeRedis(said)), limits) as link:
        collection = Collection("sess:*", None, None, note)
        async for batch in ENGINE.stream(link, collection, paths, limits):
            rows += batch.to_pylist()
    return rows


async def test_a_stream_of_what_is_not_of_the_pattern_is_empty() -> None:
    keys = [b"other:1", b"sess:1:cart", b"sess", b"\xff\xfe", b"sess:ok", b"x" * 5_000]
    said = {b"SCAN": array(bulk(b"0"), array(*map(bulk, keys)))}
    assert await streamed(said, "@key") == [{"@key": "ok"}]


@pytest.mark.parametrize(
    "reply", [bulk(b"x"), b":7\r\n", b"$-1\r\n", b"+OK\r\n"], ids=lambda reply: repr(reply[:4])
)
async def test_fields_that_are_none(reply: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await streamed({b"HMGET": reply}, "email")


async def test_values_that_are_no_texts_or_missing_are_left_out() -> None:
    replies = array(bulk(b"a@example.org"), b":7\r\n", b"*0\r\n")
    rows = await streamed({b"HMGET": replies}, "email", "a", "b", "@key")
    assert {row["email"] for row in rows} == {"a@example.org"}
    assert all("a" not in row for row in rows)


async def test_a_scan_without_end_ends_with_the_budget() -> None:
    said = {b"SCAN": array(bulk(b"7"), array(*map(bulk, KEYS)))}
    limits = StoreLimits(bytes=200_000, reply_bytes=1 << 20, seconds=20)
    rows = await streamed(said, "@key", limits=limits)
    assert 4_000 < len(rows) < 20_000


_WORDS = st.sampled_from(["user", "sess", "17", "3f9a8b7c6d", "x_1", "b-2", "*", "[q]"])
_SPLIT = st.builds(
    lambda words, gap: gap.join(words).encode("utf-8", "replace"),
    st.lists(_WORDS | st.text(max_size=6), min_size=1, max_size=5),
    st.sampled_from([":", "/", "_", "-", ".", "::"]),
)


@given(st.lists(_SPLIT | st.binary(max_size=20), max_size=40, unique=True))
def test_a_shape_takes_its_members_apart_as_they_were_learnt(keys: list[bytes]) -> None:
    for pattern in patterns(keys):
        if not pattern.constant:
            shape = Shape(pattern.name, pattern.members)
            assert [shape.parts(key) for key, _ in pattern.members] == [
                parts for _, parts in pattern.members
            ]


def test_a_glob_is_quoted() -> None:
    assert Shape("a[1]?:*:b", ()).glob == rb"a\[1\]\?:*:b"
