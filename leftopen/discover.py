"""From what the operator wrote to what the sweep tries: targets, ports, and the plan of both."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import accumulate
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from leftopen.errors import ScopeRefused, UsageError
from leftopen.model import Address, Network, Target
from leftopen.scope import (
    Resolver,
    Scope,
    normal,
    normal_network,
    parse_network,
    pinnable,
    subtract,
)

MAX_PAIRS = 2**26
_EXAMPLES = "write for example 10.0.0.5, 10.0.0.0/24, 10.0.0.5:6379, [::1]:6379 or db.example.org"
# What the scope never permits, so that a plan does not count it: "this host" and multicast.
_NOBODY = tuple(ip_network(n) for n in ("0.0.0.0/32", "224.0.0.0/4", "::/128", "ff00::/8"))


@dataclass(frozen=True, slots=True)
class Named:
    """One target as the operator wrote it. `host` is the name it was written as, if it was one;
    with a `port` that one port is meant, without it every port of the scan."""

    text: str
    networks: tuple[Network, ...]
    host: str | None = None
    port: int | None = None


def parse_target(text: str, resolve: Resolver) -> Named:
    """An address, a network or a host name, the first and the last perhaps with a port.

    Raises UsageError with one line that says what is wrong and what to write.
    """
    shown = repr(text if len(text) <= 80 else text[:77] + "...")
    bare, port = _split(text, shown)
    try:
        network = parse_network(bare)
    except UsageError as error:
        if "host bits" in str(error):
            raise
        raise UsageError(f"{shown} is not a target; {_EXAMPLES}") from None
    if network is not None:
        return Named(text, (network,), None, port)
    host = bare.removesuffix(".").lower()
    found = tuple(dict.fromkeys(ip_network(pinnable(a)) for a in resolve(host)))
    if not found:
        text = f"{shown} has no address here; check the name or give one"
        raise UsageError(text, code="no_address")
    return Named(text, found, host, port)


def _split(text: str, shown: str) -> tuple[str, int | None]:
    """What stands before the port, and the port."""
    if not text.strip():
        raise UsageError(f"the target {shown} is empty; {_EXAMPLES}")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(f"{shown} holds characters that no target has; {_EXAMPLES}")
    if text.startswith("["):
        bare, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in bare or (rest and not rest.startswith(":")):
            raise UsageError(f"{shown} is not an IPv6 address in brackets; write [::1]:6379")
        return bare, _port(rest[1:], shown) if rest else None
    if text.count(":") != 1:
        return text, None
    bare, _, port = text.partition(":")
    if "/" in text:
        raise UsageError(f"{shown} is not a target: a network or a URL has no port; {_EXAMPLES}")
    return bare, _port(port, shown)


def _port(text: str, shown: str) -> int:
    if not (text.isdigit() and len(text) <= 5 and 0 < int(text) < 65_536):
        raise UsageError(f"{shown} has no port from 1 to 65535 after the colon; write one, or none")
    return int(text)


@dataclass(frozen=True, slots=True)
class Part:
    """Every address of a network with every one of the ports."""

    network: Network
    ports: tuple[int, ...]
    host: str | None = None

    @property
    def count(self) -> int:
        return self.network.num_addresses * len(self.ports)


class _StoredPart(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    network: str
    ports: NonNegativeInt
    host: str | None


class _StoredPair(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    address: str
    port: int
    host: str | None


class _StoredPlan(BaseModel):
    """A plan as the record of a run holds it; port lists are kept once and told by number."""

    model_config = ConfigDict(extra="forbid", strict=True)
    ports: list[list[int]]
    parts: list[_StoredPart]
    named: list[_StoredPair]


@dataclass(frozen=True)
class Plan:
    """What a scan tries. No pair of address and port occurs twice.

    `named` are those that the operator named with their port: they need no sweep and are reported
    whatever becomes of them. The pairs of `parts` are swept; they have an index from 0 to `count`,
    so that no list of them is ever made.
    """

    parts: tuple[Part, ...]
    named: tuple[Target, ...] = ()

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(part.count for part in self.parts))

    @cached_property
    def _firsts(self) -> list[tuple[int, int, int, tuple[int, ...]]]:
        """For each part: IP version, first address as a number, where its indexes begin, ports."""
        return [
            (part.network.version, int(part.network.network_address), end - part.count, part.ports)
            for part, end in zip(self.parts, self._ends, strict=True)
        ]

    @cached_property
    def count(self) -> int:
        """How many pairs there are to sweep."""
        return self._ends[-1] if self.parts else 0

    @cached_property
    def ports(self) -> int:
        """The most ports that one address is tried at."""
        return max((len(part.ports) for part in self.parts), default=1)

    def locate(self, index: int) -> tuple[int, int, int]:
        """IP version, address as a number and port of a pair; IndexError outside the plan."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        version, first, start, ports = self._firsts[bisect_right(self._ends, index)]
        address, port = divmod(index - start, len(ports))
        return version, first + address, ports[port]

    def pair(self, index: int) -> Target:
        """The pair with that index; IndexError outside the plan."""
        version, number, port = self.locate(index)
        address: Address = IPv4Address(number) if version == 4 else IPv6Address(number)
        return Target(address, port, self.parts[bisect_right(self._ends, index)].host)

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON can hold it."""
        lists = list(dict.fromkeys(part.ports for part in self.parts))
        numbers = {ports: number for number, ports in enumerate(lists)}
        return {
            "ports": [list(ports) for ports in lists],
            "parts": [
                {"network": str(p.network), "ports": numbers[p.ports], "host": p.host}
                for p in self.parts
            ],
            "named": [
                {"address": str(t.address), "port": t.port, "host": t.host} for t in self.named
            ],
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Plan:
        """The plan that `to_dict` told. Raises UsageError where it is damaged.

        That a plan was stored does not put it in scope: the sweep asks for every address.
        """
        try:
            stored = _StoredPlan.model_validate(told)
            lists = [_ports(ports) for ports in stored.ports]
            parts = tuple(
                Part(normal_network(ip_network(part.network)), lists[part.ports], part.host)
                for part in stored.parts
            )
            named = tuple(
                Target(normal(ip_address(t.address)), _ports([t.port])[0], t.host)
                for t in stored.named
            )
            built = cls(parts, named)
            if not all(lists) or built.count + len(named) > MAX_PAIRS:
                raise UsageError("the stored plan does not add up")
        except (ValidationError, ValueError, LookupError, UsageError):
            raise UsageError("the stored plan cannot be read; start a new scan") from None
        return built


def plan(scope: Scope, targets: Sequence[str], ports: Sequence[int], resolve: Resolver) -> Plan:
    """What to try: the targets (or, with none, everything in scope) at the ports.

    A target must lie wholly within what the scope names; addresses that it excludes are left out
    of networks. Names are resolved once, and those that the scope pinned are not resolved again.
    Raises UsageError and ScopeRefused, each with one line.
    """
    wanted = _ports(ports)
    if not targets:
        return _build(_everything(scope), wanted)
    resolver = _pinned_first(scope, resolve)
    return _build([_in_scope(scope, parse_target(text, resolver)) for text in targets], wanted)


def within(
    scope: Scope, targets: Sequence[str], resolve: Resolver
) -> tuple[list[str], list[str], list[str]]:
    """Targets from elsewhere in three lists: those that the scope permits, those it does not, and
    names that have no address.

    Raises UsageError where one is no target at all.
    """
    resolver = _pinned_first(scope, resolve)
    inside: list[str] = []
    outside: list[str] = []
    nowhere: list[str] = []
    for text in targets:
        try:
            _in_scope(scope, parse_target(text, resolver))
            inside.append(text)
        except ScopeRefused:
            outside.append(text)
        except UsageError as error:
            if error.code != "no_address":
                raise
            nowhere.append(text)
    return inside, outside, nowhere


def parse_ports(text: str) -> tuple[int, ...]:
    """Ports as the operator writes them, `6379,8000-8010`, in that order, each once.

    Raises UsageError with one line that says what is wrong and what to write.
    """
    ports: list[int] = []
    for piece in text.split(","):
        first, dash, last = piece.strip().partition("-")
        bounds = [first, last] if dash else [first, first]
        if not all(
            b.isascii() and b.isdigit() and len(b) <= 5 and 0 < int(b) < 65_536 for b in bounds
        ) or (int(bounds[0]) > int(bounds[1])):
            shown = repr(piece if len(piece) <= 40 else piece[:37] + "...")
            raise UsageError(
                f"{shown} is not a port from 1 to 65535 or a range of them; write 6379,8000-8010"
            )
        ports += range(int(bounds[0]), int(bounds[1]) + 1)
    return _ports(ports)


def _ports(ports: Iterable[int]) -> tuple[int, ...]:
    wanted = tuple(dict.fromkeys(ports))
    for port in wanted:
        if not 0 < port < 65_536:
            raise UsageError(f"{port} is not a port; ports go from 1 to 65535")
    return wanted


def _pinned_first(scope: Scope, resolve: Resolver) -> Callable[[str], Sequence[Address]]:
    pinned = {host.removesuffix(".").lower(): found for host, found in scope.hosts.items()}

    def once(host: str) -> Sequence[Address]:
        if host not in pinned:
            pinned[host] = tuple(resolve(host))
        return pinned[host]

    return once


def _everything(scope: Scope) -> list[Named]:
    if scope == Scope.loopback():
        raise UsageError(
            "no target was named; name one, for example 127.0.0.1, or give a scope file"
        )
    names = [
        Named(host, tuple(ip_network(a) for a in found if scope.permits(a)), host)
        for host, found in scope.hosts.items()
    ]
    return [*names, Named("scope", tuple(scope.reachable()))]


def _in_scope(scope: Scope, named: Named) -> Named:
    """The target without what is excluded; raises ScopeRefused if it may not be touched."""
    shown = repr(named.text)
    for network in named.networks:
        if not scope.covers(network):
            what = f"{shown} is" if named.host is None else f"{shown} has an address that is"
            raise ScopeRefused(
                f"{what} not wholly in the scope; name it under [scope] targets of a scope file"
            )
    if named.host is not None or named.port is not None:
        # A name stands for one machine: if one of its addresses is excluded, the machine is.
        permitted = all(scope.permits(network.network_address) for network in named.networks)
        left = named.networks if permitted else ()
    else:
        left = tuple(subtract(named.networks, (*scope.exclusions, *_NOBODY)))
    if not left:
        raise ScopeRefused(f"{shown} is excluded by the scope; leave it out")
    return Named(named.text, left, named.host, named.port)


def _build(all_named: Sequence[Named], ports: tuple[int, ...]) -> Plan:
    """Single pairs, hosts and networks, so that they share no pair."""
    singles: dict[tuple[Network, int], str | None] = {}
    hosts: dict[Network, str] = {}
    ranges: list[Network] = []
    for named in all_named:
        if named.port is None and not ports:
            raise UsageError("no port was named; name at least one")
        if named.port is not None:
            for network in named.networks:
                singles.setdefault((network, named.port), named.host)
        elif named.host is not None:
            for network in named.networks:
                hosts.setdefault(network, named.host)
        else:
            ranges += subtract(named.networks, _NOBODY)
    parts: list[Part] = []
    spoken_for: dict[Network, list[int]] = {}
    for network, port in singles:
        spoken_for.setdefault(network, []).append(port)
    whole = subtract(ranges, ())
    for network, taken in spoken_for.items():
        rest = tuple(port for port in ports if port not in taken)
        if rest and (network in hosts or not subtract((network,), whole)):
            parts.append(Part(network, rest, hosts.get(network)))
    parts += [Part(n, ports, host) for n, host in hosts.items() if n not in spoken_for]
    parts += [Part(n, ports) for n in subtract(whole, (*spoken_for, *hosts))]
    singled = tuple(Target(n.network_address, port, host) for (n, port), host in singles.items())
    built = Plan(tuple(parts), singled)
    pairs = built.count + len(singled)
    if pairs > MAX_PAIRS:
        raise UsageError(
            f"the targets and ports make {pairs} pairs, more than {MAX_PAIRS}; "
            "name smaller networks or fewer ports"
        )
    if pairs == 0:
        raise UsageError("nothing is left to scan; name a target")
    return built
