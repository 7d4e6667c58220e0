"""How sure a count of records is that was taken from a part of them: 95 % intervals.

Sources: E. B. Wilson, "Probable Inference", JASA 22 (1927); D. Byar's approximation of the exact
Poisson limits, in N. E. Breslow, N. E. Day, "Statistical Methods in Cancer Research" II (1987);
successive differences for systematic samples, K. M. Wolter, "Introduction to Variance Estimation"
(2007), chapter 8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leftopen.measure.interval import Interval

_Z = 1.96
_NONE_SEEN = 3.69  # the most events expected where none was seen
_JUMP = 50  # times the gaps around it that a gap must be for records to lie in heaps
_AROUND = 4  # gaps to each side that it is compared with
_HEAP = 4  # records that make a heap
_LEAST = 6  # counts from which it can be seen whether they are even
_UNEVEN = 25.0  # times the variance of an even flow


def proportion(met: int, drawn: int, effective: float) -> tuple[float, float]:
    """Wilson's interval of a share: `met` of `drawn`, which tell as much as `effective` do."""
    share = met / drawn
    n = max(1.0, min(effective, drawn))
    z = _student(max(1.0, n - 1))
    middle = share + z**2 / (2 * n)
    width = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n * n))
    scale = 1 + z**2 / n
    return max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale)


def poisson(met: int) -> tuple[float, float]:
    """Byar's interval of the number of events expected where `met` were seen."""
    if met <= 0:
        return 0.0, _NONE_SEEN
    more = met + 1
    low = met * (1 - 1 / (9 * met) - _Z / (3 * math.sqrt(met))) ** 3
    high = more * (1 - 1 / (9 * more) + _Z / (3 * math.sqrt(more))) ** 3
    return max(0.0, low), high


def independent(times: NDArray[np.int64], step: int) -> float:
    """How many records drawn one by one would tell as much as these, whose `times` (in any order)
    may lie in heaps, as those of one page of a server do. `step` is the least time between two.

    A gap 50 times as wide as those around it ends a heap: by chance alone fewer than one sample of
    200 in a hundred has one. If most of the records lie in heaps, a heap counts once, and less if
    they are unequal.
    """
    gaps = np.diff(np.sort(times))
    if len(gaps) < 2 * _AROUND + 1:
        return float(len(times))
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(gaps, _AROUND, mode="reflect"), 2 * _AROUND + 1
    )
    jumps = np.flatnonzero(gaps > _JUMP * (np.median(around, axis=1) + step))
    sizes = np.diff(np.concatenate([[0], jumps + 1, [len(times)]]))
    heaps = sizes[sizes >= _HEAP]
    if len(heaps) < 2 or heaps.sum() * 5 < len(times) * 4:
        return float(len(times))
    return float(sizes.sum() ** 2 / (sizes**2).sum())  # L. Kish, "Survey Sampling" (1965)


def of_strata(
    counts: Sequence[int], parts: Sequence[float], strata: int
) -> tuple[float, float, float]:
    """The total of `strata` equal stretches of time: estimate, low and high.

    `counts` were counted in a `parts` of some of the stretches, in order of time. Where all were
    looked at, the spread is told by second differences, so that the slow change of a day does not
    count as chance; by the plain variance else. It is never less than that of thinning.
    """
    met, factors = _scaled(counts, parts)
    each, number, seen = met * factors, len(met), float(met.sum())
    if seen == 0:
        return 0.0, 0.0, _NONE_SEEN * float(factors.max()) * strata / number
    total = float(each.mean()) * strata
    if number == strata and number > 2:
        variance = _rough(each)
        freedom = number / 3  # neighbours share their values, and not all hours vary alike
    else:
        variance = float(each.var(ddof=1)) * number if number > 1 else total**2
        variance *= (strata / number) ** 2
        freedom = max(1, number - 1)
    variance = max(variance, _thinned(met, factors) * strata / number)
    # on the scale of ratios: of few hits the truth may be far above, and is never below nothing
    spread = _student(freedom) * math.sqrt(variance) / total
    low, high = total * math.exp(-spread), total * math.exp(min(spread, 50.0))
    return total, min(total, max(low, seen)), high


def even(counts: Sequence[int], parts: Sequence[float]) -> bool:
    """Whether counts, in order of time, vary from one to the next as an even flow's would: by not
    much more than thinning makes them."""
    met, factors = _scaled(counts, parts)
    if len(met) < _LEAST or not met.any():
        return False
    return _rough(met * factors) <= _UNEVEN * _thinned(met, factors)


def _student(freedom: float) -> float:
    """The quantile of Student's distribution that leaves 2.5 % above it, from above."""
    return _Z + 2.4 / freedom + 8.4 / freedom**2


def _scaled(
    counts: Sequence[int], parts: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.asarray(counts, dtype=np.float64), 1.0 / np.asarray(parts, dtype=np.float64)


def _rough(each: NDArray[np.float64]) -> float:
    """The variance of a sum, from second differences of its parts."""
    return float((np.diff(each, 2) ** 2).sum()) / 6 * len(each) / (len(each) - 2)


def _thinned(met: NDArray[np.float64], factors: NDArray[np.float64]) -> float:
    """The variance of a sum of which only one record in a few was looked at."""
    return float((factors * (factors - 1) * met).sum())


def together(parts: Sequence[Interval], method: str) -> Interval:
    """The sum of figures that were got apart from one another."""
    estimate = sum(part.estimate for part in parts)
    low = estimate - math.hypot(*(part.estimate - part.low for part in parts))
    high = estimate + math.hypot(*(part.high - part.estimate for part in parts))
    return Interval(estimate, max(0.0, min(low, estimate)), max(high, estimate), method)
