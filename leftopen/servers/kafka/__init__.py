"""A real Apache Kafka on loopback: one broker that is its own controller (KRaft).

The broker writes every request it takes to its log (its own request logger); `requests` reads them
back.
"""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from leftopen.servers.base import Server, accepts, free_port, launch, new_folder, unless_failed
from leftopen.servers.maven import JAVA, class_path

Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]

_WHAT = "Kafka"
_START_SECONDS = 120.0  # about 4 on two idle cores
_FILL_SECONDS = 120.0
_STARTED = "Kafka Server started"
_REQUEST = re.compile(r'"clientId":"([^"]*)","requestApiKeyName":"(\w+)"')
_LOGGING = """\
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%p %c{1} %m%n
log4j.logger.kafka.server.KafkaRaftServer=INFO
log4j.logger.kafka.request.logger=DEBUG
"""


def kafka(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    password: str | None = None,
    acl: bool = False,
) -> Server:
    """Start a broker and wait until it has started; by default anybody may read and write.

    With `password` clients must log in by SASL (user `owner`). With `acl` an authorizer is set:
    who has no name may do what `Acl` orders of `fill` allow, and all where there is none. Raises
    ServerMissingError where Maven or a JDK is missing.
    """
    classes = class_path(__name__, _WHAT)
    port = port or free_port(address)
    controller, internal = free_port(address), free_port(address)
    folder = new_folder("kafka")
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{address}:{controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INTERNAL",
        "listeners": f"CLIENTS://{address}:{port},INTERNAL://{address}:{internal},"
        f"CONTROLLER://{address}:{controller}",
        "advertised.listeners": f"CLIENTS://{address}:{port},INTERNAL://{address}:{internal}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,CLIENTS:"
        + ("PLAINTEXT" if password is None else "SASL_PLAINTEXT"),
        "log.dirs": str(folder / "data"),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "auto.create.topics.enable": "true",  # as it is by default
        "log.cleaner.enable": "false",
    }
    if password is not None:
        login = "org.apache.kafka.common.security.plain.PlainLoginModule"
        settings["sasl.enabled.mechanisms"] = "PLAIN"
        jaas = f'{login} required user_owner="{password}";'
        settings["listener.name.clients.plain.sasl.jaas.config"] = jaas
    if acl:
        authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        settings["authorizer.class.name"] = authorizer
        settings["allow.everyone.if.no.acl.found"] = "true"
    with unless_failed(folder):
        _write(folder / "server.properties", settings)
        (folder / "data").mkdir()
        # What the storage tool writes when it formats a folder.
        meta = {"version": "1", "cluster.id": "bGVmdG9wZW4tdGVzdHM0cQ", "node.id": "1"}
        _write(folder / "data" / "meta.properties", meta)
        (folder / "log4j.properties").write_text(_LOGGING)
        log = folder / "server.log"
        return launch(
            "kafka",
            [
                *JAVA,
                f"-Dlog4j.configuration=file:{folder}/log4j.properties",
                *("-cp", classes, "kafka.Kafka", folder / "server.properties"),
            ],
            address,
            port,
            folder,
            ready=lambda: _STARTED in log.read_text(errors="replace") and accepts(address, port),
            seconds=_START_SECONDS,
        )


def topic(name: str, partitions: int = 1) -> str:
    """An order for `fill`: make a topic."""
    return f"topic\t{name}\t{partitions}"


def record(topic: str, value: bytes, key: bytes = b"", compression: Compression = "none") -> str:
    """An order for `fill`: write one record, by the vendor's own producer."""
    coded = (base64.b64encode(part).decode() for part in (key, value))
    return "\t".join(("record", topic, compression, *coded))


def allow(resource: Literal["topic", "cluster"], name: str, operation: str) -> str:
    """An order for `fill`: clients without a name may do this; then nothing else to that."""
    return f"acl\t{resource}\t{name}\t{operation}"


def fill(server: Server, orders: Iterable[str]) -> None:
    """Carry out orders one after another; raises RuntimeError where one fails."""
    done = subprocess.run(
        [*JAVA, "-cp", class_path(__name__, _WHAT), "Fill", server.where],
        input="".join(f"{order}\n" for order in orders),
        capture_output=True,
        text=True,
        check=False,
        timeout=_FILL_SECONDS,
    )
    if done.returncode != 0:
        raise RuntimeError(f"kafka was not filled: {done.stderr[-1000:]}")


def requests(server: Server, client: str) -> list[str]:
    """The kinds of requests that the broker's log holds of clients of this name, in order."""
    told = _REQUEST.findall(server.log.read_text(errors="replace"))
    return [kind for name, kind in told if name == client]


def _write(path: Path, settings: dict[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    path.chmod(0o600)
