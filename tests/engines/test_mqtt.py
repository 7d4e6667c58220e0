"""The mqtt engine against scripted brokers: verdicts, lies, floods, and what it may send."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engines.mqtt import (
    CLIENTS,
    CONNECT,
    DISCONNECT,
    ENGINE,
    PINGREQ,
    RETAINED,
    STORED,
    TOPICS,
    VERSION,
    names,
    subscribe,
)
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NotThisProtocol,
    PeerClosed,
    RequestNotAllowed,
    ServerRefused,
    Silent,
)
from leftopen.model import Verdict
from leftopen.net.scripted import Reply, ScriptedDialer
from leftopen.testing import LIMITS, connection
from tests.engines.asking import prober, scripted

FIGURES = {VERSION: b"mosquitto version 2.0.11", RETAINED: b"47", CLIENTS: b"3"}
OK = b"\x20\x02\x00\x00"


def publish(topic: str, payload: bytes, kind: int = 0x31) -> bytes:
    body = struct.pack("!H", len(topic)) + topic.encode() + payload
    return bytes([kind, len(body)]) + body


class FakeBroker:
    """Answers as Mosquitto does; `grant` is the SUBACK code, `late` sends figures after it."""

    def __init__(
        self,
        figures: Mapping[str, bytes] = FIGURES,
        *,
        connack: bytes = OK,
        grant: int = 0,
        late: bool = False,
        extra: bytes = b"",
        shift: int = 0,
    ) -> None:
        self.figures, self.connack, self.grant = figures, connack, grant
        self.late, self.extra, self.shift = late, extra, shift
        self.seen: list[bytes] = []

    def __call__(self, data: bytes) -> list[Reply]:
        if not data:
            return []
        self.seen.append(data)
        told = b"".join(publish(topic, value) for topic, value in self.figures.items())
        if data == CONNECT:
            return [self.connack]
        if data == PINGREQ:
            return [b"\xd0\x00", told] if self.late else [b"\xd0\x00"]
        if data[0] != 0x82:
            return []
        identifier = (int.from_bytes(data[2:4], "big") + self.shift) & 0xFFFF
        if data[1] >= 0x80:
            identifier = (int.from_bytes(data[3:5], "big") + self.shift) & 0xFFFF
        count = 1 if len(self.seen) == 2 else len(TOPICS) - 1
        ack = struct.pack("!BBH", 0x90, count + 2, identifier) + bytes([self.grant] * count)
        first = len(self.seen) == 2 and not self.late and self.grant == 0
        return [ack + (told if first else b"") + self.extra]


probe = prober(ENGINE, LIMITS, scripted)


async def test_open() -> None:
    proof = await probe(FakeBroker())
    assert (proof.verdict, proof.product, proof.version, proof.can_write) == (
        Verdict.OPEN, "mosquitto", "2.0.11", "unknown",
    )  # fmt: skip


async def test_open_where_figures_come_after_the_ping() -> None:
    assert (await probe(FakeBroker({VERSION: FIGURES[VERSION]}, late=True))).verdict is Verdict.OPEN


@pytest.mark.parametrize(
    "figures",
    [
        {},
        {VERSION: b"<b>ann@example.org</b>"},
        {RETAINED: b"many"},
        {RETAINED: b"9" * 60},
        {RETAINED: "٣".encode()},  # a digit, but not one of ASCII
        {CLIENTS: b"-1"},
    ],
)
async def test_figures_that_say_nothing_are_no_proof(figures: dict[str, bytes]) -> None:
    proof = await probe(FakeBroker(figures))
    assert (proof.verdict, proof.version) == (Verdict.OPEN_PARTIAL, None)
    assert "ann" not in proof.reason


async def test_silence_after_the_ping_is_told_nothing() -> None:
    broker = FakeBroker({})

    def script(data: bytes) -> list[Reply]:
        return [*broker(data), Silent()] if data == PINGREQ else broker(data)

    assert (await probe(script)).verdict is Verdict.OPEN_PARTIAL


async def test_refused_figures_are_open_partial() -> None:
    assert (await probe(FakeBroker(grant=0x80))).verdict is Verdict.OPEN_PARTIAL


@pytest.mark.parametrize(
    ("connack", "verdict"),
    [
        (b"\x20\x02\x00\x01", Verdict.UNDETERMINED),
        (b"\x20\x02\x00\x02", Verdict.UNDETERMINED),
        (b"\x20\x02\x00\x03", Verdict.UNDETERMINED),
        (b"\x20\x02\x00\x04", Verdict.AUTH_REQUIRED),
        (b"\x20\x02\x00\x05", Verdict.AUTH_REQUIRED),
        (b"\x20\x03\x00\x84\x00", Verdict.UNDETERMINED),  # MQTT 5 only
        (b"\x20\x03\x00\x87\x00", Verdict.AUTH_REQUIRED),
        (b"\x20\x03\x00\x8a\x00", Verdict.ACL_CLOSED),
    ],
)
async def test_refused_connections(connack: bytes, verdict: Verdict) -> None:
    broker = FakeBroker(connack=connack)
    assert (await probe(broker)).verdict is verdict
    assert broker.seen == [CONNECT]
    async with connection(ENGINE, ScriptedDialer(lambda: broker)) as link:
        with pytest.raises(ServerRefused) as refused:
            await ENGINE.collections(link)
    assert refused.value.code == str(connack[3])


@pytest.mark.parametrize("shift", [1, 255, 4_711])
async def test_a_suback_for_another_packet_is_no_proof(shift: int) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeBroker(shift=shift))


async def test_a_recording_played_back_is_never_open() -> None:
    recorded: list[list[Reply]] = []
    broker = FakeBroker()

    def record(data: bytes) -> list[Reply]:
        recorded.append(broker(data))
        return recorded[-1]

    assert (await probe(record)).verdict is Verdict.OPEN
    for _ in range(20):
        played = iter(recorded)
        with pytest.raises(NotThisProtocol):
            await probe(lambda data, played=played: next(played, None))


@pytest.mark.parametrize(
    "extra",
    [
        publish("homes/7/heart", b"71"),  # a message of somebody: not asked for
        publish(VERSION, b"x", kind=0x33),  # QoS 1
        publish(VERSION, b"x", kind=0x39),  # sent again
        b"\x90\x03\x00\x00\x00",  # a SUBACK of packet 0
        b"\x20\x02\x00\x00",  # a second CONNACK
        b"\xd0\x01x",
        b"\x31\xff\xff\xff\xff\x01",
        b"\x31\xff\xff\xff\x7f",
        b"\x31\x80\x10",
        b"\x10\x0c\x00\x04MQTT",  # an echo
        b"\x31\x01\x00",
        publish(VERSION, b"1") * 70,
    ],
)
async def test_what_was_not_asked_for_ends_it(extra: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeBroker(extra=extra))


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"-ERR unknown command\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 ready\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x20\x02\x01\x00",  # a session although it was to be a clean one
        b"\x20\x03\x00\x00\x00",
        b"\x20\x00",
        CONNECT,
    ],
)
async def test_another_protocol(said: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: said)


async def test_a_flood_is_bounded() -> None:
    async with connection(
        ENGINE, ScriptedDialer(lambda: lambda data: [OK, *[publish(VERSION, b"1") * 2_000] * 500])
    ) as link:
        with pytest.raises(NotThisProtocol):
            await ENGINE.probe(link)
        assert link.bytes_read < 128 << 10


async def test_a_packet_cut_off() -> None:
    for end in range(1, 4):
        with pytest.raises(PeerClosed):
            await probe(lambda data, end=end: [OK[:end], None])


async def test_a_tiny_reply_limit_is_kept() -> None:
    with pytest.raises((BudgetSpent, NotThisProtocol)):
        await probe(FakeBroker(), StoreLimits(reply_bytes=10))


async def test_every_split_reads_alike() -> None:
    whole = await probe(FakeBroker())

    def in_bytes(broker: FakeBroker, data: bytes) -> list[Reply]:
        told = b"".join(part for part in broker(data) if isinstance(part, bytes))
        return [told[at : at + 1] for at in range(len(told))]

    broker = FakeBroker()
    assert await probe(lambda data: in_bytes(broker, data)) == whole


@given(st.lists(st.binary(max_size=60), max_size=6))
async def test_any_bytes_after_connack_end_bounded_and_never_open(pieces: list[bytes]) -> None:
    told: list[Reply] = [OK, *(p for p in pieces if p)]
    try:
        proof = await probe(lambda data: told if data == CONNECT else [])
    except LeftopenError:
        return
    assert proof.verdict is not Verdict.OPEN


async def test_what_is_sent_is_literal_and_ends_with_a_farewell() -> None:
    broker = FakeBroker()
    async with connection(ENGINE, ScriptedDialer(lambda: broker)) as link:
        await ENGINE.probe(link)
        assert set(link.requests) == ENGINE.requests
    first, *rest = broker.seen
    assert (first, rest[-1]) == (CONNECT, DISCONNECT)
    assert first[10:] == b"\x00\x3c\x00\x00"  # no client id, and nothing after it: no login
    assert not first[9] & 0b1100_0000  # neither user name nor password


async def test_the_farewell_is_said_after_a_lie_too() -> None:
    broker = FakeBroker(extra=publish("homes/7/heart", b"71"))
    with pytest.raises(NotThisProtocol):
        await probe(broker)
    assert broker.seen[-1] == DISCONNECT


@pytest.mark.parametrize(
    "packet",
    [
        subscribe(1, ["#"]),
        subscribe(1, ["$SYS/#"]),
        subscribe(1, ["homes/+/heart"]),
        subscribe(1, [VERSION, "homes/7/heart"]),
        subscribe(1, []),
        subscribe(1, TOPICS)[:-1],
        subscribe(1, TOPICS) + b"\x00",
        publish("homes/7/heart", b"0"),
        publish(VERSION, b"", kind=0x30),
        b"\xa2\x04\x00\x01\x00\x00",  # UNSUBSCRIBE
        CONNECT[:9] + b"\xc2" + CONNECT[10:],  # with a login
        CONNECT[:9] + b"\x00" + CONNECT[10:],  # with a session that is kept
        CONNECT[:9] + b"\x06" + CONNECT[10:],  # with a last will
        CONNECT + PINGREQ,
        b"\x82",
        b"\x00",
    ],
)
def test_nothing_else_has_a_name(packet: bytes) -> None:
    with pytest.raises(RequestNotAllowed):
        names(packet)


async def test_one_collection_with_the_figure_of_the_broker() -> None:
    for figures, records in (
        (FIGURES, 47),
        ({STORED: b"9"}, 9),
        ({RETAINED: b"x", STORED: b"9"}, 9),
        ({CLIENTS: b"3"}, None),
    ):
        async with connection(ENGINE, ScriptedDialer(lambda f=figures: FakeBroker(f))) as link:  # type: ignore[misc]  # a default argument binds the figures of this round
            (told,) = await ENGINE.collections(link)
            assert (told.name, told.records, told.bytes) == ("retained messages", records, None)
            assert [batch async for batch in ENGINE.sample(link, told, LIMITS)] == []
