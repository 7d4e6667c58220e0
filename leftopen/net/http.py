"""HTTP/1.1 GET and POST over a Connection: h11 is the codec, the stream stays ours.

Redirects are returned, never followed. Bodies are bounded by the store's reply limit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import h11

from leftopen.errors import BudgetSpent, NotThisProtocol, PeerClosed
from leftopen.net.connection import Connection

_AGENT = "leftopen"
_MAX_HEAD = 32_768


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers (lower-case names) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON; raises NotThisProtocol if it is none, or nests too deep."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise NotThisProtocol("the reply is not JSON") from None


class HttpSession:
    """One keep-alive session; reopens the connection where the server has closed it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._codec: h11.Connection | None = None

    async def request(
        self,
        name: str,
        path: str,
        *,
        method: Literal["GET", "POST"] = "GET",
        body: Mapping[str, Any] | None = None,
    ) -> Response:
        """Send one request under its allow-list name; returns the response whatever its status.

        Raises NotThisProtocol where the peer does not speak HTTP, BudgetSpent where the body is
        larger than the reply limit, and NetError.
        """
        if self._codec is None or self._codec.our_state is not h11.IDLE:
            if self._codec is not None:
                await self._connection.reopen()
            self._codec = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        codec = self._codec
        content = b"" if body is None else json.dumps(body).encode()
        target = self._connection.target
        headers = [
            ("Host", str(target) if target.host is None else f"{target.host}:{target.port}"),
            ("User-Agent", _AGENT),
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
        ]
        if body is not None:
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        request = h11.Request(method=method, target=path, headers=headers)
        payload = (codec.send(request) or b"") + (codec.send(h11.Data(content)) or b"")
        payload += codec.send(h11.EndOfMessage()) or b""
        await self._connection.send(name, payload)
        try:
            response = await self._receive(codec)
        except h11.RemoteProtocolError:
            raise NotThisProtocol("the peer does not speak HTTP") from None
        if codec.our_state is h11.DONE and codec.their_state is h11.DONE:
            codec.start_next_cycle()
        return response

    async def _receive(self, codec: h11.Connection) -> Response:
        head: h11.Response | None = None
        body = bytearray()
        while True:
            event = codec.next_event()
            if event is h11.NEED_DATA:
                try:
                    codec.receive_data(await self._connection.read_some())
                except PeerClosed:
                    if head is None:
                        raise
                    codec.receive_data(b"")
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._connection.limits.reply_bytes:
                    raise BudgetSpent(code="reply_too_large")
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                if head is None:
                    raise PeerClosed("the peer ended the connection")
                named = {k.decode("latin-1"): v.decode("latin-1") for k, v in head.headers}
                return Response(head.status_code, named, bytes(body))
