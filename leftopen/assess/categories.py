"""Which of ENISA's categories the data falls into, and by how much their base is changed (A2).

Only what the profile shows changes a base. What ENISA would have an assessor know besides (who the
controller is, that the people are children, that the data is public or outdated) is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from leftopen.assess.holdings import Holding, parts
from leftopen.assess.severity import Context, credentials, dpc
from leftopen.assess.tables import TABLES, Category

_LIFE_PROFILE = 3  # families of `signs.life` that together make a profile of somebody's life
_BIOMETRIC = frozenset({"face_embedding", "fingerprint", "iris", "voice"})


def contexts(held: Holding) -> tuple[Context, ...]:
    """Every category that the data falls into, scored, with a sentence for each; best first."""
    found = [
        *_sensitive(held),
        *_financial(held),
        *_behavioural(held),
        *_simple(held),
    ]
    if held.has("secret"):
        found.append(_credentials(found))
    return tuple(sorted(found, key=lambda context: -context.score))


def and_list(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def words(families: Iterable[str]) -> str:
    """The families in the words of a reason."""
    return and_list(TABLES.words[family] for family in families)


def _of(held: Holding, category: Category) -> tuple[str, ...]:
    """The families of a category that were found, surest first."""
    found = [family for family in held.confidence if TABLES.category_of.get(family) == category]
    return tuple(sorted(found, key=lambda family: (-held.confidence[family], family)))


def _context(category: Category, adjustment: int, what: str, *, many: bool = False) -> Context:
    """The category scored, with a sentence whose subject is `what`, a plural where `many`."""
    row = TABLES.dpc[category]
    told = f"{what} {'are' if many else 'is'} {category} data (ENISA A2, base {row.base})"
    if adjustment:
        told += f", {adjustment:+d}: {row.adjustments[adjustment]}"
    return dpc(category, adjustment, told)


def _found(category: Category, adjustment: int, families: Sequence[str], note: str = "") -> Context:
    """The category scored for these families; a long list is cut to the three surest."""
    shown = families[:3]
    what = words(shown) + note
    many = len(shown) > 1 or (what.endswith("s") and not what.endswith("ss"))
    return _context(category, adjustment, what, many=many)


def _sensitive(held: Holding) -> Iterator[Context]:
    outright = [f for f in _of(held, "sensitive") if f not in ("place_label", "face_image")]
    if outright:
        notes = []
        if _BIOMETRIC & set(outright[:3]):
            notes.append("biometric data, GDPR Art. 9")
        if "criminal" in outright[:3]:
            notes.append("criminal matters, GDPR Art. 10, are rated like Art. 9")
        note = f" ({'; '.join(notes)})" if notes else ""
        yield _found("sensitive", 0, outright, note)
    # A photograph is no biometric datum by itself (GDPR recital 51), but a face lets origin be
    # assumed; where the profile does not even mark it as special, it is simple data.
    assumed = [
        family
        for family in ("place_label", "face_image")
        if held.has(family) and (family == "place_label" or family in held.special)
    ]
    if assumed:
        yield _found("sensitive", -1, assumed)


def _financial(held: Holding) -> Iterator[Context]:
    if held.has("card"):
        signs = TABLES.signs
        extras = [parts(kind) & signs["part_of_card"] for kind in held.kinds["card"]]
        if all(extras):
            yield _context("financial", -1, "a part of payment card data without the number")
        elif any(extra & signs["pays_with_card"] for extra in extras):
            yield _context("financial", 1, "a payment card number with its expiry or code")
        else:
            yield _context("financial", 0, "a payment card number")
    telling = [family for family in ("finance", "welfare") if held.has(family)]
    life = _life(held)
    if telling and len(life) >= _LIFE_PROFILE:
        what = f"{words(telling)} beside {words(life)}"
        yield _context("financial", 1, what, many=len(telling) > 1)
    elif telling:
        yield _found("financial", 0, telling)
    elif held.has("bank"):
        yield _context("financial", -1, "a bank account number without balance or transactions")


def _behavioural(held: Holding) -> Iterator[Context]:
    found = [f for f in _of(held, "behavioural") if f not in ("ip", "device_id")]
    connections = [family for family in ("ip", "device_id") if held.has(family)]
    if "location_trace" in found:
        # A trace may itself be marked as special by inference; it does not count beside itself.
        deep = sorted(held.special - {"location_trace", "gps"})
        if deep:
            yield _context("behavioural", 2, f"a location trace beside {words(deep[:3])}")
        else:
            yield _context("behavioural", 1, "a location trace")
    elif found:
        yield _found("behavioural", 0, found)
    elif held.activity:
        yield _context("behavioural", 0, "what people did, recorded with a key of the person,")
    elif connections:
        yield _found("behavioural", -1, connections, " without a record of activity")


def _simple(held: Holding) -> Iterator[Context]:
    found = _of(held, "simple")
    if held.has("face_image") and "face_image" not in held.special:
        found = (*found, "face_image")
    if not found:
        return
    life = _life(held)
    if len(life) >= _LIFE_PROFILE:
        yield _found("simple", 1, life)
    elif held.has("housing"):
        yield _found("simple", 1, ("housing",))
    else:
        yield _found("simple", 0, found)


def _life(held: Holding) -> tuple[str, ...]:
    return tuple(sorted(family for family in TABLES.signs["life"] if held.has(family)))


def _credentials(found: Iterable[Context]) -> Context:
    """By the data they open. What that is, a store of passwords does not say: assumed is what
    stands beside them, and at least an account that tells of its holder (simple + 1).
    """
    unknown = dpc(
        "simple",
        1,
        "passwords or keys, which ENISA scores by the data they open; nothing here tells what that "
        "is, so leftopen takes an account with a profile of its holder (simple data, base 1, +1)",
    )
    best = credentials((unknown, *found))
    if best is unknown:
        return unknown
    return Context(
        best.score,
        best.category,
        best.adjustment,
        "passwords or keys, scored by the data they open, which is taken to be what stands beside "
        f"them ({best.category} data)",
    )
