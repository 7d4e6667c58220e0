"""Public sample databases that nobody here wrote, labelled by hand.

`sources.toml` names them, `labels/` holds what each column is, and `python -m bench.real DIR
CHECKOUT…` builds their tables below DIR. The data stay out of the repository: where they are is
told by the environment variable LEFTOPEN_CORPUS.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from bench.labelled import Label, Labelled
from bench.real.sources import HERE, Labels, Split, databases

CORPUS = "LEFTOPEN_CORPUS"


def labels(database: str) -> Labels:
    """The labels of a database: family, or a list of the family and further right ones, by column,
    by table.
    """
    text = (HERE / "labels" / f"{database}.json").read_text(encoding="utf-8")
    loaded: Labels = json.loads(text)
    return loaded


def label(written: str | list[str]) -> Label:
    """A label as `labels/` writes it."""
    if isinstance(written, str):
        return Label(written)
    return Label(written[0], also=tuple(written[1:]))


def corpus() -> Path | None:
    """Where the built tables are, if the environment says so."""
    folder = os.environ.get(CORPUS)
    return Path(folder) if folder else None


def tables_of(database: str) -> Iterator[Labelled]:
    """The labelled tables of a database; raises `FileNotFoundError` without a corpus.

    A table's name is the one it has in its database, without the database's.
    """
    folder = corpus()
    if folder is None:
        raise FileNotFoundError(f"{CORPUS} names no directory")
    for name, columns in labels(database).items():
        table = pq.read_table(folder / database / f"{name}.parquet")
        yield Labelled(name, table, {column: label(it) for column, it in columns.items()})


def entries(split: Split | None = None) -> Iterator[tuple[str, Labelled]]:
    """Each database's name with each of its tables, of one half or of all."""
    for database in databases(split):
        for one in tables_of(database.name):
            yield database.name, one


def tables(split: Split | None = None) -> Iterator[Labelled]:
    """The labelled tables of one half, or of all."""
    for _, one in entries(split):
        yield one
