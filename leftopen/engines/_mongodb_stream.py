"""Single fields of all documents of a MongoDB collection, from one cursor, fast.

A `find` without a filter whose projection names the fields; replies of about a mebibyte. The cursor
is read to its end; where it is left earlier, `killCursors` with its own number frees what the
server holds for it, which would otherwise be there for ten minutes. That changes no data.

Sources: mongodb.com/docs/manual/reference/command (find, getMore, killCursors),
mongodb.com/docs/manual/reference/operator/projection.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Any

import bson
import pyarrow as pa
import pyarrow.compute as pc

from leftopen import sample as sampling
from leftopen.bson_values import plain_document
from leftopen.budget import StoreLimits
from leftopen.engines._columns import only
from leftopen.engines._mongodb_wire import Handle, ask, batch_of, read
from leftopen.errors import BudgetSpent, LeftopenError
from leftopen.net.connection import Connection

_BATCH_BYTES = 1 << 20  # of a reply, about
_FIRST = 1_000  # documents, where nothing is known of what is asked for
_MOST = 50_000
_PART = 8_192  # rows of a batch that is handed on
_SPENT = ("bytes", "seconds")


async def stream(
    connection: Connection, handle: Handle, paths: Sequence[str], limits: StoreLimits
) -> AsyncGenerator[pa.RecordBatch, None]:
    """See `leftopen.knowledge.StreamsFields`. Fields under a key that is data (`*`) are left out,
    and so are those inside JSON texts, for a projection cannot name them."""
    wanted, projection = _projected(paths)
    if not wanted:
        return
    command = {"find": handle.name, "projection": projection, "batchSize": _FIRST}
    start = connection.bytes_read
    cursor, in_order = 0, True
    try:
        batch = "firstBatch"
        while True:
            before, left = connection.bytes_read, connection.seconds_left
            in_order = False
            reply = await (read if batch == "firstBatch" else ask)(
                connection, handle.database, command
            )
            in_order = True
            cursor, docs = batch_of(reply, batch)
            for at in range(0, len(docs), _PART):
                yield _columns(docs[at : at + _PART], wanted)
            got, took = connection.bytes_read - before, left - connection.seconds_left
            room = min(limits.bytes - (connection.bytes_read - start), connection.bytes_left)
            if cursor == 0 or not docs or room < 2 * got or connection.seconds_left < 2 * took:
                return
            batch = "nextBatch"
            size = max(1, min(_MOST, _BATCH_BYTES * len(docs) // got))
            number = bson.Int64(cursor)
            command = {"getMore": number, "collection": handle.name, "batchSize": size}
    except BudgetSpent as spent:
        if spent.code not in _SPENT:
            raise
    finally:
        if cursor and in_order:
            await end(connection, handle, cursor)


async def end(connection: Connection, handle: Handle, cursor: int) -> None:
    """Has the server forget a cursor of this connection that was not read to its end."""
    with contextlib.suppress(LeftopenError):
        command = {"killCursors": handle.name, "cursors": [bson.Int64(cursor)]}
        await ask(connection, handle.database, command)


def _projected(paths: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """The paths that a projection can name, and it; of two of which one holds the other, it names
    the one that does."""
    fields = {path: path.replace("[]", "") for path in paths}
    named = {
        path: field
        for path, field in fields.items()
        if all(part and part != "*" and part[0] != "$" for part in field.split("."))
        and "\0" not in field
    }
    projection = {
        field: 1
        for field in named.values()
        if not any(field.startswith(other + ".") for other in named.values())
    }
    if projection and "_id" not in projection:
        projection["_id"] = 0
    return list(named), projection


def _columns(docs: Sequence[Mapping[str, Any]], paths: Sequence[str]) -> pa.RecordBatch:
    """A batch as `leftopen.sample` makes it, of these paths alone."""
    plain = [_column(docs, path) for path in paths]
    if all(column is not None for column in plain):
        return pa.RecordBatch.from_arrays(plain, names=list(paths))
    made = sampling.documents(plain_document(doc) for doc in docs)
    return only(made, paths)


def _column(docs: Sequence[Mapping[str, Any]], path: str) -> pa.Array | None:
    """The values of a path if they are plain ones of one type, which is most often so; None where
    `leftopen.sample` must have a closer look."""
    if "[]" in path:
        return None
    values: Sequence[Any] = docs
    for part in path.split("."):
        try:
            values = [None if value is None else value.get(part) for value in values]
        except AttributeError:  # not a document here
            return None
    kinds = set(map(type, values)) - {type(None)}
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    if kind is bson.ObjectId:
        return pa.array([value and str(value) for value in values], pa.string())
    if kind is str:
        column = pa.array(values, pa.string())
        longest = pc.max(pc.utf8_length(column)).as_py()
        opened = pc.any(pc.match_substring_regex(column, r"^\s*[\[{]")).as_py()
        return None if opened or longest > sampling.MAX_CELL else column
    if kind in (int, bson.Int64):
        return pa.array(values, pa.int64())
    if kind is datetime:
        return pa.array(values, pa.timestamp("us"))
    return None
