"""Running a command as the user would, on the same terminal, and signals that end the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class Ended(BaseException):
    """A signal asked the demo to end. Not an Exception: nothing may take it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _raise(number: int, frame: FrameType | None) -> None:
    ignore_signals()  # one is enough: stopping the servers must not be cut short
    raise Ended(number)


def ignore_signals() -> None:
    """No signal to end is heard from here to the end of `signals_end`."""
    if threading.current_thread() is threading.main_thread():
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)


@contextmanager
def signals_end() -> Iterator[None]:
    """Within it, Ctrl-C, SIGTERM and SIGHUP raise Ended, once. Only a main thread can do so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _raise) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def environment(record: Path) -> dict[str, str]:
    """This environment with none of the user's settings of leftopen, and the demo's own record."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEFTOPEN_")}
    return {**kept, "LEFTOPEN_STORE": store_url(record)}


def store_url(record: Path) -> str:
    """The database URL of an SQLite file; the path must be absolute."""
    return f"sqlite:///{record}"


def leftopen(arguments: Sequence[str], folder: Path, record: Path) -> int:
    """Run `leftopen ARGUMENTS` in the folder and return its exit code.

    A leftopen.toml where the user stands has no say there. Where Ended comes, the command is given
    some seconds to end by itself (Ctrl-C reached it, too), then is ended.
    """
    process = subprocess.Popen(  # noqa: S603 - this interpreter and arguments of our own
        [sys.executable, "-m", "leftopen", *arguments],
        cwd=folder,
        env=environment(record),
    )
    try:
        return process.wait()
    except Ended as ended:
        if ended.number != signal.SIGINT:
            process.terminate()
        raise
    finally:
        _reap(process)


def _reap(process: subprocess.Popen[bytes]) -> None:
    for nudge in (process.terminate, process.kill):
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            nudge()
    process.wait()
