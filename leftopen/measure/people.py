"""How many people there are in a collection, from a sample, from what its server knows, and with
`--deep` from a stream of the keys that tell people apart.

Records are not people: logs repeat, mirrors copy, tables overlap, households share an address.
What people of several collections come to is in `together`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.budget import StoreLimits
from leftopen.knowledge import Known
from leftopen.linking import Link
from leftopen.measure import distinct, keys
from leftopen.measure.interval import Interval, between
from leftopen.measure.keys import NOUNS, Key
from leftopen.measure.mentions import Joining, Mention, apart
from leftopen.measure.sketch import Sketch, Sketcher, Space
from leftopen.measure.together import Counted as Counted
from leftopen.measure.together import Held
from leftopen.measure.together import Together as Together
from leftopen.measure.together import alone as alone
from leftopen.measure.together import of_run as of_run
from leftopen.measure.together import of_store as of_store
from leftopen.model import Cost, FieldProfile

_MOST_ELEMENTS = 100  # of a list of keys in one record
_MOST_STREAMED = 3  # keys, and the name beside them
_WELL_FILLED = 0.9  # of the best filled key: a key that tells nearly as many people apart
_OVERHEAD = 12  # bytes of a record in a stream beside its values
_PACE = 200_000  # records a second of a stream
_MORE_KEYS = 2  # times the keys that one record has of a person, all of theirs at the most
_REGISTER = 0.9  # people for each record, from which on it is one
_FACES_EACH = 20  # records of one person at the most, where only faces or the like tell of people
_SAYABLE = 20  # rows
_MOST_RECORDS = 10**15  # that a server is believed to have
_NOTHING = "nothing in it tells people apart"
_SAMPLE = StoreLimits().rows
_SMALL = 512 << 10  # bytes of a sample that no limit can have cut short
_UNBOUNDED = 100  # times what was read, where nobody knows how many records there are


def _some(rows: int, records: int | None) -> str:
    """How much of a collection was looked at, in words; nothing small is told exactly."""
    if records is None or rows < _SAYABLE:
        return "a part of its records"
    return f"{_rounded(rows):,} of {_rounded(max(rows, records)):,} records"


def _rounded(count: int) -> int:
    """As counts may be told (privacy rule R6)."""
    return round(count / 5) * 5 if count < 1_000 else int(float(f"{count:.3g}"))


def _meet(one: Interval, other: Interval) -> bool:
    return one.low <= other.high and other.low <= one.high


class Counting:
    """Counts the people of one collection: `sample` and `known` first, `stream` with `--deep`."""

    def __init__(
        self,
        name: str,
        records: int | None,
        fields: Mapping[str, FieldProfile],
        sketcher: Sketcher,
    ) -> None:
        self._name, self._sketcher = name, sketcher
        self._records = None if records is None else min(max(records, 0), _MOST_RECORDS)
        self._keys = keys.person_keys(fields.values())
        self._families = frozenset(field.family for field in fields.values()) - {"none"}
        self._spaces = {
            key.space: sketcher.space(key.space) for role in self._keys.roles for key in role.keys
        }
        self._names = sketcher.space("name")
        self._mentions: list[Mention] = []
        self._rows, self._bytes, self._cut = 0, 0, False
        self._each: list[int] = []  # people that each row names
        self._key_bytes: Counter[str] = Counter()
        self._known: Mapping[str, Known] = {}
        self._stream: _Stream | None = None
        self._whole_stream = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields by which people may be told apart, those to ask the server about."""
        return tuple(key.path for role in self._keys.roles for key in role.keys)

    def sample(self, batch: pa.RecordBatch) -> None:
        """Counts a batch of the sample. Keeps keyed hashes of it, and no value."""
        rows = batch.num_rows
        self._rows += rows
        self._bytes += batch.nbytes
        found: list[list[Mention]] = [[] for _ in range(rows)]
        names = self._numbers(keys.joined(batch, self._keys.name))
        told = self._numbers(keys.joined(batch, (*self._keys.name, *self._keys.description)))
        if self._keys.name:  # a town without a name tells nobody apart
            told = [None if name is None else one for name, one in zip(names, told, strict=True)]
        for number, role in enumerate(self._keys.roles):
            each = [self._held(batch, key) for key in role.keys]
            for row in range(rows):
                held = tuple(tuple(dict.fromkeys(of_key.get(row, ()))) for of_key in each)
                if role.several:
                    found[row] += (Mention(number, ((value,),)) for value in held[0])
                elif number == 0 and (any(held) or told[row] is not None):
                    found[row].append(Mention(0, held, names[row], told[row]))
                elif any(held):
                    found[row].append(Mention(number, held))
        self._each += (len(mentions) for mentions in found)
        self._mentions += (mention for mentions in found for mention in mentions)

    def know(self, known: Mapping[str, Known]) -> None:
        """Takes what the server tells of `paths`."""
        self._known = known

    def to_stream(self) -> tuple[str, ...]:
        """The fields to stream with `--deep`: none where nothing more would be learnt."""
        chosen = self._streamed_keys()
        if self._whole or not chosen:
            return ()
        joins = any(key.link for key in chosen)
        if not joins and self._from_what_is_known().tight:
            return ()
        return (*(key.path for key in chosen), *self._streamed_names(chosen[0]))

    def stream(self, batch: pa.RecordBatch) -> None:
        """Counts a batch of the stream of `to_stream`."""
        if self._stream is None:
            chosen = self._streamed_keys()
            names = self._streamed_names(chosen[0])
            own = [self._place(key)[0] == 0 and not self._keys.roles[0].several for key in chosen]
            self._stream = _Stream(chosen, own, names, self._spaces, self._names)
        self._stream.add(batch)

    def streamed(self, *, whole: bool) -> None:
        """The stream is at its end; `whole`: it gave every record."""
        self._whole_stream = whole

    def finish(self) -> Counted:
        """What was counted; the counting ends here."""
        links: dict[Link, Held] = {}
        for key in self._all_keys():
            if key.link:
                links.setdefault(key.link, Held())
        people = self._from_what_is_known()
        if self._whole:
            links |= self._links_of_sample()
        elif self._stream is not None:
            people = self._from_stream(self._stream, people)
            if self._whole_stream:
                links |= self._stream.links(people, self._sketcher)
        return Counted(
            self._name, people, links, self._within(), self._families, self._cost(people)
        )

    # --- the sample ------------------------------------------------------------------------------

    @property
    def _whole(self) -> bool:
        """Whether the sample is all there is."""
        if self._cut or not self._rows:
            return False
        if self._records is None:
            return self._rows < _SAMPLE and self._bytes < _SMALL
        return self._rows == self._records or self._records < self._rows < _SAMPLE

    def _held(self, batch: pa.RecordBatch, key: Key) -> dict[int, list[int]]:
        """The numbers of a key's values, by row."""
        values, rows = keys.held(batch, key)
        self._key_bytes[key.path] += pc.sum(pc.binary_length(values)).as_py() or 0
        found: dict[int, list[int]] = {}
        for number, row in zip(
            self._spaces[key.space].numbers(values.to_pylist()), rows.tolist(), strict=True
        ):
            of_row = found.setdefault(row, [])
            if len(of_row) < _MOST_ELEMENTS:
                of_row.append(number)
            else:
                self._cut = True
        return found

    def _numbers(self, values: pa.Array) -> list[int | None]:
        made = iter(self._names.numbers(values.drop_null().to_pylist()))
        return [next(made) if there else None for there in values.is_valid().to_pylist()]

    def _population(self, mentions: Sequence[Mention]) -> tuple[float, float]:
        """How many mentions of people there are in all records like these of the sample, and by
        what part that may be off."""
        if self._whole:
            return len(mentions), 0.0
        if self._records is None:
            return self._rows * _UNBOUNDED, 0.0
        records = float(self._records)
        off = distinct.RECORDS_OFF
        if records < self._rows:  # the server's count was wrong
            records, off = 1.5 * self._rows, 0.5
        share = len(mentions) / max(1, self._rows)
        spread = float(np.std(self._each)) if len(mentions) == len(self._mentions) else 0.0
        spread = max(spread, math.sqrt(max(0.0, share * (1 - share))))
        if spread and share:
            off += 2 * spread / share / math.sqrt(self._rows)
        return records * share, off

    def _among(self, labels: Sequence[Hashable], mentions: Sequence[Mention]) -> Interval:
        """The different labels that all records have, from those of some mentions."""
        if not labels:
            return Interval(0, 0, 0)
        population, off = self._population(mentions)
        if self._whole:
            seen = distinct.Repeats(Counter(Counter(labels).values()))
            return distinct.of_sample(seen, population)
        seen = distinct.repeats(labels)
        alike = self._keys.register and seen.most == 1
        return distinct.of_sample(seen, population, off=off, alike=alike)

    def _from_sample(self, mentions: Sequence[Mention]) -> Interval:
        """The people that all records name in the way that these mentions do."""
        if not mentions:
            return Interval(0, 0, 0)
        likely = self._among(Joining(mentions, self._keys).labels(), mentions)
        fewest = self._among(Joining(mentions, self._keys, heed_names=False).labels(), mentions)
        most = self._among(apart(mentions, self._keys), mentions)
        low = min(likely.low, fewest.low)
        primary = self._primary
        place = self._place(primary)[1] if primary else 0
        best = [m for m in mentions if m.role == 0 and (primary is None or m.keys[place])]
        if best and len(best) < len(mentions) and not (self._whole and self._keys.register):
            # the others may be the same people by other keys
            labels = Joining(best, self._keys, heed_names=False).labels()
            low = min(low, self._among(labels, best).low)
        if primary is not None and primary.family in keys.LOOSE:
            low = min(low, max(1.0, math.floor(low / 2)))
        return between(low, likely.estimate, max(likely.high, most.high))

    # --- what is known of the keys ---------------------------------------------------------------

    def _all_keys(self) -> list[Key]:
        return [key for role in self._keys.roles for key in role.keys]

    def _filled(self, key: Key) -> float:
        """The part of the sample's rows that have the key."""
        role, place = self._place(key)
        some = sum(1 for m in self._mentions if m.role == role and m.keys[place])
        return min(1.0, some / max(1, self._rows))

    def _place(self, key: Key) -> tuple[int, int]:
        for number, role in enumerate(self._keys.roles):
            if key in role.keys:
                return number, role.keys.index(key)
        raise KeyError(key.family)

    @property
    def _primary(self) -> Key | None:
        """The subject's key by which to count: the best of those that nearly all records have."""
        own = self._keys.roles[0].keys if self._keys.roles else ()
        if not own:
            return None
        filled = {key: self._filled(key) for key in own}
        enough = _WELL_FILLED * max(filled.values())
        return min(
            (key for key in own if filled[key] >= enough),
            key=lambda key: (not self._known.get(key.path, Known()).unique, key.rank),
        )

    def _from_what_is_known(self) -> Interval:
        """People by the sample and by what the server tells."""
        if not self._keys.any:
            return self._from_faces() if self._keys.biometric else Interval(0, 0, 0, _NOTHING)
        sampled = self._from_sample(self._mentions)
        primary = self._primary
        noun = NOUNS[primary.family if primary else "name" if self._keys.name else ""]
        if self._whole:
            how = f"all of its records read, people told apart by {noun}"
            return between(sampled.low, sampled.estimate, sampled.high, how)
        how = f"{_some(self._rows, self._records)} looked at, people told apart by {noun}"
        sampled = between(sampled.low, sampled.estimate, sampled.high, how)
        known = self._known.get(primary.path) if primary else None
        if known is None or primary is None or self._records is None:
            return sampled
        told = self._from_server(primary, known)
        if told is None:
            return sampled
        if known.unique or known.error is not None or not _meet(told, sampled):
            return told
        low, high = max(told.low, sampled.low), min(told.high, sampled.high)
        return between(low, told.estimate, high, told.method)

    def _from_server(self, primary: Key, known: Known) -> Interval | None:
        assert self._records is not None
        if known.unique and primary.listed:
            known = Known(known.distinct, known.error, known.drawn, False, known.filled)
        told = distinct.of_known(known, float(self._records), self._filled(primary))
        if told is None:
            return None
        rest = self._from_sample(self._beside(primary))
        low, likely, high = told.low, told.estimate, told.high
        if known.unique and known.filled is None:
            off = 2 * math.sqrt(self._filled(primary) * (1 - self._filled(primary)))
            off *= self._records / math.sqrt(max(1, self._rows))
            low, high = low - off, high + off
        if primary.family in keys.LOOSE:
            low /= 2
        if primary.listed and not self._keys.roles[0].several:
            place = self._place(primary)[1]
            held = [len(m.keys[place]) for m in self._mentions if m.role == 0 and m.keys[place]]
            each = max(1.0, sum(held) / max(1, len(held)))
            low, likely = low / each / _MORE_KEYS, likely / each
        if primary.family in keys.SHARED and self._keys.name and not known.unique:
            # several names under one e-mail address are several people
            some = [m for m in self._mentions if m.role == 0]
            split = self._among(Joining(some, self._keys).labels(), some)
            one = self._among(Joining(some, self._keys, heed_names=False).labels(), some)
            likely *= max(1.0, split.estimate / max(1.0, one.estimate))
            high = max(high, split.high)
        how = f"{told.method} of its {NOUNS[primary.family]}"
        return between(low, likely + rest.estimate, high + rest.high, how)

    def _beside(self, primary: Key) -> list[Mention]:
        """Mentions of people whom the sample does not show to have the primary key."""
        place = self._place(primary)[1]
        labels = Joining(self._mentions, self._keys).labels()
        having = {
            label
            for label, mention in zip(labels, self._mentions, strict=True)
            if mention.role == 0 and mention.keys[place]
        }
        return [
            mention
            for label, mention in zip(labels, self._mentions, strict=True)
            if label not in having
        ]

    def _from_faces(self) -> Interval:
        records = float(self._rows if self._records is None else self._records)
        low = min(records, math.ceil(records / _FACES_EACH))
        how = f"a person for each of its records, or fewer: one may have up to {_FACES_EACH}"
        return between(low, records, records * (1 + distinct.RECORDS_OFF), how)

    def _within(self) -> str | None:
        """The collection that all people of this one are in, by foreign keys."""
        found: set[str | None] = set()
        for number, role in enumerate(self._keys.roles):
            key = role.keys[0] if number else self._primary
            refers = self._known.get(key.path, Known()).refers_to if key else None
            found.add(refers[0] if refers else None)
        primary = self._primary
        if len(found) != 1 or primary is None:
            return None
        # who has another key alone need not be there
        others = any(mention.role == 0 for mention in self._beside(primary))
        return None if others else found.pop()

    def _cost(self, people: Interval) -> Cost | None:
        """What a stream would cost, where it would tell more."""
        if people.tight or self._records is None or self._whole or not self._rows:
            return None
        paths = self.to_stream()
        if self._stream is not None or not paths:
            return None
        mean = sum(self._key_bytes[path] for path in paths) / self._rows
        return Cost(round(self._records * (mean + _OVERHEAD)), round(self._records / _PACE, 1))

    # --- the stream ------------------------------------------------------------------------------

    def _streamed_keys(self) -> tuple[Key, ...]:
        """The primary key of the subject, of peers and of crowds, and others that link."""
        primary = self._primary
        if primary is None:
            return ()
        others = [
            role.keys[0]
            for role in self._keys.roles[1:]
            if role.who == "peer" or role.several or role.who == "subject"
        ]
        own = [key for key in self._keys.roles[0].keys if key != primary]
        if self._filled(primary) < 1:
            others += [key for key in own if self._filled(key) > 0][:1]
        # by a contact the same people are found elsewhere, by a number of its own in other tables
        others += [key for key in own if key.family in keys.CONTACTS]
        others += [key for key in own if key.link and key.family == "person_id"][:1]
        chosen = (primary, *dict.fromkeys(others))
        return chosen[:_MOST_STREAMED]

    def _streamed_names(self, primary: Key) -> tuple[str, ...]:
        """The name, where people who share a key can be told apart by it."""
        return self._keys.name if primary.family in keys.SHARED and not primary.listed else ()

    def _links_of_sample(self) -> dict[Link, Held]:
        """Sketches of the keys that link, of a collection that was read whole."""
        labels = Joining(self._mentions, self._keys).labels()
        values: dict[Link, set[int]] = {}
        people: dict[Link, set[int]] = {}
        spaces: dict[Link, Space] = {}
        for label, mention in zip(labels, self._mentions, strict=True):
            for key, numbers in zip(self._keys.roles[mention.role].keys, mention.keys, strict=True):
                if key.link and numbers:
                    spaces[key.link] = self._spaces[key.space]
                    values.setdefault(key.link, set()).update(numbers)
                    people.setdefault(key.link, set()).add(label)
        return {
            link: Held(len(people[link]), self._sketcher.keep(spaces[link].sketch(numbers)))
            for link, numbers in values.items()
        }

    def _from_stream(self, stream: _Stream, before: Interval) -> Interval:
        """People by the stream; `before`: by what was known without it."""
        seen = stream.people()
        rest = self._from_sample(
            [m for m in self._mentions if self._keys.roles[m.role].who == "other"]
        )
        noun = NOUNS[stream.keys[0].family]
        if self._whole_stream:
            how = f"all of its {noun} streamed through a sketch"
            return between(seen.low, seen.estimate + rest.estimate, seen.high + rest.high, how)
        how = f"a part of its {noun} streamed through a sketch; before that, {before.method}"
        records = max(self._records or 0, stream.rows)
        high = before.high
        if self._records is not None:
            unread = records * (1 + distinct.RECORDS_OFF) - stream.rows
            high = min(high, seen.high + rest.high + unread * max(1.0, stream.each))
        return between(max(seen.low, min(before.low, high)), before.estimate, high, how)


class _Stream:
    """The keys of all records on their way through sketches.

    The first key counts. Of each further one of the same person (`own`) two sketches are kept: of
    the values in records that have a better key, and of those in records that have none.
    """

    def __init__(
        self,
        chosen: Sequence[Key],
        own: Sequence[bool],
        names: tuple[str, ...],
        spaces: Mapping[str, Space],
        name_space: Space,
    ) -> None:
        self.keys, self.rows = chosen, 0
        self._own, self._names, self._spaces = own, names, spaces
        self._name_space, self._named = name_space, name_space.sketch()
        self._listed = own[0] and chosen[0].listed
        self._firsts = spaces[chosen[0].space].sketch()
        self._beside = [spaces[key.space].sketch() for key in chosen]
        self._instead = [spaces[key.space].sketch() for key in chosen]
        self._had = [0] * len(chosen)  # rows that have each key
        self._values = [0] * len(chosen)  # that may be another person's

    @property
    def each(self) -> float:
        """How many keys a record has that could be another person's."""
        return sum(self._values) / max(1, self.rows)

    def add(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        have = np.zeros(batch.num_rows, dtype=np.bool_)
        for number, (key, own) in enumerate(zip(self.keys, self._own, strict=True)):
            values, rows = keys.held(batch, key)
            numbers = self._spaces[key.space].numbers(values.to_pylist())
            self._had[number] += len(np.unique(rows)) if key.listed else len(rows)
            if number and own:
                better = have[rows]
                for sketch, which in (
                    (self._beside[number], better),
                    (self._instead[number], ~better),
                ):
                    sketch.add_numbers(numbers[place] for place in np.flatnonzero(which).tolist())
                self._values[number] += int((~better).sum())
            else:
                self._instead[number].add_numbers(numbers)
                self._values[number] += len(numbers)
            if own:
                have[rows] = True
            if not number and self._names:
                self._add_names(batch, values, rows)
            if not number and self._listed:
                _, firsts = np.unique(rows, return_index=True)
                self._firsts.add_numbers(numbers[place] for place in firsts.tolist())

    def _add_names(self, batch: pa.RecordBatch, values: pa.Array, rows: NDArray[np.int64]) -> None:
        names = keys.joined(batch, self._names).take(pa.array(rows))
        parts = (values, names, pa.scalar(b"\x1f", pa.large_binary()))
        both = pc.binary_join_element_wise(*parts).drop_null()
        self._named.add(both.to_pylist())

    def people(self) -> Interval:
        """The people of the records that came."""
        first = self._instead[0].size
        low, likely, high = first.low, first.estimate, first.high
        if self._names:  # several names under one e-mail address are several people
            named = self._named.size
            likely, high = max(likely, named.estimate), max(high, named.high)
        if self._listed:  # a person may have several of these keys
            each = self._values[0] / max(1, self._had[0])
            low = low / each / _MORE_KEYS if each > 1 else low
            likely = min(likely, self._firsts.size.estimate)
        if self.keys[0].family in keys.LOOSE:
            low /= 2
        by_space: dict[str, Sketch] = {self.keys[0].space: self._instead[0]}
        for number, (key, own) in enumerate(zip(self.keys, self._own, strict=True)):
            if not number:
                continue
            found = self._instead[number]
            known = self._beside[number] if own else by_space.get(key.space)
            new = found.size
            if known is not None:
                both = found.overlap(known)
                new = between(
                    new.low - both.high, new.estimate - both.estimate, new.high - both.low
                )
            if not own:
                low += new.low if key.space in by_space else 0.0
                by_space[key.space] = known.union(found) if known else found
            likely += new.estimate
            # who shares an address with somebody known may be another one of the household
            high += found.size.high if own and key.family in keys.SHARED else new.high
        return between(low, likely, high)

    def links(self, people: Interval, sketcher: Sketcher) -> dict[Link, Held]:
        """What other collections can be compared with."""
        made: dict[Link, Held] = {}
        for number, key in enumerate(self.keys):
            if key.link is None or key.link in made:
                continue
            sketch = self._instead[number]
            if number:
                sketch = sketch.union(self._beside[number])
            holders = sketch.size.estimate
            # one record for each person: as many have the key as records do
            if self._own[number] and people.estimate >= _REGISTER * self.rows:
                holders = max(holders, people.estimate * self._had[number] / self.rows)
            made[key.link] = Held(holders, sketcher.keep(sketch))
        return made
