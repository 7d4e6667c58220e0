"""The only place that says yes: which addresses may be touched, on whose word, until when.

A Scope is plain data and pure functions; names in it were resolved once, by whoever loaded it, and
stay pinned to what they resolved to then.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_network,
)
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from leftopen.errors import ScopeRefused, UsageError
from leftopen.model import Address, Network, Vantage

Resolver = Callable[[str], Sequence[Address]]

# Networks that reach nobody outside the operator's own walls. Everything else counts as public,
# documentation ranges included: better one number too many asked for than one too few.
_PRIVATE = tuple(
    ip_network(n)
    for n in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
        "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class _ScopeFile(BaseModel):
    """The `[scope]` table of leftopen.toml."""

    model_config = ConfigDict(extra="forbid")
    owner: str
    authorised_by: str
    reference: str
    expires: date
    targets: list[str]
    exclusions: list[str] = []
    public_addresses: int | None = None


def normal(address: Address) -> Address:
    """The address itself; an IPv4 address dressed as IPv6 (::ffff:a.b.c.d) undressed."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def vantage(address: Address) -> Vantage:
    """What kind of address this is; a verdict taken there proves openness for that kind only."""
    address = normal(address)
    if any(address in n for n in LOOPBACK):
        return Vantage.LOOPBACK
    if any(address in n for n in _PRIVATE):
        return Vantage.PRIVATE
    return Vantage.PUBLIC


def _within(network: Network, others: Iterable[Network]) -> bool:
    return any(network.version == o.version and network.subnet_of(o) for o in others)  # type: ignore[arg-type]


def subtract(networks: Iterable[Network], holes: Iterable[Network]) -> list[Network]:
    """The networks without the holes, collapsed; both may hold IPv4 and IPv6."""
    left = list(networks)
    for hole in holes:
        rest: list[Network] = []
        for net in left:
            if _within(net, (hole,)):
                continue
            if _within(hole, (net,)):
                rest.extend(net.address_exclude(hole))  # type: ignore[arg-type]
            else:
                rest.append(net)
        left = rest
    return [
        *collapse_addresses([n for n in left if isinstance(n, IPv4Network)]),
        *collapse_addresses([n for n in left if isinstance(n, IPv6Network)]),
    ]


@dataclass(frozen=True)
class Scope:
    """What may be touched. `permits` is the question every connection is asked first.

    `targets` and `exclusions` are networks; `hosts` maps each name to the addresses it was pinned
    to when the scope was loaded (they are part of what is permitted). Without `expires` the scope
    does not end; only the built-in loopback scope is like that.
    """

    targets: tuple[Network, ...]
    exclusions: tuple[Network, ...] = ()
    hosts: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    owner: str | None = None
    authorised_by: str | None = None
    reference: str | None = None
    expires: date | None = None

    @classmethod
    def loopback(cls) -> Scope:
        """This machine alone: the one scope that needs no file."""
        return cls(targets=LOOPBACK, owner="this machine", reference="loopback")

    def permits(self, address: Address) -> bool:
        """Whether a connection to the address may be made."""
        address = normal(address)
        if address.is_unspecified or address.is_multicast or getattr(address, "scope_id", None):
            return False
        if any(address in n for n in self.exclusions):
            return False
        return any(address in n for n in self.targets) or any(
            address in pinned for pinned in self.hosts.values()
        )

    def require(self, address: Address) -> None:
        """Raises ScopeRefused unless the address is in scope."""
        if not self.permits(address):
            raise ScopeRefused(f"{address} is not in the scope; name it under [scope] targets")

    def reachable(self) -> list[Network]:
        """The networks that are left once the exclusions are taken out."""
        pinned = [ip_network(normal(a)) for addresses in self.hosts.values() for a in addresses]
        return subtract([*self.targets, *pinned], self.exclusions)

    @property
    def sha256(self) -> str:
        """A fingerprint of what was permitted, to be kept with the run."""
        told = {
            "targets": [str(n) for n in self.targets],
            "exclusions": [str(n) for n in self.exclusions],
            "hosts": {h: [str(a) for a in pinned] for h, pinned in sorted(self.hosts.items())},
            "owner": self.owner,
            "authorised_by": self.authorised_by,
            "reference": self.reference,
            "expires": self.expires.isoformat() if self.expires else None,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def parse_network(text: str) -> Network | None:
    """The network or single address `text` spells, or None if it spells a name.

    Raises UsageError for what looks like an address and is none.
    """
    bare = text.strip().removeprefix("[").removesuffix("]")
    try:
        network = ip_network(bare, strict=True)
    except ValueError as error:
        if "host bits" in str(error):
            raise UsageError(
                f"{text!r} has host bits set; did you mean {ip_network(bare, strict=False)}?"
            ) from None
        looks_numeric = ":" in bare or "/" in bare or bare.replace(".", "").isdigit()
        if looks_numeric or not _is_name(bare):
            raise UsageError(
                f"{text!r} is not an address, a network or a host name; write for example "
                "10.0.0.5, 10.0.0.0/24, 2001:db8::/120 or db.example.org"
            ) from None
        return None
    if network.num_addresses == 1:
        return ip_network(normal(network.network_address))
    return network


def _is_name(text: str) -> bool:
    labels = text.rstrip(".").split(".")
    return 0 < len(text) <= 253 and all(
        0 < len(label) <= 63
        and not label.startswith("-")
        and not label.endswith("-")
        and all(c.isascii() and (c.isalnum() or c in "-_") for c in label)
        for label in labels
    )


def load(path: Path, resolve: Resolver, today: date | None = None) -> Scope:
    """Read the `[scope]` table of a TOML file; names are resolved once, through `resolve`.

    Raises UsageError with one line that says what is wrong, where, and what to do.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("scope")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a scope file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file: {error}") from None
    if not isinstance(table, dict):
        raise UsageError(f"{path}: has no [scope] table; add owner, authorised_by, targets, …")
    try:
        told = _ScopeFile.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise UsageError(f"{path}: [scope] has no {where!r}; it must be stated") from None
        raise UsageError(f"{path}: [scope] {where}: {first['msg'].lower()}") from None
    for name in ("owner", "authorised_by", "reference"):
        if not getattr(told, name).strip():
            raise UsageError(f"{path}: [scope] {name} is empty; say who or what it is")
    today = today or datetime.now(UTC).date()
    if told.expires < today:
        raise UsageError(
            f"{path}: the authorisation expired on {told.expires}; have it renewed "
            "and set expires anew"
        )
    if not told.targets:
        raise UsageError(f"{path}: [scope] targets is empty; name what may be scanned")
    try:
        targets, hosts = _networks(told.targets, resolve)
        exclusions, excluded_hosts = _networks(told.exclusions, resolve)
    except UsageError as error:
        raise UsageError(f"{path}: [scope] {error}") from None
    exclusions += [ip_network(a) for pinned in excluded_hosts.values() for a in pinned]
    scope = Scope(
        targets=tuple(targets),
        exclusions=tuple(exclusions),
        hosts=hosts,
        owner=told.owner,
        authorised_by=told.authorised_by,
        reference=told.reference,
        expires=told.expires,
    )
    if not scope.reachable():
        raise UsageError(f"{path}: the exclusions cover every target; nothing is left to scan")
    _check_public_count(path, targets, told.public_addresses)
    return scope


def _networks(
    texts: Sequence[str], resolve: Resolver
) -> tuple[list[Network], dict[str, tuple[Address, ...]]]:
    networks: list[Network] = []
    hosts: dict[str, tuple[Address, ...]] = {}
    for text in texts:
        network = parse_network(text)
        if network is not None:
            networks.append(network)
        else:
            hosts[text] = tuple(normal(a) for a in resolve(text))
    return networks, hosts


def _check_public_count(path: Path, targets: Sequence[Network], stated: int | None) -> None:
    """A slip of the pen in a public range must not become an internet scan."""
    public = subtract(targets, (*LOOPBACK, *_PRIVATE))
    count = sum(n.num_addresses for n in public)
    if stated is None and all(n.num_addresses == 1 for n in targets if _overlaps(n, public)):
        return
    if stated is None:
        raise UsageError(
            f"{path}: the targets hold {count} public addresses; if that is meant, "
            f"state public_addresses = {count} under [scope]"
        )
    if stated != count:
        raise UsageError(
            f"{path}: public_addresses says {stated}, but the targets hold {count}; "
            "correct whichever is wrong"
        )


def _overlaps(network: Network, others: Iterable[Network]) -> bool:
    return any(network.version == o.version and network.overlaps(o) for o in others)


def addresses(networks: Iterable[Network]) -> Iterator[Address]:
    """Every address of the networks, in order."""
    for network in networks:
        kind = IPv4Address if network.version == 4 else IPv6Address
        for number in range(int(network.network_address), int(network.broadcast_address) + 1):
            yield kind(number)
