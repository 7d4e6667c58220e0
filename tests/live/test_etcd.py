"""The etcd engine against a real server (3.4 in Debian 12)."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import classify
from leftopen.engine import Collection
from leftopen.engines.etcd import ENGINE
from leftopen.model import Proof, Verdict
from leftopen.servers.etcd import etcd, fill, handled
from leftopen.testing import connection, shared, start
from tests.live import knowing
from tests.rows.etcd import PEOPLE, ROWS, filled
from tests.rows.row import Row


async def profile(
    server: Any, limits: StoreLimits | None = None
) -> dict[str, tuple[Collection, pa.Table | None]]:
    made: dict[str, tuple[Collection, pa.Table | None]] = {}
    async with connection(ENGINE, server, limits or StoreLimits(rows=2_000)) as link:
        for collection in await ENGINE.collections(link):
            batches = [b async for b in ENGINE.sample(link, collection, link.limits)]
            tables = [pa.Table.from_batches([batch]) for batch in batches]
            made[collection.name] = (
                collection, pa.concat_tables(tables, promote_options="default") if tables else None
            )  # fmt: skip
    return made


@pytest.mark.parametrize("row", ROWS.rows, ids=lambda row: row.name)
async def test_rows(row: Row) -> None:
    with row.serve() as target:
        async with connection(ENGINE, target) as link:
            proof = await ENGINE.probe(link)
            assert (proof.verdict, proof.can_write) == (row.verdict, row.can_write), proof
            assert link.bytes_read < 4_096


async def test_open() -> None:
    async with connection(ENGINE, filled()) as link:
        proof = await ENGINE.probe(link)
    assert proof == Proof(Verdict.OPEN, "keys are listed without a user", proof.version)
    assert re.fullmatch(r"3\.\d+\.\d+", proof.version or "")


async def test_empty_says_so() -> None:
    async with connection(ENGINE, shared(etcd, v2=True)) as link:
        assert "no key" in (await ENGINE.probe(link)).reason


async def test_what_is_in_it() -> None:
    read = await profile(filled())
    assert {name: c.records for name, (c, _) in read.items()} == {
        "/people/*": 300, "/config/mail/*": 2, "leader": 1,
    }  # fmt: skip
    people = read["/people/*"][1]
    assert people is not None
    assert set(people.column_names) == {"value.name", "value.email", "@key"}
    assert sorted(people["value.email"].to_pylist()) == sorted(
        f"p{n}@example.org" for n in range(len(PEOPLE))
    )
    fields = classify(people, "/people/*").fields
    assert (fields["value.email"].kind, fields["value.name"].family) == ("email", "name")
    leader = read["leader"][1]
    assert leader is not None
    assert leader.to_pylist() == [{"value": b"\xff\x00", "@key": ""}]
    some = (await profile(filled(), StoreLimits(rows=30)))["/people/*"][1]
    assert some is not None
    assert some.num_rows == 30


async def test_a_large_folder_does_not_hide_those_after_it() -> None:
    with start(etcd) as server:
        fill(server, {f"/a/large/{n}": "x" for n in range(1_200)} | {"/b/c/1": "y", "zebra": "z"})
        async with connection(ENGINE, server) as link:
            found = {c.name: c.records for c in await ENGINE.collections(link)}
    assert found == {"/a/large/*": 1_200, "/b/c/*": 1, "zebra": 1}


async def test_nothing_but_reads_by_the_servers_own_count() -> None:
    server = filled()
    before = handled(server)
    async with connection(ENGINE, server) as link:
        await ENGINE.probe(link)
        assert set(link.requests) <= ENGINE.requests
    await profile(server)
    after = handled(server)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"Range"}
    assert before["Put"] >= len(PEOPLE)


async def test_locked_gives_its_version_and_nothing_else() -> None:
    server = shared(etcd, password="a long one")
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert proof.verdict is Verdict.AUTH_REQUIRED
        assert "authentication is on" in proof.reason


async def test_the_v2_api_of_a_real_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of today that still has the v2 API, asked as one that has nothing else."""
    import http.client
    from contextlib import closing

    with start(etcd, v2=True) as server:
        with closing(http.client.HTTPConnection(server.address, server.port, timeout=10)) as link:
            head = {"Content-Type": "application/x-www-form-urlencoded"}
            link.request("PUT", "/v2/keys/people/1", "value=Ann", head)
            assert link.getresponse().status == 201
        monkeypatch.setattr("leftopen.engines.etcd._GATEWAYS", ("/v3alpha",))
        async with connection(ENGINE, server) as asked:
            proof = await ENGINE.probe(asked)
        assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "yes"), proof
        ((name, (_, table)),) = (await profile(server)).items()
        assert name == "/people/*"
        assert table is not None
        assert table.to_pylist() == [{"value": "Ann", "@key": "1"}]


# --- what it knows for nothing -------------------------------------------------------------------


async def test_marks_move_with_writes_alone() -> None:
    with start(etcd) as server:
        fill(server, PEOPLE | {"/config/mail/host": "x", "/config/rest": "y"})
        before, after = await knowing.marks_around(
            ENGINE, server, lambda: fill(server, {"/people/new": "x", "/people/1": "y"})
        )
    counts = {"/people/*": 300, "/config/mail/*": 1, "/config/*": None}
    assert {name: mark.records for name, mark in before.items()} == counts
    assert {name: mark.records for name, mark in after.items()} == counts | {"/people/*": 301}
    (first,), (last,) = ({mark.changes for mark in marks.values()} for marks in (before, after))
    assert last == (first or 0) + 2


async def test_a_stream_gives_each_key_of_a_folder_once_and_no_value() -> None:
    with start(etcd) as server:
        fill(server, {f"/people/{n}": "x" * 500 for n in range(5_000)} | {"/people/a/b": "x"})
        limits = StoreLimits(bytes=1 << 20)
        rows = await knowing.streamed(ENGINE, server, "/people/*", ["@key"], limits)
        assert sorted(int(row["@key"]) for row in rows) == list(range(5_000))
        assert await knowing.streamed(ENGINE, server, "/people/*", ["value"]) == []
