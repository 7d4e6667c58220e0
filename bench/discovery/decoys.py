"""Seven peers that are no open store, or not one of their own, and what each is rightly called."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from ipaddress import ip_address

from bench.discovery.nmap import Port
from leftopen.engines import all_engines
from leftopen.model import Service, Target, Verdict
from leftopen.servers.redis import redis
from leftopen.testing import peer

_SILENCE = 30.0  # seconds; no relayed conversation lives longer without a word
_PAGE = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'
)
_DENIED = b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n"


@dataclass(frozen=True)
class Decoy:
    """One peer: the port it stands on, how it behaves, and the verdicts that are right of it.

    `serve` takes its address, and the open Redis that some of them lead to.
    """

    name: str
    port: int
    serve: Callable[[str, int, Target], AbstractContextManager[object]]
    right: frozenset[Verdict]

    @property
    def is_store(self) -> bool:
        return Verdict.OPEN in self.right

    def rightly_judged(self, service: Service) -> bool:
        return service.verdict in self.right and (not self.is_store or service.engine == "redis")

    def rightly_called(self, port: Port) -> bool:
        """Of nmap: that it calls no open store what is none, nor by what it answered names it one.

        A login that is wanted is no word for a decoy either, but for the one that says DENIED.
        """
        if self.is_store:
            return port.called == "open"
        if port.called == "open" or (port.called == "locked" and self.name != "-DENIED"):
            return False
        named = port.service if port.probed else ""
        return self.name == "-DENIED" or not any(engine in named for engine in all_engines())


def _behaving(
    behave: Callable[[socket.socket], None],
) -> Callable[..., AbstractContextManager[object]]:
    return lambda address, port, store: peer(behave, address, port)


def _echo(connection: socket.socket) -> None:
    while data := connection.recv(65_536):
        connection.sendall(data)


def _mute(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def _denied(connection: socket.socket) -> None:
    """As Redis' protected mode does: it says so at once and hangs up."""
    connection.sendall(_DENIED)
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(1.0)  # so that what we hear too late does not become a reset
    connection.recv(65_536)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.recv(1)


def _page(connection: socket.socket) -> None:
    while connection.recv(65_536):
        connection.sendall(_PAGE)


def carry(near: socket.socket, target: Target) -> None:
    """Carry bytes both ways between a connection and the target until either side ends."""
    where = (str(target.address), target.port)
    with socket.create_connection(where, timeout=_SILENCE) as far:
        sides = {near.fileno(): (near, far), far.fileno(): (far, near)}
        poller = select.poll()  # select() knows no descriptor above 1,023
        for descriptor in sides:
            poller.register(descriptor, select.POLLIN)
        while ready := poller.poll(1000 * _SILENCE):
            for descriptor, _ in ready:
                one, other = sides[descriptor]
                data = one.recv(65_536)
                if not data:
                    return
                other.sendall(data)


def _forward(address: str, port: int, store: Target) -> AbstractContextManager[object]:
    return peer(lambda near: carry(near, store), address, port)


@contextlib.contextmanager
def _everywhere(address: str, port: int, store: Target) -> Iterator[None]:
    module = "bench.discovery.everywhere"
    what = [address, str(port), str(store.address), str(store.port)]
    with subprocess.Popen(
        [sys.executable, "-m", module, *what], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as host:
        try:
            assert host.stdin is not None
            assert host.stdout is not None
            if host.stdout.readline() != b"ready\n":
                raise SystemExit("the host that is open everywhere did not start")
            yield
            host.stdin.close()
            host.wait(10)
        finally:
            host.kill()


_NOTHING_KNOWN = frozenset({Verdict.NOT_THIS, Verdict.UNDETERMINED})
DECOYS = (
    Decoy("echo", 6379, _behaving(_echo), _NOTHING_KNOWN),
    Decoy("mute", 27017, _behaving(_mute), frozenset({Verdict.SILENT, Verdict.UNDETERMINED})),
    Decoy("-DENIED", 6379, _behaving(_denied), frozenset({Verdict.ACL_CLOSED})),
    Decoy("reset", 5432, _behaving(_reset), _NOTHING_KNOWN),
    Decoy("HTTP 200 to anything", 9200, _behaving(_page), _NOTHING_KNOWN),
    Decoy("everything open", 6379, _everywhere, frozenset({Verdict.DECOY})),
    Decoy("port forward", 5432, _forward, frozenset({Verdict.OPEN})),
)


@contextlib.contextmanager
def serving(network: str) -> Iterator[list[tuple[Decoy, str]]]:
    """Every decoy on an address of its own, `network` (as "127.0.73") followed by 1 to 7."""
    with redis(f"{network}.100") as store, contextlib.ExitStack() as running:
        behind = Target(ip_address(store.address), store.port)
        placed = [(decoy, f"{network}.{n}") for n, decoy in enumerate(DECOYS, 1)]
        for decoy, address in placed:
            running.enter_context(decoy.serve(address, decoy.port, behind))
        yield placed
