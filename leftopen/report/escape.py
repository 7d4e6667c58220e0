"""The one place that makes what a server named safe to show.

Every name of a collection or a field was chosen by whoever runs, or broke into, the server. On a
terminal it could move the cursor or turn the reading direction; anywhere it could be endless. HTML
is escaped by the template engine, JSON by its encoder; both still show names made plain here, so
that what cannot be seen is seen everywhere.
"""

from __future__ import annotations

import unicodedata

LONGEST = 200  # characters of a name that are shown
_CUT = "…"
# Letters and marks that are drawn as nothing: fillers, joiners, variation selectors.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}
_STACKED = 3  # combining marks in a row that a script may need; more climb out of their line


def plain(text: str, longest: int = LONGEST) -> str:
    """The text on one line, with whatever acts instead of being seen written as `\\x1b`, `\\u202e`.

    Cut to `longest` characters, the last of which is then an ellipsis.
    """
    shown: list[str] = []
    length = marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        part = char if _is_seen(char) and marks <= _STACKED else _code(char)
        if length + len(part) > longest:
            # Leave room for the ellipsis.
            while shown and length + 1 > longest:
                length -= len(shown.pop())
            return "".join(shown) + _CUT
        shown.append(part)
        length += len(part)
    return "".join(shown)


def json_name(text: str, longest: int = 512) -> str:
    """The text for a JSON document: whole characters only, cut; the encoder escapes the rest."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole if len(whole) <= longest else whole[: longest - 1] + _CUT


def _is_seen(char: str) -> bool:
    """Not so: control, format (bidi, zero-width), surrogate, private, unassigned, odd spaces."""
    return char.isprintable() and char not in _BLANK


def _code(char: str) -> str:
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
