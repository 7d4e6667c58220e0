"""The rsync engine against scripted daemons, and its listing codec: lies, floods, what it sends."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engines._rsync_wire import (
    MODULES,
    VERSION,
    File,
    Session,
    is_module,
    listing,
    name_of,
)
from leftopen.engines.rsync import ENGINE
from leftopen.errors import BudgetSpent, LeftopenError, NotThisProtocol, RequestNotAllowed
from leftopen.model import Proof, Verdict
from leftopen.net.scripted import Reply, Script, ScriptedDialer
from leftopen.testing import LIMITS, connection

GREETING = b"@RSYNCD: 31.0 sha512 md5\n"
OK = b"@RSYNCD: OK\n"
SEED = b"\x01\x02\x03\x04"
FOLDER, PLAIN = 0o040755, 0o100644


def block(data: bytes, code: int = 0) -> bytes:
    return struct.pack("<I", (7 + code) << 24 | len(data)) + data


def entry(name: bytes, size: int = 5, mode: int = PLAIN, flags: int = 0x18, kept: int = 0) -> bytes:
    """One entry with all of its fields; `kept` leading bytes are those of the name before."""
    told = bytes([flags | (0x20 if kept else 0) | (0x40 if len(name) > 255 else 0)])
    told += bytes([kept]) if kept else b""
    told += struct.pack("<I", len(name)) if len(name) > 255 else bytes([len(name)])
    told += name
    told += struct.pack("<I", size) if size < 2**32 - 1 else b"\xff" * 4 + struct.pack("<Q", size)
    told += struct.pack("<i", 1_700_000_000) if not flags & 0x80 else b""
    return told + (struct.pack("<I", mode) if not flags & 0x02 else b"")


TOP = entry(b".", 4096, FOLDER)


class FakeDaemon:
    """Answers as rsync does, one object per connection. `words` is what each module's name brings;
    `listed` the stream that follows the arguments."""

    def __init__(
        self,
        words: dict[str, bytes] | None = None,
        listed: bytes | None = None,
        modules: bytes | None = None,
        unknown: bytes = b"@ERROR: Unknown module '%b'\n",
    ) -> None:
        self.words = words if words is not None else {"files": OK}
        self.listed = listed
        self.unknown = unknown
        lines = b"".join(b"%-15s\tall\n" % name.encode() for name in self.words)
        self.modules = lines + b"@RSYNCD: EXIT\n" if modules is None else modules

    def __call__(self, data: bytes) -> list[Reply]:
        if data == VERSION:
            return []
        if data == MODULES:
            return [self.modules]
        if data.startswith(b"--server"):
            told = TOP + entry(b"ann.pdf") + b"\x00" + bytes(4)
            return [SEED + block(told) if self.listed is None else self.listed, None]
        name = data[:-1].decode()
        if name in self.words:
            return [self.words[name]]
        return [self.unknown % name.encode() if b"%" in self.unknown else self.unknown, None]


def dialer(script: Script, greeting: bytes = GREETING) -> ScriptedDialer:
    return ScriptedDialer(lambda: script, greeting=greeting)


async def probe(script: Script, greeting: bytes = GREETING) -> Proof:
    async with connection(ENGINE, dialer(script, greeting)) as link:
        return await ENGINE.probe(link)


# --- verdicts ------------------------------------------------------------------------------------

LOCKED = b"@RSYNCD: AUTHREQD abcdef\n"
DENIED = b"@ERROR: access denied to m from ann.example.org (192.0.2.7)\n"
BUSY = b"@ERROR: max connections (3) reached -- try again later\n"
BROKEN = b"@ERROR: chroot failed\n"


@pytest.mark.parametrize(
    ("words", "verdict", "word"),
    [
        ([OK], Verdict.OPEN, "files without a login: its module"),
        ([OK, LOCKED], Verdict.OPEN, "1 of 2 modules; 1 locked"),
        ([OK] * 3, Verdict.OPEN, "3 of 3 modules"),
        ([LOCKED] * 9 + [OK], Verdict.AUTH_REQUIRED, "login"),
        ([LOCKED], Verdict.AUTH_REQUIRED, "login"),
        ([LOCKED, DENIED, BUSY], Verdict.AUTH_REQUIRED, "login"),
        ([DENIED, DENIED], Verdict.ACL_CLOSED, "address"),
        ([DENIED, BUSY], Verdict.UNDETERMINED, "none of them"),
        ([BUSY], Verdict.UNDETERMINED, "none of them"),
        ([BROKEN], Verdict.UNDETERMINED, "none of them"),
        ([b"welcome\nto\n" * 50 + OK], Verdict.OPEN, "its module"),
        ([], Verdict.UNDETERMINED, "names no module"),
    ],
)
async def test_what_modules_answer(words: Sequence[bytes], verdict: Verdict, word: str) -> None:
    named = {f"m{n}": said for n, said in enumerate(words)}
    proof = await probe(FakeDaemon(named))
    assert (proof.verdict, word in proof.reason) == (verdict, True), proof.reason
    assert "ann" not in proof.reason
    assert proof.can_write == "unknown"


@pytest.mark.parametrize(
    ("listed", "verdict"),
    [
        (SEED + block(TOP + b"\x00" + bytes(4)), Verdict.OPEN),  # empty
        (SEED + block(b"\x00" + bytes(4)), Verdict.OPEN_PARTIAL),
        (SEED, Verdict.OPEN_PARTIAL),  # "write only"
        (b"", Verdict.OPEN_PARTIAL),
        (b"@ERROR: ann.lee@example.org\n", Verdict.OPEN_PARTIAL),
        (
            SEED + block(b"no such folder", code=1) + block(TOP + entry(b"x") + b"\x00"),
            Verdict.OPEN,
        ),
        (SEED + b"".join(block(bytes([b])) for b in TOP + entry(b"x")), Verdict.OPEN),
    ],
)
async def test_what_a_listing_brings(listed: bytes, verdict: Verdict) -> None:
    proof = await probe(FakeDaemon(listed=listed))
    assert proof.verdict is verdict
    assert "ann" not in proof.reason


async def test_the_next_open_module_is_read_where_one_is_not_shown() -> None:
    streams = iter([SEED, SEED + block(TOP + entry(b"x") + b"\x00")])

    class Two(FakeDaemon):
        def __call__(self, data: bytes) -> list[Reply]:
            if data.startswith(b"--server"):
                return [next(streams), None]
            return super().__call__(data)

    assert (await probe(Two({"a": OK, "b": OK}))).verdict is Verdict.OPEN


async def test_a_refused_list_and_an_old_daemon() -> None:
    said = b"@ERROR: not now\n"
    assert (await probe(FakeDaemon(modules=said))).verdict is Verdict.UNDETERMINED
    assert (await probe(FakeDaemon(), b"@RSYNCD: 26.0\n")).verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize(
    "unknown",
    [
        OK,  # a daemon that says yes to everything
        LOCKED,
        DENIED,
        b"@ERROR: Unknown module 'leftopen-0000000000000000'\n",  # a recording
        b"@ERROR: Unknown module\n",
    ],
)
async def test_a_module_that_cannot_exist_must_be_unknown_by_its_name(unknown: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeDaemon(unknown=unknown))


# --- not rsync, and hostile ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 ready\r\n",
        b"@RSYNCD: \n",
        b"@RSYNCD: x.0\n",
        b"@RSYNCD: 31.0 <script>\n",
        b"@ERROR: no\n",
        b"A" * 70_000,
        b"@RSYNCD: 31.0 " + b"A" * 5_000 + b"\n",
    ],
)
async def test_another_greeting(greeting: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeDaemon(), greeting)


@pytest.mark.parametrize(
    "listed",
    [
        SEED + block(entry(b"ann.pdf") + b"\x00"),  # not the folder first
        SEED + block(entry(b".", mode=PLAIN) + b"\x00"),
        SEED + block(entry(b".", flags=0x98) + b"\x00"),  # the first cannot refer to one before
        SEED + block(entry(b".", flags=0x1A) + b"\x00"),
        SEED + block(TOP + entry(b"x", kept=200)),
        SEED + block(TOP + entry(b"")),
        SEED + block(TOP + entry(b"x" * 4_097)),
        SEED + block(TOP + b"\x58\xff\xff\xff\xff"),
        SEED + block(TOP + entry(b"x", size=2**63)),
        SEED + struct.pack("<I", 0x00000005) + b"hello",  # no tag
        SEED + struct.pack("<I", 0xFF000005) + b"hello",
        SEED + block(b"x" * 9_000, code=1),
        SEED + block(b"", code=1) * 2_000,
        SEED + block(b"") * 2_000,
        SEED + b"HTTP/1.1 200 OK\r\n",
    ],
)
async def test_lies_about_files(listed: bytes) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeDaemon(listed=listed))


@pytest.mark.parametrize(
    "said", [b"x\n" * 2_000, b"x" * 5_000 + b"\n", b"x" * 9_000, b"m\tn\n" * 2_000]
)
async def test_floods_end_bounded(said: bytes) -> None:
    for daemon in (FakeDaemon(modules=said), FakeDaemon({"files": said})):
        async with connection(ENGINE, dialer(daemon)) as link:
            with pytest.raises(NotThisProtocol):
                await ENGINE.probe(link)
            assert link.bytes_read < 64 << 10


async def test_every_split_reads_alike() -> None:
    whole = await probe(FakeDaemon())
    for size in (1, 2, 3, 7):

        def script(data: bytes, size: int = size) -> list[Reply]:
            told = FakeDaemon()(data)
            text = b"".join(part for part in told if isinstance(part, bytes))
            return [*(text[at : at + size] for at in range(0, len(text), size)), *told[1:]]

        assert await probe(script) == whole


@given(st.binary(max_size=200), st.booleans())
async def test_any_listing_ends_bounded(said: bytes, framed: bool) -> None:
    listed = SEED + (block(said) if framed else said)
    try:
        proof = await probe(FakeDaemon(listed=listed))
    except LeftopenError:
        return
    assert proof.verdict in (Verdict.OPEN, Verdict.OPEN_PARTIAL)
    if proof.verdict is Verdict.OPEN:
        assert b".\x00" in listed or b"\x01." in listed  # only where the folder itself was named


FILES = st.lists(
    st.tuples(st.binary(min_size=1, max_size=300), st.integers(0, 2**40), st.booleans()),
    max_size=8,
)


@given(FILES, st.integers(1, 60))
async def test_listings_are_read_as_they_were_written(
    files: list[tuple[bytes, int, bool]], size: int
) -> None:
    told, before = b"", b""
    for at, (name, length, short) in enumerate(files):
        kept = 0
        while short and kept < min(len(name) - 1, len(before), 255) and name[kept] == before[kept]:
            kept += 1
        told += entry(name[kept:], length, flags=0x98 if at else 0x18, kept=kept)
        before = name
    told += b"\x00"
    pieces = b"".join(block(told[at : at + size]) for at in range(0, len(told), size))
    async with connection(ENGINE, dialer(lambda data: [SEED + pieces, None], b"")) as link:
        read: list[File] = [file async for file in Session(link).files("files")]
    assert [(f.name, f.size, f.kind) for f in read] == [
        (name.decode("utf-8", "replace"), length, "file") for name, length, _ in files
    ]


# --- requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        b"@RSYNCD: 31.0\n",
        b"owner 0123456789abcdef\n\n"[:-1] + b"x\0",
        b"#early_input=5\n",
        b"@RSYNCD: AUTH\n",
        b"--server\n-dt\n.\nfiles/\n\n" + bytes(4),  # without --sender it would be a write
        b"--server\n--sender\n-dtr\n.\nfiles/\n\n" + bytes(4),
        b"--server\n--sender\n-dt\n.\nfiles/../x\n\n" + bytes(4),
        b"--server\n--sender\n-dt\n.\nfiles/\n--remove-source-files\n\n" + bytes(4),
        b"--server\n--sender\n-dt\n.\na\n--delete/\n\n" + bytes(4),
        b"--server\n--sender\n-dt\n.\nfiles/\n\n" + bytes(4) + b"\x01\x00\x00\x00",  # fetches one
        b"--server\n--sender\n-dt\n.\n*/\n\n" + bytes(4),
        b"a/b\n",
        b"-x\n",
        b"a\nb\n",
        b"\n",
        b"a",
        b"\xff\n",
        b"",
    ],
)
def test_nothing_else_has_a_name(payload: bytes) -> None:
    with pytest.raises(RequestNotAllowed):
        name_of(payload)


def test_names_of_requests() -> None:
    assert {name_of(p) for p in (VERSION, MODULES, b"my files\n", listing("my files"))} == (
        ENGINE.requests
    )
    assert not any(
        map(is_module, ("", "a/b", "../x", "a*", "-a", "#a", "@a", "a\x00", "a ", "a\n"))
    )


async def test_modules_named_by_a_hostile_daemon_are_never_sent_on() -> None:
    names = [b"../../etc       ", b"-v             ", b"a\x1b[2J          ", b"#early_input=9  "]
    lines = b"".join(name + b"\tx\n" for name in names) + b"@RSYNCD: EXIT\n"
    made = dialer(FakeDaemon(modules=lines))
    async with connection(ENGINE, made) as link:
        assert (await ENGINE.probe(link)).verdict is Verdict.UNDETERMINED
    assert made.sent == [VERSION, MODULES]


# --- collections and samples ---------------------------------------------------------------------


async def test_collections_and_bounded_samples() -> None:
    many = b"".join(entry(b"f%05d" % n, n) for n in range(50))
    daemon = FakeDaemon({"a": OK, "b": LOCKED}, SEED + block(TOP + many + b"\x00" + bytes(4)))
    async with connection(ENGINE, dialer(daemon), StoreLimits(rows=7)) as link:
        (module,) = await ENGINE.collections(link)
        assert (module.name, module.records, module.bytes) == ("a", 50, sum(range(50)))
        (batch,) = [b async for b in ENGINE.sample(link, module, link.limits)]
        assert batch.num_rows == 7
        assert batch.schema.names == ["name", "size", "modified", "kind"]


async def test_an_endless_listing_ends() -> None:
    endless = [SEED + block(TOP), *[block(entry(b"f%05d" % n) * 1_000) for n in range(300)]]

    class Endless(FakeDaemon):
        def __call__(self, data: bytes) -> list[Reply]:
            return list(endless) if data.startswith(b"--server") else super().__call__(data)

    async with connection(ENGINE, dialer(Endless()), StoreLimits(bytes=2 << 20)) as link:
        (module,) = await ENGINE.collections(link)
        assert (module.records, module.bytes) == (None, None)


async def test_more_than_the_store_may_cost() -> None:
    async with connection(ENGINE, dialer(FakeDaemon()), StoreLimits(bytes=30)) as link:
        with pytest.raises(BudgetSpent):
            await ENGINE.probe(link)
    assert LIMITS.bytes > 30


async def test_a_trickle_of_something_else_is_told_by_its_first_bytes() -> None:
    async with connection(ENGINE, dialer(lambda data: None, b"@RSYNCX")) as link:
        with pytest.raises(NotThisProtocol):
            await ENGINE.probe(link)
