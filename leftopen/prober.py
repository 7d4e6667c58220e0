"""From "somebody listens there" to a verdict: which engine it is, and whether it gives itself away.

The port says only whom to ask first: any protocol may live on any port. The engines that the port
suggests are asked alone. If the peer is none of theirs, or lets them wait, it is hailed, and what
it says to that tells which of the others are worth a connection, in plain text or over TLS. All of
it together reads at most VERDICT_BYTES.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from leftopen.budget import StoreLimits
from leftopen.decoys import Decoys
from leftopen.engine import Engine, Speaks
from leftopen.errors import NotThisProtocol, PeerClosed, Silent, TlsFailed
from leftopen.hail import REQUEST as HAIL
from leftopen.hail import Heard, hail
from leftopen.model import OptIn, Target, Verdict
from leftopen.net import certificate
from leftopen.net.connection import Allowance, Connection, Dialer
from leftopen.verdicts import Attempt, Judgement, as_decoy, conclude, identified, nobody_there

_T = TypeVar("_T")
VERDICT_BYTES = 96 << 10  # of one target, by all engines together
# An engine's reply may be half of that, so that one too long leaves room to ask more shortly.
PROBE_LIMITS = StoreLimits(bytes=64 << 10, seconds=15.0, reply_bytes=48 << 10, silence=3.0)
_PASSING = StoreLimits(bytes=24 << 10, seconds=8.0, reply_bytes=20 << 10, silence=2.0)
_HAIL_LIMITS = StoreLimits(bytes=8 << 10, seconds=8.0, reply_bytes=8 << 10, silence=1.5)
_PATIENCE = 0.7  # seconds until a peer that lets the first engine wait is hailed as well
_HEAD_START = 0.3  # seconds until those who are less likely to know the peer are asked as well

_BY_WORD: dict[Heard, frozenset[Speaks]] = {
    Heard.HTTP: frozenset({Speaks.HTTP}),
    Heard.PAGE: frozenset({Speaks.HTTP}),
    Heard.BAD_REQUEST: frozenset({Speaks.HTTP}),
    Heard.WORDS: frozenset({Speaks.GREETS, Speaks.ANSWERS}),
    Heard.HUNG_UP: frozenset({Speaks.ANSWERS}),
    Heard.NOTHING: frozenset({Speaks.ANSWERS}),
    Heard.UNREACHED: frozenset(),
}
# Servers of other protocols that answer plain HTTP with a hint in it, and no page: MongoDB,
# ClickHouse' native port, Neo4j's Bolt port.
_HINTS = frozenset({Heard.HTTP, Heard.BAD_REQUEST})
_NO_PLAIN_TEXT = frozenset({Heard.HUNG_UP, Heard.BAD_REQUEST, Heard.NOTHING})
_AS_ERROR = {Heard.HUNG_UP: PeerClosed, Heard.NOTHING: Silent}


async def judge(
    dialer: Dialer,
    target: Target,
    engines: Mapping[str, Engine],
    limits: StoreLimits = PROBE_LIMITS,
    *,
    opt_in: OptIn | None = None,
    decoys: Decoys | None = None,
) -> Judgement:
    """The verdict on one target that accepted a connection. Never raises for what a peer does.

    `opt_in` is what the scope allows there; with `decoys` the host is also asked whether it
    answers on every port.
    """
    everywhere = None if decoys is None else decoys.ask(target)
    panel = _Panel(dialer, target, engines, limits, opt_in or OptIn())
    await panel.ask_all()
    judged = conclude(target, panel.attempts, panel.likely)
    if judged.service.verdict in (Verdict.CLOSED, Verdict.REFUSED_BY_SCOPE):
        return judged
    return as_decoy(judged) if everywhere is not None and await everywhere else judged


class _Panel:
    """The engines before one target: who is asked, in which order, and what came of it."""

    def __init__(
        self,
        dialer: Dialer,
        target: Target,
        engines: Mapping[str, Engine],
        limits: StoreLimits,
        opt_in: OptIn,
    ) -> None:
        self.likely = [e for e in engines.values() if target.port in e.ports]
        self.attempts: list[Attempt] = []
        self._others = [e for e in engines.values() if target.port not in e.ports]
        self._dialer, self._target, self._limits, self._opt_in = dialer, target, limits, opt_in
        self._allowance = Allowance(VERDICT_BYTES)

    async def ask_all(self) -> None:
        """Ask until an engine finds it open, or all that are worth it have been asked."""
        async with _started(self._ask(self.likely, tls=False)) as first:
            await asyncio.wait([first], timeout=_PATIENCE)
            if first.done() and (self._known() or nobody_there(self.attempts)):
                return
            heard = await self._hail(tls=False)
            if not (first.done() and self._known()):
                await self._ask_by(heard)
            if not self._open():
                await first

    async def _ask_by(self, heard: Heard) -> None:
        """Go by what the hail brought; TLS first where plain text was not even answered."""
        if heard is Heard.NOTHING:  # a mute peer is waited for once, by all that are left
            await asyncio.gather(
                self._ask(self._speaking(heard, self._others), tls=False), self._over_tls()
            )
            return
        if heard in _NO_PLAIN_TEXT:
            # Some servers of other protocols let a TLS handshake wait for as long as one likes.
            async with _started(self._over_tls()) as over_tls:
                await asyncio.wait([over_tls], timeout=_HEAD_START)
                if over_tls.done() and over_tls.result():
                    return
                await self._ask_plainly(heard)
                if self._open() or await over_tls:
                    return
        else:
            await self._ask_plainly(heard)
        if heard in _HINTS and not self._known():
            await self._ask(self._speaking(Heard.HUNG_UP, self._others), tls=False)
        if heard is Heard.HUNG_UP and not self._known() and self._spoken():
            # It does speak: its greeting was lost to the reset that followed it.
            greeting = [e for e in self._others if e.speaks is Speaks.GREETS]
            await self._ask(greeting, tls=False)

    async def _ask_plainly(self, heard: Heard) -> None:
        """Those whose server speaks first have a head start: they are few, their answer comes at
        once, and small daemons drop connections when a dozen come together."""
        engines = self._speaking(heard, self._others)
        greeted = [e for e in engines if e.speaks is Speaks.GREETS]
        async with _started(self._ask(greeted, tls=False)) as greeting:
            await asyncio.wait([greeting], timeout=_HEAD_START)
            if greeting.done() and self._known():
                return
            await self._ask([e for e in engines if e not in greeted], tls=False)
            if not self._open():
                await greeting

    async def _over_tls(self) -> bool:
        """Hail and ask over TLS; whether the peer speaks it."""
        heard = await self._hail(tls=True)
        hails = [a for a in self.attempts if a.engine is None and a.tls_first]
        if isinstance(hails[-1].error, TlsFailed) or heard is Heard.UNREACHED:
            return False
        everyone = [*self.likely, *self._others]
        await self._ask(self._speaking(heard, everyone), tls=True)
        if heard in _HINTS and not self._known():
            await self._ask(self._speaking(Heard.HUNG_UP, everyone), tls=True)
        return True

    def _known(self) -> bool:
        return identified(self.attempts)

    def _open(self) -> bool:
        """Whether an engine has proved it open: no verdict is graver, so no other need be asked."""
        return any(a.proof is not None and a.proof.verdict is Verdict.OPEN for a in self.attempts)

    def _spoken(self) -> bool:
        """Whether an engine was answered anything in plain text."""
        return any(a.engine is not None and not a.tls and a.bytes_read for a in self.attempts)

    @staticmethod
    def _speaking(heard: Heard, engines: Iterable[Engine]) -> list[Engine]:
        return [e for e in engines if e.speaks in _BY_WORD[heard]]

    async def _ask(self, engines: Sequence[Engine], *, tls: bool) -> None:
        """Ask them at once, and let go of those still waiting when one has found it open."""
        waiting = {asyncio.create_task(self._try(engine, tls)) for engine in engines}
        try:
            while waiting and not self._open():
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _let_go(waiting)

    def _connection(self, allowed: frozenset[str], limits: StoreLimits, tls: bool) -> Connection:
        return Connection(
            self._dialer,
            self._target,
            allowed,
            limits,
            tls=tls,
            opt_in=self._opt_in,
            allowance=self._allowance,
        )

    async def _try(self, engine: Engine, tls: bool) -> None:
        limits = self._limits if engine in self.likely else _lesser(self._limits, _PASSING)
        connection = self._connection(engine.requests, limits, tls)
        proof, failed = None, None
        try:
            async with connection:
                proof = await engine.probe(connection)
        except Exception as error:  # an engine's own fault must cost its answer, not the scan
            failed = error
        finally:  # also where it is let go of: what was asked is told
            self.attempts.append(
                Attempt(
                    engine,
                    tls,
                    connection.tls,
                    tuple(connection.requests),
                    connection.bytes_read,
                    proof,
                    failed,
                    certificate_names=certificate.names(connection.certificate),
                )
            )

    async def _hail(self, *, tls: bool) -> Heard:
        connection = self._connection(frozenset({HAIL}), _lesser(self._limits, _HAIL_LIMITS), tls)
        heard = Heard.UNREACHED
        failed: Exception
        try:
            async with connection:
                heard = await hail(connection)
            failed = _AS_ERROR.get(heard, NotThisProtocol)()
        except Exception as error:  # of the dialer or of TLS
            failed = error
        self.attempts.append(
            Attempt(
                None,
                tls,
                connection.tls,
                tuple(connection.requests),
                connection.bytes_read,
                error=failed,
                certificate_names=certificate.names(connection.certificate),
            )
        )
        return heard


@asynccontextmanager
async def _started(work: Coroutine[Any, Any, _T]) -> AsyncIterator[asyncio.Task[_T]]:
    """The work as a task that does not outlive the block."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        await _let_go([task])


async def _let_go(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel what is not done, and wait until it is; what it raised is nobody's any more."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _lesser(one: StoreLimits, other: StoreLimits) -> StoreLimits:
    """The smaller of each limit that a verdict knows."""
    return StoreLimits(
        bytes=min(one.bytes, other.bytes),
        seconds=min(one.seconds, other.seconds),
        reply_bytes=min(one.reply_bytes, other.reply_bytes),
        silence=min(one.silence, other.silence),
    )
