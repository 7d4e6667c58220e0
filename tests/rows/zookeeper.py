"""The states of a ZooKeeper. All but one with the scope's word for a session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from leftopen.model import OptIn, Target, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.zookeeper import fill, permit, zookeeper
from leftopen.testing import shared, start
from tests.rows.row import Row, Rows, at, lends, once_a_run

SESSION = OptIn(session=True)
PEOPLE = {f"/people/{n}": f'{{"name": "Ann Lee", "email": "p{n}@example.org"}}' for n in range(200)}
REST: dict[str, bytes | str] = {
    "/brokers/ids/1": "{}",
    "/brokers/topics/mail": "x",
    "/leader": b"\xff\x00",
}
SEALED, READ = 0, 1  # permissions for anyone


@once_a_run
def filled() -> Server:
    """An open ZooKeeper with people in it, shared by the whole run."""
    server = zookeeper()
    with unless_failed(server):
        fill(server, {**PEOPLE, **REST})
    return server


@contextlib.contextmanager
def _permitted(anyone: int, root: int) -> Iterator[Target]:
    with start(zookeeper) as server:
        fill(server, {"/people": "Ann"}, anyone=anyone)
        permit(server, "/", root)
        yield at(server)


ROWS = Rows(
    "zookeeper",
    rows=[
        Row("open", lends(filled), Verdict.OPEN, can_write="yes", opt_in=SESSION),
        Row("no word of the scope", lends(filled), Verdict.UNDETERMINED),
        Row(
            "empty",
            lends(shared, zookeeper, words="ruok"),
            Verdict.OPEN,
            can_write="yes",
            opt_in=SESSION,
        ),
        Row(
            "authentication on",
            lends(shared, zookeeper, sasl=True),
            Verdict.AUTH_REQUIRED,
            opt_in=SESSION,
        ),
        Row(
            "metadata only",
            lambda: _permitted(SEALED, READ),
            Verdict.OPEN_PARTIAL,
            can_write="no",
            opt_in=SESSION,
        ),
        Row(
            "read-only",
            lambda: _permitted(READ, READ),
            Verdict.OPEN,
            can_write="no",
            opt_in=SESSION,
        ),
        Row(
            "root refuses to be listed",
            lambda: _permitted(SEALED, SEALED),
            Verdict.AUTH_REQUIRED,
            opt_in=SESSION,
        ),
    ],
    absent={},
)
