"""PostgreSQL in every state; all real."""

from __future__ import annotations

from typing import Any

from leftopen.model import OptIn, Verdict
from leftopen.servers.base import unless_failed
from leftopen.servers.postgresql import PostgresServer, fill, postgres
from leftopen.testing import shared
from tests.rows.row import Row, Rows, lends, once_a_run

PEOPLE = """
create table people (id int primary key, name text, email text);
insert into people select n, 'Person ' || n, 'p' || n || '@example.org'
from generate_series(1, 30) n;
"""


@once_a_run
def served(sql: str = PEOPLE, **options: Any) -> PostgresServer:
    """A server of these options, with what the statements put into it."""
    server = postgres(**options)
    with unless_failed(server):
        fill(server, sql)
    return server


ROWS = Rows(
    "postgresql",
    [
        Row("open", lends(served), Verdict.OPEN, can_write="yes"),
        Row("empty", lends(served, "select 1"), Verdict.OPEN, can_write="yes"),
        Row("authentication on", lends(served, auth="scram-sha-256"), Verdict.AUTH_REQUIRED),
        Row("refused by address", lends(served, auth="reject"), Verdict.ACL_CLOSED),
        Row("metadata only", lends(served, superuser="owner"), Verdict.OPEN_PARTIAL),
        # a standby: it takes no writes from anybody
        Row("read-only", lends(shared, postgres, standby=True), Verdict.OPEN, can_write="no"),
        Row(
            "opt-in",
            lends(served, superuser="owner"),
            Verdict.OPEN,
            can_write="yes",
            opt_in=OptIn(role="owner"),
        ),
    ],
    absent={},
)
