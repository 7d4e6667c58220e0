"""Live progress on a terminal: what is found as it is found, and one line of where the scan is."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from leftopen.model import Service, Verdict
from leftopen.progress import (
    CollectionRead,
    Event,
    ExposureRated,
    PeopleCounted,
    ProfileStarted,
    ServiceJudged,
    SweepProgress,
    TargetFound,
)
from leftopen.report.figures import amount

_STYLES = {
    Verdict.OPEN: "bold red",
    Verdict.OPEN_PARTIAL: "red",
    Verdict.PASSWORDLESS: "bold red",
    Verdict.AUTH_REQUIRED: "green",
    Verdict.ACL_CLOSED: "green",
}


class _SinceStart(ProgressColumn):
    """Seconds since the scan began; a bar that is full must not look as if time stood still."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()

    def render(self, task: Task) -> Text:
        return Text(f"{time.monotonic() - self._began:.0f} s", style="dim")


class TerminalListener:
    """Draws on the console given (standard error); use as a context manager.

    Everything shown is an address, a number or leftopen's own word: no server's text comes here.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}"),
            _SinceStart(),
            console=console,
            transient=True,
        )
        self._sweep: TaskID | None = None
        self._reading: dict[str, TaskID] = {}
        self._answering = self._judged = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def on(self, event: Event) -> None:
        match event:
            case SweepProgress(done=done, total=total):
                self._update_sweep(done, total)
            case TargetFound():
                self._answering += 1
                self._update_sweep()
            case ServiceJudged(service=service):
                self._judged += 1
                self._update_sweep()
                self._console.print(_line(service), highlight=False)
            case ProfileStarted(service=service):
                where = str(service.target)
                self._reading[where] = self._bar.add_task(f"reading {where}", total=None, note="")
            case CollectionRead(target=target, done=done, total=total):
                if (task := self._reading.get(str(target))) is not None:
                    note = f"{done} of {total} collections"
                    self._bar.update(task, total=total, completed=done, note=note)
            case ExposureRated(exposure=exposure):
                task = self._reading.pop(str(exposure.service.target), None)
                if task is not None:
                    self._bar.remove_task(task)
            case PeopleCounted(people=people):
                self._console.print(f"  in all: {amount(people)}", highlight=False)
            case _:
                pass

    def _update_sweep(self, done: int | None = None, total: int | None = None) -> None:
        if self._sweep is None:
            self._sweep = self._bar.add_task("looking", total=None, note="")
        note = f"{self._answering} answering, {self._judged} judged"
        self._bar.update(self._sweep, completed=done, total=total, note=note)


def _line(service: Service) -> str:
    style = _STYLES.get(service.verdict, "dim")
    name = service.engine or "–"
    where = str(service.target).replace("[", r"\[")
    return f"  {where:<24} {name:<14} [{style}]{service.verdict}[/]"
