"""What stands beside a field: persons or things, an address, a partner coordinate, a way in time.

A second look at all fields of a collection together. It takes back what depends on a person where
none is near.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leftopen.classifier import names
from leftopen.classifier.catalogue import BY_ID
from leftopen.classifier.counts import Counts
from leftopen.classifier.decide import SHARED, Candidate, choose
from leftopen.classifier.names import Naming, Reading

# Families that nobody but a person has: where one of them stands, the collection is about persons.
_ANCHORS = frozenset(
    {"email", "gov_id", "birth_date", "gender", "marital", "ethnicity", "religion", "politics"}
    | {"health", "sexuality", "trade_union", "genetic", "face_embedding", "fingerprint", "iris"}
    | {"voice", "nationality", "death_date", "family_tie", "age", "name", "criminal", "card"}
    | {"phone", "username"}
)
# Families that a whole collection can be of, with a code and a description in each record.
_RECORDED = frozenset({"health", "criminal", "welfare", "religion", "politics", "genetic"})
_FACE_WORDS = ("face", "facial", "portrait", "mugshot", "headshot", "selfie", "avatar", "profil")
_FACE_WORDS_EAST = ("人脸", "头像", "证件照", "面部")
_GUESS = 0.65  # confidence of values alone, from which on the field's name need not be mute
_PLACED = frozenset({"address", "phone"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a collection is about: by its name, and by the fields that are a person's for sure."""

    collection: str  # "people", "things", "carriers" or ""
    anchors: Mapping[str, str]  # path → family
    keys: frozenset[str]  # paths of numbers that tell persons or their devices apart
    words: frozenset[str]  # of the collection's name and of all fields' names
    names_kind: Naming | None = None  # what sort of data about persons the collection is called by

    def near(self, words: tuple[str, ...]) -> bool:
        """Whether one of the words stands anywhere; unspaced scripts: inside a token."""
        return any(
            word in self.words or (not word.isascii() and any(word in t for t in self.words))
            for word in words
        )

    def person(self, path: str, reading: Reading) -> bool:
        """Whether a person is near the field."""
        if reading.person or self.collection == "people":
            return True
        others = len([p for p in self.anchors if p != path])
        if self.collection == "things":  # a shop has an e-mail address, too
            return others >= 2
        return others >= 1 or bool(self.keys - {path})

    def sure(self, path: str, reading: Reading) -> bool:
        """The same for words that name things as well; a foreign key alone does not do."""
        if reading.thing or reading.carrier:
            return False
        if reading.person or self.collection == "people":
            return True
        others = len([p for p in self.anchors if p != path])
        return others >= (2 if self.collection in ("things", "carriers") else 1)


def surroundings(
    name: str, options: Mapping[str, list[Candidate]], readings: Mapping[str, Reading]
) -> Surroundings:
    """What the collection is about, from first choices that need no neighbour themselves."""
    about = names.collection_is(name)
    placed = _PLACED if about == "things" else frozenset()  # a shop's telephone is no person's
    anchors: dict[str, str] = {}
    keys: set[str] = set()
    for path, found in options.items():
        first = choose(c for c in found if not (c.naming and c.naming.weak and not c.kind.alone))
        if first is None or first.confidence < 0.75 or readings[path].thing:
            continue
        if first.kind.family in ("person_id", "device_id", "vehicle"):
            keys.add(path)
        elif first.kind.family in _ANCHORS - placed and not first.kind.beside:
            anchors[path] = first.kind.family
    words = frozenset(names.tokens(name)).union(*(one.tokens for one in readings.values()))
    return Surroundings(about, anchors, frozenset(keys), words, _kind_named(name))


def _kind_named(name: str) -> Naming | None:
    """The kind that the collection is called by, if its records are such data: `allergies`."""
    namings = names.read(name).namings.values()
    told = [n for n in namings if not n.weak and BY_ID[n.kind].family in _RECORDED]
    return max(told, key=lambda n: (n.strength, BY_ID[n.kind].named), default=None)


def heard(
    path: str, found: list[Candidate], reading: Reading, around: Surroundings, counts: Counts
) -> list[Candidate]:
    """The candidates that stay once the neighbours are heard, and what the collection adds."""
    first = choose(found)
    settled = {id(one): settle(path, one, reading, around, counts) for one in found}
    if first and first.naming and first.spoken and settled[id(first)] is None:
        # a shop's telephone numbers are explained, whatever else they may pass for
        found = [one for one in found if one.naming]
    stays = [kept for one in found if (kept := settled[id(one)])]
    if not stays and reading.plain:
        stays = [one for one in (_of_collection(around, counts),) if one]
    return stays


def _of_collection(around: Surroundings, counts: Counts) -> Candidate | None:
    """`code` and `description` in a collection of diagnoses are the diagnoses of whoever's key
    stands beside them.
    """
    known = around.names_kind
    if known is None or not around.keys or counts.types["boolean"] or counts.types["time"]:
        return None
    said = f"the collection's name says {known.word}, and a person's key stands beside it"
    return Candidate(BY_ID[known.kind], 0.75, 1.0, (said,), known, False)


def settle(
    path: str, option: Candidate, reading: Reading, around: Surroundings, counts: Counts
) -> Candidate | None:
    """The candidate once the neighbours are heard; None where they speak against it."""
    kind, naming = option.kind, option.naming
    person = around.person(path, reading)
    things = around.collection in ("things", "carriers") and not person
    telling = option.spoken and kind.alone > 0  # the values would do without the name
    if naming and naming.weak and not telling and (kind.family != "gps" or naming.strength < 1):
        clear = naming.strength == 1.0 and around.sure(path, reading)
    else:
        clear = True
    if not clear or (kind.near and not around.near(kind.near)):
        return None
    if kind.family in _PLACED and (around.collection == "things" and not person):
        return None  # a shop's address and telephone look like anybody's
    if kind.family in SHARED and (not telling or kind.family in _PLACED):
        if reading.thing and not reading.person:
            return None
        if kind.family == "name" and not _names_a_person(option, reading):
            return None
        if things and kind.family not in _PLACED and kind.beside != "text":
            return None
    if naming is None and kind.chance >= 0.05 and _speaks_of_things(reading, things):
        return None
    if naming is None and not kind.chance and 0 < kind.alone <= _GUESS and not reading.mute:
        return None  # the name says something, and not this
    if kind.beside and not _beside(path, option, reading, around, counts, person):
        return None
    return _tuned(option, person, things)


def _names_a_person(option: Candidate, reading: Reading) -> bool:
    """`name` in a table of orders is the order's, unless a word for a person stands by it."""
    weak = option.naming is not None and option.naming.weak
    return not weak or reading.person or not reading.carrier


def _speaks_of_things(reading: Reading, things: bool) -> bool:
    return (reading.thing or reading.carrier or things) and not reading.person


def _beside(
    path: str,
    option: Candidate,
    reading: Reading,
    around: Surroundings,
    counts: Counts,
    person: bool,
) -> bool:
    kind, naming = option.kind, option.naming
    things = around.collection == "things" or reading.thing
    if kind.beside == "person":
        return person
    if kind.beside == "text":  # what people write stands in logs and events, too
        return person or not things
    if kind.beside in ("someone", "position"):
        return person or not (things or around.collection == "carriers")
    if kind.beside == "face":
        word = naming.word if naming else ""
        told = word.startswith(_FACE_WORDS) or any(w in word for w in _FACE_WORDS_EAST)
        return told or person
    return person and bool(around.anchors) and _spread(counts)  # "spread"


def _spread(counts: Counts) -> bool:
    """Whether dates lie in at least four decades, a fifth of them before 1990."""
    decades = {int(k.split(".")[1]): v for k, v in counts.hits.items() if k.startswith("decade.")}
    total = sum(decades.values())
    filled = [d for d, v in decades.items() if v * 50 >= total]
    early = sum(v for d, v in decades.items() if d < 9)
    return len(filled) >= 4 and early * 5 >= total


def _tuned(option: Candidate, person: bool, things: bool) -> Candidate | None:
    """Confidence as the neighbours leave it."""
    kind = option.kind
    if option.spoken:
        if kind.beside == "position":
            return option.at(0.93, "a person is near") if person else option.at(0.65)
        if kind.beside in ("someone", "text") and not person and not kind.alone:
            return option.at(option.confidence - 0.2, "no person is near")
        weak = option.naming is not None and option.naming.weak
        return option.at(option.confidence - 0.04) if weak else option
    if kind.beside == "position":
        return None  # a name alone makes no coordinate
    if things:
        return option.at(option.confidence * 0.5, "the collection is about things")
    if person:
        return option.at(min(option.confidence + 0.05, 0.89), "a person is near")
    return option.at(option.confidence * 0.85, "no person is near")


def kind_ids(path: str) -> frozenset[str]:
    """Kinds that the path names: their patterns are worth trying even where loose."""
    return frozenset(name for name in names.read(path).namings if name in BY_ID)
