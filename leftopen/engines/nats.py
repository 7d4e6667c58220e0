"""NATS servers, and what JetStream keeps in them.

The exchange: the server greets with INFO, which proves nothing; CONNECT without a name and PING are
answered with PONG by a server that lets anyone in. Then questions are published on the literal
subjects of JetStream's API, with replies to an inbox whose random name we made up: only a server
that takes us for a client can send anything there.

* OPEN: streams are listed and a message of one was asked for and answered; or there is no JetStream
  (status 503 comes to our inbox): anyone may publish and subscribe, nothing is kept to be read.
* OPEN_PARTIAL: anyone may connect, but the list of streams or their messages are forbidden
  ("Permissions Violation").
* UNDETERMINED: it answers with another error.
* AUTH_REQUIRED: INFO says `auth_required`, or CONNECT is answered "Authorization Violation".

A collection is a stream; a record is a message: its payload in `value`, its subject in `@subject`,
its moment in `@time`. Headers are not read. `can_write` is what the server tells of the client's
own permissions ($SYS.REQ.USER.INFO, from 2.10 on).

Known for nothing, by what the server tells of each stream: its messages, the number of its last one
(which rises with each), and the oldest stream's creation. The server's own start is told on its
monitoring port only.

Sources: https://docs.nats.io/reference/reference-protocols/nats_api_reference (JetStream API) and
https://docs.nats.io/running-a-nats-service/configuration/securing_nats/authorization.
"""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._handles import handle_of
from leftopen.engines._nats_wire import (
    DENIED,
    GET,
    INFO,
    LOGIN,
    NAMES,
    NOBODY,
    REQUESTS,
    USER,
    Session,
    is_stream,
)
from leftopen.engines._proofs import CanWrite
from leftopen.engines._since import since as plausible
from leftopen.engines._text import as_text
from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.knowledge import Mark, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.sample import rows as as_batch

_COLUMNS = ("value", "@subject", "@time")
_AT_ONCE = 20  # messages asked for in one write
_LOOKED_AT = 5  # streams that a verdict may look at, to find one that holds messages
_MISSES = 4  # sequence numbers tried per row: others are deleted


@dataclass(frozen=True, slots=True)
class _Stream:
    """A stream with the figures that the server tells of it."""

    name: str
    messages: int
    bytes: int
    first: int
    last: int


class Nats:
    """The engine; it keeps no state."""

    name = "nats"
    ports: tuple[int, ...] = (4222,)
    speaks = Speaks.GREETS
    verified: Literal["real", "scripted"] = "real"
    reads = "JetStream: names of streams, and random messages of each"
    requests = REQUESTS

    async def probe(self, connection: Connection) -> Proof:
        """OPEN where replies come to an inbox of ours, and messages (if any) are given."""
        session = Session(connection)
        info = await session.greet()
        version = clean_version(info.get("version"))
        if info.get("auth_required") is True:
            reason = "says that it wants a login before anything else"
            return Proof(Verdict.AUTH_REQUIRED, reason, version, "nats")
        try:
            await session.enter()
            listed, user = await session.ask((NAMES, b""), (USER, b""))
            proof = await _judged(session, listed)
        except ServerRefused as refused:
            proof = _refusal(refused.code)
            user = refused
        return replace(proof, version=version, product="nats", can_write=_can_write(user))

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The streams with their messages and bytes, the fullest first."""
        session = await _entered(connection)
        names = await _listed(session, connection.limits.collections)
        made = [_stream(name, told) for name, told in await _infos(session, names)]
        made.sort(key=lambda stream: -stream.messages)
        return [Collection(s.name, s.messages, s.bytes, s) for s in made]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Messages with random sequence numbers; an eighth of the store's bytes at most."""
        stream = handle_of(collection, _Stream)
        if not stream.messages:
            return
        await connection.reopen()
        session = await _entered(connection)
        until = connection.bytes_read + limits.bytes // 8
        span = range(stream.first, stream.last + 1)
        # random.sample draws from a range without making it, however wide the server says it is
        wanted = random.sample(span, min(len(span), limits.rows * _MISSES))
        left = limits.rows
        while wanted and left > 0 and connection.bytes_read < until:
            some, wanted = wanted[: min(_AT_ONCE, left)], wanted[min(_AT_ONCE, left) :]
            answers = await session.ask(*(_get(stream.name, number) for number in some))
            rows = [_row(answer) for answer in answers if not _gone(answer)]
            left -= len(rows)
            if rows:
                yield as_batch(_COLUMNS, rows)

    async def since(self, connection: Connection) -> Since | None:
        """When the oldest stream was made; `collections` finds a fresh connection afterwards.
        Raises ServerRefused, NotThisProtocol and NetError."""
        try:
            session = await _entered(connection)
            names = await _listed(session, connection.limits.collections)
            told = [info.get("created") for _, info in await _infos(session, names)]
        finally:
            await connection.reopen()
        moments = [found for text in told if (found := plausible(text, "created"))]
        return min(moments, key=lambda one: one.moment, default=None)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """Messages that are kept, and the number of the last one. Raises what `since` does."""
        await connection.reopen()
        session = await _entered(connection)
        names = [handle_of(collection, _Stream).name for collection in collections]
        now = [_stream(name, told) for name, told in await _infos(session, names)]
        return {stream.name: Mark(stream.messages, stream.last) for stream in now}


ENGINE = Nats()


# --- the verdict ---------------------------------------------------------------------------------


async def _judged(session: Session, listed: Mapping[str, Any] | ServerRefused) -> Proof:
    """The verdict of a server that let us in: what its list of streams leads to."""
    if isinstance(listed, ServerRefused) and listed.code == NOBODY:
        reason = "anyone may connect and be sent messages; it keeps none (no JetStream)"
        return Proof(Verdict.OPEN, reason)
    names, total = _names(_told(listed))
    if not names:
        if total:
            return Proof(Verdict.OPEN_PARTIAL, "anyone may connect, but no stream is named")
        return Proof(Verdict.OPEN, "streams can be listed without a login; there are none")
    streams = []
    for answer, name in zip(
        await session.ask(*((f"{INFO}.{name}", b"") for name in names[:_LOOKED_AT])),
        names,
        strict=False,
    ):
        if not isinstance(answer, ServerRefused):
            streams.append(_stream(name, answer))
    if not streams:
        reason = "streams can be listed without a login, but nothing of them be read"
        return Proof(Verdict.OPEN_PARTIAL, reason)
    filled = [s for s in streams if s.messages] or streams
    least = min(filled, key=lambda s: s.bytes / max(1, s.messages))  # the shortest message will do
    (answer,) = await session.ask(_get(least.name, max(1, least.last)))
    if not _gone(answer):
        if isinstance(answer, ServerRefused):
            return _refusal(answer.code, "streams can be listed without a login, but not read")
        _row(answer)
        return Proof(Verdict.OPEN, "streams were listed and a message read without a login")
    if least.messages:
        reason = "streams were listed and asked for a message without a login"
        return Proof(Verdict.OPEN, reason)
    return Proof(Verdict.OPEN, "streams were listed without a login; those looked at are empty")


def _refusal(code: str, denied: str = "anyone may connect, but not ask what is kept") -> Proof:
    """The verdict that a refusal means; `denied` is the sentence where permissions are lacking."""
    if code == LOGIN:
        return Proof(Verdict.AUTH_REQUIRED, "refuses a client without a login")
    if code == DENIED:
        return Proof(Verdict.OPEN_PARTIAL, denied)
    return Proof(Verdict.UNDETERMINED, "speaks NATS, but answered with an error")


def _can_write(user: Mapping[str, Any] | ServerRefused) -> CanWrite:
    """What the server tells of our own permissions: none stated means that there are no limits."""
    data = None if isinstance(user, ServerRefused) else user.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("account"), str):
        return "unknown"
    permissions = data.get("permissions")
    if permissions is None:
        return "yes"
    publish = permissions.get("publish") if isinstance(permissions, dict) else None
    if not isinstance(publish, dict):
        return "unknown"
    allowed, denied = publish.get("allow", []), publish.get("deny", [])
    if not isinstance(allowed, list) or not isinstance(denied, list):
        return "unknown"
    if ">" in denied:
        return "no"
    questions = ("$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.", "$JS.API.STREAM.MSG.GET.", USER)
    if allowed and all(isinstance(a, str) and a.startswith(questions) for a in allowed):
        return "no"
    return "yes" if ">" in allowed and not denied else "unknown"


# --- answers -------------------------------------------------------------------------------------


async def _entered(connection: Connection) -> Session:
    session = Session(connection)
    await session.greet()
    await session.enter()
    return session


async def _listed(session: Session, most: int) -> list[str]:
    """The names of up to `most` streams."""
    names: list[str] = []
    while len(names) < most:
        payload = b'{"offset":%d}' % len(names) if names else b""
        page, total = _names(_told((await session.ask((NAMES, payload)))[0]))
        names += page[: most - len(names)]
        if not page or len(names) >= total:
            break
    return names


async def _infos(session: Session, names: Sequence[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """What the server tells of each of these streams; one may have gone meanwhile."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for at in range(0, len(names), _AT_ONCE):
        some = names[at : at + _AT_ONCE]
        answers = await session.ask(*((f"{INFO}.{name}", b"") for name in some))
        pairs = zip(some, answers, strict=True)
        found += [(name, told) for name, told in pairs if not isinstance(told, ServerRefused)]
    return found


def _told(answer: Mapping[str, Any] | ServerRefused) -> Mapping[str, Any]:
    if isinstance(answer, ServerRefused):
        raise answer
    return answer


def _names(told: Mapping[str, Any]) -> tuple[list[str], int]:
    """The stream names of one page, and how many the server says there are."""
    streams, total = told.get("streams"), _count(told, "total")
    if streams is None:
        streams = []
    if not isinstance(streams, list) or not all(is_stream(name) for name in streams):
        raise NotThisProtocol("no list of streams")
    return streams, total


def _stream(name: str, told: Mapping[str, Any]) -> _Stream:
    """The figures of one stream."""
    state = told.get("state")
    if not isinstance(state, dict):
        raise NotThisProtocol("a stream without its state")
    figures = [_count(state, key) for key in ("messages", "bytes", "first_seq", "last_seq")]
    return _Stream(name, *figures)


def _count(told: Mapping[str, Any], key: str) -> int:
    number = told.get(key)
    if type(number) is not int or not 0 <= number < 2**63:
        raise NotThisProtocol("no number where one was due")
    return number


def _get(stream: str, number: int) -> tuple[str, bytes]:
    return f"{GET}.{stream}", b'{"seq":%d}' % number


def _gone(answer: Mapping[str, Any] | ServerRefused) -> bool:
    """Whether there is no message of that number (any more)."""
    return isinstance(answer, ServerRefused) and answer.code == "404"


def _row(answer: Mapping[str, Any] | ServerRefused) -> tuple[Any, ...]:
    """One message, as _COLUMNS name its parts. Raises NotThisProtocol and ServerRefused."""
    message = _told(answer).get("message")
    if not isinstance(message, dict) or not isinstance(message.get("subject"), str):
        raise NotThisProtocol("no message where one was due")
    data = message.get("data", "")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise NotThisProtocol("a message whose data is not base64") from None
    return as_text(raw), message["subject"], _moment(message)


def _moment(message: Mapping[str, Any]) -> datetime | None:
    """When the message was stored, to the second, in UTC without a zone."""
    try:
        return datetime.fromisoformat(str(message.get("time"))[:19])
    except ValueError:
        return None
