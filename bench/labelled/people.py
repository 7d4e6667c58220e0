"""Values of persons that are made by rule; names and addresses of a locale come from Faker."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable
from datetime import date, timedelta

from faker import Faker

from bench.labelled.official import Maker
from bench.labelled.things import luhn_digit, moment

_HOSTS = ("example.org", "example.net", "mail.example.com", "post.example.de", "corp.example.co.uk")
_STEMS = (
    "amber", "birk", "cedric", "dunja", "eskil", "fenna", "gisli", "hedda", "ivo", "jorun",
    "kolja", "linnea", "mads", "noor", "odile", "pavla", "quirin", "runa", "signe", "tove",
)  # fmt: skip


def faked(locale: str, what: str) -> Maker:
    """Faker's values of a locale, drawn by the table's own randomness."""
    fake = Faker(locale)
    method: Callable[[], object] = getattr(fake, what)
    state: list[random.Random] = []

    def make(r: random.Random) -> object:
        if not state or state[0] is not r:
            state[:] = [r]
            fake.seed_instance(r.getrandbits(32))
        value = method()
        return value.replace("\n", ", ") if isinstance(value, str) else value

    return make


def either(*makers: Maker) -> Maker:
    return lambda r: r.choice(makers)(r)


def email(r: random.Random) -> str:
    return (
        f"{r.choice(_STEMS)}{r.choice('._-')}{r.choice(_STEMS)}{r.randrange(99)}@{r.choice(_HOSTS)}"
    )


def login(r: random.Random) -> str:
    return f"{r.choice(_STEMS)}{r.choice(('', '_', '.'))}{r.randrange(9999)}"


def born(r: random.Random) -> date:
    return date(1938, 1, 1) + timedelta(days=r.randrange(26_000))


def born_as(form: str) -> Maker:
    return lambda r: born(r).strftime(form)


def died(r: random.Random) -> date:
    return date(1990, 1, 1) + timedelta(days=r.randrange(12_000))


def ip4(r: random.Random) -> str:
    return ".".join(str(r.randint(1, 254)) for _ in range(4))


def ip6(r: random.Random) -> str:
    return "2001:db8:" + ":".join(f"{r.randrange(65536):x}" for _ in range(6))


def mac(r: random.Random) -> str:
    return ":".join(f"{r.randrange(256):02x}" for _ in range(6))


def card(r: random.Random) -> str:
    body = r.choice(("4", "51", "52", "55"))
    body += "".join(r.choice("0123456789") for _ in range(15 - len(body)))
    return f"{body}{luhn_digit(body)}"


def imei(r: random.Random) -> str:
    body = r.choice(("35", "86")) + "".join(r.choice("0123456789") for _ in range(12))
    return f"{body}{luhn_digit(body)}"


def iban(country: str, width: int) -> Maker:
    """Bank accounts of a country whose national part is digits only."""

    def make(r: random.Random) -> str:
        body = "".join(r.choice("0123456789") for _ in range(width))
        coded = body + "".join(str(ord(c) - 55) for c in country) + "00"
        return f"{country}{98 - int(coded) % 97:02}{body}"

    return make


def bcrypt(r: random.Random) -> str:
    alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "$2b$12$" + "".join(r.choice(alphabet) for _ in range(53))


def jwt(r: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(b'{"sub":"' + r.randbytes(8).hex().encode() + b'"}').decode()
    mark = base64.urlsafe_b64encode(hashlib.sha256(r.randbytes(8)).digest()).decode()
    return f"{head}.{body.rstrip('=')}.{mark.rstrip('=')}"


def password(r: random.Random) -> str:
    return f"{r.choice(_STEMS).capitalize()}{r.randrange(1990, 2024)}{r.choice('!?#*')}"


def vin(r: random.Random) -> str:
    """A vehicle's number: maker, model, check digit at the ninth place (49 CFR 565), serial."""
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
    worths = [*range(10), *range(1, 9), 1, 2, 3, 4, 5, 7, 9, *range(2, 10)]
    worth = dict(zip("0123456789" + letters, worths, strict=True))
    maker = r.choice(("WVW", "1FT", "JHM", "5YJ", "KMH", "WBA", "VF1", "ZFA"))
    model = "".join(r.choice(letters + "0123456789") for _ in range(5))
    year, plant = r.choice("ABCDEFGHJKLMNPRSTVWXY"), r.choice(letters)
    made = list(f"{maker}{model}0{year}{plant}{r.randrange(10**6):06}")
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    rest = sum(worth[c] * w for c, w in zip(made, weights, strict=True)) % 11
    made[8] = "X" if rest == 10 else str(rest)
    return "".join(made)


def icd10(r: random.Random) -> str:
    return f"{r.choice('ABCDEFGHIJKLMNRSTZ')}{r.randint(0, 9)}{r.randint(0, 9)}.{r.randint(0, 9)}"


_WHO = ("She", "He", "The patient", "Her mother", "His brother", "The client", "A neighbour")
_DID = (
    "called about the rent", "did not come to the appointment", "was upset after the visit",
    "asked for a new card", "reports pain in the left knee", "moved in with a friend",
    "lost the job last month", "wants to speak to the manager", "has stopped taking the tablets",
)  # fmt: skip


def note(r: random.Random) -> str:
    first = f"{r.choice(_WHO)} {r.choice(_DID)} and {r.choice(_DID)}."
    return f"{first} {r.choice(_WHO)} {r.choice(_DID)}."


def photo(r: random.Random) -> bytes:
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + r.randbytes(120)


def finger_minutiae(r: random.Random) -> bytes:
    return b"FMR\x00 20\x00" + r.randbytes(180)


def iris_record(r: random.Random) -> bytes:
    return b"IIR\x00010\x00" + r.randbytes(180)


def unit(width: int) -> Maker:
    def make(r: random.Random) -> list[float]:
        numbers = [r.gauss(0, 1) for _ in range(width)]
        norm = sum(n * n for n in numbers) ** 0.5
        return [n / norm for n in numbers]

    return make


def point(r: random.Random) -> str:
    return f"POINT({r.uniform(5.9, 15):.6f} {r.uniform(47.3, 55):.6f})"


def pair(r: random.Random) -> str:
    return f"{r.uniform(40, 55):.6f},{r.uniform(-4, 20):.6f}"


def seen(r: random.Random) -> object:
    return moment(r)
