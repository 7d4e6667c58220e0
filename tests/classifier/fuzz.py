"""Fuzzing of the classifier: python -m tests.classifier.fuzz [SECONDS [FOLDER]].

Bytes become an odd table, the table is classified, and what must hold is asserted. Inputs that
reach new code are kept in FOLDER (a temporary one unless told); an input that fails stops the run
and is written beside them. tests/data/fuzz holds a small set that reaches as much: every test run
replays it. To add to that set what a folder has more: python -m tests.classifier.fuzz --least FOLDER.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

SEEDS = Path(__file__).parents[1] / "data" / "fuzz"
LONGEST = 1_024  # bytes of one input


def main(arguments: list[str]) -> None:
    """Runs until the time is over, an input fails, or the set is made."""
    least = arguments[:1] == ["--least"]
    rest = arguments[1:] if least else arguments
    with atheris.instrument_imports(include=["leftopen.classifier"]):
        from tests.classifier import odd
    folder = rest[-1] if least or len(rest) > 1 else tempfile.mkdtemp(prefix="leftopen-fuzz-")
    seconds = rest[0] if rest and not least else "600"
    options = [f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=4096"]
    if least:
        options += ["-merge=1", str(SEEDS), folder]
    else:
        options += [f"-max_total_time={seconds}", "-print_final_stats=1"]
        options += [f"-artifact_prefix={folder}/", folder, str(SEEDS)]
    atheris.Setup([sys.argv[0], *options], odd.hold_bytes)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
