"""MySQL and MariaDB, and what speaks their protocol.

The server speaks first: its greeting (HandshakeV10) states product and version, and proves identity
only. Whether it is open cannot be told without naming an account, and an empty password is a
credential: so without an opt-in no byte leaves, and the verdict is UNDETERMINED. An ERR packet in
place of the greeting is ACL_CLOSED where it refuses our address (1130, 1129), else UNDETERMINED.

Where the scope file says `blank_password_check = true` and names one account, that account is named
once, with an empty password, over TLS where the server offers it. PASSWORDLESS is a server that
lets it in and then answers `SELECT REVERSE('…')` with a random word of ours turned round; a refusal
is AUTH_REQUIRED; an account that is let in and may read nothing is OPEN_PARTIAL. OPEN is never
given. A log-on that breaks off is not repeated. To read the sample of a PASSWORDLESS
store the same account is named again, as often as it is dialled.

`can_write` is what SHOW GRANTS and `read_only` say of that account.

For measuring, once an account was let in: which columns are unique, indexed or refer to another
table; about how many values an index has, where the figures of a unique one fit its table (they are
estimates from some 20 pages, and far off for a table that has just been filled); the server's
uptime; AUTO_INCREMENT, or else the time of the last change, of at most 400 tables (a session with
MySQL 8 asks for them as they are now). Rows of a range of a column are counted by an index that
begins with it. With `--deep` single columns of every row come in one statement; its limit of time
is what is left of the store's.

Every statement runs in a READ ONLY transaction and with a limit of time, where the server knows
these; TIMESTAMPs are asked for in UTC. Not read: views (they can run any function), tables whose
engine would dial elsewhere, system schemas. Columns are those that the account may SELECT.

Sources: MySQL Source Code Documentation, "Client/Server Protocol"; MySQL Reference Manual, "Server
Error Message Reference" and "SHOW GRANTS Statement"; MariaDB Knowledge Base, "Client/Server
Protocol" and "GRANT".
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _mysql_known as knowing
from leftopen.engines import _mysql_sql as sql
from leftopen.engines import _mysql_wire as wire
from leftopen.engines._handles import handle_of
from leftopen.engines._mysql_catalogue import (
    MAX_NAME,
    Handle,
    columns_of,
    name_of,
    number_of,
    seconds_of,
)
from leftopen.engines._mysql_session import Result, Session
from leftopen.engines._mysql_sql import Table, TableColumn
from leftopen.engines._proofs import CanWrite
from leftopen.errors import BudgetSpent, NetError, NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.sample import rows as batch_of

if TYPE_CHECKING:
    import pyarrow as pa

_CELL_BYTES = 262_144  # more than any cell has that was cut on the server as it was told to
_BATCH = 1_000  # rows
_COUNTED_BYTES = 8 << 20  # a table up to this size is counted, for the server only estimates
_COUNTED_TABLES = 200
_LOOKED_AT = 200_000  # rows: a sample is drawn from so many at the most, the first of the table
_MORE = 1.2  # times the rows wanted, so that chance seldom brings fewer
_MAX_GRANTS = 1_000

_NOT_OUR_ADDRESS = {1129, 1130}  # ER_HOST_IS_BLOCKED, ER_HOST_NOT_PRIVILEGED
# Access denied, denied without password, expired, locked (MySQL, MariaDB), and clients or accounts
# whose method of proof is missing.
_DENIED = {1045, 1698, 1862, 3118, 4151, 1251, 1524, 1820}
_BY_OPT_IN = "an empty password was tried once for one account, because the scope file says so"

# GRANT words by what they allow. Words that are in neither set leave the question open.
_READING = {
    "USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "REPLICATION CLIENT",
    "REPLICATION SLAVE", "BINLOG MONITOR", "SLAVE MONITOR", "LOCK TABLES", "SHOW CREATE ROUTINE",
}  # fmt: skip
_WRITING = {
    "ALL", "ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "SUPER",
    "DELETE HISTORY", "CREATE USER",
}  # fmt: skip
_OF_COLUMNS = re.compile(r"\([^()]*\)")
_PRODUCTS = (("mariadb", "mariadb"), ("tidb", "tidb"), ("vitess", "vitess"))
_FALSE = {b"0", b"OFF"}


class MySQL:
    """The engine; see the module's text for how a verdict is reached."""

    name = "mysql"
    ports: tuple[int, ...] = (3306, 3307)
    requests = sql.NAMES
    speaks = Speaks.GREETS
    verified: Literal["real", "scripted"] = "real"
    reads = "by opt-in alone: rows of base tables, thinned at random from their first 200,000"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        session = Session(connection, connection.tls)
        greeted = await session.greeted()
        if isinstance(greeted, wire.Refusal):
            return _refused_at_once(greeted)
        version, product = _version(greeted.version), _product(greeted.version)
        account = _account(connection)
        told = Proof(Verdict.UNDETERMINED, "", version, product)
        if account is None:
            return _because(told, "greets; whether it is open is not decidable without an account")
        needed = wire.CLIENT_PROTOCOL_41 | wire.CLIENT_SECURE_CONNECTION
        if greeted.capabilities & needed != needed:
            return _because(told, "greets with a protocol from before MySQL 4.1; nobody was named")
        try:
            refused = await session.log_on(greeted, account)
            if refused is not None:
                return _refused_log_on(refused, told)
            return await _gated(session, told)
        except (NetError, NotThisProtocol):
            if not session.tried:  # TLS was refused: the account has not been named
                raise
            # Were this raised, leftopen would ask again in another way: a second try.
            return _because(told, f"broke off the log-on; {_BY_OPT_IN}")

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Base tables that the account may read, the largest first; without an opt-in none.

        Raises ServerRefused, NotThisProtocol and NetError.
        """
        account = _account(connection)
        if account is None:
            raise ServerRefused("no account was named in the scope file", code="no_account")
        session = Session(connection, connection.tls)
        await session.enter(account)
        made: list[Collection] = []
        counted = 0
        for table, records, size in await _tables(session):
            if len(made) == connection.limits.collections:
                break
            if counted < _COUNTED_TABLES and (size is None or size <= _COUNTED_BYTES):
                counted += 1
                records = await _count(session, table, records)
            handle = Handle(session, account, table)
            made.append(Collection(f"{table.schema}.{table.name}", records, size, handle))
        return made

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Rows taken by chance from the first _LOOKED_AT of a table (in its primary key's order),
        for a larger part would be a full scan."""
        handle = handle_of(collection, Handle)
        session, table = handle.session, handle.table
        assert session.connection is connection
        if limits.rows < 1:
            return
        await session.enter(handle.account)
        columns = await columns_of(session, table)
        if not columns:
            return
        looked_at = min(collection.records or 0, _LOOKED_AT)
        share = min(1.0, _MORE * limits.rows / looked_at) if looked_at else 1.0
        result = await _drawn(session, table, columns, limits, share)
        if share < 1 and len(result.rows) < limits.rows // 2:  # the server's estimate was far off
            await session.enter(handle.account)
            result = await _drawn(session, table, columns, limits, 1.0)
        if len(result.columns) != len(columns):
            raise NotThisProtocol("a result has other columns than were asked for")
        names = [column.name for column in columns]
        readers = [wire.decoder(column) for column in result.columns]
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
        account = _account(connection)
        return None if account is None else await knowing.since(connection, account)

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


ENGINE = MySQL()


def _account(connection: Connection) -> str | None:
    """The one account that the scope file lets us name, if it says so and names one."""
    allowed = connection.opt_in
    account = allowed.account if allowed.blank_password_check else None
    return account if account and "\0" not in account and len(account) <= MAX_NAME else None


def _because(told: Proof, reason: str) -> Proof:
    return Proof(told.verdict, reason, told.version, told.product)


def _version(stated: str) -> str | None:
    """MariaDB before 11 put 5.5.5- in front, for replicas that knew no two-digit versions."""
    return clean_version(stated.removeprefix("5.5.5-"))


def _product(stated: str) -> str:
    """The product by its version: "8.0.11-TiDB-v7.5.0", "10.11.6-MariaDB", "8.0.35"."""
    lower = stated.lower()
    return next((name for sign, name in _PRODUCTS if sign in lower), "mysql")


def _refused_at_once(refused: wire.Refusal) -> Proof:
    product = "mariadb" if refused.is_mariadb else None
    if refused.number in _NOT_OUR_ADDRESS:
        reason = f"refuses our address before any account is named (error {refused.number})"
        return Proof(Verdict.ACL_CLOSED, reason, product=product)
    reason = f"refuses the connection with error {refused.number} before any account is named"
    return Proof(Verdict.UNDETERMINED, reason, product=product)


def _refused_log_on(refused: wire.Refusal, told: Proof) -> Proof:
    if refused.number in _NOT_OUR_ADDRESS:
        verdict, reason = Verdict.ACL_CLOSED, "refuses our address"
    elif refused.number in _DENIED:
        verdict, reason = Verdict.AUTH_REQUIRED, "refused the account"
    else:
        verdict, reason = Verdict.UNDETERMINED, f"answered the log-on with error {refused.number}"
    return Proof(verdict, f"{reason}; {_BY_OPT_IN}", told.version, told.product)


async def _gated(session: Session, told: Proof) -> Proof:
    """The verdict on a server that let the account in."""
    word = secrets.token_hex(16)
    try:
        result = await session.select(sql.token_of(word), 1)
    except ServerRefused as refused:
        reason = f"lets the account in, but refused a read with error {refused.code}; {_BY_OPT_IN}"
        return Proof(Verdict.OPEN_PARTIAL, reason, told.version, told.product)
    if result.rows != [[word[::-1].encode()]]:
        # NOT_THIS would have leftopen ask in another way, and so name the account again.
        return _because(told, f"gives canned answers, not those of a server; {_BY_OPT_IN}")
    try:
        can_write = await _can_write(session)
    except (NetError, NotThisProtocol, ServerRefused):
        can_write = "unknown"
    await session.leave()
    reason = f"lets the account in and answers a read; {_BY_OPT_IN}"
    return Proof(Verdict.PASSWORDLESS, reason, told.version, told.product, can_write)


async def _can_write(session: Session) -> CanWrite:
    """What the account's own grants say. A server that is read-only for most may still refuse."""
    granted = await session.select(sql.GRANTS, _MAX_GRANTS)
    if granted.cut or len(granted.columns) != 1:
        return "unknown"
    told = _by_grants((row[0] or b"").decode("utf-8", "replace") for row in granted.rows)
    if told == "yes":
        switch = await session.select(sql.READ_ONLY, 1)
        return "yes" if len(switch.rows) == 1 and switch.rows[0][0] in _FALSE else "unknown"
    return told


def _by_grants(lines: Iterable[str]) -> CanWrite:
    """ "no" only where every line is understood and allows reading alone."""
    seen = False
    only_reading = True
    for line in lines:
        seen = True
        rights, on, _ = line.removeprefix("GRANT ").partition(" ON ")
        if not on or not line.startswith("GRANT "):  # a role: what it brings is not told here
            only_reading = False
            continue
        words = {word.strip() for word in _OF_COLUMNS.sub("", rights).split(",")}
        if words & _WRITING:
            return "yes"
        only_reading = only_reading and words <= _READING
    return "no" if seen and only_reading else "unknown"


async def _tables(session: Session) -> list[tuple[Table, int | None, int | None]]:
    """Base tables with the server's own figures: rows (an estimate) and bytes."""
    result = await session.select(sql.TABLES, sql.MAX_TABLES)
    if result.cut:
        raise BudgetSpent(code="reply_too_large")
    if len(result.columns) != 4:
        raise NotThisProtocol("a result has other columns than were asked for")
    listed = [
        (Table(name_of(schema), name_of(name)), number_of(records), number_of(size))
        for schema, name, records, size in result.rows
    ]
    # The statement leaves the system's out; a peer may lie.
    return [entry for entry in listed if entry[0].schema.lower() not in sql.SYSTEM]


async def _count(session: Session, table: Table, estimate: int | None) -> int | None:
    try:
        result = await session.select(sql.count_of(table, seconds_of(session)), 1)
    except ServerRefused:  # no right to, or it took too long
        return estimate
    if len(result.rows) != 1 or len(result.columns) != 1:
        raise NotThisProtocol("not a count")
    return number_of(result.rows[0][0])


async def _drawn(
    session: Session,
    table: Table,
    columns: Sequence[TableColumn],
    limits: StoreLimits,
    share: float,
) -> Result:
    row_bytes = session.connection.limits.reply_bytes // 2
    seconds = seconds_of(session)
    statement = sql.rows_of(table, columns, limits.rows, row_bytes, seconds, share)
    return await session.select(statement, limits.rows)
