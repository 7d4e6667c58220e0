"""A real PouchDB Server on loopback: CouchDB's HTTP API over databases in memory.

It writes each HTTP request it received to a log; `requests` reads them back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from leftopen.servers.base import Server, free_port, launch, new_folder, unless_failed
from leftopen.servers.calls import JSON, answers, basic, told
from leftopen.servers.couchdb.parts import node, parts

_USER = "admin"
_LOGGED = re.compile(r" - - (\S+) (\S+) (\d{3})$", re.MULTILINE)
_BATCH = 1_000


def couchdb(
    address: str = "127.0.0.1", *, port: int | None = None, password: str | None = None
) -> Server:
    """Start a server and wait until it answers; by default an admin party: anyone may do all.

    With `password` it has one administrator, the user `admin`; each database then says in its
    `_security` who may read it. Raises ServerMissingError where Node.js or npm is missing.
    """
    program = parts() / "server.js"
    port = port or free_port(address)
    folder = new_folder("couchdb")
    with unless_failed(folder):
        admins = {} if password is None else {"admins": {_USER: password}}
        settings = folder / "config.json"
        settings.write_text(json.dumps(admins))
        settings.chmod(0o600)
        command: list[str | Path] = [node(), program, address, str(port), folder]
        return launch(
            "couchdb",
            command,
            address,
            port,
            folder,
            ready=lambda: answers(address, port, "/_session"),
        )


def fill(
    server: Server,
    database: str,
    docs: Iterable[Mapping[str, Any]],
    *,
    members: Sequence[str] | None = None,
    password: str | None = None,
) -> None:
    """Make the database and put the documents in; a key `_id` gives a document's id.

    `members` are the only users who may read it afterwards. Raises RuntimeError where the server
    takes anything not.
    """
    path = f"/{quote(database, safe='')}"
    call(server, "PUT", path, password=password)
    listed = list(docs)
    for start in range(0, len(listed), _BATCH):
        batch = {"docs": listed[start : start + _BATCH]}
        done = call(server, "POST", f"{path}/_bulk_docs", batch, password=password)
        if any("error" in line for line in done):
            raise RuntimeError(f"couchdb did not take all documents of {database}")
    if members is not None:
        security = {"members": {"names": list(members), "roles": []}}
        call(server, "PUT", f"{path}/_security", security, password=password)


def call(
    server: Server, method: str, path: str, body: Any = None, *, password: str | None = None
) -> Any:
    """One request of the owner's; returns the JSON reply, raises RuntimeError on a refusal."""
    headers = JSON if password is None else JSON | {"Authorization": basic(_USER, password)}
    content = None if body is None else json.dumps(body)
    return json.loads(told(server, method, path, content, headers))


def requests(server: Server) -> list[tuple[str, str]]:
    """Method and path (with its query) of every request the server has logged so far."""
    log = server.folder / "requests.log"
    lines = log.read_text(errors="replace") if log.is_file() else ""
    return [(method, path) for method, path, _ in _LOGGED.findall(lines)]
