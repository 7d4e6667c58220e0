"""What the owner of a server that speaks HTTP asks of it, to see that it is up and to fill it."""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Mapping
from contextlib import closing

from leftopen.servers.base import Server

JSON = {"Content-Type": "application/json"}


def basic(user: str, password: str) -> str:
    """The Authorization header of HTTP's basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ask(
    address: str,
    port: int,
    method: str,
    path: str,
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    tls: bool = False,
    seconds: float = 30.0,
) -> tuple[int, bytes]:
    """Status and content of the answer to one request; with `tls` any certificate will do."""
    link = http.client.HTTPConnection(address, port, timeout=seconds)
    if tls:
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        link = http.client.HTTPSConnection(address, port, timeout=seconds, context=trusting)
    with closing(link):
        content = body.encode() if isinstance(body, str) else body
        link.request(method, path, content, dict(headers or {}))
        answer = link.getresponse()
        return answer.status, answer.read()


def told(
    server: Server,
    method: str,
    path: str,
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    tls: bool = False,
) -> bytes:
    """What a server answers to a request of the owner's; raises RuntimeError where it refuses."""
    status, content = ask(server.address, server.port, method, path, body, headers, tls=tls)
    if status >= 300:
        raise RuntimeError(f"{server.name} answered {status} to {method} {path}: {content[:500]!r}")
    return content


def answers(
    address: str, port: int, path: str, statuses: tuple[int, ...] = (200,), *, tls: bool = False
) -> bool:
    """Whether somebody there answers a GET of this path with one of these."""
    try:
        return ask(address, port, "GET", path, tls=tls, seconds=5.0)[0] in statuses
    except (OSError, http.client.HTTPException):
        return False
