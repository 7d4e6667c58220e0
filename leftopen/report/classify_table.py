"""The result of `leftopen classify` for a terminal: readable without colour and at 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from leftopen.files.result import Classification, FamilyCount, FileResult, TableResult
from leftopen.model import FieldProfile
from leftopen.report import view, words
from leftopen.report.classify_view import families, personal
from leftopen.report.escape import plain

_NARROWEST, _WIDEST = 60, 130
_LONGEST_PATH = 60
_FIELDS = 60  # of one table; the rest is counted
_WIDE = 92  # characters from which there is room for the number of values
_ROOMY = 78  # from which the columns of all tables can be alike
_COLUMN = 18  # characters that a column takes in every table; more where one needs them
_TABLES = 200  # shown in full; the rest is counted
_NAMES = 6  # tables without personal data that are named
_FILES = 40  # files that something is to be said of


def render(result: Classification, console: Console, *, why: bool = False) -> str:
    """The report as text for this console; with `why` the evidence stands under each field."""
    with console.capture() as capture:
        width = max(_NARROWEST, min(console.width, _WIDEST))
        for part in _parts(result, why, width):
            # Names are text, never markup; long words break rather than run over the edge.
            console.print(part, width=width, highlight=False, markup=False, emoji=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _parts(result: Classification, why: bool, console_width: int) -> Iterator[RenderableType]:
    telling = [table for table in result.tables if personal(table)]
    widths = _widths(telling[:_TABLES])
    for table in telling[:_TABLES]:
        yield _table(table, widths, why, width=console_width)
    if len(telling) > _TABLES:
        more = view.count(len(telling) - _TABLES, "more table")
        yield _section("", [Text(f"and {more} with personal data; see --format json", "dim")])
    quiet = [table for table in result.tables if not personal(table)]
    if quiet:
        title = f"No personal data found in {view.count(len(quiet), 'table')}"
        yield _section(title, [_names(quiet)])
    told = [file for file in result.files if file.error]
    if told:
        yield _section("What went wrong", _troubles(told))
    yield _summary(result)


def _section(title: str, content: list[RenderableType]) -> RenderableType:
    body = Padding(Group(*content), (0, 0, 1, 2))
    return Group(Text(title, style="bold"), body) if title else body


def _table(table: TableResult, widths: tuple[int, ...], why: bool, *, width: int) -> RenderableType:
    roomy = width >= _ROOMY
    found = personal(table)
    rows = view.count(table.rows, "row")
    if not table.complete:
        rows = f"the first {rows}" if table.rows else "no row"
    about = f"{rows}, {len(found)} of {view.count(len(table.fields), 'field')} personal"
    title = Text.assemble((plain(table.name, 120), "bold"), f"  {about}")
    grid = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    for column, longest in zip(("Field", "Holds", "Kind"), widths, strict=True):
        grid.add_column(column, min_width=min(longest, _COLUMN if roomy else 8), overflow="fold")
    grid.add_column("Sure", justify="right", no_wrap=True)
    grid.add_column("Share", justify="right", no_wrap=True)
    if width >= _WIDE:
        grid.add_column("Values", justify="right", no_wrap=True)
    reasons: list[RenderableType] = []
    for field in found[:_FIELDS]:
        grid.add_row(*_cells(field)[: len(grid.columns)])
        if why:
            path = plain(field.path, _LONGEST_PATH)
            said = "; ".join(plain(text, 500) for text in field.evidence)
            reasons.append(Text.assemble((path, "bold"), f": {said}"))
    content: list[RenderableType] = [grid]
    if len(found) > _FIELDS:
        content.append(Text(f"and {view.count(len(found) - _FIELDS, 'more field')}", style="dim"))
    if reasons:
        content += [Text(""), Text("Why", style="dim"), *reasons]
    return Group(title, Padding(Group(*content), (0, 0, 1, 2)))


def _widths(tables: list[TableResult]) -> tuple[int, ...]:
    """How wide the first three columns are, so that they stand alike in all tables."""
    rows = [_cells(field)[:3] for table in tables for field in personal(table)[:_FIELDS]]
    return tuple(max(cell.cell_len for cell in column) for column in zip(*rows, strict=True))


def _cells(field: FieldProfile) -> tuple[Text, ...]:
    mark = "*" if view.law(field) else ""
    return (
        Text(plain(field.path, _LONGEST_PATH) + mark, style="bold" if mark else ""),
        Text(words.family(field.family)),
        Text(field.kind, style="dim"),
        Text(f"{field.confidence:.2f}"),
        Text(_share(field)),
        Text(view.number(field.values)),
    )


def _share(field: FieldProfile) -> str:
    """Whole per cent, but never 0 or 100 where it is not quite that; a name alone has no share."""
    if not field.values:
        return "–"
    if 0 < field.share < 0.01:
        return "<1 %"
    return f"{99 if 0.99 < field.share < 1 else round(field.share * 100)} %"


def _names(tables: list[TableResult]) -> Text:
    names = [plain(table.name, 60) for table in tables[:_NAMES]]
    more = f", and {len(tables) - _NAMES} more" if len(tables) > _NAMES else ""
    return Text(", ".join(names) + more)


def _troubles(files: list[FileResult]) -> list[RenderableType]:
    shown: list[RenderableType] = [
        Text.assemble((plain(file.path, 120), "bold"), f": {plain(file.error or '', 500)}")
        for file in files[:_FILES]
    ]
    if len(files) > _FILES:
        shown.append(Text(f"and {view.count(len(files) - _FILES, 'more file')}", style="dim"))
    return shown


def _summary(result: Classification) -> RenderableType:
    found = families(result)
    fields = [field for table in result.tables for field in table.fields]
    told = [field for field in fields if view.is_personal(field)]
    holding = sum(bool(personal(table)) for table in result.tables)
    if told:
        first = (
            f"{view.count(len(told), 'field')} with personal data in "
            f"{view.count(holding, 'table')}."
        )
    else:
        first = "No personal data was found."
    special = [one for one in found if one.special or one.family == "criminal"]
    rows = Table.grid(padding=(0, 2, 0, 0), expand=False)
    rows.add_column(width=9, no_wrap=True, style="dim")
    rows.add_column(overflow="fold")
    if special:
        rows.add_row(Text("Special*"), Text(_counted(special), style="bold"))
    others = [one for one in found if one not in special]
    if others:
        rows.add_row(Text("Also" if special else "Holds"), Text(_counted(others)))
    rows.add_row(Text("Read"), Text(_read(result, len(fields))))
    skipped = _skipped(result)
    if skipped:
        rows.add_row(Text("Skipped"), Text(skipped))
    rows.add_row(Text("End"), Text(_end(result)))
    parts: list[RenderableType] = [Text(first, style="bold"), Padding(rows, (0, 0, 0, 2))]
    if special:
        parts.append(Text("* specially guarded: GDPR Art. 9 (special) or Art. 10", style="dim"))
    return Group(*parts)


def _counted(found: list[FamilyCount]) -> str:
    return ", ".join(f"{words.family(one.family)} ({one.fields})" for one in found)


def _read(result: Classification, fields: int) -> str:
    done = [f for f in result.files if f.format not in (None, "zip", "tar")]
    rows = view.count(sum(table.rows for table in result.tables), "row")
    return (
        f"{view.count(len(done), 'file')}, {view.count(len(result.tables), 'table')}, "
        f"{view.count(fields, 'field')}, {rows}"
    )


def _skipped(result: Classification) -> str:
    told = []
    if result.hidden:
        told.append(f"{result.hidden} hidden")
    if result.links:
        told.append(view.count(result.links, "link"))
    return ", ".join(told)


def _end(result: Classification) -> str:
    if result.stopped:
        left = f"; {view.count(result.left, 'file')} not begun" if result.left else ""
        return f"stopped before the end{left}"
    bad = [file for file in result.files if not file.complete and not file.limited]
    if bad:
        return f"not complete: {view.count(len(bad), 'file')} not read, or only in part"
    if any(file.limited for file in result.files):
        return "as far as --rows allowed; there are more rows"
    return "complete: every row was looked at"
