"""What a PouchDB Server for the tests is made of, fetched once by npm into a cache folder."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from leftopen.servers.fetched import fetched, run, tool

_WHAT = "PouchDB Server"
_FILES = ("package.json", "package-lock.json", "server.js")


def node() -> str:
    """The path of Node.js; raises ServerMissingError where there is none."""
    return tool("node", "Node.js", _WHAT)


def parts() -> Path:
    """A folder that holds `server.js` and its modules, made if it is not there yet.

    Raises ServerMissingError where that fails.
    """
    node()
    source = files("leftopen.servers.couchdb")
    return fetched("couchdb", {name: (source / name).read_bytes() for name in _FILES}, _fetch)


def _fetch(folder: Path) -> None:
    """Fill node_modules/ as the lock file says; no package may run a script of its own."""
    npm = tool("npm", "npm", _WHAT)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    run(command, folder, f"npm could not fetch {_WHAT}")
