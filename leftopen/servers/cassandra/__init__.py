"""A real Apache Cassandra on loopback, and a writer to fill it with.

The node writes the text of every query it takes to its log (its own audit log); `queries` reads
them back.
"""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Iterable

from leftopen.servers.base import Server, free_port, launch, new_folder, unless_failed
from leftopen.servers.maven import JAVA, class_path

_START_SECONDS = 120.0  # about 5 on two idle cores
_AUDITED = re.compile(r"\|type:(\w+)\|category:(\w+)(?:\|[a-z]+:[^|\n]*)*?\|operation:([^\n]*)")

# What Cassandra's own jvm11-server.options asks for on Java 11 and later.
_EXPORTS = (
    *("java.base/jdk.internal.misc", "java.base/jdk.internal.ref", "java.base/sun.nio.ch"),
    *("java.management.rmi/com.sun.jmx.remote.internal.rmi", "java.rmi/sun.rmi.registry"),
    *("java.rmi/sun.rmi.server", "java.sql/java.sql"),
)
_OPENS = (
    *("java.base/java.lang.module", "java.base/jdk.internal.loader", "java.base/jdk.internal.ref"),
    *("java.base/jdk.internal.reflect", "java.base/jdk.internal.math", "java.base/java.io"),
    *("java.base/jdk.internal.module", "java.base/jdk.internal.util.jar", "java.base/sun.nio.ch"),
    *("java.base/java.util", "java.base/java.lang", "java.base/java.nio"),
    *("java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic"),
    *("java.rmi/sun.rmi.transport.tcp", "jdk.management/com.sun.management.internal"),
)
_LOGGING = """\
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <logger name="org.apache.cassandra.audit" level="INFO"/>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"""


def cassandra(
    address: str = "127.0.0.1", *, port: int | None = None, authentication: bool = False
) -> Server:
    """Start a node and wait until it takes clients; by default anybody may read and write.

    With `authentication` it wants a name and a password from everybody. Raises ServerMissingError
    where Maven or a JDK is missing.
    """
    classes = class_path(__name__, "Cassandra")
    port = port or free_port(address)
    peers = free_port(address)
    folder = new_folder("cassandra")
    with unless_failed(folder):
        seeds = {"class_name": "org.apache.cassandra.locator.SimpleSeedProvider"}
        settings = {
            "cluster_name": "leftopen tests",
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "endpoint_snitch": "SimpleSnitch",
            "seed_provider": [{**seeds, "parameters": [{"seeds": f"{address}:{peers}"}]}],
            "listen_address": address,
            "storage_port": peers,
            "rpc_address": address,
            "start_native_transport": True,
            "native_transport_port": port,
            "num_tokens": 1,
            # Named as in the file that Cassandra comes with; the default would be the same.
            "authenticator": "PasswordAuthenticator" if authentication else "AllowAllAuthenticator",
            "authorizer": "CassandraAuthorizer" if authentication else "AllowAllAuthorizer",
            "commitlog_sync": "periodic",
            "commitlog_sync_period": "10000ms",
            "disk_optimization_strategy": "ssd",
            "auto_snapshot": False,
            "data_file_directories": [str(folder / "data")],
            "audit_logging_options": {
                "enabled": True,
                "logger": [{"class_name": "FileAuditLogger"}],
                "excluded_keyspaces": "",  # by default reads of the schema are left out
            },
        }
        for name, part in (("commitlog", "commitlog"), ("saved_caches", "caches"),
                           ("hints", "hints"), ("cdc_raw", "cdc")):  # fmt: skip
            settings[f"{name}_directory"] = str(folder / part)
        # JSON is YAML, and says strings and lists without a writer of our own.
        (folder / "cassandra.yaml").write_text(json.dumps(settings))
        (folder / "logback.xml").write_text(_LOGGING)
        given = {
            "cassandra.config": f"file://{folder}/cassandra.yaml",
            "cassandra.storagedir": str(folder),
            "cassandra-foreground": "yes",  # or it would close its output, and so its log
            "cassandra.ring_delay_ms": "0",  # there are no other nodes to wait for
            "cassandra.skip_wait_for_gossip_to_settle": "0",
            "java.library.path": str(folder),
            "java.io.tmpdir": str(folder),
            "logback.configurationFile": str(folder / "logback.xml"),
        }
        return launch(
            "cassandra",
            [
                *JAVA,
                *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS),
                *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS),
                *(f"-D{name}={value}" for name, value in given.items()),
                *("-cp", classes, "org.apache.cassandra.service.CassandraDaemon"),
            ],
            address,
            port,
            folder,
            seconds=_START_SECONDS,
        )


def fill(server: Server, statements: Iterable[str]) -> None:
    """Run CQL statements one after another; raises RuntimeError at the first that is refused."""
    with (
        socket.create_connection((server.address, server.port), timeout=30) as link,
        link.makefile("rb") as replies,
    ):

        def ask(operation: int, body: bytes) -> None:
            link.sendall(struct.pack("!BBhBi", 4, 0, 1, operation, len(body)) + body)
            head = replies.read(9)
            told = replies.read(struct.unpack("!i", head[5:])[0])
            if head[4] not in (0x02, 0x08):  # READY, RESULT
                raise RuntimeError(f"cassandra refused a statement: {told[:500]!r}")

        ask(0x01, struct.pack("!HH11sH5s", 1, 11, b"CQL_VERSION", 5, b"3.0.0"))
        for statement in statements:
            text = statement.encode()
            ask(0x07, struct.pack("!i", len(text)) + text + b"\x00\x01\x00")  # consistency ONE


def queries(server: Server) -> list[tuple[str, str, str]]:
    """Type, category and text of every request that the node's audit log holds, in order."""
    return _AUDITED.findall(server.log.read_text(errors="replace"))
