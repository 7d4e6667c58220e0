"""The sieve never loses a match and never makes one: it says what RE2 says."""

from __future__ import annotations

import random
import string

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.classifier import regular
from leftopen.classifier.catalogue import KINDS
from leftopen.classifier.text import Gate, Text, bits, plain
from leftopen.classifier.values import whole
from tests.classifier import make

PATTERNS = sorted({whole(kind) for kind in KINDS if kind.pattern})
OTHERS = [
    r"(?i)\.(?:jpe?g|png)(?:\?.*)?$|^data:image/", r"^\S+(?:\s+\S+){5}", r"[0-9]{3}", r"^$|^a?$",
    r"^a{70}$", r"^(?:ab|c){2,3}d*?$", r"^[^\d\s]+$", r"\bcat\b", r"^[]a]+-$", r"^.\x41$", r"a{0}b",
    r"^(?:x|[\p{Han}]{2}|\p{Lu}y)+$", r"^(?i:s)k(?-i:K)$", r"(?s)^a.b$", r"^a.b$", r"(^|,)b",
]  # fmt: skip


def values() -> pa.Array:
    """Values of many kinds, and the same with one character changed, doubled or lost."""
    chance = random.Random(11)
    makers = [
        make.full_name, make.han_name, make.email, make.phone_de, make.phone_us, make.phone_cn,
        make.address_de, make.address_us, make.address_cn, make.card, make.ip4, make.ip6, make.mac,
        make.a_uuid, make.jwt, make.bcrypt, make.prose, make.plate_de, make.plate_cn,
        make.hexadecimal(32), make.hexadecimal(128), make.digits(9), make.digits(11),
        make.valid("iban", "DE99999999999999999999"), make.valid("es_dni", "99999999A"),
        make.any_of("POINT(1.5 2.5)", "48.1371, 11.5754", "rs12345", "A+", "2024-02-30", "12.5 €"),
    ]  # fmt: skip
    found = [str(maker(chance)) for maker in makers for _ in range(40)]
    for text in list(found):
        at = chance.randrange(len(text))
        new = chance.choice(string.printable + "äßñ王Жاकハ")
        found += [text[:at] + new + text[at + 1 :], text[:at] + text[at:] * 2, text[:at]]
    return pa.array([*found, "a" * 70, "a" * 71, "cat", "a\nb", "x" * 300 + ".png"], pa.string())


@pytest.mark.parametrize("ascii_only", [True, False], ids=["ascii", "wide"])
def test_sieve_says_what_re2_says(ascii_only: bool) -> None:
    some = values()
    if ascii_only:
        some = some.filter(pc.string_is_ascii(some))
    text = Text.of(some)
    assert len(text) > 2_000
    for pattern in PATTERNS + OTHERS:
        run = pc.match_substring_regex(text.values, plain(pattern)).to_numpy(zero_copy_only=False)
        np.testing.assert_array_equal(text.fits(pattern), run, err_msg=pattern)


@given(st.lists(st.text(alphabet="aAbBcCdxyzkKsS019 -.,/+@]é王\n", max_size=9), min_size=1))
@settings(max_examples=300, deadline=None)
def test_short_texts_too(some: list[str]) -> None:
    text = Text.of(pa.array(some, pa.string()))
    for pattern in OTHERS:
        run = pc.match_substring_regex(text.values, plain(pattern)).to_numpy(zero_copy_only=False)
        assert text.fits(pattern).tolist() == run.tolist(), pattern


def test_wider_classes_lose_no_letter() -> None:
    some = pa.array(["Ж", "é", "王", "ب", "क", "e\u0301", "7", "-", "A"])
    for pattern in (r"^\p{L}+$", r"^[\p{L}\p{M}]+$", r"^[\p{N}x]$"):
        narrow = pc.match_substring_regex(some, pattern).to_pylist()
        wide = pc.match_substring_regex(some, plain(pattern)).to_pylist()
        assert all(w for n, w in zip(narrow, wide, strict=True) if n)
        assert not wide[7]


def test_most_patterns_are_read() -> None:
    for pattern in PATTERNS:
        regular.read(pattern)
    with pytest.raises(regular.Unread):
        regular.read(r"(^|,)b")


def test_selections_and_weights_count_the_column() -> None:
    column = pa.array((["a1", "b2", "", None, " c3 "] * 200) + ["d4"])
    text = Text.of(column)
    assert text.total == 601
    assert text.weights is not None
    assert text.count(r"^[ab][0-9]$") == 400
    assert text.matching(r"^c").total == 200
    assert text.keep(text.fits(r"^[cd]")).count(r"[34]$") == 201
    assert sorted(text.spread(text.lengths).tolist()) == [2] * 601


CLASSES = ["digit", "letter", "hex", "space", "dash", "wide", "digit letter", "dot wide"]


@given(
    some=st.lists(st.text(alphabet="aGz9 -.é王", min_size=1, max_size=40), min_size=1),
    shortest=st.sampled_from([1, 2, 5, 126, 127, 128, 140]),
    longest=st.sampled_from([1, 4, 9, 126, 127, 128, 139, 1 << 30]),
    only=st.sampled_from(["", *CLASSES]),
    needs=st.lists(st.sampled_from(CLASSES), max_size=2),
    times=st.sampled_from([1, 1, 12]),
)
@settings(max_examples=400, deadline=None)
def test_a_gate_lets_pass_what_it_says(
    some: list[str], shortest: int, longest: int, only: str, needs: list[str], times: int
) -> None:
    text = Text.of(pa.array([one * times for one in some], pa.string()))
    held = [text.masks[at] for at in range(len(text))]
    allowed = bits(only) or -1
    expected = [
        value
        for value, mask in zip(text.values.to_pylist(), held, strict=True)
        if shortest <= len(value.encode()) <= longest
        and not mask & ~allowed
        and all(mask & bits(need) for need in needs)
    ]
    gate = Gate(shortest, longest, bits(only) or (1 << 13) - 1, tuple(bits(n) for n in needs))
    assert text.select(gate).values.to_pylist() == expected


def test_bytes_of_values_are_looked_at_where_they_are() -> None:
    text = Text.of(pa.array(["ab c", "é", "x  y z", "long"]))
    blanks = (np.arange(256) == 0x20).astype(np.uint8)
    some = text.at(np.array([1, 2]))
    assert text.sums(blanks).tolist() == [1, 0, 3, 0]
    assert some.sums(blanks).tolist() == [0, 3]
    assert some.bytewise(blanks).tolist() == [0, 1]
    assert bytes(some.nth(0)) + bytes(some.nth(1)) + bytes(some.nth(-1)) == b"\xc3x\xa9 \xa9z"


def test_a_pattern_that_comes_late_is_asked_all_the_same() -> None:
    text = Text.of(pa.array(["late17", "other"]))
    assert text.may(r"^late[0-9]+$")
    assert text.count(r"^lat[e][0-9]{2}$") == 1  # not known when the column was sieved
