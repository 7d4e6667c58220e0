"""The pure end of a judgement: one service and its verdict, from all that was answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

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
from leftopen.scope import vantage

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


_STRANGER = (Verdict.NOT_THIS, "answers, but speaks no datastore protocol known here")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One conversation: an engine's, with its proof or the error it ended with, or a hail (no
    engine) with what that brought. `certificate_names` are those that TLS showed."""

    engine: Engine | None
    tls_first: bool
    tls: bool
    requests: tuple[str, ...]
    bytes_read: int
    proof: Proof | None = None
    error: Exception | None = None
    certificate_names: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        return "hail" if self.engine is None else self.engine.name


@dataclass(frozen=True, slots=True)
class Judgement:
    """A service with its verdict, and what went wrong with engines on the way."""

    service: Service
    errors: tuple[ScanError, ...] = ()


def identified(attempts: Iterable[Attempt]) -> bool:
    """Whether an engine knows the peer as one of its own."""
    return any(a.proof is not None and a.proof.verdict is not Verdict.NOT_THIS for a in attempts)


def nobody_there(attempts: Sequence[Attempt]) -> bool:
    """Whether not one connection was taken."""
    return bool(attempts) and all(
        isinstance(a.error, Refused | ScopeRefused)
        or (isinstance(a.error, Silent) and not a.requests)
        for a in attempts
    )


def as_decoy(judged: Judgement) -> Judgement:
    """The same service on a host that takes connections on every port: it proves nothing."""
    reason = "takes connections on ports that nobody has; what it says proves nothing"
    service = replace(judged.service, verdict=Verdict.DECOY, reason=reason, can_write="unknown")
    return replace(judged, service=service)


def conclude(target: Target, attempts: Sequence[Attempt], likely: Sequence[Engine]) -> Judgement:
    """One service from all attempts; `likely` are the engines whose port this is."""
    proofs = [a for a in attempts if a.proof is not None]
    proofs.sort(key=lambda a: _GRAVITY.index(a.proof.verdict) if a.proof else 0)
    errors = tuple(
        ScanError(str(target.address), target.port, Stage.PROBE, type(a.error).__name__, "fault")
        for a in attempts
        if a.error is not None and not isinstance(a.error, LeftopenError)
    )
    service = Service(
        address=str(target.address),
        port=target.port,
        verdict=Verdict.UNDETERMINED,
        vantage=vantage(target.address),
        reason="",
        bytes_read=sum(a.bytes_read for a in attempts),
        host=target.host,
    )
    names = [name for a in attempts for name in a.certificate_names]
    service = replace(service, certificate_names=tuple(dict.fromkeys(names)))
    won = proofs[0] if proofs else None
    if won is not None and won.engine and won.proof and identified([won]):
        proof = won.proof
        asked = [f"{a.who} {r}" for a in attempts if a is not won for r in a.requests]
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
            requests=tuple(dict.fromkeys((*asked, *won.requests))),
        )
        return Judgement(service, errors)
    verdict, reason = _without_proof(attempts)
    wanted = any(isinstance(a.error, CertificateWanted) for a in attempts)
    asked = [f"{a.who} {r}" for a in attempts for r in a.requests]
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


def _without_proof(attempts: Sequence[Attempt]) -> tuple[Verdict, str]:
    """What to call a peer that no engine recognised."""

    def any_of(*kinds: type[Exception]) -> bool:
        return any(isinstance(a.error, kinds) for a in attempts)

    asked = [a for a in attempts if a.engine is not None]

    if any_of(ScopeRefused):
        return Verdict.REFUSED_BY_SCOPE, "is not in the scope; nothing was sent to it"
    if any_of(CertificateWanted):
        return Verdict.ACL_CLOSED, "wants a TLS client certificate"
    if any(isinstance(a.error, Silent) and len(a.requests) > 1 and a.bytes_read for a in asked):
        return Verdict.UNDETERMINED, "answered an engine's questions, and then no more"
    if any(isinstance(a.error, NotThisProtocol) or a.proof is not None for a in asked):
        return _STRANGER
    if any_of(ServerRefused):
        return Verdict.UNDETERMINED, "refused the question without saying what it is"
    if any_of(BudgetSpent):
        return Verdict.UNDETERMINED, "sent more, or took longer, than a verdict may cost"
    if any(a.error is not None and not isinstance(a.error, LeftopenError) for a in attempts):
        return Verdict.ERROR, "an engine failed on its answer"
    if any_of(NotThisProtocol):  # it answered the hail, if no engine
        return _STRANGER
    if any(a.bytes_read for a in attempts):
        return Verdict.UNDETERMINED, "broke off in the middle of an answer"
    if any_of(PeerClosed):
        return Verdict.UNDETERMINED, "accepts connections and closes them without a word"
    if attempts and all(isinstance(a.error, Silent | TlsFailed) for a in attempts):
        if nobody_there(attempts):
            return Verdict.SILENT, "no answer to a connection; silence is not closure"
        return Verdict.SILENT, "accepts connections and says nothing"
    if attempts and all(isinstance(a.error, Refused) for a in attempts):
        return Verdict.CLOSED, "nobody listens there"
    return Verdict.UNDETERMINED, "the connection failed while it was asked"
