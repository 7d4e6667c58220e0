"""The report for a terminal: readable without colour and at 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from leftopen.model import Band, CollectionProfile, Exposure, Run, Service
from leftopen.report import figures, view, words
from leftopen.report.escape import plain

_NARROWEST, _WIDEST = 60, 130
_COLLECTIONS = 12  # of one exposure; the rest is counted
_FIELDS = 5  # of one collection
_OTHERS = 60  # services that are no finding
_ERRORS = 20
_LONGEST_PATH = 32

_STYLES: dict[Band, str] = {
    "low": "bold cyan",
    "medium": "bold yellow",
    "high": "bold red",
    "very_high": "bold white on red",
}


def render(run: Run, console: Console) -> str:
    """The report as text for this console: its width, its colours if it has any."""
    with console.capture() as capture:
        width = max(_NARROWEST, min(console.width, _WIDEST))
        for part in _parts(run):
            # Names are text, never markup; long words break rather than run over the edge.
            console.print(part, width=width, highlight=False, markup=False, emoji=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _parts(run: Run) -> Iterator[RenderableType]:
    for exposure in view.findings(run):
        yield _finding(exposure, run)
    left = view.unread(run)
    if left:
        yield _section("Open, but not read before the run ended", _services(left))
    others = view.others(run)
    if others:
        note = _more(len(others) - _OTHERS, "service")
        yield _section("Other services", _services(others[:_OTHERS]), *note)
    if run.errors:
        note = _more(len(run.errors) - _ERRORS, "error")
        yield _section("What went wrong", _errors(run), *note)
    yield _summary(run)


def _section(title: str, *content: RenderableType) -> RenderableType:
    return Group(Text(title, style="bold"), Padding(Group(*content), (0, 0, 1, 2)))


def _more(number: int, noun: str) -> list[Text]:
    return [Text(f"and {view.count(number, f'more {noun}')}", style="dim")] if number > 0 else []


def _finding(exposure: Exposure, run: Run) -> RenderableType:
    service, severity = exposure.service, exposure.assessment.severity
    style = _STYLES[severity.band]
    badge = words.BANDS[severity.band].upper()
    title = Text.assemble(
        (f" {badge} " if " on " in style else badge, style),
        "  ",
        (plain(view.what(service)), "bold"),
        f" at {plain(view.where(service))}  ",
        (str(service.verdict), "bold"),
        f" from {service.vantage}",
    )
    told = [view.sentence(plain(service.reason, 500)), words.VANTAGES[service.vantage]]
    if service.can_write == "yes":
        told.append(words.CAN_WRITE["yes"])
    told += [plain(text, 500) for text in (view.owner_hints(service), view.verification(service))]
    holds = _grid()
    holds.add_row(Text("Holds"), _kinds(exposure))
    for label, line in figures.lines(exposure, run):
        holds.add_row(Text(label), Text(plain(line, 1_000)))
    scores = _grid()
    score = f"{view.formula(severity)}, {words.BANDS[severity.band]}"
    scores.add_row(Text("SE"), Text(score, style="bold"))
    last = ""
    for label, sentence in view.reasons(severity):
        scores.add_row(Text("" if label == last else label), Text(plain(sentence, 1_000)))
        last = label
    if severity.flags:
        scores.add_row(Text("Flags"), Text(", ".join(severity.flags)))
    asked = f"{view.count(len(service.requests), 'kind')} of request sent, "
    scores.add_row(Text("Cost"), Text(f"{asked}{view.size(service.bytes_read)} read"))
    signs = [Text(plain(sign), style="bold yellow") for sign in view.tampering(exposure)]
    parts = [
        Text(" ".join(filter(None, told))),
        *signs,
        Text(""),
        holds,
        *_collections(exposure),
        Text(""),
        scores,
    ]
    return Group(title, Padding(Group(*parts), (0, 0, 0, 2)), Rule(style="dim", characters="─"))


def _grid() -> Table:
    """Rows of a label and a text. Cells are Text: a plain string would be searched for emoji."""
    grid = Table.grid(padding=(0, 2, 0, 0), expand=False)
    grid.add_column(width=7, no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    return grid


def _kinds(exposure: Exposure) -> Text:
    kinds = view.kinds(exposure)
    if not kinds:
        return Text("no personal data was found")
    text = Text()
    for number, kind in enumerate(kinds):
        label = plain(kind.label)
        text.append(f"{label}*" if kind.law else label, style="bold" if kind.law else "")
        if number < len(kinds) - 1:
            text.append(", ")
    return text


def _collections(exposure: Exposure) -> list[RenderableType]:
    found = view.collections(exposure)
    if not found:
        return []
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim", expand=True)
    table.add_column("Collection", ratio=3, overflow="fold")
    table.add_column("Records", justify="right", no_wrap=True)
    table.add_column("Size", justify="right", no_wrap=True)
    table.add_column("Fields that tell", ratio=4, overflow="fold")
    for collection in found[:_COLLECTIONS]:
        table.add_row(
            Text(plain(collection.name, 80)),
            Text(view.records(collection)),
            Text(view.size(collection.bytes)),
            _fields(collection),
        )
    notes: list[RenderableType] = [Text("")]
    notes.append(table)
    notes += _more(len(found) - _COLLECTIONS, "collection")
    if any(kind.law for kind in view.kinds(exposure)):
        notes.append(Text("* specially guarded: GDPR Art. 9 (special) or Art. 10", style="dim"))
    return notes


def _fields(collection: CollectionProfile) -> Text:
    told = view.telling(collection)
    if not told:
        return Text("–", style="dim")
    text = Text()
    for number, field in enumerate(told[:_FIELDS]):
        path = plain(field.path, _LONGEST_PATH)
        text.append(", " if number else "")
        text.append(f"{path}*" if view.law(field) else path)
    if len(told) > _FIELDS:
        text.append(f", and {len(told) - _FIELDS} more", style="dim")
    return text


def _services(services: Sequence[Service]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    table.add_column("Where", overflow="fold")
    table.add_column("What", overflow="fold")
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Why", overflow="fold")
    for service in services:
        table.add_row(
            Text(plain(view.where(service))),
            Text(plain(view.what(service)) or "–"),
            Text(str(service.verdict)),
            Text(plain(view.why(service), 500)),
        )
    return table


def _errors(run: Run) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    for title in ("Where", "Stage", "Class", "Code"):
        table.add_column(title, overflow="fold")
    for error in run.errors[:_ERRORS]:
        cells = (f"{error.address}:{error.port}", str(error.stage), error.class_, error.code)
        table.add_row(*(Text(plain(cell)) for cell in cells))
    return table


def _summary(run: Run) -> RenderableType:
    band = view.worst(run)
    first = Text(view.headline(run), style="bold")
    if band:
        first.append(f" {view.worst_told(run)} of {words.BANDS[band]} severity.")
    looked = f"{view.count(run.targets, 'target')} tried, "
    told = {
        "Run": f"{plain(run.id)}, leftopen {plain(run.version)} on {plain(run.host)}",
        "When": f"{view.moment(run.started)}, {'took ' * bool(run.finished)}{view.duration(run)}",
        "Scope": _scope(run),
        "Looked": f"{looked}{view.count(len(run.services), 'service')} judged",
        "End": "complete" if run.complete else f"not complete; go on with: {view.go_on(run)}",
    }
    rows = _grid()
    for label, text in told.items():
        rows.add_row(Text(label), Text(text))
    in_all = [Text(plain(line, 1_000)) for line in figures.in_all(run)]
    return Group(first, *in_all, Padding(rows, (0, 0, 0, 2)))


def _scope(run: Run) -> str:
    owner, reference = run.scope.get("owner"), run.scope.get("reference")
    told = [f"of {plain(owner)}"] if owner else []
    if reference:
        told.append(f"reference {plain(reference)}")
    return ", ".join(told) or "not stated"
