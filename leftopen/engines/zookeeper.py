"""ZooKeeper: one four-letter word, and a session where the scope file allows one.

`srvr` tells a version to anyone, whoever may read the nodes; where it is switched off, the server
says in so many words that it "is not executed" (3.5.3 on). Both show what it is and prove nothing:
UNDETERMINED. To read is to open a session, which the server notes in its transaction log, so that
is done only where the scope says `session = true` for the target:

    connect                   no name, no password, a new session of ten seconds
    getChildren /             gated; the nodes at the top
    exists <random node>      must not be there (-101), under the number made up for the question
    exists, getACL, getData   of the first nodes: whether they can be read, and by whom changed
    closeSession

OPEN is nodes listed and one read. Each request's number (xid) is random and must come back. Where
every node refuses to be read (-102) it is OPEN_PARTIAL. AUTH_REQUIRED is -102 to `/`, or -124, by
which a server asks for SASL. `can_write` is `yes` where an access list of one of these nodes lets
`world:anyone` write, create, delete or administer, else `no`; it is not tried.

* A collection is all below one node at the top (`/brokers/*`); a record is a node, up to 5,000
  of which are listed. ZooKeeper's own `/zookeeper` is left out. The session in which they are read
  is not closed but left to run out: which collection is the last is not known here.
* Columns: `value` for a node's data, `@key` for its path below the top.

Source: the ZooKeeper Administrator's Guide (the four letter words; session.requireClientSASLAuth)
and Programmer's Guide (ACL permissions, sessions); zookeeper.jute for the frames.
"""

from __future__ import annotations

import contextlib
import random
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._handles import handle_of
from leftopen.engines._proofs import CanWrite
from leftopen.engines._text import as_text
from leftopen.engines._zookeeper_wire import (
    AUTH_FAILED,
    CHANGES,
    EXISTS,
    GET_ACL,
    GET_CHILDREN,
    GET_DATA,
    NO_AUTH,
    NO_NODE,
    REQUESTS,
    WANTS_SASL,
    Session,
    anyones,
    below,
    children,
    data,
    stat,
    word,
)
from leftopen.errors import NetError, NotThisProtocol, PeerClosed, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection

MAX_NODES = 5_000  # that are listed, in all
_MAX_DEPTH = 16
_LOOKED_AT = 4  # nodes at the top that are looked at for a verdict
_FIRST_DATA = 2_048  # bytes of a node's data that is read for a verdict
_BATCH = 50  # requests sent in one go
_OWN = "/zookeeper"
_TOLD = re.compile(rb"Zookeeper version: (\d[\w.]{0,31})[^\n]{0,200}\n")
_SWITCHED_OFF = b"srvr is not executed because it is not in the whitelist."
_NOT_SERVING = b"This ZooKeeper instance is not currently serving requests"


@dataclass(frozen=True, slots=True)
class _Note:
    """How to read a collection: its node at the top, and the nodes that were listed."""

    top: str
    session: Session
    nodes: tuple[str, ...]


class ZooKeeper:
    """The engine; it keeps no state."""

    name = "zookeeper"
    ports: tuple[int, ...] = (2181, 2281)
    speaks = Speaks.ANSWERS
    requests = REQUESTS
    verified: Literal["real", "scripted"] = "real"
    reads = "names of nodes and the data of random ones; only where the scope allows a session"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        version, told = _identity(await word(connection))
        if not connection.opt_in.session:
            reason = f"{told}; what may be read is not asked: the scope allows no session"
            return Proof(Verdict.UNDETERMINED, reason, version)
        await connection.reopen()  # the server ends a connection after a word
        session = Session(connection)
        try:
            await session.open()
            verdict, reason, can_write = await _judged(session)
            with contextlib.suppress(NetError):  # it would end by itself
                await session.close()
        except ServerRefused as refused:
            return _refusal(refused, version)
        reason += " (the scope allows a session)"
        return Proof(verdict, reason, version, can_write=can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """One for each node at the top, the largest first. Each is walked from the top down as far
        as its share of MAX_NODES lasts; of more it tells no count. Raises RequestNotAllowed without
        the scope's word, ServerRefused, NotThisProtocol and NetError."""
        session = Session(connection)
        await session.open()
        tops = await _tops(session)
        tops = tops[: connection.limits.collections]
        share = max(_BATCH, MAX_NODES // max(1, len(tops)))
        made = []
        for top in tops:
            nodes, whole = await _walked(session, top, share)
            note = _Note(top, session, tuple(nodes))
            name = top if len(nodes) == 1 else f"{top}/*"
            made.append(Collection(name, len(nodes) if whole else None, None, note))
        made.sort(key=lambda collection: -len(collection.handle.nodes))
        return made

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Random nodes of those that were listed, an eighth of the store's bytes at most; those
        that refuse to be read or are gone have no value. Raises NotThisProtocol and NetError."""
        note = handle_of(collection, _Note)
        nodes = random.sample(note.nodes, min(len(note.nodes), limits.rows))
        until = connection.bytes_read + limits.bytes // 8
        for at in range(0, len(nodes), _BATCH):
            some = nodes[at : at + _BATCH]
            asked = [(GET_DATA, node) for node in some]
            try:
                told = await note.session.ask(*asked)
            except PeerClosed:  # the session ran out while others were read
                await connection.reopen()
                await note.session.open()
                told = await note.session.ask(*asked)
            rows = [
                (_value(reply), node.removeprefix(note.top).lstrip("/"))
                for node, reply in zip(some, told, strict=True)
            ]
            yield sampling.rows(("value", "@key"), rows)
            if connection.bytes_read >= until:
                return


ENGINE = ZooKeeper()


def _identity(answer: bytes) -> tuple[str | None, str]:
    """The version and what the word brought; raises NotThisProtocol where no ZooKeeper says so."""
    found = _TOLD.match(answer)
    if found is not None:
        return clean_version(found[1].decode("latin-1")), "tells its version to anyone"
    if answer.strip() == _SWITCHED_OFF:
        return None, "is a ZooKeeper that tells nothing about itself"
    if answer.strip() == _NOT_SERVING:
        return None, "is a ZooKeeper that serves nobody now"
    raise NotThisProtocol("the peer does not answer as ZooKeeper does")


def _refusal(refused: ServerRefused, version: str | None) -> Proof:
    if refused.code in (NO_AUTH, WANTS_SASL, AUTH_FAILED):
        reason = f"a session without a name may not list the nodes ({refused.code})"
        return Proof(Verdict.AUTH_REQUIRED, reason, version)
    return Proof(Verdict.UNDETERMINED, f"a session was refused ({refused.code})", version)


async def _tops(session: Session) -> list[str]:
    """The nodes at the top but ZooKeeper's own."""
    names = children(await session.one(GET_CHILDREN, "/"))
    return [path for path in below("/", names) if path != _OWN]


async def _judged(session: Session) -> tuple[Verdict, str, CanWrite]:
    """The verdict in a session. Raises ServerRefused where `/` may not be listed."""
    tops = await _tops(session)
    made_up = f"/leftopen-{secrets.token_hex(12)}"
    (missing,) = await session.ask((EXISTS, made_up))
    if not isinstance(missing, ServerRefused) or missing.code != NO_NODE:
        raise NotThisProtocol("a node that cannot be there is told to be")
    some = tops[:_LOOKED_AT]
    lists = await session.ask(*((GET_ACL, node) for node in ["/", *some]))
    given = [anyones(told) for told in lists if not isinstance(told, ServerRefused)]
    can_write: CanWrite = "unknown"
    if given:
        can_write = "yes" if any(permissions & CHANGES for permissions in given) else "no"
    if not tops:
        return Verdict.OPEN, "nodes are listed without a name; there are none", can_write
    found = await session.ask(*((EXISTS, node) for node in some))
    small = [
        node
        for node, told in zip(some, found, strict=True)
        if not isinstance(told, ServerRefused) and stat(told).size <= _FIRST_DATA
    ]
    if not small:
        return Verdict.OPEN, "nodes are listed without a name; their data is large", can_write
    for reply in await session.ask(*((GET_DATA, node) for node in small)):
        if not isinstance(reply, ServerRefused):
            data(reply)
            return Verdict.OPEN, "nodes are listed and one read without a name", can_write
    return Verdict.OPEN_PARTIAL, "nodes are listed without a name, but none can be read", can_write


async def _walked(session: Session, top: str, most: int) -> tuple[list[str], bool]:
    """Up to `most` nodes from `top` down, of each level at random, and whether they are all."""
    found, level, whole = [top], [top], True
    for _ in range(_MAX_DEPTH):
        next_level: list[str] = []
        for at in range(0, len(level), _BATCH):
            some = level[at : at + _BATCH]
            told = await session.ask(*((GET_CHILDREN, node) for node in some))
            for node, reply in zip(some, told, strict=True):
                if not isinstance(reply, ServerRefused):
                    next_level += below(node, children(reply))
            if len(next_level) > most:
                whole = False
                break
        left = most - len(found)
        if len(next_level) > left:
            next_level, whole = random.sample(next_level, max(0, left)), False
        found += next_level
        level = next_level
        if not level:
            return found, whole
    return found, False


def _value(reply: bytes | ServerRefused) -> str | bytes | None:
    """A node's data, as text where it is any; None where there is none."""
    if isinstance(reply, ServerRefused):
        return None
    return as_text(data(reply)) or None
