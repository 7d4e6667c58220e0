"""The states in which a Jupyter can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.servers.base import Server
from leftopen.servers.jupyter import fill, jupyter
from leftopen.testing import peer, shared, start
from tests.rows.row import Row, Rows
from tests.scripted_http import Answer, Asked, Site, behaviour

TOKEN = "not to be guessed"
REPORTS = {"Content-Security-Policy": "report-uri /api/security/csp-report; default-src 'none'"}


def people(count: int) -> str:
    """A table of invented people."""
    lines = [f"ann.lee{n}@example.org,Ann Lee,{20 + n % 60}" for n in range(count)]
    return "\n".join(["email,name,age", *lines]) + "\n"


def hub() -> Site:
    """A JupyterHub, which leads everybody to its page of login."""

    def site(asked: Asked) -> Answer:
        headers = {"X-JupyterHub-Version": "4.1.5", "Location": f"/hub/login?next={asked.path}"}
        return Answer(b"", 302, headers)

    return site


def filled() -> Server:
    """The open server of the run."""
    server = shared(jupyter)
    fill(server, {"people.csv": people(30), "Plan.ipynb": "{}"})
    return server


@contextlib.contextmanager
def _open() -> Iterator[Target]:
    server = filled()
    yield Target(ip_address(server.address), server.port)


@contextlib.contextmanager
def _empty() -> Iterator[Target]:
    with start(jupyter) as server:
        yield Target(ip_address(server.address), server.port)


@contextlib.contextmanager
def _shared(**options: Any) -> Iterator[Target]:
    server = shared(jupyter, **options)
    yield Target(ip_address(server.address), server.port)


ROWS = Rows(
    "jupyter",
    rows=[
        Row("open", _open, Verdict.OPEN, can_write="yes"),
        Row("empty", _empty, Verdict.OPEN, can_write="yes"),
        Row("authentication on", lambda: _shared(token=TOKEN), Verdict.AUTH_REQUIRED),
        Row("metadata only", lambda: _shared(refuse_contents=True), Verdict.OPEN_PARTIAL),
        Row("read-only", lambda: _shared(files="read-only"), Verdict.OPEN, can_write="no"),
        Row("hub", lambda: peer(behaviour(hub())), Verdict.AUTH_REQUIRED, real=False),
    ],
    absent={},
)
