"""A real OpenSearch on loopback: open or with its own security plugin, with or without TLS.

The node writes every HTTP request it receives to its log; `requests` reads them back.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from leftopen.servers.base import Server, certificate, free_port, launch, new_folder, unless_failed
from leftopen.servers.calls import JSON, answers, basic, told
from leftopen.servers.maven import JAVA
from leftopen.servers.opensearch.parts import classpath

_START_SECONDS = 180.0  # about 7 open and 12 locked on two idle cores
_PLUGIN = "org.opensearch.security.OpenSearchSecurityPlugin"
_HASHER = "org.opensearch.security.tools.Hasher"
_UP = (200, 401, 403)  # 503 until a locked node has read who its users are
_USER = "admin"
_RECEIVED = re.compile(r"HttpTracer\] \[\d+\]\[.*?\]\[([A-Z]+)\]\[(.*)\] received request from ")
_BATCH = 1_000

_LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%p][%c{1}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


def opensearch(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    password: str | None = None,
    tls: tuple[Path, Path] | None = None,
    anonymous: Sequence[str] | None = None,
) -> Server:
    """Start a node and wait until it answers; by default anybody may read and write.

    `tls` names a certificate and its PKCS #8 key, both PEM: the node then speaks HTTPS only. With
    `password` the security plugin asks for it (user `admin`). `anonymous` (with `password`) lets
    callers without credentials in with these cluster and index permissions only. Raises
    ServerMissingError where Maven or a JDK is missing.
    """
    classes = classpath()
    port = port or free_port(address)
    folder = new_folder("opensearch")
    with unless_failed(folder):
        config = folder / "config"
        config.mkdir()
        (config / "log4j2.properties").write_text(_LOGGING)
        settings = {
            "network.host": address,
            "discovery.type": "single-node",
            "transport.port": 0,
            "cluster.routing.allocation.disk.threshold_enabled": False,
            "logger.org.opensearch.http.HttpTracer": "TRACE",
        }
        options: list[str] = []
        if password is not None or tls is not None:
            settings |= _security(classes, config, password, tls, anonymous)
            options = ["-pluginTypes", _PLUGIN]
        # JSON is YAML, and says strings and lists without a writer of our own.
        (config / "opensearch.yml").write_text(json.dumps(settings))
        return launch(
            "opensearch",
            [
                *(*JAVA, "-cp", classes, "Node", str(port)),
                *("-basePath", folder / "node", "-confPath", config, "-numOfNode", "1"),
                *("-clusterName", "leftopen-tests", "-useLogger", *options),
            ],
            address,
            port,
            folder,
            ready=lambda: answers(address, port, "/", _UP, tls=tls is not None),
            seconds=_START_SECONDS,
        )


def fill(
    server: Server,
    index: str,
    docs: Iterable[Mapping[str, Any]],
    *,
    tls: bool = False,
    password: str | None = None,
) -> None:
    """Index the documents with the bulk API, searchable at once; a key `_id` gives a document's id.

    Raises RuntimeError where the server takes any of them not.
    """
    left = iter(docs)
    while batch := list(islice(left, _BATCH)):
        lines: list[Any] = []
        for doc in batch:
            source = dict(doc)
            lines += [{"create": {k: source.pop(k) for k in ("_id",) if k in source}}, source]
        body = "".join(json.dumps(line) + "\n" for line in lines)
        path = f"/{quote(index)}/_bulk?refresh=true"
        done = call(server, "POST", path, body, tls=tls, password=password)
        if done["errors"]:
            raise RuntimeError(f"opensearch did not take all documents of {index}")


def call(
    server: Server,
    method: str,
    path: str,
    body: str | None = None,
    *,
    tls: bool = False,
    password: str | None = None,
) -> Any:
    """One request of the owner's; returns the JSON reply, raises RuntimeError on a refusal."""
    headers = {"Content-Type": "application/x-ndjson"} if "/_bulk" in path else dict(JSON)
    if password is not None:
        headers["Authorization"] = basic(_USER, password)
    return json.loads(told(server, method, path, body, headers, tls=tls))


def requests(server: Server) -> list[tuple[str, str]]:
    """Method and path (with its query) of every request the node has logged so far, in order."""
    return _RECEIVED.findall(server.log.read_text(errors="replace"))


def _security(
    classes: str,
    config: Path,
    password: str | None,
    tls: tuple[Path, Path] | None,
    anonymous: Sequence[str] | None,
) -> dict[str, Any]:
    """The plugin's settings, and its files in `config`. The plugin wants a certificate for the
    traffic between nodes even where HTTP goes in the clear."""
    cert, key = tls or certificate(config)
    if tls is not None:
        cert, key = (Path(shutil.copy(part, config)) for part in tls)
    settings: dict[str, Any] = {"plugins.security.ssl.http.enabled": tls is not None}
    for layer in ("transport", "http") if tls is not None else ("transport",):
        prefix = f"plugins.security.ssl.{layer}."
        settings[prefix + "pemcert_filepath"] = cert.name
        settings[prefix + "pemkey_filepath"] = key.name
        settings[prefix + "pemtrustedcas_filepath"] = cert.name
    if password is None:
        return settings | {"plugins.security.ssl_only": True}
    files = config / "opensearch-security"
    files.mkdir()
    for name, content in _security_files(classes, password, anonymous).items():
        meta = {"_meta": {"type": name.replace("_", ""), "config_version": 2}}
        (files / f"{name}.yml").write_text(json.dumps(meta | content))
    return settings | {
        "plugins.security.allow_default_init_securityindex": True,
        "plugins.security.restapi.roles_enabled": ["all_access"],
        "plugins.security.authcz.admin_dn": ["CN=nobody"],
        "plugins.security.nodes_dn": ["CN=leftopen tests"],
    }


def _security_files(
    classes: str, password: str, anonymous: Sequence[str] | None
) -> dict[str, dict[str, Any]]:
    """What `config/opensearch-security/*.yml` hold: one user, one way in."""
    basic = {
        "http_enabled": True,
        "transport_enabled": True,
        "order": 0,
        "http_authenticator": {"type": "basic", "challenge": True},
        "authentication_backend": {"type": "intern"},
    }
    http_part = {"anonymous_auth_enabled": anonymous is not None}
    mapping: dict[str, Any] = {"all_access": {"backend_roles": [_USER]}}
    roles: dict[str, Any] = {}
    if anonymous is not None:
        mapping["visitor"] = {"backend_roles": ["opendistro_security_anonymous_backendrole"]}
        roles["visitor"] = visitor(anonymous)
    return {
        "config": {"config": {"dynamic": {"http": http_part, "authc": {"basic": basic}}}},
        "internal_users": {_USER: {"hash": _hash(classes, password), "backend_roles": [_USER]}},
        "roles": roles,
        "roles_mapping": mapping,
        "action_groups": {},
        "tenants": {},
        "nodes_dn": {},
    }


def visitor(permissions: Sequence[str]) -> dict[str, Any]:
    """The role of callers without credentials, as the plugin's files and its REST API want it."""
    return {
        "cluster_permissions": list(permissions),
        "index_permissions": [{"index_patterns": ["*"], "allowed_actions": list(permissions)}],
    }


def _hash(classes: str, password: str) -> str:
    """The bcrypt hash of the password, by the plugin's own tool."""
    printed = subprocess.run(
        [*JAVA, "-cp", classes, _HASHER, "-env", "SECRET"],
        env={**os.environ, "SECRET": password},
        capture_output=True,
        text=True,
        check=True,
        timeout=_START_SECONDS,
    ).stdout
    found = re.search(r"^\$2[aby]\$\S+$", printed, re.MULTILINE)
    if found is None:
        raise RuntimeError("the security plugin's Hasher gave no hash")
    return found.group(0)
