"""`python -m bench.real.score [FILE]`: how well the classifier does on the corpus.

Prints precision and recall of the families and how many columns that are not personal are called
so, for each database and each half, and writes the mistakes of the "tune" half as JSON to FILE.
Those of the "held" half are counted only: what is looked at is no longer a test.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from bench import scoring
from bench.labelled import Labelled
from bench.real import entries
from bench.real.sources import databases
from bench.scoring import Answer
from leftopen import classify


def answers(one: Labelled) -> list[Answer]:
    """What the classifier says of a table's labelled columns."""
    fields = classify(one.table, one.name).fields
    said = []
    for column, label in one.labels.items():
        got = fields[column]
        said.append(
            Answer(
                table=one.name,
                path=column,
                label=label,
                families=(got.family,),
                kind=got.kind,
                confidence=got.confidence,
                why=tuple(got.evidence),
            )
        )
    return said


def line(name: str, said: Sequence[Answer]) -> str:
    """One row of the table of figures."""
    total = scoring.score(said)
    hit, wrong, missed = scoring.counts(said)
    return (
        f"{name:15} {len({a.table for a in said}):6} {total.columns:7} {total.precision:9.1%}"
        f" {total.recall:6.1%} {total.called_personal:6.1%} {hit:5} {wrong:5} {missed:6}"
    )


def main(words: list[str]) -> int:
    said: dict[str, list[Answer]] = {}
    for database, one in entries():
        said.setdefault(database, []).extend(answers(one))
    print(
        f"{'':15} tables columns precision recall  false   hit wrong missed"
        "   (false: not personal, called so)"
    )
    for split in ("tune", "held"):
        names = [database.name for database in databases(split)]
        for name in names:
            print(line(name, said[name]))
        half = [replace(one, table=f"{name}.{one.table}") for name in names for one in said[name]]
        print(line(f"= {split}", half), end="\n\n")
    if words:
        mistakes = [
            {"database": database.name, **asdict(one)}
            for database in databases("tune")
            for one in said[database.name]
            if not one.right
        ]
        text = json.dumps(mistakes, ensure_ascii=False, indent=1)
        Path(words[0]).write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
