"""The states in which an InfluxDB can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from leftopen.model import Target, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.influxdb import fill, influxdb, statement
from leftopen.servers.nginx import login_proxy
from leftopen.testing import peer, shared, start
from tests.rows.row import Row, Rows, at, lends, once_a_run
from tests.scripted_http import Answer, Asked, Site, behaviour

PASSWORD = "not to be guessed"
VERSION_2 = {"X-Influxdb-Version": "v2.7.4", "X-Influxdb-Build": "OSS"}
UNAUTHORIZED = Answer({"code": "unauthorized", "message": "unauthorized access"}, 401, VERSION_2)


def people(count: int) -> Iterator[str]:
    """Points of invented people, in line protocol."""
    for n in range(count):
        fields = f'email="ann.lee{n}@example.org",pulse={60 + n % 40}i'
        yield f"visits,city=Ulm,device=d{n % 7} {fields} {1_700_000_000 + n * 60}"


def version_2(*, claimed: bool = True, buckets: Answer = UNAUTHORIZED) -> Site:
    """An InfluxDB 2.x, which always asks for a token; `claimed` where it has an owner."""

    def site(asked: Asked) -> Answer:
        if asked.path == "/api/v2/setup":
            return Answer({"allowed": not claimed}, headers=VERSION_2)
        return buckets if asked.path == "/api/v2/buckets" else UNAUTHORIZED

    return site


@once_a_run
def filled() -> Server:
    server = influxdb()
    with unless_failed(server):
        fill(server, "town", people(30))
    return server


@contextlib.contextmanager
def _as_nobody() -> Iterator[Target]:
    """Before the server an nginx logs everybody in as a user without any privilege."""
    with start(influxdb, password=PASSWORD) as server:
        fill(server, "town", people(3), password=PASSWORD)
        statement(server, "CREATE USER reader WITH PASSWORD 'r'", password=PASSWORD)
        statement(server, "CREATE DATABASE other", password=PASSWORD)
        statement(server, "GRANT WRITE ON other TO reader", password=PASSWORD)
        statement(server, "GRANT WRITE ON town TO reader", password=PASSWORD)
        with start(login_proxy, server.where, "reader", "r") as proxy:
            yield at(proxy)


ROWS = Rows(
    "influxdb",
    rows=[
        Row("open", lends(filled), Verdict.OPEN),
        Row("empty", lends(shared, influxdb), Verdict.OPEN),
        Row("authentication on", lends(shared, influxdb, password=PASSWORD), Verdict.AUTH_REQUIRED),
        Row(
            "authentication on, no account",
            lends(shared, influxdb, password=""),
            Verdict.OPEN_PARTIAL,
            can_write="yes",
        ),
        Row("metadata only", _as_nobody, Verdict.OPEN_PARTIAL),
        Row("version 2", lambda: peer(behaviour(version_2())), Verdict.AUTH_REQUIRED, real=False),
        Row(
            "version 2, no account",
            lambda: peer(behaviour(version_2(claimed=False))),
            Verdict.OPEN_PARTIAL,
            real=False,
            can_write="yes",
        ),
    ],
    absent={"read-only": "InfluxDB tells a client nowhere what it may write; only named users"},
)
