"""From templates of columns to labelled tables, each as many as three times.

told     the fields have names that tell, in the locale's language;
untold   they are called c1 … cn in a table t<number>; a column that values alone cannot decide
         has no label there, whatever is not personal keeps its label;
lied     the columns for which a misleading name makes sense have one; only those are labelled.

Values are the same in all three. The same seed makes the same tables.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bench.labelled.model import Label, Labelled
from bench.labelled.official import Maker

SIZES = (200, 300, 500, 1_000)


@dataclass(frozen=True, slots=True)
class Column:
    """A column before it has values. A dot in the name makes a field of a nested document.

    `speaks` where the values alone decide; `kind` and `also` as in Label; `sure` where the kind
    can be told without the name; `lie` is a misleading name; `bare` where nulls and blanks would
    make the values something else.
    """

    name: str
    make: Maker
    family: str = "none"
    kind: str = ""
    speaks: bool = False
    also: tuple[str, ...] = ()
    sure: bool = True
    lie: str = ""
    bare: bool = False

    def label(self, telling: bool) -> Label:
        """As it is labelled under a telling name or not."""
        kind = self.kind if telling or self.sure else ""
        return Label(self.family, kind, telling, self.also)


@dataclass(frozen=True, slots=True)
class Template:
    """A table before it has values; `style` says how names are written."""

    name: str
    columns: Sequence[Column]
    style: str = "snake"
    untold: bool = True


def styled(name: str, style: str) -> str:
    """A name as a schema of that style would have it."""
    head, dot, leaf = name.rpartition(".")
    if not leaf.isascii():
        return name
    parts = leaf.split("_")
    if style == "camel":
        leaf = parts[0] + "".join(part.capitalize() for part in parts[1:])
    elif style == "upper":
        leaf = leaf.upper()
    elif style == "joined":
        leaf = "".join(parts)
    elif style == "prefixed":
        leaf = f"f_{leaf}"
    return head + dot + leaf


def spoilt(values: list[Any], chance: random.Random, bare: bool) -> list[Any]:
    """With nulls, and where they are texts also blanks, spaces around and other letter case."""
    nulls = chance.choice((0.0, 0.0, 0.02, 0.1, 0.4))
    blanks = 0.0 if bare else chance.choice((0.0, 0.0, 0.01, 0.05))
    spaces = 0.0 if bare else chance.choice((0.0, 0.0, 0.02))
    made: list[Any] = []
    for value in values:
        if chance.random() < nulls:
            value = None
        elif isinstance(value, str):
            if chance.random() < blanks:
                value = ""
            elif chance.random() < spaces:
                value = f" {value} "
        made.append(value)
    return made


def tables(seed: int = 3) -> Iterator[Labelled]:
    """All labelled tables that the project makes itself."""
    from bench.labelled.templates import templates  # the templates are made of this module's parts

    for number, template in enumerate(templates()):
        yield from emissions(template, number, seed)


def emissions(template: Template, number: int, seed: int) -> Iterator[Labelled]:
    """The table with telling names, without, and with misleading ones."""
    chance = random.Random(f"{seed}/{number}/{template.name}")
    rows = chance.choice(SIZES)
    columns = template.columns
    values = [spoilt([c.make(chance) for _ in range(rows)], chance, c.bare) for c in columns]
    told = [styled(c.name, template.style) for c in columns]
    labels = [c.label(True) for c in columns]
    yield _table(
        template.name, told, values, dict(zip(map(_path, told, values), labels, strict=True))
    )
    if template.untold:
        bare = [f"c{n}" for n in range(1, len(columns) + 1)]
        yield _table(
            f"t{number}",
            bare,
            values,
            {
                _path(name, made): c.label(False)
                for name, made, c in zip(bare, values, columns, strict=True)
                if c.speaks or c.family == "none"
            },
        )
    if any(c.lie for c in columns):
        lied = [
            styled(c.lie, template.style) if c.lie else n
            for c, n in zip(columns, told, strict=True)
        ]
        yield _table(
            template.name,
            lied,
            values,
            {
                _path(name, made): c.label(False)
                for name, made, c in zip(lied, values, columns, strict=True)
                if c.lie
            },
        )


def _path(name: str, values: list[Any]) -> str:
    """How `classify` names the leaf: lists of numbers end in `[]`."""
    return f"{name}[]" if any(isinstance(value, list) for value in values) else name


def _table(
    name: str, names: list[str], values: list[list[Any]], labels: dict[str, Label]
) -> Labelled:
    if len(set(names)) != len(names):
        raise AssertionError(f"{name}: a field name stands twice in {names}")
    made: dict[str, pa.Array] = {}
    nested: dict[str, dict[str, pa.Array]] = {}
    for path, column in zip(names, values, strict=True):
        head, dot, leaf = path.partition(".")
        if dot:
            nested.setdefault(head, {})[leaf] = pa.array(column)
        else:
            made[path] = pa.array(column)
    for head, fields in nested.items():
        made[head] = pa.StructArray.from_arrays(list(fields.values()), list(fields))
    return Labelled(name, pa.table(made), labels)
