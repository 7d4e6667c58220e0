"""What lies in each of the town's stores: documents, Redis commands, SQL. Seeded, no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from leftopen.demo import names
from leftopen.demo.town import FACES, SEED, Resident, Town, dice, face, ip

SESSIONS = 900
CARTS = 350
RIDES = 400
CUSTOMERS = 2_400
ORDERS = 6_000
PATIENTS = 1_100
VISITS = 3_200
_ROWS = 400  # of one INSERT

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
)

Command = tuple[str, ...]
Sql = str | int | float | date | datetime | None


def resident_documents(town: Town) -> Iterator[dict[str, Any]]:
    """A document for each resident; the first FACES of them with a face vector."""
    for who in town.residents:
        document = {
            "person_id": who.number,
            "full_name": who.full_name,
            "gender": who.gender,
            "birth_date": datetime.combine(who.birth_date, time(), UTC),
            "dni": who.dni,
            "ethnicity": who.ethnicity,
            "religion": who.religion,
            "employer": who.employer,
            "occupation": who.job,
            "phone": who.phone,
            "email": who.email,
            "address": {
                "street": f"{who.house} {who.street}",
                "district": who.district,
                "city": names.TOWN,
                "postcode": who.postcode,
            },
        }
        if who.number <= FACES:
            document["face_embedding"] = face(who.number)
        yield document


def webshop(town: Town, now: datetime) -> Iterator[Command]:
    """Sessions (`sess:*`, JSON), carts (`cart:*`, hashes) and a counter of a web shop."""
    chance = dice(SEED, "webshop")
    for who in chance.sample(town.residents, min(SESSIONS, len(town.residents))):
        session = {
            "user": who.email,
            "user_id": who.number,
            "ip": ip(chance),
            "token": f"{chance.getrandbits(256):064x}",
            "user_agent": chance.choice(_AGENTS),
            "last_seen": _seconds(now - timedelta(minutes=chance.expovariate(1 / 600))),
        }
        yield ("SET", f"sess:{chance.getrandbits(128):032x}", json.dumps(session))
    for who in chance.sample(town.residents, min(CARTS, len(town.residents))):
        goods = chance.sample(names.GOODS, chance.randrange(1, 4))
        yield (
            "HSET", f"cart:{who.number}",
            "name", who.full_name,
            "phone", who.phone,
            "items", json.dumps(goods),
            "total", f"{chance.uniform(4, 180):.2f}",
        )  # fmt: skip
    yield ("SET", "stats:visits", str(chance.randrange(90_000, 120_000)))


def taxi(town: Town, now: datetime) -> Iterator[Command]:
    """Rides (`ride:*`, hashes) of a taxi firm: who was fetched where, and when."""
    chance = dice(SEED, "taxi")
    for number, who in enumerate(chance.sample(town.residents, min(RIDES, len(town.residents)))):
        fetched = chance.choice(town.cameras)
        yield (
            "HSET", f"ride:{number + 1}",
            "passenger", who.full_name,
            "phone", who.phone,
            "pickup_lat", f"{fetched.lat:.6f}",
            "pickup_lon", f"{fetched.lon:.6f}",
            "pickup_at", _seconds(now - timedelta(minutes=chance.uniform(0, 4_000))),
            "fare", f"{chance.uniform(4, 40):.2f}",
        )  # fmt: skip


def shop_sql(town: Town, now: datetime) -> Iterator[str]:
    """Statements that make and fill `customers` and `orders`."""
    chance = dice(SEED, "shop")
    customers = chance.sample(town.residents, min(CUSTOMERS, len(town.residents)))
    yield (
        "CREATE TABLE customers (id integer PRIMARY KEY, full_name text, email text, phone text,"
        " street text, postcode text, city text, password_hash text, created_at timestamptz)"
    )
    yield from _inserts(
        "customers",
        [
            (who.number, who.full_name, who.email, who.phone, f"{who.house} {who.street}",
             who.postcode, names.TOWN, _bcrypt(chance.getrandbits(318)),
             now - timedelta(days=chance.uniform(1, 1_500)))
            for who in customers
        ],
    )  # fmt: skip
    yield (
        "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer REFERENCES customers,"
        " ordered_at timestamptz, article text, quantity integer, total_eur numeric(9,2))"
    )
    yield from _inserts(
        "orders",
        [
            (number + 1, chance.choice(customers).number,
             now - timedelta(days=chance.expovariate(1 / 200)), chance.choice(names.GOODS),
             chance.randrange(1, 4), round(chance.uniform(4, 180), 2))
            for number in range(ORDERS)
        ],
    )  # fmt: skip


def clinic_sql(town: Town, now: datetime) -> Iterator[str]:
    """Statements that make and fill `patients` and `visits`, with ICD-10 codes."""
    chance = dice(SEED, "clinic")
    patients = chance.sample(town.residents, min(PATIENTS, len(town.residents)))
    doctors = [who.full_name for who in town.residents if who.job == "physician"][:12] or ["none"]
    yield (
        "CREATE TABLE patients (patient_no integer PRIMARY KEY, full_name text, dni text,"
        " birth_date date, sex text, phone text, next_of_kin text)"
    )
    yield from _inserts("patients", [_patient(who, chance.choice(patients)) for who in patients])
    yield (
        "CREATE TABLE visits (id integer PRIMARY KEY, patient_no integer REFERENCES patients,"
        " visited_at timestamptz, icd10 text, diagnosis text, physician text)"
    )
    visits: list[tuple[Sql, ...]] = []
    for number in range(VISITS):
        code, title = chance.choice(names.DIAGNOSES)
        seen = now - timedelta(days=chance.expovariate(1 / 300))
        patient = chance.choice(patients).number
        visits.append((number + 1, patient, seen, code, title, chance.choice(doctors)))
    yield from _inserts("visits", visits)


def _patient(who: Resident, kin: Resident) -> tuple[Sql, ...]:
    sex = who.gender[0].upper()
    return (who.number, who.full_name, who.dni, who.birth_date, sex, who.phone, kin.full_name)


def _bcrypt(bits: int) -> str:
    """What a bcrypt hash looks like, out of 318 bits of chance; no password lies behind it."""
    alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "$2b$12$" + "".join(alphabet[bits >> 6 * place & 63] for place in range(53))


def _seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _inserts(table: str, rows: Sequence[Sequence[Sql]]) -> Iterator[str]:
    for start in range(0, len(rows), _ROWS):
        values = ",\n".join(
            f"({', '.join(map(literal, row))})" for row in rows[start : start + _ROWS]
        )
        yield f"INSERT INTO {table} VALUES\n{values}"


def literal(value: Sql) -> str:
    """The value as an SQL literal (PostgreSQL with standard_conforming_strings, its default)."""
    if value is None:
        return "NULL"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat(timespec="milliseconds")
    elif isinstance(value, date):
        value = value.isoformat()
    return "'" + value.replace("'", "''") + "'"
