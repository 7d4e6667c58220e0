"""A real memcached on loopback, and a writer to fill it with."""

from __future__ import annotations

import os
import pwd
import signal
import socket
from collections.abc import Mapping
from typing import Literal

from leftopen.servers.base import Server, free_port, launch, new_folder, program


def memcached(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    password: str | None = None,
    lock: Literal["text", "sasl"] = "text",
    protocol: Literal["auto", "ascii", "binary"] = "auto",
    dumping: bool = True,
    memory: int = 64,
) -> Server:
    """Start a memcached with `memory` MiB, TCP only.

    With `password` (user `user`) it asks for it, in the text protocol or by SASL, which is binary
    only. Without `dumping` it lists no keys. Raises ServerMissingError where the program is missing
    or was built without SASL.
    """
    found = program("memcached", "memcached")
    port = free_port(address) if port is None else port
    folder = new_folder("memcached")
    command = [found, "-l", address, "-p", str(port), "-U", "0", "-m", str(memory)]
    env: dict[str, str] = {}
    if password is not None and lock == "text":
        users = folder / "users"
        users.write_text(f"user:{password}\n")
        command += ["-Y", str(users)]
    elif password is not None:
        # No account is made: a server that nobody can log in to is as locked as can be.
        settings = folder / "memcached.conf"
        settings.write_text(f"mech_list: plain\nsasldb_path: {folder}/accounts\n")
        env["SASL_CONF_PATH"] = str(folder)
        command += ["-S"]
    else:
        command += ["-B", protocol]
    if not dumping:
        command += ["-X"]
    user = None
    if os.geteuid() == 0:  # it will not run as root
        user = "nobody"
        account = pwd.getpwnam(user)
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
    # It holds nothing that must be put away, and looks for SIGTERM but once a second.
    end = signal.SIGKILL
    return launch("memcached", command, address, port, folder, env=env, user=user, ending=end)


def fill(server: Server, items: Mapping[str, bytes | str]) -> None:
    """Store the items. Raises RuntimeError where the server refuses one."""
    with socket.create_connection((server.address, server.port), timeout=10) as link:
        told = link.makefile("rb")
        for key, value in items.items():
            data = value if isinstance(value, bytes) else value.encode()
            link.sendall(b"set %b 0 0 %d\r\n%b\r\n" % (key.encode(), len(data), data))
            if told.readline() != b"STORED\r\n":
                raise RuntimeError("the server refused an item")


def asked(server: Server, command: str) -> list[str]:
    """The lines that a command brings, up to END."""
    with socket.create_connection((server.address, server.port), timeout=10) as link:
        link.sendall(f"{command}\r\n".encode())
        told = link.makefile("r", encoding="latin-1")
        return [line.rstrip() for line in iter(told.readline, "END\n")]
