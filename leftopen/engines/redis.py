"""Redis, and what speaks as it does: Valkey, KeyDB.

The exchange: `PING` with a random token, which must come back; DBSIZE and SCAN; then TYPE and one
bounded read of a key that was listed. OPEN is a value read, or a list that is answered and empty;
OPEN_PARTIAL a list whose values are refused (NOPERM), AUTH_REQUIRED is -NOAUTH, ACL_CLOSED is
-DENIED (protected mode). `can_write` is what INFO replication and ACL GETUSER say of the default
user (whose list of passwords is empty where it lets anybody in). Another refusal is UNDETERMINED;
a plain +PONG proves nothing.

* A collection is a key pattern (`sess:*`), learnt from up to 10,000 keys. Where more than one
  database holds keys, all names say which: `db0/sess:*`, `db3/sess:*`. A pattern's record is a key.
  A key that is a collection by itself (`positions`, `queue:mail`) has a record for each element of
  its list, set, sorted set or stream, and of a hash above 100 fields.
* Columns: a hash's fields, a stream entry's fields; `value` for strings, and for the elements of
  lists and sets; `score` beside a sorted set's members; `@key` (`@key2`, …) for the changing parts
  of the key, and the field names of a hash that is a table; `@time` for the moment in a stream
  entry's id. Keys of module types (ReJSON-RL, …) are counted and not read.
* Nothing is written. Reads do count in the server's hit statistics and move keys up in its LRU
  order; no read can avoid that. SELECT changes the state of this connection only.
* Known for nothing: the uptime (INFO), the write commands carried out since (INFO commandstats,
  counted for the whole server; it takes an EXPIRE for none), and the lengths of keys that are
  tables. With `--deep`, keys of a pattern by SCAN, and by HMGET the fields of hashes that tell
  people apart; of other types nothing more, for their values could only be read whole.

Sources: commands and error words at https://redis.io/docs/latest/commands/ and the ACL, protected
mode and cluster chapters of its documentation.
"""

from __future__ import annotations

import asyncio
import random
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _redis_known
from leftopen.engines._handles import handle_of
from leftopen.engines._key_patterns import Pattern, patterns
from leftopen.engines._proofs import CanWrite, afterwards
from leftopen.engines._redis_values import (
    LENGTHS,
    READERS,
    Note,
    Row,
    again,
    as_batch,
    enter,
    row_source,
)
from leftopen.engines._redis_wire import (
    as_bytes,
    as_count,
    as_info,
    as_scan,
    as_word,
    ask,
    exchange,
    replies,
)
from leftopen.errors import (
    BudgetSpent,
    CertificateWanted,
    NetError,
    NotThisProtocol,
    PeerClosed,
    ServerRefused,
)
from leftopen.knowledge import Mark, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection

MAX_KEYS = 10_000  # keys that patterns are learnt from, in all databases
MAX_DATABASES = 64
HASH_TABLE = 100  # a single hash with more fields is a table: nobody names so many by hand
BATCH_ROWS = 500
_UNASKED_SECONDS = 1.0
# Rules of an ACL that let nobody write ("ACL" in the management chapter of redis.io's docs).
_HARMLESS = frozenset(
    {b"+@read", b"+ping", b"+info", b"+dbsize", b"+scan", b"+select", b"+acl|getuser"}
    | {b"+acl|whoami", b"+echo", b"+hello", b"+type", b"+randomkey", b"+config|get"}
)


class Redis:
    """The engine; it keeps no state."""

    name = "redis"
    ports: tuple[int, ...] = (6379, 6380, 16379)
    speaks = Speaks.ANSWERS
    verified: Literal["real", "scripted"] = "real"
    reads = "key names, and the values of random keys of each key pattern"
    requests = frozenset(
        {
            *("ACL GETUSER", "CONFIG GET", "INFO", "PING", "SELECT"),
            *("DBSIZE", "RANDOMKEY", "SCAN", "TYPE"),
            *("GETRANGE", "HLEN", "HMGET", "HSCAN", "LLEN", "LRANGE", "SCARD", "SRANDMEMBER"),
            *("ZCARD", "ZRANGE", "XLEN", "XRANGE", "XREVRANGE"),
        }
    )

    async def probe(self, connection: Connection) -> Proof:
        """OPEN where a random token is echoed, keys can be listed, and a value can be read."""
        token = secrets.token_hex(8).encode()
        try:
            (pong,) = await exchange(connection, ("PING", token))
        except PeerClosed as closed:
            pong = await _unasked(connection, closed)
        if isinstance(pong, ServerRefused):
            if pong.code not in ("ERR", "NOPERM"):
                return _refusal([pong.code])
        elif pong == b"PONG":
            return Proof(Verdict.UNDETERMINED, "it answers in RESP, but not to what was asked")
        elif pong != token:
            raise NotThisProtocol("the peer does not answer as Redis does")
        size, found = await exchange(connection, ("DBSIZE",), ("SCAN", 0, "COUNT", 10))
        codes = [r.code for r in (pong, size, found) if isinstance(r, ServerRefused)]
        if codes == ["ERR"] * 3:
            raise NotThisProtocol("the peer knows none of the commands of Redis")
        if codes:
            return await _with_version(connection, _refusal(codes))
        _, keys = as_scan(found)
        if as_count(size) and not keys:  # the first buckets may be empty
            (key,) = await exchange(connection, ("RANDOMKEY",))
            if isinstance(key, ServerRefused):
                return await _with_version(connection, _refusal([key.code]))
            keys = [] if key is None else [as_bytes(key)]  # None: all have expired
        return await _with_version(connection, await _judged(connection, keys))

    async def settings(self, connection: Connection) -> Mapping[str, str]:
        """Where the server writes its dump, and under which name: what miners change to plant cron
        jobs and keys; `master` is there where it copies another server."""
        told = await exchange(
            connection, ("CONFIG", "GET", "dir"), ("CONFIG", "GET", "dbfilename"),
            ("INFO", "replication"),
        )  # fmt: skip
        found = {
            as_bytes(pair[0]).decode("utf-8", "replace"): as_bytes(pair[1]).decode(
                "utf-8", "replace"
            )
            for pair in told[:2]
            if isinstance(pair, list) and len(pair) == 2
        }
        if not isinstance(told[2], ServerRefused) and (
            master := as_info(told[2]).get("master_host")
        ):
            found["master"] = master
        return found

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Key patterns of every database in use, learnt from up to MAX_KEYS keys of a SCAN, which
        walks keys in the order of a seeded hash. Counts are scaled from that sample."""
        used = await _databases(connection)
        select = any(number != 0 for number, _ in used)
        made: list[Collection] = []
        for number, size in used:
            try:
                if select:
                    await ask(connection, "SELECT", number)
                keys, complete = await _keys(connection, MAX_KEYS // len(used))
            except ServerRefused:
                if len(used) == 1:
                    raise
                continue  # this database is closed to us, another may not be
            scale = 1.0 if complete else max(1.0, size / max(1, len(keys)))
            found = patterns(keys)[: connection.limits.collections]
            tables = await _tables(connection, [p for p in found if p.constant], number, select)
            prefix = f"db{number}/" if len(used) > 1 else ""
            for pattern in found:
                note = tables.get(pattern.name) or _note(connection, pattern, number, select)
                records = note.length if note.table else round(len(pattern.members) * scale)
                if pattern.constant and not note.table:
                    records = 1
                made.append(Collection(prefix + pattern.name, records, None, note))
        made.sort(key=lambda collection: -(collection.records or 0))
        return made[: connection.limits.collections]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Random keys of the pattern, or random pages of a single key; an eighth of the store's
        bytes at most. Rows read before an error are yielded before it is raised."""
        note = handle_of(collection, Note)
        try:
            await enter(connection, note)
        except PeerClosed:  # a server drops idle clients, an earlier error closes
            await again(connection, note)
        until = connection.bytes_read + limits.bytes // 8
        rows: list[Row] = []
        left = limits.rows
        async with aclosing(row_source(connection, note, limits)) as source:
            try:
                async for some in source:
                    rows += some[: left - len(rows)]
                    while len(rows) >= BATCH_ROWS:
                        yield as_batch(rows[:BATCH_ROWS])
                        left -= BATCH_ROWS
                        del rows[:BATCH_ROWS]
                    if len(rows) >= left or connection.bytes_read >= until:
                        break
            except (NetError, NotThisProtocol, ServerRefused):
                if rows:
                    yield as_batch(rows)
                raise
        if rows:
            yield as_batch(rows)

    async def since(self, connection: Connection) -> Since | None:
        """The start of its process. Raises ServerRefused, NotThisProtocol and NetError."""
        return await _redis_known.since(connection)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """Writes to the whole server, and the lengths of tables. Raises what `since` does."""
        return await _redis_known.marks(connection, collections)

    def stream(
        self,
        connection: Connection,
        collection: Collection,
        paths: Sequence[str],
        limits: StoreLimits,
    ) -> AsyncIterator[pa.RecordBatch]:
        """Parts of all keys of a pattern, and fields of hashes; nothing of other collections."""
        return _redis_known.stream(connection, collection, paths, limits)


ENGINE = Redis()


# --- the verdict ---------------------------------------------------------------------------------


def _refusal(codes: Sequence[str]) -> Proof:
    """The verdict where a command of the first ones was refused; the gravest word decides."""
    if "NOAUTH" in codes:
        return Proof(Verdict.AUTH_REQUIRED, "commands are refused without a password (NOAUTH)")
    if "DENIED" in codes:
        return Proof(Verdict.ACL_CLOSED, "protected mode refuses this address (DENIED)")
    if "NOPERM" in codes:
        return Proof(
            Verdict.OPEN_PARTIAL,
            "it answers without a password, but refuses the anonymous user some commands (NOPERM)",
        )
    return Proof(Verdict.UNDETERMINED, f"it answers, but not now or not to this ({codes[0]})")


async def _judged(connection: Connection, keys: Sequence[bytes]) -> Proof:
    """The verdict of a server that has listed these keys: can a value of one be read?"""
    if not keys:
        return Proof(Verdict.OPEN, "keys can be listed without a password; database 0 is empty")
    codes: list[str] = []
    for key in keys[:5]:  # one may have expired, or hold a type of a module, or be closed to us
        try:
            kind = await ask(connection, "TYPE", key)
            reader = READERS.get(as_word(kind))
            if reader is not None:
                reader.document(await ask(connection, *reader.command(key, 1)))
                return Proof(Verdict.OPEN, "keys were listed and a value read without a password")
        except ServerRefused as refused:
            codes.append(refused.code)
        except BudgetSpent as spent:
            if spent.code != "reply_too_large":
                raise
            await connection.reopen()
    if not codes:
        return Proof(Verdict.OPEN, "keys and their types can be listed without a password")
    if set(codes) & {"NOPERM", "MOVED", "ASK"}:
        code = next(c for c in codes if c in ("NOPERM", "MOVED", "ASK"))
        return Proof(Verdict.OPEN_PARTIAL, f"keys can be listed, but values not be read ({code})")
    return Proof(Verdict.UNDETERMINED, f"keys can be listed; a read was refused ({codes[0]})")


async def _with_version(connection: Connection, proof: Proof) -> Proof:
    """The proof with product and version, where the server tells them to anyone."""
    if proof.verdict in (Verdict.AUTH_REQUIRED, Verdict.ACL_CLOSED):
        return proof
    try:
        told = as_info(await ask(connection, "INFO", "server"))
    except (ServerRefused, NetError, NotThisProtocol):
        return proof
    version, product = told.get("redis_version"), "redis"
    if told.get("server_name") == "valkey" or "valkey_version" in told:
        version, product = told.get("valkey_version", version), "valkey"
    elif told.get("executable", "").rpartition("/")[2].startswith("keydb"):
        product = "keydb"
    can_write: CanWrite = "unknown"
    if proof.verdict is Verdict.OPEN:
        can_write = await afterwards(_can_write(connection))
    return Proof(proof.verdict, proof.reason, clean_version(version), product, can_write)


async def _can_write(connection: Connection) -> CanWrite:
    """What the server says of writes by the default user: as a replica it may take none; else the
    user's own rules tell, where they are read (Redis 6 and later)."""
    role, user = await exchange(connection, ("INFO", "replication"), ("ACL", "GETUSER", "default"))
    if not isinstance(role, ServerRefused):
        told = as_info(role)
        if told.get("role") == "slave":
            return "no" if told.get("slave_read_only") == "1" else "unknown"
    if isinstance(user, ServerRefused) or not isinstance(user, list):
        return "unknown"
    rules = dict(zip(user[::2], user[1::2], strict=False))
    commands = rules.get(b"commands")
    if not isinstance(commands, bytes):
        return "unknown"
    words = commands.split()
    if words == [b"+@all"]:
        return "yes"
    # Rules hold in their order; reads alone, whatever else is taken away, write nothing.
    added = {word for word in words if word.startswith(b"+")}
    return "no" if words[:1] == [b"-@all"] and added <= _HARMLESS else "unknown"


async def _unasked(connection: Connection, closed: PeerClosed) -> Any:
    """What the peer says unasked on a new connection, if that is a refusal; else raises `closed`.

    Protected mode says -DENIED and closes at once, a TLS 1.3 server that wants a certificate sends
    its alert and closes; where our first command crosses that on the way, the reset can swallow it.
    """
    await connection.reopen()
    try:
        async with asyncio.timeout(_UNASKED_SECONDS):
            (told,) = await replies(connection, 1)
    except CertificateWanted:
        raise
    except (TimeoutError, NetError, NotThisProtocol):
        raise closed from None
    if isinstance(told, ServerRefused) and told.code == "DENIED":
        return told
    raise closed


# --- keys and patterns ---------------------------------------------------------------------------


async def _databases(connection: Connection) -> list[tuple[int, int]]:
    """Databases that hold keys, and how many: as INFO keyspace tells, else database 0 alone."""
    try:
        told = as_info(await ask(connection, "INFO", "keyspace"))
    except ServerRefused:
        told = {}
    used = []
    for name, figures in told.items():
        number = re.fullmatch(r"db(\d{1,6})", name)
        keys = re.match(r"keys=(\d{1,18})\b", figures)
        if number and keys and int(keys[1]):
            used.append((int(number[1]), int(keys[1])))
    if not used:
        used = [(0, as_count(await ask(connection, "DBSIZE")))]
    return sorted(sorted(used, key=lambda db: -db[1])[:MAX_DATABASES])


async def _keys(connection: Connection, most: int) -> tuple[list[bytes], bool]:
    """Up to `most` keys (and what the last reply held over), and whether they are all."""
    keys: dict[bytes, None] = {}
    cursor = b"0"
    until = connection.bytes_read + connection.limits.bytes // 8
    for _ in range(2 * most // 500 + 16):
        reply = await ask(connection, "SCAN", cursor, "COUNT", 500)
        cursor, some = as_scan(reply)
        keys.update(dict.fromkeys(some))
        if cursor == b"0":
            return list(keys), True
        if len(keys) >= most or connection.bytes_read >= until:
            break
    return list(keys), False


async def _tables(
    connection: Connection, single: Sequence[Pattern], database: int, select: bool
) -> dict[str, Note]:
    """Which of the single keys are tables by themselves, with their lengths."""
    keys = [pattern.members[0][0] for pattern in single]
    kinds = await exchange(connection, *(("TYPE", key) for key in keys))
    asked = [
        (pattern, kind, key)
        for pattern, key, told in zip(single, keys, kinds, strict=True)
        if not isinstance(told, ServerRefused) and (kind := as_word(told)) in LENGTHS
    ]
    lengths = await exchange(connection, *((LENGTHS[kind], key) for _, kind, key in asked))
    notes = {}
    for (pattern, kind, _), length in zip(asked, lengths, strict=True):
        if isinstance(length, ServerRefused) or (kind == "hash" and as_count(length) <= HASH_TABLE):
            continue
        notes[pattern.name] = Note(database, select, pattern.members, kind, as_count(length))
    return notes


def _note(connection: Connection, pattern: Pattern, database: int, select: bool) -> Note:
    members = pattern.members
    if len(members) > connection.limits.rows:
        members = tuple(random.sample(members, connection.limits.rows))
    return Note(database, select, members, pattern=pattern.name)
