"""A session with a MySQL or MariaDB over the Connection: TLS, one log-on, SELECTs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from leftopen.engines import _mysql_sql as sql
from leftopen.engines import _mysql_wire as wire
from leftopen.errors import (
    BudgetSpent,
    CertificateWanted,
    NetError,
    NotThisProtocol,
    ServerRefused,
    TlsFailed,
)
from leftopen.net.connection import Connection

_ROUNDS = 4  # packets of a server between our log-on and its answer
_SMALL_REPLY = 4_096  # bytes of one


@dataclass
class Result:
    """Rows of text cells and the columns they have; `cut` off where they weighed too much."""

    columns: tuple[wire.Column, ...] = ()
    rows: list[list[bytes | None]] = field(default_factory=list)
    cut: bool = False


@dataclass
class Session:
    """A log-on and SELECTs on one Connection, which must be freshly dialled.

    `tls_first`: TLS followed the dial, then and on every new one, and no SSLRequest is due.
    `ready`: it takes statements. `tried`: a byte of a log-on has left; `let_in`: it was accepted.
    """

    connection: Connection
    tls_first: bool
    ready: bool = False
    tried: bool = False
    let_in: bool = False
    stated: str = ""  # the version, as its greeting tells it
    _sequence: int = 0
    _guards: bool = True  # whether the server knows READ ONLY transactions (5.6.5, MariaDB 10.0)

    async def greeted(self) -> wire.Greeting | wire.Refusal:
        """What a fresh connection brings, before a byte of ours. Raises NotThisProtocol."""
        self._sequence = 0
        payload = await self._read(wire.MAX_GREETING)
        if self._sequence not in (1, 2):  # some refuse with number 1
            raise NotThisProtocol("not a greeting of MySQL")
        greeted = wire.greeting(payload)
        if isinstance(greeted, wire.Greeting):
            self.stated = greeted.version
        return greeted

    async def log_on(self, greeted: wire.Greeting, account: str) -> wire.Refusal | None:
        """Name the account once, with an empty password; None if it was let in.

        A method that has no empty password is a Refusal with the number 1045 (access denied), as
        is a server that wants the password itself. Raises NotThisProtocol and NetError.
        """
        over_tls = self.connection.tls
        if not over_tls and greeted.capabilities & wire.CLIENT_SSL:
            again = await self._secured(greeted)
            if isinstance(again, wire.Refusal):
                return again
            greeted, over_tls = again, self.connection.tls
        self.tried = True
        # Over TLS from the start the server itself may not know of it.
        flagged = over_tls and bool(greeted.capabilities & wire.CLIENT_SSL)
        response = wire.empty_response(account, greeted, self._sequence, tls=flagged)
        await self._send(response)
        for _ in range(_ROUNDS):
            payload = await self._read(_SMALL_REPLY)
            kind = payload[:1]
            if kind == b"\0" and len(payload) >= 7:  # OK_Packet
                self.ready = self.let_in = True
                return None
            if kind == b"\xff":
                return wire.refusal(payload)
            if kind == b"\xfe":
                answer = wire.EMPTY_ANSWERS.get(wire.switched(payload))
                if answer is None:
                    return wire.Refusal(1045, False)
                await self._send(wire.packet(answer, self._sequence))
            elif payload == b"\x01\x04":  # caching_sha2_password wants the whole password
                return wire.Refusal(1045, False)
            elif payload != b"\x01\x03":  # it has seen enough; OK follows
                break
        raise NotThisProtocol("not an answer to a log-on")

    async def enter(self, account: str) -> None:
        """Be logged on; raises ServerRefused with the error's number.

        On a new dial where a result was cut off; a log-on that was not accepted is never repeated.
        """
        if self.ready:
            return
        if self.tried and not self.let_in:
            raise ServerRefused(code="1045")
        if self.tried:
            self.connection.tls = self.tls_first  # after an SSLRequest it is set, yet not first
            await self.connection.reopen()
        greeted = await self.greeted()
        refused: wire.Refusal | None
        if isinstance(greeted, wire.Refusal):
            refused = greeted
        else:
            refused = await self.log_on(greeted, account)
        if refused is not None:
            raise ServerRefused(code=str(refused.number))

    async def leave(self) -> None:
        if self.ready:
            self.ready = False
            with contextlib.suppress(NetError):
                await self._send(wire.QUIT)

    async def select(self, statement: str, limit: int) -> Result:
        """Up to `limit` rows in a READ ONLY transaction of their own.

        Raises ServerRefused with the error's number, RequestNotAllowed before anything is sent, and
        NotThisProtocol. A result that weighs more than a reply may ends the connection.
        """
        sql.request_name(wire.query(statement))
        await self.begin()
        try:
            return await self._run(statement, limit)
        finally:
            if self.ready:
                await self.end()

    async def begin(self) -> None:
        """Begin a READ ONLY transaction, which `end` ends, where the server knows these."""
        if self._guards:
            try:
                await self._run(sql.START, 0)
            except ServerRefused as refused:
                if refused.code != "1064":  # unknown to it: it is a SELECT all the same
                    raise
                self._guards = False

    async def end(self) -> None:
        if self._guards:
            await self._run(sql.ROLLBACK, 0)

    async def as_they_are(self) -> None:
        """Have MySQL 8 tell counters as they are now; ServerRefused where it will not."""
        if "mariadb" in self.stated.lower():
            return
        try:
            await self._run(sql.AS_THEY_ARE, 0)
        except ServerRefused as refused:
            if refused.code != "1193":  # before 8, where they always are
                raise

    async def ask(self, statement: str) -> tuple[wire.Column, ...] | None:
        """Send a statement; the columns of its result, whose rows are to be read, None where it has
        none. Raises ServerRefused."""
        # Whatever interrupts this leaves the connection in the middle of a reply.
        self.ready, before = False, self.ready
        if not before:
            raise ServerRefused(code="not_logged_on")
        self._sequence = 0
        await self._send(wire.query(statement))
        first = await self._read(self.connection.limits.reply_bytes)
        if first[:1] == b"\xff":
            self.ready = True
            raise ServerRefused(code=str(wire.refusal(first).number))
        if first[:1] == b"\0":  # OK_Packet: no result
            self.ready = True
            return None
        count = wire.column_count(first)
        told = [wire.column(await self._read(_SMALL_REPLY)) for _ in range(count)]
        if not wire.is_end(await self._read(_SMALL_REPLY)):
            raise NotThisProtocol("a result without rows or end")
        return tuple(told)

    async def _run(self, statement: str, limit: int) -> Result:
        columns = await self.ask(statement)
        result = Result(columns or ())
        if columns is not None:
            await self._rows(result, limit)
        self.ready = not result.cut
        if result.cut:
            await self.connection.close()
        return result

    async def _rows(self, result: Result, limit: int) -> None:
        left = most = self.connection.limits.reply_bytes
        while not wire.is_end(payload := await self._read(most)):
            if payload[:1] == b"\xff":  # broken off: by its limit of time, mostly
                self.ready = True
                raise ServerRefused(code=str(wire.refusal(payload).number))
            left -= len(payload)
            if left < 0:
                result.cut = True
                return
            if len(result.rows) == limit:
                raise NotThisProtocol("more rows than were asked for")
            result.rows.append(wire.row(payload, len(result.columns)))

    async def _secured(self, greeted: wire.Greeting) -> wire.Greeting | wire.Refusal:
        """Go over to TLS, or stay in plain text where that fails; nobody has been named yet."""
        await self._send(wire.ssl_request(self._sequence))
        self._sequence += 1
        try:
            await self.connection.start_tls()
        except CertificateWanted:
            raise
        except TlsFailed:
            await self.connection.reopen()
            return await self.greeted()
        return greeted

    async def _send(self, packet: bytes) -> None:
        await self.connection.send(sql.request_name(packet), packet)

    async def _read(self, most: int) -> bytes:
        """The payload of the next packet, at most `most` bytes."""
        length, sequence = wire.header(await self.connection.read_exactly(wire.HEADER))
        if length == 0 or length > most:
            if length > _SMALL_REPLY and most > _SMALL_REPLY:
                raise BudgetSpent(code="reply_too_large")
            raise NotThisProtocol("a packet has a length that cannot be")
        self._sequence = (sequence + 1) & 0xFF
        return await self.connection.read_exactly(length)
