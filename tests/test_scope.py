"""The scope: its file, its errors, and that nothing outside it is ever connected to."""

from __future__ import annotations

import asyncio
import errno
import re
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.budget import Budget, StoreLimits
from leftopen.discover import Part, Plan, plan
from leftopen.errors import Refused, ScopeRefused, UsageError
from leftopen.model import Address, Network, OptIn, Target, Vantage
from leftopen.net.connection import Connection
from leftopen.net.dial import TcpDialer
from leftopen.net.sweep import Sweep
from leftopen.scope import Scope, parse_network, subtract, vantage
from leftopen.scope_file import load

TODAY = date(2026, 1, 15)
GOOD = {
    "owner": '"Example Ltd"',
    "authorised_by": '"Ann Lee, CISO"',
    "reference": '"AUDIT-7"',
    "expires": "2026-12-31",
    "targets": '["10.0.0.0/28"]',
}


def nobody(name: str) -> Sequence[Address]:
    raise UsageError(f"{name!r} has no address here; check the name or give one")


def written(folder: Path, changes: Mapping[str, str | None]) -> Path:
    """A scope file: the good one with some fields changed, added or (None) left out."""
    fields = {**GOOD, **changes}
    lines = [f"{name} = {value}" for name, value in fields.items() if value is not None]
    path = folder / "scope.toml"
    path.write_text("\n".join(["[scope]", *lines]), encoding="utf-8")
    return path


# --- The oracle: sets of plain numbers, made without leftopen's own arithmetic. ---

_MAPPED = 0xFFFF << 32


def number_of(address: Address) -> tuple[int, int]:
    """IP version and number of who is really reached: an IPv4-mapped address is the IPv4 one."""
    number = int(address)
    if address.version == 6 and number >> 32 == 0xFFFF:
        return (4, number - _MAPPED)
    return (address.version, number)


def all_of(networks: Sequence[Network]) -> set[tuple[int, int]]:
    return {number_of(address) for network in networks for address in network}


_UNIVERSES = (  # base, address bits, prefix at its narrowest
    (int(IPv4Address("10.0.0.0")), 32),
    (int(IPv6Address("fd00::")), 128),
    (_MAPPED + int(IPv4Address("10.0.0.0")), 128),
)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A network of up to 64 addresses in one of three small universes that meet each other."""
    base, bits = draw(st.sampled_from(_UNIVERSES))
    free = draw(st.integers(0, 6))
    number = base + (draw(st.integers(0, 63)) >> free << free)
    kind = IPv4Address if bits == 32 else IPv6Address
    return ip_network(f"{kind(number)}/{bits - free}")


@st.composite
def some_address(draw: st.DrawFn) -> Address:
    base, bits = draw(st.sampled_from(_UNIVERSES))
    kind = IPv4Address if bits == 32 else IPv6Address
    return kind(base + draw(st.integers(0, 67)))  # a few lie past the end of the universe


@dataclass(frozen=True)
class World:
    """What a scope file says, and which names mean what."""

    targets: list[Network]
    exclusions: list[Network]
    target_names: dict[str, list[Address]]
    excluded_names: dict[str, list[Address]]

    @property
    def permitted(self) -> set[tuple[int, int]]:
        named = {number_of(a) for found in self.target_names.values() for a in found}
        holes = {number_of(a) for found in self.excluded_names.values() for a in found}
        return (all_of(self.targets) | named) - all_of(self.exclusions) - holes

    def resolve(self, name: str) -> Sequence[Address]:
        return {**self.target_names, **self.excluded_names}[name]

    def scope(self) -> Scope | None:
        """The scope as loaded from a file; None where the exclusions cover everything."""
        targets = [str(n) for n in self.targets] + list(self.target_names)
        exclusions = [str(n) for n in self.exclusions] + list(self.excluded_names)
        with tempfile.TemporaryDirectory() as folder:
            changes = {"targets": str(targets), "exclusions": str(exclusions)}
            path = written(Path(folder), changes)
            if self.permitted:
                return load(path, self.resolve, TODAY)
            with pytest.raises(UsageError, match="exclusions cover every target"):
                load(path, self.resolve, TODAY)
            return None


def names(stem: str) -> st.SearchStrategy[dict[str, list[Address]]]:
    found = st.lists(some_address(), min_size=1, max_size=3)
    return st.dictionaries(
        st.sampled_from([f"{stem}{n}.example" for n in "abc"]), found, max_size=2
    )


worlds = st.builds(
    World,
    st.lists(networks(), min_size=1, max_size=5),
    st.lists(networks(), max_size=4),
    names("db-"),
    names("not-"),
)


class Recorder:
    """A network that refuses every connection and remembers whereto it was asked."""

    def __init__(self) -> None:
        self.sockets = 0
        self.tried: list[tuple[tuple[int, int], int]] = []

    def open_socket(self, family: int) -> Recorder:
        self.sockets += 1
        return self

    def fileno(self) -> int:
        return -1

    def connect_ex(self, address: tuple[str, int], /) -> int:
        self.note(*address)
        return errno.ECONNREFUSED

    def note(self, host: str, port: int) -> None:
        self.tried.append((number_of(ip_address(host)), port))

    def getsockopt(self, level: int, option: int, /) -> int:
        raise AssertionError("the socket was refused at once")

    def getsockname(self) -> tuple[str, int]:
        raise AssertionError("the socket was refused at once")

    getpeername = getsockname

    def close(self) -> None:
        pass


@settings(max_examples=300, deadline=None)
@given(worlds, st.lists(networks(), min_size=1, max_size=4), st.integers(0, 9), st.booleans())
def test_the_sweep_never_leaves_the_scope(
    world: World, tried: list[Network], seed: int, limited: bool
) -> None:
    """Even a plan that nobody checked, as a damaged record could bring back."""
    scope = world.scope()
    if scope is None:
        return
    pairs = Plan(tuple(Part(network, (27017, 6379)) for network in tried))
    recorder = Recorder()
    budget = Budget(1e6, 1e6) if limited else Budget(None, None)
    sweep = Sweep(scope, budget, pairs, seed=seed, open_socket=recorder.open_socket)
    result = sweep.run(lambda target: None, lambda *counts: None, threading.Event())
    wanted = [number_of(address) for network in tried for address in network]
    inside = sorted(
        (number, port) for number in wanted if number in world.permitted for port in (6379, 27017)
    )
    assert sorted(recorder.tried) == inside
    assert recorder.sockets == len(inside)
    assert (result.refused, result.outside) == (len(inside), 2 * len(wanted) - len(inside))


@settings(max_examples=300, deadline=None)
@given(worlds, st.lists(some_address(), min_size=1, max_size=20))
def test_the_dialer_never_leaves_the_scope(world: World, tried: list[Address]) -> None:
    scope = world.scope()
    if scope is None:
        return
    recorder = Recorder()

    async def open_connection(host: str, port: int, **options: object) -> None:
        recorder.note(host, port)
        raise ConnectionRefusedError

    async def dial_all() -> list[bool]:
        dialer = TcpDialer(scope, Budget(None, None))
        refused_by_scope = []
        for address in tried:
            connection = Connection(dialer, Target(address, 6379), frozenset(), StoreLimits())
            with pytest.raises((ScopeRefused, Refused)) as raised:
                await connection.reopen()
            refused_by_scope.append(isinstance(raised.value, ScopeRefused))
        return refused_by_scope

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "open_connection", open_connection)
        refused_by_scope = asyncio.run(dial_all())
    inside = [number_of(a) in world.permitted for a in tried]
    assert refused_by_scope == [not was for was in inside]
    assert [n for n, _ in recorder.tried] == [
        number_of(a) for a, was in zip(tried, inside, strict=True) if was
    ]


@settings(max_examples=300, deadline=None)
@given(worlds, st.lists(networks() | some_address(), max_size=3))
def test_a_plan_holds_what_is_permitted_and_nothing_else(
    world: World, wanted: list[Network | Address]
) -> None:
    scope = world.scope()
    if scope is None:
        return
    named = all_of(world.targets) | {
        number_of(a) for found in world.target_names.values() for a in found
    }
    asked = [all_of([ip_network(w)]) for w in wanted]
    try:
        made = plan(scope, [str(w) for w in wanted], [80, 443], world.resolve)
    except ScopeRefused:
        assert any(not one <= named or not one & world.permitted for one in asked)
        return
    pairs = [made.pair(index) for index in range(made.count)]
    planned = {number_of(pair.address) for pair in pairs}
    if asked:
        assert all(one <= named and one & world.permitted for one in asked)
        assert planned == set().union(*asked) & world.permitted
    else:
        assert planned == world.permitted
    assert len(set(pairs)) == len(pairs) == 2 * len(planned)


@given(worlds, st.lists(some_address(), max_size=20), st.lists(networks(), max_size=5))
def test_permits_covers_and_reachable_agree_with_sets(
    world: World, asked: list[Address], blocks: list[Network]
) -> None:
    scope = Scope(
        tuple(world.targets),
        tuple(world.exclusions),
        {name: tuple(found) for name, found in world.target_names.items()},
    )
    named = all_of(world.targets) | {
        number_of(a) for found in world.target_names.values() for a in found
    }
    for address in asked:
        inside = number_of(address) in named - all_of(world.exclusions)
        assert scope.permits(address) == inside
    for block in blocks:
        assert scope.covers(block) == (all_of([block]) <= named)
    assert all_of(scope.reachable()) == named - all_of(world.exclusions)


@given(st.lists(networks(), max_size=6), st.lists(networks(), max_size=6))
def test_subtract_is_set_difference(whole: list[Network], holes: list[Network]) -> None:
    plain = [{(a.version, int(a)) for n in some for a in n} for some in (whole, holes)]
    left = subtract(whole, holes)
    assert {(a.version, int(a)) for n in left for a in n} == plain[0] - plain[1]
    assert sum(n.num_addresses for n in left) == len(plain[0] - plain[1])


# --- Fixed points of the scope. ---


def test_loopback_needs_no_file_and_is_all_there_is() -> None:
    scope = Scope.loopback()
    for inside in ("127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"):
        assert scope.permits(ip_address(inside))
    for outside in ("126.255.255.255", "128.0.0.0", "10.0.0.1", "8.8.8.8", "::2", "::",
                    "0.0.0.0", "::ffff:8.8.8.8", "fe80::1", "::7f00:1"):  # fmt: skip
        assert not scope.permits(ip_address(outside))
        with pytest.raises(ScopeRefused):
            scope.require(ip_address(outside))


def test_what_no_scope_can_permit() -> None:
    everywhere = Scope((ip_network("0.0.0.0/0"), ip_network("::/0")))
    for never in ("0.0.0.0", "224.0.0.1", "239.255.255.255", "::", "ff02::1", "fe80::1%eth0",
                  "::ffff:224.0.0.1", "::ffff:0.0.0.0"):  # fmt: skip
        assert not everywhere.permits(ip_address(never))
    assert everywhere.permits(ip_address("fe80::1"))


def test_an_exclusion_in_mapped_form_excludes() -> None:
    scope = Scope((ip_network("10.0.0.0/8"),), (ip_network("::ffff:10.0.0.0/120"),))
    assert not scope.permits(ip_address("10.0.0.7"))
    assert scope.permits(ip_address("10.0.1.7"))


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.3.2.1", Vantage.LOOPBACK),
        ("::ffff:127.0.0.1", Vantage.LOOPBACK),
        ("10.1.1.1", Vantage.PRIVATE),
        ("172.32.0.1", Vantage.PUBLIC),
        ("fd00::1", Vantage.PRIVATE),
        ("2001:db8::1", Vantage.PUBLIC),
    ],
)
def test_vantage(address: str, kind: Vantage) -> None:
    assert vantage(ip_address(address)) is kind


def test_names_are_resolved_once_and_stay_pinned(tmp_path: Path) -> None:
    answers = iter(
        [[ip_address("10.9.9.9"), ip_address("::ffff:10.9.9.8"), ip_address("fe80::1%2")]]
    )
    path = written(tmp_path, {"targets": '["db.example.org"]'})
    scope = load(path, lambda name: next(answers), TODAY)
    assert scope.permits(ip_address("10.9.9.9"))
    assert scope.permits(ip_address("10.9.9.8"))
    assert not scope.permits(ip_address("fe80::1%2"))
    assert scope.hosts == {
        "db.example.org": tuple(map(ip_address, ("10.9.9.9", "10.9.9.8", "fe80::1")))
    }


def test_the_fingerprint_changes_with_what_is_permitted(tmp_path: Path) -> None:
    one = load(written(tmp_path, {}), nobody, TODAY)
    same = load(written(tmp_path, {}), nobody, TODAY)
    other = load(written(tmp_path, {"exclusions": '["10.0.0.3"]'}), nobody, TODAY)
    assert one.sha256 == same.sha256 != other.sha256


def test_the_last_day_still_counts(tmp_path: Path) -> None:
    assert load(written(tmp_path, {"expires": "2026-01-15"}), nobody, TODAY).expires == TODAY


@pytest.mark.parametrize(
    ("targets", "count", "goes"),
    [
        ('["192.0.2.0/28"]', None, False),
        ('["192.0.2.0/28"]', 15, False),
        ('["192.0.2.0/28"]', 16, True),
        ('["192.0.2.0/28", "192.0.2.8/29", "10.0.0.0/8"]', 16, True),
        ('["192.0.2.7", "2001:db8::5"]', None, True),
        ('["192.0.2.7", "192.0.2.0/30"]', None, False),
        ('["0.0.0.0/0"]', None, False),
        ('["::/0"]', 2**64, False),
        ('["10.0.0.0/8", "fd00::/64"]', None, True),
        ('["::ffff:192.0.2.0/124"]', None, False),
        ('["::ffff:192.0.2.0/124"]', 16, True),
    ],
)
def test_public_ranges_must_state_their_size(
    tmp_path: Path, targets: str, count: int | None, goes: bool
) -> None:
    stated = None if count is None else str(count)
    path = written(tmp_path, {"targets": targets, "public_addresses": stated})
    if goes:
        assert load(path, nobody, TODAY).reachable()
    else:
        with pytest.raises(UsageError, match="public_addresses"):
            load(path, nobody, TODAY)


# --- Bad scope files: one line each, that names the file and says what to do. ---


def told(path: Path, resolve: Callable[[str], Sequence[Address]] = nobody) -> str:
    with pytest.raises(UsageError) as raised:
        load(path, resolve, TODAY)
    line = str(raised.value)
    assert line.isprintable()
    assert str(path) in line
    assert raised.value.code == "usage"
    return line


@pytest.mark.parametrize(
    ("changes", "wrong", "remedy"),
    [
        *[
            ({field: None}, f"no '{field}'", "must be stated")
            for field in ("owner", "authorised_by", "reference", "expires", "targets")
        ],
        *[
            ({field: '"  "'}, f"{field} is empty", "say who or what")
            for field in ("owner", "authorised_by", "reference")
        ],
        ({"owner": "7"}, "owner: input should be a valid string", "correct it"),
        ({"expires": "2025-12-31"}, "expired on 2025-12-31", "renewed"),
        ({"expires": '"soon"'}, "expires: ", "correct it"),
        ({"targets": "[]"}, "targets is empty", "name what may be scanned"),
        ({"targets": '["10.0.0.0/28", 5]'}, "targets.1: ", "correct it"),
        ({"exclusion": '["10.0.0.1"]'}, "no field 'exclusion'", "exclusions"),
        ({'"a\\nb"': "1"}, "no field", "the fields are"),
        ({"exclusions": '["10.0.0.0/8"]'}, "cover every target", "take one out"),
        ({"exclusions": '["10.0.0.0/29", "10.0.0.8/29"]'}, "cover every target", "take one out"),
        ({"exclusions": '["::ffff:10.0.0.0/104"]'}, "cover every target", "take one out"),
        ({"targets": '["192.0.2.0/24"]'}, "hold 256 public", "public_addresses = 256"),
        ({"targets": '["192.0.2.0/24"]', "public_addresses": "25"}, "says 25", "correct"),
        ({"targets": '["10.0.0.1/28"]'}, "host bits", "10.0.0.0/28?"),
        ({"targets": '["10.0.0.300"]'}, "'10.0.0.300' is not", "write for example"),
        ({"targets": '["10.0.0.0/33"]'}, "'10.0.0.0/33' is not", "write for example"),
        ({"targets": '["10.1"]'}, "'10.1' is not", "write for example"),
        ({"targets": '["0x0a000001"]'}, "'0x0a000001' is not", "write for example"),
        ({"targets": '["10.0.0.0-10.0.0.9"]'}, "is not", "write for example"),
        ({"targets": '["fe80::1%eth0"]'}, "zone", "without it"),
        ({"targets": '["[::1"]'}, "'[::1' is not", "write for example"),
        ({"targets": '[""]'}, "'' is not", "write for example"),
        ({"targets": '["a\\u001b[31m\\nb"]'}, "is not", "write for example"),
        ({"targets": '["gone.example"]'}, "'gone.example' has no address", "check the name"),
        ({"exclusions": '["gone.example"]'}, "'gone.example' has no address", "check the name"),
    ],
)
def test_a_bad_scope_file(
    tmp_path: Path, changes: dict[str, str | None], wrong: str, remedy: str
) -> None:
    line = told(written(tmp_path, changes))
    assert wrong in line
    assert remedy in line


def test_a_name_that_means_nothing_is_an_error_even_as_an_exclusion(tmp_path: Path) -> None:
    path = written(tmp_path, {"exclusions": '["gone.example"]'})
    assert "has no address" in told(path, lambda name: ())


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "no [scope] table"),
        (b"scope = 5", "no [scope] table"),
        (b"[other]\nowner = 'x'", "no [scope] table"),
        (b"[scope\n", "not a TOML file"),
        (b"\xff\xfe", "not a TOML file"),
        (b'[scope]\nowner = "a\x1b"', "not a TOML file"),
        (b"a = " + b"[" * 100_000, "not a TOML file"),
    ],
)
def test_a_file_that_is_no_scope(tmp_path: Path, content: bytes, wrong: str) -> None:
    path = tmp_path / "scope.toml"
    path.write_bytes(content)
    assert wrong in told(path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert "cannot be read" in told(tmp_path / "none.toml")
    assert "cannot be read" in told(tmp_path)
    with pytest.raises(UsageError) as raised:
        load(tmp_path / "a\nb\x1b", nobody, TODAY)
    assert str(raised.value).isprintable()
    with pytest.raises(UsageError):
        load(Path("a\0b"), nobody, TODAY)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("10.0.0.5", "10.0.0.5/32"),
        (" 10.0.0.0/24 ", "10.0.0.0/24"),
        ("[::1]", "::1/128"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("::ffff:10.0.0.0/120", "10.0.0.0/24"),
        ("2001:db8::/120", "2001:db8::/120"),
    ],
)
def test_networks_as_they_are_written(text: str, means: str) -> None:
    assert parse_network(text) == ip_network(means)


@pytest.mark.parametrize("text", ["db.example.org", "localhost", "db_1", "xn--bcher-kva.example."])
def test_names_as_they_are_written(text: str) -> None:
    assert parse_network(text) is None


OPT_IN = """
[scope]
owner = "Town of Ulm"
authorised_by = "A. Person"
reference = "T-1"
expires = 2099-01-01
targets = ["10.0.0.0/24", "db.example.org", "2001:db8::/120"]
public_addresses = 256

[[scope.opt_in]]
targets = {targets}
{allows}
"""


def _with_opt_in(tmp_path: Path, targets: str, allows: str) -> Scope:
    file = tmp_path / "leftopen.toml"
    file.write_text(OPT_IN.format(targets=targets, allows=allows))
    return load(file, lambda name: [ip_address("10.0.0.77")])


@pytest.mark.parametrize(
    ("targets", "here", "elsewhere"),
    [
        ('["10.0.0.5:3306"]', "10.0.0.5:3306", ["10.0.0.5:3307", "10.0.0.6:3306"]),
        ('["10.0.0.5"]', "10.0.0.5:9", ["10.0.0.4:9"]),
        ('["10.0.0.8/29"]', "10.0.0.15:1", ["10.0.0.16:1"]),
        ('["db.example.org:21"]', "10.0.0.77:21", ["10.0.0.77:22", "10.0.0.78:21"]),
        ('["[2001:db8::5]:389"]', "2001:db8::5 389", ["2001:db8::6 389", "2001:db8::5 390"]),
        ('["10.0.0.1", "10.0.0.5:3306"]', "10.0.0.5:3306", ["10.0.0.2:3306"]),
    ],
)
def test_an_opt_in_holds_where_it_says_and_nowhere_else(
    tmp_path: Path, targets: str, here: str, elsewhere: list[str]
) -> None:
    scope = _with_opt_in(tmp_path, targets, "anonymous_login = true")

    def at(text: str) -> OptIn:
        address, _, port = text.replace(" ", ":").rpartition(":")
        return scope.opt_in(Target(ip_address(address), int(port)))

    assert at(here) == OptIn(anonymous_login=True)
    assert all(at(other) == OptIn() for other in elsewhere)
    assert Scope.loopback().opt_in(Target(ip_address("127.0.0.1"), 3306)) == OptIn()


def test_several_opt_ins_add_up_and_change_the_fingerprint(tmp_path: Path) -> None:
    allows = 'buckets = ["a", "b"]\n[[scope.opt_in]]\ntargets = ["10.0.0.0/24"]\nsession = true'
    scope = _with_opt_in(tmp_path, '["10.0.0.5"]', allows)
    assert scope.opt_in(Target(ip_address("10.0.0.5"), 9)) == OptIn(
        buckets=("a", "b"), session=True
    )
    assert scope.sha256 != _with_opt_in(tmp_path, '["10.0.0.5"]', "session = true").sha256


@pytest.mark.parametrize(
    ("targets", "allows", "said"),
    [
        ("[]", "session = true", "number 1 names no targets"),
        ('["10.0.0.5"]', "", "number 1 allows nothing"),
        ('["10.0.0.5"]', "sessions = true", "has no field"),
        ('["10.0.0.5"]', "blank_password_check = true", "belong together"),
        ('["10.0.0.5"]', 'account = "root"', "belong together"),
        ('["10.1.0.5"]', "session = true", "10.1.0.5/32 is not among the targets"),
        ('["else.example.org"]', "session = true", "'else.example.org' is not among the targets"),
        ('["10.0.0.5:0"]', "session = true", "no port from 1 to 65535"),
        ('["10.0.0.5:99999"]', "session = true", "no port from 1 to 65535"),
        ('["10.0.0.5/24"]', "session = true", "host bits"),
        ('["10.0.0.5"]', 'session = "perhaps"', "correct it"),
    ],
)
def test_an_opt_in_that_says_too_little_or_too_much(
    tmp_path: Path, targets: str, allows: str, said: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as told:
        _with_opt_in(tmp_path, targets, allows)
    assert "\n" not in str(told.value)
