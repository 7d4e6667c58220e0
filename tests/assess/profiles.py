"""Short ways to write profiles in tests."""

from __future__ import annotations

import json
from pathlib import Path

from leftopen.model import CollectionProfile, FieldProfile, Profile, Service, Vantage, Verdict

_FAMILIES = json.loads((Path(__file__).parents[1] / "data" / "families.json").read_text())
SPECIAL = frozenset(_FAMILIES["special"])


# Kinds whose first part is not the family's name.
_FAMILY = {
    "birth": "birth_date", "trace": "location_trace", "device": "device_id", "place": "place_label",
}  # fmt: skip


def field(
    path: str, kind: str, confidence: float = 0.95, special: bool | None = None
) -> FieldProfile:
    """A field whose family is told by the first part of its kind."""
    first = kind.split(".")[0]
    family = _FAMILY.get(first, first)
    marked = family in SPECIAL if special is None else special
    return FieldProfile(path, kind, family, marked, confidence, 1.0, 100)


def collection(name: str = "db.things", /, **kinds: str) -> CollectionProfile:
    """A collection of 100 sampled records; keywords are field names and their kinds."""
    fields = tuple(field(path, kind) for path, kind in kinds.items())
    return CollectionProfile(name, 1_000, 64_000, 100, fields)


def profile(*collections: CollectionProfile, complete: bool = True) -> Profile:
    return Profile(collections, complete, ("find",), 4_096)


def service(vantage: Vantage = Vantage.PUBLIC, verdict: Verdict = Verdict.OPEN) -> Service:
    return Service("127.0.0.2", 27017, verdict, vantage, "listed and read", engine="mongodb")
