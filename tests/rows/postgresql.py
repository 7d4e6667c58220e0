"""PostgreSQL in every state; all real."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Literal

from leftopen.model import OptIn, Target, Verdict
from leftopen.servers.postgresql import fill, postgres
from leftopen.testing import start
from tests.rows.row import Row, Rows

PEOPLE = """
create table people (id int primary key, name text, email text);
insert into people select n, 'Person ' || n, 'p' || n || '@example.org'
from generate_series(1, 30) n;
"""


@contextlib.contextmanager
def _served(
    sql: str = PEOPLE,
    *,
    auth: Literal["trust", "scram-sha-256", "reject"] = "trust",
    hba: str | None = None,
    superuser: str = "postgres",
    standby: bool = False,
) -> Iterator[Target]:
    with start(postgres, auth=auth, hba=hba, superuser=superuser, standby=standby) as server:
        if not standby:
            fill(server, sql)
        yield Target(ip_address(server.address), server.port)


ROWS = Rows(
    "postgresql",
    [
        Row("open", _served, Verdict.OPEN, can_write="yes"),
        Row("empty", lambda: _served("select 1"), Verdict.OPEN, can_write="yes"),
        Row("authentication on", lambda: _served(auth="scram-sha-256"), Verdict.AUTH_REQUIRED),
        Row("refused by address", lambda: _served(auth="reject"), Verdict.ACL_CLOSED),
        Row("metadata only", lambda: _served(superuser="owner"), Verdict.OPEN_PARTIAL),
        # a standby: it takes no writes from anybody
        Row("read-only", lambda: _served(standby=True), Verdict.OPEN, can_write="no"),
        Row(
            "opt-in",
            lambda: _served(superuser="owner"),
            Verdict.OPEN,
            can_write="yes",
            opt_in=OptIn(role="owner"),
        ),
    ],
    absent={},
)
