"""Every statement leftopen may send to a MySQL or MariaDB, and the gate that names a packet.

Every packet is named from its own bytes: the log-on only with an empty password, statements only
where their text fits one of the templates below. They read information_schema and stored tables,
and call built-in functions alone.
"""

# ruff: noqa: S608 - composing SQL is part of this file's purpose; `request_name` checks every text.

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leftopen.engines import _mysql_wire as wire
from leftopen.errors import RequestNotAllowed
from leftopen.sample import MAX_BINARY, MAX_CELL

MAX_TABLES = 20_000  # that are listed
_MAX_LONG = 65_536  # characters of a JSON document: larger than a plain cell

START = "START TRANSACTION READ ONLY"
ROLLBACK = "ROLLBACK"
GRANTS = "SHOW GRANTS"
READ_ONLY = "SELECT @@global.read_only"
# Engines that hold their rows themselves; FEDERATED, CONNECT, SPIDER, S3 would dial elsewhere.
_STORED = "'InnoDB', 'XtraDB', 'MyISAM', 'Aria', 'ARCHIVE', 'CSV', 'MEMORY', 'ROCKSDB', 'TokuDB'"
SYSTEM = ("mysql", "sys", "information_schema", "performance_schema", "ndbinfo", "metrics_schema")
TABLES = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES "
    f"WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE IN ({_STORED}) "
    "AND TABLE_SCHEMA NOT IN (" + ", ".join(f"'{name}'" for name in SYSTEM) + ") "
    f"ORDER BY DATA_LENGTH DESC LIMIT {MAX_TABLES}"
)
_COLUMNS = (
    "SELECT COLUMN_NAME, DATA_TYPE, PRIVILEGES FROM information_schema.COLUMNS "
    "WHERE TABLE_SCHEMA = _utf8 0x{schema} AND TABLE_NAME = _utf8 0x{table} "
    f"ORDER BY ORDINAL_POSITION LIMIT {wire.MAX_COLUMNS}"
)
UPTIME = "SHOW GLOBAL STATUS LIKE 'Uptime'"
# MySQL 8 tells a table's counters as they were up to a day ago, unless its session wants otherwise.
AS_THEY_ARE = "SET SESSION information_schema_stats_expiry = 0"
_OF_TABLE = "WHERE TABLE_SCHEMA = _utf8 0x{schema} AND TABLE_NAME = _utf8 0x{table}"
_INDEXES = (
    "INDEX_NAME, NON_UNIQUE, SEQ_IN_INDEX, COLUMN_NAME, CARDINALITY, SUB_PART, INDEX_TYPE "
    f"FROM information_schema.STATISTICS {_OF_TABLE} LIMIT {wire.MAX_COLUMNS}"
)
_FOREIGN_KEYS = (
    "CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, "
    f"REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE {_OF_TABLE} "
    f"AND REFERENCED_TABLE_NAME IS NOT NULL LIMIT {wire.MAX_COLUMNS}"
)
MAX_COUNTERS = 200  # tables of one statement
_COUNTERS = (
    "TABLE_NAME, ENGINE, AUTO_INCREMENT, UNIX_TIMESTAMP(UPDATE_TIME) "
    "FROM information_schema.TABLES WHERE TABLE_SCHEMA = _utf8 0x{schema} "
    f"AND TABLE_NAME IN ({{tables}}) LIMIT {MAX_COUNTERS}"
)
_WITHOUT_END = 2**64 - 1  # rows: how a statement says that it has no limit

# The server is to end a statement before we would take it for silent, and to tell a TIMESTAMP in
# UTC: MariaDB by what is a comment to MySQL, MySQL by what is a comment to MariaDB.
_LIMITED = "/*M!100108 SET STATEMENT max_statement_time={:.3f},time_zone='+00:00' FOR */ "
_HINT = "/*+ MAX_EXECUTION_TIME({:d}) SET_VAR(time_zone='+00:00') */ "

_NAME = r"`(?:[^`\0]|``)+`"
_TABLE = rf"(?i:(?!`(?:{'|'.join(SYSTEM)})`)){_NAME}\.{_NAME}"
_CELL = rf"(?:{_NAME}|LEFT\({_NAME}, \d+\))"
_BEFORE = (
    r"/\*M!100108 SET STATEMENT max_statement_time=\d+\.\d{3},time_zone='\+00:00' FOR \*/ SELECT "
    r"/\*\+ MAX_EXECUTION_TIME\(\d+\) SET_VAR\(time_zone='\+00:00'\) \*/ "
)
_HEX = "0x(?:[0-9a-f]{2})+"
# A point in time or a number: nothing that could be a person's.
_LITERAL = (
    r"(?:TIMESTAMP'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}'|DATE'\d{4}-\d\d-\d\d'"
    r"|-?\d{1,19}(?:\.\d{6})?|'[0-9][0-9TZ:+. -]{0,39}')"
)


def _form(statement: str, **parts: str) -> re.Pattern[str]:
    """A SELECT as a regular expression, its `{…}` as given, after what limits its time."""
    pieces = re.split(r"\{([a-z]+)\}", statement)
    form = "".join(parts[p] if n % 2 else re.escape(p) for n, p in enumerate(pieces))
    return re.compile(_BEFORE + form, re.DOTALL)


_READ = rf"{_BEFORE}{_CELL}(?:, {_CELL})* FROM {_TABLE}"
_DIGITS = "(?:[0-9a-f]{2})+"
_TEMPLATES = {
    "START TRANSACTION READ ONLY": re.compile(START),
    "ROLLBACK": re.compile(ROLLBACK),
    "SHOW GRANTS": re.compile(GRANTS),
    "SELECT read_only": re.compile(re.escape(READ_ONLY)),
    "SELECT token": re.compile(r"SELECT REVERSE\('[0-9a-f]{32}'\)"),
    "SELECT tables": re.compile(re.escape(TABLES)),
    "SELECT columns": re.compile(
        re.escape(_COLUMNS).replace(r"0x\{schema\}", _HEX).replace(r"0x\{table\}", _HEX)
    ),
    "SELECT count": re.compile(rf"{_BEFORE}COUNT\(\*\) FROM {_TABLE}"),
    "SELECT rows": re.compile(
        rf"{_READ}(?: WHERE RAND\(\) < [01]\.\d{{6}})? LIMIT \d{{1,9}}", re.DOTALL
    ),
    "SHOW STATUS Uptime": re.compile(re.escape(UPTIME)),
    "SET SESSION information_schema_stats_expiry": re.compile(re.escape(AS_THEY_ARE)),
    "SELECT indexes": _form(_INDEXES, schema=_DIGITS, table=_DIGITS),
    "SELECT foreign keys": _form(_FOREIGN_KEYS, schema=_DIGITS, table=_DIGITS),
    "SELECT counters": _form(_COUNTERS, schema=_DIGITS, tables=rf"_utf8 {_HEX}(?:, _utf8 {_HEX})*"),
    "SELECT count between": re.compile(
        rf"{_BEFORE}COUNT\(\*\) FROM {_TABLE} FORCE INDEX \({_NAME}\) "
        rf"WHERE (?P<column>{_NAME}) >= {_LITERAL} AND (?P=column) < {_LITERAL}",
        re.DOTALL,
    ),
    "SELECT fields": re.compile(rf"{_READ} LIMIT {_WITHOUT_END}", re.DOTALL),
}
NAMES = frozenset(
    {"SSLRequest", "HandshakeResponse", "AuthSwitchResponse", "COM_QUIT", *_TEMPLATES}
)


def request_name(packet: bytes) -> str:
    """The allow-list name of a packet, from its bytes alone; raises RequestNotAllowed.

    Commands start a new sequence (number 0); what belongs to a log-on goes on with the server's.
    """
    length, sequence = wire.header(packet)
    body = packet[wire.HEADER :]
    if length != len(body):
        raise RequestNotAllowed("more or less than one packet")
    if sequence == 0 and body[:1] == b"\x03":
        statement = body[1:].decode()
        for name, template in _TEMPLATES.items():
            if template.fullmatch(statement):
                return name
    elif packet == wire.QUIT:
        return "COM_QUIT"
    elif packet == wire.ssl_request(sequence):
        return "SSLRequest"
    elif sequence > 0 and body in (b"", b"\0"):
        return "AuthSwitchResponse"
    elif sequence > 0 and wire.is_empty_response(body):
        return "HandshakeResponse"
    raise RequestNotAllowed("a packet fits none of the read-only templates")


@dataclass(frozen=True, slots=True)
class Table:
    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as information_schema tells it: its name and DATA_TYPE."""

    name: str
    type: str


def _quoted(name: str) -> str:
    if not name or "\0" in name:
        raise RequestNotAllowed("a name that cannot be an identifier")
    return "`" + name.replace("`", "``") + "`"


def _select(seconds: float) -> str:
    return f"{_LIMITED.format(seconds)}SELECT {_HINT.format(int(seconds * 1_000))}"


def token_of(token: str) -> str:
    return f"SELECT REVERSE('{token}')"


def _hex(name: str) -> str:
    return name.encode("utf-8", "replace").hex()


def columns_of(table: Table) -> str:
    return _COLUMNS.format(schema=_hex(table.schema), table=_hex(table.name))


def indexes_of(table: Table, seconds: float) -> str:
    told = _INDEXES.format(schema=_hex(table.schema), table=_hex(table.name))
    return _select(seconds) + told


def foreign_keys_of(table: Table, seconds: float) -> str:
    told = _FOREIGN_KEYS.format(schema=_hex(table.schema), table=_hex(table.name))
    return _select(seconds) + told


def counters_of(schema: str, tables: Sequence[str], seconds: float) -> str:
    """The next number and the time of the last change of these tables of a schema."""
    names = ", ".join(f"_utf8 0x{_hex(table)}" for table in tables[:MAX_COUNTERS])
    return _select(seconds) + _COUNTERS.format(schema=_hex(schema), tables=names)


def count_between_of(
    table: Table, index: str, column: str, low: str, high: str, seconds: float
) -> str:
    """Counts, by an index that begins with the column, the rows of a half-open range of it."""
    where = f"{_quoted(column)} >= {low} AND {_quoted(column)} < {high}"
    indexed = f"{_from(table)} FORCE INDEX ({_quoted(index)})"
    return f"{_select(seconds)}COUNT(*) FROM {indexed} WHERE {where}"


def fields_of(table: Table, columns: Sequence[TableColumn], row_bytes: int, seconds: float) -> str:
    """Reads these columns of every row, their cells cut as in `rows_of`."""
    return f"{_read(table, columns, row_bytes, seconds)} LIMIT {_WITHOUT_END}"


def _from(table: Table) -> str:
    return f"{_quoted(table.schema)}.{_quoted(table.name)}"


def _read(table: Table, columns: Sequence[TableColumn], row_bytes: int, seconds: float) -> str:
    most = max(64, row_bytes // (4 * max(1, len(columns))))  # UTF-8: up to 4 bytes a character
    cells = ", ".join(_cell(column, most) for column in columns)
    return f"{_select(seconds)}{cells} FROM {_from(table)}"


def count_of(table: Table, seconds: float) -> str:
    return f"{_select(seconds)}COUNT(*) FROM {_from(table)}"


def rows_of(
    table: Table,
    columns: Sequence[TableColumn],
    limit: int,
    row_bytes: int,
    seconds: float,
    share: float = 1.0,
) -> str:
    """Reads up to `limit` rows, each taken with the chance `share`; cells are cut so that a row of
    all columns stays below about `row_bytes` bytes. The server is given `seconds` for it."""
    thin = f" WHERE RAND() < {share:.6f}" if share < 1 else ""
    return f"{_read(table, columns, row_bytes, seconds)}{thin} LIMIT {int(limit)}"


_TEXTS = {"varchar", "text", "mediumtext", "longtext"}
_BLOBS = {"varbinary", "blob", "mediumblob", "longblob"}


def _cell(column: TableColumn, most: int) -> str:
    """The column, cut where its type allows long values."""
    name = _quoted(column.name)
    if column.type in _TEXTS:
        return f"LEFT({name}, {min(most, MAX_CELL)})"
    if column.type in _BLOBS:
        return f"LEFT({name}, {min(most, MAX_BINARY)})"
    if column.type == "json":
        return f"LEFT({name}, {min(most, _MAX_LONG)})"
    return name
