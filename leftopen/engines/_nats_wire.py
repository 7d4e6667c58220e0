"""The NATS client protocol, as far as asking questions takes it: one inbox, requests, replies.

Everything sent is built and named here. The only subjects published to are those of SUBJECTS, and
the only one subscribed to is an inbox with a random name, so that no message of anybody is seen.

Source: https://docs.nats.io/reference/reference-protocols/nats-protocol (INFO, CONNECT, PUB, SUB,
MSG, HMSG, PING, PONG, -ERR) and, for the status 503 where nobody serves a subject, its ADR-4.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from typing import Any

from leftopen.errors import BudgetSpent, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.net.connection import Connection

NAMES = "$JS.API.STREAM.NAMES"
INFO = "$JS.API.STREAM.INFO"
GET = "$JS.API.STREAM.MSG.GET"
USER = "$SYS.REQ.USER.INFO"
SUBJECTS = (NAMES, f"{INFO}.{{stream}}", f"{GET}.{{stream}}", USER)
REQUESTS = frozenset({"CONNECT", "PING", "PONG", "SUB _INBOX", *(f"PUB {s}" for s in SUBJECTS)})

MAX_LINE = 32_768  # bytes; INFO lists the addresses of a cluster and is the longest
MAX_OPERATIONS = 256  # beyond those due in one exchange
NOBODY = "503"  # the code of ServerRefused where no service answers on the subject
DENIED = "denied"  # … where the server forbids the subject
LOGIN = "login"  # … where it wants a login

_STREAM = re.compile(r"[^\s.*>/\\\x00-\x1f\x7f]{1,255}")
_CONNECT = {
    "verbose": False,
    "pedantic": False,
    "tls_required": False,
    "lang": "python",
    "version": "1",
    "protocol": 1,
    "echo": True,
    "headers": True,
    "no_responders": True,
}
CONNECT = b"CONNECT %b\r\n" % json.dumps(_CONNECT, separators=(",", ":")).encode()
_PUB = re.compile(
    r"PUB (\$JS\.API\.STREAM\.NAMES|\$SYS\.REQ\.USER\.INFO|"
    r"(\$JS\.API\.STREAM\.(?:INFO|MSG\.GET))\.([^\s.*>/\\]+)) "
    r"_INBOX\.[0-9a-f]{24}\.\d+ \d+\r\n(\{\"(?:offset|seq)\":\d+\})?\r\n"
)
_SUB = re.compile(rb"SUB _INBOX\.[0-9a-f]{24}\.\* 1\r\n")
_NO_LOGIN = ("authorization", "authentication", "user authentication", "account authentication")


def is_stream(name: object) -> bool:
    """Whether this is a name that a stream can have: one token of a subject."""
    return isinstance(name, str) and _STREAM.fullmatch(name) is not None


def name_of(frame: bytes) -> str:
    """The name of the request that a frame is; raises RequestNotAllowed for any other."""
    if frame == CONNECT:
        return "CONNECT"
    if frame in (b"PING\r\n", b"PONG\r\n"):
        return frame[:4].decode()
    if _SUB.fullmatch(frame):
        return "SUB _INBOX"
    found = _PUB.fullmatch(frame.decode("utf-8", "replace"))
    if found is None or frame != _pub(*_parts(frame)):
        raise RequestNotAllowed("not a request that this engine may send")
    return f"PUB {found[2]}.{{stream}}" if found[2] else f"PUB {found[1]}"


def _pub(subject: str, inbox: str, payload: bytes) -> bytes:
    head = f"PUB {subject} {inbox} {len(payload)}\r\n".encode()
    return head + payload + b"\r\n"


def _parts(frame: bytes) -> tuple[str, str, bytes]:
    head, _, payload = frame.partition(b"\r\n")
    _, subject, inbox, _ = head.decode("utf-8", "replace").split(" ")
    return subject, inbox, payload[:-2]


def json_object(data: bytes) -> dict[str, Any]:
    """The bytes as a JSON object; raises NotThisProtocol if they are none."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        raise NotThisProtocol("no JSON where JSON was due") from None
    if not isinstance(told, dict):
        raise NotThisProtocol("no JSON object where one was due")
    return told


class Session:
    """One conversation over a connection. `greet`, then `enter`, then `ask` as often as wanted."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = f"_INBOX.{secrets.token_hex(12)}"
        self._count = 0
        self._buffer = bytearray()

    async def greet(self) -> dict[str, Any]:
        """What the server says of itself, unasked. Raises NotThisProtocol.

        Goes over to TLS where the server demands it.
        """
        line = await self._line(begins=b"INFO ")
        info = json_object(line[5:])
        if not isinstance(info.get("server_id"), str) or type(info.get("max_payload")) is not int:
            raise NotThisProtocol("the greeting lacks what NATS always tells")
        if info.get("tls_required") is True and not self._connection.tls:
            self._buffer.clear()
            await self._connection.start_tls()
        return info

    async def enter(self) -> None:
        """CONNECT without a name, and wait for the PONG. Raises ServerRefused (LOGIN, …)."""
        await self._send(CONNECT, b"PING\r\n")
        for _ in range(MAX_OPERATIONS):
            if await self._operation() == (b"PONG", b""):
                await self._send(f"SUB {self._inbox}.* 1\r\n".encode())
                return
        raise NotThisProtocol("the peer talks without answering")

    async def ask(self, *asked: tuple[str, bytes]) -> list[dict[str, Any] | ServerRefused]:
        """The JSON answers to requests (subject and payload), or what refused them, in order."""
        first, self._count = self._count, self._count + len(asked)
        frames = [
            _pub(subject, f"{self._inbox}.{first + number}", payload)
            for number, (subject, payload) in enumerate(asked)
        ]
        await self._send(*frames)
        told: dict[int, dict[str, Any] | ServerRefused] = {}
        for _ in range(len(asked) + MAX_OPERATIONS):
            if len(told) == len(asked):
                break
            try:
                word, data = await self._operation()
            except ServerRefused as refused:
                forbidden = _forbidden(refused)
                for number, (subject, _) in enumerate(asked):
                    if forbidden == subject:
                        told[number] = ServerRefused("forbidden", code=DENIED)
                if forbidden not in {subject for subject, _ in asked}:
                    raise ServerRefused("the server refused", code=refused.code) from None
                continue
            if word == b"PONG":
                continue
            number = int(word) - first
            if number not in range(len(asked)) or number in told:
                raise NotThisProtocol("an answer to what was not asked")
            told[number] = _answer(data)
        if len(told) < len(asked):
            raise NotThisProtocol("the peer talks without answering")
        return [told[number] for number in range(len(asked))]

    async def _operation(self) -> tuple[bytes, bytes]:
        """The next that matters: (b"PONG", b"") or (number of our request, what it brought).

        What it brought is the payload, or the header where the message has no payload. Raises
        ServerRefused for -ERR.
        """
        for _ in range(MAX_OPERATIONS):
            line = await self._line()
            word, _, rest = line.partition(b" ")
            if word == b"PING":
                await self._send(b"PONG\r\n")
            elif line == b"PONG":
                return b"PONG", b""
            elif word == b"-ERR":
                raise _refusal(rest)
            elif word in (b"MSG", b"HMSG"):
                return await self._message(word, rest.split())
            elif word != b"INFO" and line != b"+OK":
                raise NotThisProtocol("no operation of NATS")
        raise NotThisProtocol("the peer talks without answering")

    async def _message(self, word: bytes, parts: Sequence[bytes]) -> tuple[bytes, bytes]:
        """A message to our inbox; any other is a lie, for nothing else is subscribed."""
        sizes = parts[-1:] if word == b"MSG" else parts[-2:]
        subject = parts[0].decode("latin-1") if parts else ""
        number = subject.removeprefix(self._inbox + ".")
        if (
            not 2 < len(parts) < 6
            or number == subject
            or not re.fullmatch("[0-9]{1,9}", number)
            or not all(re.fullmatch(b"[0-9]{1,10}", size) for size in sizes)
        ):
            raise NotThisProtocol("a message that was not asked for")
        head = int(sizes[0]) if word == b"HMSG" else 0
        data = await self._exactly(int(sizes[-1]) + 2)
        if data[-2:] != b"\r\n" or head > int(sizes[-1]):
            raise NotThisProtocol("a message of another length than it says")
        return number.encode(), data[head:-2] or data[:head]

    async def _send(self, *frames: bytes) -> None:
        """Send frames in one write, each under its own name."""
        names = [name_of(frame) for frame in frames]
        for name in dict.fromkeys(names[:-1]):  # noted without bytes; one write carries them all
            await self._connection.send(name, b"")
        await self._connection.send(names[-1], b"".join(frames))

    async def _line(self, begins: bytes = b"") -> bytes:
        """The next line, without its end and the blanks before it.

        One that does not begin so is refused with its first bytes: a peer may trickle.
        """
        while (end := self._buffer.find(b"\r\n")) < 0:
            if not begins.startswith(self._buffer[: len(begins)]):
                raise NotThisProtocol("the peer does not greet as NATS does")
            if len(self._buffer) > MAX_LINE:
                raise NotThisProtocol("a line longer than NATS sends")
            self._buffer += await self._connection.read_some()
        if end > MAX_LINE:
            raise NotThisProtocol("a line longer than NATS sends")
        line = bytes(self._buffer[:end])
        if not line.startswith(begins):
            raise NotThisProtocol("the peer does not greet as NATS does")
        del self._buffer[: end + 2]
        return line.rstrip()

    async def _exactly(self, count: int) -> bytes:
        if count > self._connection.limits.reply_bytes:
            raise BudgetSpent(code="reply_too_large")
        while len(self._buffer) < count:
            self._buffer += await self._connection.read_some()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


class _Refused(ServerRefused):
    """-ERR, with the subject that it forbids (ours, or it is dropped); never shown."""

    subject: str = ""


def _refusal(text: bytes) -> ServerRefused:
    """What an -ERR stands for; the server's text is not kept."""
    plain = text.strip(b"' ").decode("utf-8", "replace")
    lower = plain.lower()
    if lower.startswith("permissions violation"):
        refused = _Refused("the server forbids it", code=DENIED)
        found = re.fullmatch(r'permissions violation for publish to "(.{1,300})"', plain, re.I)
        refused.subject = found[1] if found else ""
        return refused
    if lower.startswith(_NO_LOGIN):
        return ServerRefused("the server wants a login", code=LOGIN)
    return ServerRefused("the server reports an error", code="error")


def _forbidden(refused: ServerRefused) -> str | None:
    return refused.subject if isinstance(refused, _Refused) else None


def _answer(data: bytes) -> dict[str, Any] | ServerRefused:
    """A reply as JSON, or as the refusal that it states."""
    status = re.match(rb"NATS/1\.0 ([0-9]{3})\b", data)
    if status is not None:
        return ServerRefused("nobody serves the request", code=status[1].decode())
    told = json_object(data)
    error = told.get("error")
    if error is None:
        return told
    code = error.get("code") if isinstance(error, dict) else None
    number = error.get("err_code") if isinstance(error, dict) else None
    if number in (10039, 10076):  # JetStream is off: for the account, for the server
        return ServerRefused("JetStream is off", code=NOBODY)
    known = isinstance(code, int) and 100 <= code <= 599
    return ServerRefused("the server refused the request", code=str(code) if known else "error")
