"""The nats engine against scripted servers: verdicts, lies, floods, and what it may send."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engines._nats_wire import CONNECT, is_stream, name_of
from leftopen.engines.nats import ENGINE
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NotThisProtocol,
    PeerClosed,
    RequestNotAllowed,
    TlsFailed,
)
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.net.scripted import Reply, Script, ScriptedDialer
from leftopen.testing import LIMITS, connection

ABOUT: dict[str, Any] = {
    "server_id": "NBEDL3EH", "version": "2.10.4", "proto": 1, "headers": True,
    "max_payload": 1_048_576, "jetstream": True,
}  # fmt: skip
STATE = {"messages": 3, "bytes": 300, "first_seq": 1, "last_seq": 3}
MESSAGE = {
    "subject": "people.1", "seq": 3, "time": "2026-11-22T02:50:01.845765Z",
    "data": base64.b64encode(b'{"email": "ann.lee@example.org"}').decode(),
}  # fmt: skip
MAY_ALL = {"server": {}, "data": {"user": "", "account": "$G"}}
API: dict[str, Any] = {
    "$JS.API.STREAM.NAMES": {"total": 1, "offset": 0, "limit": 1024, "streams": ["people"]},
    "$SYS.REQ.USER.INFO": MAY_ALL,
    "$JS.API.STREAM.INFO.people": {"config": {}, "state": STATE},
    "$JS.API.STREAM.MSG.GET.people": {"message": MESSAGE},
}
NOBODY = b"NATS/1.0 503\r\n\r\n"


def greeting(**changes: Any) -> bytes:
    return b"INFO " + json.dumps({**ABOUT, **changes}).encode() + b" \r\n"


class FakeNats:
    """Answers as nats-server does; `said` says otherwise for a subject: JSON, or bytes that are
    the whole answer ({inbox} stands for the inbox)."""

    def __init__(self, said: Mapping[str, Any] | None = None, pong: bytes = b"PONG\r\n") -> None:
        self.api, self.pong = {**API, **(said or {})}, pong
        self.seen: list[str] = []

    def __call__(self, data: bytes) -> list[Reply]:
        told = b""
        lines = data.decode().split("\r\n")
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "PING":
                told += self.pong
            elif word == "PUB":
                subject, inbox, _ = rest.split(" ")
                self.seen.append(subject)
                told += self.answer(subject, inbox)
        return [told] if told else []

    def answer(self, subject: str, inbox: str) -> bytes:
        said = self.api.get(subject)
        if isinstance(said, bytes):
            return said.replace(b"{inbox}", inbox.encode())
        if said is None:
            return b"HMSG %b 1 %d %d\r\n%b\r\n" % (inbox.encode(), len(NOBODY), len(NOBODY), NOBODY)
        body = json.dumps(said).encode()
        return b"MSG %b 1 %d\r\n%b\r\n" % (inbox.encode(), len(body), body)


def dialer(script: Script, said: bytes | None = None) -> ScriptedDialer:
    return ScriptedDialer(lambda: script, greeting=greeting() if said is None else said)


async def probe(script: Script, said: bytes | None = None) -> Proof:
    async with connection(ENGINE, dialer(script, said)) as link:
        return await ENGINE.probe(link)


def error(code: object, err_code: object = 0) -> dict[str, Any]:
    return {"error": {"code": code, "err_code": err_code, "description": "ann.lee@example.org"}}


def denied(subject: str) -> bytes:
    return f"-ERR 'Permissions Violation for Publish to \"{subject}\"'\r\n".encode()


# --- verdicts ------------------------------------------------------------------------------------


async def test_open() -> None:
    server = FakeNats()
    reason = "streams were listed and a message read without a login"
    assert await probe(server) == Proof(Verdict.OPEN, reason, "2.10.4", "nats", "yes")
    assert server.seen == [
        "$JS.API.STREAM.NAMES",
        "$SYS.REQ.USER.INFO",
        "$JS.API.STREAM.INFO.people",
        "$JS.API.STREAM.MSG.GET.people",
    ]


@pytest.mark.parametrize(
    ("said", "verdict", "word"),
    [
        ({"$JS.API.STREAM.NAMES": None}, Verdict.OPEN, "no JetStream"),
        ({"$JS.API.STREAM.NAMES": error(503, 10039)}, Verdict.OPEN, "no JetStream"),
        ({"$JS.API.STREAM.NAMES": {"total": 0, "streams": None}}, Verdict.OPEN, "none"),
        ({"$JS.API.STREAM.NAMES": {"total": 4, "streams": []}}, Verdict.OPEN_PARTIAL, "no stream"),
        ({"$JS.API.STREAM.NAMES": denied("$JS.API.STREAM.NAMES")}, Verdict.OPEN_PARTIAL, "not ask"),
        ({"$JS.API.STREAM.NAMES": error(500)}, Verdict.UNDETERMINED, "error"),
        ({"$JS.API.STREAM.NAMES": b"-ERR 'Slow Consumer'\r\n"}, Verdict.UNDETERMINED, "error"),
        ({"$JS.API.STREAM.INFO.people": error(404)}, Verdict.OPEN_PARTIAL, "nothing of them"),
        (
            {"$JS.API.STREAM.INFO.people": denied("$JS.API.STREAM.INFO.people")},
            Verdict.OPEN_PARTIAL,
            "nothing of them",
        ),
        (
            {"$JS.API.STREAM.MSG.GET.people": denied("$JS.API.STREAM.MSG.GET.people")},
            Verdict.OPEN_PARTIAL,
            "not read",
        ),
        ({"$JS.API.STREAM.MSG.GET.people": error(404, 10037)}, Verdict.OPEN, "asked for"),
        ({"$JS.API.STREAM.MSG.GET.people": error(500)}, Verdict.UNDETERMINED, "error"),
        (
            {
                "$JS.API.STREAM.INFO.people": {"state": dict.fromkeys(STATE, 0)},
                "$JS.API.STREAM.MSG.GET.people": error(404, 10037),
            },
            Verdict.OPEN,
            "empty",
        ),
    ],
)
async def test_what_an_answer_means(said: dict[str, Any], verdict: Verdict, word: str) -> None:
    proof = await probe(FakeNats(said))
    assert proof.verdict is verdict
    assert word in proof.reason
    assert "ann" not in proof.reason


async def test_locked() -> None:
    server = FakeNats()
    assert (await probe(server, greeting(auth_required=True))).verdict is Verdict.AUTH_REQUIRED
    assert server.seen == []
    for words in (b"Authorization Violation", b"Authentication Timeout"):
        said = b"-ERR '%b'\r\n" % words
        assert (await probe(FakeNats(pong=said))).verdict is Verdict.AUTH_REQUIRED


async def test_no_inbox_of_our_own() -> None:
    said = b"-ERR 'Permissions Violation for Subscription to \"_INBOX.x\"'\r\n"
    assert (await probe(FakeNats({"$JS.API.STREAM.NAMES": said}))).verdict is Verdict.OPEN_PARTIAL


@pytest.mark.parametrize(
    ("permissions", "can_write"),
    [
        (None, "yes"),
        ({"publish": {"allow": [">"]}}, "yes"),
        ({"publish": {"deny": [">"]}}, "no"),
        ({"publish": {"allow": ["$JS.API.STREAM.NAMES", "$JS.API.STREAM.MSG.GET.>"]}}, "no"),
        ({"publish": {"allow": ["people.>"]}}, "unknown"),
        ({"publish": {"allow": [">"], "deny": ["people.>"]}}, "unknown"),
        ({"publish": {"allow": 5}}, "unknown"),
        ({"subscribe": {}}, "unknown"),
        ("all", "unknown"),
    ],
)
async def test_what_the_server_tells_of_our_permissions(permissions: Any, can_write: str) -> None:
    data = {"user": "", "account": "$G"}
    told = {"data": data if permissions is None else {**data, "permissions": permissions}}
    assert (await probe(FakeNats({"$SYS.REQ.USER.INFO": told}))).can_write == can_write


async def test_the_server_that_demands_tls_gets_it() -> None:
    with pytest.raises(TlsFailed):
        await probe(FakeNats(), greeting(tls_required=True))
    able = ScriptedDialer(FakeNats, greeting=greeting(tls_required=True), tls=True)
    async with connection(ENGINE, able) as link:
        assert (await ENGINE.probe(link)).verdict is Verdict.OPEN
        assert link.tls


async def test_a_recording_played_back_is_never_open() -> None:
    recorded: list[list[Reply]] = []
    server = FakeNats()

    def record(data: bytes) -> list[Reply]:
        recorded.append(server(data))
        return recorded[-1]

    assert (await probe(record)).verdict is Verdict.OPEN
    played = iter(recorded)
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: next(played, None))


# --- not NATS, and hostile -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 ready\r\n",
        b"INFO \r\n",
        b"INFO []\r\n",
        b"INFO {}\r\n",
        b'INFO {"server_id": 5, "max_payload": 5}\r\n',
        b'INFO {"server_id": "N", "max_payload": true}\r\n',
        b"INFO " + b"[" * 20_000 + b"\r\n",
        b"INFO " + b"x" * 70_000,
        b"x" * 40_000 + b"\r\n",
    ],
)
async def test_another_greeting(said: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeNats(), said)


@pytest.mark.parametrize(
    "pong",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"MSG people.1 1 2\r\nhi\r\n",  # of somebody: not asked for
        b"+OK\r\n" * 600,
        b"INFO {}\r\n" * 600,
        b"PING\r\n" * 600,
        b"MSG\r\n",
        b"HMSG a b c d e f g h\r\n",
    ],
)
async def test_talk_instead_of_a_pong(pong: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeNats(pong=pong))


@pytest.mark.parametrize(
    "said",
    [
        b"MSG {inbox}9 1 2\r\n{}\r\n",
        b"MSG {inbox}.x 1 2\r\n{}\r\n",
        b"MSG _INBOX.000000000000000000000000.0 1 2\r\n{}\r\n",
        b"MSG {inbox} 1 -2\r\n{}\r\n",
        b"MSG {inbox} 1 2\r\n{}xx",
        b"MSG {inbox} 1 2\r\n[]\r\n",
        b"MSG {inbox} 1 0\r\n\r\n",
        b"HMSG {inbox} 1 9 2\r\n{}\r\n",
        b"MSG {inbox} 1 2\r\n{}\r\n" * 2,
        b"PONG\r\n" * 600,
        b"MSG {inbox} 1 10000\r\n" + b"[" * 10_000 + b"\r\n",
        {"streams": "people", "total": 1},
        {"streams": ["people"], "total": "1"},
        {"streams": [5], "total": 1},
        {"streams": ["a.b"], "total": 1},
        {"streams": ["*"], "total": 1},
        {"streams": [">"], "total": 1},
        {"streams": ["a b"], "total": 1},
        {"streams": ["a\r\nPUB x 0\r\n"], "total": 1},
        {"total": -1},
        {"total": 2**70},
        {"total": True},
    ],
)
async def test_lies_about_streams(said: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeNats({"$JS.API.STREAM.NAMES": said}))


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("INFO", {}),
        ("INFO", {"state": []}),
        ("INFO", {"state": {**STATE, "messages": "3"}}),
        ("INFO", {"state": {**STATE, "bytes": -3}}),
        ("MSG.GET", {}),
        ("MSG.GET", {"message": []}),
        ("MSG.GET", {"message": {"subject": 5}}),
        ("MSG.GET", {"message": {**MESSAGE, "data": "*"}}),
        ("MSG.GET", {"message": {**MESSAGE, "data": 5}}),
        ("MSG.GET", {"message": {**MESSAGE, "data": "é"}}),
    ],
)
async def test_lies_about_messages(subject: str, said: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeNats({f"$JS.API.STREAM.{subject}.people": said}))


async def test_a_message_larger_than_a_reply_may_be() -> None:
    with pytest.raises(BudgetSpent):
        await probe(FakeNats({"$JS.API.STREAM.NAMES": b"MSG {inbox} 1 999999999\r\n"}))


async def test_a_flood_is_bounded() -> None:
    async with connection(ENGINE, dialer(lambda data: [b"A" * 60_000] * 500)) as link:
        with pytest.raises(NotThisProtocol):
            await ENGINE.probe(link)
        assert link.bytes_read < 256 << 10


async def test_every_split_reads_alike() -> None:
    whole = await probe(FakeNats())
    for size in (1, 2, 3, 7, 100):
        server = FakeNats()

        def script(data: bytes, server: FakeNats = server, size: int = size) -> list[Reply]:
            told = b"".join(part for part in server(data) if isinstance(part, bytes))
            return [told[at : at + size] for at in range(0, len(told), size)]

        assert await probe(script) == whole


@given(st.lists(st.binary(max_size=80), max_size=6), st.booleans())
async def test_any_bytes_end_bounded_and_never_open(pieces: list[bytes], greeted: bool) -> None:
    told: list[Reply] = [piece for piece in pieces if piece]
    try:
        proof = await probe(lambda data: told, greeting() if greeted else b"".join(pieces))
    except LeftopenError:
        return
    assert proof.verdict is not Verdict.OPEN


# --- requests ------------------------------------------------------------------------------------

INBOX = "_INBOX." + "0" * 24 + ".1"


@pytest.mark.parametrize(
    "frame",
    [
        f"PUB people.1 {INBOX} 0\r\n\r\n",
        f"PUB $JS.API.STREAM.CREATE.a {INBOX} 0\r\n\r\n",
        f"PUB $JS.API.STREAM.DELETE.a {INBOX} 0\r\n\r\n",
        f"PUB $JS.API.STREAM.PURGE.a {INBOX} 0\r\n\r\n",
        f"PUB $JS.API.STREAM.MSG.DELETE.a {INBOX} 9\r\n" + '{"seq":1}\r\n',
        f"PUB $JS.API.CONSUMER.CREATE.a {INBOX} 0\r\n\r\n",
        f"PUB $JS.API.STREAM.INFO.a.b {INBOX} 0\r\n\r\n",
        f"PUB $JS.API.STREAM.INFO.> {INBOX} 0\r\n\r\n",
        "PUB $JS.API.STREAM.INFO.a people.1 0\r\n\r\n",  # the reply would be a message to others
        f"PUB $JS.API.STREAM.INFO.a {INBOX} 0\r\n\r\nPUB x 0\r\n\r\n",
        f"PUB $JS.API.STREAM.INFO.a {INBOX} 5\r\n\r\n",
        f"PUB $JS.API.STREAM.MSG.GET.a {INBOX} 26\r\n" + '{"seq":1,"batch":10000000}\r\n',
        "SUB > 1\r\n",
        "SUB _INBOX.> 1\r\n",
        "SUB people.* 1\r\n",
        'CONNECT {"user":"a","pass":"b"}\r\n',
        "UNSUB 1\r\n",
        "HPUB a 0 0\r\n\r\n",
        "",
    ],
)
def test_nothing_else_has_a_name(frame: str) -> None:
    with pytest.raises(RequestNotAllowed):
        name_of(frame.encode())


def test_connect_names_nobody() -> None:
    told = json.loads(CONNECT[8:])
    assert not {"user", "pass", "auth_token", "jwt", "nkey", "sig", "name"} & set(told)


@pytest.mark.parametrize(
    "name", ["", "a.b", "a*", ">", "a b", "a\r\n", "a/b", "\x00", "x" * 256, 5]
)
def test_what_is_no_name_of_a_stream(name: object) -> None:
    assert not is_stream(name)


async def test_requests_carry_the_names_of_what_was_sent() -> None:
    made = dialer(FakeNats())
    async with connection(ENGINE, made) as link:
        await ENGINE.probe(link)
        assert set(link.requests) == ENGINE.requests - {"PONG"}
    text = b"".join(made.sent).decode()
    inboxes = set(re.findall(r"_INBOX\.([0-9a-f]{24})", text))
    assert len(inboxes) == 1


# --- collections and samples ---------------------------------------------------------------------


async def test_streams_come_in_pages_and_the_fullest_first() -> None:
    names = [f"s{n}" for n in range(30)]

    class Paged(FakeNats):
        def __call__(self, data: bytes) -> list[Reply]:
            asked = re.search(rb'"offset":(\d+)', data)
            at = int(asked[1]) if asked else 0
            self.api["$JS.API.STREAM.NAMES"] = {"total": 30, "streams": names[at : at + 11]}
            return super().__call__(data)

    said = {f"$JS.API.STREAM.INFO.s{n}": {"state": {**STATE, "messages": n}} for n in range(30)}
    async with connection(ENGINE, dialer(Paged(said))) as link:
        told = await ENGINE.collections(link)
    assert [c.name for c in told] == list(reversed(names))
    limits = StoreLimits(collections=5)
    async with connection(ENGINE, dialer(Paged(said)), limits) as link:
        assert len(await ENGINE.collections(link)) == 5


async def test_a_sample_is_bounded_in_rows_and_bytes() -> None:
    huge = {**STATE, "messages": 2**62, "last_seq": 2**62}
    said: dict[str, Any] = {"$JS.API.STREAM.INFO.people": {"state": huge}}
    for limits, most in ((StoreLimits(rows=7), 7), (StoreLimits(rows=200, bytes=100_000), 99)):
        async with connection(ENGINE, dialer(FakeNats(said)), limits) as link:
            (people,) = await ENGINE.collections(link)
            batches = [batch async for batch in ENGINE.sample(link, people, limits)]
            assert 0 < sum(batch.num_rows for batch in batches) <= most
            assert set(batches[0].schema.names) == {"value.email", "@subject", "@time"}


async def test_a_stream_whose_messages_are_all_gone_ends() -> None:
    said = {"$JS.API.STREAM.MSG.GET.people": error(404, 10037)}
    async with connection(ENGINE, dialer(FakeNats(said))) as link:
        (people,) = await ENGINE.collections(link)
        assert [batch async for batch in ENGINE.sample(link, people, LIMITS)] == []


async def test_a_peer_that_hangs_up() -> None:
    with pytest.raises(PeerClosed):
        await probe(lambda data: None)


async def test_a_trickle_of_something_else_is_told_by_its_first_bytes() -> None:
    async with connection(ENGINE, dialer(lambda data: None, b"INFX")) as link:
        with pytest.raises(NotThisProtocol):
            await ENGINE.probe(link)


# --- what it knows for nothing -------------------------------------------------------------------


INFO = "$JS.API.STREAM.INFO.people"


async def told(said: Mapping[str, Any]) -> tuple[Any, Any]:
    async with connection(ENGINE, dialer(FakeNats(said))) as link:
        since = await ENGINE.since(link)
        collections = await ENGINE.collections(link)
        return since, await ENGINE.marks(link, collections)


@pytest.mark.parametrize(
    ("created", "there"),
    [
        ("2026-11-01T02:50:01.845765123Z", True),
        ("9999-01-01T00:00:00Z", False),
        ("0001-01-01T00:00:00+14:00", False),
        (17, False),
        (None, False),
        ("soon", False),
        ([[]], False),
    ],
)
async def test_when_a_stream_was_made(created: Any, there: bool) -> None:
    since, marks = await told({INFO: {"config": {}, "state": STATE, "created": created}})
    assert (since is not None) == there
    assert since is None or since.how == "created"
    assert marks == {"people": Mark(records=3, changes=3)}


@pytest.mark.parametrize("wrong", [-1, 2**63, "3", None, 3.0, True])
async def test_a_state_that_is_none(wrong: Any) -> None:
    async with connection(ENGINE, dialer(FakeNats())) as link:
        collections = await ENGINE.collections(link)
    state = {**STATE, "last_seq": wrong}
    async with connection(ENGINE, dialer(FakeNats({INFO: {"state": state}}))) as link:
        with pytest.raises(NotThisProtocol):
            await ENGINE.marks(link, collections)


async def test_a_stream_that_has_gone_has_no_marks() -> None:
    async with connection(ENGINE, dialer(FakeNats())) as link:
        collections = await ENGINE.collections(link)
    async with connection(ENGINE, dialer(FakeNats({INFO: error(404)}))) as link:
        assert await ENGINE.marks(link, collections) == {}
