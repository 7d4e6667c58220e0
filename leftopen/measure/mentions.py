"""Which of the people that records name are the same, from the keys they are named with.

What is compared are the numbers that a sketcher made of the keys, never the keys.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from leftopen.measure.keys import IDENTITIES, LOOSE, RANK, SHARED, PersonKeys

_UNIQUE = frozenset(RANK) - SHARED - LOOSE
_MOST_ALIKE = 32  # people that share a value; one that more share is nobody's key


@dataclass(frozen=True, slots=True)
class Mention:
    """A person as one record names them: the numbers of the values of each key of the role.

    `name` is the number of the name, `whole` that of the name with what stands beside it to
    describe the person, or of that alone.
    """

    role: int
    keys: tuple[tuple[int, ...], ...]
    name: int | None = None
    whole: int | None = None

    @property
    def keyed(self) -> bool:
        return any(self.keys)


@dataclass(slots=True)
class _Person:
    """Mentions joined so far: what is known of whom they mention."""

    identities: dict[str, set[int]] = field(default_factory=dict)
    names: set[int] = field(default_factory=set)


class Joining:
    """Joins mentions by common key values, the better keys first.

    Two that have different numbers of one better sort (two ID numbers, say) stay two, whatever
    they share; so do two names under one e-mail address or telephone, unless names are not heeded.
    """

    def __init__(
        self, mentions: Sequence[Mention], keys: PersonKeys, *, heed_names: bool = True
    ) -> None:
        self._mentions, self._keys, self._heed_names = mentions, keys, heed_names
        self._leader = list(range(len(mentions)))
        self._people = [self._alone(mention) for mention in mentions]
        families = {key.family for role in keys.roles for key in role.keys}
        for family in sorted(families, key=RANK.__getitem__):
            self._by_keys(family)
        self._by_names()

    def labels(self) -> list[int]:
        """For each mention the number of the person."""
        return [self._lead(number) for number in range(len(self._mentions))]

    def _alone(self, mention: Mention) -> _Person:
        person = _Person()
        for key, numbers in zip(self._keys.roles[mention.role].keys, mention.keys, strict=True):
            if numbers and key.family in IDENTITIES:
                person.identities.setdefault(key.space, set()).update(numbers)
        if mention.name is not None:
            person.names.add(mention.name)
        return person

    def _lead(self, number: int) -> int:
        leader = self._leader
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    def _by_keys(self, family: str) -> None:
        groups: dict[int, list[int]] = {}
        for number, mention in enumerate(self._mentions):
            for key, values in zip(self._keys.roles[mention.role].keys, mention.keys, strict=True):
                for value in values if key.family == family else ():
                    self._join(number, groups.setdefault(value, []), family)

    def _by_names(self) -> None:
        """Those without a key by name and description; others too where names are not heeded."""
        groups: dict[int, list[int]] = {}
        for number, mention in enumerate(self._mentions):
            if mention.keyed and (self._heed_names or not self._keys.born):
                continue
            value = mention.whole
            if not (self._heed_names or self._keys.born or mention.name is None):
                value = mention.name
            if value is not None:
                self._join(number, groups.setdefault(value, []), "")
        if self._heed_names and self._keys.born:
            for number, mention in enumerate(self._mentions):
                others = groups.get(mention.whole or 0)
                if mention.keyed and others:
                    self._join(number, others, "")

    def _join(self, number: int, others: list[int], family: str) -> None:
        """Joins a mention to the first of others that may be the same, else adds it to them."""
        lead = self._lead(number)
        leads = {self._lead(other) for other in others}
        if lead in leads:
            return
        for other in others:
            into = self._lead(other)
            if self._may_be(self._people[lead], self._people[into], family):
                self._leader[lead] = into
                for space, values in self._people[lead].identities.items():
                    self._people[into].identities.setdefault(space, set()).update(values)
                self._people[into].names |= self._people[lead].names
                return
        if len(others) < _MOST_ALIKE:
            others.append(number)

    def _may_be(self, one: _Person, other: _Person, family: str) -> bool:
        rank = RANK.get(family, len(RANK))
        for space in one.identities.keys() & other.identities.keys():
            better = RANK[space.split(" ", 1)[0]] < rank
            if better and not one.identities[space] & other.identities[space]:
                return False
        if self._heed_names and family and family not in _UNIQUE and one.names and other.names:
            return bool(one.names & other.names)
        return True


def apart(mentions: Sequence[Mention], keys: PersonKeys) -> list[Hashable]:
    """A label for each mention that joins as few as can be: by its best key alone, with the name
    where people may share the key; without a key only by name and birth date."""
    found: list[Hashable] = []
    for number, mention in enumerate(mentions):
        held = enumerate(mention.keys)
        best, value = next(((place, values[0]) for place, values in held if values), (-1, 0))
        if best >= 0:
            family = keys.roles[mention.role].keys[best].family
            found.append(value if family in _UNIQUE else (value, mention.name))
        elif keys.born and keys.name and mention.whole is not None:
            found.append(mention.whole)
        else:
            found.append(("alone", number))
    return found
