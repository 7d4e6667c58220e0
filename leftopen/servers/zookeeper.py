"""A real ZooKeeper of one member on loopback, and a writer to fill it with."""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

from leftopen.servers.base import (
    Server,
    ServerMissingError,
    free_port,
    launch,
    new_folder,
    program,
)
from leftopen.servers.maven import JAVA

_JAR = Path("/usr/share/java/zookeeper.jar")
_MAIN = "org.apache.zookeeper.server.ZooKeeperServerMain"
_ANYTHING = 31  # read, write, create, delete, administer
_CREATE, _SET_ACL = 1, 7


def zookeeper(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    words: str = "srvr,mntr",
    sasl: bool = False,
) -> Server:
    """Start a ZooKeeper that answers these four-letter words; with `sasl` it closes every session
    that does not authenticate, and nobody can. Raises ServerMissingError where it or Java is
    missing."""
    program("java", "default-jre-headless")
    if not _JAR.is_file():
        raise ServerMissingError("zookeeper is missing: apt install zookeeper")
    port = free_port(address) if port is None else port
    folder = new_folder("zookeeper")
    settings = folder / "zoo.cfg"
    settings.write_text(
        f"tickTime=2000\ndataDir={folder}/data\nclientPort={port}\nclientPortAddress={address}\n"
        f"admin.enableServer=false\n4lw.commands.whitelist={words}\n"
    )
    options = ["-Dzookeeper.forceSync=no"]
    if sasl:
        accounts = folder / "jaas.conf"
        # The one account has a password that nobody is told.
        module = "org.apache.zookeeper.server.auth.DigestLoginModule"
        password = secrets.token_hex(16)
        accounts.write_text(f'Server {{ {module} required user_nobody="{password}"; }};\n')
        options += [
            "-Dzookeeper.authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
            "-Dzookeeper.sessionRequireClientSASLAuth=true",
            f"-Djava.security.auth.login.config={accounts}",
        ]
    command = [*JAVA, *options, "-cp", str(_JAR), _MAIN, str(settings)]
    return launch("zookeeper", command, address, port, folder, ready=lambda: _serves(address, port))


def fill(server: Server, nodes: Mapping[str, bytes | str], *, anyone: int = _ANYTHING) -> None:
    """Create the nodes, each with those above it, and with this permission for anyone. Raises
    RuntimeError where the server refuses."""
    made: set[str] = set()
    with _session(server) as link:
        for path, value in nodes.items():
            above = ""
            *folders, last = path.strip("/").split("/")
            for part in folders:
                above += f"/{part}"
                if above not in made:
                    _ask(link, _CREATE, _text(above) + _text(b"") + _acl(_ANYTHING) + bytes(4))
                    made.add(above)
            data = value if isinstance(value, bytes) else value.encode()
            flags = bytes(4)
            _ask(link, _CREATE, _text(f"{above}/{last}") + _text(data) + _acl(anyone) + flags)
            made.add(path)


def permit(server: Server, path: str, anyone: int) -> None:
    """Give anyone these permissions on a node, and nobody any other."""
    with _session(server) as link:
        _ask(link, _SET_ACL, _text(path) + _acl(anyone) + struct.pack(">i", -1))


def said(server: Server, word: str) -> dict[str, str]:
    """What the server says to `srvr` or `mntr`, by name."""
    with socket.create_connection((server.address, server.port), timeout=10) as link:
        link.sendall(word.encode())
        with link.makefile("r") as told:
            lines = [line.replace("\t", ": ", 1).rstrip() for line in told]
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}


def _serves(address: str, port: int) -> bool:
    try:
        # Those that come too early are never answered.
        with socket.create_connection((address, port), timeout=0.5) as link:
            return _connected(link)
    except OSError:
        return False


def _session(server: Server) -> socket.socket:
    link = socket.create_connection((server.address, server.port), timeout=10)
    if not _connected(link):
        link.close()
        raise RuntimeError("the server accepts no session")
    return link


def _connected(link: socket.socket) -> bool:
    _send(link, struct.pack(">iqiqi", 0, 0, 10_000, 0, 16) + bytes(17))
    return len(_frame(link)) >= 36


def _ask(link: socket.socket, kind: int, record: bytes) -> None:
    _send(link, struct.pack(">ii", 1, kind) + record)
    error = struct.unpack_from(">iqi", _frame(link))[2]
    if error:
        raise RuntimeError(f"the server refused a request of type {kind}: {error}")


def _send(link: socket.socket, frame: bytes) -> None:
    link.sendall(struct.pack(">i", len(frame)) + frame)


def _frame(link: socket.socket) -> bytes:
    """The next frame; empty where the server has ended the connection."""
    head = link.recv(4, socket.MSG_WAITALL)
    return link.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL) if len(head) == 4 else b""


def _text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">i", len(data)) + data


def _acl(permissions: int) -> bytes:
    return struct.pack(">ii", 1, permissions) + _text("world") + _text("anyone")
