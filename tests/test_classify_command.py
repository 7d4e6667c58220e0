"""`leftopen classify` as its user meets it: reports, exit codes, nothing of a value anywhere."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import bson
import jsonschema
import pyarrow as pa
import pyarrow.parquet
import pytest

from leftopen.classify_files import classify_files
from leftopen.report import classify_json
from leftopen.testing import Ran, leftopen

CANARY = "Zyxkanari"  # stands in every value and may stand nowhere else
PEOPLE = [
    {
        "email": f"{CANARY}.{n}@v.example",
        "phone": f"+44 20 7946 {n % 1000:04d}",
        "religion": ["catholic", "jewish", "muslim"][n % 3],
        "sku": f"{CANARY}-{n}",
    }
    for n in range(200)
]
HEADER = ",".join(PEOPLE[0])
CSV = "\n".join([HEADER, *(",".join(row.values()) for row in PEOPLE)]) + "\n"


def run(tmp_path: Path, *arguments: str, **options: Any) -> Ran:
    return leftopen("classify", *arguments, store=tmp_path / "r.db", cwd=tmp_path, **options)


def document(ran: Ran) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ran.out)
    jsonschema.validate(told, classify_json.schema())
    return told


def kinds(collection: dict[str, Any]) -> dict[str, str]:
    return {field["path"]: field["family"] for field in collection["fields"]}


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A folder with a file of every kind, whole and damaged, full of canaries."""
    folder = tmp_path / "town"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.csv").write_text(CSV)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, PEOPLE)).encode()))
    (folder / "c.bson").write_bytes(b"".join(map(bson.encode, PEOPLE)))
    (folder / "deep" / "d.json").write_text(json.dumps({"people": PEOPLE}))
    pa.parquet.write_table(pa.Table.from_pylist(PEOPLE), folder / "deep" / "er" / "e.parquet")
    database = sqlite3.connect(folder / "f.db")
    database.execute("CREATE TABLE people (email, phone, religion, sku)")
    database.executemany("INSERT INTO people VALUES (:email, :phone, :religion, :sku)", PEOPLE)
    database.commit()
    database.close()
    with zipfile.ZipFile(folder / "g.zip", "w") as archive:
        archive.writestr("in/people.csv", CSV)
        archive.writestr(f"{CANARY}.1@v.example.csv", CSV)
    # damaged ones
    (folder / "x1.jsonl").write_text(json.dumps(PEOPLE[0]) + f"\n{{{CANARY}\n")
    (folder / "x2.csv.gz").write_bytes(gzip.compress(CSV.encode())[:900])
    (folder / "x3.db").write_bytes((folder / "f.db").read_bytes()[:5_000] + CANARY.encode() * 99)
    (folder / "x4.json").write_text(json.dumps(PEOPLE)[:5_000])
    (folder / "x5.parquet").write_bytes(b"PAR1" + CANARY.encode() * 40 + b"PAR1")
    (folder / "x6.csv").write_text(CSV + f"{CANARY},too,few\n")
    (folder / "x7.bson").write_bytes(bson.encode(PEOPLE[0]) + CANARY.encode())
    (folder / "x8.sql").write_text(
        f"INSERT INTO t (email) VALUES ('{CANARY}@v.example', nope nope(;"
    )
    (folder / "readme.md").write_text(f"# {CANARY}\n\nprose\n")
    (folder / ".hidden.csv").write_text(CSV)
    (folder / "loop").symlink_to(folder)
    (folder / "out.csv").symlink_to("/etc/passwd")
    (folder / "empty.csv").write_text("")
    return folder


def test_the_document_of_a_folder(tmp_path: Path, town: Path) -> None:
    ran = run(tmp_path, "town", "--format", "json")
    assert ran.code == 4, ran.err
    told = document(ran)
    found = {c["name"]: c for c in told["collections"]}
    whole = [
        "a.csv", "b.jsonl.gz", "c.bson", "deep/d.json:people", "deep/er/e.parquet", "f.db:people",
        "g.zip!in/people.csv", "g.zip!<email>", "x6.csv",
    ]  # fmt: skip
    for name in whole:
        assert found[name]["rows"] >= 200, name
        assert found[name]["complete"], name
        families = kinds(found[name])
        assert (families["email"], families["phone"], families["religion"]) == (
            "email", "phone", "religion",
        )  # fmt: skip
        assert families["sku"] == "none"
    files = {file["path"]: file for file in told["files"]}
    assert [name for name, f in files.items() if not f["complete"]] == [
        "readme.md", "x1.jsonl", "x2.csv.gz", "x3.db", "x4.json", "x5.parquet", "x7.bson", "x8.sql",
    ]  # fmt: skip
    assert all(f["error"] for f in files.values() if not f["complete"])
    assert found["x1.jsonl"]["rows"] == 1
    assert 0 < found["x4.json"]["rows"] < 200
    assert files["b.jsonl.gz"]["compression"] == ["gzip"]
    assert (files["a.csv"]["encoding"], files["a.csv"]["delimiter"]) == ("utf-8", ",")
    assert told["summary"]["skipped"] == {"hidden": 1, "links": 2}
    assert told["summary"]["families"][0]["family"] == "religion"
    assert told["summary"]["families"][0]["special"]


@pytest.mark.parametrize("options", [(), ("--why",), ("--format", "json"), ("--rows", "7")])
def test_no_value_is_in_any_output(tmp_path: Path, town: Path, options: tuple[str, ...]) -> None:
    ran = run(tmp_path, "town", *options)
    assert CANARY not in ran.out + ran.err
    assert "7946" not in ran.out + ran.err
    assert ran.err == ""
    assert "Traceback" not in ran.out


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_the_table_keeps_its_width(tmp_path: Path, town: Path, columns: str) -> None:
    ran = run(tmp_path, "town", env={"COLUMNS": columns})
    lines = ran.out.splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert any(line.split()[:1] == ["religion*"] for line in lines)
    assert "religious belief" in ran.out or columns == "60"
    assert any("x5.parquet" in line for line in lines)


def test_the_reasons_are_given_when_asked_for(tmp_path: Path, town: Path) -> None:
    reason = "the field's name says religion"
    assert reason not in run(tmp_path, "town/a.csv").out
    assert reason in run(tmp_path, "town/a.csv", "--why").out


def test_rows_end_it_early_and_the_output_says_so(tmp_path: Path, town: Path) -> None:
    ran = run(tmp_path, "town/a.csv", "town/f.db", "--rows", "50", "--format", "json")
    told = document(ran)
    assert ran.code == 0
    assert [c["rows"] for c in told["collections"]] == [50, 50]
    assert not any(c["complete"] for c in told["collections"])
    assert all(file["limited"] for file in told["files"])
    assert "--rows" in run(tmp_path, "town/a.csv", "--rows", "50").out


def test_exit_codes(tmp_path: Path, town: Path) -> None:
    assert run(tmp_path, "town/a.csv").code == 0
    assert run(tmp_path, "town/empty.csv").code == 0
    assert run(tmp_path, "town/x5.parquet").code == 4
    assert run(tmp_path, "town/readme.md").code == 1
    (tmp_path / "nothing").mkdir()
    assert run(tmp_path, "nothing").code == 1
    for wrong in (["none.csv"], [], ["town", "--rows", "0"], ["town", "--format", "docx"]):
        ran = run(tmp_path, *wrong)
        assert (ran.code, ran.out) == (2, ""), wrong
        assert ran.err.count("\n") == 1
    assert run(tmp_path, "town/a.csv", "-o", "no/such/x").code == 2


def test_the_report_goes_to_a_file(tmp_path: Path, town: Path) -> None:
    ran = run(tmp_path, "town/a.csv", "--format", "json", "-o", "out.json")
    assert (ran.code, ran.out) == (0, "")
    jsonschema.validate(json.loads((tmp_path / "out.json").read_text()), classify_json.schema())


def test_what_may_not_be_read_is_told(tmp_path: Path, town: Path, monkeypatch: Any) -> None:
    """Root may read everything, so the system's answer is given in its place."""
    opened = Path.open

    def refusing(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.name == "a.csv":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    result = classify_files([town / "a.csv", town / "c.bson"])
    assert [file.complete for file in result.files] == [False, True]
    assert result.files[0].error == (
        "it cannot be opened (Permission denied); ask for the right to read it"
    )


def test_json_inside_text_is_opened(tmp_path: Path) -> None:
    rows = "".join(f'{n},"{{""mail"":""{CANARY}{n}@v.example""}}"\n' for n in range(50))
    (tmp_path / "t.csv").write_text("id,payload\n" + rows)
    (table,) = classify_files([tmp_path / "t.csv"]).tables
    assert {field.path: field.family for field in table.fields}["payload.mail"] == "email"
    assert table.rows == 50


def test_progress_is_for_terminals(tmp_path: Path, town: Path) -> None:
    main, side = pty.openpty()
    command = [sys.executable, "-m", "leftopen", "classify", str(town)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=side, check=False, timeout=60)
    os.close(side)
    shown = b""
    while True:
        try:
            piece = os.read(main, 65_536)
        except OSError:  # the terminal's other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(main)
    assert b"iB" in shown
    assert CANARY.encode() not in shown
    assert b"religion*" in ran.stdout


def test_ctrl_c_gives_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    body = "\n".join(map(json.dumps, PEOPLE)) + "\n"
    (tmp_path / "b.jsonl").write_text(body * 3_000)  # some eighty MiB
    (tmp_path / "c.csv").write_text(CSV)

    def interrupt(process: subprocess.Popen[bytes]) -> None:
        """In the middle of the large file: when 20 MiB were read since it was opened."""
        home, begun = Path(f"/proc/{process.pid}"), 0
        while process.poll() is None:
            read = int((home / "io").read_text().split()[1])
            with contextlib.suppress(FileNotFoundError):  # it was closed just now
                opened = [os.readlink(link) for link in (home / "fd").iterdir()]
                if not begun and str(tmp_path / "b.jsonl") in opened:
                    begun = read
            if begun and read > begun + (20 << 20):
                process.send_signal(signal.SIGINT)
                return
            time.sleep(0.02)

    ran = run(tmp_path, "a.csv", "b.jsonl", "c.csv", "--format", "json", meanwhile=interrupt)
    assert ran.code == 4, ran
    told = document(ran)
    rows = {c["name"]: c["rows"] for c in told["collections"]}
    assert rows["a.csv"] == 200
    assert 0 < rows["b.jsonl"] < 600_000
    assert told["summary"]["stopped"]
    assert told["summary"]["unread"] == 1
    assert CANARY not in ran.out + ran.err


def test_memory_stays_bounded(tmp_path: Path) -> None:
    body = "\n".join(CSV.splitlines()[1:]) + "\n"
    with gzip.open(tmp_path / "large.csv.gz", "wt", compresslevel=1) as file:
        file.write(HEADER + "\n")
        for _ in range(5_000):
            file.write(body)
    ran = run(tmp_path, "large.csv.gz", "--format", "json")
    (table,) = document(ran)["collections"]
    assert table["rows"] == 1_000_000
    assert ran.peak < 500 << 20, f"{ran.peak >> 20} MiB"
