"""MongoDB: OP_MSG over the Connection, with pymongo's `bson` as the codec and never its driver.

The exchange of a probe, each line one command on the database named:

    admin  hello                     who speaks; anyone may ask, so it proves identity only
    admin  buildInfo                 the version; anyone may ask
    admin  listDatabases             gated; nameOnly, authorizedDatabases: false
    X      listCollections           gated; nameOnly, authorizedCollections: false
    X      find                      gated; one document, its _id only

OPEN is a `find` reply that parsed strictly: `ok: 1` and a `cursor.firstBatch` that is an array of
documents. AUTH_REQUIRED is a refusal of `listDatabases` with code 13 (Unauthorized) or 18
(AuthenticationFailed). Names listed but reads refused with 13 or 18, or names listed and nowhere a
collection, is OPEN_PARTIAL. Any other refusal is UNDETERMINED by its code. So is an empty list of
databases: with authentication on, `listDatabases` can answer `ok: 1` and nothing. User databases
are asked before `local`, `admin` and `config`, which hold at least `startup_log` on a real server;
a read there is as gated as any other, so it proves OPEN for a store that holds no data yet.

Each reply must carry the random number of its request. `can_write` is "no" where `hello` says that
the server is read-only; else unknown, for what an anonymous client may write is told nowhere. The
users of `admin.system.users` are never read.

What else is asked of an open store, and of it only: `collStats`, `aggregate` with one `$sample` or
`find`, and `getMore`, for a sample; for how much there is in it, how new it is and since when,
what `_mongodb_known` lists; with `--deep` single fields of all documents (`_mongodb_stream`). A
cursor that is not read to its end is given back (`killCursors`). No command holds a filter but one
range of times or numbers.

The list of members in the `hello` reply is never followed. Reads carry a read preference so that a
secondary answers them itself.

Sources: MongoDB Wire Protocol and OP_MSG (mongodb.com/docs/manual/reference/mongodb-wire-protocol,
github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md), the BSON specification
(bsonspec.org), the pages of the commands (mongodb.com/docs/manual/reference/command), error codes
(src/mongo/base/error_codes.yml). Servers before 3.6 do not speak OP_MSG and are not recognised.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import bson
import pyarrow as pa

from leftopen import sample as sampling
from leftopen.bson_values import plain_document
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _mongodb_known, _mongodb_stream
from leftopen.engines._mongodb_wire import Handle, ask, batch_of, figure, read
from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection

_REQUESTS = frozenset(
    {
        "hello", "isMaster", "buildInfo", "listDatabases", "listCollections",
        "find", "aggregate", "getMore", "killCursors", "collStats", "count", "listIndexes",
        "serverStatus",
    }
)  # fmt: skip

_UNAUTHORIZED = frozenset({"13", "18"})
_COMMAND_NOT_FOUND = "59"
_SYSTEM_DATABASES = ("local", "admin", "config")
_PROBED_DATABASES = 6  # user databases that a probe looks into, before the three system ones
_PROBED_COLLECTIONS = 2  # of each
_MAX_NAME = 512  # characters; a server's own limit for db.collection is 255 bytes
_NAMES_AT_ONCE = 10_000

_BATCH_BYTES = 1 << 20  # what one reply of a sample should be, about
_FIRST_BATCH = 4  # documents, where nothing is known of their size
_MOST_AT_ONCE = 1_000  # documents
_SMALL = 32 << 20  # bytes of a collection that may be read whole for a random sample


@dataclass(frozen=True, slots=True)
class _Plan:
    """`rows` documents, by `$sample` or from the start."""

    how: Literal["sample", "find"]
    rows: int


class MongoDB:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "mongodb"
    ports: tuple[int, ...] = (27017, 27018, 27019)
    requests = _REQUESTS
    speaks = Speaks.ANSWERS
    verified: Literal["real", "scripted"] = "real"
    reads = "names and sizes of collections; documents by $sample, else the first ones"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        try:
            read_only = await _hello(connection)
        except ServerRefused as refused:
            return _refusal("hello", refused.code)
        version = await _version(connection)
        can_write: Literal["no", "unknown"] = "no" if read_only else "unknown"

        def proof(verdict: Verdict, reason: str) -> Proof:
            return Proof(verdict, reason, version=version, can_write=can_write)

        try:
            databases = await _databases(connection)
        except ServerRefused as refused:
            told = _refusal("listDatabases", refused.code)
            return proof(told.verdict, told.reason)
        if not databases:
            return proof(Verdict.UNDETERMINED, "listDatabases names no database")
        codes: list[str] = []
        users = [name for name in databases if name not in _SYSTEM_DATABASES]
        system = [name for name in _SYSTEM_DATABASES if name in databases]
        for database in users[:_PROBED_DATABASES] + system:
            try:
                if await _readable(connection, database, codes):
                    return proof(Verdict.OPEN, "a find was answered without credentials")
            except ServerRefused as refused:
                codes.append(refused.code)
        other = next((code for code in codes if code not in _UNAUTHORIZED), None)
        if other is not None:
            return proof(Verdict.UNDETERMINED, f"databases are listed; a read failed, code {other}")
        if codes:
            return proof(
                Verdict.OPEN_PARTIAL, f"databases are listed; reads are refused, code {codes[0]}"
            )
        return proof(Verdict.OPEN_PARTIAL, "databases are listed; there is no collection to read")

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Collections and views of all databases but admin, config and local, `system.*` left out.

        Records and bytes come from `collStats` (the server's own counters, no scan), where it is
        refused from `count` without a query; views have neither, for a count would run them.
        Figures are no longer asked for once half of the store's seconds are gone. At most
        `limits.collections`; a database that refuses to list is left out.
        """
        limits = connection.limits
        found: list[Collection] = []
        databases = [d for d in await _databases(connection) if d not in _SYSTEM_DATABASES]
        for database in databases[: limits.collections]:
            try:
                names = await _collection_names(connection, database)
            except ServerRefused:
                continue
            for name, stored in names:
                if len(found) >= limits.collections:
                    return found
                if name.startswith("system."):
                    continue
                records = size = None
                if stored and connection.seconds_left > limits.seconds / 2:
                    records, size = await _figures(connection, database, name)
                handle = Handle(
                    database, name, stored, size / records if size and records else None
                )
                found.append(Collection(f"{database}.{name}", records, size, handle))
        return found

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Batches by `$sample` where that is gentle or where it is refused by `find`; see `_plan`.

        A cursor is read to its end or given back, so that none is left on the server.
        """
        handle: Handle = collection.handle
        plan = _plan(collection, handle, limits)
        if plan.how == "sample":
            command: dict[str, Any] = {
                "aggregate": handle.name,
                "pipeline": [{"$sample": {"size": plan.rows}}],
                # a sort that does not fit in memory fails rather than write to the server's disk
                "allowDiskUse": False,
                "cursor": {"batchSize": _batch_size(handle.document, plan.rows)},
            }
            try:
                first = await read(connection, handle.database, command)
            except ServerRefused:
                plan = _Plan("find", plan.rows)
        if plan.how == "find":
            first = await read(
                connection,
                handle.database,
                {
                    "find": handle.name,
                    "limit": plan.rows,
                    "batchSize": _batch_size(handle.document, plan.rows),
                },
            )
        async for batch in _batches(connection, handle, first, plan.rows, limits.bytes):
            yield batch

    async def known(
        self, connection: Connection, collection: Collection, paths: Sequence[str]
    ) -> Mapping[str, Known]:
        """Which paths are unique and which indexed, by the list of indexes."""
        return await _mongodb_known.known(connection, collection.handle, paths)

    async def count_between(
        self, connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
    ) -> int | None:
        """The keys of an index in a range, counted."""
        return await _mongodb_known.count_between(connection, collection.handle, path, begin, end)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """The server's own counters. After a crash, and on shards that are being balanced, that of
        records may be wrong for a while; it moves with every insertion all the same."""
        return await _mongodb_known.marks(connection, collections)

    async def since(self, connection: Connection) -> Since | None:
        """When the process was started, where `serverStatus` tells."""
        return await _mongodb_known.since(connection)

    def stream(
        self,
        connection: Connection,
        collection: Collection,
        paths: Sequence[str],
        limits: StoreLimits,
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """One `find` with a projection of the paths."""
        return _mongodb_stream.stream(connection, collection.handle, paths, limits)


ENGINE = MongoDB()


async def _hello(connection: Connection) -> bool:
    """Whether the server says that it is read-only. Raises NotThisProtocol if it is no MongoDB."""
    who = {"name": "leftopen", "version": "unstated"}
    asked = {
        "hello": 1,
        "client": {"application": {"name": "leftopen"}, "driver": who, "os": {"type": "unstated"}},
    }
    try:
        reply = await ask(connection, "admin", asked)
    except ServerRefused as refused:
        if refused.code != _COMMAND_NOT_FOUND:
            raise
        reply = await ask(connection, "admin", {"isMaster": 1})  # hello's name before 4.4
    if not isinstance(reply.get("maxWireVersion"), int):
        raise NotThisProtocol("the reply to hello is not MongoDB's")
    return reply.get("readOnly") is True


async def _version(connection: Connection) -> str | None:
    try:
        return clean_version((await ask(connection, "admin", {"buildInfo": 1})).get("version"))
    except ServerRefused:
        return None


async def _databases(connection: Connection) -> list[str]:
    asked = {"listDatabases": 1, "nameOnly": True, "authorizedDatabases": False}
    reply = await read(connection, "admin", asked)
    return [name for name, _ in _named(reply.get("databases"))]


async def _collection_names(connection: Connection, database: str) -> list[tuple[str, bool]]:
    """Name of each collection, and whether it is a stored one: views and time series (a view over
    buckets) are not."""
    asked = {
        "listCollections": 1,
        "nameOnly": True,
        "authorizedCollections": False,
        "cursor": {"batchSize": _NAMES_AT_ONCE},
    }
    _, entries = batch_of(await read(connection, database, asked), "firstBatch")
    return [(name, kind in (None, "collection")) for name, kind in _named(entries)]


async def _readable(connection: Connection, database: str, codes: list[str]) -> bool:
    """Whether a `find` works in the database; the codes of refusals are added to `codes`."""
    names = await _collection_names(connection, database)
    names = [entry for entry in names if entry[0] != "system.users"]  # its passwords are not ours
    # stored ones first, for a view runs its pipeline; what MongoDB itself made last
    names.sort(key=lambda entry: (not entry[1], entry[0].startswith("system.")))
    for name, _ in names[:_PROBED_COLLECTIONS]:
        asked = {"find": name, "projection": {"_id": 1}, "limit": 1, "singleBatch": True}
        try:
            batch_of(await read(connection, database, asked), "firstBatch")
        except ServerRefused as refused:
            codes.append(refused.code)
        else:
            return True
    return False


async def _figures(
    connection: Connection, database: str, name: str
) -> tuple[int | None, int | None]:
    """Records and bytes; None for what the server does not tell."""
    try:
        reply = await read(connection, database, {"collStats": name})
    except ServerRefused:
        try:
            return figure((await read(connection, database, {"count": name})).get("n")), None
        except ServerRefused:
            return None, None
    return figure(reply.get("count")), figure(reply.get("size"))


def _plan(collection: Collection, handle: Handle, limits: StoreLimits) -> _Plan:
    """The gentlest way to a sample.

    The server draws `$sample` by a random cursor only for less than 5 % of a stored collection of
    more than 100 documents; otherwise it reads and sorts the whole. So: everything, if that is few
    enough; `$sample` in full below 5 % or where the whole is small; a smaller `$sample` of just
    under 5 %, if that is still 100 documents; else, and for views, the first documents.
    Source: the manual's page on `$sample`, "Behavior".
    """
    rows, records = limits.rows, collection.records
    if handle.document:
        rows = max(1, min(rows, int(limits.bytes / handle.document)))
    if not handle.stored or records is None or records <= rows:
        return _Plan("find", rows)
    under = (records - 1) // 20
    if rows <= under or (collection.bytes is not None and collection.bytes <= _SMALL):
        return _Plan("sample", rows)
    return _Plan("sample", under) if under >= 100 else _Plan("find", rows)


def _batch_size(document: float | None, rows: int) -> int:
    """How many documents the next reply should hold. One more than are wanted where all fit: the
    server then meets the end itself and keeps no cursor."""
    fit = _FIRST_BATCH if not document else int(_BATCH_BYTES / document)
    return max(1, min(fit, _MOST_AT_ONCE, rows + 1))


async def _batches(
    connection: Connection,
    handle: Handle,
    reply: Mapping[str, Any],
    rows: int,
    most_bytes: int,
) -> AsyncIterator[pa.RecordBatch]:
    """The batches of a cursor whose first reply is `reply`; ends at `rows` or `most_bytes`."""
    cursor, docs = batch_of(reply, "firstBatch")
    read, seen, document = 0, 0, handle.document
    while True:
        if docs and read < rows:
            yield sampling.documents([plain_document(doc) for doc in docs[: rows - read]])
        read += len(docs)
        if cursor == 0:
            return
        if read > rows or seen > most_bytes or (seen and not docs):
            await _mongodb_stream.end(connection, handle, cursor)
            return
        before = connection.bytes_read
        asked = {
            "getMore": bson.Int64(cursor),
            "collection": handle.name,
            "batchSize": _batch_size(document, rows - read),
        }
        cursor, docs = batch_of(await ask(connection, handle.database, asked), "nextBatch")
        got = connection.bytes_read - before
        seen += got
        document = got / len(docs) if docs else document


def _refusal(command: str, code: str) -> Proof:
    if code in _UNAUTHORIZED:
        return Proof(Verdict.AUTH_REQUIRED, f"{command} was refused with code {code}")
    return Proof(Verdict.UNDETERMINED, f"{command} failed with code {code}")


def _named(entries: object) -> list[tuple[str, object]]:
    """Name and type of each entry of a list of databases or collections; raises NotThisProtocol.

    Names that no server allows (empty, overlong) are left out: they cannot be read.
    """
    if not isinstance(entries, list):
        raise NotThisProtocol("the reply lists nothing")
    found: dict[str, object] = {}
    for entry in entries:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise NotThisProtocol("the reply lists something without a name")
        if 0 < len(name) <= _MAX_NAME:
            found[name] = entry.get("type")
    return list(found.items())
