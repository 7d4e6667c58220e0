"""Peers that mean harm, for `leftopen.testing.peer`: each is a function of a connected socket.

Those in `MUTTERERS` speak no protocol. Those in `LIARS` speak one well enough to be called open and
then send what no honest server sends.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import Callable
from functools import wraps

import bson

Behaviour = Callable[[socket.socket], None]

# Names as a hostile server would choose them: terminal control, HTML, formula, bidi, newline.
NASTY = [
    "\x1b[2J\x1b]0;owned\x07",
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil.example","x")',
    "\u202egnp.exe",
    "line\nbreak\r\x00",
    "'\"><img src=x onerror=y>",
]
_SECONDS = 20.0  # no peer goes on for longer


def _until(connection: socket.socket) -> bool:
    return connection.recv(65_536) != b""


def mute(connection: socket.socket) -> None:
    while _until(connection):
        pass


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65_536):
        connection.sendall(data)


def close_at_once(connection: socket.socket) -> None:
    del connection


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.recv(1)


def flood(connection: socket.socket) -> None:
    end = time.monotonic() + _SECONDS
    block = os.urandom(65_536)
    while time.monotonic() < end:
        connection.sendall(block)


def flood_of_text(connection: socket.socket) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        connection.sendall(b"+" + b"A" * 65_000)


def trickle(connection: socket.socket) -> None:
    for _ in range(200):
        connection.sendall(b"+")
        time.sleep(0.1)


def close_in_the_middle(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(struct.pack("<iiii", 500, 1, 1, 2013) + b"\x00" * 20)


def lie_about_length(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"$99999999999\r\n" + struct.pack("<iiii", 2**31 - 1, 1, 1, 2013))
    mute(connection)


def nest_lists(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"*1\r\n" * 500_000)
    mute(connection)


def nest_json(connection: socket.socket) -> None:
    connection.recv(65_536)
    body = b"[" * 2_000_000
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    connection.sendall(head % len(body) + body)
    mute(connection)


def endless_headers(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        connection.sendall(b"X-A: b\r\n" * 1000)


def html_page(connection: socket.socket) -> None:
    while _until(connection):
        body = b"<html><body>Welcome, nothing to see</body></html>"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)


def says(data: bytes) -> Behaviour:
    """A peer that answers the first it hears with this, whatever it was, and ends."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(data)

    behave.__name__ = f"says {data[:12]!r}"
    return behave


def banner(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    mute(connection)


MUTTERERS: list[Behaviour] = [
    mute,
    echo,
    banner,
    close_at_once,
    reset,
    flood,
    flood_of_text,
    trickle,
    close_in_the_middle,
    lie_about_length,
    nest_lists,
    nest_json,
    endless_headers,
    html_page,
]


def _bulk(data: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(data), data)


def _array(items: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(items) + b"".join(items)


def redis_liar(connection: socket.socket) -> None:
    """A Redis whose keys are nasty names and whose values are deep, huge or never end."""
    keys = [name.encode("utf-8", "surrogatepass") for name in NASTY] + [
        b"big",
        b"deep",
        b"\xff\xfe",
    ]
    deep = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    pending = b""
    while data := connection.recv(65_536):
        pending += data
        while (command := _taken(pending)) is not None:
            words, pending = command
            verb = words[0].upper()
            if verb == b"PING":
                answer = _bulk(words[1]) if len(words) > 1 else b"+PONG\r\n"
            elif verb == b"DBSIZE":
                answer = b":9223372036854775807\r\n"
            elif verb == b"SCAN":
                answer = _array([_bulk(b"0"), _array([_bulk(key) for key in keys])])
            elif verb == b"TYPE":
                answer = b"+string\r\n"
            elif verb == b"RANDOMKEY":
                answer = _bulk(keys[0])
            elif verb in (b"GET", b"GETRANGE"):
                answer = _bulk(deep if words[1] == b"deep" else b"A" * (3 << 20))
            elif verb == b"STRLEN":
                answer = b":9223372036854775807\r\n"
            else:
                answer = b"-ERR unknown command '" + NASTY[0].encode() + b"'\r\n"
            connection.sendall(answer)


def _taken(pending: bytes) -> tuple[list[bytes], bytes] | None:
    """The first whole RESP command of what came, and the rest."""
    lines = pending.split(b"\r\n")
    if not pending.startswith(b"*") or len(lines) < 2:
        return None
    count = int(lines[0][1:])
    if len(lines) < 2 + 2 * count:
        return None
    words = [lines[2 + 2 * i] for i in range(count)]
    used = sum(len(line) + 2 for line in lines[: 1 + 2 * count])
    return words, pending[used:]


def elasticsearch_liar(connection: socket.socket) -> None:
    """An Elasticsearch with nasty index and field names, deep documents and endless mappings."""
    while data := connection.recv(65_536):
        head = data.split(b"\r\n\r\n")[0].decode("latin-1")
        path = head.split(" ")[1]
        opaque = [
            line.split(":", 1)[1].strip()
            for line in head.split("\r\n")
            if line.lower().startswith("x-opaque-id:")
        ]
        status = "200 OK"
        source: dict[str, object] = {name: f"value {name}" for name in NASTY}
        source["deep"] = json.loads('{"a":' * 400 + "1" + "}" * 400)
        source["wide"] = {f"k{i}": i for i in range(5_000)}
        if path == "/":
            answer: object = {
                "cluster_name": NASTY[0],
                "version": {"number": "7.17.1" + NASTY[0]},
                "tagline": "You Know, for Search",
            }
        elif path.startswith("/_cat/indices"):
            answer = [
                {"index": name, "docs.count": "999999999999999999", "store.size": "12"}
                for name in [*NASTY, "people", "../_shutdown", "_all"]
            ]
        elif "_data_stream" in path:
            answer = {"data_streams": []}
        elif path.startswith("/leftopen-"):
            status = "404 Not Found"
            answer = {
                "error": {"type": "index_not_found_exception", "index": path.split("/")[1]},
                "status": 404,
            }
        else:
            answer = {
                "took": 1,
                "timed_out": False,
                "_shards": {"total": 1, "successful": 1, "failed": 0},
                "hits": {
                    "hits": [{"_index": "people", "_id": name, "_source": source} for name in NASTY]
                },
            }
        body = json.dumps(answer).encode()
        lines = [
            f"HTTP/1.1 {status}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *(f"X-Opaque-Id: {o}" for o in opaque),
        ]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def mongodb_liar(connection: socket.socket) -> None:
    """A MongoDB with nasty names, documents nested as deep as BSON can say, and floods of them."""
    deep = b"\x05\x00\x00\x00\x00"
    for _ in range(2_000):
        inner = b"\x03a\x00" + deep + b"\x00"
        deep = struct.pack("<i", len(inner) + 4) + inner
    while True:
        head = _exactly(connection, 16)
        length, request = struct.unpack("<ii", head[:8])
        if not 16 < length < 1 << 20:
            return
        command = bson.decode(_exactly(connection, length - 16)[5:])
        verb = next(iter(command))
        database = command.get("$db", "")
        raw: bytes | None = None
        reply: dict[str, object]
        if verb in ("hello", "isMaster", "ismaster"):
            reply = {
                "isWritablePrimary": True,
                "maxWireVersion": 21,
                "minWireVersion": 0,
                "hosts": ["192.0.2.9:27017"],
                "setName": NASTY[0],
                "me": "192.0.2.9:27017",
            }
        elif verb == "buildInfo":
            reply = {"version": "7.0.1" + NASTY[0]}
        elif verb == "listDatabases":
            reply = {"databases": [{"name": "town"}, {"name": NASTY[1]}], "totalSize": 1}
        elif verb == "listCollections":
            listed = [{"name": name, "type": "collection"} for name in [*NASTY, "people"]]
            reply = {"cursor": {"id": 0, "ns": f"{database}.$cmd", "firstBatch": listed}}
        elif verb in ("count", "collStats"):
            reply = {"n": 2**40, "count": 2**40, "size": -5}
        elif verb in ("find", "aggregate"):
            document = bson.encode({name.replace("\x00", ""): 1 for name in NASTY})
            many = [document] * 50 + ([deep] if command[verb] == "people" else [])
            listed_raw = b"".join(
                b"\x03" + str(i).encode() + b"\x00" + doc for i, doc in enumerate(many)
            )
            array = struct.pack("<i", len(listed_raw) + 5) + listed_raw + b"\x00"
            cursor = b"\x04firstBatch\x00" + array + b"\x12id\x00" + b"\x00" * 8 + b"\x02ns\x00"
            cursor += struct.pack("<i", 4) + b"a.b\x00"
            cursor = struct.pack("<i", len(cursor) + 5) + cursor + b"\x00"
            inner = b"\x03cursor\x00" + cursor + b"\x01ok\x00" + struct.pack("<d", 1.0)
            raw = struct.pack("<i", len(inner) + 5) + inner + b"\x00"
            reply = {}
        else:
            reply = {"ok": 0.0, "code": 59, "errmsg": NASTY[0]}
        reply.setdefault("ok", 1.0)
        body = struct.pack("<I", 0) + b"\x00" + (raw or bson.encode(reply))
        connection.sendall(struct.pack("<iiii", len(body) + 16, 7, request, 2013) + body)


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise OSError("the client is gone")
        data += piece
    return data


def postgresql_liar(connection: socket.socket) -> None:
    """A PostgreSQL that trusts everybody, then floods rows of nasty names without an end."""

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", len(body) + 4) + body

    (length,) = struct.unpack("!i", _exactly(connection, 4))
    if not 8 <= length < 1 << 16:
        return
    body = _exactly(connection, length - 4)
    if body.startswith(struct.pack("!i", 80877103)):
        connection.sendall(b"N")
        (length,) = struct.unpack("!i", _exactly(connection, 4))
        body = _exactly(connection, length - 4)
    if b"\x00postgres\x00" not in body[:30]:
        fields = b"SFATAL\x00VFATAL\x00C28000\x00M" + NASTY[0].encode() + b"\x00"
        fields += b"RInitializeSessionUserId\x00\x00"
        connection.sendall(message(b"R", struct.pack("!i", 0)) + message(b"E", fields))
        return
    ready = message(b"Z", b"I")
    version = message(b"S", b"server_version\x0015.3" + NASTY[0].encode() + b"\x00")
    connection.sendall(message(b"R", struct.pack("!i", 0)) + version + ready)
    connection.recv(65_536)
    column = b"datname\x00" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    connection.sendall(message(b"T", struct.pack("!h", 1) + column))
    end = time.monotonic() + _SECONDS
    cells = [name.encode("utf-8", "replace") for name in NASTY] + [b"A" * 60_000]
    while time.monotonic() < end:
        for cell in cells:
            row = struct.pack("!hi", 1, len(cell)) + cell
            connection.sendall(message(b"D", row))


def hanging_up(behave: Behaviour) -> Behaviour:
    """The same, but it ends the connection when it hears another protocol than its own."""

    @wraps(behave)
    def wrapped(connection: socket.socket) -> None:
        with contextlib.suppress(ValueError, LookupError, struct.error, bson.errors.BSONError):
            behave(connection)

    return wrapped


LIARS: list[Behaviour] = [
    hanging_up(liar) for liar in (redis_liar, elasticsearch_liar, mongodb_liar, postgresql_liar)
]
