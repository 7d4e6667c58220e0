"""Every row of a statement from PostgreSQL, a page at a time, its cells a column at a time.

The rows come through one portal in one READ ONLY transaction. The server's limit of time runs from
a page's first message to its Sync, so that it bounds a page however long the whole takes.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, Sequence

from leftopen.engines import _postgresql_sql as sql
from leftopen.engines import _postgresql_wire as wire
from leftopen.engines._cells import BATCH, BATCH_BYTES, Cells
from leftopen.engines._postgresql_session import Session
from leftopen.errors import BudgetSpent, NotThisProtocol, ServerRefused

_FIRST_PAGE = 1_000  # rows, before it is known how wide they are
_ASIDES = 1_000  # messages of one page that are no rows
_ASIDE = (b"N", b"S", b"A", b"1", b"2")
_ROW = ord("D")
_HEAD_OF_ONE = struct.Struct("!BiHi").unpack_from  # of a row with one cell
_HEAD = struct.Struct("!BiH").unpack_from
_SIZE = struct.Struct("!i").unpack_from

Columns = tuple[wire.ResultColumn, ...]


def rows_taken(buffer: bytes, at: int, columns: Sequence[Cells]) -> int:
    """Puts the cells of the whole DataRows that begin at `at` into their columns; returns where
    something else, or a row that is not whole yet, begins. Raises NotThisProtocol."""
    if len(columns) == 1:
        return _rows_of_one(buffer, at, columns[0])
    end, width = len(buffer), len(columns)
    while at + 7 <= end:
        kind, length, count = _HEAD(buffer, at)
        stop = at + 1 + length
        if kind != _ROW:
            break
        if count != width or length < 6:
            raise NotThisProtocol("a row has another number of cells than its result has columns")
        if stop > end:
            break
        at += 7
        for column in columns:
            if at + 4 > stop:
                raise NotThisProtocol("a row ends early")
            (size,) = _SIZE(buffer, at)
            at += 4
            if size == -1:
                column.append(None)
                continue
            if size < 0 or at + size > stop:
                raise NotThisProtocol("a cell has a length that cannot be")
            column.append(buffer[at : at + size])
            at += size
        if at != stop:
            raise NotThisProtocol("a row holds more than its cells")
    return at


def _rows_of_one(buffer: bytes, at: int, column: Cells) -> int:
    """The same for rows of one cell, of which there may be millions."""
    end, append, head = len(buffer) - 11, column.append, _HEAD_OF_ONE
    while at <= end:
        kind, length, count, size = head(buffer, at)
        if kind != _ROW:
            break
        stop = at + 1 + length
        if count != 1 or ((size != length - 10 or size < 0) and (size != -1 or length != 10)):
            raise NotThisProtocol("a row has another number of cells than its result has columns")
        if stop > end + 11:
            break
        append(None if size < 0 else buffer[at + 11 : stop])
        at = stop
    return at


class _Reply:
    """What the server sends, from a buffer of its own: rows into `cells`, the rest as messages."""

    def __init__(self, session: Session) -> None:
        self.columns: Columns | None = None
        self.cells: list[Cells] = []
        self.rows = 0  # of this page
        self._connection = session.connection
        self._buffer, self._at, self._weight = b"", 0, 0

    @property
    def held(self) -> int:
        return len(self.cells[0]) if self.cells else 0

    def take(self) -> list[Cells]:
        """The cells that are held; from here on others are."""
        taken, self.cells, self._weight = self.cells, [[] for _ in self.cells], 0
        return taken

    async def message(self) -> wire.Message | None:
        """The next message that is no row; None once a batch of rows is held, to be taken."""
        while True:
            if self.columns is not None:
                held, at = self.held, self._at
                self._at = rows_taken(self._buffer, at, self.cells)
                self.rows += self.held - held
                self._weight += self._at - at
            if self.held >= BATCH or self._weight >= BATCH_BYTES:
                return None
            head = self._buffer[self._at : self._at + wire.HEADER]
            missing = wire.HEADER - len(head)
            if missing <= 0:
                length = wire.body_length(head)
                if length > self._connection.limits.reply_bytes:
                    raise BudgetSpent(code="reply_too_large")
                missing = wire.HEADER + length - (len(self._buffer) - self._at)
                if missing <= 0:
                    start = self._at + wire.HEADER
                    self._at = start + length
                    return wire.Message(head[:1], self._buffer[start : self._at])
            await self._read(missing)

    async def _read(self, count: int) -> None:
        """At least so many bytes more."""
        parts = [self._buffer[self._at :]]
        while count > 0:
            parts.append(await self._connection.read_some())
            count -= len(parts[-1])
        self._buffer, self._at = b"".join(parts), 0

    def describe(self, message: wire.Message) -> None:
        if self.columns is not None:
            raise NotThisProtocol("a result is described twice")
        self.columns = wire.row_description(message.body)
        if not self.columns:
            raise NotThisProtocol("a result without columns")
        self.cells = [[] for _ in self.columns]

    async def ready(self) -> None:
        """Up to where the server takes the next request, and nothing beyond."""
        for _ in range(_ASIDES):
            message = await self.message()
            if message is None or message.type not in (*_ASIDE, b"Z"):
                break
            if message.type == b"Z" and self._at == len(self._buffer):
                return
        raise NotThisProtocol("the server does not get ready again")


async def rows(
    session: Session, statement: str, most_bytes: int
) -> AsyncGenerator[tuple[Columns, list[Cells]], None]:
    """The columns of the result with the cells of each, of some thousand rows at a time.

    Ends early, in good order, where `most_bytes` were read or the connection's limits are reached.
    Raises ServerRefused with the SQLSTATE, NotThisProtocol and NetError; whoever does not read to
    the end leaves the session without a connection, which the next `enter` dials.
    """
    connection, name = session.connection, sql.request_name(statement)
    began = connection.bytes_read
    await session.begin(timed=True)
    database, session.database = session.database, None
    reply, total, page = _Reply(session), 0, _FIRST_PAGE
    request = wire.query(statement, page)
    while True:
        await connection.send(name, request + wire.sync())
        reply.rows, refused, more, asides = 0, None, None, 0
        while more is None:
            try:
                message = await reply.message()
            except BudgetSpent as limit:
                if limit.code == "reply_too_large":
                    raise
                if reply.columns is not None and reply.held:
                    yield reply.columns, reply.take()
                return
            if reply.rows > page:
                raise NotThisProtocol("more rows than were asked for")
            if message is None:
                assert reply.columns is not None  # there are rows
                yield reply.columns, reply.take()
            elif message.type == b"T":
                reply.describe(message)
            elif message.type == b"C":
                if reply.columns is None or wire.completed(message.body) != reply.rows:
                    raise NotThisProtocol("a result states another number of rows than it has")
                more = False
            elif message.type == b"s" and reply.rows == page:
                more = True
            elif message.type == b"E":
                refused, more = wire.refusal(message.body), False
            elif message.type not in _ASIDE or (asides := asides + 1) > _ASIDES:
                raise NotThisProtocol("a message that does not belong into a result")
        await reply.ready()
        total += reply.rows
        spent = connection.bytes_read - began
        left = min(most_bytes - spent, connection.bytes_left)
        if not more or left <= 0 or connection.seconds_left == 0:
            break
        each = max(1, spent // max(1, total))
        page = min(BATCH, 1 + connection.limits.reply_bytes // each, 1 + left // each)
        request = wire.more(page)
    if reply.columns is not None and reply.held:
        yield reply.columns, reply.take()
    if connection.bytes_left > 0 and connection.seconds_left > 0:  # else nothing can be said
        session.database = database
        await session.end()
    if refused is not None:
        raise ServerRefused(code=refused.code)
