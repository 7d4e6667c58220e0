"""How many different values there are, from a sample or from what a server knows of them.

A sample says what it can: however the repeats are spread, its interval holds the truth. How many
values were seen once and twice bounds from below what was not seen (Chao, "Nonparametric
Estimation of the Number of Classes in a Population", Scand. J. Statist. 11, 1984; without
replacement: Chao and Lin, Biometrics 68, 2012). The part of the records whose values were not seen,
which Good and Turing estimate, bounds it from above (McAllester and Schapire, COLT 2000; its
variance: Esty, Ann. Statist. 11, 1983). Between the two no estimator can choose without knowing the
spread: Charikar, Chaudhuri, Motwani, Narasayya, PODS 2000, whose GEE is the geometric mean of such
bounds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from leftopen.knowledge import Known
from leftopen.measure.interval import Interval, between

RECORDS_OFF = 0.02  # relative: counts of records are estimates in some servers
_Z = 1.96
_NONE_SEEN = 3.69  # expected of what is not seen at all, with a probability of 97.5 %
_NEAR = 10  # rows within which repeats are those of one visit, where repeats cluster
_THINNED = 20.0  # records of a page for one that was given of it
_ROUGH = 2.0  # factor that an estimate of unknown making may be off


@dataclass(frozen=True, slots=True)
class Repeats:
    """How many values were seen how often: `times` maps a number of times to how many.

    What counts as seeing is one of `least` to `most` parts of the records there are, as far as that
    can be told: 1 and 1 where records were drawn one by one.
    """

    times: Mapping[int, int]
    least: float = 1.0
    most: float = 1.0


def repeats(seen: Sequence[Hashable]) -> Repeats:
    """How often values were seen, `seen` in the order in which a server gave them.

    Pages of a table hold records that were written together. Where the repeats stand together so,
    each visit counts once, because pages were drawn by chance and the records of a page were not.
    There are then as many visits as records, less the records of a visit; of those up to one in
    `_THINNED` was given.
    """
    often = Counter(seen)
    pairs = sum(times * (times - 1) / 2 for times in often.values())
    last: dict[Hashable, int] = {}
    visits: list[Hashable] = []
    near = 0
    for place, value in enumerate(seen):
        before = last.get(value)
        if before is not None and place - before <= _NEAR:
            near += 1
        else:
            visits.append(value)
        last[value] = place
    # of pairs in any order so many stand so near
    by_chance = pairs * min(1.0, 2 * _NEAR / max(1, len(seen)))
    if near > by_chance + 3 * math.sqrt(by_chance) + 3:
        part = len(visits) / len(seen)
        return Repeats(Counter(Counter(visits).values()), part / _THINNED, part)
    return Repeats(Counter(often.values()))


def of_sample(
    sample: Repeats, population: float, *, off: float = 0.0, alike: bool = False
) -> Interval:
    """The different values among a population, of which a sample was drawn without replacement.

    The population is known within the relative error `off`. `alike`: it is thought to be a
    register, in which a value stands once, unless the sample shows otherwise.
    """
    times = sample.times
    drawn = sum(often * values for often, values in times.items())
    seen = sum(times.values())
    if not drawn:
        return Interval(0, 0, 0)
    if drawn >= population and not off:
        return Interval(seen, seen, seen)
    most = max(drawn, population * sample.most * (1 + off))
    least = max(drawn, population * sample.least * (1 - off))
    population = max(drawn, population * math.sqrt(sample.least * sample.most))
    once, twice = times.get(1, 0), times.get(2, 0)
    unseen = once + _Z * math.sqrt(max(0.0, once * (1 - once / drawn)) + 2 * twice) + _NONE_SEEN
    high = seen + (most - drawn) * min(1.0, unseen / drawn)
    surely = max(0.0, once - math.sqrt(once))
    low = math.floor(min(least, chao(seen, drawn, surely, _upper(twice), least)))
    middle = math.sqrt(max(low, 1) * high)
    if once == drawn:
        return between(low, population if alike else middle, high)
    likely = min(population, chao(seen, drawn, once, max(twice, 0.5), population))
    skew = _skew(times, drawn, likely)
    return between(low, likely ** (1 - skew) * middle**skew, high)


def _skew(times: Mapping[int, int], drawn: int, values: float) -> float:
    """How unevenly the values are spread: 0 alike, 1 as unevenly as need be told. It is the square
    of their coefficient of variation (Chao and Lee, JASA 87, 1992)."""
    pairs = sum(often * (often - 1) * values_ for often, values_ in times.items())
    return min(1.0, max(0.0, values * pairs / (drawn * max(1, drawn - 1)) - 1))


def chao(seen: float, drawn: float, once: float, twice: float, population: float) -> float:
    """Values at the least, seen and unseen, after Chao and Lin 2012."""
    part = min(1.0, drawn / population)
    if part >= 1 or not once:
        return seen
    by_pairs = 2 * twice * (drawn / (drawn - 1) if drawn > 1 else 1.0)
    return seen + once**2 / (by_pairs + once * part / (1 - part))


def of_known(known: Known, records: float, filled: float) -> Interval | None:
    """The different values of a field by what its server knows; None where it knows nothing.

    `records` are all of the collection, `filled` is the part that has the field, where the server
    itself does not tell it.
    """
    told = filled if known.filled is None else known.filled
    holders = records * (min(1.0, max(0.0, told)) if math.isfinite(told) else 1.0)
    if known.unique:
        low, high = holders * (1 - RECORDS_OFF), holders * (1 + RECORDS_OFF)
        return Interval(holders, low, high, "a unique index")
    if known.distinct is None or known.distinct < 0:
        return None
    found = float(min(known.distinct, math.ceil(holders * (1 + RECORDS_OFF))))
    if known.error is not None and 0 <= known.error < math.inf:
        off = _Z * known.error
        how = "the server's own count" if not known.error else "the server's own sketch"
        return between(found * (1 - off), found, found * (1 + off), how)
    if known.drawn is None or known.drawn < 1:
        return between(found / _ROUGH, found, found * _ROUGH, "the server's own estimate")
    return _of_duj1(found, min(float(known.drawn), holders), holders)


def _of_duj1(found: float, drawn: float, population: float) -> Interval:
    """Bounds behind an estimate of PostgreSQL's, which is that of Haas and Stokes, "Estimating the
    Number of Classes in a Finite Population", JASA 93, 1998: D = n d / (n - f1 + f1 n / N).

    How many values it saw in all (d) and how many of them once (f1) it does not tell. As d >= f1,
    f1 <= D / (1 + D (1 - n / N) / n), and the values not seen are at most as many as the records
    that Good and Turing give them. From below, all repeats may be of values seen twice.
    """
    how = "the server's own estimate from a sample"
    if drawn >= population or drawn < 1:
        return between(found * (1 - RECORDS_OFF), found, found * (1 + RECORDS_OFF), how)
    found = min(max(found, 1.0), population)
    left = 1 - drawn / population
    once = min(drawn, found / (1 + found * left / drawn))
    unseen = min(drawn, once + _Z * math.sqrt(once) + _NONE_SEEN)
    rest = population * (1 + RECORDS_OFF) - found
    high = found + unseen * left / drawn * max(0.0, rest)
    pairs = drawn * found * (1 + left) / (drawn + 2 * found * left)  # values, if all repeats are
    twice = max(0.0, drawn - pairs)
    low = once
    if 2 * twice < drawn:
        low = max(low, chao(pairs, drawn, drawn - 2 * twice, _upper(twice), population))
    return between(min(low, found) * (1 - RECORDS_OFF), found, high, how)


def _upper(count: float) -> float:
    """What a Poisson count is expected to be at the most, with a probability of 97.5 %.

    Wilson and Hilferty's approximation of the exact bound (Garwood 1936), within 0.5 %.
    """
    more = count + 1
    return float(more * (1 - 1 / (9 * more) + _Z / (3 * math.sqrt(more))) ** 3)
