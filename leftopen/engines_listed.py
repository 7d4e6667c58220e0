"""The engines for reading: `leftopen engines`, and docs/engines.md made from them."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text

from leftopen.engine import Engine, Speaks
from leftopen.knowledge import CountsBetween, KnowsFields, Marks, StreamsFields, TellsSince

_VERIFIED = {
    "real": "a real server",
    "scripted": "scripted answers only",
}
_SPEAKS = {
    Speaks.HTTP: "HTTP",
    Speaks.GREETS: "the server speaks first",
    Speaks.ANSWERS: "the client speaks first",
}

_TELLS = (
    ("how many different values fields have", KnowsFields),
    ("records in a range of time", CountsBetween),
    ("whether something was written", Marks),
    ("since when it runs or holds data", TellsSince),
    ("with --deep, single fields of all records", StreamsFields),
)


def tells(engine: Engine) -> list[str]:
    """What its servers are asked beside their records, where they can tell it gently."""
    return [what for what, protocol in _TELLS if isinstance(engine, protocol)]


def exchange(engine: Engine) -> str:
    """What the engine's own text says of its exchange: what proves what, and the source."""
    module = sys.modules[type(engine).__module__]
    return inspect.cleandoc(module.__doc__ or "")


def as_table(engines: Iterable[Engine]) -> Table:
    """For the terminal."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("Engine", "Ports", "Verified against", "What is read for the profile"):
        table.add_column(title, no_wrap=title == "Engine", overflow="fold")
    for engine in engines:
        style = "" if engine.verified == "real" else "yellow"
        table.add_row(
            Text(engine.name, style="cyan"),
            Text(_ports(engine)),
            Text(_VERIFIED[engine.verified], style=style),
            Text(engine.reads),
        )
    return table


def as_json(engines: Iterable[Engine]) -> str:
    """One object an engine."""
    whole = [
        {
            "name": engine.name,
            "ports": list(engine.ports),
            "speaks": engine.speaks.value,
            "verified": engine.verified,
            "reads": engine.reads,
            "tells": tells(engine),
            "requests": sorted(engine.requests),
            "exchange": exchange(engine),
        }
        for engine in engines
    ]
    return json.dumps({"engines": whole}, ensure_ascii=False, indent=2) + "\n"


def as_markdown(engines: Iterable[Engine]) -> str:
    """The page docs/engines.md."""
    return "\n".join(_page(tuple(engines))) + "\n"


def _page(engines: tuple[Engine, ...]) -> Iterator[str]:
    real = sum(engine.verified == "real" for engine in engines)
    yield "# Engines"
    yield ""
    yield "Made from the code by `leftopen engines --format markdown`; `make check` compares."
    yield f"{len(engines)} engines: {real} are tested against real servers, the others against"
    yield "scripted answers made from the vendor's documentation, which every report that rests on"
    yield "one of them says. Nothing but the requests that are listed can be sent."
    yield ""
    yield "| Engine | Ports | Verified against | What is read for the profile |"
    yield "|---|---|---|---|"
    for engine in engines:
        cells = (f"[{engine.name}](#{engine.name})", _ports(engine), _VERIFIED[engine.verified])
        yield "| " + " | ".join((*cells, engine.reads.replace("|", "\\|"))) + " |"
    for engine in engines:
        yield ""
        yield f"## {engine.name}"
        yield ""
        yield f"Ports {_ports(engine)}; {_SPEAKS[engine.speaks]}. Verified against"
        yield f"{_VERIFIED[engine.verified]}. Requests:"
        yield ", ".join(f"`{name}`" for name in sorted(engine.requests)) + "."
        yield ""
        yield f"Asked besides: {'; '.join(tells(engine)) or 'nothing'}."
        yield ""
        yield "```text"
        yield exchange(engine)
        yield "```"


def _ports(engine: Engine) -> str:
    return ", ".join(map(str, engine.ports))
