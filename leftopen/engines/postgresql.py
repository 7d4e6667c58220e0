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

For measuring, once a store is known to be open: of pg_stats `n_distinct` and `null_frac` (never a
value: neither most common ones nor bounds), which columns are unique, indexed or refer to another
table, when the server was started, and how often rows of each table were written since it counts
(of at most 8 databases; none of a standby, whose counters do not move). Rows of a range of a column
are counted where a btree index begins with it. With `--deep` single columns of every row come
through one portal in one READ ONLY transaction, 10,000 rows at a time, each page under the limit of
time; where the session has none, these transactions set it for themselves.

Not read: views (a view can run any function), foreign tables (the server would dial elsewhere),
tables that row-level security limits for the role (its policies run functions), system schemas
(and so no password of pg_authid).

TLS is used where the server offers it. If the handshake then fails, the server is asked once more
in plain text, for so could anybody; a server that wants a client certificate is not.

Source: the documentation of PostgreSQL (postgresql.org/docs), "Frontend/Backend Protocol" and
"Client Authentication".
"""

from __future__ import annotations

import random
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _postgresql_catalogue as catalogue
from leftopen.engines import _postgresql_known as knowing
from leftopen.engines import _postgresql_sql as sql
from leftopen.engines._handles import handle_of
from leftopen.engines._postgresql_catalogue import DATABASE, Handle, Listed
from leftopen.engines._postgresql_session import ROLE, LogOn, Result, Session, role_of
from leftopen.engines._proofs import CANNED, CanWrite
from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.sample import rows as batch_of

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1_000  # rows
_CELL_BYTES = 262_144  # more than any cell has that was cut on the server as it was told to
_COUNTED_PAGES = 1_000  # a table up to this size is counted whole if the server has no estimate
_COUNTED_PAGES_IN_ALL = 20_000  # of one store
_LOOKED_AT_PAGES = 500  # to estimate the rows of a larger one
_ROOM = 4  # times the rows wanted
_LEAST_PAGES = 24  # drawn for a sample, if there are as many

_SHOWS_TRUST = {"28000", "28P01", "3D000", "42501"}  # after AuthenticationOk: role, database, right
_NO_TABLESAMPLE = {"42601", "0A000", "42883", "42704"}  # it came with 9.5; others lack it


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


def _shown(role: str) -> str:
    """The role for a sentence; the scope's own text is not put there."""
    return ROLE if role == ROLE else "the role that the scope names"


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
        proof = _judge_stranger(await session.hello(stranger, DATABASE, {}))
        if proof is not None:
            return proof
        role = role_of(connection)
        answer = await session.log_on(role, DATABASE)
        proof = _judge_known(answer, role)
        if proof is not None:
            return proof
        version = clean_version(answer.parameters.get("server_version"))
        try:
            await catalogue.databases(session)
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
        role = role_of(connection)
        await session.enter(role, DATABASE)
        listed: list[Listed] = []
        refusal: ServerRefused | None = None
        read = 0
        for database in await catalogue.databases(session):
            try:
                await session.enter(role, database)
                listed += await catalogue.relations(session, database)
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
                Handle(session, item),
            )
            for item in await _counted(session, listed)
        ]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        handle = handle_of(collection, Handle)
        assert handle.session.connection is connection
        session, listed = handle.session, handle.listed
        if listed.pages == 0 or limits.rows < 1:
            return
        await session.enter(role_of(connection), listed.database)
        columns = await catalogue.columns(session, listed.relation.oid)
        if not columns:
            return
        result = await _drawn(session, listed, columns, limits.rows)
        if result.columns is None or len(result.columns) != len(columns):
            raise NotThisProtocol("a result has other columns than were asked for")
        names = [column.name for column in columns]
        readers = [catalogue.reader(c, r.oid) for c, r in zip(columns, result.columns, strict=True)]
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

    async def known(
        self, connection: Connection, collection: Collection, paths: Sequence[str]
    ) -> Mapping[str, Known]:
        """Of paths that are columns; what JSON in one holds has no statistics."""
        handle = handle_of(collection, Handle)
        assert handle.session.connection is connection
        return await knowing.known(handle, collection.records, paths)

    async def count_between(
        self, connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
    ) -> int | None:
        """None too where the column's type has no value like these moments."""
        handle = handle_of(collection, Handle)
        assert handle.session.connection is connection
        return await knowing.count_between(handle, path, begin, end)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        return await knowing.marks(connection, collections)

    async def since(self, connection: Connection) -> Since | None:
        """On a fresh connection, which it leaves as fresh; so before `collections`."""
        return await knowing.since(connection)

    async def stream(
        self,
        connection: Connection,
        collection: Collection,
        paths: Sequence[str],
        limits: StoreLimits,
    ) -> AsyncIterator[pa.RecordBatch]:
        handle = handle_of(collection, Handle)
        assert handle.session.connection is connection
        async with aclosing(knowing.stream(handle, paths, limits.bytes)) as batches:
            async for batch in batches:
                yield batch


async def _gives_back(session: Session, token: str) -> bool:
    """Whether the server answers with what was made up for it: a recording of one cannot."""
    return await catalogue.texts(session, sql.token_of(token), ("token",)) == [[token]]


async def _counted(session: Session, listed: Sequence[Listed]) -> list[Listed]:
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


async def _count(session: Session, item: Listed, pages: int) -> int | None:
    percent = None if pages <= _COUNTED_PAGES else 100 * _LOOKED_AT_PAGES / pages
    try:
        await session.enter(role_of(session.connection), item.database)
        [[number]] = await catalogue.texts(
            session, sql.count_of(item.relation, percent), ("count",)
        )
        count = int(number)
    except ServerRefused:
        return None
    except ValueError:
        raise NotThisProtocol("not a count") from None
    return count if percent is None else round(count * 100 / percent)


async def _drawn(
    session: Session, item: Listed, columns: Sequence[sql.Column], rows: int
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


ENGINE = PostgreSQL()
