"""The exit code is what automation acts on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leftopen import exitcode
from leftopen.model import Assessment, Band, Exposure, Profile, Run, Service, Severity, Verdict
from tests.test_store import EXPOSURE, RUN, SERVICE

LOCKED = replace(SERVICE, verdict=Verdict.AUTH_REQUIRED)
SILENT = replace(SERVICE, verdict=Verdict.SILENT)


def ended(services: tuple[Service, ...], *bands: Band) -> Run:
    exposures = tuple(
        Exposure(SERVICE, Profile((), True, (), 0), Assessment(Severity(0, band, 0, 0, 0, ())))
        for band in bands
    )
    return replace(RUN, complete=True, services=services, exposures=exposures)


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (ended(()), 3),
        (ended((SILENT,)), 3),
        (ended((SILENT, LOCKED)), 0),
        (ended((SERVICE,), "low"), 11),
        (ended((SERVICE,), "medium", "low"), 12),
        (ended((SERVICE,), "low", "high"), 13),
        (ended((SERVICE,), "very_high", "high"), 14),
        (replace(ended((SERVICE,), "very_high"), complete=False), 4),
    ],
)
def test_the_worst_that_was_found(run: Run, code: int) -> None:
    assert exitcode.of(run) == code


@pytest.mark.parametrize(("fail_on", "code"), [("low", 12), ("medium", 12), ("high", 0)])
def test_findings_below_the_mark_do_not_count(fail_on: Band, code: int) -> None:
    assert exitcode.of(ended((SERVICE,), "medium"), fail_on=fail_on) == code


def test_exit_zero_forgives_findings_but_not_an_incomplete_scan() -> None:
    assert exitcode.of(ended((SERVICE,), "very_high"), exit_zero=True) == 0
    assert exitcode.of(replace(RUN, exposures=(EXPOSURE,)), exit_zero=True) == 4
    assert exitcode.of(ended(()), exit_zero=True) == 3
