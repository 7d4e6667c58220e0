"""The registry engine against a real Docker registry: open, read-only, locked."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from leftopen import classify
from leftopen.budget import StoreLimits
from leftopen.engines.registry import ENGINE
from leftopen.errors import ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.registry import fill, registry, requests
from leftopen.testing import LIMITS, connection, start
from tests.rows.registry import image

BO = "bo.berg@example.org"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start(registry) as running:
        fill(running, "town/shop", {"1.0": image(), "1.1": image(), "latest": image(BO)})
        fill(running, "town/shop/inner", {"v2": image()}, index=True)
        yield running


async def probe(server: Server) -> Proof:
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 4_096
        assert set(link.requests) <= ENGINE.requests
        return proof


async def profile(server: Server, limits: StoreLimits = LIMITS) -> dict[str, pa.Table]:
    made = {}
    async with connection(ENGINE, server, limits) as link:
        for collection in await ENGINE.collections(link):
            batches = [b async for b in ENGINE.sample(link, collection, limits)]
            made[collection.name] = pa.Table.from_batches(batches)
    return made


async def test_open(server: Server) -> None:
    proof = await probe(server)
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "yes")
    assert proof.reason == "the tags of a repository were read without credentials"


async def test_what_is_in_it(server: Server) -> None:
    read = await profile(server)
    assert set(read) == {"town/shop", "town/shop/inner"}
    shop = {row["tag"]: row for row in read["town/shop"].to_pylist()}
    assert set(shop) == {"1.0", "1.1", "latest"}
    assert shop["latest"]["author"] == BO
    assert shop["latest"]["environment[]"] == ["PATH", "SMTP_PASSWORD"]
    assert shop["1.0"]["author"] is None  # one image is looked into
    (inner,) = read["town/shop/inner"].to_pylist()
    assert inner["labels.org.opencontainers.image.authors"] == "Ann Lee <ann.lee@example.org>"
    assert "not to be kept" not in str(read)
    assert classify(read["town/shop"]).fields["author"].kind == "email"


async def test_no_more_rows_than_the_limit(server: Server) -> None:
    read = await profile(server, StoreLimits(rows=1))
    assert [table.num_rows for table in read.values()] == [1, 1]


async def test_the_servers_own_log_shows_reads_only_and_no_layer(server: Server) -> None:
    before = len(requests(server))
    kept = sorted(path for path in (server.folder / "data").rglob("*"))
    await probe(server)
    await profile(server)
    seen = requests(server)[before:]
    assert {method for method, _ in seen} == {"GET", "OPTIONS"}
    assert len([path for _, path in seen if "/blobs/" in path]) == 2  # configurations
    assert sorted(path for path in (server.folder / "data").rglob("*")) == kept


async def test_read_only(server: Server) -> None:
    with start(registry, read_only=True, data=server.folder / "data") as twin:
        proof = await probe(twin)
        assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "no")


async def test_empty() -> None:
    with start(registry) as server:
        proof = await probe(server)
        assert (proof.verdict, "empty" in proof.reason) == (Verdict.OPEN, True)
        assert await profile(server) == {}


async def test_locked() -> None:
    with start(registry, locked=True) as server:
        proof = await probe(server)
        assert (proof.verdict, proof.reason) == (Verdict.AUTH_REQUIRED, "asks for credentials")
        async with connection(ENGINE, server) as link:
            with pytest.raises(ServerRefused):
                await ENGINE.collections(link)


async def test_more_repositories_than_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leftopen.engines.registry._PAGE", 3)
    with start(registry) as server:
        for number in range(7):
            fill(server, f"small/r{number}", {"a": {}})
        async with connection(ENGINE, server) as link:
            listed = [collection.name for collection in await ENGINE.collections(link)]
        pages = [path for _, path in requests(server) if "_catalog" in path]
    assert listed == [f"small/r{number}" for number in range(7)]
    assert len(pages) == 3
