"""A real Chroma on loopback, a writer to fill it with, and nginx as the gate in front of it.

Since 1.0 Chroma has no log-in: who wants one puts a proxy before it.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from leftopen.servers.base import Server, ServerMissingError, free_port, launch, new_folder

# The server is compiled; Python's part of the package, which it does without, loads for seconds.
_BINDINGS = "chromadb_rust_bindings"
_RUN = f"import sys, {_BINDINGS} as chroma; chroma.cli(['chroma', *sys.argv[1:]])"
_DATABASES = "/api/v2/tenants/default_tenant/databases"
_GATE = """\
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen {where};
    location = /api/v2/heartbeat {{ proxy_pass http://{behind}; }}
    location / {{
      if ($http_authorization != "Bearer {token}") {{ return 403; }}
      proxy_pass http://{behind};
    }}
  }}
}}
"""


def chroma(address: str = "127.0.0.1", *, port: int | None = None) -> Server:
    """Start a Chroma that listens on the address only; its log names every request.

    Raises ServerMissingError where the package chromadb (1.0 or later) is not installed.
    """
    if importlib.util.find_spec(_BINDINGS) is None:
        raise ServerMissingError("chroma is missing: install the package chromadb")
    port = free_port(address) if port is None else port
    folder = new_folder("chroma")
    data, where = str(folder / "data"), ["--host", address, "--port", str(port)]
    command = [sys.executable, "-c", _RUN, "run", "--path", data, *where]
    return launch("chroma", command, address, port, folder, env={"ANONYMIZED_TELEMETRY": "False"})


def gate(behind: Server, token: str) -> Server:
    """Start an nginx before it that lets through whoever has the token; the heartbeat is free.

    Raises ServerMissingError where nginx is not installed.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise ServerMissingError("nginx is missing: apt install nginx-light")
    port, folder = free_port(behind.address), new_folder("gate")
    where = f"{behind.address}:{port}"
    settings = folder / "nginx.conf"
    settings.touch(mode=0o600)
    settings.write_text(_GATE.format(folder=folder, where=where, behind=behind.where, token=token))
    command = [program, "-p", str(folder), "-e", "stderr", "-c", str(settings)]
    return launch("nginx", command, behind.address, port, folder)


def fill(
    server: Server,
    collection: str,
    records: Iterable[Mapping[str, Any]],
    *,
    database: str = "default_database",
) -> None:
    """Make a collection and put records with `id`, `embedding`, `metadata`, `document` into it.

    The database is made where it is not there. Raises RuntimeError where the server refuses.
    """
    if database != "default_database":
        _call(server, _DATABASES, {"name": database})
    path = f"{_DATABASES}/{database}/collections"
    made = _call(server, path, {"name": collection, "get_or_create": True})
    listed = list(records)
    for start in range(0, len(listed), 1_000):
        some = listed[start : start + 1_000]
        body = {
            "ids": [record["id"] for record in some],
            "embeddings": [record["embedding"] for record in some],
            "metadatas": [record.get("metadata") for record in some],
            "documents": [record.get("document") for record in some],
        }
        _call(server, f"{path}/{made['id']}/add", body)


def _call(server: Server, path: str, body: Mapping[str, Any]) -> Any:
    link = http.client.HTTPConnection(server.address, server.port, timeout=30)
    try:
        link.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = link.getresponse()
        told = answer.read()
    finally:
        link.close()
    if answer.status >= 300:
        raise RuntimeError(f"chroma answered {answer.status} to {path}: {told[:300]!r}")
    return json.loads(told)
