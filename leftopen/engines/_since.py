"""Since when a server was there, from what it tells; held against what can be true."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Literal

from leftopen.knowledge import Since

_FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # no server runs for longer
_AHEAD = timedelta(days=1)  # that a server's clock may be before ours


def running(told: object, per_second: int = 1) -> Since | None:
    """The start of a process that says for how long it has run; None where it says no such thing.

    `told` may be a number, or the text of one; of seconds, or of so many in a second.
    """
    number = _number(told)
    if number is None or number < 0:
        return None
    try:
        return since(datetime.now(UTC) - timedelta(seconds=number / per_second), "started")
    except OverflowError:
        return None


def at_second(
    seconds: object, how: Literal["started", "log", "created"] = "started"
) -> Since | None:
    """The same for a moment in seconds since 1970."""
    number = _number(seconds)
    try:
        return None if number is None else since(datetime.fromtimestamp(number, UTC), how)
    except (OverflowError, OSError, ValueError):
        return None


def since(moment: object, how: Literal["started", "log", "created"] = "started") -> Since | None:
    """The same for a datetime (without a zone: UTC) or one written as ISO 8601 says."""
    try:
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment[:40])
        if not isinstance(moment, datetime):
            return None
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if not _FIRST <= moment <= datetime.now(UTC) + _AHEAD:
        return None
    return Since(moment.replace(tzinfo=None), how)


def _number(told: object) -> float | None:
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        return None
    if isinstance(told, str) and len(told) > 32:
        return None
    try:
        number = float(told)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
