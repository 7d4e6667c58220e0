"""Queries of the cassandra engine: the only texts it may send, and a session that sends them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from leftopen.engines import _cassandra_wire as wire
from leftopen.errors import NotThisProtocol, PeerClosed, RequestNotAllowed, ServerRefused
from leftopen.net.connection import Connection

PAGE = 5_000  # rows of a page, where a caller does not say less

_NAMES = {  # what may stand for the parts in braces
    "{columns}": r'"(?:[^"\0]|"")+"(?:, "(?:[^"\0]|"")+")*',
    "{keys}": r'"(?:[^"\0]|"")+"(?:, "(?:[^"\0]|"")+")*',
    "{table}": r'"(?:[^"\0]|"")+"\."(?:[^"\0]|"")+"',
    "{name}": r'"leftopen_[0-9a-f]{16}"',
    "{n}": r"[0-9]{1,5}",
}
LOCAL = "SELECT release_version AS {name}, partitioner FROM system.local WHERE key = 'local'"
SCYLLA = "SELECT version FROM system.versions LIMIT 1"
SETTINGS = "SELECT value FROM system_views.settings WHERE name = ?"
CONFIG = "SELECT value FROM system.config WHERE name = ?"
TABLES = "SELECT keyspace_name, table_name FROM system_schema.tables LIMIT {n}"
TABLES_2 = "SELECT keyspace_name, columnfamily_name FROM system.schema_columnfamilies LIMIT {n}"
COLUMNS = (
    "SELECT column_name, kind, position FROM system_schema.columns"
    " WHERE keyspace_name = ? AND table_name = ?"
)
COLUMNS_2 = (
    "SELECT column_name, type, component_index FROM system.schema_columns"
    " WHERE keyspace_name = ? AND columnfamily_name = ?"
)
SIZES = (
    "SELECT mean_partition_size, partitions_count FROM system.size_estimates"
    " WHERE keyspace_name = ? AND table_name = ?"
)
ESTIMATES = (
    "SELECT range_start, range_end, partitions_count FROM system.size_estimates"
    " WHERE keyspace_name = ? AND table_name = ?"
)
GENERATION = "SELECT gossip_generation FROM system.local WHERE key = 'local'"
ALL = "SELECT {columns} FROM {table}"
ROWS = "SELECT {columns} FROM {table} LIMIT {n}"
RANGE = "SELECT {columns} FROM {table} WHERE token({keys}) >= ? AND token({keys}) <= ? LIMIT {n}"
TEXTS = (
    *(LOCAL, SCYLLA, SETTINGS, CONFIG, TABLES, TABLES_2, COLUMNS, COLUMNS_2),
    *(SIZES, ESTIMATES, GENERATION, ROWS, RANGE, ALL),
)


def _form(text: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[a-z]+\})", text)
    return re.compile("".join(_NAMES.get(part) or re.escape(part) for part in parts), re.DOTALL)


_FORMS = [(text, _form(text)) for text in TEXTS]


def request_name(operation: int, body: bytes) -> str:
    """The name of a frame on the allow-list, read from the frame itself; a query's is the text
    that it fits. Raises RequestNotAllowed where there is none."""
    if operation == wire.OPTIONS:
        return "OPTIONS"
    if operation == wire.STARTUP:
        return "STARTUP"
    if operation == wire.QUERY:
        asked = body[4 : 4 + int.from_bytes(body[:4])].decode()
        for text, form in _FORMS:
            if form.fullmatch(asked):
                return text
    raise RequestNotAllowed("not a request that this engine may send")


class Session:
    """Queries over a connection in a version of the protocol; `old` where the schema is kept as
    it was before Cassandra 3."""

    def __init__(self, connection: Connection, version: int) -> None:
        self.connection, self.version, self.old = connection, version, False

    async def ask(self, operation: int, body: bytes = b"") -> tuple[int, wire.Cursor]:
        """Operation and body of the answer to one frame."""
        name = request_name(operation, body)
        return await wire.exchange(self.connection, name, self.version, operation, body)

    async def select(
        self, text: str, *values: bytes, page: int = PAGE, state: bytes = b""
    ) -> wire.Table:
        """The rows; raises ServerRefused with the error's code, NotThisProtocol and NetError."""
        told, answer = await self.ask(wire.QUERY, wire.query(text, values, page, state))
        if told == wire.ERROR:
            raise wire.refusal(answer)
        if told != wire.RESULT:
            raise NotThisProtocol("no answer to a query")
        return wire.table(answer)


async def met(connection: Connection) -> tuple[Session, frozenset[str]]:
    """A session in the newest version that both speak, and the options that the server names."""
    for version in (4, 3):
        session = Session(connection, version)
        try:
            told, answer = await session.ask(wire.OPTIONS)
        except wire.OlderVersion:
            if version == 3:
                raise
            await connection.reopen()
            continue
        if told != wire.SUPPORTED:
            break
        options = wire.supported(answer)
        if "CQL_VERSION" not in options:
            break
        return session, options
    raise NotThisProtocol("the peer does not speak CQL")


async def begun(connection: Connection) -> Session:
    """A session that is ready for queries."""
    session, _ = await met(connection)
    await start(session)
    return session


async def start(session: Session) -> None:
    """Begin; raises ServerRefused where the server will not without credentials."""
    told, answer = await session.ask(wire.STARTUP, wire.startup())
    if told == wire.ERROR:
        raise wire.refusal(answer)
    if told != wire.READY:
        raise ServerRefused("the server asks for credentials", code="authenticate")


def quoted(name: str) -> str:
    """A name as CQL takes it literally."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Sequence[str]) -> str:
    """Columns for a query, each quoted."""
    return ", ".join(map(quoted, names))


def rows_text(table: str, columns: str, most: int) -> str:
    """The text of ROWS for names that are quoted already."""
    return _put(ROWS, table=table, columns=columns, n=str(most))


def all_text(table: str, columns: str) -> str:
    """The text of ALL for names that are quoted already."""
    return _put(ALL, table=table, columns=columns)


def range_text(table: str, columns: str, keys: str, most: int) -> str:
    """The text of RANGE: rows between two tokens of the keys, both bound."""
    return _put(RANGE, table=table, columns=columns, keys=keys, n=str(most))


def _put(text: str, **parts: str) -> str:
    return re.sub(r"\{([a-z]+)\}", lambda found: parts[found[1]], text)


async def page_of(
    session: Session, text: str, state: bytes, page: int, bounds: Sequence[bytes] = ()
) -> wire.Table:
    """One page, after dialling again where the connection has ended or is a new one."""
    try:
        return await session.select(text, *bounds, page=page, state=state)
    except PeerClosed:
        await session.connection.reopen()
    except ServerRefused as refused:
        if refused.code != f"{wire.PROTOCOL_ERROR:04x}":  # how it takes a query before STARTUP
            raise
        await session.connection.reopen()
    await start(session)
    return await session.select(text, *bounds, page=page, state=state)
