"""What all launchers share: a free port, a process with a log file, waiting, stopping."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

_PORTS = (20_000, 32_768)
_SBIN = "/usr/sbin:/sbin"  # where Debian keeps many servers; a user's path may lack it


class ServerMissingError(Exception):
    """The server's program is not on this machine; the text says which and how to get it."""


def on_path(name: str) -> str | None:
    """Where a program is: on the path, or among Debian's servers, or None."""
    return shutil.which(name) or shutil.which(name, path=_SBIN)


def program(name: str, package: str) -> str:
    """Where a program is that Debian has in `package`; raises ServerMissingError."""
    found = on_path(name)
    if found is None:
        raise ServerMissingError(f"{name} is missing: apt install {package}")
    return found


def authority(address: str, port: int) -> str:
    """Address and port as a URL has them: IPv6 in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on at the address at this moment.

    It is below those that Linux gives to connections, one of which might take it before the server
    does. Raises OSError where the address is not of this machine, or no port of many was free.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for tries_left in reversed(range(100)):
        port = random.randrange(*_PORTS)
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE or not tries_left:
                    raise
            else:
                return port
    raise AssertionError


def accepts(address: str, port: int) -> bool:
    """Whether somebody listens there now."""
    try:
        with socket.create_connection((address, port), timeout=0.5):
            return True
    except OSError:
        return False


@dataclass
class Server:
    """A running server process. `log` is the file its output goes to; `folder` holds its data;
    `ending` is the signal that ends it soonest."""

    name: str
    address: str
    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    log: Path
    ending: int = signal.SIGTERM
    _stopped: bool = field(default=False, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def where(self) -> str:
        return authority(self.address, self.port)

    def stop(self, ending: int | None = None, seconds: float = 10.0) -> None:
        """End the process (and, if it will not, kill it) and its children; remove its folder."""
        if self._stopped:
            return
        self._stopped = True
        if self.process.poll() is None:
            self.process.send_signal(self.ending if ending is None else ending)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        with contextlib.suppress(ProcessLookupError):  # as it should be: none is left
            os.killpg(self.process.pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def launch(
    name: str,
    command: Sequence[str | os.PathLike[str]],
    address: str,
    port: int,
    folder: Path,
    *,
    ready: Callable[[], bool] | None = None,
    seconds: float = 60.0,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    ending: int = signal.SIGTERM,
) -> Server:
    """Start a server and wait until it is ready (by default: until it accepts connections).

    It leads a process group of its own. Raises RuntimeError with the end of its log where it dies
    or is not ready in time; whatever is raised, the server is gone and its folder with it.
    """
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=None if env is None else {**os.environ, **env},
            start_new_session=True,
            user=user,
        )
    server = Server(name, address, port, process, folder, log, ending)
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until and process.poll() is None:
            if ready() if ready is not None else accepts(address, port):
                return server
            time.sleep(0.05)
    except BaseException:
        server.stop()
        raise
    tail = ""
    with contextlib.suppress(OSError):
        tail = log.read_text(errors="replace")[-2000:]
    server.stop()
    raise RuntimeError(f"{name} did not start on {address}:{port}\n{tail}")


def new_folder(name: str) -> Path:
    """A fresh folder for a server's data, readable by this user alone."""
    return Path(tempfile.mkdtemp(prefix=f"leftopen-{name}-"))


@contextlib.contextmanager
def unless_failed(server: Server | Path) -> Iterator[None]:
    """Stop a server, or remove a folder for one, where the block that fills it raises."""
    try:
        yield
    except BaseException:
        if isinstance(server, Server):
            server.stop()
        else:
            shutil.rmtree(server, ignore_errors=True)
        raise


def certificate(folder: Path) -> tuple[Path, Path]:
    """A fresh self-signed certificate for loopback and its key, as PEM files in `folder`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "leftopen tests")])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(n) for n in ("localhost", "db.example.org")]
    names += [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file
