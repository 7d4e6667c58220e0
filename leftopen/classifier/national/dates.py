"""Whether days that stand inside numbers exist, over whole columns."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from leftopen.classifier.digits import Bools, Small, booleans

OLDEST = 1840  # registers keep the dead for a while
THIS_YEAR = datetime.now(UTC).year

# a month times 100 plus a day: 0 does not exist, 1 does, 2 only in leap years
_DAYS = np.zeros(10_000, dtype=np.uint8)
for _month, _last in enumerate((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 1):
    _DAYS[_month * 100 + 1 : _month * 100 + _last + 1] = 1
_DAYS[229] = 2
_LEAP = np.array([year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) for year in range(10_000)])
_LEAP[0] = True  # of two digits 00 may be the year 2000


def day_of(year: Small, month: Small, day: Small) -> Bools:
    """Whether the day exists; of a year of two digits every fourth is a leap year."""
    state = _DAYS.take(month * np.int16(100) + day, mode="clip")
    return booleans((state == 1) | ((state == 2) & _LEAP.take(year, mode="clip")))


def birth(year: Small, month: Small, day: Small) -> Bools:
    """Whether somebody who lives can be born on that day; the year has four digits."""
    return booleans(day_of(year, month, day) & (year >= OLDEST) & (year <= THIS_YEAR))
