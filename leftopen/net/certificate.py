"""The host names in a server's certificate: hints for finding its owner, and nothing else of it."""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.x509.oid import NameOID

MAX_NAMES = 16
_HOST = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def names(certificate: bytes | None) -> tuple[str, ...]:
    """Host names from a DER certificate, lower case, at most MAX_NAMES: its DNS names (RFC 5280,
    4.2.1.6), then its subject's common name where that is a host name. Anything else in it, an
    e-mail address or a person's name among them, is left alone. Never raises: it is hostile."""
    if certificate is None:
        return ()
    try:
        read = x509.load_der_x509_certificate(certificate)
        found = _alternative(read)
        found += [str(a.value) for a in read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except Exception:  # whatever a parser makes of hostile bytes: there are no names
        return ()
    hosts = (name.lower().removesuffix(".") for name in found if len(name) <= 254)
    return tuple(dict.fromkeys(h for h in hosts if _HOST.fullmatch(h)))[:MAX_NAMES]


def _alternative(read: x509.Certificate) -> list[str]:
    try:
        told = read.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return told.value.get_values_for_type(x509.DNSName)
