"""What field names and collection names say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.classifier.names import collection_is, is_time, read, tokens


def test_tokens_fall_at_humps_separators_digits_and_lose_accents() -> None:
    assert tokens("t_user_base.f_mobileNo2") == ("t", "user", "base", "f", "mobile", "no", "2")
    assert tokens("ＰréNom-HTTPServer") == ("pre", "nom", "http", "server")
    assert tokens("客户_姓名") == ("客户", "姓名")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("customerEmail", "email"), ("EMAILADDRESS", "email"), ("user.contact.email", "email"),
        ("contact.email.value", "email"), ("PatientDateOfBirth", "birth.date"),
        ("birth.date", "birth.date"), ("客户姓名", "name.full"), ("t_user_base.f_mobile", "phone"),
        ("addresses[].city", "locality"), ("ip_address", "ip"), ("direccion_ip", "ip"),
        ("numero_de_telefono", "phone"), ("Geschlecht", "gender"), ("dateNaissance", "birth.date"),
        ("cognome", "name.family"), ("geboortedatum", "birth.date"), ("sfzh", "gov_id"),
        ("फ़ोन_email", "email"), ("home_phone_2", "phone"), ("useremail", "email"),
    ],
)  # fmt: skip
def test_kind_is_named(path: str, kind: str) -> None:
    assert kind in read(path).namings


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("email_verified", "email"), ("is_email_confirmed", "email"), ("phone_type", "phone"),
        ("address_id", "address"), ("password_updated", "secret.password"),
        ("手机号码状态", "phone"), ("emailTemplate", "email"), ("num_addresses", "address"),
        ("ethnicity", "locality"), ("percentage", "age"), ("capacity", "locality"),
        ("shipment", "ip"), ("ip_address", "address"), ("email_address", "address"),
        ("username", "name.full"), ("message", "age"), ("latency", "gps.lat"),
    ],
)  # fmt: skip
def test_kind_is_not_named(path: str, kind: str) -> None:
    assert kind not in read(path).namings


def test_strength_is_less_where_something_unknown_stands_beside() -> None:
    assert read("customer_email").namings["email"].strength == 1.0
    assert read("flurb_email").namings["email"].strength == 0.7
    assert read("name").namings["name.full"].weak
    assert not read("full_name").namings["name.full"].weak


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("users", "people"), ("db.customers", "people"), ("t_user_base", "people"),
        ("客户信息", "people"), ("public.patients", "people"), ("order_customers", "people"),
        ("products", "things"), ("shop.suppliers", "things"), ("orders", "carriers"),
        ("app.user_events", "carriers"), ("xyz", ""), ("", ""), ("sess:*", ""),
        ("town.public.positions", ""), ("acme.dbo.sightings", ""), ("town.public", "things"),
    ],
)  # fmt: skip
def test_collection(name: str, about: str) -> None:
    assert collection_is(name) == about


def test_times_of_observation_are_told_from_dates_of_record() -> None:
    assert all(map(is_time, ("ts", "seen_at", "recordedAt", "gps_time", "timestamp", "时间")))
    assert not any(map(is_time, ("created_at", "birth_date", "updated", "expires_at", "colour")))


@given(st.text(max_size=400))
def test_any_text_is_read(name: str) -> None:
    assert read(name) == read(name)
    assert collection_is(name) in ("people", "things", "carriers", "")
