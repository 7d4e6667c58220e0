"""Every format, packed in every way: the same rows come out; damage is told and ends nothing."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import bson
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from tests.files.reading import one, read

ROWS = [{"id": n, "email": f"ada{n}@v.example", "name": f"Ada {n}"} for n in range(300)]
EXPECTED = [f"ada{n}@v.example" for n in range(300)]


def _csv() -> bytes:
    lines = ["id,email,name", *(f"{r['id']},{r['email']},{r['name']}" for r in ROWS)]
    return "\n".join(lines).encode()


def _parquet() -> bytes:
    sink = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_pylist(ROWS), sink, row_group_size=70)
    return sink.getvalue()


def _feather() -> bytes:
    sink = io.BytesIO()
    pa.feather.write_feather(pa.Table.from_pylist(ROWS), sink, chunksize=70)
    return sink.getvalue()


def _arrow_stream() -> bytes:
    sink, table = io.BytesIO(), pa.Table.from_pylist(ROWS)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=70)
    return sink.getvalue()


def _sqlite() -> bytes:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE people (id, email, name)")
    database.executemany("INSERT INTO people VALUES (:id, :email, :name)", ROWS)
    database.commit()
    return database.serialize()


def _sql() -> bytes:
    tuples = ",".join(f"({r['id']},'{r['email']}','{r['name']}')" for r in ROWS)
    return f"INSERT INTO people (id, email, name) VALUES {tuples};\n".encode()


FORMATS: dict[str, Callable[[], bytes]] = {
    "csv": _csv,
    "json": lambda: json.dumps(ROWS).encode(),
    "jsonl": lambda: "\n".join(map(json.dumps, ROWS)).encode(),
    "bson": lambda: b"".join(map(bson.encode, ROWS)),
    "parquet": _parquet,
    "feather": _feather,
    "arrow": _arrow_stream,
    "sqlite": _sqlite,
    "sql": _sql,
}


def _zip(data: bytes, name: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return sink.getvalue()


def _tar(data: bytes, name: str) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return sink.getvalue()


PACKINGS: dict[str, Callable[[bytes, str], bytes]] = {
    "": lambda data, _: data,
    ".gz": lambda data, _: gzip.compress(data),
    ".bz2": lambda data, _: bz2.compress(data),
    ".xz": lambda data, _: lzma.compress(data),
    ".zst": lambda data, _: bytes(pa.Codec("zstd").compress(data, asbytes=True)),
    ".zip": _zip,
    ".tar": _tar,
    ".tar.gz": lambda data, name: gzip.compress(_tar(data, name)),
    ".zip.zip": lambda data, name: _zip(_zip(data, name), name + ".zip"),
    ".gz.gz": lambda data, _: gzip.compress(gzip.compress(data)),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("named", [True, False])
def test_every_format_in_every_packing(
    tmp_path: Path, kind: str, packing: str, named: bool
) -> None:
    name = f"people.{kind}" if named else "people"  # by content, not by name
    file = tmp_path / (name + packing if named else "thing")
    file.write_bytes(PACKINGS[packing](FORMATS[kind](), name))
    told, content = read(file)
    assert [item.error for item in told.values() if item.error] == []
    rows = [row for tables in content.values() for table in tables.values() for row in table]
    assert [row["email"] for row in rows] == EXPECTED
    assert {str(row["id"]) for row in rows} == {str(n) for n in range(300)}
    assert os.listdir(tmp_path) == [file.name]  # nothing was unpacked to disk


@pytest.mark.parametrize("packing", [".gz", ".bz2", ".xz", ".zst", ".tar.gz"])
def test_a_cut_off_file_gives_what_came_before(tmp_path: Path, packing: str) -> None:
    import random

    made = random.Random(5)
    rows = [f"{n},a{made.getrandbits(64):x}@v.example" for n in range(60_000)]
    data = PACKINGS[packing](("id,email\n" + "\n".join(rows)).encode(), "t.csv")
    (tmp_path / f"t.csv{packing}").write_bytes(data[: len(data) * 9 // 10])
    told, content = read(tmp_path / f"t.csv{packing}")
    assert not all(item.complete for item in told.values())
    assert any(
        "ends too early" in str(i.error) or "cannot be read" in str(i.error) for i in told.values()
    )
    read_rows = [row for tables in content.values() for table in tables.values() for row in table]
    assert 1_000 < len(read_rows) < 60_000
    assert read_rows[0]["email"] == rows[0].split(",")[1]


@pytest.mark.parametrize("kind", ["bson", "parquet", "feather", "sqlite", "arrow", "json"])
def test_a_cut_off_table_is_a_fault_and_no_crash(tmp_path: Path, kind: str) -> None:
    data = FORMATS[kind]()
    for cut in (len(data) // 3, len(data) * 2 // 3, len(data) - 3):
        (tmp_path / f"t.{kind}").write_bytes(data[:cut])
        item, _ = one(tmp_path / f"t.{kind}")
        assert not item.complete
        assert item.error
        assert "example" not in item.error


def test_what_of_bson_came_before_a_fault_counts(tmp_path: Path) -> None:
    good = b"".join(map(bson.encode, ROWS[:100]))
    (tmp_path / "t.bson").write_bytes(good + b"\xff\xff\xff\x7f" + good)
    item, tables = one(tmp_path / "t.bson")
    assert [row["email"] for row in tables[""]] == EXPECTED[:100]
    assert f"byte {len(good):,}" in str(item.error)


@pytest.mark.parametrize("make", [_zip, lambda data, _: gzip.compress(data)])
def test_a_bomb_is_stopped(tmp_path: Path, make: Callable[[bytes, str], bytes]) -> None:
    (tmp_path / "b").write_bytes(make(b"a,b\n" * (80 << 20), "b.csv"))
    told, _ = read(tmp_path / "b")
    assert any("zip bomb" in str(item.error) for item in told.values())
    assert not all(item.complete for item in told.values())


def test_a_bomb_of_bombs_is_stopped(tmp_path: Path) -> None:
    inner = _zip(b"a,b\n" * (20 << 20), "b.csv")
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}.zip", inner)
    (tmp_path / "b.zip").write_bytes(sink.getvalue())
    told, content = read(tmp_path / "b.zip")
    assert any("zip bomb" in str(item.error) for item in told.values())
    assert sum(len(rows) for t in content.values() for rows in t.values()) < 60 << 20


def test_deeper_than_two_archives_is_refused(tmp_path: Path) -> None:
    data = _csv()
    for name in ("a.csv", "b.zip", "c.zip"):
        data = _zip(data, name)
    (tmp_path / "d.zip").write_bytes(data)
    told, content = read(tmp_path / "d.zip")
    assert any("packed more than twice" in str(item.error) for item in told.values())
    assert not any(content.values())


def test_a_locked_member_does_not_keep_back_the_others(tmp_path: Path) -> None:
    data = bytearray(_zip(_csv(), "locked.csv"))
    data[6] |= 1  # the flag of encryption, in the member's head and in the directory
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(data))
    (tmp_path / "b.csv").write_bytes(_csv())
    told, content = read(tmp_path)
    assert "password" in str(told["a.zip!locked.csv"].error)
    assert len(content["b.csv"][""]) == 300


def test_sqlite_is_read_only_with_views_and_without_side_files(tmp_path: Path) -> None:
    path = tmp_path / "town's 100%.db?x"
    database = sqlite3.connect(path)
    database.execute('CREATE TABLE "a ""b"" c" (email TEXT, face BLOB)')
    database.execute('INSERT INTO "a ""b"" c" VALUES (?, ?)', ("a@v.example", b"\x00\xff"))
    database.execute('CREATE VIEW seen AS SELECT email AS mail FROM "a ""b"" c"')
    database.execute("CREATE VIEW broken AS SELECT a FROM nowhere")
    database.execute("CREATE TABLE empty (phone TEXT)")
    database.commit()
    database.close()
    before = path.read_bytes()
    item, tables = one(path)
    assert tables['a "b" c'] == [{"email": "a@v.example", "face": b"\x00\xff"}]
    assert tables["seen"] == [{"mail": "a@v.example"}]
    assert tables["empty"] == []
    assert "1 table or view of 4" in str(item.error)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_a_damaged_sqlite_gives_the_tables_that_are_whole(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "t.db")
    for name in ("first", "second"):
        database.execute(f"CREATE TABLE {name} (email)")
        database.executemany(f"INSERT INTO {name} VALUES (?)", [(mail * 9,) for mail in EXPECTED])
    (root,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name='second'").fetchone()
    database.commit()
    database.close()
    data = bytearray((tmp_path / "t.db").read_bytes())
    data[(root - 1) * 4096 : root * 4096] = b"\xee" * 4096
    (tmp_path / "t.db").write_bytes(bytes(data))
    item, tables = one(tmp_path / "t.db")
    assert len(tables["first"]) == 300
    assert not item.complete
    assert "1 table or view of 2" in str(item.error)


def test_a_view_without_end_is_stopped_by_the_limit_of_rows(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "t.db")
    database.execute(
        "CREATE VIEW v AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
        " SELECT x FROM c"
    )
    database.commit()
    database.close()
    _, content = read(tmp_path / "t.db", rows=100)
    assert len(content["t.db"]["v"]) == 101  # one more says that there is more


def test_empty_and_unknown_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.bin").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "c.dump").write_bytes(b"PGDMP\x01\x0e\x00" + bytes(100))
    (tmp_path / "d.pdf").write_bytes(b"%PDF-1.7 x")
    told, _ = read(tmp_path)
    assert (told["a.csv"].format, told["a.csv"].error) == ("empty", None)
    assert "no format that leftopen knows" in str(told["b.bin"].error)
    assert "pg_restore" in str(told["c.dump"].error)
    assert "PDF" in str(told["d.pdf"].error)
    assert all(told[name].unread for name in ("b.bin", "c.dump", "d.pdf"))


def test_tables_without_rows_have_fields(tmp_path: Path) -> None:
    schema = pa.schema([("email", pa.string()), ("at", pa.struct([("lat", pa.float64())]))])
    pa.parquet.write_table(schema.empty_table(), tmp_path / "t.parquet")
    from leftopen.classify_files import classify_files

    (table,) = classify_files([tmp_path / "t.parquet"]).tables
    assert [field.path for field in table.fields] == ["email", "at.lat"]
    assert table.rows == 0
