"""What a PostgreSQL knows of its own: statistics, indexes, keys, counters, when it was started."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from leftopen.engine import Collection
from leftopen.engines import _postgresql_sql as sql
from leftopen.engines import _postgresql_wire as wire
from leftopen.engines._cells import Told, batch, days_from, decimal_from, holding, integer_from
from leftopen.engines._handles import handle_of
from leftopen.engines._postgresql_catalogue import DATABASE, Handle, columns, reader, texts
from leftopen.engines._postgresql_session import Session, role_of
from leftopen.engines._postgresql_stream import rows
from leftopen.engines._since import at_second
from leftopen.errors import LeftopenError, NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.net.connection import Connection

if TYPE_CHECKING:
    import pyarrow as pa

_DATABASES = 8  # whose counters are looked at: each further one is a further log-on
_ROWS_A_TARGET = 300  # that ANALYZE draws for each unit of its target (its sources, analyze.c)
_INTEGERS = {20, 21, 23, 26}  # object ids of types
_NUMBER = re.compile(r"\d{1,18}")
_TEXT_MOMENT = re.compile(r"[0-9][0-9TZ:+. -]{0,39}")
# By object id of the column's type: what its literal is written as. Operators between the two are
# in the same family of a btree index.
_MOMENTS = {
    1114: "timestamp", 1184: "timestamptz", 1082: "date", 20: "int8", 21: "int8", 23: "int8",
    1700: "numeric", 700: "float8", 701: "float8", 25: "text", 1043: "text",
}  # fmt: skip


@contextlib.contextmanager
def in_step(session: Session) -> Iterator[None]:
    """Whoever asks goes on after an error with a connection of its own: the session is to dial anew
    then, in plain text first if that is how it began."""
    try:
        yield
    except LeftopenError:
        session.database = None
        session.connection.tls = session.direct_tls
        raise


async def known(handle: Handle, records: int | None, paths: Sequence[str]) -> dict[str, Known]:
    """Of each path that is a column: what statistics, indexes and foreign keys tell of it."""
    session, listed = handle.session, handle.listed
    with in_step(session):
        await session.enter(role_of(session.connection), listed.database)
        once, ordered = await _indexed(session, listed.relation.oid)
        foreign = await _if_told(
            session, sql.foreign_keys_of(listed.relation.oid), sql.FOREIGN_KEYS_COLUMNS
        )
        statistics = await _statistics(session, listed.relation, records)
    refers = {
        name: (f"{listed.database}.{schema}.{table}", target)
        for name, schema, table, target in foreign
    }
    told = {}
    for path in paths:
        if path in once or path in ordered or path in refers or path in statistics:
            distinct, drawn, filled = statistics.get(path, (None, None, None))
            told[path] = Known(
                distinct,
                drawn=drawn,
                unique=path in once,
                filled=filled,
                indexed=path in ordered,
                refers_to=refers.get(path),
            )
    return told


async def _if_told(session: Session, statement: str, names: Sequence[str]) -> list[list[str]]:
    """A part of the catalogue, which a server of another make may lack."""
    try:
        return await texts(session, statement, names, timed=True)
    except ServerRefused:
        return []


async def _indexed(session: Session, oid: int) -> tuple[set[str], set[str]]:
    """The columns that hold each value once, and those with which an index begins."""
    found = await _if_told(session, sql.indexes_of(oid), sql.INDEXES_COLUMNS)
    once = {name for name, unique, _ in found if unique == "t"}
    return once, {name for name, _, ordered in found if ordered == "t"}


_Statistic = tuple[int | None, int | None, float | None]  # distinct, drawn, filled


async def _statistics(
    session: Session, relation: sql.Relation, records: int | None
) -> dict[str, _Statistic]:
    """By column: different values, the rows that ANALYZE drew for that, and how much is filled.

    ANALYZE draws as many rows of a table as the column with the highest target asks for.
    """
    found = await _if_told(session, sql.statistics_of(relation), sql.STATISTICS_COLUMNS)
    try:
        rows_told = [
            (name, float(distinct), float(null), int(own or -1), int(standard))
            for name, distinct, null, own, standard in found
        ]
    except ValueError:
        raise NotThisProtocol("not a list of statistics") from None
    targets = [own if own >= 0 else standard for *_, own, standard in rows_told]
    drawn = _ROWS_A_TARGET * max(0, min(max(targets, default=0), 10_000))  # the server's own limit
    if records is not None:
        drawn = min(drawn, records)
    made: dict[str, _Statistic] = {}
    for name, told, null, _, _ in rows_told:
        distinct = _distinct(told, records)
        filled = 1 - null if 0 <= null <= 1 else None
        made[name] = distinct, drawn if distinct is not None and drawn else None, filled
    return made


def _distinct(told: float, records: int | None) -> int | None:
    """`n_distinct` as a number of values: below 0 it is a part of the rows, 0 is unknown."""
    if not math.isfinite(told) or told == 0:
        return None
    if told < 0:
        return round(-told * records) if records is not None and told >= -1 else None
    most = 2**63 if records is None else records
    return min(round(told), most)


async def count_between(handle: Handle, path: str, begin: Moment, end: Moment) -> int | None:
    """Rows of a range, by an index that begins with the column; None where there is none."""
    session, listed = handle.session, handle.listed
    with in_step(session):
        await session.enter(role_of(session.connection), listed.database)
        if handle.ordered is None:
            types = {c.name: c.type for c in await columns(session, listed.relation.oid)}
            _, ordered = await _indexed(session, listed.relation.oid)
            handle.ordered = {name: types[name] for name in ordered if name in types}
        type_ = handle.ordered.get(path)
        if type_ is None:
            return None
        low, high = literal(type_, begin), literal(type_, end)
        if low is None or high is None:
            return None
        statement = sql.count_between_of(listed.relation, path, low, high)
        told = await texts(session, statement, ("count",), timed=True)
        if len(told) != 1:
            raise NotThisProtocol("not a count")
        return _number(told[0][0])


def literal(type_: int, moment: Moment) -> str | None:
    """The moment as a value of a column's own type (its object id), so that an index serves; None
    where the type has none like it. Between values of the type it lies where the moment does."""
    value: object = None
    name = _MOMENTS.get(type_, "")
    if name in ("timestamp", "timestamptz") and isinstance(moment, datetime):
        zone = "+00" if name == "timestamptz" else ""
        value = moment.replace(tzinfo=None).isoformat(" ", "microseconds") + zone
    elif name == "date":
        value = days_from(moment)
    elif name == "int8":
        value = integer_from(moment)
    elif name in ("numeric", "float8"):
        value = decimal_from(moment)
    elif name == "text" and isinstance(moment, str) and _TEXT_MOMENT.fullmatch(moment):
        value = moment
    return None if value is None else f"'{value}'::pg_catalog.{name}"


async def marks(connection: Connection, collections: Sequence[Collection]) -> dict[str, Mark]:
    """How often rows of each table were written, in the first _DATABASES; none of a standby, whose
    counters do not move, nor where the server counts nothing."""
    groups: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    session: Session | None = None
    for collection in collections:
        handle = handle_of(collection, Handle)
        session = handle.session
        leaves = handle.listed.relation.leaves
        if leaves:
            groups.setdefault(handle.listed.database, []).append((collection.name, leaves))
    if session is None:
        return {}
    assert session.connection is connection
    made: dict[str, Mark] = {}
    with in_step(session):
        for database, tables in islice(groups.items(), _DATABASES):
            oids = [oid for _, leaves in tables for oid in leaves]
            try:
                await session.enter(role_of(connection), database)
                counters = await _counters(session, oids)
            except ServerRefused:
                continue
            for name, leaves in tables:
                if all(oid in counters for oid in leaves):
                    made[name] = Mark(changes=sum(counters[oid] for oid in leaves))
    return made


async def _counters(session: Session, oids: Sequence[int]) -> Mapping[int, int]:
    told = await texts(session, sql.counters_of(oids), sql.COUNTERS_COLUMNS, timed=True)
    return {
        _number(oid): _number(changes)
        for oid, changes, standby, counted in told
        if changes and standby == "f" and counted == "on"
    }


async def since(connection: Connection) -> Since | None:
    """When the server was started. The connection is fresh before and after."""
    session = Session(connection, connection.tls)
    with in_step(session):
        await session.enter(role_of(connection), DATABASE)
        told = await texts(session, sql.STARTED, ("started",), timed=True)
    await session.leave()
    connection.tls = session.direct_tls
    await connection.reopen()
    return at_second(told[0][0]) if len(told) == 1 else None


async def stream(
    handle: Handle, paths: Sequence[str], most_bytes: int
) -> AsyncGenerator[pa.RecordBatch, None]:
    """The columns of these paths from every row."""
    session, listed = handle.session, handle.listed
    if listed.pages == 0:
        return
    with in_step(session):
        await session.enter(role_of(session.connection), listed.database)
        all_ = {column.name: column for column in await columns(session, listed.relation.oid)}
    wanted = [all_[name] for name in holding(all_, paths)]
    if not wanted:
        return
    row_bytes = session.connection.limits.reply_bytes // 2
    statement = sql.fields_of(listed.relation, wanted, row_bytes)
    async with aclosing(rows(session, statement, most_bytes)) as read:
        async for result, cells in read:
            if len(result) != len(wanted):
                raise NotThisProtocol("a result has other columns than were asked for")
            told = [_told(c, r) for c, r in zip(wanted, result, strict=True)]
            yield batch(told, cells, paths)


def _told(column: sql.Column, result: wire.ResultColumn) -> Told:
    read = reader(column, result.oid)
    if result.oid in _INTEGERS and not column.is_array:
        return Told(column.name, "integer", read)
    return Told(column.name, "text" if read is wire.text else "other", read)


def _number(told: str) -> int:
    if not _NUMBER.fullmatch(told):
        raise NotThisProtocol("not a number")
    return int(told)
