"""The only place that says yes: which addresses may be touched, on whose word, until when.

A Scope is plain data and pure functions; names in it were resolved once, by whoever loaded it, and
stay pinned to what they resolved to then.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_network,
)

from leftopen.errors import ScopeRefused, UsageError
from leftopen.model import Address, Network, OptIn, Target, Vantage

Resolver = Callable[[str], Sequence[Address]]

# Networks that reach nobody outside the operator's own walls. Everything else counts as public,
# documentation ranges included: better one number too many asked for than one too few.
PRIVATE = tuple(
    ip_network(n)
    for n in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
        "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_MAPPED = IPv6Network("::ffff:0:0/96")


def normal(address: Address) -> Address:
    """The address itself; an IPv4 address dressed as IPv6 (::ffff:a.b.c.d) undressed."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def normal_network(network: Network) -> Network:
    """The same for a network: one within ::ffff:0:0/96 is the IPv4 network it stands for.

    Without this an exclusion written in the mapped form would exclude nothing, for addresses are
    undressed before they are looked up.
    """
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        first = int(network.network_address) & 0xFFFF_FFFF
        return IPv4Network((first, network.prefixlen - 96))
    return network


def vantage(address: Address) -> Vantage:
    """What kind of address this is; a verdict taken there proves openness for that kind only."""
    address = normal(address)
    if any(address in n for n in LOOPBACK):
        return Vantage.LOOPBACK
    if any(address in n for n in PRIVATE):
        return Vantage.PRIVATE
    return Vantage.PUBLIC


def _within(network: Network, others: Iterable[Network]) -> bool:
    return any(
        # mypy does not see that both are of one version
        network.version == o.version and network.subnet_of(o)  # type: ignore[arg-type]
        for o in others
    )


def subtract(networks: Iterable[Network], holes: Iterable[Network]) -> list[Network]:
    """The networks without the holes, collapsed; both may hold IPv4 and IPv6."""
    left = list(networks)
    for hole in holes:
        rest: list[Network] = []
        for net in left:
            if _within(net, (hole,)):
                continue
            if _within(hole, (net,)):
                rest.extend(net.address_exclude(hole))  # type: ignore[arg-type]  # as in _within
            else:
                rest.append(net)
        left = rest
    return [
        *collapse_addresses([n for n in left if isinstance(n, IPv4Network)]),
        *collapse_addresses([n for n in left if isinstance(n, IPv6Network)]),
    ]


class _Ranges:
    """Networks as sorted spans that neither touch nor overlap, so that a look-up is a bisection:
    a scope of thousands of addresses must not slow down every connection."""

    def __init__(self, networks: Iterable[Network]) -> None:
        spans = sorted(
            (n.version, int(n.network_address), int(n.broadcast_address)) for n in networks
        )
        self._starts: dict[int, list[int]] = {4: [], 6: []}
        self._ends: dict[int, list[int]] = {4: [], 6: []}
        for version, first, last in spans:
            starts, ends = self._starts[version], self._ends[version]
            if ends and first <= ends[-1] + 1:
                ends[-1] = max(ends[-1], last)
            else:
                starts.append(first)
                ends.append(last)

    def hold(self, version: int, first: int, last: int) -> bool:
        """Whether every address from `first` to `last` is in one of the networks."""
        at = bisect_right(self._starts[version], first) - 1
        return at >= 0 and last <= self._ends[version][at]


@dataclass(frozen=True)
class Grant:
    """An opt-in and where it holds: in these networks, at this port or (None) at every one."""

    networks: tuple[Network, ...]
    port: int | None
    allows: OptIn

    def holds_at(self, target: Target) -> bool:
        address = normal(target.address)
        here = self.port in (None, target.port)
        return here and any(address in n for n in self.networks if n.version == address.version)


@dataclass(frozen=True)
class Scope:
    """What may be touched. `permits` is the question every connection is asked first.

    `targets` and `exclusions` are networks; `hosts` maps each name to the addresses it was pinned
    to when the scope was loaded (they are part of what is permitted). `grants` are its opt-ins:
    what it allows beyond asking without a name, and where. Without `expires` the scope does not
    end; only the built-in loopback scope is like that.
    """

    targets: tuple[Network, ...]
    exclusions: tuple[Network, ...] = ()
    hosts: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    owner: str | None = None
    authorised_by: str | None = None
    reference: str | None = None
    expires: date | None = None
    grants: tuple[Grant, ...] = ()

    def __post_init__(self) -> None:
        for name in ("targets", "exclusions"):
            undressed = tuple(normal_network(n) for n in getattr(self, name))
            object.__setattr__(self, name, undressed)
        pinned = {host: tuple(pinnable(a) for a in found) for host, found in self.hosts.items()}
        object.__setattr__(self, "hosts", pinned)

    @classmethod
    def loopback(cls) -> Scope:
        """This machine alone: the one scope that needs no file."""
        return cls(targets=LOOPBACK, owner="this machine", reference="loopback")

    def permits(self, address: Address) -> bool:
        """Whether a connection to the address may be made."""
        address = normal(address)
        if address.is_unspecified or address.is_multicast or getattr(address, "scope_id", None):
            return False
        asked = (address.version, int(address), int(address))
        return self._permitted.hold(*asked) and not self._excluded.hold(*asked)

    def opt_in(self, target: Target) -> OptIn:
        """What the scope allows at the target beyond asking without a name; of several grants that
        hold there, an account or role is the first one's."""
        granted = [g.allows for g in self.grants if g.holds_at(target)]
        return OptIn(
            blank_password_check=any(g.blank_password_check for g in granted),
            account=next((g.account for g in granted if g.account), None),
            anonymous_login=any(g.anonymous_login for g in granted),
            session=any(g.session for g in granted),
            role=next((g.role for g in granted if g.role), None),
            buckets=tuple(dict.fromkeys(b for g in granted for b in g.buckets)),
        )

    def covers(self, network: Network) -> bool:
        """Whether every address of the network was named in the scope, exclusions aside."""
        network = normal_network(network)
        first, last = int(network.network_address), int(network.broadcast_address)
        return self._permitted.hold(network.version, first, last)

    def require(self, address: Address) -> None:
        """Raises ScopeRefused unless the address is in scope."""
        if not self.permits(address):
            raise ScopeRefused(f"{address} is not in the scope; name it under [scope] targets")

    def reachable(self) -> list[Network]:
        """The networks that are left once the exclusions are taken out."""
        return subtract([*self.targets, *self._pinned()], self.exclusions)

    def _pinned(self) -> list[Network]:
        return [ip_network(a) for addresses in self.hosts.values() for a in addresses]

    @cached_property
    def _permitted(self) -> _Ranges:
        return _Ranges([*self.targets, *self._pinned()])

    @cached_property
    def _excluded(self) -> _Ranges:
        return _Ranges(self.exclusions)

    @property
    def sha256(self) -> str:
        """A fingerprint of what was permitted, to be kept with the run."""
        told: dict[str, object] = {
            "targets": [str(n) for n in self.targets],
            "exclusions": [str(n) for n in self.exclusions],
            "hosts": {h: [str(a) for a in pinned] for h, pinned in sorted(self.hosts.items())},
            "owner": self.owner,
            "authorised_by": self.authorised_by,
            "reference": self.reference,
            "expires": self.expires.isoformat() if self.expires else None,
        }
        if self.grants:
            told["opt_in"] = [
                [[str(n) for n in g.networks], g.port, asdict(g.allows)] for g in self.grants
            ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def pinnable(address: Address) -> Address:
    """The address as it can be looked up: undressed, and without an IPv6 zone."""
    address = normal(address)
    return address if address.version == 4 else IPv6Address(int(address))


def parse_network(text: str) -> Network | None:
    """The network or single address `text` spells, or None if it spells a name.

    Raises UsageError for what looks like an address and is none.
    """
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]") and ":" in bare:
        bare = bare[1:-1]
    if "%" in bare:
        raise UsageError(f"{text!r} has an IPv6 zone or a stray '%'; write the address without it")
    try:
        network = ip_network(bare, strict=True)
    except ValueError as error:
        if "host bits" in str(error):
            raise UsageError(
                f"{text!r} has host bits set; did you mean {ip_network(bare, strict=False)}?"
            ) from None
        if not _is_name(bare):
            raise UsageError(
                f"{text!r} is not an address, a network or a host name; write for example "
                "10.0.0.5, 10.0.0.0/24, 2001:db8::/120 or db.example.org"
            ) from None
        return None
    return normal_network(network)


def _is_name(text: str) -> bool:
    """Whether it is a host name by RFC 1123, with `_` allowed. One that ends in a number is none:
    resolvers read "127.1" and "10.0.0.0x5" as addresses."""
    labels = text.removesuffix(".").split(".")
    last = labels[-1].lower()
    if last.isdigit() or (last.startswith("0x") and not last[2:].strip("0123456789abcdef")):
        return False
    return 0 < len(text) <= 253 and all(
        0 < len(label) <= 63
        and not label.startswith("-")
        and not label.endswith("-")
        and all(c.isascii() and (c.isalnum() or c in "-_") for c in label)
        for label in labels
    )


def addresses(networks: Iterable[Network]) -> Iterator[Address]:
    """Every address of the networks, in order."""
    for network in networks:
        kind = IPv4Address if network.version == 4 else IPv6Address
        for number in range(int(network.network_address), int(network.broadcast_address) + 1):
            yield kind(number)
