"""What an OpenSearch for the tests is made of, fetched once by Maven into a cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from leftopen.servers.base import ServerMissingError

_FETCH_SECONDS = 600.0
_OLDEST_JAVA = 17


@dataclass(frozen=True, slots=True)
class Parts:
    """Folders: `node` the launcher class, `core` the server's jars, `security` the plugin's."""

    node: Path
    core: Path
    security: Path

    @property
    def classpath(self) -> str:
        """Core first: where both bring a library, the server gets the one it was built with."""
        return os.pathsep.join((str(self.node), f"{self.core}/*", f"{self.security}/*"))


def parts() -> Parts:
    """The parts, fetched if they are not there yet; raises ServerMissingError where that fails."""
    _java_or_missing()
    source = files("leftopen.servers.opensearch")
    pom, node = (source / "pom.xml").read_bytes(), (source / "Node.java").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leftopen-tests"
    folder = cache / f"opensearch-{hashlib.sha256(pom + node).hexdigest()[:12]}"
    found = Parts(folder / "node", folder / "core", folder / "security")
    if folder.is_dir():
        return found
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        fresh = Path(name) / "fresh"
        fresh.mkdir()
        (fresh / "pom.xml").write_bytes(pom)
        (fresh / "Node.java").write_bytes(node)
        _build(fresh)
        with contextlib.suppress(OSError):  # another test run was first; its folder is as good
            fresh.rename(folder)
    return found


def _build(folder: Path) -> None:
    """Fill `folder` with core/, security/ and node/, from the pom.xml and Node.java in it."""
    maven, compiler = _tool("mvn", "Maven"), _tool("javac", f"a JDK of version {_OLDEST_JAVA}")
    fetch = [maven, "-q", "-B", "-f", "pom.xml", "dependency:copy-dependencies"]
    _run([*fetch, "-DoutputDirectory=core"], folder, "Maven could not fetch OpenSearch")
    for archive in (folder / "core").glob("*.zip"):
        with zipfile.ZipFile(archive) as plugin:
            plugin.extractall(folder / "security")
        archive.unlink()
    _run([compiler, "-cp", "core/*", "-d", "node", "Node.java"], folder, "javac failed")


def _java_or_missing() -> None:
    told = subprocess.run(
        [_tool("java", f"Java {_OLDEST_JAVA}"), "-version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version.group(1)) < _OLDEST_JAVA:
        raise ServerMissingError(f"OpenSearch needs Java {_OLDEST_JAVA} or later; install a JDK")


def _tool(program: str, what: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ServerMissingError(f"OpenSearch needs {what} (no `{program}` on the path)")
    return found


def _run(command: list[str], folder: Path, failure: str) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ServerMissingError(f"{failure}: not done in {_FETCH_SECONDS:.0f} s") from None
    if done.returncode != 0:
        raise ServerMissingError(f"{failure} (exit {done.returncode}); run it once with a network")
