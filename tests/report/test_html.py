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
from tests.report.samples import EMPTY, LONG, MONGODB, RUN, exposure, hostile
from tests.report.test_json import runs

VOID = {"meta", "br", "img", "link", "input", "hr"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section",
    "article", "div", "span", "p", "h1", "h2", "h3", "h4", "ul", "li", "dl", "dt", "dd", "table",
    "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "strong", "b", "code", "a",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "aria-label", "aria-hidden",
    "aria-labelledby", "role", "tabindex", "scope", "href", "open",
}  # fmt: skip


class Page(HTMLParser):
    """Reads a page and fails on what is not balanced."""

    def __init__(self, source: str) -> None:
        super().__init__()
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


@pytest.mark.parametrize("make", [lambda: RUN, lambda: EMPTY, hostile])
def test_the_page_is_balanced_and_made_of_known_parts(make: Callable[[], Run]) -> None:
    page = Page(render(make()))
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    ids = _values(page, "id")
    assert len(ids) == len(set(ids))
    assert set(_values(page, "aria-labelledby")) <= set(ids)
    assert all(href is not None and href[:1] == "#" and href[1:] in ids
               for href in _values(page, "href"))  # fmt: skip


def test_the_page_loads_nothing() -> None:
    source = render(RUN)
    assert not re.search(r"https?://|//\w|src\s*=|url\(|@import|<script|<link|<iframe", source)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in source


def test_the_page_is_readable_by_machines_that_read_aloud() -> None:
    page = Page(render(RUN))
    assert page.tags.count("h1") == 1
    assert page.tags.count("table") == page.tags.count("caption")
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
