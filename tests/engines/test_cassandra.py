"""The cassandra engine against scripted nodes: verdicts, lies, bounds, and what it may ask."""

from __future__ import annotations

import contextlib
import itertools
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines import _cassandra_wire as wire
from leftopen.engines._cassandra_session import request_name, rows_text
from leftopen.engines.cassandra import COUNTED, ENGINE
from leftopen.errors import (
    BudgetSpent,
    NotThisProtocol,
    PeerClosed,
    RequestNotAllowed,
    ServerRefused,
)
from leftopen.knowledge import (
    CountsBetween,
    Known,
    KnowsFields,
    Marks,
    StreamsFields,
    TellsSince,
)
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.scripted import Reply
from leftopen.testing import connection
from tests.engines.asking import prober, reader, scripted
from tests.rows.cassandra import INVALID, UNAUTHORIZED, Node, error, frame, rows, string

LIMITS = StoreLimits(bytes=8 << 20, reply_bytes=1 << 20, seconds=10, rows=100)


probe = prober(ENGINE, LIMITS, scripted)


read = reader(ENGINE, LIMITS, scripted)


# --- verdicts ------------------------------------------------------------------------------------


async def test_open() -> None:
    node = Node()
    proof = await probe(node)
    reason = "a table's row was read without credentials"
    assert proof == Proof(Verdict.OPEN, reason, "4.1.7", "cassandra", "unknown")
    assert 'SELECT "id" FROM "town"."people" LIMIT 1' in node.asked


TABLES = ["keyspace_name", "table_name"]
SETTINGS = "SELECT value FROM system_views.settings"


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"STARTUP": (3, string("org.example.PasswordAuthenticator"))}, Verdict.AUTH_REQUIRED),
        ({"STARTUP": error(0x1001)}, Verdict.UNDETERMINED),
        ({"SELECT release": error(UNAUTHORIZED)}, Verdict.OPEN_PARTIAL),
        ({"SELECT keyspace_name": error(UNAUTHORIZED)}, Verdict.OPEN_PARTIAL),
        ({"SELECT keyspace_name": error(INVALID)}, Verdict.UNDETERMINED),
        ({"SELECT column_name": error(UNAUTHORIZED)}, Verdict.OPEN_PARTIAL),
        ({'SELECT "id"': error(UNAUTHORIZED)}, Verdict.OPEN_PARTIAL),
        ({'SELECT "id"': error(0x1000)}, Verdict.UNDETERMINED),
        ({'SELECT "id"': rows(["id"], [])}, Verdict.OPEN),
        ({"SELECT keyspace_name": rows(TABLES, [[b"system_auth", b"roles"]])}, Verdict.OPEN),
        ({"SELECT column_name": rows(["a", "b", "c"], [])}, Verdict.UNDETERMINED),
    ],
)
async def test_verdicts(said: dict[str, tuple[int, bytes]], verdict: Verdict) -> None:
    proof = await probe(Node(said))
    assert proof.verdict is verdict
    assert "ann.lee" not in proof.reason


async def test_never_answers_a_question_for_credentials() -> None:
    node = Node({"STARTUP": (3, string("x"))})
    await probe(node)
    assert node.asked == ["OPTIONS", "STARTUP"]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (b"AllowAllAuthorizer", "yes"),
        (b"org.apache.cassandra.auth.AllowAllAuthorizer", "yes"),
        (b"CassandraAuthorizer", "unknown"),
        (None, "unknown"),
    ],
)
async def test_the_settings_tell_who_may_write(cell: bytes | None, told: str) -> None:
    proof = await probe(Node({SETTINGS: rows(["value"], [[cell]])}))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, told)


async def test_scylladb_is_told_by_its_options() -> None:
    options = b"\x00\x02" + string("CQL_VERSION") + b"\x00\x00" + string("SCYLLA_SHARD")
    said = {
        "OPTIONS": (6, options + b"\x00\x00"),
        "SELECT version FROM system.versions": rows(["version"], [[b"5.4.1-0.2024"]]),
        "SELECT value FROM system.config": rows(["value"], [[b'"AllowAllAuthorizer"']]),
    }
    proof = await probe(Node(said))
    assert (proof.product, proof.version, proof.can_write) == ("scylladb", "5.4.1", "yes")


async def test_an_older_protocol_is_gone_over_to_or_named() -> None:
    node = Node(version=3)
    assert (await probe(node)).verdict is Verdict.OPEN
    oldest = b"\x82\x00\x00\x00" + struct.pack("!i", 6) + b"\x00" * 6
    assert (await probe(lambda _: oldest)).verdict is Verdict.UNDETERMINED


# --- what is no Cassandra ------------------------------------------------------------------------


def replayed(said: list[bytes]) -> Callable[[bytes], Reply]:
    answers = iter(said)
    return lambda _: next(answers, None)


async def test_a_recording_played_back_is_not_open() -> None:
    said: list[bytes] = []
    node = Node()

    def record(data: bytes) -> bytes:
        said.append(node(data))
        return said[-1]

    assert (await probe(record)).verdict is Verdict.OPEN
    with pytest.raises(NotThisProtocol):
        await probe(replayed(said))
    # and with the streams' numbers put right, the name that was made up is still missing
    answers = iter(said)
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: (told := next(answers))[:2] + data[2:4] + told[4:])


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"-ERR unknown command\r\n",
        b"\x84" * 64,
        frame(4, 1, 2, b"")[:2] + b"\xff\xff" + frame(4, 1, 2, b"")[4:],
    ],
)
async def test_other_answers_are_of_another_protocol(answer: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda _: answer)


async def test_an_echo_is_no_cassandra() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: data)
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: b"\x84" + data[1:])


async def test_says_ready_to_everything() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: frame(4, int.from_bytes(data[2:4]), 2, b""))


@pytest.mark.parametrize("at", range(1, 7))
async def test_answers_cut_short(at: int) -> None:
    turns = itertools.count(1)
    node = Node()

    def cut(data: bytes) -> Reply | list[Reply]:
        told = node(data)
        return [told[: len(told) // 2], None] if next(turns) == at else told

    with pytest.raises(PeerClosed):
        await probe(cut)


async def test_a_frame_beyond_the_limit_is_not_read() -> None:
    node = Node()
    with pytest.raises(BudgetSpent):
        await probe(lambda data: node(data)[:5] + b"\x7f\xff\xff\xff")


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("!iii", 2, 1, 1 << 30),  # columns
        struct.pack("!iii", 2, 1, 1) + string("k") + string("t") + string("id") + b"\x00\x0d"
        + struct.pack("!i", 1 << 23),  # rows
        struct.pack("!iii", 2, 1, 1) + string("k") + string("t") + string("id")
        + b"\x00\x20" * 50 + b"\x00\x0d" + bytes(4),  # a list of lists of lists …
        rows(["id"], [[b"1"]])[1] + b"more",
        struct.pack("!ii", 1, 0),
    ],
)  # fmt: skip
async def test_rows_that_do_not_add_up(body: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Node({'SELECT "id"': (8, body)}))


async def test_other_columns_than_were_asked_for() -> None:
    with pytest.raises(NotThisProtocol):
        await probe(Node({'SELECT "id"': rows(["name"], [[b"1"]])}))


# --- reading -------------------------------------------------------------------------------------


async def test_what_is_in_it() -> None:
    read_ = await read(Node())
    ((name, (collection, found)),) = read_.items()
    assert (name, collection.records) == ("town.people", 1)
    # the scripted node has the one row in every stretch of the ring
    assert found[0] == {"id": "7", "name": "Ann Lee"}


async def test_a_large_table_is_as_large_as_the_server_estimates() -> None:
    many = rows(["id"], [[b"7"]] * (COUNTED + 1))
    types = [b"\x00\x02", b"\x00\x02"]
    sizes = [[struct.pack("!q", 100), struct.pack("!q", 4_000)]] * 2
    estimate = rows(["mean_partition_size", "partitions_count"], sizes, types)
    node = Node({'SELECT "id" FROM': many, "SELECT mean_partition_size": estimate})
    collection, _ = (await read(node))["town.people"]
    assert (collection.records, collection.bytes) == (8_000, 800_000)
    collection, _ = (await read(Node({'SELECT "id" FROM': many})))["town.people"]
    assert (collection.records, collection.bytes) == (None, None)


async def test_no_more_rows_than_wanted_and_pages_without_end_do_end() -> None:
    names, cells = ["id", "name"], [[b"7", b"x"]]
    told, body = rows(names, cells * 5_000)
    _, found = (await read(Node({'SELECT "id", "name"': (told, body)})))["town.people"]
    assert len(found) == LIMITS.rows
    told, body = rows(names, [])
    endless = body[:4] + struct.pack("!i", 3) + body[8:12] + b"\x00\x00\x00\x01x" + body[12:]
    node = Node({'SELECT "id", "name"': (told, endless)})
    _, found = (await read(node))["town.people"]
    assert found == []
    assert len(node.asked) < 2 * LIMITS.rows


async def test_names_are_quoted_and_odd_ones_left_out() -> None:
    tables: list[list[bytes | None]] = [
        [b"town", b'a"; DROP TABLE b; --'],
        [b"town", b"nul\x00"],
        [b"", b"x"],
        [None, b"y"],
    ]
    node = Node({"SELECT keyspace_name": rows(TABLES, tables)})
    assert await read(node) == {}  # the table is unknown to the node's answers
    assert 'SELECT "id" FROM "town"."a""; DROP TABLE b; --" LIMIT 1001' in node.asked
    assert not any("nul" in text for text in node.asked)


# --- what the server knows -----------------------------------------------------------------------

CLUSTERED = rows(
    ["column_name", "kind", "position"],
    [[b"id", b"partition_key", bytes(4)], [b"name", b"clustering", bytes(4)]],
    [b"\x00\x0d", b"\x00\x0d", b"\x00\x09"],
)
RANGES = ["range_start", "range_end", "partitions_count"]
ESTIMATED = [b"\x00\x0d", b"\x00\x0d", b"\x00\x02"]
HALF = str(1 << 62).encode()
LEAST, MIDDLE = str(-(1 << 63)).encode(), b"0"


def estimates(*told: tuple[bytes | None, bytes | None, int]) -> tuple[int, bytes]:
    cells = [[start, end, struct.pack("!q", count)] for start, end, count in told]
    return rows(RANGES, cells, ESTIMATED)


async def asked(node: Node, what: Callable[[Connection, Collection], Awaitable[Any]]) -> Any:
    async with connection(ENGINE, scripted(node), LIMITS) as link:
        (collection,) = await ENGINE.collections(link)
        return await what(link, collection)


async def known(link: Connection, collection: Collection) -> Any:
    return await ENGINE.known(link, collection, ["id", "name"])


def test_it_knows_some_things_of_itself() -> None:
    for protocol in (KnowsFields, TellsSince, StreamsFields):
        assert isinstance(ENGINE, protocol)
    for lacking in (CountsBetween, Marks):
        assert not isinstance(ENGINE, lacking)


async def test_a_key_that_is_the_primary_key_is_unique() -> None:
    assert await asked(Node(), known) == {"id": Known(unique=True, filled=1.0)}


@pytest.mark.parametrize(
    ("told", "distinct"),
    [
        ([(LEAST, LEAST, 500)], 500),  # the whole ring
        ([(LEAST, MIDDLE, 500)], 1_000),  # one node of two
        ([(LEAST, MIDDLE, 300), (HALF, LEAST, 300)], 800),
        ([(LEAST, MIDDLE, 0)], None),
        ([(b"0", b"5", 500)], None),  # too little of it to speak of all
        ([(LEAST, LEAST, 2**62)] * 9, 2**63 - 1),
        ([], None),
    ],
)
async def test_partitions_are_those_of_the_ring(
    told: list[tuple[bytes, bytes, int]], distinct: int | None
) -> None:
    node = Node({"SELECT column_name": CLUSTERED, "SELECT range_start": estimates(*told)})
    error = None if distinct is None else 0.3
    assert await asked(node, known) == {"id": Known(distinct, error=error, filled=1.0)}


async def test_estimates_that_are_refused() -> None:
    node = Node({"SELECT column_name": CLUSTERED})
    assert await asked(node, known) == {"id": Known(filled=1.0)}


@pytest.mark.parametrize(
    "told",
    [
        estimates((b"-1", b"0", -5)),
        estimates((b"x", b"0", 5)),
        estimates((None, b"0", 5)),
        estimates((b"9" * 40, b"0", 5)),
        rows(["a", "b"], [[b"1", b"2"]]),
    ],
)
async def test_estimates_that_cannot_be(told: tuple[int, bytes]) -> None:
    with pytest.raises(NotThisProtocol):
        await asked(Node({"SELECT column_name": CLUSTERED, "SELECT range_start": told}), known)


@pytest.mark.parametrize(
    ("generation", "year"), [(1795300000, 2026), (-5, None), (0, None), (2**31 - 1, None)]
)
async def test_since(generation: int, year: int | None) -> None:
    cells = rows(["gossip_generation"], [[struct.pack("!i", generation)]], [b"\x00\x09"])
    node = Node({"SELECT gossip_generation": cells})
    async with connection(ENGINE, scripted(node), LIMITS) as link:
        told = await ENGINE.since(link)
        assert len(await ENGINE.collections(link)) == 1
    assert (told and told.moment.year) == year
    assert node.asked.count("STARTUP") == 2


# --- streams -------------------------------------------------------------------------------------

ALL = 'SELECT "name" FROM "town"."people"'


def paged(names: Sequence[str], cells: Sequence[Sequence[bytes | None]]) -> tuple[int, bytes]:
    """Rows after which there is another page."""
    told, body = rows(names, cells)
    return told, body[:4] + struct.pack("!i", 3) + body[8:12] + b"\x00\x00\x00\x01x" + body[12:]


class Pages(Node):
    """A node that gives these pages of the stream one after another."""

    def __init__(self, *pages: tuple[int, bytes]) -> None:
        super().__init__()
        self.pages = list(pages)

    def answer(self, text: str) -> tuple[int, bytes]:
        if text != ALL:
            return super().answer(text)
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]


async def streamed(node: Node, limits: StoreLimits = LIMITS) -> list[Any]:
    async with connection(ENGINE, scripted(node), limits) as link:
        (collection,) = await ENGINE.collections(link)
        stream = ENGINE.stream(link, collection, ["name"], limits)
        return [row for batch in [b async for b in stream] for row in batch["name"].to_pylist()]


async def test_a_stream_goes_on_where_its_page_ends() -> None:
    node = Pages(
        paged(["name"], [[b"Ann"], [None]]), paged(["name"], []), rows(["name"], [[b"Bob"]])
    )
    assert await streamed(node) == ["Ann", None, "Bob"]


async def test_a_stream_of_empty_pages_ends() -> None:
    node = Pages(paged(["name"], []))
    with pytest.raises(NotThisProtocol):
        await streamed(node)
    assert len(node.asked) < 2_000


async def test_a_stream_ends_in_good_order_with_its_bytes() -> None:
    node = Pages(paged(["name"], [[b"x" * 100]] * 500))
    seen = await streamed(node, StoreLimits(bytes=200_000, rows=100))
    assert 1_000 < len(seen) < 2_500


async def test_a_page_that_is_too_large_is_asked_for_again_with_fewer_rows() -> None:
    small = rows(["name"], [[b"Ann"]])
    node = Pages(rows(["name"], [[b"x" * 60_000]]), small)
    assert await streamed(node, StoreLimits(reply_bytes=20_000, rows=100)) == ["Ann"]
    with pytest.raises(BudgetSpent):
        await streamed(Pages(rows(["name"], [[b"x" * 60_000]])), StoreLimits(reply_bytes=20_000))


async def test_streams_that_cannot_be() -> None:
    with pytest.raises(NotThisProtocol):
        await streamed(Pages(rows(["id"], [[b"7"]])))
    with pytest.raises(ServerRefused) as refused:
        await streamed(Pages(paged(["name"], [[b"Ann"]]), error(0x1200)))
    assert refused.value.code == "1200"


async def test_a_connection_that_was_dialled_anew_is_begun_again() -> None:
    node = Pages(rows(["name"], [[b"Ann"]]))
    begun = [False]

    def strict(data: bytes) -> Reply:
        if data[4] == 1:
            begun[0] = True
        if data[4] == 7 and not begun[0]:
            return frame(4, int.from_bytes(data[2:4]), *error(0x000A))
        return node(data)

    async with connection(ENGINE, scripted(strict), LIMITS) as link:
        (collection,) = await ENGINE.collections(link)
        await link.reopen()
        begun[0] = False
        stream = ENGINE.stream(link, collection, ["name"], LIMITS)
        assert [batch.num_rows async for batch in stream] == [1]


# --- what may be asked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO town.people (id) VALUES (1)",
        'DELETE FROM "town"."people"',
        'SELECT "id" FROM "town"."people" LIMIT 1; DROP TABLE x',
        "SELECT * FROM system_auth.roles",
        'SELECT "a", now() FROM "b"."c" LIMIT 1',
        'SELECT "id" FROM town.people LIMIT 1',
        'SELECT "id" FROM "a"."b" LIMIT 1 ALLOW FILTERING',
        'SELECT "id" FROM "a"."b" WHERE "id" = 1',
        'SELECT count(*) FROM "a"."b"',
        "SELECT * FROM system.size_estimates",
    ],
)
def test_nothing_but_the_texts_on_the_list(text: str) -> None:
    with pytest.raises(RequestNotAllowed):
        request_name(wire.QUERY, wire.query(text))


@pytest.mark.parametrize("operation", [0x09, 0x0A, 0x0B, 0x0D, 0x0F])
def test_no_operation_that_prepares_writes_or_authenticates(operation: int) -> None:
    with pytest.raises(RequestNotAllowed):
        request_name(operation, wire.query('SELECT "a" FROM "b"."c" LIMIT 1'))


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_quoted_name_stays_one(table: str, column: str) -> None:
    quoted = ['"' + part.replace("\0", "").replace('"', '""') + '"' for part in (table, column)]
    if '""' in quoted:
        return
    text = rows_text(f'"k".{quoted[0]}', quoted[1], 1)
    body = wire.query(text.encode("utf-8", "replace").decode())
    assert request_name(wire.QUERY, body) == "SELECT {columns} FROM {table} LIMIT {n}"


# --- the codec -----------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_refused(data: bytes) -> None:
    for start in (b"", struct.pack("!iii", 2, 1, 1)):
        with contextlib.suppress(NotThisProtocol):
            wire.table(wire.Cursor(start + data)).rows()


TEXT, INT = wire.Type(0x0D), wire.Type(0x09)
TYPES = [wire.Type(option) for option in range(0x16)] + [
    wire.Type(0x20, (TEXT,)),
    wire.Type(0x21, (TEXT, INT)),
    wire.Type(0x22, (INT,)),
    wire.Type(0x30, (TEXT, INT), ("a", "b")),
    wire.Type(0x31, (wire.Type(0x20, (TEXT,)), INT)),
]


@given(st.sampled_from(TYPES), st.binary(max_size=40))
def test_any_cell_has_a_value(kind: wire.Type, cell: bytes) -> None:
    wire.decoded(kind, cell)
    assert wire.decoded(kind, None) is None


def test_a_vector_is_its_numbers() -> None:
    name = "org.apache.cassandra.db.marshal.VectorType"
    part = "org.apache.cassandra.db.marshal.FloatType"
    kind = wire.Type(0, custom=f"{name}({part} , 3)")
    assert wire.decoded(kind, struct.pack("!3f", 0.5, -1.0, 2.0)) == [0.5, -1.0, 2.0]
