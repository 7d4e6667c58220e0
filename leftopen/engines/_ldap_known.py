"""What a directory knows for nothing: since when it is there, and when it was last changed.

Sources: RFC 4512, 3.4 (createTimestamp); slapd-monitor(5); slapo-syncprov(5) (contextCSN);
[MS-ADTS] 3.1.1.3.2 (highestCommittedUSN).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from leftopen.engines._ldap_wire import Done, Entry, Scope, exchange, fresh, search
from leftopen.engines._since import running, since
from leftopen.knowledge import Since
from leftopen.net.connection import Connection

_UPTIME = "cn=Uptime,cn=Time,cn=Monitor"
_MOMENT = re.compile(r"(\d{14})(?:[.,](\d{1,6})\d*)?Z(?:#[0-9a-fA-F#]{1,40})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def start(connection: Connection, contexts: Sequence[str]) -> Since | None:
    """By the monitor's uptime, where OpenLDAP shows one; else when the oldest of the naming
    contexts was made."""
    for text in await _values(connection, _UPTIME, "monitoredInfo"):
        if found := running(text):
            return found
    made: list[Since] = []
    for context in contexts:
        told = await _values(connection, context, "createTimestamp")
        made += [found for text in told if (found := since(_moment(text), "created"))]
    return min(made, key=lambda one: one.moment, default=None)


async def last_change(connection: Connection, context: str) -> int | None:
    """A number that rises with each change below a naming context: the microseconds since 1970 of
    the last change that came by each of its servers, together; or Active Directory's own count."""
    told = await _values(connection, context, "contextCSN")
    moments = [moment for text in told if (moment := _moment(text))]
    if moments:
        return sum((moment - _EPOCH) // timedelta(microseconds=1) for moment in moments)
    for text in await _values(connection, "", "highestCommittedUSN"):
        if re.fullmatch(r"\d{1,18}", text, re.ASCII):
            return int(text)
    return None


async def _values(connection: Connection, base: str, attribute: str) -> list[str]:
    """The values of one attribute of one entry; none where it may not be read."""
    asked = search(fresh(), base, Scope.BASE, (attribute,), most=1)
    found: list[str] = []
    async for _, told in exchange(connection, asked):
        if isinstance(told, Done):
            continue
        found += _texts(told, attribute)
    return found[:64]


def _texts(entry: Entry, attribute: str) -> list[str]:
    return [
        value.decode("utf-8", "replace")
        for name, values in entry.attributes.items()
        if name.lower() == attribute.lower()
        for value in values
    ]


def _moment(text: str) -> datetime | None:
    """A generalised time, or the one that a change's number (CSN) begins with."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment + timedelta(microseconds=int((found[2] or "0").ljust(6, "0")))
