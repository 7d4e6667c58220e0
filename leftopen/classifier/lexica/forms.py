"""The forms that a word is met in: in plain letters, in Arabic letters as they are typed."""

from __future__ import annotations

import unicodedata

_ARABIC = str.maketrans("أإآىة\u06cc\u06a9", "اااي\u0647يك")


def plain(word: str) -> str:
    """Without accents; Arabic without hamza on its alef; Greek with one form of sigma."""
    bare = unicodedata.normalize("NFKD", word.replace("ı", "i").replace("ł", "l"))
    kept = "".join(c for c in bare if not unicodedata.combining(c))
    if kept.isascii():
        return kept
    if "\u0370" <= word[0] < "\u0400":
        return kept.replace("ς", "σ")
    return word.translate(_ARABIC)


def forms(words: str) -> set[str]:
    """Each word as it is written, and as it is met: in plain letters, in Arabic in part."""
    split = unicodedata.normalize("NFKC", words).lower().split()
    found = {form for word in split for form in (word, plain(word))}
    eastern = {word for word in found if "\u0600" <= word[0] < "\u0700"}
    for before, after in (("أ", "ا"), ("إ", "ا"), ("آ", "ا"), ("ى", "ي"), ("ة", "ه")):
        eastern |= {word.replace(before, after) for word in eastern}
    eastern |= {word.replace("ي", "\u06cc").replace("ك", "\u06a9") for word in eastern}
    return found | eastern
