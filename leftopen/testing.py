"""pytest helpers that others may use too: start a real server, or say loudly that it is missing.

Load it with `pytest_plugins = ["leftopen.testing"]`. A test that needs a server calls `start`;
where its program is not on the machine the test is skipped and named at the end of the run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest

from leftopen.servers.base import Server, ServerMissingError

P = ParamSpec("P")
S = TypeVar("S", bound=Server)

_missing: dict[str, str] = {}


def start(launcher: Callable[P, S], *args: P.args, **options: P.kwargs) -> S:
    """The running server; or, where its program is missing, a skip that the end of the run names.

    The caller stops the server.
    """
    try:
        return launcher(*args, **options)
    except ServerMissingError as missing:
        _missing[f"{launcher.__module__}.{launcher.__qualname__}"] = str(missing)
        pytest.skip(str(missing))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _missing:
        terminalreporter.section("NOT TESTED: servers missing on this machine", red=True)
        for launcher, why in sorted(_missing.items()):
            terminalreporter.write_line(f"{launcher}: {why}", red=True)
