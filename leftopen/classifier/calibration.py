"""From how sure the rules are to how often they are right: `calibration.toml`, measured."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np

_FILE = Path(__file__).with_name("calibration.toml")
CURVE: tuple[tuple[float, float], ...] = tuple(
    (float(raw), float(right)) for raw, right in tomllib.loads(_FILE.read_text("utf-8"))["curve"]
)


def calibrated(raw: float) -> float:
    """The share of fields that are right where the rules are `raw` sure; between points, linear."""
    known, right = zip(*CURVE, strict=True)
    return float(np.interp(raw, known, right))
