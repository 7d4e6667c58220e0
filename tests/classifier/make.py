"""Seeded values of many kinds, made for the tests. None belongs to anybody."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache

import numpy as np
import pyarrow as pa

from leftopen.classifier.checksums import CHECKS
from leftopen.classifier.digits import codes

ROWS = 240
Maker = Callable[[random.Random], object]


def column(make: Maker, seed: int = 7, rows: int = ROWS) -> list[object]:
    """Values of one kind, the same for the same seed."""
    chance = random.Random(seed)
    return [make(chance) for _ in range(rows)]


def digits(width: int) -> Callable[[random.Random], str]:
    return lambda r: "".join(r.choice("0123456789") for _ in range(width))


@cache
def _valid(check: str, shape: str) -> tuple[str, ...]:
    """Numbers of a shape that pass: `9` a digit, `A` a letter, `yymmdd` a date, others as is."""
    chance = random.Random(f"{check}{shape}")
    found: list[str] = []
    for _ in range(200):
        tried = [_shaped(chance, shape) for _ in range(2_000)]
        kept = CHECKS[check](codes(pa.array(tried)))
        found += [tried[i] for i in np.flatnonzero(kept)]
        if len(found) >= 60:
            return tuple(found)
    raise AssertionError(f"no valid numbers of {check}")


def _shaped(chance: random.Random, shape: str) -> str:
    born = date(1945, 1, 1) + timedelta(days=chance.randrange(22_000))
    text = shape.replace("yyyymmdd", f"{born:%Y%m%d}").replace("yymmdd", f"{born:%y%m%d}")
    text = text.replace("ddmmyy", f"{born:%d%m%y}")
    made = [
        chance.choice("0123456789") if c == "9" else chance.choice("ABCDEFGHJKLMNPRSTUVWXYZ")
        if c == "A"
        else c
        for c in text
    ]  # fmt: skip
    if text != shape:  # digits of the date are not to be thrown again
        at = min(
            i for i, (a, b) in enumerate(zip(text, shape, strict=True)) if a != b or b in "ymd"
        )
        size = 8 if "yyyy" in shape else 6
        start = next(shape.index(d) for d in ("yyyymmdd", "yymmdd", "ddmmyy") if d in shape)
        made[start : start + size] = list(text[start : start + size])
        assert at >= start
    return "".join(made)


def valid(check: str, *shapes: str) -> Maker:
    """Numbers that pass a checksum, of one of the shapes."""
    return lambda r: r.choice(_valid(check, r.choice(shapes)))


def any_of(*words: object) -> Maker:
    return lambda r: r.choice(words)


GIVEN = [
    *("Anna", "Bernd", "Carmen", "Dmitri", "Elena", "François", "Giulia", "Hans", "Ingrid"),
    *("João", "Katarzyna", "Luís", "Mehmet"),
]
RARE = ["Quillon", "Perpetua", "Zebedee", "Ottoline", "Thaddeus"]
FAMILY = [
    *("Smith", "Schneider", "Rossi", "García", "Novak", "Silva", "Jansen", "Dubois", "Ivanov"),
    *("Kaya", "Thornbury", "Zwickel"),
]
HAN = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴"]
HAN_GIVEN = ["伟", "芳", "娜", "秀英", "敏", "静", "强", "磊", "勇", "建国", "桂英", "欣怡"]
STREETS = ("Hauptstraße", "Gartenweg", "Lindenallee", "Bahnhofstr.")


def full_name(r: random.Random) -> str:
    return f"{r.choice(GIVEN + RARE)} {r.choice(FAMILY)}"


def han_name(r: random.Random) -> str:
    return r.choice(HAN) + r.choice(HAN_GIVEN)


def email(r: random.Random) -> str:
    host = r.choice(("example.org", "post.example.de", "mail.example.com"))
    return f"{r.choice(GIVEN).lower()}.{r.randrange(999)}@{host}"


def address_de(r: random.Random) -> str:
    return f"{r.choice(STREETS)} {r.randint(1, 120)}, {r.randint(10000, 99999)} Musterstadt"


def address_us(r: random.Random) -> str:
    street = f"{r.choice(('Oak', 'Maple', 'Elm'))} {r.choice(('Street', 'Ave', 'Blvd'))}"
    return f"{r.randint(1, 9999)} {street}, Springfield"


def address_cn(r: random.Random) -> str:
    place = r.choice(("北京市朝阳区", "上海市浦东新区"))
    return f"{place}{r.choice(('建国', '世纪'))}路{r.randint(1, 99)}号"


def born(r: random.Random) -> date:
    return date(1935, 1, 1) + timedelta(days=r.randrange(27_000))


def recent(r: random.Random) -> datetime:
    return datetime(2023, 1, 1) + timedelta(minutes=r.randrange(700_000))  # noqa: DTZ001 - a naive column


def hexadecimal(size: int) -> Maker:
    return lambda r: hashlib.sha512(r.randbytes(8)).hexdigest()[:size]


def ip4(r: random.Random) -> str:
    return ".".join(str(r.randint(1, 254)) for _ in range(4))


def ip6(r: random.Random) -> str:
    return "2001:db8:" + ":".join(f"{r.randrange(65536):x}" for _ in range(6))


def mac(r: random.Random) -> str:
    return ":".join(f"{r.randrange(256):02x}" for _ in range(6))


def a_uuid(r: random.Random) -> str:
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


def unit_vector(width: int) -> Maker:
    def make(r: random.Random) -> list[float]:
        numbers = [r.gauss(0, 1) for _ in range(width)]
        norm = sum(n * n for n in numbers) ** 0.5
        return [n / norm for n in numbers]

    return make


def jwt(r: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(r.randbytes(40)).decode().rstrip("=")
    return f"{head}.{body}.{body[:40]}"


def bcrypt(r: random.Random) -> str:
    return "$2b$12$" + "".join(r.choice("./ABCxyz0189") for _ in range(53))


def prose(r: random.Random) -> str:
    words = (
        "she",
        "called",
        "about",
        "the",
        "leak",
        "and",
        "asked",
        "when",
        "they",
        "would",
        "come",
    )
    return " ".join(r.choice(words) for _ in range(r.randint(8, 20))).capitalize() + "."


def phone_de(r: random.Random) -> str:
    return f"+49 {r.choice((151, 170, 30))} {r.randint(1000000, 99999999)}"


def phone_cn(r: random.Random) -> str:
    return f"1{r.choice('3578')}{r.randint(100000000, 999999999)}"


def phone_us(r: random.Random) -> str:
    return f"({r.randint(201, 989)}) {r.randint(200, 999)}-{r.randint(1000, 9999)}"


def card(r: random.Random) -> str:
    return str(valid("luhn", "4999999999999999", "5199999999999999")(r))


def image(r: random.Random) -> bytes:
    return b"\xff\xd8\xff\xe0" + r.randbytes(80)


def plate_de(r: random.Random) -> str:
    return f"{r.choice(('B', 'M', 'HH'))}-{r.choice(('AB', 'XY'))} {r.randint(1, 9999)}"


def plate_cn(r: random.Random) -> str:
    return f"{r.choice('京沪粤')}{r.choice('ABC')}{r.choice('ABCDEF')}{r.randint(1000, 9999)}"


def float_in(low: float, high: float) -> Maker:
    return lambda r: round(r.uniform(low, high), 6)


def whole_in(low: int, high: int) -> Maker:
    return lambda r: r.randint(low, high)
