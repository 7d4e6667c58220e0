"""ZooKeeper's own protocol: one four-letter word, and the frames of a session (jute).

A frame is a length and that many bytes, all numbers big-endian. A request is `xid, type` and its
record; a reply `xid, zxid, error` and its record. Source: zookeeper.jute, the ZooKeeper
Programmer's Guide (sessions, ACLs) and Administrator's Guide (the four letter words).
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from leftopen.errors import BudgetSpent, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.net.connection import Connection

EXISTS, GET_DATA, GET_ACL, GET_CHILDREN, CLOSE = 3, 4, 6, 8, -11
NO_NODE, NO_AUTH, WANTS_SASL, AUTH_FAILED = "-101", "-102", "-124", "-115"
READ = 1
CHANGES = 2 | 4 | 8 | 16  # write, create, delete, admin

_NAMES = {
    EXISTS: "exists", GET_DATA: "getData", GET_ACL: "getACL", GET_CHILDREN: "getChildren",
    CLOSE: "closeSession",
}  # fmt: skip
WORD = "srvr"
CONNECT = "connect"
REQUESTS = frozenset({WORD, CONNECT, *_NAMES.values()})

_SESSION_MS = 10_000  # the server ends a session of which it hears nothing for so long
_CONNECT = struct.Struct(">iiqiqi16s?")
_CONNECT_SIZE = _CONNECT.size - 4
_ACCEPTED = struct.Struct(">iiqi")
_REQUEST = struct.Struct(">iii")
_REPLY = struct.Struct(">iqi")
_STAT = struct.Struct(">qqqqiiiqiiq")
_MAX_PATH = 4_096  # bytes
_MAX_REPLY_HEAD = 64  # bytes of the answer to a connect: 36, or 37 with the read-only flag
_MAX_ACL = 256  # entries
_MAX_TEXT = 16_384  # bytes of the answer to a word


def request_name(payload: bytes) -> str:
    """The allow-list name of what is about to be sent; raises RequestNotAllowed for any other word
    or type, for two in one, and for one that would leave a watch."""
    if payload == WORD.encode():
        return WORD
    if len(payload) >= _REQUEST.size:
        length, first, kind = _REQUEST.unpack_from(payload)
        if length == len(payload) - 4:
            if first == 0 and length == _CONNECT_SIZE and kind == 0:
                return CONNECT
            name = _NAMES.get(kind)
            watches = kind in (EXISTS, GET_DATA, GET_CHILDREN) and payload[-1] != 0
            if name is not None and first > 0 and not watches:
                return name
    raise RequestNotAllowed("not a request that the zookeeper engine may send")


async def word(connection: Connection) -> bytes:
    """What the server says to `srvr`; it ends the connection after that. Raises NetError."""
    payload = WORD.encode()
    await connection.send(request_name(payload), payload)
    return await connection.read_some(_MAX_TEXT)


@dataclass(frozen=True, slots=True)
class Stat:
    """What `exists` tells of a node: bytes of its data, and how many nodes are right below it."""

    size: int
    children: int


class Session:
    """A session without a name over a connection. Opened only where the scope file allows it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(self) -> None:
        """Raises RequestNotAllowed without the scope's word, NotThisProtocol, ServerRefused where
        the server accepts none, and NetError."""
        if not self._connection.opt_in.session:
            raise RequestNotAllowed("a session is opened only where the scope file says so")
        payload = _CONNECT.pack(_CONNECT_SIZE, 0, 0, _SESSION_MS, 0, 16, bytes(16), True)
        await self._connection.send(request_name(payload), payload)
        (length,) = struct.unpack(">i", await self._connection.read_exactly(4))
        if not _ACCEPTED.size <= length <= _MAX_REPLY_HEAD:
            raise NotThisProtocol("the answer to a connect is none")
        answer = await self._connection.read_exactly(length)
        version, milliseconds, session, password = _ACCEPTED.unpack_from(answer)
        if version != 0 or password != 16 or length not in (36, 37):
            raise NotThisProtocol("the answer to a connect is none")
        if milliseconds <= 0 or session == 0:
            raise ServerRefused("the server accepts no session", code="no_session")

    async def ask(self, *asked: tuple[int, str]) -> list[bytes | ServerRefused]:
        """The records of the replies to these requests (type and path), sent in one go, each with a
        number made up that must come back; or the refusal, its code the error's number. Raises
        NotThisProtocol and NetError."""
        numbers = []
        for kind, path in asked:
            numbers.append(secrets.randbelow(2**31 - 1) + 1)
            body = _path(path) + (b"" if kind == GET_ACL else b"\0")
            payload = _REQUEST.pack(8 + len(body), numbers[-1], kind) + body
            await self._connection.send(request_name(payload), payload)
        return [await self._reply(number) for number in numbers]

    async def one(self, kind: int, path: str) -> bytes:
        """The record of the reply to one request. Raises ServerRefused besides what `ask` does."""
        (told,) = await self.ask((kind, path))
        if isinstance(told, ServerRefused):
            raise told
        return told

    async def close(self) -> None:
        """Say goodbye, so that the server need not wait for the session to run out."""
        payload = _REQUEST.pack(8, secrets.randbelow(2**31 - 1) + 1, CLOSE)
        await self._connection.send(request_name(payload), payload)

    async def _reply(self, number: int) -> bytes | ServerRefused:
        (length,) = struct.unpack(">i", await self._connection.read_exactly(4))
        if length < _REPLY.size:
            raise NotThisProtocol("a frame that holds no reply")
        if length > self._connection.limits.reply_bytes:
            raise BudgetSpent(code="reply_too_large")
        frame = await self._connection.read_exactly(length)
        told, _, error = _REPLY.unpack_from(frame)
        if told != number:
            raise NotThisProtocol("answers something else than what was asked")
        if error:
            return ServerRefused("the server refused the request", code=str(error))
        return frame[_REPLY.size :]


def _path(path: str) -> bytes:
    data = path.encode("utf-8", "strict")
    if not path.startswith("/") or len(data) > _MAX_PATH:
        raise RequestNotAllowed("not the path of a node")
    return struct.pack(">i", len(data)) + data


class _Record:
    """A record that is read from its beginning; whatever is not there raises NotThisProtocol."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        return int.from_bytes(self._take(4), "big", signed=True)

    def buffer(self) -> bytes:
        size = self.number()
        return b"" if size == -1 else self._take(size)

    def text(self) -> str:
        return self.buffer().decode("utf-8", "replace")

    def end(self) -> None:
        if self._at != len(self._data):
            raise NotThisProtocol("more in a reply than it may hold")

    def stat(self) -> Stat:
        fields = _STAT.unpack(self._take(_STAT.size))
        return Stat(size=fields[8], children=fields[9])

    def _take(self, size: int) -> bytes:
        if size < 0 or self._at + size > len(self._data):
            raise NotThisProtocol("a reply that is cut off")
        self._at += size
        return self._data[self._at - size : self._at]


def children(record: bytes) -> list[str]:
    """Names of the nodes below a node. Raises NotThisProtocol."""
    told = _Record(record)
    count = told.number()
    if not -1 <= count <= len(record) // 4:
        raise NotThisProtocol("more names than there is room for")
    names = [told.text() for _ in range(count)]
    told.end()
    return names


def stat(record: bytes) -> Stat:
    """What `exists` told. Raises NotThisProtocol."""
    told = _Record(record)
    found = told.stat()
    told.end()
    return found


def data(record: bytes) -> bytes:
    """The data of a node. Raises NotThisProtocol."""
    told = _Record(record)
    found = told.buffer()
    told.stat()
    told.end()
    return found


def anyones(record: bytes) -> int:
    """What an access list gives to anyone, as a sum of permissions. Raises NotThisProtocol."""
    told = _Record(record)
    given = 0
    count = told.number()
    if not 0 <= count <= _MAX_ACL:
        raise NotThisProtocol("more entries than an access list has")
    for _ in range(count):
        permissions, scheme, who = told.number(), told.text(), told.text()
        if (scheme, who) == ("world", "anyone"):
            given |= permissions
    told.stat()
    told.end()
    return given


def below(path: str, names: Sequence[str]) -> list[str]:
    """Paths of the nodes of these names; those that cannot be a node's name are left out."""
    base = path.rstrip("/")
    return [
        f"{base}/{name}"
        for name in names
        if name not in ("", ".", "..") and name.isprintable() and not set(name) & {"/", "\ufffd"}
    ]
