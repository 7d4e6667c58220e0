"""A real Prometheus on loopback that scrapes nobody and holds the samples it is started with."""

from __future__ import annotations

import subprocess

from leftopen.servers.base import Server, authority, free_port, launch, new_folder, program
from leftopen.servers.calls import answers

_LOOKBACK = "--query.lookback-delta=1d"  # by default samples are forgotten after five minutes
# Of random bytes that were thrown away: nobody can log in, which is all that a locked twin needs.
_NOBODYS = "$2b$04$ZwO6u98lLrZBEYyGEufJbe1y6Obwg1TqRjGLIr0qzcGgihcUbrjuy"


def prometheus(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    samples: str = "",
    locked: bool = False,
    agent: bool = False,
    flags: tuple[str, ...] = (),
) -> Server:
    """Start a Prometheus with these samples (OpenMetrics text with times, without its end mark).

    `locked` switches basic authentication on; `agent` starts it in agent mode, without a store;
    `flags` are further ones, as "--web.enable-admin-api". What it was asked is in `queries.log` in
    its folder. Raises ServerMissingError where prometheus or promtool is missing.
    """
    found, tool = program("prometheus", "prometheus"), program("promtool", "prometheus")
    port = free_port(address) if port is None else port
    folder = new_folder("prometheus")
    data = folder / "data"
    if samples:
        (folder / "samples.txt").write_text(samples + "# EOF\n")
        # A block from a file: no client of the tests need write to the server.
        command = [tool, "tsdb", "create-blocks-from", "openmetrics", "samples.txt", "data"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    config = "" if agent else f"global: {{query_log_file: '{folder}/queries.log'}}\n"
    (folder / "prometheus.yml").write_text(config)
    login = f"basic_auth_users: {{admin: '{_NOBODYS}'}}\n" if locked else ""
    (folder / "web.yml").write_text(login)
    kept = (f"--storage.tsdb.path={data}", "--storage.tsdb.retention.time=10y", _LOOKBACK)
    stored = ("--enable-feature=agent", f"--storage.agent.path={data}") if agent else kept
    return launch(
        "prometheus",
        [
            found,
            f"--config.file={folder}/prometheus.yml",
            f"--web.config.file={folder}/web.yml",
            f"--web.listen-address={authority(address, port)}",
            *stored,
            *flags,
        ],
        address,
        port,
        folder,
        # before it has read its store it answers 503 to everything
        ready=lambda: answers(address, port, "/-/ready", (200, 401)),
    )
