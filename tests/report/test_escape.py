"""Names of servers made safe: nothing acts, everything is seen, nothing is endless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.report.escape import LONGEST, json_name, plain
from tests.report.samples import NASTY


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("town.people", "town.people"),
        ("Straße.人员.ชื่อ", "Straße.人员.ชื่อ"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r\x00\x7f", "a\\x0ab\\x0d\\x00\\x7f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800", "\\ud800"),
        ("a\u00a0b\u3000", "a\\xa0b\\u3000"),
        ("\U000e0041", "\\U000e0041"),
        ("\u3164\ufe0f", "\\u3164\\ufe0f"),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 5, "e\u0301\u0301\u0301\\u0301\\u0301"),
    ],
)
def test_what_acts_is_written_out(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(max_size=400), st.integers(1, 300))
def test_nothing_that_is_not_seen_passes(text: str, longest: int) -> None:
    shown = plain(text, longest)
    assert len(shown) <= longest
    assert shown.isprintable()
    assert plain(shown, longest) == shown


def test_the_longest_names_are_cut_and_say_so() -> None:
    assert plain("n" * 10_000) == "n" * (LONGEST - 1) + "…"
    assert plain("n" * LONGEST) == "n" * LONGEST
    assert plain("\x1b" * 10_000, 10) == "\\x1b\\x1b…"


@pytest.mark.parametrize("name", NASTY)
def test_a_name_for_json_is_whole_characters_and_bounded(name: str) -> None:
    shown = json_name(name)
    assert len(shown) <= 512
    shown.encode("utf-8")
    if len(name) <= 512 and not any("\ud800" <= c <= "\udfff" for c in name):
        assert shown == name
