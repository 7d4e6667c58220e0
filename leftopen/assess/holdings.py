"""What personal data stands together: collections that a person's key links are taken as one.

A name in one collection identifies nobody in another unless something joins their records. A
collection's own numbers (`person_id`, `username`, `device_id`) join only under the same field
name; an ID number, an e-mail address or a telephone number joins wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from leftopen.assess.tables import TABLES
from leftopen.model import CollectionProfile, FieldProfile

COUNTS_FROM = 0.5  # confidence; a field below it is not taken as evidence

_LINKS_ANYWHERE = frozenset({"email", "phone"})
_LINKS_BY_NAME = frozenset({"person_id", "username", "device_id"})
_NAMES_NOTHING = frozenset({"id", "uid", "key", "no", "number"})  # any table may have these
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Holding:
    """Collections whose records can be joined, and what was found in them.

    `each` holds the families of each collection; `links` the families that join them; `confidence`
    maps each family to the best confidence it was found with, and so `full_name` or `part_name` for
    `name`, and `whole_birth_date` for a `birth_date` that is more than a year or a place; `kinds`
    are the DataKind ids of each family; `special` the families that a field's profile marks as
    special; `activity` tells whether one of the collections says what its people did.
    """

    each: tuple[frozenset[str], ...]
    links: frozenset[str]
    confidence: Mapping[str, float]
    kinds: Mapping[str, frozenset[str]]
    special: frozenset[str]
    activity: bool

    def has(self, *families: str) -> bool:
        """Whether all these families were found."""
        return all(family in self.confidence for family in families)

    def together(self, families: Iterable[str]) -> bool:
        """Whether one collection alone holds all these families."""
        wanted = frozenset(families)
        return any(wanted <= one for one in self.each)


def holdings(collections: Iterable[CollectionProfile]) -> tuple[Holding, ...]:
    """The collections with personal data, joined where a person's key links them."""
    held = [(c, f) for c in collections if (f := _counted(c))]
    leader = list(range(len(held)))

    def lead(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    first: dict[tuple[str, str], int] = {}
    joined: list[tuple[int, str]] = []
    for number, (_, fields) in enumerate(held):
        for key in _keys(fields):
            other = first.setdefault(key, number)
            if other != number:
                leader[lead(number)] = lead(other)
                joined.append((number, key[0]))
    members: dict[int, list[int]] = {}
    for number in range(len(held)):
        members.setdefault(lead(number), []).append(number)
    links: dict[int, set[str]] = {}
    for number, family in joined:
        links.setdefault(lead(number), set()).add(family)
    return tuple(
        _holding([held[number] for number in numbers], frozenset(links.get(leading, ())))
        for leading, numbers in members.items()
    )


def last_words(path: str) -> tuple[str, ...]:
    """The words of a path's last name in lower case: `order.itemsBought[]` → items, bought."""
    leaf = path.replace("[]", "").rsplit(".", 1)[-1]
    return tuple(word.lower() for word in _WORD.findall(leaf[:200]))


def parts(kind: str) -> frozenset[str]:
    """The parts of a DataKind id behind the first: `name.given.common` → given, common."""
    return frozenset(kind.split(".")[1:])


def _counted(collection: CollectionProfile) -> tuple[FieldProfile, ...]:
    return tuple(
        field
        for field in collection.fields
        if field.confidence >= COUNTS_FROM
        and TABLES.category_of.get(field.family, "none") != "none"
    )


def _keys(fields: Iterable[FieldProfile]) -> set[tuple[str, str]]:
    keys = set()
    for field in fields:
        if field.family == "gov_id":  # numbers of the same country and register
            keys.add((field.family, ".".join(field.kind.split(".")[:3])))
        elif field.family in _LINKS_ANYWHERE:
            keys.add((field.family, ""))
        elif field.family in _LINKS_BY_NAME:
            words = last_words(field.path)
            if not set(words) <= _NAMES_NOTHING:
                keys.add((field.family, "_".join(words)))
    return keys


def _holding(
    held: Sequence[tuple[CollectionProfile, tuple[FieldProfile, ...]]], links: frozenset[str]
) -> Holding:
    confidence: dict[str, float] = {}
    each = []
    for _, fields in held:
        known = _known(fields)
        each.append(frozenset(field.family for field in fields) | known.keys())
        for field in fields:
            _raise(confidence, field.family, field.confidence)
        for found, sure in known.items():
            _raise(confidence, found, sure)
    if "full_name" in confidence:
        confidence.pop("part_name", None)
    every = [field for _, fields in held for field in fields]
    return Holding(
        each=tuple(each),
        links=links,
        confidence=confidence,
        kinds={
            family: frozenset(field.kind for field in every if field.family == family)
            for family in {field.family for field in every}
        },
        special=frozenset(field.family for field in every if field.special),
        activity=any(_tells_activity(collection, fields) for collection, fields in held),
    )


def _raise(confidence: dict[str, float], family: str, sure: float) -> None:
    confidence[family] = max(sure, confidence.get(family, 0.0))


def _known(fields: Iterable[FieldProfile]) -> dict[str, float]:
    """What the name and birth fields of one collection amount to, and how surely."""
    held: dict[str, list[tuple[frozenset[str], float]]] = {"name": [], "birth_date": []}
    for field in fields:
        if field.family in held:
            held[field.family].append((parts(field.kind), field.confidence))

    def surest(family: str, wanted: Callable[[frozenset[str]], object]) -> float:
        return max((sure for part, sure in held[family] if wanted(part)), default=0.0)

    signs = TABLES.signs
    whole = surest("name", lambda part: not part & signs["part_of_name"])
    given = surest("name", lambda part: part & signs["given"])
    surname = surest("name", lambda part: part & signs["surname"])
    found = {
        "full_name": max(whole, min(given, surname)),
        "part_name": surest("name", lambda part: part & signs["part_of_name"]),
        "whole_birth_date": surest("birth_date", lambda part: not part & signs["part_of_birth"]),
    }
    if found["full_name"]:
        del found["part_name"]
    return {what: sure for what, sure in found.items() if sure}


def _tells_activity(collection: CollectionProfile, fields: Iterable[FieldProfile]) -> bool:
    """Whether the records say what somebody did: a field for the deed, another for the doer."""
    if not any(field.family in TABLES.signs["person"] for field in fields):
        return False
    return any(
        TABLES.signs["activity"] & set(last_words(field.path))
        for field in collection.fields
        if field.family in ("none", "free_text")
    )
