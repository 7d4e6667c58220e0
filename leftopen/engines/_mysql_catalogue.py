"""What information_schema tells of a table, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leftopen.engines import _mysql_sql as sql
from leftopen.engines import _mysql_wire as wire
from leftopen.engines._mysql_session import Session
from leftopen.engines._mysql_sql import Table, TableColumn
from leftopen.errors import NotThisProtocol

MAX_NAME = 255  # characters; the servers' own names have 64 at most


@dataclass(slots=True)
class Handle:
    """How a collection is read: over which session, as whom, and what.

    `ordered` holds the columns with which an index begins, with the type of each and the index;
    None until they are asked for."""

    session: Session
    account: str
    table: Table
    ordered: Mapping[str, tuple[str, str]] | None = None


def number_of(cell: bytes | None) -> int | None:
    if cell is None:
        return None
    if not cell.isdigit() or len(cell) > 20:
        raise NotThisProtocol("not a number")
    return int(cell)


def name_of(cell: bytes | None) -> str:
    text = (cell or b"").decode("utf-8", "replace")
    if not 0 < len(text) <= MAX_NAME or "\0" in text:
        raise NotThisProtocol("not a name")
    return text


async def columns_of(session: Session, table: Table) -> list[TableColumn]:
    """The columns that the account may SELECT, in their order."""
    result = await session.select(sql.columns_of(table), wire.MAX_COLUMNS)
    if result.cut or len(result.columns) != 3:
        raise NotThisProtocol("not a list of columns")
    return [
        TableColumn(name_of(name), name_of(kind).lower())
        for name, kind, rights in result.rows
        if b"select" in (rights or b"").lower()
    ]


def seconds_of(session: Session) -> float:
    """The server is to end a statement before we would take it for silent."""
    return max(0.1, session.connection.limits.silence * 0.8)
