"""What kind of conversation a peer holds, from one request: which engines are worth asking.

The hail is a plain `GET /`. A server that speaks first has greeted before it reads it, so that
neither kind is waited for on the other's account; one that speaks HTTP answers it; the others say
something of their own, or end the connection, at words that are not of their protocol.
"""

from __future__ import annotations

import re
from enum import StrEnum

from leftopen.errors import BudgetSpent, LeftopenError, PeerClosed, Silent, TlsFailed
from leftopen.model import Target
from leftopen.net.connection import Connection

REQUEST = "GET /"
_ENOUGH = 2_048  # bytes of an answer that are looked at
_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}")
_TLS_ALERT = b"\x15\x03"


class Heard(StrEnum):
    """What came back."""

    HTTP = "an answer in HTTP"
    PAGE = "a web page"
    BAD_REQUEST = "HTTP status 400"  # also what TLS ports say to plain text
    WORDS = "words of another protocol"
    HUNG_UP = "the end of the connection"  # also a TLS alert
    NOTHING = "nothing"
    UNREACHED = "no connection"


async def hail(connection: Connection) -> Heard:
    """Send the hail on an open connection and tell what it brought.

    Raises TlsFailed alone: a wish for a client's certificate may come after the handshake.
    """
    host = _host(connection.target)
    head = f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: leftopen\r\nAccept: */*\r\n\r\n"
    start = b""
    try:
        await connection.send(REQUEST, head.encode("ascii"))
        while len(start) < _ENOUGH and not _tells(start):
            start += await connection.read_some(_ENOUGH)
    except (Silent, BudgetSpent):
        return _sense(start) if start else Heard.NOTHING
    except PeerClosed:
        return _sense(start) if start else Heard.HUNG_UP
    except TlsFailed:
        raise
    except LeftopenError:
        return Heard.UNREACHED
    return _sense(start)


def _host(target: Target) -> str:
    """The name it is asked by. A resumed run's comes from a record, which may be anybody's: what
    is no plain name could end the line and begin a request of another kind."""
    named = target.host is not None and _NAME.fullmatch(target.host) is not None
    return f"{target.host}:{target.port}" if named else str(target)


def _tells(start: bytes) -> bool:
    """Whether these first bytes are enough to know the kind by."""
    if not start.startswith(b"HTTP/"[: len(start)]):
        return True
    head, end, body = start.partition(b"\r\n\r\n")
    return bool(end) and (bool(body.strip()) or b"html" in head.lower() or b"Length: 0" in head)


def _sense(start: bytes) -> Heard:
    if start.startswith(_TLS_ALERT):
        return Heard.HUNG_UP
    if not start.startswith(b"HTTP/"):
        return Heard.WORDS
    head, _, body = start.partition(b"\r\n\r\n")
    if head.split(b" ", 2)[1:2] == [b"400"]:
        return Heard.BAD_REQUEST
    page = b"text/html" in head.lower() or body.lstrip()[:1] == b"<"
    return Heard.PAGE if page else Heard.HTTP
