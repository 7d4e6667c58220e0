"""A real rsync daemon on loopback, with the modules that are asked for."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from leftopen.servers.base import Server, free_port, launch, new_folder, program


def rsyncd(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    modules: tuple[tuple[str, str], ...] = (("files", ""),),
    password: str | None = None,
    motd: str = "",
) -> Server:
    """Start an rsync daemon. Each of `modules` is a name and its own lines of rsyncd.conf(5); the
    files of module `x` lie in `folder/x`.

    With `password` the file `folder/secrets` holds the login "owner", for modules that say
    "auth users = owner". `motd` is the text that greets everybody. Transfers are logged. Raises
    ServerMissingError where there is no program.
    """
    found = program("rsync", "rsync")
    port = free_port(address) if port is None else port
    folder = new_folder("rsync")
    lines = [
        "use chroot = no",
        f"log file = {folder}/rsyncd.log",
        "transfer logging = yes",
        f"uid = {os.getuid()}",
        f"gid = {os.getgid()}",
        f"secrets file = {folder}/secrets",
        "reverse lookup = no",
    ]
    if motd:
        (folder / "motd").write_text(motd)
        lines.append(f"motd file = {folder}/motd")
    for name, own in modules:
        (folder / name).mkdir()
        lines += [f"[{name}]", f"path = {folder}/{name}", own]
    (folder / "secrets").write_text(f"owner:{password}\n" if password else "")
    (folder / "secrets").chmod(0o600)
    config = folder / "rsyncd.conf"
    config.write_text("\n".join(lines) + "\n")
    command = [found, "--daemon", "--no-detach", f"--port={port}", f"--address={address}"]
    command.append(f"--config={config}")
    # On SIGTERM it would sleep first (400 ms, for a terminal that is not there).
    return launch("rsync", command, address, port, folder, ending=signal.SIGUSR1)


def fill(server: Server, module: str, files: Mapping[str, bytes]) -> None:
    """Put files into the folder of a module; a name that ends in "/" makes a folder."""
    for name, data in files.items():
        path: Path = server.folder / module / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.write_bytes(data)
