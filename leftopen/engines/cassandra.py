"""Apache Cassandra, and ScyllaDB that speaks as it does: CQL's binary protocol on port 9042.

The exchange: OPTIONS (anybody is answered, so it proves nothing; it tells ScyllaDB apart), STARTUP,
then SELECTs.

* AUTH_REQUIRED: AUTHENTICATE comes in answer to STARTUP. It is never answered.
* OPEN: READY comes; `system.local` is read under a column name that was made up for it and comes
  back; `system_schema` (before Cassandra 3: `system.schema_*`) lists tables, and one row's keys of
  a table of the owner's are read. Each frame carries a random stream number, which must come back.
  Without any table of the owner's, it is OPEN and empty.
* OPEN_PARTIAL: the tables are listed, but reading them is refused (Unauthorized, 0x2100).
* UNDETERMINED: it begins without credentials, but a read ends with another error.
* `can_write`: which authorizer is set, as the server's own settings tell (`system_views.settings`,
  `system.config`); AllowAllAuthorizer asks nobody. Cassandra before 4.0 does not tell.

For measuring, once a store is known to be open: whether the partition key alone is the primary key,
and else the server's estimate of the partitions, scaled up where it tells only the ranges of the
node that was asked; the node's gossip generation, which is the second in which it was started. With
`--deep` single columns of every row come page by page.

Source: `doc/native_protocol_v4.spec` of Apache Cassandra, and the chapters on system tables and
virtual tables of its documentation (cassandra.apache.org/doc).
"""

from __future__ import annotations

import math
import random
import re
import secrets
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Literal

import pyarrow as pa

from leftopen import sample
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _cassandra_known as knowing
from leftopen.engines import _cassandra_wire as wire
from leftopen.engines._cassandra_known import Note
from leftopen.engines._cassandra_session import (
    COLUMNS,
    COLUMNS_2,
    CONFIG,
    LOCAL,
    PAGE,
    SCYLLA,
    SETTINGS,
    SIZES,
    TABLES,
    TABLES_2,
    TEXTS,
    Session,
    begun,
    listed,
    met,
    page_of,
    quoted,
    range_text,
    rows_text,
)
from leftopen.engines._handles import handle_of
from leftopen.engines._proofs import CanWrite, afterwards
from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection

MAX_TABLES = PAGE
COUNTED = 1_000  # rows up to which a table is counted by its keys
RANGES = 8  # of the ring's tokens that a sample is drawn from
LISTED = 100  # tables that a probe has listed: a fresh node has some 50 of its own
TRIED = 3  # tables that a probe tries to read
_PAGE_BYTES = 256 << 10  # what a page of a sample should come to
_TOKENS = 1 << 64  # of the Murmur3 partitioner: -2**63 up to 2**63 - 1
_SYSTEM = re.compile(r"system(_\w+)?|dse_\w+|dse|solr_admin|OpsCenter|system_virtual_schema")


class Cassandra:
    """The engine; it keeps no state."""

    name = "cassandra"
    ports: tuple[int, ...] = (9042, 9142)
    speaks = Speaks.ANSWERS
    verified: Literal["real", "scripted"] = "real"
    reads = "names of keyspaces and tables, and rows of each table from random token ranges"
    requests = frozenset({"OPTIONS", "STARTUP", *TEXTS})

    async def probe(self, connection: Connection) -> Proof:
        """OPEN where a made-up column name comes back and a table of the owner's can be read."""
        try:
            session, options = await met(connection)
        except wire.OlderVersion:
            return Proof(Verdict.UNDETERMINED, "it speaks another version of CQL's protocol only")
        product = "scylladb" if any(o.startswith("SCYLLA_") for o in options) else "cassandra"
        told, answer = await session.ask(wire.STARTUP, wire.startup())
        if told == wire.AUTHENTICATE:
            answer.string()
            return Proof(Verdict.AUTH_REQUIRED, "asks for credentials", product=product)
        if told == wire.ERROR:
            code = wire.refusal(answer).code
            return Proof(Verdict.UNDETERMINED, f"refuses to begin ({code})", product=product)
        if told != wire.READY:
            raise NotThisProtocol("the peer does not speak CQL")
        try:
            version, _ = await _local(session)
            tables = await _tables(session, LISTED)
        except ServerRefused as refused:
            proof = _refused([refused.code], "its tables are not listed")
            return Proof(proof.verdict, proof.reason, product=product)
        proof = await _read(session, tables)
        if product == "scylladb":
            version = await _scylla_version(session)
        is_open = proof.verdict is Verdict.OPEN
        can_write = await afterwards(_can_write(session)) if is_open else "unknown"
        return Proof(proof.verdict, proof.reason, version, product, can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Every table of the owner's as `keyspace.table`, counted up to COUNTED rows."""
        session = await begun(connection)
        _, murmur = await _local(session)
        until = connection.bytes_read + connection.limits.bytes // 8
        made: list[Collection] = []
        for keyspace, name in (await _tables(session, MAX_TABLES))[: connection.limits.collections]:
            try:
                columns, keys, alone = await _columns(session, keyspace, name)
                if not keys:
                    continue
                records = size = None
                if connection.bytes_read < until:
                    records, size = await _records(session, keyspace, name, keys)
            except ServerRefused:
                continue  # this one is closed to us, another may not be
            table = f"{quoted(keyspace)}.{quoted(name)}"
            note = Note(
                (keyspace, name), tuple(columns), tuple(keys), alone, table, murmur, session.version
            )
            made.append(Collection(f"{keyspace}.{name}", records, size, note))
        return made

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Rows from RANGES random stretches of the ring; small tables as a whole."""
        note = handle_of(collection, Note)
        session = Session(connection, note.version)
        async with aclosing(_drawn(session, note, limits.rows)) as drawn:
            async for table in drawn:
                yield sample.rows(table.names, table.rows())

    async def known(
        self, connection: Connection, collection: Collection, paths: Sequence[str]
    ) -> Mapping[str, Known]:
        """Of the partition key, where it is one column."""
        return await knowing.known(connection, handle_of(collection, Note), paths)

    async def since(self, connection: Connection) -> Since | None:
        """On a fresh connection, which it leaves as fresh; so before `collections`."""
        return await knowing.since(connection)

    async def stream(
        self,
        connection: Connection,
        collection: Collection,
        paths: Sequence[str],
        limits: StoreLimits,
    ) -> AsyncIterator[pa.RecordBatch]:
        note = handle_of(collection, Note)
        async with aclosing(knowing.stream(connection, note, paths, limits.bytes)) as batches:
            async for batch in batches:
                yield batch


ENGINE = Cassandra()


# --- the verdict ---------------------------------------------------------------------------------


async def _local(session: Session) -> tuple[str | None, bool]:
    """The server's version, and whether its tokens are those of the Murmur3 partitioner. The name
    that was made up for a column must come back."""
    name = f"leftopen_{secrets.token_hex(8)}"
    told = await session.select(LOCAL.replace("{name}", quoted(name)))
    if told.names != (name, "partitioner") or len(told.cells) != 1:
        raise NotThisProtocol("an answer to something that was not asked")
    release, partitioner = told.rows()[0]
    return clean_version(release), str(partitioner).endswith(".Murmur3Partitioner")


async def _tables(session: Session, most: int) -> list[tuple[str, str]]:
    """Keyspace and name of the owner's among so many tables."""
    text = TABLES_2 if session.old else TABLES
    try:
        told = await session.select(text.replace("{n}", str(most)))
    except ServerRefused as refused:
        if session.old or refused.code != f"{wire.INVALID:04x}":
            raise
        session.old = True
        return await _tables(session, most)
    found = [row for row in told.rows() if len(row) == 2 and all(_nameable(part) for part in row)]
    return [(keyspace, name) for keyspace, name in found if not _SYSTEM.fullmatch(keyspace)]


def _nameable(part: object) -> bool:
    return isinstance(part, str) and 0 < len(part) <= 512 and "\0" not in part


async def _read(session: Session, tables: Sequence[tuple[str, str]]) -> Proof:
    """The verdict of a server that lists these tables: can the keys of a row be read?"""
    if not tables:
        reason = "its schema can be read without credentials; it holds no table"
        return Proof(Verdict.OPEN, reason)
    codes: list[str] = []
    answered = False
    for keyspace, name in random.sample(tables, min(TRIED, len(tables))):
        try:
            _, keys, _ = await _columns(session, keyspace, name)
            if not keys:
                continue
            text = rows_text(quoted(keyspace) + "." + quoted(name), listed(keys), 1)
            told = await session.select(text, page=1)
        except ServerRefused as refused:
            codes.append(refused.code)
            continue
        if told.names != tuple(keys):
            raise NotThisProtocol("an answer to something that was not asked")
        answered = True
        if told.cells:
            return Proof(Verdict.OPEN, "a table's row was read without credentials")
    if answered:
        reason = "tables can be read without credentials; those that were tried are empty"
        return Proof(Verdict.OPEN, reason)
    if not codes:
        return Proof(Verdict.UNDETERMINED, "its tables are listed, but without keys to read")
    return _refused(codes, "its tables are listed, but not read")


def _refused(codes: Sequence[str], what: str) -> Proof:
    if f"{wire.UNAUTHORIZED:04x}" in codes:
        reason = f"begins without credentials; {what} (Unauthorized)"
        return Proof(Verdict.OPEN_PARTIAL, reason)
    return Proof(Verdict.UNDETERMINED, f"begins without credentials; {what} ({codes[0]})")


async def _scylla_version(session: Session) -> str | None:
    """ScyllaDB's own version: in `system.local` it states that of a Cassandra."""
    try:
        told = (await session.select(SCYLLA)).rows()
    except ServerRefused:
        return None
    return clean_version(told[0][0]) if told and told[0] else None


async def _can_write(session: Session) -> CanWrite:
    """Whether the server's settings name the authorizer that allows everything to anyone."""
    for text in (SETTINGS, CONFIG):
        for name in (b"authorizer", b"authorizer.class_name"):
            try:
                told = (await session.select(text, name)).rows()
            except ServerRefused:
                break
            if told and str(told[0][0]).strip('"').rpartition(".")[2] == "AllowAllAuthorizer":
                return "yes"
    return "unknown"


# --- tables --------------------------------------------------------------------------------------


async def _columns(session: Session, keyspace: str, name: str) -> tuple[list[str], list[str], bool]:
    """All columns of a table, in their order those of its partition key, and whether these alone
    are its primary key."""
    text = COLUMNS_2 if session.old else COLUMNS
    told = (await session.select(text, keyspace.encode(), name.encode())).rows()
    found = [row for row in told if len(row) == 3 and _nameable(row[0])][: sample.MAX_COLUMNS]
    keys = [
        (position if isinstance(position, int) else 0, column)
        for column, kind, position in found
        if kind == "partition_key"
    ]
    alone = not any(str(kind).startswith("clustering") for _, kind, _ in found)
    return [column for column, _, _ in found], [column for _, column in sorted(keys)], alone


async def _records(
    session: Session, keyspace: str, name: str, keys: Sequence[str]
) -> tuple[int | None, int | None]:
    """Rows, counted by their keys, and bytes of a table. Beyond COUNTED rows the server's estimate
    of partitions stands for its rows: there are at least as many."""
    table = f"{quoted(keyspace)}.{quoted(name)}"
    text = rows_text(table, listed(keys), COUNTED + 1)
    counted = await session.select(text, page=COUNTED + 1)
    try:
        told = (await session.select(SIZES, keyspace.encode(), name.encode())).rows()
    except ServerRefused:
        told = []
    sizes = [
        row for row in told if len(row) == 2 and all(isinstance(n, int) and n >= 0 for n in row)
    ]
    size = sum(mean * count for mean, count in sizes) or None
    if len(counted.cells) <= COUNTED and counted.paging is None:
        return len(counted.cells), size
    partitions = sum(count for _, count in sizes)
    return (partitions if partitions > COUNTED else None), size


async def _drawn(session: Session, note: Note, want: int) -> AsyncGenerator[wire.Table, None]:
    """Pages of at most `want` rows in all, in turn from each stretch of the ring that has more."""
    stretches: list[tuple[str, tuple[bytes, ...], bytes]]
    stretches = [(rows_text(note.table, listed(note.columns), want), (), b"")]
    if note.murmur:
        text = range_text(note.table, listed(note.columns), listed(note.keys), want)
        stretches = [(text, bounds, b"") for bounds in _ring()]
    fit = 16
    for _ in range(want + RANGES):
        if want <= 0 or not stretches:
            return
        text, bounds, state = stretches.pop(0)
        page = min(fit, math.ceil(want / (len(stretches) + 1)))
        before = session.connection.bytes_read
        told = await page_of(session, text, state, page, bounds)
        rows = len(told.cells[:want])
        if rows:
            want -= rows
            fit = max(1, _PAGE_BYTES * rows // (session.connection.bytes_read - before + 1))
            yield wire.Table(told.names, told.types, told.cells[:rows])
        if told.paging is not None:
            stretches.append((text, bounds, told.paging))


def _ring() -> list[tuple[bytes, ...]]:
    """The ring of tokens cut at random into RANGES stretches, in random order."""
    cuts = sorted(1 + secrets.randbelow(_TOKENS - 1) for _ in range(RANGES - 1))
    ends = [(low, high - 1) for low, high in zip([0, *cuts], [*cuts, _TOKENS], strict=True)]
    random.shuffle(ends)
    return [tuple(struct.pack("!q", end - _TOKENS // 2) for end in pair) for pair in ends]
