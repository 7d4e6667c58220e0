"""From answers to a verdict: whom is asked, in which order, and what is made of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Literal

import pytest

from leftopen.budget import StoreLimits
from leftopen.decoys import HIGH_PORTS, Decoys
from leftopen.engine import Collection, Engine, Speaks
from leftopen.errors import (
    BudgetSpent,
    CertificateWanted,
    NetError,
    NotThisProtocol,
    PeerClosed,
    Refused,
    ServerRefused,
    Silent,
)
from leftopen.model import OptIn, Proof, Stage, Target, Vantage, Verdict
from leftopen.net.connection import Connection
from leftopen.net.scripted import ScriptedDialer
from leftopen.prober import VERDICT_BYTES, judge

TARGET = Target(ip_address("127.0.0.5"), 1000)
LIMITS = StoreLimits()


@dataclass
class Asked:
    """An engine that notes when it is asked and answers as it is told."""

    name: str
    plain: Proof | Exception
    tls: Proof | Exception = field(default_factory=lambda: NotThisProtocol())
    ports: tuple[int, ...] = ()
    requests: frozenset[str] = frozenset({"ask"})
    verified: Literal["real", "scripted"] = "scripted"
    reads: str = "nothing"
    log: list[str] = field(default_factory=list)
    speaks: Speaks = Speaks.ANSWERS

    async def probe(self, connection: Connection) -> Proof:
        self.log.append(f"{self.name} {'tls' if connection.tls else 'plain'}")
        await connection.send("ask", b"?")
        await connection.read_some()
        answer = self.tls if connection.tls else self.plain
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        return ()

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[Any]:
        nothing: tuple[Any, ...] = ()
        for batch in nothing:
            yield batch


def engines(*all_of: Asked) -> dict[str, Engine]:
    log: list[str] = []
    for engine in all_of:
        engine.log = log
    return {engine.name: engine for engine in all_of}


def dialer(*, tls: bool = False) -> ScriptedDialer:
    return ScriptedDialer(lambda: lambda data: b"x" * 100, tls=tls)


OPEN = Proof(Verdict.OPEN, "reads", version="1.2")


async def test_the_ports_engine_is_asked_first_and_alone() -> None:
    mine = Asked("mine", OPEN, ports=(1000,))
    other = Asked("other", NotThisProtocol())
    judged = await judge(dialer(), TARGET, engines(other, mine), LIMITS)
    assert judged.service.engine == "mine"
    assert judged.service.verdict is Verdict.OPEN
    assert judged.service.vantage is Vantage.LOOPBACK
    assert judged.service.requests == ("ask",)
    assert mine.log == ["mine plain"]


async def test_any_protocol_on_any_port() -> None:
    port = Asked("port", NotThisProtocol(), ports=(1000,))
    real = Asked("real", OPEN)
    judged = await judge(dialer(), TARGET, engines(port, real), LIMITS)
    assert judged.service.engine == "real"
    assert judged.service.requests == ("port ask", "hail GET /", "ask")


HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        (HTTP, ["web", "binary"]),  # the native ports of some databases answer HTTP with a hint
        (BAD, ["web", "binary"]),
        (PAGE, ["web"]),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ["binary", "greets"]),
        (b"HT", ["binary", "greets"]),
        (None, ["binary"]),
        (Silent(), ["binary"]),
        (b"\x15\x03\x01\x00\x02\x02\x46", ["binary", "greets"]),  # it did say something
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_what_the_peer_says_to_a_hail_tells_whom_to_ask(
    answer: Any, asked: list[str]
) -> None:
    peer = ScriptedDialer(lambda: lambda data: answer)
    all_of = engines(
        Asked("web", NotThisProtocol(), speaks=Speaks.HTTP),
        Asked("greets", NotThisProtocol(), speaks=Speaks.GREETS),
        Asked("binary", NotThisProtocol()),
    )
    judged = await judge(peer, TARGET, all_of, LIMITS)
    log = next(iter(all_of.values())).log  # type: ignore[attr-defined]  # the fake's own list
    assert sorted(line.removesuffix(" plain") for line in log) == sorted(asked)
    assert not judged.service.exposed


async def test_a_servers_greeting_is_heard_before_its_answer_to_the_hail() -> None:
    greets = ScriptedDialer(lambda: lambda data: b"?SYNTAX ERROR\r\n", greeting=b"220 hello\r\n")
    web = Asked("web", NotThisProtocol(), speaks=Speaks.HTTP)
    ftp = Asked("ftp", OPEN, speaks=Speaks.GREETS)
    judged = await judge(greets, TARGET, engines(web, ftp), LIMITS)
    assert (judged.service.engine, web.log) == ("ftp", ["ftp plain"])


async def test_a_slow_first_engine_is_not_waited_for() -> None:
    class Slow(Asked):
        async def probe(self, connection: Connection) -> Proof:
            await asyncio.sleep(1.5)
            return await super().probe(connection)

    slow = Slow("slow", Silent(), ports=(1000,))
    other = Asked("other", OPEN)
    judged = await judge(dialer(), TARGET, engines(slow, other), LIMITS)
    assert judged.service.engine == "other"
    assert slow.log == ["other plain"], "an open store is found: who still waits is let go"


async def test_a_verdict_reads_no_more_than_its_allowance() -> None:
    class Greedy(Asked):
        async def probe(self, connection: Connection) -> Proof:
            await connection.send("ask", b"?")
            while True:
                await connection.read_some()

    flood = ScriptedDialer(lambda: lambda data: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (1 << 20))
    greedy = [Greedy(f"e{i}", OPEN, speaks=Speaks.HTTP) for i in range(20)]
    judged = await judge(flood, TARGET, engines(*greedy), LIMITS)
    assert judged.service.bytes_read == VERDICT_BYTES
    assert judged.service.verdict is Verdict.UNDETERMINED


async def test_a_host_that_answers_everywhere_is_a_decoy() -> None:
    mine = Asked("mine", OPEN, ports=(1000,))
    everywhere = dialer()
    judged = await judge(everywhere, TARGET, engines(mine), LIMITS, decoys=Decoys(everywhere))
    assert judged.service.verdict is Verdict.DECOY
    assert not judged.service.exposed
    high = [t.port for t in everywhere.targets if t.port != TARGET.port]
    assert len(high) == 2
    assert all(port in HIGH_PORTS for port in high)


async def test_one_high_port_that_answers_may_be_somebodys_service() -> None:
    class Once(ScriptedDialer):
        async def dial(self, target: Target) -> Any:
            stream = await super().dial(target)
            if target != TARGET and len([t for t in self.targets if t != TARGET]) == 2:
                raise Refused
            return stream

    once = Once(lambda: lambda data: b"x" * 100)
    decoys = Decoys(once)
    mine = Asked("mine", OPEN, ports=(1000,))
    for _ in range(2):  # the host is asked once, however many of its ports are judged
        judged = await judge(once, TARGET, engines(mine), LIMITS, decoys=decoys)
        assert judged.service.verdict is Verdict.OPEN
    assert len([t for t in once.targets if t != TARGET]) == 2


async def test_what_the_scope_allows_reaches_the_engine() -> None:
    class Tells(Asked):
        async def probe(self, connection: Connection) -> Proof:
            return Proof(Verdict.UNDETERMINED, f"account {connection.opt_in.account}")

    told = engines(Tells("mine", OPEN, ports=(1000,)))
    judged = await judge(dialer(), TARGET, told, LIMITS, opt_in=OptIn(account="app"))
    assert judged.service.reason == "account app"


async def test_tls_is_tried_where_plain_text_is_refused() -> None:
    one = Asked("one", PeerClosed(), tls=NotThisProtocol(), ports=(1000,))
    two = Asked("two", PeerClosed(), tls=OPEN)

    class TlsOnly(ScriptedDialer):
        async def dial(self, target: Target) -> Any:
            stream = await super().dial(target)
            stream._script = lambda data: None  # until TLS stands it hangs up
            secure = stream.start_tls

            async def start_tls() -> None:
                await secure()
                stream._script = lambda data: b"x" * 100

            stream.start_tls = start_tls  # type: ignore[method-assign]  # one stream's own
            return stream

    judged = await judge(
        TlsOnly(lambda: lambda data: None, tls=True), TARGET, engines(one, two), LIMITS
    )
    assert (judged.service.engine, judged.service.tls) == ("two", True)
    assert judged.service.tls_first


async def test_a_peer_without_tls_costs_one_connection_more() -> None:
    one = Asked("one", PeerClosed())
    two = Asked("two", PeerClosed())
    dialled = dialer(tls=False)
    await judge(dialled, TARGET, engines(one, two), LIMITS)
    assert len(dialled.targets) == 3


async def test_who_made_sense_of_plain_text_is_not_asked_over_tls() -> None:
    one = Asked("one", NotThisProtocol())
    judged = await judge(dialer(tls=True), TARGET, engines(one), LIMITS)
    assert judged.service.verdict is Verdict.NOT_THIS
    assert one.log == ["one plain"]


async def test_the_gravest_of_several_claims_counts() -> None:
    locked = Asked("locked", Proof(Verdict.AUTH_REQUIRED, "says so"))
    unsure = Asked("unsure", Proof(Verdict.UNDETERMINED, "hm"))
    judged = await judge(dialer(), TARGET, engines(unsure, locked, Asked("o", OPEN)), LIMITS)
    assert judged.service.verdict is Verdict.OPEN


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (NotThisProtocol(), Verdict.NOT_THIS),
        (ServerRefused(code="X"), Verdict.UNDETERMINED),
        (BudgetSpent(code="bytes"), Verdict.UNDETERMINED),
        (PeerClosed(), Verdict.NOT_THIS),  # it said something to the hail
        (NetError(), Verdict.NOT_THIS),
        (CertificateWanted(), Verdict.ACL_CLOSED),
    ],
)
async def test_without_proof(error: Exception, verdict: Verdict) -> None:
    judged = await judge(dialer(), TARGET, engines(Asked("one", error)), LIMITS)
    assert judged.service.verdict is verdict
    assert judged.service.reason
    assert judged.errors == ()


@pytest.mark.parametrize(
    ("error", "verdict"), [(Refused(), Verdict.CLOSED), (Silent(), Verdict.SILENT)]
)
async def test_nobody_there(error: NetError, verdict: Verdict) -> None:
    class Nobody(ScriptedDialer):
        async def dial(self, target: Target) -> Any:
            self.targets.append(target)
            raise error

    nobody = Nobody(lambda: lambda data: None)
    both = engines(Asked("one", OPEN, ports=(1000,)), Asked("two", OPEN))
    judged = await judge(nobody, TARGET, both, LIMITS)
    assert judged.service.verdict is verdict
    assert len(nobody.targets) == 1


async def test_silence_over_all_is_silence() -> None:
    silent = ScriptedDialer(lambda: lambda data: Silent())
    judged = await judge(silent, TARGET, engines(Asked("one", OPEN)), LIMITS)
    assert judged.service.verdict is Verdict.SILENT


async def test_a_mute_peer_is_waited_for_twice_at_the_most() -> None:
    """Once by the engine of its port and the hail, once by all that is left, TLS included."""
    waiting = most = 0

    class Waits(ScriptedDialer):
        async def dial(self, target: Target) -> Any:
            nonlocal waiting, most
            waiting += 1
            most = max(most, waiting)
            await asyncio.sleep(0.05)
            waiting -= 1
            return await super().dial(target)

    mute = Waits(lambda: lambda data: Silent(), tls=False)
    asked = engines(Asked("mine", OPEN, ports=(1000,)), Asked("one", OPEN), Asked("two", OPEN))
    judged = await judge(mute, TARGET, asked, LIMITS)
    assert judged.service.verdict is Verdict.SILENT
    assert len(mute.targets) == 5
    assert most == 3, "the others in plain text and a hail over TLS, at the same time"


async def test_an_engines_own_fault_costs_its_answer_not_the_scan() -> None:
    broken = Asked("broken", KeyError("ann.lee@example.org"))
    judged = await judge(dialer(), TARGET, engines(broken), LIMITS)
    assert judged.service.verdict is Verdict.ERROR
    (error,) = judged.errors
    assert (error.stage, error.class_, error.code) == (Stage.PROBE, "KeyError", "fault")
    assert "ann" not in repr(judged)
