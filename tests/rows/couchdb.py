"""The states a CouchDB can be met in: a real PouchDB Server, and CouchDB 3's own refusals as its
documentation gives them."""

from __future__ import annotations

import contextlib

from leftopen.model import Target, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.couchdb import couchdb, fill
from leftopen.testing import peer, shared
from tests.rows.row import Row, Rows, lends, once_a_run
from tests.scripted_http import Answer, Asked, Site, behaviour

PASSWORD = "Invented-Horse-7"
PEOPLE = [
    {
        "_id": f"person-{n:04}",
        "name": name,
        "email": f"{name.lower().replace(' ', '.')}{n}@example.org",
        "born": f"19{n % 100:02}-03-14",
        "homes": [{"city": "Ulm", "zip": f"{n:05}"}],
    }
    for n, name in enumerate(["Ann Lee", "Bo Karlsson", "Cem Yildiz", "Dora Weiss"] * 75)
]


@once_a_run
def opened() -> Server:
    """The admin party, filled once a run."""
    server = couchdb()
    with unless_failed(server):
        fill(server, "people", PEOPLE)
        fill(server, "orders", [{"total": n} for n in range(20)])
        fill(server, "drafts", [{"_id": "_design/by_name", "views": {}}])
    return server


@once_a_run
def public() -> Server:
    """With an administrator, and one database that names no members."""
    server = couchdb(password=PASSWORD)
    with unless_failed(server):
        fill(server, "people", PEOPLE[:5], password=PASSWORD)
        fill(server, "board", PEOPLE[:5], members=["ann"], password=PASSWORD)
    return server


@once_a_run
def members_only() -> Server:
    """With an administrator; its databases are for members only, their names are not."""
    server = couchdb(password=PASSWORD)
    with unless_failed(server):
        for name in ("people", "board"):
            fill(server, name, PEOPLE[:5], members=["ann"], password=PASSWORD)
    return server


_HEADERS = {"Server": "CouchDB/3.3.3 (Erlang OTP/24)", "X-Couch-Request-ID": "0f1e2d3c4b"}


def valid_user(asked: Asked) -> Answer:
    """CouchDB with `require_valid_user`."""
    del asked
    told = {"error": "unauthorized", "reason": "Authentication required."}
    return Answer(told, 401, _HEADERS)


def installed(asked: Asked) -> Answer:
    """CouchDB 3 as installed: it greets everybody, and lists to administrators only."""
    if asked.path != "/":
        told = {"error": "unauthorized", "reason": "You are not a server admin."}
        return Answer(told, 401, _HEADERS)
    greeting = {
        "couchdb": "Welcome", "version": "3.3.3", "git_sha": "40afbcfc7", "features": ["quickjs"],
        "uuid": "5a7e", "vendor": {"name": "The Apache Software Foundation"},
    }  # fmt: skip
    return Answer(greeting, 200, _HEADERS)


def _scripted(site: Site) -> contextlib.AbstractContextManager[Target]:
    return peer(behaviour(site))


ROWS = Rows(
    "couchdb",
    [
        Row("open", lends(opened), Verdict.OPEN, can_write="yes"),
        Row("empty", lends(shared, couchdb), Verdict.OPEN, can_write="yes"),
        Row("authentication on", lambda: _scripted(valid_user), Verdict.AUTH_REQUIRED, real=False),
        Row("as installed", lambda: _scripted(installed), Verdict.AUTH_REQUIRED, real=False),
        Row("metadata only", lends(members_only), Verdict.OPEN_PARTIAL),
        Row("public database", lends(public), Verdict.OPEN, can_write="yes"),
    ],
    absent={"read-only": "who may read a database may write to it: CouchDB has no reader's right"},
)
