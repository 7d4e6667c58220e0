"""Every SQL text leftopen may send to PostgreSQL, and the gate that names a text or refuses it.

Texts are made from the templates here with quoted identifiers and plain numbers only. They read
the system catalogues and stored tables; they call built-in functions only, named with their schema,
so that no function of a user's is run. Cells are cut on the server, so that a large one never
travels.
"""

# ruff: noqa: S608 - composing SQL is this file's purpose; `request_name` checks every text.

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leftopen.errors import RequestNotAllowed
from leftopen.sample import MAX_BINARY, MAX_CELL, MAX_ELEMENTS

MAX_RELATIONS = 20_000  # that are listed of one database
_MAX_LONG = 65_536  # characters of a JSON document, an array, a vector: larger than a plain cell

_FROM_RELATIONS = (
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
)
# Names that begin with pg_ are the system's; temporary tables are another session's own.
_NOT_SYSTEM = (
    "AND n.nspname <> 'information_schema' AND pg_catalog.strpos(n.nspname::pg_catalog.text, 'pg_')"
    " <> 1 AND c.relpersistence <> 't' "
)

BEGIN = "BEGIN TRANSACTION READ ONLY"
ROLLBACK = "ROLLBACK"
DATABASES = (
    "SELECT datname, datistemplate, datallowconn FROM pg_catalog.pg_database "
    "ORDER BY datname LIMIT 1000"
)
RELATIONS_COLUMNS = (
    *("oid", "relkind", "nspname", "relname", "reltuples", "relpages", "inhparent", "readable"),
)
# Foreign tables and partitioned ones come first: they decide what may be read of the others.
RELATIONS = (
    "SELECT c.oid, c.relkind, n.nspname, c.relname, c.reltuples, c.relpages, i.inhparent, "
    "pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
    "AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable "
    + _FROM_RELATIONS
    + "LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid "
    "WHERE c.relkind IN ('r', 'm', 'p', 'f') "
    + _NOT_SYSTEM
    + "ORDER BY c.relkind NOT IN ('f', 'p'), c.relpages DESC, c.oid "
    f"LIMIT {MAX_RELATIONS}"
)
SIZES_COLUMNS = ("oid", "main", "whole", "block")
SIZES = (
    "SELECT c.oid, pg_catalog.pg_relation_size(c.oid) AS main, "
    "pg_catalog.pg_table_size(c.oid) AS whole, "
    "pg_catalog.current_setting('block_size') AS block "
    + _FROM_RELATIONS
    + "WHERE c.relkind IN ('r', 'm') "
    + _NOT_SYSTEM
    + "ORDER BY c.relpages DESC, c.oid "
    f"LIMIT {MAX_RELATIONS}"
)
COLUMNS_COLUMNS = ("attname", "oid", "typname", "typcategory", "typlen", "typelem")
_COLUMNS = (
    "SELECT a.attname, t.oid, t.typname, t.typcategory, t.typlen, t.typelem "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
    "WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped "
    "ORDER BY a.attnum LIMIT 1600"
)

STARTED = "SELECT pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) AS started"
# Of the statistics no values are read: neither the most common ones nor the histogram's bounds.
STATISTICS_COLUMNS = ("attname", "n_distinct", "null_frac", "attstattarget", "standard")
_STATISTICS = (
    "SELECT s.attname, s.n_distinct, s.null_frac, a.attstattarget, "
    "pg_catalog.current_setting('default_statistics_target') AS standard "
    "FROM pg_catalog.pg_stats s "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = {oid} AND a.attname = s.attname "
    "WHERE s.inherited = {whole} AND a.attnum > 0 "
    "AND s.tablename = (SELECT relname FROM pg_catalog.pg_class WHERE oid = {oid}) "
    "AND s.schemaname = (SELECT n.nspname FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = {oid}) LIMIT 1600"
)
# Valid ones of all rows alone. `once`: the column is all of a unique one; `ordered`: ranges of it
# can be found, as its type and collation order them.
INDEXES_COLUMNS = ("attname", "once", "ordered")
_INDEXES = (
    "SELECT a.attname, i.indisunique AND pg_catalog.array_upper(i.indclass, 1) = 0 AS once, "
    "m.amname = 'btree' AND o.opcdefault AND i.indcollation[0] = a.attcollation AS ordered "
    "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid "
    "JOIN pg_catalog.pg_am m ON m.oid = x.relam "
    "JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0] "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
    "WHERE i.indrelid = {oid} AND i.indisvalid AND i.indpred IS NULL LIMIT 1600"
)
FOREIGN_KEYS_COLUMNS = ("attname", "nspname", "relname", "target")
_FOREIGN_KEYS = (
    "SELECT a.attname, n.nspname, f.relname, b.attname AS target FROM pg_catalog.pg_constraint k "
    "JOIN pg_catalog.pg_class f ON f.oid = k.confrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] "
    "JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1] "
    "WHERE k.conrelid = {oid} AND k.contype = 'f' AND k.convalidated "
    "AND pg_catalog.array_upper(k.conkey, 1) = 1 LIMIT 1600"
)
MAX_COUNTERS = 5_000  # tables of one statement
COUNTERS_COLUMNS = ("oid", "changes", "standby", "counted")
_COUNTERS = (
    "SELECT c.oid, pg_catalog.pg_stat_get_tuples_inserted(c.oid) + "
    "pg_catalog.pg_stat_get_tuples_updated(c.oid) + "
    "pg_catalog.pg_stat_get_tuples_deleted(c.oid) AS changes, "
    "pg_catalog.pg_is_in_recovery() AS standby, "
    "pg_catalog.current_setting('track_counts') AS counted "
    f"FROM pg_catalog.pg_class c WHERE c.oid IN ({{oids}}) LIMIT {MAX_COUNTERS}"
)
_TIME_LIMIT = "SET LOCAL statement_timeout TO {milliseconds}"

_NAME = r'"(?:[^"\0]|"")+"'
_TABLE = rf'(?:ONLY )?(?!"pg_|"information_schema"){_NAME}\.{_NAME}'
_SAMPLED = r" TABLESAMPLE pg_catalog\.system \(\d{1,3}\.\d{6}\)"
_THINNED = r" WHERE pg_catalog\.random\(\) < [01]\.\d{6}"
_CELL = (
    rf"(?:{_NAME}|pg_catalog\.left\({_NAME}, \d+\)|pg_catalog\.substr\({_NAME}, 1, \d+\)"
    rf"|CASE WHEN {_NAME} IS DISTINCT FROM NULL THEN "
    rf"pg_catalog\.left\(pg_catalog\.format\('%s', \({_NAME}\)(?:\[1:\d+\])?\), \d+\) END)"
)
_ROWS = rf"SELECT {_CELL}(?:, {_CELL})* FROM {_TABLE}"
_MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"
# A point in time or a number as a value of a type: nothing that could be a person's.
_LITERAL = (
    rf"(?:'{_MOMENT}'::pg_catalog\.timestamp|'{_MOMENT}\+00'::pg_catalog\.timestamptz"
    r"|'\d{4}-\d\d-\d\d'::pg_catalog\.date|'-?\d{1,19}'::pg_catalog\.int8"
    r"|'-?\d{1,19}(?:\.\d{6})?'::pg_catalog\.(?:numeric|float8)"
    r"|'[0-9][0-9TZ:+. -]{0,39}'::pg_catalog\.text)"
)


def _form(statement: str, **parts: str) -> re.Pattern[str]:
    """A statement as a regular expression, its `{…}` as given."""
    pieces = re.split(r"\{([a-z]+)\}", statement)
    return re.compile("".join(parts[p] if n % 2 else re.escape(p) for n, p in enumerate(pieces)))


_TEMPLATES = {
    "SELECT token": re.compile(r"SELECT '[0-9a-f]{16}'::pg_catalog\.text AS token"),
    "BEGIN READ ONLY": re.compile(re.escape(BEGIN)),
    "ROLLBACK": re.compile(ROLLBACK),
    "SELECT databases": re.compile(re.escape(DATABASES)),
    "SELECT relations": re.compile(re.escape(RELATIONS)),
    "SELECT sizes": re.compile(re.escape(SIZES)),
    "SELECT columns": re.compile(re.escape(_COLUMNS).replace(r"\{oid\}", r"\d+")),
    "SELECT count": re.compile(rf"SELECT pg_catalog\.count\(\*\) FROM {_TABLE}"),
    "SELECT count sampled": re.compile(rf"SELECT pg_catalog\.count\(\*\) FROM {_TABLE}{_SAMPLED}"),
    "SELECT rows": re.compile(rf"{_ROWS} LIMIT \d+"),
    "SELECT rows sampled": re.compile(rf"{_ROWS}{_SAMPLED}(?:{_THINNED})? LIMIT \d+"),
    "SELECT started": _form(STARTED),
    "SELECT statistics": _form(_STATISTICS, oid=r"\d+", whole="(?:true|false)"),
    "SELECT indexes": _form(_INDEXES, oid=r"\d+"),
    "SELECT foreign keys": _form(_FOREIGN_KEYS, oid=r"\d+"),
    "SELECT counters": _form(_COUNTERS, oids=r"\d+(?:, \d+)*"),
    "SELECT count between": re.compile(
        rf"SELECT pg_catalog\.count\(\*\) FROM {_TABLE} "
        rf"WHERE (?P<column>{_NAME}) >= {_LITERAL} AND (?P=column) < {_LITERAL}"
    ),
    "SELECT fields": re.compile(rf"{_ROWS} LIMIT ALL"),
    "SET LOCAL statement_timeout": _form(_TIME_LIMIT, milliseconds=r"\d{3,6}"),
}
NAMES = frozenset(_TEMPLATES)


def request_name(sql: str) -> str:
    """The allow-list name of a statement, from its text alone; raises RequestNotAllowed."""
    for name, template in _TEMPLATES.items():
        if template.fullmatch(sql):
            return name
    raise RequestNotAllowed("a statement fits none of the read-only templates")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, materialised view (both read with ONLY, without what inherits from them) or
    partitioned table (`whole`: read with its partitions). `leaves` are the object ids of the
    tables that hold its rows."""

    oid: int
    schema: str
    name: str
    whole: bool
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalogue tells it: type by object id and name, its category (pg_type's
    typcategory), its length (-1 varies), and the object id of an array's elements (else 0)."""

    name: str
    type: int
    type_name: str
    category: str
    length: int
    element: int

    @property
    def is_array(self) -> bool:
        return self.category == "A" and self.length == -1 and self.element > 0


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """A row of RELATIONS. `tuples` and `pages` are the server's estimates; -1 or 0 is unknown."""

    oid: int
    kind: str
    schema: str
    name: str
    tuples: float
    pages: int
    parent: int
    readable: bool


def is_system(schema: str) -> bool:
    """Whether the schema is PostgreSQL's own (RELATIONS leaves those out; a peer may lie)."""
    return schema.startswith("pg_") or schema == "information_schema"


def quoted(name: str) -> str:
    """An SQL identifier; raises RequestNotAllowed for a name that can be none."""
    if not name or "\0" in name:
        raise RequestNotAllowed("a name that cannot be an identifier")
    return '"' + name.replace('"', '""') + '"'


def _table(relation: Relation) -> str:
    only = "" if relation.whole else "ONLY "
    return f"{only}{quoted(relation.schema)}.{quoted(relation.name)}"


def _sampled(percent: float | None) -> str:
    if percent is None:
        return ""
    return f" TABLESAMPLE pg_catalog.system ({min(100.0, max(0.000001, percent)):.6f})"


def token_of(token: str) -> str:
    """What only a server that reads the statement can answer: 16 hexadecimal digits of ours."""
    return f"SELECT '{token}'::pg_catalog.text AS token"


def columns_of(oid: int) -> str:
    return _COLUMNS.format(oid=int(oid))


def count_of(relation: Relation, percent: float | None = None) -> str:
    """Counts all rows, or those of about `percent` of the pages."""
    return f"SELECT pg_catalog.count(*) FROM {_table(relation)}{_sampled(percent)}"


def statistics_of(relation: Relation) -> str:
    return _STATISTICS.format(oid=int(relation.oid), whole="true" if relation.whole else "false")


def indexes_of(oid: int) -> str:
    return _INDEXES.format(oid=int(oid))


def foreign_keys_of(oid: int) -> str:
    return _FOREIGN_KEYS.format(oid=int(oid))


def counters_of(oids: Sequence[int]) -> str:
    """How often rows of these tables were inserted, changed or deleted, as the server counts."""
    return _COUNTERS.format(oids=", ".join(str(int(oid)) for oid in oids[:MAX_COUNTERS]))


def time_limit(milliseconds: int) -> str:
    """For the transaction under way, where the session has none of its own."""
    return _TIME_LIMIT.format(milliseconds=max(100, min(milliseconds, 999_999)))


def count_between_of(relation: Relation, column: str, low: str, high: str) -> str:
    """Counts the rows whose column is in a half-open range of two literals."""
    where = f"{quoted(column)} >= {low} AND {quoted(column)} < {high}"
    return f"SELECT pg_catalog.count(*) FROM {_table(relation)} WHERE {where}"


def fields_of(relation: Relation, columns: Sequence[Column], row_bytes: int) -> str:
    """Reads these columns of every row, their cells cut as in `rows_of`."""
    return f"{_read(relation, columns, row_bytes)} LIMIT ALL"


def _read(relation: Relation, columns: Sequence[Column], row_bytes: int, sampled: str = "") -> str:
    most = max(64, row_bytes // (4 * max(1, len(columns))))  # UTF-8: up to 4 bytes a character
    cells = ", ".join(_cell(column, most) for column in columns)
    return f"SELECT {cells} FROM {_table(relation)}{sampled}"


def rows_of(
    relation: Relation,
    columns: Sequence[Column],
    limit: int,
    row_bytes: int,
    percent: float | None = None,
    share: float = 1.0,
) -> str:
    """Reads up to `limit` rows, from about `percent` of the pages if given and of their rows about
    the `share` from 0 to 1; cells are cut so that a row of all columns stays below about
    `row_bytes` bytes."""
    thin = f" WHERE pg_catalog.random() < {share:.6f}" if percent and share < 1 else ""
    read = _read(relation, columns, row_bytes, _sampled(percent))
    return f"{read}{thin} LIMIT {int(limit)}"


_TEXTS = {25, 1043}  # text, character varying
_SHORT = {650, 869}  # cidr, inet: of varying length, yet never long
_BYTEA = 17


def _cell(column: Column, most: int) -> str:
    """The column, cut where its type allows long values.

    `format` writes a value with its type's own output function, where a cast to text could be a
    function of a user's. `IS DISTINCT FROM NULL` is true for a composite with empty parts too.
    """
    name = quoted(column.name)
    if column.length > 0 or column.category == "N" or column.type in _SHORT:
        return name
    if column.type in _TEXTS:
        return f"pg_catalog.left({name}, {min(most, MAX_CELL)})"
    if column.type == _BYTEA:
        return f"pg_catalog.substr({name}, 1, {min(most, MAX_BINARY)})"
    slice_ = f"[1:{MAX_ELEMENTS}]" if column.is_array else ""
    written = f"pg_catalog.format('%s', ({name}){slice_})"
    cut = f"pg_catalog.left({written}, {min(most, _MAX_LONG)})"
    return f"CASE WHEN {name} IS DISTINCT FROM NULL THEN {cut} END"


def readable_relations(rows: Sequence[CatalogueRow], *, complete: bool) -> list[Relation]:
    """What may be read of a listing: partitioned tables as one, the rest table by table.

    A partitioned table with a foreign partition anywhere below it is not read as one, for that
    would make the server dial elsewhere; its ordinary partitions are then read one by one. The
    same where the listing is not complete, for what is below a table is not known then. Foreign
    tables are never read.
    """
    by_oid = {row.oid: row for row in rows}
    children: dict[int, list[CatalogueRow]] = {}
    for row in by_oid.values():
        parent = by_oid.get(row.parent)
        if parent is not None and parent.kind == "p":
            children.setdefault(row.parent, []).append(row)

    def below(top: CatalogueRow) -> list[CatalogueRow]:
        found, pending, seen = [], [top], {top.oid}
        while pending:
            for child in children.get(pending.pop().oid, ()):
                if child.oid not in seen:
                    seen.add(child.oid)
                    found.append(child)
                    pending.append(child)
        return found

    relations: list[Relation] = []
    covered: set[int] = set()
    for row in by_oid.values():
        is_top = row.kind == "p" and row.parent not in by_oid
        if not (is_top and complete and row.readable):
            continue
        parts = below(row)
        if any(part.kind == "f" for part in parts):
            continue
        leaves = tuple(part.oid for part in parts if part.kind == "r")
        relations.append(Relation(row.oid, row.schema, row.name, True, leaves))
        covered.update(part.oid for part in parts)
    relations += [
        Relation(row.oid, row.schema, row.name, False, (row.oid,))
        for row in by_oid.values()
        if row.kind in "rm" and row.readable and row.oid not in covered
    ]
    return relations
