"""The mysql engine against a real MariaDB."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engines.mysql import ENGINE
from leftopen.errors import ServerRefused
from leftopen.model import OptIn, Proof, Verdict
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
