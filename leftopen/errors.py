"""Every error that leftopen raises on purpose.

An error carries a short stable `code`. Its text is leftopen's own: nothing a server sent is ever
part of it, for an error message travels to screens, logs and records (privacy rule R13).
"""

from __future__ import annotations


class LeftopenError(Exception):
    """Base of all of leftopen's own errors."""

    code = "error"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message or code or self.code)
        if code is not None:
            self.code = code


class UsageError(LeftopenError):
    """What the user asked for cannot be done as asked: one clear line, exit code 2."""

    code = "usage"


class ScopeRefused(UsageError):
    """An address outside the scope was asked for; nothing was sent to it."""

    code = "scope_refused"


class NetError(LeftopenError):
    """Something between here and the server; subclasses say what."""

    code = "net"


class Refused(NetError):
    """The host answered that nobody listens on the port."""

    code = "refused"


class Silent(NetError):
    """Nothing came within the time allowed. Silence is not closure."""

    code = "silent"


class PeerClosed(NetError):
    """The peer ended the connection where a reply was due."""

    code = "peer_closed"


class TlsFailed(NetError):
    """The TLS handshake did not succeed."""

    code = "tls_failed"


class CertificateWanted(TlsFailed):
    """The peer wants a client certificate; leftopen has none and tries none."""

    code = "certificate_wanted"


class BudgetSpent(NetError):
    """A limit of this store's budget was reached; `code` says which: bytes or seconds."""

    code = "budget"


class NotThisProtocol(LeftopenError):
    """The peer's bytes are not of the protocol the engine speaks."""

    code = "not_this"


class RequestNotAllowed(LeftopenError):
    """An engine tried to send a request that its read-only allow-list does not name."""

    code = "request_not_allowed"


class ServerRefused(LeftopenError):
    """The server refused a request; `code` is its error class or number, never its text."""

    code = "server_refused"
