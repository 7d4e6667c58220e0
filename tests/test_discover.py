"""From the operator's words to a plan: targets, ports, their errors, and the plan as kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.discover import MAX_PAIRS, Named, Part, Plan, parse_ports, parse_target, plan
from leftopen.errors import ScopeRefused, UsageError
from leftopen.model import Address, Target
from leftopen.scope import Scope

NAMES = {
    "localhost": ("127.0.0.1", "::1"),
    "db.example.org": ("10.0.0.4", "10.0.0.5"),
    "away.example.org": ("10.0.0.4", "192.0.2.1"),
    "mapped.example.org": ("::ffff:10.0.0.9",),
    "nowhere.example.org": (),
}


def resolve(name: str) -> Sequence[Address]:
    if name not in NAMES:
        raise UsageError(f"{name!r} has no address here; check the name or give one")
    return [ip_address(a) for a in NAMES[name]]


def scope(*targets: str, without: Sequence[str] = (), **hosts: str) -> Scope:
    return Scope(
        tuple(ip_network(t) for t in targets),
        tuple(ip_network(t) for t in without),
        {name.replace("_", "."): (ip_address(a),) for name, a in hosts.items()},
        authorised_by="Ann Lee",
    )


def swept(made: Plan) -> set[str]:
    found = [str(made.pair(index)) for index in range(made.count)]
    assert len(set(found)) == len(found)
    return set(found)


@pytest.mark.parametrize(
    ("text", "networks", "host", "port"),
    [
        ("127.0.0.1", ["127.0.0.1/32"], None, None),
        ("127.0.0.0/28", ["127.0.0.0/28"], None, None),
        ("127.0.0.1:27017", ["127.0.0.1/32"], None, 27017),
        ("[::1]:6379", ["::1/128"], None, 6379),
        ("[::1]", ["::1/128"], None, None),
        ("::1", ["::1/128"], None, None),
        ("fd00::/120", ["fd00::/120"], None, None),
        ("::ffff:10.0.0.1", ["10.0.0.1/32"], None, None),
        ("[::ffff:10.0.0.1]:80", ["10.0.0.1/32"], None, 80),
        ("localhost", ["127.0.0.1/32", "::1/128"], "localhost", None),
        ("localhost:6379", ["127.0.0.1/32", "::1/128"], "localhost", 6379),
        ("DB.Example.org.", ["10.0.0.4/32", "10.0.0.5/32"], "db.example.org", None),
        ("mapped.example.org:1", ["10.0.0.9/32"], "mapped.example.org", 1),
        ("127.0.0.1:65535", ["127.0.0.1/32"], None, 65535),
    ],
)
def test_targets(text: str, networks: list[str], host: str | None, port: int | None) -> None:
    meant = tuple(ip_network(n) for n in networks)
    assert parse_target(text, resolve) == Named(text, meant, host, port)


@pytest.mark.parametrize(
    ("text", "wrong", "remedy"),
    [
        ("", "empty", "write for example"),
        ("  ", "empty", "write for example"),
        ("127.0.0.1:0", "no port from 1 to 65535", "write one, or none"),
        ("127.0.0.1:65536", "no port from 1 to 65535", "write one, or none"),
        ("127.0.0.1:", "no port from 1 to 65535", "write one, or none"),
        ("127.0.0.1:http", "no port from 1 to 65535", "write one, or none"),
        ("127.0.0.1:-1", "no port from 1 to 65535", "write one, or none"),
        ("127.0.0.1:" + "9" * 5000, "no port from 1 to 65535", "write one, or none"),
        ("[::1]:", "no port from 1 to 65535", "write one, or none"),
        ("[::1", "not an IPv6 address in brackets", "[::1]:6379"),
        ("[::1]6379", "not an IPv6 address in brackets", "[::1]:6379"),
        ("[127.0.0.1]:80", "not an IPv6 address in brackets", "[::1]:6379"),
        ("[]:80", "not an IPv6 address in brackets", "[::1]:6379"),
        ("[::zz]:80", "is not a target", "write for example"),
        ("[[::1]]:80", "not an IPv6 address in brackets", "[::1]:6379"),
        ("127.0.0.1/33", "is not a target", "write for example"),
        ("127.0.0.1/", "is not a target", "write for example"),
        ("127.0.0.1/8", "host bits", "127.0.0.0/8?"),
        ("127.0.0.0/8:80", "a network or a URL has no port", "write for example"),
        ("redis://127.0.0.1", "a network or a URL has no port", "write for example"),
        ("redis://127.0.0.1:6379", "is not a target", "write for example"),
        ("127.0.0.256", "is not a target", "write for example"),
        ("127.1", "is not a target", "write for example"),
        ("2130706433", "is not a target", "write for example"),
        ("127.0.0.1 127.0.0.2", "characters that no target has", "write for example"),
        ("127.0.0.1\n", "characters that no target has", "write for example"),
        ("a\x1b[31mb", "characters that no target has", "write for example"),
        ("a\x00b:80", "characters that no target has", "write for example"),
        ("bücher.example", "characters that no target has", "write for example"),
        ("١٢٧.0.0.1", "characters that no target has", "write for example"),
        ("-x.example", "is not a target", "write for example"),
        ("a..b", "is not a target", "write for example"),
        (":6379", "is not a target", "write for example"),
        ("fe80::1%eth0", "is not a target", "write for example"),
        ("user@host", "is not a target", "write for example"),
        ("x" * 5000, "is not a target", "write for example"),
        ("nowhere.example.org", "has no address", "check the name"),
        ("unknown.example.org", "has no address", "check the name"),
    ],
)
def test_malformed_targets(text: str, wrong: str, remedy: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_target(text, resolve)
    line = str(raised.value)
    assert wrong in line
    assert remedy in line
    assert line.isprintable()
    assert len(line) < 300


@given(st.text(max_size=60) | st.from_regex(r"[\[\]0-9a-f:./%@-]{0,40}", fullmatch=True))
def test_any_text_is_a_target_or_one_clear_line(text: str) -> None:
    line = ""
    try:
        named = parse_target(text, resolve)
    except UsageError as error:
        line = str(error)
    else:
        assert named.networks
        assert named.port is None or 0 < named.port < 65_536
    assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("6379", (6379,)),
        ("6379,27017", (6379, 27017)),
        (" 9200 , 8000-8003,8001", (9200, 8000, 8001, 8002, 8003)),
        ("1-65535", tuple(range(1, 65_536))),
    ],
)
def test_ports(text: str, ports: tuple[int, ...]) -> None:
    assert parse_ports(text) == ports


@pytest.mark.parametrize(
    "text",
    ["", "0", "65536", "a", "1,,2", "5-1", "1-", "-5", "1-2-3", "1 2", "\x1b[1m", "٣", "9" * 5000],
)
def test_malformed_ports(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_ports(text)
    line = str(raised.value)
    assert line.isprintable()
    assert "write 6379,8000-8010" in line
    assert len(line) < 200


def test_a_network_without_what_is_excluded() -> None:
    made = plan(scope("10.0.0.0/24", without=["10.0.0.1", "10.0.0.2/31"]), ["10.0.0.0/29"], [1, 2],
                resolve)  # fmt: skip
    assert swept(made) == {f"10.0.0.{n}:{p}" for n in (0, 4, 5, 6, 7) for p in (1, 2)}
    assert made.named == ()


def test_pairs_that_are_named_are_not_swept_too() -> None:
    made = plan(
        scope("10.0.0.0/24"), ["10.0.0.1:2", "10.0.0.0/31", "10.0.0.1:9", "10.0.0.1:2"], [1, 2, 3],
        resolve,
    )  # fmt: skip
    assert [str(t) for t in made.named] == ["10.0.0.1:2", "10.0.0.1:9"]
    assert swept(made) == {"10.0.0.0:1", "10.0.0.0:2", "10.0.0.0:3", "10.0.0.1:1", "10.0.0.1:3"}


def test_targets_that_overlap_are_swept_once() -> None:
    made = plan(
        scope("10.0.0.0/24"), ["10.0.0.0/30", "10.0.0.2", "10.0.0.0/29", "db.example.org"], [7],
        resolve,
    )  # fmt: skip
    assert swept(made) == {f"10.0.0.{n}:7" for n in range(8)}


def test_names_keep_with_the_pairs_they_stand_for() -> None:
    made = plan(scope("10.0.0.0/24"), ["db.example.org", "db.example.org:9", "10.0.0.7"], [7],
                resolve)  # fmt: skip
    hosts = {str(pair): pair.host for pair in map(made.pair, range(made.count))}
    assert hosts == {
        "10.0.0.4:7": "db.example.org",
        "10.0.0.5:7": "db.example.org",
        "10.0.0.7:7": None,
    }
    assert [(str(t), t.host) for t in made.named] == [
        ("10.0.0.4:9", "db.example.org"),
        ("10.0.0.5:9", "db.example.org"),
    ]


def test_names_are_resolved_once_and_the_scopes_own_not_again() -> None:
    asked: list[str] = []

    def counting(name: str) -> Sequence[Address]:
        asked.append(name)
        return [ip_address("10.0.0.5")]

    held = scope("10.0.0.0/24", store_example="10.0.0.9")
    made = plan(held, ["Store.example", "db.example", "db.example:9"], [7], counting)
    assert asked == ["db.example"]
    assert swept(made) == {"10.0.0.9:7", "10.0.0.5:7"}


def test_without_targets_everything_in_scope() -> None:
    held = scope("10.0.0.0/30", "fd00::/127", without=["10.0.0.1"], db_example="10.0.9.9",
                 gone_example="10.0.0.1")  # fmt: skip
    made = plan(held, [], [7], resolve)
    assert swept(made) == {
        "10.0.0.0:7", "10.0.0.2:7", "10.0.0.3:7", "[fd00::]:7", "[fd00::1]:7", "10.0.9.9:7"
    }  # fmt: skip
    assert {p.host for p in map(made.pair, range(made.count))} == {None, "db.example"}


@pytest.mark.parametrize(
    ("targets", "wrong", "remedy"),
    [
        (["10.0.0.1", "10.0.2.1"], "'10.0.2.1' is not wholly in the scope", "[scope] targets"),
        (["10.0.0.0/23"], "'10.0.0.0/23' is not wholly in the scope", "[scope] targets"),
        (["10.0.0.0/8"], "not wholly in the scope", "[scope] targets"),
        (["::1"], "'::1' is not wholly in the scope", "[scope] targets"),
        (["192.0.2.1:80"], "'192.0.2.1:80' is not wholly in the scope", "[scope] targets"),
        (["away.example.org"], "has an address that is not wholly in the scope", "[scope] targets"),
        (["10.0.0.64"], "'10.0.0.64' is excluded", "leave it out"),
        (["10.0.0.64:80"], "'10.0.0.64:80' is excluded", "leave it out"),
        (["10.0.0.64/29"], "'10.0.0.64/29' is excluded", "leave it out"),
        (["10.0.0.5", "db.example.org"], "'db.example.org' is excluded", "leave it out"),
        (["db.example.org:80"], "'db.example.org:80' is excluded", "leave it out"),
    ],
)
def test_targets_that_may_not_be_touched(targets: list[str], wrong: str, remedy: str) -> None:
    held = scope("10.0.0.0/25", "10.0.0.128/25", without=["10.0.0.64/28", "10.0.0.4"])
    with pytest.raises(ScopeRefused) as raised:
        plan(held, targets, [7], resolve)
    assert wrong in str(raised.value)
    assert remedy in str(raised.value)
    assert str(raised.value).isprintable()


def test_a_network_may_span_targets_of_the_scope_that_touch() -> None:
    held = scope("10.0.0.0/25", "10.0.0.128/25")
    assert plan(held, ["10.0.0.0/24"], [7], resolve).count == 256


def test_loopback_must_be_named() -> None:
    with pytest.raises(UsageError, match="name one"):
        plan(Scope.loopback(), [], [7], resolve)
    made = plan(Scope.loopback(), ["localhost"], [7], resolve)
    assert swept(made) == {"127.0.0.1:7", "[::1]:7"}
    with pytest.raises(ScopeRefused, match="scope file"):
        plan(Scope.loopback(), ["10.0.0.1"], [7], resolve)


@pytest.mark.parametrize(
    ("targets", "ports", "wrong"),
    [
        (["10.0.0.0/8"], [1, 2, 3, 4, 5], "name smaller networks or fewer ports"),
        (["fd00::/64"], [1], "name smaller networks or fewer ports"),
        (["10.0.0.1"], [], "name at least one"),
        (["10.0.0.1"], [0], "0 is not a port"),
        (["10.0.0.1"], [65_536], "65536 is not a port"),
        (["0.0.0.0"], [1], "'0.0.0.0' is excluded"),
        (["224.0.0.1:80"], [1], "'224.0.0.1:80' is excluded"),
    ],
)
def test_plans_that_cannot_be(targets: list[str], ports: list[int], wrong: str) -> None:
    with pytest.raises(UsageError) as raised:
        plan(scope("0.0.0.0/0", "fd00::/8"), targets, ports, resolve)
    assert wrong in str(raised.value)
    assert str(raised.value).isprintable()


def test_a_named_pair_needs_no_port_list() -> None:
    made = plan(scope("10.0.0.0/8"), ["10.0.0.1:80"], [], resolve)
    assert (made.count, [str(t) for t in made.named]) == (0, ["10.0.0.1:80"])


def test_the_largest_plan_is_not_written_out() -> None:
    made = plan(scope("10.0.0.0/8"), ["10.0.0.0/8"], [1, 2, 3, 4], resolve)
    assert made.count == MAX_PAIRS
    assert str(made.pair(0)) == "10.0.0.0:1"
    assert str(made.pair(made.count - 1)) == "10.255.255.255:4"
    for outside in (-1, made.count):
        with pytest.raises(IndexError):
            made.pair(outside)


_parts = st.lists(
    st.builds(
        Part,
        st.sampled_from(["10.0.0.0/29", "10.0.1.0/32", "fd00::/126", "fd00:1::/128"]).map(
            ip_network
        ),
        st.lists(st.integers(1, 65_535), min_size=1, max_size=5, unique=True).map(tuple),
        st.none() | st.just("db.example.org"),
    ),
    max_size=6,
)
_named = st.lists(
    st.builds(
        Target,
        st.ip_addresses(),
        st.integers(1, 65_535),
        st.none() | st.just("db.example.org"),
    ).filter(lambda t: getattr(t.address, "ipv4_mapped", None) is None),
    max_size=3,
)


@settings(max_examples=200)
@given(_parts, _named)
def test_indexes_run_through_every_pair_and_plans_come_back_as_they_were(
    parts: list[Part], named: list[Target]
) -> None:
    made = Plan(tuple(parts), tuple(named))
    plainly = [
        (address, port, part.host)
        for part in parts
        for address in part.network
        for port in part.ports
    ]
    pairs = [made.pair(index) for index in range(made.count)]
    assert [(p.address, p.port, p.host) for p in pairs] == plainly
    located = [made.locate(index) for index in range(made.count)]
    assert located == [(a.version, int(a), port) for a, port, _ in plainly]
    kept = json.loads(json.dumps(made.to_dict()))
    again = Plan.from_dict(kept)
    assert again == made
    assert [t.host for t in again.named] == [t.host for t in named]


def test_a_port_list_is_kept_once() -> None:
    held = scope("10.0.0.0/16", without=[f"10.0.{n}.7" for n in range(0, 250, 5)])
    made = plan(held, [], range(1, 1_000), resolve)
    assert len(made.parts) > 100
    assert len(made.to_dict()["ports"]) == 1


def _good() -> dict[str, Any]:
    made = plan(scope("10.0.0.0/24"), ["10.0.0.0/30", "10.0.0.9:1"], [1, 2], resolve)
    return made.to_dict()


@pytest.mark.parametrize(
    "damage",
    [
        {"ports": [[1, 0]]},
        {"ports": [[1, 70_000]]},
        {"ports": [[]]},
        {"ports": []},
        {"ports": [["1"]]},
        {"parts": [{"network": "10.0.0.0/24", "ports": -1, "host": None}]},
        {"parts": [{"network": "10.0.0.0/24", "ports": 1, "host": None}]},
        {"parts": [{"network": "10.0.0.1/24", "ports": 0, "host": None}]},
        {"parts": [{"network": "0.0.0.0/0", "ports": 0, "host": None}]},
        {"parts": [{"network": "\x1b", "ports": 0, "host": None}]},
        {"parts": [{"network": "10.0.0.0/24"}]},
        {"named": [{"address": "10.0.0.300", "port": 1, "host": None}]},
        {"named": [{"address": "10.0.0.3", "port": 0, "host": None}]},
        {"named": 3},
        {"more": 1},
    ],
)
def test_a_damaged_plan_is_refused(damage: dict[str, Any]) -> None:
    assert Plan.from_dict(_good()).count == 8
    with pytest.raises(UsageError, match="start a new scan"):
        Plan.from_dict({**_good(), **damage})
