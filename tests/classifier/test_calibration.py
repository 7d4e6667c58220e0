"""The curve of confidence rises, stays within what can be said, and is what a field carries."""

from __future__ import annotations

import pyarrow as pa
import pytest

from leftopen.classifier import calibration, classify
from tests.classifier import make
from tests.classifier.make import column


def test_curve_rises_and_promises_no_certainty() -> None:
    raw = [point for point, _ in calibration.CURVE]
    right = [point for _, point in calibration.CURVE]
    assert raw == sorted(raw)
    assert right == sorted(right)
    assert min(right) >= 0.5
    assert max(right) < 1
    assert calibration.calibrated(0.5) == right[0]
    assert calibration.calibrated(1.0) == right[-1]


def test_curve_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"email": column(make.email)})
    monkeypatch.setattr(calibration, "CURVE", ((0.0, 0.0), (1.0, 0.5)))
    found = classify(table).fields["email"].confidence
    assert 0.4 < found <= 0.5
