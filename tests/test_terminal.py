"""Live progress: what a person sees while a scan runs."""

from __future__ import annotations

import io
from dataclasses import replace
from ipaddress import ip_address

from rich.console import Console
from rich.text import Text

from leftopen.model import ScanError, Stage, Target, Verdict
from leftopen.progress import (
    CollectionRead,
    Event,
    ExposureRated,
    Failed,
    Finished,
    ProfileStarted,
    ServiceJudged,
    SweepProgress,
    TargetFound,
)
from leftopen.terminal import TerminalListener
from tests.test_store import EXPOSURE, SERVICE


def shown(*events: Event) -> str:
    """Everything that was drawn, without colours."""
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=100, color_system=None)
    with TerminalListener(console) as listener:
        for event in events:
            listener.on(event)
            listener._bar.refresh()
    return Text.from_ansi(drawn.getvalue()).plain


def test_the_sweep_and_what_it_finds() -> None:
    text = shown(SweepProgress(50, 100, 1, 50), TargetFound(SERVICE.target), ServiceJudged(SERVICE))
    assert "looking" in text
    assert "1 answering, 1 judged" in text
    assert "127.0.0.2:27017" in text
    assert "OPEN" in text


def test_a_store_that_is_read() -> None:
    reading = (ProfileStarted(SERVICE), CollectionRead(SERVICE.target, 3, 12))
    assert "reading 127.0.0.2:27017" in shown(*reading)
    assert "3 of 12 collections" in shown(*reading)
    ended = shown(*reading, ExposureRated(EXPOSURE), SweepProgress(1, 1, 1, 1))
    assert "reading" not in ended.rpartition("looking")[2]


def test_an_ipv6_address_is_no_markup() -> None:
    six = Target(ip_address("2001:db8::1"), 6379)
    service = replace(SERVICE, address="2001:db8::1", port=6379, engine=None)
    text = shown(TargetFound(six), ServiceJudged(replace(service, verdict=Verdict.NOT_THIS)))
    assert "[2001:db8::1]:6379" in text
    assert "–" in text


def test_events_that_show_nothing_do_no_harm() -> None:
    error = ScanError("127.0.0.2", 27017, Stage.SAMPLE, "Silent", "silent")
    shown(Failed(error), Finished(complete=True), CollectionRead(SERVICE.target, 1, 1))
