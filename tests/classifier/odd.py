"""Odd tables: every type that Arrow has, nested in any way, sliced, chunked, with broken bytes.

Made from choices, which come from hypothesis or from the bytes of a fuzzer. `hold` says what must
be true of the profile of any table.
"""

from __future__ import annotations

import base64
import pickle
import warnings
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from leftopen.classifier import Profiler, TableProfile, classify

T = TypeVar("T")


class Choices(Protocol):
    """Where the choices come from."""

    def number(self, low: int, high: int) -> int:
        """One of low…high."""

    def raw(self, most: int) -> bytes:
        """Up to so many bytes."""


class Bytes:
    """Choices read from bytes; when they are used up, always the first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self, low: int, high: int) -> int:
        return low + int.from_bytes(self._next(((high - low).bit_length() + 7) // 8)) % (
            high - low + 1
        )

    def raw(self, most: int) -> bytes:
        return self._next(self.number(0, most))

    def _next(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]


def pick(c: Choices, options: Sequence[T]) -> T:
    return options[c.number(0, len(options) - 1)]


NAMES = (
    "email", "c17", "", "name", "fullName", "sfzh", "xm", "dob", "birth_date", "lat", "lon",
    "phone",
    "face_embedding", "photo", "fingerprint_template", "voice", "password", "token", "card_no",
    "iban", "ssn", "cpf", "user_id", "device.imei", "ip", "mac", "address", "zip", "city",
    "gender",
    "religion", "diagnosis", "icd10", "blood_group", "union_member", "party", "note", "salary",
    "created_at", "ts", "身份证号", "姓名", "телефон", "عنوان", "생년월일", "plate", "vin",
    "passport", "mrz", "url", "geom", "position[]", "a.b[].c", "*", ".", "[]", "is_member", "id",
    "x\x00y", "\u202eeman", "\x1b[31mred", "ﬁeld", "🙂", "t_user_base.f_mobile",
    "n" * 10_000, "aA" * 400,
)  # fmt: skip
COLLECTIONS = ("", "people", "products", "t_user", "access_log", "patients", "x\x00y", "客户")
CELLS: tuple[bytes, ...] = (*(
    text.encode("utf-8", "surrogatepass")
    for text in (
        "zorbax.quintrell@example.org", "11010519491231002X", "+49 151 23456789",
        "Zorbax Quintrell",
        "10.0.0.1", "2001:db8::7334", "00:1b:44:11:3a:b7", "4111 1111 1111 1111", "123456782",
        "DE89370400440532013000", "529.982.247-25", "1980-02-03T04:05:06Z", "03/02/1980",
        "48.1371",
        "48.1371, 11.5754", "POINT(11.5754 48.1371)",
        '{"type":"Point","coordinates":[11.5,48.1]}',
        "0101000020E6100000000000000000F03F0000000000000040", "48°08'14\"N 11°34'31\"E",
        "8FWH4HX8+9C",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2ln", "$2b$12$" + "a" * 53,
        "0x" + "ab" * 20,
        "5d41402abc4b2a76b9719d911017c592", "-----BEGIN RSA PRIVATE KEY-----",
        "AKIAIOSFODNN7EXAMPLE",
        "postgres://u:p@db.example.org:5432/x", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10", "WVWZZZ1JZXW000001", "B-AB 1234",
        "京A12345",
        "汉族", "王秀英", "北京市朝阳区建国路88号", "Иван Иванов", "فاطمة محمد", "김철수",
        "प्रिया शर्मा",
        "Hauptstraße 5, 10115 Berlin", "F32.1", "E11.9 diabetes mellitus", "A+", "female", "m",
        "yes",
        "She called about the leak and asked when they would come.",
        "https://example.org/a?b=c#d",
        "/9j/4AAQSkZJRgABAQ" + "A" * 200, "data:image/png;base64,iVBORw0KGgo" + "B" * 200,
        "Rk1SACAyMAA" + "C" * 120, "[" + ", ".join(["0.125", "-0.125"] * 32) + "]", "1.2.3-rc4",
        "42",
        "-0", "1e400", "٣٤٥", "１２３４５６７８９", " ", "\t\n", ",", " , ", "\x00", "\x1b[2J",
        "\u202e", "e\u0301",
        "\ud800", "ﷺ", "ß", "((((", "a@", "<b>x</b>", "%s%n", "x" * 300, "0" * 70, "مكتب 12",
        "null",
    )
),
    b"\xff\xd8\xff\xe0" + b"J" * 100, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x01" * 100,
    b"RIFF\x00\x00\x00\x00WAVEfmt " + b"\x00" * 90, b"FMR\x00 20\x00" + b"\x02" * 100,
    b"\x93NUMPY\x01\x00" + b"v" * 632, b"\x00\x00\x00\x3e" * 128, b"\xff\xfe", b"\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82", b"ann\xff@x.de", b"\x1f\x8b\x08" + b"z" * 120, b"GIF89a" + b"\x10" * 120, b"",
    b"\x01\x01\x00\x00\x00" + b"\x00" * 6 + b"\xf0?" + b"\x00" * 7 + b"@",
)  # fmt: skip


def cell(c: Choices) -> bytes:
    """A value of a telling kind, as it is, changed, or not at all one."""
    value = pick(c, CELLS)
    how = c.number(0, 7)
    if how == 1:
        return value[: c.number(0, 40)]
    if how == 2:
        return value * c.number(0, 40)
    if how == 3:
        return c.raw(40)
    if how == 4:
        at = c.number(0, 40)
        return value[:at] + c.raw(4) + value[at:]
    if how == 5:
        return value + pick(c, CELLS)
    return value.upper() if how == 6 else value


FIXED: tuple[pa.DataType, ...] = (
    pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(),
    pa.uint64(),
    pa.float16(), pa.float32(), pa.float64(), pa.bool_(), pa.date32(), pa.date64(),
    pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"), pa.duration("s"),
    pa.duration("ns"), pa.month_day_nano_interval(), pa.binary(0), pa.binary(1), pa.binary(16),
    *(pa.timestamp(u, z) for u in ("s", "ms", "us", "ns")
      for z in (None, "UTC", "Europe/Berlin", "+05:30", "Mars/Base")),
)  # fmt: skip
DECIMALS = (
    pa.decimal32(9, 2), pa.decimal64(18, 0), pa.decimal128(38, 0), pa.decimal128(11, 0),
    pa.decimal128(20, 7), pa.decimal128(8, -3), pa.decimal256(76, 0), pa.decimal256(76, 76),
)  # fmt: skip
STRINGS = (
    pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(),
    pa.binary_view()
)  # fmt: skip
WORDS = (  # eight bytes that mean something as numbers
    *(n.to_bytes(8, "little", signed=n < 0) for n in (0, 1, -1, 42, 19800203, 2**63 - 1, -(2**63))),
    *(n.to_bytes(8, "little") for n in (1_700_000_000, 123456782, 13812345678, 110105194912310021)),
    *(np.float64(x).tobytes() for x in (float("nan"), float("inf"), -0.0, 48.1371, 1e308, 5e-324)),
    np.array([48.1371, 11.5754], np.float32).tobytes(),
    np.array([1, np.nan, np.inf, -2.5], np.float16).tobytes(),
)


class Cover(pa.ExtensionType):  # type: ignore[misc]  # pyarrow ships no types
    """An extension type that nobody registered."""

    def __init__(self, storage: pa.DataType) -> None:
        super().__init__(storage, "tests.cover")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, serialized: bytes) -> Cover:
        return cls(storage)


def array(c: Choices, size: int, depth: int = 3) -> pa.Array:
    """An array of any type; it may be a slice of a longer one."""
    skip = pick(c, (0, 0, 0, 1, 9))
    made = _array(c, size + skip, depth)
    return made.slice(skip) if skip else made


def _array(c: Choices, size: int, depth: int) -> pa.Array:
    simple: list[Callable[[], pa.Array]] = [
        lambda: _strings(c, size), lambda: _strings(c, size), lambda: _fixed(c, size),
        lambda: _decimals(c, size), lambda: pa.nulls(size),
    ]  # fmt: skip
    nested = [
        _lists, _lists, _vectors, _views, _maps, _structs, _unions, _dictionaries, _runs,
        _extensions
    ]  # fmt: skip
    which = c.number(0, len(simple) + (len(nested) if depth else 0) - 1)
    if which < len(simple):
        return simple[which]()
    return nested[which - len(simple)](c, size, depth - 1)


def _missing(c: Choices, size: int) -> list[bool]:
    """Which places are null: none, all, or some."""
    how = c.number(0, 3)
    if how == 2:
        return [True] * size
    some = c.number(0, 2**16 - 1) if how == 3 else 0
    return [bool(some >> (place % 16) & 1) for place in range(size)]


def _validity(missing: list[bool]) -> pa.Buffer | None:
    if not any(missing):
        return None
    return pa.py_buffer(np.packbits(~np.array(missing), bitorder="little").tobytes())


def _strings(c: Choices, size: int) -> pa.Array:
    kind = pick(c, STRINGS)
    few = [cell(c) for _ in range(c.number(1, 6))]
    cells = [few[number % len(few)] for number in range(size)]
    return strings(cells, kind, _missing(c, size))


def strings(
    cells: Sequence[bytes], kind: pa.DataType, missing: list[bool] | None = None
) -> pa.Array:
    """Bytes as any kind of strings, whether they are UTF-8 or not; under nulls they stay."""
    wide = kind not in (pa.string(), pa.binary())
    ends = np.array([0, *accumulate(map(len, cells))], np.int64 if wide else np.int32)
    plain = {pa.string_view(): pa.large_binary(), pa.binary_view(): pa.large_binary()}
    buffers = [_validity(missing or []), pa.py_buffer(ends), pa.py_buffer(b"".join(cells))]
    made = pa.Array.from_buffers(plain.get(kind, kind), len(cells), buffers)
    if kind not in plain:
        return made
    return made.cast(pa.binary_view()).view(kind)


def _fixed(c: Choices, size: int) -> pa.Array:
    kind = pick(c, FIXED)
    few = [pick(c, WORDS) if c.number(0, 2) else c.raw(8).ljust(8, b"\0") for _ in range(4)]
    width = 1 if kind == pa.bool_() else kind.bit_width // 8
    stride = -(-max(width, 1) // 8)
    cells = [b"".join(few[(n + k) % 4] for k in range(stride))[:width] for n in range(size)]
    buffers = [_validity(_missing(c, size)), pa.py_buffer(b"".join(cells))]
    return pa.Array.from_buffers(kind, size, buffers)


def _decimals(c: Choices, size: int) -> pa.Array:
    kind = pick(c, DECIMALS)
    few = [c.number(0, 10**kind.precision - 1) * pick(c, (1, -1)) for _ in range(3)]
    missing = _missing(c, size)
    cells = [
        None if missing[n] else Decimal((int(x < 0), tuple(map(int, str(abs(x)))), -kind.scale))
        for n in range(size)
        for x in [few[n % 3]]
    ]
    return pa.array(cells, kind)


def _lists(c: Choices, size: int, depth: int) -> pa.Array:
    ends = [0, *accumulate(c.number(0, 3) for _ in range(size))]
    mask = pa.array(_missing(c, size), pa.bool_())
    if c.number(0, 1):
        offsets = pa.array(ends, pa.int64())
        return pa.LargeListArray.from_arrays(offsets, array(c, ends[-1], depth), mask=mask)
    offsets = pa.array(ends, pa.int32())
    return pa.ListArray.from_arrays(offsets, array(c, ends[-1], depth), mask=mask)


def _vectors(c: Choices, size: int, depth: int) -> pa.Array:
    width = pick(c, (1, 0, 2, 3, 64))
    if not width:
        return pa.array([[]] * size, pa.list_(pa.string(), 0))
    mask = pa.array(_missing(c, size), pa.bool_())
    inner = _fixed(c, size * width) if width > 3 else array(c, size * width, depth)
    return pa.FixedSizeListArray.from_arrays(inner, width, mask=mask)


def _views(c: Choices, size: int, depth: int) -> pa.Array:
    inner = array(c, 6, depth)
    starts = [c.number(0, 6) for _ in range(size)]
    sizes = [c.number(0, 6 - start) for start in starts]
    mask = pa.array(_missing(c, size), pa.bool_())
    large = bool(c.number(0, 1))
    ints = pa.int64() if large else pa.int32()
    make = pa.LargeListViewArray if large else pa.ListViewArray
    return make.from_arrays(pa.array(starts, ints), pa.array(sizes, ints), inner, mask=mask)


def _maps(c: Choices, size: int, depth: int) -> pa.Array:
    ends = pa.array([0, *accumulate(c.number(0, 3) for _ in range(size))], pa.int32())
    many = ends[-1].as_py()
    keys = strings([cell(c) for _ in range(many)], pa.string())
    mask = pa.array(_missing(c, size), pa.bool_())
    return pa.MapArray.from_arrays(ends, keys, array(c, many, depth), mask=mask)


def _structs(c: Choices, size: int, depth: int) -> pa.Array:
    names = [pick(c, NAMES) for _ in range(c.number(0, 3))]
    if not names:
        return pa.array([{}] * size, pa.struct([]))
    mask = pa.array(_missing(c, size), pa.bool_())
    return pa.StructArray.from_arrays([array(c, size, depth) for _ in names], names, mask=mask)


def _unions(c: Choices, size: int, depth: int) -> pa.Array:
    parts = c.number(1, 3)
    codes = [c.number(0, parts - 1) for _ in range(size)]
    kinds = pa.array(codes, pa.int8())
    children = [array(c, size, depth) for _ in range(parts)]
    if c.number(0, 1):
        return pa.UnionArray.from_sparse(kinds, children)
    at = pa.array([codes[:n].count(code) for n, code in enumerate(codes)], pa.int32())
    return pa.UnionArray.from_dense(kinds, at, children)


def _dictionaries(c: Choices, size: int, depth: int) -> pa.Array:
    words = array(c, c.number(1, 4), depth)
    missing = _missing(c, size)
    at = [None if missing[n] else c.number(0, len(words) - 1) for n in range(size)]
    kind = pick(c, (pa.int8(), pa.uint16(), pa.int64()))
    return pa.DictionaryArray.from_arrays(pa.array(at, kind), words)


def _runs(c: Choices, size: int, depth: int) -> pa.Array:
    ends = sorted({c.number(1, max(size, 1)) for _ in range(3)} | {max(size, 1)})
    kind = pick(c, (pa.int16(), pa.int32(), pa.int64()))
    inner = array(c, len(ends), depth)
    both = pa.run_end_encoded(kind, inner.type)
    # not from_arrays: it would mind the broken bytes
    return pa.Array.from_buffers(both, size, [None], children=[pa.array(ends, kind), inner])


def _extensions(c: Choices, size: int, depth: int) -> pa.Array:
    how = c.number(0, 2)
    if how == 0:
        cells = [c.raw(16).ljust(16, b"\0") for _ in range(size)]
        return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(cells, pa.binary(16)))
    inner = array(c, size, depth)
    if pa.types.is_null(inner.type):  # Arrow cannot cover these
        return inner
    kind = pa.opaque(inner.type, "geometry", "elsewhere") if how == 1 else Cover(inner.type)
    return pa.ExtensionArray.from_storage(kind, inner)


def table(c: Choices, most_rows: int = 8) -> pa.Table:
    """A table of up to four columns; names may come twice, columns may be in chunks."""
    size = c.number(0, most_rows)
    columns, names = [], []
    for _ in range(c.number(0, 4)):
        names.append(pick(c, NAMES) if c.number(0, 3) else c.raw(30).decode(errors="replace"))
        cut = c.number(0, size)
        if c.number(0, 2):
            columns.append(array(c, size))
        else:
            whole = array(c, size)
            columns.append(pa.chunked_array([whole.slice(0, cut), whole.slice(cut)]))
    return pa.table(columns, names=names)


# ------------------------------------------------------------------------------- what must be true


def profile(batches: Sequence[pa.RecordBatch], name: str) -> Profiler:
    """What one process counts."""
    made = Profiler(name)
    for batch in batches:
        made.update(batch)
    return made


def slices(whole: pa.Table, cuts: Sequence[int]) -> list[pa.Table]:
    """The parts between the cuts, in order of the cuts given: later parts may come first."""
    edges = [0, *sorted(cuts), whole.num_rows]
    parts = [whole.slice(a, b - a) for a, b in pairwise(edges)]
    return parts[1::2] + parts[::2]


def hold(c: Choices, whole: pa.Table, name: str) -> TableProfile:
    """Asserts what must be true of the profile of any table, and gives it."""
    found = classify(whole, name)
    counted = profile(whole.to_batches() or [_nothing(whole)], name)
    assert counted.finish() == found
    told(found, whole)
    kept(counted, found, whole, name)
    cuts = [c.number(0, whole.num_rows) for _ in range(c.number(1, 4))]
    parts = [profile(part.to_batches(), name) for part in slices(whole, cuts)]
    merged = profile([_nothing(whole)], name)
    for part in parts:
        merged.merge(pickle.loads(pickle.dumps(part)))
    assert merged.finish() == found, cuts
    rows = [whole.slice(row, 1) for row in range(whole.num_rows)]
    by_row = profile([_nothing(whole), *(b for row in rows[::-1] for b in row.to_batches())], name)
    assert by_row.finish() == found
    return found


def hold_bytes(data: bytes) -> None:
    """The same of the table that the bytes make; a warning is an error."""
    c = Bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hold(c, table(c), pick(c, COLLECTIONS))


def _nothing(whole: pa.Table) -> pa.RecordBatch:
    arrays = [column.chunk(0).slice(0, 0) for column in whole.columns]
    return pa.RecordBatch.from_arrays(arrays, names=whole.schema.names)


def told(found: TableProfile, whole: pa.Table) -> None:
    """Every column is told of, in numbers that can be."""
    assert found.rows == whole.num_rows
    for name in whole.schema.names:
        assert any(path.startswith(name) for path in found.fields), name[:40]
    for path, field in found.fields.items():
        assert field.path == path
        assert 0 <= field.share <= 1, field
        assert 0 <= field.confidence < 1, field
        assert field.values >= 0, field
        assert field.evidence, field
        assert (field.kind == "none") == (field.confidence == 0), field
        if field.family == "none":
            assert not field.special, field


def kept(counted: Profiler, found: TableProfile, whole: pa.Table, name: str) -> None:
    """No value of twelve and more bytes is in what a profiler keeps or says."""
    held = pickle.dumps(counted)
    said = " ".join(words for field in found.fields.values() for words in field.evidence)
    given = "\0".join([name, *found.fields]).encode()
    for value in cells_of(whole):
        if value in given:
            continue
        assert value not in held, value
        assert value not in said.encode(), value
        text = value.decode(errors="replace")
        for form in (
            text.encode("utf-16-le"), text.encode("utf-32-le"), text.lower().encode(),
            value.hex().encode(),
            base64.b64encode(value).rstrip(b"="), value[::-1],
        ):  # fmt: skip
            assert form in given or form not in held, value


def cells_of(whole: pa.Table) -> set[bytes]:
    """The values of string columns that are long and odd enough not to come by chance."""
    found: set[bytes] = set()
    for column in whole.columns:
        for chunk in column.chunks:
            if chunk.type in STRINGS:
                raw: list[Any] = chunk.view(_binary(chunk.type)).to_pylist()
                found.update(v for v in raw if v and len(v) >= 12 and len(set(v)) >= 6)
    return found


def _binary(kind: pa.DataType) -> pa.DataType:
    same = {
        pa.string(): pa.binary(), pa.large_string(): pa.large_binary(),
        pa.string_view(): pa.binary_view(),
    }  # fmt: skip
    return same.get(kind, kind)
