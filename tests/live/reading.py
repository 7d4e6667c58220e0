"""How tests ask a real server for a verdict and read what is in it, with one engine alone."""

from __future__ import annotations

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Engine
from leftopen.model import Proof
from leftopen.servers.base import Server
from leftopen.testing import LIMITS, connection

Read = dict[str, tuple[Collection, list[pa.RecordBatch]]]


async def probe(engine: Engine, server: Server) -> Proof:
    """The engine's proof, for which it read less than 8 KB by requests of its list."""
    async with connection(engine, server) as link:
        proof = await engine.probe(link)
        assert link.bytes_read < 8_192
        assert set(link.requests) <= engine.requests
        return proof


async def read(engine: Engine, server: Server, limits: StoreLimits = LIMITS) -> Read:
    """By name: each collection and the batches that were sampled of it."""
    made: Read = {}
    async with connection(engine, server, limits) as link:
        for collection in await engine.collections(link):
            batches = [batch async for batch in engine.sample(link, collection, limits)]
            made[collection.name] = (collection, batches)
        assert set(link.requests) <= engine.requests
    return made
