"""A scripted HTTP peer: a function from request to answer, for dialers and for real sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from leftopen.net.scripted import ScriptedDialer


@dataclass(frozen=True)
class Asked:
    """One request: `path` unquoted and without its query, `query` the first value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What is sent back: `body` as it is where it is bytes, else as JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        raw = isinstance(self.body, bytes)
        body = self.body if raw else json.dumps(self.body).encode()
        kind = "text/html" if raw and body[:1] == b"<" else "application/json"
        head = {"Content-Type": kind, "Content-Length": str(len(body)), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        return f"HTTP/1.1 {self.status} Said\r\n{lines}\r\n".encode("latin-1") + body


Site = Callable[[Asked], Answer]


_BAD = Answer(b"", 400)


def _hearer(site: Site) -> Callable[[bytes], list[bytes]]:
    """One connection's ear; requests may come in any pieces, and several in one."""
    pending = bytearray()

    def hear(data: bytes) -> list[bytes]:
        pending.extend(data)
        answers: list[bytes] = []
        while (asked := _taken(pending)) is not None:
            answers.append(site(asked).encode() if asked.method.isalpha() else _BAD.encode())
        return answers

    return hear


def dialer(site: Site) -> ScriptedDialer:
    """A dialer whose every connection is answered by the site."""
    return ScriptedDialer(lambda: _hearer(site))


def behaviour(site: Site) -> Callable[[socket.socket], None]:
    """The same site on real sockets, for `leftopen.testing.peer`.

    There every engine asks it: what its script does not know is not found.
    """

    def at_large(asked: Asked) -> Answer:
        try:
            return site(asked)
        except Exception:  # an assertion or a look-up of a script made for one engine
            return Answer({"message": "not found"}, 404)

    def behave(connection: socket.socket) -> None:
        hear = _hearer(at_large)
        while data := connection.recv(65_536):
            for answer in hear(data):
                connection.sendall(answer)

    return behave


def _taken(pending: bytearray) -> Asked | None:
    """The first whole request of what came, taken out of it."""
    head, end, _ = bytes(pending).partition(b"\r\n\r\n")
    if not end:
        return None
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in rest)}
    size = len(head) + 4 + int(headers.get("content-length") or 0)
    if len(pending) < size:
        return None
    body = bytes(pending[len(head) + 4 : size])
    del pending[:size]
    method, target, *_ = [*first.split(" ", 2), "", ""]  # other protocols may end lines so too
    parts = urlsplit(target)
    query = {n: v[0] for n, v in parse_qs(parts.query, keep_blank_values=True).items()}
    return Asked(method, unquote(parts.path), query, headers, body)
