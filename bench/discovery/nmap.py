"""nmap beside leftopen: how it is run, its XML read, and when it counts as having called a verdict.

nmap gives no verdicts; a reader draws them from what its scripts say. The rule is the kindest that
stays true: a store counts as called open where a script that reads what only an open one gives
printed what it read, and as called locked where any script, or the words nmap puts beside the
service, say that a login is wanted. A product's name or version alone is neither: locked servers
tell it too. rsync's module names count as open, as the script's author meant them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Called = Literal["open", "locked", "nothing"]

RELEVANT = (
    "mongodb-info", "mongodb-databases", "redis-info", "memcached-info", "couchdb-databases",
    "couchdb-stats", "cassandra-info", "docker-version", "mqtt-subscribe", "rsync-list-modules",
)  # fmt: skip
# mqtt-subscribe would otherwise listen for five seconds to what comes in the first tenth of one.
_BRIEFLY = ("--script-args", "mqtt-subscribe.listen-time=100ms")
SCRIPTS = ("--script", ",".join(RELEVANT), *_BRIEFLY)
VERSIONS = ("-sV", "--script", ",".join(("default", *RELEVANT)), *_BRIEFLY)

# The scripts that read what an open store alone gives, and what stands in their answer then.
# mongodb-info and docker-version are not among them: build and version are told to anyone.
READS = {
    "mongodb-databases": re.compile(r"totalSize|databases"),
    "redis-info": re.compile(r"Version|Operating System"),
    "memcached-info": re.compile(r"Process ID|Uptime"),
    "couchdb-databases": re.compile(r"\S"),
    "couchdb-stats": re.compile(r"httpd|couchdb"),
    "cassandra-info": re.compile(r"Cluster name"),
    "mqtt-subscribe": re.compile(r"Topics and their most recent payloads"),
    "rsync-list-modules": re.compile(r"\S"),
}
_REFUSED = re.compile(
    r"noauth|not authori[sz]ed|unauthori[sz]ed|(authentication|password|login|auth) (is )?required"
    r"|requires? (authentication|a password)|access denied|denied|\b401\b",
    re.IGNORECASE,
)
_FAILED = re.compile(r"\bERROR\b|errmsg|Script execution failed")
_RAW = "fingerprint-strings"  # what a server said, undigested: nobody has called it anything


class NmapMissingError(Exception):
    """nmap is not on this machine."""


@dataclass(frozen=True)
class Port:
    """One port as nmap's XML has it."""

    address: str
    port: int
    state: str
    service: str = ""  # the protocol's name: from the port, or with -sV from what answered
    probed: bool = False  # whether that name comes from what answered
    product: str = ""
    extra: str = ""
    scripts: dict[str, str] = field(default_factory=dict)

    @property
    def called(self) -> Called:
        """What nmap is counted as having said of it; the module's text has the rule."""
        if self.state != "open":
            return "nothing"
        texts = {name: text for name, text in self.scripts.items() if name != _RAW}
        for name, reads in READS.items():
            text = texts.get(name, "")
            if reads.search(text) and not (_REFUSED.search(text) or _FAILED.search(text)):
                return "open"
        told = [self.extra, *texts.values()]
        return "locked" if any(_REFUSED.search(text) for text in told) else "nothing"


def parse(document: str) -> list[Port]:
    """Every port in the output of `nmap -oX`. Raises xml.etree's ParseError for half a file."""
    found = []
    for host in ET.fromstring(document).iter("host"):
        address = next(
            a.get("addr", "") for a in host.iter("address") if a.get("addrtype") != "mac"
        )
        for port in host.iter("port"):
            state, service = port.find("state"), port.find("service")
            told = {} if service is None else service.attrib
            found.append(
                Port(
                    address,
                    int(port.get("portid", "0")),
                    "" if state is None else state.get("state", ""),
                    told.get("name", ""),
                    told.get("method") == "probed",
                    told.get("product", ""),
                    told.get("extrainfo", ""),
                    {s.get("id", ""): s.get("output", "") for s in port.iter("script")},
                )
            )
    return found


@dataclass(frozen=True)
class Scanned:
    """One run of nmap; `ended` is False where it was stopped at the limit, and `ports` is empty."""

    seconds: float
    ports: tuple[Port, ...]
    ended: bool = True


def version() -> str:
    """As "7.93". Raises NmapMissingError."""
    if shutil.which("nmap") is None:
        raise NmapMissingError("nmap is missing: apt install nmap")
    told = subprocess.run(["nmap", "--version"], capture_output=True, text=True, check=True)
    number = re.search(r"version (\S+)", told.stdout)
    return number.group(1) if number else "of unknown version"


def nmap(
    arguments: Sequence[str], targets: Sequence[str], ports: Sequence[int], limit: float
) -> Scanned:
    """Run `nmap -n -Pn -sT` with the arguments, for at most `limit` seconds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.xml"
        chosen = ",".join(map(str, sorted(set(ports))))
        command = ["nmap", "-n", "-Pn", "-sT", *arguments, "-p", chosen, "-oX", str(out), *targets]
        begun = time.perf_counter()
        try:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=limit
            )
        except subprocess.TimeoutExpired:
            return Scanned(time.perf_counter() - begun, (), ended=False)
        taken = time.perf_counter() - begun
        return Scanned(taken, tuple(parse(out.read_text(encoding="utf-8", errors="replace"))))
