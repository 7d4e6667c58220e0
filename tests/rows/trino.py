"""The states in which a Trino can be met, by a scripted coordinator.

It answers as trino.io/docs (Trino client REST API) and the sources that the engine names tell: a
POST brings an id and a nextUri, each GET of that the next page, the last of them without one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.testing import peer
from tests import scripted_http
from tests.rows.row import Row, Rows
from tests.scripted_http import Answer, Asked

OWN = [["system", "runtime", "nodes"]]
PEOPLE = [
    ["hive", "town", "people", "first_name"],
    ["hive", "town", "people", "iban"],
    ["hive", "town", "visits", "at"],
]


class Coordinator:
    """A Trino. `denied` are signs of statements that end in PERMISSION_DENIED; `status` answers
    every POST; `tables` are what its information schema shows, `columns` what its catalogs have."""

    def __init__(
        self,
        *,
        version: str = "435",
        denied: Sequence[str] = (),
        status: int = 200,
        info: Mapping[str, Any] | None = None,
        tables: Sequence[Sequence[Any]] = OWN,
        columns: Sequence[Sequence[Any]] = PEOPLE,
        host: str = "http://coordinator.internal:8080",
    ) -> None:
        self.version, self.denied, self.status = version, denied, status
        self.info, self.tables, self.columns, self.host = info, tables, columns, host
        self.statements: list[str] = []
        self.users: list[str] = []
        self.presto = not version.isdigit()

    def __call__(self, asked: Asked) -> Answer:
        if asked.path == "/v1/info":
            told = {
                "nodeVersion": {"version": self.version},
                "environment": "production",
                "coordinator": True,
                "starting": False,
                "uptime": "3.25h",
            }
            return Answer({**told, **(self.info or {})})
        if (asked.method, asked.path) == ("POST", "/v1/statement"):
            return self._started(asked)
        return self._page(asked)

    def _started(self, asked: Asked) -> Answer:
        user = asked.headers.get("x-presto-user" if self.presto else "x-trino-user")
        if self.status != 200:
            return Answer(b"Unauthorized", self.status, {"WWW-Authenticate": 'Basic realm="Trino"'})
        if not user:
            return Answer(b"User must be set", 400)
        self.users.append(user)
        self.statements.append(asked.body.decode())
        return Answer(self._told("queued", 1))

    def _page(self, asked: Asked) -> Answer:
        number = len(self.statements) - 1
        found = re.fullmatch(rf"/v1/statement/(\w+)/{self._id(number)}(?:/ya1)?/(\d)", asked.path)
        if found is None or (self.presto and asked.query.get("slug") != "xa1"):
            return Answer(b"Query not found", 404)
        stage, token = found.group(1), int(found.group(2))
        if stage == "queued":
            return Answer(self._told(*(("queued", 2) if token == 1 else ("executing", 0))))
        statement = self.statements[number]
        if any(sign in statement for sign in self.denied):
            error = {"errorCode": 4, "errorName": "PERMISSION_DENIED", "errorType": "USER_ERROR"}
            return Answer(self._told(None) | {"error": error | {"message": "Access Denied"}})
        columns, rows = self._result(statement)
        named = [{"name": name, "type": "varchar"} for name in columns]
        if token == 0:
            first = {"data": list(rows)} if rows else {}
            return Answer(self._told("executing", 1) | {"columns": named} | first)
        return Answer(self._told(None) | {"columns": named})

    def _result(self, statement: str) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        columns = statement.removeprefix("SELECT ").partition(" FROM ")[0].split(", ")
        word = re.match(r"SELECT reverse\('(\w+)'\) AS word", statement)
        if word:
            told = word.group(1)[::-1]
            return ("word", "catalog_name"), [[told, "hive"], [told, "system"]]
        return columns, self.tables if "information_schema.tables" in statement else self.columns

    def _id(self, number: int) -> str:
        return f"20240515_143022_{number:05}_xyz12"

    def _told(self, stage: str | None, token: int = 0) -> dict[str, Any]:
        known = self._id(len(self.statements) - 1)
        told: dict[str, Any] = {
            "id": known,
            "infoUri": f"{self.host}/ui/query.html?{known}",
            "stats": {"state": "RUNNING", "queued": stage == "queued", "elapsedTimeMillis": 5},
            "warnings": [],
        }
        if stage is not None:
            tail = f"{token}?slug=xa1" if self.presto else f"ya1/{token}"
            told["nextUri"] = f"{self.host}/v1/statement/{stage}/{known}/{tail}"
        return told


def lent(**options: Any) -> Callable[[], AbstractContextManager[Target]]:
    return lambda: peer(scripted_http.behaviour(Coordinator(**options)))


ROWS = Rows(
    "trino",
    [
        Row("open", lent(), Verdict.OPEN, real=False),
        Row("empty", lent(columns=[]), Verdict.OPEN, real=False),
        Row("authentication on", lent(status=401), Verdict.AUTH_REQUIRED, real=False),
        Row("metadata only", lent(tables=[]), Verdict.OPEN_PARTIAL, real=False),
        Row("password over TLS only", lent(status=403), Verdict.AUTH_REQUIRED, real=False),
        Row("user unknown", lent(denied=["SELECT"]), Verdict.AUTH_REQUIRED, real=False),
        Row("Presto", lent(version="0.284-1a2b3c4"), Verdict.OPEN, real=False),
        Row("worker", lent(info={"coordinator": False}), Verdict.UNDETERMINED, real=False),
        Row("starting", lent(info={"starting": True}), Verdict.UNDETERMINED, real=False),
    ],
    absent={
        "read-only": "Trino tells no client what it may write: access control lives in its plugins"
    },
)
