"""`leftopen scan --from`: other scanners' findings, lists and clusters as a user meets them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from leftopen.servers.base import free_port
from leftopen.servers.redis import redis
from leftopen.testing import Ran, need, peer, start
from tests.test_clusters import official

SCOPE = """
[scope]
owner = "Velmora"
authorised_by = "A. Clerk"
reference = "V-2026-1"
expires = 2099-12-31
targets = ["127.0.0.0/30"]
exclusions = ["127.0.0.2"]
"""
XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" version="7.93" xmloutputversion="1.05">
<host><status state="up" reason="syn-ack"/><address addr="127.0.0.1" addrtype="ipv4"/>
<ports><port protocol="tcp" portid="{}"><state state="open" reason="syn-ack"/></port>
<port protocol="tcp" portid="{}"><state state="closed" reason="conn-refused"/></port></ports></host>
</nmaprun>
"""


def scan(
    tmp_path: Path,
    *arguments: str,
    given: bytes | None = None,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """A scan with these arguments and this standard input, with a record of its own."""
    kept = {k: v for k, v in os.environ.items() if k not in ("KUBERNETES_SERVICE_HOST",)}
    ran = subprocess.run(
        [sys.executable, "-m", "leftopen", "scan", *arguments],
        env={**kept, "LEFTOPEN_STORE": f"sqlite:///{tmp_path / 'r.db'}", **(env or {})},
        stdin=subprocess.DEVNULL if given is None else None,
        input=given, capture_output=True, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode(), 0)


def refused(ran: Ran, code: int = 2) -> str:
    """The one line that a run ended with."""
    assert ran.code == code, ran
    assert ran.out == ""
    assert ran.err.startswith("leftopen: ")
    assert ran.err.count("\n") == 1, ran.err
    assert "\x1b" not in ran.err
    return ran.err


def judged(ran: Ran) -> dict[str, str]:
    services: list[dict[str, Any]] = json.loads(ran.out)["services"]
    return {f"{s['address']}:{s['port']}": s["verdict"] for s in services}


def test_what_a_file_names_is_judged_without_a_sweep(tmp_path: Path) -> None:
    touched: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        touched.append(connection.recv(64))

    with start(redis) as server, peer(behave) as other:
        (tmp_path / "found.xml").write_text(XML.format(server.port, other.port))
        ran = scan(tmp_path, "--from", "found.xml", "--ports", str(other.port), "--format", "json")
        assert judged(ran) == {f"127.0.0.1:{server.port}": "OPEN"}
    assert touched == [], "a port that was told as closed, and is one of --ports, is left alone"
    assert ran.err == ""
    assert ran.code == 11, "an open store with nothing personal in it"


def test_standard_input_other_sources_and_targets_together(tmp_path: Path) -> None:
    one, two, three = (free_port(f"127.0.0.{n}") for n in (1, 1, 3))
    (tmp_path / "list").write_text(f"# ours\r\n127.0.0.3:{three}\r\n127.0.0.1:{one}\r\n")
    piped = json.dumps({"ip": "127.0.0.1", "port": one, "protocol": "tcp"}).encode()
    ran = scan(tmp_path, "--from", "-", "--from", "list", f"127.0.0.1:{two}", "--format", "json",
               given=piped)  # fmt: skip
    assert judged(ran) == {f"127.0.0.1:{one}": "CLOSED", f"127.0.0.1:{two}": "CLOSED",
                           f"127.0.0.3:{three}": "CLOSED"}  # fmt: skip
    assert (ran.code, ran.err) == (3, "")


def test_networks_from_standard_input_are_swept(tmp_path: Path) -> None:
    with start(redis) as server:
        ran = scan(tmp_path, "--from", "-", "--ports", str(server.port), "--format", "json",
                   given=b"127.0.0.0/30 # the office\n")  # fmt: skip
    assert judged(ran) == {f"127.0.0.1:{server.port}": "OPEN"}


def test_what_is_outside_the_scope_is_left_out_and_counted(tmp_path: Path) -> None:
    touched: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        touched.append(connection.recv(64))

    (tmp_path / "leftopen.toml").write_text(SCOPE)
    port = free_port()
    with peer(behave, "127.0.0.9") as outside, peer(behave, "127.0.0.2") as excluded:
        found = [f"127.0.0.9:{outside.port}", f"127.0.0.1:{port}", f"127.0.0.2:{excluded.port}",
                 "198.51.100.7:6379", "127.0.0.0/8"]  # fmt: skip
        ran = scan(tmp_path, "--from", "-", "--format", "json", given="\n".join(found).encode())
    assert touched == []
    assert judged(ran) == {f"127.0.0.1:{port}": "CLOSED"}
    assert ran.err.count("\n") == 1
    assert "4 of 5 targets are not in the scope and are left out" in ran.err
    assert f"'127.0.0.9:{outside.port}' the first" in ran.err


def test_nothing_in_the_scope_is_no_scan_of_everything(tmp_path: Path) -> None:
    (tmp_path / "leftopen.toml").write_text(SCOPE)
    ran = scan(tmp_path, "--from", "-", given=b"127.0.0.9:6379\n127.0.0.2:6379\n")
    assert (ran.code, ran.out) == (2, "")
    first, second = ran.err.splitlines()
    assert "2 of 2 targets are not in the scope" in first
    assert "nothing of what was found elsewhere is in the scope" in second


def test_without_a_scope_file_only_loopback_is_taken(tmp_path: Path) -> None:
    ran = scan(tmp_path, "--from", "-", given=b"192.0.2.1:6379\n")
    assert ran.code == 2
    assert "1 of 1 targets are not in the scope" in ran.err


def test_resuming_takes_no_further_targets(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("127.0.0.1:9\n")
    line = refused(scan(tmp_path, "--resume", "last", "--from", "list"))
    assert "--resume goes on with the targets of its run" in line


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (b"", "standard input: names no target"),
        (b"\x1f\x8b\x08\xff", "standard input: is neither text nor XML"),
        (b"10.0.0.5 10.0.0.6\n", "standard input: line 1 holds more than one target"),
        (b"\x1b[2J\n", "'\\x1b[2J' holds characters that no target has"),
        (b"x" * 100_000, "is not a target"),
    ],
)
def test_what_names_no_target_is_one_clear_line(tmp_path: Path, given: bytes, says: str) -> None:
    line = refused(scan(tmp_path, "--from", "-", given=given))
    assert says in line
    assert len(line) < 400


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "none.xml: cannot be read" in refused(scan(tmp_path, "--from", "none.xml"))
    assert "cannot be read (Is a directory)" in refused(scan(tmp_path, "--from", "."))


@pytest.mark.parametrize(
    ("source", "env", "code", "says"),
    [
        ("kubernetes", {"KUBECONFIG": "none"}, 2, "no Kubernetes configuration was found"),
        ("docker", {"DOCKER_HOST": "unix:///no/such/socket"}, 1, "Docker engine did not answer"),
    ],
)
def test_a_cluster_that_cannot_be_asked(
    tmp_path: Path, source: str, env: dict[str, str], code: int, says: str
) -> None:
    need(official, source, {"kubernetes": "k8s"}.get(source, source))
    (tmp_path / "leftopen.toml").write_text(SCOPE)
    assert says in refused(scan(tmp_path, "--from", source, env=env), code)
