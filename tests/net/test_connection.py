"""The connection engines are handed: its allow-list, its limits, and that it goes nowhere else."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address

import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.errors import (
    BudgetSpent,
    PeerClosed,
    Refused,
    RequestNotAllowed,
    ScopeRefused,
    Silent,
    TlsFailed,
)
from leftopen.model import Target
from leftopen.net.connection import Connection
from leftopen.net.dial import TcpDialer
from leftopen.net.scripted import Reply, ScriptedDialer
from leftopen.scope import Scope
from leftopen.servers.base import free_port
from leftopen.testing import peer
from tests.hostile import mute

TARGET = Target(ip_address("127.0.0.1"), 9)
LIMITS = StoreLimits(bytes=1000, seconds=5, reply_bytes=400, silence=1)


def scripted(reply: Callable[[bytes], Reply | list[Reply]], **limits: float) -> Connection:
    values = {**{n: getattr(LIMITS, n) for n in StoreLimits.__dataclass_fields__}, **limits}
    return Connection(
        ScriptedDialer(lambda: reply), TARGET, frozenset({"ask"}), StoreLimits(**values)
    )


async def test_a_request_off_the_list_never_leaves() -> None:
    dialer = ScriptedDialer(lambda: lambda data: b"ok")
    async with Connection(dialer, TARGET, frozenset({"ask"}), LIMITS) as connection:
        with pytest.raises(RequestNotAllowed):
            await connection.send("drop", b"DROP TABLE")
        await connection.send("ask", b"?")
        assert await connection.read_exactly(2) == b"ok"
        assert connection.requests == ["ask"]
    assert dialer.sent == [b"?"]


async def test_reopening_dials_the_same_target_only() -> None:
    dialer = ScriptedDialer(lambda: lambda data: b"ok")
    async with Connection(dialer, TARGET, frozenset({"ask"}), LIMITS) as connection:
        await connection.reopen()
        await connection.reopen()
    assert dialer.targets == [TARGET] * 3


@pytest.mark.parametrize("pieces", [[b"a\r\nb"], [b"a", b"\r", b"\n", b"b"], [b"a\r", b"\nb"]])
async def test_reading_exactly_however_it_is_cut(pieces: list[Reply]) -> None:
    async with scripted(lambda data: pieces) as connection:
        await connection.send("ask", b"?")
        assert await connection.read_exactly(3) == b"a\r\n"
        assert await connection.read_exactly(1) == b"b"


async def test_bytes_count_over_every_reopening() -> None:
    async with scripted(lambda data: b"x" * 600) as connection:
        await connection.send("ask", b"?")
        assert len(await connection.read_some()) == 600
        await connection.reopen()
        await connection.send("ask", b"?")
        assert len(await connection.read_some()) == 400
        with pytest.raises(BudgetSpent) as caught:
            await connection.read_some()
        assert caught.value.code == "bytes"
        assert connection.bytes_read == 1000


async def test_a_lie_about_a_length_is_refused_before_a_byte_is_read() -> None:
    async with scripted(lambda data: b"x") as connection:
        await connection.send("ask", b"?")
        for length in (401, 2**31, 2**63, -1):
            with pytest.raises(BudgetSpent):
                await connection.read_exactly(length)
        assert connection.bytes_read == 0


async def test_a_peer_that_ends_early() -> None:
    async with scripted(lambda data: [b"abc", None]) as connection:
        await connection.send("ask", b"?")
        with pytest.raises(PeerClosed):
            await connection.read_exactly(4)


async def test_silence_and_the_stores_seconds_are_told_apart() -> None:
    with peer(mute) as target:
        dialer = TcpDialer(Scope.loopback(), Budget(None, None))
        silent = StoreLimits(seconds=60, silence=0.1)
        async with Connection(dialer, target, frozenset(), silent) as connection:
            with pytest.raises(Silent):
                await connection.read_some()
        spent = StoreLimits(seconds=0.1, silence=60)
        async with Connection(dialer, target, frozenset(), spent) as connection:
            with pytest.raises(BudgetSpent) as caught:
                await connection.read_some()
            assert caught.value.code == "seconds"


async def test_what_was_said_before_tls_is_dropped() -> None:
    dialer = ScriptedDialer(lambda: lambda data: b"S-injected", tls=True)
    async with Connection(dialer, TARGET, frozenset({"ask"}), LIMITS) as connection:
        await connection.send("ask", b"?")
        assert await connection.read_exactly(1) == b"S"
        await connection.start_tls()
        with pytest.raises(PeerClosed):
            await connection.read_some()
        assert connection.tls


async def test_the_real_dialer_asks_the_scope_and_names_what_fails() -> None:
    dialer = TcpDialer(Scope.loopback(), Budget(None, None))
    with pytest.raises(ScopeRefused):
        await dialer.dial(Target(ip_address("192.0.2.1"), 80))
    with pytest.raises(ScopeRefused):
        await dialer.dial(Target(ip_address("0.0.0.0"), 80))
    with pytest.raises(Refused):
        await dialer.dial(Target(ip_address("127.0.0.1"), free_port()))


async def test_tls_with_a_peer_that_speaks_none() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with peer(answer) as target:
        dialer = TcpDialer(Scope.loopback(), Budget(None, None))
        with pytest.raises(TlsFailed):
            async with Connection(dialer, target, frozenset(), StoreLimits(), tls=True):
                pass


async def test_a_connection_whose_tls_fails_is_closed() -> None:
    dialer = ScriptedDialer(lambda: lambda data: None, tls=False)
    with pytest.raises(TlsFailed):
        async with Connection(dialer, TARGET, frozenset(), LIMITS, tls=True):
            pass
    (stream,) = dialer.streams
    assert stream.closed
