"""The report as one HTML file that loads nothing: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from rich.console import Console

from leftopen.model import Run
from leftopen.report import view, words
from leftopen.report.escape import plain

# A page must stay one that a browser opens; the JSON report holds everything.
_LIMITS = {"collections": 200, "fields": 300, "services": 1_000, "errors": 200}


def render(run: Run, console: Console | None = None) -> str:
    """The page. Every text that a server or a user chose goes through the filter `name`."""
    return _template().render(
        run=run,
        exposures=view.findings(run),
        unread=view.unread(run),
        others=view.others(run),
        worst=view.worst(run),
        headline=view.headline(run),
        limits=_LIMITS,
        view=view,
        words=words,
    )


@cache
def _template() -> Template:
    # Text in, text out: whatever a template shows is escaped, and what it lacks is an error.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["name"] = plain
    source = files(__package__).joinpath("report.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source)
