"""Who stands on the stage: the town's servers, how each is started and filled, and what a scan
must say of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leftopen.demo import contents, feeder
from leftopen.demo.town import Town, sightings
from leftopen.servers import mongodb, postgresql, redis
from leftopen.servers.base import Server, launch, new_folder

Outcome = Literal["open", "locked", "no store"]
Start = Callable[[str, int], Server]
Fill = Callable[[Server, Town, datetime], None]

_PASSWORD = "velmora-demo-2019"  # noqa: S105 - locks an empty server on loopback; nobody tries it

# SecantusDB never answers an insert of some megabytes: it does not fit its small cache.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Role:
    """One server: its usual port, what it holds in words, and what a scan must find.

    `engine` is the engine's name, None for what is no store.
    """

    name: str
    kind: str
    engine: str | None
    port: int
    outcome: Outcome
    holds: str
    start: Start
    fill: Fill | None = None


def _register(server: Server, town: Town, now: datetime) -> None:
    for collection, documents in (
        ("residents", list(contents.resident_documents(town))),
        (feeder.COLLECTION, list(sightings(town, now))),
    ):
        for start in range(0, len(documents), _BATCH):
            batch = documents[start : start + _BATCH]
            mongodb.fill(server, feeder.DATABASE, collection, batch)


def _webshop(server: Server, town: Town, now: datetime) -> None:
    redis.fill(server, list(contents.webshop(town, now)))


def _taxi(server: Server, town: Town, now: datetime) -> None:
    redis.fill(server, list(contents.taxi(town, now)))


def _shop_and_clinic(server: Server, town: Town, now: datetime) -> None:
    assert isinstance(server, postgresql.PostgresServer)
    for name, statements in (
        ("shop", contents.shop_sql(town, now)),
        ("clinic", contents.clinic_sql(town, now)),
    ):
        postgresql.fill(server, f"CREATE DATABASE {name}")
        postgresql.fill(server, ";\n".join([*statements, "ANALYZE;"]), database=name)


def _page(address: str, port: int) -> Server:
    command = [sys.executable, "-m", "leftopen.demo.page", address, str(port)]
    return launch("page", command, address, port, new_folder("page"))


def start_feeder(mongo: Server) -> Server:
    """The process that lets the stream of positions grow; ready once the first are in."""
    folder = new_folder("feeder")
    return launch(
        "feeder",
        [sys.executable, "-m", "leftopen.demo.feeder", mongo.address, str(mongo.port)],
        mongo.address,
        mongo.port,
        folder,
        ready=lambda: "feeding" in (folder / "server.log").read_text(errors="replace"),
    )


def _mongodb(address: str, port: int) -> Server:
    return mongodb.secantus(address, port=port)


def _redis(address: str, port: int) -> Server:
    return redis.redis(address, port=port, program="wheel")


def _postgresql(address: str, port: int) -> Server:
    return postgresql.postgres(address, port=port, program="wheel")


def _mongodb_locked(address: str, port: int) -> Server:
    return mongodb.secantus(address, port=port, auth=True)


def _redis_locked(address: str, port: int) -> Server:
    return redis.redis(address, port=port, password=_PASSWORD, program="wheel")


def _postgresql_locked(address: str, port: int) -> Server:
    return postgresql.postgres(address, port=port, auth="scram-sha-256", program="wheel")


REGISTER = "register"

ROLES = (
    Role(
        REGISTER, "MongoDB", "mongodb", 27017, "open", "residents, a stream of positions",
        _mongodb, _register,
    ),
    Role(
        "webshop", "Redis", "redis", 6379, "open", "sessions and carts of a web shop",
        _redis, _webshop,
    ),
    Role(
        "shop and clinic", "PostgreSQL", "postgresql", 5432, "open",
        "a shop's orders, a clinic's visits", _postgresql, _shop_and_clinic,
    ),
    Role(
        "taxi", "Redis", "redis", 27017, "open", "taxi rides, on MongoDB's port",
        _redis, _taxi,
    ),
    Role("twin 1", "MongoDB", "mongodb", 27017, "locked", "asks for a password", _mongodb_locked),
    Role("twin 2", "Redis", "redis", 6379, "locked", "asks for a password", _redis_locked),
    Role(
        "twin 3", "PostgreSQL", "postgresql", 5432, "locked", "asks for a password",
        _postgresql_locked,
    ),
    Role("page", "web page", None, 9200, "no store", "a page on Elasticsearch's port", _page),
)  # fmt: skip
