"""The HTML report: one file, balanced, loading nothing, with hostile names as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings

from leftopen.model import Run
from leftopen.report.as_html import render
from tests.report.samples import EMPTY, LONG, MEASURED, MONGODB, RUN, exposure, hostile
from tests.report.test_json import runs

VOID = {"meta", "br", "img", "link", "input", "hr"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section",
    "article", "div", "span", "p", "h1", "h2", "h3", "h4", "ul", "li", "dl", "dt", "dd", "table",
    "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "strong", "b", "code", "a",
    "figure", "figcaption", "svg", "g", "defs", "use", "path", "rect", "text",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "aria-label", "aria-hidden",
    "aria-labelledby", "role", "tabindex", "scope", "href", "open", "viewbox", "d", "x", "y",
    "width", "height", "rx", "transform", "text-anchor", "preserveaspectratio",
}  # fmt: skip

ORNAMENT = r'<svg[^>]* aria-hidden="true"'


class Page(HTMLParser):
    """Reads a page and fails on what is not balanced."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


def _values(page: Page, name: str) -> list[str | None]:
    return [value for key, value in page.attributes if key == name]


@pytest.mark.parametrize("make", [lambda: RUN, lambda: MEASURED, lambda: EMPTY, hostile])
def test_the_page_is_balanced_and_made_of_known_parts(make: Callable[[], Run]) -> None:
    page = Page(render(make()))
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    ids = _values(page, "id")
    assert len(ids) == len(set(ids))
    assert set(_values(page, "aria-labelledby")) <= set(ids)
    assert all(href is not None and href[:1] == "#" and href[1:] in ids
               for href in _values(page, "href"))  # fmt: skip


@pytest.mark.parametrize("run", [RUN, MEASURED], ids=["run", "measured"])
def test_the_page_loads_nothing(run: Run) -> None:
    source = render(run)
    assert not re.search(r"https?://|//\w|src\s*=|url\(|@import|<script|<link|<iframe", source)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in source


def test_the_page_is_readable_by_machines_that_read_aloud() -> None:
    page = Page(render(MEASURED))
    assert page.tags.count("h1") == 1
    assert page.tags.count("table") == page.tags.count("caption")
    # Whatever is drawn has a text of its own, or is marked as ornament beside one.
    drawn = page.tags.count("svg")
    assert drawn == _values(page, "role").count("img") + len(re.findall(ORNAMENT, page.source))
    for name in re.findall(r'role="img" aria-labelledby="([^"]+)"', page.source):
        assert re.search(rf'<title id="{name}">[^<]{{10}}', page.source)
    assert "en-GB" in _values(page, "lang")
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_says_what_matters() -> None:
    words = Page(render(RUN)).words
    for told in (
        "3 stores are open, 1 partly open.",
        "The worst of those read is of very high severity.",
        "leftopen scan --resume 3f9c2a7d1b04",
        "Open from loopback is not open to the internet.",
        "ethnic origin GDPR Art. 9",
        "town.sightings 8,112 records, 978.9 KiB, 1,000 looked at",
        "It read 2.1 MiB and sent only these kinds of request: hello, listDatabases",
        "127.0.0.3:27017",
        "ServerRefused",
        "It never recognises anybody.",
        "perhaps free text",
    ):
        assert told in words
    assert words.index("mongodb 7.0.14") < words.index("redis 6.2.14")


def test_the_page_lets_the_exposure_be_grasped() -> None:
    words = " ".join(re.sub(r"<[^>]+>", " ", render(MEASURED)).split())
    for told in (
        "about 3,170,000 people, each counted once",
        "about 2,570,000 people",
        "95 %: 2,560,000 to 2,570,000. By a unique index of its ID numbers.",
        "between 6,700 and 6,680,000 people",
        "By a sample of 1,000 records. --deep would tell, for about 160 MiB and 35 s.",
        "fewer than 10 people",
        "About 6,680,000 records a day live",
        "growing as it was read; records from 2025 to 21 Nov 2026; its data was created on 3 Jul",
        "Records by the hour, in UTC.",
        "China 104 areas of the map, areas with few people left out, by positions in 1,000 of",
        "100,000 to 1,000,000",
        "Traces of single people: where each of them went, and when.",
        "places of worship 96,500 90,100 to 103,000",
        "db.person.ethnicity With noise added: discrete Laplace of scale 4, epsilon 0.5;",
        "Uyghur 48 %",
        "China and Kazakhstan",
        "No material change: the figures are those of an earlier run.",
        "OpenSearch 2.17.0 at 198.51.100.22:9200 is a mirror of mongodb 4.0.3",
        "doctor:* fewer than 10 records",
    ):
        assert told in words, told
    # The figures of the first store stand before how it was found and rated.
    assert words.index("about 2,570,000 people") < words.index("China 104 areas")
    assert words.index("China 104 areas") < words.index("How bad it is")


def test_a_page_with_maps_stays_small() -> None:
    assert len(render(MEASURED).encode()) < 150_000


def test_a_run_without_measures_has_no_figures() -> None:
    assert "svg" not in Page(render(RUN)).tags


def test_hostile_names_are_text() -> None:
    source = render(hostile())
    page = Page(source)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert "<script" not in source
    assert "<img" not in source
    assert "<script>alert(1)</script>" in page.words  # as text, so that the owner can find it
    assert "{{ 7*7 }}{% raw %}" in page.words
    assert LONG[:201] not in source
    assert all(c.isprintable() or c == "\n" for c in source)
    assert "\\u202egnp.exe" in page.words


@settings(max_examples=30, deadline=None)
@given(runs())
def test_every_run_makes_a_page(run: Run) -> None:
    source = render(run)
    page = Page(source)
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert all(c.isprintable() or c == "\n" for c in source)


def test_endless_lists_are_cut_and_counted() -> None:
    [_, store, _] = RUN.exposures
    camera = store.profile.collections[0]
    fields = tuple(replace(camera.fields[0], path=f"f{n}") for n in range(301))
    many = tuple(replace(camera, name=f"db.c{n:04}", fields=fields[:1]) for n in range(200))
    wide = replace(camera, name="db.a", fields=fields)
    run = replace(RUN, exposures=(exposure(MONGODB, wide, *many),), errors=RUN.errors * 203)
    words = Page(render(run)).words
    assert "1 more field in the JSON report." in words
    assert "1 more collection in the JSON report." in words
    assert "3 more errors in the JSON report." in words
