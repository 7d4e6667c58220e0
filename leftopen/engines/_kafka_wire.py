"""Kafka's protocol: frames, and the five requests that the engine sends.

All in versions without tagged fields. Source: the Kafka protocol guide
(https://kafka.apache.org/protocol).
"""

from __future__ import annotations

import re
import secrets
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leftopen.errors import NotThisProtocol, RequestNotAllowed
from leftopen.net.connection import Connection

FETCH, LIST_OFFSETS, METADATA, SASL_HANDSHAKE, API_VERSIONS = 1, 2, 3, 17, 18
NONE, UNKNOWN_TOPIC, NOT_LEADER = 0, 3, 6
TOPIC_DENIED, CLUSTER_DENIED = 29, 31
UNSUPPORTED_MECHANISM, ILLEGAL_SASL_STATE = 33, 34
EARLIEST, LATEST = -2, -1
CREATE, WRITE = 5, 4  # bits of authorized operations: codes of AclOperation
UNTOLD = -(1 << 31)

_CLIENT = b"\x00\x08leftopen"
_NAMES = {
    (API_VERSIONS, 0): "ApiVersions",
    (METADATA, 4): "Metadata", (METADATA, 8): "Metadata",
    (LIST_OFFSETS, 1): "ListOffsets",
    (FETCH, 4): "Fetch",
    (SASL_HANDSHAKE, 0): "SaslHandshake", (SASL_HANDSHAKE, 1): "SaslHandshake",
}  # fmt: skip
# All topics; none is made; in version 8 with what a client may do to the cluster and each topic.
METADATA_BODY = {4: b"\xff\xff\xff\xff\x00", 8: b"\xff\xff\xff\xff\x00\x01\x01"}
_MECHANISM = re.compile(rb"\x00\x11LEFTOPEN-[0-9A-F]{8}")
_HEAD = struct.Struct("!hhi")
_MAX_FIRST = 65_536  # bytes of the answer that shows whether the peer speaks the protocol


class Cursor:
    """Takes typed pieces off a body; raises NotThisProtocol where there is less than it says."""

    def __init__(self, data: bytes, *, whole: bool = True) -> None:
        self._data, self._at, self.whole = data, 0, whole

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count < 0 or count > self.left:
            raise NotThisProtocol("a reply is shorter than it says")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        """A signed number of `size` bytes."""
        return int.from_bytes(self.take(size), signed=True)

    def flag(self) -> bool:
        return self.take(1) != b"\x00"

    def string(self) -> str | None:
        length = self.number(2)
        return None if length == -1 else self.take(length).decode("utf-8", "replace")

    def count(self, least_bytes: int) -> int:
        """How many things follow, each of `least_bytes` or more; -1 (null) counts as none."""
        count = self.number(4)
        if count < -1 or (self.whole and count * least_bytes > self.left):
            raise NotThisProtocol("a reply names more things than it holds")
        return max(0, count)

    def varint(self) -> int:
        """A number as records write it: zigzag, 7 bits a byte."""
        raw = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            raw |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (raw >> 1) ^ -(raw & 1)
        raise NotThisProtocol("a number without an end")

    def bytes(self) -> bytes | None:
        """A key or value of a record; None where it is null."""
        length = self.varint()
        return None if length == -1 else self.take(length)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as Metadata tells it: partitions with their leaders, operations allowed or None."""

    name: str
    error: int
    internal: bool
    leaders: tuple[tuple[int, int], ...]  # partition, broker that leads it
    operations: int | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a cluster tells of itself; its brokers' addresses are not kept."""

    cluster: str
    topics: tuple[Topic, ...]
    operations: int | None = None


# --- requests ------------------------------------------------------------------------------------


def request_name(payload: bytes) -> str:
    """The name of a request on the allow-list, read from its bytes. Raises RequestNotAllowed for
    any other, and for one that would make a topic, follow as a replica, or name a mechanism."""
    key, version, _ = _HEAD.unpack_from(payload, 4)
    body = payload[4 + _HEAD.size + len(_CLIENT) :]
    name = _NAMES.get((key, version))
    fits = {
        METADATA: body == METADATA_BODY.get(version),
        FETCH: body.startswith(b"\xff\xff\xff\xff"),
        LIST_OFFSETS: body.startswith(b"\xff\xff\xff\xff"),
        SASL_HANDSHAKE: _MECHANISM.fullmatch(body) is not None,
        API_VERSIONS: body == b"",
    }
    if name is None or not fits[key]:
        raise RequestNotAllowed("not a request that this engine may send")
    return name


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _array(items: Sequence[bytes]) -> bytes:
    return struct.pack("!i", len(items)) + b"".join(items)


def list_offsets(asked: Sequence[tuple[str, Sequence[int]]], moment: int) -> bytes:
    """The body of ListOffsets: partitions of topics, and EARLIEST, LATEST, or the moment (in
    milliseconds since 1970) from which on the first record is wanted."""
    return b"\xff\xff\xff\xff" + _array(
        [
            string(topic) + _array([struct.pack("!iq", number, moment) for number in partitions])
            for topic, partitions in asked
        ]
    )


def fetch(topic: str, partition: int, offset: int, most: int) -> bytes:
    """The body of Fetch: what is there now, from one offset of one partition; about `most` bytes
    (a first batch that is longer comes whole)."""
    one = string(topic) + _array([struct.pack("!iqi", partition, offset, most)])
    return b"\xff\xff\xff\xff" + struct.pack("!iiib", 0, 0, most, 0) + _array([one])


def handshake() -> bytes:
    """The body of SaslHandshake, for a mechanism that cannot exist: nobody logs in by it."""
    return string(f"LEFTOPEN-{secrets.token_hex(4).upper()}")


async def exchange(
    connection: Connection, key: int, version: int, body: bytes = b"", enough: int | None = None
) -> Cursor:
    """Send one request; returns the body of its answer. Of one longer than `enough` so much is
    read, and the connection closed.

    The correlation id is made up, and an answer without it is none. Raises NotThisProtocol and
    NetError; BudgetSpent where the answer is longer than the reply limit.
    """
    correlation = secrets.randbelow(1 << 31)
    content = _HEAD.pack(key, version, correlation) + _CLIENT + body
    payload = struct.pack("!i", len(content)) + content
    try:
        await connection.send(request_name(payload), payload)
        length, echoed = struct.unpack("!ii", await connection.read_exactly(8))
        if length < 4 or echoed != correlation or (key == API_VERSIONS and length > _MAX_FIRST):
            raise NotThisProtocol("the peer does not speak Kafka's protocol")
        if enough is None or length - 4 <= enough:
            return Cursor(await connection.read_exactly(length - 4))
        part = await connection.read_exactly(enough)
        await connection.close()
        return Cursor(part, whole=False)
    except BaseException:  # what is left of the answer must not be taken for the next
        await connection.close()
        raise


# --- answers -------------------------------------------------------------------------------------


def versions(answer: Cursor) -> dict[int, tuple[int, int]]:
    """ApiVersions: lowest and highest version of each kind of request."""
    if answer.number(2) != NONE:
        raise NotThisProtocol("the peer does not speak Kafka's protocol")
    told = {}
    for _ in range(answer.count(6)):
        key, low, high = struct.unpack("!hhh", answer.take(6))
        told[key] = (low, high)
    return told


def mechanisms(answer: Cursor) -> tuple[int, int]:
    """SaslHandshake: its error, and how many mechanisms the server names."""
    error = answer.number(2)
    count = answer.count(2)
    for _ in range(count):
        answer.string()
    _ended(answer)
    return error, count


def metadata(answer: Cursor, version: int) -> Metadata:
    """Metadata of version 4 or 8; of an answer that was not read whole, what came before."""
    answer.take(4)  # throttled for so many milliseconds
    for _ in range(answer.count(12)):
        answer.take(4)
        answer.string()
        answer.take(4)
        answer.string()
    cluster = answer.string() or ""
    answer.take(4)  # controller
    topics = []
    for _ in range(answer.count(9)):
        try:
            topics.append(_topic(answer, version))
        except NotThisProtocol:
            if answer.whole:
                raise
            return Metadata(cluster, tuple(topics))
    operations = _operations(answer) if version >= 8 else None
    _ended(answer)
    return Metadata(cluster, tuple(topics), operations)


def _topic(answer: Cursor, version: int) -> Topic:
    error = answer.number(2)
    name = answer.string()
    internal = answer.flag()
    leaders = []
    for _ in range(answer.count(18)):
        answer.take(2)
        leaders.append((answer.number(4), answer.number(4)))
        if version >= 7:
            answer.take(4)  # epoch of the leader
        for _ in range(3 if version >= 5 else 2):  # replicas: all, in step, offline
            answer.take(4 * answer.count(4))
    operations = _operations(answer) if version >= 8 else None
    return Topic(name or "", error, internal, tuple(leaders), operations)


def _operations(answer: Cursor) -> int | None:
    told = answer.number(4)
    return None if told == UNTOLD else told


def offsets(answer: Cursor) -> dict[tuple[str, int], tuple[int, int]]:
    """ListOffsets of version 1: error and offset by topic and partition."""
    return {part: (error, offset) for part, (error, _, offset) in _offsets(answer)}


def moments(answer: Cursor) -> list[int]:
    """ListOffsets of version 1: the moments (milliseconds since 1970) of the records found."""
    return [moment for _, (error, moment, _) in _offsets(answer) if error == NONE and moment >= 0]


def _offsets(answer: Cursor) -> Iterator[tuple[tuple[str, int], tuple[int, int, int]]]:
    """By topic and partition: error, moment and offset."""
    for _ in range(answer.count(6)):
        topic = answer.string() or ""
        for _ in range(answer.count(22)):
            partition, error, moment, offset = struct.unpack("!ihqq", answer.take(22))
            yield (topic, partition), (error, moment, offset)
    _ended(answer)


def fetched(answer: Cursor, topic: str, partition: int) -> tuple[int, bytes]:
    """Fetch of version 4: the error and the raw records of the one partition that was asked for."""
    answer.take(4)
    if answer.count(6) != 1 or answer.string() != topic or answer.count(30) != 1:
        raise NotThisProtocol("an answer to something that was not asked")
    told, error, _, _ = struct.unpack("!ihqq", answer.take(22))
    if told != partition:
        raise NotThisProtocol("an answer to something that was not asked")
    answer.take(16 * answer.count(16))  # transactions that were given up
    records = answer.take(max(0, answer.number(4)))
    _ended(answer)
    return error, records


def _ended(answer: Cursor) -> None:
    if answer.left:
        raise NotThisProtocol("a reply is longer than it says")
