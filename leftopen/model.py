"""The words of leftopen as plain frozen types. No I/O, no behaviour beyond small derivations."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Verdict(StrEnum):
    """What one exchange proved. Identity is not openness; silence is not closure."""

    OPEN = "OPEN"  # a gated read succeeded and parsed strictly
    OPEN_PARTIAL = "OPEN_PARTIAL"  # answers or lists without credentials, but cannot be read
    AUTH_REQUIRED = "AUTH_REQUIRED"
    ACL_CLOSED = "ACL_CLOSED"  # refused by address or certificate
    PASSWORDLESS = "PASSWORDLESS"  # opt-in check only
    UNDETERMINED = "UNDETERMINED"
    DECOY = "DECOY"
    NOT_THIS = "NOT_THIS"  # something answers, but no datastore that leftopen knows
    CLOSED = "CLOSED"
    SILENT = "SILENT"
    REFUSED_BY_SCOPE = "REFUSED_BY_SCOPE"
    ERROR = "ERROR"


class Vantage(StrEnum):
    """The kind of address a verdict was taken at. "Open from loopback" is not "open"."""

    LOOPBACK = "loopback"
    PRIVATE = "private"
    PUBLIC = "public"


class Stage(StrEnum):
    """Where in the way of the data something happened."""

    DISCOVER = "discover"
    PROBE = "probe"
    SAMPLE = "sample"
    CLASSIFY = "classify"
    MEASURE = "measure"
    ASSESS = "assess"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """An address and a port in scope. `host` is the name it was pinned from, if it had one."""

    address: Address
    port: int
    host: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return (
            f"[{self.address}]:{self.port}"
            if self.address.version == 6
            else (f"{self.address}:{self.port}")
        )


@dataclass(frozen=True, slots=True)
class OptIn:
    """What the scope file allows at a target beyond asking without a name: nothing, by default.

    Each of these goes further than an anonymous read, so the owner's own scope file must say it,
    for this target. `blank_password_check` lets one named `account` be tried once with an empty
    password; `anonymous_login` is the account `anonymous` (FTP) or an anonymous bind (LDAP);
    `session` opens a session that the server notes in its log (ZooKeeper); `role` is whom to read
    as where a server trusts any name (PostgreSQL); `buckets` are the ones to ask an object store
    for.
    """

    blank_password_check: bool = False
    account: str | None = None
    anonymous_login: bool = False
    session: bool = False
    role: str | None = None
    buckets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What an engine's probe established, and how.

    `reason` is leftopen's own sentence (no server text). `version` must already have passed
    `leftopen.engine.clean_version`. `product` names the server where one engine covers several.
    `can_write` is what the server itself says of a client without credentials; it is never tried.
    """

    verdict: Verdict
    reason: str
    version: str | None = None
    product: str | None = None
    can_write: Literal["yes", "no", "unknown"] = "unknown"


@dataclass(frozen=True, slots=True)
class Service:
    """A target that answered: what it is, and what its verdict is from where.

    `tls` says whether its answers came over TLS, `tls_first` whether TLS must come before any of
    its protocol (it does not where the protocol itself asks for TLS, as PostgreSQL's does).
    `certificate_names` are the host names in its certificate: hints for finding its owner.
    """

    address: str
    port: int
    verdict: Verdict
    vantage: Vantage
    reason: str
    engine: str | None = None
    product: str | None = None
    version: str | None = None
    tls: bool = False
    tls_first: bool = False
    can_write: Literal["yes", "no", "unknown"] = "unknown"
    verified: Literal["real", "scripted"] | None = None
    requests: tuple[str, ...] = ()
    bytes_read: int = 0
    host: str | None = None
    certificate_names: tuple[str, ...] = ()

    @property
    def target(self) -> Target:
        return Target(ip_address(self.address), self.port, self.host)

    @property
    def exposed(self) -> bool:
        """Whether the verdict is a finding: something is given to anyone who asks."""
        return self.verdict in (Verdict.OPEN, Verdict.OPEN_PARTIAL, Verdict.PASSWORDLESS)


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """What one field of a collection holds. Aggregates only, never a value.

    `kind` is a DataKind id from the catalogue or "none"; `family` one of the families;
    `confidence` in 0..1; `share` the part of the non-null values that carry the kind, 0..1;
    `evidence` says why, in leftopen's words; `values` is how many non-null values were looked at.
    """

    path: str
    kind: str
    family: str
    special: bool
    confidence: float
    share: float
    values: int
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mirror:
    """A collection whose people are almost all in another one too: a copy, or a part of one.

    `of` is a collection of the same store, or the id of another exposure; `share` is the part of
    the mirror's people who were found there, 0..1, in steps of 0.05.
    """

    collection: str
    of: str
    share: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a further reading would take of a server: bytes sent by it, and seconds."""

    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class People:
    """How many people there are, counted once each, as it may be shown (privacy rules R4 to R6).

    `low` and `high` enclose the truth with a probability of 95 %; `method` says in a sentence what
    the figures rest on. `few`: fewer than the threshold, which is then `estimate` and `high`, with
    `low` 0. `deduplicated_across` names what was counted together: collections of a store,
    exposures of a run. `deep` is what `--deep` would cost, where it would tell more.
    """

    estimate: int
    low: int
    high: int
    method: str
    few: bool = False
    deduplicated_across: tuple[str, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    deep: Cost | None = None


@dataclass(frozen=True, slots=True)
class TimeField:
    """A field of times and what they are the times of: events, births, expiries or the record."""

    collection: str
    path: str
    role: Literal["event", "birth", "expiry", "record"]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Records of one hour, `hour` its beginning in UTC (`2026-11-22T05:00Z`), rounded."""

    hour: str
    records: int


@dataclass(frozen=True, slots=True)
class Time:
    """How fresh a store is, from its event times and from two looks at it.

    `oldest_year` and `newest` (a day, or a year) have at least the threshold of records behind
    them. `records_per_day` with its 95 % interval is for the last 24 hours. `live` is true only if
    the store grew or changed between two looks, `seconds_apart`. `since` is the day from which it
    probably was open, as far as the server tells by `since_by`.
    """

    oldest_year: int | None = None
    newest: str | None = None
    records_per_day: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""
    live: bool = False
    seconds_apart: float | None = None
    since: str | None = None
    since_by: Literal["started", "log", "created"] | None = None
    arrivals: tuple[Arrivals, ...] = ()
    fields: tuple[TimeField, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """An H3 cell (of any resolution up to that of the run) and how many people are in it."""

    h3: str
    people_band: str


@dataclass(frozen=True, slots=True)
class PlaceKind:
    """A kind of place (`worship`, `clinic`, `school`, `hotel`, …) and how many records name it."""

    kind: str
    estimate: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where people are. `countries` are ISO 3166-1 alpha-2 codes; `traces`: whether single
    people's ways through time are in it; `hidden`: whether cells were left out as too small."""

    cells: tuple[Cell, ...] = ()
    countries: tuple[str, ...] = ()
    traces: bool = False
    kinds: tuple[PlaceKind, ...] = ()
    hidden: bool = False
    method: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A value of a public vocabulary (or `other`) and the part of the people who carry it."""

    label: str
    share: float


@dataclass(frozen=True, slots=True)
class Composition:
    """The shares of one field of special category, released with differential privacy.

    `mechanism` names it with its scale, `epsilon` is what this release cost, `threshold` the count
    below which a label goes into `other`.
    """

    field: str
    kind: str
    shares: tuple[Share, ...]
    mechanism: str
    epsilon: float
    threshold: int


@dataclass(frozen=True, slots=True)
class CollectionProfile:
    """The aggregates of one collection. `records` and `bytes` as the server tells them.

    `few`: it holds personal data in fewer records than the threshold, which `records` and
    `sampled` then are (privacy rule R4).
    """

    name: str
    records: int | None
    bytes: int | None
    sampled: int
    fields: tuple[FieldProfile, ...]
    people: People | None = None
    few: bool = False


@dataclass(frozen=True, slots=True)
class ScanError:
    """Something that went wrong, by class and code; texts of servers and parsers are not kept."""

    address: str
    port: int
    stage: Stage
    class_: str
    code: str


@dataclass(frozen=True, slots=True, order=True)
class Tampering:
    """A known pattern that something in a store matches: the indicator's id and its family."""

    indicator: str
    family: str


@dataclass(frozen=True, slots=True)
class Profile:
    """The aggregates of a store; `complete` is False where a limit ended the reading early.

    `people`, `time` and `place` are None where the store could not be read. `unchanged`: the
    aggregates are those of an earlier run, from which this one's differ by too little to be shown
    (privacy rule R7).
    """

    collections: tuple[CollectionProfile, ...]
    complete: bool
    requests: tuple[str, ...]
    bytes_read: int
    errors: tuple[ScanError, ...] = ()
    tampering: tuple[Tampering, ...] = ()
    people: People | None = None
    time: Time | None = None
    place: Place | None = None
    composition: tuple[Composition, ...] = ()
    unchanged: bool = False

    @property
    def broken_off(self) -> bool:
        """Whether the sampling process itself failed, so that reading again may bring more."""
        return any(error.class_ == "Worker" for error in self.errors)


Band = Literal["low", "medium", "high", "very_high"]


@dataclass(frozen=True, slots=True)
class Severity:
    """ENISA severity of a personal data breach: se = dpc * ei + cb, with reasons for each.

    `flags` are ENISA's (`gt_100`, `unintelligible`): they do not change the score.
    """

    se: float
    band: Band
    dpc: float
    ei: float
    cb: float
    reasons: tuple[str, ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """How badly an exposure could hurt the people in it."""

    severity: Severity


@dataclass(frozen=True, slots=True)
class Exposure:
    """Service + Verdict + Profile at one moment, rated."""

    service: Service
    profile: Profile
    assessment: Assessment

    @property
    def id(self) -> str:
        """Stable fingerprint: the same store at the same place has the same id in every run."""
        return exposure_id(self.service.engine, self.service.address, self.service.port)


def exposure_id(engine: str | None, address: str, port: int) -> str:
    """The fingerprint of the store of that engine at that place."""
    return hashlib.sha256(f"{engine}\n{address}\n{port}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Run:
    """One scan as recorded: everything a report is made from. `people`: over all its stores."""

    id: str
    started: datetime
    finished: datetime | None
    version: str
    host: str
    scope: Mapping[str, str | None]  # owner, reference, sha256
    complete: bool
    services: tuple[Service, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    errors: tuple[ScanError, ...] = ()
    targets: int = 0  # address and port pairs that were tried
    people: People | None = None
