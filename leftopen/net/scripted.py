"""A scripted peer behind the network interface: for speed, and for answers no real server gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from leftopen.errors import NetError, TlsFailed
from leftopen.model import Target

Reply = bytes | NetError | None
Script = Callable[[bytes], Reply | Iterable[Reply]]


class ScriptedStream:
    """Answers each `send` with what the script returns for it: bytes, several pieces of bytes, an
    error to raise on the next read, or None to end the connection."""

    def __init__(self, script: Script, greeting: bytes, *, tls: bool) -> None:
        self._script, self._tls = script, tls
        self._pending: list[Reply] = [greeting] if greeting else []
        self.sent: list[bytes] = []
        self.closed = False

    async def receive(self, limit: int) -> bytes:
        if not self._pending:
            return b""
        piece = self._pending.pop(0)
        if isinstance(piece, NetError):
            raise piece
        if piece is None:
            self._pending.clear()
            return b""
        if len(piece) > limit:
            self._pending.insert(0, piece[limit:])
        return piece[:limit]

    async def send(self, data: bytes) -> None:
        self.sent.append(data)
        answer = self._script(data)
        if answer is None or isinstance(answer, bytes | NetError):
            answer = (answer,)
        self._pending.extend(answer)

    async def start_tls(self) -> None:
        if not self._tls:
            raise TlsFailed("the scripted peer speaks no TLS")

    @property
    def certificate(self) -> bytes | None:
        return None

    async def close(self) -> None:
        self.closed = True
        self._pending.clear()


class ScriptedDialer:
    """Hands out scripted streams. `make` gives the script of each new connection, so that a script
    may keep state; `streams` holds all that were dialled, `targets` whereto."""

    def __init__(self, make: Callable[[], Script], *, greeting: bytes = b"", tls: bool = False):
        self._make, self._greeting, self._tls = make, greeting, tls
        self.streams: list[ScriptedStream] = []
        self.targets: list[Target] = []

    async def dial(self, target: Target) -> ScriptedStream:
        stream = ScriptedStream(self._make(), self._greeting, tls=self._tls)
        self.streams.append(stream)
        self.targets.append(target)
        return stream

    @property
    def sent(self) -> list[bytes]:
        """Everything that was sent over all streams, in order of connection."""
        return [data for stream in self.streams for data in stream.sent]
