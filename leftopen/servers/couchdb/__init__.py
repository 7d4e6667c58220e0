"""A real PouchDB Server on loopback: CouchDB's HTTP API over databases in memory.

It writes each HTTP request it received to a log; `requests` reads them back.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from leftopen.servers.base import Server, free_port, launch, new_folder
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
    try:
        admins = {} if password is None else {"admins": {_USER: password}}
        settings = folder / "config.json"
        settings.write_text(json.dumps(admins))
        settings.chmod(0o600)
        command: list[str | Path] = [node(), program, address, str(port), folder]
        return launch(
            "couchdb", command, address, port, folder, ready=lambda: _answers(address, port)
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


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
        told = call(server, "POST", f"{path}/_bulk_docs", batch, password=password)
        if any("error" in line for line in told):
            raise RuntimeError(f"couchdb did not take all documents of {database}")
    if members is not None:
        security = {"members": {"names": list(members), "roles": []}}
        call(server, "PUT", f"{path}/_security", security, password=password)


def call(
    server: Server, method: str, path: str, body: Any = None, *, password: str | None = None
) -> Any:
    """One request of the owner's; returns the JSON reply, raises RuntimeError on a refusal."""
    headers = {"Content-Type": "application/json"}
    if password is not None:
        secret = base64.b64encode(f"{_USER}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {secret}"
    with closing(http.client.HTTPConnection(server.address, server.port, timeout=30)) as link:
        link.request(method, path, None if body is None else json.dumps(body), headers)
        reply = link.getresponse()
        told = reply.read()
    if reply.status >= 300:
        raise RuntimeError(f"couchdb answered {reply.status} to {method} {path}")
    return json.loads(told)


def requests(server: Server) -> list[tuple[str, str]]:
    """Method and path (with its query) of every request the server has logged so far."""
    log = server.folder / "requests.log"
    told = log.read_text(errors="replace") if log.is_file() else ""
    return [(method, path) for method, path, _ in _LOGGED.findall(told)]


def _answers(address: str, port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection(address, port, timeout=5)) as link:
            link.request("GET", "/_session")
            return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
