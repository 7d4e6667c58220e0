"""A fixed run with everything a report can meet, and one whose every name is hostile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import h3

from leftopen.assess import assess
from leftopen.model import (
    Arrivals,
    Cell,
    CollectionProfile,
    Composition,
    Cost,
    Exposure,
    FieldProfile,
    Mirror,
    People,
    Place,
    PlaceKind,
    Profile,
    Run,
    ScanError,
    Service,
    Share,
    Stage,
    Time,
    TimeField,
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


# What the seeds tell of: a town's faces and positions, a shop that serves the same people, a part
# of both in a search index, a handful of doctors, and a store of which a sample cannot tell.
CENTRES = (
    (43.82, 87.61, 3), (39.47, 75.99, 2), (37.11, 79.92, 2), (41.17, 80.26, 1), (43.91, 81.32, 1),
    (41.76, 86.15, 1), (42.95, 89.19, 1), (42.82, 93.51, 0), (44.85, 82.07, 0), (47.84, 88.14, 0),
)  # fmt: skip
BANDS = ("10–100", "100–1,000", "1,000–10,000", "10,000–100,000", "100,000–1,000,000")


def cells(centres: tuple[tuple[float, float, int], ...] = CENTRES) -> tuple[Cell, ...]:
    """Cells around centres, with the more people the nearer: (latitude, longitude, rings)."""
    held = {}
    for latitude, longitude, rings in centres:
        middle = h3.latlng_to_cell(latitude, longitude, 4)
        for cell in h3.grid_disk(middle, rings):
            held[cell] = BANDS[1 + rings - h3.grid_distance(middle, cell)]
    return tuple(Cell(cell, band) for cell, band in sorted(held.items()))


BY_HOUR = (
    241, 203, 176, 158, 149, 152, 171, 214, 268, 310, 331, 342, 351, 349, 338, 334, 341, 352, 349,
    330, 318, 309, 294, 281,
)  # fmt: skip
ARRIVALS = tuple(
    Arrivals(f"{STARTED - timedelta(hours=24 - n):%Y-%m-%dT%H:00Z}", 1_000 * thousands)
    for n, thousands in enumerate(BY_HOUR)
)
FACES = replace(
    MONGODB, version="4.0.3", vantage=Vantage.PUBLIC, address="198.51.100.20", host=None,
    bytes_read=41_204_331,
)  # fmt: skip
SHOP = replace(UNREAD, address="198.51.100.21", bytes_read=9_204_331, vantage=Vantage.PUBLIC)
INDEX = service(
    "198.51.100.22", 9200, Verdict.OPEN, "listed indices and read a record without credentials",
    engine="elasticsearch", product="OpenSearch", version="2.17.0", verified="real",
    requests=("GET /_cat/indices",), bytes_read=20_911, vantage=Vantage.PUBLIC,
)  # fmt: skip
CLINIC = replace(REDIS, address="198.51.100.23", vantage=Vantage.PUBLIC)
MEASURED_FACES = Profile(
    (
        replace(
            PEOPLE, name="db.person", records=2_565_724, bytes=3_871_004_112,
            people=People(2_570_000, 2_570_000, 2_570_000, "a unique index of its ID numbers"),
        ),
        replace(SIGHTINGS, name="db.track", records=48_112_004, bytes=9_002_411_000),
        replace(CAMERAS, name="db.camera"),
    ),
    True, FACES.requests, FACES.bytes_read,
    people=People(
        2_570_000, 2_560_000, 2_570_000, "a unique index of its ID numbers",
        deduplicated_across=("db.person", "db.track"),
    ),
    time=Time(
        oldest_year=2025, newest="2026-11-21", records_per_day=6_680_000, low=6_650_000,
        high=6_710_000, method="counts of 24 ranges of an index", live=True, seconds_apart=5.0,
        since="2026-07-03", since_by="created", arrivals=ARRIVALS,
        fields=(
            TimeField("db.track", "ts", "event"), TimeField("db.person", "birth_date", "birth"),
        ),
    ),
    place=Place(
        cells(), ("CN",), traces=True, hidden=True,
        method="positions in 1,000 of 1,000 records looked at",
        kinds=(
            PlaceKind("hotel", 412_000, 398_000, 427_000),
            PlaceKind("worship", 96_500, 90_100, 103_000),
            PlaceKind("school", 51_000, 46_300, 56_000),
            PlaceKind("clinic", 12_300, 10_200, 14_700),
        ),
    ),
    composition=(
        Composition(
            "db.person.ethnicity", "ethnicity",
            (Share("Uyghur", 0.478), Share("Han", 0.391), Share("Kazakh", 0.062),
             Share("Hui", 0.044), Share("Kyrgyz", 0.011), Share("other", 0.014)),
            "discrete Laplace of scale 4", 0.5, 50,
        ),
    ),
)  # fmt: skip
MEASURED_SHOP = Profile(
    (replace(SESSIONS, name="shop.public.customers", records=1_000_000, bytes=201_000_000),),
    True, SHOP.requests, SHOP.bytes_read,
    people=People(
        1_000_000, 6_700, 6_680_000, "a sample of 1,000 records", deep=Cost(167_772_160, 35.2)
    ),
    time=Time(oldest_year=2019, newest="2026-11-20", since="2026-09-30", since_by="started"),
    place=Place((), ("CN", "KZ"), method="countries of postal addresses"),
)  # fmt: skip
MEASURED_INDEX = Profile(
    (replace(SESSIONS, name="person-copy", records=600_000, bytes=88_000_000),),
    True, INDEX.requests, INDEX.bytes_read,
    people=People(600_000, 594_000, 606_000, "an approximate count by the server"),
    time=Time(newest="2026"), unchanged=True,
)  # fmt: skip
MEASURED_CLINIC = Profile(
    (replace(SESSIONS, name="doctor:*", records=10, bytes=1_420, sampled=10, few=True),),
    True, CLINIC.requests, CLINIC.bytes_read,
    people=People(10, 0, 10, "all of its records", few=True), time=Time(),
    place=Place(hidden=True),
)  # fmt: skip


def _rated(service: Service, profile: Profile) -> Exposure:
    return Exposure(service, profile, assess(service, profile))


_MEASURED = (
    _rated(FACES, MEASURED_FACES),
    _rated(SHOP, MEASURED_SHOP),
    _rated(INDEX, MEASURED_INDEX),
    _rated(CLINIC, MEASURED_CLINIC),
)
MEASURED = replace(
    RUN,
    complete=True,
    services=(FACES, SHOP, INDEX, CLINIC),
    exposures=_MEASURED,
    errors=(),
    people=People(
        3_170_000, 3_160_000, 3_190_000, "the union of sketches of ID numbers",
        deduplicated_across=tuple(each.id for each in _MEASURED),
        mirrors=(Mirror(_MEASURED[2].id, _MEASURED[0].id, 0.95),),
    ),
)  # fmt: skip


def hostile() -> Run:
    """A run in which every text that a server can influence is hostile, and every name its own."""
    collections = tuple(
        CollectionProfile(
            name, 2**70, -1, 3, (field(name, "email"), field(f"{name}.{name}", "none"))
        )
        for name in NASTY
    )
    people = People(
        2**70, 0, 2**80, NASTY[0], deduplicated_across=NASTY,
        mirrors=tuple(Mirror(name, name, 1.0) for name in NASTY), deep=Cost(2**90, 1e18),
    )  # fmt: skip
    bad = replace(MONGODB, version=NASTY[0], product=NASTY[2], host=NASTY[3], reason=NASTY[6])
    store = exposure(bad, *collections)
    measures: dict[str, Any] = {
        "people": people,
        "time": Time(
            newest="2026-11-21", records_per_day=1e300, low=0.0, high=1e301, method=NASTY[6],
            arrivals=tuple(Arrivals(each.hour, 2**90) for each in ARRIVALS),
            fields=tuple(TimeField(name, name, "event") for name in NASTY),
        ),
        "place": Place(
            (Cell("8425b03ffffffff", NASTY[0]), Cell("000000000000000", "10-99")), ("CN", "ZZ"),
            kinds=tuple(PlaceKind(name, 2**70, 0, 2**80) for name in NASTY), method=NASTY[0],
        ),
        "composition": tuple(
            Composition(name, "ethnicity", tuple(Share(n, 1.0) for n in NASTY), NASTY[6], 1.0, 10)
            for name in NASTY
        ),
    }  # fmt: skip
    return replace(
        RUN,
        host=NASTY[4],
        scope={"owner": NASTY[0], "reference": NASTY[2], "sha256": None},
        services=(bad, replace(bad, port=1, verdict=Verdict.UNDETERMINED), UNREAD),
        exposures=(replace(store, profile=replace(store.profile, **measures)),),
        people=people,
        errors=(ScanError("127.0.0.2", 1, Stage.PROBE, NASTY[2], NASTY[0]),),
    )


EMPTY = replace(RUN, complete=True, services=(), exposures=(), errors=(), targets=0)
