"""The states in which a Jupyter can be met."""

from __future__ import annotations

from leftopen.model import Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.jupyter import fill, jupyter
from leftopen.testing import peer, shared
from tests.rows.row import Row, Rows, lends, once_a_run
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


@once_a_run
def filled() -> Server:
    """An open server with a table and a notebook."""
    server = jupyter()
    with unless_failed(server):
        fill(server, {"people.csv": people(30), "Plan.ipynb": "{}"})
    return server


ROWS = Rows(
    "jupyter",
    rows=[
        Row("open", lends(filled), Verdict.OPEN, can_write="yes"),
        Row("empty", lends(shared, jupyter), Verdict.OPEN, can_write="yes"),
        Row("authentication on", lends(shared, jupyter, token=TOKEN), Verdict.AUTH_REQUIRED),
        Row("metadata only", lends(shared, jupyter, refuse_contents=True), Verdict.OPEN_PARTIAL),
        Row("read-only", lends(shared, jupyter, files="read-only"), Verdict.OPEN, can_write="no"),
        Row("hub", lambda: peer(behaviour(hub())), Verdict.AUTH_REQUIRED, real=False),
    ],
    absent={},
)
