"""How fast the sweep is, and how true it keeps to its rates. Run: python bench/sweep.py

First the rate of a bare non-blocking connect_ex + epoll loop against that of leftopen's sweep with
the budget's rates off, both over the same closed loopback pairs, in turn; then the rates that are
held under a budget.
"""

from __future__ import annotations

import errno
import os
import platform
import select
import socket
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from pathlib import Path

from leftopen.budget import Budget
from leftopen.discover import Part, Plan
from leftopen.model import Target
from leftopen.net.sweep import IN_FLIGHT, Socket, Sweep, open_socket
from leftopen.scope import Scope

ROUNDS = 5
SECONDS = 3.0  # that each rate is held for


def bare(pairs: Sequence[tuple[str, int]]) -> float:
    """Connections a second of the least that can be done; it knows every address beforehand."""
    poller = select.epoll()
    flying: dict[int, socket.socket] = {}
    begun = time.perf_counter()
    following = 0
    while following < len(pairs) or flying:
        while len(flying) < IN_FLIGHT and following < len(pairs):
            opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            said = opened.connect_ex(pairs[following])
            following += 1
            if said == errno.EINPROGRESS:
                flying[opened.fileno()] = opened
                poller.register(opened.fileno(), select.EPOLLOUT)
            else:
                opened.close()
        for fd, _ in poller.poll(1.0):
            opened = flying.pop(fd)
            opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            opened.close()
    taken = time.perf_counter() - begun
    poller.close()
    return len(pairs) / taken


def _sweep(plan: Plan, budget: Budget, make: Callable[[int], Socket] = open_socket) -> None:
    found: list[Target] = []
    sweep = Sweep(Scope.loopback(), budget, plan, open_socket=make)
    result = sweep.run(found.append, lambda done, opened, cursor: None, threading.Event())
    if result.done != plan.count or result.refused != plan.count:
        raise SystemExit(f"the ports were not all closed: {result}")


def unlimited(plan: Plan) -> float:
    """Connections a second of leftopen's sweep with the rates off."""
    begun = time.perf_counter()
    _sweep(plan, Budget(None, None))
    return plan.count / (time.perf_counter() - begun)


def held(plan: Plan, budget: Budget) -> tuple[float, int]:
    """Connections a second from the first to the last, and the most within any one second."""
    moments: list[float] = []

    def make(family: int) -> Socket:
        moments.append(time.monotonic())
        return open_socket(family)

    _sweep(plan, budget, make)
    first, most = 0, 0
    for number, moment in enumerate(moments):
        while moment - moments[first] >= 1.0:
            first += 1
        most = max(most, number - first + 1)
    return (len(moments) - 1) / (moments[-1] - moments[0]), most


def closed_ports(count: int) -> tuple[int, ...]:
    """Ports below the ephemeral ones that nobody listens on, on any loopback address."""
    found = []
    for port in range(20_000, 30_000):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return tuple(found)
    raise SystemExit("too few free ports on this machine")


def _cpu() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def main() -> None:
    ports = closed_ports(100)
    print(
        f"{_cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}"
    )
    shapes = {
        "4,096 addresses x 15 ports": Plan((Part(ip_network("127.1.0.0/20"), ports[:15]),)),
        "65,536 addresses x 1 port": Plan((Part(ip_network("127.2.0.0/16"), ports[:1]),)),
    }
    print(
        f"\nrates off, median of {ROUNDS}, in turn{'':<12}{'bare':>10}{'leftopen':>10}{'ratio':>8}"
    )
    for name, plan in shapes.items():
        known = [(str(t.address), t.port) for t in map(plan.pair, range(plan.count))]
        pairs = [(bare(known), unlimited(plan)) for _ in range(ROUNDS)]
        plain, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{name:<40}{plain:>10,.0f}{ours:>10,.0f}{ours / plain:>8.2f}")
    print(f"\n{'rate asked for':<40}{'held':>10}{'off by':>10}{'most in 1 s':>14}")
    for rate, prefix in ((100, 28), (1_000, 26), (5_000, 24)):
        network = ip_network(f"127.3.0.0/{prefix}")
        each = int(rate * SECONDS) // network.num_addresses
        plan = Plan((Part(network, ports[:each]),))
        _tell(f"{rate:,} a second", rate, *held(plan, Budget(rate, None)))
    plan = Plan((Part(ip_network("127.4.0.1/32"), ports[:61]),))
    _tell("20 a second per host, one host", 20, *held(plan, Budget(None, 20)))
    plan = Plan((Part(ip_network("127.4.1.0/27"), ports[:61]),))
    _tell("20 per host x 32 hosts, 1,000 in all", 640, *held(plan, Budget(1_000, 20)))


def _tell(name: str, rate: float, measured: float, most: int) -> None:
    print(f"{name:<40}{measured:>10,.1f}{100 * (measured / rate - 1):>9.2f}%{most:>14,}")


if __name__ == "__main__":
    main()
