"""`leftopen classify`: the owner's files through the readers and the classifier, to a result.

One collection for each table. Values are counted as they come and never kept; names that come out
of a file go through `stand_in`, for they may be personal data themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

from leftopen import __version__, exitcode, sample
from leftopen.classifier import Profiler, names, stand_in
from leftopen.files import Found, Item, Options, find, items
from leftopen.files.result import Classification, FileResult, TableResult
from leftopen.model import FieldProfile
from leftopen.reading_bar import ReadingBar
from leftopen.report import classify_json, classify_table

_OPENED = 4_096  # JSON texts that are opened together
_ONE_TABLE = frozenset({"csv", "parquet", "arrow", "arrow stream", "bson", "jsonl"})


class Watcher(Protocol):
    """Told how the reading goes on."""

    def begin(self, name: str, total: int) -> None:
        """The file that is read now, and the bytes of all files together."""

    def read(self, count: int) -> None:
        """So many bytes more were read from the disk."""


class Nobody:
    """The watcher that shows nothing."""

    def begin(self, name: str, total: int) -> None:
        pass

    def read(self, count: int) -> None:
        pass


def classify_files(
    paths: Sequence[Path], *, rows: int | None = None, watcher: Watcher | None = None
) -> Classification:
    """What the tables in these files and folders hold.

    `rows` ends the reading of each table early. Ctrl-C ends it, too: what was read is given, marked
    as incomplete. Raises UsageError for a path that does not exist.
    """
    found, skipped = find(paths)
    watcher = watcher or Nobody()
    work = _Work(Options(rows, _is_field_name), watcher.read)
    for path, reason in skipped.faults:
        work.files.append(_unread(path, reason))
    total, begun = sum(file.size for file in found), 0
    stopped = False
    try:
        for file in found:
            begun += 1
            watcher.begin(file.name, total)
            work.read(file)
    except KeyboardInterrupt:
        stopped = True
    return Classification(
        version=__version__,
        files=tuple(work.files),
        tables=tuple(work.tables),
        hidden=skipped.hidden,
        links=skipped.links,
        stopped=stopped,
        left=len(found) - begun,
    )


def with_progress(paths: Sequence[Path], rows: int | None, console: Console) -> Classification:
    """The same with a bar on the console, if that is a terminal."""
    if not console.is_terminal:
        return classify_files(paths, rows=rows)
    with ReadingBar(console) as bar:
        return classify_files(paths, rows=rows, watcher=bar)


def rendered(result: Classification, format: str, console: Console, *, why: bool) -> str:
    """The report in a format: `table` or `json`."""
    if format == "json":
        return classify_json.render(result)
    return classify_table.render(result, console, why=why)


def exit_code(result: Classification) -> int:
    """0 all was read, whatever it holds · 1 nothing could be read · 4 something could not."""
    if result.nothing_read:
        return exitcode.INCOMPLETE if result.stopped else exitcode.ERROR
    return exitcode.OK if result.complete else exitcode.INCOMPLETE


class _Work:
    """The files and tables done so far."""

    def __init__(self, options: Options, watch: Callable[[int], None]) -> None:
        self._options, self._watch = options, watch
        self.files: list[FileResult] = []
        self.tables: list[TableResult] = []

    def read(self, found: Found) -> None:
        """Every item of the file; each is told of, however its reading ends."""
        for item in items(found, self._options, self._watch):
            reading = _Reading(item, self._options.rows)
            try:
                reading.run()
            except KeyboardInterrupt:
                item.fault("stopped before its end")
                raise
            finally:
                self.files.append(_told(item, limited=bool(reading.limited)))
                self.tables += reading.results()


class _Reading:
    """One item's tables, each with its profiler."""

    def __init__(self, item: Item, wanted: int | None) -> None:
        self._item, self._wanted = item, wanted
        self._rows: dict[str, int] = {}
        self._profilers: dict[str, Profiler] = {}
        self.limited: set[str] = set()

    def run(self) -> None:
        for table, batch in self._item.batches():
            taken = self._rows.setdefault(table, 0)
            room = batch.num_rows if self._wanted is None else self._wanted - taken
            if room < batch.num_rows:
                self.limited.add(table)
                batch = batch.slice(0, max(0, room))
            profiler = self._profilers.get(table)
            if profiler is None:
                name = f"{self._item.stem}.{table}" if table else self._item.stem
                profiler = self._profilers[table] = Profiler(name)
            if batch.num_rows or not taken:
                try:
                    _count(profiler, batch)
                except Exception as error:  # a fault of ours must not keep back other files
                    told = f"{type(error).__name__}; please report it"
                    self._item.fault(f"a fault in leftopen ended the reading ({told})")
                    break
            self._rows[table] = taken + batch.num_rows
            if self.limited and self._item.format in _ONE_TABLE:
                break

    def results(self) -> list[TableResult]:
        path = shown(self._item.path)
        complete = self._item.complete
        return [
            TableResult(
                name=f"{path}:{stand_in(table)}" if table else path,
                rows=self._rows[table],
                complete=complete and table not in self.limited,
                fields=_generalised(profiler.finish().fields.values()),
            )
            for table, profiler in self._profilers.items()
        ]


def shown(path: str) -> str:
    """The path with the names inside archives made safe; that on the disk is the owner's own."""
    outer, *members = path.split("!")
    return "!".join([outer, *map(stand_in, members)])


def _count(profiler: Profiler, batch: pa.RecordBatch) -> None:
    """Counts a batch; JSON inside text columns is opened under the same path."""
    columns = list(batch.columns)
    for at, column in enumerate(columns):
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            continue
        mask = pc.or_(pc.starts_with(column, "{"), pc.starts_with(column, "["))
        if not pc.any(mask).as_py():
            continue
        name = batch.schema.names[at]
        texts = column.filter(mask)
        for start in range(0, len(texts), _OPENED):
            some = texts.slice(start, _OPENED).to_pylist()
            opened = sample.documents({name: text} for text in some)
            profiler.update(opened)
        columns[at] = pc.if_else(mask, pa.scalar(None, column.type), column)
    profiler.update(pa.RecordBatch.from_arrays(columns, names=batch.schema.names))


def _generalised(fields: Iterable[FieldProfile]) -> tuple[FieldProfile, ...]:
    """The fields under paths that hold no person's data; paths that become alike count once."""
    kept: dict[str, FieldProfile] = {}
    for field in fields:
        path = stand_in(field.path)
        known = kept.get(path)
        if known is None or field.confidence > known.confidence:
            kept[path] = replace(field, path=path)
    return tuple(kept.values())


@cache
def _is_field_name(word: str) -> bool:
    """Whether fields that hold personal data are called so, in any language of the catalogue."""
    reading = names.read(word)
    return bool(reading.namings or reading.negated or reading.carrier)


def _told(item: Item, *, limited: bool) -> FileResult:
    unread = item.unread
    return FileResult(
        path=shown(item.path),
        format=None if unread else item.format,
        compression=tuple(item.compression),
        encoding=None if unread else item.encoding,
        delimiter=item.delimiter,
        complete=item.complete and not limited,
        limited=limited and item.complete,
        error=item.error,
    )


def _unread(path: str, reason: str) -> FileResult:
    return FileResult(path, None, (), None, None, complete=False, limited=False, error=reason)
