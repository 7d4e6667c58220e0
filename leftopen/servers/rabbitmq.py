"""A real RabbitMQ on loopback with its management API alone, and a writer to fill it with.

It takes no AMQP. Its name server (epmd) is one of its own, on a free port, and ends with it.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from leftopen.servers.base import (
    Server,
    ServerMissingError,
    accepts,
    free_port,
    launch,
    new_folder,
    program,
)
from leftopen.servers.calls import JSON, basic, told

USER = "owner"
_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one in sbin wants to be a service
_CONF = """\
listeners.tcp = none
management.tcp.ip = {address}
management.tcp.port = {port}
default_user = {user}
default_pass = {password}
vm_memory_high_watermark.absolute = 256MB
"""


@dataclass
class Broker(Server):
    """A running broker and its own name server."""

    names: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def stop(self, ending: int | None = None, seconds: float = 10.0) -> None:
        super().stop(ending, seconds)
        if self.names is not None and self.names.poll() is None:
            self.names.kill()
            self.names.wait()


def rabbitmq(
    address: str = "127.0.0.1", *, port: int | None = None, password: str = "of the owner"
) -> Broker:
    """Start a broker; its only account is USER with this password, an administrator.

    The port is that of its management API. Raises ServerMissingError where RabbitMQ or Erlang is
    missing.
    """
    epmd = program("epmd", "rabbitmq-server")
    if not _PROGRAM.is_file():
        raise ServerMissingError("RabbitMQ is missing: apt install rabbitmq-server")
    port = free_port(address) if port is None else port
    folder = new_folder("rabbitmq")
    conf = folder / "rabbitmq.conf"
    conf.write_text(_CONF.format(address=address, port=port, user=USER, password=password))
    conf.chmod(0o600)
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
    (folder / "env.conf").touch()
    names_port = free_port()
    names = subprocess.Popen(
        [epmd, "-address", "127.0.0.1", "-port", str(names_port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    env = {
        "HOME": str(folder),  # where Erlang makes its cookie
        "RABBITMQ_ALLOW_INPUT": "1",  # stay in this process instead of a child of a shell
        "RABBITMQ_NODENAME": "leftopen@localhost",
        "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
        "RABBITMQ_CONFIG_FILE": str(conf),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            "-noinput -start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +S 2:2"
        ),
        "ERL_EPMD_PORT": str(names_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_CRASH_DUMP_BYTES": "0",
    }
    try:
        started = launch(
            "rabbitmq", [_PROGRAM], address, port, folder,
            env=env, ending=signal.SIGKILL,  # nothing is kept, and an orderly end takes seconds
            ready=lambda: _is_ready(address, port, folder),
        )  # fmt: skip
    except BaseException:
        names.kill()
        names.wait()
        raise
    return Broker(**vars(started), names=names)


def call(
    server: Server,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    password: str = "of the owner",
) -> Any:
    """One request of the owner's; returns the JSON reply or None, raises RuntimeError."""
    headers = JSON | {"Authorization": basic(USER, password)}
    content = None if body is None else json.dumps(body)
    answer = told(server, method, path, content, headers)
    return json.loads(answer) if answer else None


def fill(server: Server, vhost: str, queues: Mapping[str, int]) -> None:
    """Make durable queues in the virtual host (which is made too), each with so many messages."""
    inside = quote(vhost, safe="")
    call(server, "PUT", f"/api/vhosts/{inside}")
    for name, messages in queues.items():
        call(server, "PUT", f"/api/queues/{inside}/{quote(name, safe='')}", {"durable": True})
        for number in range(messages):
            message = {"properties": {}, "routing_key": name, "payload_encoding": "string"}
            path = f"/api/exchanges/{inside}/amq.default/publish"
            call(server, "POST", path, {**message, "payload": f'{{"order": {number}}}'})


def account(server: Server, name: str, password: str, tags: str, *vhosts: str) -> None:
    """Make an account with these tags that may read, write and configure in these virtual hosts."""
    call(server, "PUT", f"/api/users/{name}", {"password": password, "tags": tags})
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    for vhost in vhosts:
        call(server, "PUT", f"/api/permissions/{quote(vhost, safe='')}/{name}", everything)


def _is_ready(address: str, port: int, folder: Path) -> bool:
    log = folder / "server.log"
    return accepts(address, port) and "Server startup complete" in log.read_text(errors="replace")
