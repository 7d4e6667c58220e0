"""CSV in all its dialects: what was written is what is read."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.files.reading import one

HEADER = ["id", "name", "email", "note"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
# letters of every script, and what CSV itself is made of
_CELL = st.text(
    st.sampled_from("abc xyz 019 ,;|\t\"'\n äßñ жщ 漢字 عر 😀 \\ = @"), min_size=1, max_size=12
).filter(lambda cell: cell.strip() and "\\" not in cell)


def written(rows: list[list[str]], delimiter: str, quote: str, ends: str) -> str:
    text = io.StringIO()
    csv.writer(
        text, delimiter=delimiter, quotechar=quote, lineterminator=ends, quoting=csv.QUOTE_ALL
    ).writerows([HEADER, *rows])
    return text.getvalue()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.lists(_CELL, min_size=4, max_size=4), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;\t|"),
    ends=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(ENCODINGS),
)
def test_what_is_written_is_read_back(
    tmp_path: Path, rows: list[list[str]], delimiter: str, ends: str, encoding: str
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(written(rows, delimiter, '"', ends).encode(encoding))
    item, tables = one(file)
    assert item.complete, item.error
    assert item.delimiter == delimiter
    read = [list(row.values()) for row in tables[""]]
    header = list(tables[""][0]) == HEADER
    assert read == (rows if header else [HEADER, *rows])
    assert header or any(name in [row[at] for row in rows] for at, name in enumerate(HEADER))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "\x01", "^"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_delimiters_and_quotes(tmp_path: Path, delimiter: str, quote: str) -> None:
    rows = [[f"{n:04d}", f"Ada{delimiter} {n}", "a@b.example", "x\ny"] for n in range(40)]
    file = tmp_path / "t.csv"
    file.write_text(written(rows, delimiter, quote, "\n"))
    item, tables = one(file)
    assert item.delimiter == delimiter
    assert [list(row.values()) for row in tables[""]] == rows


def test_leading_zeros_stay_and_null_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,phone,city\n007,0049,\n008,\\N,NULL\n")
    _, tables = one(tmp_path / "t.csv")
    assert tables[""] == [
        {"id": "007", "phone": "0049", "city": None},
        {"id": "008", "phone": None, "city": None},
    ]


def test_a_backslash_escapes_where_the_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('id,name\n1,"the \\"Ace\\", one"\n2,"b"\n')
    _, tables = one(tmp_path / "t.csv")
    assert [row["name"] for row in tables[""]] == ['the "Ace", one', "b"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("id,name,born\n1,Ulla,1970-01-02\n2,Ivo,1981-11-30\n", ["id", "name", "born"]),
        ("Vorname;Nachname;Ort\nUlla;Kranz;Ulm\nIvo;Blum;Köln\n", ["Vorname", "Nachname", "Ort"]),
        ("姓名,性别,手机\n钱多多,女,13900000000\n", ["姓名", "性别", "手机"]),
        # a row of data is no header, though it looks like words
        ("Ulla,Kranz,Ulm\nIvo,Blum,Hof\nEda,Krug,Ulm\n", ["column_1", "column_2", "column_3"]),
        ("Ulla,1970-01-02\nIvo,1981-11-30\n", ["column_1", "column_2"]),
        ("u@v.example,4\nw@v.example,5\n", ["column_1", "column_2"]),
        ("male,Ulm\nfemale,Hof\nmale,Bonn\n", ["column_1", "column_2"]),
        ("id,name\n", ["id", "name"]),
    ],
)
def test_the_header_is_found(tmp_path: Path, text: str, names: list[str]) -> None:
    (tmp_path / "t.csv").write_text(text)
    from leftopen.classify_files import classify_files

    (table,) = classify_files([tmp_path / "t.csv"]).tables
    assert [field.path for field in table.fields] == names
    assert table.rows == text.count("\n") - (names[0] != "column_1")


def test_ragged_rows_are_looked_at_and_told_of(tmp_path: Path) -> None:
    lines = [f"{n},Ada,ada{n}@v.example" for n in range(50)]
    lines[20:20] = ["99", '100,"Eve, Ada",e@v.example,more,and more']
    (tmp_path / "t.csv").write_text("\n".join(["id,name,email", *lines]) + "\n")
    item, tables = one(tmp_path / "t.csv")
    assert item.complete
    assert len(tables[""]) == 52
    assert "2 rows have more or fewer cells" in str(item.error)
    assert "row 22" in str(item.error)
    assert {"id": "99", "name": None, "email": None, "column_4": None, "column_5": None} in tables[
        ""
    ]
    assert any(row.get("column_5") == "and more" for row in tables[""])


def test_five_thousand_columns(tmp_path: Path) -> None:
    names = [f"field_{n}" for n in range(4_999)] + ["email"]
    row = [str(n) for n in range(4_999)] + ["a@v.example"]
    (tmp_path / "t.csv").write_text("\n".join([",".join(names)] + [",".join(row)] * 30))
    item, tables = one(tmp_path / "t.csv")
    assert item.complete, item.error
    assert len(tables[""]) == 30
    assert list(tables[""][0]) == names
    assert tables[""][29]["email"] == "a@v.example"


def test_a_quote_without_end_is_told_and_what_came_before_counts(tmp_path: Path) -> None:
    good = "".join(f"{n},Ada {n}\n" for n in range(400_000))
    bad = '1,"open ' + "x\n" * 8_000_000
    (tmp_path / "t.csv").write_text("id,name\n" + good + bad)
    item, tables = one(tmp_path / "t.csv")
    assert not item.complete
    assert "quotes" in str(item.error)
    assert len(tables[""]) > 100_000


def test_lines_without_a_delimiter_are_one_column(tmp_path: Path) -> None:
    (tmp_path / "mails.txt").write_text("".join(f"ada{n}@v.example\n" for n in range(30)))
    item, tables = one(tmp_path / "mails.txt")
    assert item.delimiter is None
    assert [row["column_1"] for row in tables[""]] == [f"ada{n}@v.example" for n in range(30)]


def test_prose_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# A town\n\nIt is invented, and small.\n\nSo be it.\n")
    item, tables = one(tmp_path / "README.md")
    assert item.unread
    assert not tables
    assert "without a table" in str(item.error)
