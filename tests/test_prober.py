"""From answers to a verdict: whom is asked, in which order, and what is made of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Literal

import pytest

from leftopen.budget import StoreLimits
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
from leftopen.model import Proof, Stage, Target, Vantage, Verdict
from leftopen.net.connection import Connection
from leftopen.net.scripted import ScriptedDialer
from leftopen.prober import judge

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
    speaks: Speaks = Speaks.ANSWERS
    verified: Literal["real", "scripted"] = "scripted"
    reads: str = "nothing"
    log: list[str] = field(default_factory=list)

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
    assert judged.service.requests == ("port ask", "ask")


async def test_tls_is_tried_where_plain_text_is_refused() -> None:
    one = Asked("one", PeerClosed(), tls=NotThisProtocol(), ports=(1000,))
    two = Asked("two", PeerClosed(), tls=OPEN)
    judged = await judge(dialer(tls=True), TARGET, engines(one, two), LIMITS)
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
        (PeerClosed(), Verdict.UNDETERMINED),
        (NetError(), Verdict.UNDETERMINED),
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
    """Once by the engine of its port, once by all that is left, TLS included."""
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
    assert len(mute.targets) == 4
    assert most == 3, "the others in plain text and the first over TLS, at the same time"


async def test_an_engines_own_fault_costs_its_answer_not_the_scan() -> None:
    broken = Asked("broken", KeyError("ann.lee@example.org"))
    judged = await judge(dialer(), TARGET, engines(broken), LIMITS)
    assert judged.service.verdict is Verdict.ERROR
    (error,) = judged.errors
    assert (error.stage, error.class_, error.code) == (Stage.PROBE, "KeyError", "fault")
    assert "ann" not in repr(judged)
