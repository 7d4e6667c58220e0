"""Distinguished names: compared, and what lies above them (RFC 4514)."""

from __future__ import annotations

import re


def plain(name: str) -> str:
    """A distinguished name for comparison."""
    return re.sub(r"\s*([,=])\s*", r"\1", name.strip()).casefold()


def within(name: str, above: str) -> bool:
    """Whether a name is that of an entry, or lies somewhere below it; all lie below nothing."""
    inner, outer = plain(name), plain(above)
    return not outer or inner == outer or inner.endswith("," + outer)


def parent(name: str) -> str:
    """A distinguished name without its first part."""
    found = re.match(r"(?:\\.|[^\\,])*,(.*)\Z", name, re.DOTALL)
    return found[1].strip() if found else ""
