"""What personal data stands together: collections that a person's key links are taken as one.

A name in one collection identifies nobody in another unless something joins their records, as
`leftopen.linking` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from leftopen.assess.tables import TABLES
from leftopen.linking import COUNTS_FROM, Link, last_words, link
from leftopen.model import CollectionProfile, FieldProfile


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

    first: dict[Link, int] = {}
    joined: list[tuple[int, str]] = []
    for number, (_, fields) in enumerate(held):
        for key in {one for field in fields if (one := link(field))}:
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
