"""The couchdb engine and real PouchDB Servers over real sockets."""

from __future__ import annotations

import asyncio

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engines.couchdb import ENGINE
from leftopen.knowledge import Mark
from leftopen.servers.base import ServerMissingError
from leftopen.servers.couchdb import call, couchdb, fill, requests
from leftopen.testing import connection, start
from tests.live import reading
from tests.rows import couchdb as rows
from tests.rows.couchdb import ROWS
from tests.rows.row import Row


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_each_state_has_its_verdict(row: Row) -> None:
    with row.serve() as target:
        async with connection(ENGINE, target) as link:
            proof = await ENGINE.probe(link)
        assert (proof.verdict, proof.can_write) == (row.verdict, row.can_write), proof.reason
        assert link.bytes_read < 10_000


async def test_open_names_what_it_is() -> None:
    async with connection(ENGINE, rows.opened()) as link:
        proof = await ENGINE.probe(link)
        assert (proof.product, proof.version) == ("PouchDB", "4.2.0")
        assert proof.reason == "documents of a database are listed without credentials"
        assert link.bytes_read < 4_000


async def test_an_empty_store_says_so() -> None:
    with ROWS.rows[1].serve() as target:
        async with connection(ENGINE, target) as link:
            proof = await ENGINE.probe(link)
    assert proof.reason == "lists its databases without credentials; there is none"


async def test_what_is_in_it() -> None:
    found = await reading.read(ENGINE, rows.opened(), StoreLimits(rows=2_000))
    counts = {name: (c.records, sum(b.num_rows for b in b_)) for name, (c, b_) in found.items()}
    assert counts == {"people": (300, 300), "orders": (20, 20), "drafts": (1, 0)}
    table = pa.Table.from_batches(found["people"][1])
    assert set(table.column_names) == {
        "_id",
        "name",
        "email",
        "born",
        "homes[].city",
        "homes[].zip",
    }
    assert len(set(table["_id"].to_pylist())) == 300


async def test_a_sample_comes_from_all_over() -> None:
    drawn = set()
    for _ in range(6):
        batches = (await reading.read(ENGINE, rows.opened(), StoreLimits(rows=100)))["people"][1]
        assert [batch.num_rows for batch in batches] == [64, 36]
        drawn.add(frozenset(i for batch in batches for i in batch["_id"].to_pylist()))
    assert len(drawn) > 1


async def test_personal_data_is_found() -> None:
    batches = (await reading.read(ENGINE, rows.opened(), StoreLimits()))["people"][1]
    fields = classify(pa.Table.from_batches(batches), "people").fields
    kinds = [fields[path].kind for path in ("name", "email", "born")]
    assert kinds == ["name.person", "email", "birth.date"]


async def test_databases_for_members_are_left_out() -> None:
    found = await reading.read(ENGINE, rows.public(), StoreLimits())
    assert list(found) == ["people"]


async def test_the_server_saw_reads_only() -> None:
    server = rows.opened()
    before = len(requests(server))
    async with connection(ENGINE, server) as link:
        await ENGINE.probe(link)
        for found in await ENGINE.collections(link):
            async for _ in ENGINE.sample(link, found, link.limits):
                pass
    seen = requests(server)[before:]
    assert len(seen) >= 9
    assert {method for method, _ in seen} == {"GET"}
    ends = {path.partition("?")[0].rpartition("/")[2] for _, path in seen}
    assert ends == {"", "_all_dbs", "_all_docs", "_session"}
    assert set(link.requests) <= ENGINE.requests


async def test_its_counters_move_when_somebody_writes() -> None:
    with start(couchdb) as server:
        for name in ("people", "orders"):
            fill(server, name, [{"_id": f"{name}{n}"} for n in range(5)])
        async with connection(ENGINE, server) as link:
            found = await ENGINE.collections(link)
            first = await ENGINE.marks(link, found)
            again = await ENGINE.marks(link, found)
            new = {"docs": [{"_id": "another"}]}
            await asyncio.to_thread(call, server, "POST", "/orders/_bulk_docs", new)
            moved = await ENGINE.marks(link, found)
    assert first == again
    assert first["people"] == moved["people"] == Mark(5, 5)
    assert (first["orders"], moved["orders"]) == (Mark(5, 5), Mark(6, 6))


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ServerMissingError, match=r"Node\.js"):
        couchdb()
