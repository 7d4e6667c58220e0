"""Twelve real servers of twelve kinds, each on an address of its own: open, or locked."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from leftopen.scanner import default_ports
from leftopen.servers import (
    clickhouse,
    etcd,
    influxdb,
    memcached,
    mongodb,
    mqtt,
    nats,
    postgresql,
    prometheus,
    redis,
    registry,
    rsync,
)
from leftopen.servers.base import Server, free_port

STARTING = 3  # servers at once: more would only wait for each other
_SECRET = "a long one"
Make = Callable[[str, int], Server]


@dataclass(frozen=True)
class Store:
    """One kind: its engine's name, its usual port, and how to start it there in either state.

    The open one holds one invented record.
    """

    engine: str
    port: int
    open: Make
    locked: Make


@dataclass(frozen=True)
class Place:
    """Where a store is to stand."""

    store: Store
    address: str
    port: int


def places(network: str, *, odd: bool = False) -> list[Place]:
    """One address a store, `network` followed by 1 to 12; with `odd` on a free port of no engine's.

    `network` is the first three numbers, as in "127.0.70".
    """
    made = [Place(store, f"{network}.{n}", store.port) for n, store in enumerate(STORES, 1)]
    return [replace(p, port=_odd_port(p.address)) for p in made] if odd else made


def _odd_port(address: str) -> int:
    usual = set(default_ports())
    while (port := free_port(address)) in usual:
        pass
    return port


@contextlib.contextmanager
def serving(places: Sequence[Place], *, locked: bool = False) -> Iterator[None]:
    """The stores at their places; every one that was started is stopped at the end."""
    with contextlib.ExitStack() as running, ThreadPoolExecutor(STARTING) as pool:

        def start(place: Place) -> None:
            make = place.store.locked if locked else place.store.open
            running.push(make(place.address, place.port))

        for _ in pool.map(start, places):
            pass
        yield


def _mongodb(address: str, port: int) -> Server:
    server = mongodb.secantus(address, port=port)
    mongodb.fill(server, "town", "people", [{"name": "Ann Lee"}])
    return server


def _redis(address: str, port: int) -> Server:
    server = redis.redis(address, port=port)
    redis.fill(server, [("SET", "person:1", "Ann Lee")])
    return server


def _postgresql(address: str, port: int) -> Server:
    server = postgresql.postgres(address, port=port)
    postgresql.fill(server, "create table people as select 'Ann Lee' as name")
    return server


def _memcached(address: str, port: int) -> Server:
    server = memcached.memcached(address, port=port)
    memcached.fill(server, {"person:1": "Ann Lee"})
    return server


def _clickhouse(address: str, port: int) -> Server:
    server = clickhouse.clickhouse(address, port=port)
    made = "CREATE TABLE town.people (name String) ENGINE = MergeTree ORDER BY name"
    row = "INSERT INTO town.people VALUES ('Ann Lee')"
    clickhouse.fill(server, "CREATE DATABASE town", made, row)
    return server


def _etcd(address: str, port: int) -> Server:
    server = etcd.etcd(address, port=port)
    etcd.fill(server, {"people/1": "Ann Lee"})
    return server


def _influxdb(address: str, port: int) -> Server:
    server = influxdb.influxdb(address, port=port)
    influxdb.fill(server, "town", ['visits,city=Ulm name="Ann Lee" 1700000000'])
    return server


def _prometheus(address: str, port: int) -> Server:
    samples = f'# TYPE logins gauge\nlogins{{user="ann.lee@example.org"}} 1 {int(time.time())}\n'
    return prometheus.prometheus(address, port=port, samples=samples)


def _registry(address: str, port: int) -> Server:
    server = registry.registry(address, port=port)
    registry.fill(server, "shop/people", {"latest": {"author": "Ann Lee"}})
    return server


def _mqtt(address: str, port: int) -> Server:
    server = mqtt.mosquitto(address, port=port)
    mqtt.fill(server, [("homes/7/owner", b"Ann Lee")])
    return server


def _nats(address: str, port: int) -> Server:
    server = nats.nats(address, port=port)
    nats.fill(server, {"people": [("people.1", b"Ann Lee")]})
    return server


def _rsync(address: str, port: int) -> Server:
    server = rsync.rsyncd(address, port=port)
    rsync.fill(server, "files", {"Ann Lee.pdf": b"%PDF-1.4"})
    return server


STORES = (
    Store("mongodb", 27017, _mongodb, lambda a, p: mongodb.secantus(a, port=p, auth=True)),
    Store("redis", 6379, _redis, lambda a, p: redis.redis(a, port=p, password=_SECRET)),
    Store(
        "postgresql", 5432, _postgresql,
        lambda a, p: postgresql.postgres(a, port=p, auth="scram-sha-256"),
    ),
    Store(
        "memcached", 11211, _memcached,
        lambda a, p: memcached.memcached(a, port=p, password=_SECRET),
    ),
    Store(
        "clickhouse", 8123, _clickhouse,
        lambda a, p: clickhouse.clickhouse(a, port=p, password=_SECRET),
    ),
    Store("etcd", 2379, _etcd, lambda a, p: etcd.etcd(a, port=p, password=_SECRET)),
    Store("influxdb", 8086, _influxdb, lambda a, p: influxdb.influxdb(a, port=p, password=_SECRET)),
    Store(
        "prometheus", 9090, _prometheus, lambda a, p: prometheus.prometheus(a, port=p, locked=True)
    ),
    Store("registry", 5000, _registry, lambda a, p: registry.registry(a, port=p, locked=True)),
    Store("mqtt", 1883, _mqtt, lambda a, p: mqtt.mosquitto(a, port=p, password=_SECRET)),
    Store("nats", 4222, _nats, lambda a, p: nats.nats(a, port=p, password=_SECRET)),
    Store(
        "rsync", 873, _rsync,
        lambda a, p: rsync.rsyncd(
            a, port=p, modules=(("files", "auth users = owner"),), password=_SECRET
        ),
    ),
)  # fmt: skip
