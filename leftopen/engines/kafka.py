"""Apache Kafka, and Redpanda that speaks as it does: Kafka's own protocol on port 9092.

The exchange: ApiVersions (anybody is answered even before a login: it proves nothing), Metadata of
all topics, ListOffsets and one Fetch. Every request carries a random correlation id, which must
come back. No consumer group, no topic made, and the addresses that a cluster advertises are never
dialled: what is led by other brokers is not read.

* AUTH_REQUIRED: the server ends the connection at Metadata, as one that wants SASL does, and says
  on a new one which mechanisms it has, asked for a made-up one (SaslHandshake: UNSUPPORTED_SASL_
  MECHANISM). Nothing is logged in with.
* OPEN: a topic's partition gives its offsets beside those of a made-up topic, which must be
  unknown, and Fetch gives records (or none, where it holds none). Without a topic of the owner's,
  it is OPEN and empty where the made-up one is unknown and not denied.
* OPEN_PARTIAL: topics are listed, but Fetch is denied (TOPIC_AUTHORIZATION_FAILED), or all are led
  by other brokers. ACL_CLOSED: no topic is shown and the made-up one is denied.
* UNDETERMINED: it speaks other versions of the protocol only, or a read ends with another error.
* `can_write`: the operations that Metadata (from version 8 on, Kafka 2.3) says are authorized:
  WRITE on any topic, or CREATE in the cluster.

Known for nothing, all by ListOffsets, which looks into the index of each partition: the offsets
after the last records (they rise with each record, and with each end of a transaction), how many
offsets lie between two moments of `time`, and the oldest record of all. Compaction leaves gaps
between offsets, and a producer may give its records any time: both make such a count too high or
too low, so that no count of records is called exact.

Source: https://kafka.apache.org/protocol, and KIP-430 (authorized operations).
"""

from __future__ import annotations

import random
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

import pyarrow as pa

from leftopen import sample
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks
from leftopen.engines import _kafka_wire as wire
from leftopen.engines._handles import handle_of
from leftopen.engines._kafka_records import Record, document, records
from leftopen.engines._proofs import CanWrite
from leftopen.engines._since import at_second
from leftopen.errors import NotThisProtocol, PeerClosed, ServerRefused
from leftopen.knowledge import Mark, Moment, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection

ASKED = 16  # partitions whose offsets a probe asks for
MAX_PARTITIONS = 5_000  # whose offsets are asked for, of all topics
DRAWS = 8  # places of a topic that a sample is drawn from
_ENOUGH = 16 << 10  # bytes of a long list of topics that a probe reads
_FIRST_BYTES = 1_024  # of a probe's Fetch
_PAGE_BYTES = 256 << 10  # of a sample's
_SYSTEM = ("__", "_schemas", "_confluent", "_redpanda")


@dataclass(frozen=True, slots=True)
class Note:
    """How to read a topic: partition, first offset and the one after the last."""

    partitions: tuple[tuple[int, int, int], ...]


class Kafka:
    """The engine; it keeps no state."""

    name = "kafka"
    ports: tuple[int, ...] = (9092, 9093, 29092)
    speaks = Speaks.ANSWERS
    verified: Literal["real", "scripted"] = "real"
    reads = "names of topics, and records of random places of each topic that this broker leads"
    requests = frozenset({"ApiVersions", "Metadata", "ListOffsets", "Fetch", "SaslHandshake"})

    async def probe(self, connection: Connection) -> Proof:
        """OPEN where records can be fetched, and a made-up topic is told from what there is."""
        told = wire.versions(await wire.exchange(connection, wire.API_VERSIONS, 0))
        if wire.METADATA not in told or wire.API_VERSIONS not in told:
            raise NotThisProtocol("the peer does not speak Kafka's protocol")
        version = _metadata_version(told)
        if version is None:
            return Proof(Verdict.UNDETERMINED, "it speaks other versions of Kafka's protocol only")
        try:
            enough = min(_ENOUGH, connection.limits.reply_bytes // 2)
            cluster = await _metadata(connection, version, enough)
        except PeerClosed as closed:
            return await _locked(connection, told, closed)
        proof = await _read(connection, cluster)
        product = "redpanda" if cluster.cluster.startswith("redpanda.") else "kafka"
        return Proof(proof.verdict, proof.reason, None, product, _can_write(cluster))

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Topics of the owner's that this broker leads a part of; their records as the difference
        of that part's offsets."""
        told = wire.versions(await wire.exchange(connection, wire.API_VERSIONS, 0))
        version = _metadata_version(told)
        if version is None:
            raise NotThisProtocol("other versions of the protocol only")
        topics = _own(await _metadata(connection, version))[: connection.limits.collections]
        asked = _asked(topics)
        first = await _offsets(connection, asked, wire.EARLIEST)
        last = await _offsets(connection, asked, wire.LATEST)
        made = []
        for name, partitions in asked:
            held = tuple(
                (number, first[name, number][1], last[name, number][1])
                for number in partitions
                if _told(first, name, number) and _told(last, name, number)
            )
            if held:
                count = sum(max(0, end - start) for _, start, end in held)
                made.append(Collection(name, count, None, Note(held)))
        return made

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Records from DRAWS random places of the topic; small topics as a whole."""
        note = handle_of(collection, Note)
        drawn = _drawn(connection, collection.name, note, limits)
        async with aclosing(drawn) as batches:
            async for held in batches:
                yield sample.documents(map(document, held))

    async def since(self, connection: Connection) -> Since | None:
        """The time of the oldest record of the owner's topics that this broker still has. Raises
        NotThisProtocol and NetError."""
        told = wire.versions(await wire.exchange(connection, wire.API_VERSIONS, 0))
        version = _metadata_version(told)
        if version is None:
            return None
        asked = _asked(_own(await _metadata(connection, version)))
        body = wire.list_offsets(asked, 0)
        found = wire.moments(await wire.exchange(connection, wire.LIST_OFFSETS, 1, body))
        oldest = [one for moment in found if (one := at_second(moment / 1_000, "log"))]
        return min(oldest, key=lambda one: one.moment, default=None)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """`changes`: the offsets after the last records, of all partitions together; nothing for a
        topic that this broker no longer leads as a whole. Raises NotThisProtocol and NetError."""
        asked = [(c.name, _numbers(c)) for c in collections]
        last = await _offsets_again(connection, asked, wire.LATEST)
        return {
            name: Mark(changes=sum(last[name, number][1] for number in numbers))
            for name, numbers in asked
            if all(_told(last, name, number) for number in numbers)
        }

    async def count_between(
        self, connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
    ) -> int | None:
        """Offsets from the first record of `begin` or later until before the first of `end` or
        later; None for other fields than `time`. Raises NotThisProtocol and NetError."""
        if path != "time" or not isinstance(begin, datetime) or not isinstance(end, datetime):
            return None
        asked = [(collection.name, _numbers(collection))]
        edges = [
            await _offsets_again(connection, asked, moment)
            for moment in (_milliseconds(begin), _milliseconds(end), wire.LATEST)
        ]
        count = 0
        for number in asked[0][1]:
            part = (collection.name, number)
            if not _told(edges[-1], *part):
                return None
            # no record so late: the offset is -1, and the next one to come is meant
            first, after = (
                edge[part][1] if _told(edge, *part) else edges[-1][part][1] for edge in edges[:2]
            )
            count += max(0, after - first)
        return count


ENGINE = Kafka()


# --- the verdict ---------------------------------------------------------------------------------


def _metadata_version(told: dict[int, tuple[int, int]]) -> int | None:
    """The version of Metadata to ask in, None where what the engine needs is not spoken."""
    wanted = ((wire.FETCH, 4), (wire.LIST_OFFSETS, 1))
    if any(not _speaks(told, key, version) for key, version in wanted):
        return None
    return next((version for version in (8, 4) if _speaks(told, wire.METADATA, version)), None)


def _speaks(told: dict[int, tuple[int, int]], key: int, version: int) -> bool:
    low, high = told.get(key, (0, -1))
    return low <= version <= high


async def _metadata(
    connection: Connection, version: int, enough: int | None = None
) -> wire.Metadata:
    """All topics; or, where their list is longer than `enough` bytes, the first ones."""
    body = wire.METADATA_BODY[version]
    answer = await wire.exchange(connection, wire.METADATA, version, body, enough)
    if not answer.whole:
        await connection.reopen()
    return wire.metadata(answer, version)


def _asked(topics: Sequence[wire.Topic]) -> list[tuple[str, list[int]]]:
    """The partitions of the topics, MAX_PARTITIONS at most."""
    asked, left = [], MAX_PARTITIONS
    for topic in topics:
        partitions = [number for number, _ in topic.leaders][:left]
        left -= len(partitions)
        if partitions:
            asked.append((topic.name, partitions))
    return asked


def _numbers(collection: Collection) -> list[int]:
    return [number for number, _, _ in handle_of(collection, Note).partitions]


def _milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 of a moment in UTC without a zone; none before that."""
    return max(0, round(moment.replace(tzinfo=UTC).timestamp() * 1_000))


async def _offsets_again(
    connection: Connection, asked: Sequence[tuple[str, Sequence[int]]], moment: int
) -> dict[tuple[str, int], tuple[int, int]]:
    """The offsets, after dialling again where the connection has ended."""
    try:
        return await _offsets(connection, asked, moment)
    except PeerClosed:
        await connection.reopen()
        return await _offsets(connection, asked, moment)


async def _offsets(
    connection: Connection, asked: Sequence[tuple[str, Sequence[int]]], moment: int
) -> dict[tuple[str, int], tuple[int, int]]:
    body = wire.list_offsets(asked, moment)
    return wire.offsets(await wire.exchange(connection, wire.LIST_OFFSETS, 1, body))


def _told(offsets: dict[tuple[str, int], tuple[int, int]], name: str, number: int) -> bool:
    error, offset = offsets.get((name, number), (wire.UNKNOWN_TOPIC, -1))
    return error == wire.NONE and offset >= 0


async def _locked(
    connection: Connection, told: dict[int, tuple[int, int]], closed: PeerClosed
) -> Proof:
    """The verdict on a server that ended the connection when it was asked for topics."""
    version = next((v for v in (1, 0) if _speaks(told, wire.SASL_HANDSHAKE, v)), None)
    reason = "answers, but ends the connection when it is asked for its topics"
    if version is not None:
        await connection.reopen()
        try:
            answer = await wire.exchange(connection, wire.SASL_HANDSHAKE, version, wire.handshake())
        except PeerClosed:
            raise closed from None
        error, named = wire.mechanisms(answer)
        if error == wire.UNSUPPORTED_MECHANISM and named:
            return Proof(Verdict.AUTH_REQUIRED, "asks for credentials (SASL)", product="kafka")
    return Proof(Verdict.UNDETERMINED, reason, product="kafka")


def _own(cluster: wire.Metadata) -> list[wire.Topic]:
    """The owner's topics that the cluster shows and that a request can name."""
    return [
        topic
        for topic in cluster.topics
        if topic.error not in (wire.TOPIC_DENIED, wire.UNKNOWN_TOPIC)
        and not topic.internal
        and 0 < len(topic.name) <= 249  # as Kafka's own rule for names
        and not topic.name.startswith(_SYSTEM)
    ]


async def _read(connection: Connection, cluster: wire.Metadata) -> Proof:
    """The verdict of a server that lists these topics: can a record be fetched?"""
    topics = _own(cluster)
    made_up = f"leftopen-{secrets.token_hex(8)}"
    # one partition of each leader shows which of them is the broker that is asked
    led = {leader: (topic.name, number) for topic in topics for number, leader in topic.leaders}
    asked = random.sample(sorted(led.values()), min(ASKED, len(led)))
    parts = [*((name, [number]) for name, number in asked), (made_up, [0])]
    offsets = await _offsets(connection, parts, wire.EARLIEST)
    error, _ = offsets.pop((made_up, 0), (wire.NONE, 0))
    if error not in (wire.UNKNOWN_TOPIC, wire.TOPIC_DENIED) or set(offsets) != set(asked):
        raise NotThisProtocol("an answer to something that was not asked")
    if not topics:
        if error == wire.UNKNOWN_TOPIC:
            reason = "topics can be listed without credentials; there is none"
            return Proof(Verdict.OPEN, reason)
        return Proof(Verdict.ACL_CLOSED, "answers, but its rules show nothing to who has no name")
    here = [part for part in asked if _told(offsets, *part)]
    if not here:
        if any(told == wire.TOPIC_DENIED for told, _ in offsets.values()):
            return Proof(Verdict.OPEN_PARTIAL, "its topics are listed, but not read (denied)")
        reason = "its topics are listed; those that were tried are kept by other brokers"
        return Proof(Verdict.OPEN_PARTIAL, reason)
    name, number = here[0]
    body = wire.fetch(name, number, offsets[name, number][1], _FIRST_BYTES)
    answer = await wire.exchange(connection, wire.FETCH, 4, body)
    error, data = wire.fetched(answer, name, number)
    if error in (wire.TOPIC_DENIED, wire.CLUSTER_DENIED):
        return Proof(Verdict.OPEN_PARTIAL, "its topics are listed, but not read (denied)")
    if error != wire.NONE:
        return Proof(Verdict.UNDETERMINED, f"its topics are listed; a read brought error {error}")
    found, _ = records(data)
    if not found:
        reason = "topics can be read without credentials; no record was in the one that was tried"
        return Proof(Verdict.OPEN, reason)
    return Proof(Verdict.OPEN, "a topic's records were read without credentials")


def _can_write(cluster: wire.Metadata) -> CanWrite:
    """What the server says that a client without a name may do."""
    told = [topic.operations for topic in cluster.topics if topic.operations is not None]
    if any(operations >> wire.WRITE & 1 for operations in told):
        return "yes"
    if cluster.operations is None:
        return "unknown"
    return "yes" if cluster.operations >> wire.CREATE & 1 else "no"


# --- records -------------------------------------------------------------------------------------


async def _drawn(
    connection: Connection, name: str, note: Note, limits: StoreLimits
) -> AsyncGenerator[list[Record], None]:
    """Lists of at most `limits.rows` records in all. Small partitions are read from their start,
    large ones from random places; an eighth of the store's bytes at most."""
    until = connection.bytes_read + limits.bytes // 8
    left = limits.rows
    places = _places(note, limits.rows)
    for turn, (number, start, end) in enumerate(places):
        share = -(-left // (len(places) - turn))
        while share > 0 and start < end and connection.bytes_read < until:
            error, data = await _fetch(connection, name, number, start)
            if error != wire.NONE:
                if left == limits.rows and turn == len(places) - 1:
                    raise ServerRefused("the server refused a read", code=str(error))
                break
            held, after = records(data, start)
            if held := held[:share]:
                left -= len(held)
                share -= len(held)
                yield held
            if after == start:  # a batch larger than a page, or of an older form
                break
            start = after


def _places(note: Note, rows: int) -> list[tuple[int, int, int]]:
    """Partition, offset to begin at and offset to end before: whole partitions, or a random place
    in each of DRAWS stretches of all that there is, in random order."""
    held = [part for part in note.partitions if part[2] > part[1]]
    total = sum(end - start for _, start, end in held)
    if total <= rows:
        return held
    places = []
    for low, high in pairwise(total * cut // DRAWS for cut in range(DRAWS + 1)):
        at = low + secrets.randbelow(max(1, high - low - rows // DRAWS))
        stretch = high - at
        for number, start, end in held:
            if at < end - start:
                places.append((number, start + at, min(end, start + at + stretch)))
                break
            at -= end - start
    random.shuffle(places)
    return places


async def _fetch(connection: Connection, name: str, number: int, offset: int) -> tuple[int, bytes]:
    """One Fetch, after dialling again where the connection has ended."""
    body = wire.fetch(name, number, offset, _PAGE_BYTES)
    try:
        answer = await wire.exchange(connection, wire.FETCH, 4, body)
    except PeerClosed:
        await connection.reopen()
        answer = await wire.exchange(connection, wire.FETCH, 4, body)
    return wire.fetched(answer, name, number)
