"""The mysql engine against a real MariaDB."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engine import Collection
from leftopen.engines._mysql_sql import request_name
from leftopen.engines._mysql_wire import query
from leftopen.engines.mysql import ENGINE
from leftopen.errors import ServerRefused
from leftopen.knowledge import Known, Mark, Moment
from leftopen.model import OptIn, Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.servers.base import Server
from leftopen.servers.mysql import commands, fill, mysql
from leftopen.testing import LIMITS, connection, start
from tests.rows.mysql import ACCOUNTS, PEOPLE, ROWS, may_name
from tests.rows.row import Row

TABLES = """
USE town;
CREATE TABLE town.visits (n BIGINT PRIMARY KEY, mail VARCHAR(60), at DATETIME);
INSERT INTO town.visits SELECT seq, CONCAT('p', seq, '@example.org'), '2024-05-06 07:08:09'
  FROM seq_1_to_30000;
CREATE TABLE town.`of``all; kinds` (
  day DATE, never DATE, price DECIMAL(9,2), photo LONGBLOB, note LONGTEXT, told JSON, spot POINT,
  half DOUBLE, mark BIT(8), kind ENUM('a','b'), none INT, whole BIGINT UNSIGNED
);
SET sql_mode = '';
INSERT INTO town.`of``all; kinds` VALUES ('1980-02-03', '0000-00-00', 12.50, x'ffd8ff',
  REPEAT('ä', 30000), '{"home": {"city": "Ulm"}}', POINT(9.9, 48.4), 0.5, b'1', 'b', NULL,
  18446744073709551615);
CREATE TABLE town.nobody (id INT);
CREATE VIEW town.seen AS SELECT * FROM town.people;
CREATE DATABASE other;
CREATE TABLE other.t (a INT, b VARCHAR(9));
INSERT INTO other.t VALUES (1, 'x');
CREATE USER half@'127.0.0.1';
GRANT SELECT (b) ON other.t TO half@'127.0.0.1';
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start(mysql) as running:
        fill(running, PEOPLE + ACCOUNTS + TABLES)
        yield running


async def probe(server: Server, account: str | None = None, **options: Any) -> Proof:
    opt_in = None if account is None else may_name(account)
    async with connection(ENGINE, server, opt_in=opt_in, **options) as link:
        return await ENGINE.probe(link)


Read = dict[str, tuple[int | None, list[pa.RecordBatch]]]


async def read(server: Server, account: str, limits: StoreLimits = LIMITS) -> Read:
    """By name: the records that were told, and the batches."""
    made: Read = {}
    async with connection(ENGINE, server, limits, opt_in=may_name(account)) as link:
        for collection in await ENGINE.collections(link):
            batches = [batch async for batch in ENGINE.sample(link, collection, limits)]
            made[collection.name] = (collection.records, batches)
    return made


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_rows(row: Row) -> None:
    with row.serve() as target:
        async with connection(ENGINE, target, opt_in=row.opt_in) as link:
            proof = await ENGINE.probe(link)
            assert (proof.verdict, proof.can_write) == (row.verdict, row.can_write), proof
            assert link.bytes_read < 1_024
            assert proof.product == "mariadb"


async def test_without_opt_in_nothing_is_sent(server: Server) -> None:
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert link.requests == []
    assert proof.verdict is Verdict.UNDETERMINED
    assert "not decidable without an account" in proof.reason
    assert re.fullmatch(r"1\d\.\d+\.\d+", proof.version or "")
    async with connection(ENGINE, server) as link:
        with pytest.raises(ServerRefused):
            await ENGINE.collections(link)
        assert link.requests == []
    async with connection(ENGINE, server, opt_in=OptIn(account="reader")) as link:
        await ENGINE.probe(link)
        assert link.requests == []


@pytest.mark.parametrize(("account", "queries"), [("reader", 6), ("locked", 0), ("nobody", 0)])
async def test_one_log_on_and_no_other(server: Server, account: str, queries: int) -> None:
    before = len(commands(server))
    await probe(server, account)
    seen = [c for c in commands(server)[before:] if c[0] != "Quit"]
    tries = [text for kind, text in seen if kind == "Connect" and "Access denied" not in text]
    assert len(tries) == 1
    assert tries[0].startswith(f"{account}@")
    asked = [text for kind, text in seen if kind == "Query"]
    assert len(asked) == queries
    assert all(
        re.fullmatch(
            r"START TRANSACTION READ ONLY|ROLLBACK|SHOW GRANTS|SELECT REVERSE\('[0-9a-f]{32}'\)",
            text,
        )
        for text in asked
    )


async def test_what_is_in_it(server: Server) -> None:
    found = await read(server, "administrator")
    counts = {n: (records, sum(b.num_rows for b in bs)) for n, (records, bs) in found.items()}
    assert counts == {
        "town.visits": (30_000, 2_000),
        "town.of`all; kinds": (1, 1),
        "town.people": (2, 2),
        "town.nobody": (0, 0),
        "other.t": (1, 1),
    }
    row = found["town.of`all; kinds"][1][0].to_pylist()[0]
    assert row["day"] == date(1980, 2, 3)
    assert row["never"] == "0000-00-00"
    assert (row["price"], row["half"], row["kind"]) == (12.5, 0.5, "b")
    assert (row["photo"], row["mark"]) == (b"\xff\xd8\xff", b"\x01")
    assert row["note"] == "ä" * 16_384
    assert row["told.home.city"] == "Ulm"
    assert row["spot"][:5] == b"\x01\x01\x00\x00\x00"  # WKB of a point
    assert row["whole"] == str(2**64 - 1)
    assert row["none"] is None
    numbers = [n for b in found["town.visits"][1] for n in b.column("n").to_pylist()]
    assert len(set(numbers)) == 2_000
    assert max(numbers) > 20_000  # from all of it
    moments = found["town.visits"][1][0].column("at").to_pylist()
    assert set(moments) == {datetime(2024, 5, 6, 7, 8, 9)}  # noqa: DTZ001  stored without zone


async def test_only_columns_that_the_account_may_read(server: Server) -> None:
    found = await read(server, "half")
    assert list(found) == ["other.t"]
    assert found["other.t"][1][0].to_pylist() == [{"b": "x"}]
    assert await read(server, "stranger") == {}


async def test_a_result_that_weighs_too_much_is_cut_and_the_next_is_read(server: Server) -> None:
    limits = StoreLimits(rows=2_000, reply_bytes=20_000, silence=5.0)
    found = await read(server, "reader", limits)
    assert 100 < sum(b.num_rows for b in found["town.visits"][1]) < 2_000
    assert [b.num_rows for b in found["town.people"][1]] == [2]


async def test_the_server_saw_reads_alone(server: Server) -> None:
    before = len(commands(server))
    await probe(server, "administrator")
    await read(server, "administrator")
    words = {text.split(" ")[0] for kind, text in commands(server)[before:] if kind == "Query"}
    assert words == {"START", "ROLLBACK", "SHOW", "SELECT", "/*M!100108"}
    limited = [text for kind, text in commands(server)[before:] if text.startswith("/*M!")]
    assert limited
    for text in limited:
        assert re.match(r"/\*M!100108 SET STATEMENT max_statement_time=\S+ FOR \*/ SELECT ", text)


@contextlib.contextmanager
def locked_by_its_owner(server: Server) -> Iterator[None]:
    """The owner holds a lock on other.t until the block ends."""
    command = ["mariadb", "--no-defaults", f"--socket={server.folder / 'socket'}", "-uroot", "-nN"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        owner.stdin.write(b"LOCK TABLES other.t WRITE; SELECT 1;\n")
        owner.stdin.flush()
        assert owner.stdout.readline() == b"1\n"
        yield
        owner.stdin.close()


async def test_a_locked_table_costs_its_own_answer_and_not_the_session(server: Server) -> None:
    before = len(commands(server))
    with locked_by_its_owner(server):
        limits = StoreLimits(rows=5, silence=0.5)
        async with connection(ENGINE, server, limits, opt_in=may_name("administrator")) as link:
            found = {c.name: c for c in await ENGINE.collections(link)}
            with pytest.raises(ServerRefused) as refused:
                [batch async for batch in ENGINE.sample(link, found["other.t"], limits)]
            assert refused.value.code == "1969"  # ER_STATEMENT_TIMEOUT: the server's own limit
            batches = [b async for b in ENGINE.sample(link, found["town.people"], limits)]
            assert batches[0].num_rows == 2
    tries = [text for _, text in commands(server)[before:] if text.startswith("administrator@")]
    assert len(tries) == 1


# --- what it knows -------------------------------------------------------------------------------

KNOWN = """
CREATE DATABASE known; USE known;
CREATE TABLE persons (id BIGINT AUTO_INCREMENT PRIMARY KEY, mail VARCHAR(60), told JSON);
INSERT INTO persons (mail, told)
  SELECT CONCAT('p', seq, '@example.org'), '{"a": 1}' FROM seq_1_to_20000;
CREATE TABLE visits (id BIGINT PRIMARY KEY, person BIGINT, at DATETIME, seen TIMESTAMP(3) NULL,
  day DATE, code VARCHAR(20), price DECIMAL(9,2), town VARCHAR(20), half TEXT, UNIQUE (code),
  KEY (at), KEY (seen), KEY (day), KEY (price), KEY (town(2)), KEY both_ (person, at),
  FOREIGN KEY (person) REFERENCES persons (id));
SET time_zone = '+00:00';
INSERT INTO visits SELECT seq, 1 + seq % 1000, '2026-01-01' + INTERVAL seq SECOND,
  '2026-01-01' + INTERVAL seq SECOND, '2026-01-01' + INTERVAL seq DIV 1000 DAY,
  DATE_FORMAT('2026-01-01' + INTERVAL seq SECOND, '%Y-%m-%dT%H:%i:%s'), seq / 2,
  CONCAT('t', seq % 50), IF(seq % 2, NULL, CONCAT('x', seq)) FROM seq_0_to_29999;
CREATE TABLE memory_ (a INT) ENGINE = MEMORY; INSERT INTO memory_ VALUES (1);
CREATE TABLE plain (a INT) ENGINE = Aria; INSERT INTO plain VALUES (1);
ANALYZE TABLE persons, visits;
CREATE USER measurer@'127.0.0.1'; GRANT SELECT ON known.* TO measurer@'127.0.0.1';
"""


@pytest.fixture(scope="module")
def knowing() -> Iterator[Server]:
    """A server whose own time zone is not UTC."""
    with start(mysql) as running:
        fill(running, "SET GLOBAL time_zone = '+05:30'")
        fill(running, KNOWN)
        yield running


@contextlib.asynccontextmanager
async def listed(
    server: Server, limits: StoreLimits = LIMITS
) -> AsyncIterator[tuple[Connection, dict[str, Collection]]]:
    async with connection(ENGINE, server, limits, opt_in=may_name("measurer")) as link:
        yield link, {c.name: c for c in await ENGINE.collections(link)}


async def test_what_is_known_of_columns(knowing: Server) -> None:
    async with listed(knowing) as (link, found):
        persons = await ENGINE.known(link, found["known.persons"], ["id", "mail", "told.a"])
        assert persons == {"id": Known(unique=True, indexed=True)}
        paths = ["id", "person", "code", "town", "at", "half"]
        visits = await ENGINE.known(link, found["known.visits"], paths)
    assert set(visits) == {"id", "person", "code", "town", "at"}
    assert visits["code"].unique
    assert (visits["town"].indexed, visits["town"].distinct) == (False, None)  # of two letters
    person = visits["person"]
    assert (person.unique, person.indexed) == (False, True)
    assert person.refers_to == ("known.persons", "id")
    for path, truth in (("person", 1_000), ("at", 30_000)):
        told = visits[path]
        assert told.distinct is not None
        assert told.error is not None
        assert told.distinct * (1 - 2 * told.error) < truth < told.distinct * (1 + 2 * told.error)


FRESH = """
SET GLOBAL innodb_stats_auto_recalc = 0; USE known;
CREATE TABLE fresh (id INT PRIMARY KEY, a INT, KEY (a));
INSERT INTO fresh SELECT seq, seq FROM seq_1_to_9; ANALYZE TABLE fresh;
INSERT INTO fresh SELECT seq, seq FROM seq_10_to_9000;
"""


async def test_figures_of_a_table_that_was_just_filled_are_not_told(knowing: Server) -> None:
    fill(knowing, FRESH)
    async with listed(knowing) as (link, found):
        told = await ENGINE.known(link, found["known.fresh"], ["a"])
    fill(knowing, "DROP TABLE known.fresh")
    assert told == {"a": Known(indexed=True)}


BEGIN = datetime.fromisoformat("2026-01-01 01:00:00")
END = datetime.fromisoformat("2026-01-01 02:30:00")


@pytest.mark.parametrize(
    ("path", "begin", "end", "count"),
    [
        ("at", BEGIN, END, 5_400),
        ("seen", BEGIN, END, 5_400),  # in UTC, whatever the server's own time zone is
        ("day", BEGIN, datetime.fromisoformat("2026-01-05"), 3_000),
        ("code", "2026-01-01T01:00:00", "2026-01-01T02:30:00", 5_400),
        ("price", 10, 20.5, 21),
        ("id", 10.5, 20, 9),
        ("person", 10, 12, 60),
        ("at", END, BEGIN, 0),
        ("at", 5, 10, None),
        ("town", "1", "2", None),
        ("half", "1", "2", None),
        ("nothing", 1, 2, None),
    ],
)
async def test_ranges_are_counted_as_they_are(
    knowing: Server, path: str, begin: Moment, end: Moment, count: int | None
) -> None:
    async with listed(knowing) as (link, found):
        visits = found["known.visits"]
        assert await ENGINE.count_between(link, visits, path, begin, end) == count


async def test_a_timestamp_is_read_in_utc(knowing: Server) -> None:
    async with listed(knowing) as (link, found):
        [batch] = [b async for b in ENGINE.sample(link, found["known.visits"], StoreLimits(rows=5))]
    assert batch["seen"].to_pylist() == batch["at"].to_pylist()


async def test_marks_move_when_somebody_writes_and_only_then(knowing: Server) -> None:
    async with listed(knowing) as (link, found):
        await asyncio.sleep(1.1)  # a change is told by the second

        async def look() -> Mapping[str, Mark]:
            return await ENGINE.marks(link, list(found.values()))

        first = await look()
        assert set(first) == {"known.persons", "known.visits", "known.plain"}
        fill(knowing, "ANALYZE TABLE known.persons, known.visits")
        assert await look() == first
        fill(knowing, "INSERT INTO known.persons (mail) VALUES ('x'); "
             "UPDATE known.visits SET price = 1 WHERE id = 29000; "
             "INSERT INTO known.memory_ VALUES (2)")  # fmt: skip
        second = await look()
    moved = {name for name in first if (second[name].changes or 0) > (first[name].changes or 0)}
    assert moved == {"known.persons", "known.visits"}
    assert second["known.plain"] == first["known.plain"]


async def test_since(knowing: Server) -> None:
    async with connection(ENGINE, knowing, opt_in=may_name("measurer")) as link:
        told = await ENGINE.since(link)
        assert told is not None
        age = datetime.now(UTC).replace(tzinfo=None) - told.moment
        assert (told.how, timedelta(0) <= age < timedelta(minutes=10)) == ("started", True)
        assert await ENGINE.collections(link)


async def streamed(link: Connection, collection: Collection, *paths: str) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {}
    async for batch in ENGINE.stream(link, collection, paths, link.limits):
        assert batch.num_rows < 20_000
        for name in batch.schema.names:
            made.setdefault(name, []).extend(batch[name].to_pylist())
    return made


async def test_a_stream_gives_each_row_once(knowing: Server) -> None:
    async with listed(knowing) as (link, found):
        persons = await streamed(link, found["known.persons"], "id", "told.a")
        assert set(range(1, 20_001)) <= set(persons["id"])
        assert len(set(persons["id"])) == len(persons["id"])
        assert set(persons["told.a"]) <= {1, None}
        visits = await streamed(link, found["known.visits"], "code", "seen", "half")
        assert len(set(visits["code"])) == len(visits["code"]) == 30_000
        assert [seen.isoformat() for seen in visits["seen"]] == visits["code"]
        assert sum(half is None for half in visits["half"]) == 15_000
        assert await streamed(link, found["known.persons"], "nothing") == {}
        assert set(link.requests) <= ENGINE.requests


async def test_columns_of_a_stream_are_those_of_a_sample(knowing: Server) -> None:
    paths = ["id", "person", "at", "seen", "day", "code", "price", "town", "half"]
    async with listed(knowing) as (link, found):
        visits = found["known.visits"]
        first = await anext(ENGINE.stream(link, visits, paths, link.limits))
        batch, *_ = [b async for b in ENGINE.sample(link, visits, link.limits)]
    assert first.schema == batch.schema


async def test_a_stream_that_is_left_costs_the_session_nothing(knowing: Server) -> None:
    async with listed(knowing) as (link, found):
        visits = found["known.visits"]
        stream = ENGINE.stream(link, visits, ["code"], link.limits)
        assert (await anext(stream)).num_rows < 30_000
        del stream
        assert (await ENGINE.known(link, visits, ["at"]))["at"].indexed
        stream = ENGINE.stream(link, visits, ["code"], StoreLimits(bytes=100_000))
        assert 1_000 < sum([batch.num_rows async for batch in stream]) < 30_000
        assert (await ENGINE.known(link, visits, ["at"]))["at"].indexed


async def test_the_server_saw_reads_alone_when_it_was_measured(knowing: Server) -> None:
    before = len(commands(knowing))
    async with listed(knowing) as (link, found):
        visits = found["known.visits"]
        await ENGINE.marks(link, list(found.values()))
        await ENGINE.known(link, visits, ["id"])
        await ENGINE.count_between(link, visits, "at", BEGIN, END)
        await streamed(link, visits, "id", "half")
    seen = [text for kind, text in commands(knowing)[before:] if kind == "Query"]
    names = {request_name(query(text)) for text in seen}
    asked = {name for name in link.requests if name.startswith(("SELECT", "SHOW"))}
    assert names == asked | {"START TRANSACTION READ ONLY", "ROLLBACK"}


async def test_personal_kinds_are_found(server: Server) -> None:
    found = await read(server, "reader")
    told = classify(pa.Table.from_batches(found["town.visits"][1]))
    assert told.fields["mail"].kind == "email"


async def test_tls_is_used_where_the_server_offers_it(certificate: tuple[Path, Path]) -> None:
    with start(mysql, tls=certificate) as running:
        fill(running, PEOPLE + ACCOUNTS)
        fill(running, "ALTER USER reader@'127.0.0.1' REQUIRE SSL")
        async with connection(ENGINE, running, opt_in=may_name("reader")) as link:
            proof = await ENGINE.probe(link)
            assert link.tls
            assert link.requests[:2] == ["SSLRequest", "HandshakeResponse"]
            assert proof.verdict is Verdict.PASSWORDLESS
        assert (await read(running, "reader"))["town.people"][0] == 2
        connects = [text for kind, text in commands(running) if kind == "Connect"]
        assert all("using SSL/TLS" in text for text in connects if text.startswith("reader"))
