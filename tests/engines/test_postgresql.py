"""The postgresql engine against scripted peers: answers no honest server gives, and pure parts."""

from __future__ import annotations

import re
import struct
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines import _postgresql_sql as sql
from leftopen.engines import _postgresql_wire as wire
from leftopen.engines._postgresql_known import literal
from leftopen.engines._postgresql_stream import rows_taken
from leftopen.engines.postgresql import ENGINE
from leftopen.errors import (
    BudgetSpent,
    CertificateWanted,
    LeftopenError,
    NotThisProtocol,
    PeerClosed,
    RequestNotAllowed,
    ServerRefused,
)
from leftopen.knowledge import (
    CountsBetween,
    Known,
    KnowsFields,
    Mark,
    Marks,
    StreamsFields,
    TellsSince,
)
from leftopen.model import Proof, Target, Verdict
from leftopen.net.connection import Connection
from leftopen.net.scripted import Reply, Script, ScriptedDialer

CANARY = "canary-Ann-Lee-1980"


def message(kind: str, body: bytes = b"", *, length: int | None = None) -> bytes:
    return kind.encode() + struct.pack("!i", len(body) + 4 if length is None else length) + body


def auth(code: int, more: bytes = b"") -> bytes:
    return message("R", struct.pack("!i", code) + more)


def error(code: str, routine: str = "") -> bytes:
    fields = f"SFATAL\0VFATAL\0C{code}\0M{CANARY}\0"
    return message("E", (fields + (f"R{routine}\0" if routine else "") + "\0").encode())


def parameters(**pairs: str) -> bytes:
    return b"".join(message("S", f"{k}\0{v}\0".encode()) for k, v in pairs.items())


def described(*columns: tuple[str, int]) -> bytes:
    body = struct.pack("!h", len(columns))
    for name, oid in columns:
        body += name.encode() + b"\0" + struct.pack("!ihihih", 0, 0, oid, -1, -1, 0)
    return message("T", body)


def row(*cells: str | None) -> bytes:
    body = struct.pack("!h", len(cells))
    for cell in cells:
        raw = None if cell is None else cell.encode()
        body += struct.pack("!i", -1) if raw is None else struct.pack("!i", len(raw)) + raw
    return message("D", body)


READY = message("Z", b"I")
PARSED = message("1") + message("2")
UNKNOWN_ROLE = auth(0) + error("28000", "InitializeSessionUserId")
LOGGED_ON = (
    auth(0)
    + parameters(
        server_version="15.18 (Debian)",
        default_transaction_read_only="on",
        is_superuser="on",
        in_hot_standby="off",
    )
    + message("K", b"\0" * 8)
    + READY
)
DATABASES = (("datname", 19), ("datistemplate", 16), ("datallowconn", 16))
LISTED = (
    PARSED
    + described(*DATABASES)
    + row("postgres", "f", "t")
    + row("template1", "t", "t")
    + message("C", b"SELECT 2\0")
)

Answer = bytes | Callable[[str], bytes]


class Peer:
    """A server that answers by what is asked: SSLRequest, each StartupMessage in turn, queries by
    their SQL (with `query`, which gets the text), Sync."""

    def __init__(
        self,
        *startups: Reply,
        query: Answer = LISTED,
        ssl: Reply = b"N",
        more: bytes | None = None,
        synced: bytes = READY,
    ) -> None:
        self.startups = list(startups)
        self.query, self.ssl, self.more, self.synced = query, ssl, more, synced
        self.users: list[dict[str, str]] = []
        self.sql: list[str] = []

    def __call__(self) -> Script:
        return self.answer

    def answer(self, data: bytes) -> Reply | Iterable[Reply]:
        if data == wire.SSL_REQUEST:
            return self.ssl
        if data[:1] == b"\0":
            told = data[8:].decode().split("\0")
            self.users.append(dict(zip(told[::2], told[1::2], strict=False)))
            return self.startups.pop(0)
        if data[:1] == b"P":
            text = data[6 : data.index(b"\0", 6)].decode()
            token = re.fullmatch(r"SELECT '(\w+)'::pg_catalog.text AS token", text)
            if token is not None:
                return result((("token", 25),), (token[1],))
            self.sql.append(text)
            answer = self.query if isinstance(self.query, bytes) else self.query(text)
            return answer + (self.synced if data.endswith(wire.sync()) else b"")
        if data[:1] == b"E" and self.more is not None:
            return self.more + (self.synced if data.endswith(wire.sync()) else b"")
        if data[:1] == b"S":
            return self.synced
        return b""


def connection(dialer: ScriptedDialer, limits: StoreLimits | None = None, **options: Any) -> Any:
    target = Target(ip_address("127.0.0.1"), 5432)
    return Connection(dialer, target, ENGINE.requests, limits or StoreLimits(rows=2_000), **options)


async def probe(peer: Peer, limits: StoreLimits | None = None, *, tls: bool = False) -> Proof:
    async with connection(ScriptedDialer(peer, tls=tls), limits) as opened:
        return await ENGINE.probe(opened)


async def test_open_and_what_was_said() -> None:
    peer = Peer(UNKNOWN_ROLE, LOGGED_ON)
    proof = await probe(peer)
    assert proof.verdict is Verdict.OPEN
    assert proof.version == "15.18"
    assert proof.can_write == "yes"
    stranger, known = peer.users
    assert stranger["user"].startswith("leftopen_")
    assert "password" not in stranger | known
    assert known["user"] == "postgres"
    assert known["default_transaction_read_only"] == "on"
    assert int(known["statement_timeout"]) < 3_000
    assert peer.sql == [sql.DATABASES]


async def test_no_two_probes_name_the_same_stranger() -> None:
    peers = [Peer(auth(3)), Peer(auth(3))]
    for peer in peers:
        await probe(peer)
    assert peers[0].users[0]["user"] != peers[1].users[0]["user"]


ASKED = [auth(2), auth(3), auth(5, b"salt"), auth(7), auth(9), auth(10, b"SCRAM-SHA-256\0\0")]


@pytest.mark.parametrize(
    ("startups", "verdict"),
    [
        *(([asked], Verdict.AUTH_REQUIRED) for asked in ASKED),
        ([error("28000", "auth_failed")], Verdict.AUTH_REQUIRED),
        ([error("28000")], Verdict.AUTH_REQUIRED),
        ([error("28P01")], Verdict.AUTH_REQUIRED),
        ([error("28000", "ClientAuthentication")], Verdict.ACL_CLOSED),
        ([error("53300")], Verdict.UNDETERMINED),
        ([error("57P03")], Verdict.UNDETERMINED),
        ([error("3D000")], Verdict.UNDETERMINED),
        ([error("0A000")], Verdict.UNDETERMINED),
        ([auth(0) + error("53300")], Verdict.UNDETERMINED),
        ([UNKNOWN_ROLE, error("57P03")], Verdict.UNDETERMINED),
        ([UNKNOWN_ROLE, auth(0) + error("3D000")], Verdict.UNDETERMINED),
        ([UNKNOWN_ROLE, auth(3)], Verdict.OPEN_PARTIAL),
        ([UNKNOWN_ROLE, UNKNOWN_ROLE], Verdict.OPEN_PARTIAL),
        ([UNKNOWN_ROLE, error("28000", "ClientAuthentication")], Verdict.OPEN_PARTIAL),
        ([UNKNOWN_ROLE, LOGGED_ON], Verdict.OPEN),
        ([LOGGED_ON, LOGGED_ON], Verdict.OPEN),
        ([message("N", b"SNOTICE\0\0") + UNKNOWN_ROLE, LOGGED_ON], Verdict.OPEN),
    ],
)
async def test_verdicts(startups: list[bytes], verdict: Verdict) -> None:
    proof = await probe(Peer(*startups))
    assert proof.verdict is verdict
    assert "canary" not in repr(proof)


@pytest.mark.parametrize("code", ["57P03", "53300"])
async def test_the_sqlstate_is_told(code: str) -> None:
    assert code in (await probe(Peer(error(code)))).reason


@pytest.mark.parametrize(
    ("code", "verdict"), [("42501", Verdict.OPEN_PARTIAL), ("57014", Verdict.UNDETERMINED)]
)
async def test_a_refused_read_is_not_open(code: str, verdict: Verdict) -> None:
    proof = await probe(Peer(UNKNOWN_ROLE, LOGGED_ON, query=PARSED + error(code)))
    assert proof.verdict is verdict
    assert code in proof.reason
    assert proof.version == "15.18"


HUGE = 2**31 - 1
NOT_LOG_ONS: list[Sequence[bytes]] = [
    [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    [b"-ERR unknown command\r\n"],
    [message("R", length=-5)],
    [message("R", length=3)],
    [message("R", length=HUGE)],
    [message("E", length=HUGE)],
    [auth(0, b"x")],
    [auth(5)],
    [auth(10)],
    [auth(99)],
    [message("E", b"SFATAL\0Cxxxxx\0\0")],
    [message("E", b"SFATAL\0\0")],
    [message("E", b"\0")],
    [message("E", b"FATAL: something")],
    [READY],
    [message("S", b"a\0b\0") + auth(0)],
    [auth(0) + auth(3)],  # a password asked for after all
    [auth(0) + auth(0) + READY],
    [auth(0) + b"\xff\xfe garbage that goes on and on"],
    [auth(0) + message("Z", b"?")],
    [auth(0) + message("S", b"no end")],
    [auth(0) + message("D", b"\0\0")],
    [message("N", b"\0") * 5_000],
    [auth(0) + message("N", b"\0") * 5_000 + READY],
    [UNKNOWN_ROLE, auth(0) + auth(5, b"salt") + READY],
    [UNKNOWN_ROLE, auth(0) + parameters(**{f"p{i}": "x" for i in range(5_000)}) + READY],
]


@pytest.mark.parametrize("startups", NOT_LOG_ONS)
async def test_what_is_no_log_on_is_not_this_protocol(startups: Sequence[bytes]) -> None:
    with pytest.raises(NotThisProtocol) as raised:
        await probe(Peer(*startups))
    assert "canary" not in str(raised.value)


async def test_a_log_on_that_breaks_off() -> None:
    for startups in ([auth(0)], [auth(0)[:7]], [UNKNOWN_ROLE, auth(0) + parameters(a="b")], [None]):
        with pytest.raises(PeerClosed):
            await probe(Peer(*startups))


ONE = described(*DATABASES) + row("postgres", "f", "t")
NOT_RESULTS = [
    b"garbage that is none",
    PARSED + message("C", b"SELECT 0\0"),  # rows without columns
    PARSED + described(*DATABASES) + message("C", b"SELECT 0\0"),  # no database at all
    PARSED + ONE + message("C", b"SELECT 7\0"),
    PARSED + ONE + message("C", b"INSERT 0 1\0"),
    PARSED + ONE + message("C", b"BEGIN\0"),
    PARSED + row("postgres", "f", "t") + ONE + message("C", b"SELECT 2\0"),
    PARSED + ONE + ONE + message("C", b"SELECT 2\0"),
    PARSED + described(("datname", 19)) + row("postgres") + message("C", b"SELECT 1\0"),
    PARSED + described(*DATABASES) + row("postgres", "f") + message("C", b"SELECT 1\0"),
    PARSED + described(*DATABASES) + row("postgres", "f", "yes") + message("C", b"SELECT 1\0"),
    PARSED + described(*DATABASES) + row(None, "f", "t") + message("C", b"SELECT 1\0"),
    PARSED + described(*DATABASES) + message("D", b"\0\3" + b"\xff\xff\xff\xfe" * 3),
    PARSED + described(*DATABASES) + message("D", b"\0\3" + b"\x7f\xff\xff\xff" * 3),
    PARSED + described(*DATABASES) + message("D", b"\0\3" + b"\xff" * 12 + b"more"),
    PARSED + described(*DATABASES) + message("D", b"\0"),
    PARSED + message("T", b"\x7f\xff"),
    PARSED + message("T", b"\xff\xff"),
    PARSED + message("T", b"\0\1name without an end"),
    PARSED + ONE + auth(3),  # a password asked for in mid-query
    PARSED + ONE * 1 + row("a", "f", "t") * 100 + message("C", b"SELECT 101\0"),  # page overrun
    PARSED + message("N", b"\0") * 5_000,
    PARSED + ONE + message("s"),  # suspended before the page is full
    message("G"),  # COPY
]


@pytest.mark.parametrize("answer", NOT_RESULTS)
async def test_what_is_no_strict_result_is_never_open(answer: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Peer(UNKNOWN_ROLE, LOGGED_ON, query=answer))


async def test_a_row_longer_than_a_reply_may_be() -> None:
    answer = PARSED + described(*DATABASES) + message("D", length=HUGE)
    with pytest.raises(BudgetSpent):
        await probe(Peer(UNKNOWN_ROLE, LOGGED_ON, query=answer))


async def test_a_catalogue_without_end_is_bounded() -> None:
    page = row("x" * 1_000, "f", "t") * 20
    first = PARSED + described(*DATABASES) + page + message("s")
    peer = Peer(UNKNOWN_ROLE, LOGGED_ON, query=first, more=page + message("s"))
    with pytest.raises(LeftopenError) as raised:
        await probe(peer, StoreLimits(reply_bytes=30_000))
    assert isinstance(raised.value, BudgetSpent | NotThisProtocol)


async def test_never_ready_again() -> None:
    for synced in (message("N", b"\0") * 5_000, row("x"), LISTED):
        with pytest.raises(NotThisProtocol):
            await probe(Peer(UNKNOWN_ROLE, LOGGED_ON, synced=synced))


@pytest.mark.parametrize("answer", [b"X", b"SS", b"NN", b"No such command", b"H", b"\0\0\0\x08"])
async def test_what_is_no_answer_to_sslrequest(answer: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Peer(UNKNOWN_ROLE, LOGGED_ON, ssl=answer), tls=True)


async def test_tls_is_asked_for_anew_on_every_dial() -> None:
    peer = Peer(UNKNOWN_ROLE, LOGGED_ON, ssl=b"S")
    dialer = ScriptedDialer(peer, tls=True)
    async with connection(dialer) as opened:
        assert (await ENGINE.probe(opened)).verdict is Verdict.OPEN
        assert opened.tls
    assert len(dialer.streams) == 2
    assert [stream.sent[0] for stream in dialer.streams] == [wire.SSL_REQUEST] * 2


async def test_over_direct_tls_there_is_no_sslrequest() -> None:
    peer = Peer(UNKNOWN_ROLE, LOGGED_ON)
    dialer = ScriptedDialer(peer, tls=True)
    async with connection(dialer, tls=True) as opened:
        assert (await ENGINE.probe(opened)).verdict is Verdict.OPEN
        assert opened.requests[0] == "StartupMessage"
    assert wire.SSL_REQUEST not in dialer.sent


async def test_where_tls_fails_plain_text_is_asked_once() -> None:
    peer = Peer(auth(3), ssl=b"S")
    dialer = ScriptedDialer(peer, tls=False)
    async with connection(dialer) as opened:
        assert (await ENGINE.probe(opened)).verdict is Verdict.AUTH_REQUIRED
        assert not opened.tls
    assert len(dialer.streams) == 2


async def test_a_certificate_that_is_wanted_is_told() -> None:
    with pytest.raises(CertificateWanted):
        await probe(Peer(CertificateWanted(), ssl=b"S"), tls=True)


async def test_a_server_from_before_tls() -> None:
    assert (await probe(Peer(auth(3), ssl=error("0A000")))).verdict is Verdict.AUTH_REQUIRED
    with pytest.raises(NotThisProtocol):
        await probe(Peer(auth(3), ssl=b"ERROR what do you want?\r\n"))


async def test_without_our_settings_reads_run_in_a_read_only_transaction() -> None:
    """As pgbouncer, which knows no settings but a few and refuses the rest with 08P01."""

    def query(text: str) -> bytes:
        if text == sql.DATABASES:
            return LISTED
        return PARSED + message("n") + message("C", text.split()[0].encode() + b"\0")

    bare = auth(0) + parameters(server_version="1.18.0/bouncer") + READY
    peer = Peer(UNKNOWN_ROLE, error("08P01"), bare, query=query)
    proof = await probe(peer)
    assert proof.verdict is Verdict.OPEN
    assert proof.can_write == "unknown"
    assert "default_transaction_read_only" not in peer.users[2]
    # the token has its own transaction
    assert peer.sql == [sql.BEGIN, sql.DATABASES, sql.ROLLBACK, sql.BEGIN, sql.ROLLBACK]


# --- collections and samples ---------------------------------------------------------------------

RELATIONS = tuple((name, 25) for name in sql.RELATIONS_COLUMNS)
SIZES = tuple((name, 25) for name in sql.SIZES_COLUMNS)
COLUMNS = tuple((name, 25) for name in sql.COLUMNS_COLUMNS)


def result(columns: Sequence[tuple[str, int]], *rows: Sequence[str | None]) -> bytes:
    done = message("C", b"SELECT %d\0" % len(rows))
    return PARSED + described(*columns) + b"".join(row(*r) for r in rows) + done


def store(
    relations: Sequence[Sequence[str | None]],
    columns: Sequence[Sequence[str | None]] = (),
    rows: bytes = b"",
) -> Peer:
    def query(text: str) -> bytes:
        name = sql.request_name(text)
        if name == "SELECT databases":
            return result(DATABASES, ("postgres", "f", "t"))
        if name == "SELECT relations":
            return result(RELATIONS, *relations)
        if name == "SELECT sizes":
            return PARSED + error("55P03")
        if name == "SELECT columns":
            return result(COLUMNS, *columns)
        return rows

    return Peer(LOGGED_ON, query=query)


async def collections(peer: Peer) -> Sequence[Collection]:
    async with connection(ScriptedDialer(peer)) as opened:
        found: Sequence[Collection] = await ENGINE.collections(opened)
        return found


TABLE = ("7", "r", "public", "t", "10", "1", None, "t")


async def test_hostile_names() -> None:
    odd = 'x"; DROP TABLE y; --\x1b[2J\n<script>=1+1'
    found = await collections(
        store(
            [
                ("1", "r", "public", odd, "10", "1", None, "t"),
                ("2", "r", "pg_catalog", "pg_authid", "10", "1", None, "t"),
                ("3", "r", "information_schema", "t", "10", "1", None, "t"),
                ("4", "r", "public", "y" * 300, "10", "1", None, "t"),
                ("5", "r", "public", "", "10", "1", None, "t"),
                ("6", "r", "public", "shut", "10", "1", None, "f"),
            ]
        )
    )
    assert [(c.name, c.records, c.bytes) for c in found] == [(f"postgres.public.{odd}", 10, None)]


async def test_hostile_column_names_stay_inside_their_quotes() -> None:
    odd = 'a" FROM pg_authid; DROP TABLE x; --'
    columns = [(odd, "25", "text", "S", "-1", "0"), ("n", "23", "int4", "N", "4", "0")]
    rows = result([(odd, 25), ("n", 23)], ["\x00=cmd", "1"], [None, "no number"])
    peer = store([TABLE], columns, rows)
    async with connection(ScriptedDialer(peer)) as opened:
        [collection] = await ENGINE.collections(opened)
        [batch] = [b async for b in ENGINE.sample(opened, collection, opened.limits)]
    assert batch.num_rows == 2
    assert peer.sql[-1] == (
        'SELECT pg_catalog.left("a"" FROM pg_authid; DROP TABLE x; --", 16384), "n" '
        'FROM ONLY "public"."t" LIMIT 2000'
    )


@pytest.mark.parametrize(
    "relation",
    [
        ("x", "r", "public", "t", "10", "1", None, "t"),
        ("1", "v", "public", "t", "10", "1", None, "t"),
        ("1", "r", "public", "t", "nan", "1", None, "t"),
        ("1", "r", "public", "t", "inf", "1", None, "t"),
        ("1", "r", "public", "t", "10", "", None, "t"),
    ],
)
async def test_a_listing_that_lies_is_refused(relation: Sequence[str | None]) -> None:
    with pytest.raises(NotThisProtocol):
        await collections(store([relation]))


async def test_rows_of_another_shape_are_refused() -> None:
    columns = [("a", "25", "text", "S", "-1", "0")]
    peer = store([TABLE], columns, result([("a", 25), ("b", 25)], ["1", "2"]))
    async with connection(ScriptedDialer(peer)) as opened:
        [collection] = await ENGINE.collections(opened)
        with pytest.raises(NotThisProtocol):
            _ = [b async for b in ENGINE.sample(opened, collection, opened.limits)]


async def test_a_flood_of_rows_is_cut() -> None:
    columns = [("a", "25", "text", "S", "-1", "0")]
    flood = PARSED + described(("a", 25)) + row("x" * 100) * 100_000
    peer = store([TABLE], columns, flood)
    async with connection(ScriptedDialer(peer)) as opened:
        [collection] = await ENGINE.collections(opened)
        with pytest.raises(NotThisProtocol):
            _ = [b async for b in ENGINE.sample(opened, collection, opened.limits)]
        assert opened.bytes_read < 300_000


async def test_a_cell_that_was_not_cut_as_told_is_cut_here() -> None:
    columns = [("a", "1007", "_int4", "A", "-1", "23"), ("b", "25", "text", "S", "-1", "0")]
    rows = result([("a", 25), ("b", 25)], ["{" + "1," * 2_000_000 + "1}", "x" * 2_000_000])
    peer = store([TABLE], columns, rows)
    async with connection(ScriptedDialer(peer)) as opened:
        [collection] = await ENGINE.collections(opened)
        tracemalloc.start()
        [batch] = [b async for b in ENGINE.sample(opened, collection, opened.limits)]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert batch.num_rows == 1
    assert peak < 40_000_000


async def test_who_asks_for_a_password_after_the_probe_has_no_collections() -> None:
    with pytest.raises(ServerRefused) as raised:
        await collections(Peer(auth(3)))
    assert raised.value.code == "28000"


# --- what the server knows -----------------------------------------------------------------------


def columns_of(names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple((name, 25) for name in names)


STATISTICS = columns_of(sql.STATISTICS_COLUMNS)
INDEXES = columns_of(sql.INDEXES_COLUMNS)
FOREIGN_KEYS = columns_of(sql.FOREIGN_KEYS_COLUMNS)
COUNTERS = columns_of(sql.COUNTERS_COLUMNS)
AT = ("at", "1184", "timestamptz", "D", "8", "0")
NAME = ("name", "25", "text", "S", "-1", "0")


def knowing(**told: bytes) -> Peer:
    """A store with one table of ten rows that answers these statements, by name, so; others as a
    server that knows nothing."""
    empty = {
        "SELECT statistics": result(STATISTICS),
        "SELECT indexes": result(INDEXES),
        "SELECT foreign keys": result(FOREIGN_KEYS),
    }
    listing = store([TABLE], [AT, NAME])

    def query(text: str) -> bytes:
        name = sql.request_name(text)
        said = {key.replace("_", " "): value for key, value in told.items()}.get(
            name.removeprefix("SELECT ")
        )
        if name in ("BEGIN READ ONLY", "ROLLBACK"):
            return PARSED + message("n") + message("C", text.split()[0].encode() + b"\0")
        if said is None and name not in empty:
            assert callable(listing.query)
            return listing.query(text)
        return empty[name] if said is None else said

    return Peer(LOGGED_ON, LOGGED_ON, LOGGED_ON, query=query)


async def known(peer: Peer) -> Any:
    async with connection(ScriptedDialer(peer)) as opened:
        [collection] = await ENGINE.collections(opened)
        return await ENGINE.known(opened, collection, ["at", "name", "doc.a"])


def test_it_knows_of_itself() -> None:
    for protocol in (KnowsFields, CountsBetween, Marks, TellsSince, StreamsFields):
        assert isinstance(ENGINE, protocol)


async def test_what_is_known_of_columns() -> None:
    peer = knowing(
        statistics=result(STATISTICS, ["name", "-0.5", "0.25", "-1", "100"]),
        indexes=result(INDEXES, ["at", "t", "t"], ["name", "f", "f"]),
        foreign_keys=result(FOREIGN_KEYS, ["name", "s", "people", "id"]),
    )
    assert await known(peer) == {
        "at": Known(unique=True, indexed=True),
        "name": Known(5, drawn=10, filled=0.75, refers_to=("postgres.s.people", "id")),
    }


@pytest.mark.parametrize(
    ("distinct", "null", "own", "told"),
    [
        ("3", "0", None, Known(3, drawn=10, filled=1.0)),
        ("1e300", "0", None, Known(10, drawn=10, filled=1.0)),  # not more than there are rows
        ("-1", "1", "-1", Known(10, drawn=10, filled=0.0)),
        ("nan", "nan", None, Known()),
        ("-inf", "-1", None, Known()),
        ("-7", "7", None, Known()),
        ("0", "0.5", "0", Known(filled=0.5)),
        ("2", "0", "0", Known(2, filled=1.0)),
        ("2", "0", "9" * 300, Known(2, drawn=10, filled=1.0)),
    ],
)
async def test_absurd_statistics(distinct: str, null: str, own: str | None, told: Known) -> None:
    peer = knowing(statistics=result(STATISTICS, ["name", distinct, null, own, "100"]))
    assert await known(peer) == {"name": told}


@pytest.mark.parametrize(
    "statistics",
    [
        result((("attname", 25),), ["name"]),
        result(STATISTICS, ["name", "many", "0", None, "100"]),
        result(STATISTICS, ["name", "1", "", None, "100"]),
        result(STATISTICS, ["name", "1", "0", None, "9" * 5_000]),
        PARSED + message("C", b"SELECT 0\0"),
    ],
)
async def test_statistics_that_are_none_and_a_session_that_goes_on(statistics: bytes) -> None:
    peer = knowing(statistics=statistics, count_between=result((("count", 20),), ["1"]))
    async with connection(ScriptedDialer(peer)) as opened:
        [collection] = await ENGINE.collections(opened)
        with pytest.raises(NotThisProtocol):
            await ENGINE.known(opened, collection, ["name"])
        await opened.reopen()  # as the reading does
        assert await ENGINE.count_between(opened, collection, "at", NOON, NOON) is None
    assert len(peer.users) == 2


async def test_a_server_that_refuses_the_catalogue_knows_nothing() -> None:
    refused = PARSED + error("42P01")
    peer = knowing(statistics=refused, indexes=refused, foreign_keys=refused)
    assert await known(peer) == {}


NOON = datetime.fromisoformat("2026-11-22 12:00:00")


async def test_a_range_is_counted_by_an_index_alone() -> None:
    peer = knowing(
        indexes=result(INDEXES, ["at", "f", "t"], ["name", "f", "t"]),
        count_between=result((("count", 20),), ["7"]),
    )
    async with connection(ScriptedDialer(peer)) as opened:
        [collection] = await ENGINE.collections(opened)
        for _ in range(2):
            assert await ENGINE.count_between(opened, collection, "at", NOON, NOON) == 7
        assert await ENGINE.count_between(opened, collection, "at", 5, 7) is None
        assert await ENGINE.count_between(opened, collection, "name", "O'Neil", "P") is None
        assert await ENGINE.count_between(opened, collection, "other", NOON, NOON) is None
    names = [sql.request_name(text) for text in peer.sql]
    assert names.count("SELECT count between") == 2
    assert names.count("SELECT indexes") == 1
    literal_ = "'2026-11-22 12:00:00.000000+00'::pg_catalog.timestamptz"
    assert peer.sql[-1].endswith(f'WHERE "at" >= {literal_} AND "at" < {literal_}')


@pytest.mark.parametrize("count", ["-1", "many", "1e9", "", "9" * 40])
async def test_counts_that_are_none(count: str) -> None:
    peer = knowing(
        indexes=result(INDEXES, ["at", "f", "t"]),
        count_between=result((("count", 20),), [count]),
    )
    async with connection(ScriptedDialer(peer)) as opened:
        [collection] = await ENGINE.collections(opened)
        with pytest.raises(NotThisProtocol):
            await ENGINE.count_between(opened, collection, "at", NOON, NOON)


@pytest.mark.parametrize(
    ("row_", "told"),
    [
        (("7", "41", "f", "on"), Mark(changes=41)),
        (("7", "41", "t", "on"), None),  # a standby's do not move
        (("7", "0", "f", "off"), None),
        (("7", None, "f", "on"), None),
        (("8", "41", "f", "on"), None),
    ],
)
async def test_counters(row_: Sequence[str | None], told: Mark | None) -> None:
    peer = knowing(counters=result(COUNTERS, row_))
    async with connection(ScriptedDialer(peer)) as opened:
        collections_ = await ENGINE.collections(opened)
        marks = await ENGINE.marks(opened, collections_)
    assert marks == ({} if told is None else {"postgres.public.t": told})


@pytest.mark.parametrize("started", ["nan", "-1e300", "1e300", "", "yesterday", "0"])
async def test_a_start_that_cannot_be(started: str) -> None:
    peer = knowing(started=result((("started", 701),), [started]))
    async with connection(ScriptedDialer(peer)) as opened:
        assert await ENGINE.since(opened) is None


async def test_since_leaves_the_connection_as_fresh_as_it_was() -> None:
    peer = knowing(started=result((("started", 701),), ["1795300000.5"]))
    peer.ssl = b"S"
    async with connection(ScriptedDialer(peer, tls=True)) as opened:
        told = await ENGINE.since(opened)
        assert not opened.tls
        assert [c.name for c in await ENGINE.collections(opened)] == ["postgres.public.t"]
    assert told is not None
    assert (told.how, told.moment.year) == ("started", 2026)


# --- streams -------------------------------------------------------------------------------------

PAIR = described(("name", 25), ("at", 1184))


def streaming(first: bytes, more: bytes | None = None) -> Peer:
    peer = knowing(fields=first)
    peer.more = more
    return peer


async def streamed(peer: Peer, limits: StoreLimits | None = None) -> list[Any]:
    async with connection(ScriptedDialer(peer), limits) as opened:
        [collection] = await ENGINE.collections(opened)
        stream = ENGINE.stream(opened, collection, ["name"], opened.limits)
        return [row for batch in [b async for b in stream] for row in batch["name"].to_pylist()]


ONLY = described(("name", 25))


async def test_a_stream_goes_on_where_its_page_ends() -> None:
    page = row("Ann") * 1_000
    last = row("Bob") * 3 + message("C", b"SELECT 3\0")
    peer = streaming(PARSED + ONLY + page + message("s"), last)
    assert await streamed(peer) == ["Ann"] * 1_000 + ["Bob"] * 3
    names = [sql.request_name(text) for text in peer.sql]
    assert names[-3:] == ["BEGIN READ ONLY", "SELECT fields", "ROLLBACK"]


@pytest.mark.parametrize(
    "answer",
    [
        ONLY + row("x") * 1_001 + message("s"),
        ONLY + row("x") + message("s"),  # suspended before the page is full
        ONLY + row("x") + message("C", b"SELECT 2\0"),
        ONLY + row("x", "y") + message("C", b"SELECT 1\0"),
        PAIR + row("x", None) + message("C", b"SELECT 1\0"),
        row("x") + message("C", b"SELECT 1\0"),
        ONLY + ONLY,
        ONLY + message("D", b"\0\1" + b"\xff\xff\xff\xfe"),
        ONLY + message("D", b"\0\1" + b"\x7f\xff\xff\xff"),
        ONLY + message("D", b"\0\1"),
        ONLY + message("D", length=-9),
        ONLY + message("N", b"\0") * 5_000,
        ONLY + message("G"),
        described(),
        ONLY + message("C", b"SELECT 0\0") + row("late") * 20_000,
    ],
)
async def test_streams_that_cannot_be(answer: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await streamed(streaming(PARSED + answer))


async def test_a_stream_that_is_refused_midway_gives_what_it_had() -> None:
    peer = streaming(PARSED + ONLY + row("Ann") + error("57014"))
    async with connection(ScriptedDialer(peer)) as opened:
        [collection] = await ENGINE.collections(opened)
        stream = ENGINE.stream(opened, collection, ["name"], opened.limits)
        seen = (await anext(stream))["name"].to_pylist()
        with pytest.raises(ServerRefused) as refused:
            await anext(stream)
        assert refused.value.code == "57014"
        assert "canary" not in str(refused.value)
        assert (await ENGINE.known(opened, collection, ["name"])) == {}  # still in step
    assert seen == ["Ann"]
    assert len(peer.users) == 1


async def test_a_stream_ends_in_good_order_with_its_bytes() -> None:
    page = row("x" * 100) * 1_000
    peer = streaming(PARSED + ONLY + page + message("s"), page + message("s"))
    async with connection(ScriptedDialer(peer), StoreLimits(bytes=150_000)) as opened:
        [collection] = await ENGINE.collections(opened)
        stream = ENGINE.stream(opened, collection, ["name"], opened.limits)
        assert 1_000 <= sum([batch.num_rows async for batch in stream]) < 2_000
        assert opened.bytes_left == 0  # so whoever asked knows that it was not all
    endless = streaming(PARSED + ONLY + row("x" * 100) * 1_000)
    assert len(await streamed(endless, StoreLimits(bytes=50_000))) > 300


async def test_a_row_longer_than_a_reply_ends_the_stream() -> None:
    head = struct.pack("!Hi", 1, HUGE - 10)
    peer = streaming(PARSED + ONLY + message("D", head, length=HUGE))
    with pytest.raises(BudgetSpent):
        await streamed(peer)


async def test_whoever_stops_a_stream_leaves_no_half_reply_behind() -> None:
    peer = streaming(PARSED + ONLY + row("x" * 500) * 20_000)
    async with connection(ScriptedDialer(peer), StoreLimits(rows=2_000)) as opened:
        [collection] = await ENGINE.collections(opened)
        stream = ENGINE.stream(opened, collection, ["name"], opened.limits)
        with pytest.raises(NotThisProtocol):  # more rows than were asked for
            await anext(stream)
        assert await ENGINE.known(opened, collection, ["name"]) == {}
    assert len(peer.users) == 2


CELLS = st.none() | st.text(max_size=12)


@given(
    st.integers(1, 3).flatmap(
        lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=6)
    ),
    st.data(),
)
def test_rows_are_taken_whole_wherever_the_bytes_are_cut(
    rows: list[list[str | None]], data: st.DataObject
) -> None:
    whole = b"".join(row(*cells) for cells in rows) + message("s")
    columns: list[list[bytes | None]] = [[] for _ in rows[0]]
    cut = data.draw(st.integers(0, len(whole)))
    at = rows_taken(whole[:cut], 0, columns)
    assert rows_taken(whole[at:], 0, columns) == len(whole) - at - len(message("s"))
    encoded = [[None if c is None else c.encode() for c in cells] for cells in rows]
    assert [list(cells) for cells in zip(*columns, strict=True)] == encoded


@given(st.integers(1, 3), st.binary(max_size=60), st.integers(0, 70))
def test_any_bytes_are_rows_or_refused(width: int, data: bytes, length: int) -> None:
    columns: list[list[bytes | None]] = [[] for _ in range(width)]
    for buffer in (data, message("D", struct.pack("!H", width) + data, length=length)):
        try:
            assert 0 <= rows_taken(buffer, 0, columns) <= len(buffer)
        except NotThisProtocol:
            continue


# --- the gate ------------------------------------------------------------------------------------

PUBLIC = sql.Relation(1, "public", "t", False, (1,))
ANY_COLUMN = st.builds(
    sql.Column,
    name=st.text(min_size=1).filter(lambda name: "\0" not in name),
    type=st.sampled_from([17, 23, 25, 114, 869, 1043, 1700, 20_000]),
    type_name=st.just("t"),
    category=st.sampled_from("ABNSU"),
    length=st.sampled_from([-1, 4]),
    element=st.sampled_from([0, 25]),
)


@given(
    st.text().filter(lambda name: "\0" not in name and name and not sql.is_system(name)),
    st.text(min_size=1).filter(lambda name: "\0" not in name),
    st.lists(ANY_COLUMN, min_size=1, max_size=5),
    st.none() | st.floats(0, 1_000),
    st.floats(0, 1),
    st.booleans(),
)
def test_whatever_the_names_a_statement_is_one_select(
    schema: str,
    table: str,
    columns: list[sql.Column],
    percent: float | None,
    share: float,
    whole: bool,
) -> None:
    relation = sql.Relation(1, schema, table, whole, (1,))
    for text in (
        sql.rows_of(relation, columns, 10, 1_000_000, percent, share),
        sql.count_of(relation, percent),
    ):
        assert sql.request_name(text).startswith("SELECT ")
        outside = "".join(text.split('"')[::2])  # a doubled quote leaves the parity as it is
        assert ";" not in outside
        assert outside.count("SELECT") == 1
        assert outside.count("FROM") - outside.count("DISTINCT FROM") == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DROP TABLE t",
        "INSERT INTO t VALUES (1)",
        "SELECT 1",
        "SELECT pg_sleep(10)",
        sql.DATABASES + "; DROP TABLE t",
        sql.DATABASES + "\n",
        'SELECT "a" FROM "public"."t"',
        'SELECT "a" FROM "public"."t" LIMIT 5; DELETE FROM "t"',
        'SELECT "a" FROM "public"."t" LIMIT 5 FOR UPDATE',
        'SELECT "a" INTO "b" FROM "public"."t" LIMIT 5',
        'SELECT "a" FROM "pg_catalog"."pg_authid" LIMIT 5',
        'SELECT "a" FROM ONLY "pg_catalog"."pg_authid" LIMIT 5',
        'SELECT lower("a") FROM "public"."t" LIMIT 5',
        'SELECT "a"() FROM "public"."t" LIMIT 5',
        "BEGIN TRANSACTION",
        "COMMIT",
        "SELECT most_common_vals FROM pg_catalog.pg_stats",
        sql.statistics_of(PUBLIC).replace("s.null_frac", "s.histogram_bounds"),
        sql.statistics_of(PUBLIC).replace("= 1 ", "= 1 OR true "),
        sql.counters_of([1]).replace("1)", "1) OR true"),
        "SET LOCAL statement_timeout TO 0",
        "SET LOCAL work_mem TO 100000",
        "SET statement_timeout TO 1000",
        sql.count_between_of(PUBLIC, "a", "'x'::pg_catalog.text", "'y'::pg_catalog.text"),
        sql.count_between_of(PUBLIC, "a", "'1'", "'2'"),
        sql.count_between_of(PUBLIC, "a", "now()", "now()"),
        sql.count_between_of(PUBLIC, "a", "'1'::pg_catalog.int8", '"b"'),
        sql.count_between_of(PUBLIC, "a", "'1'::pg_catalog.int8 OR true", "'1'::pg_catalog.int8"),
        'SELECT pg_catalog.count(*) FROM ONLY "public"."t" WHERE "a" >= '
        "'1'::pg_catalog.int8 AND \"b\" < '2'::pg_catalog.int8",
        'SELECT "a" FROM "pg_catalog"."pg_authid" LIMIT ALL',
    ],
)
def test_the_gate_refuses_what_fits_no_template(text: str) -> None:
    with pytest.raises(RequestNotAllowed):
        sql.request_name(text)


MOMENTS = st.one_of(
    st.datetimes(), st.integers(), st.floats(), st.text(), st.from_regex(r"[0-9TZ:+. -]{1,60}")
)


@given(
    st.sampled_from([20, 21, 23, 25, 700, 701, 1043, 1082, 1114, 1184, 1700, 17, 114]),
    MOMENTS,
    MOMENTS,
)
def test_whatever_the_moments_a_count_is_one_range(type_: int, begin: Any, end: Any) -> None:
    low, high = literal(type_, begin), literal(type_, end)
    if low is None or high is None:
        return
    text = sql.count_between_of(PUBLIC, 'a" OR "b', low, high)
    assert sql.request_name(text) == "SELECT count between"
    assert len(re.findall("'[^']*'", text)) == 2


@given(st.lists(ANY_COLUMN, min_size=1, max_size=5), st.booleans())
def test_statements_of_measuring_have_their_names(columns: list[sql.Column], whole: bool) -> None:
    relation = sql.Relation(7, "s", "t", whole, (7,))
    assert sql.request_name(sql.fields_of(relation, columns, 9_999)) == "SELECT fields"
    assert sql.request_name(sql.statistics_of(relation)) == "SELECT statistics"
    assert sql.request_name(sql.counters_of([1, 2])) == "SELECT counters"
    assert sql.request_name(sql.time_limit(0)) == "SET LOCAL statement_timeout"


def test_names_that_can_be_none() -> None:
    for name in ("", "a\0b"):
        with pytest.raises(RequestNotAllowed):
            sql.quoted(name)


def relation_row(oid: int, kind: str, parent: int = 0, readable: bool = True) -> sql.CatalogueRow:
    return sql.CatalogueRow(oid, kind, "s", f"n{oid}", 1.0, 1, parent, readable)


def read_of(*rows: sql.CatalogueRow, complete: bool = True) -> dict[int, tuple[int, ...]]:
    return {r.oid: r.leaves for r in sql.readable_relations(rows, complete=complete)}


def test_partitioned_tables_are_read_as_one() -> None:
    rows = [relation_row(1, "p"), relation_row(2, "r", 1), relation_row(3, "p", 1)]
    rows += [relation_row(4, "r", 3), relation_row(5, "r"), relation_row(6, "r", 5)]
    assert read_of(*rows) == {1: (2, 4), 5: (5,), 6: (6,)}
    # not known to be all: read one by one, as for all we know a part of it lies elsewhere
    assert read_of(*rows, complete=False) == {2: (2,), 4: (4,), 5: (5,), 6: (6,)}


def test_a_foreign_partition_anywhere_keeps_the_whole_from_being_read() -> None:
    rows = [relation_row(1, "p"), relation_row(2, "r", 1), relation_row(3, "p", 1)]
    assert read_of(*rows, relation_row(4, "f", 3), relation_row(5, "f")) == {2: (2,)}


def test_a_circle_of_partitions_ends() -> None:
    assert read_of(relation_row(1, "p", 2), relation_row(2, "p", 1)) == {}
    assert read_of(relation_row(1, "p"), relation_row(2, "r", 1, readable=False)) == {1: (2,)}


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("oid", "cell", "value"),
    [
        (16, b"t", True),
        (16, b"maybe", "maybe"),
        (17, b"\\x00ff", b"\x00\xff"),
        (17, b"\\xabc", b"\xab"),
        (20, b"-9223372036854775808", -(2**63)),
        (701, b"-Infinity", float("-inf")),
        (1700, b"12.50", Decimal("12.50")),
        (1700, b"110105194912310021", 110105194912310021),
        (1700, b"Infinity", Decimal("Infinity")),
        (1700, b"no", "no"),
        (1082, b"1980-01-31", date(1980, 1, 31)),
        (1082, b"0044-03-15 BC", "0044-03-15 BC"),
        (1082, b"infinity", "infinity"),
        (1114, b"2024-05-06 07:08:09.5", datetime.fromisoformat("2024-05-06 07:08:09.5")),
        (1184, b"2024-05-06 07:08:09+00", datetime.fromisoformat("2024-05-06 07:08:09+00:00")),
        (1114, b"10000-01-01 00:00:00", "10000-01-01 00:00:00"),
        (600, b"(8.5,-50)", [8.5, -50.0]),
        (600, b"8.5", "8.5"),
        (25, b"\xff\xfe", "\ufffd\ufffd"),
        (999_999, "Ü".encode(), "Ü"),
    ],
)
def test_values(oid: int, cell: bytes, value: object) -> None:
    read = wire.decoder(oid)(cell)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (b"{}", []),
        (b"{1,2}", ["1", "2"]),
        (b'{NULL,"NULL",""}', [None, "NULL", ""]),
        (b'{"a,b","c\\"d","e\\\\","{"}', ["a,b", 'c"d', "e\\", "{"]),
        (b"{{1,2},{3,4}}", [["1", "2"], ["3", "4"]]),
        (b"[0:1]={5,6}", ["5", "6"]),
        (b"{whole,hal", ["whole"]),
        (b'{whole,"hal', ["whole"]),
        (b"{{1,2},{3,4", [["1", "2"], ["3"]]),
        (b"1 2 3", "1 2 3"),
        (b"{" * 7, "{" * 7),
        (b"", ""),
    ],
)
def test_arrays(cell: bytes, value: object) -> None:
    assert wire.array(cell, wire.text) == value


@given(st.binary())
def test_arrays_and_bodies_of_any_bytes_are_bounded_errors(data: bytes) -> None:
    wire.array(b"{" + data, wire.text)
    parsers: list[Callable[[bytes], object]] = [
        wire.asked_for,
        wire.refusal,
        wire.parameter,
        wire.row_description,
        wire.completed,
        lambda body: wire.data_row(body, 2),
    ]
    for parse in parsers:
        try:
            parse(data)
        except NotThisProtocol:
            continue


@given(st.lists(st.none() | st.text(), max_size=8))
def test_a_row_comes_back_as_it_was(cells: list[str | None]) -> None:
    body = row(*[None if c is None else c for c in cells])[5:] if cells else b"\0\0"
    back = wire.data_row(body, len(cells))
    assert [None if c is None else c.decode() for c in back] == cells
