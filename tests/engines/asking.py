"""How the tests of engines ask scripted peers, and what peers several of them meet.

`prober` and `reader` make a test file's own `probe` and `read`; the others ask a scripted site over
HTTP. `OTHERS` are sites that are no datastore, `PLAYED` ways to play a recording of one back, as a
honeypot with canned answers would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
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
from leftopen.testing import LIMITS as LONG
from leftopen.testing import connection
from tests.rows.row import Row
from tests.scripted_http import Answer, Asked, Site, dialer

LIMITS = StoreLimits(rows=2_000)
OPENED = (Verdict.OPEN, Verdict.OPEN_PARTIAL)
Read = dict[str, tuple[Collection, list[dict[str, Any]]]]


# --- one engine and its peers --------------------------------------------------------------------


def scripted(script: Any) -> ScriptedDialer:
    """A dialer whose every connection is answered by this one script, which may remember."""
    return ScriptedDialer(lambda: script)


def prober(
    engine: Engine, limits: StoreLimits = LONG, dials: Callable[[Any], ScriptedDialer] = dialer
) -> Callable[..., Awaitable[Proof]]:
    """`probe(peer)`: the engine's proof on a site, or on what else `dials` makes a dialer of."""

    async def probe(peer: Any, limits: StoreLimits = limits) -> Proof:
        async with connection(engine, dials(peer), limits) as link:
            return await engine.probe(link)

    return probe


def reader(
    engine: Engine, limits: StoreLimits = LONG, dials: Callable[[Any], ScriptedDialer] = dialer
) -> Callable[..., Awaitable[Read]]:
    """`read(peer)`: every collection by its name, with the rows of its sample."""

    async def read(peer: Any, limits: StoreLimits = limits) -> Read:
        made: Read = {}
        async with connection(engine, dials(peer), limits) as link:
            for collection in await engine.collections(link):
                batches = [batch async for batch in engine.sample(link, collection, limits)]
                rows = [row for batch in batches for row in batch.to_pylist()]
                made[collection.name] = (collection, rows)
        return made

    return read


async def sampled(
    engine: Engine, site: Site, collection: Collection, limits: StoreLimits = LONG
) -> list[pa.RecordBatch]:
    """The batches of one collection, made up or listed."""
    async with connection(engine, dialer(site), limits) as link:
        return [batch async for batch in engine.sample(link, collection, limits)]


# --- a site over HTTP ----------------------------------------------------------------------------


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


def run(engine: Engine, site: Site) -> Proof:
    """`probe` for tests that draw their answers and so cannot be async themselves."""
    return asyncio.run(probe(engine, site))


# Anything that JSON can say.
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)  # fmt: skip


# --- sites that are no datastore -----------------------------------------------------------------

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


# --- recordings played back ----------------------------------------------------------------------

Played = Callable[[list[tuple[Asked, Answer]]], Site]


def recorder(site: Site, tape: list[tuple[Asked, Answer]]) -> Site:
    """The same site; what is asked and answered goes onto the tape."""

    def answer(asked: Asked) -> Answer:
        given = site(asked)
        tape.append((asked, given))
        return given

    return answer


def in_order(tape: list[tuple[Asked, Answer]]) -> Site:
    """The recorded answers one after the other, whatever is asked; then the last one for ever."""
    left = [answer for _, answer in tape]
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]


def by_path(tape: list[tuple[Asked, Answer]]) -> Site:
    """The recorded answers by path, each path's own in order; what was not recorded is not found.

    A path that is new gets the answers recorded for paths of as many segments under the same
    first one, as when a random name is part of it.
    """
    left: dict[str, list[Answer]] = {}
    for asked, recorded in tape:
        for key in (asked.path, _like(asked.path)):
            left.setdefault(key, []).append(recorded)

    def answer(asked: Asked) -> Answer:
        answers = left.get(asked.path) or left.get(_like(asked.path))
        if answers is None:
            return Answer({"error": "not_found"}, 404)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return answer


def _like(path: str) -> str:
    """What paths that differ in their last segment have in common."""
    parts = path.strip("/").split("/")
    return f"{len(parts)} segments under {parts[0] if len(parts) > 1 else ''}"


PLAYED: list[Played] = [in_order, by_path]


async def canned(engine: Engine, site: Site) -> list[tuple[str, Site]]:
    """Two recordings of an honest site, played back: in order, and by path."""
    tape: list[tuple[Asked, Answer]] = []
    honest = await probe(engine, recorder(site, tape))
    assert honest.verdict in OPENED
    return [("in order", in_order(tape)), ("by path", by_path(tape))]


async def keeps_to(engine: Engine, row: Row, most: int) -> None:
    """Assert the verdict of a row, from the engine alone and for at most so many bytes."""
    with row.serve() as target:
        async with connection(engine, target) as link:
            proof = await engine.probe(link)
    assert (proof.verdict, proof.can_write) == (row.verdict, row.can_write), proof.reason
    assert link.bytes_read < most
