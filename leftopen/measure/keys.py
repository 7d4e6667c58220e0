"""Which fields of a collection tell people apart, whose they are, and their values in one form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.linking import COUNTS_FROM, Link, link, words
from leftopen.model import FieldProfile

MAX_VALUE = 256  # characters of a value that are looked at
_MOST_KEYS = 6  # of one person in a record
_MOST_ROLES = 6
_MOST_NESTED = 4  # lists in lists

# How well families tell people apart, the best first.
_RANKED = (
    *("gov_id", "person_id", "username", "social_account", "email", "phone", "bank", "card"),
    *("device_id", "vehicle", "ip"),
)
RANK: Mapping[str, int] = {family: rank for rank, family in enumerate(_RANKED)}
IDENTITIES = frozenset({"gov_id", "person_id"})  # of two of one sort a person has one
SHARED = frozenset({"email", "phone"})  # several people of one household may have one together
LOOSE = frozenset({"device_id", "vehicle", "ip"})  # a person may well have two of them
_NOT_KEYS = frozenset(
    {"email.part", "phone.short", "card.masked", "card.last", "card.cvc", "card.expiry"}
    | {"bank.branch", "device.user_agent"}
)
NOUNS: Mapping[str, str] = {
    "gov_id": "ID numbers", "person_id": "person numbers", "username": "user names",
    "social_account": "accounts elsewhere", "email": "e-mail addresses",
    "phone": "telephone numbers", "bank": "bank accounts", "card": "payment cards",
    "device_id": "devices", "vehicle": "vehicles", "ip": "network addresses", "": "descriptions",
    "name": "names",
}  # fmt: skip

# Families that describe a person. A collection that has several has a record for each person.
_LASTING = frozenset(
    {"birth_date", "gender", "marital", "nationality", "ethnicity", "religion", "age"}
    | {"death_date"}
)
_DESCRIBING = _LASTING | {"address", "postcode", "locality", "job", "employer", "education"}
CONTACTS = frozenset({"gov_id", "email", "phone"})  # families that link any two collections
_DOINGS = frozenset({"location_trace", "travel"})  # of records of what people did
_BIOMETRIC = frozenset({"face_embedding", "face_image", "fingerprint", "iris", "voice"})


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Words of a path that say whose a field is, where it is not the person's that the record is about.
_RELATIVES = _set(
    """
    mother father mom mum mommy dad daddy parent parents guardian guardians spouse husband wife
    partner son daughter child children sibling siblings brother sister kin nok relative relatives
    emergency dependent dependents dependant dependants caregiver
    carer guarantor cosigner beneficiary beneficiaries madre padre esposa esposo conyuge hijo hija
    emergencia emergencias mae pai mere pere conjoint urgence mutter vater eltern ehepartner
    notfall notfallkontakt angehoerige moeder vader noodcontact urgenza
    """
)
_PEERS = _set(
    """
    sender recipient recipients receiver from to cc bcc caller callee follower followee follows
    following friend friends buyer seller payer payee inviter invitee author reader
    """
)
_HELPERS = _set(
    """
    doctor physician nurse surgeon practitioner teacher tutor driver courier agent clerk cashier
    merchant manager supervisor referrer witness lawyer attorney
    """
)
# Words for many people, and words for the several keys that one person has.
_CROWDS = _set(
    """
    members users participants recipients guests passengers customers attendees players people
    persons followers friends employees staff patients students clients contacts subscribers cc bcc
    to invitees viewers readers authors owners tenants residents children
    """
)
_OWN_LISTS = _set(
    """
    email emails mail mails phone phones telephone telephones tel tels mobile mobiles number
    numbers telecom identifier identifiers id ids identity identities account accounts device
    devices vehicle vehicles card cards bank contact login logins username usernames handle handles
    profile profiles document documents passport passports ip ips address addresses
    """
)


@dataclass(frozen=True, slots=True)
class Key:
    """A field that tells people apart.

    `space` is what its values may be compared with: those of another key of the same space. It
    begins with the family.
    """

    path: str
    family: str
    kind: str
    space: str
    link: Link | None

    @property
    def rank(self) -> int:
        return RANK[self.family]

    @property
    def listed(self) -> bool:
        return "[]" in self.path or "*" in self.path


@dataclass(frozen=True, slots=True)
class Role:
    """People that a record names, and the keys it has of them, the best first.

    `who` is "subject" for the person that the record is about, "peer" for one of several of one
    sort (sender, recipient), "other" for a relative or a helper. `several`: a record may name many.
    """

    who: str
    keys: tuple[Key, ...]
    several: bool = False


@dataclass(frozen=True, slots=True)
class PersonKeys:
    """How people are told apart in a collection. The subject comes first among the roles; without
    any key its role has none, and its name and description do.

    `name` are the paths that make up the subject's name, `description` those that describe the
    subject beside it, `born`: a birth date is among them. `register`: the collection looks as if
    it had one record for each person. `biometric`: it holds faces or the like.
    """

    roles: tuple[Role, ...]
    name: tuple[str, ...] = ()
    description: tuple[str, ...] = ()
    born: bool = False
    register: bool = False
    biometric: bool = False

    @property
    def any(self) -> bool:
        """Whether people can be told apart at all."""
        return bool(self.roles)


def person_keys(fields: Iterable[FieldProfile]) -> PersonKeys:
    """The keys of a collection, from what its fields hold."""
    sure = [field for field in fields if field.confidence >= COUNTS_FROM]
    keyed = [f for f in sure if f.family in RANK and f.kind not in _NOT_KEYS]
    told = {field.path: _whose(field.path) for field in sure}
    peers = {told[field.path][1] for field in keyed if told[field.path][0] == "peer"}
    numbered = [f for f in keyed if f.family in IDENTITIES and told[f.path][0] == "subject"]
    by_role: dict[tuple[str, str, bool], list[Key]] = {}
    for field in keyed:
        who, word = told[field.path]
        if (who == "peer" and len(peers) < 2) or (who == "helper" and not numbered):
            who, word = "subject", ""
        if who == "helper":
            who = "other"
        listed = _crowd(field.path)
        pooled = who == "peer" and field.family not in CONTACTS
        space = f"{field.family} peer" if pooled else _space(field)
        key = Key(field.path, field.family, field.kind, space, None if pooled else link(field))
        by_role.setdefault((who, listed or word, bool(listed)), []).append(key)
    if by_role and not any(who in ("subject", "peer") for who, _, _ in by_role):
        by_role = {("peer", word, many): held_ for (_, word, many), held_ in by_role.items()}
    roles = sorted(by_role.items(), key=lambda item: _ORDER[item[0][0]] + item[0][2])
    own = [f for f in sure if told[f.path][0] == "subject" and not _crowd(f.path)]
    families = {field.family for field in own}
    name = _name(own)
    describing = {f.family: f.path for f in own if _describes(f)}
    born = "birth_date" in describing
    description = tuple(sorted([describing["birth_date"]] if born else describing.values()))
    if not name:
        description = tuple(sorted(describing.values()))
        if len(describing) < 2 or not describing.keys() & _LASTING:
            description = ()
    made = tuple(
        Role(who, tuple(sorted(keys, key=lambda key: key.rank))[: 1 if many else _MOST_KEYS], many)
        for (who, _, many), keys in roles[:_MOST_ROLES]
    )
    if not made and (name or description):
        made = (Role("subject", ()),)
    register = _is_register(families, bool(name), describing.keys())
    return PersonKeys(made, name, description, born, register, bool(families & _BIOMETRIC))


_ORDER = {"subject": 0, "peer": 2, "other": 4}


def _is_register(families: set[str], named: bool, describing: Iterable[str]) -> bool:
    if families & _DOINGS:
        return False
    traits = set(describing)
    telling = len(traits) + len(families & CONTACTS)
    return bool(traits & _LASTING and telling >= 2) or (named and telling >= 2)


def _describes(field: FieldProfile) -> bool:
    return (
        field.family in _DESCRIBING
        and field.kind not in ("birth.place", "birth.part")
        and "[]" not in field.path
        and "*" not in field.path
    )


def _name(own: Iterable[FieldProfile]) -> tuple[str, ...]:
    """The paths of a whole name: one field, or a given name and a family name."""
    whole: dict[str, float] = {}
    given: dict[str, float] = {}
    family: dict[str, float] = {}
    for field in own:
        if field.family != "name" or "[]" in field.path or "*" in field.path:
            continue
        parts = field.kind.split(".")
        held = given if "given" in parts else family if "family" in parts else whole
        held[field.path] = field.confidence
    if whole:
        return (max(whole, key=whole.__getitem__),)
    return tuple(max(held, key=held.__getitem__) for held in (given, family) if held)


def _space(field: FieldProfile) -> str:
    """What the field's values may be compared with."""
    by = link(field)
    if by:
        return f"{field.family} link {by[1]}"
    if field.family in IDENTITIES | {"device_id"}:
        return f"{field.family} path {field.path}"  # another field's 17 is something else
    return field.family


def _whose(path: str) -> tuple[str, str]:
    """Whose a field is, and the word that says so."""
    said = words(path.replace(".", " "))
    for who, known in (("other", _RELATIVES), ("peer", _PEERS), ("helper", _HELPERS)):
        found = next((word for word in said if word in known), None)
        if found:
            return who, found
    return "subject", ""


def _crowd(path: str) -> str:
    """The list of people that a field is of, if a record has one; "" where lists in the path are
    those of one person's several keys."""
    levels = path.split(".")
    for number, level in enumerate(levels):
        if "[]" not in level and "*" not in level:
            continue
        named = level if level.strip("[]*") else ".".join(levels[:number])
        said = set(words(named.rsplit(".", 1)[-1]))
        last = number == len(levels) - 1
        if said & _CROWDS - _OWN_LISTS or (not said & _OWN_LISTS and not last):
            return ".".join(levels[: number + 1])
    return ""


# --- values in one form --------------------------------------------------------------------------

_SEPARATORS = r"[\s\-._/:{}()]+"
_NOTHING = (
    *("", "-", "NULL", "NONE", "N/A", "NA", "NAN", "UNKNOWN", "UNDEFINED", "ANONYMOUS", "\\N"),
    "00000000-0000-0000-0000-000000000000",
)
_WRITTEN_BIG = frozenset({"gov_id", "person_id", "bank", "card", "device_id", "vehicle", ""})
_EXTENSION = r"(?i)[ ,;]*(?:x|ext\.?|#) ?[0-9]{1,6}$"
_LEAST_DIGITS = 5  # of a telephone number
# ITU-T E.164, for countries that kinds of telephone numbers are named after.
_CALLING: Mapping[str, str] = {
    "ae": "971", "at": "43", "au": "61", "bd": "880", "be": "32", "ch": "41", "cn": "86",
    "de": "49", "dz": "213", "eg": "20", "et": "251", "fi": "358", "fr": "33", "gb": "44",
    "gh": "233", "hr": "385", "id": "62", "ie": "353", "il": "972", "in": "91", "iq": "964",
    "ir": "98", "jo": "962", "jp": "81", "ke": "254", "kr": "82", "lb": "961", "lk": "94",
    "ly": "218", "ma": "212", "mm": "95", "my": "60", "ng": "234", "nl": "31", "np": "977",
    "nz": "64", "ph": "63", "pk": "92", "ro": "40", "rs": "381", "sa": "966", "sd": "249",
    "se": "46", "sy": "963", "th": "66", "tr": "90", "tw": "886", "tz": "255", "ua": "380",
    "ug": "256", "us": "1", "vn": "84", "ye": "967", "za": "27", "zm": "260",
}  # fmt: skip


def canonical(array: pa.Array, family: str, kind: str = "") -> pa.Array:
    """Values in a form that is the same for the same person's key, whatever engine gave it.

    As binary, null where a value tells nobody apart (`unknown`, an address without `@`). An e-mail
    address is stripped and folded; a telephone number becomes its digits with the country code
    where the number or the `kind` tells it; other keys lose separators, leading zeros and small
    letters, so that 42 is `"0042"` and a UUID the same as text and as bytes. Never raises for a
    type or a value it does not know: that is null.
    """
    try:
        text = _plain(array)
        if not len(text) or text.null_count == len(text):
            return pa.nulls(len(array), pa.large_binary())
        text = pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(text, 0, MAX_VALUE))
        if family == "email":
            text = _email(text)
        elif family == "phone":
            text = _phone(text, kind)
        elif family in _WRITTEN_BIG:
            text = _number(text)
        else:
            text = pc.utf8_lower(text)
            if family == "name":
                text = _folded(text)
            text = _telling(text, pc.utf8_upper(text))
        return text.cast(pa.large_binary())
    except pa.ArrowException:
        return pa.nulls(len(array), pa.large_binary())


def flat(array: pa.Array) -> tuple[pa.Array, NDArray[np.int64]]:
    """The values of an array and the row of each, out of lists if there are any."""
    rows = np.arange(len(array), dtype=np.int64)
    for _ in range(_MOST_NESTED):
        kind = array.type
        if not (
            pa.types.is_list(kind)
            or pa.types.is_large_list(kind)
            or pa.types.is_fixed_size_list(kind)
        ):
            break
        rows = rows[pc.list_parent_indices(array).to_numpy(zero_copy_only=False)]
        array = pc.list_flatten(array)
    return array, rows


def held(batch: pa.RecordBatch, key: Key) -> tuple[pa.Array, NDArray[np.int64]]:
    """What a batch has of a key: values in canonical form, none null, and the row of each."""
    column = _column(batch, key.path)
    if column is None:
        return pa.array([], pa.large_binary()), np.zeros(0, dtype=np.int64)
    values, rows = flat(column)
    values = canonical(values, key.family, key.kind)
    if values.null_count:
        there = values.is_valid()
        values, rows = values.filter(there), rows[there.to_numpy(zero_copy_only=False)]
    return values, rows


def joined(batch: pa.RecordBatch, paths: Iterable[str]) -> pa.Array:
    """For each row of a batch what all of the paths hold together; null where none holds any."""
    parts = []
    for path in paths:
        column = _column(batch, path)
        if column is not None and len(flat(column)[0]) == batch.num_rows:
            parts.append(canonical(flat(column)[0], "name"))
    if not parts:
        return pa.nulls(batch.num_rows, pa.large_binary())
    whole = pc.binary_join_element_wise(
        *parts, pa.scalar(b"\x1f", pa.large_binary()), null_handling="replace", null_replacement=b""
    )
    nothing = pc.equal(pc.binary_length(whole), len(parts) - 1)
    return pc.if_else(nothing, pa.scalar(None, pa.large_binary()), whole)


def _column(batch: pa.RecordBatch, path: str) -> pa.Array | None:
    for name in (path, path.removesuffix("[]")):
        at = batch.schema.get_all_field_indices(name)
        if at:
            return batch.column(at[0])
    return None


def _plain(array: pa.Array) -> pa.Array:
    """The values as text."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_large_string(kind):
        return array
    if pa.types.is_string(kind) or pa.types.is_string_view(kind) or pa.types.is_integer(kind):
        return array.cast(pa.large_string())
    if pa.types.is_floating(kind):  # a whole number among nulls or fractions
        whole = pc.and_kleene(pc.equal(pc.floor(array), array), pc.less(pc.abs(array), 2.0**53))
        numbers = pc.if_else(whole, array, pa.scalar(None, kind)).cast(pa.int64())
        return numbers.cast(pa.large_string())
    if pa.types.is_decimal(kind):
        return pc.replace_substring_regex(array.cast(pa.large_string()), r"\.0*$", "")
    if pa.types.is_temporal(kind):
        return pc.utf8_slice_codeunits(array.cast(pa.large_string()), 0, 10)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _of_bytes(array)
    if pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind):
        return _of_bytes(array.cast(pa.large_binary()))
    return pa.nulls(len(array), pa.large_string())


def _of_bytes(array: pa.Array) -> pa.Array:
    """Text that is kept as bytes, else bytes in hexadecimal digits."""
    try:
        text = array.cast(pa.large_string())
    except pa.ArrowInvalid:
        text = None
    if text is not None and not pc.any(pc.match_substring_regex(text, r"[\x00-\x1f]")).as_py():
        return text
    cut = [None if value is None else value[: MAX_VALUE // 2].hex() for value in array.to_pylist()]
    return pa.array(cut, pa.large_string())


def _telling(text: pa.Array, upper: pa.Array) -> pa.Array:
    """The same without what stands for no value."""
    nothing = pc.is_in(upper, value_set=pa.array(_NOTHING, pa.large_string()))
    if pc.any(nothing).as_py():
        return pc.if_else(nothing, pa.scalar(None, pa.large_string()), text)
    return text


def _number(text: pa.Array) -> pa.Array:
    text = pc.utf8_upper(text)
    text = _telling(text, text)
    if pc.any(pc.match_substring_regex(text, _SEPARATORS)).as_py():
        text = pc.replace_substring_regex(text, _SEPARATORS, "")
    led = pc.starts_with(text, "0")
    if pc.any(led).as_py():
        led = pc.and_kleene(led, pc.ascii_is_decimal(text))
        bare = pc.utf8_ltrim(text, characters="0")
        bare = pc.if_else(pc.equal(bare, ""), "0", bare)
        text = pc.if_else(led, bare, text)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.large_string()), text)


def _email(text: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring(text, "<")).as_py():  # Ada <ada@example.org>
        text = pc.replace_substring_regex(text, r"^[^<]*<([^<>]*)>.*$", r"\1")
    text = pc.utf8_lower(text)
    if pc.any(pc.starts_with(text, "mailto:")).as_py():
        text = pc.replace_substring_regex(text, "^(?:mailto:)+", "")
    text = pc.utf8_trim_whitespace(text)
    whole = pc.match_substring(text, "@")
    return pc.if_else(whole, text, pa.scalar(None, pa.large_string()))


def _phone(text: pa.Array, kind: str) -> pa.Array:
    text = pc.replace_substring_regex(text, _EXTENSION, "")
    text = pc.replace_substring(text, "(0)", "")
    abroad = pc.match_substring_regex(text, r"^\(?(?:\+|00)")
    digits = pc.replace_substring_regex(text, "[^0-9]+", "")
    bare = pc.utf8_ltrim(digits, characters="0")
    code = next((_CALLING[part] for part in kind.split(".") if part in _CALLING), None)
    if code is None:
        found = pc.if_else(abroad, bare, digits)
    else:
        # a national number: with the zero of calls at home, or too short to have a country code
        size = pc.utf8_length(digits)
        short = pc.less_equal(size, 10)
        if code == "86":
            short = pc.less_equal(size, 11)
        home = pc.and_kleene(pc.invert(abroad), pc.or_kleene(pc.starts_with(digits, "0"), short))
        found = pc.if_else(
            home,
            pc.binary_join_element_wise(
                pa.scalar(code, pa.large_string()), bare, pa.scalar("", pa.large_string())
            ),
            bare,
        )
    enough = pc.greater_equal(pc.utf8_length(bare), _LEAST_DIGITS)
    return pc.if_else(enough, found, pa.scalar(None, pa.large_string()))


def _folded(text: pa.Array) -> pa.Array:
    """Without accents, and with one space between words."""
    bare = pc.replace_substring_regex(pc.utf8_normalize(text, "NFKD"), r"\p{M}+", "")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(bare, r"[\s.,;]+", " "))
