"""What columns of numbers, times, bytes and number lists hold, as counts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier import media, positions, vectors
from leftopen.classifier.utf8 import readable

OLDEST = 1905  # nobody alive was born before


def count_numbers(values: NDArray[np.float64], hits: Counter[str]) -> None:
    """Counts over numbers; not-a-number and infinities are left out."""
    values = values[np.isfinite(values)]
    if not values.size:
        return
    positions.count_reals(values, hits)
    size = np.abs(values)
    fraction = values != np.trunc(values)
    hits["amount"] += int(values.size)
    hits["lat"] += int(np.count_nonzero((size <= 90) & fraction))
    hits["lon"] += int(np.count_nonzero((size <= 180) & fraction))
    hits["age"] += int(np.count_nonzero((values >= 0) & (values <= 120) & ~fraction))
    hits["cvc"] += int(np.count_nonzero((values >= 0) & (values <= 9999) & ~fraction))
    hits["year.past"] += int(
        np.count_nonzero((values >= OLDEST) & (values <= _this_year()) & ~fraction)
    )
    seconds = np.where(size > 1e11, size / 1000, size)
    hits["epoch"] += int(np.count_nonzero((seconds >= 9e8) & (seconds <= 2.2e9)))


def count_years(years: NDArray[np.int32], hits: Counter[str]) -> None:
    """Counts over the years of dates: all, those in a lifetime, and how many of each decade."""
    hits["date"] += int(years.size)
    past = years[(years >= OLDEST) & (years <= _this_year())]
    hits["date.past"] += int(past.size)
    for number, total in enumerate(np.bincount((past - 1900) // 10).tolist()):
        if total:
            hits[f"decade.{number}"] += total


def count_times(values: pa.Array, hits: Counter[str]) -> None:
    """Counts over dates and timestamps, these in UTC: not every zone's name is known here."""
    kind = values.type
    zoned = pa.types.is_timestamp(kind) and kind.tz
    years = pc.year(values.view(pa.timestamp(kind.unit)) if zoned else values).to_numpy()
    count_years(years.astype(np.int32), hits)


def count_lists(lengths: NDArray[np.int64], values: pa.Array, hits: Counter[str]) -> int:
    """Counts over lists of numbers, a list at a time; the return is how many lists there are.

    `values` are the numbers of all lists end to end, `lengths` how many are each one's; none is
    empty.
    """
    if not lengths.size:
        return 0
    flat = pc.fill_null(values.cast(pa.float64(), safe=False), 0.0)
    numbers = np.nan_to_num(flat.to_numpy(zero_copy_only=False), posinf=0.0, neginf=0.0)
    starts = np.cumsum(lengths) - lengths
    hits["vector.model"] += int(np.count_nonzero(vectors.models(numbers, starts, lengths)))
    positions.count_lists(numbers, starts, lengths, hits)
    return len(lengths)


def count_bytes(values: pa.Array, hits: Counter[str]) -> pa.Array:
    """Counts over binary values by what they hold; gives back those that are text."""
    values = values.cast(pa.large_binary())
    positions.count_bytes(values, hits)
    media.count_bytes(values, hits)
    return readable(values)


def _this_year() -> int:
    return datetime.now(UTC).year


def long_whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The whole numbers of seven and more digits among floating ones, as far as they are exact."""
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        exact = (size >= 1e6) & (size < 2**53) & (values == np.trunc(values))
    whole: NDArray[np.int64] = values[exact].astype(np.int64)
    return whole
