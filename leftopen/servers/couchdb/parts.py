"""What a PouchDB Server for the tests is made of, fetched once by npm into a cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from leftopen.servers.base import ServerMissingError

_FETCH_SECONDS = 600.0
_FILES = ("package.json", "package-lock.json", "server.js")


def node() -> str:
    """The path of Node.js; raises ServerMissingError where there is none."""
    return _tool("node", "Node.js")


def parts() -> Path:
    """A folder that holds `server.js` and its modules, made if it is not there yet.

    Raises ServerMissingError where that fails.
    """
    node()
    source = files("leftopen.servers.couchdb")
    contents = {name: (source / name).read_bytes() for name in _FILES}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leftopen-tests"
    digest = hashlib.sha256(b"\0".join(contents.values())).hexdigest()
    folder = cache / f"couchdb-{digest[:12]}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        fresh = Path(name) / "fresh"
        fresh.mkdir()
        for file, content in contents.items():
            (fresh / file).write_bytes(content)
        _fetch(fresh)
        with contextlib.suppress(OSError):  # another test run was first; its folder is as good
            fresh.rename(folder)
    return folder


def _fetch(folder: Path) -> None:
    """Fill node_modules/ as the lock file says; no package may run a script of its own."""
    npm = _tool("npm", "npm")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, check=False, timeout=_FETCH_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ServerMissingError(f"npm was not done in {_FETCH_SECONDS:.0f} s") from None
    if done.returncode != 0:
        failed = f"npm could not fetch PouchDB Server (exit {done.returncode})"
        raise ServerMissingError(f"{failed}; run it once with a network")


def _tool(program: str, what: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ServerMissingError(f"PouchDB Server needs {what} (no `{program}` on the path)")
    return found
