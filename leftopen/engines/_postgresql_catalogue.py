"""What a PostgreSQL's catalogue tells: databases, what may be read of one, columns. Strict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leftopen.engines import _postgresql_sql as sql
from leftopen.engines import _postgresql_wire as wire
from leftopen.engines._postgresql_session import Session
from leftopen.errors import BudgetSpent, NotThisProtocol, ServerRefused

DATABASE = "postgres"  # the one to enter first
MAX_NAME = 255  # characters; PostgreSQL's own names have 63 bytes at most


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of a relation: `pages` and `records` are None where the server tells none."""

    database: str
    relation: sql.Relation
    pages: int | None
    bytes: int | None
    records: int | None


@dataclass(slots=True)
class Handle:
    """How a collection is read: over which session, and what. `ordered` holds the columns with
    which an index begins, and their types by object id; None until they are asked for."""

    session: Session
    listed: Listed
    ordered: Mapping[str, int] | None = None


async def texts(
    session: Session, statement: str, names: Sequence[str], *, timed: bool = False
) -> list[list[str]]:
    """The rows of a catalogue query as text, "" for NULL. Its columns must be named like that."""
    result = await session.select(statement, sql.MAX_RELATIONS, timed=timed)
    if result.cut:
        raise BudgetSpent(code="reply_too_large")
    if result.columns is None or [column.name for column in result.columns] != list(names):
        raise NotThisProtocol("a result has other columns than were asked for")
    return [["" if cell is None else wire.text(cell) for cell in row] for row in result.rows]


async def databases(session: Session) -> list[str]:
    """The databases that take connections and are no templates. Strict: this is the gated read."""
    listed = await texts(session, sql.DATABASES, ("datname", "datistemplate", "datallowconn"))
    if not listed or any(not row[0] or {row[1], row[2]} - {"t", "f"} for row in listed):
        raise NotThisProtocol("not a list of databases")
    return [name for name, template, takes in listed if template == "f" and takes == "t"]


async def relations(session: Session, database: str) -> list[Listed]:
    """What may be read of the database the session is in, with the server's figures."""
    rows = await texts(session, sql.RELATIONS, sql.RELATIONS_COLUMNS)
    try:
        sizes = {
            int(oid): (int(main) // int(block), int(whole))
            for oid, main, whole, block in await texts(session, sql.SIZES, sql.SIZES_COLUMNS)
            if main and whole  # NULL: dropped meanwhile
        }
    except ServerRefused:  # one table that is locked is enough for that
        sizes = {}
    except (ValueError, ZeroDivisionError):
        raise NotThisProtocol("not a list of sizes") from None
    try:
        catalogue = {row.oid: row for row in map(_catalogue_row, rows)}
    except ValueError:
        raise NotThisProtocol("not a list of relations") from None
    usable = [r for r in catalogue.values() if len(r.schema) <= MAX_NAME >= len(r.name)]
    usable = [r for r in usable if r.schema and r.name and not sql.is_system(r.schema)]
    complete = len(rows) < sql.MAX_RELATIONS and len(usable) == len(catalogue)
    found = []
    for relation in sql.readable_relations(usable, complete=complete):
        known = [sizes.get(oid) for oid in relation.leaves]
        sized = [size for size in known if size is not None]
        whole = len(sized) == len(known)
        records = [
            _estimate(catalogue[oid], size[0] if size else None)
            for oid, size in zip(relation.leaves, known, strict=True)
        ]
        found.append(
            Listed(
                database,
                relation,
                sum(size[0] for size in sized) if whole else None,
                sum(size[1] for size in sized) if whole else None,
                None if None in records else sum(n for n in records if n is not None),
            )
        )
    return found


def _catalogue_row(row: Sequence[str]) -> sql.CatalogueRow:
    oid, kind, schema, name, tuples, pages, parent, readable = row
    count = float(tuples)
    if not math.isfinite(count) or kind not in ("r", "m", "p", "f"):
        raise ValueError("not a row of pg_class")
    return sql.CatalogueRow(
        int(oid), kind, schema, name, count, int(pages), int(parent or 0), readable == "t"
    )


def _estimate(row: sql.CatalogueRow, pages: int | None) -> int | None:
    """Rows as PostgreSQL's planner estimates them: those a page had when it was last analysed,
    times the pages there are now. None where it never was (-1 rows, before version 14: 0 pages)."""
    if pages == 0:
        return 0
    if row.tuples < 0 or row.pages <= 0:
        return None
    return round(row.tuples / row.pages * (row.pages if pages is None else pages))


async def columns(session: Session, oid: int) -> list[sql.Column]:
    rows = await texts(session, sql.columns_of(oid), sql.COLUMNS_COLUMNS)
    try:
        columns = [
            sql.Column(name, int(type_), type_name, category, int(length), int(element))
            for name, type_, type_name, category, length, element in rows
        ]
    except ValueError:
        raise NotThisProtocol("not a list of columns") from None
    return [column for column in columns if 0 < len(column.name) <= MAX_NAME]


def reader(column: sql.Column, oid: int) -> wire.Decoder:
    """How to read a column's cells: arrays and geometries by the catalogue's word, for they come
    as text; the rest by the type of the result, which for a domain is its base type."""
    if column.is_array:
        element = wire.decoder(column.element)
        return lambda cell: wire.array(cell, element)
    if column.type_name in ("geometry", "geography"):
        return wire.decoder(wire.BYTEA)
    if column.type == wire.CHARACTER:
        return lambda cell: wire.text(cell).rstrip(" ")  # padded to its length, which says nothing
    return wire.decoder(oid)
