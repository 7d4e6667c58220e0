"""The real dialer: TCP and TLS over asyncio, each connection asked of the scope and the budget."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from typing import Protocol

from leftopen.errors import CertificateWanted, NetError, PeerClosed, Refused, Silent, TlsFailed
from leftopen.model import Target
from leftopen.scope import Scope, normal

_CLOSE_SECONDS = 0.5
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}


def _tls_context() -> ssl.SSLContext:
    """A context that accepts any certificate: leftopen looks at servers, it trusts none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # old servers are left open too
    return context


def _as_net_error(error: OSError | EOFError) -> NetError:
    """Our own error for the system's; the system's text stays behind (privacy rule R13)."""
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").upper()
        if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE_CERT" in reason:
            return CertificateWanted("the peer wants a client certificate")
        return TlsFailed("the TLS connection failed")
    if isinstance(error, ConnectionRefusedError):
        return Refused("nobody listens there")
    if isinstance(error, TimeoutError):
        return Silent("nothing came within the time allowed")
    if isinstance(error, EOFError | ConnectionError):
        return PeerClosed("the peer ended the connection", code="reset")
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return Silent("the network has no way there", code="unreachable")
    return NetError("the connection failed", code=errno.errorcode.get(error.errno or 0, "net"))


class _TcpStream:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def receive(self, limit: int) -> bytes:
        try:
            return await self._reader.read(limit)
        except OSError as error:
            raise _as_net_error(error) from None

    async def send(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise _as_net_error(error) from None

    async def start_tls(self) -> None:
        try:
            await self._writer.start_tls(_tls_context())
        except (OSError, EOFError) as error:
            raised = _as_net_error(error)
            if not isinstance(raised, TlsFailed | Silent):
                raised = TlsFailed("the peer ended the TLS handshake")
            raise raised from None

    @property
    def certificate(self) -> bytes | None:
        secured = self._writer.get_extra_info("ssl_object")
        try:
            return None if secured is None else secured.getpeercert(binary_form=True)
        except ValueError:  # the peer ended the handshake as it stood
            return None

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), _CLOSE_SECONDS)
        # A peer may leave TLS's farewell unanswered for as long as it likes; we do not wait for it.
        with contextlib.suppress(AttributeError):  # Python 3.11.2: aborting TLS that is over fails
            self._writer.transport.abort()
        await asyncio.sleep(0)  # the loop closes the socket in its next turn


class Admission(Protocol):
    """Who grants connections: a Budget, or the parent process that holds it."""

    async def admit(self, host: str) -> None: ...


class TcpDialer:
    """Dials addresses only, never names: what may be resolved was pinned when the scope loaded."""

    def __init__(self, scope: Scope, budget: Admission, patience: float = 3.0) -> None:
        """`patience` is how many seconds a connection may take, once the budget allows it."""
        self._scope, self._budget, self._patience = scope, budget, patience

    async def dial(self, target: Target) -> _TcpStream:
        self._scope.require(target.address)
        host = str(normal(target.address))
        await self._budget.admit(host)
        family = socket.AF_INET6 if target.address.version == 6 else socket.AF_INET
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(
                    host, target.port, family=family, flags=socket.AI_NUMERICHOST
                ),
                self._patience,
            )
        except OSError as error:
            raise _as_net_error(error) from None
        return _TcpStream(reader, writer)
