"""A real InfluxDB 1.x on loopback, open or with its own users, and a writer to fill it with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from leftopen.servers.base import Server, authority, free_port, launch, new_folder, program
from leftopen.servers.calls import basic, told

_ADMIN = "admin"
_ASKED = re.compile(r'\[httpd\] .*?"([A-Z]+) (\S+) HTTP/1\.[01]"')


def influxdb(
    address: str = "127.0.0.1", *, port: int | None = None, password: str | None = None
) -> Server:
    """Start an influxd; by default anybody may read and write.

    With `password` authentication is switched on and the user `admin` has it; an empty string
    switches authentication on and makes no user. Raises ServerMissingError where influxd is
    missing, or is not of version 1.
    """
    found = program("influxd", "influxdb")
    port = free_port(address) if port is None else port
    folder = new_folder("influxdb")
    settings = [
        "reporting-disabled = true",
        'bind-address = "127.0.0.1:0"',
        f'[meta]\ndir = "{folder}/meta"',
        f'[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"',
        f'[http]\nbind-address = "{authority(address, port)}"',
        f"auth-enabled = {'false' if password is None else 'true'}",
        "[monitor]\nstore-enabled = false",
    ]
    conf = folder / "influxdb.conf"
    conf.write_text("\n".join(settings) + "\n")
    server = launch("influxdb", [found, "-config", conf], address, port, folder)
    if password:
        quoted = password.replace("'", "\\'")
        statement(server, f"CREATE USER {_ADMIN} WITH PASSWORD '{quoted}' WITH ALL PRIVILEGES")
    return server


def fill(
    server: Server,
    database: str,
    lines: Iterable[str],
    *,
    policy: str | None = None,
    password: str | None = None,
) -> None:
    """Create the database (and, if named, the retention policy) and write points in line protocol,
    times in seconds. Raises RuntimeError where the server takes them not."""
    statement(server, f'CREATE DATABASE "{database}"', password=password)
    path = f"/write?precision=s&db={quote(database, safe='')}"
    if policy is not None:
        create = f'CREATE RETENTION POLICY "{policy}" ON "{database}" DURATION 0s REPLICATION 1'
        statement(server, create, password=password)
        path += f"&rp={quote(policy, safe='')}"
    _post(server, path, "\n".join(lines), password)


def statement(server: Server, text: str, *, password: str | None = None) -> Any:
    """One InfluxQL statement of the owner's; returns its result, raises RuntimeError on error."""
    answer = json.loads(_post(server, f"/query?q={quote(text)}", "", password))
    (result,) = answer["results"]
    if "error" in result:
        raise RuntimeError(f"influxdb refused a statement: {result['error']}")
    return result


def requests(server: Server) -> list[tuple[str, str]]:
    """Method and path (unquoted, with its query) of every request in the log, in order."""
    found = _ASKED.findall(server.log.read_text(errors="replace"))
    return [(method, unquote(unquote_plus(path))) for method, path in found]


def _post(server: Server, path: str, body: str, password: str | None) -> bytes:
    headers = {} if password is None else {"Authorization": basic(_ADMIN, password)}
    return told(server, "POST", path, body, headers)
