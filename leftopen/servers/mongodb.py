"""SecantusDB: a server that speaks MongoDB's protocol, from PyPI (`SecantusDB`).

It reads a whole collection for every find: keep what is filled in under 20,000 documents. Here the
driver is used, to fill servers and to ask them what they were asked; leftopen's engine never does.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from leftopen.servers.base import Server, ServerMissingError, free_port, launch, new_folder

_CLIENT = "client.json"  # what MongoClient needs to know to be let in, beside the server's data


def secantus(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    auth: bool = False,
    tls: tuple[Path, Path] | None = None,
    folder: Path | None = None,
) -> Server:
    """Start a server on loopback; `tls` names its certificate and key files (PEM).

    With `auth` it is started once without, to make a user whose random password stays in the
    server's folder, then anew with authentication on. The folder goes when the server stops.
    Raises ServerMissingError where SecantusDB is not installed, RuntimeError if it does not start.
    """
    program = Path(sys.executable).parent / "secantusd-py"
    if not program.exists():
        raise ServerMissingError("secantusd-py is missing; install leftopen[demo]")
    folder = folder or new_folder("secantus")
    port = port or free_port(address)
    settings = folder / "secantusd.toml"
    settings.touch()  # an empty file of our own, so that none of the user's is looked for
    command: list[str | os.PathLike[str]] = [
        program, "--config", settings, "--host", address, "--port", str(port),
        "--storage-path", folder / "data", "--cache-size", "16M", "--log-level", "INFO",
    ]  # fmt: skip
    known: dict[str, Any] = {}
    if auth:
        known = {"username": "keeper", "password": secrets.token_urlsafe(16)}
        beside = folder / "first"
        beside.mkdir()
        with (
            launch("mongodb", command, address, port, beside) as first,
            client(first) as driver,
        ):
            driver["admin"].command(
                {"createUser": known["username"], "pwd": known["password"], "roles": ["root"]}
            )
        command.append("--auth")
    if tls is not None:
        command += ["--tls-cert-file", tls[0], "--tls-key-file", tls[1]]
        known |= {"tls": True, "tlsAllowInvalidCertificates": True}
    (folder / _CLIENT).touch(mode=0o600)
    (folder / _CLIENT).write_text(json.dumps(known))
    return launch("mongodb", command, address, port, folder)


def client(server: Server) -> MongoClient[dict[str, Any]]:
    """The driver, connected to a server of this module, let in where it is locked."""
    told = server.folder / _CLIENT
    known = json.loads(told.read_text()) if told.exists() else {}
    return MongoClient(
        f"[{server.address}]" if ":" in server.address else server.address,
        server.port,
        directConnection=True,
        serverSelectionTimeoutMS=10_000,
        **known,
    )


def fill(server: Server, db: str, collection: str, docs: Iterable[Mapping[str, Any]]) -> int:
    """Put documents into a collection; returns how many."""
    with client(server) as driver:
        result = driver[db][collection].insert_many([dict(doc) for doc in docs])
        return len(result.inserted_ids)


def record_commands(server: Server, databases: Iterable[str]) -> None:
    """Have the server's profiler note every command that it gets on these databases.

    Like MongoDB's it leaves out the handshake (hello, buildInfo) and getMore.
    """
    with client(server) as driver:
        for name in databases:
            driver[name].command({"profile": 2})


def recorded_commands(server: Server, databases: Iterable[str]) -> list[tuple[str, dict[str, Any]]]:
    """Database and command of all that the profiler noted, in order; then it stops noting."""
    noted: list[tuple[str, dict[str, Any]]] = []
    with client(server) as driver:
        for name in databases:
            driver[name].command({"profile": 0})
            entries = driver[name]["system.profile"].find().sort("ts")
            noted += [(name, entry["command"]) for entry in entries]
    return noted


def operations(server: Server) -> dict[str, int]:
    """The server's own counters of what it did: insert, query, update, delete, getmore, command."""
    with client(server) as driver:
        return dict(driver["admin"].command({"serverStatus": 1})["opcounters"])
