"""Names to addresses, once, before a scan begins."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_address

from leftopen.errors import UsageError
from leftopen.model import Address


def resolve(name: str) -> Sequence[Address]:
    """Every address the name has now; raises UsageError (`no_address`) where it has none."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        text = f"{name!r} has no address here; check the name or give one"
        raise UsageError(text, code="no_address") from None
    return tuple(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))
