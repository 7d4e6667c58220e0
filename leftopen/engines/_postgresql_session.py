"""A session with a PostgreSQL server over the Connection: TLS, log-on without password, SELECT."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from leftopen.budget import StoreLimits
from leftopen.engines import _postgresql_sql as sql
from leftopen.engines import _postgresql_wire as wire
from leftopen.errors import (
    BudgetSpent,
    CertificateWanted,
    NetError,
    NotThisProtocol,
    ServerRefused,
    TlsFailed,
)
from leftopen.net.connection import Connection

ROLE = "postgres"
_STARTUP_BYTES = 65_536  # of one message that is no row
_STARTUP_MESSAGES = 200
_NOTICES = 1_000  # messages beside the result, of one query
_FIRST_PAGE = 20  # rows, before it is known how wide they are
# Messages that a server may send at any time: notice, parameter, notification.
_ASIDE = (b"N", b"S", b"A")
_EXPECTED = {*_ASIDE, *(b"R", b"K", b"E", b"v", b"Z", b"T", b"D", b"C", b"s", b"1", b"2", b"n")}
# A server that does not know one of our settings; 08P01 is pgbouncer's word for it.
_SETTING_UNKNOWN = {"08P01", "42704", "22023", "0A000"}


def role_of(connection: Connection) -> str:
    """Whom to read as: the role that the scope names, else the default superuser."""
    return connection.opt_in.role or ROLE


@dataclass(frozen=True, slots=True)
class LogOn:
    """How a server answered a StartupMessage. `let_in`: AuthenticationOk came and nothing was
    asked for; `ready`: it takes queries; `refusal`: the error it ended with. None of these: it
    asks for a password or another proof, and got none."""

    let_in: bool
    ready: bool
    refusal: wire.Refusal | None
    parameters: Mapping[str, str]


@dataclass
class Result:
    """Rows of text cells, the columns they have, their weight in bytes, and whether they were cut
    off for their weight."""

    columns: tuple[wire.ResultColumn, ...] | None = None
    rows: list[list[bytes | None]] = field(default_factory=list)
    bytes: int = 0
    cut: bool = False


@dataclass
class Session:
    """Log-ons and queries on one Connection, which must be freshly dialled.

    `direct_tls`: TLS followed the dial and no SSLRequest is due, then and on every new dial.
    `database` is the one we are in, None where the connection is not fit for a query. `guarded`:
    the server did not confirm that the session is read-only, so each query runs in a READ ONLY
    transaction.
    """

    connection: Connection
    direct_tls: bool
    database: str | None = None
    guarded: bool = True
    _fresh: bool = True

    async def log_on(self, role: str, database: str) -> LogOn:
        """On a new dial, with the settings that make the session read-only and harmless. Servers
        that do not know one of them are asked again without."""
        answer = await self.hello(role, database, _settings(self.connection.limits))
        if answer.refusal is not None and answer.refusal.code in _SETTING_UNKNOWN:
            answer = await self.hello(role, database, {})
        self.database = database if answer.ready else None
        self.guarded = answer.parameters.get("default_transaction_read_only") != "on"
        return answer

    async def hello(self, role: str, database: str, settings: Mapping[str, str]) -> LogOn:
        """Send a StartupMessage on a new dial; read up to where the server asks, refuses, or is
        ready. Raises NotThisProtocol."""
        await self._dial()
        told = {
            "user": role,
            "database": database,
            "application_name": "leftopen",
            "client_encoding": "UTF8",
            "DateStyle": "ISO",
            "TimeZone": "UTC",
        }
        await self.connection.send("StartupMessage", wire.startup(told | dict(settings)))
        let_in = False
        parameters: dict[str, str] = {}
        for _ in range(_STARTUP_MESSAGES):
            message = await self._read(_STARTUP_BYTES)
            if message.type == b"E":
                return LogOn(let_in, False, wire.refusal(message.body), parameters)
            if message.type == b"R" and not let_in:
                if wire.asked_for(message.body) != 0:
                    return LogOn(False, False, None, parameters)
                let_in = True
            elif message.type == b"S" and let_in:
                name, value = wire.parameter(message.body)
                parameters[name] = value
            elif message.type == b"Z" and let_in and message.body == b"I":
                return LogOn(True, True, None, parameters)
            elif message.type not in (b"N", b"v") and not (message.type == b"K" and let_in):
                raise NotThisProtocol("a message that does not belong into a log-on")
        raise NotThisProtocol("a log-on without end")

    async def enter(self, role: str, database: str) -> None:
        """Be in that database; raises ServerRefused where the server does not let us in."""
        if self.database == database:
            return
        answer = await self.log_on(role, database)
        if not answer.ready:
            raise ServerRefused(code=answer.refusal.code if answer.refusal else "28000")

    async def leave(self) -> None:
        """Say goodbye where there is somebody to say it to."""
        if self.database is not None:
            self.database = None
            with contextlib.suppress(NetError):
                await self.connection.send("Terminate", wire.terminate())

    async def select(self, statement: str, limit: int, *, timed: bool = False) -> Result:
        """Up to `limit` rows, fewer where those weigh more than one reply may.

        `timed`: where the session itself has no limit of time, the statement is given one.

        Raises ServerRefused with the SQLSTATE, RequestNotAllowed before anything is sent, and
        NotThisProtocol; after the last the next `enter` dials anew.
        """
        sql.request_name(statement)
        if not self.guarded:
            return await self._run(statement, limit)
        await self.begin(timed=timed)
        try:
            return await self._run(statement, limit)
        finally:
            if self.database is not None:
                await self.end()

    async def begin(self, *, timed: bool = False) -> None:
        """Begin a READ ONLY transaction, which `end` ends."""
        await self._run(sql.BEGIN, 1)
        if timed and self.guarded:
            await self._run(sql.time_limit(_milliseconds(self.connection.limits)), 1)

    async def end(self) -> None:
        await self._run(sql.ROLLBACK, 1)

    async def _dial(self) -> None:
        """A connection on which a StartupMessage may be sent."""
        await self.leave()
        if not self._fresh:
            self.connection.tls = self.direct_tls  # after an SSLRequest it is set, yet not direct
            await self.connection.reopen()
        self._fresh = False
        if not self.direct_tls:
            await self._secure()

    async def _secure(self) -> None:
        """Ask for TLS and go over to it, or stay in plain text; raises NotThisProtocol."""
        await self.connection.send("SSLRequest", wire.SSL_REQUEST)
        answer = await self.connection.read_some(2)  # one byte is due; a second gives others away
        if answer == b"N":
            return
        if answer == b"S":
            try:
                await self.connection.start_tls()
            except CertificateWanted:
                raise
            except TlsFailed:
                await self.connection.reopen()
            return
        if answer[:1] != b"E":
            raise NotThisProtocol("not an answer to SSLRequest")
        # A server from before TLS, or one without room, says so with an error and hangs up.
        header = answer + await self.connection.read_exactly(wire.HEADER - len(answer))
        wire.refusal((await self._rest(header, _STARTUP_BYTES)).body)
        await self.connection.reopen()

    async def _run(self, statement: str, limit: int) -> Result:
        """One extended query, fetched page by page and ended with Sync."""
        # Whatever interrupts this leaves the connection in the middle of a reply.
        database, self.database = self.database, None
        name = sql.request_name(statement)
        most = self.connection.limits.reply_bytes
        result = Result()
        page = min(limit, _FIRST_PAGE)
        await self.connection.send(name, wire.query(statement, page))
        while True:
            refused, more = await self._page(result, page)
            got = len(result.rows)
            if refused is not None or not more or got >= limit:
                break
            if result.bytes >= most:
                result.cut = True
                break
            each = max(1, result.bytes // max(1, got))
            page = max(1, min(limit - got, (most - result.bytes) // each))
            await self.connection.send(name, wire.more(page))
        await self.connection.send(name, wire.sync())
        await self._until_ready()
        self.database = database
        if refused is not None:
            raise ServerRefused(code=refused.code)
        return result

    async def _page(self, result: Result, page: int) -> tuple[wire.Refusal | None, bool]:
        """Read one page into the result; tells a refusal, and whether there is more."""
        rows = others = 0
        most = self.connection.limits.reply_bytes
        while True:
            message = await self._read(most)
            if message.type == b"D" and result.columns is not None and rows < page:
                rows += 1
                cells = wire.data_row(message.body, len(result.columns))
                if result.bytes <= most:
                    result.bytes += len(message.body)
                    result.rows.append(cells)
                else:
                    result.cut = True
            elif message.type == b"T" and result.columns is None:
                result.columns = wire.row_description(message.body)
            elif message.type == b"C":
                if wire.completed(message.body) != (None if result.columns is None else rows):
                    raise NotThisProtocol("a result states another number of rows than it has")
                return None, False
            elif message.type == b"s" and rows == page:
                return None, True
            elif message.type == b"E":
                return wire.refusal(message.body), False
            elif message.type in (b"1", b"2", b"n", *_ASIDE) and others < _NOTICES:
                others += 1
            else:
                raise NotThisProtocol("a message that does not belong into a result")

    async def _until_ready(self) -> None:
        for _ in range(_NOTICES):
            message = await self._read(_STARTUP_BYTES)
            if message.type == b"Z":
                return
            if message.type not in _ASIDE:
                break
        raise NotThisProtocol("the server does not get ready again")

    async def _read(self, most: int) -> wire.Message:
        return await self._rest(await self.connection.read_exactly(wire.HEADER), most)

    async def _rest(self, header: bytes, most: int) -> wire.Message:
        if header[:1] not in _EXPECTED:
            raise NotThisProtocol("not a message of PostgreSQL")
        length = wire.body_length(header)
        if length > most and header[:1] == b"D":
            raise BudgetSpent(code="reply_too_large")
        if length > most:  # nothing but a row may be that long
            raise NotThisProtocol("a message has a length that cannot be")
        return wire.Message(header[:1], await self.connection.read_exactly(length))


def _settings(limits: StoreLimits) -> dict[str, str]:
    """The server is to end a statement before we would take it for silent, and to wait for no
    locks; row-level security is to fail rather than to run the functions of its policies."""
    milliseconds = _milliseconds(limits)
    return {
        "default_transaction_read_only": "on",
        "statement_timeout": str(milliseconds),
        "lock_timeout": str(min(1_000, milliseconds)),
        "row_security": "off",
        "search_path": "pg_catalog",
        "bytea_output": "hex",
        "extra_float_digits": "1",
    }


def _milliseconds(limits: StoreLimits) -> int:
    return max(100, int(limits.silence * 800))
