"""The people of several collections and of several stores, each counted once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from leftopen.linking import Link
from leftopen.measure.interval import Interval, between
from leftopen.measure.sketch import Sketch
from leftopen.model import Cost, Mirror

_MIRRORED = 0.9  # part of a collection's people that another must have
_LEAST_PEOPLE = 10  # whose overlap is told, unless a threshold is given (privacy rule R20)
_SAME_KINDS = 0.5  # more of a mirror's families the other must have, too: a log is no mirror


@dataclass(frozen=True, slots=True)
class Held:
    """What a collection has of a link: the values of all its people, as a sketch, where it was read
    whole; `holders` are the people that have any."""

    holders: float = 0.0
    sketch: Sketch | None = None


@dataclass(slots=True)
class Counted:
    """What was counted of one collection: never leaves the sampling process.

    `links` are the ways in which its people can be linked, the best first. `within` names the
    collection that all of them are in, by a foreign key. `families` are those of its fields.
    """

    name: str
    people: Interval
    links: Mapping[Link, Held] = field(default_factory=dict)
    within: str | None = None
    families: frozenset[str] = frozenset()
    deep: Cost | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """How many people several collections or stores come to, not yet for showing."""

    people: Interval
    deduplicated_across: tuple[str, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    deep: Cost | None = None


def alone(counted: Counted) -> Together:
    """The people of one collection by itself."""
    return Together(counted.people, deep=None if counted.people.tight else counted.deep)


def of_store(counted: Sequence[Counted], least: int = _LEAST_PEOPLE) -> Together:
    """The people of a store, each counted once, from those of its collections.

    Collections that a link joins are taken to speak of the same people where nothing better is
    known; those that nothing joins, of others. Mirrors have at least `least` people.
    """
    some = [one for one in counted if one.people.high > 0]
    if not some:
        return Together(Interval(0, 0, 0, "nothing in it tells people apart"))
    groups = _linked(some)
    people = _added([_of_group(group) for group in groups])
    return Together(
        people,
        tuple(one.name for group in groups if len(group) > 1 for one in group),
        _mirrors(some, least),
        None if people.tight else _sum(one.deep for one in some if not one.people.tight),
    )


def of_run(stores: Mapping[str, Sequence[Counted]], least: int = _LEAST_PEOPLE) -> Together:
    """The people of several stores, by exposure id, each counted once as far as it is known.

    Only what sketches show to be the same is counted once: two stores with the same kind of key
    may well speak of different people.
    """
    each = {name: of_store(counted) for name, counted in stores.items()}
    wholes = [_whole(name, each[name].people, counted) for name, counted in stores.items()]
    some = _by_size(one for one in wholes if one.people.high > 0)
    if not some:
        return Together(Interval(0, 0, 0, "nothing in them tells people apart"))
    union = _Union(some[0])
    for one in some[1:]:
        union.add(one, presumed=False)
    people = union.people
    if len(some) > 1:
        how = "its stores added up"
        if union.compared:
            how += "; people whom sketches show to be in several counted once"
        people = between(people.low, people.estimate, people.high, how)
    return Together(
        people,
        tuple(one.name for one in wholes if one.name in union.compared),
        _mirrors(wholes, least),
        None if people.tight else _sum(one.deep for one in each.values()),
    )


def _linked(some: Sequence[Counted]) -> list[list[Counted]]:
    """Collections in groups that a link or a foreign key joins."""
    leader = list(range(len(some)))

    def lead(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    first: dict[Link, int] = {}
    by_name = {one.name: number for number, one in enumerate(some)}
    for number, one in enumerate(some):
        for link in one.links:
            leader[lead(number)] = lead(first.setdefault(link, number))
        if one.within in by_name:
            leader[lead(number)] = lead(by_name[one.within])
    groups: dict[int, list[Counted]] = {}
    for number, one in enumerate(some):
        groups.setdefault(lead(number), []).append(one)
    return list(groups.values())


def _of_group(group: Sequence[Counted]) -> Interval:
    """The people of linked collections."""
    if len(group) == 1:
        return group[0].people
    names = {one.name for one in group}
    inside = [one for one in group if one.within in names and one.within != one.name]
    outside = [one for one in group if one not in inside]
    if not outside:  # they refer to one another
        inside, outside = [], list(group)
    ordered = _by_size(outside)
    union = _Union(ordered[0])
    for one in ordered[1:]:
        union.add(one, presumed=True)
    hows = [ordered[0].people.method]
    if inside:
        hows.append("those that a foreign key finds in it counted once")
    if union.compared:
        hows.append("people whom sketches show to be in several collections counted once")
    if union.presumed:
        hows.append("collections that share keys of people taken to speak of the same ones")
    people = union.people
    low = max(people.low, *(one.people.low for one in group))
    return between(low, people.estimate, people.high, "; ".join(hows))


def _added(totals: Sequence[Interval]) -> Interval:
    """People who may be the same or not, of groups that nothing joins."""
    if len(totals) == 1:
        return totals[0]
    return between(
        max(total.low for total in totals),
        sum(total.estimate for total in totals),
        sum(total.high for total in totals),
        "its collections added up, those that share keys of people counted once",
    )


class _Union:
    """People counted once over what is added; `compared` are the names of what sketches joined,
    `presumed`: something was taken to be the same for its keys alone."""

    def __init__(self, first: Counted) -> None:
        self.people = first.people
        self.compared: set[str] = set()
        self.presumed = False
        self._sketches = {link: held.sketch for link, held in first.links.items() if held.sketch}
        self._holders: dict[Link, set[str]] = {link: {first.name} for link in self._sketches}

    def add(self, one: Counted, *, presumed: bool) -> None:
        people, overlap, holders = self.people, None, 0.0
        for link, held in one.links.items():
            union = self._sketches.get(link)
            if held.sketch is None or union is None:
                continue
            self.compared |= {one.name, *self._holders[link]}
            found = _people_of(held, held.sketch.overlap(union))
            if overlap is None or found.estimate > overlap.estimate:
                overlap, holders = found, held.holders
        if overlap is not None:
            # of people without the key nothing is known: as many of them may be the same
            new = max(0.0, one.people.estimate * (1 - overlap.estimate / max(holders, 1.0)))
            least = max(0.0, min(one.people.low, holders) - overlap.high)
            most = max(0.0, one.people.high - overlap.low)
            low, estimate, high = people.low + least, people.estimate + new, people.high + most
        elif presumed:
            self.presumed = True
            low, estimate, high = 0.0, people.estimate, people.high + one.people.high
        else:
            low = 0.0
            estimate = people.estimate + one.people.estimate
            high = people.high + one.people.high
        self.people = between(max(low, people.low, one.people.low), estimate, high, people.method)
        for link, held in one.links.items():
            if held.sketch:
                known = self._sketches.get(link)
                self._sketches[link] = known.union(held.sketch) if known else held.sketch
                self._holders.setdefault(link, set()).add(one.name)


def _people_of(held: Held, values: Interval) -> Interval:
    """How many people have the values, as there are so many people to each."""
    assert held.sketch is not None
    each = held.holders / max(1.0, held.sketch.size.estimate)
    return between(values.low * each, values.estimate * each, values.high * each)


def _whole(name: str, people: Interval, counted: Sequence[Counted]) -> Counted:
    """A store as if it were one collection."""
    links: dict[Link, Held] = {}
    for one in counted:
        for link, held in one.links.items():
            known = links.get(link)
            if held.sketch is None or known is None or known.sketch is None:
                links[link] = held if known is None or known.sketch is None else known
                continue
            values = known.sketch.size.estimate + held.sketch.size.estimate
            union = known.sketch.union(held.sketch)
            each = (known.holders + held.holders) / max(1.0, values)
            links[link] = Held(union.size.estimate * each, union)
    families = frozenset(family for one in counted for family in one.families)
    return Counted(name, people, links, families=families)


def _mirrors(some: Sequence[Counted], least: int) -> tuple[Mirror, ...]:
    """Those whose people are almost all in a larger one, or in an earlier one as large: of what
    has them, the largest is named."""
    ordered = _by_size(some)
    mirrors = []
    for number, one in enumerate(ordered):
        shares = ((_share(one, other, least), other.name) for other in ordered[:number])
        found = next(((share, of) for share, of in shares if share >= _MIRRORED), None)
        if found:
            mirrors.append(Mirror(one.name, found[1], math.floor(found[0] * 20 + 1e-9) / 20))
    return tuple(mirrors)


def _share(one: Counted, other: Counted, least: int) -> float:
    """The part of the people of one that the other has, as far as sketches can tell."""
    if one.within == other.name or len(one.families & other.families) <= _SAME_KINDS * len(
        one.families
    ):
        return 0.0
    for link, held in one.links.items():
        theirs = other.links.get(link)
        if held.sketch is None or theirs is None or theirs.sketch is None:
            continue
        size = held.sketch.size.estimate
        if held.holders < _MIRRORED * one.people.estimate or size < least:
            continue
        return min(1.0, held.sketch.overlap(theirs.sketch).estimate / size)
    return 0.0


def _by_size(some: Iterable[Counted]) -> list[Counted]:
    return sorted(some, key=lambda one: -one.people.estimate)


def _sum(costs: Iterable[Cost | None]) -> Cost | None:
    known = [cost for cost in costs if cost is not None]
    if not known:
        return None
    return Cost(sum(cost.bytes for cost in known), sum(cost.seconds for cost in known))
