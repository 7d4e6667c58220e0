"""What columns of numbers, times, bytes and number lists hold, as counts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier.text import readable

OLDEST = 1905  # nobody alive was born before
# Widths of the vectors that face, voice and other recognition models give.
WIDTHS = (64, 96, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024, 1280, 1536, 2048, 4096)
_UNIT = 0.02  # how far from one a unit vector's length may be


def count_numbers(values: NDArray[np.float64], hits: Counter[str]) -> None:
    """Counts over numbers; not-a-number and infinities are left out."""
    values = values[np.isfinite(values)]
    if not values.size:
        return
    size = np.abs(values)
    fraction = values != np.trunc(values)
    hits["amount"] += int(values.size)
    hits["whole"] += int(values.size - np.count_nonzero(fraction))
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
    """Counts over dates and timestamps."""
    years = pc.year(values).to_numpy(zero_copy_only=False)
    count_years(years.astype(np.int32), hits)


def count_lists(rows: pa.Array, hits: Counter[str]) -> int:
    """Counts over lists of numbers, a list at a time; the return is how many lists hold any."""
    lengths = pc.fill_null(pc.list_value_length(rows), 0).to_numpy(zero_copy_only=False)
    filled = lengths > 0
    if not filled.any():
        return 0
    kept = rows.filter(pa.array(filled))
    lengths = lengths[filled].astype(np.int64)
    flat = pc.fill_null(pc.list_flatten(kept).cast(pa.float64()), 0.0)
    numbers = np.nan_to_num(flat.to_numpy(zero_copy_only=False), posinf=0.0, neginf=0.0)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    common = np.isin(lengths, WIDTHS)
    with np.errstate(over="ignore"):
        norms = np.sqrt(np.add.reduceat(numbers * numbers, starts))
    hits["vector.common"] += int(np.count_nonzero(common))
    hits["vector.unit"] += int(np.count_nonzero(common & (np.abs(norms - 1) < _UNIT)))
    hits["sound"] += int(np.count_nonzero(common))
    _count_points(numbers, starts[(lengths == 2) | (lengths == 3)], hits)
    return len(lengths)


def _count_points(
    numbers: NDArray[np.float64], starts: NDArray[np.int64], hits: Counter[str]
) -> None:
    """Lists of two or three numbers that can be a position, in either order of the two."""
    if not starts.size:
        return
    one, two = numbers[starts], numbers[starts + 1]
    inside = (
        (np.abs(one) <= 180) & (np.abs(two) <= 180) & (np.minimum(np.abs(one), np.abs(two)) <= 90)
    )
    broken = (one != np.trunc(one)) | (two != np.trunc(two))
    hits["point"] += int(np.count_nonzero(inside & broken))


def count_bytes(values: pa.Array, hits: Counter[str]) -> pa.Array:
    """Counts over binary values by their first bytes; gives back those that are text."""
    values = values.cast(pa.large_binary())
    lengths = pc.binary_length(values)
    images = pc.starts_with(values, b"\xff\xd8\xff")
    for head in (b"\x89PNG\r\n\x1a\n", b"GIF8", b"\x00\x00\x00\x0cjP  ", b"FAC\x00"):
        images = pc.or_(images, pc.starts_with(values, head))
    riff = pc.starts_with(values, b"RIFF")
    form = pc.binary_slice(values, 8, 12)
    images = pc.or_(images, pc.and_(riff, pc.equal(form, b"WEBP")))
    sounds = pc.and_(riff, pc.equal(form, b"WAVE"))
    for head in (b"OggS", b"ID3", b"fLaC", b"#!AMR"):
        sounds = pc.or_(sounds, pc.starts_with(values, head))
    finger = pc.or_(pc.starts_with(values, b"FMR\x00"), pc.starts_with(values, b"FIR\x00"))
    for name, found in (
        ("image", images),
        ("sound", sounds),
        ("template.finger", finger),
        ("template.iris", pc.starts_with(values, b"IIR\x00")),
        ("template", pc.greater_equal(lengths, 32)),
    ):
        hits[name] += int(pc.sum(found).as_py() or 0)
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
