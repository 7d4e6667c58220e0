"""The states in which an rsync daemon can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.servers.rsync import fill, rsyncd
from leftopen.testing import start
from tests.rows.row import Row, Rows, at

_LOCKED = "auth users = owner"


@contextlib.contextmanager
def _daemon(*modules: tuple[str, str], filled: bool = True, **options: Any) -> Iterator[Target]:
    with start(rsyncd, modules=modules, password="a long one", **options) as server:
        for name, _ in modules if filled else ():
            fill(server, name, {"Ann Lee.pdf": b"%PDF-1.4", "letters/": b""})
        yield at(server)


ROWS = Rows(
    "rsync",
    rows=[
        Row("open", lambda: _daemon(("files", "")), Verdict.OPEN),
        Row("one open, one locked", lambda: _daemon(("a", _LOCKED), ("b", "")), Verdict.OPEN),
        Row("empty", lambda: _daemon(("files", ""), filled=False), Verdict.OPEN),
        Row("authentication on", lambda: _daemon(("files", _LOCKED)), Verdict.AUTH_REQUIRED),
        Row("closed to us", lambda: _daemon(("files", "hosts deny = *")), Verdict.ACL_CLOSED),
        Row(
            "metadata only",
            lambda: _daemon(("drop", "write only = yes\nread only = no")),
            Verdict.OPEN_PARTIAL,
        ),
        Row("not listed", lambda: _daemon(("files", "list = no")), Verdict.UNDETERMINED),
    ],
    absent={"read-only": "a daemon says so only to who tries to write"},
)
