"""A real Solr 8.11 node on loopback: open, or with its own BasicAuth and rule-based plugins.

The node writes every HTTP request it receives to its log; `requests` reads them back.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from leftopen.servers.base import Server, free_port, launch, new_folder, unless_failed
from leftopen.servers.calls import JSON, ask, basic
from leftopen.servers.maven import JAVA, class_path

_ADDRESS = "127.0.0.1"  # the only one that Solr's Jetty runner binds to
_START_SECONDS = 120.0  # about 3 on two idle cores
_USER = "admin"
_RECEIVED = re.compile(r"HttpSolrCall\.init\(http://[^/]+(/\S*?)\)$", re.MULTILINE)
_BATCH = 1_000

_LOGGING = """\
<Configuration>
  <Appenders><Console name="c"><PatternLayout pattern="%m%n"/></Console></Appenders>
  <Loggers><Root level="info"><AppenderRef ref="c"/></Root></Loggers>
</Configuration>
"""
_CONFIG = """\
<config>
  <luceneMatchVersion>8.11.4</luceneMatchVersion>
  <directoryFactory name="DirectoryFactory" class="solr.RAMDirectoryFactory"/>
  <indexConfig><lockType>single</lockType></indexConfig>
  <schemaFactory class="ClassicIndexSchemaFactory"/>
  <updateHandler class="solr.DirectUpdateHandler2"/>
  <requestHandler name="/select" class="solr.SearchHandler"/>
</config>
"""
_SCHEMA = """\
<schema name="leftopen" version="1.6">
  <fieldType name="string" class="solr.StrField"/>
  <fieldType name="random" class="solr.RandomSortField"/>
  <field name="id" type="string" required="true"/>
  {random}
  <dynamicField name="*" type="string" multiValued="true"/>
  <uniqueKey>id</uniqueKey>
</schema>
"""
_RANDOM = '<dynamicField name="random_*" type="random"/>'


def solr(
    *,
    cores: tuple[str, ...] = (),
    plain: tuple[str, ...] = (),
    password: str | None = None,
) -> Server:
    """Start a node with empty cores and wait until they answer; by default anybody may do all.

    Those in `plain` have a schema without fields to sort at random by. With `password` BasicAuth is
    on (user `admin`) and nobody else gets in; `allow` changes that. Raises ServerMissingError where
    Maven or a JDK is missing.
    """
    jars = class_path("leftopen.servers.solr", "Solr")
    port = free_port(_ADDRESS)
    folder = new_folder("solr")
    with unless_failed(folder):
        home = folder / "home"
        home.mkdir()
        (home / "solr.xml").write_text("<solr></solr>")
        (folder / "log4j2.xml").write_text(_LOGGING)
        for core in (*cores, *plain):
            _make_core(home / core, "" if core in plain else _RANDOM)
        if password is not None:
            settings = home / "security.json"
            settings.write_text(json.dumps(_security(password)))
            settings.chmod(0o600)
        options = [f"-Dlog4j.configurationFile={folder}/log4j2.xml", f"-Dsolr.log.dir={folder}"]
        command: list[str | Path] = [*JAVA, *options, "-cp", jars, "Node", str(port), home]
        return launch(
            "solr", command, _ADDRESS, port, folder,
            ready=lambda: _is_ready(port, (*cores, *plain), password), seconds=_START_SECONDS,
        )  # fmt: skip


def fill(
    server: Server, core: str, docs: Iterable[Mapping[str, Any]], *, password: str | None = None
) -> None:
    """Add the documents, searchable at once; each has an `id`. Raises RuntimeError on a refusal."""
    left = iter(docs)
    while batch := list(islice(left, _BATCH)):
        path = f"/solr/{quote(core)}/update?commit=true"
        _call(server, "POST", path, json.dumps(batch), password)


def allow(server: Server, names: Iterable[str], password: str) -> None:
    """Let callers without credentials do what these predefined permissions cover, and no more.

    Raises RuntimeError on a refusal.
    """
    names = list(names)
    rules = json.loads(_call(server, "GET", "/solr/admin/authorization", None, password))
    count = len(rules["authorization"]["permissions"])
    # Solr's commands are members of one object, and may repeat.
    commands = [f'"delete-permission": {number}' for number in range(count, 0, -1)]
    commands += [f'"set-permission": {{"name": "{name}", "role": null}}' for name in names]
    commands.append(f'"set-permission": {{"name": "all", "role": "{_USER}"}}')
    _call(server, "POST", "/solr/admin/authorization", f"{{{', '.join(commands)}}}", password)
    block = json.dumps({"set-property": {"blockUnknown": not names}})
    _call(server, "POST", "/solr/admin/authentication", block, password)


def requests(server: Server) -> list[str]:
    """Path and query of every request the node has logged so far (`?null` where it has none)."""
    return _RECEIVED.findall(server.log.read_text(errors="replace"))


def _make_core(folder: Path, random: str) -> None:
    (folder / "conf").mkdir(parents=True)
    (folder / "core.properties").touch()
    (folder / "conf" / "solrconfig.xml").write_text(_CONFIG)
    (folder / "conf" / "schema.xml").write_text(_SCHEMA.format(random=random))


def _security(password: str) -> dict[str, Any]:
    """What security.json holds: one user, as BasicAuthPlugin hashes him."""
    salt = secrets.token_bytes(32)
    digest = hashlib.sha256(hashlib.sha256(salt + password.encode()).digest()).digest()
    stored = " ".join(base64.b64encode(part).decode() for part in (digest, salt))
    return {
        "authentication": {
            "class": "solr.BasicAuthPlugin",
            "blockUnknown": True,
            "credentials": {_USER: stored},
        },
        "authorization": {
            "class": "solr.RuleBasedAuthorizationPlugin",
            "permissions": [{"name": "all", "role": _USER}],
            "user-role": {_USER: _USER},
        },
    }


def _is_ready(port: int, cores: Sequence[str], password: str | None) -> bool:
    """Whether the node answers, and each core does (503 until it is loaded)."""
    paths = ["/solr/admin/cores", *(f"/solr/{quote(core)}/select?q=*:*&rows=0" for core in cores)]
    try:
        return all(_ask(port, "GET", path, None, password)[0] == 200 for path in paths)
    except (OSError, http.client.HTTPException):
        return False


def _call(server: Server, method: str, path: str, body: str | None, password: str | None) -> bytes:
    status, told = _ask(server.port, method, path, body, password)
    if status != 200 or b'"errorMessages"' in told:
        raise RuntimeError(f"solr answered {status} to {method} {path}: {told[:500]!r}")
    return told


def _ask(
    port: int, method: str, path: str, body: str | None, password: str | None
) -> tuple[int, bytes]:
    headers = JSON if password is None else JSON | {"Authorization": basic(_USER, password)}
    return ask(_ADDRESS, port, method, path, body, headers)
