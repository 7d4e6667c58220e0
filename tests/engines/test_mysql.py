"""The mysql engine against scripted peers: what no MariaDB here says, odd and hostile answers."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engines import _mysql_sql as sql
from leftopen.engines import _mysql_wire as wire
from leftopen.engines._mysql_known import literal
from leftopen.engines._mysql_session import Session
from leftopen.engines._mysql_stream import rows_taken
from leftopen.engines.mysql import ENGINE, _by_grants
from leftopen.errors import (
    BudgetSpent,
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
from leftopen.model import OptIn, Proof, Target, Verdict
from leftopen.net.scripted import Reply, ScriptedDialer
from leftopen.prober import judge
from leftopen.testing import LIMITS, connection

CANARY = "canary-Ann-Lee-1980"
READER = OptIn(blank_password_check=True, account="reader")
_CAPABILITIES = wire.CLIENT_PROTOCOL_41 | wire.CLIENT_SECURE_CONNECTION | wire.CLIENT_PLUGIN_AUTH


def greeting(
    version: str = "8.0.36",
    capabilities: int = _CAPABILITIES,
    method: str = "caching_sha2_password",
) -> bytes:
    low, high = capabilities & 0xFFFF, capabilities >> 16
    body = b"\x0a" + version.encode() + b"\0" + struct.pack("<I", 7) + b"N" * 8 + b"\0"
    body += struct.pack("<HBHHB10x", low, 255, 2, high, 21) + b"N" * 12 + b"\0"
    return wire.packet(body + method.encode() + b"\0", 0)


def error(number: int, sequence: int = 1, text: str = CANARY) -> bytes:
    return wire.packet(b"\xff" + struct.pack("<H", number) + b"#28000" + text.encode(), sequence)


OK = b"\0\0\0\2\0\0\0"
END = b"\xfe\0\0\2\0"


def cell(value: bytes | None) -> bytes:
    if value is None:
        return b"\xfb"
    if len(value) < 251:
        return bytes([len(value)]) + value
    return b"\xfd" + struct.pack("<I", len(value))[:3] + value


def described(name: str, kind: int = 253, charset: int = 45) -> bytes:
    head = b"".join(map(cell, (b"def", b"", b"", b"", name.encode(), b"")))
    return head + b"\x0c" + struct.pack("<HIBHB2x", charset, 1, kind, 0, 0)


def result(columns: Sequence[bytes], rows: Iterable[Sequence[bytes | None]]) -> bytes:
    payloads = [bytes([len(columns)]), *columns, END]
    payloads += [b"".join(map(cell, row)) for row in rows]
    return b"".join(wire.packet(p, n + 1) for n, p in enumerate([*payloads, END]))


def texts(*rows: Sequence[bytes | None]) -> bytes:
    return result([described("c")] * len(rows[0]), rows)


Answer = Callable[[str], Reply]


def honest(statement: str) -> Reply:
    """A server with one table, read by an account that may only read."""
    token = re.fullmatch(r"SELECT REVERSE\('(\w+)'\)", statement)
    if token:
        return texts([token.group(1)[::-1].encode()])
    if statement == sql.GRANTS:
        return texts([b"GRANT USAGE ON *.* TO `reader`@`%`"], [b"GRANT SELECT ON `t`.* TO `r`@`%`"])
    if statement == sql.READ_ONLY:
        return texts([b"0"])
    if statement == sql.TABLES:
        return texts([b"town", b"people", b"2", b"16384"])
    if "COLUMNS" in statement:
        return texts([b"name", b"varchar", b"select,insert"], [b"pass", b"text", b"insert"])
    if "COUNT" in statement:
        return texts([b"2"])
    if "FROM `town`" in statement:
        return texts([b"Ann"], [b"Bob"])
    return wire.packet(OK, 1)


class Peer:
    """Greets, answers the log-on packets in turn, then each statement by its text."""

    def __init__(
        self,
        *log_on: Reply,
        answer: Answer = honest,
        greets: bytes | None = None,
        tls: bool = False,
    ) -> None:
        self.log_on = list(log_on) or [wire.packet(OK, 2)]
        self.answer = answer
        self.said: list[bytes] = []
        greets = greeting() if greets is None else greets
        self.dialer = ScriptedDialer(lambda: self.hear, greeting=greets, tls=tls)

    def hear(self, data: bytes) -> Reply | Iterable[Reply]:
        self.said.append(data)
        if data[3] == 0 and data[4:5] == b"\x03":
            return self.answer(data[5:].decode())
        if data == wire.QUIT:
            return None
        if len(data) == 36:  # SSLRequest
            return ()
        return self.log_on.pop(0) if self.log_on else None


def link(peer: Peer, opt_in: OptIn | None = READER, **options: Any) -> Any:
    return connection(ENGINE, peer.dialer, opt_in=opt_in, **options)


async def probe(peer: Peer, opt_in: OptIn | None = READER, **options: Any) -> Proof:
    async with link(peer, opt_in, **options) as opened:
        proof = await ENGINE.probe(opened)
        assert CANARY not in proof.reason
        return proof


def answers(**told: Reply) -> Answer:
    """The honest peer with other answers to the statements that these words begin or name."""

    def answer(statement: str) -> Reply:
        for sign, reply in told.items():
            if sign in statement:
                return reply
        return honest(statement)

    return answer


# --- who speaks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "product", "version"),
    [
        ("8.0.36-0ubuntu0.22.04.1", "mysql", "8.0.36"),
        ("5.5.5-10.11.6-MariaDB-0+deb12u1", "mariadb", "10.11.6"),
        ("11.4.2-MariaDB-ubu2404", "mariadb", "11.4.2"),
        ("8.0.11-TiDB-v7.5.0", "tidb", "8.0.11"),
        ("8.0.30-Vitess", "vitess", "8.0.30"),
        ("unheard of", "mysql", None),
    ],
)
async def test_the_greeting_tells_what_it_is_and_no_more(
    stated: str, product: str, version: str | None
) -> None:
    peer = Peer(greets=greeting(stated))
    proof = await probe(peer, None)
    assert (proof.verdict, proof.product, proof.version) == (Verdict.UNDETERMINED, product, version)
    assert peer.said == []


@pytest.mark.parametrize("opt_in", [None, OptIn(True), OptIn(False, "reader"), OptIn(True, "a\0b")])
async def test_no_byte_leaves_without_opt_in_and_account(opt_in: OptIn | None) -> None:
    peer = Peer()
    assert (await probe(peer, opt_in)).verdict is Verdict.UNDETERMINED
    assert peer.said == []
    with pytest.raises(ServerRefused):
        async with link(peer, opt_in) as opened:
            await ENGINE.collections(opened)
    assert peer.said == []


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (1130, Verdict.ACL_CLOSED),
        (1129, Verdict.ACL_CLOSED),
        (1040, Verdict.UNDETERMINED),
        (1203, Verdict.UNDETERMINED),
    ],
)
async def test_an_error_in_place_of_the_greeting(number: int, verdict: Verdict) -> None:
    body = b"\xff" + struct.pack("<H", number) + f"Host '{CANARY}' … MariaDB server".encode()
    for sequence in (0, 1):
        proof = await probe(Peer(greets=wire.packet(body, sequence)))
        assert (proof.verdict, proof.product) == (verdict, "mariadb")
        assert str(number) in proof.reason


async def test_before_4_1() -> None:
    old = b"\x09" + b"3.23.58\0" + struct.pack("<I", 7) + b"nonce123\0"
    for greets in (wire.packet(old, 0), greeting("4.0.18", 0)):
        peer = Peer(greets=greets)
        assert (await probe(peer)).verdict is Verdict.UNDETERMINED
        assert peer.said == []


@pytest.mark.parametrize(
    "greets",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 ftp ready\r\n",
        b"+OK\r\n",
        b"\0\0\0\0",
        wire.packet(b"\x0a" + b"8" * 300, 0),
        wire.packet(b"\x0a8.0\x1b[2J\0" + b"\0" * 60, 0),
        wire.packet(b"\x0a8.0.1\0short", 0),
        wire.packet(b"\x0a8.0.1\0" + b"N" * 12 + b"\1" + b"\0" * 40, 0),
        wire.packet(b"\x0b8.0.1\0" + b"\0" * 60, 0),
        wire.packet(b"\xff\x01\0text", 0),
        wire.packet(b"\xff\x6a\x04", 0),
        wire.packet(b"\xff\x6a\x04\x1b[2J", 0),
        greeting()[:3] + b"\x09" + greeting()[4:],
    ],
)
async def test_what_is_no_greeting(greets: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Peer(greets=greets))


async def test_another_products_words_after_a_greeting_are_never_a_verdict() -> None:
    """A greeting alone proves identity alone, however well it is recorded."""
    assert not (await probe(Peer(), None)).verdict.startswith("OPEN")


# --- one try -------------------------------------------------------------------------------------


async def test_passwordless_and_what_was_said() -> None:
    peer = Peer()
    async with link(peer) as opened:
        proof = await ENGINE.probe(opened)
        assert opened.bytes_read < 1_024
    assert (proof.verdict, proof.can_write) == (Verdict.PASSWORDLESS, "no")
    assert "an empty password was tried once" in proof.reason
    assert "because the scope file says so" in proof.reason
    assert b"reader\0\0caching_sha2_password\0" in peer.said[0]
    assert peer.said[-1] == wire.QUIT


async def test_a_method_we_do_not_know_is_answered_with_the_common_one() -> None:
    peer = Peer(greets=greeting(method="client_ed25519"))
    await probe(peer)
    assert b"reader\0\0mysql_native_password\0" in peer.said[0]


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("mysql_native_password", b""),
        ("caching_sha2_password", b""),
        ("sha256_password", b"\0"),
        ("mysql_clear_password", b"\0"),
    ],
)
async def test_switch_of_method(method: str, answer: bytes) -> None:
    switch = wire.packet(b"\xfe" + method.encode() + b"\0" + b"N" * 20 + b"\0", 2)
    peer = Peer(switch, wire.packet(OK, 4))
    assert (await probe(peer)).verdict is Verdict.PASSWORDLESS
    assert peer.said[1] == wire.packet(answer, 3)


async def test_the_switch_from_before_4_1_and_a_fast_yes() -> None:
    for first in (b"\xfe", b"\x01\x03"):
        peer = Peer(wire.packet(first, 2) + (wire.packet(OK, 3) if first != b"\xfe" else b""))
        peer.log_on.append(wire.packet(OK, 4))
        assert (await probe(peer)).verdict is Verdict.PASSWORDLESS


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (error(1045, 2), Verdict.AUTH_REQUIRED),
        (error(1698, 2), Verdict.AUTH_REQUIRED),
        (error(3118, 2), Verdict.AUTH_REQUIRED),
        (error(1130, 2), Verdict.ACL_CLOSED),
        (error(3159, 2), Verdict.UNDETERMINED),
        (error(1040, 2), Verdict.UNDETERMINED),
        (wire.packet(b"\xfeclient_ed25519\0" + b"N" * 32, 2), Verdict.AUTH_REQUIRED),
        (wire.packet(b"\xfedialog\0\4Password: ", 2), Verdict.AUTH_REQUIRED),
        (wire.packet(b"\x01\x04", 2), Verdict.AUTH_REQUIRED),
        (wire.packet(b"\x01\x09", 2), Verdict.UNDETERMINED),
        (wire.packet(b"\0", 2), Verdict.UNDETERMINED),
        (wire.packet(b"\xfe" + b"x" * 40, 2), Verdict.UNDETERMINED),
        (b"garbage that is none", Verdict.UNDETERMINED),
        (b"\xff\xff\xff\0", Verdict.UNDETERMINED),
        (None, Verdict.UNDETERMINED),
        (PeerClosed("gone"), Verdict.UNDETERMINED),
    ],
)
async def test_a_log_on_that_fails_is_the_only_one(reply: Reply, verdict: Verdict) -> None:
    peer = Peer(reply)
    proof = await probe(peer)
    assert proof.verdict is verdict, proof
    assert "an empty password was tried once" in proof.reason
    assert len(peer.said) == len(peer.dialer.streams) == 1


@pytest.mark.parametrize("port", [3306, 4_711])
@pytest.mark.parametrize(
    "reply", [error(1045, 2), b"garbage that is none", None, wire.packet(OK, 2)]
)
async def test_the_whole_prober_names_the_account_once(reply: Reply, port: int) -> None:
    """Whatever a peer does, and though this one would speak over TLS from the start as well."""
    peer = Peer(*[reply] * 9, answer=lambda _: wire.packet(OK, 1), tls=True)
    target = Target(ip_address("127.0.0.1"), port)
    judged = await judge(peer.dialer, target, {"mysql": ENGINE}, opt_in=READER)
    assert judged.service.engine == "mysql"
    assert sum(b"reader\0" in said for said in peer.said) == 1


async def test_switches_without_end() -> None:
    switch = wire.packet(b"\xfemysql_native_password\0" + b"N" * 20 + b"\0", 2)
    peer = Peer(*[switch] * 100)
    assert (await probe(peer)).verdict is Verdict.UNDETERMINED
    assert len(peer.said) <= 6


async def test_a_refused_log_on_is_not_repeated_for_the_sample() -> None:
    peer = Peer(error(1045, 2))
    async with link(peer) as opened:
        session = Session(opened, False)
        for _ in range(3):
            with pytest.raises(ServerRefused):
                await session.enter("reader")
    assert len(peer.said) == len(peer.dialer.streams) == 1


@pytest.mark.parametrize("works", [True, False])
async def test_tls_comes_before_the_name_and_without_it_it_goes_on_in_plain(works: bool) -> None:
    peer = Peer(greets=greeting(capabilities=_CAPABILITIES | wire.CLIENT_SSL), tls=works)
    async with link(peer) as opened:
        assert (await ENGINE.probe(opened)).verdict is Verdict.PASSWORDLESS
        assert opened.tls is works
    assert len(peer.said[0]) == 36
    assert b"reader" not in peer.said[0]
    assert len(peer.dialer.streams) == (1 if works else 2)
    assert sum(b"reader\0" in packet for packet in peer.said) == 1


# --- the gated read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (texts([b"0123456789abcdef" * 2]), Verdict.UNDETERMINED),  # a recording
        (texts([None]), Verdict.UNDETERMINED),
        (wire.packet(OK, 1), Verdict.UNDETERMINED),
        (error(1820), Verdict.OPEN_PARTIAL),
        (wire.packet(b"\xfb/etc/passwd", 1), Verdict.UNDETERMINED),  # asks for a file of ours
        (wire.packet(b"\xfc\xff\xff", 1), Verdict.UNDETERMINED),
        (texts([b"a"], [b"b"]), Verdict.UNDETERMINED),
        (wire.packet(b"\1", 1) + wire.packet(b"no column", 2), Verdict.UNDETERMINED),
        (b"\xff\xff\xff\1", Verdict.UNDETERMINED),
        (None, Verdict.UNDETERMINED),
    ],
)
async def test_no_passwordless_without_our_word_turned_round(
    reply: Reply, verdict: Verdict
) -> None:
    assert (await probe(Peer(answer=answers(REVERSE=reply)))).verdict is verdict


async def test_an_echo_is_no_answer() -> None:
    def echo(statement: str) -> Reply:
        if "'" not in statement:
            return honest(statement)
        return texts([statement.partition("'")[2].rstrip("')").encode()])

    assert "canned" in (await probe(Peer(answer=echo))).reason


async def test_yes_to_everything() -> None:
    peer = Peer(*[wire.packet(OK, 2)] * 9, answer=lambda _: wire.packet(OK, 1))
    assert (await probe(peer)).verdict is Verdict.UNDETERMINED


async def test_servers_without_read_only_transactions_are_read_all_the_same() -> None:
    peer = Peer(answer=answers(START=error(1064)))
    assert (await probe(peer)).verdict is Verdict.PASSWORDLESS
    assert sum(sql.START.encode() in said for said in peer.said) == 1
    assert not any(sql.ROLLBACK.encode() in said for said in peer.said)


@pytest.mark.parametrize(
    ("lines", "can_write"),
    [
        (["GRANT USAGE ON *.* TO 'a'@'%' IDENTIFIED BY PASSWORD '*0'"], "no"),
        (["GRANT SELECT, SHOW VIEW, PROCESS ON *.* TO `a`@`%` WITH GRANT OPTION"], "no"),
        (["GRANT USAGE ON *.* TO `a`@`%`", "GRANT SELECT (`b`, `c`) ON `d`.`e` TO `a`@`%`"], "no"),
        (
            ["GRANT ALL PRIVILEGES ON *.* TO 'root'@'%'", "GRANT PROXY ON ''@'' TO 'root'@'%'"],
            "yes",
        ),
        (["GRANT SELECT, INSERT (`b`) ON `d`.`e` TO `a`@`%`"], "yes"),
        (["GRANT USAGE ON *.* TO `a`@`%`", "GRANT `helper`@`%` TO `a`@`%`"], "unknown"),
        (["GRANT EXECUTE ON PROCEDURE `d`.`p` TO `a`@`%`"], "unknown"),
        (["GRANT SELECT, BACKUP_ADMIN ON *.* TO `a`@`%`"], "unknown"),
        (["SET DEFAULT ROLE helper FOR a"], "unknown"),
        (["GRANT ((((((((" * 500], "unknown"),
        ([], "unknown"),
    ],
)
def test_can_write_by_grants(lines: list[str], can_write: str) -> None:
    assert _by_grants(lines) == can_write


@pytest.mark.parametrize(
    ("switch", "can_write"), [(b"0", "yes"), (b"OFF", "yes"), (b"1", "unknown"), (b"ON", "unknown")]
)
async def test_a_server_that_is_read_only_leaves_it_open(switch: bytes, can_write: str) -> None:
    granted = texts([b"GRANT ALL PRIVILEGES ON *.* TO `root`@`%`"])
    peer = Peer(answer=answers(GRANTS=granted, read_only=texts([switch])))
    assert (await probe(peer)).can_write == can_write


@pytest.mark.parametrize("reply", [error(1142), None, b"\xff\xff\xff\1", texts([b"a", b"b"])])
async def test_grants_that_are_not_told_leave_it_open(reply: Reply) -> None:
    proof = await probe(Peer(answer=answers(GRANTS=reply)))
    assert (proof.verdict, proof.can_write) == (Verdict.PASSWORDLESS, "unknown")


# --- the sample ----------------------------------------------------------------------------------


async def read(peer: Peer, limits: StoreLimits = LIMITS) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {}
    async with link(peer, limits=limits) as opened:
        for collection in await ENGINE.collections(opened):
            rows = [
                row
                async for batch in ENGINE.sample(opened, collection, limits)
                for row in batch.to_pylist()
            ]
            made[collection.name] = rows
    return made


async def test_the_columns_that_may_be_read() -> None:
    assert await read(Peer()) == {"town.people": [{"name": "Ann"}, {"name": "Bob"}]}


async def test_system_schemas_that_a_liar_lists_are_left_out() -> None:
    listed = texts(*[[name, b"user", b"1", b"1"] for name in (b"mysql", b"MySQL", b"sys", b"a`b")])
    peer = Peer(answer=answers(TABLES=listed, COLUMNS=texts([b"n", b"int", b"select"])))
    async with link(peer) as opened:
        assert [c.name for c in await ENGINE.collections(opened)] == ["a`b.user"]


@pytest.mark.parametrize(
    "listed",
    [
        texts([b"town", b"people", b"-1", b"1"]),
        texts([b"town", b"people", b"1e9", b"1"]),
        texts([b"town", b"", b"1", b"1"]),
        texts([b"town", b"x" * 300, b"1", b"1"]),
        texts([b"town", b"people"]),
        wire.packet(OK, 1),
    ],
)
async def test_lists_that_cannot_be(listed: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await read(Peer(answer=answers(TABLES=listed)))


async def test_more_rows_than_asked_for_and_rows_that_are_too_large() -> None:
    many = texts(*[[b"x"]] * 20)
    with pytest.raises(NotThisProtocol):
        await read(Peer(answer=answers(LEFT=many)), StoreLimits(rows=5))
    huge = wire.packet(b"\1", 1) + wire.packet(described("c"), 2) + wire.packet(END, 3)
    with pytest.raises(BudgetSpent):
        await read(Peer(answer=answers(LEFT=huge + b"\xfe\xff\xff\4")))


async def test_an_estimate_that_is_far_off_is_read_once_more_without_chance() -> None:
    def answer(statement: str) -> Reply:
        if statement == sql.TABLES:
            return texts([b"town", b"people", b"900000", b"99999999"])
        if "RAND()" in statement:
            return texts([b"Ann"])
        return honest(statement)

    peer = Peer(answer=answer)
    assert len((await read(peer))["town.people"]) == 2
    drawn = [said for said in peer.said if b"RAND()" in said]
    assert len(drawn) == 1
    assert b"WHERE RAND() < 0.012000 LIMIT 2000" in drawn[0]


def test_cells_by_their_type() -> None:
    def decoded(kind: int, raw: bytes, charset: int = 45) -> Any:
        return wire.decoder(wire.Column("c", kind, charset == 63))(raw)

    assert decoded(3, b"-5") == -5
    assert decoded(3, b"9" * 5_000) == "9" * 5_000
    assert decoded(5, b"1e3") == 1_000.0
    assert str(decoded(246, b"12.50")) == "12.50"
    assert str(decoded(10, b"1980-02-03")) == "1980-02-03"
    assert decoded(12, b"0000-00-00 00:00:00") == "0000-00-00 00:00:00"
    assert decoded(252, b"\xff", 63) == b"\xff"
    assert decoded(252, b"\xff") == "\ufffd"
    assert decoded(255, b"\0\0\0\0\1rest") == b"\1rest"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 255))
def test_any_cell_is_read(raw: bytes, kind: int) -> None:
    wire.decoder(wire.Column("c", kind, False))(raw)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    for parse in (wire.greeting, wire.refusal, wire.column_count, wire.column, wire.switched):
        with contextlib.suppress(NotThisProtocol):
            parse(raw)
    with contextlib.suppress(NotThisProtocol):
        assert len(wire.row(raw, 3)) == 3


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=300))
async def test_any_bytes_as_an_answer_are_a_verdict_or_an_error_of_ours(raw: bytes) -> None:
    for peer in (Peer(greets=raw), Peer(raw), Peer(answer=answers(REVERSE=raw))):
        try:
            verdict = (await probe(peer)).verdict
        except LeftopenError:
            continue
        assert verdict is not Verdict.PASSWORDLESS


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.binary(max_size=400)), min_size=1, max_size=9))
def test_rows_come_back(cells: list[bytes | None]) -> None:
    assert wire.row(b"".join(map(cell, cells)), len(cells)) == cells


# --- what the server knows -----------------------------------------------------------------------


def index(*parts: Sequence[bytes | None]) -> bytes:
    """Rows of information_schema.STATISTICS: index, repeats, place, column, cardinality, cut."""
    return result([described("c")] * 7, [[*part, b"BTREE"] for part in parts])


ID = (b"PRIMARY", b"0", b"1", b"id", b"2", None)
NAME = (b"by_name", b"1", b"1", b"name", b"2", None)


async def known(peer: Peer) -> Any:
    async with link(peer) as opened:
        [collection] = await ENGINE.collections(opened)
        return await ENGINE.known(opened, collection, ["id", "name", "told.a"])


async def test_what_is_known_of_columns() -> None:
    for protocol in (KnowsFields, CountsBetween, Marks, TellsSince, StreamsFields):
        assert isinstance(ENGINE, protocol)
    keys = texts([b"k", b"name", b"town", b"names", b"n"], [b"l", b"id", b"a", b"b", b"c"],
                 [b"l", b"name", b"a", b"b", b"d"])  # fmt: skip
    peer = Peer(answer=answers(STATISTICS=index(ID, NAME), KEY_COLUMN_USAGE=keys))
    assert await known(peer) == {
        "id": Known(unique=True, indexed=True),
        "name": Known(1, error=0.35, indexed=True, refers_to=("town.names", "n")),
    }


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([NAME], {"name": Known(indexed=True)}),  # nothing shows that the figures are new
        ([(b"P", b"0", b"1", b"id", b"90", None), NAME],
         {"id": Known(unique=True, indexed=True), "name": Known(indexed=True)}),
        ([(b"u", b"0", b"1", b"id", None, None), (b"u", b"0", b"2", b"name", None, None)],
         {"id": Known(indexed=True)}),
        ([(b"u", b"0", b"1", b"id", b"2", b"5")], {"id": Known(unique=True)}),  # of a beginning
        ([(b"f", b"1", b"1", None, b"2", None)], {}),  # an expression
        ([(b"PRIMARY", b"0", b"1", b"id", b"2", None),
          (b"i", b"1", b"1", b"name", b"9" * 20, None)],
         {"id": Known(unique=True, indexed=True),
          "name": Known(round(0.6 * int("9" * 20)), error=0.35, indexed=True)}),
    ],
)  # fmt: skip
async def test_indexes(parts: list[Sequence[bytes | None]], told: dict[str, Known]) -> None:
    assert await known(Peer(answer=answers(STATISTICS=index(*parts)))) == told


@pytest.mark.parametrize(
    "reply",
    [
        texts([b"PRIMARY", b"0"]),
        index((b"P", b"no", b"1", b"id", b"2", None)),
        index((b"P", b"0", None, b"id", b"2", None)),
        index((b"P", b"0", b"1", b"id", b"-2", None)),
        index((b"", b"0", b"1", b"id", b"2", None)),
        index((b"P", b"0", b"1", b"x" * 300, b"2", None)),
    ],
)
async def test_indexes_that_are_none_and_a_session_that_goes_on(reply: bytes) -> None:
    told = {"STATISTICS": reply}
    peer = Peer(*[wire.packet(OK, 2)] * 2, answer=lambda text: answers(**told)(text))
    async with link(peer) as opened:
        [collection] = await ENGINE.collections(opened)
        with pytest.raises(NotThisProtocol):
            await ENGINE.known(opened, collection, ["id"])
        await opened.reopen()  # as the reading does
        told["STATISTICS"] = error(1142)
        assert await ENGINE.known(opened, collection, ["id"]) == {}


NOON = datetime.fromisoformat("2026-11-22 12:00:00")


async def test_a_range_is_counted_by_an_index_alone() -> None:
    columns = texts([b"at", b"datetime", b"select"], [b"name", b"varchar", b"select"])
    peer = Peer(
        answer=answers(
            STATISTICS=index((b"a`t", b"1", b"1", b"at", None, None)),
            COLUMNS=columns,
            FORCE=texts([b"7"]),
        )
    )
    async with link(peer) as opened:
        [collection] = await ENGINE.collections(opened)
        for _ in range(2):
            assert await ENGINE.count_between(opened, collection, "at", NOON, NOON) == 7
        assert await ENGINE.count_between(opened, collection, "at", 5, 7) is None
        assert await ENGINE.count_between(opened, collection, "name", "2026", "2027") is None
    said = [text for text in peer.said if b"FORCE" in text]
    assert said[0].endswith(
        b"FROM `town`.`people` FORCE INDEX (`a``t`) WHERE `at` >= "
        b"TIMESTAMP'2026-11-22 12:00:00.000000' AND `at` < TIMESTAMP'2026-11-22 12:00:00.000000'"
    )
    assert sum(b"STATISTICS" in text for text in peer.said) == 1


@pytest.mark.parametrize(
    ("row", "mark"),
    [
        ([b"people", b"InnoDB", b"8", b"1795300000.25"], Mark(changes=8)),
        ([b"people", b"InnoDB", None, b"1795300000.25"], Mark(changes=1795300000)),
        ([b"people", b"InnoDB", None, None], Mark(changes=0)),
        ([b"people", b"MEMORY", b"8", None], Mark(changes=8)),
        ([b"people", b"MEMORY", None, None], None),
        ([b"others", b"InnoDB", b"8", b"9"], None),
    ],
)
async def test_counters(row: Sequence[bytes | None], mark: Mark | None) -> None:
    peer = Peer(answer=answers(AUTO_INCREMENT=texts(row)))
    async with link(peer) as opened:
        marks = await ENGINE.marks(opened, await ENGINE.collections(opened))
    assert marks == ({} if mark is None else {"town.people": mark})
    assert any(sql.AS_THEY_ARE.encode() in said for said in peer.said)


async def test_counters_that_may_be_a_day_old_are_not_told() -> None:
    counters = texts([b"people", b"InnoDB", b"8", b"9"])
    peer = Peer(answer=answers(information_schema_stats_expiry=error(1227), AUTO=counters))
    async with link(peer) as opened:
        assert await ENGINE.marks(opened, await ENGINE.collections(opened)) == {}
    older = Peer(answer=answers(information_schema_stats_expiry=error(1193), AUTO=counters))
    async with link(older) as opened:
        assert await ENGINE.marks(opened, await ENGINE.collections(opened)) != {}
    maria = Peer(greets=greeting("5.5.5-10.11.6-MariaDB"), answer=answers(AUTO=counters))
    async with link(maria) as opened:
        assert await ENGINE.marks(opened, await ENGINE.collections(opened)) != {}
    assert not any(sql.AS_THEY_ARE.encode() in said for said in maria.said)


@pytest.mark.parametrize("told", [[b"Uptime", b"-5"], [b"Uptime", b"9" * 40], [b"Uptime", None]])
async def test_uptimes_that_cannot_be(told: Sequence[bytes | None]) -> None:
    async with link(Peer(answer=answers(Uptime=texts(told)))) as opened:
        assert await ENGINE.since(opened) is None


async def test_since_leaves_the_connection_as_fresh_as_it_was() -> None:
    peer = Peer(*[wire.packet(OK, 2)] * 2, answer=answers(Uptime=texts([b"Uptime", b"100"])))
    async with link(peer) as opened:
        assert await ENGINE.since(opened) is not None
        assert len(await ENGINE.collections(opened)) == 1
    async with link(Peer(), None) as opened:
        assert await ENGINE.since(opened) is None  # nobody may be named
        assert opened.requests == []


# --- streams -------------------------------------------------------------------------------------


async def streamed(reply: bytes, limits: StoreLimits = LIMITS) -> list[Any]:
    peer = Peer(*[wire.packet(OK, 2)] * 2, answer=answers(**{"18446744073709": reply}))
    async with link(peer, limits=limits) as opened:
        [collection] = await ENGINE.collections(opened)
        stream = ENGINE.stream(opened, collection, ["name"], limits)
        return [row for batch in [b async for b in stream] for row in batch["name"].to_pylist()]


async def test_a_stream_of_short_and_long_cells() -> None:
    values = [b"Ann", None, b"", b"x" * 300, b"y" * 251, b"z" * 250, b"Bob"]
    wanted = [None if value is None else value.decode() for value in values]
    assert await streamed(texts(*[[value] for value in values])) == wanted


START = wire.packet(b"\1", 1) + wire.packet(described("name"), 2) + wire.packet(END, 3)


@pytest.mark.parametrize(
    "reply",
    [
        wire.packet(OK, 1),
        START + wire.packet(b"\5Ann", 4),
        START + wire.packet(b"\3Ann\3Bob", 4),
        START + b"\0\0\0\4",
        START + wire.packet(b"\xff", 4),
        START + wire.packet(END, 4) + wire.packet(b"\3Ann", 5),
        texts([b"a", b"b"]),
    ],
)
async def test_streams_that_cannot_be(reply: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await streamed(reply)


async def test_a_stream_that_is_broken_off_midway() -> None:
    with pytest.raises(ServerRefused) as refused:
        await streamed(START + wire.packet(b"\3Ann", 4) + error(1969, 5))
    assert (refused.value.code, CANARY in str(refused.value)) == ("1969", False)
    with pytest.raises(BudgetSpent):
        await streamed(START + b"\xff\xff\xff\4")
    with pytest.raises(PeerClosed):
        await streamed(b"")


async def test_a_stream_ends_in_good_order_with_its_bytes() -> None:
    many = START + wire.packet(b"\x64" + b"x" * 100, 4) * 5_000
    seen = await streamed(many, StoreLimits(bytes=200_000))
    assert 500 < len(seen) < 2_000


CELLS = st.none() | st.binary(max_size=12) | st.binary(min_size=250, max_size=300)


def of_width(width: int) -> st.SearchStrategy[list[list[bytes | None]]]:
    return st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)


@settings(deadline=None)
@given(st.integers(1, 3).flatmap(of_width), st.data())
def test_rows_are_taken_whole_wherever_the_bytes_are_cut(
    rows: list[list[bytes | None]], data: st.DataObject
) -> None:
    whole = b"".join(wire.packet(b"".join(map(cell, row)), 4) for row in rows)
    columns: list[list[bytes | None]] = [[] for _ in rows[0]]
    cut = data.draw(st.integers(0, len(whole)))
    at = rows_taken(whole[:cut], 0, columns)
    assert rows_taken(whole[at:] + wire.packet(END, 9), 0, columns) == len(whole) - at
    assert [list(row) for row in zip(*columns, strict=True)] == rows


@settings(deadline=None)
@given(st.integers(1, 3), st.binary(max_size=60))
def test_any_bytes_are_rows_or_refused(width: int, data: bytes) -> None:
    columns: list[list[bytes | None]] = [[] for _ in range(width)]
    for buffer in (data, wire.packet(data, 4)):
        with contextlib.suppress(NotThisProtocol):
            assert 0 <= rows_taken(buffer, 0, columns) <= len(buffer)


# --- the allow-list ------------------------------------------------------------------------------

TOWN = sql.Table("town", "people")
COLUMNS = [sql.TableColumn("a`b", "text"), sql.TableColumn("n", "int")]


def test_what_may_be_said_has_its_name() -> None:
    named = {
        wire.query(sql.START): "START TRANSACTION READ ONLY",
        wire.query(sql.GRANTS): "SHOW GRANTS",
        wire.query(sql.TABLES): "SELECT tables",
        wire.query(sql.columns_of(TOWN)): "SELECT columns",
        wire.query(sql.count_of(TOWN, 2.4)): "SELECT count",
        wire.query(sql.rows_of(TOWN, COLUMNS, 9, 9_999, 2.4)): "SELECT rows",
        wire.query(sql.rows_of(TOWN, COLUMNS, 9, 9_999, 2.4, 0.5)): "SELECT rows",
        wire.ssl_request(1): "SSLRequest",
        wire.packet(b"\0", 3): "AuthSwitchResponse",
        wire.QUIT: "COM_QUIT",
    }
    assert {packet: sql.request_name(packet) for packet in named} == named
    assert set(named.values()) <= ENGINE.requests


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "select reverse('a')",
        "DROP TABLE x",
        "SET GLOBAL read_only = 0",
        "SET STATEMENT max_statement_time=1 FOR DELETE FROM town.people",
        sql.START + "; DROP TABLE x",
        sql.TABLES + " INTO OUTFILE '/tmp/x'",
        sql.columns_of(TOWN) + " FOR UPDATE",
        sql.count_of(TOWN, 1.0).replace("SELECT", "DELETE"),
        sql.rows_of(TOWN, COLUMNS, 9, 9_999, 1.0) + " FOR UPDATE",
        sql.rows_of(TOWN, COLUMNS, 9, 9_999, 1.0).replace("`n`", "SLEEP(9)"),
        sql.rows_of(TOWN, COLUMNS, 9, 9_999, 1.0).replace("`n`", "`n` INTO @x"),
        sql.rows_of(sql.Table("mysql", "user"), COLUMNS, 9, 9_999, 1.0),
        sql.rows_of(sql.Table("MySQL", "global_priv"), COLUMNS, 9, 9_999, 1.0),
        sql.token_of("a') INTO OUTFILE ('x"),
        sql.fields_of(sql.Table("mysql", "user"), COLUMNS, 9_999, 1.0),
        sql.fields_of(TOWN, COLUMNS, 9_999, 1.0).replace("`n`", "SLEEP(9)"),
        sql.count_between_of(TOWN, "i", "c", "'x'", "'y'", 1.0),
        sql.count_between_of(TOWN, "i", "c", "SLEEP(5)", "1", 1.0),
        sql.count_between_of(TOWN, "i", "c", "1", "2 OR 1", 1.0),
        sql.count_between_of(TOWN, "i", "c", "1", "2", 1.0).replace("FORCE INDEX (`i`) ", ""),
        sql.indexes_of(TOWN, 1.0).replace("information_schema.STATISTICS", "mysql.column_stats"),
        "SET GLOBAL information_schema_stats_expiry = 0",
        "SHOW GLOBAL STATUS",
    ],
)
def test_what_may_not_be_said(statement: str) -> None:
    with pytest.raises(RequestNotAllowed):
        sql.request_name(wire.query(statement))


def test_no_password_and_no_other_command_has_a_name() -> None:
    greeted = wire.greeting(greeting()[4:])
    assert isinstance(greeted, wire.Greeting)
    empty = wire.empty_response("reader", greeted, 1, tls=False)
    assert sql.request_name(empty) == "HandshakeResponse"
    native = wire.packet(empty[4:].replace(b"reader\0\0", b"reader\0\x14" + b"h" * 20), 1)
    for packet in (
        native,
        wire.packet(empty[4:].replace(b"reader\0\0", b"reader\0\6secret"), 1),
        wire.packet(empty[4:].replace(b"reader", b""), 1),
        wire.packet(b"secret\0", 3),
        wire.packet(empty[4:], 0),
        *(wire.packet(bytes([command]) + b"x", 0) for command in range(256) if command != 3),
        wire.query(sql.GRANTS) + wire.query(sql.GRANTS),
    ):
        with pytest.raises(RequestNotAllowed):
            sql.request_name(packet)


MOMENTS = st.one_of(
    st.datetimes(), st.integers(), st.floats(), st.text(), st.from_regex(r"[0-9TZ:+. -]{1,60}")
)


@settings(deadline=None)
@given(
    st.sampled_from(["timestamp", "datetime", "date", "int", "decimal", "double", "varchar", "x"]),
    MOMENTS,
    MOMENTS,
)
def test_whatever_the_moments_a_count_is_one_range(kind: str, begin: Any, end: Any) -> None:
    low, high = literal(kind, begin), literal(kind, end)
    if low is not None and high is not None:
        text = sql.count_between_of(TOWN, "i`j", "a` OR `b", low, high, 1.0)
        assert sql.request_name(wire.query(text)) == "SELECT count between"


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1).filter(lambda name: "\0" not in name and name.isprintable()))
def test_no_name_of_a_table_or_column_breaks_out(name: str) -> None:
    columns = [sql.TableColumn(name, "text")]
    statement = sql.rows_of(sql.Table("town", name), columns, 9, 9_999, 1.0, 0.5)
    assert sql.request_name(wire.query(statement)) == "SELECT rows"
    bare = re.sub(r"`(?:[^`]|``)+`", "", statement)
    assert bare.endswith("LEFT(, 2499) FROM . WHERE RAND() < 0.500000 LIMIT 9")
    assert sql.request_name(wire.query(sql.columns_of(sql.Table(name, name))))
