"""JSON in all its forms, and SQL dumps as the three servers write them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.files.reading import Tables, one


def told(path: Path, text: str) -> tuple[Tables, str | None]:
    path.write_text(text, encoding="utf-8")
    item, tables = one(path)
    return tables, item.error


def test_arrays_of_an_object_are_tables(tmp_path: Path) -> None:
    users = [{"email": f"a{n}@v.example", "tags": ["x", "y"]} for n in range(3_000)]
    text = json.dumps({"version": 2, "users": users, "sizes": [1, 2], "town": {"name": "Velmora"}})
    tables, error = told(tmp_path / "t.json", text)
    assert error is None
    assert len(tables["users"]) == 3_000
    assert tables["users"][2_999]["email"] == "a2999@v.example"
    assert tables["users"][0]["tags[]"] == ["x", "y"]
    assert tables[""] == [{"version": 2, "sizes[]": [1, 2], "town.name": "Velmora"}]


def test_a_map_of_many_people_is_a_table(tmp_path: Path) -> None:
    people = {f"u{n}": {"mail": f"a{n}@v.example"} for n in range(5_000)}
    tables, _ = told(tmp_path / "t.json", json.dumps({"people": people}))
    assert len(tables["people"]) == 5_000
    assert {key for row in tables["people"] for key in row} == {"*.mail"}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abc"),
            st.text().filter(lambda t: t.strip()[:1] not in ("[", "{"))
            | st.integers(-9, 9)
            | st.none(),
        )
    ),
    st.sampled_from([None, 2]),
)
def test_whatever_json_writes_is_read(
    tmp_path: Path, docs: list[dict[str, str | int | None]], indent: int | None
) -> None:
    from leftopen import sample

    text = json.dumps(docs, indent=indent, ensure_ascii=False).encode("utf-8", "replace").decode()
    tables, error = told(tmp_path / "t.json", text)
    assert error is None
    assert len(tables.get("", [])) == len(docs)
    if docs:
        assert tables[""] == sample.documents(json.loads(text)).to_pylist()


def test_an_array_is_read_as_it_comes(tmp_path: Path) -> None:
    docs = [{"n": n, "text": "z" * 900} for n in range(6_000)]  # more than one piece
    tables, error = told(tmp_path / "t.json", json.dumps(docs))
    assert error is None
    assert [row["n"] for row in tables[""]] == list(range(6_000))


def test_several_objects_in_a_row(tmp_path: Path) -> None:
    text = "".join(json.dumps({"n": n, "m": "é"}, indent=1) + "\n" for n in range(9))
    tables, error = told(tmp_path / "t.json", text)
    assert error is None
    assert [row["n"] for row in tables[""]] == list(range(9))


def test_a_fault_in_an_array_keeps_what_came_before(tmp_path: Path) -> None:
    tables, error = told(tmp_path / "t.json", '[{"n": 1}, {"n": 2}, {"n": canary}]')
    assert [row["n"] for row in tables[""]] == [1, 2]
    assert error == "character 28: no valid JSON; the rest was not read"


def test_bad_lines_are_counted_and_passed_over(tmp_path: Path) -> None:
    lines = [json.dumps({"n": n}) for n in range(20)]
    lines[7], lines[9] = '{"n": canary', "canary"
    tables, error = told(tmp_path / "t.jsonl", "\n".join(lines))
    assert [row["n"] for row in tables[""]] == [n for n in range(20) if n not in (7, 9)]
    assert error == "2 lines are no JSON, the first is line 8; left out"


@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_deep_documents_are_read_as_far_as_a_sample_goes(tmp_path: Path, name: str) -> None:
    deep = '{"a":' * 200 + "1" + "}" * 200
    tables, error = told(tmp_path / name, f'{{"email":"a@v.example","b":{deep}}}\n{{"email":"c"}}')
    assert [row["email"] for row in tables[""]] == ["a@v.example", "c"]
    assert error == "levels deeper than 32 were not looked at"


@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_a_document_without_a_floor_is_no_crash(tmp_path: Path, name: str) -> None:
    _, error = told(tmp_path / name, '{"a":' * 100_000)
    assert error
    assert "deep" in error or "no JSON" in error or "end" in error


def test_extended_json_of_mongoexport(tmp_path: Path) -> None:
    tables, _ = told(
        tmp_path / "t.json",
        '{"_id":{"$oid":"64b64c"},"born":{"$date":"1970-01-02T00:00:00Z"}}\n{"_id":{"$oid":"1"}}\n',
    )
    assert tables[""][0] == {"_id": "64b64c", "born": "1970-01-02T00:00:00Z"}


MYSQL = r"""-- MySQL dump 10.13
CREATE TABLE `people` (
  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT 'a, b (c)',
  `full_name` varchar(90) DEFAULT 'x',
  `kind` enum('a','b') NOT NULL,
  PRIMARY KEY (`id`),
  KEY `by` (`full_name`,`kind`)
) ENGINE=InnoDB;
LOCK TABLES `people` WRITE;
INSERT INTO `people` VALUES (1,'O\'Hara; (Ann)','a'),(2,'B\\','b'),(3,NULL,'it''s
new');
INSERT INTO `other` (`x`) VALUES
  (0x4142),
  (-1.5e3);
UNLOCK TABLES;
"""
POSTGRESQL = r"""-- PostgreSQL database dump
CREATE TABLE public.people (
    id integer NOT NULL,
    mail text DEFAULT 'a,b'::text,
    CONSTRAINT c CHECK ((id > 0))
);
COPY public.people (id, mail) FROM stdin;
1	a\tb@v.example
2	\N
\.
INSERT INTO public.people VALUES (3, 'C:\'), (4, E'x\'y'), (5, 'k'::text) ON CONFLICT DO NOTHING;
SELECT pg_catalog.setval('s', 1, false);
"""


def test_a_mysql_dump(tmp_path: Path) -> None:
    tables, error = told(tmp_path / "t.sql", MYSQL)
    assert error is None
    assert tables["people"] == [
        {"id": "1", "full_name": "O'Hara; (Ann)", "kind": "a"},
        {"id": "2", "full_name": "B\\", "kind": "b"},
        {"id": "3", "full_name": None, "kind": "it's\nnew"},
    ]
    assert tables["other"] == [{"x": "0x4142"}, {"x": "-1.5e3"}]


def test_a_postgresql_dump(tmp_path: Path) -> None:
    tables, error = told(tmp_path / "dump", POSTGRESQL)
    assert error is None
    assert tables["public.people"] == [
        {"id": "1", "mail": "a\tb@v.example"},
        {"id": "2", "mail": None},
        {"id": "3", "mail": "C:\\"},
        {"id": "4", "mail": "x'y"},
        {"id": "5", "mail": "k"},
    ]


def test_a_dump_of_sqlite_itself(tmp_path: Path) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE people (id INTEGER, note TEXT, face BLOB)")
    database.execute("INSERT INTO people VALUES (1, 'it''s, (new)', x'00ff'), (2, NULL, NULL)")
    text = "\n".join(database.iterdump())
    text = text.replace("COMMIT;", r"INSERT INTO people VALUES(3,replace('a\nb','\n',char(10)),1);")
    tables, error = told(tmp_path / "t.sql", text)
    assert error is None
    assert [list(row.values()) for row in tables["people"]] == [
        ["1", "it's, (new)", "00FF"],
        ["2", None, None],
        ["3", "a\\nb", "1"],
    ]


def test_what_is_no_statement_is_told(tmp_path: Path) -> None:
    text = "INSERT INTO a (x) VALUES (1);\nINSERT INTO b SELECT canary FROM a;\n"
    tables, error = told(tmp_path / "t.sql", text)
    assert tables == {"a": [{"x": "1"}]}
    assert error == "1 statement with data could not be read, the first at line 2"
