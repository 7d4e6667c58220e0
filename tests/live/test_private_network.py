"""A scope beyond loopback, in a network namespace of the test's own: private addresses, a scope
file, an exclusion, and Redis' protected mode, which refuses only who comes from elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from leftopen.servers.base import ServerMissingError
from leftopen.testing import need


def namespaces() -> list[str]:
    """The command that runs another in a namespace of its own; ServerMissingError without."""
    command = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        raise ServerMissingError("network namespaces need unshare and ip (util-linux, iproute2)")
    trial = [*command, "ip", "link", "set", "lo", "up"]
    if subprocess.run(trial, capture_output=True, check=False).returncode != 0:
        raise ServerMissingError("this machine does not let us make network namespaces")
    return command


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = str(tmp_path_factory.mktemp("private"))
    inside = [*need(namespaces), sys.executable, "-m", "tests.live.private_network", folder]
    ran = subprocess.run(inside, capture_output=True, check=True, timeout=120)
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def test_what_the_scope_names_is_scanned_and_nothing_else(told: list[dict[str, Any]]) -> None:
    document = json.loads(told[0]["out"])
    verdicts = {s["address"]: (s["verdict"], s["vantage"]) for s in document["services"]}
    assert verdicts == {
        "10.99.0.1": ("ACL_CLOSED", "private"),  # -DENIED, said by a real server
        "10.99.0.2": ("OPEN", "private"),
    }, "10.99.0.3 is open too, but excluded"
    assert document["run"]["scope"]["reference"] == "V-2026-1"
    assert told[0]["code"] == 11
    (exposure,) = document["exposures"]
    assert exposure["assessment"]["severity"]["cb"] == 0.25, "known recipients: that network"


def test_without_a_scope_file_a_private_address_is_refused(told: list[dict[str, Any]]) -> None:
    assert told[1]["code"] == 2
    assert told[1]["err"].count("\n") == 1
    assert "10.99.0.1" in told[1]["err"]


def test_an_excluded_address_is_refused_though_it_is_named(told: list[dict[str, Any]]) -> None:
    assert told[2]["code"] == 2
    assert "excluded" in told[2]["err"]
