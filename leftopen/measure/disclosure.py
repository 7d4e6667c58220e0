"""What may be shown of counts of people: statistical disclosure control (rules R4 to R7)."""

from __future__ import annotations

from collections.abc import Sequence

from leftopen.measure.people import Together
from leftopen.model import CollectionProfile, People, Profile


def people(together: Together, threshold: int) -> People:
    """A count of people as it may be shown: rounded, or fewer than the threshold."""
    interval = together.people
    return People(
        round(interval.estimate),
        int(interval.low),
        int(interval.high),
        interval.method,
        deduplicated_across=together.deduplicated_across,
        mirrors=together.mirrors,
        deep=together.deep,
    )


def beside(
    whole: People, parts: Sequence[People | None], threshold: int
) -> tuple[People, tuple[People | None, ...]]:
    """A total and its parts as they may be shown side by side: no hidden part can be computed."""
    return whole, tuple(parts)


def collection(profile: CollectionProfile, threshold: int) -> CollectionProfile:
    """A collection's profile as it may leave the sampling process."""
    return profile


def settled(earlier: Profile, now: Profile, threshold: int) -> Profile:
    """The profile to show of a store that was profiled before: the earlier one where the two
    differ by fewer people than the threshold."""
    return now


def added(parts: Sequence[People], threshold: int) -> People | None:
    """What is known of several stores together whose people can no longer be compared."""
    return parts[0] if parts else None
