"""The invented town of Velmora: residents and where cameras saw them. Seeded, without any I/O.

Nothing here is, or can reach, a person. Names, streets and firms are made up (`names.py`).
Telephone numbers are from the ranges Ofcom keeps free for drama; e-mail is at the domains of
RFC 2606; addresses of machines are from RFC 5737 and RFC 3849. The national id numbers have the
form and the right check letter of a Spanish DNI, so that a detector can find them, but all are
generated, and begin with 99. Postcodes begin with 99, where Spain's end at 52. The town lies in
open sea.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from leftopen.demo import names

SEED = 2019
PEOPLE = 3_000
FACES = 200
SIGHTINGS = 8_000
TRACKED = 400  # residents whom the cameras know; few enough that each has a trace
SEA = (45.20, -7.50)  # Bay of Biscay; degrees north and east

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
# Ofcom, "Telephone numbers for use in TV and radio drama programmes": 1,000 numbers each.
_DRAMA = (
    "+44 7700 900", "+44 1632 960", "+44 20 7946 0", "+44 113 496 0", "+44 114 496 0",
    "+44 115 496 0", "+44 116 496 0", "+44 117 496 0", "+44 118 496 0", "+44 121 496 0",
)  # fmt: skip
_MAIL = ("example.org", "example.net", "example.com")
_TODAY = date(2025, 6, 1)  # ages are reckoned from here, so that the people do not change

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera: its sign, what it looks at, and where it hangs (degrees)."""

    sign: str
    place: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Resident:
    """One invented person. `employer` and `job` are None for those who are too young or old."""

    number: int
    given: str
    family: str
    gender: str
    birth_date: date
    dni: str
    ethnicity: str
    religion: str
    employer: str | None
    job: str | None
    house: int
    street: str
    district: str
    postcode: str
    phone: str
    email: str

    @property
    def full_name(self) -> str:
        return f"{self.given} {self.family}"

    @property
    def age(self) -> int:
        return (_TODAY - self.birth_date).days // 365


@dataclass(frozen=True, slots=True)
class Town:
    """Velmora: who lives there, and the cameras that look on."""

    residents: tuple[Resident, ...]
    cameras: tuple[Camera, ...]


def dice(*seed: object) -> random.Random:
    """A seeded source of chance: the same seed tells the same town on every machine."""
    return random.Random("\n".join(map(str, seed)))  # noqa: S311 - invents data, guards nothing


def dni(number: int) -> str:
    """The number with the check letter of a Spanish DNI (number modulo 23)."""
    return f"{number:08d}{_DNI_LETTERS[number % 23]}"


def ip(chance: random.Random) -> str:
    """An address from the documentation ranges (RFC 5737, RFC 3849)."""
    if chance.random() < 0.15:
        return f"2001:db8:{chance.randrange(1 << 16):x}::{chance.randrange(1, 1 << 16):x}"
    net = chance.choice(("192.0.2", "198.51.100", "203.0.113"))
    return f"{net}.{chance.randrange(1, 255)}"


def town(people: int = PEOPLE, seed: int = SEED) -> Town:
    """The town with so many residents (at most 10,000: one drama number each)."""
    if not 0 < people <= 1_000 * len(_DRAMA):
        raise ValueError("people: 1 to 10,000")
    chance = dice(seed, "town")
    ids = chance.sample(range(99_000_000, 100_000_000), people)
    return Town(
        residents=tuple(_resident(chance, number, ids[number]) for number in range(people)),
        cameras=tuple(_camera(chance, number) for number in range(60)),
    )


def _resident(chance: random.Random, number: int, document: int) -> Resident:
    woman = chance.random() < 0.51
    given = chance.choice(names.GIVEN_WOMEN if woman else names.GIVEN_MEN)
    family = chance.choice(names.FAMILY)
    age = min(int(chance.triangular(0, 96, 38)), 95)
    works = 18 <= age < 67 and chance.random() < 0.85
    district = chance.randrange(len(names.DISTRICTS))
    return Resident(
        number=number + 1,
        given=given,
        family=family,
        gender="female" if woman else "male",
        birth_date=_TODAY - timedelta(days=age * 365 + chance.randrange(365)),
        dni=dni(document),
        ethnicity=_weighted(chance, names.ETHNICITIES),
        religion=_weighted(chance, names.RELIGIONS),
        employer=chance.choice(names.EMPLOYERS) if works else None,
        job=chance.choice(names.JOBS) if works else None,
        house=chance.randrange(1, 140),
        street=chance.choice(names.STREETS),
        district=names.DISTRICTS[district],
        postcode=f"99{district + 1:03d}",
        phone=f"{_DRAMA[number // 1_000]}{number % 1_000:03d}",
        email=f"{given}.{family}{number + 1}@{chance.choice(_MAIL)}".lower(),
    )


def _camera(chance: random.Random, number: int) -> Camera:
    return Camera(
        sign=f"VLM-{number + 1:03d}",
        place=names.PLACES[number % len(names.PLACES)],
        lat=round(SEA[0] + chance.uniform(-0.03, 0.03), 6),
        lon=round(SEA[1] + chance.uniform(-0.04, 0.04), 6),
    )


def _weighted(chance: random.Random, choices: Sequence[tuple[T, int]]) -> T:
    return chance.choices([c for c, _ in choices], [weight for _, weight in choices])[0]


def face(number: int, seed: int = SEED) -> list[float]:
    """A vector of 128 numbers and length 1, like a face embedding; it was made from no face."""
    chance = dice(seed, "face", number)
    raw = [chance.gauss(0, 1) for _ in range(128)]
    length = math.sqrt(sum(x * x for x in raw))
    return [round(x / length, 6) for x in raw]


def sighting(chance: random.Random, place: Town, at: datetime) -> dict[str, Any]:
    """One tracked resident before one of their few cameras, at the moment `at` (UTC)."""
    who = chance.choice(place.residents[:TRACKED])
    ways = dice(SEED, "ways", who.number).sample(place.cameras, 4)
    camera = chance.choices(ways, (6, 5, 2, 1))[0]
    return {
        "person_id": who.number,
        "ts": at,
        "lat": round(camera.lat + chance.gauss(0, 0.0001), 6),
        "lon": round(camera.lon + chance.gauss(0, 0.0001), 6),
        "camera": camera.sign,
        "place": camera.place,
    }


def sightings(place: Town, until: datetime, count: int = SIGHTINGS) -> Iterator[dict[str, Any]]:
    """`count` sightings of the day that ends at `until` (aware), oldest first.

    They depend on the town and on `until`, cut to the second, and on nothing else.
    """
    until = until.astimezone(UTC).replace(microsecond=0)
    chance = dice(SEED, "sightings", until.isoformat())
    step = timedelta(days=1) / max(count, 1)
    for number in range(count):
        at = until - step * (count - number)
        # Databases keep milliseconds; what goes in is what comes out.
        yield sighting(chance, place, at.replace(microsecond=at.microsecond // 1000 * 1000))
