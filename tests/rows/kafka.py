"""Kafka in each state: real brokers, and a scripted one for what would need a second broker."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from collections.abc import Callable, Iterator

from leftopen.engines._kafka_wire import FETCH, LIST_OFFSETS, METADATA, SASL_HANDSHAKE, string
from leftopen.model import Target, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.kafka import Compression, allow, fill, kafka, record, topic
from leftopen.testing import peer, shared
from tests.rows.row import Row, Rows, lends, once_a_run

PEOPLE = 300
KINDS: tuple[Compression, ...] = ("none", "gzip", "snappy", "lz4", "zstd")


def avro(*texts: str) -> bytes:
    """A record of strings as Confluent's serializer writes it: 0, a schema's id, Avro."""
    made = b"\x00\x00\x00\x00\x07"
    for data in (text.encode() for text in texts):
        zigzag = 2 * len(data)
        made += bytes([zigzag] if zigzag < 0x80 else [zigzag & 0x7F | 0x80, zigzag >> 7]) + data
    return made


def town() -> Iterator[str]:
    """Topics of invented people: JSON in each compression, plain text, Avro, and an empty one."""
    yield topic("people", 3)
    for n in range(PEOPLE):
        person = {"name": "Ann Lee", "email": f"ann.lee{n}@example.org", "n": n}
        yield record("people", json.dumps(person).encode(), b"p%d" % n, KINDS[n % len(KINDS)])
    yield topic("plain")
    yield record("plain", "Grüße an Ann".encode())
    yield record("plain", b"\xff\x00\xfe")
    yield topic("avro")
    yield record("avro", avro("Ann Lee", "ann.lee@example.org"))
    yield topic("nothing")


@once_a_run
def opened() -> Server:
    """A broker that anybody may read and write, with the town in it."""
    return _filled(kafka(), town())


@once_a_run
def limited(operation: str) -> Server:
    """A broker with a topic that clients without a name may only do this to."""
    cluster = allow("cluster", "kafka-cluster", "CLUSTER_ACTION")  # nothing but what brokers need
    orders = [topic("people"), record("people", b'{"name": "Ann Lee"}')]
    return _filled(kafka(acl=True), [*orders, allow("topic", "*", operation), cluster])


def _filled(server: Server, orders: Iterator[str] | list[str]) -> Server:
    with unless_failed(server):
        fill(server, orders)
    return server


# --- a scripted broker ---------------------------------------------------------------------------


def array(*items: bytes) -> bytes:
    return struct.pack("!i", len(items)) + b"".join(items)


def batch(*values: bytes, attributes: int = 0, packed: bytes | None = None) -> bytes:
    """A record batch of values without keys (each shorter than 50 bytes), from offset 0 on; its
    records may be given as they were compressed."""
    content = b"".join(
        bytes([2 * (len(value) + 6), 0, 0, 2 * n, 1, 2 * len(value)]) + value + b"\x00"
        for n, value in enumerate(values)
    )
    content = content if packed is None else packed
    head = struct.pack("!ibIhiqqqhii", 0, 2, 0, attributes, len(values) - 1, 10**12, 10**12,
                       -1, -1, -1, len(values))  # fmt: skip
    return struct.pack("!qi", 0, len(head) + len(content)) + head + content


VERSIONS = {FETCH: (0, 16), LIST_OFFSETS: (0, 8), METADATA: (0, 12), SASL_HANDSHAKE: (0, 1),
            18: (0, 3)}  # fmt: skip


class Broker:
    """Answers as a Kafka 3 (Metadata of version 8) that leads the one partition of `people`, which
    holds one record. The fields may be set to something else; None ends the connection."""

    topics: tuple[tuple[str, int, bool, int], ...] = (("people", 0, False, 1 << 31),)
    cluster_operations = 1 << 31
    listed = True  # whether Metadata is answered
    offset_error = 0
    made_up_error = 3
    fetch_error = 0
    handshake: bytes | None = struct.pack("!h", 33) + array(string("PLAIN"))
    records = batch(b'{"name": "Ann Lee"}')

    def __init__(self, **said: object) -> None:
        self.asked: list[tuple[int, bytes]] = []
        self.versions = VERSIONS
        for name, value in said.items():
            assert hasattr(self, name)
            setattr(self, name, value)

    def __call__(self, data: bytes) -> bytes | None:
        length, key, version, correlation = struct.unpack("!ihhi", data[:12])
        assert len(data) == 4 + length
        body = data[22:]
        self.asked.append((key, body))
        told = self.answer(key, version, body)
        if told is None:
            return None
        return struct.pack("!ii", len(told) + 4, correlation) + told

    def answer(self, key: int, version: int, body: bytes) -> bytes | None:
        if key == 18:
            spoken = [struct.pack("!hhh", k, *v) for k, v in self.versions.items()]
            return bytes(2) + array(*spoken)
        if key == METADATA:
            return self.metadata(version) if self.listed else None
        if key == LIST_OFFSETS:
            return self.offsets(body)
        if key == FETCH:
            part = struct.pack("!ihqq", 0, self.fetch_error, 1, 1) + array()
            part += struct.pack("!i", len(self.records)) + self.records
            name = body[21 : 23 + int.from_bytes(body[21:23])]  # as it was asked for
            return bytes(4) + array(name + array(part))
        return self.handshake

    def metadata(self, version: int) -> bytes:
        broker = struct.pack("!i", 1) + string("broker.example") + struct.pack("!ih", 9092, -1)
        topics = []
        for name, error, internal, operations in self.topics:
            part = struct.pack("!hii", 0, 0, 1) + (bytes(4) if version == 8 else b"")
            part += array(struct.pack("!i", 1)) * 2 + (array() if version == 8 else b"")
            topics.append(struct.pack("!h", error) + string(name) + bytes([internal]) + array(part))
            if version == 8:
                topics[-1] += struct.pack("!I", operations)
        told = bytes(4) + array(broker) + string("an-id") + struct.pack("!i", 1) + array(*topics)
        return told + (struct.pack("!I", self.cluster_operations) if version == 8 else b"")

    def offsets(self, body: bytes) -> bytes:
        """For the partitions 0 of each topic that is asked for: offset 0, or 1 for the latest."""
        (count,), at, topics = struct.unpack("!i", body[4:8]), 8, []
        for _ in range(count):
            size = int.from_bytes(body[at : at + 2])
            name = body[at + 2 : at + 2 + size].decode()
            moment = int.from_bytes(body[at + 2 + size + 8 : at + 2 + size + 16], signed=True)
            at += 2 + size + 16
            error = self.made_up_error if name.startswith("leftopen-") else self.offset_error
            offset = -1 if error else int(moment == -1)
            topics.append(string(name) + array(struct.pack("!ihqq", 0, error, -1, offset)))
        return array(*topics)


def behaviour(script: Callable[[bytes], bytes | None]) -> Callable[[socket.socket], None]:
    """The script as a peer on a socket, which ends the connection at what is not Kafka's."""

    def behave(connection: socket.socket) -> None:
        with connection.makefile("rb") as asked:
            while (head := asked.read(4))[:2] == b"\0\0":
                data = head + asked.read(int.from_bytes(head))
                if data[12:22] != b"\x00\x08leftopen" or len(data) != 4 + int.from_bytes(head):
                    return
                told = script(data)
                if told is None:
                    return
                connection.sendall(told)

    return behave


def _elsewhere() -> contextlib.AbstractContextManager[Target]:
    return peer(behaviour(Broker(offset_error=6)))


def _old() -> contextlib.AbstractContextManager[Target]:
    """A broker before Kafka 2.3, which does not tell what is authorized."""
    return peer(behaviour(Broker(versions={**VERSIONS, METADATA: (0, 7)})))


ROWS = Rows(
    "kafka",
    rows=[
        Row("open", lends(opened), Verdict.OPEN, can_write="yes"),
        Row("empty", lends(shared, kafka), Verdict.OPEN, can_write="yes"),
        Row(
            "authentication on",
            lends(shared, kafka, password="hare-and-tortoise"),
            Verdict.AUTH_REQUIRED,
        ),
        Row(
            "metadata only",
            lends(limited, "DESCRIBE"),
            Verdict.OPEN_PARTIAL,
            can_write="no",
        ),
        Row("read-only", lends(limited, "READ"), Verdict.OPEN, can_write="no"),
        Row("led elsewhere", _elsewhere, Verdict.OPEN_PARTIAL, real=False),
        Row("old version", _old, Verdict.OPEN, real=False),
    ],
    absent={},
)
