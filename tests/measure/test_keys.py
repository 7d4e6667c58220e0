"""Keys of people: which fields they are, whose, and their values in one form."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.linking import last_words, link
from leftopen.measure.keys import MAX_VALUE, PersonKeys, canonical, flat, held, joined, person_keys
from leftopen.model import FieldProfile

UUID = uuid.UUID("53a68188-cf78-4bff-a333-cc2dc701f4be")


def field(path: str, kind: str, confidence: float = 0.97) -> FieldProfile:
    family = {"name": "name", "birth": "birth_date", "device": "device_id"}.get(
        kind.split(".")[0], kind.split(".")[0]
    )
    return FieldProfile(path, kind, family, False, confidence, 1.0, 100)


def keys_of(**kinds: str) -> PersonKeys:
    return person_keys(field(path.replace("__", "."), kind) for path, kind in kinds.items())


def paths(keys: PersonKeys) -> list[tuple[str, tuple[str, ...]]]:
    return [(role.who, tuple(key.path for key in role.keys)) for role in keys.roles]


def form(values: Sequence[object], family: str, kind: str = "") -> list[bytes | None]:
    made: list[bytes | None] = canonical(pa.array(values), family, kind).to_pylist()
    return made


# --- which fields --------------------------------------------------------------------------------


def test_the_best_key_comes_first() -> None:
    keys = keys_of(phone="phone", mail="email", login="username", nr="person_id", ssn="gov_id.us")
    assert paths(keys) == [("subject", ("ssn", "nr", "login", "mail", "phone"))]


def test_a_field_that_is_not_sure_is_no_key() -> None:
    assert not person_keys([field("mail", "email", 0.49)]).any
    assert person_keys([field("mail", "email", 0.5)]).any


@pytest.mark.parametrize("kind", ["card.last", "email.part", "device.user_agent", "bank.branch"])
def test_parts_of_keys_tell_nobody_apart(kind: str) -> None:
    assert not keys_of(field=kind).any


@pytest.mark.parametrize(
    ("kinds", "roles"),
    [
        (
            {"patient_id": "person_id", "emergency_contact__phone": "phone"},
            [("subject", ("patient_id",)), ("other", ("emergency_contact.phone",))],
        ),
        (
            {"patient_id": "person_id", "doctor_id": "person_id"},
            [("subject", ("patient_id",)), ("other", ("doctor_id",))],
        ),
        ({"doctor_id": "person_id", "email": "email"}, [("subject", ("doctor_id", "email"))]),
        (
            {"sender_id": "person_id", "recipient_id": "person_id"},
            [("peer", ("sender_id",)), ("peer", ("recipient_id",))],
        ),
        ({"sender_email": "email", "name": "name.full"}, [("subject", ("sender_email",))]),
        ({"guardian_phone": "phone"}, [("peer", ("guardian_phone",))]),
        ({"user_id": "person_id", "account_id": "person_id"},
         [("subject", ("user_id", "account_id"))]),
        ({"members[]__email": "email", "members[]__phone": "phone"},
         [("subject", ("members[].email",))]),
        ({"emails[]": "email", "phone": "phone"}, [("subject", ("emails[]", "phone"))]),
        ({"telecom[]__value": "phone"}, [("subject", ("telecom[].value",))]),
    ],
)  # fmt: skip
def test_whose_a_key_is(kinds: dict[str, str], roles: list[tuple[str, tuple[str, ...]]]) -> None:
    assert paths(keys_of(**kinds)) == roles


@pytest.mark.parametrize(
    ("path", "several"),
    [("members[].email", True), ("participants[]", True), ("orders[].customer_email", True),
     ("users.*.email", True), ("emails[]", False), ("contact.emails[].value", False)],
)  # fmt: skip
def test_lists_hold_many_people_or_many_keys(path: str, several: bool) -> None:
    [role] = person_keys([field(path, "email")]).roles
    assert role.several is several


def test_the_ids_of_sender_and_recipient_are_of_one_space() -> None:
    one, other = keys_of(sender_id="person_id", recipient_id="person_id").roles
    assert one.keys[0].space == other.keys[0].space
    assert one.keys[0].link is None  # another collection's sender_id may be somebody else


def test_the_ids_of_two_fields_are_not() -> None:
    [role] = keys_of(customer_id="person_id", staff_id="person_id").roles
    assert len({key.space for key in role.keys}) == 2


@pytest.mark.parametrize(
    ("kinds", "register"),
    [
        ({"full_name": "name.full", "dob": "birth.date", "mail": "email"}, True),
        ({"person_id": "person_id", "track": "location_trace"}, False),
        ({"user_id": "person_id", "ip": "ip"}, False),
        ({"full_name": "name.full"}, False),
    ],
)
def test_a_register_has_a_record_for_each_person(kinds: dict[str, str], register: bool) -> None:
    assert keys_of(**kinds).register is register


def test_a_mothers_name_is_not_the_subjects() -> None:
    keys = keys_of(mother_name="name.full", first="name.given", last="name.family", b="birth.date")
    assert keys.name == ("first", "last")
    assert keys.born


def test_traits_alone_are_a_last_resort() -> None:
    assert keys_of(gender="gender", city="locality").description == ("city", "gender")
    assert not keys_of(city="locality", job="job").any


@pytest.mark.parametrize(
    ("path", "kind", "joins"),
    [
        ("a.mail", "email", ("email", "")),
        ("ssn", "gov_id.us.ssn.dashed", ("gov_id", "gov_id.us.ssn")),
        ("order.customerId", "person_id", ("person_id", "customer_id")),
        ("id", "person_id", None),
        ("name", "name.full", None),
    ],
)
def test_links(path: str, kind: str, joins: tuple[str, str] | None) -> None:
    assert link(field(path, kind)) == joins


def test_last_words() -> None:
    assert last_words("order.itemsBought[]") == ("items", "bought")


# --- values in one form --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "kind", "columns"),
    [
        ("person_id", "", ([42], ["0042"], [42.0], [Decimal(42)], [b"42"], [" 42 "])),
        ("gov_id", "", (["123-45-6789"], [123456789], ["123 45 6789"])),
        ("person_id", "", ([str(UUID)], [UUID.bytes], [UUID.hex.upper()], ["{" + str(UUID) + "}"])),
        ("email", "", ([" Ada@X.org"], ["mailto:ada@x.org"], ["Ada L. <ada@x.ORG>"])),
        ("phone", "phone.de.mobile",
         (["+49 (0)171 1234567"], ["0049-171-1234567"], ["0171/1234567 x12"])),
        ("phone", "phone.us", (["(212) 555-1234"], ["+1 212 555 1234"], [2125551234])),
        ("phone", "phone.cn", (["13812345678"], ["+86 138 1234 5678"], ["8613812345678"])),
        ("name", "", (["Renée  Müller"], ["RENEE MULLER"])),
        ("username", "", (["Ada "], ["ada"])),
        ("device_id", "", (["aa:bb:cc:00:11:22"], ["AABBCC001122"])),
    ],
)  # fmt: skip
def test_one_key_has_one_form(
    family: str, kind: str, columns: tuple[Sequence[object], ...]
) -> None:
    forms = {form(column, family, kind)[0] for column in columns}
    assert len(forms) == 1
    assert None not in forms


@pytest.mark.parametrize(
    ("family", "values"),
    [
        ("person_id", ["n/a", "NULL", "", None, "unknown", "-"]),
        ("email", ["none", "ada", "@" * 0]),
        ("phone", ["call me", "12", "+"]),
        ("person_id", [1.5, None]),
        ("email", [True, False]),
        ("gov_id", ["00000000-0000-0000-0000-000000000000"]),
    ],
)
def test_what_tells_nobody_apart_is_null(family: str, values: list[object]) -> None:
    assert form(values, family) == [None] * len(values)


def test_a_national_number_of_no_known_country_is_left_as_it_is() -> None:
    assert form(["0171 1234567"], "phone") == [b"01711234567"]


def test_values_are_bounded() -> None:
    [value] = form(["x" * 100_000], "username")
    assert value is not None
    assert len(value) == MAX_VALUE


_CELLS = st.one_of(
    st.none(), st.text(max_size=40), st.binary(max_size=40), st.integers(-(2**63), 2**63 - 1),
    st.floats(), st.dates(), st.booleans(),
)  # fmt: skip


@given(
    st.lists(_CELLS, max_size=8),
    st.sampled_from(["gov_id", "person_id", "email", "phone", "username", "name", "ip", "card"]),
)
def test_nothing_a_server_sends_raises(values: list[object], family: str) -> None:
    for kind in {type(value) for value in values if value is not None}:
        column = [value if type(value) is kind else None for value in values]
        assert len(form(column, family)) == len(values)


@pytest.mark.parametrize(
    "array",
    [
        pa.nulls,
        lambda n: pa.array([{"a": 1}] * n),
        lambda n: pa.array([["a"]] * n),
        lambda n: pa.array([datetime(2020, 1, 1)] * n),  # noqa: DTZ001 - stores give naive times
        lambda n: pa.array(["a"] * n).dictionary_encode(),
        lambda n: pa.array([Decimal("1.20")] * n),
        lambda n: pa.array([b"12345678"] * n, pa.binary(8)),
        lambda n: pa.array(["a"] * n, pa.string_view()),
        lambda n: pa.array([1.0] * n, pa.float16()),
    ],
)
def test_any_type_is_taken(array: object) -> None:
    assert callable(array)
    assert len(canonical(array(3), "person_id")) == 3


_PRINTED = st.text(st.characters(exclude_categories=("C", "Z")), max_size=20)


@given(st.lists(_PRINTED, min_size=1, max_size=20))
def test_a_form_is_the_form_of_itself(values: list[str]) -> None:
    for family in ("person_id", "email", "phone"):
        once = form(values, family)
        assert [v and form([v.decode()], family)[0] for v in once] == once


def test_lists_are_opened_with_their_rows() -> None:
    values, rows = flat(pa.array([["a", "b"], None, [], ["c"]]))
    assert (values.to_pylist(), rows.tolist()) == (["a", "b", "c"], [0, 0, 3])


def test_values_of_a_key_without_what_is_none() -> None:
    batch = pa.RecordBatch.from_pydict({"emails[]": [["A@x.org", "none"], None, ["b@x.org"]]})
    [role] = person_keys([field("emails[]", "email")]).roles
    values, rows = held(batch, role.keys[0])
    assert (values.to_pylist(), rows.tolist()) == ([b"a@x.org", b"b@x.org"], [0, 2])


def test_a_batch_without_the_column_has_none() -> None:
    [role] = person_keys([field("mail", "email")]).roles
    values, rows = held(pa.RecordBatch.from_pydict({"other": [1]}), role.keys[0])
    assert (len(values), len(rows)) == (0, 0)


def test_names_and_birth_dates_are_joined() -> None:
    days = [date(1950, 1, 2), date(1951, 1, 2), None]
    batch = pa.RecordBatch.from_pydict({"name": ["Ada", None, None], "dob": days})
    assert joined(batch, ("name", "dob")).to_pylist() == [
        b"ada\x1f1950-01-02", b"\x1f1951-01-02", None,
    ]  # fmt: skip
