"""Live progress of `leftopen classify` on a terminal: bytes read of all, and the file now read."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from leftopen.report import plain

_EVERY = 1 << 20  # bytes between two updates


class ReadingBar:
    """Draws on the console given (standard error); use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(binary_units=True),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._held = 0

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

    def begin(self, name: str, total: int) -> None:
        self._bar.update(self._task, description=str(Text(plain(name, 40))), total=total)

    def read(self, count: int) -> None:
        """Of files that are read back and forth, such as Parquet, some bytes count twice."""
        self._held += count
        if self._held >= _EVERY:
            self._bar.advance(self._task, self._held)
            self._held = 0
