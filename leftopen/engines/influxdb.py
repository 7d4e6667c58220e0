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

Known for nothing: the uptime (SHOW DIAGNOSTICS), the points written over HTTP since then, by
anybody and to whatever database (SHOW STATS), the number of values of tags, by their index (SHOW
TAG VALUES CARDINALITY), and points counted over a range of `time` of an hour at most, which the
server reads by blocks. It has no time limit that a client may set. There is no way to a single
field of all points but a scan: nothing is streamed.

`can_write` is unknown: SHOW GRANTS tells of named users only. It is "yes" where anybody may make
the first account.

Sources: docs.influxdata.com (InfluxDB 1.8: API reference, InfluxQL reference, Authentication; 2.x:
API v2, Setup and Buckets, 1.x compatibility; 3 Core: v1 query API).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _influxdb_known
from leftopen.engines import _influxdb_query as ql
from leftopen.engines._handles import handle_of
from leftopen.engines._http import at_own_port, closed, json_object, refused
from leftopen.engines._pages import fitting
from leftopen.engines._proofs import CANNED
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession, Response

_SYSTEM = re.compile(r"_internal|_(monitoring|tasks)(/.*)?", re.DOTALL)
_TRIED = 3  # databases that are read for a verdict
_POLICIES_READ = 8  # retention policies of a database that are looked through


class InfluxDB:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "influxdb"
    ports: tuple[int, ...] = (8086, 8181)
    requests = ql.REQUESTS
    speaks = Speaks.HTTP
    verified: Literal["real", "scripted"] = "real"
    reads = "names of databases and measurements; the newest points of each measurement"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        session = HttpSession(connection)
        first = await ql.ask(session, ql.DATABASES)
        version = _version(first)
        if first.status != 200 or ql.error_of(first) is not None:
            own_port = at_own_port(connection, self.ports)
            return await _locked(session, first, version, own_port)
        databases = [name for name in ql.names(ql.rows(first)) if _SYSTEM.fullmatch(name) is None]
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
        for database in ql.names(ql.read(await ql.ask(session, ql.DATABASES))):
            if _SYSTEM.fullmatch(database) or not ql.sayable(database):
                continue
            left = min(most - len(found), 999_999)
            if left <= 0:
                break
            listed = await ql.ask(session, f"SHOW MEASUREMENTS LIMIT {left}", database)
            if listed.status in (401, 403):
                continue  # this database is closed to us, another may not be
            policies = _other_policies(ql.read(await ql.ask(session, ql.POLICIES, database)))
            found += [
                Collection(f"{database}.{name}", handle=ql.Where(database, name, policies))
                for name in ql.names(ql.read(listed))[:left]
                if ql.sayable(name)
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
        where = handle_of(collection, ql.Where)
        session = HttpSession(connection)
        for policy in (None, *where.policies):
            series = await _newest(session, where, policy, min(limits.rows, 999_999))
            if series is not None:
                columns, values = series
                kept = [n for n, name in enumerate(columns) if not name.startswith("iox::")]
                rows = [[row[n] for n in kept] for row in values[: limits.rows]]
                yield sampling.rows([columns[n] for n in kept], rows)
                return

    async def since(self, connection: Connection) -> Since | None:
        """The start of its process. Raises ServerRefused, NotThisProtocol and NetError."""
        return await _influxdb_known.since(connection)

    async def known(
        self, connection: Connection, collection: Collection, paths: Sequence[str]
    ) -> Mapping[str, Known]:
        """How many values tags have. Raises ServerRefused, NotThisProtocol and NetError."""
        return await _influxdb_known.known(connection, collection, paths)

    async def count_between(
        self, connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
    ) -> int | None:
        """Points of a range of `time`. Raises ServerRefused, NotThisProtocol and NetError."""
        return await _influxdb_known.count_between(connection, collection, path, begin, end)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """Points written to the whole server. Raises what `since` does."""
        return await _influxdb_known.marks(connection, collections)


ENGINE = InfluxDB()


async def _newest(
    session: HttpSession, where: ql.Where, policy: str | None, rows: int
) -> ql.Series | None:
    """The newest points, fewer where they are too large; None where the policy holds none."""

    async def ask(count: int) -> list[ql.Series]:
        text = ql.select(ql.NEWEST, where.measurement, count)
        return ql.read(await ql.ask(session, text, where.database, policy))

    series, _ = await fitting(ask, rows)
    return series[0] if series and series[0][1] else None


async def _misses(session: HttpSession) -> bool:
    """Whether the peer says of a database that cannot exist, by its random name, that it is not,
    or (to a user without privileges) that it is closed."""
    made_up = f"leftopen-{secrets.token_hex(12)}"
    response = await ql.ask(session, ql.POLICIES, made_up)
    told = response.body[:1_024].decode("latin-1")
    if response.status == 403:
        return made_up in told and "not authorized" in told
    if response.status == 200 and ql.error_of(response) is None:
        return False
    return (
        response.status in (200, 400, 404, 500) and made_up in told and "database not found" in told
    )


async def _gated(session: HttpSession, databases: Sequence[str]) -> tuple[Verdict, str]:
    """The verdict on a server that lists its databases, by what it lets anyone read of them."""
    found = False
    for database in [name for name in databases if ql.sayable(name)][:_TRIED]:
        listed = await ql.ask(session, f"SHOW MEASUREMENTS LIMIT {_TRIED}", database)
        refusal = _refusal(listed, "lists its databases, but a question about one")
        if refusal is not None:
            return refusal
        # One may have its points in a retention policy that is not the default, or none left.
        for name in [name for name in ql.names(ql.rows(listed)) if ql.sayable(name)][:_TRIED]:
            read = await ql.ask(session, ql.select(ql.FIRST, name, 1), database)
            refusal = _refusal(read, "lists its measurements, but a query")
            if refusal is not None:
                return refusal
            if any(values for _, values in ql.rows(read)):
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
    if ql.error_of(response) is not None:
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
    setup = await ql.get(session, ql.SETUP)
    if setup.status == 200 and json_object(setup).get("allowed") is True:
        reason = "was never set up: anybody may make its first account"
        return Proof(Verdict.OPEN_PARTIAL, reason, version, "InfluxDB", can_write="yes")
    buckets = await ql.get(session, ql.BUCKETS)
    if buckets.status == 200 and isinstance(json_object(buckets).get("buckets"), list):
        reason = "lists its buckets, but a query asks for credentials"
        return Proof(Verdict.OPEN_PARTIAL, reason, version, "InfluxDB")
    return Proof(Verdict.AUTH_REQUIRED, "asks for credentials", version, "InfluxDB")


def _version(response: Response) -> str | None:
    return clean_version(response.headers.get("x-influxdb-version", "").removeprefix("v"))


def _other_policies(series: Sequence[ql.Series]) -> tuple[str, ...]:
    """Retention policies that are not the default, by name."""
    found = []
    for columns, values in series:
        if "name" not in columns or "default" not in columns:
            continue  # 3.x has one only
        name, default = columns.index("name"), columns.index("default")
        found += [row[name] for row in values if row[default] is False]
    return tuple(n for n in found if isinstance(n, str) and ql.sayable(n))[:_POLICIES_READ]
