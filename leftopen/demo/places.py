"""Where on loopback the town's servers go: standard ports on a free block of 127.0.x.0/28.

On Linux all of 127.0.0.0/8 is this machine, so each server can have an address of its own and stand
on its usual port. Where only 127.0.0.1 exists (macOS), or somebody already listens on those ports
on every address, the servers take free ports of 127.0.0.1.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from leftopen.servers.base import free_port

_BLOCKS = range(77, 93)  # 127.0.77.0/28 to 127.0.92.0/28
_HOSTS = 14


@dataclass(frozen=True, slots=True)
class Places:
    """An address and port for each name, and what to write after `leftopen scan` to reach them."""

    at: Mapping[str, tuple[str, int]]
    targets: tuple[str, ...]


def find(wanted: Sequence[tuple[str, int]], scanned: Iterable[int]) -> Places:
    """A place for each (name, usual port), at most 14 of them.

    `scanned` are the ports that a scan tries: a block is taken only if nobody listens there on any
    of them, so that the scan meets the town and nothing else.
    """
    if len(wanted) > _HOSTS:
        raise ValueError("a block holds 14 servers")
    every = sorted({*scanned, *(port for _, port in wanted)})
    for block in _BLOCKS:
        hosts = [f"127.0.{block}.{number}" for number in range(1, _HOSTS + 1)]
        if all(is_free(host, port) for host in hosts for port in every):
            at = {name: (hosts[i], port) for i, (name, port) in enumerate(wanted)}
            return Places(at, (f"127.0.{block}.0/28",))
    ports: dict[str, tuple[str, int]] = {}
    taken: set[int] = set()
    for name, _ in wanted:
        port = free_port()
        while port in taken:
            port = free_port()
        taken.add(port)
        ports[name] = ("127.0.0.1", port)
    return Places(ports, tuple(f"{address}:{port}" for address, port in ports.values()))


def is_free(address: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it: connections that ended a moment ago are not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True
