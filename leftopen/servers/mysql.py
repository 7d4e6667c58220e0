"""MariaDB on loopback, as Debian installs it.

Started as root it runs as `mysql`, with a data folder that belongs to that user. Over TCP it lets
nobody in until `fill` makes an account for them: its root may come by the socket in its own folder
alone, which is where `fill` goes.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from leftopen.servers.base import Server, free_port, launch, new_folder, program, unless_failed

_OWNER = "mysql"
_PACKAGE = "mariadb-server"
# Nothing here outlives the server: small files, nothing forced to disk, nothing but loopback.
_SETTINGS = (
    "--no-defaults", "--skip-name-resolve", "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
    "--skip-log-bin", "--max-connections=30",
)  # fmt: skip
_QUERY = re.compile(r"\t\s*\d+ (Connect|Query|Init DB|Quit|[A-Z]\w+)\t(.*)")
_TCP_ROOTS = "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost'; "


def mysql(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    tls: tuple[Path, Path] | None = None,
    read_only: bool = False,
) -> Server:
    """Start a fresh MariaDB that writes every command it gets to its general log.

    `tls` names a certificate and its key: the server then offers TLS, as an option. `read_only`
    switches writing off for all but administrators. Raises ServerMissingError where the program is
    not installed.
    """
    found, installer = (program(name, _PACKAGE) for name in ("mariadbd", "mariadb-install-db"))
    program("mariadb", _PACKAGE)
    port = port or free_port(address)
    folder = new_folder("mysql")
    owner = _OWNER if os.geteuid() == 0 else None
    with unless_failed(folder):
        _hand_over(folder, owner)
        subprocess.run(
            [
                installer, *_SETTINGS, f"--datadir={folder / 'data'}", "--skip-test-db",
                "--auth-root-authentication-method=normal",
                *([f"--user={owner}"] if owner else []),
            ],
            stdin=subprocess.DEVNULL, capture_output=True, check=True, cwd=folder,
        )  # fmt: skip
        command = [
            found, *_SETTINGS, f"--datadir={folder / 'data'}", f"--socket={_socket(folder)}",
            f"--pid-file={folder / 'pid'}", f"--bind-address={address}", f"--port={port}",
            "--general-log=1", f"--general-log-file={folder / 'general.log'}",
        ]  # fmt: skip
        if tls is not None:
            held = [folder / part.name for part in tls]
            for part, copy in zip(tls, held, strict=True):
                shutil.copy(part, copy)
                _hand_over(copy, owner)
            command += [f"--ssl-cert={held[0]}", f"--ssl-key={held[1]}"]
        if read_only:
            command.append("--read-only=1")
        server = launch(
            "mysql",
            command,
            address,
            port,
            folder,
            ready=lambda: _ran(folder, "SELECT 1").returncode == 0,
            user=owner,
        )
    with unless_failed(server):
        fill(server, _TCP_ROOTS + "FLUSH PRIVILEGES")
    return server


def fill(server: Server, sql: str) -> None:
    """Run SQL as root through the socket; raises RuntimeError with what the server said."""
    done = _ran(server.folder, sql)
    if done.returncode != 0:
        raise RuntimeError(f"mariadb refused a statement: {done.stderr.decode()[-2000:]}")


def commands(server: Server) -> list[tuple[str, str]]:
    """Kind and text of every command in the general log so far: ("Query", "SELECT 1")."""
    text = (server.folder / "general.log").read_text(errors="replace")
    return [(kind, told.strip()) for kind, told in _QUERY.findall(text)]


def _socket(folder: Path) -> Path:
    return folder / "socket"


def _hand_over(path: Path, owner: str | None) -> None:
    if owner is not None:
        entry = pwd.getpwnam(owner)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _ran(folder: Path, sql: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["mariadb", "--no-defaults", f"--socket={_socket(folder)}", "--user=root", "--batch"],
        input=sql.encode(), capture_output=True, check=False,
    )  # fmt: skip
