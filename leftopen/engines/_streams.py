"""What engines share that stream single fields of all records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from leftopen.net.connection import Connection

STREAM_ROWS = 4_000  # of one batch, about


def has_room(connection: Connection, until: int) -> bool:
    """Whether more may be read: up to `until` bytes of the connection's, and within its limits."""
    left = min(until - connection.bytes_read, connection.bytes_left)
    return left > 0 and connection.seconds_left > 0


def names_in(paths: Iterable[str], most: int = 64) -> list[str]:
    """The names of a record's own fields in which these paths may lie, at most so many.

    `home.city` may be the field `home.city`, or lie in JSON that is the value of `home`.
    """
    names: dict[str, None] = {}
    for path in paths:
        parts = path.split(".")
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[:count]).partition("[]")[0]
            names[name] = None
            if "[]" in parts[count - 1]:
                break
    names.pop("", None)
    return list(names)[:most]


def only(batch: pa.RecordBatch, paths: Sequence[str]) -> pa.RecordBatch:
    """The batch with the columns of these paths that it has; rows without any still count."""
    places = {name: place for place, name in enumerate(batch.schema.names)}
    kept = [path for path in dict.fromkeys(paths) if path in places]
    if not kept:
        return pa.RecordBatch.from_arrays([pa.nulls(batch.num_rows)], names=[""])
    return pa.RecordBatch.from_arrays([batch.column(places[path]) for path in kept], names=kept)
