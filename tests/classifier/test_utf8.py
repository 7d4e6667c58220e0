"""Text called settled is text that NFKC and trimming leave alone."""

from __future__ import annotations

import sys
import unicodedata

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.classifier.utf8 import settled


def says(text: str) -> bool:
    return settled(np.frombuffer(text.encode(), dtype=np.uint8))


def test_every_settled_character_is_its_own_compatibility_form() -> None:
    called = 0
    for code in range(0x80, sys.maxunicode + 1):
        character = chr(code)
        if 0xD800 <= code < 0xE000 or not says(character):
            continue
        called += 1
        assert unicodedata.normalize("NFKC", character) == character, hex(code)
        assert not character.isspace(), hex(code)
        assert not unicodedata.combining(character), hex(code)
    assert called > 30_000
    assert all(says(c) for c in "äßñéłőЖё王한")
    assert not any(says(c) for c in ("ﬁ", "①", "Ａ", "\u3000", "\u00a0", "e\u0301", "ﾊ"))


@given(st.text(alphabet="aZ9 -äßñłőŞЖёя王國한글", max_size=20))
@settings(max_examples=500, deadline=None)
def test_and_so_are_their_rows(text: str) -> None:
    assert says(text)
    assert unicodedata.normalize("NFKC", text) == text
