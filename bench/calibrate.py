"""`python -m bench.calibrate`: the curve from how sure the rules are to how often they are right.

Asks the classifier for its raw confidences on the tables made here and on the real schemas that may
be looked at, fits a rising curve (pool adjacent violators) and writes it as calibration.toml. The
schemas held back take no part, so bench.classify's reliability on them is a fair test.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import real
from bench.labelled import build
from leftopen.classifier import calibration, classify

TARGET = Path(calibration.__file__).with_name("calibration.toml")
KNOTS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
PRIOR = 150.0
MOST = 0.98  # nothing is surer than that
REAL = 3.0  # a column of a real schema weighs as many of ours


def answers() -> list[tuple[float, float, bool]]:
    """Raw confidence, weight and rightness of every field called personal."""
    found = []
    for weight, tables in ((1.0, build.tables()), (REAL, real.tables("tune"))):
        for one in tables:
            fields = classify(one.table, one.name).fields
            for path, label in one.labels.items():
                got = fields[path]
                if got.family != "none":
                    right = got.family in {label.family, *label.also}
                    found.append((got.confidence, weight, right))
    return found


def fitted(some: Iterable[tuple[float, float, bool]]) -> list[tuple[float, float]]:
    """Points of a rising curve: for each knot the share right around it, neighbours that fall
    pooled. What was written down counts for `PRIOR` columns at every knot: our own tables are
    easier than those of others, and few columns make no certainty.
    """
    blocks: list[list[float]] = []  # [weight, right, knots]
    weights = [[PRIOR, PRIOR * knot] for knot in KNOTS]
    for confidence, weight, right in some:
        at = min(range(len(KNOTS)), key=lambda i: abs(KNOTS[i] - confidence))
        weights[at][0] += weight
        weights[at][1] += weight * right
    for total, hits in weights:
        blocks.append([total, hits, 1])
        while len(blocks) > 1 and _share(blocks[-2]) > _share(blocks[-1]):
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    shares = [_share(block) for block in blocks for _ in range(int(block[2]))]
    return [(k, round(min(max(s, 0.5), MOST), 3)) for k, s in zip(KNOTS, shares, strict=True)]


def _share(block: Sequence[float]) -> float:
    return block[1] / block[0]


def main() -> None:
    """Fits and writes the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    calibration.CURVE = ((0.0, 0.0), (1.0, 1.0))
    points = fitted(answers())
    lines = "\n".join(f"    [{raw}, {right}]," for raw, right in points)
    TARGET.write_text(
        "# How often the rules are right where they are so sure, as measured on labelled tables.\n"
        "# Made by `python -m bench.calibrate`; docs/accuracy.md shows how well it holds.\n"
        f"curve = [\n{lines}\n]\n",
        encoding="utf-8",
    )
    print(TARGET.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
