"""What every engine must keep to, whichever it is: one suite over all of them."""

from __future__ import annotations

import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.engine import Engine
from leftopen.engines import all_engines
from leftopen.errors import LeftopenError, RequestNotAllowed
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.dial import TcpDialer
from leftopen.scope import Scope
from leftopen.testing import peer
from tests.hostile import MUTTERERS, Behaviour, mute, says

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


@every_engine
@pytest.mark.parametrize("behave", [*MUTTERERS, *OTHERS], ids=lambda behave: behave.__name__)
async def test_what_is_no_such_store_proves_nothing(engine: Engine, behave: Behaviour) -> None:
    with peer(behave) as target:
        dialer = TcpDialer(Scope.loopback(), Budget(None, None))
        connection = Connection(dialer, target, engine.requests, LIMITS)
        proof: Proof | LeftopenError
        try:
            async with connection:
                proof = await engine.probe(connection)
        except LeftopenError as error:
            proof = error
        if isinstance(proof, Proof):
            assert proof.verdict not in PROVEN, proof
        assert "html" not in repr(proof).lower(), "a server's text is in it"
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
