"""A real Docker registry on loopback, and a writer that pushes small images to it."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from leftopen.servers.base import Server, authority, free_port, launch, new_folder, program

# Of random bytes that were thrown away: nobody can log in, which is all that a locked twin needs.
_NOBODYS = "admin:$2b$04$LSrU4mRFcU0ZDOvFobv/SeNQfpTbgzVEGMz/fZAb/EDAny1JhCd6C\n"
_ASKED = re.compile(r'"([A-Z]+) (\S+) HTTP/1\.[01]"')
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def registry(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    locked: bool = False,
    read_only: bool = False,
    data: Path | None = None,
) -> Server:
    """Start a registry; by default anybody may pull and push.

    `locked` asks for a login that nobody has; `read_only` allows pulls only. It keeps images in
    `data`, by default a folder of its own. Raises ServerMissingError where it is missing.
    """
    found = program("docker-registry", "docker-registry")
    port = free_port(address) if port is None else port
    folder = new_folder("registry")
    storage: dict[str, Any] = {"filesystem": {"rootdirectory": str(data or folder / "data")}}
    if read_only:
        storage["maintenance"] = {"readonly": {"enabled": True}}
    settings: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": storage,
        "http": {"addr": authority(address, port), "secret": "of this run alone"},
    }
    if locked:
        (folder / "htpasswd").write_text(_NOBODYS)
        settings["auth"] = {"htpasswd": {"realm": "leftopen", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
    command = [found, "serve", str(folder / "config.yml")]
    return launch("registry", command, address, port, folder)


def fill(
    server: Server, repository: str, tags: Mapping[str, Mapping[str, Any]], index: bool = False
) -> None:
    """Push an image for each tag, with this configuration and one small layer; behind an index of
    one image where `index` is set. Raises RuntimeError where the registry takes it not."""
    for tag, config in tags.items():
        layer = _push(server, repository, b"not a layer that anybody should read")
        described = _push(server, repository, json.dumps(config).encode())
        manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, **described},
            "layers": [{"mediaType": _LAYER, **layer}],
        }
        if index:
            inside = json.dumps(manifest).encode()
            digest = "sha256:" + hashlib.sha256(inside).hexdigest()
            _call(server, "PUT", f"/v2/{repository}/manifests/{digest}", inside, _MANIFEST)
            kind = "application/vnd.oci.image.index.v1+json"
            entry = {"mediaType": _MANIFEST, "digest": digest, "size": len(inside)}
            manifest = {"schemaVersion": 2, "mediaType": kind, "manifests": [entry]}
        body = json.dumps(manifest).encode()
        path = f"/v2/{repository}/manifests/{tag}"
        _call(server, "PUT", path, body, str(manifest["mediaType"]))


def requests(server: Server) -> list[tuple[str, str]]:
    """Method and path of every request in its access log so far, in order."""
    return _ASKED.findall(server.log.read_text(errors="replace"))


def _push(server: Server, repository: str, blob: bytes) -> dict[str, Any]:
    """Upload a blob; returns its digest and size as a manifest states them."""
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    where = urlsplit(_call(server, "POST", f"/v2/{repository}/blobs/uploads/"))
    path = f"{where.path}?{where.query}&digest={quote(digest)}"
    _call(server, "PUT", path, blob, "application/octet-stream")
    return {"digest": digest, "size": len(blob)}


def _call(server: Server, method: str, path: str, body: bytes = b"", kind: str = "") -> str:
    """One request of the owner's; returns the answer's Location."""
    headers = {"Content-Type": kind} if kind else {}
    with closing(http.client.HTTPConnection(server.address, server.port, timeout=30)) as link:
        link.request(method, path, body, headers)
        answer = link.getresponse()
        told = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"registry answered {answer.status} to {method}: {told[:500]!r}")
    return answer.headers.get("Location", "")
