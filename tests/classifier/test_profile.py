"""Profiles add up, do not mind the order, hold no value, and stand anything Arrow can hold."""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.classifier import Profiler, classify
from tests.classifier import make
from tests.classifier.make import any_of, column, valid

CELLS = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.sampled_from(
        [
            "ann@example.org",
            "11010519491231002X",
            "+49 151 2345678",
            "10.0.0.1",
            "汉族",
            "",
            " ",
            "4111111111111111",
            "1980-02-03",
            "48.1371",
            "Anna Smith",
            "１２３４５６７８９",
        ]
    ),
)
TABLES = st.lists(
    st.fixed_dictionaries(
        {
            "email": CELLS,
            "c17": CELLS,
            "age": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
            "lat": st.one_of(st.none(), st.floats()),
            "raw": st.one_of(st.none(), st.binary(max_size=20)),
            "face": st.one_of(st.none(), st.lists(st.floats(width=32), max_size=4)),
            "ok": st.one_of(st.none(), st.booleans()),
        }
    ),
    min_size=1,
    max_size=12,
)
SCHEMA = pa.schema(
    {
        "email": pa.string(), "c17": pa.string(), "age": pa.int64(), "lat": pa.float64(),
        "raw": pa.binary(), "face": pa.list_(pa.float32()), "ok": pa.bool_(),
    }
)  # fmt: skip


def profiler(*batches: pa.RecordBatch) -> Profiler:
    made = Profiler("people")
    for batch in batches:
        made.update(batch)
    return made


@settings(max_examples=60, deadline=None)
@given(TABLES, st.data())
def test_two_halves_merged_are_the_whole(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    whole = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    cut = data.draw(st.integers(0, len(rows)))
    one, two = profiler(whole.slice(0, cut)), profiler(whole.slice(cut))
    one.merge(two)
    assert one.finish() == profiler(whole).finish()


@settings(max_examples=60, deadline=None)
@given(TABLES, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(rows: list[dict[str, Any]], chance: random.Random) -> None:
    mixed = rows.copy()
    chance.shuffle(mixed)
    tables = [pa.Table.from_pylist(r, schema=SCHEMA) for r in (rows, mixed)]
    assert classify(tables[0], "people") == classify(tables[1], "people")


def test_columns_that_only_one_half_has_and_types_that_differ_merge() -> None:
    one = profiler(pa.RecordBatch.from_pydict({"id_card": column(valid("nl_bsn", "999999999"))}))
    two = profiler(pa.RecordBatch.from_pydict({"id_card": [123456782] * 9, "mail": ["a@b.de"] * 9}))
    one.merge(two)
    profile = one.finish()
    assert profile.rows == make.ROWS + 9
    assert profile.fields["id_card"].values == make.ROWS + 9
    assert profile.fields["mail"].family == "email"


def test_chunked_and_encoded_columns_are_profiled_as_plain_ones() -> None:
    plain = pa.array(column(make.email))
    forms = [
        plain,
        plain.cast(pa.large_string()),
        plain.cast(pa.string_view()),
        plain.dictionary_encode(),
        pc.run_end_encode(plain),
        pa.chunked_array([plain.slice(0, 100), plain.slice(100)]),
        plain.cast(pa.binary()),
        pa.concat_arrays([pa.array(["x"]), plain]).slice(1),
    ]
    found = [classify(pa.table({"email": form})).fields["email"] for form in forms]
    assert [field for field in found if field != found[0]] == []
    assert found[0].share == 1.0


def test_numbers_in_other_clothes_are_read_as_numbers() -> None:
    ids = [int(str(v)) for v in column(valid("br_cpf", "19999999999"))]
    for typed in (pa.int64(), pa.uint64(), pa.float64(), pa.decimal128(20, 0), pa.string()):
        values = pa.array([str(i) for i in ids] if typed == pa.string() else ids).cast(typed)
        assert classify(pa.table({"cpf": values})).fields["cpf"].kind == "gov_id.br.cpf", typed
    full = ["".join(chr(ord(c) + 0xFEE0) for c in str(i)) for i in ids]
    assert classify(pa.table({"cpf": full})).fields["cpf"].kind == "gov_id.br.cpf"
    money = pa.array([Decimal("1200.50"), None, Decimal("99.99")])
    assert classify(pa.table({"salary": money}), "staff").fields["salary"].family == "finance"


def test_nested_columns_open_into_paths() -> None:
    table = pa.table(
        {
            "a": [{"email": "x@example.org", "tags": ["p", "q"]}] * 9,
            "b.mails[]": pa.array([["x@example.org"], None, []] * 3),
            "m": pa.array([[("k", "v@example.org")]] * 9, pa.map_(pa.string(), pa.string())),
            "deep": [[{"mail": [["x@example.org"]]}]] * 9,
        }
    )
    found = {path: field.family for path, field in classify(table).fields.items()}
    assert found == {
        "a.email": "email", "a.tags[]": "none", "b.mails[]": "email", "m[].key": "none",
        "m[].value": "email", "deep[].mail[][]": "email",
    }  # fmt: skip


def test_nothing_gives_none() -> None:
    blank = ["", " ", None, "", ""]
    table = pa.table({"email": pa.nulls(5), "name": blank, "age": pa.nulls(5, pa.int8())})
    for field in classify(table, "people").fields.values():
        assert (field.kind, field.values, field.share) == ("none", 0, 0.0)
        assert field.evidence == ("no values to look at",)
    empty = classify(pa.table({"email": pa.array([], pa.string())}))
    assert (empty.rows, empty.fields["email"].kind) == (0, "none")
    assert classify(pa.table({})).fields == {}


def test_invalid_utf8_is_counted_out_by_itself_only() -> None:
    cells = [b"ann@example.org", b"\xff\xfe@example.org", "ünal@example.org".encode(), b"\xe4\xb8"]
    cells += [b"\xe2\x82", b"\x82\xac@x.de", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]
    offsets = np.concatenate([[0], np.cumsum([len(c) for c in cells])]).astype(np.int32)
    broken = pa.Array.from_buffers(
        pa.string(), len(cells), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(cells))]
    )
    field = classify(pa.table({"email": broken})).fields["email"]
    assert field.values == len(cells)
    assert field.share == 2 / len(cells) or field.kind == "none"
    made = Profiler()
    made.update(pa.RecordBatch.from_arrays([broken], names=["email"]))
    one_by_one = Profiler()
    for row in range(len(cells)):
        one_by_one.update(pa.RecordBatch.from_arrays([broken.slice(row, 1)], names=["email"]))
    assert made.finish() == one_by_one.finish()


def test_odd_columns_do_no_harm() -> None:
    huge = "x" * (10 << 20)
    table = pa.table(
        {
            "huge": [huge, "a " * 1000, None],
            "time": pa.array([1, 2, 3], pa.time32("s")),
            "span": pa.array([1, 2, 3], pa.duration("s")),
            "year 0": pa.array([-(10**17), 0, 10**17], pa.timestamp("us")),
            "u": pa.array([2**64 - 1, 0, None], pa.uint64()),
            "nan": [float("nan"), float("inf"), -0.0],
            "": [b"", b"\x00", None],
            "v": [[1e308] * 128, [], None],
            "zone": pa.array([1, 2, 3], pa.timestamp("s", "Europe/Berlin")),
            "ctrl": ["\x00\x1b[31m", "\r\n", "\u202e"],
            "commas": [",", " , ", "-"],
        }
    )
    assert {field.kind for field in classify(table, "x\x00y").fields.values()} == {"none"}


def test_a_thousand_columns() -> None:
    table = pa.table({f"field_{i}": ["a", "b"] for i in range(999)} | {"mail": ["a@b.de"] * 2})
    profile = classify(table)
    assert len(profile.fields) == 1000
    assert [p for p, f in profile.fields.items() if f.kind != "none"] == ["mail"]


def test_profiler_holds_no_value() -> None:
    cells = {
        "email": "zorbax.quintrell@example.org",
        "id": "11010519491231002X",
        "text": "the quick zorbax jumped over seven lazy quintrells at once",
        "n": 987654321012,
        "real": 48.13713713,
        "raw": b"\xff\xd8\xffzorbax",
        "when": make.born(random.Random(1)),
    }
    made = Profiler("people")
    made.update(pa.RecordBatch.from_pylist([cells] * 5))
    kept = pickle.dumps(made) + repr(made).encode() + repr(made.finish()).encode()
    assert pickle.loads(pickle.dumps(made)).finish() == made.finish()
    for value in cells.values():
        raw = value if isinstance(value, bytes) else str(value).encode()
        assert raw not in kept
    for part in (b"zorbax", b"quintrell", b"19491231", b"987654321", b"4813713"):
        assert part not in kept.lower()
    assert (987654321012).to_bytes(6, "little") not in kept


def calls(work: Callable[[], object]) -> int:
    """How many calls, Python's and C's, the work makes in this thread."""
    total = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal total
        total += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return total


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("email", make.email), ("name", make.full_name),
        ("c1", valid("cn_ric", "110101yyyymmdd9999")),
        ("pesel", valid("pl_pesel", "yymmdd99999")), ("address", make.address_cn),
        ("lat", make.float_in(1, 9)), ("age", make.whole_in(1, 90)), ("photo", make.image),
        ("face", make.unit_vector(64)), ("birth_date", make.born), ("note", make.prose),
        ("gender", any_of("m", "f")),
    ],
)  # fmt: skip
def test_no_loop_over_values(field: str, values: make.Maker) -> None:
    few = pa.concat_tables([pa.table({field: column(values)})] * 40).combine_chunks()
    many = pa.concat_tables([few] * 6).combine_chunks()
    classify(few), classify(many)  # caches
    # Six times the rows, and hardly more Python work: what grows is done inside Arrow and numpy.
    # (Values are stepped through in blocks of 8,192, a call a place: that is what is more.)
    assert calls(lambda: classify(many)) <= 1.5 * calls(lambda: classify(few))
