"""How badly an exposure could hurt the people in it: Service and Profile in, Assessment out."""

from __future__ import annotations

from dataclasses import dataclass

from leftopen.assess.categories import contexts, words
from leftopen.assess.holdings import Holding, holdings
from leftopen.assess.identification import Identification, identification
from leftopen.assess.severity import MANY, Context, cb, severity
from leftopen.assess.tables import TABLES
from leftopen.linking import COUNTS_FROM
from leftopen.model import Assessment, People, Profile, Service, Vantage, Verdict

_SURE = 0.8  # confidence from which a reason need not mention it

_SEEN_FROM = {
    Vantage.LOOPBACK: "a loopback address, so those who can read it are the users of that machine",
    Vantage.PRIVATE: "a private address, so those who can read it are the users of that network",
    Vantage.PUBLIC: "a public address, so how many can read it is not known",
}


@dataclass(frozen=True, slots=True)
class _Rated:
    """A holding with its two scores."""

    held: Holding
    contexts: tuple[Context, ...]
    identity: Identification

    @property
    def dpc(self) -> int:
        return self.contexts[0].score

    @property
    def rank(self) -> tuple[float, int]:
        return (self.dpc * self.identity.score, self.dpc)


def assess(service: Service, profile: Profile) -> Assessment:
    """The ENISA severity of a store that was found like this.

    Pure. Collections that no person's key links are rated apart and the worst counts, for a name
    in one identifies nobody in another. The flag gt_100 is set where there are surely more than
    100 people: by the lower end of the interval of how many there are. Circumstances other than
    confidentiality need evidence that a profile does not hold, and are not claimed.
    """
    level = "unknown_recipients" if service.vantage is Vantage.PUBLIC else "known_recipients"
    elements = {"confidentiality": cb("confidentiality", level)}
    internet = {"confidentiality": cb("confidentiality", "unknown_recipients")}
    rated = sorted(
        (_Rated(h, contexts(h), identification(h)) for h in holdings(profile.collections)),
        key=lambda r: r.rank,
        reverse=True,
    )
    dpc, ei = (rated[0].dpc, rated[0].identity.score) if rated else (0, 0.0)
    circumstances = (
        f"CB {elements['confidentiality']:g}: it answered at {_SEEN_FROM[service.vantage]} "
        "(ENISA A4)"
    )
    if elements != internet:
        there = severity(dpc, ei, internet)
        circumstances += (
            f"; reachable from the internet it would be {there.cb:g} "
            f"and SE {there.se:.2f} ({there.band.replace('_', ' ')})"
        )
    reasons = [
        *(_scores(rated[0]) if rated else _zeros(profile)),
        circumstances,
        *_other_data(rated),
        *_many(profile.people),
        *_limits(service, profile),
    ]
    people = profile.people.low if profile.people else None
    return Assessment(severity(dpc, ei, elements, people=people, reasons=reasons))


def _scores(worst: _Rated) -> list[str]:
    return [
        f"DPC {worst.dpc}: {worst.contexts[0].reason}{_context_doubt(worst)}",
        f"EI {worst.identity.score:g}: {worst.identity.reason}{_identity_doubt(worst)}",
    ]


def _other_data(rated: list[_Rated]) -> list[str]:
    """What was found besides, and did not decide."""
    if not rated:
        return []
    worst, reasons = rated[0], []
    others = {c.category: c for c in reversed(worst.contexts[1:])}
    others.pop(worst.contexts[0].category, None)
    if others:
        told = ", ".join(f"{c.category} {c.score}" for c in reversed(others.values()))
        reasons.append(f"Of several categories the highest counts; also found: {told}")
    if len(rated) > 1:
        reasons.append(
            f"{len(rated)} sets of collections hold personal data and no person's key links "
            "them; the worst counts"
        )
        deeper = max(rated[1:], key=lambda r: r.dpc)
        if deeper.dpc > worst.dpc:
            reasons.append(
                f"Another set holds {deeper.contexts[0].category} data (DPC {deeper.dpc}), "
                f"but identifies its people less (EI {deeper.identity.score:g})"
            )
    return reasons


def _many(people: People | None) -> list[str]:
    """Why the flag gt_100 is set; it leaves the score as it is."""
    if people is None or people.low <= MANY:
        return []
    told = f"about {people.estimate:,}"
    if people.high > 2 * people.low:  # the estimate says less than the interval
        told = f"between {people.low:,} and {people.high:,}"
    return [f"{told} people: more than {MANY} individuals (ENISA flag)"]


def _context_doubt(rated: _Rated) -> str:
    """A note where the deciding category rests on doubtful fields alone."""
    category = rated.contexts[0].category
    return _doubt(
        max(
            (
                confidence
                for family, confidence in rated.held.confidence.items()
                if TABLES.category_of.get(family) == category
            ),
            default=1.0,
        )
    )


def _identity_doubt(rated: _Rated) -> str:
    """A note where one of the deciding identifiers is doubtful."""
    return _doubt(
        min((rated.held.confidence[family] for family in rated.identity.families), default=1.0)
    )


def _doubt(confidence: float) -> str:
    return f" [found with confidence {confidence:.2f}]" if confidence < _SURE else ""


def _zeros(profile: Profile) -> list[str]:
    """The two zeros of a store without personal data; ADR 4 says why they are zeros."""
    looked_at = sum(collection.sampled for collection in profile.collections)
    if looked_at:
        held = len(profile.collections)
        found = (
            f"no personal data was found in the {looked_at:,} records looked at, "
            f"in {held:,} collection{'' if held == 1 else 's'}"
        )
    else:
        found = "no record could be looked at, so no personal data was found"
    return [
        f"DPC 0: {found}; ENISA rates personal data only, and this 0 is leftopen's own, "
        "outside ENISA's 1 to 4",
        "EI 0: nobody was found who could be identified; this 0, too, is leftopen's own",
    ]


def _limits(service: Service, profile: Profile) -> list[str]:
    """What could not be seen, and may make the score too low."""
    told = []
    if service.verdict is Verdict.OPEN_PARTIAL:
        told.append("Its records cannot be read: the score rests on what it lists, if on anything")
    if not profile.complete:
        told.append("The reading ended before every collection was seen: more may be in it")
    doubtful = {
        field.family
        for collection in profile.collections
        for field in collection.fields
        if 0 < field.confidence < COUNTS_FROM
        and TABLES.category_of.get(field.family, "none") != "none"
    }
    if doubtful:
        told.append(
            f"Not counted, for the confidence is below {COUNTS_FROM:g}: {words(sorted(doubtful))}"
        )
    return told
