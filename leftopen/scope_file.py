"""The `[scope]` table of leftopen.toml, read and checked: what the operator wrote, as a Scope."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from ipaddress import ip_network
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from leftopen.errors import UsageError
from leftopen.model import Address, Network, OptIn
from leftopen.scope import (
    LOOPBACK,
    PRIVATE,
    Grant,
    Resolver,
    Scope,
    parse_network,
    pinnable,
    subtract,
)

_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:]+):(\d{1,5})")  # a target and its port


class _OptInTable(BaseModel):
    """One `[[scope.opt_in]]` table: where more than asking without a name is allowed, and what."""

    model_config = ConfigDict(extra="forbid")
    targets: list[str]
    blank_password_check: bool = False
    account: str | None = None
    anonymous_login: bool = False
    session: bool = False
    role: str | None = None
    buckets: list[str] = []


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
    opt_in: list[_OptInTable] = []


def in_file(path: Path) -> bool:
    """Whether the file is there and has a `[scope]` table."""
    try:
        return "scope" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False


def load(path: Path, resolve: Resolver, today: date | None = None) -> Scope:
    """Read the `[scope]` table of a TOML file; names are resolved once, through `resolve`.

    Raises UsageError with one line that says what is wrong, where, and what to do.
    """
    shown = str(path) if str(path).isprintable() else repr(str(path))
    try:
        told = _read(path)
        today = today or datetime.now(UTC).date()
        if told.expires < today:
            raise UsageError(
                f"the authorisation expired on {told.expires}; have it renewed and set expires anew"
            )
        return _checked(told, resolve)
    except UsageError as error:
        raise UsageError(f"{shown}: {error}") from None


def _read(path: Path) -> _ScopeFile:
    """The `[scope]` table with every field that must be stated; its values are not yet judged."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("scope")
    except OSError as error:
        why = error.strerror or "unknown reason"
        raise UsageError(f"cannot be read ({why}); name a scope file") from None
    except (ValueError, RecursionError) as error:  # bad UTF-8, bad TOML, a NUL in the path
        raise UsageError(f"not a TOML file ({_line(error)}); correct it") from None
    if not isinstance(table, dict):
        raise UsageError("has no [scope] table; add owner, authorised_by, targets, …")
    try:
        told = _ScopeFile.model_validate(table)
    except ValidationError as error:
        # An unknown key comes first: it is most often the missing one, misspelt.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        where = _line(".".join(str(part) for part in first["loc"]))
        if first["type"] == "missing":
            raise UsageError(f"[scope] has no {where!r}; it must be stated") from None
        if first["type"] == "extra_forbidden":
            known = ", ".join(_ScopeFile.model_fields)
            raise UsageError(f"[scope] has no field {where!r}; the fields are {known}") from None
        raise UsageError(f"[scope] {where}: {_line(first['msg'].lower())}; correct it") from None
    for name in ("owner", "authorised_by", "reference"):
        if not getattr(told, name).strip():
            raise UsageError(f"[scope] {name} is empty; say who or what it is")
    return told


def _line(text: object) -> str:
    """Text of a file or a parser on one line, escaped and cut."""
    line = str(text)[:200]
    return line if line.isprintable() else line.encode("unicode_escape").decode("ascii")


def _checked(told: _ScopeFile, resolve: Resolver) -> Scope:
    """The scope that the file tells, its names resolved; raises UsageError without the path."""
    if not told.targets:
        raise UsageError("[scope] targets is empty; name what may be scanned")
    try:
        targets, hosts = _networks(told.targets, resolve)
        exclusions, excluded_hosts = _networks(told.exclusions, resolve)
    except UsageError as error:
        raise UsageError(f"[scope] {error}") from None
    exclusions += [ip_network(a) for pinned in excluded_hosts.values() for a in pinned]
    scope = Scope(
        targets=tuple(targets),
        exclusions=tuple(exclusions),
        hosts=hosts,
        owner=told.owner,
        authorised_by=told.authorised_by,
        reference=told.reference,
        expires=told.expires,
        grants=_grants(told.opt_in, hosts),
    )
    _check_grants(scope)
    if not scope.reachable():
        raise UsageError("the exclusions cover every target; nothing is left to scan: take one out")
    _check_public_count(targets, told.public_addresses)
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
            hosts[text] = tuple(dict.fromkeys(pinnable(a) for a in resolve(text)))
            if not hosts[text]:  # an exclusion that means nothing must not pass for one that holds
                raise UsageError(f"{text!r} has no address here; check the name or give one")
    return networks, hosts


def _grants(
    tables: Sequence[_OptInTable], hosts: Mapping[str, tuple[Address, ...]]
) -> tuple[Grant, ...]:
    """The opt-ins, a grant for each target of each table."""
    grants: list[Grant] = []
    for number, table in enumerate(tables, 1):
        where = f"[[scope.opt_in]] number {number}"
        told = table.model_dump(exclude={"targets"})
        allows = OptIn(**{**told, "buckets": tuple(table.buckets)})
        if not table.targets:
            raise UsageError(f"{where} names no targets; say where it holds")
        if allows == OptIn():
            raise UsageError(f"{where} allows nothing; say what, or take it out")
        if allows.blank_password_check != (allows.account is not None):
            raise UsageError(
                f"{where}: blank_password_check = true and account belong together; "
                "name the one account that may be tried"
            )
        grants += [_grant(text, allows, hosts, where) for text in table.targets]
    return tuple(grants)


def _grant(text: str, allows: OptIn, hosts: Mapping[str, tuple[Address, ...]], where: str) -> Grant:
    """One target of an opt-in: an address, network or name of the scope, perhaps with a port."""
    found = _PORT.fullmatch(text)
    bare, port = (found.group(1), int(found.group(2))) if found else (text, None)
    if port is not None and not 0 < port < 65_536:
        raise UsageError(f"{where}: {_line(text)!r} has no port from 1 to 65535")
    try:
        network = parse_network(bare)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    if network is not None:
        return Grant((network,), port, allows)
    if bare not in hosts:
        raise UsageError(f"{where}: {bare!r} is not among the targets; name it there as well")
    return Grant(tuple(ip_network(a) for a in hosts[bare]), port, allows)


def _check_grants(scope: Scope) -> None:
    for grant in scope.grants:
        for network in grant.networks:
            if not scope.covers(network):
                raise UsageError(
                    f"[[scope.opt_in]] {network} is not among the targets; name it there as well"
                )


def _check_public_count(targets: Sequence[Network], stated: int | None) -> None:
    """A slip of the pen in a public range must not become an internet scan."""
    public = subtract(targets, (*LOOPBACK, *PRIVATE))
    count = sum(n.num_addresses for n in public)
    if stated is None and all(n.num_addresses == 1 for n in targets if _overlaps(n, public)):
        return
    if stated is None:
        raise UsageError(
            f"the targets hold {count} public addresses; if that is meant, "
            f"state public_addresses = {count} under [scope]"
        )
    if stated != count:
        raise UsageError(
            f"public_addresses says {stated}, but the targets hold {count}; "
            "correct whichever is wrong"
        )


def _overlaps(network: Network, others: Iterable[Network]) -> bool:
    return any(network.version == o.version and network.overlaps(o) for o in others)
