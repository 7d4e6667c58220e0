"""MQTT brokers: Mosquitto and others that speak MQTT 3.1.1.

The exchange: CONNECT with a clean session, an empty client id and no login; two SUBSCRIBE packets
with random packet ids for a few literal `$SYS` topics, and a PINGREQ, which comes back only
after them; DISCONNECT. No topic of a user is ever subscribed, so that no message of anybody is
read; nothing is published.

* OPEN: CONNACK 0, both packet ids echoed, and at least one `$SYS` figure that parses. The number of
  retained messages is the broker's own and includes its `$SYS` topics, so that "empty" cannot be
  told.
* OPEN_PARTIAL: anyone may connect, but `$SYS` is refused (SUBACK 0x80) or tells nothing.
* ACL_CLOSED: CONNACK says that this client is banned. UNDETERMINED: it refuses for another reason.
* AUTH_REQUIRED: CONNACK 4 (bad user name or password) or 5 (not authorized).

That a connection is accepted proves nothing by itself. What a client may publish is told nowhere in
MQTT 3.1.1: `can_write` is unknown.

Sources: OASIS MQTT Version 3.1.1, sections 2.2, 3.1, 3.2, 3.3, 3.8, 3.9, 3.12 and 3.14
(https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/); reason codes above 0x80 as in MQTT Version 5.0,
section 3.2.2.2; the `$SYS` topics in mosquitto(8), "Broker Status".
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.errors import BudgetSpent, NetError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection

VERSION = "$SYS/broker/version"
RETAINED = "$SYS/broker/retained messages/count"
STORED = "$SYS/broker/messages/stored"
SUBSCRIPTIONS = "$SYS/broker/subscriptions/count"
CLIENTS = "$SYS/broker/clients/total"
TOPICS = (VERSION, RETAINED, STORED, SUBSCRIPTIONS, CLIENTS)

MAX_PACKET = 1_024  # bytes after the fixed header; a `$SYS` figure takes some sixty
MAX_PACKETS = 64  # in one exchange, a dozen are due
_LATE_SECONDS = 1.0  # brokers other than Mosquitto may send retained messages after the PINGRESP

CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"  # level 4, clean session, 60 s, no id
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
_PLAIN = {CONNECT: "CONNECT", PINGREQ: "PINGREQ", DISCONNECT: "DISCONNECT"}
_CONNACK, _PUBLISH, _SUBACK, _PINGRESP = 0x20, 0x30, 0x90, 0xD0
_LATER = (_PUBLISH, _PUBLISH | 0x01, _SUBACK, _PINGRESP)  # 0x01: a message that was retained
_NO_LOGIN = {4, 5, 0x86, 0x87, 0x8C}
_BANNED = 0x8A


@dataclass(frozen=True, slots=True)
class _Told:
    """What the broker says of itself: the subscriptions granted, and the payload of each topic."""

    granted: int
    figures: Mapping[str, bytes]

    def count(self, topic: str) -> int | None:
        """The number a topic holds, None where it holds none."""
        text = self.figures.get(topic, b"")
        return int(text) if text.isdigit() and len(text) <= 18 else None

    @property
    def product(self) -> tuple[str | None, str | None]:
        """Product and version, as far as the broker states them in the known form."""
        name, _, version = self.figures.get(VERSION, b"").partition(b" version ")
        if name != b"mosquitto":
            return None, None
        return "mosquitto", clean_version(version.decode("latin-1"))

    @property
    def parsed(self) -> bool:
        return self.product[0] is not None or any(self.count(t) is not None for t in TOPICS)


class Mqtt:
    """The engine; it keeps no state."""

    name = "mqtt"
    ports: tuple[int, ...] = (1883, 8883)
    speaks = Speaks.ANSWERS
    verified: Literal["real", "scripted"] = "real"
    reads = "the broker's own counts ($SYS); no message of anybody is read"
    requests = frozenset({*_PLAIN.values(), *(f"SUBSCRIBE {topic}" for topic in TOPICS)})

    async def probe(self, connection: Connection) -> Proof:
        """OPEN where a client without a name may connect and is told the broker's figures."""
        code = await _connect(connection)
        if code in _NO_LOGIN:
            return Proof(
                Verdict.AUTH_REQUIRED, f"refuses a client without a login (CONNACK {code})"
            )
        if code == _BANNED:
            return Proof(Verdict.ACL_CLOSED, f"refuses this client's address (CONNACK {code})")
        if code:
            reason = f"speaks MQTT, but refuses the connection for another reason (CONNACK {code})"
            return Proof(Verdict.UNDETERMINED, reason)
        told = await _told(connection)
        if not told.granted:
            reason = "anyone may connect, but the broker refuses its own figures ($SYS)"
            return Proof(Verdict.OPEN_PARTIAL, reason)
        if not told.parsed:
            reason = "anyone may connect, but the broker tells no figures of itself ($SYS)"
            return Proof(Verdict.OPEN_PARTIAL, reason)
        product, version = told.product
        reason = "anyone may connect and subscribe without a login; the broker told its figures"
        return Proof(Verdict.OPEN, reason, version, product)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """One line: how many messages the broker keeps, its own `$SYS` ones among them."""
        code = await _connect(connection)
        if code:
            raise ServerRefused("the broker refuses the connection", code=str(code))
        told = await _told(connection)
        kept = told.count(RETAINED)
        return [Collection("retained messages", told.count(STORED) if kept is None else kept)]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Nothing: to read messages is to subscribe to what others send, which is not done."""
        del connection, collection, limits
        nothing: Sequence[pa.RecordBatch] = ()
        for batch in nothing:
            yield batch


ENGINE = Mqtt()


# --- the exchange --------------------------------------------------------------------------------


async def _connect(connection: Connection) -> int:
    """Send CONNECT; the code of its CONNACK. Raises NotThisProtocol."""
    await _send(connection, CONNECT)
    _, body = await _packet(connection, (_CONNACK,))
    if len(body) < 2 or body[0] != 0:  # no session can be present: it is clean
        raise NotThisProtocol("the peer does not answer CONNECT as a broker does")
    if len(body) > 2 and body[1] < 0x80:  # only refusals of MQTT 5 are longer
        raise NotThisProtocol("the CONNACK has a length that MQTT does not know")
    return body[1]


async def _told(connection: Connection) -> _Told:
    """Subscribe to the `$SYS` topics, wait for what they hold, and take leave."""
    awaited: dict[int, int] = {}
    try:
        for topics in (TOPICS[:1], TOPICS[1:]):
            identifier = 1 + secrets.randbelow(0xFFFF)
            while identifier in awaited:
                identifier = 1 + secrets.randbelow(0xFFFF)
            awaited[identifier] = len(topics)
            await _send(connection, subscribe(identifier, topics))
        await _send(connection, PINGREQ)
        return await _answers(connection, awaited)
    finally:
        with contextlib.suppress(NetError):
            await _send(connection, DISCONNECT)


async def _answers(connection: Connection, awaited: dict[int, int]) -> _Told:
    """Read until both SUBACKs and the PINGRESP have come; a little longer for late figures."""
    figures: dict[str, bytes] = {}
    granted, alive = 0, False
    for _ in range(MAX_PACKETS):
        if alive and not awaited:
            break
        kind, body = await _packet(connection, _LATER)
        if kind == _SUBACK:
            granted += _granted(body, awaited)
        elif kind == _PINGRESP and not body and not alive:
            alive = True
        else:
            topic, payload = _message(kind, body)
            figures[topic] = payload
    else:
        raise NotThisProtocol("the peer sends more than was asked for")
    if granted and not figures:
        with contextlib.suppress(TimeoutError, NetError):
            async with asyncio.timeout(_LATE_SECONDS):
                topic, payload = _message(*await _packet(connection, _LATER))
                figures[topic] = payload
    return _Told(granted, figures)


def _granted(body: bytes, awaited: dict[int, int]) -> int:
    """How many topics a SUBACK grants; its packet id must be one of ours."""
    identifier = int.from_bytes(body[:2], "big")
    if len(body) < 3 or awaited.pop(identifier, None) != len(body) - 2:
        raise NotThisProtocol("a SUBACK for what was not asked")
    if set(body[2:]) - {0, 0x80}:  # QoS 0 was asked for, so no other can be granted
        raise NotThisProtocol("a SUBACK with codes that MQTT does not know")
    return body[2:].count(0)


def _message(kind: int, body: bytes) -> tuple[str, bytes]:
    """Topic and payload of a PUBLISH of QoS 0, on one of the topics that were asked for."""
    length = int.from_bytes(body[:2], "big")
    topic = body[2 : 2 + length].decode("utf-8", "replace")
    if kind & 0xF0 != _PUBLISH or topic not in TOPICS:
        raise NotThisProtocol("a packet that was not asked for")
    return topic, body[2 + length :]


async def _packet(connection: Connection, due: tuple[int, ...]) -> tuple[int, bytes]:
    """First byte and body of the next packet. Raises NotThisProtocol for a longer one, or one that
    is not due."""
    (kind,) = await connection.read_exactly(1)
    if kind not in due:
        raise NotThisProtocol("no packet that a broker sends here")
    length = shift = 0
    for shift in (0, 7, 14, 21):
        (byte,) = await connection.read_exactly(1)
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    else:
        raise NotThisProtocol("a packet length that MQTT does not know")
    if length > MAX_PACKET:
        raise NotThisProtocol("a packet larger than any that was asked for")
    try:
        return kind, await connection.read_exactly(length)
    except BudgetSpent as spent:
        if spent.code == "reply_too_large":
            raise NotThisProtocol("a packet larger than a reply may be") from None
        raise


# --- requests ------------------------------------------------------------------------------------


def subscribe(identifier: int, topics: Sequence[str]) -> bytes:
    """A SUBSCRIBE packet for these topics, at QoS 0."""
    filters = b"".join(struct.pack("!H", len(t.encode())) + t.encode() + b"\x00" for t in topics)
    length = len(filters) + 2
    head = (
        bytes([0x82, length]) if length < 0x80 else bytes([0x82, length & 0x7F | 0x80, length >> 7])
    )
    return head + struct.pack("!H", identifier) + filters


def names(packet: bytes) -> list[str]:
    """The names of the request that a packet is, one for each topic it subscribes to.

    Raises RequestNotAllowed for any packet but the three literal ones and a SUBSCRIBE.
    """
    if packet in _PLAIN:
        return [_PLAIN[packet]]
    head = 4 if packet[1:2] < b"\x80" else 5
    rest, topics = packet[head:], []
    while len(rest) > 2:
        length = int.from_bytes(rest[:2], "big")
        topics.append(rest[2 : 2 + length].decode("utf-8", "replace"))
        rest = rest[3 + length :]
    identifier = int.from_bytes(packet[head - 2 : head], "big")
    if not topics or not set(topics) <= set(TOPICS) or packet != subscribe(identifier, topics):
        raise RequestNotAllowed("not a packet that this engine may send")
    return [f"SUBSCRIBE {topic}" for topic in topics]


async def _send(connection: Connection, packet: bytes) -> None:
    """Send one packet under the names of all that it asks for."""
    *before, last = names(packet)
    for name in before:  # noted without bytes: one packet asks for several topics
        await connection.send(name, b"")
    await connection.send(last, packet)
