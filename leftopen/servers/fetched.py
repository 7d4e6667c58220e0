"""Parts of servers that a package manager fetches once, into a cache folder of the user's."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from leftopen.servers.base import ServerMissingError, on_path

_FETCH_SECONDS = 600.0


def fetched(name: str, recipe: Mapping[str, bytes], build: Callable[[Path], None]) -> Path:
    """The folder with what `build` makes of the files of `recipe`, which it finds in it.

    It is built once for each recipe; runs at the same time do not get in each other's way.
    """
    digest = hashlib.sha256(
        b"".join(file.encode() + content for file, content in sorted(recipe.items()))
    ).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leftopen-tests"
    folder = cache / f"{name}-{digest[:12]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as around:
            fresh = Path(around) / "fresh"
            fresh.mkdir()
            for file, content in recipe.items():
                (fresh / file).write_bytes(content)
            build(fresh)
            with contextlib.suppress(OSError):  # another run was first; its folder is as good
                fresh.rename(folder)
    return folder


def tool(name: str, needed: str, what: str) -> str:
    """Where a program is that `what` is made or run with; raises ServerMissingError."""
    found = on_path(name)
    if found is None:
        raise ServerMissingError(f"{what} needs {needed} (no `{name}` on the path)")
    return found


def run(command: Sequence[str], folder: Path, failure: str) -> None:
    """Run a step of a build in its folder; raises ServerMissingError where it fails."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, check=False, timeout=_FETCH_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ServerMissingError(f"{failure}: not done in {_FETCH_SECONDS:.0f} s") from None
    if done.returncode != 0:
        raise ServerMissingError(f"{failure} (exit {done.returncode}); run it once with a network")
