"""What every engine must keep to, whichever it is: one suite over all of them."""

from __future__ import annotations

import asyncio
import re

import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.engine import Engine, Speaks
from leftopen.engines import all_engines
from leftopen.engines_listed import exchange
from leftopen.errors import LeftopenError, RequestNotAllowed
from leftopen.model import Proof, Target, Verdict
from leftopen.net.connection import Connection
from leftopen.net.dial import TcpDialer
from leftopen.prober import judge
from leftopen.scope import Scope
from leftopen.servers.needs import NEEDS, missing
from leftopen.testing import peer
from tests.hostile import MUTTERERS, Behaviour, mute, says
from tests.scripted_http import Answer, Asked, behaviour

LIMITS = StoreLimits(bytes=1 << 20, reply_bytes=1 << 18, seconds=3, silence=0.3)
OTHERS = [
    says(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>no</html>"),
    says(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"),
    says(b"-ERR unknown command\r\n" * 3),
    says(b"+OK\r\n"),
    says(b"$16\r\nabc"),
    says(b"\x00" * 4_096),
    says(b"\xff" * 4_096),
    says(b"E\x00\x00\x00\x04"),
    says(b"short"),
]
# What nobody but a store of that kind can prove.
PROVEN = {Verdict.OPEN, Verdict.OPEN_PARTIAL, Verdict.AUTH_REQUIRED, Verdict.ACL_CLOSED}

every_engine = pytest.mark.parametrize("engine", all_engines().values(), ids=all_engines())


@every_engine
def test_an_engine_says_what_it_is(engine: Engine) -> None:
    assert isinstance(engine, Engine)
    assert all_engines()[engine.name] is engine
    assert engine.ports
    assert all(0 < port < 65_536 for port in engine.ports)
    assert engine.requests
    assert engine.verified in ("real", "scripted")
    assert engine.reads
    assert "\n" not in engine.reads
    assert engine.speaks in Speaks
    text = exchange(engine)
    assert "OPEN" in text or "PASSWORDLESS" in text, "its module says what proves openness"
    assert "AUTH_REQUIRED" in text, "its module says what a locked one answers"
    sources = r"https?://|\w\.(org|com|io|net|dev|tech|sh)\b|RFC \d+|OASIS|Guide|[Dd]ocumentation"
    assert re.search(sources, text), "its module names its sources"


@every_engine
def test_a_real_server_is_named_and_can_be_looked_for(engine: Engine) -> None:
    assert (engine.name in NEEDS) == (engine.verified == "real")
    if engine.verified == "real":
        told = missing(engine.name)
        assert told is None or told.startswith(("apt install ", "pip install "))


@pytest.mark.parametrize("behave", [*MUTTERERS, *OTHERS], ids=lambda behave: behave.__name__)
async def test_what_is_no_such_store_proves_nothing(behave: Behaviour) -> None:
    """Every engine is asked at once: most of these peers are slow."""
    with peer(behave) as target:
        await asyncio.gather(*(_asked(engine, target) for engine in all_engines().values()))


async def _asked(engine: Engine, target: Target) -> None:
    dialer = TcpDialer(Scope.loopback(), Budget(None, None))
    connection = Connection(dialer, target, engine.requests, LIMITS)
    proof: Proof | LeftopenError
    try:
        async with connection:
            proof = await engine.probe(connection)
    except LeftopenError as error:
        proof = error
    except Exception as error:
        raise AssertionError(f"{engine.name} fails on what it cannot know") from error
    if isinstance(proof, Proof):
        assert proof.verdict not in PROVEN, (engine.name, proof)
    assert "html" not in repr(proof).lower(), f"a server's text is in {engine.name}'s proof"
    assert connection.bytes_read <= LIMITS.bytes
    assert set(connection.requests) <= engine.requests


@every_engine
@pytest.mark.parametrize("request_", ["DROP TABLE", "insert", "FLUSHALL", "PUT /{index}", ""])
async def test_no_engine_may_send_what_writes(engine: Engine, request_: str) -> None:
    with peer(mute) as target:
        dialer = TcpDialer(Scope.loopback(), Budget(None, None))
        async with Connection(dialer, target, engine.requests, LIMITS) as connection:
            with pytest.raises(RequestNotAllowed):
                await connection.send(request_, b"x")


async def test_nothing_but_get_is_sent_to_an_unknown_http_server() -> None:
    """What reads at one product may write at another: a POST to /a/b/c makes a document, and its
    index, in Elasticsearch before 8. Milvus' API has no GET; its list lies too deep for that."""
    asked: list[tuple[str, str]] = []

    def site(request: Asked) -> Answer:
        asked.append((request.method, request.path))
        return Answer({"error": "not found"}, 404)

    with peer(behaviour(site)) as target:
        dialer = TcpDialer(Scope.loopback(), Budget(None, None))
        await judge(dialer, target, all_engines())
    others = {path for method, path in asked if method != "GET"}
    assert others <= {"/v2/vectordb/collections/list"}
    assert len(asked) > 15
