"""A plain web page, to be put on a datastore's port: `python -m leftopen.demo.page ADDRESS PORT`.

A scan must not take it for a store, nor for a locked one.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PAGE = b"""<!doctype html>
<html lang="en"><title>Velmora Sailing Club</title>
<h1>Velmora Sailing Club</h1><p>The harbour race begins on Saturday at ten.</p></html>
"""


class _Page(BaseHTTPRequestHandler):
    """The same page for every path."""

    timeout = 10

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(_PAGE)))
        self.end_headers()
        self.wfile.write(_PAGE)


def serve(address: str, port: int) -> None:
    """Serve the page until the process is ended."""
    with ThreadingHTTPServer((address, port), _Page) as server:
        server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
