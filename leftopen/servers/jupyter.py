"""A real Jupyter Server on loopback, and a writer of the files that it shows."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from typing import Literal

from leftopen.servers.base import (
    Server,
    ServerMissingError,
    free_port,
    launch,
    new_folder,
    program,
)
from leftopen.servers.calls import answers

_ASKED = re.compile(r"\] (\d{3}) ([A-Z]+) (/\S*) \(")
# The server's own way to let some in and not others: a class in its configuration.
_RULES = """\
from jupyter_server.auth import Authorizer

class Rules(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return resource != "contents"

c.ServerApp.authorizer_class = Rules
"""


def jupyter(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    token: str = "",
    refuse_contents: bool = False,
    files: Literal["writable", "read-only"] = "writable",
) -> Server:
    """Start a server without kernels' programs being run; by default it asks for no token.

    With `refuse_contents` its rules of authorisation refuse the contents API to everybody.
    `files` "read-only" takes the right to write away from its folder, and from it the right to
    write nevertheless. Raises ServerMissingError where jupyter-server is missing.
    """
    if importlib.util.find_spec("jupyter_server") is None:
        raise ServerMissingError("jupyter-server is missing: pip install 'leftopen[servers]'")
    port = free_port(address) if port is None else port
    folder = new_folder("jupyter")
    shown = folder / "shown"
    shown.mkdir()
    config = folder / "config"
    config.mkdir()
    if refuse_contents:
        (config / "jupyter_server_config.py").write_text(_RULES)
    prefix: list[str] = []
    if files == "read-only":
        shown.chmod(0o555)
        if os.geteuid() == 0:  # the modes of files bind root only without this capability
            prefix = [
                program("setpriv", "util-linux"),
                "--bounding-set=-dac_override",
                "--inh-caps=-dac_override",
            ]
    env = {
        "HOME": str(folder),
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_TOKEN": token,  # not in the list of processes
    }
    command = [
        *prefix, sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root",
        f"--ip={address}", f"--port={port}", "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={shown}", "--ServerApp.terminals_enabled=False",
        "--ServerApp.log_level=DEBUG",  # which names every request
    ]  # fmt: skip
    if not token:  # an empty one in the environment counts as none given
        command.append("--IdentityProvider.token=")
    return launch(
        "jupyter",
        command,
        address,
        port,
        folder,
        env=env,
        ready=lambda: answers(address, port, "/api"),
    )


def fill(server: Server, files: Mapping[str, str]) -> None:
    """Write these files, by path, into the folder that the server shows."""
    for path, text in files.items():
        file = server.folder / "shown" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def requests(server: Server) -> list[tuple[str, str]]:
    """Method and path of every request in its log so far, in order."""
    log = server.log.read_text(errors="replace")
    return [(method, path) for _, method, path in _ASKED.findall(log)]
