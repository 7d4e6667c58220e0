"""A real NATS server on loopback, and a writer of streams and messages."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from leftopen.servers.base import Server, free_port, launch, new_folder, program


def nats(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    jetstream: bool = True,
    password: str | None = None,
    anyone: str | None = None,
    tls: tuple[Path, Path] | None = None,
) -> Server:
    """Start a nats-server; its log tells refusals.

    With `password` the user "owner" exists and clients without a login are refused, unless
    `anyone` says what they may do: permissions as the configuration file writes them, as in
    `publish: {allow: ["a.b"]}`. `tls` names a certificate and its key; the server then demands TLS
    after its greeting. Raises ServerMissingError where there is no program.
    """
    found = program("nats-server", "nats-server")
    port = free_port(address) if port is None else port
    folder = new_folder("nats")
    lines = [f'host: "{address}"', f"port: {port}"]
    if jetstream:
        lines.append(f'jetstream: {{store_dir: "{folder / "store"}"}}')
    users = []
    if password is not None:
        users.append(f"{{user: owner, password: {json.dumps(password)}}}")
    if anyone is not None:
        users.append(f'{{user: anyone, password: "", permissions: {{{anyone}}}}}')
        lines.append("no_auth_user: anyone")
    if users:
        lines.append(f"authorization: {{users: [{', '.join(users)}]}}")
    if tls is not None:
        lines.append(f'tls: {{cert_file: "{tls[0]}", key_file: "{tls[1]}"}}')
    settings = folder / "nats.conf"
    settings.write_text("".join(f"{line}\n" for line in lines))
    settings.chmod(0o600)
    return launch("nats", [found, "-c", settings], address, port, folder)


def fill(
    server: Server,
    streams: Mapping[str, Iterable[tuple[str, bytes]]],
    *,
    password: str | None = None,
    subjects: Mapping[str, list[str]] | None = None,
) -> None:
    """Make each stream and store its messages (subject, payload), each of them acknowledged.

    A stream takes the subjects `NAME.>` unless `subjects` names others. Raises RuntimeError where
    the server refuses.
    """
    login = {} if password is None else {"user": "owner", "pass": password}
    with (
        socket.create_connection((server.address, server.port), timeout=10) as link,
        link.makefile("rb") as told,
    ):
        told.readline()
        link.sendall(b"CONNECT " + json.dumps({"verbose": False, **login}).encode() + b"\r\n")
        link.sendall(b"SUB _INBOX.filler 1\r\n")

        def ask(subject: str, payload: bytes) -> Any:
            head = f"PUB {subject} _INBOX.filler {len(payload)}\r\n".encode()
            link.sendall(head + payload + b"\r\n")
            while not (line := told.readline()).startswith(b"MSG "):
                if not line or line.startswith(b"-ERR"):
                    raise RuntimeError("the server refused")
            answer = json.loads(told.read(int(line.split()[-1]) + 2))
            if "error" in answer:
                raise RuntimeError(f"the server refused: {answer['error']}")
            return answer

        for name, messages in streams.items():
            wanted = (subjects or {}).get(name, [f"{name}.>"])
            config = {"name": name, "subjects": wanted, "storage": "memory"}
            ask(f"$JS.API.STREAM.CREATE.{name}", json.dumps(config).encode())
            for subject, payload in messages:
                ask(subject, payload)
