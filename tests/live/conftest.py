"""What the tests against real servers share."""

from __future__ import annotations

from pathlib import Path

import pytest

from leftopen.servers import base


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for loopback and its key, as PEM files."""
    return base.certificate(tmp_path_factory.mktemp("certificate"))
