"""What the runners share: columns in, labels and seconds out. Standard library only, because each
runner runs in its peer's own environment.

QUESTION.json: {"columns": [{"name": …, "values": [text, …]}, …]}
ANSWER.json: {"labels": [{label: share of the values, …}, …], "named": [label or "", …],
"values": n, "seconds": s, "note": …}. Time is the processor's, of classifying alone, after a
warm-up.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

WARM = 3  # columns classified before the clock starts


def by_value(
    label: Callable[[str, str], str], named: Callable[[str], str] | None = None, note: str = ""
) -> None:
    """For peers that look at one value at a time."""
    by_column(lambda name, values: [label(name, value) for value in values], named, note)


def by_column(
    label: Callable[[str, list[str]], list[str]],
    named: Callable[[str], str] | None = None,
    note: str = "",
) -> None:
    """For peers that look at a column at a time; "" is no label."""
    columns = json.loads(Path(sys.argv[1]).read_text())["columns"]
    for column in columns[:WARM]:
        label(column["name"], column["values"])
    begun = time.process_time()
    found = [label(column["name"], column["values"]) for column in columns]
    spoken = [named(column["name"]) if named else "" for column in columns]
    seconds = time.process_time() - begun
    shares = [
        {one: count / len(labels) for one, count in Counter(labels).items() if one}
        for labels in found
    ]
    answer = {
        "labels": shares,
        "named": spoken,
        "values": sum(len(column["values"]) for column in columns),
        "seconds": seconds,
        "note": note,
        "cores": len(os.sched_getaffinity(0)),
    }
    Path(sys.argv[2]).write_text(json.dumps(answer))
