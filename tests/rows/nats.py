"""The states in which a NATS server can be met."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.servers.nats import fill, nats
from leftopen.testing import peer, start
from tests.engines.test_nats import FakeNats, greeting
from tests.rows.row import Row, Rows, at

_PASSWORD = "a long one"
_LIST = '"$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.>"'


@contextlib.contextmanager
def _server(filled: bool = True, **options: Any) -> Iterator[Target]:
    with start(nats, **options) as server:
        if filled:
            people = [("people.1", b'{"name": "Ann Lee", "email": "ann.lee@example.org"}')]
            fill(server, {"people": people}, password=options.get("password"))
        yield at(server)


def _newer(link: socket.socket) -> None:
    """A server of 2.10, which tells what anyone may publish: questions alone."""
    allowed = ["$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.>", "$JS.API.STREAM.MSG.GET.>"]
    permissions = {"publish": {"allow": [*allowed, "$SYS.REQ.USER.INFO"]}}
    told = {"data": {"user": "anyone", "account": "$G", "permissions": permissions}}
    server = FakeNats({"$SYS.REQ.USER.INFO": told})
    link.sendall(greeting())
    pending = b""
    while data := link.recv(65_536):
        whole, end, pending = (pending + data).rpartition(b"\r\n")
        for reply in server(whole + end):
            assert isinstance(reply, bytes)
            link.sendall(reply)


ROWS = Rows(
    "nats",
    rows=[
        Row("open", _server, Verdict.OPEN),
        Row("empty", lambda: _server(filled=False), Verdict.OPEN),
        Row("without JetStream", lambda: _server(filled=False, jetstream=False), Verdict.OPEN),
        Row("authentication on", lambda: _server(password=_PASSWORD), Verdict.AUTH_REQUIRED),
        Row(
            "metadata only",
            lambda: _server(password=_PASSWORD, anyone=f"publish: {{allow: [{_LIST}]}}"),
            Verdict.OPEN_PARTIAL,
        ),
        Row(
            "may connect alone",
            lambda: _server(password=_PASSWORD, anyone='publish: {deny: [">"]}'),
            Verdict.OPEN_PARTIAL,
        ),
        Row(
            "no inbox",
            lambda: _server(password=_PASSWORD, anyone='subscribe: {deny: [">"]}'),
            Verdict.OPEN_PARTIAL,
        ),
        # only from 2.10 on a server tells a client's permissions; Debian's is older
        Row("read-only", lambda: peer(_newer), Verdict.OPEN, real=False, can_write="no"),
    ],
    absent={},
)
