"""Numbers of one look: which country's a column holds, or that it cannot be told.

Many countries number their people with nine or eleven digits. Where several checks pass alike, the
field's name has spoken already; then the countries that the other fields tell of decide. Where
they do not, the field is an official number of one of those countries, and that is what is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from leftopen.classifier.catalogue import BY_ID
from leftopen.classifier.decide import Candidate
from leftopen.classifier.names import Reading

_NEAR = 0.04  # shares that differ by less are alike
_STRICT = 4.0  # a rule that chance passes so many times less often is the better explanation
_GENERAL = {"gov_id": "gov_id", "person_id": "person_id"}
# Languages of field names, and the countries they speak for.
_SPOKEN: Mapping[str, tuple[str, ...]] = {
    "zh": ("cn", "tw", "hk", "sg"), "es": ("es", "mx", "ar", "cl", "co", "pe", "ec", "do", "uy"),
    "pt": ("br", "pt"), "fr": ("fr", "be", "ch"), "de": ("de", "at", "ch"), "nl": ("nl", "be"),
    "it": ("it", "ch", "sm"), "ru": ("ru", "kz", "by", "ua"), "tr": ("tr",), "id": ("id",),
    "ar": ("eg", "sa", "ae"), "hi": ("in",), "pl": ("pl",), "ja": ("jp",), "ko": ("kr",),
    "sv": ("se", "fi"), "no": ("no",), "da": ("dk",), "fi": ("fi",), "cs": ("cz",), "sk": ("sk",),
    "hu": ("hu",), "ro": ("ro", "md"), "bg": ("bg",), "hr": ("hr", "ba"), "sr": ("rs", "ba", "me"),
    "sl": ("si",), "el": ("gr", "cy"), "et": ("ee",), "lv": ("lv",), "lt": ("lt",), "uk": ("ua",),
    "he": ("il",), "fa": ("ir",), "th": ("th",), "vi": ("vn",), "ms": ("my",),
}  # fmt: skip


def country(kind_id: str) -> str:
    """The country that a kind's id names, in ISO 3166 letters; "" if none."""
    return next((part for part in kind_id.split(".")[1:] if len(part) == 2 and part.isalpha()), "")


def told(chosen: Mapping[str, Candidate], readings: Iterable[Reading]) -> Counter[str]:
    """How strongly the fields of a collection speak for each country."""
    found: Counter[str] = Counter()
    for one in chosen.values():
        where = country(one.kind.id)
        if where and (one.naming or not one.kind.chance):
            found[where] += 3
    for reading in readings:
        for language in {naming.language for naming in reading.namings.values()}:
            for where in _SPOKEN.get(language, ()):
                found[where] += 1
    return found


def decide(best: Candidate, options: Iterable[Candidate], countries: Counter[str]) -> Candidate:
    """The best candidate, or another that passes alike and whose country the neighbours tell of,
    or the general kind where it stays one of several.
    """
    if best.kind.family not in _GENERAL or not best.kind.chance or not best.spoken:
        return best
    alike = [one for one in options if _alike(one, best)]
    if len({country(one.kind.id) for one in alike}) < 2:
        return best
    weight = {one.kind.id: countries[country(one.kind.id)] for one in alike}
    most = max(weight.values())
    leading = [one for one in alike if weight[one.kind.id] == most]
    if most and len({country(one.kind.id) for one in leading}) == 1:
        where = country(leading[0].kind.id).upper()
        return leading[0].at(leading[0].confidence, f"other fields tell of {where}")
    ids = sorted(one.kind.id for one in alike)
    general = BY_ID[_GENERAL[best.kind.family]]
    return replace(best, kind=general, evidence=(*best.evidence, f"one of {', '.join(ids)}"))


def _alike(one: Candidate, best: Candidate) -> bool:
    return (
        one.kind.family == best.kind.family
        and bool(one.kind.chance)
        and one.spoken
        and (one.naming is None) == (best.naming is None)
        and abs(one.share - best.share) <= _NEAR
        and one.kind.chance <= best.kind.chance * _STRICT
        and best.kind.chance <= one.kind.chance * _STRICT
    )
