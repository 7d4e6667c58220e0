"""Every row of a statement from ClickHouse, as it comes over HTTP, its cells a column at a time.

A body of any length is read piece by piece (`leftopen.net.http` reads replies as a whole). Cells
are those of the format TabSeparated, escaped as clickhouse.com/docs says of it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import h11

from leftopen.engines._cells import BATCH, BATCH_BYTES, Cells
from leftopen.errors import BudgetSpent, NotThisProtocol, ServerRefused
from leftopen.net.connection import Connection

_AGENT = "leftopen"
_MAX_HEAD = 32_768
_MOST_REFUSED = 4_096  # bytes of an exception that are looked at
_INTERIM = 8
# What a server writes at the end of a body that it cannot go on with.
_EXCEPTION = re.compile(rb"Code: (\d{1,4})[.,] (?:e\.displayText\(\) = )?DB::")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0"}


async def _body(connection: Connection, name: str, path: str) -> AsyncGenerator[bytes, None]:
    """The body of the answer to a GET, piece by piece. The connection is closed unless it is read
    to its end. Raises ServerRefused where the status is not 200, NotThisProtocol and NetError."""
    codec = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
    target = connection.target
    host = str(target) if target.host is None else f"{target.host}:{target.port}"
    headers = [("Host", host), ("User-Agent", _AGENT), ("Accept-Encoding", "identity")]
    payload = codec.send(h11.Request(method="GET", target=path, headers=headers)) or b""
    payload += codec.send(h11.EndOfMessage()) or b""
    status, refused, interim, whole = 0, b"", 0, False
    await connection.reopen()  # the server may have closed the old one meanwhile
    try:
        await connection.send(name, payload)
        while not whole:
            event = codec.next_event()
            if event is h11.NEED_DATA:
                codec.receive_data(await connection.read_some())
            elif isinstance(event, h11.InformationalResponse) and interim < _INTERIM:
                interim += 1
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data) and status == 200:
                yield bytes(event.data)
            elif isinstance(event, h11.Data) and len(refused) < _MOST_REFUSED:
                refused += bytes(event.data[:_MOST_REFUSED])
            elif isinstance(event, h11.EndOfMessage):
                whole = codec.their_state is h11.DONE and not codec.trailing_data[0]
                break
            else:
                raise NotThisProtocol("not an answer of ClickHouse")
    except h11.RemoteProtocolError:
        raise NotThisProtocol("the peer does not speak HTTP") from None
    finally:
        if not whole:
            await connection.close()
    if status != 200:
        found = _EXCEPTION.match(refused)
        raise ServerRefused(code=found[1].decode() if found else str(status))


async def rows(
    connection: Connection, name: str, path: str, width: int, most_bytes: int
) -> AsyncGenerator[list[Cells], None]:
    """The cells of each of `width` columns, of some thousand rows at a time.

    Ends early, in good order, where `most_bytes` were read or the connection's limits are reached.
    Raises ServerRefused with the exception's number, NotThisProtocol and NetError.
    """
    began = connection.bytes_read
    cells: list[Cells] = [[] for _ in range(width)]
    rest, weight, cut = b"", 0, False
    async with aclosing(_body(connection, name, path)) as pieces:
        try:
            async for piece in pieces:
                block, end, rest = (rest + piece).rpartition(b"\n")
                if end:
                    weight += len(block)
                    rows_taken(block, cells)
                if len(rest) > connection.limits.reply_bytes:
                    raise BudgetSpent(code="reply_too_large")
                if len(cells[0]) >= BATCH or weight >= BATCH_BYTES:
                    yield cells
                    cells, weight = [[] for _ in cells], 0
                spent = connection.bytes_read - began
                if cut := spent >= most_bytes or connection.seconds_left == 0:
                    break
        except BudgetSpent as spent_all:
            if spent_all.code == "reply_too_large":
                raise
            cut = True
    if cells[0]:
        yield cells
    if rest and not cut:
        _refused(rest)
        raise NotThisProtocol("a row ends early")


def rows_taken(block: bytes, cells: Sequence[Cells]) -> None:
    """Puts the cells of whole rows, which a line end parts, into their columns."""
    if b"DB::" in block:
        _refused(block)
    lines = block.split(b"\n")
    read: Sequence[Sequence[bytes | None]]
    if len(cells) == 1:
        read = [lines]
    else:
        split = [line.split(b"\t") for line in lines]
        if any(len(row) != len(cells) for row in split):
            raise NotThisProtocol("a row has another number of cells than its result has columns")
        read = list(zip(*split, strict=True))
    for column, held in zip(cells, read, strict=True):
        column.extend(map(_cell, held) if b"\\" in block else held)


def _cell(raw: bytes | None) -> bytes | None:
    if raw is None or raw == rb"\N":
        return None
    if b"\\" not in raw:
        return raw
    return _ESCAPED.sub(lambda found: _LETTERS.get(found[1], found[1]), raw)


def _refused(text: bytes) -> None:
    """Raises ServerRefused where a server has ended its rows with an exception."""
    found = _EXCEPTION.search(text)
    if found is not None:
        raise ServerRefused(code=found[1].decode())
