"""What Redis knows for nothing: since when it runs, what was written, and all keys of a pattern.

Sources: INFO (sections server and commandstats), SCAN and HMGET at
https://redis.io/docs/latest/commands/.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines._handles import handle_of
from leftopen.engines._key_patterns import Shape
from leftopen.engines._redis_values import LENGTHS, Note, Row, again, as_batch, enter, value_of
from leftopen.engines._redis_wire import Command, as_count, as_info, as_list, as_scan, ask, exchange
from leftopen.engines._since import running
from leftopen.engines._streams import STREAM_ROWS, has_room, names_in, only
from leftopen.errors import BudgetSpent, PeerClosed, ServerRefused
from leftopen.knowledge import Mark, Since
from leftopen.net.connection import Connection

SCAN_COUNT = 1_000  # keys that the server looks at for one page
_TOGETHER = 200  # hashes read in one go
_CALLS = re.compile(r"calls=(\d{1,18})(?:,|\Z)")
_FAILED = re.compile(r",failed_calls=(\d{1,18})(?:,|\Z)")
# Commands that change data; those that change an expiry alone are left out.
_WRITES = frozenset(
    {
        *("append", "bitfield", "bitop", "copy", "decr", "decrby", "del", "flushall", "flushdb"),
        *("geoadd", "geosearchstore", "getdel", "getset", "hdel", "hincrby", "hincrbyfloat"),
        *("hmset", "hset", "hsetex", "hsetnx", "incr", "incrby", "incrbyfloat", "linsert"),
        *("lmove", "lmpop", "lpop", "lpush", "lpushx", "lrem", "lset", "ltrim", "blmove"),
        *("blmpop", "blpop", "brpop", "brpoplpush", "bzmpop", "bzpopmax", "bzpopmin", "move"),
        *("mset", "msetnx", "pfadd", "pfmerge", "psetex", "rename", "renamenx", "restore"),
        *("rpop", "rpoplpush", "rpush", "rpushx", "sadd", "sdiffstore", "set", "setbit", "setex"),
        *("setnx", "setrange", "sinterstore", "smove", "spop", "srem", "sunionstore", "swapdb"),
        *("unlink", "xadd", "xdel", "xtrim", "zadd", "zdiffstore", "zincrby", "zinterstore"),
        *("zmpop", "zpopmax", "zpopmin", "zrangestore", "zrem", "zremrangebylex"),
        *("zremrangebyrank", "zremrangebyscore", "zunionstore", "json.set", "json.merge"),
        *("json.mset", "json.del", "json.numincrby", "json.arrappend", "ts.add", "ts.madd"),
    }
)


async def since(connection: Connection) -> Since | None:
    """By the uptime that INFO tells."""
    return running(as_info(await ask(connection, "INFO", "server")).get("uptime_in_seconds"))


async def marks(connection: Connection, collections: Sequence[Collection]) -> dict[str, Mark]:
    """`changes`: the write commands that the server has carried out since its start, in all
    databases. `records`: of a key that is a table its length, of others none is exact."""
    told = await ask(connection, "INFO", "commandstats")
    changes = _written(as_info(told))
    lengths: dict[str, int] = {}
    tables = [(c, note) for c in collections if (note := handle_of(c, Note)).table in LENGTHS]
    for database in dict.fromkeys(note.database for _, note in tables):
        some = [(c, note) for c, note in tables if note.database == database]
        if some[0][1].select:
            await ask(connection, "SELECT", database)
        asked = [(LENGTHS[str(note.table)], note.members[0][0]) for _, note in some]
        for (collection, _), length in zip(some, await exchange(connection, *asked), strict=True):
            if not isinstance(length, ServerRefused):  # it may hold another type by now
                lengths[collection.name] = as_count(length)
    return {c.name: Mark(lengths.get(c.name), changes) for c in collections}


def _written(stats: dict[str, str]) -> int | None:
    """Write commands that did not fail; None where the server counts none at all."""
    total = 0
    for name, figures in stats.items():
        command = name.removeprefix("cmdstat_").partition("|")[0].lower()
        calls, failed = _CALLS.match(figures), _FAILED.search(figures)
        if command in _WRITES and calls:
            total += max(0, int(calls[1]) - (int(failed[1]) if failed else 0))
    return total if stats and total < 2**63 else None


async def stream(
    connection: Connection, collection: Collection, paths: Sequence[str], limits: StoreLimits
) -> AsyncGenerator[pa.RecordBatch, None]:
    """The changing parts of all keys of a pattern, and fields of the hashes under them.

    SCAN walks all keys of the database; one may come twice where the server rehashes meanwhile.
    Nothing of a single key, nor of other types than hashes: their values could only be read whole.
    """
    note = handle_of(collection, Note)
    names = names_in(path for path in paths if not path.startswith("@key"))
    keyed = any(path.startswith("@key") for path in paths)
    if not note.pattern.count("*") or not (names or keyed):
        return
    shape, until = Shape(note.pattern, note.members), connection.bytes_read + limits.bytes
    rows: list[Row] = []
    cursor, first = b"0", True
    try:
        await _entered(connection, note)
        while has_room(connection, until):
            command = ("SCAN", cursor, "MATCH", shape.glob, "COUNT", SCAN_COUNT)
            cursor, found = as_scan(await ask(connection, *command))
            held = {key: parts for key in found if (parts := shape.parts(key)) is not None}
            for some in _chunks(list(held)):
                read = await _fields(connection, note, some, names)
                if first and not keyed and not any(read):
                    return  # these are no hashes
                first = False
                rows += [Row(doc, held[key]) for key, doc in zip(some, read, strict=True)]
            if len(rows) >= STREAM_ROWS:
                yield only(as_batch(rows), paths)
                rows = []
            if cursor == b"0":
                break
    except BudgetSpent:
        pass  # its end in good order
    if rows:
        yield only(as_batch(rows), paths)


async def _entered(connection: Connection, note: Note) -> None:
    try:
        await enter(connection, note)
    except PeerClosed:  # a server drops idle clients
        await again(connection, note)


def _chunks(keys: list[bytes]) -> list[list[bytes]]:
    return [keys[at : at + _TOGETHER] for at in range(0, len(keys), _TOGETHER)]


async def _fields(
    connection: Connection, note: Note, keys: Sequence[bytes], names: Sequence[str]
) -> list[dict[str, str | bytes]]:
    """The fields of these names of each key's hash; none of what is no hash, is gone, or is larger
    than a reply may be."""
    if not names:
        return [{} for _ in keys]
    asked: list[Command] = [("HMGET", key, *names) for key in keys]
    try:
        replies = await exchange(connection, *asked)
    except BudgetSpent as spent:
        if spent.code != "reply_too_large":
            raise
        await again(connection, note)
        if len(keys) == 1:
            return [{}]
        half = len(keys) // 2
        left = await _fields(connection, note, keys[:half], names)
        return left + await _fields(connection, note, keys[half:], names)
    return [
        {
            name: value_of(value)
            for name, value in zip(names, as_list(reply), strict=False)
            if isinstance(value, bytes)
        }
        if not isinstance(reply, ServerRefused)
        else {}
        for reply in replies
    ]
