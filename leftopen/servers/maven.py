"""JVM servers for the tests: their jars, fetched once by Maven into a cache folder, and how a small
server is run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from leftopen.servers.base import ServerMissingError

# A server for tests lives for a minute: the second compiler would cost more than it brings.
# -Xrs: a signal ends it at once; what it would save is thrown away.
JAVA = ("java", "-Xrs", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_FETCH_SECONDS = 600.0
_OLDEST_JAVA = 17


def class_path(package: str, what: str) -> str:
    """The class path of the server that `package` describes; `what` is its name for people.

    The package (`leftopen.servers.…`) holds a pom.xml and may hold .java files, which are compiled
    against its jars. Raises ServerMissingError where Java, Maven or the network is missing.
    """
    _java_or_missing(what)
    parts = sorted(
        (part.name, part.read_bytes())
        for part in files(package).iterdir()
        if part.name == "pom.xml" or part.name.endswith(".java")
    )
    digest = hashlib.sha256(b"".join(name.encode() + data for name, data in parts)).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leftopen-tests"
    folder = cache / f"{package.rpartition('.')[2]}-{digest[:12]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            fresh = Path(name) / "fresh"
            fresh.mkdir()
            for part, data in parts:
                (fresh / part).write_bytes(data)
            _build(fresh, what)
            with contextlib.suppress(OSError):  # another run was first; its folder is as good
                fresh.rename(folder)
    return os.pathsep.join((f"{folder}/classes", f"{folder}/jars/*"))


def _build(folder: Path, what: str) -> None:
    """Fill `folder` with jars/ and classes/, from the pom.xml and .java files in it."""
    fetch = [_tool("mvn", "Maven", what), "-q", "-B", "-f", "pom.xml"]
    fetch += ["dependency:copy-dependencies", "-DoutputDirectory=jars"]
    _run(fetch, folder, f"Maven could not fetch {what}")
    (folder / "classes").mkdir()
    if sources := sorted(part.name for part in folder.glob("*.java")):
        compiler = _tool("javac", f"a JDK of version {_OLDEST_JAVA}", what)
        _run([compiler, "-cp", "jars/*", "-d", "classes", *sources], folder, "javac failed")


def _java_or_missing(what: str) -> None:
    told = subprocess.run(
        [_tool("java", f"Java {_OLDEST_JAVA}", what), "-version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version.group(1)) < _OLDEST_JAVA:
        raise ServerMissingError(f"{what} needs Java {_OLDEST_JAVA} or later; install a JDK")


def _tool(program: str, needed: str, what: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ServerMissingError(f"{what} needs {needed} (no `{program}` on the path)")
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
