"""Real servers filled with so many persons, and what each counts of the load it is under.

A person has a number, a name, an e-mail address, a date of birth and a time of entry; 300 bytes or
less. Where the server can make rows itself, it does; elsewhere they are sent in bulk.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from leftopen.servers import cassandra as cassandras
from leftopen.servers import clickhouse as clickhouses
from leftopen.servers import couchdb as couchdbs
from leftopen.servers import etcd as etcds
from leftopen.servers import influxdb as influxdbs
from leftopen.servers import memcached as memcacheds
from leftopen.servers import neo4j as neo4js
from leftopen.servers import redis as redises
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.mongo_java import fill as mongo_fill
from leftopen.servers.mongo_java import mongo_java
from leftopen.servers.opensearch import call, opensearch
from leftopen.servers.postgresql import postgres

_BULK = 5_000


@dataclass
class Filled:
    """A running server with records in it; `counters` gives the server's own counts of work."""

    server: Server
    counters: Callable[[], dict[str, float]]


def postgresql(records: int, address: str) -> Filled:
    server = postgres(address, port=5432)
    with unless_failed(server):
        link = psycopg.connect(
            host=str(server.folder), port=server.port, user="postgres", dbname="postgres",
            autocommit=True,
        )  # fmt: skip
        link.execute(
            f"""CREATE TABLE members AS SELECT n AS member_id,
            'Ann Miller ' || n % 977 AS full_name,
            'ann' || n || '@example.org' AS email, date '1950-01-01' + n % 18000 AS birth_date,
            timestamp '2026-01-01' + n * interval '1 second' AS created_at
            FROM generate_series(1, {records}) n"""
        )
        link.execute("ALTER TABLE members ADD PRIMARY KEY (member_id)")
        link.execute("VACUUM ANALYZE members")

    def counters() -> dict[str, float]:
        time.sleep(1.5)  # a backend reports what it did once it has been idle for a second
        row = link.execute(
            "SELECT sum(tup_returned), sum(blks_hit + blks_read), sum(temp_bytes) "
            "FROM pg_stat_database WHERE datname = 'postgres'"
        ).fetchone()
        assert row is not None
        names = ("rows returned by scans", "pages of 8 KiB touched", "bytes of temporary files")
        return dict(zip(names, map(float, row), strict=True))

    return Filled(server, counters)


def clickhouse(records: int, address: str) -> Filled:
    server = clickhouses.clickhouse(address, port=8123)
    with unless_failed(server):
        clickhouses.fill(
            server,
            "CREATE DATABASE club",
            "CREATE TABLE club.members (member_id UInt64, full_name String, email String, "
            "birth_date Date, created_at DateTime) ENGINE = MergeTree ORDER BY member_id",
            "INSERT INTO club.members SELECT number, "
            "concat('Ann Miller ', toString(number % 977)), "
            "concat('ann', toString(number), '@example.org'), "
            "toDate('1970-01-01') + number % 13000, "
            f"toDateTime('2026-01-01 00:00:00') + number FROM numbers({records})",
        )

    def counters() -> dict[str, float]:
        told = clickhouses.asked(
            server,
            "SELECT event, value FROM system.events "
            "WHERE event IN ('SelectedMarks', 'ReadCompressedBytes')",
        )
        found = {event: float(value) for event, value in told}
        return {
            "granules of 8,192 rows touched": found.get("SelectedMarks", 0.0),
            "compressed bytes read": found.get("ReadCompressedBytes", 0.0),
        }

    return Filled(server, counters)


def redis(records: int, address: str) -> Filled:
    server = redises.redis(address, port=6379)
    with unless_failed(server):
        redises.fill(
            server,
            (
                (
                    "HSET", f"member:{n}", "full_name", f"Ann Miller {n % 977}",
                    "email", f"ann{n}@example.org", "birth_date", _born(n),
                    "created_at", _entered(n),
                )
                for n in range(records)
            ),
        )  # fmt: skip

    def counters() -> dict[str, float]:
        told = redises.info(server, "commandstats")
        calls = micros = 0.0
        for name, line in told.items():
            if name.startswith("cmdstat_") and name not in ("cmdstat_hset", "cmdstat_info"):
                figures = dict(part.split("=") for part in line.split(","))
                calls += float(figures["calls"])
                micros += float(figures["usec"])
        return {"commands": calls, "milliseconds in them": micros / 1000}

    return Filled(server, counters)


def mongodb(records: int, address: str) -> Filled:
    server = mongo_java(address, port=27017, heap=f"{512 + records // 1_200}m")
    with unless_failed(server):
        mongo_fill(server, "club", "members", map(_document, range(records)))
    return Filled(server, dict)  # it keeps no counters of its own


def elasticsearch(records: int, address: str) -> Filled:
    server = opensearch(address, port=9200)
    with unless_failed(server):
        for begin in range(0, records, _BULK):
            lines = []
            for n in range(begin, min(begin + _BULK, records)):
                document = _document(n)
                del document["_id"]
                lines += ['{"create":{}}', json.dumps(document, default=str)]
            call(server, "POST", "/members/_bulk", "\n".join(lines) + "\n")
        call(server, "POST", "/members/_refresh")

    def counters() -> dict[str, float]:
        total = call(server, "GET", "/_stats/search")["_all"]["total"]["search"]
        return {
            "searches": total["query_total"],
            "milliseconds in them": total["query_time_in_millis"] + total["fetch_time_in_millis"],
        }

    return Filled(server, counters)


def cassandra(records: int, address: str) -> Filled:
    server = cassandras.cassandra(address, port=9042)
    with unless_failed(server):
        cassandras.fill(server, _cql(records))
    return Filled(server, dict)


def _cql(records: int) -> Iterator[str]:
    yield (
        "CREATE KEYSPACE club WITH replication = "
        "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    yield (
        "CREATE TABLE club.members (member_id bigint PRIMARY KEY, full_name text, email text, "
        "birth_date date, created_at timestamp)"
    )
    for n in range(records):
        yield (
            "INSERT INTO club.members (member_id, full_name, email, birth_date, created_at) VALUES "
            f"({n}, 'Ann Miller {n % 977}', 'ann{n}@example.org', '{_born(n)}', '{_entered(n)}')"
        )


def couchdb(records: int, address: str) -> Filled:
    server = couchdbs.couchdb(address, port=5984)
    with unless_failed(server):
        couchdbs.fill(server, "club", map(_plain, range(records)))
    return Filled(server, dict)


def etcd(records: int, address: str) -> Filled:
    server = etcds.etcd(address, port=2379)
    with unless_failed(server):
        etcds.fill(server, {f"/members/{n}": json.dumps(_plain(n)) for n in range(records)})
    return Filled(server, lambda: {k: float(v) for k, v in etcds.handled(server).items()})


def influxdb(records: int, address: str) -> Filled:
    server = influxdbs.influxdb(address, port=8086)
    with unless_failed(server):
        begin = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
        influxdbs.fill(
            server,
            "club",
            (
                f'members,member=m{n % 50_000} full_name="Ann Miller {n % 977}",'
                f'email="ann{n % 50_000}@example.org" {begin + n}'
                for n in range(records)
            ),
        )
    return Filled(server, dict)


def memcached(records: int, address: str) -> Filled:
    server = memcacheds.memcached(address, port=11211, memory=1024)
    with unless_failed(server):
        memcacheds.fill(server, {f"member:{n}": json.dumps(_plain(n)) for n in range(records)})

    def counters() -> dict[str, float]:
        told = (line.split() for line in memcacheds.asked(server, "stats"))
        found = {name: value for _, name, value in told}
        return {"gets": float(found["cmd_get"]), "bytes written": float(found["bytes_written"])}

    return Filled(server, counters)


def neo4j(records: int, address: str) -> Filled:
    server = neo4js.neo4j(address, port=7687)
    with unless_failed(server):
        statements = [
            f"UNWIND range({begin}, {min(begin + _BULK, records) - 1}) AS n "
            "CREATE (:Member {member_id: n, full_name: 'Ann Miller ' + toString(n % 977), "
            "email: 'ann' + toString(n) + '@example.org', "
            "birth_date: date('1950-01-01') + duration({days: n % 18000}), "
            "created_at: localdatetime('2026-01-01T00:00:00') + duration({seconds: n})})"
            for begin in range(0, records, _BULK)
        ]
        neo4js.fill(server, statements)
    return Filled(server, dict)


def _plain(n: int) -> dict[str, Any]:
    document = _document(n)
    return document | {"_id": f"m{n}", "created_at": document["created_at"].isoformat()}


def _document(n: int) -> dict[str, Any]:
    return {
        "_id": n,
        "full_name": f"Ann Miller {n % 977}",
        "email": f"ann{n}@example.org",
        "birth_date": _born(n),
        "created_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n),
    }


def _born(n: int) -> str:
    return (datetime(1950, 1, 1, tzinfo=UTC) + timedelta(days=n % 18_000)).date().isoformat()


def _entered(n: int) -> str:
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n)).isoformat()


def fillers() -> Iterator[tuple[str, Callable[[int, str], Filled], int]]:
    """Engine, filler, and the most records that it is filled with here."""
    yield "postgresql", postgresql, 10_000_000
    yield "clickhouse", clickhouse, 10_000_000
    yield "redis", redis, 10_000_000
    yield "mongodb", mongodb, 10_000_000
    yield "elasticsearch", elasticsearch, 1_000_000
    yield "neo4j", neo4j, 1_000_000
    yield "influxdb", influxdb, 1_000_000
    yield "memcached", memcached, 1_000_000
    yield "cassandra", cassandra, 10_000
    yield "couchdb", couchdb, 10_000
    yield "etcd", etcd, 10_000
