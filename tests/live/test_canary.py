"""Privacy rules R1, R2, R3, R9, R11, R13: nothing of a stored person leaves the sampling process.

Unique values are planted in cells of every type, in names that hold a person's data and in the
error texts of servers; a full run is made as a user makes it; then every output, the record, both
streams and every file written are searched for each value in every dress it could wear.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import unicodedata
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from leftopen.servers import mongodb, postgresql, redis
from leftopen.servers.base import ServerMissingError
from leftopen.servers.opensearch import fill as fill_index
from leftopen.servers.opensearch import opensearch
from leftopen.testing import leftopen, peer, start
from tests.hostile import hanging_up

# In cells. Each could not stand in an output by chance.
CELLS = {
    "mongodb e-mail": "zoe.quibble81@velmora-canary.example",
    "mongodb text": "Zanzibarquux walked home alone past the mill",
    "mongodb id": "87654321X",
    "mongodb nested": "Qwyrfenstrasse 417b",
    "mongodb list": "canarylistitem5519",
    "mongodb bytes": "canarybytes7301",
    "mongodb number": "7301994418265",
    "mongodb decimal": "41.7718253391",
    "redis string": "canaryredisstring8832",
    "redis hash": "canaryredishash1147",
    "redis list": "canaryredislist9920",
    "redis set": "canaryredisset3318",
    "redis sorted set": "canaryrediszset6647",
    "redis json": "canaryredisjson2093",
    "postgresql text": "Ümläut-Canary Qvåstberg",
    "postgresql varchar": "+99955500187342",
    "postgresql bigint": "8801726354917",
    "postgresql numeric": "90817.26354417",
    "postgresql double": "12.98176265433",
    "postgresql uuid": "6f2c1e0a-9b7d-4c53-8e21-0d94ab77c9f1",
    "postgresql bytea": "canarybytea4471",
    "postgresql jsonb": "canaryjsonb5568",
    "postgresql array": "canaryarray8125",
    "postgresql inet": "203.0.113.197",
    "postgresql timestamp": "1931-07-19 03:14:15",
    "opensearch text": "canaryopensearch7754 was seen at the clinic",
    "opensearch id": "canary-document-id-90917",
}
# In names that hold a person's data: keys, fields, collections, tables, columns, indexes.
NAMES = {
    "redis key": "ann.lee.canary@velmora-canary.example",
    "redis digits": "880172635491",
    "mongodb field": "bob.qu.canary@velmora-canary.example",
    "mongodb id field": "73918264J",
    "mongodb collection": "11010519491231002X",
    "postgresql column": "carl.qu.canary@velmora-canary.example",
    "postgresql table": "378282246310005",
    "opensearch index": "dina.qu.canary@velmora-canary.example",
    "opensearch field": "110105194912310038",
}
# In what servers say when they refuse.
ERRORS = {
    "redis error": "canaryerrortext6612",
    "mongodb error": "canaryerrortext6613",
    "http error": "canaryerrortext6614",
    "postgresql error": "canaryerrortext6615",
}
# Ordinary names: the owner needs them, so they must be shown.
SHOWN = ["town.residents", "email", "sess:*", "postgres.public.people", "home.street"]


def dresses(value: str) -> dict[str, bytes]:
    """The value in every form in which it could have got out."""
    forms = {"plain": value, "lower": value.lower(), "upper": value.upper(),
             "NFKC": unicodedata.normalize("NFKC", value), "reversed": value[::-1],
             "URL": urllib.parse.quote(value, safe=""), "URL+": urllib.parse.quote_plus(value),
             "JSON": json.dumps(value)[1:-1]}  # fmt: skip
    raw = value.encode()
    found = {name: form.encode() for name, form in forms.items()}
    found["hex"] = raw.hex().encode()
    found["HEX"] = raw.hex().upper().encode()
    for shift in range(3):  # base64 looks different at each of three positions
        coded = base64.b64encode(b"\x00" * shift + raw)
        cut = coded[4 if shift else 0 : len(coded) // 4 * 4 - 4]
        found[f"base64+{shift}"] = cut
        found[f"base64url+{shift}"] = cut.replace(b"+", b"-").replace(b"/", b"_")
    for algorithm in ("md5", "sha1", "sha256"):
        digest = hashlib.new(algorithm, raw, usedforsecurity=False)
        found[algorithm] = digest.hexdigest().encode()
        found[f"{algorithm} base64"] = base64.b64encode(digest.digest())[:-2]
        found[f"{algorithm} bytes"] = digest.digest()
    return found


def test_a_dress_is_recognised() -> None:
    """The search itself works: each dress is found where it is worn."""
    value = "zoe@velmora-canary.example"
    for shift in range(3):
        worn = base64.b64encode(b"\x00" * shift + value.encode() + b"tail")
        assert any(form in worn for name, form in dresses(value).items() if "base64+" in name)
    assert dresses(value)["sha256"] == hashlib.sha256(value.encode()).hexdigest().encode()


@contextlib.contextmanager
def planted() -> Iterator[list[str]]:
    """Real servers with all canaries in them; their addresses."""
    with contextlib.ExitStack() as stack:
        mongo = stack.enter_context(start(mongodb.secantus))
        people = [
            {
                "name": CELLS["mongodb text"],
                "email": CELLS["mongodb e-mail"],
                "dni": CELLS["mongodb id"],
                "home": {"street": CELLS["mongodb nested"]},
                "tags": [CELLS["mongodb list"]],
                "photo": CELLS["mongodb bytes"].encode(),
                "account": int(CELLS["mongodb number"]),
                "lat": float(CELLS["mongodb decimal"]),
                NAMES["mongodb field"].replace(".", "_"): {
                    "seen": datetime(2026, 1, 2, tzinfo=UTC)
                },
                "visits": {NAMES["mongodb field"]: number},
            }
            for number in range(40)
        ]
        mongodb.fill(mongo, "town", "residents", people)
        mongodb.fill(mongo, "town", NAMES["mongodb collection"], people[:3])

        cache = stack.enter_context(start(redis.redis))
        commands: list[tuple[str, ...]] = [
            ("SET", f"user:{NAMES['redis key']}", CELLS["redis string"]),
            ("SET", NAMES["redis digits"], "1"),
            ("RPUSH", "queue:mail", CELLS["redis list"]),
            ("SADD", "members", CELLS["redis set"]),
            ("ZADD", "ranking", "1", CELLS["redis sorted set"]),
            ("SET", "blob:1", json.dumps({"who": CELLS["redis json"]})),
        ]
        commands += [("HSET", f"sess:{n}", "user", CELLS["redis hash"]) for n in range(30)]
        redis.fill(cache, commands)

        base = stack.enter_context(start(postgresql.postgres))
        quoted = {name: value.replace("'", "''") for name, value in CELLS.items()}
        column, table = NAMES["postgresql column"], NAMES["postgresql table"]
        postgresql.fill(
            base,
            f"""CREATE TABLE people (name text, phone varchar(40), n bigint, amount numeric,
                lat double precision, key uuid, raw bytea, doc jsonb, tags text[], ip inet,
                born timestamp, day date, "{column}" int);
            INSERT INTO people SELECT '{quoted["postgresql text"]}',
                '{quoted["postgresql varchar"]}', {CELLS["postgresql bigint"]},
                {CELLS["postgresql numeric"]}, {CELLS["postgresql double"]},
                '{CELLS["postgresql uuid"]}', '{CELLS["postgresql bytea"]}',
                '{json.dumps({"who": CELLS["postgresql jsonb"]})}',
                ARRAY['{CELLS["postgresql array"]}'], '{CELLS["postgresql inet"]}',
                '{CELLS["postgresql timestamp"]}', '{date(1931, 7, 19)}', g
                FROM generate_series(1, 60) g;
            CREATE TABLE "{table}" (id int); INSERT INTO "{table}" VALUES (1);""",
        )
        where = [mongo.where, cache.where, base.where]
        explainers = (_redis_that_explains, _mongodb_that_explains, _http_that_explains,
                      _postgresql_that_explains)  # fmt: skip
        where += [str(stack.enter_context(peer(hanging_up(behave)))) for behave in explainers]
        with contextlib.suppress(ServerMissingError):
            # where it is missing, tests/live/test_elasticsearch.py says so at the end of the run
            search = stack.enter_context(opensearch())
            index, field = NAMES["opensearch index"], NAMES["opensearch field"]
            said = CELLS["opensearch text"]
            documents = [
                {"_id": f"{CELLS['opensearch id']}-{n}", "note": said, field: n} for n in range(20)
            ]
            fill_index(search, index, documents)
            where.append(search.where)
        yield where


def _redis_that_explains(connection: socket.socket) -> None:
    while connection.recv(65_536):
        connection.sendall(f"-NOPERM {ERRORS['redis error']} may not\r\n".encode())


def _mongodb_that_explains(connection: socket.socket) -> None:
    import struct

    import bson

    while head := connection.recv(16, socket.MSG_WAITALL):
        length, request = struct.unpack("<ii", head[:8])
        command = bson.decode(connection.recv(length - 16, socket.MSG_WAITALL)[5:])
        reply: dict[str, object] = {"ok": 0.0, "code": 13, "codeName": ERRORS["mongodb error"],
                                    "errmsg": ERRORS["mongodb error"]}  # fmt: skip
        if next(iter(command)) in ("hello", "buildInfo"):
            reply = {"ok": 1.0, "isWritablePrimary": True, "maxWireVersion": 21,
                     "minWireVersion": 0, "version": ERRORS["mongodb error"]}  # fmt: skip
        body = b"\x00" * 5 + bson.encode(reply)
        connection.sendall(struct.pack("<iiii", len(body) + 16, 9, request, 2013) + body)


def _http_that_explains(connection: socket.socket) -> None:
    while connection.recv(65_536):
        body = json.dumps(
            {"error": {"type": "security_exception", "reason": ERRORS["http error"]}, "status": 401}
        ).encode()
        head = [
            "HTTP/1.1 401 Unauthorized",
            'WWW-Authenticate: Basic realm="security"',
            f"X-Note: {ERRORS['http error']}",
            f"Content-Length: {len(body)}",
        ]
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)


def _postgresql_that_explains(connection: socket.socket) -> None:
    import struct

    while data := connection.recv(65_536):
        if data[4:8] == struct.pack("!i", 80877103):
            connection.sendall(b"N")
            continue
        fields = f"SFATAL\0VFATAL\0C53300\0M{ERRORS['postgresql error']}\0\0".encode()
        connection.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)
        return


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Everything that a full run says or writes, by name."""
    folder = tmp_path_factory.mktemp("canary")
    home, temp, cwd = folder / "home", folder / "tmp", folder / "cwd"
    for made in (home, temp, cwd):
        made.mkdir()
    env = {"HOME": str(home), "TMPDIR": str(temp), "XDG_CACHE_HOME": str(home / "cache")}
    store = folder / "record" / "r.db"
    said: dict[str, bytes] = {}
    with planted() as targets:
        scan = leftopen("scan", *targets, "--format", "json", store=store, cwd=cwd, env=env)
        assert scan.code in (11, 12, 13, 14), scan
        said["json"] = scan.out.encode()
        said["scan stderr"] = scan.err.encode()
        for format_ in ("table", "html", "json"):
            file = str(cwd / f"report.{format_}")
            shown = leftopen(
                "report", "last", "--format", format_, "-o", file, store=store, cwd=cwd, env=env
            )
            said[f"report {format_}"] = (shown.out + shown.err).encode()
    for path in folder.rglob("*"):
        if path.is_file():
            said[str(path.relative_to(folder))] = path.read_bytes()
    return said


def test_the_run_read_what_was_planted(left_behind: dict[str, bytes]) -> None:
    """The search below would find nothing in an empty run."""
    document = json.loads(left_behind["json"])
    sampled = {c["name"]: c["sampled"] for e in document["exposures"] for c in e["collections"]}
    assert sampled["town.residents"] == 40
    assert sampled["postgres.public.people"] == 60
    assert sampled["sess:*"] == 30
    assert not document["errors"], document["errors"]
    kinds = {
        f["path"]: f["family"]
        for e in document["exposures"]
        for c in e["collections"]
        for f in c["fields"]
    }
    assert kinds["email"] == "email"
    assert any(name.startswith("record/r.db") for name in left_behind)


@pytest.mark.parametrize("what", [*CELLS, *NAMES, *ERRORS])
def test_no_canary_got_out(left_behind: dict[str, bytes], what: str) -> None:
    value = {**CELLS, **NAMES, **ERRORS}[what]
    hits = [
        f"{what}: {dress} in {place}"
        for dress, form in dresses(value).items()
        for place, content in left_behind.items()
        if len(form) >= 6 and form in content
    ]
    assert not hits


def test_ordinary_names_are_shown(left_behind: dict[str, bytes]) -> None:
    for name in SHOWN:
        assert name.encode() in left_behind["json"], name


def test_nothing_is_left_in_temporary_folders(left_behind: dict[str, bytes]) -> None:
    assert not [name for name in left_behind if name.startswith(("tmp/", "home/"))]
