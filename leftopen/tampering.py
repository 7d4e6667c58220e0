"""Whether a store's names and shapes match what earlier visitors are known to have left.

Runs where the raw names are, in the sampling process, and gives back ids of `tampering.toml` only:
no name and no text of a note. A match says that something "matches a known pattern", no more.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal, cast, get_args

from leftopen.model import Tampering

Family = Literal[
    "ransom_note", "read_me", "wiper", "defacement", "cron_job", "rogue_replication", "wiped"
]
Where = Literal["database", "collection", "name", "field", "setting"]
Sure = Literal["high", "medium", "low"]

MAX_NAME = 256  # characters of a name that are looked at
MAX_FIELDS = 64  # fields of a collection that are looked at
MAX_SEEN = 10_000  # collections and settings that are looked at

WIPED = "wiped"  # the indicator of a store that holds a note and nothing else
_LEFT_BEHIND = frozenset({"ransom_note", "read_me", "wiper", "defacement"})
_FEW_FIELDS = 8  # the notes that were published have at most six

# What separates the database from the rest of a collection's name; none where there is no database.
_SEPARATORS = {
    "mongodb": ".", "mysql": ".", "postgresql": ".", "cassandra": ".", "clickhouse": ".",
    "influxdb": ".", "trino": ".", "redis": "/", "s3": "/", "webhdfs": "/", "arangodb": "/",
}  # fmt: skip
_NO_LETTERS = re.compile(r"[^a-z0-9]+")
# The fields of notes, without case and separators (fields of Merrigan's and Gevers' list of 2017).
_PAYMENT = frozenset(
    {
        "btc", "bitcoin", "bitcoins", "btcaddress", "bitcoinaddress", "btcwallet", "bitcoinwallet",
        "wallet", "walletaddress", "btcadress", "bitcoinadress", "monero", "moneroaddress",
    }
)  # fmt: skip
_CONTACT = frozenset({"email", "mail", "emailaddress", "contact", "contactemail", "telegram"})
_TEXT = frozenset(
    {"note", "message", "warning", "info", "text", "content", "readme", "description", "body"}
)
_BESIDE = frozenset(
    {"id", "alias", "amount", "price", "time", "date", "ip", "uniquekey", "key", "value"}
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A collection as its engine names it: its fields' paths and its number of records, None where
    the store tells none. With `setting`, a setting of the server instead, named `name=value`.
    """

    name: str
    fields: Sequence[str] = ()
    records: int | None = None
    setting: bool = False


@dataclass(frozen=True, slots=True)
class Indicator:
    """An entry of `tampering.toml`; its head says what each part means."""

    id: str
    family: Family
    engines: frozenset[str]
    where: Where
    pattern: re.Pattern[str]
    what: str
    sure: Sure
    source: str
    note: bool = False
    fields: bool = False
    records: int | None = None
    distinct: int = 1

    def matches(self, seen: _Looked) -> bool:
        """Whether one collection or setting matches; `distinct` is for the caller to count."""
        if seen.setting != (self.where == "setting"):
            return False
        if self.records is not None and (seen.records or 0) > self.records:
            return False
        if self.note and not seen.note:
            return False
        if self.fields and seen.fields > _FEW_FIELDS:
            return False
        if self.where == "field":  # without a name to go by, the number must be known
            return seen.demand and seen.records is not None
        return any(self.pattern.fullmatch(part) for part in seen.parts(self.where))


@dataclass(frozen=True, slots=True)
class _Looked:
    """What is compared of a collection: its name's parts as words, and what its fields are."""

    database: str
    rest: str
    whole: str
    records: int | None
    fields: int
    note: bool
    demand: bool
    setting: bool

    def parts(self, where: Where) -> tuple[str, ...]:
        if where == "database":
            return (self.database,)
        if where == "collection":
            return self.rest, self.whole
        return self.database, self.rest, self.whole


def indicators(engine: str, collections: Iterable[Seen]) -> tuple[Tampering, ...]:
    """The indicators that a store's collections and settings match, each once, sorted.

    `collections` are all that the store has, so that `wiped` can be told: something was left
    behind, and nothing else has records. A number of records that is not known counts as some.
    """
    matched: dict[str, set[str]] = {}
    left_behind = others = False
    for number, seen in enumerate(collections):
        if number >= MAX_SEEN:  # what was not looked at may have records
            others = True
            break
        looked = _look(engine, seen)
        found = [one for one in INDICATORS if _known_from(one, engine) and one.matches(looked)]
        for one in found:
            matched.setdefault(one.id, set()).add(looked.whole)
        if any(one.family in _LEFT_BEHIND for one in found):
            left_behind = True
        elif not seen.setting and seen.records != 0:
            others = True
    made = {
        Tampering(one.id, one.family)
        for one in INDICATORS
        if len(matched.get(one.id, ())) >= one.distinct
    }
    if left_behind and not others:
        made.add(Tampering(WIPED, WIPED))
    return tuple(sorted(made))


def _known_from(indicator: Indicator, engine: str) -> bool:
    return not indicator.engines or engine in indicator.engines


def _look(engine: str, seen: Seen) -> _Looked:
    name = unicodedata.normalize("NFKC", seen.name[:MAX_NAME])
    if seen.setting:
        whole = name.lower()[:MAX_NAME]
        return _Looked("", whole, whole, None, 0, False, False, True)
    database, rest = _split(engine, name)
    fields = {_squeezed(path) for path in seen.fields[:MAX_FIELDS]} - {""}
    known = fields <= _PAYMENT | _CONTACT | _TEXT | _BESIDE and len(seen.fields) <= _FEW_FIELDS
    paid, reached = bool(fields & _PAYMENT), bool(fields & _CONTACT)
    told = known and bool(fields & _TEXT)
    return _Looked(
        _words(database), _words(rest), _words(name), seen.records, len(seen.fields),
        told and (paid or reached), told and paid and reached, False,
    )  # fmt: skip


def _split(engine: str, name: str) -> tuple[str, str]:
    """The database of a name ("" where it has none), and its last part (PostgreSQL: the table
    without its schema)."""
    separator = _SEPARATORS.get(engine)
    if separator is None:
        return "", name
    database, _, rest = name.partition(separator)
    if engine == "postgresql":
        rest = rest.partition(separator)[2] or rest
    return (database, rest) if rest else ("", name)


def _words(name: str) -> str:
    return _NO_LETTERS.sub("_", name.lower()).strip("_")[:MAX_NAME]


def _squeezed(path: str) -> str:
    """The last part of a field's path without case and separators."""
    last = unicodedata.normalize("NFKC", path[-MAX_NAME:]).rpartition(".")[2]
    return _NO_LETTERS.sub("", last.lower())


def _load() -> tuple[Indicator, ...]:
    """The entries of `tampering.toml`. Raises ValueError or TypeError where one is wrong."""
    text = files("leftopen").joinpath("tampering.toml").read_text(encoding="utf-8")
    made = tuple(_indicator(entry) for entry in tomllib.loads(text)["indicator"])
    if len({one.id for one in made}) < len(made):
        raise ValueError("tampering.toml: an id comes twice")
    return made


def _indicator(entry: Mapping[str, Any]) -> Indicator:
    for name, allowed in (("family", Family), ("where", Where), ("sure", Sure)):
        if entry[name] not in get_args(allowed):
            raise ValueError(f"tampering.toml: {entry['id']} has no such {name}")
    told = dict(entry)
    told["pattern"] = re.compile(entry["pattern"], re.ASCII)
    told["engines"] = frozenset(cast("list[str]", entry["engines"]))
    return Indicator(**told)  # an unknown part is a TypeError


INDICATORS = _load()
_WIPED_MEANS = "a note, and nothing else is left (wiped)"
_WHAT = {one.id: one.what for one in INDICATORS} | {WIPED: _WIPED_MEANS}


def what(indicator: str) -> str:
    """What an indicator is, for a report; its id where this version does not know it."""
    return _WHAT.get(indicator, indicator)
