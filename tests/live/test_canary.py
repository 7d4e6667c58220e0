"""Privacy rules R1, R2, R3, R9, R11, R13: nothing of a stored person leaves the sampling process.

Unique values are planted in every engine's real server: in cells of every type, in names that hold
a person's data, in what servers say of themselves and when they refuse. A full run is made as a
user makes it; then every output, the record, both streams and every file written are searched for
each value in every dress it could wear.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from leftopen.classifier import stand_in
from leftopen.engines import all_engines
from leftopen.testing import leftopen, peer
from tests.hostile import hanging_up
from tests.live.canaries import OPT_INS, STORES, Plant, Standing, dresses, hits, scope_file
from tests.rows import cassandra as cassandra_rows

REAL = sorted(name for name, engine in all_engines().items() if engine.verified == "real")
# Ordinary names: the owner needs them, so they must be shown.
SHOWN = ["town.people", "user:*", "postgres.public.people", "home.street", "email"]
# What is planted in a store and never read of it has no way out of it, so it proves nothing: these
# engines read no rows, and say so in `reads`.
NAMES_ALONE = {"mqtt", "rabbitmq"}


def test_every_real_engine_has_its_canaries() -> None:
    assert sorted(STORES) == REAL


@pytest.mark.parametrize("value", ["zoe.quibble@velmora-canary.example", b"\xff\xd8canary\x00\x81"])
def test_a_dress_is_recognised(value: str | bytes) -> None:
    """The search itself works: each dress is found where it is worn, and only there."""
    worn = dresses(value)
    raw = value.encode() if isinstance(value, str) else value
    for shift in range(3):
        coded = base64.b64encode(b"\x00" * shift + raw + b"tail")
        assert any(form in coded for name, form in worn.items() if name.startswith("base64+"))
    assert worn["sha256"] == hashlib.sha256(raw).hexdigest().encode()
    places = {name: b"before " + form + b" after" for name, form in worn.items()}
    found = hits({"it": value}, places)
    assert {f"it: {name} in {name}" for name in worn} <= set(found)
    assert hits({"it": value}, {"elsewhere": b"maria.schneider@example.org" * 9}) == []


# --- peers that explain why they refuse -----------------------------------------------------------


def _says(first: bytes, then: bytes) -> Callable[[socket.socket], None]:
    """A peer that greets (perhaps with nothing) and says one thing to all that it hears."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(first)
        while connection.recv(65_536):
            connection.sendall(then)

    return behave


def _http(status: str, kind: str, body: str, *head: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, *head, "", body]).encode()


def _postgresql(word: str) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        while data := connection.recv(65_536):
            if data[4:8] == struct.pack("!i", 80877103):
                connection.sendall(b"N")
                continue
            fields = f"SFATAL\0VFATAL\0C53300\0M{word}\0\0".encode()
            connection.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)
            return

    return behave


def _mongodb(word: str) -> Callable[[socket.socket], None]:
    import bson

    def behave(connection: socket.socket) -> None:
        while head := connection.recv(16, socket.MSG_WAITALL):
            length, request = struct.unpack("<ii", head[:8])
            command = bson.decode(connection.recv(length - 16, socket.MSG_WAITALL)[5:])
            reply: dict[str, Any] = {"ok": 0.0, "code": 13, "codeName": word, "errmsg": word}
            if next(iter(command)) in ("hello", "buildInfo"):
                reply = {"ok": 1.0, "isWritablePrimary": True, "maxWireVersion": 21,
                         "minWireVersion": 0, "version": word}  # fmt: skip
            body = b"\x00" * 5 + bson.encode(reply)
            connection.sendall(struct.pack("<iiii", len(body) + 16, 9, request, 2013) + body)

    return behave


def _ldap(word: str) -> Callable[[socket.socket], None]:
    """insufficientAccessRights to every search, the word in its diagnostic message."""
    told = b"\x0a\x01\x32\x04\x00\x04" + bytes([len(word)]) + word.encode()

    def behave(connection: socket.socket) -> None:
        while data := connection.recv(65_536):
            at = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)  # behind the length
            if data[:1] != b"\x30" or data[at : at + 1] != b"\x02":
                return
            number = data[at : at + 2 + data[at + 1]]
            body = number + b"\x65" + bytes([len(told)]) + told
            connection.sendall(b"\x30" + bytes([len(body)]) + body)

    return behave


def _neo4j(word: str) -> Callable[[socket.socket], None]:
    def text(value: str) -> bytes:
        return b"\xd0" + bytes([len(value)]) + value.encode()

    code = "Neo.ClientError.Security.Unauthorized"
    message = b"\xb1\x7f\xa2" + text("code") + text(code) + text("message") + text(word)

    def behave(connection: socket.socket) -> None:
        if connection.recv(65_536)[:4] != b"\x60\x60\xb0\x17":
            return
        connection.sendall(b"\x00\x00\x04\x04")
        while connection.recv(65_536):
            connection.sendall(len(message).to_bytes(2) + message + b"\x00\x00")

    return behave


def _mysql(word: str) -> Callable[[socket.socket], None]:
    body = b"\xff" + struct.pack("<H", 1130) + f"Host '{word}' is not allowed".encode()
    return _says(len(body).to_bytes(3, "little") + b"\x00" + body, b"")


def _cassandra(word: str) -> Callable[[socket.socket], None]:
    refused = (0, struct.pack("!i", 0x0100) + cassandra_rows.string(word))
    return cassandra_rows.behaviour(cassandra_rows.Node({"STARTUP": refused}))


def _nats(word: str) -> Callable[[socket.socket], None]:
    info = {"server_id": word, "server_name": word, "version": "2.9.1", "max_payload": 1 << 20,
            "proto": 1, "headers": True, "auth_required": True}  # fmt: skip
    refused = f"-ERR 'Authorization Violation {word}'\r\n".encode()
    return _says(f"INFO {json.dumps(info)}\r\n".encode(), refused)


def _json_error(word: str) -> str:
    return json.dumps({"error": {"type": word, "reason": word}, "message": word, "status": 401})


def _xml_error(word: str) -> str:
    return f"<Error><Code>AccessDenied</Code><Message>{word}</Message></Error>"


EXPLAINERS: dict[str, Callable[[str], Callable[[socket.socket], None]]] = {
    "redis": lambda w: _says(b"", f"-NOPERM {w} may not\r\n".encode()),
    "mongodb": _mongodb,
    "postgresql": _postgresql,
    "mysql": _mysql,
    "cassandra": _cassandra,
    "neo4j": _neo4j,
    "ldap": _ldap,
    "nats": _nats,
    "memcached": lambda w: _says(b"", f"SERVER_ERROR {w}\r\n".encode()),
    "ftp": lambda w: _says(f"220 FTP of {w}\r\n".encode(), f"530 {w} may not\r\n".encode()),
    "rsync": lambda w: _says(b"@RSYNCD: 31.0\n", f"@ERROR: {w} may not\n".encode()),
    "HTTP 401": lambda w: _says(b"", _http("401 Unauthorized", "application/json", _json_error(w),
                                           f'WWW-Authenticate: Basic realm="{w}"')),
    "HTTP 403": lambda w: _says(b"", _http(f"403 {w}", "application/xml", _xml_error(w),
                                           f"Server: {w}", f"X-Note: {w}")),
    "HTTP 500": lambda w: _says(b"", _http("500 Oh", "text/plain", w, f"Set-Cookie: s={w}")),
    "HTTP 302": lambda w: _says(b"", _http("302 Found", "text/html", w, f"Location: /{w}")),
    "HTTP 200": lambda w: _says(b"", _http("200 OK", "application/json", json.dumps(
        {"version": {"number": w, "distribution": w}, "name": w, "cluster_name": w, "tagline": w}
    ))),
}  # fmt: skip


# --- one run, and all that it leaves --------------------------------------------------------------


@dataclass(frozen=True)
class Left:
    """What a full run left: everything said or written by name, and the words of the explainers."""

    places: dict[str, bytes]
    words: dict[str, Plant]
    targets: dict[str, str]

    @property
    def document(self) -> Any:
        return json.loads(self.places["json"])


@pytest.fixture(scope="module")
def left(every_store: Standing, tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("canary")
    outside = tmp_path_factory.mktemp("scope")
    home, temp, cwd = folder / "home", folder / "tmp", folder / "cwd"
    for made in (home, temp, cwd):
        made.mkdir()
    env = {"HOME": str(home), "TMPDIR": str(temp), "XDG_CACHE_HOME": str(home / "cache")}
    store = folder / "record" / "r.db"
    servers = every_store.servers
    opt_ins = {servers[name].where: told for name, told in OPT_INS.items() if name in servers}
    words = {name: Plant(name) for name in EXPLAINERS}
    explainers: dict[str, str] = {}
    with ExitStack() as stack:
        for name, explains in EXPLAINERS.items():
            behave = explains(words[name].told("error"))
            explainers[name] = str(stack.enter_context(peer(hanging_up(behave))))
            if name in OPT_INS:
                opt_ins[explainers[name]] = OPT_INS[name]
        scan = leftopen(
            "scan", *every_store.targets, *explainers.values(), "--format", "json",
            "--host-rate", "1000", "--scope", str(scope_file(outside, opt_ins)),
            store=store, cwd=cwd, env=env,
        )  # fmt: skip
    assert scan.code in (11, 12, 13, 14), scan
    said = {"json": scan.out.encode(), "scan stderr": scan.err.encode()}
    for format_ in ("table", "html", "json"):
        output = [] if format_ == "table" else ["-o", str(cwd / f"report.{format_}")]
        told = ["report", "last", "--format", format_, *output]
        shown = leftopen(*told, store=store, cwd=cwd, env=env)
        assert shown.code == 0
        said[f"report {format_}"] = (shown.out + shown.err).encode()
    for path in folder.rglob("*"):
        if path.is_file():
            said[str(path.relative_to(folder))] = path.read_bytes()
    return Left(said, words, explainers)


def _exposure(left: Left, every_store: Standing, engine: str) -> Any:
    where = every_store.servers[engine].where
    found = [e for e in left.document["exposures"] if f"{e['address']}:{e['port']}" == where]
    services = left.document["services"]
    assert len(found) == 1, [s for s in services if f"{s['address']}:{s['port']}" == where]
    return found[0]


@pytest.fixture
def planted(every_store: Standing, request: pytest.FixtureRequest) -> Plant:
    """What is planted in the store of the test's engine. A server that is missing is named at the
    end of the run by the engine's own tests."""
    engine = request.getfixturevalue("engine")
    if engine in every_store.missing:
        pytest.skip(every_store.missing[engine])
    return every_store.plants[engine]


each = pytest.mark.parametrize("engine", STORES)


@each
def test_the_run_read_what_was_planted(
    left: Left, every_store: Standing, planted: Plant, engine: str
) -> None:
    """The search below would find nothing in an empty run: names with a person in them are shown
    with stand-ins, and every collection was sampled."""
    exposure = _exposure(left, every_store, engine)
    collections = exposure["collections"]
    shown = [c["name"] for c in collections] + [
        field["path"] for c in collections for field in c["fields"]
    ]
    if engine in NAMES_ALONE:
        assert all(c["records"] for c in collections)
    else:
        assert all(c["sampled"] or not c["records"] for c in collections)
        assert sum(c["sampled"] for c in collections) >= (4 if engine == "registry" else 20)
        found = {f["family"] for c in collections for f in c["fields"]}
        assert "email" in found
    if engine != "mqtt":  # whose topics are never asked for
        assert any("<" in name or "*" in name for name in shown), shown


@each
def test_no_canary_got_out(left: Left, planted: Plant, engine: str) -> None:
    assert planted.engine == engine
    assert len(planted.values) >= 3
    assert hits(planted.values, left.places) == []


@pytest.mark.parametrize("name", EXPLAINERS)
def test_no_servers_word_got_out(left: Left, name: str) -> None:
    assert hits(left.words[name].values, left.places) == []
    host, _, port = left.targets[name].rpartition(":")
    judged = {(s["address"], s["port"]) for s in left.document["services"]}
    assert (host, int(port)) in judged


def test_nothing_failed(left: Left) -> None:
    assert left.document["errors"] == []


def test_ordinary_names_are_shown(left: Left) -> None:
    names = {c["name"] for e in left.document["exposures"] for c in e["collections"]}
    paths = {f["path"] for e in left.document["exposures"] for c in e["collections"]
             for f in c["fields"]}  # fmt: skip
    assert set(SHOWN) <= names | paths
    # and in each kind of place as they are written: so would a canary be
    for place in ("json", "cwd/report.json", "cwd/report.html", "record/r.db"):
        assert all(name.encode() in left.places[place] for name in ("town.people", "user:*"))


def test_what_is_planted_in_names_is_known_to_be_a_persons(every_store: Standing) -> None:
    for plant in every_store.plants.values():
        for what, value in plant.values.items():
            if not what.startswith(("cell", "told")) and isinstance(value, str):
                shown = stand_in(value)
                parts = [value[at : at + 8] for at in range(max(1, len(value) - 7))]
                assert not [part for part in parts if part in shown], (plant.engine, what)


def test_nothing_is_left_in_temporary_folders(left: Left) -> None:
    assert not [name for name in left.places if name.startswith(("tmp/", "home/"))]
