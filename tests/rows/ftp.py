"""The states in which an FTP server can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from leftopen.model import OptIn, Target, Verdict
from leftopen.servers.ftp import fill, vsftpd
from leftopen.testing import start
from tests.rows.row import Row, Rows, at

_GUEST = OptIn(anonymous_login=True)


@contextlib.contextmanager
def _server(filled: bool = True, **options: Any) -> Iterator[Target]:
    with start(vsftpd, **options) as server:
        if filled:
            fill(server, {"Ann Lee.pdf": b"%PDF-1.4", "letters/": b"", "letters/bo.txt": b"hej"})
        yield at(server)


ROWS = Rows(
    "ftp",
    rows=[
        Row("open", _server, Verdict.OPEN, opt_in=_GUEST),
        Row("without the opt-in", _server, Verdict.UNDETERMINED),
        Row("empty", lambda: _server(filled=False), Verdict.OPEN, opt_in=_GUEST),
        Row(
            "authentication on",
            lambda: _server(anonymous=False),
            Verdict.AUTH_REQUIRED,
            opt_in=_GUEST,
        ),
        Row(
            "metadata only",
            lambda: _server(settings="dirlist_enable=NO"),
            Verdict.OPEN_PARTIAL,
            opt_in=_GUEST,
        ),
    ],
    absent={"read-only": "vsftpd knows no `perm` fact, and RFC 959 no other way of saying so"},
)
