"""What a ClickHouse knows of its own: what tables are sorted by, counters of parts, its uptime."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from leftopen.engine import Collection
from leftopen.engines import _clickhouse_sql as sql
from leftopen.engines._cells import Told, batch, days_from, decimal_from, holding, integer_from
from leftopen.engines._clickhouse_asking import (
    Handle,
    accepted,
    columns_of,
    name_of,
    number_of,
    path_of,
    rows_of,
    seconds_of,
    send,
)
from leftopen.engines._clickhouse_stream import rows
from leftopen.engines._handles import handle_of
from leftopen.engines._since import running
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession

if TYPE_CHECKING:
    import pyarrow as pa

# What merges only parts, and drops or sums up no rows on its own.
_PLAIN = {"MergeTree", "ReplicatedMergeTree", "SharedMergeTree"}
_NESTED = ("Array(", "Tuple(", "Map(", "Nested(", "AggregateFunction(")
_TEXT_MOMENT = re.compile(r"[0-9][0-9TZ:+. -]{0,39}")
_DATETIME64 = re.compile(r"DateTime64\((\d)\b.*\)")
_INTEGER = re.compile(r"U?Int(8|16|32|64)")
_FRACTION = re.compile(r"Float(32|64)|Decimal.*")


async def known(connection: Connection, handle: Handle, paths: Sequence[str]) -> dict[str, Known]:
    """Whether one of the paths is the column that the table is sorted by first."""
    first = await _sorted_by(connection, handle)
    return {path: Known(indexed=True) for path in paths if path in first}


async def _sorted_by(connection: Connection, handle: Handle) -> dict[str, str]:
    if handle.sorted_by is None:
        session = HttpSession(connection)
        table = handle.table
        asked = sql.SORTING.format(database=sql.text(table.database), table=sql.text(table.name))
        told = await send(session, asked, seconds_of(handle, connection.limits.silence))
        keys = [] if told.status != 200 else rows_of(told, 1, most=1)
        key = keys[0][0] if keys else None
        first = sql.first_of(key) if isinstance(key, str) else None
        types = {column.name: column.type for column in await columns_of(session, table)}
        handle.sorted_by = {first: types[first]} if first in types else {}
    return dict(handle.sorted_by)


async def count_between(
    connection: Connection, handle: Handle, path: str, begin: Moment, end: Moment
) -> int | None:
    """Rows of a range of the column that the table is sorted by; None for all others."""
    session = HttpSession(connection)
    kind = (await _sorted_by(connection, handle)).get(path, "")
    low, high = literal(kind, begin), literal(kind, end)
    if low is None or high is None:
        return None
    statement = sql.count_between_of(handle.table, path, low, high)
    seconds = seconds_of(handle, connection.limits.silence)
    told = accepted(await send(session, statement, seconds))
    ((count,),) = rows_of(told, 1, most=1, least=1)
    return number_of(count)


def literal(kind: str, moment: Moment) -> str | None:
    """The moment as a value of a column's type; None where the type has none like it."""
    if kind.startswith("DateTime") and isinstance(moment, datetime):
        fine = _DATETIME64.fullmatch(kind)
        if fine is not None:
            text = moment.replace(tzinfo=None).isoformat(" ", "microseconds")
            return f"toDateTime64('{text}', {fine[1]}, 'UTC')"
        seconds = integer_from(moment.replace(tzinfo=UTC).timestamp())
        return f"toDateTime({seconds})" if seconds is not None and 0 <= seconds < 2**32 else None
    if kind in ("Date", "Date32"):
        day = days_from(moment)
        return None if day is None else f"toDate('{day.isoformat()}')"
    if _INTEGER.fullmatch(kind):
        whole = integer_from(moment)
        return None if whole is None else str(whole)
    if _FRACTION.fullmatch(kind):
        return decimal_from(moment)
    if kind == "String" and isinstance(moment, str) and _TEXT_MOMENT.fullmatch(moment):
        return f"'{moment}'"
    return None


async def marks(connection: Connection, collections: Sequence[Collection]) -> dict[str, Mark]:
    """Of tables that are stored in parts: how many blocks were inserted, and their rows where
    nothing but a request takes rows away."""
    session = HttpSession(connection)
    handles = {c.name: handle_of(c, Handle) for c in collections}
    by_table = {handle.table: name for name, handle in handles.items()}
    databases = dict.fromkeys(handle.table.database for handle in handles.values())
    made: dict[str, Mark] = {}
    for texts in sql.in_lists(list(databases)):
        seconds = next(seconds_of(h, connection.limits.silence) for h in handles.values())
        told = await send(session, sql.COUNTERS.format(names=texts), seconds)
        if told.status != 200:
            continue
        for database, name, stored, blocks in rows_of(told, 4, most=sql.MAX_TABLES):
            found = by_table.get(sql.Table(name_of(database), name_of(name)))
            records, changes = number_of(stored), number_of(blocks)
            if found is not None:
                plain = handles[found].table.engine in _PLAIN
                made[found] = Mark(records if plain else None, changes)
    return made


async def since(connection: Connection) -> Since | None:
    """When the server was started."""
    told = accepted(await send(HttpSession(connection), sql.UPTIME))
    ((seconds,),) = rows_of(told, 1, most=1, least=1)
    return running(seconds)


async def stream(
    connection: Connection, handle: Handle, paths: Sequence[str], most_bytes: int
) -> AsyncGenerator[pa.RecordBatch, None]:
    """The columns of these paths from every row."""
    columns = await columns_of(HttpSession(connection), handle.table)
    plain = {c.name: c for c in columns if not c.type.startswith(_NESTED)}
    wanted = [plain[name] for name in holding(plain, paths)]
    if not wanted:
        return
    statement = sql.fields_of(handle.table, wanted, connection.limits.reply_bytes // 2)
    seconds = max(1, int(connection.seconds_left)) if handle.limited else None
    path = path_of(statement + sql.STREAM, seconds)
    told = [_told(column) for column in wanted]
    name = sql.request_name("GET", path)
    async with aclosing(rows(connection, name, path, len(wanted), most_bytes)) as read:
        async for cells in read:
            yield batch(told, cells, paths)


def _told(column: sql.Column) -> Told:
    if _INTEGER.fullmatch(column.type):
        return Told(column.name, "integer", lambda cell: _parsed(int, cell))
    if column.type.startswith("DateTime"):
        return Told(column.name, "other", lambda cell: _parsed(datetime.fromisoformat, cell))
    if column.type.startswith("Date"):
        return Told(column.name, "other", lambda cell: _parsed(date.fromisoformat, cell))
    if _FRACTION.fullmatch(column.type):
        return Told(column.name, "other", _fraction)
    return Told(column.name, "text", _text)


def _text(cell: bytes) -> str:
    return cell.decode("utf-8", "replace")


def _parsed(parse: Callable[[str], Any], cell: bytes) -> Any:
    """The value, or the text itself where it is none of its kind, as 0000-00-00."""
    try:
        return parse(_text(cell))
    except ValueError:
        return _text(cell)


def _fraction(cell: bytes) -> float | str | None:
    """A number; None for one that JSON cannot say, as in a sample."""
    value = _parsed(float, cell)
    return value if isinstance(value, str) or abs(value) < float("inf") else None
