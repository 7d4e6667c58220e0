"""PostgreSQL, and what speaks its protocol (pgbouncer, managed and compatible servers).

The exchange: SSLRequest, whose answer proves nothing but who speaks; a StartupMessage of a role
that cannot exist, one of the role to read as, then SELECTs. A role that cannot exist shows whether
anybody is let in without a password: PostgreSQL sends AuthenticationOk before it looks whether the
role exists. Only then is the default superuser `postgres` (or the role that the scope names) named,
without any password; if the server asks for one, none is given. pg_hba.conf can open a server to
some roles or databases alone; leftopen does not go looking for those. A pgbouncer with `auth_type =
trust` knows its users by name and refuses others with 08P01: UNDETERMINED.

OPEN is a list of databases and a token of ours that came back; AUTH_REQUIRED a server that asks for
a password or refuses an unknown role before AuthenticationOk; ACL_CLOSED one whose pg_hba.conf
rejects us; OPEN_PARTIAL one that lets unknown roles in and this one not. `can_write` is what it
reports of itself (is_superuser, in_hot_standby).

Every statement runs read-only, by the session's own setting where the server confirms it, else in
a READ ONLY transaction (pgbouncer refuses the settings, its time limits among them).

Not read: views (a view can run any function), foreign tables (the server would dial elsewhere),
tables that row-level security limits for the role (its policies run functions), system schemas
(and so no password of pg_authid).

TLS is used where the server offers it. If the handshake then fails, the server is asked once more
in plain text, for so could anybody; a server that wants a client certificate is not.

Source: the documentation of PostgreSQL (postgresql.org/docs), "Frontend/Backend Protocol" and
"Client Authentication".
"""

from __future__ import annotations

import math
import random
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _postgresql_sql as sql
from leftopen.engines import _postgresql_wire as wire
from leftopen.engines._handles import handle_of
from leftopen.engines._postgresql_session import LogOn, Result, Session
from leftopen.engines._proofs import CANNED, CanWrite
from leftopen.errors import BudgetSpent, NotThisProtocol, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.sample import rows as batch_of

if TYPE_CHECKING:
    import pyarrow as pa

_ROLE = "postgres"
_DATABASE = "postgres"
_BATCH = 1_000  # rows
_MAX_NAME = 255  # characters; PostgreSQL's own names have 63 bytes at most
_CELL_BYTES = 262_144  # more than any cell has that was cut on the server as it was told to
_COUNTED_PAGES = 1_000  # a table up to this size is counted whole if the server has no estimate
_COUNTED_PAGES_IN_ALL = 20_000  # of one store
_LOOKED_AT_PAGES = 500  # to estimate the rows of a larger one
_ROOM = 4  # times the rows wanted
_LEAST_PAGES = 24  # drawn for a sample, if there are as many

_SHOWS_TRUST = {"28000", "28P01", "3D000", "42501"}  # after AuthenticationOk: role, database, right
_NO_TABLESAMPLE = {"42601", "0A000", "42883", "42704"}  # it came with 9.5; others lack it


@dataclass(frozen=True, slots=True)
class _Listed:
    """What is known of a relation: `pages` and `records` are None where the server tells none."""

    database: str
    relation: sql.Relation
    pages: int | None
    bytes: int | None
    records: int | None


@dataclass(frozen=True, slots=True)
class _Handle:
    """How a collection is read: over which session, and what."""

    session: Session
    listed: _Listed


def _judge_stranger(answer: LogOn) -> Proof | None:
    """What the answer to a role that cannot exist proves; None if it shows that nobody is asked.

    PostgreSQL refuses by address, TLS or client certificate in its routine ClientAuthentication
    (src/backend/libpq/auth.c), before AuthenticationOk; a failed method (ident, peer, …) comes
    from auth_failed, an unknown role after AuthenticationOk. Routines are not translated.
    """
    if answer.ready:
        return None
    if answer.refusal is None:
        return Proof(Verdict.AUTH_REQUIRED, "it asks for a password or another proof")
    code, routine = answer.refusal.code, answer.refusal.routine
    if answer.let_in and code in _SHOWS_TRUST:
        return None
    if not answer.let_in and code == "28000" and routine == "ClientAuthentication":
        return Proof(Verdict.ACL_CLOSED, "its access rules turn this address away")
    if not answer.let_in and code in ("28000", "28P01"):
        return Proof(Verdict.AUTH_REQUIRED, f"it refuses who does not prove a role ({code})")
    return Proof(Verdict.UNDETERMINED, f"it refused with SQLSTATE {code}")


def _role(connection: Connection) -> str:
    """Whom to read as: the role that the scope names, else the default superuser."""
    return connection.opt_in.role or _ROLE


def _shown(role: str) -> str:
    """The role for a sentence; the scope's own text is not put there."""
    return _ROLE if role == _ROLE else "the role that the scope names"


def _judge_known(answer: LogOn, role: str) -> Proof | None:
    """The same for the role to read as, after an unknown one was let in; None if ready."""
    if answer.ready:
        return None
    if answer.refusal is None:
        reason = f"it lets unknown roles pass without a password, but asks {_shown(role)} for one"
        return Proof(Verdict.OPEN_PARTIAL, reason)
    code = answer.refusal.code
    if code in ("28000", "28P01", "42501"):
        reason = f"it lets roles pass without a password, but {_shown(role)} cannot log on ({code})"
        return Proof(Verdict.OPEN_PARTIAL, reason)
    return Proof(Verdict.UNDETERMINED, f"it refused with SQLSTATE {code}")


def _can_write(parameters: Mapping[str, str]) -> CanWrite:
    """By what the server reports of itself; nothing is tried."""
    if parameters.get("in_hot_standby") == "on":
        return "no"
    both = (parameters.get("is_superuser"), parameters.get("in_hot_standby"))
    return "yes" if both == ("on", "off") else "unknown"


class PostgreSQL:
    """The engine; see the module's text for how a verdict is reached."""

    name = "postgresql"
    ports = (5432, 5433, 6432)
    requests = frozenset({"SSLRequest", "StartupMessage", "Terminate"}) | sql.NAMES
    speaks = Speaks.ANSWERS
    verified: Literal["real", "scripted"] = "real"
    reads = "rows of tables, partitioned tables and materialised views, drawn by TABLESAMPLE"

    async def probe(self, connection: Connection) -> Proof:
        session = Session(connection, connection.tls)
        stranger = f"leftopen_{secrets.token_hex(8)}"
        proof = _judge_stranger(await session.hello(stranger, _DATABASE, {}))
        if proof is not None:
            return proof
        role = _role(connection)
        answer = await session.log_on(role, _DATABASE)
        proof = _judge_known(answer, role)
        if proof is not None:
            return proof
        version = clean_version(answer.parameters.get("server_version"))
        try:
            await _databases(session)
            if not await _gives_back(session, secrets.token_hex(8)):
                return CANNED
        except ServerRefused as refused:
            partial = refused.code.startswith("42")  # 42501: no right to
            verdict = Verdict.OPEN_PARTIAL if partial else Verdict.UNDETERMINED
            reason = f"it lets anybody log on, but refused a read with SQLSTATE {refused.code}"
            return Proof(verdict, reason, version)
        await session.leave()
        reason = (
            f"it logged {_shown(role)} on without asking for a password and listed its databases"
        )
        return Proof(Verdict.OPEN, reason, version, can_write=_can_write(answer.parameters))

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The largest `limits.collections` of all databases. A database that refuses us is left
        out; ServerRefused where all do."""
        session = Session(connection, connection.tls)
        role = _role(connection)
        await session.enter(role, _DATABASE)
        listed: list[_Listed] = []
        refusal: ServerRefused | None = None
        read = 0
        for database in await _databases(session):
            try:
                await session.enter(role, database)
                listed += await _relations(session, database)
                read += 1
            except ServerRefused as refused:
                refusal = refused
        if refusal is not None and read == 0:
            raise refusal
        listed.sort(key=lambda item: item.bytes or 0, reverse=True)
        del listed[connection.limits.collections :]
        listed.sort(key=lambda item: item.database)  # each further database is a further log-on
        return [
            Collection(
                f"{item.database}.{item.relation.schema}.{item.relation.name}",
                item.records,
                item.bytes,
                _Handle(session, item),
            )
            for item in await _counted(session, listed)
        ]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        handle = handle_of(collection, _Handle)
        assert handle.session.connection is connection
        session, listed = handle.session, handle.listed
        if listed.pages == 0 or limits.rows < 1:
            return
        await session.enter(_role(connection), listed.database)
        columns = await _columns(session, listed.relation.oid)
        if not columns:
            return
        result = await _drawn(session, listed, columns, limits.rows)
        if result.columns is None or len(result.columns) != len(columns):
            raise NotThisProtocol("a result has other columns than were asked for")
        names = [column.name for column in columns]
        readers = [_reader(c, r.oid) for c, r in zip(columns, result.columns, strict=True)]
        for start in range(0, len(result.rows), _BATCH):
            yield batch_of(
                names,
                [
                    [
                        None if cell is None else read(cell[:_CELL_BYTES])
                        for read, cell in zip(readers, row, strict=True)
                    ]
                    for row in result.rows[start : start + _BATCH]
                ],
            )


async def _texts(session: Session, statement: str, names: Sequence[str]) -> list[list[str]]:
    """The rows of a catalogue query as text, "" for NULL. Its columns must be named like that."""
    result = await session.select(statement, sql.MAX_RELATIONS)
    if result.cut:
        raise BudgetSpent(code="reply_too_large")
    if result.columns is None or [column.name for column in result.columns] != list(names):
        raise NotThisProtocol("a result has other columns than were asked for")
    return [["" if cell is None else wire.text(cell) for cell in row] for row in result.rows]


async def _databases(session: Session) -> list[str]:
    """The databases that take connections and are no templates. Strict: this is the gated read."""
    listed = await _texts(session, sql.DATABASES, ("datname", "datistemplate", "datallowconn"))
    if not listed or any(not row[0] or {row[1], row[2]} - {"t", "f"} for row in listed):
        raise NotThisProtocol("not a list of databases")
    return [name for name, template, takes in listed if template == "f" and takes == "t"]


async def _gives_back(session: Session, token: str) -> bool:
    """Whether the server answers with what was made up for it: a recording of one cannot."""
    return await _texts(session, sql.token_of(token), ("token",)) == [[token]]


async def _relations(session: Session, database: str) -> list[_Listed]:
    """What may be read of the database the session is in, with the server's figures."""
    rows = await _texts(session, sql.RELATIONS, sql.RELATIONS_COLUMNS)
    try:
        sizes = {
            int(oid): (int(main) // int(block), int(whole))
            for oid, main, whole, block in await _texts(session, sql.SIZES, sql.SIZES_COLUMNS)
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
    usable = [r for r in catalogue.values() if len(r.schema) <= _MAX_NAME >= len(r.name)]
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
            _Listed(
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


async def _counted(session: Session, listed: Sequence[_Listed]) -> list[_Listed]:
    """The same with small tables counted, and larger ones estimated from some of their pages,
    where the server has no estimate of its own; as far as the limits above allow."""
    left = _COUNTED_PAGES_IN_ALL
    counted = []
    for item in listed:
        if item.records is None and item.pages is not None and left > 0:
            left -= min(item.pages, _COUNTED_PAGES)
            item = replace(item, records=await _count(session, item, item.pages))
        counted.append(item)
    return counted


async def _count(session: Session, item: _Listed, pages: int) -> int | None:
    percent = None if pages <= _COUNTED_PAGES else 100 * _LOOKED_AT_PAGES / pages
    try:
        await session.enter(_role(session.connection), item.database)
        [[number]] = await _texts(session, sql.count_of(item.relation, percent), ("count",))
        count = int(number)
    except ServerRefused:
        return None
    except ValueError:
        raise NotThisProtocol("not a count") from None
    return count if percent is None else round(count * 100 / percent)


async def _columns(session: Session, oid: int) -> list[sql.Column]:
    rows = await _texts(session, sql.columns_of(oid), sql.COLUMNS_COLUMNS)
    try:
        columns = [
            sql.Column(name, int(type_), type_name, category, int(length), int(element))
            for name, type_, type_name, category, length, element in rows
        ]
    except ValueError:
        raise NotThisProtocol("not a list of columns") from None
    return [column for column in columns if 0 < len(column.name) <= _MAX_NAME]


async def _drawn(
    session: Session, item: _Listed, columns: Sequence[sql.Column], rows: int
) -> Result:
    """At most `rows` rows: all of a table that has no more, else those of random pages."""
    row_bytes = session.connection.limits.reply_bytes // 2
    if item.records is not None and item.records > rows:
        # SYSTEM takes each page by chance: few pages might be none, and rows of one page are alike.
        # So many pages, of which the server gives a part of the rows. A limit near what is wanted
        # would cut off the last pages, often the newest rows: leave room, and thin at random here.
        pages = max(1, item.pages or 1)
        on_a_page = item.records / pages
        wanted = min(float(pages), max(_LEAST_PAGES, 2 * rows / on_a_page))
        share = min(1.0, 2 * rows / (wanted * on_a_page))
        percent = 100 * wanted / pages
        statement = sql.rows_of(item.relation, columns, _ROOM * rows, row_bytes, percent, share)
        try:
            result = await session.select(statement, _ROOM * rows)
        except ServerRefused as refused:
            if refused.code not in _NO_TABLESAMPLE:
                raise
        else:
            if len(result.rows) > rows:
                # a sample for statistics; nothing depends on it being unforeseeable
                kept = sorted(random.sample(range(len(result.rows)), rows))
                result.rows = [result.rows[number] for number in kept]
            if result.rows:
                return result
    return await session.select(sql.rows_of(item.relation, columns, rows, row_bytes), rows)


def _reader(column: sql.Column, oid: int) -> wire.Decoder:
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


ENGINE = PostgreSQL()
