"""The files under what the user named: in order, without hidden ones, following no link."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leftopen.errors import UsageError


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read; `name` is its path relative to what the user named."""

    path: Path
    name: str
    size: int


@dataclass(slots=True)
class Skipped:
    """What was passed over: counts, and the folders and files that could not be looked at."""

    hidden: int = 0
    links: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)


def find(arguments: Sequence[Path]) -> tuple[list[Found], Skipped]:
    """All regular files under the arguments; raises UsageError for one that does not exist.

    A link is followed only where it is an argument itself. With several arguments, names begin
    with the argument, so that two files never have one name.
    """
    skipped = Skipped()
    found: list[Found] = []
    for argument in dict.fromkeys(arguments):
        if not argument.exists():
            raise UsageError(f"{argument}: no such file or folder")
        if argument.is_dir():
            prefix = f"{argument.as_posix()}/" if len(arguments) > 1 else ""
            found += _under(argument, prefix, skipped)
        else:
            name = argument.as_posix() if len(arguments) > 1 else argument.name
            found += _file(argument, name, skipped)
    return found, skipped


def _under(folder: Path, prefix: str, skipped: Skipped) -> Iterator[Found]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        skipped.faults.append((prefix or ".", f"this folder cannot be read ({error.strerror})"))
        return
    for entry in entries:
        name = prefix + entry.name
        if entry.name.startswith("."):
            skipped.hidden += 1
        elif entry.is_symlink():
            skipped.links += 1
        elif entry.is_dir(follow_symlinks=False):
            yield from _under(Path(entry.path), name + "/", skipped)
        else:
            yield from _file(Path(entry.path), name, skipped)


def _file(path: Path, name: str, skipped: Skipped) -> Iterator[Found]:
    try:
        size = path.stat().st_size
    except OSError as error:
        skipped.faults.append((name, f"it cannot be read ({error.strerror})"))
        return
    if path.is_file():
        yield Found(path, name, size)
    else:
        skipped.faults.append((name, "it is no regular file"))
