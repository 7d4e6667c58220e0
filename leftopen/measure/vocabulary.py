"""Public lists of groups of people, and to which of their labels a store's value belongs.

A label is leftopen's own text from `vocabulary.toml`, which names the public list that it is of.
What is in no list has no label: it is told as `other`, whatever it is.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

LONGEST = 60  # characters of a value that can be a label; what is longer is text

_ACCENTS = re.compile(r"[\u0300-\u036f]")
_BETWEEN = re.compile(r"(?<=\w)[\s_\-./]+(?=\w)")
_CODE = re.compile(r"([A-Z]\d\d)[0-9A-Z.+*\-]{0,8}")


class _List(BaseModel):
    """One list as the file holds it: labels with their spellings, or with a range of codes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: tuple[str, ...]
    unless: tuple[str, ...] = ()
    source: str
    labels: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    codes: Mapping[str, tuple[str, str]] = Field(default_factory=dict)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    answers: Mapping[str, tuple[str, ...]]
    list: tuple[_List, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The labels that values of a kind can have; `place` of each in `labels` by its spelling."""

    labels: tuple[str, ...]
    _place: Mapping[str, int]
    _codes: tuple[tuple[str, str, int], ...]

    def label(self, value: object) -> int | None:
        """The place in `labels` of the label a value belongs to; None where it is in no list."""
        if isinstance(value, bool):
            value = "true" if value else "false"
        if not isinstance(value, str) or len(value) > LONGEST:
            return None
        place = self._place.get(_folded(value))
        if place is not None or not self._codes:
            return place
        code = _CODE.fullmatch(value.strip().upper())
        if code is None:
            return None
        return next((p for first, last, p in self._codes if first <= code[1] <= last), None)


@cache
def of_kind(kind: str) -> Vocabulary | None:
    """The vocabulary for values of a kind of the catalogue; None where there is no public list."""
    read = _read()
    for one in read.list:
        if _among(kind, one.kinds) and not _among(kind, one.unless):
            return _vocabulary(one, read.answers)
    return None


def _among(kind: str, others: Iterable[str]) -> bool:
    return any(kind == other or kind.startswith(other + ".") for other in others)


@cache
def _read() -> _File:
    path = Path(__file__).with_name("vocabulary.toml")
    return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def _vocabulary(one: _List, answers: Mapping[str, tuple[str, ...]]) -> Vocabulary:
    labels = tuple(dict.fromkeys((*one.codes, *one.labels, *answers)))
    place: dict[str, int] = {}
    for label, spellings in one.labels.items():
        for spelling in spellings:
            at = labels.index(label)
            if place.setdefault(_folded(spelling), at) != at:
                raise ValueError(f"{spelling!r} is a spelling of two labels")
    for label, spellings in answers.items():
        for spelling in spellings:  # a group may be called what is an answer elsewhere
            place.setdefault(_folded(spelling), labels.index(label))
    codes = tuple((first, last, labels.index(label)) for label, (first, last) in one.codes.items())
    return Vocabulary(labels, place, codes)


def _folded(text: str) -> str:
    """The form in which spellings are compared."""
    plain = unicodedata.normalize("NFKD", text.replace("\u2212", "-")).casefold().strip()
    return _BETWEEN.sub("", _ACCENTS.sub("", plain))
