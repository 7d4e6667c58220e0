"""Commands run as the user would, and signals that end the demo."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from leftopen.demo import child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_once_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with child.signals_end():
        with pytest.raises(child.Ended) as ended:
            os.kill(os.getpid(), number)
        assert ended.value.number == number
        for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), again)  # stopping the servers is not cut short
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_nothing_takes_the_end_for_a_failure() -> None:
    assert not issubclass(child.Ended, Exception)


def test_another_thread_may_run_it_too() -> None:
    done = []

    def work() -> None:
        with child.signals_end():
            child.ignore_signals()
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)
    assert done == [True]


def test_the_users_settings_have_no_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEFTOPEN_SCAN_EXIT_ZERO", "1")
    monkeypatch.setenv("LEFTOPEN_STORE", "sqlite:////nowhere/record.db")
    told = child.environment(tmp_path / "record.db")
    assert {n: v for n, v in told.items() if n.startswith("LEFTOPEN_")} == {
        "LEFTOPEN_STORE": f"sqlite:///{tmp_path}/record.db"
    }
    assert told["PATH"] == os.environ["PATH"]


def test_the_command_is_run_in_the_folder_with_its_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here, folder = tmp_path / "here", tmp_path / "folder"
    here.mkdir()
    folder.mkdir()
    monkeypatch.chdir(here)
    (here / "leftopen.toml").write_text("this is no TOML")
    assert child.leftopen(["report", "last"], folder, folder / "record.db") == 2
    assert "TOML" not in capfd.readouterr().err  # no run yet, not: a bad file
    assert (folder / "record.db").exists()
    assert list(here.iterdir()) == [here / "leftopen.toml"]


def test_a_command_does_not_outlive_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SIGTERM while a command runs: it is ended as well."""
    pid = tmp_path / "pid"
    script = (
        f"import os, pathlib, time; pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); "
        f"os.kill({os.getpid()}, 15); time.sleep(60)"
    )
    package = tmp_path / "leftopen"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(script)
    with child.signals_end(), pytest.raises(child.Ended):
        child.leftopen([], tmp_path, tmp_path / "record.db")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
