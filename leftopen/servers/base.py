"""What all launchers share: a free port, a process with a log file, waiting, stopping."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self


class ServerMissingError(Exception):
    """The server's program is not on this machine; the text says which and how to get it."""


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on at the address at this moment."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(address: str, port: int) -> bool:
    """Whether somebody listens there now."""
    try:
        with socket.create_connection((address, port), timeout=0.5):
            return True
    except OSError:
        return False


@dataclass
class Server:
    """A running server process. `log` is the file its output goes to; `folder` holds its data."""

    name: str
    address: str
    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    log: Path
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
        return f"{self.address}:{self.port}"

    def stop(self, ending: int = signal.SIGTERM, seconds: float = 10.0) -> None:
        """End the process (and, if it will not, kill it) and remove its folder."""
        if self._stopped:
            return
        self._stopped = True
        if self.process.poll() is None:
            self.process.send_signal(ending)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
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
) -> Server:
    """Start a server and wait until it is ready (by default: until it accepts connections).

    Raises RuntimeError with the end of its log where it dies or is not ready in time.
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
    server = Server(name, address, port, process, folder, log)
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        if ready() if ready is not None else accepts(address, port):
            return server
        time.sleep(0.05)
    tail = ""
    with contextlib.suppress(OSError):
        tail = log.read_text(errors="replace")[-2000:]
    server.stop()
    raise RuntimeError(f"{name} did not start on {address}:{port}\n{tail}")


def new_folder(name: str) -> Path:
    """A fresh folder for a server's data, readable by this user alone."""
    return Path(tempfile.mkdtemp(prefix=f"leftopen-{name}-"))


def certificate(folder: Path) -> tuple[Path, Path]:
    """A fresh self-signed certificate for loopback and its key, as PEM files in `folder`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "leftopen tests")])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
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
