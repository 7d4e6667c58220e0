"""ENISA's severity of a personal data breach: SE = DPC x EI + CB. Nothing here knows of a store.

Source: ENISA, "Recommendations for a methodology of the assessment of severity of personal data
breaches", v1.0, 2013, doi 10.2824/27590; its tables are in `enisa.toml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from leftopen.assess.tables import TABLES, Category
from leftopen.model import Band, Severity

MANY = 100  # individuals; more than these raise the flag gt_100


@dataclass(frozen=True, slots=True)
class Context:
    """One category scored: `score` 1..4, the change made to its base, and why."""

    score: int
    category: Category
    adjustment: int
    reason: str


def dpc(category: Category, adjustment: int = 0, reason: str = "") -> Context:
    """The data processing context of one category (ENISA A2), kept within 1..4.

    Raises ValueError for a change that the category's row does not permit, and for a change
    without an explanation, which ENISA asks for.
    """
    row = TABLES.dpc[category]
    if adjustment and adjustment not in row.adjustments:
        raise ValueError(f"{category} data may not be changed by {adjustment:+d}")
    if adjustment and not reason.strip():
        raise ValueError("a change of the DPC needs its explanation")
    return Context(max(1, min(4, row.base + adjustment)), category, adjustment, reason)


def highest(contexts: Iterable[Context]) -> Context:
    """Of several categories the highest counts; of equals the first. Raises ValueError for none."""
    return max(contexts, key=lambda context: context.score)


def credentials(opens: Iterable[Context]) -> Context:
    """Credentials are no category of their own: they score as the data that they open."""
    return highest(opens)


def ei(criteria: Iterable[tuple[str, str]]) -> float:
    """The ease of identification (Annex 2): the maximum over (identifier, circumstance) pairs.

    Raises KeyError for a criterion that Annex 2 does not have, ValueError for none at all.
    """
    return float(max(TABLES.ei[identifier][circumstance] for identifier, circumstance in criteria))


def cb(element: str, level: str) -> float:
    """What one element of the circumstances adds at a level (Annex 3). Raises KeyError."""
    return float(TABLES.cb[element][level])


def band(se: float) -> Band:
    """The band of a score; a bound belongs to the band above it, so 3.00 is high."""
    return next(name for name, below in TABLES.bands if below is None or se < below)


def severity(
    dpc: float,
    ei: float,
    cb_elements: Mapping[str, float],
    *,
    people: int | None = None,
    unintelligible: bool = False,
    reasons: Sequence[str] = (),
) -> Severity:
    """The severity of a breach with these scores.

    `cb_elements` maps elements of Annex 3 to what each adds. `people` above 100 and
    `unintelligible` (encrypted well, key not lost) raise flags, which leave the score as it is.
    DPC 0 and EI 0 stand for "no personal data" and are leftopen's own; ENISA's begin at 1 and 0.25.

    Raises ValueError for a score that the method does not know.
    """
    if dpc not in (0, 1, 2, 3, 4):
        raise ValueError(f"no DPC is {dpc}")
    if ei not in (0, 0.25, 0.5, 0.75, 1):
        raise ValueError(f"no EI is {ei}")
    if (dpc == 0) != (ei == 0):
        raise ValueError("DPC and EI are 0 together or not at all")
    for element, value in cb_elements.items():
        if value not in TABLES.cb.get(element, {}).values():
            raise ValueError(f"{element!r} adds no {value}")
    flags = []
    if people is not None and people > MANY:
        flags.append("gt_100")
    if unintelligible:
        flags.append("unintelligible")
    circumstances = float(sum(cb_elements.values()))
    # All scores are multiples of 1/4, so that this is exact and a bound is met exactly.
    se = dpc * ei + circumstances
    return Severity(
        se=float(se),
        band=band(se),
        dpc=float(dpc),
        ei=float(ei),
        cb=circumstances,
        reasons=tuple(reasons),
        flags=tuple(flags),
    )
