"""What the engines that ask over HTTP share: an allow-list of path templates, and plain verdicts.

A request's name is its method and path template (`GET /collections/{name}`); the query is not part
of it. A name that stands for `{…}` is quoted into one path segment (for `{…*}` into several), so
that no server's answer can lead a request elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from leftopen.errors import NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession, Response

# Any web server may be there, so that a challenge says nothing of who asks.
EVERYBODYS_PORTS = frozenset({80, 443, 5000, 8000, 8080, 8443, 8888, 9000})
_MAX_NAME = 512  # bytes of one name in a path


class Paths:
    """The requests that one engine may send, as `METHOD /path/{with}/{names}`."""

    def __init__(self, *templates: str) -> None:
        self.names = frozenset(templates)
        self._forms = [(name, re.compile(_form(name))) for name in sorted(self.names)]

    def name(self, method: str, path: str) -> str:
        """The template that fits, a literal one first; raises RequestNotAllowed if none does."""
        asked = f"{method} {path.partition('?')[0]}"
        if "{" in asked:  # that of a name is quoted
            raise RequestNotAllowed("not a request that this engine may send")
        if asked in self.names:
            return asked
        for name, form in self._forms:
            found = form.fullmatch(asked)
            if found is not None and all(
                fits(unquote(part)) for group in found.groups() for part in group.split("/")
            ):
                return name
        raise RequestNotAllowed("not a request that this engine may send")


def _form(template: str) -> str:
    """The template as a regular expression; `{path*}` stands for several segments."""
    parts = re.split(r"(\{[a-z_]+\*?\})", template)
    return "".join(
        ("([^?#]+)" if part.endswith("*}") else "([^/?#]+)") if part[:1] == "{" else re.escape(part)
        for part in parts
    )


def fits(name: str) -> bool:
    """Whether a name stays one segment of a path at any server, however often it is unquoted."""
    return (
        0 < len(name.encode("utf-8", "replace")) <= _MAX_NAME
        and name.isprintable()
        and name not in (".", "..")
        and not set(name) & set("/\\?#%")
    )


def segment(name: str) -> str:
    """A name quoted for a path; raises RequestNotAllowed for one that cannot stand in one."""
    if not fits(name):
        raise RequestNotAllowed("a name that cannot stand in a path")
    return quote(name, safe="", errors="replace")


class Asker:
    """An engine's HTTP requests over one connection, each held against its allow-list."""

    def __init__(self, connection: Connection, paths: Paths) -> None:
        self._session, self._paths = HttpSession(connection), paths

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Response:
        """The answer to a GET, whatever its status. Raises NotThisProtocol and NetError."""
        name = self._paths.name("GET", path)
        return await self._session.request(name, path, headers=headers)

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | str,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer to a POST that reads, whatever its status; a mapping is sent as JSON."""
        name = self._paths.name("POST", path)
        return await self._session.request(name, path, method="POST", body=body, headers=headers)


def accepted(response: Response) -> Response:
    """The answer if its status is 200; raises ServerRefused with the status as its code."""
    if response.status != 200:
        raise ServerRefused("the server refused the request", code=str(response.status))
    return response


def json_object(response: Response) -> Mapping[str, Any]:
    """The body if it is a JSON object, else an empty one."""
    try:
        told = response.json()
    except NotThisProtocol:
        return {}
    return told if isinstance(told, dict) else {}


def count_of(told: object) -> int | None:
    """A number of records or bytes that a server tells, None where it is none."""
    return told if type(told) is int and 0 <= told < 2**63 else None


def is_html(response: Response) -> bool:
    """Whether the answer is a page for people: a login form, a proxy's error, a catch-all site."""
    stated = response.headers.get("content-type", "").lower()
    return "html" in stated or response.body[:64].lstrip().startswith(b"<")


def at_own_port(connection: Connection, ports: Sequence[int]) -> bool:
    """Whether the peer's port tells what it is: one of `ports`, and hardly anybody else's."""
    port = connection.target.port
    return port in ports and port not in EVERYBODYS_PORTS


def closed(
    response: Response,
    *,
    known: bool,
    own_port: bool,
    what: str,
    version: str | None = None,
    product: str | None = None,
) -> Proof:
    """The verdict on a peer whose first answer gives nothing away.

    `known`: the answer shows that it is this product; only then are `version` and `product` told. A
    401 with a challenge from a peer that does not show it counts where the port tells what it is
    (a proxy that guards the server); elsewhere it is any web server. `what` is the product's name,
    for the sentence.
    """
    challenge = "www-authenticate" in response.headers
    told = (version, product) if known else (None, None)
    if response.status in (401, 403) and known:
        return Proof(Verdict.AUTH_REQUIRED, "asks for credentials", *told)
    if response.status == 401 and challenge and own_port:
        reason = "asks for credentials; what it is shows by its port alone"
        return Proof(Verdict.AUTH_REQUIRED, reason)
    overloaded = response.status == 429 or response.status >= 500
    if overloaded and (known or (own_port and not is_html(response))):
        reason = f"the first question brought status {response.status}"
        return Proof(Verdict.UNDETERMINED, reason, *told)
    return Proof(Verdict.NOT_THIS, f"speaks HTTP, but is no {what}")


def refused(response: Response, what: str) -> Proof:
    """The verdict on a gated read that a known server did not answer: `what` is that read, as in
    "lists its collections, but a document"."""
    if response.status in (401, 403):
        return Proof(Verdict.OPEN_PARTIAL, f"{what} is refused ({response.status})")
    return Proof(Verdict.UNDETERMINED, f"{what} brought status {response.status}")
