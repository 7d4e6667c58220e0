"""The states in which a Prometheus can be met."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from typing import Any

from leftopen.engines.prometheus import ENGINE
from leftopen.model import Target, Verdict
from leftopen.servers.prometheus import prometheus
from leftopen.testing import peer, shared, start
from tests.rows.row import Row, Rows, at, lends
from tests.scripted_http import Answer, Asked, Site, behaviour

ADMIN = "--web.enable-admin-api"
_NOW = int(time.time())


def logins(count: int) -> str:
    """Samples whose labels name invented people."""
    lines = ["# TYPE logins gauge"]
    for n in range(count):
        labels = f'user="ann.lee{n}@example.org",city="Ulm",instance="192.0.2.7:9100",job="shop"'
        lines.append(f"logins{{{labels}}} {n} {_NOW}")
    lines += ["# TYPE go_threads gauge", f'go_threads{{instance="192.0.2.7:9100"}} 7 {_NOW}']
    return "\n".join(lines) + "\n"


def success(data: Any) -> Answer:
    return Answer({"status": "success", "data": data})


def refusing() -> Site:
    """A gate (as vmauth or prom-label-proxy) that lets computing pass and no list."""

    def site(asked: Asked) -> Answer:
        text = asked.query.get("query", "")
        if asked.path == "/api/v1/query" and text.isdigit():
            return success({"resultType": "scalar", "result": [1_700_000_000.5, text]})
        return Answer({"status": "error", "errorType": "forbidden", "error": "no"}, 403)

    return site


@contextlib.contextmanager
def _locked() -> Iterator[Target]:
    """On Prometheus's own port: its 401 names nobody, so elsewhere it is any web server's."""
    with start(prometheus, own_address(), port=ENGINE.ports[0], locked=True) as server:
        yield at(server)


def own_address() -> str:
    """A loopback address that nothing else listens on, for a server that needs a certain port."""
    return f"127.{random.randrange(64, 128)}.{random.randrange(256)}.{random.randrange(1, 255)}"


ROWS = Rows(
    "prometheus",
    rows=[
        Row(
            "open",
            lends(shared, prometheus, samples=logins(300), flags=(ADMIN,)),
            Verdict.OPEN,
            can_write="yes",
        ),
        Row("empty", lends(shared, prometheus), Verdict.OPEN, can_write="no"),
        Row("authentication on", _locked, Verdict.AUTH_REQUIRED),
        Row(
            "metadata only",
            lends(shared, prometheus, agent=True),
            Verdict.OPEN_PARTIAL,
            can_write="no",
        ),
        Row(
            "read-only", lends(shared, prometheus, samples=logins(2)), Verdict.OPEN, can_write="no"
        ),
        Row("lists refused", lambda: peer(behaviour(refusing())), Verdict.OPEN_PARTIAL, real=False),
    ],
    absent={},
)
