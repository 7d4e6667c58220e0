"""The kafka engine against scripted brokers: verdicts, lies, bounds, and what it may ask."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import struct
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines import _kafka_wire as wire
from leftopen.engines._kafka_records import MAX_UNPACKED, document, records
from leftopen.engines.kafka import DRAWS, ENGINE, Note, _places
from leftopen.errors import BudgetSpent, NotThisProtocol, PeerClosed, RequestNotAllowed
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.net.scripted import Reply, ScriptedDialer
from leftopen.testing import connection
from tests.engines.asking import prober, reader, scripted
from tests.rows.kafka import Broker, array, avro, batch

LIMITS = StoreLimits(bytes=8 << 20, reply_bytes=1 << 20, seconds=10, rows=100)


probe = prober(ENGINE, LIMITS, scripted)


read = reader(ENGINE, LIMITS, scripted)


# --- verdicts ------------------------------------------------------------------------------------


async def test_open() -> None:
    reason = "a topic's records were read without credentials"
    assert await probe(Broker()) == Proof(Verdict.OPEN, reason, None, "kafka", "unknown")


ALL = 0b1_1111_1111_1000
SHOWN = ("people", 0, False, ALL)
TOPIC = b"\x00\x06people"


@pytest.mark.parametrize(
    ("said", "verdict", "can_write"),
    [
        ({"topics": (SHOWN,)}, Verdict.OPEN, "yes"),
        ({"topics": (("people", 0, False, 1 << 8),)}, Verdict.OPEN, "unknown"),
        ({"topics": (("people", 0, False, 1 << 8),), "cluster_operations": 0}, Verdict.OPEN, "no"),
        ({"topics": (), "cluster_operations": 1 << 5}, Verdict.OPEN, "yes"),
        ({"topics": (("__consumer_offsets", 0, True, 0),)}, Verdict.OPEN, "unknown"),
        ({"topics": (), "made_up_error": 29}, Verdict.ACL_CLOSED, "unknown"),
        ({"topics": (("people", 29, False, 0),), "made_up_error": 29}, Verdict.ACL_CLOSED,
         "unknown"),
        ({"offset_error": 29}, Verdict.OPEN_PARTIAL, "unknown"),
        ({"offset_error": 6}, Verdict.OPEN_PARTIAL, "unknown"),
        ({"fetch_error": 29, "records": b""}, Verdict.OPEN_PARTIAL, "unknown"),
        ({"fetch_error": 9, "records": b""}, Verdict.UNDETERMINED, "unknown"),
        ({"records": b""}, Verdict.OPEN, "unknown"),
        ({"listed": False}, Verdict.AUTH_REQUIRED, "unknown"),
        ({"listed": False, "handshake": struct.pack("!h", 34) + array()}, Verdict.UNDETERMINED,
         "unknown"),
        ({"listed": False, "handshake": struct.pack("!h", 33) + array()}, Verdict.UNDETERMINED,
         "unknown"),
        ({"versions": {18: (0, 3), 3: (9, 12), 1: (12, 16), 2: (7, 8)}}, Verdict.UNDETERMINED,
         "unknown"),
    ],
)  # fmt: skip
async def test_verdicts(said: dict[str, Any], verdict: Verdict, can_write: str) -> None:
    proof = await probe(Broker(**said))
    assert (proof.verdict, proof.can_write) == (verdict, can_write)


async def test_a_broker_that_ends_and_tells_no_mechanism_is_not_called_locked() -> None:
    with pytest.raises(PeerClosed):
        await probe(Broker(listed=False, handshake=None))


async def test_the_made_up_mechanism_is_no_known_one_and_nothing_follows() -> None:
    broker = Broker(listed=False)
    await probe(broker)
    keys = [key for key, _ in broker.asked]
    assert keys == [wire.API_VERSIONS, wire.METADATA, wire.SASL_HANDSHAKE]
    assert broker.asked[-1][1].startswith(b"\x00\x11LEFTOPEN-")


async def test_of_a_long_list_of_topics_the_beginning_is_read() -> None:
    topics = tuple((f"people{n:06}", 0, False, ALL) for n in range(20_000))
    dialer = ScriptedDialer(lambda: Broker(topics=topics))
    async with connection(ENGINE, dialer, LIMITS) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 90_000  # of 1.2 MB
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "yes")


async def test_no_other_address_is_dialled() -> None:
    broker = Broker()  # it advertises broker.example:9092
    dialer = ScriptedDialer(lambda: broker)
    async with connection(ENGINE, dialer, LIMITS) as link:
        await ENGINE.probe(link)
        target = link.target
    assert set(dialer.targets) == {target}


# --- what is no Kafka ----------------------------------------------------------------------------


async def test_a_recording_played_back_is_not_open() -> None:
    said: list[bytes] = []
    broker = Broker()

    def keep(data: bytes) -> bytes:
        told = broker(data)
        assert told is not None
        said.append(told)
        return told

    assert (await probe(keep)).verdict is Verdict.OPEN
    answers = iter(said)
    with pytest.raises(NotThisProtocol):
        await probe(lambda _: next(answers))
    # and with the correlation ids put right, the topic that was made up is still missing
    again = iter(said)
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: (told := next(again))[:4] + data[8:12] + told[8:])


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-ERR unknown command\r\n", b"\x00" * 64, b"\xff" * 64],
)
async def test_other_answers_are_of_another_protocol(answer: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda _: answer)


async def test_an_echo_is_no_kafka() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: data)
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: struct.pack("!i", 40) + data[8:12] + bytes(36))


@pytest.mark.parametrize("at", range(1, 5))
async def test_answers_cut_short(at: int) -> None:
    turns = itertools.count(1)
    broker = Broker(handshake=None)

    def cut(data: bytes) -> Reply:
        told = broker(data)
        if told is None or next(turns) != at:
            return told
        length = struct.pack("!i", len(told) // 2)
        return length + told[4 : 4 + len(told) // 2]

    with pytest.raises(NotThisProtocol):
        await probe(cut)


async def test_an_answer_beyond_the_limit_is_not_read() -> None:
    broker = Broker()

    def endless(data: bytes) -> Reply:
        told = broker(data)
        assert told is not None
        return told if broker.asked[-1][0] == wire.API_VERSIONS else b"\x7f\xff\xff\xff" + told[4:]

    with pytest.raises(BudgetSpent):
        await probe(endless)


# --- reading -------------------------------------------------------------------------------------


async def test_what_is_in_it() -> None:
    collection, found = (await read(Broker()))["people"]
    assert collection.records == 1
    assert [row["value.name"] for row in found] == ["Ann Lee"]


async def test_system_topics_are_left_out() -> None:
    hidden = ("__consumer_offsets", "_schemas", "_confluent-metrics")
    topics = [*((name, 0, False, 0) for name in hidden), ("odd", 0, True, 0), SHOWN]
    assert list(await read(Broker(topics=tuple(topics)))) == ["people"]


async def test_no_more_rows_than_wanted_and_batches_without_end_do_end() -> None:
    class Long(Broker):
        last = 100

        def offsets(self, body: bytes) -> bytes:
            told = super().offsets(body)
            return told[:-8] + struct.pack("!q", self.last) if told[-1] else told

    _, found = (await read(Long(records=batch(*[b"x"] * 60) * 3)))["people"]
    assert len(found) == LIMITS.rows
    broker = Long(records=b"", last=1 << 40)
    _, found = (await read(broker))["people"]
    assert found == []
    assert len(broker.asked) < 20


def test_places_cover_large_topics_and_never_leave_them() -> None:
    note = Note(((0, 5, 1_000), (1, 0, 0), (2, 100, 5_000)))
    assert _places(Note(((0, 5, 50), (1, 7, 7))), 100) == [(0, 5, 50)]
    for _ in range(200):
        places = _places(note, 80)
        assert len(places) == DRAWS
        held = {number: (start, end) for number, start, end in note.partitions}
        for number, start, end in places:
            assert held[number][0] <= start < end <= held[number][1]


# --- what may be asked ---------------------------------------------------------------------------


def payload(key: int, version: int, body: bytes) -> bytes:
    content = struct.pack("!hhi", key, version, 1) + b"\x00\x08leftopen" + body
    return struct.pack("!i", len(content)) + content


READS = (wire.FETCH, wire.LIST_OFFSETS, wire.METADATA, wire.API_VERSIONS, wire.SASL_HANDSHAKE)


@pytest.mark.parametrize("key", sorted(set(range(90)) - set(READS)))
def test_no_other_kind_of_request(key: int) -> None:
    with pytest.raises(RequestNotAllowed):
        wire.request_name(payload(key, 0, b""))


@pytest.mark.parametrize(
    ("key", "version", "body"),
    [
        (wire.METADATA, 8, b"\xff\xff\xff\xff\x01\x01\x01"),  # makes a topic
        (wire.METADATA, 4, b"\x00\x00\x00\x01" + TOPIC + b"\x00"),
        (wire.METADATA, 1, b"\xff\xff\xff\xff"),
        (wire.FETCH, 4, b"\x00\x00\x00\x01" + bytes(20)),  # as a replica
        (wire.LIST_OFFSETS, 1, b"\x00\x00\x00\x01" + bytes(20)),
        (wire.SASL_HANDSHAKE, 1, b"\x00\x05PLAIN"),
    ],
)
def test_none_that_does_more_than_read(key: int, version: int, body: bytes) -> None:
    with pytest.raises(RequestNotAllowed):
        wire.request_name(payload(key, version, body))


# --- records -------------------------------------------------------------------------------------


def test_from_an_offset_on() -> None:
    data = batch(b"one", b"two", b"three")
    found, after = records(data, 1)
    assert [record.value for record in found] == [b"two", b"three"]
    assert after == 3
    assert records(data[:-1]) == ([], 0)  # a batch that was cut off
    assert records(batch(b"one", attributes=0x20)) == ([], 1)  # the end of a transaction
    old = bytes(16) + b"\x01" + data[17:]
    assert records(old) == ([], 0)


def test_a_batch_that_becomes_too_large_is_refused() -> None:
    bomb = gzip.compress(bytes(MAX_UNPACKED + 1))
    snappy = pa.compress(bytes(MAX_UNPACKED + 1), "snappy", asbytes=True)
    for codec, packed in ((1, bomb), (2, snappy), (2, b"\xff\xff\xff\xff\x07" + bytes(9))):
        with pytest.raises(NotThisProtocol):
            records(batch(b"x", attributes=codec, packed=packed))


@pytest.mark.parametrize("codec", [1, 2, 3, 4, 5, 7])
def test_what_cannot_be_decompressed_is_refused(codec: int) -> None:
    with pytest.raises(NotThisProtocol):
        records(batch(b"x", attributes=codec, packed=b"\x05not compressed"))


@given(st.binary(max_size=200), st.integers(0, 7), st.integers(0, 200))
def test_any_bytes_are_records_or_refused(data: bytes, codec: int, cut: int) -> None:
    for told in (data, batch(b"x", attributes=codec, packed=data), batch(b"abc", data[:49])[:cut]):
        with contextlib.suppress(NotThisProtocol):
            for record in records(told)[0]:
                document(record)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_refused(data: bytes) -> None:
    for parse in (
        wire.versions,
        wire.mechanisms,
        wire.offsets,
        lambda answer: wire.metadata(answer, 8),
        lambda answer: wire.metadata(answer, 4),
        lambda answer: wire.fetched(answer, "", 0),
    ):
        with contextlib.suppress(NotThisProtocol):
            parse(wire.Cursor(data))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"plain", "plain"),
        (b"\xff\xfe", b"\xff\xfe"),
        (avro("Ann Lee", "é" * 40), ["Ann Lee", "é" * 40]),
        (avro("Ann Lee") + b"\xff\x01", ["Ann Lee"]),
        (b"\x00\x00\x00\x00\x07" + b'{"a": 1}', '{"a": 1}'),
        (b"\x00\x00\x00\x00\x07\xff\xff", b"\x00\x00\x00\x00\x07\xff\xff"),
    ],
)
def test_values(value: bytes, told: object) -> None:
    ((record,), _) = records(batch(b"x"))
    assert document(record.__class__(record.moment, None, value, ()))["value"] == told


# --- what it knows for nothing -------------------------------------------------------------------


class Offsets(Broker):
    """Gives these pairs of moment and offset for each request of offsets, one after the other."""

    pairs: tuple[tuple[int, int], ...] = ()

    def offsets(self, body: bytes) -> bytes:
        (moment, offset), *self.pairs = self.pairs or ((-1, -1),)  # type: ignore[assignment]
        part = struct.pack("!ihqq", 0, self.offset_error, moment, offset)
        return array(wire.string("people") + array(part))


PEOPLE = Collection("people", 1, None, Note(((0, 0, 1),)))
NOON = datetime(2026, 11, 22, 12)  # noqa: DTZ001  moments are UTC without a zone


@pytest.mark.parametrize(
    ("moment", "there"),
    [(1_790_000_000_000, True), (-1, False), (0, False), (5, False), (2**63 - 1, False)],
)
async def test_the_oldest_record_is_believed_where_it_can_be_true(moment: int, there: bool) -> None:
    async with connection(ENGINE, scripted(Offsets(pairs=((moment, 0),))), LIMITS) as link:
        since = await ENGINE.since(link)
    assert (since is not None) == there


@pytest.mark.parametrize(
    ("offset", "error", "marks"),
    [
        (7, 0, {"people": Mark(changes=7)}),
        (2**63 - 1, 0, {"people": Mark(changes=2**63 - 1)}),
        (-7, 0, {}),
        (7, 6, {}),
    ],
)
async def test_marks_of_what_is_led_here(offset: int, error: int, marks: Any) -> None:
    broker = Offsets(pairs=((-1, offset),), offset_error=error)
    async with connection(ENGINE, scripted(broker), LIMITS) as link:
        assert await ENGINE.marks(link, [PEOPLE]) == marks


@pytest.mark.parametrize(
    ("offsets", "count"),
    [
        ((5, 9, 20), 4),
        ((5, -1, 20), 15),
        ((-1, -1, 20), 0),
        ((9, 5, 20), 0),
        ((5, 9, -1), None),
        ((0, 2**63 - 1, 0), 2**63 - 1),
    ],
)
async def test_counts_between_moments(offsets: tuple[int, ...], count: int | None) -> None:
    broker = Offsets(pairs=tuple((-1, offset) for offset in offsets))
    async with connection(ENGINE, scripted(broker), LIMITS) as link:
        end = NOON + timedelta(hours=1)
        assert await ENGINE.count_between(link, PEOPLE, "time", NOON, end) == count


async def test_moments_before_1970_are_none() -> None:
    broker = Offsets(pairs=((-1, 5), (-1, 9), (-1, 20)))
    async with connection(ENGINE, scripted(broker), LIMITS) as link:
        await ENGINE.count_between(link, PEOPLE, "time", datetime(1900, 1, 1), NOON)  # noqa: DTZ001
    asked = [int.from_bytes(body[-8:], signed=True) for _, body in broker.asked]
    assert asked[0] == 0  # never one of the numbers that mean something else
    assert asked[2] == wire.LATEST
