"""Statements of the clickhouse engine on their way over HTTP, and their answers, read strictly."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from leftopen.engines import _clickhouse_sql as sql
from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.net.http import HttpSession, Response

MAX_NAME = 512  # characters
EXCEPTION = re.compile(rb"Code: (\d{1,4})[.,] (?:e\.displayText\(\) = )?DB::")


@dataclass(slots=True)
class Handle:
    """Which table a collection is, and whether the server lets us limit a query's time.

    `sorted_by` holds the column that it is sorted by first, with its type, once it was asked for.
    """

    table: sql.Table
    limited: bool
    sorted_by: Mapping[str, str] | None = None


async def send(session: HttpSession, statement: str, seconds: int | None = None) -> Response:
    """The one way out for a GET: the request's name is taken from the statement."""
    path = path_of(statement + sql.FORMAT, seconds)
    return await session.request(sql.request_name("GET", path), path)


def path_of(statement: str, seconds: int | None = None) -> str:
    """What is asked for by GET; the server is given `seconds` for it."""
    limit = "" if seconds is None else f"&max_execution_time={seconds}"
    return f"/?query={quote(statement, safe='')}{limit}"


def exception_of(response: Response) -> int | None:
    """The number of the server's exception, where the answer is one."""
    stated = response.headers.get("x-clickhouse-exception-code", "")
    if stated.isdecimal() and stated.isascii() and len(stated) < 6:
        return int(stated)
    found = EXCEPTION.match(response.body)
    return int(found.group(1)) if found else None


def accepted(response: Response) -> Response:
    """The answer if it is one; raises ServerRefused with the exception's number or the status."""
    if response.status != 200:
        code = exception_of(response)
        raise ServerRefused(code=str(response.status if code is None else code))
    return response


def rows_of(response: Response, columns: int, *, most: int, least: int = 0) -> list[list[Any]]:
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


def name_of(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or "\0" in value:
        raise NotThisProtocol("not a name")
    return value


def number_of(value: Any) -> int:
    """64-bit numbers come as strings or, since 25.8, as numbers."""
    if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) <= 20:
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise NotThisProtocol("not a number")
    return value


async def columns_of(session: HttpSession, table: sql.Table) -> list[sql.Column]:
    """What can be read of a table; states of aggregate functions cannot."""
    names = {"database": sql.text(table.database), "table": sql.text(table.name)}
    response = accepted(await send(session, sql.COLUMNS.format(**names)))
    columns = [
        sql.Column(name_of(name), sql.base(kind), number_of(size))
        for name, kind, size in rows_of(response, 3, most=sql.MAX_COLUMNS)
    ]
    readable = [c for c in columns if not c.type.startswith("AggregateFunction(")]
    return sql.fitting(readable)


def reader(kind: str) -> Callable[[Any], Any]:
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


def seconds_of(handle: Handle, seconds: float) -> int | None:
    """The server's own limit of time, so that it ends before we would take it for silent."""
    return max(1, int(seconds * 0.8)) if handle.limited else None
