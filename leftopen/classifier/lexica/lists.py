"""What the table of words is made of. Only `tools/lexica.py` and the tests read all of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from leftopen.classifier import lexica
from leftopen.classifier.catalogue import NAMES
from leftopen.classifier.lexica import HERE, read, written
from leftopen.classifier.lexica.forms import forms


def people() -> tuple[frozenset[str], frozenset[str]]:
    """Given and family names written by hand, of all languages, in the forms they are met in."""
    listed = tomllib.loads((HERE / "people.toml").read_text(encoding="utf-8")).values()
    given = forms(" ".join(names.get("given", "") for names in listed))
    family = forms(" ".join(names.get("family", "") for names in listed))
    return frozenset(given), frozenset(family)


def _heads(names: list[str]) -> set[str]:
    """First words of names of more than one."""
    found = {name: re.split(r"[^\w&]+", name, maxsplit=1)[0] for name in names}
    return {head for name, head in found.items() if head and head != name}


def listed(folder: Path = HERE) -> Iterable[tuple[int, Iterable[str]]]:
    """Each list's bit and its words; `folder` is where the lists that are not by hand lie."""
    hand = written()
    given, family = people()
    places, countries = read("place", folder), read("country", folder)
    return (
        (lexica.GIVEN, (*read("given", folder), *forms(hand["given"] + " " + NAMES.given), *given)),
        (
            lexica.FAMILY,
            (*read("family", folder), *forms(hand["family"] + " " + NAMES.family), *family),
        ),
        (lexica.ORDINARY, (*read("ordinary", folder), *forms(hand["wares"]))),
        (lexica.PLACE, places),
        (lexica.HEAD, _heads([*places, *countries])),
        (lexica.COUNTRY, countries),
        (lexica.PARTICLE, forms(hand["particles"])),
        (lexica.TITLE, forms(hand["titles"])),
        (lexica.THING, forms(hand["things"])),
        (lexica.JOB, forms(hand["jobs"])),
        (lexica.PATRONYM, (*read("patronym", folder), *forms(hand["sure"]))),
    )
