"""The states in which a container registry can be met."""

from __future__ import annotations

from typing import Any

from leftopen.model import Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.registry import fill, registry
from leftopen.testing import peer, shared
from tests.rows.row import Row, Rows, lends, once_a_run
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


@once_a_run
def filled() -> Server:
    server = registry()
    with unless_failed(server):
        fill(server, "town/shop", {"1.0": image(), "latest": image()})
    return server


def _read_only() -> Server:
    return shared(registry, read_only=True, data=filled().folder / "data")


ROWS = Rows(
    "registry",
    rows=[
        Row("open", lends(filled), Verdict.OPEN, can_write="yes"),
        Row("empty", lends(shared, registry), Verdict.OPEN, can_write="yes"),
        Row("authentication on", lends(shared, registry, locked=True), Verdict.AUTH_REQUIRED),
        Row("metadata only", lambda: peer(behaviour(catalogue_only())), Verdict.OPEN_PARTIAL,
            real=False),
        Row("read-only", lends(_read_only),
            Verdict.OPEN, can_write="no"),
    ],
    absent={},
)  # fmt: skip
