"""Asks the peers: columns out as JSON, labels and seconds in; labels into families."""

from __future__ import annotations

import json
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEERS = ("presidio", "dataprofiler", "hawk", "datafog", "piicatcher")
# Values of a column that each looks at: as many as it can in some minutes.
SAMPLES: Mapping[str, int] = {"presidio": 8, "dataprofiler": 8}
SPEED_ROWS: Mapping[str, int] = {"presidio": 20, "dataprofiler": 100}
MANY = 100
MAPPING: dict[str, Any] = tomllib.loads((HERE / "mapping.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the peers get it: its field's name and values as text."""

    name: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class Reply:
    """Families of each column, in order, and how fast."""

    families: list[tuple[str, ...]]
    values_per_second: float
    note: str


def installed(folder: Path) -> list[str]:
    """The peers that have an environment there."""
    return [peer for peer in PEERS if (folder / peer / "bin" / "python").exists()]


def ask(folder: Path, peer: str, columns: Sequence[Column]) -> Reply:
    """Runs the peer over the columns in its own environment; ends with its message if it fails."""
    with tempfile.TemporaryDirectory() as work:
        question, answer = Path(work) / "question.json", Path(work) / "answer.json"
        told = [{"name": c.name, "values": list(c.values)} for c in columns]
        question.write_text(json.dumps({"columns": told}))
        command = [folder / peer / "bin" / "python", HERE / f"run_{peer}.py", question, answer]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=work, check=False)
        if ran.returncode:
            raise SystemExit(f"{peer}: {ran.stderr.strip()[-800:]}")
        found = json.loads(answer.read_text())
    if found["cores"] != 1:
        raise SystemExit(f"{peer} ran on {found['cores']} cores")
    families = [
        _families(peer, shares, named)
        for shares, named in zip(found["labels"], found["named"], strict=True)
    ]
    return Reply(families, found["values"] / found["seconds"], found["note"])


def _families(peer: str, shares: Mapping[str, float], named: str) -> tuple[str, ...]:
    """What a column's labels mean; see mapping.toml."""
    best = max(shares, key=lambda label: shares[label], default="")
    if not best or shares[best] < MAPPING["share"]:
        best = named
    return tuple(MAPPING[peer].get(best, ("none",)))
