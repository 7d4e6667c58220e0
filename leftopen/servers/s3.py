"""A real S3-compatible server on loopback: moto's, which keeps everything in memory."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Literal
from urllib.parse import quote

from leftopen.servers.base import Server, ServerMissingError, free_port, launch, new_folder

Acl = Literal["private", "public-read", "public-read-write"]

_NONE: Mapping[str, str] = {}
_ALL = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'
# A bucket's ACL, grant by grant: of one that is named as a whole moto shows but the first of each.
_GRANTS: dict[Acl, dict[str, str]] = {
    "private": {},
    "public-read": {"x-amz-grant-read": _ALL},
    "public-read-write": {"x-amz-grant-read": _ALL, "x-amz-grant-write": _ALL},
}


def s3(address: str = "127.0.0.1", *, port: int | None = None) -> Server:
    """Start a moto server. It lists buckets and keys to anyone; objects it gives by their ACL.

    Raises ServerMissingError where moto or its server part is missing.
    """
    if any(importlib.util.find_spec(name) is None for name in ("moto", "flask_cors")):
        raise ServerMissingError('moto is missing: pip install "moto[server,s3]"')
    port = free_port(address) if port is None else port
    command = [sys.executable, "-m", "moto.server", "-H", address, "-p", str(port)]
    # Credentials of the machine's user are not moto's business.
    env = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    return launch("s3", command, address, port, new_folder("s3"), env=env)


def fill(
    server: Server,
    bucket: str,
    objects: Mapping[str, bytes],
    *,
    acl: Acl = "private",
    policy: str | None = None,
) -> None:
    """Make a bucket with these objects, all of them under one ACL; `policy` is the bucket's, as
    JSON. Raises RuntimeError where the server refuses."""
    link = HTTPConnection(server.address, server.port, timeout=10)
    try:
        _put(link, f"/{bucket}")
        if _GRANTS[acl]:
            _put(link, f"/{bucket}?acl", headers=_GRANTS[acl])
        for key, content in objects.items():
            _put(link, f"/{bucket}/{quote(key)}", content, {"x-amz-acl": acl})
        if policy is not None:
            _put(link, f"/{bucket}?policy", policy.encode())
    finally:
        link.close()


def _put(
    link: HTTPConnection, path: str, body: bytes = b"", headers: Mapping[str, str] = _NONE
) -> None:
    link.request("PUT", path, body, dict(headers))
    with link.getresponse() as answer:
        answer.read()
        if answer.status not in (200, 204):
            raise RuntimeError(f"the server refused to store ({answer.status})")
