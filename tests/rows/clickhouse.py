"""The states in which a ClickHouse can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from ipaddress import ip_address
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.servers.base import unless_failed
from leftopen.servers.clickhouse import ClickHouseServer, clickhouse, fill
from leftopen.testing import peer, shared
from tests import scripted_http
from tests.rows.row import Row, Rows, lends, once_a_run
from tests.scripted_http import Answer, Asked

PEOPLE = (
    "CREATE DATABASE IF NOT EXISTS town",
    "DROP TABLE IF EXISTS town.people",
    "CREATE TABLE town.people (id UInt64, name String) ENGINE = MergeTree ORDER BY id",
    "INSERT INTO town.people VALUES (1, 'Ann Lee') (2, 'Bob Ray')",
)


@once_a_run
def filled(*statements: str, **options: Any) -> ClickHouseServer:
    """A server of these options, with what the statements put into it."""
    server = clickhouse(**options)
    with unless_failed(server):
        fill(server, *statements)
    return server


@contextlib.contextmanager
def _native() -> Iterator[Target]:
    server: ClickHouseServer = shared(clickhouse)
    yield Target(ip_address(server.address), server.native_port)


def result(*rows: list[Any]) -> Answer:
    """A JSONCompact answer, as far as the engine looks at it."""
    width = len(rows[0]) if rows else 1
    meta = [{"name": str(n), "type": "String"} for n in range(width)]
    return Answer({"meta": meta, "data": list(rows), "rows": len(rows)}, headers=SIGN)


SIGN = {"X-ClickHouse-Server-Display-Name": "town"}


def exception(code: int, status: int = 500, text: str = "") -> Answer:
    """An exception as servers since 20.x word it."""
    headers = {**SIGN, "X-ClickHouse-Exception-Code": str(code), "Content-Type": "text/plain"}
    words = f"Code: {code}. DB::Exception: {text} (version 24.8.1.1)\n"
    return Answer(words.encode(), status, headers)


def modern(asked: Asked) -> Answer:
    """A server of 24.8 whose user may list tables and read none: 497 is ACCESS_DENIED."""
    query = asked.query.get("query", asked.body.decode())
    if "reverse(" in query:
        return result([query.split("'")[1][::-1], "24.8.1.2684", ["default", "system"]])
    if "system.tables" in query:
        return result(["default", "people", "MergeTree"])
    return exception(497, 403, "default: Not enough privileges.")


def _refusing() -> AbstractContextManager[Target]:
    return peer(scripted_http.behaviour(modern))


ROWS = Rows(
    "clickhouse",
    [
        Row("open", lends(filled, *PEOPLE), Verdict.OPEN, can_write="yes"),
        Row("empty", lends(filled, readonly=2), Verdict.OPEN, can_write="no"),
        Row(
            "authentication on",
            lends(filled, *PEOPLE, password="a long one"),
            Verdict.AUTH_REQUIRED,
        ),
        Row("metadata only", _refusing, Verdict.OPEN_PARTIAL, real=False),
        Row("read-only", lends(filled, *PEOPLE, readonly=1), Verdict.OPEN, can_write="no"),
        Row("our address refused", lends(filled, network="192.0.2.1"), Verdict.ACL_CLOSED),
        Row("native port", _native, Verdict.UNDETERMINED),
    ],
    absent={},
)
