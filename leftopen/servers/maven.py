"""JVM servers for the tests: their jars, fetched once by Maven into a cache folder, and how a small
server is run."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from leftopen.servers.base import ServerMissingError
from leftopen.servers.fetched import fetched, run, tool

# A server for tests lives for a minute: the second compiler would cost more than it brings.
# -Xrs: a signal ends it at once; what it would save is thrown away.
JAVA = ("java", "-Xrs", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_OLDEST_JAVA = 17


def class_path(package: str, what: str) -> str:
    """The class path of the server that `package` describes; `what` is its name for people.

    The package (`leftopen.servers.…`) holds a pom.xml and may hold .java files, which are compiled
    against its jars. Raises ServerMissingError where Java, Maven or the network is missing.
    """
    return of_folder(built(package, what))


def of_folder(folder: Path) -> str:
    """The class path of what is built in a folder."""
    return os.pathsep.join((f"{folder}/classes", f"{folder}/jars/*"))


def built(package: str, what: str, finish: Callable[[Path], None] | None = None) -> Path:
    """The folder with the jars/ and classes/ of `class_path`; `finish` is called with it once,
    before its classes are compiled."""
    _java_or_missing(what)
    recipe = {
        part.name: part.read_bytes()
        for part in files(package).iterdir()
        if part.name == "pom.xml" or part.name.endswith(".java")
    }
    return fetched(package.rpartition(".")[2], recipe, lambda folder: _build(folder, what, finish))


def _build(folder: Path, what: str, finish: Callable[[Path], None] | None) -> None:
    fetch = [tool("mvn", "Maven", what), "-q", "-B", "-f", "pom.xml"]
    fetch += ["dependency:copy-dependencies", "-DoutputDirectory=jars"]
    run(fetch, folder, f"Maven could not fetch {what}")
    if finish is not None:
        finish(folder)
    (folder / "classes").mkdir()
    if sources := sorted(part.name for part in folder.glob("*.java")):
        compiler = tool("javac", f"a JDK of version {_OLDEST_JAVA}", what)
        run([compiler, "-cp", "jars/*", "-d", "classes", *sources], folder, "javac failed")


def _java_or_missing(what: str) -> None:
    told = subprocess.run(
        [tool("java", f"Java {_OLDEST_JAVA}", what), "-version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version.group(1)) < _OLDEST_JAVA:
        raise ServerMissingError(f"{what} needs Java {_OLDEST_JAVA} or later; install a JDK")
