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
    Exposure,
    FieldProfile,
    Profile,
    Run,
    ScanError,
    Service,
    Severity,
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
