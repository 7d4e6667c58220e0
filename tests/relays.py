"""What may stand between leftopen and a server: a port forward, TLS, a proxy, or a recording of it.

A recording is what a honeypot made of canned answers would be: the bytes of a real open server,
played back in the order in which they came, or (over HTTP) by the path that is asked for.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from leftopen.model import Target
from leftopen.servers.nginx import nginx
from leftopen.testing import peer, start

_SILENCE = 20.0  # seconds; no relay lives longer than a test


def _dial(target: Target) -> socket.socket:
    return socket.create_connection((str(target.address), target.port), timeout=_SILENCE)


def _pump(near: socket.socket, far: socket.socket, tell: Callable[[str, bytes], None]) -> None:
    """Carry bytes both ways until either side ends; `tell` hears each piece and who said it."""
    names = {near: "client", far: "server"}
    while True:
        # TLS may have decrypted more than it gave: the system does not know of that
        waiting = [s for s in (near, far) if isinstance(s, ssl.SSLSocket) and s.pending()]
        for side in waiting or select.select([near, far], [], [], _SILENCE)[0]:
            data = side.recv(65_536)
            if not data:
                return
            tell(names[side], data)
            (far if side is near else near).sendall(data)


@contextlib.contextmanager
def forward(target: Target, address: str = "127.0.0.1", port: int = 0) -> Iterator[Target]:
    """A port forward to the target."""

    def behave(near: socket.socket) -> None:
        with _dial(target) as far:
            _pump(near, far, lambda who, data: None)

    with peer(behave, address, port) as relay:
        yield relay


@contextlib.contextmanager
def over_tls(
    target: Target, certificate: tuple[Path, Path], *, ask_client: bool = False
) -> Iterator[Target]:
    """The target behind TLS only; with `ask_client` a certificate of the client's is required."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if ask_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate[0])

    def behave(raw: socket.socket) -> None:
        raw.settimeout(_SILENCE)
        with context.wrap_socket(raw, server_side=True) as near, _dial(target) as far:
            near.do_handshake()
            _pump(near, far, lambda who, data: None)

    with peer(behave) as relay:
        yield relay


@dataclass
class Recording:
    """What was said on each connection, in order: (who, bytes)."""

    said: list[list[tuple[str, bytes]]] = field(default_factory=list)


@contextlib.contextmanager
def recorded(target: Target, recording: Recording) -> Iterator[Target]:
    """A port forward that notes all that passes."""

    def behave(near: socket.socket) -> None:
        lines: list[tuple[str, bytes]] = []
        recording.said.append(lines)
        with _dial(target) as far:
            _pump(near, far, lambda who, data: lines.append((who, data)))

    with peer(behave) as relay:
        yield relay


@contextlib.contextmanager
def played(recording: Recording) -> Iterator[Target]:
    """A honeypot that says what the server said, in its order, whatever it is asked."""
    lock, turns = threading.Lock(), [0]

    def behave(near: socket.socket) -> None:
        with lock:
            lines = recording.said[min(turns[0], len(recording.said) - 1)]
            turns[0] += 1
        heard = False
        for who, data in lines:
            if who == "server":
                near.sendall(data)
                heard = False
            elif not heard:  # a request may have come in pieces then, and in one now
                if not near.recv(65_536):
                    return
                heard = True
        while near.recv(65_536):
            pass

    with peer(behave) as relay:
        yield relay


_BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


def _alike(one: str, other: str) -> int:
    """How many characters two paths have in common at their beginning."""
    same = (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(same, min(len(one), len(other)))


@contextlib.contextmanager
def played_by_path(recording: Recording) -> Iterator[Target]:
    """A honeypot over HTTP that gives to each path what the server gave to the likest path."""
    answers: dict[str, bytes] = {}
    for lines in recording.said:
        path = ""
        for who, data in lines:
            if who == "client":
                path = data.split(b" ", 2)[1].decode("latin-1")
            else:
                answers[path] = answers.get(path, b"") + data

    def likest(path: str) -> bytes:
        return answers[max(answers, key=lambda known: _alike(known, path))]

    def behave(near: socket.socket) -> None:
        while data := near.recv(65_536):
            words = data.split(b" ", 2)
            near.sendall(likest(words[1].decode("latin-1")) if len(words) == 3 else _BAD)

    with peer(behave) as relay:
        yield relay


@contextlib.contextmanager
def behind_nginx(target: Target, *, login: bool = False) -> Iterator[Target]:
    """A real nginx as a reverse proxy, which with `login` asks for a password."""
    gate = 'auth_basic "staff"; auth_basic_user_file /dev/null;' if login else ""
    passed = f"location / {{ proxy_pass http://{target}; proxy_http_version 1.1; }}"
    with start(nginx, gate + passed) as proxy:
        yield Target(ip_address(proxy.address), proxy.port)
