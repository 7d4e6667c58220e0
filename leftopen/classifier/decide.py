"""From counts and names to kinds: which kind a field is, how surely, and why.

Three voices are heard: the field's name, the values, and what stands beside the field. A kind is
believed where the values speak for it beyond chance, or its name does and the values do not speak
against it. The neighbours then raise or drop what depends on a person being there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from leftopen.classifier.catalogue import BY_ID, KINDS, Kind
from leftopen.classifier.counts import Counts
from leftopen.classifier.names import Naming, Reading

_SOME = 5  # values that speak, where not most of the column must
NEEDED = 0.5  # confidence below which a field is not called personal
_LISTED = frozenset({"vector.unit", "point"})  # measures that count lists, not their numbers
_SURE = 1e-5  # by chance this seldom: beyond it the values speak, of hundreds of kinds tried
# Families whose values a thing can have as well as a person: a shop's address, a firm's telephone.
SHARED = frozenset(
    {"name", "address", "phone", "locality", "postcode", "employer", "job", "free_text", "username"}
    | {"face_image", "education", "travel", "housing", "gender", "place_label", "finance"}
    | {"social_account"}
)


# Families whose names say it so clearly that the values may look otherwise.
_PROMISED = frozenset({"email", "birth_date", "death_date", "gov_id", "phone"})
# Families of which stores keep hashes instead.
_PSEUDONYMS = frozenset(
    {"email", "phone", "name", "gov_id", "username", "ip", "card", "bank", "birth_date"}
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kind that a field may be, before the neighbours are heard."""

    kind: Kind
    confidence: float
    share: float
    evidence: tuple[str, ...]
    naming: Naming | None
    spoken: bool  # the values speak for it

    def at(self, confidence: float, *why: str) -> Candidate:
        """The same at another confidence."""
        return replace(self, confidence=min(confidence, 0.99), evidence=(*self.evidence, *why))


def candidates(counts: Counts, reading: Reading) -> tuple[list[Candidate], list[str]]:
    """All kinds the field may be, and why those that its name says are not believed."""
    found: list[Candidate] = []
    against: list[str] = []
    if not counts.values and not counts.lists:
        return found, ["no values to look at"]
    for kind in _worth_weighing(counts, reading):
        naming = reading.namings.get(kind.id)
        own = frozenset(naming.word.split()) if naming else frozenset()
        if reading.tokens & frozenset(kind.unless) - own:
            continue
        if not _fits(kind, counts):
            if naming and not kind.like:
                against.append(f"the name says {_label(kind)}, the type of the values does not")
            continue
        one = _weigh(kind, counts, naming)
        if one is not None:
            found.append(one)
        if naming and not kind.like and kind.evidenced and not (one and one.spoken):
            against.append(
                f"the name says {_label(kind)}, but only {_percent(share_of(kind, counts))}"
                f" of {base_of(kind, counts):,} values are {kind.says}"
            )
    found = _looked_at(found, counts, reading)
    hashed = _hashed(counts, reading)
    if hashed is not None:
        found.append(hashed)
    return found, against


_ALONE: Mapping[str, tuple[Kind, ...]] = {
    key: tuple(kind for kind in KINDS if kind.alone and kind.key == key and not kind.becomes)
    for key in {kind.key for kind in KINDS}
}
_PLACE = {kind.id: number for number, kind in enumerate(KINDS)}


def _worth_weighing(counts: Counts, reading: Reading) -> list[Kind]:
    """The kinds that the name says and those that any value speaks for, in catalogue order."""
    named = [BY_ID[name] for name in reading.namings]
    met = [kind for key, hits in counts.hits.items() if hits > 0 for kind in _ALONE.get(key, ())]
    worth = {kind.id: kind for kind in (*named, *met) if not kind.becomes}
    return sorted(worth.values(), key=lambda kind: _PLACE[kind.id])


def _fits(kind: Kind, counts: Counts) -> bool:
    """Whether at least half of the values are of a type that the kind can have."""
    if counts.lists and "vector" in kind.types:
        return True
    fitting = sum(counts.types[name] for name in kind.types)
    return fitting * 2 >= counts.values > 0


def base_of(kind: Kind, counts: Counts) -> int:
    """How many values, or lists of numbers, the kind is looked for in."""
    listed = kind.key in _LISTED or (counts.lists and "vector" in kind.types)
    return counts.lists if listed else counts.values


def share_of(kind: Kind, counts: Counts) -> float:
    """The part of the values that carry the kind's evidence."""
    base = base_of(kind, counts)
    return min(max(counts.hits[kind.key] / base, 0.0), 1.0) if base else 0.0


def _weigh(kind: Kind, counts: Counts, naming: Naming | None) -> Candidate | None:
    share, base = share_of(kind, counts), base_of(kind, counts)
    strength = naming.strength if naming else 0.0
    named = (_name_says(kind, naming),) if naming else ()
    speaks = kind.evidenced and base > 0 and share >= kind.min_share
    if naming and speaks:
        confidence = kind.both if strength == 1.0 else kind.both - 0.06
        return Candidate(
            kind, confidence, share, (*named, _values_say(kind, share, base)), naming, True
        )
    if kind.alone and speaks and _beyond_chance(kind, counts) and _often(kind, counts):
        few = counts.values < 5 and not kind.check
        told = _values_say(kind, share, base)
        return Candidate(kind, kind.alone * (0.85 if few else 1.0), share, (told,), None, True)
    if naming and kind.named and not _switches(kind, naming, counts):
        confidence = kind.named * (1.0 if strength == 1.0 else 0.85)
        if kind.vocabulary and share < 0.05:  # known words, and none of them is there
            confidence *= 0.8
        typed = 1.0 if counts.lists else sum(counts.types[t] for t in kind.types) / counts.values
        why = (*named, _values_say(kind, share, base)) if kind.evidenced else named
        return Candidate(kind, confidence, share if share > 0 else typed, why, naming, False)
    if naming and not naming.weak and kind.evidenced and share >= max(0.3, 3 * kind.chance):
        why = (*named, _values_say(kind, share, base), "the other values are something else")
        return Candidate(kind, 0.6, share, why, naming, False)
    if naming and strength == 1.0 and not naming.weak and _written_otherwise(kind, counts):
        why = (*named, _values_say(kind, share, base), "they may be written or masked otherwise")
        return Candidate(kind, 0.55, share, why, naming, False)
    return None


def _switches(kind: Kind, naming: Naming, counts: Counts) -> bool:
    """Whether a field that may be so called holds yes and no: `pass` of a test."""
    return naming.weak and "boolean" not in kind.types and counts.hits["flag"] * 2 > counts.values


def _often(kind: Kind, counts: Counts) -> bool:
    """Where half of a column is enough, one value of three is no half."""
    return bool(kind.pattern) or kind.min_share >= 0.7 or counts.hits[kind.key] >= _SOME


def _written_otherwise(kind: Kind, counts: Counts) -> bool:
    """Whether the values may be what the name clearly says, in another form: an e-mail address
    without its domain, the month of a birth, a masked number; and are neither flags nor hashes.
    """
    if kind.family not in _PROMISED:
        return False
    odd = counts.hits["flag"] + counts.hits["digest"] + counts.hits["uuid"] + counts.hits["prose"]
    if kind.family == "email":  # whatever form it has, there are letters in it
        odd += counts.hits["amount"]
    return counts.types["text"] * 10 >= counts.values * 9 and odd * 5 < counts.values


def _beyond_chance(kind: Kind, counts: Counts) -> bool:
    """Whether so many passing values would hardly ever come by chance."""
    if not kind.chance:
        return True
    return bool(kind.chance ** min(counts.hits[kind.key], 64) < _SURE)


def _looked_at(found: list[Candidate], counts: Counts, reading: Reading) -> list[Candidate]:
    """The candidates, once the faces seen in the column's pictures are heard."""
    faces, telling = counts.faces, reading.namings.get("face.image.portrait")
    named = telling or reading.namings.get("face.image")
    if faces.seen:
        kind = BY_ID["face.image.seen"]
        sure = kind.both if named else kind.alone
        seen = Candidate(kind, sure, faces.share, (faces.evidence,), named, True)
        return [*(c for c in found if c.kind.family != "face_image"), seen]
    if not faces.absent:
        return found
    kept: list[Candidate] = []
    for one in found:
        if one.kind.family != "face_image" or one.kind.measure == "record.face":
            kept.append(one)
        elif telling:
            kept.append(one.at(0.6, faces.evidence))
    return kept


def _hashed(counts: Counts, reading: Reading) -> Candidate | None:
    """A digest where the name promises something about a person: pseudonyms are still secrets."""
    kind = BY_ID["secret.digest"]
    promised = [BY_ID[name] for name in (*reading.namings, *reading.negated)]
    promised = [k for k in promised if k.family in _PSEUDONYMS]
    if not promised or "secret.digest" in reading.namings:
        return None
    share = share_of(kind, counts)
    if share < kind.min_share:
        return None
    said = f"the name says {_label(promised[0])}, the values are hashes"
    return Candidate(kind, 0.9, share, (said, _values_say(kind, share, counts.values)), None, True)


# Families whose values many kinds have: whoever is named as a relative has a name as well.
_BORROWED = frozenset({"name", "locality", "address", "job", "employer", "free_text", "birth_date"})


def choose(options: Iterable[Candidate]) -> Candidate | None:
    """The most believable; of equals the one that chance would give least, then the first.

    What the field's name clearly says goes before values that any such field may have.
    """
    believed = [option for option in options if option.confidence >= NEEDED]
    named = any(one.naming and not one.naming.weak for one in believed)
    best: Candidate | None = None
    for option in believed:
        if named and option.naming is None and option.kind.family in _BORROWED:
            continue
        if best is None or _rank(option) > _rank(best):
            best = option
    return best


def _rank(option: Candidate) -> tuple[float, float, float]:
    return (round(option.confidence, 2), round(option.share, 1), -option.kind.chance)


# ------------------------------------------------------------------------------ words of evidence

_LABELS: Mapping[str, str] = {
    "gov_id": "official number", "none": "a firm's number", "person_id": "a person's number",
    "gps": "position", "email": "e-mail", "family_tie": "relatives", "device_id": "device",
    "ip": "IP address",
}  # fmt: skip


def _label(kind: Kind) -> str:
    return _LABELS.get(kind.family, kind.family.replace("_", " "))


def _name_says(kind: Kind, naming: Naming) -> str:
    how = "may say" if naming.weak else "says"
    rest = "" if naming.strength == 1.0 else ", among other words"
    return f"the field's name {how} {_label(kind)} ({naming.language}: {naming.word}{rest})"


def _values_say(kind: Kind, share: float, base: int) -> str:
    if not kind.evidenced:
        return f"{base:,} values"
    if kind.check:
        odds = f" (1 in {round(1 / kind.chance):,} would by chance)"
        return f"{_percent(share)} of {base:,} values pass {kind.says}{odds}"
    verb = "have" if kind.says.startswith("the ") else "are"
    return f"{_percent(share)} of {base:,} values {verb} {kind.says}"


def _percent(share: float) -> str:
    if 0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{share * 100:.0f} %"
