"""A host that takes connections on every port, with a real open Redis among them, in one scan."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from leftopen.decoys import HIGH_PORTS
from leftopen.servers.redis import fill, redis
from leftopen.testing import leftopen, start

HOST, HONEST = "127.0.69.1", "127.0.69.2"


@contextlib.contextmanager
def every_high_port(address: str) -> Iterator[None]:
    """Listeners on all of them: the system takes the connections, nobody answers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = len(HIGH_PORTS) + 512
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.fail(f"the system allows {hard} open files, this test needs {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    with contextlib.ExitStack() as stack:
        for port in HIGH_PORTS:
            listener = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # a port that is taken is open as well
                listener.bind((address, port))
                listener.listen(4)
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_is_open_on_a_host_where_all_is_open_proves_nothing(tmp_path: Path) -> None:
    with (
        every_high_port(HOST),
        start(redis, HOST, port=6379) as everywhere,
        start(redis, HONEST, port=6379) as honest,
    ):
        for server in (everywhere, honest):
            fill(server, [("SET", "a", "b")])
        ran = leftopen(
            *("scan", HOST, HONEST, "--ports", "6379,50000", "--format", "json"),
            store=tmp_path / "r.db",
        )
    told = {(s["address"], s["port"]): s for s in json.loads(ran.out)["services"]}
    assert told[HOST, 6379]["verdict"] == "DECOY"
    assert told[HOST, 50000]["verdict"] == "DECOY"
    assert told[HONEST, 6379]["verdict"] == "OPEN"
    assert [e["address"] for e in json.loads(ran.out)["exposures"]] == [HONEST]
