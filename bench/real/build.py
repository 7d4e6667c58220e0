"""Parquet files out of dumps: one for each table, typed where the dump declares a type."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.real import sql
from bench.real.sources import Checkout, Database, File

ROWS = 2_000  # of a table; the first ones

_INTEGER = re.compile(r"(big|small|medium|tiny)?int(eger|\d)?|(big|small)?serial|year")
_REAL = re.compile(r"numeric|decimal|number|float\d?|real|double|(small)?money")
_MOMENT = re.compile(r"date|datetime2?|smalldatetime|timestamp(tz)?")


def build(database: Database, checkout: Checkout, into: Path) -> list[str]:
    """Writes the database's tables below `into`; names of the tables written."""
    folder = into / database.name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    written: dict[str, pa.Table] = {}
    dumps: dict[str, sql.Dump] = {}
    for file in database.file:
        for path in checkout.paths(file):
            if file.form == "sql":
                _merge(dumps, sql.read(_text(checkout, path, file), ROWS), file)
            else:
                plain = _plain(checkout, path, file)
                written.update({n: t for n, t in plain if _wanted(n, file) and t.num_rows})
    written.update({name: typed(dump) for name, dump in dumps.items() if dump.rows})
    for name, table in written.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return sorted(written)


def typed(dump: sql.Dump) -> pa.Table:
    """A dump's table, its columns of the types that the dump declares and the values bear out."""
    rows = dump.rows[:ROWS]
    arrays = {}
    for i, column in enumerate(dump.columns):
        values = [row[i] if i < len(row) else None for row in rows]
        if column.lower() in dump.auto and all(value is None for value in values):
            values = list(range(1, len(rows) + 1))  # as the database would count
        arrays[column] = _column(values, dump.types.get(column.lower(), ""))
    return pa.table(arrays)


def _column(values: Sequence[sql.Value], declared: str) -> pa.Array:
    base = declared.split(" ")[0] if declared else ""
    try:
        if _INTEGER.fullmatch(base):
            return pa.array([None if v is None else int(v) for v in values], pa.int64())
        if _REAL.fullmatch(base):
            if all(isinstance(v, int) or v is None for v in values):
                return pa.array(values, pa.int64())
            return pa.array([None if v is None else float(v) for v in values], pa.float64())
        if base.startswith("bool"):
            return pa.array([_flag(v) for v in values], pa.bool_())
        if _MOMENT.fullmatch(base):
            moments = [_moment(v) for v in values]
            if all(type(m) is date or m is None for m in moments):
                return pa.array(moments, pa.date32())
            return pa.array([_at_midnight(m) for m in moments], pa.timestamp("us"))
        if all(v is None or (isinstance(v, (int, float)) and not base) for v in values):
            return pa.array(values)  # no type declared, and only numbers
    except (ValueError, TypeError, OverflowError, pa.ArrowException):
        pass  # the declared type does not hold: as the dump writes it
    return pa.array([None if v is None else str(v) for v in values], pa.string())


def _flag(value: sql.Value) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    return {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}[
        str(value).lower()
    ]


def _moment(value: sql.Value) -> date | datetime | None:
    if value is None:
        return None
    text = str(value).strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return date.fromisoformat(text)
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).replace(tzinfo=None)


def _at_midnight(moment: date | datetime | None) -> datetime | None:
    if moment is None or isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time())


def _merge(dumps: dict[str, sql.Dump], more: dict[str, sql.Dump], file: File) -> None:
    """Adds what another file says of the tables: one may declare them, the next fill them."""
    known = {name.lower(): name for name in dumps}
    for name, dump in more.items():
        if not _wanted(name, file):
            continue
        here = dumps.setdefault(known.get(name.lower(), name), sql.Dump([]))
        here.types.update(dump.types)
        here.auto.update(dump.auto)
        if not dump.rows:
            here.columns = here.columns or dump.columns
            continue
        same = dump.columns
        if here.columns and same[0] == "column1":  # the table is declared elsewhere
            same = here.unnamed(len(same))
        if here.columns in ([], same):
            here.columns, here.rows = same, here.rows + dump.rows
            continue
        at = {column.lower(): i for i, column in enumerate(same)}
        here.columns += [c for c in same if c.lower() not in {x.lower() for x in here.columns}]
        for row in dump.rows:
            places = [at.get(column.lower()) for column in here.columns]
            here.rows.append([row[p] if p is not None and p < len(row) else None for p in places])


def _plain(checkout: Checkout, path: str, file: File) -> Iterator[tuple[str, pa.Table]]:
    """Tables of a CSV or of a ZIP of CSVs."""
    if file.form == "csv":
        name = file.table or PurePosixPath(path).stem
        yield name, _csv(_text(checkout, path, file), file, _declared(checkout, file, name))
        return
    with zipfile.ZipFile(io.BytesIO(checkout.read(path))) as archive:
        for inner in archive.namelist():
            name = PurePosixPath(inner).stem
            if inner.lower().endswith(".csv") and _wanted(name, file):
                text = archive.read(inner).decode(file.encoding, errors="replace")
                yield name, _csv(text, file, None)


def _declared(checkout: Checkout, file: File, table: str) -> sql.Dump | None:
    if not file.ddl:
        return None
    encoding = "utf-16" if checkout.read(file.ddl)[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return sql.read(checkout.read(file.ddl).decode(encoding)).get(table)


def _csv(text: str, file: File, declared: sql.Dump | None) -> pa.Table:
    """Text columns, unless a declaration gives names and types."""
    if len(file.delimiter) > 1 or file.ending != "\n":
        rows = [row.split(file.delimiter) for row in text.split(file.ending) if row.strip()]
    else:
        lines = io.StringIO(text)
        if declared:  # bulk files of SQL Server quote nothing
            reader = csv.reader(lines, delimiter=file.delimiter, quoting=csv.QUOTE_NONE)
        else:
            reader = csv.reader(lines, delimiter=file.delimiter)
        rows = [row for row in reader if row]
    if declared is None:
        head, rows = [name.strip() for name in rows[0]], rows[1:]
        declared = sql.Dump(head)
    width = len(declared.columns)
    kept: list[list[Any]] = [
        [cell if cell != "" else None for cell in row] for row in rows if len(row) == width
    ]
    dump = sql.Dump(declared.columns, declared.types, rows=kept)
    return typed(dump)


def _text(checkout: Checkout, path: str, file: File) -> str:
    return checkout.read(path).decode(file.encoding, errors="replace").lstrip("\ufeff")


def _wanted(name: str, file: File) -> bool:
    if file.only:
        return name in file.only
    return name not in file.skip
