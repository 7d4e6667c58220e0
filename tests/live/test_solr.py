"""The solr engine and real Solr nodes over real sockets."""

from __future__ import annotations

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engine import Collection
from leftopen.engines.solr import ENGINE
from leftopen.servers.base import ServerMissingError
from leftopen.servers.solr import requests, solr
from leftopen.testing import connection
from tests.rows import solr as rows
from tests.rows.row import Row
from tests.rows.solr import ROWS

Read = dict[str, tuple[Collection, list[pa.RecordBatch]]]
LIMITS = StoreLimits(rows=2_000, silence=15.0)  # a node shares two cores with the rest of the run


async def read(limits: StoreLimits = LIMITS) -> Read:
    async with connection(ENGINE, rows.opened(), limits) as link:
        return {
            found.name: (found, [b async for b in ENGINE.sample(link, found, limits)])
            for found in await ENGINE.collections(link)
        }


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_each_state_has_its_verdict(row: Row) -> None:
    with row.serve() as target:
        async with connection(ENGINE, target, LIMITS) as link:
            proof = await ENGINE.probe(link)
        assert (proof.verdict, proof.can_write) == (row.verdict, row.can_write), proof.reason
        assert link.bytes_read < 5_000


async def test_open_names_what_it_is() -> None:
    async with connection(ENGINE, rows.opened(), LIMITS) as link:
        proof = await ENGINE.probe(link)
    assert proof.product == "Solr"
    assert proof.reason == "a search without credentials found documents"


async def test_what_is_in_it() -> None:
    found = await read()
    counts = {name: (c.records, sum(b.num_rows for b in b_)) for name, (c, b_) in found.items()}
    assert counts == {
        "people": (300, 300),
        "visits": (300, 300),
        "orders": (20, 20),
        "drafts": (0, 0),
    }
    assert all(collection.bytes is not None for collection, _ in found.values())
    for name in ("people", "visits"):
        table = pa.Table.from_batches(found[name][1])
        assert sorted(table.column_names) == ["born[]", "email[]", "id", "name[]", "phones[]"]
        assert len(set(table["id"].to_pylist())) == 300


@pytest.mark.parametrize("core", ["people", "visits"])
async def test_a_sample_comes_from_all_over(core: str) -> None:
    drawn = set()
    for _ in range(4):
        batches = (await read(StoreLimits(rows=100, silence=15.0)))[core][1]
        assert sum(batch.num_rows for batch in batches) == 100
        drawn.add(frozenset(i for batch in batches for i in batch["id"].to_pylist()))
    assert len(drawn) > 1


async def test_personal_data_is_found() -> None:
    batches = (await read())["people"][1]
    fields = classify(pa.Table.from_batches(batches), "people").fields
    kinds = [fields[path].kind for path in ("name[]", "email[]", "born[]")]
    assert kinds == ["name.person", "email", "birth.date"]


async def test_the_server_saw_reads_only() -> None:
    server = rows.opened()
    before = len(requests(server))
    async with connection(ENGINE, server, LIMITS) as link:
        await ENGINE.probe(link)
        listed = await ENGINE.collections(link)
        for found in listed:
            async for _ in ENGINE.sample(link, found, LIMITS):
                pass
    assert [found.records for found in listed] == [300, 300, 20, 0]  # as it was filled
    seen = requests(server)[before:]
    paths = {path.partition("?")[0] for path in seen}
    selects = {f"/solr/{core}/select" for core in ("people", "visits", "orders", "drafts")}
    assert paths == {"/solr/admin/cores", "/solr/admin/authorization", *selects}
    assert all("action=STATUS" in path for path in seen if "/admin/cores" in path)
    assert set(link.requests) <= ENGINE.requests


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ServerMissingError, match="Java"):
        solr()
