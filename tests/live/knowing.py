"""How the live tests ask a server what it knows for nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Engine
from leftopen.knowledge import (
    CountsBetween,
    Known,
    KnowsFields,
    Mark,
    Marks,
    Moment,
    Since,
    StreamsFields,
    TellsSince,
)
from leftopen.model import OptIn
from leftopen.net.connection import Connection
from leftopen.servers.base import Server
from leftopen.testing import LIMITS, connection


def now() -> datetime:
    """This moment in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def is_recent(since: Since | None, how: str) -> bool:
    """Whether a server of this run says that it is there since it was started."""
    assert since is not None
    # a server that tests share may have been started by the first of them
    return since.how == how and timedelta(0) <= now() - since.moment < timedelta(minutes=15)


async def since(engine: Engine, server: Server, opt_in: OptIn | None = None) -> Since | None:
    """What it tells; and that its collections can be read on the same connection afterwards."""
    assert isinstance(engine, TellsSince)
    async with connection(engine, server, opt_in=opt_in) as link:
        told = await engine.since(link)
        await engine.collections(link)
    return told


async def known(engine: Engine, server: Server, name: str, *paths: str) -> Mapping[str, Known]:
    assert isinstance(engine, KnowsFields)
    async with connection(engine, server) as link:
        return await engine.known(link, await _one(engine, link, name), paths)


async def counted(
    engine: Engine, server: Server, name: str, path: str, begin: Moment, end: Moment
) -> int | None:
    assert isinstance(engine, CountsBetween)
    async with connection(engine, server) as link:
        return await engine.count_between(link, await _one(engine, link, name), path, begin, end)


async def marks_around(
    engine: Engine, server: Server, write: Callable[[], object], opt_in: OptIn | None = None
) -> tuple[Mapping[str, Mark], Mapping[str, Mark]]:
    """The marks before and after a write by another client. They are asked for twice before it,
    with a reading of all collections between, and on an ended connection after it."""
    assert isinstance(engine, Marks)
    async with connection(engine, server, opt_in=opt_in) as link:
        collections = await engine.collections(link)
        before = await engine.marks(link, collections)
        for collection in collections:
            async for _ in engine.sample(link, collection, LIMITS):
                pass
        assert await engine.marks(link, collections) == before, "our own reads move it"
        write()
        after = await engine.marks(link, collections)
        assert set(link.requests) <= engine.requests
    assert set(before) <= {collection.name for collection in collections}
    return before, after


async def streamed(
    engine: Engine, server: Server, name: str, paths: Sequence[str], limits: StoreLimits = LIMITS
) -> list[dict[str, Any]]:
    """The rows of a stream, of nothing but these paths; and that the connection serves on."""
    assert isinstance(engine, StreamsFields)
    rows: list[dict[str, Any]] = []
    async with connection(engine, server) as link:
        collection = await _one(engine, link, name)
        async for batch in engine.stream(link, collection, paths, limits):
            assert set(batch.schema.names) <= set(paths)
            rows += batch.to_pylist()
        async for batch in engine.sample(link, collection, LIMITS):
            assert batch.num_rows
        assert set(link.requests) <= engine.requests
    return rows


async def _one(engine: Engine, link: Connection, name: str) -> Collection:
    (found,) = [c for c in await engine.collections(link) if c.name == name]
    return found
