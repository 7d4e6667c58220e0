"""Which fields join the records of one person, within a collection and across collections.

An ID number joins records wherever a number of the same country and register stands, an e-mail
address or a telephone number wherever another one does. A collection's own numbers (`person_id`,
`username`, `device_id`) join only under the same field name: another table's 17 is somebody else.
"""

from __future__ import annotations

import re

from leftopen.model import FieldProfile

COUNTS_FROM = 0.5  # confidence; a field below it is not taken as evidence

Link = tuple[str, str]
"""What two fields must have in common to join records: the family, and what else must be alike."""

_ANYWHERE = frozenset({"email", "phone"})
_BY_NAME = frozenset({"person_id", "username", "device_id"})
_NAMES_NOTHING = frozenset({"id", "uid", "key", "no", "number"})  # any table may have these
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def link(field: FieldProfile) -> Link | None:
    """By what the field joins records with those of other fields; None where it joins nothing."""
    if field.family == "gov_id":  # numbers of the same country and register
        return field.family, ".".join(field.kind.split(".")[:3])
    if field.family in _ANYWHERE:
        return field.family, ""
    if field.family in _BY_NAME:
        words = last_words(field.path)
        if not set(words) <= _NAMES_NOTHING:
            return field.family, "_".join(words)
    return None


def last_words(path: str) -> tuple[str, ...]:
    """The words of a path's last name in lower case: `order.itemsBought[]` → items, bought."""
    return words(path.replace("[]", "").rsplit(".", 1)[-1])


def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `itemsBought_2` → items, bought, 2."""
    return tuple(word.lower() for word in _WORD.findall(name[:200]))
