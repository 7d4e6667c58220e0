"""Whatever Arrow can hold gets a profile: no crash, the same in any order and any parts."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.classifier import Profiler, classify
from leftopen.classifier.columns import MAX_DEPTH, SLICE_BYTES, slices
from leftopen.model import FieldProfile
from tests.classifier import odd

SEEDS = sorted((Path(__file__).parents[1] / "data" / "fuzz").iterdir())
ROWS = 150_000  # more than two slices
MAILS = [b"zorbax.quintrell@example.org", b"ann\xed\xa0\x80@example.org", b"\xff@example.org"]


class Drawn:
    """Choices that hypothesis makes."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def number(self, low: int, high: int) -> int:
        return self._data.draw(st.integers(low, high))

    def raw(self, most: int) -> bytes:
        return self._data.draw(st.binary(max_size=most))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_table_has_a_profile_that_holds(data: st.DataObject) -> None:
    c = Drawn(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        odd.hold(c, odd.table(c), odd.pick(c, odd.COLLECTIONS))


def test_there_are_seeds() -> None:
    assert len(SEEDS) >= 50


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.name)
def test_what_the_fuzzer_found_holds(seed: Path) -> None:
    odd.hold_bytes(seed.read_bytes())


# ------------------------------------------------------------------------- types inside of others


def _union(mode: str) -> pa.Array:
    codes = pa.array([0, 1, 0, 1] * 5, pa.int8())
    mails = pa.array([f"ann{n}@example.org" for n in range(20)])
    numbers = pa.array(range(20))
    if mode == "sparse":
        return pa.UnionArray.from_sparse(codes, [mails, numbers])
    at = pa.array([n // 2 for n in range(20)], pa.int32())
    return pa.UnionArray.from_dense(codes, at, [mails, numbers])


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_every_value_of_a_union_is_looked_at_in_its_slices_too(mode: str) -> None:
    whole = pa.RecordBatch.from_arrays([_union(mode)], names=["email"])
    found = odd.profile([whole], "").finish().fields["email"]
    assert (found.family, found.values, found.share) == ("email", 20, 0.5)
    assert odd.profile([whole.slice(0, 7), whole.slice(7)], "").finish().fields["email"] == found


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_a_union_in_a_struct_with_nulls_does_not_end_the_process(mode: str) -> None:
    mask = pa.array([False, False, True, True] * 5)
    struct = pa.StructArray.from_arrays([_union(mode)], ["email"], mask=mask)
    found = classify(pa.table({"a": struct})).fields["a.email"]
    assert (found.family, found.values) == ("email", 10)


def test_a_slice_of_maps_and_of_views_is_only_itself() -> None:
    maps = pa.array(
        [[("k", "v")], None, [("a", "b"), ("c", None)]], pa.map_(pa.string(), pa.string())
    )
    views = pa.array([[1.5], None, [2.5, 3.5]], pa.list_view(pa.float64()))
    table = pa.table({"m": maps, "v": views})
    fields = classify(table.slice(2)).fields
    assert {p: f.values for p, f in fields.items()} == {"m[].key": 2, "m[].value": 1, "v[]": 2}


def test_wrapped_values_are_found_inside_of_lists_and_structs() -> None:
    mails = pa.array([f"ann{n % 3}@example.org" for n in range(12)])
    ends = pa.array([0, 5, 5, 12], pa.int32())
    runs = pa.RunEndEncodedArray.from_arrays([6, 12], mails.slice(0, 2))
    for inner in (mails.dictionary_encode(), mails.cast(pa.string_view()), runs):
        lists = pa.ListArray.from_arrays(ends, inner, mask=pa.array([False, True, False]))
        struct = pa.StructArray.from_arrays([inner], ["b"], mask=pa.array([True, False] * 6))
        fields: dict[str, FieldProfile] = {}
        for column in (lists, struct):
            fields.update(classify(pa.table({"s": column})).fields)
        told = {path: (field.family, field.values) for path, field in fields.items()}
        assert told == {"s[]": ("email", 12), "s.b": ("email", 6)}, inner.type


def test_number_lists_with_large_numbers_and_moments_of_unknown_zones() -> None:
    zone = pa.array([2**62, -(2**62), 0]).view(pa.timestamp("s", "Mars/Base"))
    lists = pa.array([[2**63 - 1, 1], [-(2**63)], None])
    fields = classify(pa.table({"t": zone, "n": lists})).fields
    assert {p: f.values for p, f in fields.items()} == {"t": 3, "n[]": 3}


@pytest.mark.parametrize("nest", ["struct", "list"])
def test_two_hundred_levels_are_one_field(nest: str) -> None:
    kind, value = pa.string(), "zorbax.quintrell@example.org"
    made: object = value
    for _ in range(200):
        kind = pa.struct([("a", kind)]) if nest == "struct" else pa.list_(kind)
        made = {"a": made} if nest == "struct" else [made]
    fields = classify(pa.table({"c": pa.array([made, None], kind)})).fields
    assert [(f.kind, f.values) for f in fields.values()] == [("none", 1)]
    (path,) = fields
    assert path == "c" + (".a" if nest == "struct" else "[]") * MAX_DEPTH


# ------------------------------------------------------------------------------- bytes of no text


@pytest.mark.parametrize("kind", odd.STRINGS, ids=str)
@pytest.mark.parametrize("missing", [False, True])
def test_broken_utf8_in_any_kind_of_string(kind: pa.DataType, missing: bool) -> None:
    null = [missing, False, False, missing, False, False]
    broken = odd.strings(MAILS * 2, kind, null)
    for made, mails in ((broken, 2 - 2 * missing), (broken.slice(1), 1 - missing)):
        field = classify(pa.table({"email": made})).fields["email"]
        assert field.values == len(made) - made.null_count
        whole = pa.table({"email": made})
        parts = odd.profile(
            [b for n in range(len(made)) for b in whole.slice(n, 1).to_batches()], ""
        )
        assert parts.finish().fields["email"] == field
        if mails == 2 and "string" in str(kind):
            assert field.share == round(2 / 6, 4)


# ------------------------------------------------------------------------------------ large things


@pytest.mark.parametrize(
    "cell", ["1", " ", "a", "a@", "0x", "((((", "٣", "北京市", "<b>x</b>", "0.125, ", "ab. "]
)
def test_cells_of_ten_mebibytes(cell: str) -> None:
    value = cell * ((10 << 20) // len(cell.encode()))
    field = classify(pa.table({"c": [value, None]})).fields["c"]
    assert (field.kind, field.values) == ("none", int(bool(value.strip())))


@pytest.mark.parametrize("kind", odd.STRINGS, ids=str)
def test_heavy_columns_are_looked_at_in_pieces(kind: pa.DataType) -> None:
    cells = [b"x" * (SLICE_BYTES // 4)] * 9 + [b"y"] * 91
    batch = pa.RecordBatch.from_arrays([odd.strings(cells, kind)], names=["c"])
    pieces = list(slices(batch))
    assert sum(piece.num_rows for piece in pieces) == 100
    assert max(piece.nbytes for piece in pieces) <= SLICE_BYTES
    assert len(pieces) > 3


@pytest.mark.parametrize("kind", ["repeating", "distinct"])
def test_parts_of_many_rows_are_the_whole(kind: str) -> None:
    chance = np.random.default_rng(5)
    numbers = chance.integers(0, 40 if kind == "repeating" else 10**9, ROWS)
    first = [f"quill{n}@example.org" for n in numbers.tolist()]
    dates = [f"19{n % 90 + 10}-0{n % 9 + 1}-1{n % 10}" for n in numbers.tolist()]
    half = ["same"] * (ROWS // 2) + first[ROWS // 2 :]  # the first look says that values repeat
    whole = pa.table({"c1": first, "dob": dates, "c3": half, "n": numbers})
    found = classify(whole, "people")
    assert found.fields["c1"].family == "email"
    mixed = whole.take(pa.array(chance.permutation(ROWS)))
    assert classify(mixed, "people") == found
    for cuts in ([65_535], [1, 70_000], [65_536, 65_537, 131_072]):
        merged = Profiler("people")
        for part in odd.slices(mixed, cuts):
            merged.merge(odd.profile(part.to_batches(), "people"))
        assert merged.finish() == found


_MEASURED = """
import sys
import numpy as np, pyarrow as pa
from leftopen.classifier import Profiler
def batches(what):
    if what == "wide":
        one = pa.array([f"value {n % 7}" for n in range(50)])
        yield pa.RecordBatch.from_arrays([one] * 5000, names=[f"c{n}" for n in range(5000)])
        return
    for start in range(0, 2_000_000, 100_000):
        at = np.arange(start, start + 100_000)
        one = pa.array([f"ann{n}@example.org" for n in at.tolist()])
        columns = [one] * (20 if what == "table" else 1)
        yield pa.RecordBatch.from_arrays(columns, names=[f"c{n}" for n in range(len(columns))])
made = Profiler()
for batch in batches(sys.argv[1]):
    made.update(batch)
found = made.finish()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(found.fields), found.rows, int(peak.split()[1]) // 1024)
"""


@pytest.mark.parametrize(
    ("what", "columns", "rows"), [("wide", 5000, 50), ("column", 1, 2_000_000)]
)
def test_memory_stays_under_500_mebibytes(what: str, columns: int, rows: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _MEASURED, what], capture_output=True, text=True, check=True
    )
    fields, counted, peak = map(int, run.stdout.split())
    assert (fields, counted) == (columns, rows)
    assert peak < 500
