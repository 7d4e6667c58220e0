"""Names that hold personal data become stand-ins; ordinary names stay."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.classifier import stand_in
from tests.classifier.test_checksums import PUBLISHED

ORDINARY = [
    "users", "db.customers_2019", "orders-2024.05.12", "logs-000001", "public.patients",
    ".ds-logs-nginx-default-2024.05.12-000001", "index-7.17.10-2024.01", "shop_2019_2020",
    "backup_20240512103000", "customerOrderHistoryArchive", "averylongtablenamewithoutseparators",
    "@timestamp", "@metadata.beat", "sha256", "utf8mb4", "x86_64", "events000123", "sess:*",
    "t_user_base.f_mobile", "客户信息", "addresses[].city", "bucket/prefix/2024/05/12", "email",
    "mac_address", "v1.2.3", "system.profile", "sensor_20", "customers_de_2023_q4", "a%2Bb",
    "order-items_v2_final", "report_2019_2020_2021",
    "logs-2024-05-12-03", "user:*:profile", "IX_Customers_LastName", "pk_orders", "C17",
    "12:30:45", "<script>", "", "ACADEMIC_YEAR_CODE", "oauth2_access_tokens", "top10_2023-12",
    "daily-rollup-2024-01-31T23", "field.with.many.dots", "名前", "Größe",
]  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_names_stay(name: str) -> None:
    assert stand_in(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("user:ann.lee@example.com", "user:<email>"),
        ("user:ann.lee@…", "user:<email>"),
        ("USER:ANN.LEE@EXAMPLE.COM", "USER:<email>"),
        ("ann_lee+x@example.com:cart", "<email>:cart"),
        ("user%3Aann.lee%40example.com", "user:<email>"),
        ("user%253Aann.lee%2540example.com", "user:<email>"),
        ("idx_11010519491231002X", "idx_<id-number>"),
        ("idx_11010519491231002x", "idx_<id-number>"),
        ("１１０１０５１９４９１２３１００２Ｘ", "<id-number>"),
        ("1101\u200b0519491231002X", "<id-number>"),
        ("customer_4111111111111111", "customer_<id-number>"),
        ("4111-1111-1111-1111", "<id-number>"),
        ("card:4111 1111 1111 1111:cvc", "card:<id-number>:cvc"),
        ("iban:GB82WEST12345698765432", "iban:<iban>"),
        ("iban:GB82 WEST 1234 5698 7654 32", "iban:<iban>"),
        ("sess:550e8400-e29b-41d4-a716-446655440000", "sess:<uuid>"),
        ("host_10.1.2.3", "host_<ip>"),
        ("cache:2001:db8::1", "cache:<ip>"),
        ("dev/00:1B:44:11:3A:B7/raw", "dev/<mac>/raw"),
        ("tel_+49 151 2345678", "tel_<phone>"),
        ("+8613812345678", "<phone>"),
        ("13812345678", "<number>"),
        ("0171-2345678", "<number>"),
        ("123-45-6789", "<id-number>"),
        ("backup-19850312", "backup-<number>"),
        ("12345678Z.scans", "<id-number>.scans"),
        ("RSSMRA85T10A562S", "<id-number>"),
        ("ab123456c", "<id-number>"),
        ("京A12345", "<plate>"),
        ("user:anna.schmidt", "user:<name>"),
        ("MARIA_GARCIA_notes", "<name>_notes"),
        ("507f1f77bcf86cd799439011", "<token>"),
        ("sess_aB3dE5fG7hJ9kL1mN3pQ", "<token>"),
        ("tmp_1700000000", "tmp_<number>"),
        ("pnr-20050101-2389", "pnr-<id-number>"),
        ("200501012389", "<id-number>"),
        ("200501011234", "<id-number>"),
        ("4000 2011 1999 2000", "<number>"),
        ("card_4111-2011-1999-1111.pdf", "card_<number>.pdf"),
    ],
)
def test_personal_parts_are_replaced(name: str, shown: str) -> None:
    assert stand_in(name) == shown


SECRETS = ["zora.quill@example.org", "8612345678901", "10.20.30.40", "11010519491231002X"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "idx_{}", "{}:v1", "a.b.{}", "user:{}:x", "x/{}/y"])
def test_encoded_forms_do_not_get_through(secret: str, around: str) -> None:
    raw = secret.encode()
    forms = {
        secret, secret.upper(), secret.lower(), quote(secret), "".join(f"%{b:02X}" for b in raw),
        raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in secret),
    }  # fmt: skip
    for form in forms:
        shown = stand_in(around.format(form))
        assert form not in shown
        assert secret.lower() not in shown.lower()
        assert "<" in shown


CODES = {"loinc", "snomed"}  # numbers of findings: nobody is called by them


@pytest.mark.parametrize("number", sorted({n for c, n in PUBLISHED.items() if c not in CODES}))
def test_every_number_of_the_catalogue_is_replaced(number: str) -> None:
    for name in (number, f"user_{number}", f"{number}.profile", f"k:{number}:v", number.lower()):
        assert number.lower() not in stand_in(name).lower()
        assert "<" in stand_in(name)


def test_length_is_bounded() -> None:
    assert len(stand_in("ab_" * 500)) == 200
    assert stand_in("ab_" * 500).endswith("…")
    assert len(stand_in("x " * 10**6)) == 200
    assert stand_in("ab_" * 60) == "ab_" * 60
    hidden = "d41d8cd98f00b204e9800998ecf8427e:" * 30  # stand-ins are shorter than what they hide
    assert "4111" not in stand_in(hidden + "x" * (1018 - len(hidden)) + ":4111111111111111")


@given(st.text(max_size=300))
def test_any_name_gives_a_bounded_name_and_stays_put(name: str) -> None:
    shown = stand_in(name)
    assert len(shown) <= 200
    assert stand_in(shown) == shown


@given(st.from_regex(r"[a-z]{1,8}[._:/-]", fullmatch=True), st.integers(10**8, 10**19))
def test_no_long_number_gets_through(before: str, number: int) -> None:
    assert str(number) not in stand_in(f"{before}{number}")


@given(st.emails())
def test_no_address_gets_through(address: str) -> None:
    shown = stand_in(f"user:{address}")
    assert address not in shown
    assert "@" not in shown
