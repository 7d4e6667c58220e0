"""The jupyter engine against a real Jupyter Server: open, locked, with its own rules, read-only."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pytest

from leftopen import classify
from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.jupyter import ENGINE
from leftopen.errors import BudgetSpent, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.jupyter import fill, jupyter, requests
from leftopen.testing import LIMITS, connection, shared, start
from tests.live import knowing
from tests.rows.jupyter import TOKEN, people

PATIENTS = [{"name": "Bo Berg", "email": f"bo.berg{n}@example.org"} for n in range(40)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start(jupyter) as running:
        fill(running, {
            "people.csv": people(500),
            "Plan.ipynb": '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
            "read me.txt": "nothing of note",
            "wards/Ünder 5/patients.jsonl": "\n".join(json.dumps(row) for row in PATIENTS),
            "wards/list.json": json.dumps(PATIENTS),
            "wards/large.csv": people(40_000),
            "node_modules/package.json": "{}",
        })  # fmt: skip
        yield running


async def probe(server: Server) -> Proof:
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 8_192
        assert set(link.requests) <= ENGINE.requests
        return proof


Read = dict[str, tuple[Collection, pa.Table]]


async def profile(server: Server, limits: StoreLimits) -> Read:
    made: Read = {}
    async with connection(ENGINE, server, limits) as link:
        for collection in await ENGINE.collections(link):
            if (collection.bytes or 0) * 3 > limits.reply_bytes:
                with pytest.raises(BudgetSpent):
                    [b async for b in ENGINE.sample(link, collection, limits)]
                continue
            batches = [b async for b in ENGINE.sample(link, collection, limits)]
            made[collection.name] = (collection, pa.Table.from_batches(batches))
    return made


async def test_open(server: Server) -> None:
    proof = await probe(server)
    assert (proof.verdict, proof.product, proof.can_write) == (Verdict.OPEN, "Jupyter", "yes")
    assert proof.version is not None
    assert proof.reason == "the folder of notebooks is shown without a token"


async def test_what_is_in_it(server: Server) -> None:
    read = await profile(server, StoreLimits(rows=200, reply_bytes=1 << 20))
    assert {name: table.num_rows for name, (_, table) in read.items()} == {
        "people.csv": 200,
        "wards/list.json": 40,
        "wards/Ünder 5/patients.jsonl": 40,
        "*": 2,
    }
    table = read["people.csv"][1]
    assert set(table.schema.names) == {"email", "name", "age"}
    drawn = table.to_pydict()["email"]
    assert len(set(drawn)) == 200
    assert any(int(email.partition("@")[0].removeprefix("ann.lee")) > 250 for email in drawn)
    assert classify(table).fields["email"].kind == "email"
    assert read["wards/list.json"][1].to_pydict()["email"] == [row["email"] for row in PATIENTS]
    rest = read["*"]
    assert rest[0].records == 2
    assert set(rest[1].to_pydict()["name"]) == {"Plan.ipynb", "read me.txt"}
    assert read["people.csv"][0].bytes == len(people(500))


async def test_the_servers_own_log_shows_reads_only(server: Server) -> None:
    before = len(requests(server))
    kept = {path: path.stat().st_mtime_ns for path in (server.folder / "shown").rglob("*")}
    await probe(server)
    await profile(server, LIMITS)
    seen = requests(server)[before:]
    assert len(seen) >= 8
    assert {method for method, _ in seen} == {"GET"}
    assert {"/".join(path.partition("?")[0].split("/")[:3]) for _, path in seen} == {
        "/api",
        "/api/contents",
    }
    after = {path: path.stat().st_mtime_ns for path in (server.folder / "shown").rglob("*")}
    assert after == kept


async def test_locked() -> None:
    server = shared(jupyter, token=TOKEN)
    proof = await probe(server)
    assert (proof.verdict, proof.reason) == (Verdict.AUTH_REQUIRED, "asks for credentials")
    async with connection(ENGINE, server) as link:
        with pytest.raises(ServerRefused):
            await ENGINE.collections(link)


async def test_rules_that_refuse_the_files_alone() -> None:
    proof = await probe(shared(jupyter, refuse_contents=True))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN_PARTIAL, "unknown")


async def test_files_that_the_server_may_not_write() -> None:
    proof = await probe(shared(jupyter, files="read-only"))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "no")
    assert "it is empty" in proof.reason


# --- what it knows for nothing -------------------------------------------------------------------


async def test_since_when_it_runs(server: Server) -> None:
    assert knowing.is_recent(await knowing.since(ENGINE, server), "started")
