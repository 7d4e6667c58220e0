"""InfluxQL over GET /query: every text that the influxdb engine may send, and its answers.

Sources: docs.influxdata.com (InfluxDB 1.8: InfluxQL reference; API reference).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from leftopen.engines._http import accepted, json_object
from leftopen.errors import NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.net.http import HttpSession, Response

DATABASES = "SHOW DATABASES"
POLICIES = "SHOW RETENTION POLICIES"
MEASUREMENTS = "SHOW MEASUREMENTS LIMIT {n}"
FIRST = "SELECT * FROM {name} LIMIT {n}"
NEWEST = "SELECT * FROM {name} ORDER BY time DESC LIMIT {n}"
# What the server knows of itself and of an index; a range of time is read by blocks.
STARTED = "SHOW DIAGNOSTICS FOR 'system'"
WRITTEN = "SHOW STATS FOR 'httpd'"
VALUES = "SHOW TAG VALUES CARDINALITY FROM {name} WITH KEY = {name}"
BETWEEN = "SELECT count(*) FROM {name} WHERE time >= {ns} AND time < {ns}"
SETUP = "/api/v2/setup"
BUCKETS = "/api/v2/buckets?limit=1"
REQUESTS = frozenset(
    {
        f"GET {SETUP}", "GET /api/v2/buckets",
        *(f"GET /query {q}" for q in (DATABASES, POLICIES, MEASUREMENTS, FIRST, NEWEST)),
        *(f"GET /query {q}" for q in (STARTED, WRITTEN, VALUES, BETWEEN)),
    }
)  # fmt: skip
_NAME = r'"(?:[^"\\]|\\["\\])+"'
_PLACES = {"{name}": _NAME, "{n}": r"\d{1,6}", "{ns}": r"\d{1,19}"}
_TEXTS = tuple(
    (
        re.compile(re.sub(r"\\\{(\w+)\\\}", lambda m: _PLACES[f"{{{m[1]}}}"], re.escape(name))),
        name,
    )
    for name in (MEASUREMENTS, FIRST, NEWEST, VALUES, BETWEEN)
)
_PLAIN = (DATABASES, POLICIES, STARTED, WRITTEN)
_MAX_NAME = 1_024  # characters


def request_name(path: str) -> str:
    """The allow-list name of a GET; for /query it is the InfluxQL text, names and numbers taken
    out. Raises RequestNotAllowed for all else."""
    plain, _, query = path.partition("?")
    if plain != "/query":
        name = f"GET {plain}"
        if name in REQUESTS and query in ("", "limit=1"):
            return name
        raise RequestNotAllowed("not a request that the influxdb engine may send")
    given = parse_qsl(query, keep_blank_values=True)
    keys = [key for key, _ in given]
    if not set(keys) <= {"q", "db", "rp"} or len(set(keys)) < len(keys):
        raise RequestNotAllowed("not a request that the influxdb engine may send")
    text = dict(given).get("q", "")
    named = text if text in _PLAIN else None
    for form, template in _TEXTS:
        named = template if form.fullmatch(text) else named
    if named is None:
        raise RequestNotAllowed("not a query that the influxdb engine may send")
    return f"GET /query {named}"


@dataclass(frozen=True, slots=True)
class Where:
    """How a measurement is read; policies other than the default are named in the request."""

    database: str
    measurement: str
    policies: tuple[str, ...]


Series = tuple[list[str], list[list[Any]]]


async def ask(
    session: HttpSession, text: str, database: str | None = None, policy: str | None = None
) -> Response:
    given = {"q": text, "db": database, "rp": policy}
    path = f"/query?{urlencode({k: v for k, v in given.items() if v is not None})}"
    return await get(session, path)


async def get(session: HttpSession, path: str) -> Response:
    """The one way out: the request's name is taken from what is sent."""
    return await session.request(request_name(path), path)


def sayable(name: str) -> bool:
    """Whether a name can stand in a query and a URL without a doubt."""
    return name.isprintable() and 0 < len(name) <= _MAX_NAME


def select(template: str, measurement: str, rows: int) -> str:
    return made(template.replace("{n}", str(rows)), measurement)


def made(template: str, *names: str, ns: Sequence[int] = ()) -> str:
    """The text of a template, its names quoted and its moments put in, in their order."""
    left, moments = list(names), list(ns)

    def put(place: re.Match[str]) -> str:
        if place[1] == "ns":
            return str(moments.pop(0))
        name = left.pop(0).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{name}"'

    return re.sub(r"\{(name|ns)\}", put, template)


def error_of(response: Response) -> str | None:
    """The error inside an answer of status 200; None if there is none."""
    results = json_object(response).get("results")
    first = results[0] if isinstance(results, list) and results else None
    error = first.get("error") if isinstance(first, Mapping) else None
    return error if isinstance(error, str) else None


def read(response: Response) -> list[Series]:
    """The answer's series. Raises ServerRefused where it is a refusal, NotThisProtocol."""
    accepted(response)
    if error_of(response) is not None:
        raise ServerRefused("the server refused the query", code="error")
    return rows(response)


def rows(response: Response) -> list[Series]:
    """The series of an answer, each its columns and rows, parsed strictly.

    Raises NotThisProtocol.
    """
    results = json_object(response).get("results")
    if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], dict):
        raise NotThisProtocol("the answer is not one of InfluxDB")
    series = results[0].get("series", [])
    if not isinstance(series, list) or "error" in results[0]:
        raise NotThisProtocol("the answer is not one of InfluxDB")
    found: list[Series] = []
    for one in series:
        columns = one.get("columns") if isinstance(one, dict) else None
        values = one.get("values", []) if isinstance(one, dict) else None
        if not _is_list_of(columns, str) or not _is_list_of(values, list):
            raise NotThisProtocol("the answer is not one of InfluxDB")
        assert isinstance(columns, list)
        assert isinstance(values, list)
        if any(len(row) != len(columns) for row in values):
            raise NotThisProtocol("the answer is not one of InfluxDB")
        found.append((columns, values))
    return found


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def names(series: Sequence[Series]) -> list[str]:
    """The column `name` (3.x: `iox::database`). Raises NotThisProtocol where it is missing."""
    found = []
    for columns, values in series:
        column = next((c for c in ("name", "iox::database") if c in columns), None)
        if column is None:
            raise NotThisProtocol("the answer is not one of InfluxDB")
        at = columns.index(column)
        if any(not isinstance(row[at], str) for row in values):
            raise NotThisProtocol("the answer is not one of InfluxDB")
        found += [row[at] for row in values]
    return found
