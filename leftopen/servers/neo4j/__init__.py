"""A real Neo4j (Community Edition) on loopback that speaks Bolt only, and a writer to fill it with.

Its edition keeps no log of queries; it notes each transaction that changes anything, and `written`
counts them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

from leftopen.servers.base import Server, accepts, free_port, launch, new_folder, unless_failed
from leftopen.servers.maven import JAVA, class_path

_START_SECONDS = 120.0  # about 8 on two idle cores
_STARTED, _WRITTEN = "Started.", "Written."
# The first answers take seconds to make; they are not to be waited for by whoever asks next.
_FIRST = (
    *("RETURN 'x' AS x", "MATCH (n) RETURN labels(n) AS labels LIMIT 1"),
    "SHOW DATABASES YIELD name, access RETURN name, access",
    "CALL dbms.listConfig('x') YIELD name, value RETURN name, value",
)
_OPENS = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
_RECORD, _SUCCESS = b"\xb1\x71", b"\xb1\x70"
_HELLO = b"\xb1\x01\xa2\x8auser_agent\x8aleftopen/0\x86scheme\x84none"


def neo4j(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    authentication: bool = False,
    read_only: bool = False,
) -> Server:
    """Start a server and wait until it has started; by default anybody may read and write.

    With `authentication` it wants a name and a password from everybody; with `read_only` its
    databases take no writes from anyone. Raises ServerMissingError where Maven or a JDK is missing.
    """
    classes = class_path(__name__, "Neo4j")
    port = port or free_port(address)
    folder = new_folder("neo4j")
    settings = {
        "server.default_listen_address": address,
        "server.bolt.enabled": "true",
        "server.bolt.listen_address": f"{address}:{port}",
        "server.http.enabled": "false",
        "server.https.enabled": "false",
        "dbms.security.auth_enabled": str(authentication).lower(),
        "dbms.usage_report.enabled": "false",
        "server.memory.pagecache.size": "16m",
        "db.tx_log.preallocate": "false",
    }
    with unless_failed(folder):
        starts = [settings]
        if read_only:  # its databases must be there
            starts.append({**settings, "server.databases.default_to_read_only": "true"})
        files = [folder / f"{number}.conf" for number, _ in enumerate(starts)]
        for file, told in zip(files, starts, strict=True):
            file.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
        log = folder / "server.log"
        server = launch(
            "neo4j",
            [
                *JAVA,
                *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENS),
                "-cp",
                classes,
                "Node",
                folder,
                *files,
            ],
            address,
            port,
            folder,
            ready=lambda: _STARTED in log.read_text(errors="replace") and accepts(address, port),
            seconds=_START_SECONDS,
        )
    if not authentication:
        with unless_failed(server):
            fill(server, _FIRST)
    return server


def fill(server: Server, statements: Iterable[str]) -> None:
    """Run Cypher statements one after another; raises RuntimeError at the first that is refused."""
    with (
        socket.create_connection((server.address, server.port), timeout=30) as link,
        link.makefile("rb") as replies,
    ):

        def ask(message: bytes) -> None:
            link.sendall(len(message).to_bytes(2) + message + b"\x00\x00")
            while (told := _message(replies.read))[:2] == _RECORD:
                pass
            if told[:2] != _SUCCESS:
                raise RuntimeError(f"neo4j refused a statement: {told[:500]!r}")

        link.sendall(bytes.fromhex("6060b017 00000404 00000000 00000000 00000000"))
        if replies.read(4) != b"\x00\x00\x04\x04":
            raise RuntimeError("neo4j does not speak Bolt 4.4")
        ask(_HELLO)
        for statement in statements:
            text = statement.encode()
            ask(b"\xb3\x10\xd2" + len(text).to_bytes(4) + text + b"\xa0\xa0")
            ask(b"\xb1\x3f\xa1\x81n\xff")  # all records of its result


def written(server: Server) -> int:
    """How many transactions have changed anything in it, by its own count."""
    return server.log.read_text(errors="replace").count(_WRITTEN)


def _message(read: Callable[[int], bytes]) -> bytes:
    """One message put together from its chunks; empty ones before it keep a connection alive."""
    told = b""
    while True:
        head = read(2)
        if len(head) < 2:
            raise RuntimeError("neo4j ended the connection")
        if head != b"\x00\x00":
            told += read(int.from_bytes(head))
        elif told:
            return told
