"""pytest helpers that others may use too: start a real server, or say loudly that it is missing.

Load it with `pytest_plugins = ["leftopen.testing"]`. A test that needs a server calls `start`;
where its program is not on the machine the test is skipped and named at the end of the run.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import pytest

from leftopen.budget import Budget, StoreLimits
from leftopen.engine import Engine
from leftopen.model import OptIn, Target
from leftopen.net.connection import Connection, Dialer
from leftopen.net.dial import TcpDialer
from leftopen.scope import Scope
from leftopen.servers.base import Server, ServerMissingError

P = ParamSpec("P")
S = TypeVar("S", bound=Server)
T = TypeVar("T")

LIMITS = StoreLimits(rows=2_000, silence=5.0)

_missing: dict[str, str] = {}
_shared: dict[Any, Server] = {}


def need(made: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """What `made` returns; or, where it raises ServerMissingError, a skip that the end of the run
    names."""
    try:
        return made(*args, **options)
    except ServerMissingError as missing:
        _missing[f"{made.__module__}.{made.__qualname__}"] = str(missing)
        pytest.skip(str(missing))


def start(launcher: Callable[P, S], *args: P.args, **options: P.kwargs) -> S:
    """The running server, which the caller stops; a skip where its program is missing."""
    return need(launcher, *args, **options)


def shared(launcher: Callable[P, S], *args: P.args, **options: P.kwargs) -> S:
    """The same as `start`, but a server that all tests of the run share and none may stop.

    For servers that are slow to start: each combination of launcher and (hashable) arguments is
    started once, when first asked for, and stopped at the end of the run.
    """
    key = (launcher, args, tuple(sorted(options.items())))
    if key not in _shared:
        _shared[key] = start(launcher, *args, **options)
    return cast("S", _shared[key])


def connection(
    engine: Engine,
    server: Server | Target | Dialer,
    limits: StoreLimits = LIMITS,
    *,
    tls: bool = False,
    opt_in: OptIn | None = None,
) -> Connection:
    """A connection for an engine to a running server, a target on loopback or a scripted dialer
    (then to the engine's first port); open it with `async with`."""
    dialer: Dialer = TcpDialer(Scope.loopback(), Budget(None, None))
    target = Target(ip_address("127.0.0.1"), engine.ports[0])
    if isinstance(server, Server):
        target = Target(ip_address(server.address), server.port)
    elif isinstance(server, Target):
        target = server
    else:
        dialer = server
    allowed = opt_in or OptIn()
    return Connection(dialer, target, engine.requests, limits, tls=tls, opt_in=allowed)


@contextlib.contextmanager
def peer(
    behave: Callable[[socket.socket], None], address: str = "127.0.0.1", port: int = 0
) -> Iterator[Target]:
    """A misbehaving peer on a real socket: every connection is given to `behave`, in a thread of
    its own, and closed after it. Errors of the socket end a connection quietly."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
        opened: list[socket.socket] = []
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                behave(connection)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    opened.append(connection)
                    threads.append(threading.Thread(target=serve, args=(connection,)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield Target(ip_address(address), listener.getsockname()[1])
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for connection in opened:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def pytest_configure() -> None:
    """A run that is ended by SIGTERM stops its servers, as one that is ended by Ctrl-C does."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_sessionfinish() -> None:
    while _shared:
        _shared.popitem()[1].stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _missing:
        terminalreporter.section("NOT TESTED: servers missing on this machine", red=True)
        for launcher, why in sorted(_missing.items()):
            terminalreporter.write_line(f"{launcher}: {why}", red=True)


@dataclass(frozen=True)
class Ran:
    """What a run of the command line left: exit code, both outputs, and the most memory that it
    and its sampling process held together (bytes resident, pages they share counted twice)."""

    code: int
    out: str
    err: str
    peak: int


def leftopen(
    *arguments: str,
    store: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = 120.0,
    meanwhile: Callable[[subprocess.Popen[bytes]], None] | None = None,
) -> Ran:
    """Run the `leftopen` command as a user would, with a record of its own at `store`.

    `meanwhile` is called with the process as soon as it runs.
    """
    given = {**os.environ, **(env or {}), "LEFTOPEN_STORE": f"sqlite:///{store}"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "leftopen", *arguments],
            stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=given, cwd=cwd,
        )  # fmt: skip
        if meanwhile is not None:
            meanwhile(process)
        peak, end = 0, time.monotonic() + seconds
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            if time.monotonic() > end:
                process.kill()
                process.wait()
                raise AssertionError(f"leftopen {' '.join(arguments)} took over {seconds} s")
            time.sleep(0.02)
        out.seek(0)
        err.seek(0)
        return Ran(process.returncode, out.read().decode(), err.read().decode(), peak)


def _resident(pid: int) -> int:
    """Bytes resident of a process and its children at this moment."""
    import psutil

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(p.memory_info().rss for p in family if p.is_running())
    return 0
