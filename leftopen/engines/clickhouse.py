"""ClickHouse over its HTTP interface: SELECTs by GET, which the server itself runs read-only.

The exchange of a probe, one request a line, no user named (so the server takes `default`):

    GET /?query=…  a random word turned round, the version and the local databases, in one answer
    GET /?query=…  gated: one table of them from system.tables
    GET /?query=…  gated: SELECT 1 of one row of that table, so that no value leaves the server
    POST /         the setting `readonly`: for a GET it is never 0; then GET `SHOW GRANTS`

OPEN is a row, or no row, of that table in strict JSON. AUTH_REQUIRED are the exceptions 192, 193,
194 and 516, ACL_CLOSED is 195 (address not allowed); 497 (access denied) at a table is
OPEN_PARTIAL. A peer that does not turn the word round gives canned answers. `/ping` proves nothing
and is not asked. The native port (9000) tells what it is when it hears HTTP: UNDETERMINED, for the
HTTP port of the same server gives the verdict. Ports 8443 and 9000 are everybody's: a challenge
there that does not name ClickHouse proves nothing.

Only tables that store their rows are read: a SELECT from Kafka, URL, MySQL and the like would
consume messages or make the server dial elsewhere, and so would the listing of a database of a
remote engine. Statements are literal texts with quoted names; each must fit a template here.
They work from 18.16 on.

For measuring, once a store is known to be open: the uptime; of tables stored in parts their rows
and how many blocks were inserted; which column a table is sorted by first, by ranges of which rows
are counted. With `--deep` single columns of every row come in one answer (TabSeparated), its time
limited to what is left of the store's.

`can_write` is "no" where `readonly` is 1 or 2, else what SHOW GRANTS says,
which servers before 20.4 do not know (exception 62): there every user may write.

Sources: clickhouse.com/docs (HTTP Interface; system.databases, tables, columns, parts; Permissions
for Queries: readonly; GRANT Statement; JSONCompact), and the exception numbers of
src/Common/ErrorCodes.cpp in github.com/ClickHouse/ClickHouse.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Any, Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _clickhouse_known as knowing
from leftopen.engines import _clickhouse_sql as sql
from leftopen.engines._clickhouse_asking import (
    EXCEPTION,
    Handle,
    accepted,
    columns_of,
    exception_of,
    name_of,
    number_of,
    reader,
    rows_of,
    seconds_of,
    send,
)
from leftopen.engines._handles import handle_of
from leftopen.engines._http import at_own_port, closed
from leftopen.engines._pages import fitting
from leftopen.engines._proofs import CANNED, CanWrite
from leftopen.errors import NetError, NotThisProtocol
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession, Response

_PRODUCT = "ClickHouse"
_LOOKED_AT = 200_000  # rows: a sample is drawn from so many, the first that the server comes by
_MORE = 1.2  # times the rows wanted, so that chance seldom brings fewer
_COUNTED = 200  # tables without parts (Log, Memory) whose rows are counted
_LISTS = 4  # statements of a probe that look for a table


class ClickHouse:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "clickhouse"
    ports: tuple[int, ...] = (8123, 8443, 9000)
    requests = sql.NAMES
    speaks = Speaks.HTTP
    verified: Literal["real", "scripted"] = "real"
    reads = "rows of tables that are stored in it, thinned at random from 200,000 of each"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        session = HttpSession(connection)
        token = secrets.token_hex(16)
        first = await send(session, sql.DATABASES.format(word=token))
        if first.status != 200:
            return _closed(first, at_own_port(connection, self.ports))
        ((word, stated, databases),) = rows_of(first, 3, most=1, least=1)
        if word != token[::-1]:
            return CANNED
        version = clean_version(stated)
        verdict, reason = await _gated(session, _local(databases))
        told: CanWrite = "unknown"
        if verdict is Verdict.OPEN:
            with contextlib.suppress(NetError, NotThisProtocol):
                told = await _can_write(session)
        return Proof(verdict, reason, version, _PRODUCT, told)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Tables that are stored in the server itself, the largest first.

        Raises ServerRefused, NotThisProtocol and NetError.
        """
        session = HttpSession(connection)
        told = await send(session, sql.DATABASES.format(word=secrets.token_hex(16)))
        ((_, _, names),) = rows_of(accepted(told), 3, most=1, least=1)
        databases = _local(names)
        limited = await _is_limited(session)
        listed: list[sql.Table] = []
        sizes: dict[sql.Table, tuple[int, int]] = {}
        for texts in sql.in_lists(databases):
            response = await send(session, sql.TABLES.format(names=texts, limit=sql.MAX_TABLES))
            listed += _tables(response, databases)
            sizes |= _sizes(await send(session, sql.PARTS.format(names=texts)))
        listed.sort(key=lambda table: -sizes.get(table, (0, 0))[1])
        made: list[Collection] = []
        for number, table in enumerate(listed[: connection.limits.collections]):
            records, size = sizes.get(table, (None, None))
            if records is None and number < _COUNTED:
                records = await _count(session, table)
            name = f"{table.database}.{table.name}"
            made.append(Collection(name, records, size, Handle(table, limited)))
        return made

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Rows taken by chance from about _LOOKED_AT of a table: from all of a larger one would be
        a full scan. A page over the reply limit is asked for again with fewer rows.

        Raises ServerRefused, NotThisProtocol and NetError; BudgetSpent where one row is too large.
        """
        session = HttpSession(connection)
        handle = handle_of(collection, Handle)
        columns = await columns_of(session, handle.table)
        if not columns or limits.rows < 1:
            return
        most, records = limits.reply_bytes, collection.records
        each = 2 * sum(column.bytes for column in columns) // records if records else 0
        size = max(1, min(limits.rows, most // each if each else limits.rows))
        seconds = seconds_of(handle, limits.silence)

        async def ask(count: int) -> Response:
            nth = int(min(records or 0, _LOOKED_AT) / (_MORE * count))
            statement = sql.rows_of(handle.table, columns, count, nth, most // 2)
            return accepted(await send(session, statement, seconds))

        response, size = await fitting(ask, size)
        found = rows_of(response, len(columns), most=size)
        readers = [reader(column.type) for column in columns]
        if found:
            yield sampling.rows(
                [column.name for column in columns],
                [
                    [None if v is None else read(v) for read, v in zip(readers, row, strict=True)]
                    for row in found
                ],
            )

    async def known(
        self, connection: Connection, collection: Collection, paths: Sequence[str]
    ) -> Mapping[str, Known]:
        """That the column by which a table is sorted first is indexed, and nothing else."""
        return await knowing.known(connection, handle_of(collection, Handle), paths)

    async def count_between(
        self, connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
    ) -> int | None:
        """None too where the column's type has no value like these moments."""
        handle = handle_of(collection, Handle)
        return await knowing.count_between(connection, handle, path, begin, end)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        return await knowing.marks(connection, collections)

    async def since(self, connection: Connection) -> Since | None:
        return await knowing.since(connection)

    async def stream(
        self,
        connection: Connection,
        collection: Collection,
        paths: Sequence[str],
        limits: StoreLimits,
    ) -> AsyncIterator[pa.RecordBatch]:
        """Without columns of arrays, tuples and maps."""
        handle = handle_of(collection, Handle)
        async with aclosing(knowing.stream(connection, handle, paths, limits.bytes)) as batches:
            async for batch in batches:
                yield batch


ENGINE = ClickHouse()


_NATIVE_PORT = re.compile(rb"\s*Port \d+ is for clickhouse-client program")


def _is_known(response: Response) -> bool:
    return any(name.startswith("x-clickhouse-") for name in response.headers) or bool(
        EXCEPTION.match(response.body)
    )


def _closed(response: Response, own_port: bool) -> Proof:
    """The verdict on a peer that did not answer the first statement."""
    if _NATIVE_PORT.match(response.body):
        reason = "is the native port of a ClickHouse; its HTTP port gives the verdict"
        return Proof(Verdict.UNDETERMINED, reason, product=_PRODUCT)
    code = exception_of(response) if _is_known(response) else None
    if code in (192, 193, 194, 516):
        return Proof(Verdict.AUTH_REQUIRED, "asks for credentials", product=_PRODUCT)
    if code == 195:
        return Proof(Verdict.ACL_CLOSED, "refuses our address", product=_PRODUCT)
    if code == 497:
        reason = "lets anybody in, but the list of databases is refused"
        return Proof(Verdict.OPEN_PARTIAL, reason, product=_PRODUCT)
    if code is not None:
        reason = f"the first statement brought exception {code}"
        return Proof(Verdict.UNDETERMINED, reason, product=_PRODUCT)
    return closed(response, known=_is_known(response), own_port=own_port, what=_PRODUCT)


def _local(names: Any) -> list[str]:
    """The databases of the first answer without the system's own."""
    if not isinstance(names, list):
        raise NotThisProtocol("not a list of databases")
    return [name for name in map(name_of, names) if name.lower() not in sql.SYSTEM]


async def _gated(session: HttpSession, databases: Sequence[str]) -> tuple[Verdict, str]:
    """The verdict on a server that lets anybody in, by what it lets them read."""
    for texts in islice(sql.in_lists(databases), _LISTS):
        listed = await send(session, sql.TABLES.format(names=texts, limit=1))
        if listed.status != 200:
            return _refused(listed, "lists its databases, but the list of tables")
        for table in _tables(listed, databases):
            response = await send(session, sql.one_of(table))
            if response.status != 200:
                return _refused(response, "lists its tables, but a read of one")
            if any(row != [1] for row in rows_of(response, 1, most=1)):
                raise NotThisProtocol("not a result of ClickHouse")
            return Verdict.OPEN, "lists its tables and answers a read without credentials"
    return Verdict.OPEN, "answers statements without credentials; no stored table was found"


def _refused(response: Response, what: str) -> tuple[Verdict, str]:
    code = exception_of(response)
    if code == 497:
        return Verdict.OPEN_PARTIAL, f"{what} is refused (exception 497)"
    told = f"status {response.status}" if code is None else f"exception {code}"
    return Verdict.UNDETERMINED, f"{what} brought {told}"


def _tables(response: Response, databases: Sequence[str]) -> list[sql.Table]:
    found = rows_of(accepted(response), 3, most=sql.MAX_TABLES)
    listed = [
        sql.Table(name_of(database), name_of(table), name_of(engine))
        for database, table, engine in found
    ]
    if any(table.database not in databases for table in listed):
        raise NotThisProtocol("a table of a database that was not asked for")
    return listed


def _sizes(response: Response) -> dict[sql.Table, tuple[int, int]]:
    """Rows and bytes of the tables that are stored in parts; none where that is not told."""
    if response.status != 200:
        return {}
    return {
        sql.Table(name_of(database), name_of(table)): (number_of(records), number_of(size))
        for database, table, records, size in rows_of(response, 4, most=sql.MAX_TABLES)
    }


async def _count(session: HttpSession, table: sql.Table) -> int | None:
    response = await send(session, sql.count_of(table))
    if response.status != 200:
        return None
    ((count,),) = rows_of(response, 1, most=1, least=1)
    return number_of(count)


async def _is_limited(session: HttpSession) -> bool:
    """Whether settings may be given with a query: not where the user is held to `readonly` = 1."""
    response = await send(session, sql.READONLY)
    return response.status == 200 and rows_of(response, 1, most=1) == [["2"]]


async def _can_write(session: HttpSession) -> CanWrite:
    """What the server says of a client without credentials, asked as one who may write would."""
    body = sql.READONLY + sql.FORMAT
    setting = await session.request(
        sql.request_name("POST", "/", body), "/", method="POST", body=body
    )
    if setting.status != 200:
        return "unknown"
    value = rows_of(setting, 1, most=1)
    if value in ([["1"]], [["2"]]):
        return "no"
    if value != [["0"]]:
        return "unknown"
    granted = await send(session, sql.GRANTS)
    if granted.status != 200:
        return "yes" if exception_of(granted) == 62 else "unknown"  # before 20.4
    return sql.by_grants([_line(row[0]) for row in rows_of(granted, 1, most=1_000)])


def _line(value: Any) -> str:
    return value if isinstance(value, str) else ""
