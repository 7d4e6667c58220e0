"""The states in which the WebHDFS of a name node can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from leftopen.model import Target, Verdict
from leftopen.servers.webhdfs import mode, webhdfs
from leftopen.testing import peer, shared
from tests.rows.row import Row, Rows, at, lends
from tests.scripted_http import Answer, Asked, Site, behaviour

# A ward's scans by patient, a closed home, and a place where anyone may leave files.
TREE = (
    ("dir", "/people/scans"),
    *(("file", f"/people/scans/ann.lee{n}@example.org.dcm") for n in range(30)),
    ("file", "/people/list of patients.csv"),
    ("owner", "/people", "ann", "ward"),
    ("dir", "/home"),
    ("mode", "/home", "700"),
    ("dir", "/tmp"),
    ("mode", "/tmp", "1777"),
    ("file", "/readme.txt"),
)

KERBEROS = Answer(
    b"<html><body><h2>HTTP ERROR 401 Authentication required</h2></body></html>", 401,
    {"WWW-Authenticate": "Negotiate", "Set-Cookie": "hadoop.auth=; Path=/; HttpOnly"},
)  # fmt: skip


def exception(kind: str, words: str, status: int) -> Answer:
    told = {"exception": kind, "javaClassName": f"java.io.{kind}", "message": words}
    return Answer({"RemoteException": told}, status)


STANDBY = exception("StandbyException", "Operation category READ is not supported", 403)


def always(answer: Answer) -> Site:
    """A site that says the same to everything."""

    def site(_: Asked) -> Answer:
        return answer

    return site


@contextlib.contextmanager
def _changed(path: str, octal: str, before: str) -> Iterator[Target]:
    with mode(shared(webhdfs, tree=TREE), path, octal, before) as server:
        yield at(server)


ROWS = Rows(
    "webhdfs",
    rows=[
        Row("open", lends(shared, webhdfs, tree=TREE), Verdict.OPEN, can_write="yes"),
        Row("empty", lends(shared, webhdfs), Verdict.OPEN, can_write="no"),
        Row(
            "authentication on",
            lambda: peer(behaviour(always(KERBEROS))),
            Verdict.AUTH_REQUIRED,
            real=False,
        ),
        Row(
            "metadata only",
            lambda: _changed("/", "700", "755"),
            Verdict.OPEN_PARTIAL,
            can_write="no",
        ),
        Row("read-only", lambda: _changed("/tmp", "755", "1777"), Verdict.OPEN, can_write="no"),
        Row("standby", lambda: peer(behaviour(always(STANDBY))), Verdict.UNDETERMINED, real=False),
    ],
    absent={},
)
