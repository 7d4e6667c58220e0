"""The states in which an MQTT broker can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.servers.mqtt import fill, mosquitto
from leftopen.testing import start
from tests.rows.row import Row, Rows, at


@contextlib.contextmanager
def _broker(filled: bool = False, **options: Any) -> Iterator[Target]:
    with start(mosquitto, **options) as server:
        if filled:
            fill(server, [("homes/7/heart", b'{"name": "Ann Lee", "pulse": 71}')])
        yield at(server)


ROWS = Rows(
    "mqtt",
    rows=[
        Row("open", lambda: _broker(filled=True), Verdict.OPEN),
        Row("empty", _broker, Verdict.OPEN),
        Row("authentication on", lambda: _broker(password="a long one"), Verdict.AUTH_REQUIRED),
        Row("metadata only", lambda: _broker(acl="topic read news/#\n"), Verdict.OPEN_PARTIAL),
        Row("no empty client id", lambda: _broker(empty_client_ids=False), Verdict.UNDETERMINED),
    ],
    absent={"read-only": "MQTT 3.1.1 tells a client nowhere what it may publish"},
)
