"""Trino and Presto: statements over HTTP, each of a few literal texts that read names alone.

The exchange of a probe:

    GET  /v1/info                  public even where a password is asked for, so it proves nothing
    POST /v1/statement             a random word turned round beside the names of the catalogs
    GET  {path of nextUri}         its answer, page by page, until no nextUri comes
    POST /v1/statement, GET …      gated: one table of system.information_schema

A statement needs a user's name (X-Trino-User; X-Presto-User before Trino 351), which Trino takes
without a password unless told otherwise. leftopen gives an invented, random one: it is nobody's.
OPEN is the word turned round, the catalogs, and a table, in strict JSON. AUTH_REQUIRED is 401 or
403 to the first statement, or PERMISSION_DENIED for whatever that user says; OPEN_PARTIAL is a
server that runs statements and shows no table. A worker, and a server that is starting, are
UNDETERMINED. Ports 8080 and 8443 are everybody's: a challenge there shows no Trino.

Of a nextUri only the path is taken, and only where it is one of the templates here with the
statement's own id: never the address. Rows lie in other stores, and to read them Trino would dial
those, wherever they are; so the profile has the names of tables and columns, and no values.
Known for nothing: the uptime, in /v1/info.
`can_write` is unknown: what a user may write is not told.

Sources: trino.io/docs (Trino client REST API; System connector; Security overview),
prestodb.io/docs (Presto Client REST API), and core/trino-main in github.com/trinodb/trino
(ServerInfoResource, QueuedStatementResource, AuthenticationFilter).
"""

# ruff: noqa: S608 - the statements are composed of constants, and `request_name` checks each.

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._http import Paths, closed, json_object
from leftopen.engines._proofs import CANNED
from leftopen.engines._since import running
from leftopen.errors import NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.knowledge import Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession, Response

_MAX_CATALOGS = 200
_MAX_COLUMNS = 20_000
_MAX_NAME = 512  # characters
_MAX_PAGES = 200  # of one statement; Trino itself waits up to a second for each
_FIRST_TRINO = 351  # the version that renamed the header

_CATALOGS = (
    "SELECT reverse('{word}') AS word, catalog_name FROM system.metadata.catalogs "
    f"LIMIT {_MAX_CATALOGS}"
)
_TABLE = (
    "SELECT table_catalog, table_schema, table_name FROM system.information_schema.tables LIMIT 1"
)
_COLUMNS = (
    "SELECT table_cat, table_schem, table_name, column_name FROM system.jdbc.columns "
    "WHERE table_cat <> 'system' AND table_schem <> 'information_schema' "
    f"LIMIT {_MAX_COLUMNS}"
)
_STATEMENTS = {
    "POST SELECT catalogs": re.compile(
        re.escape(_CATALOGS).replace(re.escape("{word}"), "[0-9a-f]{32}")
    ),
    "POST SELECT table": re.compile(re.escape(_TABLE)),
    "POST SELECT columns": re.compile(re.escape(_COLUMNS)),
}
# With a slug in the path (Trino) or in the query (Presto), and the ones from before there were any.
_PAGES = Paths(
    "GET /v1/info",
    *(
        f"GET /v1/statement/{stage}{{id}}/{slug}{{token}}"
        for stage in ("", "queued/", "executing/")
        for slug in ("", "{slug}/")
    ),
)
_ID = re.compile(r"\d{8}_\d{6}_\d{5}_\w{1,16}", re.ASCII)
_NEXT = re.compile(
    r"/v1/statement/(?:queued/|executing/)?(?P<id>\w+)/(?:\w{1,128}/)?\d{1,10}", re.ASCII
)
_SLUG = re.compile(r"slug=\w{1,128}", re.ASCII)
_DENIED = "PERMISSION_DENIED"
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ns|us|ms|s|m|h|d)", re.ASCII)
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def request_name(method: str, path: str, body: str | None = None) -> str:
    """The allow-list name of a request; a POST's is that of the statement in it.

    Raises RequestNotAllowed for every other path and statement.
    """
    if method == "GET" and body is None:
        return _PAGES.name(method, path)
    if (method, path) == ("POST", "/v1/statement") and body is not None:
        for name, form in _STATEMENTS.items():
            if form.fullmatch(body):
                return name
    raise RequestNotAllowed("not a request that the trino engine may send")


@dataclass(frozen=True, slots=True)
class _Identity:
    """What /v1/info tells."""

    product: str
    version: str | None
    coordinator: bool
    starting: bool


class Trino:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "trino"
    ports: tuple[int, ...] = (8080, 8443)
    requests = _PAGES.names | frozenset(_STATEMENTS)
    speaks = Speaks.HTTP
    verified: Literal["real", "scripted"] = "scripted"
    reads = "names of catalogs, tables and columns; rows lie in other stores and are not read"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        session = HttpSession(connection)
        first = await _get(session, "/v1/info")
        identity = _identity(first)
        if identity is None:
            known = 'realm="trino"' in first.headers.get("www-authenticate", "").lower()
            # Ports 8080 and 8443 are everybody's: a 401 there says nothing of what it is.
            return closed(first, known=known, own_port=False, what="Trino or Presto")
        if identity.starting or not identity.coordinator:
            what = "is starting" if identity.starting else "is a worker, which takes no statements"
            return _proof(identity, Verdict.UNDETERMINED, what)
        word = secrets.token_hex(16)
        asked = _Asked(session, identity.product)
        try:
            rows = await asked.select(_CATALOGS.format(word=word), ("word", "catalog_name"))
        except ServerRefused as refused:
            if refused.code in ("401", "403", _DENIED):
                return _proof(identity, Verdict.AUTH_REQUIRED, "runs no statement without a login")
            told = f"the first statement brought {refused.code}"
            return _proof(identity, Verdict.UNDETERMINED, told)
        if not rows:
            told = "runs statements, but shows no catalog and so nothing of its own"
            return _proof(identity, Verdict.UNDETERMINED, told)
        if any(told != word[::-1] for told, _ in rows) or not all(_is_name(n) for _, n in rows):
            return CANNED
        return await _gated(asked, identity)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The tables of all catalogs but Trino's own, by name; `handle` has their columns.

        Raises ServerRefused, NotThisProtocol and NetError.
        """
        session = HttpSession(connection)
        identity = _identity(await _get(session, "/v1/info"))
        if identity is None:
            raise NotThisProtocol("not a Trino or Presto")
        named = ("table_cat", "table_schem", "table_name", "column_name")
        tables: dict[str, list[str]] = {}
        for row in await _Asked(session, identity.product).select(_COLUMNS, named):
            if not all(_is_name(part) for part in row):
                raise NotThisProtocol("not a name")
            catalog, schema, table, column = row
            if catalog != "system" and schema != "information_schema":
                tables.setdefault(f"{catalog}.{schema}.{table}", []).append(column)
        most = connection.limits.collections
        return [Collection(name, handle=tuple(has)) for name, has in list(tables.items())[:most]]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch with the table's columns and no row: nothing is asked of the server."""
        yield sampling.rows(collection.handle, [])

    async def since(self, connection: Connection) -> Since | None:
        """The start of its process, by the uptime that /v1/info tells. Raises NotThisProtocol and
        NetError."""
        told = json_object(await _get(HttpSession(connection), "/v1/info")).get("uptime")
        found = _DURATION.fullmatch(told) if isinstance(told, str) else None
        return None if found is None else running(float(found[1]) * _UNITS[found[2]])


ENGINE = Trino()


async def _get(session: HttpSession, path: str) -> Response:
    return await session.request(request_name("GET", path), path)


def _proof(identity: _Identity, verdict: Verdict, reason: str) -> Proof:
    return Proof(verdict, reason, identity.version, identity.product)


def _identity(response: Response) -> _Identity | None:
    """What /v1/info tells, or None if that is no answer of these products."""
    told = json_object(response) if response.status == 200 else {}
    node = told.get("nodeVersion")
    stated = node.get("version") if isinstance(node, dict) else None
    coordinator, starting = told.get("coordinator"), told.get("starting", False)
    if not isinstance(stated, str) or not isinstance(told.get("environment"), str):
        return None
    if not isinstance(coordinator, bool) or not isinstance(starting, bool):
        return None
    release = re.match(r"(\d{1,6})", stated, re.ASCII)
    renamed = release is not None and int(release.group(1)) >= _FIRST_TRINO
    product = "trino" if renamed else "presto"
    return _Identity(product, clean_version(stated), coordinator, starting)


async def _gated(asked: _Asked, identity: _Identity) -> Proof:
    """The verdict on a server that runs statements, by whether it shows a table."""
    named = ("table_catalog", "table_schema", "table_name")
    try:
        rows = await asked.select(_TABLE, named)
    except ServerRefused as refused:
        told = f"shows its catalogs, but the list of tables brought {refused.code}"
        denied = refused.code in ("401", "403", _DENIED)
        return _proof(identity, Verdict.OPEN_PARTIAL if denied else Verdict.UNDETERMINED, told)
    if not rows:
        return _proof(identity, Verdict.OPEN_PARTIAL, "shows its catalogs, but no table")
    if len(rows) != 1 or rows[0][0] != "system" or not all(_is_name(part) for part in rows[0]):
        raise NotThisProtocol("not a table of the system catalog")
    reason = "runs statements for an invented user without a password; shows catalogs and tables"
    return _proof(identity, Verdict.OPEN, reason)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME


class _Asked:
    """Statements as one invented user."""

    def __init__(self, session: HttpSession, product: str) -> None:
        self._session = session
        brand = product.capitalize()
        user = f"leftopen-{secrets.token_hex(4)}"
        self._headers = {f"X-{brand}-User": user, f"X-{brand}-Source": "leftopen"}

    async def select(self, statement: str, columns: Sequence[str]) -> list[list[Any]]:
        """All rows, whose columns must be named like that.

        Raises ServerRefused with the status, the number of the error, or PERMISSION_DENIED.
        """
        path = "/v1/statement"
        response = await self._session.request(
            request_name("POST", path, statement),
            path,
            method="POST",
            body=statement,
            headers=self._headers,
        )
        known: str | None = None
        rows: list[list[Any]] = []
        named = False
        for _ in range(_MAX_PAGES):
            told = _page(response)
            if known not in (None, told["id"]):
                raise NotThisProtocol("the answer to another statement")
            known = told["id"]
            if told.get("columns") is not None:
                _check(told["columns"], columns)
                named = True
            rows += _data(told, len(columns))
            if len(rows) > _MAX_COLUMNS:
                raise NotThisProtocol("more rows than were asked for")
            following = told.get("nextUri")
            if following is None:
                if not named:
                    raise NotThisProtocol("a result without columns")
                return rows
            response = await _get(self._session, _path(following, told["id"]))
        raise NotThisProtocol("a result without end")


def _page(response: Response) -> Mapping[str, Any]:
    """A QueryResults document without error. Raises ServerRefused where it has one."""
    if response.status != 200:
        raise ServerRefused(code=str(response.status))
    told = response.json()
    if not isinstance(told, dict) or not isinstance(told.get("stats"), dict):
        raise NotThisProtocol("not a page of a result")
    if not isinstance(told.get("id"), str) or _ID.fullmatch(told["id"]) is None:
        raise NotThisProtocol("not the id of a statement")
    error = told.get("error")
    if error is None:
        return told
    number = error.get("errorCode") if isinstance(error, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise NotThisProtocol("not an error of a statement")
    denied = error.get("errorName") == _DENIED
    raise ServerRefused(code=_DENIED if denied else f"error {number % 2**31}")


def _check(told: Any, columns: Sequence[str]) -> None:
    names = [c.get("name") if isinstance(c, dict) else None for c in told] if _few(told) else None
    if names != list(columns):
        raise NotThisProtocol("a result has other columns than were asked for")


def _few(told: Any) -> bool:
    return isinstance(told, list) and len(told) <= _MAX_CATALOGS


def _data(told: Mapping[str, Any], columns: int) -> list[list[Any]]:
    data = told.get("data")
    if data is None:
        return []
    if not isinstance(data, list):
        raise NotThisProtocol("not rows")
    if any(not isinstance(row, list) or len(row) != columns for row in data):
        raise NotThisProtocol("a row has other columns than were asked for")
    return data


def _path(following: Any, known: str) -> str:
    """The path of a nextUri: of this statement, and nothing else of what it says."""
    try:
        parts = urlsplit(following) if isinstance(following, str) else None
    except ValueError:
        parts = None
    found = _NEXT.fullmatch(parts.path) if parts is not None else None
    if parts is None or found is None or found.group("id") != known:
        raise NotThisProtocol("not where an answer goes on")
    if not parts.query:
        return parts.path
    if _SLUG.fullmatch(parts.query) is None:
        raise NotThisProtocol("not where an answer goes on")
    return f"{parts.path}?{parts.query}"
