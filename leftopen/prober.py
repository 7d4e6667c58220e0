"""From "somebody listens there" to a verdict: which engine it is, and whether it gives itself away.

The port says only whom to ask first: any protocol may live on any port. The engine that the port
suggests is asked alone; if it is not that, all others are asked at once, and over TLS where plain
text brought nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from leftopen.budget import StoreLimits
from leftopen.engine import Engine
from leftopen.errors import (
    BudgetSpent,
    CertificateWanted,
    LeftopenError,
    NotThisProtocol,
    PeerClosed,
    Refused,
    ScopeRefused,
    ServerRefused,
    Silent,
    TlsFailed,
)
from leftopen.model import Proof, ScanError, Service, Stage, Target, Verdict
from leftopen.net.connection import Connection, Dialer
from leftopen.scope import vantage

PROBE_LIMITS = StoreLimits(bytes=4 << 20, seconds=15.0, reply_bytes=2 << 20, silence=3.0)

# Where several engines claim an answer, the gravest verdict counts.
_GRAVITY = (
    Verdict.OPEN,
    Verdict.OPEN_PARTIAL,
    Verdict.PASSWORDLESS,
    Verdict.AUTH_REQUIRED,
    Verdict.ACL_CLOSED,
    Verdict.DECOY,
    Verdict.UNDETERMINED,
    Verdict.NOT_THIS,
)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One engine's try: a proof, or the error it ended with."""

    engine: Engine
    tls_first: bool
    tls: bool
    requests: tuple[str, ...]
    bytes_read: int
    proof: Proof | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A service with its verdict, and what went wrong with engines on the way."""

    service: Service
    errors: tuple[ScanError, ...] = ()


async def judge(
    dialer: Dialer,
    target: Target,
    engines: Mapping[str, Engine],
    limits: StoreLimits = PROBE_LIMITS,
) -> Judgement:
    """The verdict on one target that accepted a connection. Never raises for what a peer does."""
    likely = [e for e in engines.values() if target.port in e.ports]
    others = [e for e in engines.values() if target.port not in e.ports]
    attempts = await _ask(dialer, target, likely, limits, tls=False)
    if _settled(attempts):
        return _conclude(target, attempts, likely)
    everyone = [*likely, *others]
    if attempts and all(isinstance(a.error, Silent) for a in attempts):
        # A mute peer has been waited for once; once more is enough for all that is left.
        in_plain, over_tls = await asyncio.gather(
            _ask(dialer, target, others, limits, tls=False),
            _over_tls(dialer, target, everyone, limits),
        )
        attempts += in_plain + over_tls
    else:
        attempts += await _ask(dialer, target, others, limits, tls=False)
        if not _settled(attempts) and not _spoke_sense(attempts):
            attempts += await _over_tls(dialer, target, everyone, limits)
    return _conclude(target, attempts, likely)


async def _ask(
    dialer: Dialer, target: Target, engines: Iterable[Engine], limits: StoreLimits, *, tls: bool
) -> list[_Attempt]:
    return await asyncio.gather(*(_try(dialer, target, e, limits, tls) for e in engines))


async def _over_tls(
    dialer: Dialer, target: Target, engines: Sequence[Engine], limits: StoreLimits
) -> list[_Attempt]:
    """Ask over TLS; one engine goes first, so that a peer without TLS costs one connection."""
    first = await _ask(dialer, target, engines[:1], limits, tls=True)
    if all(isinstance(a.error, TlsFailed | Silent | Refused) for a in first):
        return first
    if _identified(first):
        return first
    return first + await _ask(dialer, target, engines[1:], limits, tls=True)


async def _try(
    dialer: Dialer, target: Target, engine: Engine, limits: StoreLimits, tls: bool
) -> _Attempt:
    connection = Connection(dialer, target, engine.requests, limits, tls=tls)
    proof: Proof | None = None
    failed: Exception | None = None
    try:
        async with connection:
            proof = await engine.probe(connection)
    except LeftopenError as error:
        failed = error
    except Exception as error:  # an engine's own fault must cost its answer, not the scan
        failed = error
    requests, count = tuple(connection.requests), connection.bytes_read
    return _Attempt(engine, tls, connection.tls, requests, count, proof, failed)


def _identified(attempts: Iterable[_Attempt]) -> bool:
    return any(a.proof is not None and a.proof.verdict is not Verdict.NOT_THIS for a in attempts)


def _settled(attempts: Sequence[_Attempt]) -> bool:
    """Whether there is nothing more to ask: a store is recognised, or nobody is there."""
    return _identified(attempts) or _nobody_there(attempts)


def _nobody_there(attempts: Sequence[_Attempt]) -> bool:
    return bool(attempts) and all(
        isinstance(a.error, Refused | ScopeRefused)
        or (isinstance(a.error, Silent) and not a.requests)
        for a in attempts
    )


def _spoke_sense(attempts: Iterable[_Attempt]) -> bool:
    """Whether the peer answered every engine in plain text, each time with something else."""
    return all(isinstance(a.error, NotThisProtocol) and a.bytes_read > 64 for a in attempts)


def _conclude(target: Target, attempts: Sequence[_Attempt], likely: Sequence[Engine]) -> Judgement:
    """The pure end: one service from all attempts."""
    proofs = [a for a in attempts if a.proof is not None]
    proofs.sort(key=lambda a: _GRAVITY.index(a.proof.verdict) if a.proof else 0)
    errors = tuple(
        ScanError(str(target.address), target.port, Stage.PROBE, type(a.error).__name__, "fault")
        for a in attempts
        if a.error is not None and not isinstance(a.error, LeftopenError)
    )
    total = sum(a.bytes_read for a in attempts)
    service = Service(
        address=str(target.address),
        port=target.port,
        verdict=Verdict.UNDETERMINED,
        vantage=vantage(target.address),
        reason="",
        bytes_read=total,
        host=target.host,
    )
    if proofs and proofs[0].proof is not None and proofs[0].proof.verdict is not Verdict.NOT_THIS:
        won, proof = proofs[0], proofs[0].proof
        asked = [f"{a.engine.name} {r}" for a in attempts if a is not won for r in a.requests]
        service = replace(
            service,
            verdict=proof.verdict,
            reason=proof.reason,
            engine=won.engine.name,
            product=proof.product,
            version=proof.version,
            tls=won.tls,
            tls_first=won.tls_first,
            can_write=proof.can_write,
            verified=won.engine.verified,
            requests=(*asked, *won.requests),
        )
        return Judgement(service, errors)
    verdict, reason = _without_proof(attempts)
    wanted = any(isinstance(a.error, CertificateWanted) for a in attempts)
    asked = [f"{a.engine.name} {r}" for a in attempts for r in a.requests]
    service = replace(
        service,
        verdict=verdict,
        reason=reason,
        # a certificate request tells no engine; the port is the only hint there is
        engine=likely[0].name if wanted and len(likely) == 1 else None,
        tls=wanted or any(a.tls and a.bytes_read for a in attempts),
        requests=tuple(dict.fromkeys(asked)),
    )
    return Judgement(service, errors)


def _without_proof(attempts: Sequence[_Attempt]) -> tuple[Verdict, str]:
    """What to call a peer that no engine recognised."""

    def any_of(*kinds: type[Exception]) -> bool:
        return any(isinstance(a.error, kinds) for a in attempts)

    if any_of(ScopeRefused):
        return Verdict.REFUSED_BY_SCOPE, "is not in the scope; nothing was sent to it"
    if any_of(CertificateWanted):
        return Verdict.ACL_CLOSED, "wants a TLS client certificate"
    if any_of(NotThisProtocol) or any(a.proof is not None for a in attempts):
        return Verdict.NOT_THIS, "answers, but speaks no datastore protocol known here"
    if any_of(ServerRefused):
        return Verdict.UNDETERMINED, "refused the question without saying what it is"
    if any_of(BudgetSpent):
        return Verdict.UNDETERMINED, "sent more, or took longer, than a verdict may cost"
    if any(a.error is not None and not isinstance(a.error, LeftopenError) for a in attempts):
        return Verdict.ERROR, "an engine failed on its answer"
    if any(a.bytes_read for a in attempts):
        return Verdict.UNDETERMINED, "broke off in the middle of an answer"
    if any_of(PeerClosed):
        return Verdict.UNDETERMINED, "accepts connections and closes them without a word"
    if attempts and all(isinstance(a.error, Silent | TlsFailed) for a in attempts):
        if _nobody_there(attempts):
            return Verdict.SILENT, "no answer to a connection; silence is not closure"
        return Verdict.SILENT, "accepts connections and says nothing"
    if attempts and all(isinstance(a.error, Refused) for a in attempts):
        return Verdict.CLOSED, "nobody listens there"
    return Verdict.UNDETERMINED, "the connection failed while it was asked"
