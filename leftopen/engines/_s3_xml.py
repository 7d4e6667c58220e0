"""The XML of S3's answers as small trees: bounded, and without a document type.

A document type is where entities are declared, so one is refused as soon as it begins: there is
nothing left to expand. No server of this interface sends one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

MAX_BYTES = 4 << 20
MAX_ELEMENTS = 50_000  # a page of 1,000 objects has about 10,000
MAX_DEPTH = 12
MAX_TEXT = 4_096  # characters of one element; a key has at most 1,024 bytes


@dataclass(slots=True)
class Element:
    """One element: its name without a prefix, its own text, and what is in it."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Element]:
        """The children of that name, in order."""
        return (child for child in self.children if child.name == name)

    def first(self, *path: str) -> Element | None:
        """The first child of the first name, its first child of the second, and so on."""
        found: Element | None = self
        for name in path:
            found = next(found.all(name), None) if found is not None else None
        return found

    def told(self, *path: str) -> str:
        """The text of that element, "" where there is none."""
        found = self.first(*path)
        return "" if found is None else found.text


class _Refused(Exception):
    """The document is not one that is read."""


class _Builder:
    """Builds the tree while expat reads."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, _: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            raise _Refused
        element = Element(name.rpartition(":")[2])
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def characters(self, data: str) -> None:
        element = self._open[-1]
        if len(element.text) + len(data) > MAX_TEXT:
            raise _Refused
        element.text += data

    def refuse(self, *_: object) -> NoReturn:
        raise _Refused


def parse(body: bytes) -> Element | None:
    """The root of a well-formed document in UTF-8; None for anything else."""
    if len(body) > MAX_BYTES:
        return None
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")  # whatever encoding the document claims
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, _Refused, ValueError):
        return None
    return builder.root
