"""A scan among peers that mean harm: every verdict bounded, memory bounded, nothing unescaped."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest

from leftopen.testing import Ran, leftopen, peer
from tests import hostile

# What must never reach a screen, a page or a spreadsheet as it stands.
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f\x9b\u202a-\u202e\u2066-\u2069]")
MEMORY = 400 << 20


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran, dict[int, str]]:
    """One scan over all of them at once, and who sits on which port."""
    folder = tmp_path_factory.mktemp("hostile")
    with contextlib.ExitStack() as stack:
        who = {}
        targets = []
        for behave in [*hostile.MUTTERERS, *hostile.LIARS]:
            target = stack.enter_context(peer(behave))
            who[target.port] = behave.__name__
            targets.append(str(target))
        result = leftopen(
            "scan", *targets, "--format", "json", "--store-seconds", "10", "--host-rate", "1000",
            store=folder / "r.db", seconds=180,
        )  # fmt: skip
    return folder, result, who


def test_every_peer_gets_a_verdict(ran: tuple[Path, Ran, dict[int, str]]) -> None:
    _, result, who = ran
    services = {who[s["port"]]: s["verdict"] for s in json.loads(result.out)["services"]}
    assert set(services) == set(who.values())
    mutterers = {b.__name__ for b in hostile.MUTTERERS}
    calm = {"NOT_THIS", "UNDETERMINED", "SILENT"}
    assert {services[name] for name in mutterers} <= calm, services
    assert services["mute"] == "SILENT"
    assert services["html_page"] == "NOT_THIS"
    # the liars speak their protocols well enough to be believed; what they send is bounded below
    assert services["redis_liar"] == "OPEN"
    assert services["mongodb_liar"] == "OPEN"


def test_memory_stays_bounded(ran: tuple[Path, Ran, dict[int, str]]) -> None:
    _, result, _ = ran
    assert 50 << 20 < result.peak < MEMORY, f"{result.peak >> 20} MiB"


def test_no_output_holds_what_they_sent_unescaped(ran: tuple[Path, Ran, dict[int, str]]) -> None:
    folder, result, _ = ran
    assert not _RAW.search(result.out)
    assert "\\u202e" in result.out or "\\u001b" in result.out, "the names are shown, escaped"
    for format_ in ("table", "html"):
        shown = leftopen("report", "last", "--format", format_, store=folder / "r.db")
        assert shown.code == 0, shown.err
        assert not _RAW.search(shown.out), format_
        assert not _RAW.search(shown.err), format_
        if format_ == "html":
            assert "<script" not in shown.out.lower()
            assert "<img src=x" not in shown.out
            assert "&lt;script&gt;" in shown.out


def test_nothing_told_by_a_server_is_followed(ran: tuple[Path, Ran, dict[int, str]]) -> None:
    _, result, _ = ran
    assert {s["address"] for s in json.loads(result.out)["services"]} == {"127.0.0.1"}
    assert "192.0.2.9" not in result.out + result.err


def test_their_versions_are_numbers_only(ran: tuple[Path, Ran, dict[int, str]]) -> None:
    _, result, _ = ran
    versions = {s["version"] for s in json.loads(result.out)["services"]} - {None}
    assert versions
    assert all(re.fullmatch(r"[0-9.]+", version) for version in versions)
