"""What is found under a folder: in order, nothing hidden, no link followed, faults told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from leftopen.errors import UsageError
from leftopen.files import find
from leftopen.files.opening import stem_of


def test_folders_are_read_in_order_without_hidden_ones_and_links(tmp_path: Path) -> None:
    (tmp_path / "b" / ".git").mkdir(parents=True)
    for name in ("b/2.csv", "b/10.csv", "a.csv", ".env", "b/.git/x.csv"):
        (tmp_path / name).write_text("x")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    found, skipped = find([tmp_path])
    assert [one.name for one in found] == ["a.csv", "b/10.csv", "b/2.csv"]
    assert (skipped.hidden, skipped.links) == (2, 2)
    assert skipped.faults == [("pipe", "it is no regular file")]


def test_a_link_that_is_named_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("x")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert [one.name for one in find([tmp_path / "link.csv"])[0]] == ["link.csv"]


def test_names_of_several_arguments_differ(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t.csv").write_text("x")
    found, _ = find([tmp_path / "one", tmp_path / "two", tmp_path / "two"])
    assert len({one.name for one in found}) == len(found) == 2


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        find([tmp_path / "nothing"])


def test_a_folder_that_may_not_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may list everything, so the system's answer is given in its place."""
    (tmp_path / "shut").mkdir()
    (tmp_path / "t.csv").write_text("x")
    listed = os.scandir

    def refusing(folder: Path) -> object:
        if Path(folder).name == "shut":
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    found, skipped = find([tmp_path])
    assert [one.name for one in found] == ["t.csv"]
    assert skipped.faults == [("shut/", "this folder cannot be read (Permission denied)")]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a/b/customers.csv.gz", "customers"),
        ("dump.sql", "dump"),
        ("people.tar.gz", "people"),
        ("v1.2", "v1.2"),
        (".csv", ".csv"),
    ],
)
def test_what_a_file_is_about(name: str, stem: str) -> None:
    assert stem_of(name) == stem
