"""Every statement leftopen may send to ClickHouse, and the gate that names a request or refuses it.

Statements are made from the templates here with quoted names and plain numbers only. They read the
system's tables and stored ones, and call built-in functions alone.
"""

# ruff: noqa: S608 - composing SQL is this file's purpose; `request_name` checks every text.

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote

from leftopen.engines._proofs import CanWrite
from leftopen.errors import RequestNotAllowed
from leftopen.sample import MAX_CELL, MAX_ELEMENTS

MAX_TABLES = 20_000
MAX_COLUMNS = 2_000
# Of one statement in a URL, which may have 16 KiB (http_max_uri_size) at servers before 21.
_LIST_BYTES = 6_000
_CELLS_BYTES = 12_000

_STORED = "(engine LIKE '%MergeTree' OR engine IN ('Log', 'StripeLog', 'TinyLog', 'Memory'))"
_LOCAL = "('Ordinary', 'Atomic', 'Replicated', 'Shared', 'Memory', 'Lazy')"
SYSTEM = ("system", "information_schema", "_temporary_and_external_tables")
FORMAT = " FORMAT JSONCompact"
DATABASES = (
    "SELECT reverse('{word}'), version(), groupArray(name) FROM (SELECT name FROM system.databases"
    f" WHERE engine IN {_LOCAL} ORDER BY name LIMIT 1000)"
)
TABLES = (
    f"SELECT database, name, engine FROM system.tables WHERE {_STORED} AND database IN ({{names}}) "
    "ORDER BY database, name LIMIT {limit}"
)
PARTS = (
    "SELECT database, table, sum(rows), sum(bytes_on_disk) FROM system.parts "
    "WHERE active AND database IN ({names}) GROUP BY database, table "
    f"LIMIT {MAX_TABLES}"
)
COLUMNS = (
    "SELECT name, type, data_uncompressed_bytes FROM system.columns WHERE database = {database} "
    f"AND table = {{table}} AND default_kind NOT IN ('ALIAS', 'EPHEMERAL') LIMIT {MAX_COLUMNS}"
)
SORTING = "SELECT sorting_key FROM system.tables WHERE database = {database} AND name = {table}"
UPTIME = "SELECT uptime()"
# Each block that is inserted into a partition has the next number; what merges blocks keeps the
# highest.
COUNTERS = (
    "SELECT database, table, sum(stored), sum(blocks) FROM (SELECT database, table, sum(rows) AS "
    "stored, max(max_block_number) + 1 AS blocks FROM system.parts "
    "WHERE active AND database IN ({names}) "
    "GROUP BY database, table, partition_id) GROUP BY database, table "
    f"LIMIT {MAX_TABLES}"
)
STREAM = " FORMAT TabSeparated"
READONLY = "SELECT value FROM system.settings WHERE name = 'readonly'"
GRANTS = "SHOW GRANTS"

_TEXT = r"'(?:[^'\\\0]|\\[\\'])*'"
_NAME = r"`(?:[^`\\\0]|\\[\\`])+`"
_TABLE = rf"(?i:(?!`(?:{'|'.join(SYSTEM)})`)){_NAME}\.{_NAME}"
_CELL = rf"(?:{_NAME}|substring\({_NAME}, 1, \d+\)|arraySlice\({_NAME}, 1, \d+\))"


# A point in time or a number: nothing that could be a person's.
_LITERAL = (
    r"(?:toDateTime\(-?\d{1,12}\)|toDate\('\d{4}-\d\d-\d\d'\)|-?\d{1,19}(?:\.\d{6})?"
    r"|toDateTime64\('\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}', \d, 'UTC'\)"
    r"|'[0-9][0-9TZ:+. -]{0,39}')"
)


def _form(template: str, form_: str = FORMAT, **parts: str) -> re.Pattern[str]:
    """A template as a regular expression, its `{…}` as given."""
    pieces = re.split(r"\{([a-z]+)\}", template)
    form = "".join(parts[p] if n % 2 else re.escape(p) for n, p in enumerate(pieces))
    return re.compile(form + re.escape(form_), re.DOTALL)


_LIMIT = re.compile("max_execution_time=[0-9]+")
_TEXTS = rf"{_TEXT}(?:, {_TEXT})*"
_TEMPLATES = {
    "GET SELECT databases": _form(DATABASES, word="[0-9a-f]{32}"),
    "GET SELECT tables": _form(TABLES, names=_TEXTS, limit=r"\d+"),
    "GET SELECT parts": _form(PARTS, names=_TEXTS),
    "GET SELECT columns": _form(COLUMNS, database=_TEXT, table=_TEXT),
    "GET SELECT readonly": _form(READONLY),
    "GET SHOW GRANTS": _form(GRANTS),
    "GET SELECT count": _form("SELECT count() FROM {table}", table=_TABLE),
    "GET SELECT 1": _form("SELECT 1 FROM {table} LIMIT 1", table=_TABLE),
    "GET SELECT rows": _form(
        "SELECT {cells} FROM {table}{thin} LIMIT {limit}",
        cells=rf"{_CELL}(?:, {_CELL})*",
        table=_TABLE,
        thin=r"(?: WHERE rand\(\) % \d+ = 0)?",
        limit=r"\d+",
    ),
    "GET SELECT sorting key": _form(SORTING, database=_TEXT, table=_TEXT),
    "GET SELECT uptime": _form(UPTIME),
    "GET SELECT counters": _form(COUNTERS, names=_TEXTS),
    "GET SELECT count between": _form(
        "SELECT count() FROM {table} WHERE {column} >= {low} AND {same} < {high}",
        table=_TABLE,
        column=rf"(?P<column>{_NAME})",
        same="(?P=column)",
        low=_LITERAL,
        high=_LITERAL,
    ),
    "GET SELECT fields": _form(
        "SELECT {cells} FROM {table}", STREAM, cells=rf"{_CELL}(?:, {_CELL})*", table=_TABLE
    ),
}
POST = "POST SELECT readonly"
NAMES = frozenset({*_TEMPLATES, POST})


def request_name(method: str, path: str, body: str | None = None) -> str:
    """The allow-list name of a request, from the statement that it carries and the settings beside.

    Raises RequestNotAllowed for every other statement, setting, path and method.
    """
    if (method, path, body) == ("POST", "/", READONLY + FORMAT):
        return POST
    where, _, query = path.partition("?")
    if method == "GET" and where == "/" and body is None:
        pairs = parse_qsl(query, keep_blank_values=True)
        statement = pairs[0][1] if pairs and pairs[0][0] == "query" else ""
        if not pairs[1:] or (_LIMIT.fullmatch(query.rpartition("&")[2]) and len(pairs) == 2):
            for name, form in _TEMPLATES.items():
                if form.fullmatch(statement):
                    return name
    raise RequestNotAllowed("not a request that the clickhouse engine may send")


@dataclass(frozen=True, slots=True)
class Table:
    database: str
    name: str
    engine: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type without Nullable and LowCardinality, its bytes in all rows together."""

    name: str
    type: str
    bytes: int


def text(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def in_lists(names: Sequence[str]) -> Iterator[str]:
    """All names as lists of SQL strings, each short enough for a URL."""
    part: list[str] = []
    weight = 0
    for literal in map(text, names):
        weight += 2 + len(quote(literal))
        if part and weight > _LIST_BYTES:
            yield ", ".join(part)
            part, weight = [], len(quote(literal))
        part.append(literal)
    if part:
        yield ", ".join(part)


_WRAPPED = re.compile(r"(?:LowCardinality|Nullable)\((.*)\)", re.DOTALL)


def base(told: Any) -> str:
    """A column's type without what is wrapped around it."""
    kind = told if isinstance(told, str) else ""
    for _ in range(2):
        wrapped = _WRAPPED.fullmatch(kind)
        kind = wrapped.group(1) if wrapped else kind
    return kind


def rows_of(table: Table, columns: Sequence[Column], limit: int, nth: int, row_bytes: int) -> str:
    """Reads up to `limit` rows, about each `nth` one; cells are cut on the server so that a row
    stays below about `row_bytes` bytes."""
    thin = f" WHERE rand() % {nth} = 0" if nth > 1 else ""
    return f"{fields_of(table, columns, row_bytes)}{thin} LIMIT {limit}"


def fields_of(table: Table, columns: Sequence[Column], row_bytes: int) -> str:
    """Reads these columns of every row, their cells cut as in `rows_of`."""
    cells = [_cell(column, max(64, row_bytes // (4 * len(columns)))) for column in columns]
    return f"SELECT {', '.join(cells)} FROM {where(table)}"


def count_between_of(table: Table, column: str, low: str, high: str) -> str:
    """Counts the rows of a half-open range of a column."""
    name = quoted(column)
    return f"SELECT count() FROM {where(table)} WHERE {name} >= {low} AND {name} < {high}"


_FIRST_OF_KEY = re.compile(r"\s*(?:`((?:[^`\\]|\\[\\`])+)`|([A-Za-z_]\w*))\s*(?:,|$)")


def first_of(sorting_key: str) -> str | None:
    """The column that a table is sorted by first; None where that is an expression."""
    found = _FIRST_OF_KEY.match(sorting_key[:4_096])
    if found is None:
        return None
    return found[2] or re.sub(r"\\(.)", r"\1", found[1])


def one_of(table: Table) -> str:
    return f"SELECT 1 FROM {where(table)} LIMIT 1"


def count_of(table: Table) -> str:
    return f"SELECT count() FROM {where(table)}"


def where(table: Table) -> str:
    return f"{quoted(table.database)}.{quoted(table.name)}"


def fitting(columns: Sequence[Column]) -> list[Column]:
    """The first columns, as many as a statement in a URL has room for."""
    left = _CELLS_BYTES
    fit = []
    for column in columns:
        left -= len(quote(_cell(column, MAX_CELL) + ", "))
        if left < 0:
            break
        fit.append(column)
    return fit


def _cell(column: Column, most: int) -> str:
    name = quoted(column.name)
    if column.type == "String":
        return f"substring({name}, 1, {min(most, MAX_CELL)})"
    if column.type.startswith("Array("):
        return f"arraySlice({name}, 1, {MAX_ELEMENTS})"
    return name


_OF_COLUMNS = re.compile(r"\([^()]*\)")
_WRITING = re.compile(r"ALL|INSERT|TRUNCATE|ALTER( .*)?|DROP( .*)?|CREATE( (TABLE|DATABASE))?")
_READING = re.compile(r"SELECT|SHOW( .*)?|dictGet|USAGE|NONE")


def by_grants(lines: Sequence[str]) -> CanWrite:
    """ "no" only where every line is understood and allows reading alone."""
    words: set[str] = set()
    plain = bool(lines)
    for line in lines:
        rights, on, _ = line.removeprefix("GRANT ").partition(" ON ")
        if not on or not line.startswith("GRANT "):  # a role, or what is taken away again
            plain = False
            continue
        words |= {word.strip() for word in _OF_COLUMNS.sub("", rights).split(",")}
    if any(_WRITING.fullmatch(word) for word in words):
        return "yes" if not any(line.startswith("REVOKE") for line in lines) else "unknown"
    return "no" if plain and all(_READING.fullmatch(word) for word in words) else "unknown"
