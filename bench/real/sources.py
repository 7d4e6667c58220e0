"""What the corpus is made of (`sources.toml`), and its files out of local git checkouts."""

from __future__ import annotations

import fnmatch
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

HERE = Path(__file__).parent
Split = Literal["tune", "held"]


class File(BaseModel):
    """Files, by path or shell pattern, and how tables are read from them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    paths: tuple[str, ...]
    form: Literal["sql", "csv", "zip"] = "sql"
    encoding: str = "utf-8"
    delimiter: str = ","
    ending: str = "\n"  # of a row, where it is something else
    table: str = ""  # of a CSV; else the file's name
    ddl: str = ""  # a file with CREATE TABLE statements: names and types for CSVs without a header
    only: tuple[str, ...] = ()  # tables to take; all, if empty
    skip: tuple[str, ...] = ()  # tables to leave


class Database(BaseModel):
    """One public sample database at one commit of its repository."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    split: Split
    repository: str  # owner/name on GitHub
    commit: str
    licence: str
    about: str
    language: str  # of the field names
    file: tuple[File, ...]


def databases(split: Split | None = None) -> tuple[Database, ...]:
    """The databases of a half, or all of them, in the order of the file."""
    with (HERE / "sources.toml").open("rb") as file:
        every = tuple(Database.model_validate(one) for one in tomllib.load(file)["database"])
    return tuple(one for one in every if split in (None, one.split))


class Checkout:
    """One commit in a git directory; no work tree is needed."""

    def __init__(self, git_dir: Path, commit: str) -> None:
        self.git_dir, self.commit = git_dir, commit

    @classmethod
    def find(cls, database: Database, git_dirs: Iterable[Path]) -> Checkout | None:
        """The first directory that has the database's commit."""
        for git_dir in git_dirs:
            one = cls(git_dir, database.commit)
            if one._has():
                return one
        return None

    def paths(self, file: File) -> list[str]:
        """The paths of a file's entry, its patterns filled in."""
        return [path for pattern in file.paths for path in self._matching(pattern)]

    def _matching(self, pattern: str) -> list[str]:
        if not any(mark in pattern for mark in "*?["):
            return [pattern]
        every = self._git("ls-tree", "-r", "--name-only", "-z", self.commit).decode("utf-8")
        return sorted(fnmatch.filter(every.split("\0"), pattern))

    def read(self, path: str) -> bytes:
        """A file's bytes; raises `FileNotFoundError` where the checkout does not hold it."""
        try:
            return self._git("show", f"{self.commit}:{path}")
        except subprocess.CalledProcessError as error:
            raise FileNotFoundError(f"{path} is not in {self.git_dir}") from error

    def _has(self) -> bool:
        try:
            self._git("cat-file", "-e", f"{self.commit}^{{commit}}")
        except subprocess.CalledProcessError:
            return False
        return True

    def _git(self, *words: str) -> bytes:
        command = ["git", "--git-dir", str(self.git_dir), *words]
        return subprocess.run(command, check=True, capture_output=True).stdout


Labels = Mapping[str, Mapping[str, str | list[str]]]
