"""A whole scan as a user makes it, against real servers: the verdict matrix, and what the servers
themselves say was asked of them."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leftopen.engines import all_engines
from leftopen.engines._postgresql_sql import request_name as statement_name
from leftopen.engines.elasticsearch import request_name as http_name
from leftopen.errors import RequestNotAllowed
from leftopen.servers import mongodb, opensearch, postgresql, redis
from leftopen.servers.base import Server
from leftopen.testing import leftopen, peer, start
from tests.hostile import html_page

SECRET = "velmora-7-lighthouse"  # of locked servers; leftopen is never told
STANDARD = {"mongodb": 27017, "redis": 6379, "postgresql": 5432, "elasticsearch": 9200}


@pytest.fixture(scope="module")
def matrix(
    tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Every engine open, locked, over TLS and locked over TLS; another protocol on its port: what
    one scan of them all says. A missing server is named at the end of the run."""
    where: dict[tuple[str, int], tuple[str, str]] = {}
    with contextlib.ExitStack() as stack:

        def add(engine: str, state: str, server: Server) -> None:
            stack.callback(server.stop)
            where[server.address, server.port] = engine, state

        open_mongo = start(mongodb.secantus)
        add("mongodb", "open", open_mongo)
        mongodb.fill(open_mongo, "town", "people", [{"email": "a@example.org"}])
        add("mongodb", "locked", start(mongodb.secantus, auth=True))
        tls_mongo = start(mongodb.secantus, tls=certificate)
        add("mongodb", "tls", tls_mongo)
        mongodb.fill(tls_mongo, "town", "people", [{"email": "a@example.org"}])
        add("mongodb", "tls locked", start(mongodb.secantus, tls=certificate, auth=True))

        add("redis", "open", start(redis.redis))
        add("redis", "locked", start(redis.redis, password=SECRET))
        add("redis", "tls", start(redis.redis, tls=certificate))
        add("redis", "tls locked", start(redis.redis, tls=certificate, password=SECRET))
        asks = start(redis.redis, tls=certificate, tls_auth_clients=True)
        add("redis", "tls certificate", asks)

        add("postgresql", "open", start(postgresql.postgres))
        add("postgresql", "locked", start(postgresql.postgres, auth="scram-sha-256"))
        tls_only = "hostssl all all all {}"
        for state, method in (("tls", "trust"), ("tls locked", "scram-sha-256")):
            hba = tls_only.format(method)
            add("postgresql", state, start(postgresql.postgres, tls=certificate, hba=hba))

        add("elasticsearch", "open", start(opensearch.opensearch))
        add("elasticsearch", "locked", start(opensearch.opensearch, password=SECRET))
        add("elasticsearch", "tls", start(opensearch.opensearch, tls=certificate))
        both = start(opensearch.opensearch, tls=certificate, password=SECRET)
        add("elasticsearch", "tls locked", both)

        for number, (engine, port) in enumerate(STANDARD.items()):
            address = f"127.0.66.{number + 1}"
            stack.enter_context(peer(html_page, address, port))
            where[address, port] = engine, "wrong protocol"
        targets = [f"{address}:{port}" for address, port in where]
        store = tmp_path_factory.mktemp("matrix") / "r.db"
        ran = leftopen("scan", *targets, "--format", "json", store=store)
    services = json.loads(ran.out)["services"]
    return {where[s["address"], s["port"]]: s for s in services}


@pytest.mark.parametrize("engine", STANDARD)
@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("open", "OPEN"),
        ("locked", "AUTH_REQUIRED"),
        ("tls", "OPEN"),
        ("tls locked", "AUTH_REQUIRED"),
        ("wrong protocol", "NOT_THIS"),
    ],
)
def test_the_matrix(
    matrix: dict[tuple[str, str], dict[str, Any]], engine: str, state: str, verdict: str
) -> None:
    service = matrix[engine, state]
    assert service["verdict"] == verdict, service
    if state != "wrong protocol":
        assert service["engine"] == engine
        assert service["tls"] == state.startswith("tls")
        assert service["vantage"] == "loopback"
        assert service["verified"] == "real"


def test_a_wish_for_a_certificate_is_a_closed_door(
    matrix: dict[tuple[str, str], dict[str, Any]],
) -> None:
    assert matrix["redis", "tls certificate"]["verdict"] == "ACL_CLOSED"


@contextlib.contextmanager
def logging_servers() -> Iterator[dict[str, Any]]:
    """One open and filled server of each engine, with its own log of what it is asked."""
    with contextlib.ExitStack() as stack:
        mongo = stack.enter_context(start(mongodb.secantus))
        people = [{"name": f"n{i}", "email": f"p{i}@example.org"} for i in range(300)]
        mongodb.fill(mongo, "town", "people", people)
        cache = stack.enter_context(start(redis.redis))
        redis.fill(cache, [("HSET", f"sess:{i}", "user", f"p{i}@example.org") for i in range(300)])
        base = stack.enter_context(start(postgresql.postgres, log_statements=True))
        sql = "CREATE TABLE people AS SELECT g AS id, 'p' || g || '@example.org' AS email FROM "
        postgresql.fill(base, sql + "generate_series(1, 3000) g")
        search = stack.enter_context(start(opensearch.opensearch))
        opensearch.fill(search, "people", people)
        yield {"mongodb": mongo, "redis": cache, "postgresql": base, "elasticsearch": search}


def test_the_servers_own_logs_hold_allow_listed_reads_only(tmp_path: Path) -> None:
    allowed = {name: engine.requests for name, engine in all_engines().items()}
    with logging_servers() as servers:
        mongo, base, search = (servers[n] for n in ("mongodb", "postgresql", "elasticsearch"))
        before = mongodb.operations(mongo)
        mongodb.record_commands(mongo, ["admin", "town"])
        sql_from = base.log.stat().st_size
        http_from = len(opensearch.requests(search))
        with redis.monitored(servers["redis"]) as redis_log:
            ran = leftopen(
                "scan", *(s.where for s in servers.values()), "--format", "json",
                store=tmp_path / "r.db",
            )  # fmt: skip
        time.sleep(0.3)  # PostgreSQL's log is written by other processes
        mongo_log = mongodb.recorded_commands(mongo, ["admin", "town"])
        after = mongodb.operations(mongo)
        sql_log = base.log.read_bytes()[sql_from:].decode(errors="replace")
        http_log = opensearch.requests(search)[http_from:]

    document = json.loads(ran.out)
    assert {e["engine"] for e in document["exposures"]} == set(STANDARD)
    assert document["errors"] == []
    said = {s["engine"]: set(s["requests"]) for s in document["services"]}

    asked = {next(iter(command)) for _, command in mongo_log}
    assert {"listDatabases", "find", "collStats"} <= asked <= allowed["mongodb"] & said["mongodb"]
    for counter in ("insert", "update", "delete"):
        assert before[counter] == after[counter]

    words = {command[0].upper() for command in redis_log}
    # What memcached's engine asks a stranger is, to Redis, the read of a key that is not there.
    by_another = {"GET"} if "memcached get" in said["redis"] else set()
    assert {"SCAN", "DBSIZE"} <= words <= allowed["redis"] & said["redis"] | by_another

    statements = re.findall(r"LOG:  (?:statement|execute [^:]+): (.*)", sql_log)
    names = {statement_name(statement) for statement in statements}
    assert len(statements) > 3
    assert names <= allowed["postgresql"] & said["postgresql"]
    assert all(statement.startswith("SELECT ") for statement in statements)

    # A node logs what other engines asked of it (it is no HTTP) under a path of its own making.
    http_log = [(method, path) for method, path in http_log if path != "/bad-request"]
    own, strange = set(), set()
    for method, path in http_log:
        try:
            own.add(http_name(method, path))
        except RequestNotAllowed:  # another HTTP engine's, which asked before the node was known
            strange.add((method, _first(path)))
    assert len(own) > 3
    assert own <= allowed["elasticsearch"] & said["elasticsearch"]
    asked_by_others = [request.split() for request in said["elasticsearch"] - own]
    assert strange <= {(words[1], _first(words[2])) for words in asked_by_others if words[2:]}


def _first(path: str) -> str:
    """The first segment of a path; that of the root, and of a statement beside it, is empty."""
    return path.partition("?")[0].split("/")[1] if path.startswith("/") else ""
