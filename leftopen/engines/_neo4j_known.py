"""What Neo4j knows for nothing: constraints, indexes and their sizes, counts, and single
properties of everything.

Sources: the Cypher manual (Constraints, Indexes, SHOW DATABASES; Count store) and the operations
manual (Procedures: db.stats.retrieve) at https://neo4j.com/docs/.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

import pyarrow as pa

from leftopen import sample
from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines import _neo4j_session as texts
from leftopen.engines._handles import handle_of
from leftopen.engines._neo4j_session import LINKS, Note, Session, asked, count_of, is_name, quoted
from leftopen.engines._since import since as plausible
from leftopen.engines._streams import has_room, names_in, only
from leftopen.errors import BudgetSpent, NotThisProtocol, PeerClosed, ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.net.connection import Connection

SECONDS = 2.0  # that the server may take for one of these questions
_PAGE = 2_000  # rows of a stream that are asked for at a time
_FRESH = 20  # an estimate counts while less than one part in so many has changed since
_ORDERED = ("RANGE", "BTREE")


async def since(connection: Connection) -> Since | None:
    """The earliest start of a database; `collections` finds a fresh connection afterwards."""
    session = Session(connection)
    try:
        await session.begin()
        rows = await session.run(texts.STARTED, "system", seconds=SECONDS)
    finally:
        await connection.reopen()
    told = [found for row in rows if len(row) == 1 and (found := plausible(row[0]))]
    return min(told, key=lambda one: one.moment, default=None)


async def known(
    connection: Connection, collection: Collection, paths: Sequence[str]
) -> dict[str, Known]:
    """By the constraints, the indexes, and the figures that the server keeps of its indexes."""
    note = handle_of(collection, Note)
    unique = {
        properties[0]
        for type_, properties in _of(await _asked(connection, note, texts.UNIQUE), note)
        if len(properties) == 1 and _is_unique(type_)
    }
    indexed = await _indexed(connection, note)
    try:
        sizes = dict(_sizes(await _asked(connection, note, texts.ESTIMATES), note))
    except ServerRefused:  # it is for administrators, and for versions from 3.5 on
        sizes = {}
    made = {}
    for path in paths:
        distinct, drawn = sizes.get(path, (None, None))
        if path in unique or path in indexed:
            made[path] = Known(
                distinct=distinct, drawn=drawn, unique=path in unique, indexed=path in indexed
            )
    return made


async def count_between(
    connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
) -> int | None:
    """Counts where a range index is on the property; else None."""
    note = handle_of(collection, Note)
    if not is_name(path) or type(begin) is not type(end):
        return None
    if path not in await _indexed(connection, note):
        return None
    if isinstance(begin, datetime) and isinstance(end, datetime):
        # without a zone it is UTC by the server's default, as moments with a zone are compared
        values = {"begin": begin.isoformat(), "end": end.isoformat()}
        text = note.text(texts.BETWEEN_MOMENTS, property=path)
        rows = await asked(connection, note, text, SECONDS, **values)
        if len(rows) != 2:
            raise NotThisProtocol("a count that is none")
        return sum(count_of([row]) for row in rows)
    text = note.text(texts.BETWEEN, property=path)
    return count_of(await asked(connection, note, text, SECONDS, begin=begin, end=end))


async def marks(connection: Connection, collections: Sequence[Collection]) -> dict[str, Mark]:
    """`records` is the server's count store's. It tells nobody of a change that adds nothing."""
    made = {}
    for collection in collections:
        note = handle_of(collection, Note)
        rows = await asked(connection, note, note.text(texts.COUNT), SECONDS)
        made[collection.name] = Mark(records=count_of(rows))
    return made


async def stream(
    connection: Connection, collection: Collection, paths: Sequence[str], limits: StoreLimits
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Pages of the properties that these paths lie in; the server holds none before it is asked."""
    note = handle_of(collection, Note)
    names = [name for name in names_in(paths) if is_name(name)]
    if note.version < (4, 0) or not names:
        return
    until, ended = connection.bytes_read + limits.bytes, False
    listed = "{" + ", ".join(f".{quoted(name)}" for name in names) + "}"
    head, _, tail = texts.FIELDS.partition("{{properties}}")
    text = note.text(head) + listed + tail
    try:
        async with aclosing(_rows(connection, note, text)) as pages:
            async for page in pages:
                held = [row[0] for row in page if len(row) == 1 and isinstance(row[0], dict)]
                if held:
                    yield only(sample.documents(held), paths)
                if not has_room(connection, until):
                    break
            else:
                ended = True
    except BudgetSpent:
        return  # its end in good order
    finally:
        if not ended:
            await connection.close()  # the rest of the answer is still to be asked for


async def _rows(
    connection: Connection, note: Note, text: str
) -> AsyncGenerator[list[list[Any]], None]:
    """Pages of the answer, after beginning anew where the connection had ended before the first."""
    session, begun = Session(connection, note.version), False
    for attempt in range(2):
        try:
            left = connection.seconds_left
            async with aclosing(session.pages(text, note.database, _PAGE, left)) as pages:
                async for page in pages:
                    begun = True
                    yield page
            return
        except PeerClosed:
            if begun or attempt:
                raise
            await connection.reopen()
            await session.begin()


async def _asked(connection: Connection, note: Note, text: str) -> list[list[Any]]:
    return await asked(connection, note, text, SECONDS)


async def _indexed(connection: Connection, note: Note) -> set[str]:
    """Properties that an ordered index is on: alone, for one on several serves only all of them."""
    rows = await _asked(connection, note, texts.INDEXES)
    ready = [row[:4] for row in rows if row[4:] == ["ONLINE"]]
    found = [properties for type_, properties in _of(ready, note) if type_ in _ORDERED]
    return {properties[0] for properties in found if len(properties) == 1}


def _of(rows: Sequence[Sequence[Any]], note: Note) -> Iterator[tuple[str, list[str]]]:
    """Type and properties of each row that is of the note's label or type alone."""
    entity = "RELATIONSHIP" if note.these == LINKS else "NODE"
    for row in rows:
        ours = len(row) == 4 and row[1:3] == [entity, [note.name]] and isinstance(row[0], str)
        if ours and (properties := _names(row[3])):
            yield row[0], properties


def _is_unique(type_: str) -> bool:
    """UNIQUENESS, NODE_KEY, RELATIONSHIP_UNIQUENESS, NODE_PROPERTY_UNIQUENESS, …"""
    return type_.endswith(("UNIQUENESS", "_KEY"))


def _names(value: object) -> list[str]:
    """Names of properties; none where these are no names."""
    named = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return value if named and isinstance(value, list) else []


def _sizes(rows: Sequence[Sequence[Any]], note: Note) -> Iterator[tuple[str, tuple[int, int]]]:
    """Different values in the index of a property, and the entries that were counted: of those that
    are not out of date."""
    data = rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else None
    listed = data.get("indexes") if isinstance(data, Mapping) else None
    key = "relationshipTypes" if note.these == LINKS else "labels"
    for index in listed if isinstance(listed, list) else []:
        if not isinstance(index, Mapping) or index.get(key) != [note.name]:
            continue
        properties = _names(index.get("properties"))
        figures = [
            index.get(name)
            for name in ("estimatedUniqueSize", "totalSize", "updatesSinceEstimation")
        ]
        if len(properties) != 1:
            continue
        distinct, total, updates = (
            figure if type(figure) is int and 0 <= figure < 2**63 else -1 for figure in figures
        )
        if 0 < distinct <= total and 0 <= updates * _FRESH <= total:
            yield properties[0], (distinct, total)
