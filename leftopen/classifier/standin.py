"""Names of collections, fields, keys and indexes without the personal data they may hold.

A name is data too (privacy rule R9): a key can be `user:ann.lee@…`, an index can be called by an
id number. Each part on which a detector fires becomes a stand-in such as `<email>`; ordinary names
are left as they are, for the owner needs them. When in doubt, a part is replaced.
"""

from __future__ import annotations

import base64
import contextlib
import re
import unicodedata
from functools import cache
from urllib.parse import unquote

import pyarrow as pa

from leftopen.classifier.catalogue import CONTEXT, KINDS, NAMES
from leftopen.classifier.checksums import passes
from leftopen.classifier.names import PEOPLE, THINGS, fold

MAX_NAME = 200  # characters of a name that are shown
MAX_READ = 1_024  # characters that are looked at: detectors cost the square of the length

# What is no name of a programmer's but invisible: it would keep a detector from firing.
_HIDDEN = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
# What stands around an at sign; one at the beginning (@timestamp) is ordinary, unless it follows
# a bracket or slash and a host's name comes after it.
_AT = re.compile(
    r"[^\s:/|,;<>()\[\]{}]*[^\s:/|,;<>()\[\]{}@.]@[^\s:/|,;<>()\[\]{}]*"
    r"|(?<=[:/|,;<>()\[\]{}])@[^\s:/|,;<>()\[\]{}.]+\.[^\s:/|,;<>()\[\]{}]+"
)
_UUID = re.compile(r"(?i)[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12,}")
_MAC = re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{2}(?:[:\-][0-9a-f]{2}){5}(?![0-9a-f])")
_IP4 = re.compile(r"(?<!\d)(?<!\d\.)(?:\d{1,3}[._\-]){3}\d{1,3}(?![\d])")
_IP6 = re.compile(r"(?i)(?<![0-9a-z])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![0-9a-z:])")
_PHONE = re.compile(r"(?:\+|\b00)[1-9]\d{0,2}(?:[ ().\-_/]{0,3}\d){6,13}")
_PLATE = re.compile(r"[\u4e00-\u9fff][A-Za-z][·. \-]?[A-Za-z0-9]{5,6}")
_IBAN = re.compile(
    r"(?i)(?<![a-z0-9])[a-z]{2}\d{2}(?:[ \-]?[a-z0-9]{4}){2,7}(?:[ \-]?[a-z0-9]{1,4})?"
)
_HKID = re.compile(r"(?i)(?<![a-z0-9])[a-z]{1,2}\d{6}\([0-9a]\)")
_GROUPED = re.compile(r"\d+(?:[ .\-_/]\d+)+")
_PIECE = re.compile(r"[^\W_]+(?:[+=][^\W_]+)*=*")
_LONG = re.compile(r"[A-Za-z0-9+/_\-]{20,}={0,2}")
_JWT = re.compile(r"eyJ[\w\-]{8,}\.[\w\-]{8,}(?:\.[\w\-]*)?")
# Days and moments are ordinary in names of indexes and backups; a birth date is mostly older.
# A day and four digits more may be a personal number, so a time has to be written out.
_DATE = re.compile(
    r"(?<!\d)20\d\d(?P<s>[.\-_/]?)(?:0[1-9]|1[0-2])(?:(?P=s)(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T_\-.]?(?:[01]\d|2[0-3])[:.\-]?[0-5]\d[:.\-]?[0-5]\dZ?"
    r"|T(?:[01]\d|2[0-3])(?:[:.\-]?[0-5]\d)?Z?)?)?(?!\d)"
    r"|(?<!\d)20\d\d[.\-][0-5]?\d(?!\d)"
)
_YEARS = re.compile(r"(?:19|20)\d\d(?:[ .\-_/](?:19|20)\d\d)*")
_ORDINAL = re.compile(r"[A-Za-z]{3,}\d{1,6}")  # a word and a number: events000123
_KEPT = re.compile(r"<(?:email|phone|ip|mac|uuid|number|id-number|iban|plate|token|name)>")


def stand_in(name: str) -> str:
    """The name, with every part that could be a person's replaced; at most 200 characters.

    A pure function. What is hidden by percent-encoding, full-width digits or invisible characters
    is found; then the plain form is given, replaced. A stand-in stays what it is.
    """
    read = name[:MAX_READ]
    if len(name) > MAX_READ:  # a number cut in two would be no number any more
        read = re.sub(r"[^\W_]*$", "", read)
    bare = _HIDDEN.sub("", unicodedata.normalize("NFKC", read))
    opened = _HIDDEN.sub("", unicodedata.normalize("NFKC", unquote(unquote(bare))))
    shown = _replaced(opened)
    if shown == opened:  # nothing in the decoded form; in the form as written?
        found = _replaced(bare)
        shown = read if found == bare else found
    return (
        shown if len(shown) <= MAX_NAME and len(name) <= MAX_READ else shown[: MAX_NAME - 1] + "…"
    )


def _replaced(text: str) -> str:
    """One round of all detectors, from the most to the least telling."""
    text = _JWT.sub("<token>", text)
    text = _AT.sub("<email>", text)
    text = _UUID.sub("<uuid>", text)
    text = _IBAN.sub(lambda m: "<iban>" if _checked("bank.iban", m[0]) else m[0], text)
    text = _MAC.sub("<mac>", text)
    text = _IP6.sub(lambda m: "<ip>" if _is_ip6(m[0]) else m[0], text)
    text = _PHONE.sub("<phone>", text)
    text = _PLATE.sub("<plate>", text)
    text = _HKID.sub("<id-number>", text)
    return "".join(
        part if _KEPT.fullmatch(part) else _open_parts(part) for part in _around(text, _KEPT)
    )


def _around(text: str, pattern: re.Pattern[str]) -> list[str]:
    """The text cut at the matches, which are kept as parts of their own."""
    parts: list[str] = []
    at = 0
    for match in pattern.finditer(text):
        parts += [text[at : match.start()], match[0]]
        at = match.end()
    return [*parts, text[at:]]


def _open_parts(text: str) -> str:
    """Dates are set aside; in what lies between them numbers, tokens and names are replaced."""
    text = _LONG.sub(lambda m: "<token>" if _is_token(m[0]) else m[0], text)
    # before dates are set aside: a personal number can hold one
    text = _GROUPED.sub(lambda m: "<id-number>" if _checked("", m[0]) else m[0], text)
    parts = _around(text, _DATE)
    return "".join(
        part if odd else _between_dates(part)
        for number, part in enumerate(parts)
        for odd in (bool(number % 2),)
    )


def _between_dates(text: str) -> str:
    text = _IP4.sub(lambda m: "<ip>" if _is_ip4(m[0]) else m[0], text)
    text = _GROUPED.sub(lambda m: _grouped(m[0]), text)
    text = _PIECE.sub(lambda m: _piece(m[0]), text)
    return _names(text)


def _is_ip4(text: str) -> bool:
    return all(int(part) <= 255 for part in re.split(r"[._\-]", text))


def _is_ip6(text: str) -> bool:
    groups = text.split(":")
    written = [group for group in groups if group]
    return (len(groups) == 8 or "::" in text) and any(c.isdigit() for c in text) and bool(written)


def _grouped(text: str) -> str:
    """Digits in groups: nine and more of them are a number that somebody wrote out."""
    digits = sum(c.isdigit() for c in text)
    if digits < 9 or _YEARS.fullmatch(text):
        return text
    return "<id-number>" if _checked("", text) else "<number>"


def _piece(text: str) -> str:
    """One run of letters and digits."""
    digits = sum(c.isdigit() for c in text)
    longest = max((len(run) for run in re.findall(r"\d+", text)), default=0)
    if digits >= 5 and not text.isdigit() and _checked("", text):
        return "<id-number>"
    if longest >= 7:
        return "<id-number>" if _checked("", text) else "<number>"
    if digits >= 5 and len(text) >= 8 and not _ORDINAL.fullmatch(text):
        return "<id-number>"
    return "<token>" if _hides(text) else text


def _is_token(text: str) -> bool:
    """Long words that no one would write: hexadecimal, or letters and digits in a jumble."""
    for part in re.split(r"[_\-/]", text):
        bare = part.rstrip("=")
        if len(bare) < 16 or _DATE.fullmatch(bare) or bare.isdigit():
            continue
        digits = sum(c.isdigit() for c in bare)
        if re.fullmatch(r"(?i)[0-9a-f]+", bare) and digits >= 2 and len(bare) >= 20:
            return True
        changes = len(re.findall(r"[a-z](?=[A-Z0-9])|[A-Z](?=[0-9])|[0-9](?=[A-Za-z])", bare))
        if len(bare) >= 20 and changes * 5 >= len(bare):
            return True
    # base64url may hold hyphens and underscores: then the whole is one word
    digits = sum(c.isdigit() for c in text)
    mixed = len(re.findall(r"[a-z](?=[A-Z0-9])|[A-Z](?=[a-z]?[0-9])|[0-9](?=[A-Za-z])", text))
    return digits >= 3 and any(c.isupper() for c in text) and mixed * 5 >= len(text)


def _hides(text: str) -> bool:
    """Whether the piece is base64 or hexadecimal of readable text on which a detector fires."""
    if len(text) < 8 or len(text) > 512:
        return False
    for opened in _decoded(text):
        if opened.isascii() and opened.isprintable() and len(opened) >= 5:
            found = _AT.search(opened) or _PHONE.search(opened) or re.search(r"\d{7}", opened)
            if found or _IP4.search(opened):
                return True
    return False


def _decoded(text: str) -> list[str]:
    found: list[str] = []
    with contextlib.suppress(ValueError):  # no base64: most names are not
        padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        found.append(base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii"))
    with contextlib.suppress(ValueError):
        found.append(bytes.fromhex(text).decode("ascii"))
    return found


@cache
def _id_patterns() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """The catalogue's numbers with a checksum or a shape of their own, for single names."""
    return tuple(
        (kind.id, re.compile(kind.pattern), kind.check)
        for kind in KINDS
        if kind.pattern
        and r"\p{" not in kind.pattern  # RE2's classes; those numbers are all ASCII
        and kind.alone
        and kind.family in ("gov_id", "bank", "card", "vehicle", "person_id", "device_id")
    )


def _checked(kind: str, text: str) -> bool:
    """Whether the text is one of the catalogue's checked numbers (of one kind, if it is named)."""
    for name, pattern, check in _id_patterns():
        if kind and name != kind:
            continue
        if pattern.fullmatch(text) and (not check or passes(check, pa.array([text]))):
            return True
    return False


@cache
def _lexicon() -> tuple[frozenset[str], frozenset[str]]:
    ordinary = PEOPLE | THINGS | frozenset(fold(CONTEXT.heads).split())
    given = frozenset(fold(NAMES.given).split())
    family = frozenset(fold(NAMES.family).split())
    return given - ordinary, family - ordinary


def _names(text: str) -> str:
    """A given name and a family name side by side: `ann.smith`."""
    given, family = _lexicon()
    parts = re.split(r"([._\- ])", text)
    at = 0
    while at + 2 < len(parts):
        one, two = (_last_word(parts[at]), _first_word(parts[at + 2]))
        if one in given and two in family:
            start = len(parts[at]) - len(one)
            parts[at : at + 3] = [parts[at][:start] + "<name>" + parts[at + 2][len(two) :]]
        at += 2
    return "".join(parts)


def _last_word(text: str) -> str:
    found = re.search(r"[^\W\d_]+$", text)
    return fold(found[0]) if found else ""


def _first_word(text: str) -> str:
    found = re.match(r"[^\W\d_]+", text)
    return fold(found[0]) if found else ""
