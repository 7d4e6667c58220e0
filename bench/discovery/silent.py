"""Hosts that say nothing: run in a network namespace of its own, which has no way out.

`python -m bench.discovery.silent RUNS LIMIT` prints seconds by who took them, as JSON; LIMIT is how
long one run of nmap may take. A pair of virtual links leads to nobody: what goes in at one end is
dropped at the other, without a word.
"""

from __future__ import annotations

import errno
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from ipaddress import ip_network

from bench.discovery.nmap import nmap
from bench.discovery.repeated import Times, repeated
from bench.discovery.verdicts import POLITE, UNTHROTTLED
from leftopen.config import Settings
from leftopen.discover import Part, Plan
from leftopen.net.sweep import IN_FLIGHT, Sweep
from leftopen.scope import Scope

NETWORK = "10.99.1.0/24"
PORTS = (27017, 6379, 5432, 11211, 8123, 2379, 8086, 9090, 5000, 1883, 4222, 873)
TUNED = (
    "-T5", "--max-retries", "0", "--min-parallelism", "700", "--min-hostgroup", "256",
)  # fmt: skip


def namespace() -> list[str] | None:
    """The command that runs another in a namespace of its own; None where there is no way."""
    command = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return None
    trial = [*command, "ip", "link", "add", "near", "type", "veth", "peer", "name", "far"]
    allowed = subprocess.run(trial, capture_output=True, check=False).returncode == 0
    return command if allowed else None


def _make_network() -> None:
    for words in (
        "link set lo up",
        "link add near type veth peer name far",
        "link set near arp off up",  # nobody is asked who has the address: it is simply sent
        "link set far up",
        "address add 10.99.0.1/16 dev near",
    ):
        subprocess.run(["ip", *words.split()], check=True)


def bare(pairs: Sequence[tuple[str, int]], patience: float) -> float:
    """Seconds of the least that can be done: connect_ex and epoll, no scope, no order, no rates."""
    poller = select.epoll()
    flying: dict[int, tuple[float, socket.socket]] = {}
    begun = time.perf_counter()
    following = 0
    while following < len(pairs) or flying:
        while len(flying) < IN_FLIGHT and following < len(pairs):
            opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            if opened.connect_ex(pairs[following]) != errno.EINPROGRESS:
                raise SystemExit("a host that ought to be silent was not")
            flying[opened.fileno()] = (time.perf_counter() + patience, opened)
            poller.register(opened.fileno(), select.EPOLLOUT)
            following += 1
        first = next(iter(flying.values()))[0]
        if poller.poll(max(0.0, first - time.perf_counter())):
            raise SystemExit("a host that ought to be silent was not")
        now = time.perf_counter()
        while flying and next(iter(flying.values()))[0] <= now:
            flying.pop(next(iter(flying)))[1].close()
    taken = time.perf_counter() - begun
    poller.close()
    return taken


def ours(plan: Plan, settings: Settings) -> float:
    """Seconds of leftopen's sweep, with its own timeout."""
    scope = Scope(targets=(ip_network(NETWORK),))
    sweep = Sweep(scope, settings.budget(), plan, timeout=settings.timeout)
    begun = time.perf_counter()
    result = sweep.run(lambda target: None, lambda *done: None, threading.Event())
    taken = time.perf_counter() - begun
    if result.silent != plan.count:
        raise SystemExit(f"the hosts were not all silent: {result}")
    return taken


def main(runs: int, limit: float) -> None:
    _make_network()
    plan = Plan((Part(ip_network(NETWORK), tuple(sorted(PORTS))),))
    pairs = [(str(t.address), t.port) for t in map(plan.pair, range(plan.count))]

    def by_nmap(*arguments: str) -> float:
        return nmap(arguments, [NETWORK], PORTS, limit).seconds

    took: dict[str, Times] = {
        "leftopen, no rates": repeated(lambda: ours(plan, UNTHROTTLED), runs),
        "leftopen, polite": repeated(lambda: ours(plan, POLITE), runs),
        "bare loop": repeated(lambda: bare(pairs, POLITE.timeout), runs),
        "nmap, tuned": repeated(lambda: by_nmap(*TUNED), runs),
        "nmap, default": repeated(by_nmap, runs),
    }
    json.dump(took, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
