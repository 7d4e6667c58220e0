"""Values that are no personal data, and look as if they might be."""

from __future__ import annotations

import hashlib
import random
import uuid
from datetime import UTC, datetime, timedelta

from bench.labelled.official import Maker


def any_of(*words: object) -> Maker:
    return lambda r: r.choice(words)


def whole(low: int, high: int) -> Maker:
    return lambda r: r.randint(low, high)


def real(low: float, high: float, places: int = 2) -> Maker:
    return lambda r: round(r.uniform(low, high), places)


def digits(width: int) -> Maker:
    return lambda r: str(r.randint(10 ** (width - 1), 10**width - 1))


def pattern(shape: str) -> Maker:
    """`#` becomes a digit, `?` a capital, `~` a small letter."""
    parts = {
        "#": "0123456789", "?": "ABCDEFGHJKLMNPRSTUVWXYZ", "~": "abcdefghijkmnopqrstuvwxyz",
    }  # fmt: skip
    return lambda r: "".join(r.choice(parts[c]) if c in parts else c for c in shape)


def failing(width: int) -> Maker:
    """Digits of which the last is never the Luhn digit of the others."""

    def make(r: random.Random) -> str:
        body = "".join(r.choice("0123456789") for _ in range(width - 1))
        wrong = (luhn_digit(body) + r.randint(1, 9)) % 10
        return f"{body}{wrong}"

    return make


def luhn_digit(body: str) -> int:
    """The digit that makes the body pass the Luhn test."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


def a_uuid(r: random.Random) -> str:
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


def hexadecimal(size: int) -> Maker:
    return lambda r: hashlib.sha512(r.randbytes(8)).hexdigest()[:size]


def version(r: random.Random) -> str:
    return f"{r.randint(0, 12)}.{r.randint(0, 40)}.{r.randint(0, 99)}"


def moment(r: random.Random) -> datetime:
    return datetime(2021, 1, 1) + timedelta(seconds=r.randrange(120_000_000))  # noqa: DTZ001 - stores give naive times


def moment_text(r: random.Random) -> str:
    return moment(r).strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch(r: random.Random) -> int:
    return int(moment(r).replace(tzinfo=UTC).timestamp())


def epoch_ms(r: random.Random) -> int:
    return epoch(r) * 1000 + r.randrange(1000)


def ean(r: random.Random) -> str:
    body = "40" + "".join(r.choice("0123456789") for _ in range(10))
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body))
    return f"{body}{-total % 10}"


def isbn(r: random.Random) -> str:
    body = "978" + "".join(r.choice("0123456789") for _ in range(9))
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body))
    return f"{body}{-total % 10}"


_LEVELS = ("INFO", "WARN", "ERROR", "DEBUG")
_DOINGS = (
    "connection pool exhausted after {n} ms", "flushed {n} segments to disk",
    "GET /api/v2/items/{n} 200", "retrying shard {n} of 12", "cache miss ratio {n}%",
    "checkpoint {n} written", "worker {n} exited with code 0", "TLS handshake timed out ({n} s)",
)  # fmt: skip


def log_line(r: random.Random) -> str:
    doing = r.choice(_DOINGS).format(n=r.randrange(10_000))
    return f"{moment_text(r)} {r.choice(_LEVELS)} [svc-{r.randint(1, 9)}] {doing}"


def page(r: random.Random) -> str:
    return (
        f"https://www.example.{r.choice(('com', 'org', 'net'))}/"
        f"{r.choice(('shop', 'docs', 'blog', 'help'))}/"
        f"{r.choice(_ADJECTIVES).lower()}-{r.randrange(9999)}"
    )


def path(r: random.Random) -> str:
    return (
        f"/var/lib/{r.choice(_NOUNS).lower()}/{r.randrange(999)}/part-{r.randrange(99):05}.parquet"
    )


_ADJECTIVES = (
    "Blue", "Oak", "Compact", "Classic", "Silent", "Heavy", "Folding", "Wireless", "Organic",
    "Stainless", "Portable", "Double", "Mini", "Arctic", "Golden",
)  # fmt: skip
_NOUNS = (
    "Table", "Kettle", "Lamp", "Drill", "Backpack", "Router", "Blanket", "Tent", "Keyboard",
    "Chair", "Bottle", "Monitor", "Shelf", "Heater", "Toaster", "Speaker", "Blender",
)  # fmt: skip
_MAKES = (
    "Nordwerk", "Brightline", "Kestrel", "Aqualux", "Tiefbau", "Solventis", "Meridian", "Havelock",
    "Corvus", "Umbria", "Polarsoft", "Granit", "Veltrix", "Ostara", "Calder",
)  # fmt: skip
_FORMS = ("GmbH", "Ltd", "Inc.", "S.A.", "AG", "B.V.", "LLC", "SpA", "Oy", "& Co. KG", "Sp. z o.o.")


def product(r: random.Random) -> str:
    return f"{r.choice(_ADJECTIVES)} {r.choice(_NOUNS)}"


def long_product(r: random.Random) -> str:
    return (
        f"{r.choice(_MAKES)} {product(r)} {r.randint(10, 900)}{r.choice(('W', 'L', ' mm', ' cm'))}"
    )


def firm(r: random.Random) -> str:
    trade = r.choice(("Logistics", "Systems", "Foods", "Energy", "Textil"))
    return f"{r.choice(_MAKES)} {trade} {r.choice(_FORMS)}"


def description(r: random.Random) -> str:
    return (
        f"{r.choice(_ADJECTIVES)} {r.choice(_NOUNS).lower()} made of "
        f"{r.choice(('steel', 'oak', 'cotton', 'glass'))}, "
        f"{r.randint(10, 200)} cm wide, with {r.choice(('two', 'three', 'four'))} "
        f"{r.choice(('drawers', 'handles', 'settings', 'shelves'))}."
    )


def slug(r: random.Random) -> str:
    return product(r).lower().replace(" ", "-")


def vector(width: int) -> Maker:
    """A product's embedding: as long as a face's, of unit norm as well."""

    def make(r: random.Random) -> list[float]:
        numbers = [r.gauss(0, 1) for _ in range(width)]
        norm = sum(n * n for n in numbers) ** 0.5
        return [n / norm for n in numbers]

    return make


def spectrum(width: int) -> Maker:
    return lambda r: [round(abs(r.gauss(3, 2)), 3) for _ in range(width)]


def vat(r: random.Random) -> str:
    """A firm's number for value added tax, German in form (ISO 7064 mod 11, 10)."""
    body = str(r.randint(10_000_000, 99_999_999))
    check = 10
    for digit in body:
        check = ((check + int(digit)) % 10 or 10) * 2 % 11
    return f"DE{body}{(11 - check) % 10}"


def cidr(r: random.Random) -> str:
    return f"10.{r.randrange(256)}.{r.randrange(256)}.0/{r.choice((16, 24, 27))}"


def host(r: random.Random) -> str:
    role = r.choice(("db", "web", "cache", "mq"))
    return f"{role}-{r.randrange(99):02}.{r.choice(('eu', 'us'))}.internal"
