"""HTTP over a Connection: against hostile scripted peers, and one real socket that closes."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterable
from ipaddress import ip_address

import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NetError,
    NotThisProtocol,
    PeerClosed,
    RequestNotAllowed,
    Silent,
)
from leftopen.model import Target
from leftopen.net.connection import Connection
from leftopen.net.dial import TcpDialer
from leftopen.net.http import MAX_CONTAINERS, MAX_VALUES, HttpSession, Response
from leftopen.net.scripted import Reply, Script, ScriptedDialer
from leftopen.scope import Scope

TARGET = Target(ip_address("127.0.0.1"), 9200)
ALLOWED = frozenset({"GET /", "POST /x"})
LIMITS = StoreLimits()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def replies(*canned: Reply | Iterable[Reply]) -> Script:
    """A script that gives one canned reply for each request, on one connection."""
    left = iter(canned)
    return lambda _: next(left)


def connect(
    *scripts: Script, limits: StoreLimits = LIMITS, target: Target = TARGET
) -> tuple[Connection, ScriptedDialer]:
    """A connection whose first, second, … dial meets these scripts."""
    left = iter(scripts)
    dialer = ScriptedDialer(lambda: next(left))
    return Connection(dialer, target, ALLOWED, limits), dialer


async def ask(
    *canned: Reply | Iterable[Reply], limits: StoreLimits = LIMITS
) -> tuple[Response, ScriptedDialer]:
    connection, dialer = connect(replies(*canned), limits=limits)
    async with connection:
        return await HttpSession(connection).request("GET /", "/"), dialer


async def test_a_request_says_who_asks_and_nothing_more() -> None:
    _, dialer = await ask(OK)
    head, _, body = dialer.sent[0].partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"get / http/1.1"
    assert set(lines[1:]) == {
        b"host: 127.0.0.1:9200", b"user-agent: leftopen",
        b"accept: application/json", b"accept-encoding: identity",
    }  # fmt: skip
    assert body == b""


async def test_body_headers_and_host_name_are_sent() -> None:
    target = Target(TARGET.address, 9200, host="store.test")
    connection, dialer = connect(replies(OK), target=target)
    async with connection:
        session = HttpSession(connection)
        await session.request(
            "POST /x", "/x", method="POST", body={"a": 1}, headers={"X-Opaque-Id": "t"}
        )
    head, _, body = dialer.sent[0].partition(b"\r\n\r\n")
    assert body == b'{"a": 1}'
    assert b"x-opaque-id: t" in head.lower()
    assert b"host: store.test:9200" in head.lower()
    assert b"content-length: 8" in head.lower()


async def test_a_header_cannot_smuggle_a_second_request() -> None:
    connection, dialer = connect(replies(OK))
    async with connection:
        with pytest.raises(Exception, match="header"):
            await HttpSession(connection).request(
                "GET /", "/", headers={"X": "a\r\n\r\nDELETE / HTTP/1.1"}
            )
    assert dialer.sent == []


async def test_a_name_off_the_list_sends_nothing() -> None:
    connection, dialer = connect(replies(OK))
    async with connection:
        with pytest.raises(RequestNotAllowed):
            await HttpSession(connection).request("GET /secret", "/secret")
    assert dialer.sent == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_returned_never_followed(status: int) -> None:
    head = f"HTTP/1.1 {status} Go\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"
    response, dialer = await ask(head.encode())
    assert response.status == status
    assert dialer.targets == [TARGET]
    assert len(dialer.sent) == 1


async def test_chunked_bodies_come_whole() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    response, _ = await ask((head, b"5\r\nhe", b"llo\r\n3;ext=1\r\n wo\r\n", b"0\r\nT: x\r\n\r\n"))
    assert response.body == b"hello wo"


async def test_http_1_0_ends_with_the_connection() -> None:
    response, _ = await ask((b"HTTP/1.0 200 OK\r\n\r\n[1,", b"2]", None))
    assert response.json() == [1, 2]


async def test_repeated_headers_are_joined() -> None:
    response, _ = await ask(
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nwww-authenticate: ApiKey\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    assert response.headers["www-authenticate"] == "Basic, ApiKey"


@pytest.mark.parametrize(
    ("canned", "error"),
    [
        ((b"SSH-2.0-OpenSSH_9\r\n",), NotThisProtocol),
        ((b"-ERR unknown command\r\n", None), NotThisProtocol),
        ((b"\x00" * 1000,), NotThisProtocol),
        (
            (
                b"HT",
                b"ML",
            ),
            NotThisProtocol,
        ),
        (
            (
                b"HT",
                b"TP/nine\r\n\r\n",
            ),
            NotThisProtocol,
        ),
        ((b"GET / HTTP/1.1\r\nHost: echo\r\n\r\n",), NotThisProtocol),
        ((b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" + OK,), NotThisProtocol),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",), NotThisProtocol),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",), NotThisProtocol),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",), NotThisProtocol),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",), NotThisProtocol),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", None), PeerClosed),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", None), PeerClosed),
        ((b"HTTP/1.1 200 OK\r\nContent-Le", None), PeerClosed),
        ((None,), PeerClosed),
        ((Silent(),), Silent),
    ],
)
async def test_what_is_no_whole_reply(
    canned: tuple[Reply, ...], error: type[LeftopenError]
) -> None:
    connection, dialer = connect(replies(canned))
    async with connection:
        with pytest.raises(error):
            await HttpSession(connection).request("GET /", "/")
    assert len(dialer.streams) == 1  # a fresh connection that fails is not dialled again


def _endless(start: bytes, piece: bytes) -> Script:
    """A flood: far more than any limit, made as it is read."""

    def pieces() -> Iterable[Reply]:
        yield start
        for _ in range(4_000):
            yield piece

    return lambda _: pieces()


@pytest.mark.parametrize(
    ("start", "piece", "errors"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"y" * 4_000 + b"\r\n", NotThisProtocol),
        (b"HTTP/1.1 200 ", b"O" * 8_000, NotThisProtocol),
        (b"HTTP/1.1 103 Hints\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, NotThisProtocol),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"z" * 8_000, BudgetSpent),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", b"z" * 8_000, BudgetSpent),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"2\r\nab\r\n" * 50,
            BudgetSpent,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            b"e" * 8_000,
            (BudgetSpent, NotThisProtocol),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            b"T: " + b"t" * 8_000 + b"\r\n",
            (BudgetSpent, NotThisProtocol),
        ),
    ],
    ids=["headers", "status", "interim", "body", "length", "chunks", "extension", "trailers"],
)
async def test_floods_end_within_the_limits(
    start: bytes, piece: bytes, errors: type[Exception] | tuple[type[Exception], ...]
) -> None:
    limits = StoreLimits(bytes=1 << 20, reply_bytes=100_000)
    connection, _ = connect(_endless(start, piece), limits=limits)
    tracemalloc.start()
    try:
        async with connection:
            with pytest.raises(errors):
                await HttpSession(connection).request("GET /", "/")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert connection.bytes_read <= limits.bytes
    # the scripted peer's own list of pieces holds one object over and over
    assert peak < 4 << 20


async def test_kept_alive_one_connection_serves_all() -> None:
    connection, dialer = connect(replies(OK, OK, OK))
    async with connection:
        session = HttpSession(connection)
        for _ in range(2):
            await session.request("GET /", "/")
        await HttpSession(connection).request("GET /", "/")  # a second session on it
    assert [len(stream.sent) for stream in dialer.streams] == [3]


@pytest.mark.parametrize("ending", [None, PeerClosed("reset", code="reset")])
async def test_a_server_that_closed_between_requests_is_dialled_once_more(
    ending: NetError | None,
) -> None:
    connection, dialer = connect(replies(OK, ending), replies(OK))
    async with connection:
        session = HttpSession(connection)
        await session.request("GET /", "/")
        assert (await session.request("GET /", "/")).status == 200
    assert [len(stream.sent) for stream in dialer.streams] == [2, 1]


async def test_it_is_dialled_once_more_and_not_again() -> None:
    connection, dialer = connect(replies(OK, None), replies(None), replies(OK))
    async with connection:
        session = HttpSession(connection)
        await session.request("GET /", "/")
        with pytest.raises(PeerClosed):
            await session.request("GET /", "/")
    assert len(dialer.streams) == 2


async def test_connection_close_is_heeded() -> None:
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]"
    connection, dialer = connect(replies(closing), replies(OK))
    async with connection:
        session = HttpSession(connection)
        assert (await session.request("GET /", "/")).body == b"[]"
        assert (await session.request("GET /", "/")).body == b"{}"
    assert [len(stream.sent) for stream in dialer.streams] == [1, 1]


async def test_pipelined_rubbish_is_not_taken_for_the_next_reply() -> None:
    forged = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"forged"'
    connection, _ = connect(replies(OK + forged), replies(b"HTTP/1.1 204 No\r\n\r\n"))
    async with connection:
        session = HttpSession(connection)
        await session.request("GET /", "/")
        assert (await session.request("GET /", "/")).status == 204


async def test_after_a_failure_the_next_session_starts_clean() -> None:
    """The rest of a body that was too large must not be read as the next reply."""
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"z" * 200_000
    limits = StoreLimits(reply_bytes=50_000)
    connection, dialer = connect(replies(large), replies(OK), limits=limits)
    async with connection:
        with pytest.raises(BudgetSpent) as spent:
            await HttpSession(connection).request("GET /", "/")
        assert spent.value.code == "reply_too_large"
        assert (await HttpSession(connection).request("GET /", "/")).body == b"{}"
    assert len(dialer.streams) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'[{"a":' * 50_000 + b"1" + b"}]" * 50_000,
        b"[NaN]", b"[Infinity]", b"[-Infinity]",
        b"", b"[1,]", b"{'a': 1}", b"<html></html>", b"\xff\xfe", b'"\xc3\x28"',
        b"[" + b"9" * 5_000 + b"]",
    ],
    ids=lambda body: repr(body[:10]),
)  # fmt: skip
def test_what_is_no_json_or_nests_too_deep(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(NotThisProtocol) as raised:
            Response(200, {}, body).json()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    assert raised.value.__suppress_context__  # the parser quotes what it could not read
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * MAX_CONTAINERS + b"1]",
        b"[" + b"{}," * MAX_CONTAINERS + b"1]",
        b"[" + b"1," * MAX_VALUES + b"1]",
        b"[" * 8_000_000,
    ],
    ids=["lists", "objects", "numbers", "nesting"],
)
def test_json_that_would_take_too_much_memory_is_not_parsed(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BudgetSpent) as raised:
            Response(200, {}, body).json()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert raised.value.code == "reply_too_large"
    assert peak < 1 << 20


def test_a_page_of_face_vectors_is_parsed() -> None:
    body = b"[" + b",".join([b"[" + b"0.125," * 511 + b"1]"] * 1_000) + b"]"
    assert len(Response(200, {}, body).json()) == 1_000


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_real_server_that_closes_after_each_reply(address: str) -> None:
    """Keep-alive is promised and broken: the reset may come at sending or at reading."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, address, 0)
    port = server.sockets[0].getsockname()[1]
    dialer = TcpDialer(Scope.loopback(), Budget(None, None))
    connection = Connection(dialer, Target(ip_address(address), port), ALLOWED, StoreLimits())
    async with server, connection:
        session = HttpSession(connection)
        for _ in range(5):
            assert (await session.request("GET /", "/")).json() == {}
    assert len(heard) == 5
