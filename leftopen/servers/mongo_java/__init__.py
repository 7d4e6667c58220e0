"""mongo-java-server (de.bwaldvogel, Maven Central): MongoDB's protocol at the size of real finds.

Its own in-memory collections sort all they hold for a `$sample`, count a range by reading all, and
read a find to its end before its first answer: 90 s, 14 s and 2 s for 6.7 million documents on two
cores. `Packed` and `Ordered` beside this file do as MongoDB does: some 0.03 s, 1 ms and 1 ms, in
about 300 bytes of heap and a document's BSON for each. What is written here goes over the wire
without a driver.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import bson

from leftopen.servers.base import Server, free_port, launch, new_folder, unless_failed
from leftopen.servers.maven import JAVA, class_path

_START_SECONDS = 60.0  # about 1 on two idle cores
_HEADER = struct.Struct("<iiii")  # messageLength, requestID, responseTo, opCode
_OP_MSG = 2013
_BATCH = 10_000  # documents of one message
_BATCH_BYTES = 8 << 20


def mongo_java(
    address: str = "127.0.0.1", *, port: int | None = None, heap: str = "512m"
) -> Server:
    """Start an empty server that lets anybody in; `heap` is the most that its JVM may hold.

    Raises ServerMissingError where Maven or a JDK is missing.
    """
    classes = class_path(__name__, "mongo-java-server")
    port = port or free_port(address)
    folder = new_folder("mongo-java")
    # Millions of documents go through it: here the second compiler pays.
    options = [f"-Xmx{heap}", "-XX:TieredStopAtLevel=4"]
    command = [*JAVA, *options, "-cp", classes, "Node", address, str(port)]
    with unless_failed(folder):
        return launch("mongodb", command, address, port, folder, seconds=_START_SECONDS)


def fill(
    server: Server, db: str, collection: str, docs: Iterable[Mapping[str, Any] | bytes]
) -> int:
    """Put documents (or their BSON) into a collection; returns how many.

    Where a document has no `_id` it gets one from here, as from any driver: the server's own have
    no time in them. Raises RuntimeError where the server does not take one.
    """
    done = 0
    with _link(server) as link:
        for batch in _batches(docs):
            reply = _told(link, {"insert": collection, "$db": db}, batch)
            if reply.get("writeErrors"):
                first = reply["writeErrors"][0]
                raise RuntimeError(f"mongo-java-server took not all of {collection}: {first}")
            done += len(batch)
    return done


def index(server: Server, db: str, collection: str, *paths: str, unique: bool = False) -> None:
    """Make an ascending index over the paths."""
    name = "_".join(f"{path}_1" for path in paths)
    keys = {"key": dict.fromkeys(paths, 1), "name": name, "unique": unique}
    call(server, db, {"createIndexes": collection, "indexes": [keys]})


def call(server: Server, db: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """One command of the owner's; raises RuntimeError where it is refused."""
    with _link(server) as link:
        return _told(link, {**command, "$db": db})


def _batches(docs: Iterable[Mapping[str, Any] | bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for doc in docs:
        encoded = doc if isinstance(doc, bytes) else bson.encode({"_id": bson.ObjectId(), **doc})
        if batch and (len(batch) == _BATCH or size + len(encoded) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(encoded)
        size += len(encoded)
    if batch:
        yield batch


@contextmanager
def _link(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection((server.address, server.port), timeout=120) as link:
        yield link


def _told(
    link: socket.socket, command: Mapping[str, Any], documents: list[bytes] | None = None
) -> dict[str, Any]:
    """The reply to a command, whose `documents` go in a section of their own."""
    body = bytes(5) + bson.encode(command)
    if documents:
        sequence = b"documents\0" + b"".join(documents)
        body += b"\1" + struct.pack("<i", 4 + len(sequence)) + sequence
    link.sendall(_HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body)
    length = _HEADER.unpack(_read(link, _HEADER.size))[0]
    reply = bson.decode(_read(link, length - _HEADER.size)[5:])
    if reply.get("ok") != 1:
        raise RuntimeError(f"mongo-java-server refused {next(iter(command))}: {reply}")
    return reply


def _read(link: socket.socket, count: int) -> bytes:
    """So many bytes; a socket with a timeout does not wait for all of them itself."""
    data = bytearray()
    while len(data) < count:
        if not (more := link.recv(count - len(data))):
            raise RuntimeError("mongo-java-server ended the connection")
        data += more
    return bytes(data)
