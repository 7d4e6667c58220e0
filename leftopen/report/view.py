"""What the table and the HTML report both show of a run, worked out once and free of any format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from ipaddress import ip_address

from leftopen import tampering as patterns
from leftopen.model import (
    Band,
    CollectionProfile,
    Exposure,
    FieldProfile,
    Run,
    Service,
    Severity,
    Verdict,
)
from leftopen.report import words

SHOWN_FROM = 0.5  # confidence from which a kind is shown as found; it is that of the rating

_INTEREST = (
    Verdict.DECOY,
    Verdict.UNDETERMINED,
    Verdict.ERROR,
    Verdict.ACL_CLOSED,
    Verdict.AUTH_REQUIRED,
    Verdict.NOT_THIS,
    Verdict.SILENT,
    Verdict.CLOSED,
    Verdict.REFUSED_BY_SCOPE,
)
_REASON = re.compile(r"((?:DPC|EI|CB) [\d.]+): (.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of data that an exposure holds; `law` names the article that guards it, or is ""."""

    family: str
    label: str
    law: str


def findings(run: Run) -> list[Exposure]:
    """The exposures, worst first."""
    return sorted(run.exposures, key=lambda e: (-e.assessment.severity.se, _place(e.service)))


def _place(service: Service) -> tuple[int, int, int]:
    """Where a service stands in an order of places: IPv4 before IPv6, which do not compare."""
    address = ip_address(service.address)
    return (address.version, int(address), service.port)


def unread(run: Run) -> list[Service]:
    """Services that are open but whose store was not read before the run ended."""
    read = {(e.service.address, e.service.port) for e in run.exposures}
    left = (s for s in run.services if s.exposed and (s.address, s.port) not in read)
    return sorted(left, key=_place)


def others(run: Run) -> list[Service]:
    """Services that are no finding: what was not determined first, then locked, then the rest."""
    kept = (s for s in run.services if not s.exposed)
    return sorted(kept, key=lambda s: (_INTEREST.index(s.verdict), _place(s)))


def worst(run: Run) -> Band | None:
    """The band of the worst exposure."""
    found = findings(run)
    return found[0].assessment.severity.band if found else None


def headline(run: Run) -> str:
    """One sentence: how many stores are open."""
    exposed = [s.verdict for s in run.services if s.exposed]
    partly = sum(verdict is Verdict.OPEN_PARTIAL for verdict in exposed)
    wide = len(exposed) - partly
    if not exposed:
        return "No open store was found." if run.complete else "No open store was found so far."
    if not partly:
        return f"{count(wide, 'store')} {'is' if wide == 1 else 'are'} open."
    if not wide:
        return f"{count(partly, 'store')} {'is' if partly == 1 else 'are'} partly open."
    return f"{count(wide, 'store')} {'is' if wide == 1 else 'are'} open, {partly} partly open."


def worst_told(run: Run) -> str:
    """Which severity the sentence about the worst speaks of: `the worst`, or only of those read."""
    return "The worst of those read is" if unread(run) else "The worst is"


def is_personal(field: FieldProfile) -> bool:
    """Whether a field was found to hold personal data."""
    return field.family != "none" and field.confidence >= SHOWN_FROM


def law(field: FieldProfile) -> str:
    """The article of the GDPR that guards this kind of data in particular, or ""."""
    if field.special:
        return "Art. 9"
    return "Art. 10" if field.family == "criminal" else ""


def kinds(exposure: Exposure) -> list[Kind]:
    """Which families of data the store holds: specially guarded ones first, then the telling."""
    found: dict[str, Kind] = {}
    for collection in exposure.profile.collections:
        for field in filter(is_personal, collection.fields):
            seen = found.get(field.family)
            guarded = (seen.law if seen else "") or law(field)
            found[field.family] = Kind(field.family, words.family(field.family), guarded)
    return sorted(found.values(), key=lambda k: (not k.law, words.order(k.family), k.label))


def collections(exposure: Exposure) -> list[CollectionProfile]:
    """The collections, those with the most telling data first."""

    def rank(collection: CollectionProfile) -> tuple[int, int, str]:
        told = telling(collection)
        return (-sum(bool(law(field)) for field in told), -len(told), collection.name)

    return sorted(exposure.profile.collections, key=rank)


def telling(collection: CollectionProfile) -> list[FieldProfile]:
    """The fields with personal data: specially guarded ones first, then the surest."""
    return sorted(
        filter(is_personal, collection.fields),
        key=lambda field: (
            not law(field),
            words.order(field.family),
            -round(field.confidence, 1),
            field.path,
        ),
    )


def tampering(exposure: Exposure) -> list[str]:
    """What matches a known pattern of earlier visitors, a sentence each."""
    return [
        f"Matches a known pattern: {patterns.what(each.indicator)}."
        for each in exposure.profile.tampering
    ]


def verification(service: Service) -> str:
    """How the engine behind the verdict was verified, where that is less than a real server."""
    return words.SCRIPTED if service.verified == "scripted" else ""


def why(service: Service) -> str:
    """The reason of a verdict in a list of services, with what is less than certain about it."""
    return " ".join(filter(None, (sentence(service.reason), verification(service))))


def owner_hints(service: Service) -> str:
    """The host names in its certificate: where to look for its owner."""
    names = ", ".join(service.certificate_names)
    return f"Its certificate names {names}." if names else ""


def reasons(severity: Severity) -> list[tuple[str, str]]:
    """The reasons as (label, sentence): `DPC 4`, `EI 1`, `CB 0.5`, or `Note`."""
    rows = []
    for reason in severity.reasons:
        match = _REASON.fullmatch(reason)
        label, text = match.groups() if match else ("Note", reason)
        rows.append((label, sentence(text)))
    return rows


def formula(severity: Severity) -> str:
    """The formula and its numbers."""
    return (
        f"DPC × EI + CB = {severity.dpc:g} × {severity.ei:g} + {severity.cb:g} = {severity.se:.2f}"
    )


def sentence(text: str) -> str:
    """The text with a capital in front and a full stop behind."""
    told = f"{text[:1].upper()}{text[1:]}"
    return told if not told or told.endswith((".", "…")) else f"{told}."


def where(service: Service) -> str:
    """The address and port; the name they were pinned from in front, if there was one."""
    target = str(service.target)
    return f"{service.host} ({target})" if service.host else target


def what(service: Service) -> str:
    """The server's name and version, as far as they are known."""
    known = (service.product or service.engine, service.version, "over TLS" if service.tls else "")
    return " ".join(part for part in known if part)


def count(number: int, noun: str) -> str:
    """`1 store`, `2,000 stores`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def number(value: int | None) -> str:
    """A count with separators; a dash where the server tells none, or nonsense."""
    if value is None or value < 0:
        return "–"
    return f"{value:,}" if value < 10**15 else f"{value:.1e}"


def records(collection: CollectionProfile) -> str:
    """How many records a collection holds, as far as that may be told."""
    if collection.few:
        return f"<{number(_threshold(collection))}"
    return number(collection.records)


def _threshold(collection: CollectionProfile) -> int:
    return collection.sampled if collection.records is None else collection.records


def percent(share: float) -> str:
    """A share of 0..1 in whole per cent."""
    return "under 1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"


def size(value: int | None, decimals: int = 1) -> str:
    """Bytes in binary units."""
    if value is None or value < 0:
        return "–"
    if value < 1024:
        return f"{value} B"
    scaled = float(min(value, 1 << 62))
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        scaled /= 1024
        if scaled < 1023.95 or unit == "TiB":
            break
    return f"{scaled:,.{decimals}f} {unit}"


def extent(collection: CollectionProfile) -> str:
    """How much a collection holds and how much of it was looked at, as far as is known."""
    told = []
    if collection.few:
        told.append(f"fewer than {number(_threshold(collection))} records")
        return ", ".join([*told, size(collection.bytes)] if collection.bytes else told)
    if collection.records is not None and collection.records >= 0:
        told.append(f"{number(collection.records)} record{'' if collection.records == 1 else 's'}")
    if collection.bytes is not None and collection.bytes >= 0:
        told.append(size(collection.bytes))
    return ", ".join([*told, f"{number(collection.sampled)} looked at"])


def moment(at: datetime) -> str:
    """A point in time, in UTC: `21 Nov 2026, 08:00 UTC`."""
    return f"{at.astimezone(UTC):%d %b %Y, %H:%M} UTC".lstrip("0")


def day(told: str) -> str:
    """A day or a year as the model has them, for people: `22 Nov 2026`, `2026`."""
    try:
        return f"{date.fromisoformat(told):%d %b %Y}".lstrip("0")
    except ValueError:
        return told


def duration(run: Run) -> str:
    """How long the run took, or that it has not ended."""
    if run.finished is None:
        return "not ended"
    return time((run.finished - run.started).total_seconds())


def time(seconds: float) -> str:
    """A span of time: `1 min 7 s`, `under 1 s`."""
    seconds = max(0, round(seconds))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts: Sequence[tuple[int, str]] = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "under 1 s"


def go_on(run: Run) -> str:
    """The command that goes on with a run that is not complete."""
    return f"leftopen scan --resume {run.id}"
