"""The connection an engine is handed, and the two small interfaces beneath it.

Every byte to and from a store passes here: requests against the allow-list, replies against the
store's limits. What lies beneath is real (`net.dial`) or a scripted peer (`net.scripted`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeVar

from leftopen.budget import StoreLimits
from leftopen.errors import BudgetSpent, PeerClosed, RequestNotAllowed, Silent
from leftopen.model import OptIn, Target

_CHUNK = 65_536
_SHARED_CHUNK = 2_048  # so that dozens may have booked their next one and there is still some left
_NOTHING = OptIn()
_T = TypeVar("_T")


class Stream(Protocol):
    """A two-way stream of bytes. Raises NetError subclasses only."""

    async def receive(self, limit: int) -> bytes:
        """At least one and at most `limit` bytes; b"" once the peer has ended."""
        ...

    async def send(self, data: bytes) -> None: ...

    async def start_tls(self) -> None: ...

    @property
    def certificate(self) -> bytes | None:
        """The peer's certificate (DER) once TLS stands, else None."""
        ...

    async def close(self) -> None: ...


class Dialer(Protocol):
    """Opens streams; asks the scope and charges the budget before it does."""

    async def dial(self, target: Target) -> Stream:
        """Raises ScopeRefused, Refused, Silent or another NetError. Bounds its own time, apart
        from what it waits for the budget."""
        ...


@dataclass(slots=True)
class Allowance:
    """Bytes that several connections may read together."""

    left: int


class Connection:
    """A bounded connection to one pinned target.

    `allowed` holds the names of the requests that may be sent; `requests` those that were, in
    order of first use. With `tls` the handshake follows every dial. `opt_in` is what the scope file
    allows at this target beyond asking without a name. Limits count over the life of the object,
    through every `reopen`; `allowance` is a further one that it shares with others. Use it as an
    async context manager.
    """

    def __init__(
        self,
        dialer: Dialer,
        target: Target,
        allowed: frozenset[str],
        limits: StoreLimits,
        *,
        tls: bool = False,
        opt_in: OptIn = _NOTHING,
        allowance: Allowance | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = target
        self.limits = limits
        self.tls = tls
        self.opt_in = opt_in
        self.bytes_read = 0
        self.certificate: bytes | None = None
        self.requests: list[str] = []
        self._allowed = allowed
        self._dialer = dialer
        self._allowance = allowance or Allowance(limits.bytes)
        self._chunk = _CHUNK if allowance is None else _SHARED_CHUNK
        self._clock = clock
        self._deadline = clock() + limits.seconds
        self._stream: Stream | None = None
        self._buffer = bytearray()

    async def __aenter__(self) -> Self:
        await self.reopen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def seconds_left(self) -> float:
        """Seconds of this store's budget that are left; never negative."""
        return max(0.0, self._deadline - self._clock())

    @property
    def bytes_left(self) -> int:
        """Bytes of this store's budget that are left."""
        return max(0, min(self.limits.bytes - self.bytes_read, self._allowance.left))

    async def reopen(self) -> None:
        """Close, and dial the same target again (there is no way to dial another)."""
        await self.close()
        if self.seconds_left == 0:
            raise BudgetSpent(code="seconds")
        began = self._clock()
        stream = await self._dialer.dial(self.target)
        # Dialling is bounded by the dialer, and may wait for our own budget: not the store's fault.
        self._deadline += self._clock() - began
        self._stream = stream
        if self.tls:
            try:
                await self._secure(stream)
            except BaseException:  # whoever opens with `async with` never gets to close it
                await self.close()
                raise

    async def close(self) -> None:
        stream, self._stream = self._stream, None
        self._buffer.clear()
        if stream is not None:
            await stream.close()

    async def start_tls(self) -> None:
        """Go over to TLS on the open stream, for protocols that ask in plain text first.

        Bytes that came before the handshake are dropped: what a peer said in the clear must not
        be taken for what it says over TLS.
        """
        self._buffer.clear()
        await self._secure(self._open)
        self.tls = True

    async def _secure(self, stream: Stream) -> None:
        await self._timed(stream.start_tls())
        self.certificate = stream.certificate or self.certificate

    async def send(self, request: str, payload: bytes) -> None:
        """Send one request under its name; raises RequestNotAllowed before a byte leaves."""
        if request not in self._allowed:
            raise RequestNotAllowed(f"request {request!r} is not on the engine's allow-list")
        if request not in self.requests:
            self.requests.append(request)
        await self._timed(self._open.send(payload))

    async def read_some(self, limit: int = _CHUNK) -> bytes:
        """At least one byte and at most `limit`; raises PeerClosed at the end of the stream."""
        if not self._buffer:
            await self._fill()
        taken = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        return taken

    async def read_exactly(self, count: int) -> bytes:
        """Exactly `count` bytes. A count above the reply limit is refused before any is read."""
        if count < 0 or count > self.limits.reply_bytes:
            raise BudgetSpent(code="reply_too_large")
        while len(self._buffer) < count:
            await self._fill()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _fill(self) -> None:
        if self.bytes_left == 0:
            raise BudgetSpent(code="bytes")
        # Booked before it is read: others read from the same allowance meanwhile.
        booked = min(self._chunk, self.bytes_left)
        self._allowance.left -= booked
        data = b""
        try:
            data = await self._timed(self._open.receive(booked))
        finally:
            self._allowance.left += booked - len(data)
        if not data:
            raise PeerClosed("the peer ended the connection")
        self.bytes_read += len(data)
        self._buffer += data

    @property
    def _open(self) -> Stream:
        if self._stream is None:
            raise PeerClosed("the connection is not open")
        return self._stream

    async def _timed(self, work: Awaitable[_T]) -> _T:
        """Wait no longer than the peer's silence and the store's seconds allow."""
        left = self.seconds_left
        try:
            return await asyncio.wait_for(work, min(self.limits.silence, left))
        except TimeoutError:
            if left <= self.limits.silence:
                raise BudgetSpent(code="seconds") from None
            raise Silent("nothing came within the time allowed") from None
