"""A real vsftpd on loopback, whose guests see one folder."""

from __future__ import annotations

import os
from collections.abc import Mapping

from leftopen.servers.base import (
    Server,
    ServerMissingError,
    free_port,
    launch,
    new_folder,
    program,
)


def vsftpd(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    anonymous: bool = True,
    settings: str = "",
) -> Server:
    """Start a vsftpd whose guests are shown `folder/files`; it logs every command.

    Without `anonymous` only users of this machine may log in, and that name is refused before any
    password. `settings` are more lines of vsftpd.conf(5). Raises ServerMissingError where there is
    no program, and for any user but root: only root can lock guests in, others would show them all
    of this machine.
    """
    found = program("vsftpd", "vsftpd")
    if os.geteuid() != 0:
        raise ServerMissingError("vsftpd can lock its guests in only where root starts it")
    port = free_port(address) if port is None else port
    folder = new_folder("ftp")
    folder.chmod(0o711)  # guests are another user, and must get to the folder that they are shown
    for name in ("files", "jail"):
        (folder / name).mkdir()
        (folder / name).chmod(0o755)
    (folder / "refused").write_text("anonymous\n")
    ipv6 = ":" in address
    lines = [
        f"listen={'NO' if ipv6 else 'YES'}",
        f"listen_ipv6={'YES' if ipv6 else 'NO'}",
        f"{'listen_address6' if ipv6 else 'listen_address'}={address}",
        f"listen_port={port}",
        "background=NO",
        "seccomp_sandbox=NO",  # its list of system calls is older than today's libraries
        f"anonymous_enable={'YES' if anonymous else 'NO'}",
        f"local_enable={'NO' if anonymous else 'YES'}",
        f"userlist_enable={'NO' if anonymous else 'YES'}",
        f"userlist_file={folder}/refused",
        "write_enable=NO",
        f"anon_root={folder}/files",
        f"secure_chroot_dir={folder}/jail",
        "xferlog_enable=YES",
        "log_ftp_protocol=YES",
        f"vsftpd_log_file={folder}/vsftpd.log",
        "isolate=NO",
        "isolate_network=NO",
    ]
    config = folder / "vsftpd.conf"
    config.write_text("\n".join([*lines, settings]) + "\n")
    return launch("ftp", [found, config], address, port, folder)


def fill(server: Server, files: Mapping[str, bytes]) -> None:
    """Put files into the folder that guests see; a name that ends in "/" makes a folder."""
    for name, data in files.items():
        path = server.folder / "files" / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            path.chmod(0o755)
        else:
            path.write_bytes(data)
            path.chmod(0o644)
