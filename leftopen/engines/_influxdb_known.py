"""What InfluxDB knows for nothing: its start, what was written, tags' values, ranges of time.

Sources: docs.influxdata.com (InfluxDB 1.8: SHOW DIAGNOSTICS, SHOW STATS, SHOW CARDINALITY).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from leftopen.engine import Collection
from leftopen.engines import _influxdb_query as ql
from leftopen.engines._handles import handle_of
from leftopen.engines._http import count_of
from leftopen.engines._since import since as plausible
from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession

LONGEST = 3_600 * 10**9  # nanoseconds of a range of time whose blocks the server is made to read
_ERROR = 0.02  # of the sketch in which a time series index of files counts
_MOST_PATHS = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def since(connection: Connection) -> Since | None:
    """What it says of its own start."""
    told = ql.read(await ql.ask(HttpSession(connection), ql.STARTED))
    return plausible(_cell(told, "started"))


async def marks(connection: Connection, collections: Sequence[Collection]) -> dict[str, Mark]:
    """`changes`: points that were written over HTTP since the start, wherever to."""
    told = ql.read(await ql.ask(HttpSession(connection), ql.WRITTEN))
    changes = count_of(_cell(told, "pointsWrittenOK"))
    return {collection.name: Mark(changes=changes) for collection in collections}


async def known(
    connection: Connection, collection: Collection, paths: Sequence[str]
) -> dict[str, Known]:
    """Different values of the paths that are tags, in the default retention policy."""
    where, session = handle_of(collection, ql.Where), HttpSession(connection)
    made = {}
    for path in [path for path in paths if ql.sayable(path) and path != "time"][:_MOST_PATHS]:
        text = ql.made(ql.VALUES, where.measurement, path)
        try:
            count = count_of(_cell(ql.read(await ql.ask(session, text, where.database)), "count"))
        except ServerRefused:  # the question is younger than 1.4, and 3.x does not know it
            break
        if count:
            made[path] = Known(distinct=count, error=_ERROR)
    if "time" in paths:
        made["time"] = Known(filled=1.0, indexed=True)
    return made


async def count_between(
    connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
) -> int | None:
    """Points by the field that most of them have; None for other paths than `time` and for ranges
    longer than LONGEST."""
    start, stop = _nanoseconds(begin), _nanoseconds(end)
    if path != "time" or start is None or stop is None or not 0 < stop - start <= LONGEST:
        return None
    where, session = handle_of(collection, ql.Where), HttpSession(connection)
    text = ql.made(ql.BETWEEN, where.measurement, ns=(start, stop))
    count = 0
    for policy in (None, *where.policies):
        for columns, values in ql.read(await ql.ask(session, text, where.database, policy)):
            fields = [n for n, name in enumerate(columns) if name != "time"]
            counts = [count_of(row[n]) for row in values[:1] for n in fields]
            if not all(one is not None for one in counts):
                raise NotThisProtocol("a count that is none")
            count += max((one for one in counts if one is not None), default=0)
    return count


def _nanoseconds(moment: Moment) -> int | None:
    """Nanoseconds since 1970 of a moment as a datetime (UTC) or in the server's own form."""
    try:
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment[:40])
        if not isinstance(moment, datetime):
            return None
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        found = (zoned - _EPOCH) // timedelta(microseconds=1) * 1_000
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found < 2**63 else None


def _cell(series: Sequence[ql.Series], column: str) -> Any:
    """The one cell of this column; None where there is none."""
    for columns, values in series[:1]:
        if column in columns and values:
            return values[0][columns.index(column)]
    return None
