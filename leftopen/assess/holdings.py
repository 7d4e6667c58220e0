"""What personal data stands together: collections that a person's key links are taken as one.

A name in one collection identifies nobody in another unless something joins their records. A
collection's own numbers (`person_id`, `username`, `device_id`) join only under the same field
name; an ID number, an e-mail address or a telephone number joins wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from leftopen.assess.tables import TABLES
from leftopen.model import CollectionProfile, FieldProfile

COUNTS_FROM = 0.5  # confidence; a field below it is not taken as evidence

_LINKS_ANYWHERE = frozenset({"gov_id", "email", "phone"})
_LINKS_BY_NAME = frozenset({"person_id", "username", "device_id"})
_NAMES_NOTHING = frozenset({"id", "uid", "key", "no", "number"})  # any table may have these
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Holding:
    """Collections whose records can be joined, and what was found in them.

    `each` holds the families of each collection; `links` the families that join them; `confidence`
    maps each family (and `full_name` or `part_name` for `name`) to the best confidence it was found
    with; `kinds` are all DataKind ids; `special` the families that a field's profile marks as
    special; `activity` tells whether one of the collections says what its people did.
    """

    each: tuple[frozenset[str], ...]
    links: frozenset[str]
    confidence: Mapping[str, float]
    kinds: frozenset[str]
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


def kind_part(kind: str) -> str:
    """The last part of a DataKind id: `name.given` → given."""
    return kind.rsplit(".", 1)[-1]


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
        if field.family in _LINKS_ANYWHERE:
            keys.add((field.family, field.kind))
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
        names = _names(fields)
        each.append(frozenset(field.family for field in fields) | names.keys())
        for field in fields:
            _raise(confidence, field.family, field.confidence)
        for found, sure in names.items():
            _raise(confidence, found, sure)
    if "full_name" in confidence:
        confidence.pop("part_name", None)
    every = [field for _, fields in held for field in fields]
    return Holding(
        each=tuple(each),
        links=links,
        confidence=confidence,
        kinds=frozenset(field.kind for field in every),
        special=frozenset(field.family for field in every if field.special),
        activity=any(_tells_activity(collection, fields) for collection, fields in held),
    )


def _raise(confidence: dict[str, float], family: str, sure: float) -> None:
    confidence[family] = max(sure, confidence.get(family, 0.0))


def _names(fields: Iterable[FieldProfile]) -> dict[str, float]:
    """What the name fields of one collection amount to: a full name, or a part of one."""
    parts = [
        (kind_part(field.kind), field.confidence) for field in fields if field.family == "name"
    ]
    whole = [sure for part, sure in parts if part not in TABLES.signs["part_of_name"]]
    given = [sure for part, sure in parts if part in TABLES.signs["given"]]
    surname = [sure for part, sure in parts if part in TABLES.signs["surname"]]
    if given and surname:
        whole.append(min(max(given), max(surname)))
    if whole:
        return {"full_name": max(whole)}
    return {"part_name": max(sure for _, sure in parts)} if parts else {}


def _tells_activity(collection: CollectionProfile, fields: Iterable[FieldProfile]) -> bool:
    """Whether the records say what somebody did: a field for the deed, another for the doer."""
    if not any(field.family in TABLES.signs["person"] for field in fields):
        return False
    return any(
        TABLES.signs["activity"] & set(last_words(field.path))
        for field in collection.fields
        if field.family in ("none", "free_text")
    )
