"""The four stores: two PostgreSQLs, one that speaks MongoDB's protocol, one OpenSearch, all open.

Fills them by their own drivers and bulk loads, which leftopen never uses, and goes on feeding the
positions while a scan reads, as the cameras did.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
from bson import ObjectId

from bench.seeds import town
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.mongo_java import call as mongo_call
from leftopen.servers.mongo_java import fill as mongo_fill
from leftopen.servers.mongo_java import index as mongo_index
from leftopen.servers.mongo_java import mongo_java
from leftopen.servers.opensearch import fill as fill_index
from leftopen.servers.opensearch import opensearch
from leftopen.servers.postgresql import PostgresServer, postgres

_DAY = timedelta(days=1)
_PERSONS = "person_id, id_number, name, ethnicity, birth_date, address, employer, phone"
_SQL_PERSONS = """
CREATE TABLE persons (person_id bigint, id_number text, name text, ethnicity text,
    birth_date date, address text, employer text, phone text);
"""
_SQL_POSITIONS = """
CREATE TABLE positions (id bigserial, person_id bigint, camera text, latitude float8,
    longitude float8, seen_at timestamp);
"""
_SQL_KEYS = """
ALTER TABLE persons ADD PRIMARY KEY (person_id);
CREATE UNIQUE INDEX ON persons (id_number);
"""
_SQL_POSITION_KEYS = """
ALTER TABLE positions ADD PRIMARY KEY (id);
ALTER TABLE positions ADD FOREIGN KEY (person_id) REFERENCES persons;
CREATE INDEX ON positions (seen_at);
"""


@dataclass(frozen=True)
class Sizes:
    """How much is in the stores: those of the seeds, or a part of them."""

    people: int
    positions: int
    customers: int
    shared: int
    mirrored: int

    @classmethod
    def scaled(cls, scale: float) -> Sizes:
        whole = (town.PEOPLE, town.POSITIONS, town.CUSTOMERS, town.SHARED, town.MIRRORED)
        return cls(*(round(number * scale) for number in whole))

    @property
    def everybody(self) -> int:
        """The people in all stores, each once."""
        return self.people + self.customers - self.shared


@dataclass
class Seeded:
    """A filled store: what is in it in truth, and how to add positions and count the last day's."""

    title: str
    server: Server
    people: int
    add: Callable[[town.Positions], None] | None = None
    last_day: Callable[[], int] | None = None


def register_in_postgresql(sizes: Sizes, address: str) -> Seeded:
    """The register and the positions, as a careful owner's schema has them: keys, a foreign key,
    an index on the time, statistics."""
    server = postgres(address, port=5432)
    with unless_failed(server), _sql(server) as sql:
        sql.execute(_SQL_PERSONS + _SQL_POSITIONS)
        for some in town.everybody(sizes.people):
            _copy_persons(sql, "persons", some)
        sql.execute(_SQL_KEYS)
        begin = town.now() - _DAY
        for seen in town.positions(sizes.positions, sizes.people, _DAY):
            _copy_positions(sql, seen, begin)
        sql.execute(_SQL_POSITION_KEYS)
        sql.execute("VACUUM ANALYZE")

    def add(seen: town.Positions) -> None:
        with _sql(server) as sql:
            _copy_positions(sql, seen, town.now())

    def last_day() -> int:
        with _sql(server) as sql:
            row = sql.execute(
                "SELECT count(*) FROM positions WHERE seen_at >= %s", [town.now() - _DAY]
            ).fetchone()
        assert row is not None
        return int(row[0])

    return Seeded("PostgreSQL, register and positions", server, sizes.people, add, last_day)


def register_in_mongodb(sizes: Sizes, address: str) -> Seeded:
    """The same over MongoDB's protocol, with indexes on the ID number and the time."""
    heap = max(512, round(9_000 * sizes.positions / town.POSITIONS))
    server = mongo_java(address, port=27017, heap=f"{heap}m")
    with unless_failed(server):
        mongo_index(server, "sensenets", "persons", "id_number", unique=True)
        mongo_index(server, "sensenets", "positions", "seen_at")
        for some in town.everybody(sizes.people):
            mongo_fill(server, "sensenets", "persons", _registered(some))
        begin = town.now() - _DAY
        for seen in town.positions(sizes.positions, sizes.people, _DAY):
            mongo_fill(server, "sensenets", "positions", _sightings(seen, begin))

    def add(seen: town.Positions) -> None:
        mongo_fill(server, "sensenets", "positions", _sightings(seen, town.now()))

    def last_day() -> int:
        query = {"seen_at": {"$gte": town.now() - _DAY}}
        told = mongo_call(server, "sensenets", {"count": "positions", "query": query})
        return int(told["n"])

    return Seeded("MongoDB's protocol, the same", server, sizes.people, add, last_day)


def shop_in_postgresql(sizes: Sizes, address: str) -> Seeded:
    """Customers, some of whom are in the register."""
    server = postgres(address, port=5432)
    with unless_failed(server), _sql(server) as sql:
        sql.execute(_SQL_PERSONS.replace("persons", "customers"))
        for some in town.customers(sizes.customers, sizes.shared, sizes.people):
            _copy_persons(sql, "customers", some)
        sql.execute(_SQL_KEYS.replace("persons", "customers"))
        sql.execute("VACUUM ANALYZE")
    return Seeded("PostgreSQL, customers", server, sizes.customers)


def mirror_in_opensearch(sizes: Sizes, address: str) -> Seeded:
    """A copy of a part of the register."""
    server = opensearch(address, port=9200)
    with unless_failed(server):
        for some in town.everybody(sizes.mirrored):
            fill_index(server, "persons-copy", _plain(some))
    return Seeded("OpenSearch, a mirror of a part", server, sizes.mirrored)


@contextlib.contextmanager
def feeding(seeded: Seeded, sizes: Sizes) -> Iterator[None]:
    """Positions keep coming at the rate of the day, once a second, while the block runs.

    It runs once some have come: a stand-in may take seconds for the first after a long load.
    """
    assert seeded.add is not None
    stop, flowing = threading.Event(), threading.Event()
    a_second = max(1, round(sizes.positions / _DAY.total_seconds()))
    add = seeded.add

    def feed() -> None:
        number = 0
        while not stop.wait(1.0):
            number += 1
            for some in town.positions(a_second, sizes.people, timedelta(seconds=0), seed=number):
                add(some)
            if number == 2:
                flowing.set()

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        if not flowing.wait(120):
            raise RuntimeError(f"{seeded.title}: nothing could be added")
        yield
    finally:
        stop.set()
        thread.join()


def _sql(server: PostgresServer | Server) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=str(server.folder), port=server.port, user="postgres", dbname="postgres",
        autocommit=True,
    )  # fmt: skip


def _copy_persons(sql: psycopg.Connection[Any], table: str, some: town.Persons) -> None:
    columns = (
        some.number.astype(str), some.id_number, some.name, some.ethnicity, some.birth_date,
        some.address, some.employer, some.phone,
    )  # fmt: skip
    _copy(sql, f"COPY {table} ({_PERSONS}) FROM STDIN", columns)


def _copy_positions(sql: psycopg.Connection[Any], seen: town.Positions, begin: Any) -> None:
    at = np.datetime64(begin, "us") + (seen.seconds * 1e6).astype("timedelta64[us]")
    columns = (
        seen.person.astype(str), seen.camera, seen.latitude.astype(str),
        seen.longitude.astype(str), np.datetime_as_string(at),
    )  # fmt: skip
    into = "COPY positions (person_id, camera, latitude, longitude, seen_at) FROM STDIN"
    _copy(sql, into, columns)


def _copy(sql: psycopg.Connection[Any], into: str, columns: tuple[Any, ...]) -> None:
    lines = "\n".join(map("\t".join, zip(*(c.tolist() for c in columns), strict=True)))
    with sql.cursor() as cursor, cursor.copy(into) as copy:
        copy.write(lines + "\n")


def _plain(some: town.Persons) -> list[dict[str, Any]]:
    names = _PERSONS.split(", ")
    columns = (
        some.number, some.id_number, some.name, some.ethnicity, some.birth_date, some.address,
        some.employer, some.phone,
    )  # fmt: skip
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _registered(some: town.Persons) -> list[dict[str, Any]]:
    """The persons with ids that say when they were entered: in the five years before the last."""
    began = int((town.now() - 6 * 365 * _DAY).timestamp())
    span = int((5 * 365 * _DAY).total_seconds())
    plain = _plain(some)
    for number, one in zip(some.number.tolist(), plain, strict=True):
        at = began + number * 7_919 % span
        one["_id"] = ObjectId(at.to_bytes(4, "big") + number.to_bytes(8, "big"))
    return plain


def _sightings(seen: town.Positions, begin: Any) -> list[dict[str, Any]]:
    at = np.datetime64(begin, "ms") + (seen.seconds * 1e3).astype("timedelta64[ms]")
    columns = (seen.person, seen.camera, seen.latitude, seen.longitude, at.astype(object))
    names = ("person_id", "camera", "latitude", "longitude", "seen_at")
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]
