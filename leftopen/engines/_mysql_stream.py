"""Every row of a statement from MySQL as it comes, its cells a column at a time.

The protocol has no pages for a plain statement: the server sends as fast as it is read, and what is
not wanted any more is ended with the connection.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from leftopen.engines import _mysql_wire as wire
from leftopen.engines._cells import BATCH, BATCH_BYTES, Cells
from leftopen.engines._mysql_session import Session
from leftopen.errors import BudgetSpent, NotThisProtocol, ServerRefused
from leftopen.net.connection import Connection

_NULL, _LONGER, _END, _ERROR = 0xFB, 0xFC, 0xFE, 0xFF

Columns = tuple[wire.Column, ...]


def rows_taken(buffer: bytes, at: int, columns: Sequence[Cells]) -> int:
    """Puts the cells of the whole rows that begin at `at` into their columns; returns where the end
    of the result, or a row that is not whole yet, begins. Raises NotThisProtocol."""
    end, alone = len(buffer), columns[0].append if len(columns) == 1 else None
    while at + wire.HEADER < end:
        length = buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16
        begin = at + wire.HEADER
        stop = begin + length
        if stop > end:
            break
        first = buffer[begin] if length else _ERROR
        if first == _ERROR or (first == _END and length < 9):
            break
        if alone is not None and length == first + 1 and first < _NULL:
            alone(buffer[begin + 1 : stop])
        else:
            for column, cell in zip(columns, _row(buffer, begin, stop, len(columns)), strict=True):
                column.append(cell)
        at = stop
    return at


def _row(buffer: bytes, at: int, stop: int, width: int) -> list[bytes | None]:
    """The cells of a row; a longer one, or one that does not add up, is left to the codec."""
    begin = at
    cells: list[bytes | None] = []
    for _ in range(width):
        size = buffer[at] if at < stop else _ERROR
        at += 1
        if size >= _LONGER:
            return wire.row(buffer[begin:stop], width)
        if size == _NULL:
            cells.append(None)
            continue
        cells.append(buffer[at : at + size])
        at += size
    return cells if at == stop else wire.row(buffer[begin:stop], width)


async def rows(
    session: Session, statement: str, most_bytes: int
) -> AsyncGenerator[tuple[Columns, list[Cells]], None]:
    """The columns of the result with the cells of each, of some thousand rows at a time.

    Ends early, in good order, where `most_bytes` were read or the connection's limits are reached.
    Raises ServerRefused with the error's number, NotThisProtocol and NetError; whoever does not
    read to the end leaves the session without a connection, which the next `enter` dials.
    """
    connection = session.connection
    began = connection.bytes_read
    await session.begin()
    columns = await session.ask(statement)
    if columns is None:
        raise NotThisProtocol("a statement without a result")
    buffer, cells, weight = b"", _empty(columns), 0
    refused: wire.Refusal | None = None
    while True:
        at = rows_taken(buffer, 0, cells)
        weight, buffer = weight + at, buffer[at:]
        if len(cells[0]) >= BATCH or weight >= BATCH_BYTES:
            yield columns, cells
            cells, weight = _empty(columns), 0
        missing = _missing(buffer, connection.limits.reply_bytes)
        if missing == 0:
            refused = _ended(buffer)
            session.ready = True
            break
        if connection.bytes_read - began >= most_bytes or connection.seconds_left == 0:
            await connection.close()
            break
        try:
            buffer = await _more(connection, buffer, missing)
        except BudgetSpent:
            break
    if cells[0]:
        yield columns, cells
    if session.ready:
        await session.end()
    if refused is not None:
        raise ServerRefused(code=str(refused.number))


def _empty(columns: Columns) -> list[Cells]:
    return [[] for _ in columns]


def _missing(buffer: bytes, most: int) -> int:
    """How many bytes of the packet that the buffer begins with have not come yet, at the least."""
    if len(buffer) < wire.HEADER:
        return wire.HEADER - len(buffer)
    length, _ = wire.header(buffer)
    if length == 0:
        raise NotThisProtocol("a packet has a length that cannot be")
    if length > most:
        raise BudgetSpent(code="reply_too_large")
    return max(0, wire.HEADER + length - len(buffer))


async def _more(connection: Connection, buffer: bytes, count: int) -> bytes:
    """The buffer with at least so many bytes more."""
    parts = [buffer]
    while count > 0:
        parts.append(await connection.read_some())
        count -= len(parts[-1])
    return b"".join(parts)


def _ended(buffer: bytes) -> wire.Refusal | None:
    """The last packet of a result: None for its end, a refusal where it was broken off."""
    length, _ = wire.header(buffer)
    payload = buffer[wire.HEADER :]
    if len(payload) != length or not (wire.is_end(payload) or payload[:1] == b"\xff"):
        raise NotThisProtocol("something else than the end of a result")
    return None if wire.is_end(payload) else wire.refusal(payload)
