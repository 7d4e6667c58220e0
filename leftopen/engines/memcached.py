"""memcached: its text protocol over TCP, and two requests of the binary one.

The exchange of a probe:

    version | get <random key>     in a random order of 24: each must bring its own answer
    stats                          gated: how many items, which version
    stats cachedump <class> 1      gated, for all classes: one key of each; where they show none,
    lru_crawler metadump all       the first keys of it, and the connection is dialled anew
    mg <key> k s u O<random> v     the smallest value found, up to 1 KiB (`get` before 1.6)

OPEN is keys listed without a name, or no item at all. That order is made up for each probe, so a
recording of another one gives the wrong answers; `O` must come back as it was sent. Where keys may
not be listed (`-X`) it is OPEN_PARTIAL. AUTH_REQUIRED is `CLIENT_ERROR unauthenticated` (`-Y`), or
status 0x20 to a binary no-op, which is asked only where the peer hangs up on text as a server with
SASL (`-S`) does. A binary-only server without SASL is OPEN_PARTIAL: its protocol lists no keys.
`version` shows what it is and proves nothing more; a server that gives no statistics is
UNDETERMINED.

* A collection is a key pattern (`sess:*`), learnt from up to 10,000 keys. A record is an item.
* Columns: `value`, and `@key` (`@key2`, …) for the changing parts of the key.
* Nothing is written. `mg` is sent with `u`, which leaves the item's place in the LRU order and its
  time of last access alone; servers before 1.6 have no such read, so their items count as used.
* Known for nothing, by `stats`: the uptime, and how many items were stored, counted up or down and
  deleted since (of the whole server; `stats reset` sets it back).
* memcached has no roles and no read-only mode, and says nothing of who may write: `can_write` is
  unknown.

Sources: doc/protocol.txt in github.com/memcached/memcached and the manual page memcached(1); its
wiki on the binary protocol (BinaryProtocolRevamped, SASLAuthProtocol).
"""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._handles import handle_of
from leftopen.engines._key_patterns import Member, patterns, with_key_parts
from leftopen.engines._memcached_wire import (
    FORMS,
    MAX_VALUE,
    NOOP,
    VERSION,
    Talk,
    binary,
    cachedump,
    figure_of,
    first_keys,
    general_stats,
    listed,
    values_of,
)
from leftopen.engines._since import running
from leftopen.engines._text import as_text
from leftopen.errors import NotThisProtocol, PeerClosed, ServerRefused
from leftopen.knowledge import Mark, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection

_FIRST_VALUE = 1_024  # bytes of the value read for a verdict
_QUESTIONS = 24
_NEEDS_AUTH = 0x20
_BATCH = 50  # keys asked for in one go,
_CHANGES = ("total_items", "incr_hits", "decr_hits", "delete_hits", "cas_hits")
_BATCH_BYTES = 1 << 20  # or as many as their values may have together


@dataclass(frozen=True, slots=True)
class _Note:
    """How to read a collection: keys with the bytes of their items, and whether `mg` is known."""

    items: tuple[tuple[Member, int], ...]
    meta: bool


class Memcached:
    """The engine; it keeps no state."""

    name = "memcached"
    ports: tuple[int, ...] = (11211,)
    speaks = Speaks.ANSWERS
    requests = frozenset(FORMS)
    verified: Literal["real", "scripted"] = "real"
    reads = "key names, and the values of random keys of each key pattern"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        talk = Talk(connection)
        try:
            version = await _questioned(talk)
        except PeerClosed:
            if connection.bytes_read:
                raise
            await talk.reopen()  # a server that speaks binary only hangs up on text
            return await _binary(connection)
        if version is None:
            return Proof(Verdict.AUTH_REQUIRED, "commands are refused without a password")
        try:
            verdict, reason = await _judged(talk, _is_meta(version))
        except ServerRefused:
            reason = "it answers as memcached does, but gives no statistics"
            return Proof(Verdict.UNDETERMINED, reason, version)
        return Proof(verdict, reason, version)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Key patterns, those with most keys first. Where there are more than MAX_KEYS keys, their
        counts are scaled from those that were listed: in the order of the hash table where the
        server knows that, else in that of its LRU lists. Raises ServerRefused where no
        key may be listed, and NetError."""
        talk = Talk(connection)
        told = await general_stats(talk)
        keys, complete = await listed(talk)
        meta = _is_meta(clean_version(told.get("version")))
        scale = 1.0 if complete else max(1.0, figure_of(told, "curr_items") / max(1, len(keys)))
        sizes = dict(keys)
        made = []
        for pattern in patterns(sizes):
            items = [(member, sizes[member[0]]) for member in pattern.members]
            kept = random.sample(items, min(len(items), connection.limits.rows))
            size = sum(size for _, size in items) if complete else None
            records = round(len(items) * scale)
            made.append(Collection(pattern.name, records, size, _Note(tuple(kept), meta)))
        made.sort(key=lambda collection: (-(collection.records or 0), collection.name))
        return made[: connection.limits.collections]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Items of random keys of the pattern, an eighth of the store's bytes at most; those that
        are gone or larger than MAX_VALUE have no value. Raises ServerRefused, NotThisProtocol and
        NetError."""
        note = handle_of(collection, _Note)
        talk, meta = Talk(connection), note.meta
        items = random.sample(note.items, min(len(note.items), limits.rows))
        until = connection.bytes_read + limits.bytes // 8
        most = min(_BATCH_BYTES, limits.reply_bytes)
        while items and connection.bytes_read < until:
            some: list[tuple[Member, int]] = []
            held = 0
            while items and len(some) < _BATCH and (not some or held + items[-1][1] <= most):
                some.append(items.pop())
                held += min(some[-1][1], MAX_VALUE)
            asked = [(key, size) for (key, _), size in some]
            try:
                values = await values_of(talk, asked, meta)
            except ServerRefused:
                if not meta:
                    raise
                meta = False  # it may not know the flags
                await talk.reopen()  # the same refusal for the others is on its way
                values = await values_of(talk, asked, meta)
            rows = [(None if value is None else as_text(value),) for value in values]
            parts = [changing for (_, changing), _ in some]
            yield with_key_parts(sampling.rows(("value",), rows), parts)

    async def since(self, connection: Connection) -> Since | None:
        """The start of its process. Raises ServerRefused, NotThisProtocol and NetError."""
        return running((await general_stats(Talk(connection))).get("uptime"))

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """`changes`: what was stored, counted and deleted on the whole server. Raises what `since`
        does."""
        told = await general_stats(Talk(connection))
        changes = sum(figure_of(told, name) for name in _CHANGES if name in told)
        known = changes if "total_items" in told else None
        return {collection.name: Mark(changes=known) for collection in collections}


ENGINE = Memcached()


# --- the verdict ---------------------------------------------------------------------------------


async def _questioned(talk: Talk) -> str | None:
    """The version, by questions in an order that no recording can know; None where a password is
    asked for. Raises NotThisProtocol and NetError."""
    order = [True, *(bool(secrets.randbits(1)) for _ in range(_QUESTIONS - 1))]
    for versions in order:
        key = secrets.token_hex(8).encode()
        await talk.send(b"version\r\n" if versions else b"get leftopen-%b\r\n" % key)
    version: bytes | None = None
    for versions in order:
        line = await talk.line(*(() if version else (b"VERSION ", b"CLIENT_ERROR ")))
        if version is None:
            if line == b"CLIENT_ERROR unauthenticated":
                return None
            if not re.fullmatch(rb"VERSION [\x20-\x7e]{1,64}", line):
                raise NotThisProtocol("the peer does not answer as memcached does")
            version = line
        if line != (version if versions else b"END"):
            raise NotThisProtocol("gives other answers than those to what was asked")
    return clean_version((version or b"").decode()[8:]) or ""


async def _judged(talk: Talk, meta: bool) -> tuple[Verdict, str]:
    """The verdict on a server that answers text. Raises ServerRefused where it gives no stats."""
    if not figure_of(await general_stats(talk), "curr_items"):
        return Verdict.OPEN, "reads are answered without a password; it holds no item"
    try:
        keys = await cachedump(talk, 1) or await first_keys(talk)
    except ServerRefused:
        reason = "gives statistics and answers reads without a password, but lists no keys"
        return Verdict.OPEN_PARTIAL, reason
    if not keys:  # all may have run out, or be hidden
        return Verdict.OPEN_PARTIAL, "gives statistics without a password; it lists no key"
    smallest = min(keys, key=lambda item: item[1])
    if smallest[1] > _FIRST_VALUE and not meta:
        return Verdict.OPEN, "keys were listed without a password; their values are large"
    token = secrets.token_hex(8).encode()
    try:
        try:
            await values_of(talk, [smallest], meta, most=_FIRST_VALUE, token=token)
        except ServerRefused:
            if not meta:
                raise
            await values_of(talk, [smallest], False, most=_FIRST_VALUE)  # it may not know the flags
    except ServerRefused:
        return Verdict.OPEN_PARTIAL, "keys were listed without a password, but a read was refused"
    return Verdict.OPEN, "keys were listed and an item read without a password"


async def _binary(connection: Connection) -> Proof:
    """The verdict on a peer that hung up on text. Raises NotThisProtocol and NetError."""
    version = None
    for code in (NOOP, VERSION):
        status, body = await binary(connection, code)
        if status == _NEEDS_AUTH:
            return Proof(Verdict.AUTH_REQUIRED, "binary requests are refused without SASL")
        if status:
            return Proof(Verdict.UNDETERMINED, "speaks memcached's binary protocol, and refuses it")
        version = clean_version(body.decode("latin-1"))
    reason = "answers binary requests without a password; they cannot list keys"
    return Proof(Verdict.OPEN_PARTIAL, reason, version)


def _is_meta(version: str | None) -> bool:
    """Whether a server of this version knows `mg` as it is sent here (1.6.0 on)."""
    parts = [int(part) for part in re.findall(r"\d+", version or "")[:2]]
    return parts >= [1, 6]
