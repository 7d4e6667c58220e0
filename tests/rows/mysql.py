"""The states in which a MySQL or MariaDB can be met. Nobody is let in without an account's name: so
"open" here is an account without password that the scope file lets leftopen name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from ipaddress import ip_address

from leftopen.model import OptIn, Target, Verdict
from leftopen.servers.base import Server
from leftopen.servers.mysql import fill, mysql
from leftopen.testing import shared, start
from tests.rows.row import Row, Rows

# Accounts by what they may do; the names say it.
ACCOUNTS = """
CREATE OR REPLACE USER administrator@'127.0.0.1';
GRANT ALL PRIVILEGES ON *.* TO administrator@'127.0.0.1' WITH GRANT OPTION;
CREATE OR REPLACE USER stranger@'127.0.0.1';
CREATE OR REPLACE USER reader@'127.0.0.1';
GRANT SELECT, SHOW VIEW ON town.* TO reader@'127.0.0.1';
CREATE OR REPLACE USER writer@'127.0.0.1';
GRANT SELECT, INSERT (name) ON town.people TO writer@'127.0.0.1';
CREATE OR REPLACE ROLE helper;
CREATE OR REPLACE USER helped@'127.0.0.1';
GRANT helper TO helped@'127.0.0.1';
CREATE OR REPLACE USER locked@'127.0.0.1' IDENTIFIED BY 'a long one';
CREATE OR REPLACE USER barred@'127.0.0.1' ACCOUNT LOCK;
"""
PEOPLE = """
CREATE DATABASE IF NOT EXISTS town;
CREATE TABLE IF NOT EXISTS town.people (id INT PRIMARY KEY, name VARCHAR(40));
REPLACE INTO town.people VALUES (1, 'Ann Lee'), (2, 'Bob Ray');
"""


def filled(*, read_only: bool = False) -> Server:
    """The shared server, with the accounts above and two invented people."""
    server = shared(mysql, read_only=read_only)
    fill(server, PEOPLE + ACCOUNTS)
    return server


def target(server: Server) -> Target:
    return Target(ip_address(server.address), server.port)


def lent(*, read_only: bool = False) -> Callable[[], AbstractContextManager[Target]]:
    return lambda: contextlib.nullcontext(target(filled(read_only=read_only)))


@contextlib.contextmanager
def _closed_to_us() -> Iterator[Target]:
    with start(mysql) as server:
        yield target(server)


def may_name(account: str) -> OptIn:
    return OptIn(blank_password_check=True, account=account)


ROWS = Rows(
    "mysql",
    [
        Row(
            "open", lent(), Verdict.PASSWORDLESS, can_write="yes", opt_in=may_name("administrator")
        ),
        Row("empty", lent(), Verdict.PASSWORDLESS, can_write="no", opt_in=may_name("stranger")),
        Row("authentication on", lent(), Verdict.AUTH_REQUIRED, opt_in=may_name("locked")),
        Row("metadata only", lent(), Verdict.UNDETERMINED),
        Row("read-only", lent(), Verdict.PASSWORDLESS, can_write="no", opt_in=may_name("reader")),
        Row("a column", lent(), Verdict.PASSWORDLESS, can_write="yes", opt_in=may_name("writer")),
        Row("by a role", lent(), Verdict.PASSWORDLESS, opt_in=may_name("helped")),
        Row("account locked", lent(), Verdict.AUTH_REQUIRED, opt_in=may_name("barred")),
        Row("no such account", lent(), Verdict.AUTH_REQUIRED, opt_in=may_name("nobody")),
        Row("opt-in without account", lent(), Verdict.UNDETERMINED, opt_in=OptIn(True)),
        Row("account without opt-in", lent(), Verdict.UNDETERMINED, opt_in=OptIn(False, "reader")),
        Row("replica", lent(read_only=True), Verdict.PASSWORDLESS, opt_in=may_name("writer")),
        Row("our address refused", _closed_to_us, Verdict.ACL_CLOSED),
    ],
    absent={},
)
