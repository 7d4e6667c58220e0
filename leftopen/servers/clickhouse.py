"""ClickHouse on loopback, as Debian installs it (18.16)."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from leftopen.servers.base import Server, free_port, launch, new_folder, program, unless_failed

# Small caches, nothing but loopback; every statement goes to the log.
_CONFIG = """\
<yandex>
  <logger><level>debug</level><console>1</console></logger>
  <listen_host>{address}</listen_host>
  {ports}
  <path>{folder}/data/</path>
  <tmp_path>{folder}/tmp/</tmp_path>
  <user_files_path>{folder}/files/</user_files_path>
  <format_schema_path>{folder}/schemas/</format_schema_path>
  <users_config>{folder}/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>5368709</mark_cache_size>
  <timezone>UTC</timezone>
  {tls}
</yandex>
"""
_TLS = """\
<openSSL><server>
    <certificateFile>{certificate}</certificateFile>
    <privateKeyFile>{key}</privateKeyFile>
    <verificationMode>none</verificationMode>
  </server></openSSL>"""
_USERS = """\
<yandex>
  <profiles><default/><all/><asked><readonly>{readonly}</readonly></asked></profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password>{password}</password><profile>asked</profile><quota>default</quota>
      <networks><ip>{network}</ip></networks>
    </default>
    <owner>
      <password>{owner}</password><profile>all</profile><quota>default</quota>
      <networks><ip>::/0</ip></networks>
    </owner>
  </users>
</yandex>
"""
_OWNER = "an owner's word"
_QUERY = re.compile(r"<Debug> executeQuery: \(from [^)]*\) (.*)")


@dataclass
class ClickHouseServer(Server):
    """A running ClickHouse: `port` speaks HTTP (or HTTPS), `native_port` its own protocol."""

    native_port: int = 0
    tls: bool = False


def clickhouse(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    password: str | None = None,
    readonly: int = 0,
    network: str = "::/0",
    tls: tuple[Path, Path] | None = None,
) -> ClickHouseServer:
    """Start a fresh server. `password`, `readonly` (the setting: 0, 1 or 2) and `network` (who may
    come) are those of its user `default`. `tls` names a certificate and its key: it then speaks
    HTTPS only. Raises ServerMissingError where the program is not installed.
    """
    found = program("clickhouse-server", "clickhouse-server")
    port = port or free_port(address)
    native = free_port(address)
    folder = new_folder("clickhouse")
    with unless_failed(folder):
        (folder / "files").mkdir()
        kind = "http_port" if tls is None else "https_port"
        config = _CONFIG.format(
            address=address,
            folder=folder,
            ports=f"<{kind}>{port}</{kind}><tcp_port>{native}</tcp_port>",
            tls="" if tls is None else _TLS.format(certificate=tls[0], key=tls[1]),
        )
        users = _USERS.format(
            readonly=readonly, password=escape(password or ""), network=network, owner=_OWNER
        )
        (folder / "config.xml").write_text(config)
        (folder / "users.xml").write_text(users)
        command = [found, f"--config-file={folder / 'config.xml'}"]
        server = launch("clickhouse", command, address, port, folder)
    return ClickHouseServer(**vars(server), native_port=native, tls=tls is not None)


def fill(server: ClickHouseServer, *statements: str) -> None:
    """Run statements as a user with all rights; raises RuntimeError with what the server said."""
    for statement in statements:
        _told(server, statement)


def asked(server: ClickHouseServer, statement: str) -> list[list[str]]:
    """The rows that a statement gives, as text; raises RuntimeError with what the server said."""
    return [line.split("\t") for line in _told(server, statement).decode().splitlines()]


def _told(server: ClickHouseServer, statement: str) -> bytes:
    """The answer to a statement of the user with all rights."""
    if server.tls:
        raise RuntimeError("a server that speaks HTTPS only is filled before it is started so")
    url = f"http://{server.where}/?user=owner&password={quote(_OWNER)}"
    try:
        with urllib.request.urlopen(url, data=statement.encode(), timeout=120) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            raise RuntimeError(f"clickhouse refused: {refused.read()[:2000]!r}") from None


def statements(server: Server) -> list[str]:
    """Every statement that the server has logged so far, in order."""
    return _QUERY.findall(server.log.read_text(errors="replace"))
