"""What leftopen may say to a MySQL or MariaDB, and a session that says it over the Connection.

Every packet is named from its own bytes: the log-on only with an empty password, statements only
where their text fits one of the templates below. They read information_schema and stored tables,
and call built-in functions alone.
"""

# ruff: noqa: S608 - composing SQL is part of this file's purpose; `request_name` checks every text.

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from leftopen.engines import _mysql_wire as wire
from leftopen.errors import (
    BudgetSpent,
    CertificateWanted,
    NetError,
    NotThisProtocol,
    RequestNotAllowed,
    ServerRefused,
    TlsFailed,
)
from leftopen.net.connection import Connection
from leftopen.sample import MAX_BINARY, MAX_CELL

MAX_TABLES = 20_000  # that are listed
_MAX_LONG = 65_536  # characters of a JSON document: larger than a plain cell
_ROUNDS = 4  # packets of a server between our log-on and its answer
_SMALL_REPLY = 4_096  # bytes of one

START = "START TRANSACTION READ ONLY"
ROLLBACK = "ROLLBACK"
GRANTS = "SHOW GRANTS"
READ_ONLY = "SELECT @@global.read_only"
# Engines that hold their rows themselves; FEDERATED, CONNECT, SPIDER, S3 would dial elsewhere.
_STORED = "'InnoDB', 'XtraDB', 'MyISAM', 'Aria', 'ARCHIVE', 'CSV', 'MEMORY', 'ROCKSDB', 'TokuDB'"
SYSTEM = ("mysql", "sys", "information_schema", "performance_schema", "ndbinfo", "metrics_schema")
TABLES = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES "
    f"WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE IN ({_STORED}) "
    "AND TABLE_SCHEMA NOT IN (" + ", ".join(f"'{name}'" for name in SYSTEM) + ") "
    f"ORDER BY DATA_LENGTH DESC LIMIT {MAX_TABLES}"
)
_COLUMNS = (
    "SELECT COLUMN_NAME, DATA_TYPE, PRIVILEGES FROM information_schema.COLUMNS "
    "WHERE TABLE_SCHEMA = _utf8 0x{schema} AND TABLE_NAME = _utf8 0x{table} "
    f"ORDER BY ORDINAL_POSITION LIMIT {wire.MAX_COLUMNS}"
)
# The server is to end a statement before we would take it for silent: MariaDB by what is a comment
# to MySQL, MySQL by what is a comment to MariaDB.
_LIMITED = "/*M!100108 SET STATEMENT max_statement_time={:.3f} FOR */ "
_HINT = "/*+ MAX_EXECUTION_TIME({:d}) */ "

_NAME = r"`(?:[^`\0]|``)+`"
_TABLE = rf"(?i:(?!`(?:{'|'.join(SYSTEM)})`)){_NAME}\.{_NAME}"
_CELL = rf"(?:{_NAME}|LEFT\({_NAME}, \d+\))"
_BEFORE = r"/\*M!100108 SET STATEMENT max_statement_time=\d+\.\d{3} FOR \*/ SELECT "
_BEFORE += r"/\*\+ MAX_EXECUTION_TIME\(\d+\) \*/ "
_HEX = "0x(?:[0-9a-f]{2})+"
_TEMPLATES = {
    "START TRANSACTION READ ONLY": re.compile(START),
    "ROLLBACK": re.compile(ROLLBACK),
    "SHOW GRANTS": re.compile(GRANTS),
    "SELECT read_only": re.compile(re.escape(READ_ONLY)),
    "SELECT token": re.compile(r"SELECT REVERSE\('[0-9a-f]{32}'\)"),
    "SELECT tables": re.compile(re.escape(TABLES)),
    "SELECT columns": re.compile(
        re.escape(_COLUMNS).replace(r"0x\{schema\}", _HEX).replace(r"0x\{table\}", _HEX)
    ),
    "SELECT count": re.compile(rf"{_BEFORE}COUNT\(\*\) FROM {_TABLE}"),
    "SELECT rows": re.compile(
        rf"{_BEFORE}{_CELL}(?:, {_CELL})* FROM {_TABLE}(?: WHERE RAND\(\) < [01]\.\d{{6}})?"
        r" LIMIT \d+",
        re.DOTALL,
    ),
}
NAMES = frozenset(
    {"SSLRequest", "HandshakeResponse", "AuthSwitchResponse", "COM_QUIT", *_TEMPLATES}
)


def request_name(packet: bytes) -> str:
    """The allow-list name of a packet, from its bytes alone; raises RequestNotAllowed.

    Commands start a new sequence (number 0); what belongs to a log-on goes on with the server's.
    """
    length, sequence = wire.header(packet)
    body = packet[wire.HEADER :]
    if length != len(body):
        raise RequestNotAllowed("more or less than one packet")
    if sequence == 0 and body[:1] == b"\x03":
        statement = body[1:].decode()
        for name, template in _TEMPLATES.items():
            if template.fullmatch(statement):
                return name
    elif packet == wire.QUIT:
        return "COM_QUIT"
    elif packet == wire.ssl_request(sequence):
        return "SSLRequest"
    elif sequence > 0 and body in (b"", b"\0"):
        return "AuthSwitchResponse"
    elif sequence > 0 and wire.is_empty_response(body):
        return "HandshakeResponse"
    raise RequestNotAllowed("a packet fits none of the read-only templates")


@dataclass(frozen=True, slots=True)
class Table:
    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as information_schema tells it: its name and DATA_TYPE."""

    name: str
    type: str


def _quoted(name: str) -> str:
    if not name or "\0" in name:
        raise RequestNotAllowed("a name that cannot be an identifier")
    return "`" + name.replace("`", "``") + "`"


def _select(seconds: float) -> str:
    return f"{_LIMITED.format(seconds)}SELECT {_HINT.format(int(seconds * 1_000))}"


def token_of(token: str) -> str:
    return f"SELECT REVERSE('{token}')"


def columns_of(table: Table) -> str:
    schema, name = (part.encode("utf-8", "replace").hex() for part in (table.schema, table.name))
    return _COLUMNS.format(schema=schema, table=name)


def count_of(table: Table, seconds: float) -> str:
    return f"{_select(seconds)}COUNT(*) FROM {_quoted(table.schema)}.{_quoted(table.name)}"


def rows_of(
    table: Table,
    columns: Sequence[TableColumn],
    limit: int,
    row_bytes: int,
    seconds: float,
    share: float = 1.0,
) -> str:
    """Reads up to `limit` rows, each taken with the chance `share`; cells are cut so that a row of
    all columns stays below about `row_bytes` bytes. The server is given `seconds` for it."""
    most = max(64, row_bytes // (4 * max(1, len(columns))))  # UTF-8: up to 4 bytes a character
    cells = ", ".join(_cell(column, most) for column in columns)
    thin = f" WHERE RAND() < {share:.6f}" if share < 1 else ""
    where = f"{_quoted(table.schema)}.{_quoted(table.name)}"
    return f"{_select(seconds)}{cells} FROM {where}{thin} LIMIT {int(limit)}"


_TEXTS = {"varchar", "text", "mediumtext", "longtext"}
_BLOBS = {"varbinary", "blob", "mediumblob", "longblob"}


def _cell(column: TableColumn, most: int) -> str:
    """The column, cut where its type allows long values."""
    name = _quoted(column.name)
    if column.type in _TEXTS:
        return f"LEFT({name}, {min(most, MAX_CELL)})"
    if column.type in _BLOBS:
        return f"LEFT({name}, {min(most, MAX_BINARY)})"
    if column.type == "json":
        return f"LEFT({name}, {min(most, _MAX_LONG)})"
    return name


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
    _sequence: int = 0
    _guards: bool = True  # whether the server knows READ ONLY transactions (5.6.5, MariaDB 10.0)

    async def greeted(self) -> wire.Greeting | wire.Refusal:
        """What a fresh connection brings, before a byte of ours. Raises NotThisProtocol."""
        self._sequence = 0
        payload = await self._read(wire.MAX_GREETING)
        if self._sequence not in (1, 2):  # some refuse with number 1
            raise NotThisProtocol("not a greeting of MySQL")
        return wire.greeting(payload)

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
        request_name(wire.query(statement))
        if self._guards:
            try:
                await self._run(START, 0)
            except ServerRefused as refused:
                if refused.code != "1064":  # unknown to it: it is a SELECT all the same
                    raise
                self._guards = False
        try:
            return await self._run(statement, limit)
        finally:
            if self.ready and self._guards:
                await self._run(ROLLBACK, 0)

    async def _run(self, statement: str, limit: int) -> Result:
        # Whatever interrupts this leaves the connection in the middle of a reply.
        self.ready, before = False, self.ready
        if not before:
            raise ServerRefused(code="not_logged_on")
        self._sequence = 0
        await self._send(wire.query(statement))
        most = self.connection.limits.reply_bytes
        first = await self._read(most)
        if first[:1] == b"\xff":
            self.ready = True
            raise ServerRefused(code=str(wire.refusal(first).number))
        result = Result()
        if first[:1] != b"\0":  # else OK_Packet: no result
            await self._rows(result, wire.column_count(first), limit)
        self.ready = not result.cut
        if result.cut:
            await self.connection.close()
        return result

    async def _rows(self, result: Result, columns: int, limit: int) -> None:
        left = most = self.connection.limits.reply_bytes
        told = [wire.column(await self._read(_SMALL_REPLY)) for _ in range(columns)]
        result.columns = tuple(told)
        if not wire.is_end(await self._read(_SMALL_REPLY)):
            raise NotThisProtocol("a result without rows or end")
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
            result.rows.append(wire.row(payload, columns))

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
        await self.connection.send(request_name(packet), packet)

    async def _read(self, most: int) -> bytes:
        """The payload of the next packet, at most `most` bytes."""
        length, sequence = wire.header(await self.connection.read_exactly(wire.HEADER))
        if length == 0 or length > most:
            if length > _SMALL_REPLY and most > _SMALL_REPLY:
                raise BudgetSpent(code="reply_too_large")
            raise NotThisProtocol("a packet has a length that cannot be")
        self._sequence = (sequence + 1) & 0xFF
        return await self.connection.read_exactly(length)
