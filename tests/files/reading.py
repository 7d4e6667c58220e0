"""What the readers make of a file, as plain Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leftopen.classify_files import _is_field_name
from leftopen.files import Item, Options, find, items

Tables = dict[str, list[dict[str, Any]]]


def read(path: Path, rows: int | None = None) -> tuple[dict[str, Item], dict[str, Tables]]:
    """By path: the items, and the rows of their tables."""
    told: dict[str, Item] = {}
    content: dict[str, Tables] = {}
    for found in find([path])[0]:
        for item in items(found, Options(rows, _is_field_name), lambda _: None):
            tables = content.setdefault(item.path, {})
            for table, batch in item.batches():
                tables.setdefault(table, []).extend(batch.to_pylist())
            told[item.path] = item
    return told, content


def one(path: Path) -> tuple[Item, Tables]:
    """The only item of a file."""
    told, content = read(path)
    assert len(told) == 1, list(told)
    (name,) = told
    return told[name], content[name]
