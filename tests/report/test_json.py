"""The JSON document: exactly the design's keys, always valid, never raw."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from leftopen.assess import assess
from leftopen.model import (
    CollectionProfile,
    Exposure,
    FieldProfile,
    Profile,
    Run,
    ScanError,
    Service,
    Stage,
    Vantage,
    Verdict,
)
from leftopen.report.as_json import SCHEMA, document, render, schema
from tests.report.samples import EMPTY, LONG, RUN, hostile

VALID = Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["schema"]["const"] == SCHEMA


def test_the_document_holds_what_the_design_says() -> None:
    told = document(RUN)
    VALID.validate(told)
    assert list(told) == ["schema", "run", "services", "exposures", "errors"]
    assert told["run"] == {
        "id": "3f9c2a7d1b04",
        "started": "2026-11-21T08:00:12Z",
        "finished": "2026-11-21T08:01:19Z",
        "version": "0.1.0",
        "host": "probe-1",
        "scope": {
            "owner": "Town of Velmora",
            "reference": "AUD-2026-11",
            "sha256": "ab" * 32,
        },
        "complete": False,
    }
    assert set(told["services"][0]) == {
        "address", "port", "host", "engine", "product", "version", "tls", "verdict", "vantage",
        "certificate_names", "can_write", "verified", "reason", "requests", "bytes_read",
    }  # fmt: skip
    exposure = told["exposures"][1]
    assert set(exposure) == {
        "id", "address", "port", "engine", "version", "verdict", "complete", "collections",
        "tampering", "assessment",
    }  # fmt: skip
    assert exposure["id"] == RUN.exposures[1].id
    assert exposure["collections"][2]["fields"][5] == {
        "path": "ethnicity", "kind": "ethnicity", "family": "ethnicity", "special": True,
        "confidence": 0.9, "share": 0.992,
    }  # fmt: skip
    severity = exposure["assessment"]["severity"]
    assert severity["se"] == severity["dpc"] * severity["ei"] + severity["cb"]
    assert set(severity) == {"se", "band", "dpc", "ei", "cb", "reasons", "flags"}
    assert told["errors"] == [
        {"address": "127.0.0.2", "port": 27017, "stage": "sample", "class": "ServerRefused",
         "code": "13"}
    ]  # fmt: skip


def test_fields_without_personal_data_are_listed_too() -> None:
    [cameras, _, _] = document(RUN)["exposures"][1]["collections"]
    assert [(f["path"], f["kind"], f["family"]) for f in cameras["fields"]] == [
        ("sign", "none", "none")
    ]


def test_the_schema_knows_every_verdict_stage_and_vantage() -> None:
    held = schema()["$defs"]
    assert set(held["service"]["properties"]["verdict"]["enum"]) == set(Verdict)
    assert set(held["service"]["properties"]["vantage"]["enum"]) == set(Vantage)
    assert set(held["error"]["properties"]["stage"]["enum"]) == set(Stage)
    exposed = {v for v in Verdict if replace(RUN.services[0], verdict=v).exposed}
    assert set(held["exposure"]["properties"]["verdict"]["enum"]) == exposed


def _each(told: dict[str, Any], way: str) -> Any:
    for step in way.split("/"):
        told = told[int(step)] if step.isdigit() else told[step]  # type: ignore[index]  # a list
    return told


@pytest.mark.parametrize(
    "way",
    [
        "run", "run/scope", "services/0", "exposures/1", "exposures/1/collections/0",
        "exposures/1/collections/0/fields/0", "exposures/1/assessment",
        "exposures/1/assessment/severity", "errors/0",
    ],
)  # fmt: skip
def test_the_schema_is_strict(way: str) -> None:
    more = document(RUN)
    _each(more, way)["sample"] = "a value"
    assert not VALID.is_valid(more)
    less = document(RUN)
    part = _each(less, way)
    part.pop(next(iter(part)))
    assert not VALID.is_valid(less)


LATER: dict[str, Any] = {
    "people": {"estimate": 120, "low": 100, "high": 140, "method": "hll",
               "deduplicated_across": ["db.a"]},
    "time": {"oldest_year": 2019, "newest": "2026-11", "records_per_day": 2.5, "live": True},
    "place": {"cells": [{"h3": "8a2a", "people_band": "10-49"}], "countries": ["ES"],
              "traces": True},
    "composition": [{"field": "ethnicity", "kind": "ethnicity",
                     "shares": [{"label": "a", "share": 0.5}], "mechanism": "laplace",
                     "epsilon": 1.0, "threshold": 10}],
    "tampering": [{"indicator": "ransom_note", "family": "meow"}],
}  # fmt: skip


def test_what_later_versions_add_is_allowed_in_its_shape_only() -> None:
    told = document(RUN)
    told["exposures"][1].update(copy.deepcopy(LATER))
    told["exposures"][1]["assessment"].update(
        axes={"scale": 3},
        obligations=[{"rule": "33", "verdict": "due", "reason": "r", "source": "s"}],
        harms=["h"],
        advice=["a"],
    )
    VALID.validate(told)
    for key in LATER:
        bent = copy.deepcopy(told)
        bent["exposures"][1][key] = "anything"
        assert not VALID.is_valid(bent)


def test_hostile_names_are_valid_bounded_and_never_raw() -> None:
    text = render(hostile())
    told = json.loads(text)
    VALID.validate(told)
    assert all(" " <= c <= "~" or c == "\n" for c in text)
    assert LONG not in text
    assert "\\u001b[2J" in text
    assert "\\u202e" in text
    assert "\\u007f" in text
    names = [c["name"] for c in told["exposures"][0]["collections"]]
    assert "<script>alert(1)</script>" in names  # JSON gives the name itself to programs
    assert all(c["bytes"] is None for c in told["exposures"][0]["collections"])


@pytest.mark.parametrize("make", [lambda: RUN, lambda: EMPTY, hostile])
def test_text_and_document_are_the_same(make: Callable[[], Run]) -> None:
    run = make()
    assert json.loads(render(run)) == document(run)
    VALID.validate(document(run))


_TEXT = st.text(st.characters(), max_size=30)
_FIELD = st.builds(
    FieldProfile,
    path=_TEXT,
    kind=_TEXT,
    family=st.sampled_from(["none", "name", "email", "health", "gov_id", "location_trace"]),
    special=st.booleans(),
    confidence=st.floats(0, 1),
    share=st.floats(0, 1),
    values=st.integers(0),
    evidence=st.tuples(_TEXT),
)
_COLLECTION = st.builds(
    CollectionProfile,
    name=_TEXT,
    records=st.none() | st.integers(),
    bytes=st.none() | st.integers(),
    sampled=st.integers(0, 10**6),
    fields=st.lists(_FIELD, max_size=4).map(tuple),
)
_SERVICE = st.builds(
    Service,
    address=st.sampled_from([IPv4Address("10.0.0.1"), IPv6Address("::1")]).map(str),
    port=st.integers(0, 65535),
    verdict=st.sampled_from(list(Verdict)),
    vantage=st.sampled_from(list(Vantage)),
    reason=_TEXT,
    engine=st.none() | st.sampled_from(["mongodb", "redis"]),
    product=st.none() | _TEXT,
    version=st.none() | _TEXT,
    tls=st.booleans(),
    can_write=st.sampled_from(["yes", "no", "unknown"]),
    verified=st.sampled_from(["real", "scripted", None]),
    requests=st.lists(st.sampled_from(["hello", "GET /"]), max_size=3).map(tuple),
    bytes_read=st.integers(0),
    host=st.none() | _TEXT,
)
_MOMENT = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds are naive by hypothesis' own rule


@st.composite
def runs(draw: st.DrawFn) -> Run:
    services = draw(st.lists(_SERVICE, max_size=4))
    exposures = []
    for service in services:
        if service.exposed and draw(st.booleans()):
            held = tuple(draw(st.lists(_COLLECTION, max_size=3)))
            profile = Profile(held, draw(st.booleans()), service.requests, service.bytes_read)
            exposures.append(Exposure(service, profile, assess(service, profile)))
    return Run(
        id=draw(st.text("0123456789abcdef", min_size=1, max_size=12)),
        started=draw(_MOMENT),
        finished=draw(st.none() | _MOMENT),
        version="0.1.0",
        host=draw(_TEXT),
        scope=draw(st.sampled_from([{}, {"owner": "o", "reference": None, "sha256": "0"}])),
        complete=draw(st.booleans()),
        services=tuple(services),
        exposures=tuple(exposures),
        errors=tuple(
            draw(
                st.lists(
                    st.builds(
                        ScanError,
                        st.just("10.0.0.1"),
                        st.integers(0, 65535),
                        st.sampled_from(list(Stage)),
                        _TEXT,
                        _TEXT,
                    ),
                    max_size=2,
                )
            )
        ),
        targets=draw(st.integers(0, 2**40)),
    )


@given(runs())
def test_every_run_makes_a_valid_document(run: Run) -> None:
    text = render(run)
    VALID.validate(json.loads(text))
    assert text.isascii()
