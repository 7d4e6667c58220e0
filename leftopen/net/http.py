"""HTTP/1.1 GET, POST and OPTIONS over a Connection: h11 is the codec, the stream stays ours.

Redirects are returned, never followed. Heads, bodies and the JSON in them are bounded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

import h11

from leftopen.errors import BudgetSpent, NotThisProtocol, PeerClosed
from leftopen.net.connection import Connection

_AGENT = "leftopen"
_FIRST_WORD = b"HTTP/"
_MAX_HEAD = 32_768
_MAX_INFORMATIONAL = 8  # interim replies (100, 103) before the real one
# Python's objects are many times their JSON: an empty list is 2 bytes there, 72 here. These keep
# what one body can become under about 100 MiB; a page of 1,000 face vectors still passes.
MAX_CONTAINERS = 250_000
MAX_VALUES = 1_500_000


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers (lower-case names; repeated ones joined by ", ") and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as strict JSON.

        Raises NotThisProtocol if it is none or nests too deep (Python's own limit, about 1,000
        levels), BudgetSpent if it holds more values than memory should be spent on.
        """
        containers = self.body.count(b"[") + self.body.count(b"{")
        if containers > MAX_CONTAINERS or containers + self.body.count(b",") > MAX_VALUES:
            raise BudgetSpent(code="reply_too_large")
        try:
            return json.loads(self.body, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise NotThisProtocol("the reply is not JSON") from None


def _no_constant(_: str) -> NoReturn:
    """Python reads NaN and Infinity; JSON has no such words."""
    raise ValueError("not JSON")


class HttpSession:
    """Requests one after another over a Connection, kept alive where the server does so.

    After each request the connection is either ready for the next one or closed, so that sessions
    may follow one another on it whatever happened in the one before.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def request(
        self,
        name: str,
        path: str,
        *,
        method: Literal["GET", "POST", "OPTIONS"] = "GET",
        body: Mapping[str, Any] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request under its allow-list name; returns the response whatever its status.

        A mapping as `body` is sent as JSON, a string as plain text; `headers` besides leftopen's
        own, whose names they may replace. Where the server has closed a
        connection that was used before, it is dialled once more: every request is a read. Raises
        NotThisProtocol where the peer does not speak HTTP, BudgetSpent where the body is larger
        than the reply limit, and NetError.
        """
        content = _content(body)
        head = {
            "Host": self._host(),
            "User-Agent": _AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if body is not None:
            head["Content-Type"] = "text/plain" if isinstance(body, str) else "application/json"
            head["Content-Length"] = str(len(content))
        head |= headers or {}
        request = h11.Request(method=method, target=path, headers=list(head.items()))
        used_before = bool(self._connection.requests)
        response = await self._exchange(name, request, content, last=not used_before)
        if response is None:
            await self._connection.reopen()
            response = await self._exchange(name, request, content, last=True)
        assert response is not None  # the last attempt returns or raises
        return response

    def _host(self) -> str:
        target = self._connection.target
        return str(target) if target.host is None else f"{target.host}:{target.port}"

    async def _exchange(
        self, name: str, request: h11.Request, content: bytes, *, last: bool
    ) -> Response | None:
        """The response; None if the peer had closed before a byte of it came, and `last` is off."""
        codec = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        payload = (codec.send(request) or b"") + (codec.send(h11.Data(content)) or b"")
        payload += codec.send(h11.EndOfMessage()) or b""
        before = self._connection.bytes_read
        reusable = False
        try:
            await self._connection.send(name, payload)
            response = await self._receive(codec)
            # Bytes beyond the reply would be taken for the next one.
            reusable = codec.their_state is h11.DONE and not codec.trailing_data[0]
            return response
        except h11.RemoteProtocolError:
            raise NotThisProtocol("the peer does not speak HTTP") from None
        except PeerClosed:
            if last or self._connection.bytes_read > before:
                raise
            return None
        finally:
            if not reusable:
                await self._connection.close()

    async def _receive(self, codec: h11.Connection) -> Response:
        head: h11.Response | None = None
        body = bytearray()
        informational = 0
        # Another protocol's greeting may have no end that h11 would wait for.
        start = await self._connection.read_some()
        while len(start) < len(_FIRST_WORD) and _FIRST_WORD.startswith(start):
            start += await self._connection.read_some()
        if not start.startswith(_FIRST_WORD):
            raise NotThisProtocol("the peer does not speak HTTP")
        codec.receive_data(start)
        while True:
            event = codec.next_event()
            if event is h11.NEED_DATA:
                await self._feed(codec, head)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._connection.limits.reply_bytes:
                    raise BudgetSpent(code="reply_too_large")
            elif isinstance(event, h11.InformationalResponse):
                informational += 1
                if informational > _MAX_INFORMATIONAL:
                    raise NotThisProtocol("interim replies without end")
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return Response(head.status_code, _named(head), bytes(body))
            else:
                raise PeerClosed("the peer ended the connection")

    async def _feed(self, codec: h11.Connection, head: h11.Response | None) -> None:
        try:
            data = await self._connection.read_some()
        except PeerClosed:
            if head is None or _states_length(head):
                raise
            data = b""  # a body without a stated length ends with the connection (HTTP/1.0)
        codec.receive_data(data)


def _content(body: Mapping[str, Any] | str | None) -> bytes:
    if body is None:
        return b""
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def _states_length(head: h11.Response) -> bool:
    """Whether the reply says itself where it ends (RFC 9112, section 6.3)."""
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in head.headers)


def _named(head: h11.Response) -> dict[str, str]:
    named: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        named[name] = f"{named[name]}, {value}" if name in named else value
    return named
