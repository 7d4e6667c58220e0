"""The zookeeper engine against a real server (3.8 in Debian 12)."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engine import Collection
from leftopen.engines import zookeeper as engine
from leftopen.engines.zookeeper import ENGINE
from leftopen.errors import RequestNotAllowed
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.zookeeper import fill, said, zookeeper
from leftopen.testing import connection, start
from tests.rows.row import Row
from tests.rows.zookeeper import ROWS, SESSION, filled

LIMITS = StoreLimits(rows=2_000)


async def profile(
    server: Server, limits: StoreLimits = LIMITS
) -> dict[str, tuple[Collection, pa.Table]]:
    made: dict[str, tuple[Collection, pa.Table]] = {}
    async with connection(ENGINE, server, limits, opt_in=SESSION) as link:
        for collection in await ENGINE.collections(link):
            batches = [b async for b in ENGINE.sample(link, collection, link.limits)]
            tables = [pa.Table.from_batches([batch]) for batch in batches]
            made[collection.name] = (
                collection, pa.concat_tables(tables, promote_options="permissive"),
            )  # fmt: skip
    return made


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_rows(row: Row) -> None:
    with row.serve() as target:
        async with connection(ENGINE, target, opt_in=row.opt_in) as link:
            proof = await ENGINE.probe(link)
            assert (proof.verdict, proof.can_write) == (row.verdict, row.can_write), proof
            assert link.bytes_read < 2_048


async def test_open() -> None:
    async with connection(ENGINE, filled(), opt_in=SESSION) as link:
        proof = await ENGINE.probe(link)
    reason = "nodes are listed and one read without a name (the scope allows a session)"
    assert proof == Proof(Verdict.OPEN, reason, proof.version, can_write="yes")
    assert re.fullmatch(r"\d+\.\d+\.\d+", proof.version or "")


async def test_without_the_scopes_word_there_is_no_session() -> None:
    server = filled()
    before = said(server, "srvr")["Zxid"]
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert (proof.verdict, link.requests) == (Verdict.UNDETERMINED, ["srvr"])
        assert proof.version is not None
        await link.reopen()
        with pytest.raises(RequestNotAllowed):
            await ENGINE.collections(link)
        assert link.requests == ["srvr"]
    assert said(server, "srvr")["Zxid"] == before  # not a single transaction


async def test_what_is_in_it() -> None:
    read = await profile(filled())
    assert {name: c.records for name, (c, _) in read.items()} == {
        "/people/*": 201, "/brokers/*": 5, "/leader": 1,
    }  # fmt: skip
    people = read["/people/*"][1]
    assert people.num_rows == 201
    emails = [value for value in people["value.email"].to_pylist() if value is not None]
    assert sorted(emails) == sorted(f"p{n}@example.org" for n in range(200))
    assert set(people["@key"].to_pylist()) == {"", *map(str, range(200))}
    fields = classify(people, "/people/*").fields
    assert (fields["value.email"].kind, fields["value.name"].family) == ("email", "name")
    assert read["/leader"][1].to_pylist() == [{"value": b"\xff\x00", "@key": ""}]
    assert (await profile(filled(), StoreLimits(rows=30)))["/people/*"][1].num_rows == 30


async def test_a_session_is_all_that_it_leaves_in_the_log() -> None:
    with start(zookeeper) as server:
        fill(server, {"/people/1": "Ann", "/people/2": "Bob"})

        def told() -> tuple[int, dict[str, Any]]:
            counts = said(server, "mntr")
            kept = ("zk_znode_count", "zk_approximate_data_size", "zk_watch_count")
            return int(said(server, "srvr")["Zxid"], 16), {name: counts[name] for name in kept}

        zxid, counts = told()
        async with connection(ENGINE, server, opt_in=SESSION) as link:
            await ENGINE.probe(link)
            assert set(link.requests) == ENGINE.requests
        assert told() == (zxid + 2, counts)  # the session's begin and its end
        await profile(server)
        assert told() == (zxid + 3, counts)  # another begin; it ends when its time is over


async def test_a_session_that_ran_out_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connection(ENGINE, filled(), LIMITS, opt_in=SESSION) as link:
        (people, *_) = await ENGINE.collections(link)
        await link.close()  # as the server does
        rows = 0
        async for batch in ENGINE.sample(link, people, LIMITS):
            rows += batch.num_rows
    assert rows == 201
    monkeypatch.setattr(engine, "MAX_NODES", 50)
    read = await profile(filled())
    collection, table = read["/people/*"]
    assert (collection.records, table.num_rows) == (None, 50)
