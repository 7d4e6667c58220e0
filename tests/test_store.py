"""The record: every event at once, private, readable after a kill, the same in every database."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

import leftopen.migrations
from leftopen import store as stores
from leftopen.errors import UsageError
from leftopen.model import (
    Assessment,
    CollectionProfile,
    Composition,
    Exposure,
    FieldProfile,
    People,
    Profile,
    Run,
    ScanError,
    Service,
    Severity,
    Share,
    Stage,
    Target,
    Vantage,
    Verdict,
)
from leftopen.progress import (
    ExposureRated,
    Failed,
    Finished,
    ServiceJudged,
    SweepProgress,
    TargetFound,
)
from leftopen.servers.postgresql import postgres
from leftopen.store import Store
from leftopen.testing import start

RUN = Run(
    id="00000000000a",
    started=datetime(2026, 11, 21, 8, 0, tzinfo=UTC),
    finished=None,
    version="0.1.0",
    host="probe",
    scope={"owner": "Velmora", "reference": "V-1", "sha256": "0" * 64},
    complete=False,
)
SERVICE = Service(
    "127.0.0.2",
    27017,
    Verdict.OPEN,
    Vantage.LOOPBACK,
    "reads",
    engine="mongodb",
    version="7.0",
    verified="real",
    requests=("hello", "find"),
    bytes_read=900,
)
FIELD = FieldProfile("mail", "email", "email", False, 0.98, 1.0, 50, ("all values match",))
PROFILE = Profile((CollectionProfile("town.people", 50, None, 50, (FIELD,)),), True, ("find",), 9)
EXPOSURE = Exposure(SERVICE, PROFILE, Assessment(Severity(1.25, "low", 1, 1, 0.25, ("DPC 1",))))


def fill(record: Store, run: Run = RUN) -> None:
    record.start(run, {"plan": {}, "settings": {}, "engines": []})
    record.keep(run.id, TargetFound(SERVICE.target))
    record.keep(run.id, TargetFound(Target(ip_address("::1"), 6379, "localhost")))
    record.keep(run.id, SweepProgress(10, 20, 2, 12))
    record.keep(run.id, ServiceJudged(SERVICE))
    record.keep(run.id, ExposureRated(EXPOSURE))
    record.keep(run.id, Failed(ScanError("127.0.0.2", 27017, Stage.SAMPLE, "Silent", "silent")))


def holds_it_all(record: Store) -> None:
    fill(record)
    run = record.load(RUN.id)
    assert run.services == (SERVICE,)
    assert run.exposures == (EXPOSURE,)
    assert run.errors == (ScanError("127.0.0.2", 27017, Stage.SAMPLE, "Silent", "silent"),)
    assert (run.started, run.finished, run.complete) == (RUN.started, None, False)
    left = record.unfinished(RUN.id)
    assert left.cursor == 12
    assert left.to_judge == (Target(ip_address("::1"), 6379),)
    assert left.to_judge[0].host == "localhost"
    assert left.to_profile == ()
    record.keep(RUN.id, Finished(complete=True))
    run = record.load(RUN.id)
    assert run.complete
    assert run.finished is not None


def test_sqlite_holds_it_all(tmp_path: Path) -> None:
    record = Store(f"sqlite:///{tmp_path / 'r.db'}")
    holds_it_all(record)
    record.close()


def test_postgresql_holds_it_all() -> None:
    with start(postgres) as server:
        url = f"postgresql+psycopg://postgres@{server.address}:{server.port}/postgres"
        record = Store(url)
        holds_it_all(record)
        record.close()
        again = Store(url)
        assert again.find("last") == RUN.id
        again.close()


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "r.db"
    record = Store(f"sqlite:///{path}")
    fill(record)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    record.close()


def test_a_store_that_broke_off_is_read_again(tmp_path: Path) -> None:
    record = Store(f"sqlite:///{tmp_path / 'r.db'}")
    fill(record)
    died = ScanError("127.0.0.2", 27017, Stage.SAMPLE, "Worker", "died")
    broken = replace(EXPOSURE, profile=replace(PROFILE, complete=False, errors=(died,)))
    record.keep(RUN.id, ExposureRated(broken))
    assert record.unfinished(RUN.id).to_profile == (SERVICE,)
    record.close()


def test_runs_are_found_by_id_beginning_or_last(tmp_path: Path) -> None:
    record = Store(f"sqlite:///{tmp_path / 'r.db'}")
    with pytest.raises(UsageError, match="no run yet"):
        record.find("last")
    fill(record)
    fill(record, replace(RUN, id="00000000000b", started=datetime(2026, 11, 22, tzinfo=UTC)))
    assert record.find("last") == "00000000000b"
    assert record.find("00000000000a") == "00000000000a"
    with pytest.raises(UsageError, match="2 runs"):
        record.find("0000")
    with pytest.raises(UsageError, match="no run 'zz'"):
        record.find("zz")
    record.close()


@pytest.mark.parametrize("url", ["nonsense", "oracle+none://x", "sqlite"])
def test_a_url_that_names_no_database_is_one_clear_line(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Store(url)
    assert "LEFTOPEN_STORE" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    path.write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(stores.StoreFailed) as caught:
        Store(f"sqlite:///{path}")
    assert "\n" not in str(caught.value)


def test_head_is_the_newest_migration() -> None:
    folder = str(Path(leftopen.migrations.__file__).parent)
    assert ScriptDirectory(folder).get_current_head() == stores.HEAD


def test_a_newer_record_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'r.db'}"
    record = Store(url)
    with record._begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    record.close()
    with pytest.raises(UsageError, match="newer leftopen"):
        Store(url)


# --- what earlier runs have shown, and what it has cost -------------------------------------------


def record_of(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'r.db'}")


def show(record: Store, number: int, profile: Profile, service: Service = SERVICE) -> str:
    """A run of that number, the later the greater, that shows one store."""
    run = replace(RUN, id=f"{number:012x}", started=datetime(2026, 11, number, tzinfo=UTC))
    record.start(run, {})
    record.keep(run.id, ExposureRated(replace(EXPOSURE, service=service, profile=profile)))
    return run.id


def shares(label: str, epsilon: float = 1.0) -> tuple[Composition, ...]:
    return (Composition("t.faith", "religion", (Share(label, 1.0),), "Laplace", epsilon, 10),)


def ledger(record: Store) -> list[tuple[int, str, str, float]]:
    with record._begin() as connection:
        rows = connection.exec_driver_sql(
            "SELECT id, exposure, run, epsilon FROM ledger ORDER BY id"
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


COUNTED = replace(PROFILE, people=People(50, 45, 55, "a sample"))


def tells_what_was_shown(record: Store) -> None:
    other = replace(SERVICE, port=27018)
    first = show(record, 1, COUNTED)
    second = show(record, 2, replace(COUNTED, people=People(90, 85, 95, "a sample")))
    show(record, 3, replace(COUNTED, people=None, complete=False))
    show(record, 4, replace(COUNTED, people=People(500, 495, 505, "a sample")), other)
    last = show(record, 5, PROFILE)
    found = record.earlier(EXPOSURE.id, last)
    assert found is not None
    assert found.people is not None
    assert found.people.estimate == 90, "of the runs that counted people, the latest"
    assert record.earlier(EXPOSURE.id, second) == COUNTED
    assert record.earlier("0" * 16, last) is None
    elsewhere = replace(EXPOSURE, service=other).id
    assert record.earlier(elsewhere, first) != found


def test_the_latest_run_that_counted_people_is_compared_with(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    tells_what_was_shown(record)
    record.close()


def test_postgresql_tells_what_was_shown() -> None:
    with start(postgres) as server:
        url = f"postgresql+psycopg://postgres@{server.address}:{server.port}/postgres"
        record = Store(url)
        tells_what_was_shown(record)
        record.close()


def test_a_store_that_was_never_counted_still_has_what_was_shown(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    show(record, 1, PROFILE)
    show(record, 2, replace(PROFILE, bytes_read=10))
    assert record.earlier(EXPOSURE.id, "none") == replace(PROFILE, bytes_read=10)
    record.close()


def test_each_release_is_entered_and_the_budget_only_shrinks(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    left, before = [record.epsilon_left(EXPOSURE.id)], ledger(record)
    for number in range(1, 6):
        show(record, number, replace(COUNTED, composition=shares(f"label {number}")))
        after = ledger(record)
        assert after[: len(before)] == before, "rows are added, never changed"
        assert len(after) == number
        before = after
        left.append(record.epsilon_left(EXPOSURE.id))
    assert left == [4.0, 3.0, 2.0, 1.0, 0.0, 0.0]
    assert record.epsilon_left("0" * 16) == stores.EPSILON, "of each store by itself"
    record.close()


def test_what_is_shown_again_costs_nothing(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    show(record, 1, replace(COUNTED, composition=shares("Hindu")))
    show(record, 2, replace(COUNTED, composition=shares("Hindu"), unchanged=True))
    show(record, 3, COUNTED)
    assert [row[3] for row in ledger(record)] == [1.0]
    # released later beside aggregates that are the earlier ones: new, so it costs
    show(record, 4, replace(COUNTED, composition=shares("Sikh"), unchanged=True))
    assert [row[3] for row in ledger(record)] == [1.0, 1.0]
    record.close()


def test_a_release_that_comes_to_the_same_shares_costs_as_well(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    for number in (1, 2):
        show(record, number, replace(COUNTED, composition=shares("Hindu")))
    assert record.epsilon_left(EXPOSURE.id) == stores.EPSILON - 2
    record.close()


def test_thirds_of_a_budget_are_its_whole(tmp_path: Path) -> None:
    record = record_of(tmp_path)
    for number in range(1, 5):
        thirds = tuple(replace(shares(f"{number}")[0], epsilon=1 / 3) for _ in range(3))
        assert record.epsilon_left(EXPOSURE.id) >= 1.0
        show(record, number, replace(COUNTED, composition=thirds))
    assert record.epsilon_left(EXPOSURE.id) == 0.0
    record.close()


_WRITER = """
import sys
from tests.test_store import RUN, fill
from leftopen.store import Store
from leftopen.progress import SweepProgress
record = Store(sys.argv[1])
fill(record)
print("go", flush=True)
for cursor in range(100000):
    record.keep(RUN.id, SweepProgress(cursor, 100000, 1, cursor))
"""


def test_kill_at_any_moment_leaves_a_readable_record(tmp_path: Path) -> None:
    for number, delay in enumerate((0.0, 0.02, 0.11)):
        url = f"sqlite:///{tmp_path / f'r{number}.db'}"
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, url], stdout=subprocess.PIPE, cwd=os.getcwd()
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"go\n"
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        record = Store(url)
        run = record.load(record.find("last"))
        assert run.exposures == (EXPOSURE,)
        assert not run.complete
        record.close()


def test_a_new_record_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    opening = "import sys; from leftopen.store import Store; Store(sys.argv[1]).close()"
    command = [sys.executable, "-c", opening, f"sqlite:///{tmp_path / 'r.db'}"]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(6)]
    told = [(process.communicate()[1], process.returncode) for process in started]
    assert told == [(b"", 0)] * 6
