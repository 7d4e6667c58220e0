"""The catalogue of data kinds for reading: `leftopen kinds`, and docs/kinds.md made from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leftopen.classifier.catalogue import KINDS, Kind
from leftopen.errors import UsageError

_LAW = {
    "none": "",
    "art9": "GDPR Art. 9",
    "art10": "GDPR Art. 10",
    "pipl28": "PIPL Art. 28",
}
_BESIDE = {
    "": "",
    "person": "a person must be near",
    "someone": "less sure where no person is near",
    "position": "surer where a person is near, none beside things",
    "face": "face words or a person must be near",
    "text": "in records of persons",
    "spread": "dates must spread over a lifetime beside a person",
}


def listed(family: str = "") -> tuple[Kind, ...]:
    """The kinds of one family, or all, by family; raises UsageError for a family nobody knows."""
    found = tuple(kind for kind in KINDS if family in ("", kind.family))
    if not found:
        known = ", ".join(sorted({kind.family for kind in KINDS}))
        raise UsageError(f"no family is called {family!r}; there are {known}")
    order = {name: number for number, name in enumerate(dict.fromkeys(k.family for k in KINDS))}
    return tuple(sorted(found, key=lambda kind: order[kind.family]))


def as_table(kinds: Iterable[Kind]) -> Group:
    """For the terminal: a table for each family."""
    parts: list[RenderableType] = []
    for family, members in groupby(kinds, key=lambda kind: kind.family):
        some = tuple(members)
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True, style="cyan")
        table.add_column(overflow="fold")
        for kind in some:
            table.add_row(kind.id, _values(kind))
        law = _LAW[some[0].category]
        title = Text(family.replace("_", " "), style="bold")
        parts += [title.append(f"  {law}" if law else "", style="red"), table, Text()]
    return Group(*parts)


def as_json(kinds: Iterable[Kind]) -> str:
    """One object a kind, with what the catalogue says of it."""
    keys = {"id", "family", "category", "dpv", "says", "types", "words", "chance", "beside"}
    whole = [kind.model_dump(include=keys) | {"special": kind.special} for kind in kinds]
    return json.dumps({"kinds": whole}, ensure_ascii=False, indent=2)


def as_markdown(kinds: Iterable[Kind]) -> str:
    """The page docs/kinds.md."""
    return "\n".join(_page(tuple(kinds))) + "\n"


def _page(kinds: tuple[Kind, ...]) -> Iterator[str]:
    families = len({kind.family for kind in kinds})
    yield "# Kinds of personal data"
    yield ""
    yield "Made from the catalogue by `leftopen kinds --format markdown`; `make check` compares."
    yield f"{len(kinds)} kinds in {families} families. *Values* says what the values of a kind are,"
    yield "and how often others pass by chance; *names in* the languages of field names known;"
    yield "*needs* what must stand beside the field."
    for family, members in groupby(kinds, key=lambda kind: kind.family):
        some = tuple(members)
        special = ", GDPR Art. 9" if some[0].special else ""
        yield ""
        yield f"## {family.replace('_', ' ')}{special}"
        yield ""
        yield "| Kind | Law | DPV | Values | Names in | Needs |"
        yield "|---|---|---|---|---|---|"
        for kind in some:
            cells = (
                f"`{kind.id}`", _LAW[kind.category], kind.dpv or "", _values(kind),
                _languages(kind), _BESIDE[kind.beside],
            )  # fmt: skip
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _values(kind: Kind) -> str:
    """What the values are; how often chance makes one, where a checksum is computed."""
    if not kind.evidenced:
        return "by name only"
    often = f"; 1 in {round(1 / kind.chance):,} by chance" if kind.check else ""
    alone = "" if kind.alone else "; with a telling name"
    return f"{kind.says}{often}{alone}"


def _languages(kind: Kind) -> str:
    return " ".join(sorted(kind.words)) or (f"as {kind.like}" if kind.like else "")
