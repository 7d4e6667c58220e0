"""The states in which a MySQL or MariaDB can be met. Nobody is let in without an account's name: so
"open" here is an account without password that the scope file lets leftopen name."""

from __future__ import annotations

from leftopen.model import OptIn, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.mysql import fill, mysql
from leftopen.testing import shared
from tests.rows.row import Row, Rows, lends, once_a_run

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


@once_a_run
def filled(*, read_only: bool = False) -> Server:
    """A server with the accounts above and two invented people."""
    server = mysql(read_only=read_only)
    with unless_failed(server):
        fill(server, PEOPLE + ACCOUNTS)
    return server


def may_name(account: str) -> OptIn:
    return OptIn(blank_password_check=True, account=account)


ROWS = Rows(
    "mysql",
    [
        Row(
            "open",
            lends(filled),
            Verdict.PASSWORDLESS,
            can_write="yes",
            opt_in=may_name("administrator"),
        ),
        Row(
            "empty",
            lends(filled),
            Verdict.PASSWORDLESS,
            can_write="no",
            opt_in=may_name("stranger"),
        ),
        Row("authentication on", lends(filled), Verdict.AUTH_REQUIRED, opt_in=may_name("locked")),
        Row("metadata only", lends(filled), Verdict.UNDETERMINED),
        Row(
            "read-only",
            lends(filled),
            Verdict.PASSWORDLESS,
            can_write="no",
            opt_in=may_name("reader"),
        ),
        Row(
            "a column",
            lends(filled),
            Verdict.PASSWORDLESS,
            can_write="yes",
            opt_in=may_name("writer"),
        ),
        Row("by a role", lends(filled), Verdict.PASSWORDLESS, opt_in=may_name("helped")),
        Row("account locked", lends(filled), Verdict.AUTH_REQUIRED, opt_in=may_name("barred")),
        Row("no such account", lends(filled), Verdict.AUTH_REQUIRED, opt_in=may_name("nobody")),
        Row("opt-in without account", lends(filled), Verdict.UNDETERMINED, opt_in=OptIn(True)),
        Row(
            "account without opt-in",
            lends(filled),
            Verdict.UNDETERMINED,
            opt_in=OptIn(False, "reader"),
        ),
        Row(
            "replica",
            lends(filled, read_only=True),
            Verdict.PASSWORDLESS,
            opt_in=may_name("writer"),
        ),
        Row("our address refused", lends(shared, mysql), Verdict.ACL_CLOSED),
    ],
    absent={},
)
