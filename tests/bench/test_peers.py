"""What the peers' answers become: labels into families, whatever stands in their environment."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from bench.peers import ask

FAMILIES = json.loads((Path(__file__).parent.parent / "data" / "families.json").read_text())


def test_the_mapping_speaks_of_families_and_peers_that_there_are() -> None:
    known = set(FAMILIES["families"]) - {"none"}
    assert set(ask.MAPPING) == {"share", *ask.PEERS}
    for peer in ask.PEERS:
        assert (ask.HERE / f"run_{peer}.py").exists()
        assert (ask.HERE / f"{peer}.txt").exists()
        for families in ask.MAPPING[peer].values():
            assert families
            assert set(families) <= known


def stand_in(folder: Path, answer: object, code: int = 0) -> None:
    """An environment whose python writes the answer, whatever is asked."""
    python = folder / "datafog" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"sys.stderr.write('it broke')\nopen(sys.argv[3], 'w').write({json.dumps(answer)!r})\n"
        f"sys.exit({code})\n"
    )
    python.chmod(python.stat().st_mode | stat.S_IXUSR)


def answer(*shares: dict[str, float], named: str = "", cores: int = 1) -> dict[str, object]:
    return {
        "labels": list(shares), "named": [named] * len(shares), "values": 100, "seconds": 0.5,
        "note": "", "cores": cores,
    }  # fmt: skip


def test_a_quarter_of_the_values_make_a_column(tmp_path: Path) -> None:
    stand_in(tmp_path, answer({"EMAIL": 0.25}, {"EMAIL": 0.24}, {"SSN": 0.3, "ZIP": 0.4}, {}))
    reply = ask.ask(tmp_path, "datafog", [ask.Column("c", ["x"])] * 4)
    assert reply.families == [("email",), ("none",), ("postcode",), ("none",)]
    assert reply.values_per_second == 200
    assert ask.installed(tmp_path) == ["datafog"]


def test_a_label_of_the_name_stands_where_the_values_have_none(tmp_path: Path) -> None:
    stand_in(tmp_path, answer({"EMAIL": 0.1}, {"EMAIL": 0.9}, named="PHONE"))
    reply = ask.ask(tmp_path, "datafog", [ask.Column("c", ["x"])] * 2)
    assert reply.families == [("phone",), ("email",)]


def test_more_than_one_core_is_no_comparison(tmp_path: Path) -> None:
    stand_in(tmp_path, answer({}, cores=2))
    with pytest.raises(SystemExit, match="2 cores"):
        ask.ask(tmp_path, "datafog", [ask.Column("c", ["x"])])


def test_a_peer_that_fails_ends_the_run_with_its_message(tmp_path: Path) -> None:
    stand_in(tmp_path, answer({}), code=3)
    with pytest.raises(SystemExit, match="it broke"):
        ask.ask(tmp_path, "datafog", [ask.Column("c", ["x"])])
