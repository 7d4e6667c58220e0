"""Formats are found by their file; an unknown one is one clear line."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from importlib.resources import files

import pytest
from rich.console import Console

from leftopen import report
from leftopen.errors import UsageError
from leftopen.model import FieldProfile, Run, Tampering, Verdict
from leftopen.report import view, words
from tests.assess.test_assess import FAMILIES
from tests.report.samples import MONGODB, RUN, exposure


def test_the_formats_that_are_there() -> None:
    assert report.formats() == ("html", "json", "table")


def test_every_format_renders_through_the_same_call() -> None:
    told = {name: report.renderer(name)(RUN, Console(width=80)) for name in report.formats()}
    assert told["html"].startswith("<!doctype html>")
    assert json.loads(told["json"])["run"]["id"] == RUN.id
    assert all(RUN.id in text for text in told.values())


@pytest.mark.parametrize("name", ["pdf", "", "as_json", "../json", "view"])
def test_an_unknown_format_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="known are html, json, table"):
        report.renderer(name)


def test_every_family_has_a_word() -> None:
    assert set(words.FAMILIES) == set(FAMILIES) - {"none"}
    assert set(words.FIRST) <= set(words.FAMILIES)
    assert words.family("of_a_plugin") == "of a plugin"


def test_every_kind_of_place_has_a_word() -> None:
    told = files("leftopen.atlas").joinpath("places.toml").read_text(encoding="utf-8")
    assert set(words.PLACES) == set(tomllib.loads(told))
    assert words.place("of_a_plugin") == "of a plugin"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (-1, "–"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1 << 20, "1.0 MiB"),
     (1_048_570, "1.0 MiB"), (5 << 40, "5.0 TiB"), (2**70, "4,194,304.0 TiB")],
)  # fmt: skip
def test_sizes(value: int | None, shown: str) -> None:
    assert view.size(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (-5, "–"), (0, "0"), (12_000, "12,000"), (2**70, "1.2e+21")],
)
def test_numbers(value: int | None, shown: str) -> None:
    assert view.number(value) == shown


@pytest.mark.parametrize(
    ("family", "special", "law"),
    [("health", True, "Art. 9"), ("criminal", False, "Art. 10"), ("email", False, "")],
)
def test_the_law(family: str, special: bool, law: str) -> None:
    assert view.law(FieldProfile("f", family, family, special, 1, 1, 1)) == law


def _with_everything_said() -> Run:
    """A run of one scripted engine with tampering, names in a certificate, and a scripted lock."""
    service = replace(
        MONGODB,
        verified="scripted",
        certificate_names=("db.example.org", "*.example.org"),
    )
    signs = (Tampering("note.read-me-to-recover", "ransom_note"), Tampering("wiped", "wiped"))
    whole = exposure(service)
    whole = replace(whole, profile=replace(whole.profile, tampering=signs))
    locked = replace(MONGODB, port=1, verdict=Verdict.AUTH_REQUIRED, verified="scripted")
    return replace(RUN, services=(service, locked), exposures=(whole,), errors=())


@pytest.mark.parametrize("format", ["table", "html"])
def test_what_a_report_rests_on_and_what_was_left_in_the_store_is_said(format: str) -> None:
    console = Console(width=120, color_system=None)
    shown = report.renderer(format)(_with_everything_said(), console)
    shown = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
    assert shown.count("verified against scripted answers only") == 2
    assert "Its certificate names db.example.org, *.example.org." in shown
    assert "Matches a known pattern: a read-me that offers to recover the data." in shown
    assert "nothing else is left (wiped)" in shown
    assert "breached" not in shown


def test_the_json_says_it_in_fields() -> None:
    told = json.loads(report.renderer("json")(_with_everything_said(), Console()))
    assert told["services"][0]["verified"] == "scripted"
    assert told["services"][0]["certificate_names"] == ["db.example.org", "*.example.org"]
    assert told["exposures"][0]["tampering"] == [
        {"indicator": "note.read-me-to-recover", "family": "ransom_note"},
        {"indicator": "wiped", "family": "wiped"},
    ]
