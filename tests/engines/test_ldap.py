"""The ldap engine against scripted directories, and its codec: verdicts, lies, what it may send."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines import _ldap_wire as wire
from leftopen.engines._ldap_wire import (
    Done,
    Entry,
    Scope,
    bind,
    decode,
    name_of,
    number,
    part,
    search,
)
from leftopen.engines.ldap import ENGINE, PERSONAL
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NotThisProtocol,
    RequestNotAllowed,
    ServerRefused,
)
from leftopen.knowledge import Mark
from leftopen.model import OptIn, Proof, Verdict
from leftopen.net.scripted import Reply, Script, ScriptedDialer
from leftopen.testing import LIMITS, connection

BASE = "dc=example,dc=org"
ABOUT = {"objectClass": [b"top", b"OpenLDAProotDSE"], "namingContexts": [BASE.encode()]}
PEOPLE = f"ou=people,{BASE}"
ANN = f"uid=ann,{PEOPLE}"


def entry(identifier: int, name: str, attributes: dict[str, list[bytes]]) -> bytes:
    told = [
        part(0x30, part(4, kind.encode()), part(0x31, *(part(4, v) for v in values)))
        for kind, values in attributes.items()
    ]
    body = part(0x64, part(4, name.encode()), part(0x30, *told))
    return part(0x30, number(identifier), body)


def done(
    identifier: int, code: int = 0, matched: str = "", cookie: bytes | None = None, tag: int = 0x65
) -> bytes:
    body = part(tag, number(code, 0x0A), part(4, matched.encode()), part(4, b"ann.lee@example.org"))
    controls = b""
    if cookie is not None:
        value = part(0x30, number(0), part(4, cookie))
        controls = part(0xA0, part(0x30, part(4, wire.PAGED), part(4, value)))
    return part(0x30, number(identifier), body, controls)


class FakeDirectory:
    """Answers as slapd does. `codes` refuses: "root", "one", "base", "made up" or "bind";
    `attributes` are the types that an entry tells, `cookies` how many pages follow the first."""

    def __init__(
        self,
        about: dict[str, list[bytes]] = ABOUT,
        codes: dict[str, int] | None = None,
        attributes: tuple[str, ...] = ("objectClass", "uid"),
        matched: str = BASE,
        below: str | None = PEOPLE,
        cookies: int = 0,
        shift: int = 0,
    ) -> None:
        self.about, self.codes, self.attributes = about, codes or {}, attributes
        self.matched, self.below, self.cookies, self.shift = matched, below, cookies, shift
        self.seen: list[str] = []
        self.bound = False

    def __call__(self, data: bytes) -> list[Reply]:
        told = b""
        while data:
            size = 2 + data[1] if data[1] < 0x80 else 2 + (data[1] & 0x7F)
            if data[1] >= 0x80:
                size += int.from_bytes(data[2:size], "big")
            told += self.answer(data[:size])
            data = data[size:]
        return [told] if told else []

    def answer(self, message: bytes) -> bytes:
        identifier, (tag, body), controls = wire._message(message)
        identifier += self.shift
        self.seen.append(name_of(message))
        if tag == 0x60:
            self.bound = not self.codes.get("bind")
            return done(identifier, self.codes.get("bind", 0), tag=0x61)
        base = wire._text(wire._parts(body)[0])
        scope = wire._int(wire._parts(body)[1], 0x0A)
        if controls:
            return self.page(identifier, scope)
        what = "root" if not base else "made up" if "leftopen-" in base else ("base", "one")[scope]
        code = self.codes.get(what, 0)
        if code and not (self.bound and code == 1):
            return done(identifier, code)
        if what == "root":
            return entry(identifier, "", self.about) + done(identifier)
        if what == "made up":
            return done(identifier, self.codes.get("made up", 32), self.matched)
        name = self.below if what == "one" else BASE
        types: dict[str, list[bytes]] = {kind: [] for kind in self.attributes}
        told = entry(identifier, name, types) if name else b""
        return told + done(identifier, 4 if name else 0)

    def page(self, identifier: int, scope: int) -> bytes:
        self.cookies -= 1
        cookie = b"on" if self.cookies >= 0 else b""
        classes = {"objectClass": [b"top", b"inetOrgPerson"]}
        held = {"objectClass": [b"top", b"organizationalUnit"]}
        if scope == Scope.SUB:
            told = entry(identifier, PEOPLE, held) + entry(identifier, ANN, classes)
        else:
            mails = [b"a@b.c", b"d@e.f"]
            held = {"CN;lang-en": [b"Ann Lee"], "mail": mails, "unasked": [b"x"]}
            told = entry(identifier, ANN, {**held, "jpegPhoto": [b"\xff\xd8"]})
        return told + done(identifier, cookie=cookie)


async def probe(script: Script, opt_in: OptIn | None = None) -> Proof:
    async with connection(ENGINE, ScriptedDialer(lambda: script), opt_in=opt_in) as link:
        return await ENGINE.probe(link)


# --- verdicts ------------------------------------------------------------------------------------


async def test_open() -> None:
    directory = FakeDirectory()
    reason = "entries and their attributes were read without a login"
    assert await probe(directory) == Proof(Verdict.OPEN, reason, None, "openldap")
    assert directory.seen == ["SEARCH base", "SEARCH one", "SEARCH base", "SEARCH base"]


@pytest.mark.parametrize("code", [1, 8, 48, 49, 50, 53])
@pytest.mark.parametrize("where", ["root", "both"])
async def test_codes_that_want_a_login(code: int, where: str) -> None:
    codes = {"root": code} if where == "root" else dict.fromkeys(("one", "base"), code)
    proof = await probe(FakeDirectory(codes=codes))
    assert proof.verdict is Verdict.AUTH_REQUIRED
    assert f"({code})" in proof.reason
    assert "ann" not in proof.reason


@pytest.mark.parametrize(
    ("directory", "verdict", "word"),
    [
        (FakeDirectory(attributes=()), Verdict.OPEN_PARTIAL, "none of their attributes"),
        (FakeDirectory(below=None), Verdict.OPEN, "nothing below"),
        (FakeDirectory(codes={"one": 50}), Verdict.OPEN, "nothing below"),
        (FakeDirectory(codes={"one": 32, "base": 32}), Verdict.UNDETERMINED, "hidden"),
        (FakeDirectory(codes={"one": 10, "base": 10}), Verdict.UNDETERMINED, "hidden"),
        (FakeDirectory(codes={"one": 13, "base": 13}), Verdict.UNDETERMINED, "TLS"),
        (FakeDirectory(codes={"root": 52}), Verdict.UNDETERMINED, "tells nothing"),
        (FakeDirectory(codes={"made up": 34}), Verdict.UNDETERMINED, "cannot exist"),
        (FakeDirectory(matched="dc=else"), Verdict.UNDETERMINED, "cannot exist"),
        (FakeDirectory(matched=""), Verdict.OPEN, "read"),
        (FakeDirectory(matched="DC=Example, DC=org"), Verdict.OPEN, "read"),
        (FakeDirectory(about={"objectClass": [b"top"]}), Verdict.UNDETERMINED, "no directory"),
        (
            FakeDirectory(about={"namingContexts": [b"cn=config", b"cn=Monitor", b""]}),
            Verdict.UNDETERMINED,
            "no directory",
        ),
    ],
)
async def test_what_an_answer_means(directory: FakeDirectory, verdict: Verdict, word: str) -> None:
    proof = await probe(directory)
    assert (proof.verdict, word in proof.reason) == (verdict, True)


async def test_everything_said_yes_to_is_no_directory() -> None:
    class Yes(FakeDirectory):
        def answer(self, message: bytes) -> bytes:
            told = super().answer(message)
            identifier, (_, body), _ = wire._message(message)
            base = wire._text(wire._parts(body)[0])
            if "leftopen-" in base:
                return entry(identifier, base, {"cn": []}) + done(identifier)
            return told

    with pytest.raises(NotThisProtocol):
        await probe(Yes())


async def test_the_bind_of_nobody_only_with_the_opt_in() -> None:
    allowed = OptIn(anonymous_login=True)
    directory = FakeDirectory(codes={"root": 1, "one": 1, "base": 1})
    assert (await probe(directory)).verdict is Verdict.AUTH_REQUIRED
    assert directory.seen == ["SEARCH base"]
    proof = await probe(directory, allowed)
    assert (proof.verdict, "scope file" in proof.reason) == (Verdict.OPEN, True)
    locked = FakeDirectory(codes={"root": 1, "bind": 48})
    proof = await probe(locked, allowed)
    assert (proof.verdict, "scope file" in proof.reason) == (Verdict.AUTH_REQUIRED, True)
    assert locked.seen == ["SEARCH base", "BIND anonymous"]
    open_already = FakeDirectory()
    await probe(open_already, allowed)
    assert "BIND anonymous" not in open_already.seen


@pytest.mark.parametrize(
    ("about", "product", "version"),
    [
        ({"supportedCapabilities": [b"1.2.840.113556.1.4.800"]}, "active directory", None),
        (
            {"vendorName": [b"389 Project"], "vendorVersion": [b"389-Directory/2.3.1 B2022"]},
            "389 directory server",
            "2.3.1",
        ),
        ({"vendorName": [b"389 Project"], "vendorVersion": [b"<b>ann</b>"]},
         "389 directory server", None),
        ({"vendorName": [b"ann.lee@example.org"]}, None, None),
    ],
)  # fmt: skip
async def test_product(
    about: dict[str, list[bytes]], product: str | None, version: str | None
) -> None:
    proof = await probe(FakeDirectory({"namingContexts": [BASE.encode()], **about}))
    assert (proof.product, proof.version) == (product, version)


async def test_a_recording_played_back_is_never_open() -> None:
    recorded: list[list[Reply]] = []
    directory = FakeDirectory()

    def record(data: bytes) -> list[Reply]:
        recorded.append(directory(data))
        return recorded[-1]

    assert (await probe(record)).verdict is Verdict.OPEN
    played = iter(recorded)
    with pytest.raises(NotThisProtocol):
        await probe(lambda data: next(played, None))


@pytest.mark.parametrize("shift", [1, -1, 255])
async def test_an_answer_to_another_message_is_no_proof(shift: int) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeDirectory(shift=shift))


# --- not LDAP, and hostile -----------------------------------------------------------------------


def _as_sent(made: Callable[[int], bytes]) -> Script:
    """A peer that answers every message with what is made for its id."""

    def script(data: bytes) -> bytes:
        size = 2 + data[1]
        return made(wire._message(data[:size])[0])

    return script


@pytest.mark.parametrize(
    "made",
    [
        lambda n: part(0x30, number(n)),
        lambda n: part(0x30, number(n), part(0x65)),
        lambda n: part(0x30, number(n), part(0x65, number(0, 0x0A))),
        lambda n: part(0x30, number(n), part(0x65, number(0), part(4), part(4))),
        lambda n: part(0x30, part(4), part(0x65)),
        lambda n: part(0x30, number(n), part(0x64, part(4))),
        lambda n: part(0x30, number(n), part(0x64, part(4), part(0x30, part(0x30, part(4))))),
        lambda n: part(0x30, number(n), part(0x64, part(4), part(0x30, part(4)))),
        lambda n: part(0x30, number(n), part(0x63, b"")),
        lambda n: part(0x30, number(n), part(0x65), part(0xA0), part(0xA0)),
        lambda n: part(0x30, number(n), b"\x1f\x81\x00\x00"),
        lambda n: part(0x30, number(n), b"\x65\x80\x00\x00"),
        lambda n: part(0x30, number(n), b"\x65\x85\x00\x00\x00\x00\x00"),
        lambda n: part(0x30, number(n), b"\x65\x05\x00"),
        lambda n: part(0x30, b"\x02\x05\x00\x00\x00\x00\x01", part(0x65)),
        lambda n: part(0x30, b"\x02\x01\xff", part(0x65)),
        lambda n: part(0x30, b"\x02\x00", part(0x65)),
        lambda n: part(0x30, number(n), part(0x64, part(4), part(0x30, b"\x05\x00" * 20_001))),
        lambda n: done(0, tag=0x78),  # notice of disconnection
        lambda n: entry(n, "", ABOUT) * 2,
        lambda n: b"\x30\x80",
        lambda n: b"\x30\x85\x00\x00\x00\x00\x01\x00",
        lambda n: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda n: b"-ERR unknown\r\n",
        lambda n: search(n, "", Scope.BASE, (), most=1),  # an echo
    ],
)
async def test_what_is_no_answer(made: Callable[[int], bytes]) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(_as_sent(made))


async def test_a_huge_length_is_refused_before_it_is_read() -> None:
    async with connection(
        ENGINE, ScriptedDialer(lambda: lambda data: b"\x30\x84\xff\xff\xff\xff" + b"A" * 60_000)
    ) as link:
        with pytest.raises(BudgetSpent):
            await ENGINE.probe(link)
        assert link.bytes_read < 128 << 10


async def test_every_split_reads_alike() -> None:
    whole = await probe(FakeDirectory())
    for size in (1, 2, 3, 5, 50):
        directory = FakeDirectory()

        def script(
            data: bytes, directory: FakeDirectory = directory, size: int = size
        ) -> list[Reply]:
            told = b"".join(p for p in directory(data) if isinstance(p, bytes))
            return [told[at : at + size] for at in range(0, len(told), size)]

        assert await probe(script) == whole


@given(st.binary(max_size=200), st.booleans())
async def test_any_bytes_end_bounded_and_never_open(said: bytes, framed: bool) -> None:
    told = part(0x30, said) if framed else said
    try:
        proof = await probe(lambda data: told or None)
    except LeftopenError:
        return
    assert proof.verdict is not Verdict.OPEN


@given(st.integers(0, 2**31 - 1), st.text(max_size=300), st.dictionaries(
    st.text(max_size=20), st.lists(st.binary(max_size=300), max_size=3), max_size=5))  # fmt: skip
def test_entries_are_decoded_as_they_were_encoded(
    identifier: int, name: str, attributes: dict[str, list[bytes]]
) -> None:
    assert decode(entry(identifier, name, attributes)) == (identifier, Entry(name, attributes))


@given(
    st.integers(0, 2**31 - 1), st.integers(0, 127), st.text(max_size=300), st.binary(max_size=90)
)
def test_results_are_decoded_as_they_were_encoded(
    identifier: int, code: int, matched: str, cookie: bytes
) -> None:
    told = decode(done(identifier, code, matched, cookie))
    assert told == (identifier, Done(code, matched, cookie))


@given(st.binary(max_size=300))
def test_the_decoder_raises_nothing_but_its_own_error(data: bytes) -> None:
    with contextlib.suppress(NotThisProtocol):
        decode(data)
    with contextlib.suppress(RequestNotAllowed):
        name_of(data)


def test_a_length_of_every_form() -> None:
    for size in (0, 1, 127, 128, 255, 256, 65_535, 65_536):
        told = part(4, b"x" * size)
        assert list(wire._walk(told)) == [(4, b"x" * size)]
    assert part(4, b"x" * 300)[:4] == b"\x04\x82" + struct.pack("!H", 300)


# --- requests ------------------------------------------------------------------------------------


def test_names_are_those_of_the_bytes() -> None:
    for scope in Scope:
        assert name_of(search(7, BASE, scope, ("cn",), most=1)) == f"SEARCH {scope.name.lower()}"
    assert name_of(bind(7)) == "BIND anonymous"


@pytest.mark.parametrize(
    "operation",
    [
        part(
            0x60, b"\x02\x01\x03", part(4, b"cn=admin"), part(0x80)
        ),  # a name: unauthenticated bind
        part(0x60, b"\x02\x01\x03", part(4, b"cn=admin"), part(0x80, b"secret")),
        part(0x60, b"\x02\x01\x03", part(4), part(0x80, b"secret")),
        part(0x60, b"\x02\x01\x03", part(4), part(0xA3, part(4, b"PLAIN"))),
        part(0x66, part(4, ANN.encode()), part(0x30)),  # modify
        part(0x68, part(4, ANN.encode()), part(0x30)),  # add
        part(0x4A, ANN.encode()),  # delete
        part(0x6C, part(4, ANN.encode()), part(4), part(1, b"\xff")),  # rename
        part(0x6E, part(4, ANN.encode()), part(0x30)),  # compare
        part(0x77, part(0x80, b"1.3.6.1.4.1.4203.1.11.1")),  # change of a password
        part(0x63, part(4), number(3, 0x0A)),
        part(0x63, part(4)),
    ],
)
def test_nothing_else_has_a_name(operation: bytes) -> None:
    with pytest.raises(RequestNotAllowed):
        name_of(part(0x30, number(7), operation))


async def test_a_verdict_asks_for_no_value_but_those_of_the_root() -> None:
    made = ScriptedDialer(FakeDirectory)
    async with connection(ENGINE, made) as link:
        await ENGINE.probe(link)
        assert link.requests == ["SEARCH base", "SEARCH one"]
    _, below = made.streams[0].sent[0], made.streams[0].sent[-1]
    assert below.count(b"\x01\x01\xff") == 2  # types only
    assert below.count(b"1.1") == 1


# --- collections and samples ---------------------------------------------------------------------


async def test_what_lies_below_one_entry_is_a_collection() -> None:
    async with connection(ENGINE, ScriptedDialer(lambda: FakeDirectory(cookies=2))) as link:
        (people,) = await ENGINE.collections(link)
        assert (people.name, people.records) == (PEOPLE, 3)
        batches = [batch async for batch in ENGINE.sample(link, people, LIMITS)]
    (batch,) = batches
    assert set(batch.schema.names) == {"cn", "mail[]", "jpegPhoto"}
    assert "unasked" not in PERSONAL


async def test_of_a_password_only_its_presence_is_asked_for() -> None:
    class Keeps(FakeDirectory):
        """Gives the value of a password to whoever asks for it, and even where only types are."""

        def answer(self, message: bytes) -> bytes:
            if b"userPassword" not in message:
                return super().answer(message)
            identifier, (_, body), _ = wire._message(message)
            assert wire._parts(body)[5] == (0x01, b"\xff")
            has = {"userPassword;x-old": [b"hush"], "unicodePwd": [], "cn": [b"Ann Lee"]}
            return entry(identifier, ANN, has) + done(identifier)

    async with connection(ENGINE, ScriptedDialer(Keeps)) as link:
        (people,) = await ENGINE.collections(link)
        batches = [batch async for batch in ENGINE.sample(link, people, LIMITS)]
    ((row,),) = [batch.to_pylist() for batch in batches]
    assert (row["userPassword"], row["unicodePwd"], row["cn"]) == (True, True, "Ann Lee")
    assert "hush" not in str(row)
    assert not {name.lower() for name in PERSONAL} & {name.lower() for name in wire.SECRETS}


@pytest.mark.parametrize(
    "attributes", [[], ["*"], ["cn", "+"], ["cn", "USERPASSWORD"], ["unicodepwd;binary"]]
)
def test_no_search_can_ask_for_the_value_of_a_secret(attributes: list[str]) -> None:
    with pytest.raises(RequestNotAllowed):
        name_of(wire.search(7, BASE, Scope.ONE, attributes, most=1))
    assert name_of(wire.search(7, BASE, Scope.ONE, attributes, most=1, types_only=True))


async def test_pages_without_an_end_end() -> None:
    async with connection(
        ENGINE, ScriptedDialer(lambda: FakeDirectory(cookies=10**6)), StoreLimits(rows=30)
    ) as link:
        (people,) = await ENGINE.collections(link)
        assert people.records is None
        batches = [batch async for batch in ENGINE.sample(link, people, StoreLimits(rows=30))]
        assert sum(batch.num_rows for batch in batches) <= 30


async def test_bytes_of_a_sample_are_bounded() -> None:
    class Fat(FakeDirectory):
        def page(self, identifier: int, scope: int) -> bytes:
            if scope == Scope.SUB:
                return super().page(identifier, scope)
            told = entry(identifier, ANN, {"description": [b"x" * 50_000]}) * 100
            return told + done(identifier)

    limits = StoreLimits(bytes=1 << 20, reply_bytes=1 << 20)
    async with connection(ENGINE, ScriptedDialer(Fat), limits) as link:
        (people,) = await ENGINE.collections(link)
        batches = [batch async for batch in ENGINE.sample(link, people, limits)]
        assert 1 <= sum(batch.num_rows for batch in batches) <= 5


async def test_a_refused_walk_is_an_error_without_the_servers_text() -> None:
    class Refuses(FakeDirectory):
        def page(self, identifier: int, scope: int) -> bytes:
            return done(identifier, 50)

    async with connection(ENGINE, ScriptedDialer(Refuses)) as link:
        with pytest.raises(ServerRefused) as refused:
            await ENGINE.collections(link)
    assert refused.value.code == "50"
    assert "ann" not in str(refused.value)


async def test_referrals_are_never_followed() -> None:
    class Refers(FakeDirectory):
        def page(self, identifier: int, scope: int) -> bytes:
            away = part(0x30, number(identifier), part(0x73, part(4, b"ldap://192.0.2.9/")))
            return away * 3 + super().page(identifier, scope)

    made = ScriptedDialer(Refers)
    async with connection(ENGINE, made) as link:
        assert [c.name for c in await ENGINE.collections(link)] == [PEOPLE]
    assert {str(target) for target in made.targets} == {"127.0.0.1:389"}


# --- what it knows for nothing -------------------------------------------------------------------


class Known(FakeDirectory):
    """Tells these attributes of entries by their names, whatever is asked of them."""

    def __init__(self, held: dict[str, dict[str, list[bytes]]]) -> None:
        super().__init__()
        self.held = held

    def answer(self, message: bytes) -> bytes:
        identifier, (tag, body), _ = wire._message(message)
        base = wire._text(wire._parts(body)[0]) if tag == 0x63 else ""
        if base not in self.held:
            return super().answer(message) if not base else done(identifier, 32)
        return entry(identifier, base, self.held[base]) + done(identifier)


UPTIME = "cn=Uptime,cn=Time,cn=Monitor"
CSN = "20261122050001.123456Z#000000#%03x#000000"


@pytest.mark.parametrize(
    ("held", "how"),
    [
        ({UPTIME: {"monitoredInfo": [b"3600"]}}, "started"),
        ({UPTIME: {"monitoredInfo": [b"-1", b"x", b"", b"9" * 40]}}, None),
        ({BASE: {"createTimestamp": [b"20261101000000Z"]}}, "created"),
        ({BASE: {"CREATETIMESTAMP": [b"20261101000000.5Z"]}}, "created"),
        ({BASE: {"createTimestamp": [b"20261399000000Z", b"\xff", b"99991231235959Z"]}}, None),
        ({BASE: {"other": [b"20261101000000Z"]}}, None),
        ({UPTIME: {"monitoredInfo": [b"x"]}, BASE: {"createTimestamp": [b"20261101000000Z"]}},
         "created"),
        ({}, None),
    ],
)  # fmt: skip
async def test_since_when_it_is_there(
    held: dict[str, dict[str, list[bytes]]], how: str | None
) -> None:
    async with connection(ENGINE, ScriptedDialer(lambda: Known(held))) as link:
        since = await ENGINE.since(link)
    assert (None if since is None else since.how) == how


@pytest.mark.parametrize(
    ("held", "change"),
    [
        ({BASE: {"contextCSN": [(CSN % 0).encode()]}}, 1_795_323_601_123_456),
        ({BASE: {"contextCSN": [(CSN % n).encode() for n in (1, 2)]}}, 2 * 1_795_323_601_123_456),
        ({BASE: {"contextCSN": [b"x", b"", b"20261122050001Z#", b"0" * 5_000]}}, None),
        ({"": {"highestCommittedUSN": [b"4711"], **ABOUT}}, 4_711),
        ({"": {"highestCommittedUSN": [b"-5", b"x", b"9" * 40], **ABOUT}}, None),
        ({}, None),
    ],
)
async def test_the_last_change(held: dict[str, dict[str, list[bytes]]], change: int | None) -> None:
    listed = [Collection(name, 1, None, name) for name in (PEOPLE, "ou=people,dc=other")]
    async with connection(ENGINE, ScriptedDialer(lambda: Known(held))) as link:
        marks = await ENGINE.marks(link, listed)
    assert marks == ({} if change is None else {PEOPLE: Mark(changes=change)})
