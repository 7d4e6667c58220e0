"""The states in which a container registry can be met."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from leftopen.model import Target, Verdict
from leftopen.servers.base import Server
from leftopen.servers.registry import fill, registry
from leftopen.testing import peer, shared, start
from tests.rows.row import Row, Rows
from tests.scripted_http import Answer, Asked, Site, behaviour

HEADERS = {"Docker-Distribution-Api-Version": "registry/2.0"}


def image(author: str = "Ann Lee <ann.lee@example.org>") -> dict[str, Any]:
    """The configuration of an image that an invented person made."""
    inner = {
        "Env": ["PATH=/bin", "SMTP_PASSWORD=not to be kept"],
        "Labels": {"org.opencontainers.image.authors": author, "stage": "test"},
    }
    return {"architecture": "amd64", "os": "linux", "author": author,
            "created": "2024-03-01T10:00:00Z", "config": inner,
            "rootfs": {"type": "layers", "diff_ids": []}}  # fmt: skip


def error(status: int, code: str, detail: Any = None) -> Answer:
    return Answer({"errors": [{"code": code, "message": "no", "detail": detail}]}, status, HEADERS)


def catalogue_only() -> Site:
    """A registry whose token server lets anybody list and nobody pull."""

    def site(asked: Asked) -> Answer:
        if asked.path == "/v2/_catalog":
            return Answer({"repositories": ["town/shop"]}, headers=HEADERS)
        return error(401, "UNAUTHORIZED", [{"Name": asked.path.split("/")[2], "Action": "pull"}])

    return site


def filled() -> Server:
    server = shared(registry)
    fill(server, "town/shop", {"1.0": image(), "latest": image()})
    return server


def at(server: Server) -> Target:
    return Target(ip_address(server.address), server.port)


@contextlib.contextmanager
def _open() -> Iterator[Target]:
    yield at(filled())


@contextlib.contextmanager
def _new(**options: Any) -> Iterator[Target]:
    with start(registry, **options) as server:
        yield at(server)


ROWS = Rows(
    "registry",
    rows=[
        Row("open", _open, Verdict.OPEN, can_write="yes"),
        Row("empty", lambda: _new(), Verdict.OPEN, can_write="yes"),
        Row("authentication on", lambda: _new(locked=True), Verdict.AUTH_REQUIRED),
        Row("metadata only", lambda: peer(behaviour(catalogue_only())), Verdict.OPEN_PARTIAL,
            real=False),
        Row("read-only", lambda: _new(read_only=True, data=filled().folder / "data"),
            Verdict.OPEN, can_write="no"),
    ],
    absent={},
)  # fmt: skip
