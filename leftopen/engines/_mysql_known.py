"""What a MySQL or MariaDB knows of its own: indexes, keys, counters, since when it is up."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from leftopen.engine import Collection
from leftopen.engines import _mysql_sql as sql
from leftopen.engines import _mysql_wire as wire
from leftopen.engines._cells import Told, batch, days_from, decimal_from, holding, integer_from
from leftopen.engines._handles import handle_of
from leftopen.engines._mysql_catalogue import Handle, columns_of, name_of, number_of, seconds_of
from leftopen.engines._mysql_session import Session
from leftopen.engines._mysql_stream import rows
from leftopen.engines._since import running
from leftopen.errors import BudgetSpent, LeftopenError, NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.net.connection import Connection

if TYPE_CHECKING:
    import pyarrow as pa

# CARDINALITY is the rows of a table divided by a whole number, the rows that a value has: InnoDB up
# to MySQL 5.7 and MariaDB 10 halves that first, so that there may be as few different values as a
# quarter of what is told, and it looks at some 20 pages of an index. These enclose all of it.
_OF_TOLD, _ERROR = 0.6, 0.35
_STALE = 2.0  # times, by which a unique index may be off before its table's figures are out of date
_COUNTED = 400  # tables whose counters are looked at, the first that are asked for
_DATED = {"innodb", "xtradb", "myisam", "aria"}  # engines that tell when a table was last changed
_TEXT_MOMENT = re.compile(r"[0-9][0-9TZ:+. -]{0,39}")
_INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint"}


@dataclass(frozen=True, slots=True)
class _Index:
    """An index: what its parts are, of how many different values the first ones and all are."""

    name: str
    unique: bool
    parts: tuple[str | None, ...]  # None: an expression
    first: int | None
    whole: int | None
    ordered: bool


@contextlib.contextmanager
def in_step(session: Session) -> Iterator[None]:
    """Whoever asks goes on after an error with a connection of its own: the session is to dial anew
    then, in plain text first if that is how it began."""
    try:
        yield
    except LeftopenError:
        session.ready = False
        session.connection.tls = session.tls_first
        raise


async def known(handle: Handle, records: int | None, paths: Sequence[str]) -> dict[str, Known]:
    """Of each path that is a column: what indexes and foreign keys tell of it."""
    session = handle.session
    with in_step(session):
        await session.enter(handle.account)
        indexes = await _indexes(handle)
        refers = await _references(handle)
    trusted = _up_to_date(indexes, records)
    told = {}
    for path in paths:
        its = [index for index in indexes if index.parts[0] == path]
        unique = any(index.unique and len(index.parts) == 1 for index in its)
        counts = [index.first for index in its if index.first] if trusted and not unique else []
        if its or path in refers:
            told[path] = Known(
                round(_OF_TOLD * max(counts)) if counts else None,
                error=_ERROR if counts else None,
                unique=unique,
                indexed=any(index.ordered for index in its),
                refers_to=refers.get(path),
            )
    return told


def _up_to_date(indexes: Sequence[_Index], records: int | None) -> bool:
    """Whether the server's figures are of the table as it is: what a unique index has of different
    values is about its records. They are made anew now and then, after a tenth has changed."""
    whole = [index.whole for index in indexes if index.unique and index.whole]
    if not records or not whole:
        return False
    return records / _STALE <= max(whole) <= records * _STALE


async def _if_told(session: Session, statement: str, width: int) -> list[list[bytes | None]]:
    """A part of the catalogue, which a server of another make may lack."""
    try:
        result = await session.select(statement, wire.MAX_COLUMNS)
    except ServerRefused:
        return []
    if result.cut:
        raise BudgetSpent(code="reply_too_large")
    if result.rows and len(result.columns) != width:
        raise NotThisProtocol("a result has other columns than were asked for")
    return result.rows


async def _indexes(handle: Handle) -> list[_Index]:
    session = handle.session
    told = await _if_told(session, sql.indexes_of(handle.table, seconds_of(session)), 7)
    parts: dict[str, dict[int, list[bytes | None]]] = {}
    for row in told:
        place = number_of(row[2])
        if place is None:
            raise NotThisProtocol("not a part of an index")
        parts.setdefault(name_of(row[0]), {})[place] = row
    return [_index(index, [its[place] for place in sorted(its)]) for index, its in parts.items()]


def _index(index: str, parts: Sequence[Sequence[bytes | None]]) -> _Index:
    """An index from the rows of its parts, in their order."""
    _, repeats, _, _, first, cut, kind = parts[0]
    return _Index(
        index,
        number_of(repeats) == 0,
        tuple(None if part[3] is None else name_of(part[3]) for part in parts),
        None if cut is not None else number_of(first),  # of a beginning of the values alone
        number_of(parts[-1][4]),
        kind == b"BTREE" and cut is None,
    )


async def _references(handle: Handle) -> dict[str, tuple[str, str]]:
    """Columns that alone refer to another table: the table's name and its column."""
    session = handle.session
    told = await _if_told(session, sql.foreign_keys_of(handle.table, seconds_of(session)), 5)
    keys: dict[str, list[list[bytes | None]]] = {}
    for row in told:
        keys.setdefault(name_of(row[0]), []).append(row)
    return {
        name_of(column): (f"{name_of(schema)}.{name_of(table)}", name_of(target))
        for [[_, column, schema, table, target], *more] in keys.values()
        if not more
    }


async def count_between(handle: Handle, path: str, begin: Moment, end: Moment) -> int | None:
    """Rows of a range, by an index that begins with the column; None where there is none."""
    session, table = handle.session, handle.table
    with in_step(session):
        await session.enter(handle.account)
        if handle.ordered is None:
            types = {column.name: column.type for column in await columns_of(session, table)}
            handle.ordered = {
                part: (types[part], index.name)
                for index in await _indexes(handle)
                if index.ordered and (part := index.parts[0]) in types and part is not None
            }
        type_, index = handle.ordered.get(path, ("", ""))
        low, high = literal(type_, begin), literal(type_, end)
        if low is None or high is None:
            return None
        statement = sql.count_between_of(table, index, path, low, high, seconds_of(session))
        result = await session.select(statement, 1)
        if len(result.rows) != 1 or len(result.columns) != 1:
            raise NotThisProtocol("not a count")
        return number_of(result.rows[0][0])


def literal(type_: str, moment: Moment) -> str | None:
    """The moment as a value of a column's own type (its DATA_TYPE), so that an index serves; None
    where the type has none like it."""
    if type_ in ("timestamp", "datetime") and isinstance(moment, datetime):
        return f"TIMESTAMP'{moment.replace(tzinfo=None).isoformat(' ', 'microseconds')}'"
    if type_ == "date" and (day := days_from(moment)) is not None:
        return f"DATE'{day.isoformat()}'"
    if type_ in _INTEGERS:
        whole = integer_from(moment)
        return None if whole is None else str(whole)
    if type_ in ("decimal", "float", "double"):
        return decimal_from(moment)
    if type_ == "varchar" and isinstance(moment, str) and _TEXT_MOMENT.fullmatch(moment):
        return f"'{moment}'"
    return None


async def marks(connection: Connection, collections: Sequence[Collection]) -> dict[str, Mark]:
    """Of the first _COUNTED tables the next number of AUTO_INCREMENT, which rises with each row, or
    where there is none the second of the last change."""
    groups: dict[str, dict[str, str]] = {}
    handles = [(collection.name, handle_of(collection, Handle)) for collection in collections]
    for full_name, handle in handles[:_COUNTED]:
        groups.setdefault(handle.table.schema, {})[handle.table.name] = full_name
    if not handles:
        return {}
    session = handles[0][1].session
    assert session.connection is connection
    made: dict[str, Mark] = {}
    with in_step(session):
        await session.enter(handles[0][1].account)
        try:
            await session.as_they_are()
        except ServerRefused:
            return {}
        for schema, tables in groups.items():
            asked = list(tables)
            for start in range(0, len(asked), sql.MAX_COUNTERS):
                part = asked[start : start + sql.MAX_COUNTERS]
                statement = sql.counters_of(schema, part, seconds_of(session))
                for table, engine, following, changed in await _if_told(session, statement, 4):
                    mark = _mark(engine, following, changed)
                    if mark is not None and name_of(table) in tables:
                        made[tables[name_of(table)]] = mark
    return made


def _mark(engine: bytes | None, following: bytes | None, changed: bytes | None) -> Mark | None:
    if following is not None:
        return Mark(changes=number_of(following))
    if (engine or b"").decode("latin-1").lower() not in _DATED:
        return None
    return Mark(changes=number_of((changed or b"0").partition(b".")[0]))


async def since(connection: Connection, account: str) -> Since | None:
    """When the server was started. The connection is fresh before and after."""
    session = Session(connection, connection.tls)
    with in_step(session):
        await session.enter(account)
        result = await session.select(sql.UPTIME, 1)
    await session.leave()
    connection.tls = session.tls_first
    await connection.reopen()
    if len(result.rows) != 1 or len(result.rows[0]) != 2 or result.rows[0][1] is None:
        return None
    return running(result.rows[0][1].decode("latin-1"))


async def stream(
    handle: Handle, paths: Sequence[str], most_bytes: int
) -> AsyncGenerator[pa.RecordBatch, None]:
    """The columns of these paths from every row."""
    session, table = handle.session, handle.table
    with in_step(session):
        await session.enter(handle.account)
        all_ = {column.name: column for column in await columns_of(session, table)}
    wanted = [all_[column] for column in holding(all_, paths)]
    if not wanted:
        return
    row_bytes = session.connection.limits.reply_bytes // 2
    seconds = max(0.1, session.connection.seconds_left)
    statement = sql.fields_of(table, wanted, row_bytes, seconds)
    async with aclosing(rows(session, statement, most_bytes)) as read:
        async for result, cells in read:
            if len(result) != len(wanted):
                raise NotThisProtocol("a result has other columns than were asked for")
            told = [_told(c.name, r) for c, r in zip(wanted, result, strict=True)]
            yield batch(told, cells, paths)


def _told(column: str, result: wire.Column) -> Told:
    read = wire.decoder(result)
    if result.type in wire.INTEGERS:
        return Told(column, "integer", read)
    return Told(column, "text" if read is wire.text else "other", read)
