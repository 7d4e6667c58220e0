"""The corpus of public databases: its labels are valid, and fit the data where there are any.

The data are not in the repository. LEFTOPEN_CORPUS names where they were built; without it the
labels and the sources are tested by themselves, and the loader on a corpus made here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench import real
from bench.labelled import Label, Labelled
from bench.real import score
from bench.real.sources import HERE, databases
from leftopen.classifier.catalogue import KINDS

FAMILIES = {kind.family for kind in KINDS} | {"none"}
NAMES = [database.name for database in databases()]


def test_every_database_is_pinned_and_labelled() -> None:
    assert {path.stem for path in (HERE / "labels").glob("*.json")} == set(NAMES)
    assert len(set(NAMES)) == len(NAMES) >= 10
    for database in databases():
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", database.repository)
        assert re.fullmatch(r"[0-9a-f]{40}", database.commit)
        assert database.licence
        assert database.file


def test_halves_are_apart_and_large_enough() -> None:
    assert not set(databases("tune")) & set(databases("held"))
    columns = {
        split: sum(len(c) for d in databases(split) for c in real.labels(d.name).values())
        for split in ("tune", "held")
    }
    assert min(columns.values()) >= 600
    assert len({d.language for d in databases()} - {"en"}) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_families(name: str) -> None:
    for table, columns in real.labels(name).items():
        assert columns, table
        for column, written in columns.items():
            label = real.label(written)
            every = (label.family, *label.also)
            assert set(every) <= FAMILIES, (table, column)
            assert len(set(every)) == len(every), (table, column)


@pytest.mark.parametrize("name", NAMES)
def test_labels_fit_the_data(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a corpus: on the data. Without: on tables of the labelled names, which tests the way."""
    if real.corpus() is None:
        monkeypatch.setenv(real.CORPUS, str(tmp_path))
        for table, columns in real.labels(name).items():
            path = tmp_path / name / f"{table}.parquet"
            path.parent.mkdir(exist_ok=True)
            pq.write_table(pa.table({column: ["x"] for column in columns}), path)
    seen = {one.name: one for one in real.tables_of(name)}
    assert set(seen) == set(real.labels(name))
    for one in seen.values():
        assert set(one.labels) <= set(one.table.column_names)
        for column in one.labels:
            values = one.table[column].drop_null().to_pylist()
            assert any(str(value).strip() for value in values), (one.name, column)


def test_without_a_corpus_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(real.CORPUS, raising=False)
    with pytest.raises(FileNotFoundError, match=real.CORPUS):
        next(real.tables())


def test_answers_tell_right_from_wrong() -> None:
    table = pa.table(
        {
            "email": ["ann@example.org", "bob@example.org", "eve@example.org"],
            "remark": ["x", "y", "z"],
            "password": ["x1", "y2", "z3"],
        }
    )
    labels = {
        "email": Label("email"),
        "remark": Label("none", also=("free_text",)),
        "password": Label("none"),
    }
    said = {one.path: one for one in score.answers(Labelled("users", table, labels))}
    assert {path for path, one in said.items() if one.right} == {"email", "remark"}
    assert said["password"].got == "secret"
    assert "  100.0%" in score.line("users", [said["email"]])
