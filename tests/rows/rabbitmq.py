"""The states in which RabbitMQ's management API can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from leftopen.model import Target, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.nginx import login_proxy
from leftopen.servers.rabbitmq import USER, account, fill, rabbitmq
from leftopen.testing import start
from tests.rows.row import Row, Rows, at, lends, once_a_run

OWNER = "of the owner"
QUEUES = {"orders": 3, "mail.ann.lee@example.org": 1}


@once_a_run
def broker() -> Server:
    """The one broker of the run: two queues, a virtual host without any, and three accounts."""
    server = rabbitmq()
    with unless_failed(server):
        fill(server, "/", QUEUES)
        fill(server, "bare", {})
        account(server, "visitor", "v", "management", "bare")
        account(server, "watcher", "w", "monitoring")
        account(server, "sender", "s", "")
    return server


@contextlib.contextmanager
def logged_in(user: str, password: str) -> Iterator[Server]:
    """Before the broker an nginx that logs everybody in as this user."""
    with start(login_proxy, broker().where, user, password) as proxy:
        yield proxy


@contextlib.contextmanager
def _as(user: str, password: str) -> Iterator[Target]:
    with logged_in(user, password) as proxy:
        yield at(proxy)


ROWS = Rows(
    "rabbitmq",
    rows=[
        Row("open", lambda: _as(USER, OWNER), Verdict.OPEN, can_write="yes"),
        Row("empty", lambda: _as("visitor", "v"), Verdict.OPEN),
        Row("authentication on", lends(broker), Verdict.AUTH_REQUIRED),
        Row("account without the right", lambda: _as("sender", "s"), Verdict.AUTH_REQUIRED),
        Row("metadata only", lambda: _as("watcher", "w"), Verdict.OPEN_PARTIAL),
    ],
    absent={"read-only": "RabbitMQ tells administrators alone what an account may write"},
)
