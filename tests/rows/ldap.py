"""The states in which an LDAP directory can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from leftopen.model import OptIn, Target, Verdict
from leftopen.servers.ldap import BASE, fill, slapd
from leftopen.testing import start
from tests.rows.row import Row, Rows, at

_PEOPLE = [("Ann", "Lee", "ann.lee@example.org"), ("Bo", "Ek", "bo.ek@example.org")]
_TOP = f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n"
_NAMES_ONLY = "access to attrs=entry by * read\naccess to * by * search"


@contextlib.contextmanager
def _directory(**options: Any) -> Iterator[Target]:
    with start(slapd, **{"ldif": fill(_PEOPLE), **options}) as server:
        yield at(server)


ROWS = Rows(
    "ldap",
    rows=[
        Row("open", _directory, Verdict.OPEN),
        Row("empty", lambda: _directory(ldif=_TOP), Verdict.OPEN),
        Row("nothing at all", lambda: _directory(ldif=""), Verdict.UNDETERMINED),
        Row(
            "authentication on",
            lambda: _directory(settings="require authc"),
            Verdict.AUTH_REQUIRED,
        ),
        Row(
            "closed by access rules",
            lambda: _directory(access="access to * by anonymous auth by users read"),
            Verdict.AUTH_REQUIRED,
        ),
        Row("metadata only", lambda: _directory(access=_NAMES_ONLY), Verdict.OPEN_PARTIAL),
        Row(
            "hidden",
            lambda: _directory(access="access to * by * none"),
            Verdict.UNDETERMINED,
        ),
        Row(
            "wants a bind",
            lambda: _directory(settings="require bind"),
            Verdict.AUTH_REQUIRED,
        ),
        Row(
            "opt-in",
            lambda: _directory(settings="require bind"),
            Verdict.OPEN,
            opt_in=OptIn(anonymous_login=True),
        ),
    ],
    absent={"read-only": "a directory tells a client nowhere what it may write"},
)
