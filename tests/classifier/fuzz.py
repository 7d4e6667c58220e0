"""Fuzzing of the classifier: python -m tests.classifier.fuzz [SECONDS [FOLDER]].

Bytes become an odd table, the table is classified, and what must hold is asserted. Inputs that
reach new code are kept in FOLDER (a temporary one unless told); an input that fails stops the run
and is written beside them. tests/data/fuzz holds a small set that reaches as much: every test run
replays it. What a folder reaches beyond that set is added to it by --least FOLDER.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

SEEDS = Path(__file__).parents[1] / "data" / "fuzz"
LONGEST = 1_024  # bytes of one input
_PLACE = str(Path("leftopen") / "classifier")


def fuzz(seconds: str, folder: str) -> None:
    """Runs until the time is over or an input fails."""
    import atheris

    with atheris.instrument_imports(include=["leftopen.classifier"]):
        from tests.classifier import odd
    options = [f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=4096", "-print_final_stats=1"]
    options += [f"-max_total_time={seconds}", f"-artifact_prefix={folder}/", folder, str(SEEDS)]
    atheris.Setup([sys.argv[0], *options], odd.hold_bytes)
    atheris.Fuzz()


def least(folder: Path) -> None:
    """Adds to the seeds, short ones first, the inputs that take a step which none before took."""
    seen: set[tuple[str, int, int]] = set()
    for seed in SEEDS.iterdir():
        seen |= _steps(seed.read_bytes())
    for data in sorted((path.read_bytes() for path in folder.iterdir()), key=len):
        steps = _steps(data)
        if not steps <= seen:
            seen |= steps
            (SEEDS / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)


def _steps(data: bytes) -> set[tuple[str, int, int]]:
    """The steps from line to line that the classifier takes for the table of an input."""
    from leftopen.classifier import classify
    from tests.classifier import odd

    found: set[tuple[str, int, int]] = set()
    before: dict[FrameType, int] = {}

    def local(frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":
            found.add((frame.f_code.co_filename, before.get(frame, 0), frame.f_lineno))
            before[frame] = frame.f_lineno
        elif event == "return":
            before.pop(frame, None)
        return local

    choices = odd.Bytes(data)
    table = odd.table(choices)
    sys.settrace(lambda frame, *_: local if _PLACE in frame.f_code.co_filename else None)
    try:
        classify(table, odd.pick(choices, odd.COLLECTIONS))
    finally:
        sys.settrace(None)
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--least"]:
        least(Path(sys.argv[2]))
    else:
        given = sys.argv[1:]
        fuzz(given[0] if given else "600", given[1] if len(given) > 1 else tempfile.mkdtemp())
