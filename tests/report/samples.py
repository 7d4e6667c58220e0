"""A fixed run with everything a report can meet, and one whose every name is hostile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from leftopen.assess import assess
from leftopen.model import (
    CollectionProfile,
    Exposure,
    FieldProfile,
    Profile,
    Run,
    ScanError,
    Service,
    Stage,
    Vantage,
    Verdict,
)

STARTED = datetime(2026, 11, 21, 8, 0, 12, tzinfo=UTC)
LONG = "n" * 10_000
NASTY = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil.example","click")',
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "\u202egnp.exe\u2066\u2069\u202a",
    "zero\u200bwidth\ufeff\u2060",
    "line\nbreak\r\x00\x7f\u2028",
    "'\"><img src=x onerror=y>",
    "[bold red]markup[/bold red] :smile:",
    "{{ 7*7 }}{% raw %}",
    "\ud800lone",
    "a" + "\u0301" * 50,
    LONG,
)


def field(path: str, kind: str, confidence: float = 0.97, special: bool = False) -> FieldProfile:
    return FieldProfile(path, kind, kind.split(".")[0], special, confidence, 0.992, 200)


def exposure(service: Service, *collections: CollectionProfile, complete: bool = True) -> Exposure:
    profile = Profile(collections, complete, service.requests, service.bytes_read)
    return Exposure(service, profile, assess(service, profile))


def service(address: str, port: int, verdict: Verdict, reason: str, **more: object) -> Service:
    plain = Service(address, port, verdict, Vantage.LOOPBACK, reason)
    return replace(plain, **more)  # type: ignore[arg-type]  # the fields of Service, by name


MONGODB = service(
    "127.0.0.2", 27017, Verdict.OPEN, "listed databases and read a record without credentials",
    engine="mongodb", version="7.0.14", can_write="yes", verified="real",
    requests=("hello", "listDatabases", "listCollections", "collStats", "aggregate"),
    bytes_read=2_204_331,
)  # fmt: skip
REDIS = service(
    "::1", 6379, Verdict.OPEN, "answered a read without credentials",
    engine="redis", version="6.2.14", verified="real", requests=("INFO", "SCAN", "TYPE", "GET"),
    bytes_read=88_120,
)  # fmt: skip
OPENSEARCH = service(
    "10.20.0.7", 9200, Verdict.OPEN_PARTIAL, "tells what it is, but not which indices it holds",
    engine="elasticsearch", product="OpenSearch", version="2.17.0", verified="real", tls=True,
    requests=("GET /", "GET /_cat/indices"), bytes_read=911, vantage=Vantage.PRIVATE,
    host="search.velmora.example", can_write="no",
)  # fmt: skip
UNREAD = service(
    "127.0.0.9", 5432, Verdict.OPEN, "let a role in without a password and answered a read",
    engine="postgresql", version="18.1", verified="real",
)  # fmt: skip

PEOPLE = CollectionProfile(
    "town.people", 3_000, 1_871_004, 1_000,
    (
        field("_id", "none"),
        field("dni", "gov_id.es.dni", 0.99),
        field("name.given", "name.given", 0.93),
        field("name.family", "name.family", 0.91),
        field("birth_date", "birth_date", 0.98),
        field("ethnicity", "ethnicity", 0.9, special=True),
        field("religion", "religion", 0.88, special=True),
        field("contact.email", "email", 1.0),
        field("contact.phone", "phone", 0.97),
        field("address.street", "address", 0.86),
        field("address.postcode", "postcode", 0.9),
        field("face", "face_embedding", 0.84, special=True),
        field("note", "free_text", 0.31),
        field("person_id", "person_id", 0.7),
    ),
)  # fmt: skip
SIGHTINGS = CollectionProfile(
    "town.sightings", 8_112, 1_002_411, 1_000,
    (
        field("person_id", "person_id", 0.74),
        field("ts", "none", 1.0),
        field("lat", "location_trace", 0.94),
        field("lon", "location_trace", 0.94),
        field("place", "place_label", 0.66),
    ),
)  # fmt: skip
CAMERAS = CollectionProfile("town.cameras", 60, 9_120, 60, (field("sign", "none", 1.0),))
SESSIONS = CollectionProfile(
    "sess:*", 412, None, 412,
    (field("user", "username", 0.8), field("ip", "ip", 1.0), field("token", "secret", 0.92)),
)  # fmt: skip

RUN = Run(
    id="3f9c2a7d1b04",
    started=STARTED,
    finished=STARTED + timedelta(minutes=1, seconds=7),
    version="0.1.0",
    host="probe-1",
    scope={"owner": "Town of Velmora", "reference": "AUD-2026-11", "sha256": "ab" * 32},
    complete=False,
    services=(
        MONGODB,
        REDIS,
        OPENSEARCH,
        UNREAD,
        service("127.0.0.3", 27017, Verdict.AUTH_REQUIRED, "asks for credentials (code 13)",
                engine="mongodb", version="7.0.14", verified="real", requests=("hello",)),
        service("127.0.0.4", 6379, Verdict.ACL_CLOSED, "protected mode refuses this address",
                engine="redis", verified="real", requests=("INFO",)),
        service("127.0.0.5", 5432, Verdict.NOT_THIS,
                "answers, but speaks no datastore protocol known here"),
        service("127.0.0.6", 9200, Verdict.UNDETERMINED,
                "accepts connections and closes them without a word"),
    ),
    exposures=(
        exposure(REDIS, SESSIONS),
        exposure(MONGODB, CAMERAS, SIGHTINGS, PEOPLE, complete=False),
        exposure(OPENSEARCH),
    ),
    errors=(ScanError("127.0.0.2", 27017, Stage.SAMPLE, "ServerRefused", "13"),),
    targets=65_536,
)  # fmt: skip


def hostile() -> Run:
    """A run in which every text that a server can influence is hostile, and every name its own."""
    collections = tuple(
        CollectionProfile(
            name, 2**70, -1, 3, (field(name, "email"), field(f"{name}.{name}", "none"))
        )
        for name in NASTY
    )
    bad = replace(MONGODB, version=NASTY[0], product=NASTY[2], host=NASTY[3], reason=NASTY[6])
    return replace(
        RUN,
        host=NASTY[4],
        scope={"owner": NASTY[0], "reference": NASTY[2], "sha256": None},
        services=(bad, replace(bad, port=1, verdict=Verdict.UNDETERMINED), UNREAD),
        exposures=(exposure(bad, *collections),),
        errors=(ScanError("127.0.0.2", 1, Stage.PROBE, NASTY[2], NASTY[0]),),
    )


EMPTY = replace(RUN, complete=True, services=(), exposures=(), errors=(), targets=0)
