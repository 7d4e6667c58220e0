"""One file per engine, found by looking into this folder and the entry points of others."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from leftopen.engine import Engine
from leftopen.errors import UsageError


@cache
def all_engines() -> dict[str, Engine]:
    """Every engine by its name, in order of name.

    A module in this folder, or an entry point of the group `leftopen.engines`, gives its engine as
    `ENGINE`. Raises UsageError where one is no Engine.
    """
    found: dict[str, Engine] = {}
    modules = [
        import_module(f"{__name__}.{module.name}").ENGINE
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    ]
    others = [entry.load() for entry in entry_points(group="leftopen.engines")]
    for engine in [*modules, *others]:
        if not isinstance(engine, Engine):
            raise UsageError(f"{engine!r} is no engine; see leftopen.engine.Engine")
        found[engine.name] = engine
    return dict(sorted(found.items()))


def choose(names: list[str] | None) -> dict[str, Engine]:
    """The engines of these names, or all; raises UsageError for an unknown name."""
    known = all_engines()
    if not names:
        return known
    for name in names:
        if name not in known:
            raise UsageError(f"unknown engine {name!r}; known are {', '.join(known)}")
    return {name: known[name] for name in sorted(set(names))}
