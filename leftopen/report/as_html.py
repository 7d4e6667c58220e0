"""The report as one HTML file that loads nothing: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from rich.console import Console

from leftopen.model import Exposure, Run
from leftopen.report import drawing, figures, mapping, view, words
from leftopen.report.drawing import Bars, Range, Scale
from leftopen.report.escape import plain
from leftopen.report.mapping import Picture

# A page must stay one that a browser opens; the JSON report holds everything.
_LIMITS = {
    "collections": 200,
    "fields": 300,
    "services": 1_000,
    "errors": 200,
    "shares": 12,
    "places": 12,
}
_MAPS = 12  # stores, the worst first, whose places are drawn


@dataclass(frozen=True, slots=True)
class Drawn:
    """The figures of a store; None where there is nothing to draw."""

    people: Range | None
    arrivals: Bars | None
    map: Picture | None


def render(run: Run, console: Console | None = None) -> str:
    """The page. Every text that a server or a user chose goes through the filter `name`."""
    exposures = view.findings(run)
    everybody = [run.people, *(exposure.profile.people for exposure in exposures)]
    scale = Scale(filter(None, everybody))
    drawn = list(_drawn(exposures, scale))
    return _template().render(
        run=run,
        exposures=exposures,
        drawn=drawn,
        in_all=scale.range(run.people) if run.people else None,
        width=drawing.WIDTH,
        world=mapping.world() if any(each.map for each in drawn) else None,
        figures=figures,
        unread=view.unread(run),
        others=view.others(run),
        worst=view.worst(run),
        headline=view.headline(run),
        limits=_LIMITS,
        view=view,
        words=words,
    )


def _drawn(exposures: Sequence[Exposure], scale: Scale) -> Iterator[Drawn]:
    maps = 0
    for exposure in exposures:
        people, time, place = (
            exposure.profile.people,
            exposure.profile.time,
            exposure.profile.place,
        )
        picture = mapping.picture(place) if place and maps < _MAPS else None
        maps += picture is not None
        yield Drawn(
            people=scale.range(people) if people else None,
            arrivals=drawing.arrivals(time.arrivals) if time else None,
            map=picture,
        )


@cache
def _template() -> Template:
    # Text in, text out: whatever a template shows is escaped, and what it lacks is an error.
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["name"] = plain
    return environment.get_template("report.html.j2")


def _source(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
