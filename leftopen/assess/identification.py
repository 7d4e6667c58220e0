"""How easily the people can be identified from what stands together (ENISA A3 and Annex 2)."""

from __future__ import annotations

from dataclasses import dataclass

from leftopen.assess.categories import words
from leftopen.assess.holdings import Holding
from leftopen.assess.severity import ei
from leftopen.assess.tables import TABLES, IdentityRule

# The criterion taken where no identifier was found beside the data: ENISA's scale has no lower one.
_LOWEST = ("code", "no_reference")


@dataclass(frozen=True, slots=True)
class Identification:
    """The ease of identification, 0.25..1, the families that decide it, and why."""

    score: float
    families: tuple[str, ...]
    reason: str


def identification(held: Holding) -> Identification:
    """The criterion of Annex 2 with the highest score that the data meets."""
    best: tuple[float, IdentityRule, tuple[str, ...]] | None = None
    for rule in TABLES.rules:
        families = _met(rule, held)
        if families is None:
            continue
        score = ei([(rule.identifier, rule.circumstance)])
        if best is None or score > best[0]:
            best = (score, rule, families)
    if best is None:
        return Identification(
            ei([_LOWEST]), (), "nothing found beside the data identifies anybody; the lowest level"
        )
    score, rule, families = best
    return Identification(score, families, _reason(rule, families, held))


def _met(rule: IdentityRule, held: Holding) -> tuple[str, ...] | None:
    """The families that meet the rule, or None."""
    if not held.has(*rule.all):
        return None
    chosen = list(rule.all)
    for choice in (rule.any, rule.with_):
        if choice:
            found = [family for family in choice if held.has(family)]
            if not found:
                return None
            chosen.append(found[0])
    return tuple(chosen)


def _reason(rule: IdentityRule, families: tuple[str, ...], held: Holding) -> str:
    named = words(families)
    criterion = f"{rule.identifier}, {rule.circumstance}".replace("_", " ")
    if len(families) == 1:
        told = f"the strongest identifier found is: {named}"
    elif held.together(families):
        told = f"{named} stand together"
    else:
        told = f"{named} stand in collections that are linked by {words(sorted(held.links))}"
    return f"{told} (ENISA Annex 2: {criterion})"
