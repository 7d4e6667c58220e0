"""A host that takes connections on every port that leftopen may try to tell it by.

`python -m bench.discovery.everywhere ADDRESS PORT TARGET_ADDRESS TARGET_PORT` listens on PORT and
on all of `decoys.HIGH_PORTS`, and carries every connection to the target: a real open store, so
that nothing but the host's being open everywhere can tell it apart. A process of its own, for it
takes some 16,000 sockets. Prints "ready", and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import resource
import select
import socket
import sys
import threading
from ipaddress import ip_address

from bench.discovery.decoys import carry
from leftopen.decoys import HIGH_PORTS
from leftopen.model import Target

_SPARE = 500  # descriptors for connections and for Python


def _listeners(address: str, port: int) -> dict[int, socket.socket]:
    made = {}
    for number in (port, *HIGH_PORTS):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody has this one: one less in sixteen thousand
            listener.bind((address, number))
            listener.listen(16)
            made[listener.fileno()] = listener
            continue
        listener.close()
    return made


def main(address: str, port: str, target_address: str, target_port: str) -> None:
    wanted = len(HIGH_PORTS) + _SPARE
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SystemExit(f"needs {wanted} open files; this machine allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    target = Target(ip_address(target_address), int(target_port))
    listeners = _listeners(address, int(port))
    poller = select.epoll()
    for descriptor in (0, *listeners):
        poller.register(descriptor, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for descriptor, _ in poller.poll():
            if descriptor == 0:
                return
            near, _ = listeners[descriptor].accept()
            threading.Thread(target=_serve, args=(near, target), daemon=True).start()


def _serve(near: socket.socket, target: Target) -> None:
    with contextlib.suppress(OSError), near:
        carry(near, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
