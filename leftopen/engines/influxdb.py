"""InfluxDB 1.x, and 2.x and 3.x where they speak its HTTP API: InfluxQL over GET /query.

The exchange of a probe, one request a line:

    GET /query?q=SHOW DATABASES                           gated wherever authentication is on
    GET /query?q=SHOW RETENTION POLICIES&db={made up}     answered "database not found: {made up}"
    GET /query?q=SHOW MEASUREMENTS LIMIT 3&db={database}  for three databases at most
    GET /query?q=SELECT * FROM "…" LIMIT 1&db={database}  until there is a point

OPEN is a query that was answered, by a server that misses a database of a random name which cannot
exist, by that name. A server that lists databases and refuses to read them is OPEN_PARTIAL.
AUTH_REQUIRED is 401 from a peer that shows what it is by X-Influxdb-Version or its realm, or on
ports 8086 and 8181 any 401 with a challenge. Two states of a server that asks for credentials
are OPEN_PARTIAL, for anybody may make the first account, by the server's own word: 1.x says "create
admin user first", and 2.x answers `GET /api/v2/setup` with `allowed: true`. `/ping` and `/health`
prove nothing and are not asked. Where a 2.x has an owner, `GET /api/v2/buckets` is tried too.

An answer to another question than that for its databases is UNDETERMINED.

A GET is no promise here: 1.x warns of `DROP DATABASE` in a GET as "deprecated", and does it. So a
request's name is the InfluxQL text itself, with names in double quotes and numbers taken out, and
only the texts below pass.

`can_write` is unknown: SHOW GRANTS tells of named users only. It is "yes" where anybody may make
the first account.

Sources: docs.influxdata.com (InfluxDB 1.8: API reference, InfluxQL reference, Authentication; 2.x:
API v2, Setup and Buckets, 1.x compatibility; 3 Core: v1 query API).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._handles import handle_of
from leftopen.engines._http import accepted, at_own_port, closed, json_object, refused
from leftopen.engines._pages import fitting
from leftopen.engines._proofs import CANNED
from leftopen.errors import NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession, Response

_DATABASES = "SHOW DATABASES"
_POLICIES = "SHOW RETENTION POLICIES"
_MEASUREMENTS = "SHOW MEASUREMENTS LIMIT {n}"
_FIRST = "SELECT * FROM {name} LIMIT {n}"
_NEWEST = "SELECT * FROM {name} ORDER BY time DESC LIMIT {n}"
_SETUP = "/api/v2/setup"
_BUCKETS = "/api/v2/buckets?limit=1"
_REQUESTS = frozenset(
    {
        f"GET {_SETUP}", "GET /api/v2/buckets",
        *(f"GET /query {q}" for q in (_DATABASES, _POLICIES, _MEASUREMENTS, _FIRST, _NEWEST)),
    }
)  # fmt: skip
_NAME = r'"(?:[^"\\]|\\["\\])+"'
_NUMBER = r"\d{1,6}"
_TEXTS = tuple(
    (re.compile(re.escape(name).replace(r"\{name\}", _NAME).replace(r"\{n\}", _NUMBER)), name)
    for name in (_MEASUREMENTS, _FIRST, _NEWEST)
)
_SYSTEM = re.compile(r"_internal|_(monitoring|tasks)(/.*)?", re.DOTALL)
_MAX_NAME = 1_024  # characters
_TRIED = 3  # databases that are read for a verdict
_POLICIES_READ = 8  # retention policies of a database that are looked through


def request_name(path: str) -> str:
    """The allow-list name of a GET; for /query it is the InfluxQL text, names and numbers taken
    out. Raises RequestNotAllowed for all else."""
    plain, _, query = path.partition("?")
    if plain != "/query":
        name = f"GET {plain}"
        if name in _REQUESTS and query in ("", "limit=1"):
            return name
        raise RequestNotAllowed("not a request that the influxdb engine may send")
    given = parse_qsl(query, keep_blank_values=True)
    keys = [key for key, _ in given]
    if not set(keys) <= {"q", "db", "rp"} or len(set(keys)) < len(keys):
        raise RequestNotAllowed("not a request that the influxdb engine may send")
    text = dict(given).get("q", "")
    named = text if text in (_DATABASES, _POLICIES) else None
    for form, template in _TEXTS:
        named = template if form.fullmatch(text) else named
    if named is None:
        raise RequestNotAllowed("not a query that the influxdb engine may send")
    return f"GET /query {named}"


@dataclass(frozen=True, slots=True)
class _Where:
    """How a measurement is read; policies other than the default are named in the request."""

    database: str
    measurement: str
    policies: tuple[str, ...]


class InfluxDB:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "influxdb"
    ports: tuple[int, ...] = (8086, 8181)
    requests = _REQUESTS
    speaks = Speaks.HTTP
    verified: Literal["real", "scripted"] = "real"
    reads = "names of databases and measurements; the newest points of each measurement"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        session = HttpSession(connection)
        first = await _ask(session, _DATABASES)
        version = _version(first)
        if first.status != 200 or _error(first) is not None:
            own_port = at_own_port(connection, self.ports)
            return await _locked(session, first, version, own_port)
        databases = [name for name in _names(_rows(first)) if _SYSTEM.fullmatch(name) is None]
        if not await _misses(session):
            return CANNED
        verdict, reason = await _gated(session, databases)
        return Proof(verdict, reason, version, "InfluxDB")

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Measurements as `database.measurement`; the databases a server keeps of itself left out.

        Raises ServerRefused, NotThisProtocol and NetError.
        """
        session, most = HttpSession(connection), connection.limits.collections
        found: list[Collection] = []
        for database in _names(_read(await _ask(session, _DATABASES))):
            if _SYSTEM.fullmatch(database) or not _sayable(database):
                continue
            left = min(most - len(found), 999_999)
            if left <= 0:
                break
            listed = await _ask(session, f"SHOW MEASUREMENTS LIMIT {left}", database)
            if listed.status in (401, 403):
                continue  # this database is closed to us, another may not be
            policies = _other_policies(_read(await _ask(session, _POLICIES, database)))
            found += [
                Collection(f"{database}.{name}", handle=_Where(database, name, policies))
                for name in _names(_read(listed))[:left]
                if _sayable(name)
            ]
        return found

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch: the newest points of the first retention policy that holds any, the default
        one first. The server has no random order that does not read all points.

        Raises ServerRefused, NotThisProtocol and NetError; BudgetSpent where one point alone is
        over the limit.
        """
        where = handle_of(collection, _Where)
        session = HttpSession(connection)
        for policy in (None, *where.policies):
            series = await _newest(session, where, policy, min(limits.rows, 999_999))
            if series is not None:
                columns, values = series
                kept = [n for n, name in enumerate(columns) if not name.startswith("iox::")]
                rows = [[row[n] for n in kept] for row in values[: limits.rows]]
                yield sampling.rows([columns[n] for n in kept], rows)
                return


ENGINE = InfluxDB()

_Series = tuple[list[str], list[list[Any]]]


async def _ask(
    session: HttpSession, text: str, database: str | None = None, policy: str | None = None
) -> Response:
    given = {"q": text, "db": database, "rp": policy}
    path = f"/query?{urlencode({k: v for k, v in given.items() if v is not None})}"
    return await _get(session, path)


async def _get(session: HttpSession, path: str) -> Response:
    """The one way out: the request's name is taken from what is sent."""
    return await session.request(request_name(path), path)


def _sayable(name: str) -> bool:
    """Whether a name can stand in a query and a URL without a doubt."""
    return name.isprintable() and 0 < len(name) <= _MAX_NAME


def _select(template: str, measurement: str, rows: int) -> str:
    quoted = measurement.replace("\\", "\\\\").replace('"', '\\"')
    return template.replace("{n}", str(rows)).replace("{name}", f'"{quoted}"')


async def _newest(
    session: HttpSession, where: _Where, policy: str | None, rows: int
) -> _Series | None:
    """The newest points, fewer where they are too large; None where the policy holds none."""

    async def ask(count: int) -> list[_Series]:
        text = _select(_NEWEST, where.measurement, count)
        return _read(await _ask(session, text, where.database, policy))

    series, _ = await fitting(ask, rows)
    return series[0] if series and series[0][1] else None


async def _misses(session: HttpSession) -> bool:
    """Whether the peer says of a database that cannot exist, by its random name, that it is not,
    or (to a user without privileges) that it is closed."""
    made_up = f"leftopen-{secrets.token_hex(12)}"
    response = await _ask(session, _POLICIES, made_up)
    told = response.body[:1_024].decode("latin-1")
    if response.status == 403:
        return made_up in told and "not authorized" in told
    if response.status == 200 and _error(response) is None:
        return False
    return (
        response.status in (200, 400, 404, 500) and made_up in told and "database not found" in told
    )


async def _gated(session: HttpSession, databases: Sequence[str]) -> tuple[Verdict, str]:
    """The verdict on a server that lists its databases, by what it lets anyone read of them."""
    found = False
    for database in [name for name in databases if _sayable(name)][:_TRIED]:
        listed = await _ask(session, f"SHOW MEASUREMENTS LIMIT {_TRIED}", database)
        refusal = _refusal(listed, "lists its databases, but a question about one")
        if refusal is not None:
            return refusal
        # One may have its points in a retention policy that is not the default, or none left.
        for name in [name for name in _names(_rows(listed)) if _sayable(name)][:_TRIED]:
            read = await _ask(session, _select(_FIRST, name, 1), database)
            refusal = _refusal(read, "lists its measurements, but a query")
            if refusal is not None:
                return refusal
            if any(values for _, values in _rows(read)):
                return Verdict.OPEN, "a query without credentials found a point"
            found = True
    if found:
        return Verdict.OPEN, "measurements are listed, and a query answered, without a password"
    if databases:
        return Verdict.OPEN, "questions are answered without a password; no measurement was found"
    return Verdict.OPEN, "questions are answered without a password; there is no database"


def _refusal(response: Response, what: str) -> tuple[Verdict, str] | None:
    """The verdict where a gated read is refused, also inside an answer of status 200; else None."""
    if response.status != 200:
        proof = refused(response, what)
        return proof.verdict, proof.reason
    if _error(response) is not None:
        return Verdict.OPEN_PARTIAL, f"{what} is refused"
    return None


async def _locked(
    session: HttpSession, response: Response, version: str | None, own_port: bool
) -> Proof:
    """The verdict on a peer that does not list its databases."""
    told = json_object(response)
    error = told.get("error")
    error = error if isinstance(error, str) else ""
    realm = response.headers.get("www-authenticate", "")
    known = "x-influxdb-version" in response.headers or 'realm="InfluxDB' in realm
    if known and response.status == 403 and "create admin user first" in error:
        reason = "asks for a password, but has no administrator: anybody may make the first one"
        return Proof(Verdict.OPEN_PARTIAL, reason, version, "InfluxDB", can_write="yes")
    if known and response.status == 401 and told.get("code") == "unauthorized":
        return await _second(session, version)
    if known and response.status == 200:
        reason = "answers, but not to the question for its databases"
        return Proof(Verdict.UNDETERMINED, reason, version, "InfluxDB")
    return closed(
        response,
        known=known,
        own_port=own_port,
        what="InfluxDB",
        version=version,
        product="InfluxDB",
    )


async def _second(session: HttpSession, version: str | None) -> Proof:
    """The verdict on a 2.x whose /query asks for a token."""
    setup = await _get(session, _SETUP)
    if setup.status == 200 and json_object(setup).get("allowed") is True:
        reason = "was never set up: anybody may make its first account"
        return Proof(Verdict.OPEN_PARTIAL, reason, version, "InfluxDB", can_write="yes")
    buckets = await _get(session, _BUCKETS)
    if buckets.status == 200 and isinstance(json_object(buckets).get("buckets"), list):
        reason = "lists its buckets, but a query asks for credentials"
        return Proof(Verdict.OPEN_PARTIAL, reason, version, "InfluxDB")
    return Proof(Verdict.AUTH_REQUIRED, "asks for credentials", version, "InfluxDB")


def _version(response: Response) -> str | None:
    return clean_version(response.headers.get("x-influxdb-version", "").removeprefix("v"))


def _error(response: Response) -> str | None:
    """The error inside an answer of status 200; None if there is none."""
    results = json_object(response).get("results")
    first = results[0] if isinstance(results, list) and results else None
    error = first.get("error") if isinstance(first, Mapping) else None
    return error if isinstance(error, str) else None


def _read(response: Response) -> list[_Series]:
    """The answer's series. Raises ServerRefused where it is a refusal, NotThisProtocol."""
    accepted(response)
    if _error(response) is not None:
        raise ServerRefused("the server refused the query", code="error")
    return _rows(response)


def _rows(response: Response) -> list[_Series]:
    """The series of an answer, each its columns and rows, parsed strictly.

    Raises NotThisProtocol.
    """
    results = json_object(response).get("results")
    if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], dict):
        raise NotThisProtocol("the answer is not one of InfluxDB")
    series = results[0].get("series", [])
    if not isinstance(series, list) or "error" in results[0]:
        raise NotThisProtocol("the answer is not one of InfluxDB")
    found: list[_Series] = []
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


def _names(series: Sequence[_Series]) -> list[str]:
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


def _other_policies(series: Sequence[_Series]) -> tuple[str, ...]:
    """Retention policies that are not the default, by name."""
    found = []
    for columns, values in series:
        if "name" not in columns or "default" not in columns:
            continue  # 3.x has one only
        name, default = columns.index("name"), columns.index("default")
        found += [row[name] for row in values if row[default] is False]
    return tuple(n for n in found if isinstance(n, str) and _sayable(n))[:_POLICIES_READ]
