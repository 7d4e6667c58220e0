"""A real etcd of one member on loopback, and a writer to fill it with."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from leftopen.servers.base import (
    Server,
    authority,
    free_port,
    launch,
    new_folder,
    program,
    unless_failed,
)


def etcd(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    password: str | None = None,
    v2: bool = False,
) -> Server:
    """Start an etcd; with `password` its authentication is on, and `root` has it.

    With `v2` it answers the old API too. Raises ServerMissingError where the program is missing.
    """
    found = program("etcd", "etcd-server")
    port = free_port(address) if port is None else port
    folder = new_folder("etcd")
    clients, peers = (f"http://{authority(address, p)}" for p in (port, free_port(address)))
    command = [
        found, "--name", "one", "--data-dir", str(folder / "data"), "--log-level", "warn",
        "--listen-client-urls", clients, "--advertise-client-urls", clients,
        "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
        "--initial-cluster", f"one={peers}", f"--enable-v2={'true' if v2 else 'false'}",
        "--unsafe-no-fsync",
    ]  # fmt: skip
    server = launch(
        "etcd", command, address, port, folder, ready=lambda: _is_healthy(address, port)
    )
    if password is not None:
        with unless_failed(server):
            _lock(server, password)
    return server


def fill(server: Server, pairs: Mapping[str, bytes | str]) -> None:
    """Put the pairs. Raises RuntimeError where the server refuses one."""
    bodies = []
    for key, value in pairs.items():
        data = value if isinstance(value, bytes) else value.encode()
        bodies.append({"key": _encoded(key.encode()), "value": _encoded(data)})
    _post(server, [("/v3/kv/put", body) for body in bodies])


def handled(server: Server) -> dict[str, int]:
    """How many calls of each method of its gRPC API the server has answered, by its own count."""
    with closing(http.client.HTTPConnection(server.address, server.port, timeout=10)) as link:
        link.request("GET", "/metrics")
        text = link.getresponse().read().decode()
    counts: dict[str, int] = {}
    counted = r'^grpc_server_handled_total\{.*grpc_method="(\w+)".*\} (\d+)$'
    for method, count in re.findall(counted, text, re.MULTILINE):
        counts[method] = counts.get(method, 0) + int(count)
    return {method: count for method, count in counts.items() if count}


def _is_healthy(address: str, port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection(address, port, timeout=2)) as link:
            link.request("GET", "/health")
            return bool(json.loads(link.getresponse().read()).get("health") == "true")
    except (OSError, ValueError, http.client.HTTPException):
        return False


def _lock(server: Server, password: str) -> None:
    _post(
        server,
        [
            ("/v3/auth/user/add", {"name": "root", "password": password}),
            ("/v3/auth/role/add", {"name": "root"}),
            ("/v3/auth/user/grant", {"user": "root", "role": "root"}),
            ("/v3/auth/enable", {}),
        ],
    )


def _post(server: Server, requests: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    with closing(http.client.HTTPConnection(server.address, server.port, timeout=10)) as link:
        for path, body in requests:
            link.request("POST", path, json.dumps(body))
            answer = link.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"etcd refused {path}: {answer.status}")


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
