"""The webhdfs engine against a real name node (Hadoop 3.3)."""

from __future__ import annotations

import pyarrow as pa

from leftopen.classifier import Profiler
from leftopen.engines.webhdfs import ENGINE
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.webhdfs import mode, operations, webhdfs
from leftopen.testing import LIMITS, connection, shared
from tests.engines.asking import values
from tests.rows.webhdfs import TREE


async def probe(server: Server) -> Proof:
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 8_192
        return proof


async def read(server: Server) -> dict[str, list[pa.RecordBatch]]:
    async with connection(ENGINE, server) as link:
        return {
            collection.name: [b async for b in ENGINE.sample(link, collection, LIMITS)]
            for collection in await ENGINE.collections(link)
        }


async def test_open() -> None:
    proof = await probe(shared(webhdfs, tree=TREE))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "yes")


async def test_what_is_in_it() -> None:
    found = await read(shared(webhdfs, tree=TREE))
    assert set(found) == {"/", "/people", "/home", "/tmp"}
    assert values(found["/"], "name") == ["readme.txt"]
    names = values(found["/people"], "name")
    assert set(names[:2]) == {"scans", "list of patients.csv"}
    assert set(names[2:]) == {f"ann.lee{n}@example.org.dcm" for n in range(30)}
    assert set(values(found["/people"], "type")) == {"DIRECTORY", "FILE"}
    assert (found["/home"], found["/tmp"]) == ([], [])  # the one closed, the other empty


async def test_the_classifier_finds_the_persons_in_the_names() -> None:
    found = await read(shared(webhdfs, tree=TREE))
    profiler = Profiler("/people")
    for batch in found["/people"]:
        profiler.update(batch)
    fields = profiler.finish().fields
    assert fields["name"].kind == "email"
    assert fields["length"].kind == "none"


async def test_the_server_was_only_asked_for_names() -> None:
    server = shared(webhdfs, tree=TREE)
    before = len(operations(server))
    await probe(server)
    await read(server)
    asked = operations(server)[before:]
    assert {user for _, user, _, _ in asked} == {"dr.who"}
    assert {operation for _, _, operation, _ in asked} == {"listStatus", "getfileinfo"}
    assert ("false", "dr.who", "listStatus", "/home") in asked


async def test_a_closed_root_is_partly_open() -> None:
    with mode(shared(webhdfs, tree=TREE), "/", "700", "755") as server:
        proof = await probe(server)
        assert (proof.verdict, proof.can_write) == (Verdict.OPEN_PARTIAL, "no")


async def test_directories_that_others_may_not_write_into() -> None:
    with mode(shared(webhdfs, tree=TREE), "/tmp", "755", "1777") as server:
        proof = await probe(server)
        assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "no")
    assert (await probe(server)).can_write == "yes"
