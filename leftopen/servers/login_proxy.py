"""A real nginx on loopback that stands before another server and adds a login to every request.

That is how servers which always ask for a login come to be open in practice.
"""

from __future__ import annotations

import base64
import shutil

from leftopen.servers.base import Server, ServerMissingError, free_port, launch, new_folder

_CONF = """\
daemon off;
master_process off;
error_log stderr warn;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  log_format asked '$request_method $request_uri';
  access_log {folder}/access.log asked;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {address}:{port};
    location / {{
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header Authorization "{login}";
    }}
  }}
}}
"""


def login_proxy(
    upstream: str, user: str, password: str, *, address: str = "127.0.0.1", port: int | None = None
) -> Server:
    """Start an nginx that passes all requests to `upstream` (address:port), with HTTP basic
    authentication as this user.

    It writes method and path of each request to `access.log` in its folder: `requests` reads them.
    Raises ServerMissingError where nginx is missing.
    """
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise ServerMissingError("nginx is missing: apt install nginx-light")
    port = free_port(address) if port is None else port
    folder = new_folder("nginx")
    login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    conf = folder / "nginx.conf"
    conf.write_text(
        _CONF.format(folder=folder, address=address, port=port, upstream=upstream, login=login)
    )
    conf.chmod(0o600)
    command = [program, "-p", str(folder), "-e", "stderr", "-c", str(conf)]
    return launch("nginx", command, address, port, folder)


def requests(proxy: Server) -> list[tuple[str, str]]:
    """Method and path (with its query) of every request passed on so far, in order."""
    lines = (proxy.folder / "access.log").read_text(errors="replace").splitlines()
    return [(method, path) for method, _, path in (line.partition(" ") for line in lines)]
