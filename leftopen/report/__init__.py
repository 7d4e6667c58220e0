"""One file per format, found by name: `as_table.py` is the format `table`.

Such a module has `render(run, console) -> str`. The console says how wide a terminal is and whether
it has colours; formats that are no text for a terminal leave it alone.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module

from rich.console import Console

from leftopen.errors import UsageError
from leftopen.model import Run
from leftopen.report.escape import plain

Renderer = Callable[[Run, Console], str]

__all__ = ["Renderer", "formats", "plain", "renderer"]

_PREFIX = "as_"


def formats() -> tuple[str, ...]:
    """The names of all formats, sorted."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name.removeprefix(_PREFIX) for name in found if name.startswith(_PREFIX)))


def renderer(name: str) -> Renderer:
    """The function that renders a run in a format; raises UsageError for an unknown one."""
    if name not in formats():
        raise UsageError(f"unknown format {name!r}; known are {', '.join(formats())}")
    render: Renderer = import_module(f"{__name__}.{_PREFIX}{name}").render
    return render
