"""The states of an etcd. What a server of 3.5 says of its permissions, and one that knows v2 alone,
are scripted: neither can be installed here."""

from __future__ import annotations

from leftopen.model import Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.etcd import etcd, fill
from leftopen.testing import peer, shared
from tests.rows.row import Row, Rows, lends, once_a_run
from tests.scripted_etcd import etcd_v2, etcd_v3
from tests.scripted_http import behaviour

PEOPLE = {f"/people/{n}": f'{{"name": "Ann Lee", "email": "p{n}@example.org"}}' for n in range(300)}
REST = {f"/config/mail/{name}": "x" for name in ("host", "port")} | {"leader": b"\xff\x00"}


@once_a_run
def filled() -> Server:
    """An open etcd with people in it, shared by the whole run."""
    server = etcd()
    with unless_failed(server):
        fill(server, PEOPLE | REST)
    return server


ROWS = Rows(
    "etcd",
    rows=[
        Row("open", lends(filled), Verdict.OPEN),
        Row("empty", lends(shared, etcd, v2=True), Verdict.OPEN),
        Row("authentication on", lends(shared, etcd, password="a long one"), Verdict.AUTH_REQUIRED),
        Row(
            "says that permissions are off",
            lambda: peer(behaviour(etcd_v3({b"a": b"b"}, version="3.5.9"))),
            Verdict.OPEN, real=False, can_write="yes",
        ),
        Row(
            "old version",
            lambda: peer(behaviour(etcd_v2({"people": {"1": "Ann"}}))),
            Verdict.OPEN, real=False, can_write="yes",
        ),
    ],
    absent={
        "metadata only": "with its authentication on it tells its version and lists nothing",
        "read-only": "v3 has no permissions for clients without a name: they may do all or nothing",
    },
)  # fmt: skip
