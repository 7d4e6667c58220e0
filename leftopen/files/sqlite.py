"""SQLite databases: every table and view, read-only, as the file lies there.

Opened as immutable: nothing is written beside it, no lock is taken. What stands only in a
write-ahead log is therefore not read, and the item says so.
"""

from __future__ import annotations

import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

import pyarrow as pa

from leftopen.files.item import BATCH_BYTES, LARGEST, Batches, Fault, Item, Options
from leftopen.files.rows import of_rows
from leftopen.files.stream import Stream

_SLOWEST = 60.0  # seconds that the next rows may take; a view can ask for anything
_STEPS = 100_000  # of SQLite's machine between two looks at the clock
_MOST_ROWS = 2_048
_TABLES = """SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')
             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"""


def read(stream: Stream, item: Item, options: Options, path: Path | None) -> Batches:
    """Batches of each table; a table that cannot be read does not keep back the others."""
    file = None if path else stream.whole()
    size = path.stat().st_size if path else cast(BinaryIO, file).seek(0, 2)
    with closing(_connect(file, path)) as connection:
        clock = _Clock(connection)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
        connection.execute("PRAGMA trusted_schema = OFF")
        if _is_short(stream.head, size):
            item.fault("it is shorter than it says: cut off; what is there was read")
        log = path.with_name(path.name + "-wal") if path else None
        if log and log.exists() and log.stat().st_size:
            item.fault("its write-ahead log (-wal) was not read; close the database first")
        try:
            names = [str(name) for (name,) in connection.execute(_TABLES)]
        except sqlite3.Error:
            raise Fault(
                "the database is damaged or encrypted: its list of tables cannot be read"
            ) from None
        failed = 0
        for name in names:
            try:
                for batch in _rows(connection, name, options, clock):
                    yield name, batch
            except (sqlite3.Error, sqlite3.Warning):
                failed += 1
        if failed:
            tables = "1 table or view" if failed == 1 else f"{failed:,} tables or views"
            item.fault(f"{tables} of {len(names):,} could not be read to the end")


def _connect(file: BinaryIO | None, path: Path | None) -> sqlite3.Connection:
    try:
        if path is not None:
            uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
            return sqlite3.connect(uri, uri=True, isolation_level=None)
        connection = sqlite3.connect(":memory:", isolation_level=None)
        assert file is not None  # it has a path, or it was read into memory
        file.seek(0)
        connection.deserialize(file.read())
    except sqlite3.Error:
        raise Fault("the database cannot be opened; it may be damaged") from None
    return connection


def _is_short(head: bytes, held: int) -> bool:
    """Whether pages are missing at the end, by the header's count of them if that is kept."""
    if len(head) < 100:
        return True
    size, count = struct.unpack(">16xH10xI", head[:32])
    return head[24:28] == head[92:96] and held < count * (65_536 if size == 1 else size)


class _Clock:
    """Ends a query that takes too long for its next rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.start()
        connection.set_progress_handler(self._too_late, _STEPS)

    def start(self) -> None:
        self._end = time.monotonic() + _SLOWEST

    def _too_late(self) -> int:
        return int(time.monotonic() > self._end)


def _rows(
    connection: sqlite3.Connection, table: str, options: Options, clock: _Clock
) -> Iterator[pa.RecordBatch]:
    quoted = table.replace('"', '""')
    limit = f" LIMIT {options.rows + 1}" if options.rows is not None else ""
    clock.start()
    cursor = connection.execute(f'SELECT * FROM "{quoted}"{limit}')  # noqa: S608  # quoted as SQL asks
    names = [str(column[0]) for column in cursor.description]
    yield pa.RecordBatch.from_arrays([pa.nulls(0, pa.string()) for _ in names], names=names)
    held: list[tuple[object, ...]] = []
    size = 0
    while True:
        try:
            row = cursor.fetchone()
        except sqlite3.Error:
            if held:
                yield of_rows(names, held)
            raise
        if row is None:
            break
        held.append(row)
        size += sum(len(cell) for cell in row if isinstance(cell, str | bytes))
        if len(held) >= _MOST_ROWS or size >= BATCH_BYTES:
            yield of_rows(names, held)
            held, size = [], 0
            clock.start()
    if held:
        yield of_rows(names, held)
