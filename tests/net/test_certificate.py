"""The host names of a certificate are told; nothing else in it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from leftopen.net.certificate import MAX_NAMES, names


def der(common: str, alternatives: list[x509.GeneralName]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_host_names_are_told_and_persons_are_not() -> None:
    told = [
        x509.DNSName("DB.Example.org"),
        x509.DNSName("*.example.org"),
        x509.RFC822Name("ann.lee@example.org"),
        x509.DNSName("<script>.example.org"),
        x509.DNSName("\x1b[2J.example.org"),
        x509.DNSName("localhost"),
        x509.DNSName("db.example.org"),
    ]
    assert names(der("Ann Lee", told)) == ("db.example.org", "*.example.org")
    assert names(der("old.example.org", [])) == ("old.example.org",)
    assert names(der("ann.lee@example.org", [])) == ()


def test_no_more_names_than_anybody_needs() -> None:
    many = [x509.DNSName(f"h{i}.example.org") for i in range(200)]
    assert len(names(der("x", list(many)))) == MAX_NAMES


@pytest.mark.parametrize("nothing", [None, b"", b"\x30\x82", b"\xff" * 500])
def test_what_is_no_certificate_has_no_names(nothing: bytes | None) -> None:
    assert names(nothing) == ()


@given(st.binary(max_size=300), st.integers(0, 200))
def test_a_damaged_certificate_never_raises(noise: bytes, at: int) -> None:
    good = GOOD[:at] + noise + GOOD[at + len(noise) :]
    assert isinstance(names(good), tuple)


GOOD = der("db.example.org", [x509.DNSName("db.example.org")])
