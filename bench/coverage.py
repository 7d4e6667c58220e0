"""How often the truth lies in the interval: small invented stores whose people are known.

    python -m bench.coverage                 # 200 stores in memory, no server
    python -m bench.coverage --server        # the same in a real PostgreSQL, a scan of each
    python -m bench.coverage --misses        # and what was missed

Each store has another size (50 to 50,000 records), shape and seed. In memory its tables go through
the same classifier and the same counting as in a scan: up to 200 rows of each, drawn by chance or
from a few of its pages as PostgreSQL gives them. Nothing else is known of them.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import pyarrow as pa
from faker import Faker

from leftopen.classifier import Profiler
from leftopen.measure import people
from leftopen.measure.interval import Interval
from leftopen.measure.people import Counted, Counting
from leftopen.measure.sketch import Sketcher
from leftopen.servers.postgresql import PostgresServer, fill, postgres
from leftopen.testing import leftopen

ROWS = 200  # of a sample
BAR = 0.93
_PAGE = 60  # records
_LEAST_PAGES = 24
_SMALLEST, _LARGEST = 50, 50_000
_BEGIN = datetime(2024, 3, 1)  # noqa: DTZ001 - stores give naive times

Value = int | float | str | date | datetime | list[str] | None
Row = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Store:
    """Tables by name, and how many people are in them."""

    shape: str
    tables: Mapping[str, Sequence[Row]]
    people: int

    @property
    def records(self) -> int:
        return sum(len(rows) for rows in self.tables.values())


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person with everything that a table may hold of them."""

    number: int
    name: str
    born: date
    emails: tuple[str, ...]
    phone: str
    ssn: str
    city: str


Shape = Callable[[random.Random, int], tuple[Mapping[str, Sequence[Row]], int]]


def stores(count: int, seed: int) -> Iterable[Store]:
    """So many stores, their shapes in turn, the same for the same seed."""
    for number in range(count):
        shape = SHAPES[number % len(SHAPES)]
        chance = random.Random(f"{seed}.{number}")
        size = round(math.exp(chance.uniform(math.log(_SMALLEST), math.log(_LARGEST))))
        tables, truth = shape(chance, size)
        yield Store(shape.__name__, tables, truth)


def measured(store: Store, chance: random.Random) -> Interval:
    """How many people leftopen finds in a store that it samples."""
    sketcher = Sketcher()
    counted: list[Counted] = []
    for name, rows in store.tables.items():
        batches = pa.Table.from_pylist(_drawn(rows, chance)).to_batches(max_chunksize=100)
        profiler = Profiler(name)
        for batch in batches:
            profiler.update(batch)
        counting = Counting(name, len(rows), profiler.finish().fields, sketcher)
        for batch in batches:
            counting.sample(batch)
        counted.append(counting.finish())
    return people.of_store(counted).people


def _drawn(rows: Sequence[Row], chance: random.Random) -> list[Row]:
    """A sample as engines give it: of random rows, or of those of random pages."""
    if len(rows) <= ROWS:
        return list(rows)
    if chance.random() < 0.5:
        return chance.sample(rows, ROWS)
    starts = range(0, len(rows), _PAGE)
    wanted = min(len(starts), max(_LEAST_PAGES, round(2 * ROWS / _PAGE)))
    chosen = sorted(chance.sample(starts, wanted))
    near = [row for start in chosen for row in rows[start : start + _PAGE]]
    places = sorted(chance.sample(range(len(near)), min(ROWS, len(near))))
    return [near[place] for place in places]


# --- the same in a real server -----------------------------------------------------------------


def scanned(store: Store, number: int, server: PostgresServer) -> Interval:
    """How many people a scan finds in a PostgreSQL that holds nothing but the store.

    Every other store has been analysed, so that the server has figures of its own.
    """
    name = f"bench_{number}"
    fill(server, f"CREATE DATABASE {name};")
    try:
        tables = [_as_sql(name_, rows) for name_, rows in store.tables.items()]
        fill(server, "\n".join((*tables, "ANALYZE;" if number % 2 else "")), name)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            asked = ("scan", server.where, "--format", "json", "--exit-zero")
            ran = leftopen(*asked, store=place / "r.db", cwd=place)
        [exposure] = json.loads(ran.out)["exposures"]
        told = exposure["people"]
    finally:
        fill(server, f"DROP DATABASE {name} WITH (FORCE);")
    return Interval(told["estimate"], told["low"], told["high"], told["method"])


def _as_sql(name: str, rows: Sequence[Row]) -> str:
    """A table with its rows, as psql reads them."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    types = {
        column: next((_TYPES[type(row[column])] for row in rows if row[column] is not None), "text")
        for column in columns
    }
    listed = ", ".join(f'"{column.removesuffix("[]")}" {types[column]}' for column in columns)
    lines = ["\t".join(_cell(row[column]) for column in columns) for row in rows]
    text = "\n".join(lines)
    return f'CREATE TABLE "{name}" ({listed});\nCOPY "{name}" FROM STDIN;\n{text}\n\\.\n'


_TYPES: Mapping[type, str] = {
    int: "bigint", float: "double precision", str: "text", date: "date", datetime: "timestamp",
    list: "text[]",
}  # fmt: skip


def _cell(value: Value) -> str:
    if value is None:
        return "\\N"
    return "{" + ",".join(value) + "}" if isinstance(value, list) else str(value)


# --- invented people -----------------------------------------------------------------------------


@cache
def _stock() -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Given names, family names and towns."""
    fake = Faker("en_US")
    fake.seed_instance(7)
    return (
        tuple(dict.fromkeys(fake.first_name() for _ in range(3_000))),
        tuple(dict.fromkeys(fake.last_name() for _ in range(5_000))),
        tuple(dict.fromkeys(fake.city() for _ in range(400))),
    )


def _person(chance: random.Random, number: int) -> Person:
    given, family, towns = _stock()
    first, last = chance.choice(given), chance.choice(family)
    hosts = ("example.org", "mail.example.com", "post.example.net")
    emails = tuple(
        f"{first}.{last}{number}{tail}@{chance.choice(hosts)}".lower() for tail in ("", "x", "y")
    )
    return Person(
        number,
        f"{first} {last}",
        date(1938, 1, 1) + timedelta(days=chance.randrange(26_000)),
        emails[: chance.choice((1, 1, 2, 3))],
        f"+1 {chance.randint(201, 989)} {chance.randint(200, 999)} {number % 10_000:04d}",
        f"{chance.randint(101, 665):03d}-{chance.randint(10, 99)}-{number % 10_000:04d}",
        chance.choice(towns),
    )


def _people(chance: random.Random, count: int) -> list[Person]:
    first = chance.randrange(1_000, 900_000)
    return [_person(chance, first + number) for number in range(max(1, count))]


def _moment(chance: random.Random) -> datetime:
    return _BEGIN + timedelta(seconds=chance.randrange(86_400 * 30))


def _seen(chance: random.Random, person: Person) -> Row:
    """Where a person was."""
    return {
        "person_id": person.number,
        "latitude": round(chance.uniform(48, 54), 6),
        "longitude": round(chance.uniform(7, 14), 6),
        "observed_at": _moment(chance),
    }


def _told(person: Person) -> Row:
    """A person as a customer."""
    return {
        "customer_id": f"C{person.number:07d}",
        "full_name": person.name,
        "birth_date": person.born,
        "email": person.emails[0],
        "phone": person.phone,
        "city": person.city,
    }


# --- shapes of stores ----------------------------------------------------------------------------


def skewed_log(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Positions, most of them of few people."""
    crowd = _people(chance, round(size / chance.choice((2, 4, 10))))
    slope = chance.choice((0.6, 1.0, 1.4))
    weights = [1 / rank**slope for rank in range(1, len(crowd) + 1)]
    drawn = chance.choices(crowd, weights, k=size)
    return {"positions": [_seen(chance, one) for one in drawn]}, len({p.number for p in drawn})


def even_log(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Positions, as many of each."""
    crowd = _people(chance, round(size / chance.choice((2, 5, 20))))
    drawn = chance.choices(crowd, k=size)
    return {"positions": [_seen(chance, one) for one in drawn]}, len({p.number for p in drawn})


def visits(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """A log in order of time: the records of a visit stand together."""
    crowd = _people(chance, round(size / chance.choice((10, 30, 60))))
    rows: list[Row] = []
    met = set()
    while len(rows) < size:
        one = chance.choice(crowd)
        met.add(one.number)
        for _ in range(chance.randint(1, 40)):
            address = f"{chance.randint(11, 200)}.{one.number % 250}.{chance.randint(1, 250)}.7"
            page = chance.choice(("/cart", "/help", "/home"))
            rows.append({"user_id": one.number, "ip": address, "path": page})
    return {"page_views": rows}, len(met)


def register(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Customers, each once."""
    return {"customers": [_told(one) for one in _people(chance, size)]}, size


def doubled_register(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Patients, a part of whom are in it several times."""
    crowd = _people(chance, round(size / chance.choice((1.05, 1.2, 2))))
    drawn = crowd + chance.choices(crowd, k=size - len(crowd))
    chance.shuffle(drawn)
    rows: list[Row] = [
        {"ssn": one.ssn, "name": one.name, "dob": one.born, "city": one.city} for one in drawn
    ]
    return {"patients": rows}, len({one.ssn for one in drawn})


def sparse_keys(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Contacts of whom now one key is known, now another, with some of them in it twice."""
    crowd = _people(chance, round(size / chance.choice((1, 1.3))))
    drawn = crowd + chance.choices(crowd, k=size - len(crowd))
    filled = {"ssn": chance.uniform(0.1, 0.5), "email": chance.uniform(0.5, 0.9), "phone": 0.7}
    kept = {
        (one.number, key): chance.random() < share for one in crowd for key, share in filled.items()
    }
    rows: list[Row] = []
    for one in drawn:
        whole: Row = {"ssn": one.ssn, "email": one.emails[0], "phone": one.phone}
        row = {key: value if kept[one.number, key] else None for key, value in whole.items()}
        if not any(row.values()):
            row["email"] = one.emails[0]
        rows.append({"name": one.name, "city": one.city, **row})
    chance.shuffle(rows)
    return {"contacts": rows}, len({one.number for one in drawn})


def several_keys(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Subscribers with several e-mail addresses, of which a record has some."""
    crowd = _people(chance, round(size / chance.choice((1, 1.5, 3))))
    drawn = crowd + chance.choices(crowd, k=size - len(crowd))
    rows: list[Row] = []
    for one in drawn:
        further = [email for email in one.emails[1:] if chance.random() < 0.5]
        phone = one.phone if chance.random() < 0.7 else None
        rows.append({"name": one.name, "emails[]": [one.emails[0], *further], "phone": phone})
    chance.shuffle(rows)
    return {"subscribers": rows}, len({one.number for one in drawn})


def households(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Members of an association, of whom those of a household have one e-mail address."""
    crowd = _people(chance, size)
    rows: list[Row] = []
    while len(rows) < len(crowd):
        home = crowd[len(rows) : len(rows) + chance.choice((1, 1, 2, 3, 4))]
        rows += (
            {"name": one.name, "email": home[0].emails[0], "city": home[0].city} for one in home
        )
    if chance.random() < 0.5:
        chance.shuffle(rows)
    return {"members": rows}, size


def linked_tables(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Customers and their orders; some orders are of people who are no customers."""
    crowd = _people(chance, max(2, size // chance.choice((3, 5, 10))))
    customers = crowd[: max(1, round(len(crowd) * chance.choice((0.8, 1))))]
    bought = chance.choices(crowd, k=max(1, size - len(customers)))
    orders: list[Row] = [
        {
            "order_no": 10_000 + number,
            "email": one.emails[0],
            "total": round(chance.uniform(3, 400), 2),
            "placed_at": _moment(chance),
        }
        for number, one in enumerate(bought)
    ]
    truth = {one.number for one in (*customers, *bought)}
    return {"customers": [_told(one) for one in customers], "orders": orders}, len(truth)


def mirror(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Customers, and a copy of a part of them."""
    crowd = _people(chance, max(2, size // 2))
    copied = chance.sample(crowd, max(1, round(len(crowd) * chance.choice((0.5, 0.9, 1)))))
    tables = {"customers": crowd, "customers_backup": copied}
    return {name: [_told(one) for one in some] for name, some in tables.items()}, len(crowd)


def messages(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Messages, each of which names two people."""
    crowd = _people(chance, max(2, round(size / chance.choice((1, 3, 10)))))
    pairs = [chance.sample(crowd, 2) for _ in range(size)]
    rows: list[Row] = [
        {"sender_id": one.number, "recipient_id": other.number, "sent_at": _moment(chance)}
        for one, other in pairs
    ]
    return {"messages": rows}, len({one.number for pair in pairs for one in pair})


def small(chance: random.Random, size: int) -> tuple[Mapping[str, Sequence[Row]], int]:
    """Any of the others, small enough to be read whole."""
    return chance.choice(SHAPES[:-1])(chance, _SMALLEST + size % (ROWS - _SMALLEST))


SHAPES: tuple[Shape, ...] = (
    skewed_log, even_log, visits, register, doubled_register, sparse_keys, several_keys,
    households, linked_tables, mirror, messages, small,
)  # fmt: skip


# --- the figures ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """A store's people, and what was found of them."""

    shape: str
    records: int
    people: int
    found: Interval

    @property
    def covered(self) -> bool:
        return math.floor(self.found.low) <= self.people <= math.ceil(self.found.high)

    @property
    def width(self) -> float:
        """Of the interval, relative to the truth."""
        return (self.found.high - self.found.low) / self.people

    @property
    def off(self) -> float:
        """The factor by which the estimate is off, 1 or more."""
        ratio = max(self.found.estimate, 0.5) / self.people
        return max(ratio, 1 / ratio)


def run(count: int, seed: int) -> list[Outcome]:
    """The outcomes of so many stores, in memory."""
    return [
        Outcome(
            store.shape,
            store.records,
            store.people,
            measured(store, random.Random(f"{seed}.{number}.sample")),
        )
        for number, store in enumerate(stores(count, seed))
    ]


def run_scanned(count: int, seed: int) -> list[Outcome]:
    """The same stores, each scanned in a PostgreSQL; its figures are as a report shows them."""
    server = postgres()
    try:
        return [
            Outcome(store.shape, store.records, store.people, scanned(store, number, server))
            for number, store in enumerate(stores(count, seed))
        ]
    finally:
        server.stop()


def coverage(outcomes: Sequence[Outcome]) -> float:
    """The part of the outcomes whose interval holds the truth."""
    return sum(one.covered for one in outcomes) / len(outcomes)


def table(outcomes: Sequence[Outcome]) -> str:
    """The figures by shape, as text."""
    lines = [f"{'shape':18}{'stores':>7}{'in interval':>13}{'width':>8}{'estimate off':>14}"]
    for name in (*dict.fromkeys(one.shape for one in outcomes), "all"):
        some = [one for one in outcomes if name in ("all", one.shape)]
        width = statistics.median(one.width for one in some)
        off = statistics.median(one.off for one in some)
        lines.append(
            f"{name.replace('_', ' '):18}{len(some):7}{coverage(some):13.1%}{width:8.2f}"
            f"{off:13.2f}x"
        )
    return "\n".join(lines)


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    told.add_argument("--stores", type=int, default=200)
    told.add_argument("--seed", type=int, default=5)
    told.add_argument("--misses", action="store_true", help="list the stores that were missed")
    told.add_argument("--server", action="store_true", help="scan them in a real PostgreSQL")
    given = told.parse_args()
    began = time.monotonic()
    outcomes = (run_scanned if given.server else run)(given.stores, given.seed)
    print(table(outcomes))
    print(
        f"width and estimate are medians, relative to the truth; {time.monotonic() - began:.0f} s"
    )
    if given.misses:
        for one in outcomes:
            if not one.covered:
                print(one)
    reached = coverage(outcomes)
    print(f"{reached:.1%} of the intervals hold the truth; the bar is {BAR:.0%}")
    return 0 if reached >= BAR else 1


if __name__ == "__main__":
    raise SystemExit(main())
