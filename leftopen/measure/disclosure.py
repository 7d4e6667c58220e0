"""What may be shown of counts of people: statistical disclosure control (rules R4 to R7).

A count below the threshold is told as such and no closer; a greater one is rounded, with an
interval that is never narrower than its rounding. Nothing that is shown beside it, or was shown
before it, may be subtracted from it to learn more.

Source: Hundepool et al., "Statistical Disclosure Control", Wiley 2012, chapters 5 and 6 (secondary
suppression, rounding, differencing of tables).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial

from leftopen.classifier import stand_in
from leftopen.measure.people import Together
from leftopen.model import CollectionProfile, Cost, FieldProfile, Mirror, People, Profile, Time

PERSONAL_FROM = 0.5  # confidence from which a field is said to hold personal data
_MOST = 10**15  # people; whoever claims more is not counted further
_FINE = 1_000  # up to here counts are rounded to 5, beyond to three significant digits


def people(together: Together, threshold: int, exposures: Collection[str] = ()) -> People:
    """A count of people as it may be shown: rounded, or fewer than the threshold (R4, R6).

    Where all of the interval lies below the threshold the count is `few`; where only its estimate
    does, the interval is too wide to say so, and the estimate shown is the least that may be. Names
    of collections are generalised; those among `exposures` are ids of stores and stay.
    """
    interval = together.people
    name = partial(_name, exposures=exposures)
    names = tuple(dict.fromkeys(name(each) for each in together.deduplicated_across))
    if interval.high == 0:
        return People(0, 0, 0, _worded(interval.method, threshold), deduplicated_across=names)
    if interval.estimate < threshold and interval.high <= threshold:
        return _few(threshold, names)
    estimate, low, high = (
        min(figure, _MOST) for figure in (interval.estimate, interval.low, interval.high)
    )
    shown = max(_nearest(estimate), _up(threshold))
    lowest = _down(min(low, shown - _step(shown)))
    if lowest < threshold:
        lowest = threshold if low >= threshold else 0
    mirrors = (Mirror(name(m.collection), name(m.of), m.share) for m in together.mirrors)
    return People(
        shown,
        lowest,
        _up(max(high, shown + _step(shown + 1))),
        _worded(interval.method, threshold),
        deduplicated_across=names,
        mirrors=tuple(dict.fromkeys(mirrors)),
        deep=_rough(together.deep),
    )


def beside(
    whole: People, parts: Sequence[People | None], threshold: int
) -> tuple[People, tuple[People | None, ...]]:
    """A total and its parts as they may be shown side by side: no hidden part can be computed (R5).

    The people of a store are the union of those of its collections, so there are at the most as
    many as the parts together, and a part that is few has at least what the others cannot account
    for. Where that is more than one person, one more part is withheld (None), the smallest that is
    shown first, until every part that is few could be anything below the threshold.
    """
    shown = list(parts)
    while _narrowed(whole, shown):
        told = [(each.few, each.estimate, at) for at, each in enumerate(shown) if each is not None]
        shown[min(one for one in told if one[1])[-1]] = None
    return whole, tuple(shown)


def collection(profile: CollectionProfile, threshold: int) -> CollectionProfile:
    """A collection's profile as it may leave the sampling process (R4).

    Records are the server's own figure, not a count of people, and stay; but a collection with
    personal data in fewer records than the threshold is `few`. In every collection with personal
    data, shares that rest on fewer values than the threshold, on either side, are made coarse.
    """
    if not any(_personal(field) for field in profile.fields):
        return profile
    fields = tuple(_coarse(field, threshold) for field in profile.fields)
    if max(profile.records or 0, profile.sampled) >= threshold:
        known = profile.records if (profile.records or 0) >= threshold else None
        return replace(profile, fields=fields, records=known)
    return replace(
        profile,
        fields=fields,
        records=None if profile.records is None else threshold,
        bytes=None,
        sampled=threshold,
        few=True,
    )


def settled(earlier: Profile, now: Profile, threshold: int) -> Profile:
    """The profile to show of a store that was profiled before: the earlier one where the two
    differ by fewer people than the threshold (R7).

    That is so where the same collections hold the same kinds, and neither the people nor the
    records with personal data differ by more than fewer people than the threshold, rounded, could
    have made them; nor do sampled figures, by more than chance. Then all aggregates are the earlier
    ones: places and times as well, since a new last day or a store that comes alive can be a single
    person's record. A store that is fed by many shows it in its records, or in those of a day, and
    then everything is shown anew. A composition released since is added to the earlier aggregates;
    one that was shown before stands, however often it is asked for, so that noise is drawn once.
    """
    if not (earlier.complete and now.complete) or now.broken_off:
        return now
    if not _same_store(earlier, now, threshold):
        return now
    return replace(
        earlier,
        unchanged=True,
        complete=now.complete,
        requests=now.requests,
        bytes_read=now.bytes_read,
        errors=now.errors,
        composition=earlier.composition or now.composition,
    )


def added(parts: Sequence[People], threshold: int) -> People | None:
    """What is known of several stores together whose people can no longer be compared."""
    if len(parts) < 2:
        return parts[0] if parts else None
    estimate, high = (sum(one.estimate for one in parts), sum(one.high for one in parts))
    names = tuple(dict.fromkeys(name for one in parts for name in one.deduplicated_across))
    if 0 < high <= threshold:
        return _few(threshold, names)
    deep = [one.deep for one in parts if one.deep is not None]
    return People(
        _nearest(estimate),
        max(one.low for one in parts),
        _up(high),
        "the sum over stores that were not compared: whoever is in several is counted several times"
        if high
        else "no people in any store",
        deduplicated_across=names,
        mirrors=tuple(dict.fromkeys(mirror for one in parts for mirror in one.mirrors)),
        deep=_rough(Cost(sum(c.bytes for c in deep), sum(c.seconds for c in deep)))
        if deep
        else None,
    )


def _few(threshold: int, names: tuple[str, ...]) -> People:
    said = f"fewer than {threshold}"
    return People(threshold, 0, threshold, said, few=True, deduplicated_across=names)


def _name(name: str, exposures: Collection[str]) -> str:
    return name if name in exposures else stand_in(name)


# ----------------------------------------------------------------------------------------- rounding


def _step(count: float) -> int:
    """How far apart the figures are that may be shown of a count of this size."""
    return 5 if count <= _FINE else int(10 ** (len(str(int(count))) - 3))


def _nearest(count: float) -> int:
    step = _step(count)
    return math.floor(count / step + 0.5) * step


def _down(count: float) -> int:
    step = _step(count)
    return math.floor(max(count, 0) / step) * step


def _up(count: float) -> int:
    step = _step(count)
    return math.ceil(count / step) * step


def _rough(cost: Cost | None) -> Cost | None:
    """Two digits: what a stream of records costs is told by their number."""
    if cost is None:
        return None
    return Cost(int(_two_digits(cost.bytes)), _two_digits(cost.seconds))


def _two_digits(figure: float) -> float:
    return float(f"{figure:.1e}")


_NUMBER = re.compile(r"(?<![\w.,\-])(\d{1,3}(?:,\d{3})+|\d+)(?!\w|[.,\-]\w| ?%)")


def _worded(method: str, threshold: int) -> str:
    """A sentence whose counts are rounded like all others."""

    def rounded(found: re.Match[str]) -> str:
        count = int(found[1].replace(",", ""))
        if 0 < count < threshold:
            return f"fewer than {threshold}"
        return f"{max(_nearest(count), _up(threshold)) if count else 0:,}"

    return _NUMBER.sub(rounded, method)


# ------------------------------------------------------------------------------------ differencing


def _believed(shown: People | None, threshold: int) -> tuple[float, float]:
    """Between which counts whoever knows the rounding must believe the truth to lie."""
    if shown is None:
        return 0, math.inf
    if shown.few:
        return 1, threshold - 1
    if shown.high == 0:
        return 0, 0
    low = math.ceil(shown.estimate - _step(shown.estimate - 1) / 2)
    high = math.ceil(shown.estimate + _step(shown.estimate + 1) / 2) - 1
    if shown.high - shown.low > 3 * _step(shown.high):  # wider than rounding: a sample's
        return min(low, shown.low), max(high, shown.high)
    return low, high


def _narrowed(whole: People, parts: Sequence[People | None]) -> bool:
    """Whether the total and the other parts tell more of a part that is few than that it is."""
    few = [part for part in parts if part is not None and part.few]
    if not few:
        return False
    threshold = few[0].estimate
    least = _believed(whole, threshold)[0]
    most = sum(_believed(part, threshold)[1] for part in parts)
    return least - (most - (threshold - 1)) > 1


def _same_store(earlier: Profile, now: Profile, threshold: int) -> bool:
    if earlier.people is None or now.people is None:
        return False
    if _kinds(earlier) != _kinds(now) or set(earlier.tampering) != set(now.tampering):
        return False
    if not _same_people(earlier.people, now.people, threshold):
        return False
    if not _same_pace(earlier.time, now.time, threshold):
        return False
    before = {one.name: one for one in earlier.collections}
    return all(_same_collection(before[one.name], one, threshold) for one in now.collections)


def _kinds(profile: Profile) -> set[tuple[str, str, str]]:
    """Which collections there are, and which kinds of personal data in which of their fields."""
    found = {(one.name, "", "") for one in profile.collections}
    for one in profile.collections:
        found |= {(one.name, field.path, field.kind) for field in one.fields if _personal(field)}
    return found


def _same_collection(before: CollectionProfile, now: CollectionProfile, threshold: int) -> bool:
    if not any(_personal(field) for field in now.fields):
        return True
    if before.people and now.people and not _same_people(before.people, now.people, threshold):
        return False
    held, holds = (_held(before), _held(now))
    most, least = (max(held, holds), min(held, holds))
    if before.few or now.few:  # between one and the threshold, exclusive
        return most - (threshold - 1) < threshold
    return most - least < threshold


def _held(profile: CollectionProfile) -> int:
    return profile.sampled if profile.records is None else profile.records


def _same_people(before: People, now: People, threshold: int) -> bool:
    """Whether two shown counts may be those of fewer people's difference, or of chance."""
    most, least = (max(before.estimate, now.estimate), min(before.estimate, now.estimate))
    if before.few or now.few:
        least = min(least, threshold - 1) if most > threshold else most
    close = most - least < threshold + _step(most)
    width, new_width = (before.high - before.low, now.high - now.low)
    if not before.few and width > 3 * _step(
        before.high
    ):  # a sample's figure, which a better one replaces
        crossed = now.low <= before.estimate <= now.high and (
            before.low <= now.estimate <= before.high
        )
        return (close or crossed) and 2 * new_width >= width
    return close


def _same_pace(before: Time | None, now: Time | None, threshold: int) -> bool:
    """Whether as many records arrive in a day as did: a store whose records are replaced by newer
    ones is told by nothing else."""
    old, new = ((one.records_per_day or 0.0) if one else 0.0 for one in (before, now))
    if abs(old - new) < threshold + _step(max(old, new)):
        return True
    if before is None or now is None or None in (before.low, before.high, now.low, now.high):
        return False
    return _within(old, now) and _within(new, before)


def _within(figure: float, time: Time) -> bool:
    assert time.low is not None
    assert time.high is not None
    return time.low <= figure <= time.high


# ------------------------------------------------------------------------------------- collections


def _personal(field: FieldProfile) -> bool:
    return field.family != "none" and field.confidence >= PERSONAL_FROM


def _coarse(field: FieldProfile, threshold: int) -> FieldProfile:
    """The field without any figure that rests on 1 to threshold - 1 values: so few that carry the
    kind, or that do not, are told as if they were as many as the threshold."""
    values, carriers = field.values, round(field.share * field.values)
    few, few_without = (0 < side < threshold for side in (carriers, values - carriers))
    if not (few or few_without):
        return field
    if values < 2 * threshold:
        share = {0: 0.0, values: 1.0}.get(carriers, 0.5)
    else:
        share = round(threshold / values if few else 1 - threshold / values, 4)
    evidence = tuple(_uncounted(field.evidence))
    return replace(field, share=share, values=max(values, threshold), evidence=evidence)


_SHARES = re.compile(r"(?:(under |over )?(\d+(?:\.\d+)?) %)(?: of [\d,]+ values| (?=hold))")
_VALUES = re.compile(r"(?<![\w.,])[\d,]+ values")
_IMAGES = re.compile(r"(?<![\w.,])(\d+ of )?[\d,]+ images looked at( \([\d,]+ more [^)]*\))?")


def _uncounted(evidence: Iterable[str]) -> Iterable[str]:
    """The sentences of evidence that the classifier writes, without counts of values."""
    for sentence in evidence:
        told = _SHARES.sub(_some, sentence)
        told = _IMAGES.sub(lambda m: ("some of " if m[1] else "") + "the images looked at", told)
        yield _VALUES.sub("values", told)


def _some(found: re.Match[str]) -> str:
    rest = " " if found[0].endswith(" ") else " of the values"
    return f"some{rest}" if found[1] or 0 < float(found[2]) < 100 else f"{found[2]} %{rest}"
