"""All templates, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator

from bench.labelled import domains, local, stock
from bench.labelled.build import Template


def templates() -> Iterator[Template]:
    """Customers of many locales, persons of many walks, things."""
    for part in (local, domains, stock):
        yield from part.templates()
