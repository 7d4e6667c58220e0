"""Redis in every state; all real."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from leftopen.model import Target, Verdict
from leftopen.servers.redis import Argument, fill, redis
from leftopen.testing import start
from tests.rows.row import Row, Rows, at

KEYS: list[tuple[Argument, ...]] = [
    ("HSET", f"user:{n}", "name", f"Person {n}", "email", f"p{n}@example.org") for n in range(30)
]


@contextlib.contextmanager
def _served(
    *commands: tuple[Argument, ...], password: str | None = None, acl: str = ""
) -> Iterator[Target]:
    with start(redis, password=password) as server:
        told: Sequence[tuple[Argument, ...]] = commands
        if acl:
            told = [*commands, ("ACL", "SETUSER", "default", "reset", *acl.split())]
        fill(server, told, password=password)
        yield at(server)


ROWS = Rows(
    "redis",
    [
        Row("open", lambda: _served(*KEYS), Verdict.OPEN, can_write="yes"),
        Row("empty", _served, Verdict.OPEN, can_write="yes"),
        Row("authentication on", lambda: _served(*KEYS, password="long"), Verdict.AUTH_REQUIRED),
        Row(
            "metadata only",
            lambda: _served(*KEYS, acl="on nopass ~* -@all +ping +dbsize +scan"),
            Verdict.OPEN_PARTIAL,
        ),
        Row(
            "read-only",
            lambda: _served(*KEYS, acl="on nopass ~* -@all +@read +ping +info +acl|getuser"),
            Verdict.OPEN,
            can_write="no",
        ),
        Row(
            "read-only, and may not say so",
            lambda: _served(*KEYS, acl="on nopass ~* -@all +@read +ping"),
            Verdict.OPEN,
        ),
        Row(
            "a replica that takes no writes",
            lambda: _served(*KEYS, ("REPLICAOF", "127.0.0.1", "1")),
            Verdict.OPEN,
            can_write="no",
        ),
    ],
    absent={},
)
