"""The states of a Consul agent: all scripted, none can be installed here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.testing import peer
from tests.rows.row import Row, Rows
from tests.scripted_consul import consul
from tests.scripted_http import behaviour

PEOPLE = {
    f"users/{n}": f'{{"name": "Ann Lee", "email": "p{n}@example.org"}}'.encode() for n in range(40)
}


def _peer(
    pairs: dict[str, bytes] = PEOPLE, **options: Any
) -> Callable[[], AbstractContextManager[Target]]:
    return lambda: peer(behaviour(consul(pairs, **options)))


ROWS = Rows(
    "consul",
    rows=[
        Row("open", _peer(), Verdict.OPEN, real=False, can_write="yes"),
        Row("empty", _peer({}), Verdict.OPEN, real=False, can_write="yes"),
        Row("authentication on", _peer(policy="deny"), Verdict.AUTH_REQUIRED, real=False),
        Row(
            "metadata only", _peer(policy="deny", services=["consul", "web"]),
            Verdict.OPEN_PARTIAL, real=False,
        ),
        Row(
            "some keys for anyone", _peer(policy="deny", readable=["users/"]),
            Verdict.OPEN, real=False,
        ),
        Row("old version", _peer(version=(1, 2)), Verdict.OPEN, real=False, can_write="yes"),
    ],
    absent={"read-only": "what an anonymous policy lets be written is told to nobody without one"},
)  # fmt: skip
