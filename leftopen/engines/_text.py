"""Values that a server gives as plain bytes: text where they are any."""

from __future__ import annotations


def as_text(value: bytes) -> str | bytes:
    """The value as text where it is UTF-8, else the bytes as they are."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
