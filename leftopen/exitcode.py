"""The one place that decides what a scan's exit code is."""

from __future__ import annotations

from typing import get_args

from leftopen.model import Band, Run, Verdict

OK, ERROR, USAGE, NOTHING_ANSWERED, INCOMPLETE = 0, 1, 2, 3, 4
BANDS: tuple[Band, ...] = get_args(Band)
_FIRST_BAND = 11
_NO_ANSWER = (Verdict.CLOSED, Verdict.SILENT, Verdict.REFUSED_BY_SCOPE)


def of(run: Run, *, fail_on: Band = "low", exit_zero: bool = False) -> int:
    """0 nothing open · 3 nothing answered · 4 incomplete · 11 low … 14 very high, the worst found.

    A scan that was stopped is incomplete whatever it found so far: its worst is not known.
    Findings below `fail_on` count as nothing open; with `exit_zero` all findings do.
    """
    if not run.complete:
        return INCOMPLETE
    if all(service.verdict in _NO_ANSWER for service in run.services):
        return NOTHING_ANSWERED
    ranks = [BANDS.index(e.assessment.severity.band) for e in run.exposures]
    worst = max(ranks, default=-1)
    if exit_zero or worst < BANDS.index(fail_on):
        return OK
    return _FIRST_BAND + worst
