"""`leftopen engines` and the page made from it; `leftopen doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leftopen import doctor
from leftopen.engines import all_engines
from leftopen.servers import postgresql
from leftopen.servers.needs import NEEDS
from leftopen.store import Store
from leftopen.testing import leftopen, start

PAGE = Path(__file__).parents[1] / "docs" / "engines.md"


def test_every_engine_is_listed_with_how_it_was_verified(tmp_path: Path) -> None:
    ran = leftopen("engines", store=tmp_path / "r.db", env={"COLUMNS": "120"})
    assert ran.code == 0
    assert ran.err == ""
    for engine in all_engines().values():
        (line,) = [line for line in ran.out.splitlines() if line.startswith(f"{engine.name} ")]
        assert str(engine.ports[0]) in line
        assert ("a real server" in line) == (engine.verified == "real")
    assert not (tmp_path / "r.db").exists()


def test_the_json_says_what_may_be_sent_and_what_proves_openness(tmp_path: Path) -> None:
    ran = leftopen("engines", "--format", "json", store=tmp_path / "r.db")
    told = {one["name"]: one for one in json.loads(ran.out)["engines"]}
    assert sorted(told) == sorted(all_engines())
    for name, engine in all_engines().items():
        assert told[name]["requests"] == sorted(engine.requests)
        assert told[name]["ports"] == list(engine.ports)
        assert "OPEN" in told[name]["exchange"] or "PASSWORDLESS" in told[name]["exchange"]


def test_the_page_is_what_the_code_says(tmp_path: Path) -> None:
    ran = leftopen("engines", "--format", "markdown", store=tmp_path / "r.db")
    assert PAGE.read_text(encoding="utf-8") == ran.out, "make engines"


def test_the_doctor_says_which_engines_can_be_exercised(tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    ran = leftopen("doctor", store=tmp_path / "r.db", env={"PATH": str(empty), "COLUMNS": "150"})
    assert ran.code == 0
    lines = {line.split()[0]: line for line in ran.out.splitlines()}
    assert set(all_engines()) <= set(lines)
    assert "documentation only" in lines["qdrant"]
    if not Path("/usr/bin/java").exists() and not Path("/usr/sbin/java").exists():
        assert "its server is missing: apt install" in lines["kafka"]
    assert "not made yet" in lines["record"]


@pytest.mark.parametrize(("mode", "code"), [(0o600, 0), (0o644, 1), (0o660, 1)])
def test_a_record_that_others_can_read_is_told(tmp_path: Path, mode: int, code: int) -> None:
    path = tmp_path / "r.db"
    Store(f"sqlite:///{path}").close()
    path.chmod(mode)
    ran = leftopen("doctor", store=path, env={"COLUMNS": "200"})
    assert ran.code == code
    told = [line for line in ran.out.splitlines() if line.startswith("record") and "r.db" in line]
    assert ("readable by you alone" in told[0]) == (code == 0)
    assert ("chmod go-rwx" in told[0]) == (code == 1)


@pytest.mark.parametrize(("auth", "well"), [("trust", False), ("scram-sha-256", True)])
async def test_a_record_in_an_open_database_is_found_as_any_other_is(
    monkeypatch: pytest.MonkeyPatch, auth: postgresql.Auth, well: bool
) -> None:
    with start(postgresql.postgres, auth=auth) as server:
        url = f"postgresql+psycopg://someone:secret-word@{server.where}/leftopen"
        monkeypatch.setenv("LEFTOPEN_STORE", url)
        (told,) = [one for one in await doctor.examine() if one.about == "record"]
    assert told.well is well
    assert "secret-word" not in told.text
    assert ("OPEN" in told.text) == (not well)


def test_what_a_server_needs_is_something_that_can_be_typed() -> None:
    for needs in NEEDS.values():
        for need in needs:
            assert need.install.split()[:2] in (["apt", "install"], ["pip", "install"])
            assert need.programs or need.files or need.packages
