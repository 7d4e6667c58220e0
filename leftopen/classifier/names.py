"""What a field's name says: which kinds it names, how clearly, and whose field it is.

Names are cut into tokens at separators and at camel humps; accents and case go. A kind is named
where its words stand in a row in the last part of the path. Words that ask about the thing
(`email_verified`, `phone_type`) take the naming back. Evidence speaks in the catalogue's words,
never in the field's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from leftopen.classifier.catalogue import BY_ID, CONTEXT, KINDS

MAX_NAME = 256  # characters of a path that are read
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# A word may hold the vowel signs of Indian scripts and of Thai, which are no letters to `re`.
_SIGNS = (
    "\u0900-\u0963\u0971-\u09e3\u0a00-\u0a65\u0a70-\u0ae3"
    "\u0b00-\u0b65\u0b82-\u0be5\u0c00-\u0c65\u0c80-\u0ce5\u0d00-\u0d65\u0e30-\u0e4e"
)
_TOKEN = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{_SIGNS}])*|\d+")
_EAST = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Naming:
    """That a name says a kind. `strength` 1 where nothing else stands in the name, 0.7 where
    something unknown does; `weak` where the word is ambiguous; `word` as the catalogue has it.
    """

    kind: str
    strength: float
    weak: bool
    word: str
    language: str


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that a path says."""

    namings: Mapping[str, Naming]
    person: bool  # a word for a person stands in it
    thing: bool  # a word for something that is no person's stands in it
    carrier: bool  # a word for something of a person's doings, such as an order
    tokens: frozenset[str]
    negated: frozenset[str]  # kinds that are named, but taken back
    mute: bool = True  # it tells nothing: c17, field_3, value
    plain: bool = False  # it asks to look at the collection's name: code, description


def fold(text: str) -> str:
    """Small letters without accents, in compatibility form."""
    return _bare(text).casefold()


def _bare(text: str) -> str:
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", text)
    kept = "".join(c for c in plain if not unicodedata.combining(c) or _EAST.match(c))
    return unicodedata.normalize("NFC", kept)


def tokens(name: str) -> Words:
    """`t_user_base.f_mobileNo2` → t, user, base, f, mobile, no, 2."""
    return tuple(_TOKEN.findall(_HUMP.sub(" ", _bare(name)).casefold()))


def _set(words: str) -> frozenset[str]:
    return frozenset(fold(words).split())


PEOPLE = _set(" ".join(CONTEXT.people.values()))
THINGS = _set(" ".join(CONTEXT.things.values()))
_CARRIERS = _set(CONTEXT.carriers)
# Words that say whose a field is, and of a collection nothing: home_recommend, work_order.
_OWNERS = _set("home work private personal shipping billing identity crm lead leads hr own host")
_HEADS, _FRONTS = _set(CONTEXT.heads), _set(CONTEXT.fronts)
_NOISE, _GENERIC = _set(CONTEXT.noise), _set(CONTEXT.generic)
# Leaf names that leave it to the collection what they are of.
_PLAIN = _set(CONTEXT.plain)
_TIMES, _NOT_TIMES = _set(CONTEXT.times), _set(CONTEXT.not_times)
_PEOPLE_HAN, _THINGS_HAN = CONTEXT.people_han.split(), CONTEXT.things_han.split()
_HEADS_HAN = CONTEXT.heads_han.split()


@dataclass(frozen=True, slots=True)
class _Entry:
    kinds: tuple[str, ...]
    word: str
    language: str
    weak: bool


@cache
def _index() -> tuple[dict[Words, list[_Entry]], dict[str, list[_Entry]], int]:
    """Words of the catalogue by their tokens; those of unspaced scripts by their text."""
    followers: dict[str, list[str]] = {kind.id: [kind.id] for kind in KINDS}
    for kind in KINDS:
        if kind.like:
            followers[kind.like].append(kind.id)
    spaced: dict[Words, list[_Entry]] = {}
    unspaced: dict[str, list[_Entry]] = {}
    for kind in KINDS:
        for language, listed in kind.words.items():
            for word in listed:
                bare = word.removesuffix("?")
                entry = _Entry(tuple(followers[kind.id]), bare, language, word.endswith("?"))
                if _EAST.search(bare) and " " not in bare:
                    unspaced.setdefault(fold(bare), []).append(entry)
                else:
                    words = tokens(bare)
                    joined = ("".join(words),)
                    spaced.setdefault(words, []).append(entry)
                    if len(words) > 1 and len(joined[0]) >= 6:
                        spaced.setdefault(joined, []).append(entry)
    return spaced, unspaced, max(len(words) for words in spaced)


@cache
def _parts() -> frozenset[str]:
    """Single words that a run-together name may be made of."""
    spaced, _, _ = _index()
    whole = {word for words in spaced for word in words if len(word) >= 3}
    strong = {"".join(words) for words in spaced}
    return frozenset(whole | strong | PEOPLE | {w for w in _HEADS | _FRONTS if len(w) >= 4})


def _split(token: str) -> Words:
    """`customeremail` → customer, email; unknown words stay whole."""
    if len(token) < 6 or not token.isalpha() or _EAST.search(token):
        return (token,)
    known = _parts()
    if token in known or token in THINGS:
        return (token,)
    if token[:-2] in PEOPLE and token[-2:] in _KEYS:  # customerid
        return (token[:-2], token[-2:])
    for cut in range(len(token) - 3, 2, -1):
        head, tail = token[:cut], token[cut:]
        # three letters are too few unless a person stands beside them: cover-age, vin-tage
        owned = head in PEOPLE or tail in PEOPLE
        if head in known and tail in known and (owned or min(len(head), len(tail)) >= 4):
            return (head, tail)
    return (token,)


@lru_cache(maxsize=4_096)
def read(path: str) -> Reading:
    """What the path of a field says. A pure function of the path."""
    levels = [tokens(part) for part in re.split(r"[.\[\]*/]+", path[-MAX_NAME:])]
    levels = [_cut(level) for level in levels if level]
    if not levels:
        return Reading({}, False, False, False, frozenset(), frozenset())
    leaf = levels[-1]
    above = levels[-2] if len(levels) > 1 else ()
    namings, negated = _find(above, leaf)
    everything = frozenset(token for level in levels for token in level)
    owned = frozenset(word for naming in namings.values() for word in tokens(naming.word))
    near = (frozenset(leaf) | frozenset(above)) - owned
    return Reading(
        namings=namings,
        person=speaks_of(levels, PEOPLE, _PEOPLE_HAN),
        thing=bool(near & (THINGS - _CARRIERS)) or _has(levels, _THINGS_HAN),
        carrier=bool(near & _CARRIERS),
        tokens=everything,
        negated=negated,
        mute=all(_says_nothing(t) or t in _GENERIC for level in levels for t in level),
        plain=bool(leaf) and all(t in _PLAIN or _says_nothing(t) for t in leaf) and not negated,
    )


def _cut(level: Words) -> Words:
    return tuple(part for token in level for part in _split(token))


def _has(levels: list[Words], words: list[str]) -> bool:
    return any(word in token for level in levels for token in level for word in words)


def speaks_of(levels: list[Words], words: frozenset[str], han: list[str]) -> bool:
    """Whether one of the words stands in any level of the path."""
    return any(token in words for level in levels for token in level) or _has(levels, han)


def _find(above: Words, leaf: Words) -> tuple[dict[str, Naming], frozenset[str]]:
    """Kinds named by the leaf; by the level above where the leaf says nothing of its own."""
    line = above + leaf
    generic = all(token in _GENERIC or token.isdigit() for token in leaf)
    found = [
        (start, stop, entry)
        for start, stop, entry in (*_spans(line), *_numbered(line, len(above)))
        if stop > len(above) or (generic and stop == len(above))
    ]
    found = [
        span
        for span in found
        if not any(o[0] <= span[0] and span[1] <= o[1] and _size(o) > _size(span) for o in found)
    ]
    # the head of a compound stands last: a handle_note is a note, an address_city a city
    last = max((span[0] for span in found if not span[2].weak), default=0)
    found = [span for span in found if span[1] > last]
    namings: dict[str, Naming] = {}
    negated: set[str] = set()
    for start, stop, entry in found:
        before = line[min(start, len(above)) : start] if start >= len(above) else ()
        after = () if generic and stop <= len(above) else line[stop:]
        for kind in entry.kinds:
            if _taken_back(kind, before, after, line[start:stop], entry.word):
                negated.add(kind)
                continue
            rest = [t for t in (*before, *after) if not _says_nothing(t)]
            whole = _covers(line[start:stop], entry.word)
            strength = 1.0 if not rest and whole else 0.7
            naming = Naming(kind, strength, entry.weak, entry.word, entry.language)
            known = namings.get(kind)
            if known is None or (known.weak, -known.strength) > (naming.weak, -naming.strength):
                namings[kind] = naming
    return namings, frozenset(negated - set(namings))


Span = tuple[int, int, _Entry]
_PERSON_KEY = _Entry(("person_id",), "person id", "en", False)
_KEYS = _set(CONTEXT.keys)
# Before the word for the person, a word for a number counts persons: number of employees.
_KEYS_BEFORE = _KEYS - _set("no nr num number numer nummer nomor pk")
# Words for persons that have another meaning in keys: a tree's parent, a client of OAuth.
_NUMBERED = PEOPLE - _set(CONTEXT.unnumbered)
_LINKS = _set("de del da do di du des la of van von der")


def _size(span: Span) -> int:
    return (span[1] - span[0]) * 100 + len(span[2].word)


def _spans(line: Words) -> Iterator[Span]:
    spaced, unspaced, longest = _index()
    for start in range(len(line)):
        for stop in range(start + 1, min(start + longest, len(line)) + 1):
            for entry in spaced.get(line[start:stop], ()):
                yield start, stop, entry
        if _EAST.search(line[start]):
            for word, entries in unspaced.items():
                if word in line[start]:
                    for entry in entries:
                        yield start, start + 1, entry


def _numbered(line: Words, own: int) -> Iterator[Span]:
    """Keys of persons, however they are called: a word for a person beside one for a number."""
    for start in range(own, len(line) - 1):
        one, two = line[start], line[start + 1]
        at = start
        if one in _KEYS and two in _LINKS and start + 2 < len(line):
            at, two = start + 1, line[start + 2]
        owned = one in _NUMBERED and two in _KEYS
        if owned or (one in _KEYS_BEFORE and two in _NUMBERED):
            yield start, at + 2, _PERSON_KEY


def _says_nothing(token: str) -> bool:
    """Noise, a person, a number, or a prefix of one or two letters (`stName`, `v_name`)."""
    short = len(token) <= 2 and token.isascii() and token not in THINGS
    return short or token in _NOISE or token in PEOPLE or token.isdigit()


def _covers(matched: Words, word: str) -> bool:
    """In unspaced scripts a token may say more than the word; words for persons do not count."""
    if len(matched) != 1 or not _EAST.search(matched[0]):
        return True
    rest = matched[0].replace(fold(word), "")
    for person in _PEOPLE_HAN:
        rest = rest.replace(person, "")
    return len(rest) <= 1


# Families that are kept as codes of a list: the code and its name are the datum itself.
_CODED = frozenset(
    {"gender", "ethnicity", "religion", "nationality", "marital", "politics", "sexuality", "health"}
)
_LINKING = _set("id ids key")
_CODES = _set(
    "id status type level kind source concept code desc description label group class category"
    " key title option"
)


def _taken_back(kind: str, before: Words, after: Words, matched: Words, word: str) -> bool:
    coded = bool(BY_ID[kind].vocabulary) or BY_ID[kind].family in _CODED
    for token in after:
        key = token in _LINKING and BY_ID[kind].family == "health"  # diagnosis_id: of a list
        if token in _HEADS and (key or not (coded and token in _CODES)):
            return True
    if any(token in _FRONTS for token in before) and "boolean" not in BY_ID[kind].types:
        return True
    if len(matched) == 1 and _EAST.search(matched[0]):
        rest = matched[0].replace(fold(word), "")
        return any(head in rest for head in _HEADS_HAN)
    return False


def is_time(path: str) -> bool:
    """Whether the name is of a moment that something was observed at (no created_at, no expiry)."""
    leaf = read(path)
    words = frozenset(tokens(path.rsplit(".", 1)[-1]))
    if words & _NOT_TIMES or any(n.startswith(("birth", "death")) for n in leaf.namings):
        return False
    return bool(words & _TIMES)


_DEFAULT_SCHEMAS = frozenset({"public", "dbo", "main", "default"})


def collection_is(name: str) -> str:
    """What a collection is about, by its name: "people", "things", "carriers" (things of a
    person's doings, such as orders) or "". The last part that says anything decides; the schema
    that a server puts everything into says nothing.
    """
    *around, own = re.split(r"[./:*]+", name[-MAX_NAME:])
    for part in (own, *(part for part in reversed(around) if part not in _DEFAULT_SCHEMAS)):
        level = _cut(tokens(part))
        if level and level[-1] in _HEADS:  # member_level: levels, not members
            return "things"
        people = speaks_of([level], PEOPLE - _OWNERS, _PEOPLE_HAN)
        things = speaks_of([level], THINGS, _THINGS_HAN)
        if people or things:
            # the head noun is the last word: user_events are events, order_customers customers
            last = next((t for t in reversed(level) if t in PEOPLE or t in THINGS), "")
            if (last in PEOPLE and last not in _OWNERS) or not things:
                return "people"
            return "carriers" if last in _CARRIERS else "things"
    return ""
