"""The memcached engine against real servers (1.6 in Debian 12)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engine import Collection
from leftopen.engines.memcached import ENGINE
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.memcached import asked, fill, memcached
from leftopen.testing import connection, start
from tests.live import knowing
from tests.rows.memcached import ROWS
from tests.rows.row import Row

PERSON = "ann.lee@example.org"
WRITES = ("cmd_set", "cmd_flush", "cmd_touch", "delete_hits", "incr_hits", "decr_hits", "cas_hits")


def town() -> dict[str, bytes | str]:
    people = {
        f"user:{n}": json.dumps({"email": f"p{n}@example.org", "name": "Ann Lee", "n": n})
        for n in range(300)
    }
    return {
        **people,
        **{f"app:session:{n:032x}": f"192.0.2.{n % 250}" for n in range(40)},
        f"mail/{PERSON}": "yes",
        "config": "1",
        "photo_17": b"\xff\xd8\xff",
        "large:1": "x" * 500_000,
    }


@pytest.fixture(scope="module")
def filled() -> Iterator[Server]:
    with start(memcached) as server:
        fill(server, town())
        yield server


Read = dict[str, tuple[Collection, dict[str, list[Any]]]]


async def profile(server: Server, limits: StoreLimits | None = None) -> Read:
    made: Read = {}
    async with connection(ENGINE, server, limits or StoreLimits(rows=2_000)) as link:
        for collection in await ENGINE.collections(link):
            values: dict[str, list[Any]] = {}
            async for batch in ENGINE.sample(link, collection, link.limits):
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    values.setdefault(name, []).extend(column.to_pylist())
            made[collection.name] = (collection, values)
    return made


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_rows(row: Row) -> None:
    with row.serve() as target:
        async with connection(ENGINE, target) as link:
            proof = await ENGINE.probe(link)
            assert (proof.verdict, proof.can_write) == (row.verdict, row.can_write), proof
            assert link.bytes_read < 8_192


async def test_open(filled: Server) -> None:
    async with connection(ENGINE, filled) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 8_192
    reason = "keys were listed and an item read without a password"
    assert proof == Proof(Verdict.OPEN, reason, proof.version)
    assert re.fullmatch(r"\d+\.\d+\.\d+", proof.version or "")


async def test_what_is_in_it(filled: Server) -> None:
    read = await profile(filled)
    assert {name: c.records for name, (c, _) in read.items()} == {
        "user:*": 300, "app:session:*": 40, "mail/*": 1, "config": 1, "photo_*": 1, "large:*": 1,
    }  # fmt: skip
    users = read["user:*"][1]
    assert {len(values) for values in users.values()} == {300}
    assert sorted(users["value.email"]) == sorted(f"p{n}@example.org" for n in range(300))
    assert len(set(users["@key"])) == 300
    assert read["mail/*"][1] == {"value": ["yes"], "@key": [PERSON]}
    assert read["photo_*"][1]["value"] == [b"\xff\xd8\xff"]
    assert read["large:*"][1]["value"] == [None]  # over MAX_VALUE: not fetched
    assert len((await profile(filled, StoreLimits(rows=30)))["user:*"][1]["value.email"]) == 30


async def test_a_large_store_is_listed_in_part_and_the_connection_lives_on() -> None:
    with start(memcached) as server:
        fill(server, {f"sess:{n}": "x" for n in range(12_000)})
        async with connection(ENGINE, server) as link:
            assert (await ENGINE.probe(link)).verdict is Verdict.OPEN
            assert link.bytes_read < 8_192
        read = await profile(server, StoreLimits(rows=200))
        collection, values = read["sess:*"]
        assert collection.records == 12_000
        assert values["value"] == ["x"] * 200


async def test_nothing_is_written_nor_any_item_touched(filled: Server) -> None:
    def told() -> dict[str, str]:
        lines = (line.split(" ", 2) for line in asked(filled, "stats"))
        return {name: value for _, name, value in lines}

    def items() -> set[str]:
        return set(asked(filled, "lru_crawler metadump all"))

    before, kept = told(), items()
    async with connection(ENGINE, filled) as link:
        await ENGINE.probe(link)
        assert set(link.requests) <= ENGINE.requests
    await profile(filled)
    after = told()
    assert {name: after[name] for name in WRITES} == {name: before[name] for name in WRITES}
    assert int(after["get_hits"]) > int(before["get_hits"]) + 300
    assert items() == kept  # `la` and `fetch` of every item: nobody was there
    assert all("fetch=no" in line for line in kept)


async def test_the_personal_kinds_are_found(filled: Server) -> None:
    async with connection(ENGINE, filled) as link:
        for collection in await ENGINE.collections(link):
            if collection.name == "user:*":
                batches = [b async for b in ENGINE.sample(link, collection, link.limits)]
    fields = classify(pa.Table.from_batches(batches[:1]), "user:*").fields
    assert fields["value.email"].kind == "email"
    assert fields["value.name"].family == "name"


async def test_ipv6() -> None:
    with start(memcached, "::1") as server:
        fill(server, {"a": "b"})
        async with connection(ENGINE, server) as link:
            assert (await ENGINE.probe(link)).verdict is Verdict.OPEN


# --- what it knows for nothing -------------------------------------------------------------------


async def test_since_when_it_runs_and_marks_that_move_with_writes_alone() -> None:
    with start(memcached) as server:
        fill(server, town())
        assert knowing.is_recent(await knowing.since(ENGINE, server), "started")
        before, after = await knowing.marks_around(
            ENGINE, server, lambda: fill(server, {"user:1": "x", "user:9999": "y"})
        )
    assert before["user:*"].records is None
    assert {name: (mark.changes or 0) + 2 for name, mark in before.items()} == {
        name: mark.changes for name, mark in after.items()
    }
