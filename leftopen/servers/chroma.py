"""A real Chroma on loopback, a writer to fill it with, and nginx as the gate in front of it.

Since 1.0 Chroma has no log-in: who wants one puts a proxy before it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from leftopen.servers.base import Server, ServerMissingError, free_port, launch, new_folder
from leftopen.servers.calls import JSON, told
from leftopen.servers.nginx import token_gate

# The server is compiled; Python's part of the package, which it does without, loads for seconds.
_BINDINGS = "chromadb_rust_bindings"
_RUN = f"import sys, {_BINDINGS} as chroma; chroma.cli(['chroma', *sys.argv[1:]])"
_DATABASES = "/api/v2/tenants/default_tenant/databases"


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
    return token_gate(behind.where, token, free="/api/v2/heartbeat")


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
    return json.loads(told(server, "POST", path, json.dumps(body), JSON))
