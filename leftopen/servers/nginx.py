"""A real nginx on loopback, to stand before another server."""

from __future__ import annotations

from leftopen.servers.base import Server, authority, free_port, launch, new_folder, program
from leftopen.servers.calls import basic

_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def nginx(server: str, *, address: str = "127.0.0.1", port: int | None = None) -> Server:
    """Start an nginx with one server block, whose directives `server` holds but for `listen`.

    It writes method and path of each request to `access.log` in its folder: `requests` reads them.
    Raises ServerMissingError where nginx is missing.
    """
    found = program("nginx", "nginx-light")
    port = free_port(address) if port is None else port
    folder = new_folder("nginx")
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in _TEMPORARY)
    conf = folder / "nginx.conf"
    conf.touch(mode=0o600)
    conf.write_text(f"""\
daemon off;
master_process off;
error_log stderr warn;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  log_format asked '$request_method $request_uri';
  access_log {folder}/access.log asked;
  {temporary}
  server {{
    listen {authority(address, port)};
    {server}
  }}
}}
""")
    command = [found, "-p", str(folder), "-e", "stderr", "-c", str(conf)]
    return launch("nginx", command, address, port, folder)


def login_proxy(upstream: str, user: str, password: str) -> Server:
    """Start an nginx that passes all requests to `upstream` (address:port), with HTTP basic
    authentication as this user.

    That is how servers which always ask for a login come to be open in practice.
    """
    return nginx(f"""\
    location / {{
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header Authorization "{basic(user, password)}";
    }}""")


def token_gate(upstream: str, token: str, *, free: str) -> Server:
    """Start an nginx before `upstream` that lets through whoever has the bearer token; all may ask
    for the path `free`."""
    return nginx(f"""\
    location = {free} {{ proxy_pass http://{upstream}; }}
    location / {{
      if ($http_authorization != "Bearer {token}") {{ return 403; }}
      proxy_pass http://{upstream};
    }}""")


def requests(proxy: Server) -> list[tuple[str, str]]:
    """Method and path (with its query) of every request passed on so far, in order."""
    lines = (proxy.folder / "access.log").read_text(errors="replace").splitlines()
    return [(method, path) for method, _, path in (line.partition(" ") for line in lines)]
