"""What `leftopen classify` found: plain types without a value in them, for the reports."""

from __future__ import annotations

from dataclasses import dataclass

from leftopen.model import FieldProfile


@dataclass(frozen=True, slots=True)
class FileResult:
    """One file, or member of an archive (`a.zip!b.csv`).

    `format` is None where it was not read at all. `complete` is False where something in it was
    not looked at; `limited` where that was wished (`--rows`). `error` is one line without a value.
    """

    path: str
    format: str | None
    compression: tuple[str, ...]
    encoding: str | None
    delimiter: str | None
    complete: bool
    limited: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class TableResult:
    """One table: its name, how many of its rows were looked at, what its fields hold."""

    name: str
    rows: int
    complete: bool
    fields: tuple[FieldProfile, ...]


@dataclass(frozen=True, slots=True)
class FamilyCount:
    """How many fields, in how many tables, hold a family of personal data."""

    family: str
    special: bool
    fields: int
    tables: int


@dataclass(frozen=True, slots=True)
class Classification:
    """Everything that was found. `stopped` after Ctrl-C, with `left` files not begun.

    `hidden` and `links` are files and folders passed over in the folders that were read.
    """

    version: str
    files: tuple[FileResult, ...]
    tables: tuple[TableResult, ...]
    hidden: int = 0
    links: int = 0
    stopped: bool = False
    left: int = 0

    @property
    def complete(self) -> bool:
        """Whether everything wished for was read."""
        return not self.stopped and all(file.complete or file.limited for file in self.files)

    @property
    def nothing_read(self) -> bool:
        """Whether there is not one file that could be read."""
        return all(file.format is None for file in self.files)
