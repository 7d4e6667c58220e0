"""How right a classifier's families are on labelled tables, and how far its confidence can be had.

A personal column is right if the family is the label's, or one the label also allows. A column
that is not personal is right if it is called "none" or a family the label also allows; the latter
counts neither for precision nor for recall.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.labelled import Label

BINS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a classifier said of a labelled column; `families` where its label means several."""

    table: str
    path: str
    label: Label
    families: tuple[str, ...]
    kind: str = ""
    confidence: float = 0.0
    why: tuple[str, ...] = ()

    @property
    def got(self) -> str:
        """The family that counts: one of those meant that is right, else the first."""
        allowed = (self.label.family, *self.label.also)
        return next((family for family in self.families if family in allowed), self.families[0])

    @property
    def right(self) -> bool:
        return self.got in (self.label.family, *self.label.also)

    @property
    def personal(self) -> bool:
        return self.got != "none"


@dataclass(frozen=True, slots=True)
class Score:
    """Shares between 0 and 1; `nan` where there is nothing to count."""

    columns: int
    precision: float
    recall: float
    untold: float  # of columns without a telling name, those right
    untold_personal: float  # of those that are personal
    called_personal: float  # of columns that are not personal, those called so
    country: float  # of ids whose country can be decided, those with the right one

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def _share(found: int, total: int) -> float:
    return found / total if total else float("nan")


def score(answers: Sequence[Answer]) -> Score:
    """All figures over the answers."""
    hit, wrong, missed = counts(answers)
    untold = [a for a in answers if not a.label.telling]
    untold_personal = [a for a in untold if a.label.family != "none"]
    things = [a for a in answers if a.label.family == "none"]
    ids = [a for a in answers if a.label.kind]
    return Score(
        len(answers),
        _share(hit, hit + wrong),
        _share(hit, hit + missed),
        _share(sum(a.right for a in untold), len(untold)),
        _share(sum(a.right for a in untold_personal), len(untold_personal)),
        _share(sum(not a.right for a in things), len(things)),
        _share(sum(a.kind.startswith(tuple(a.label.kind.split("|"))) for a in ids), len(ids)),
    )


def counts(answers: Iterable[Answer]) -> tuple[int, int, int]:
    """How many columns are rightly called personal, wrongly called something, and missed."""
    hit = wrong = missed = 0
    for one in answers:
        if one.right and one.personal and one.label.family != "none":
            hit += 1
        if not one.right and one.personal:
            wrong += 1
        if not one.right and one.label.family != "none":
            missed += 1
    return hit, wrong, missed


def by_family(answers: Iterable[Answer]) -> dict[str, tuple[int, float, float]]:
    """For each family: how many columns have it, precision and recall."""
    hit: Counter[str] = Counter()
    said: Counter[str] = Counter()
    labelled: Counter[str] = Counter()
    for one in answers:
        family = one.label.family
        if family != "none" and (one.personal or not one.right):
            labelled[family] += 1
            hit[family] += one.right
        if not one.right and one.personal:
            said[one.got] += 1
    return {
        family: (
            labelled[family],
            _share(hit[family], hit[family] + said[family]),
            _share(hit[family], labelled[family]),
        )
        for family in sorted({*labelled, *said})
    }


@dataclass(frozen=True, slots=True)
class Bin:
    """Columns called personal with a confidence from `low` to under `high`."""

    low: float
    high: float
    count: int
    confidence: float  # mean
    right: float  # share


def reliability(answers: Iterable[Answer]) -> tuple[list[Bin], float]:
    """The bins that hold anything, and the expected calibration error: the mean distance between
    confidence and share right, weighed by columns."""
    held: dict[int, list[Answer]] = defaultdict(list)
    for one in answers:
        if one.personal:
            at = max(i for i, low in enumerate(BINS[:-1]) if one.confidence >= low or i == 0)
            held[at].append(one)
    bins = [
        Bin(
            BINS[at],
            BINS[at + 1],
            len(some),
            sum(a.confidence for a in some) / len(some),
            sum(a.right for a in some) / len(some),
        )
        for at, some in sorted(held.items())
    ]
    total = sum(b.count for b in bins)
    return bins, _share_error(bins, total)


def _share_error(bins: Sequence[Bin], total: int) -> float:
    if not total:
        return float("nan")
    return sum(b.count * abs(b.right - b.confidence) for b in bins) / total


def picture(bins: Sequence[Bin], error: float) -> str:
    """The reliability curve as SVG: share right over confidence, discs as large as their bins."""
    size, edge, low = 360, 44, 0.4

    def at(x: float, y: float) -> tuple[float, float]:
        scale = (size - 2 * edge) / (1 - low)
        return edge + (x - low) * scale, size - edge - (max(y, low) - low) * scale

    most = max((b.count for b in bins), default=1)
    points = [(*at(b.confidence, b.right), 2 + 8 * (b.count / most) ** 0.5) for b in bins]
    ticks = [round(low + step / 10, 1) for step in range(7)]
    (x0, y0), (x1, y1) = at(low, low), at(1, 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" '
        f'viewBox="0 0 {size} {size}" font-family="sans-serif" font-size="11">',
        "<title>Reliability: share of columns right, by confidence</title>",
        f'<rect width="{size}" height="{size}" fill="#fff"/>',
        f'<path d="M{x0:.0f} {y1:.0f}V{y0:.0f}H{x1:.0f}" fill="none" stroke="#444"/>',
        f'<path d="M{x0:.0f} {y0:.0f}L{x1:.0f} {y1:.0f}" stroke="#999" stroke-dasharray="4 3"/>',
        *(
            f'<text x="{at(t, low)[0]:.0f}" y="{y0 + 16:.0f}" text-anchor="middle">{t}</text>'
            f'<text x="{x0 - 6:.0f}" y="{at(low, t)[1] + 4:.0f}" text-anchor="end">{t}</text>'
            for t in ticks
        ),
        '<polyline fill="none" stroke="#0b5cad" points="'
        + " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        + '"/>',
        *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="#0b5cad"/>' for x, y, r in points),
        f'<text x="{size / 2}" y="{size - 8}" text-anchor="middle">confidence</text>',
        f'<text x="12" y="{size / 2}" text-anchor="middle" '
        f'transform="rotate(-90 12 {size / 2})">share right</text>',
        f'<text x="{x1:.0f}" y="{y0 - 10:.0f}" text-anchor="end">'
        f"expected calibration error {error:.3f}</text>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
