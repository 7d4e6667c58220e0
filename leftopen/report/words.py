"""What reports call things: families of data, bands, verdicts, vantages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from leftopen.model import Band, Vantage, Verdict

FAMILIES = {
    "name": "names",
    "username": "user names",
    "email": "e-mail addresses",
    "phone": "telephone numbers",
    "address": "postal addresses",
    "locality": "places of residence",
    "postcode": "postcodes",
    "birth_date": "birth dates",
    "age": "ages",
    "death_date": "dates of death",
    "gov_id": "ID numbers",
    "person_id": "person numbers",
    "gender": "gender",
    "nationality": "nationality",
    "marital": "marital status",
    "ethnicity": "ethnic origin",
    "religion": "religious belief",
    "politics": "political opinion",
    "health": "health",
    "sexuality": "sexual life",
    "trade_union": "trade-union membership",
    "face_embedding": "face vectors",
    "face_image": "face pictures",
    "fingerprint": "fingerprints",
    "gps": "coordinates",
    "location_trace": "location traces",
    "employer": "employers",
    "job": "occupations",
    "finance": "income or balances",
    "card": "payment cards",
    "bank": "bank accounts",
    "secret": "passwords or keys",
    "ip": "IP addresses",
    "device_id": "device numbers",
    "vehicle": "vehicles",
    "free_text": "free text",
    "education": "education",
    "family_tie": "family relations",
    "social_account": "social-network accounts",
    "travel": "journeys",
    "housing": "housing",
    "welfare": "benefits or scores",
    "criminal": "criminal matters",
    "genetic": "genetic data",
    "iris": "iris scans",
    "voice": "voice prints",
    "place_label": "kinds of places visited",
}

# Those that tell the most of a person, in the order in which they are named; the rest follows.
FIRST = (
    "location_trace", "gov_id", "secret", "card", "finance", "bank", "name", "birth_date",
    "address", "email", "phone",
)  # fmt: skip

BANDS: dict[Band, str] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "very_high": "very high",
}

VERDICTS = {
    Verdict.OPEN: "open to anyone who asks",
    Verdict.OPEN_PARTIAL: "partly open",
    Verdict.PASSWORDLESS: "open without a password",
    Verdict.AUTH_REQUIRED: "locked: asks for credentials",
    Verdict.ACL_CLOSED: "locked: refuses this address or certificate",
    Verdict.UNDETERMINED: "not determined",
    Verdict.DECOY: "a decoy",
    Verdict.NOT_THIS: "no datastore known here",
    Verdict.CLOSED: "closed",
    Verdict.SILENT: "silent, which is not closed",
    Verdict.REFUSED_BY_SCOPE: "outside the scope",
    Verdict.ERROR: "failed to judge",
}

VANTAGES = {
    Vantage.LOOPBACK: "Open from loopback is not open to the internet.",
    Vantage.PRIVATE: "Open from a private network is not open to the internet.",
    Vantage.PUBLIC: "It answered at a public address: whoever can reach that can read it.",
}

CAN_WRITE = {
    "yes": "It says that anyone may write to it, too; leftopen did not try.",
    "no": "It says that it cannot be written to without credentials.",
    "unknown": "Whether anyone may write to it is not known; leftopen does not try.",
}

SCRIPTED = (
    "This engine was verified against scripted answers only, made from the vendor's documentation."
)

TRACES = "traces of single people: where each of them went, and when"

SINCE = {
    "started": "up since {}",
    "log": "its log begins on {}",
    "created": "its data was created on {}",
}

PLACES = {
    "worship": "places of worship",
    "clinic": "clinics",
    "school": "schools",
    "hotel": "hotels",
    "police": "police posts",
    "prison": "prisons",
    "court": "courts",
    "shelter": "shelters",
    "night": "night clubs, casinos or brothels",
    "politics": "offices of parties or unions",
}

UNCHANGED = "No material change: the figures are those of an earlier run."

NEVER = (
    "It never writes to, changes, locks or deletes anything in a store.",
    "It never guesses or tries a credential.",
    "It never leaves its scope, whatever a server's reply says.",
    "It never keeps, shows or sends a person's data; this report holds names of collections and "
    "fields, kinds of data and counts.",
    "It never recognises anybody.",
)


def place(kind: str) -> str:
    """What a report calls a kind of place."""
    return PLACES.get(kind, kind.replace("_", " "))


def country(code: str) -> str:
    """The name of a country by its ISO 3166-1 code."""
    return _countries().get(code, code)


@cache
def _countries() -> dict[str, str]:
    from leftopen import atlas  # only reports of stores with places need it

    return {each.code: each.name for each in atlas.countries()}


def listed(texts: Sequence[str]) -> str:
    """`Spain, France and Italy`."""
    *first, last = texts or ("",)
    return f"{', '.join(first)} and {last}" if first else last


def order(family: str) -> int:
    """Where a family stands among those that tell the most."""
    return FIRST.index(family) if family in FIRST else len(FIRST)


def family(name: str) -> str:
    """What a report calls a family; one that leftopen does not know by its own name."""
    return FAMILIES.get(name, name.replace("_", " "))
