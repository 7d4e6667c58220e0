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
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Literal
from urllib.parse import quote

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _clickhouse_sql as sql
from leftopen.engines._handles import handle_of
from leftopen.engines._http import at_own_port, closed
from leftopen.engines._pages import fitting
from leftopen.engines._proofs import CANNED, CanWrite
from leftopen.errors import NetError, NotThisProtocol, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession, Response

_PRODUCT = "ClickHouse"
_MAX_NAME = 512  # characters
_LOOKED_AT = 200_000  # rows: a sample is drawn from so many, the first that the server comes by
_MORE = 1.2  # times the rows wanted, so that chance seldom brings fewer
_COUNTED = 200  # tables without parts (Log, Memory) whose rows are counted
_LISTS = 4  # statements of a probe that look for a table


@dataclass(frozen=True, slots=True)
class _Handle:
    """Which table a collection is, and whether the server lets us limit a query's time."""

    table: sql.Table
    limited: bool


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
        first = await _send(session, sql.DATABASES.format(word=token))
        if first.status != 200:
            return _closed(first, at_own_port(connection, self.ports))
        ((word, stated, databases),) = _rows(first, 3, most=1, least=1)
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
        told = await _send(session, sql.DATABASES.format(word=secrets.token_hex(16)))
        ((_, _, names),) = _rows(_accepted(told), 3, most=1, least=1)
        databases = _local(names)
        limited = await _is_limited(session)
        listed: list[sql.Table] = []
        sizes: dict[sql.Table, tuple[int, int]] = {}
        for texts in sql.in_lists(databases):
            response = await _send(session, sql.TABLES.format(names=texts, limit=sql.MAX_TABLES))
            listed += _tables(response, databases)
            sizes |= _sizes(await _send(session, sql.PARTS.format(names=texts)))
        listed.sort(key=lambda table: -sizes.get(table, (0, 0))[1])
        made: list[Collection] = []
        for number, table in enumerate(listed[: connection.limits.collections]):
            records, size = sizes.get(table, (None, None))
            if records is None and number < _COUNTED:
                records = await _count(session, table)
            name = f"{table.database}.{table.name}"
            made.append(Collection(name, records, size, _Handle(table, limited)))
        return made

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Rows taken by chance from about _LOOKED_AT of a table: from all of a larger one would be
        a full scan. A page over the reply limit is asked for again with fewer rows.

        Raises ServerRefused, NotThisProtocol and NetError; BudgetSpent where one row is too large.
        """
        session = HttpSession(connection)
        handle = handle_of(collection, _Handle)
        columns = await _columns(session, handle.table)
        if not columns or limits.rows < 1:
            return
        most, records = limits.reply_bytes, collection.records
        each = 2 * sum(column.bytes for column in columns) // records if records else 0
        size = max(1, min(limits.rows, most // each if each else limits.rows))
        seconds = max(1, int(limits.silence * 0.8)) if handle.limited else None

        async def ask(count: int) -> Response:
            nth = int(min(records or 0, _LOOKED_AT) / (_MORE * count))
            statement = sql.rows_of(handle.table, columns, count, nth, most // 2)
            return _accepted(await _send(session, statement, seconds))

        response, size = await fitting(ask, size)
        found = _rows(response, len(columns), most=size)
        readers = [_reader(column.type) for column in columns]
        if found:
            yield sampling.rows(
                [column.name for column in columns],
                [
                    [None if v is None else read(v) for read, v in zip(readers, row, strict=True)]
                    for row in found
                ],
            )


ENGINE = ClickHouse()


async def _send(session: HttpSession, statement: str, seconds: int | None = None) -> Response:
    """The one way out for a GET: the request's name is taken from the statement."""
    path = "/?query=" + quote(statement + sql.FORMAT, safe="")
    if seconds is not None:
        path += f"&max_execution_time={seconds}"
    return await session.request(sql.request_name("GET", path), path)


_EXCEPTION = re.compile(rb"Code: (\d{1,4})[.,] (?:e\.displayText\(\) = )?DB::")
_NATIVE_PORT = re.compile(rb"\s*Port \d+ is for clickhouse-client program")


def _is_known(response: Response) -> bool:
    return any(name.startswith("x-clickhouse-") for name in response.headers) or bool(
        _EXCEPTION.match(response.body)
    )


def _exception(response: Response) -> int | None:
    """The number of the server's exception, where the answer is one."""
    stated = response.headers.get("x-clickhouse-exception-code", "")
    if stated.isdecimal() and stated.isascii() and len(stated) < 6:
        return int(stated)
    found = _EXCEPTION.match(response.body)
    return int(found.group(1)) if found else None


def _closed(response: Response, own_port: bool) -> Proof:
    """The verdict on a peer that did not answer the first statement."""
    if _NATIVE_PORT.match(response.body):
        reason = "is the native port of a ClickHouse; its HTTP port gives the verdict"
        return Proof(Verdict.UNDETERMINED, reason, product=_PRODUCT)
    code = _exception(response) if _is_known(response) else None
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


def _accepted(response: Response) -> Response:
    """The answer if it is one; raises ServerRefused with the exception's number or the status."""
    if response.status != 200:
        code = _exception(response)
        raise ServerRefused(code=str(response.status if code is None else code))
    return response


def _rows(response: Response, columns: int, *, most: int, least: int = 0) -> list[list[Any]]:
    """The rows of a JSONCompact answer. Strict: their number, and that of their columns."""
    told = response.json()
    rows = told.get("data") if isinstance(told, dict) else None
    meta = told.get("meta") if isinstance(told, dict) else None
    if not isinstance(rows, list) or not isinstance(meta, list) or len(meta) != columns:
        raise NotThisProtocol("not a result of ClickHouse")
    if not least <= len(rows) <= most:
        raise NotThisProtocol("not as many rows as were asked for")
    if any(not isinstance(row, list) or len(row) != columns for row in rows):
        raise NotThisProtocol("not a row of a result")
    return rows


def _name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME or "\0" in value:
        raise NotThisProtocol("not a name")
    return value


def _number(value: Any) -> int:
    """64-bit numbers come as strings or, since 25.8, as numbers."""
    if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) <= 20:
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise NotThisProtocol("not a number")
    return value


def _local(names: Any) -> list[str]:
    """The databases of the first answer without the system's own."""
    if not isinstance(names, list):
        raise NotThisProtocol("not a list of databases")
    return [name for name in map(_name, names) if name.lower() not in sql.SYSTEM]


async def _gated(session: HttpSession, databases: Sequence[str]) -> tuple[Verdict, str]:
    """The verdict on a server that lets anybody in, by what it lets them read."""
    for texts in islice(sql.in_lists(databases), _LISTS):
        listed = await _send(session, sql.TABLES.format(names=texts, limit=1))
        if listed.status != 200:
            return _refused(listed, "lists its databases, but the list of tables")
        for table in _tables(listed, databases):
            response = await _send(session, sql.one_of(table))
            if response.status != 200:
                return _refused(response, "lists its tables, but a read of one")
            if any(row != [1] for row in _rows(response, 1, most=1)):
                raise NotThisProtocol("not a result of ClickHouse")
            return Verdict.OPEN, "lists its tables and answers a read without credentials"
    return Verdict.OPEN, "answers statements without credentials; no stored table was found"


def _refused(response: Response, what: str) -> tuple[Verdict, str]:
    code = _exception(response)
    if code == 497:
        return Verdict.OPEN_PARTIAL, f"{what} is refused (exception 497)"
    told = f"status {response.status}" if code is None else f"exception {code}"
    return Verdict.UNDETERMINED, f"{what} brought {told}"


def _tables(response: Response, databases: Sequence[str]) -> list[sql.Table]:
    found = _rows(_accepted(response), 3, most=sql.MAX_TABLES)
    listed = [sql.Table(_name(database), _name(table)) for database, table, _ in found]
    if any(table.database not in databases for table in listed):
        raise NotThisProtocol("a table of a database that was not asked for")
    return listed


def _sizes(response: Response) -> dict[sql.Table, tuple[int, int]]:
    """Rows and bytes of the tables that are stored in parts; none where that is not told."""
    if response.status != 200:
        return {}
    return {
        sql.Table(_name(database), _name(table)): (_number(records), _number(size))
        for database, table, records, size in _rows(response, 4, most=sql.MAX_TABLES)
    }


async def _count(session: HttpSession, table: sql.Table) -> int | None:
    response = await _send(session, sql.count_of(table))
    if response.status != 200:
        return None
    ((count,),) = _rows(response, 1, most=1, least=1)
    return _number(count)


async def _is_limited(session: HttpSession) -> bool:
    """Whether settings may be given with a query: not where the user is held to `readonly` = 1."""
    response = await _send(session, sql.READONLY)
    return response.status == 200 and _rows(response, 1, most=1) == [["2"]]


async def _columns(session: HttpSession, table: sql.Table) -> list[sql.Column]:
    """What can be read of a table; states of aggregate functions cannot."""
    names = {"database": sql.text(table.database), "table": sql.text(table.name)}
    response = _accepted(await _send(session, sql.COLUMNS.format(**names)))
    columns = [
        sql.Column(_name(name), sql.base(kind), _number(size))
        for name, kind, size in _rows(response, 3, most=sql.MAX_COLUMNS)
    ]
    readable = [c for c in columns if not c.type.startswith("AggregateFunction(")]
    return sql.fitting(readable)


def _reader(kind: str) -> Callable[[Any], Any]:
    """How to read the values of a column: what JSON cannot say comes as a string."""
    if kind.startswith(("Int", "UInt")):
        return _integer
    if kind.startswith("DateTime"):
        return lambda value: _parsed(datetime.fromisoformat, value)
    if kind.startswith("Date"):
        return lambda value: _parsed(date.fromisoformat, value)
    return lambda value: value


def _integer(value: Any) -> Any:
    return _parsed(int, value) if isinstance(value, str) and len(value) < 80 else value


def _parsed(parse: Callable[[str], Any], value: Any) -> Any:
    """The value, or the text itself where it is none of its kind, as 0000-00-00."""
    if not isinstance(value, str):
        return value
    with contextlib.suppress(ValueError):
        return parse(value)
    return value


async def _can_write(session: HttpSession) -> CanWrite:
    """What the server says of a client without credentials, asked as one who may write would."""
    body = sql.READONLY + sql.FORMAT
    setting = await session.request(
        sql.request_name("POST", "/", body), "/", method="POST", body=body
    )
    if setting.status != 200:
        return "unknown"
    value = _rows(setting, 1, most=1)
    if value in ([["1"]], [["2"]]):
        return "no"
    if value != [["0"]]:
        return "unknown"
    granted = await _send(session, sql.GRANTS)
    if granted.status != 200:
        return "yes" if _exception(granted) == 62 else "unknown"  # before 20.4
    return sql.by_grants([_line(row[0]) for row in _rows(granted, 1, most=1_000)])


def _line(value: Any) -> str:
    return value if isinstance(value, str) else ""
