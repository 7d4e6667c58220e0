"""What the tests against real servers share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leftopen.servers import base
from tests.live import canaries


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for loopback and its key, as PEM files."""
    return base.certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def every_store() -> Iterator[canaries.Standing]:
    """An open real server of every engine that has one, with people and canaries in it."""
    with canaries.standing() as made:
        yield made
