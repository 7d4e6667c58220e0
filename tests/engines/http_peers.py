"""What the tests of several HTTP engines share: sites that are no such store, and how to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Engine
from leftopen.errors import LeftopenError
from leftopen.model import Proof, Target, Verdict
from leftopen.net.connection import Connection
from leftopen.net.scripted import ScriptedDialer
from tests.scripted_http import Answer, Asked, Site, dialer

LIMITS = StoreLimits(rows=2_000)
OPENED = (Verdict.OPEN, Verdict.OPEN_PARTIAL)

_PAGE = b"<!doctype html><html><body>Sign in</body></html>"
_ELASTIC = {
    "name": "node-1", "cluster_name": "town", "version": {"number": "7.17.9"},
    "tagline": "You Know, for Search",
}  # fmt: skip
_NO_HANDLER = {"error": "no handler found for uri [/x] and method [GET]", "status": 400}
_ASKS = {"WWW-Authenticate": 'Basic realm="Restricted"'}

# Answers of other products and of plain web sites, to whatever is asked.
OTHERS: dict[str, Answer] = {
    "a page": Answer(_PAGE),
    "a page not found": Answer(_PAGE, 404),
    "a redirect": Answer(b"", 302, {"Location": "http://192.0.2.1/login"}),
    "a redirect for good": Answer(b"", 301, {"Location": "/login"}),
    "elasticsearch": Answer(_ELASTIC),
    "elasticsearch, unknown path": Answer(_NO_HANDLER, 400),
    "elasticsearch, locked": Answer(
        {"error": {"type": "security_exception"}, "status": 401}, 401,
        {"WWW-Authenticate": 'Basic realm="security"'},
    ),
    "couchdb": Answer({"couchdb": "Welcome", "version": "3.3.1"}),
    "couchdb, unknown path": Answer({"error": "not_found", "reason": "missing"}, 404),
    "fastapi, unknown path": Answer({"detail": "Not Found"}, 404),
    "fastapi, wrong method": Answer({"detail": "Method Not Allowed"}, 405),
    "spring, unknown path": Answer({"timestamp": "x", "status": 404, "error": "Not Found"}, 404),
    "gin, unknown path": Answer(b"404 page not found", 404),
    "an empty list": Answer([]),
    "an empty object": Answer({}),
    "true": Answer(True),
    "null": Answer(None),
    "a word": Answer("ok"),
    "no body": Answer(b""),
    "no content": Answer(b"", 204),
    "half of JSON": Answer(b'{"result": {"collections": ['),
    "deep JSON": Answer(b"[" * 100_000),
    "deep objects": Answer(b'{"result":' * 100_000),
    "NaN": Answer(b'{"result": NaN}'),
    "a proxy's error": Answer(_PAGE, 502),
    "a guarded site": Answer(_PAGE, 403),
}  # fmt: skip


async def probe(engine: Engine, site: Site, port: int | None = None) -> Proof:
    """The proof on a site at the engine's own port; NotThisProtocol counts as NOT_THIS."""
    proof, _ = await probed(engine, site, port)
    return proof


async def probed(
    engine: Engine, site: Site, port: int | None = None
) -> tuple[Proof, list[tuple[str, str]]]:
    """The same, with method and target of each request that was sent."""
    asking = dialer(site)
    target = Target(ip_address("127.0.0.1"), port or engine.ports[0])
    async with Connection(asking, target, engine.requests, LIMITS) as connection:
        try:
            proof = await engine.probe(connection)
        except LeftopenError as error:
            proof = Proof(Verdict.NOT_THIS, str(error))
        assert set(connection.requests) <= engine.requests
        assert connection.bytes_read < 8_192 or proof.verdict not in OPENED
    return proof, sent(asking)


def sent(asking: ScriptedDialer) -> list[tuple[str, str]]:
    """Method and target of each request that was sent to a scripted dialer."""
    lines = [data.split(b"\r\n")[0].decode().split(" ") for data in asking.sent]
    return [(line[0], line[1]) for line in lines]


async def held(
    engine: Engine, site: Site, limits: StoreLimits = LIMITS
) -> list[tuple[Collection, list[pa.RecordBatch]]]:
    """Every collection of a site with its batches."""
    target = Target(ip_address("127.0.0.1"), engine.ports[0])
    async with Connection(dialer(site), target, engine.requests, limits) as connection:
        found = list(await engine.collections(connection))
        return [(c, [b async for b in engine.sample(connection, c, limits)]) for c in found]


def values(batches: Sequence[pa.RecordBatch], name: str) -> list[Any]:
    """The values of one column in all batches."""
    return [v for b in batches if name in b.schema.names for v in b.column(name).to_pylist()]


async def canned(engine: Engine, site: Site) -> list[tuple[str, Site]]:
    """Two recordings of an honest site, played back: in order, and by path (else the last)."""
    kept: list[tuple[Asked, Answer]] = []

    def recording(asked: Asked) -> Answer:
        kept.append((asked, site(asked)))
        return kept[-1][1]

    honest = await probe(engine, recording)
    assert honest.verdict in OPENED
    turn = iter(range(1_000))
    pages = {(asked.method, asked.path): answer for asked, answer in kept}

    def in_order(_: Asked) -> Answer:
        return kept[min(next(turn), len(kept) - 1)][1]

    def by_path(asked: Asked) -> Answer:
        return pages.get((asked.method, asked.path), kept[-1][1])

    return [("in order", in_order), ("by path", by_path)]


# Anything that JSON can say.
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)  # fmt: skip


def run(engine: Engine, site: Site) -> Proof:
    """`probe` for tests that draw their answers and so cannot be async themselves."""
    return asyncio.run(probe(engine, site))
