"""The JSON document: exactly the design's keys, always valid, never raw."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import h3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from leftopen.assess import assess
from leftopen.model import (
    Arrivals,
    Cell,
    CollectionProfile,
    Composition,
    Cost,
    Exposure,
    FieldProfile,
    Mirror,
    People,
    Place,
    PlaceKind,
    Profile,
    Run,
    ScanError,
    Service,
    Share,
    Stage,
    Time,
    TimeField,
    Vantage,
    Verdict,
)
from leftopen.report.as_json import SCHEMA, document, render, schema
from tests.report.samples import EMPTY, LONG, MEASURED, MEASURED_FACES, RUN, hostile

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
        "people": None,
    }
    assert set(told["services"][0]) == {
        "address", "port", "host", "engine", "product", "version", "tls", "verdict", "vantage",
        "certificate_names", "can_write", "verified", "reason", "requests", "bytes_read",
    }  # fmt: skip
    exposure = told["exposures"][1]
    assert set(exposure) == {
        "id", "address", "port", "engine", "version", "verdict", "complete", "unchanged",
        "collections", "composition", "tampering", "assessment",
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


def test_what_was_measured_is_in_the_designs_shape() -> None:
    told = document(MEASURED)
    VALID.validate(told)
    faces, shop, index, clinic = told["exposures"]
    assert faces["people"] == {
        "estimate": 2_570_000, "low": 2_560_000, "high": 2_570_000,
        "method": "a unique index of its ID numbers",
        "deduplicated_across": ["db.person", "db.track"], "few": False, "mirrors": [], "deep": None,
    }  # fmt: skip
    assert shop["people"]["deep"] == {"bytes": 167_772_160, "seconds": 35.2}
    assert faces["collections"][0]["people"]["estimate"] == 2_570_000
    assert faces["collections"][1]["people"] is None
    time = faces["time"]
    assert {key: time[key] for key in ("oldest_year", "newest", "records_per_day", "live")} == {
        "oldest_year": 2025, "newest": "2026-11-21", "records_per_day": 6_680_000, "live": True,
    }  # fmt: skip
    assert set(time) - {"oldest_year", "newest", "records_per_day", "live"} == {
        "low", "high", "method", "seconds_apart", "since", "since_by", "arrivals", "fields",
    }  # fmt: skip
    assert time["arrivals"][0] == {"hour": "2026-11-20T08:00Z", "records": 241_000}
    assert time["fields"][1] == {"collection": "db.person", "path": "birth_date", "role": "birth"}
    place = faces["place"]
    assert len(place["cells"]) == len(MEASURED_FACES.place.cells)  # type: ignore[union-attr]  # it has one
    assert set(place["cells"][0]) == {"h3", "people_band"}
    assert (place["countries"], place["traces"], place["hidden"]) == (["CN"], True, True)
    assert place["kinds"][1] == {
        "kind": "worship", "estimate": 96_500, "low": 90_100, "high": 103_000,
    }  # fmt: skip
    [told_of] = faces["composition"]
    assert list(told_of) == ["field", "kind", "shares", "mechanism", "epsilon", "threshold"]
    assert told_of["shares"][0] == {"label": "Uyghur", "share": 0.478}
    assert [each["unchanged"] for each in told["exposures"]] == [False, False, True, False]
    assert clinic["people"]["few"]
    assert (clinic["collections"][0]["few"], clinic["collections"][0]["records"]) == (True, 10)
    assert told["run"]["people"]["deduplicated_across"] == [
        each["id"] for each in told["exposures"]
    ]
    assert told["run"]["people"]["mirrors"] == [
        {"collection": index["id"], "of": faces["id"], "share": 0.95}
    ]


def test_a_store_that_could_not_be_read_has_no_measures() -> None:
    for exposure in document(RUN)["exposures"]:
        assert not {"people", "time", "place"} & set(exposure)


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


def test_the_schema_explains_every_figure() -> None:
    """Whoever reads the document without leftopen at hand finds there what a figure means."""
    held = schema()["$defs"]
    for name in ("people", "mirror", "cost", "time", "place", "composition"):
        for key, told in held[name]["properties"].items():
            assert told.get("description"), f"{name}.{key}"
        assert held[name]["additionalProperties"] is False


def _each(told: dict[str, Any], way: str) -> Any:
    for step in way.split("/"):
        told = told[int(step)] if step.isdigit() else told[step]  # type: ignore[index]  # a list
    return told


@pytest.mark.parametrize(
    "way",
    [
        "run", "run/scope", "services/0", "exposures/1", "exposures/1/collections/0",
        "exposures/1/collections/0/fields/0", "exposures/1/assessment",
        "exposures/1/assessment/severity", "errors/0", "run/people", "run/people/mirrors/0",
        "exposures/0/people", "exposures/1/people/deep", "exposures/0/collections/0/people",
        "exposures/0/time", "exposures/0/time/arrivals/0", "exposures/0/time/fields/0",
        "exposures/0/place", "exposures/0/place/cells/0", "exposures/0/place/kinds/0",
        "exposures/0/composition/0", "exposures/0/composition/0/shares/0",
    ],
)  # fmt: skip
def test_the_schema_is_strict(way: str) -> None:
    run = replace(MEASURED, errors=RUN.errors)
    more = document(run)
    VALID.validate(more)
    _each(more, way)["sample"] = "a value"
    assert not VALID.is_valid(more)
    less = document(run)
    part = _each(less, way)
    part.pop(next(iter(part)))
    assert not VALID.is_valid(less)


@pytest.mark.parametrize(
    ("way", "key", "value"),
    [
        ("exposures/0/time", "newest", "yesterday"),
        ("exposures/0/time", "newest", "2026-11"),
        ("exposures/0/time", "since", "2026-11-21T08:00Z"),
        ("exposures/0/time", "since_by", "guessed"),
        ("exposures/0/time/arrivals/0", "hour", "2026-11-21 08:00"),
        ("exposures/0/time/fields/0", "role", "death"),
        ("exposures/0/place/cells/0", "h3", "Kashgar"),
        ("exposures/0/place", "countries", ["China"]),
        ("exposures/0/people", "low", -1),
        ("exposures/0/people", "estimate", 2.5),
        ("exposures/0/people", "deep", {"bytes": 1}),
        ("exposures/0/composition/0/shares/0", "share", 1.5),
        ("run/people/mirrors/0", "share", 95),
    ],
)
def test_a_figure_of_another_form_is_refused(way: str, key: str, value: object) -> None:
    bent = document(MEASURED)
    _each(bent, way)[key] = value
    assert not VALID.is_valid(bent)


def test_what_later_versions_add_is_allowed_in_its_shape_only() -> None:
    told = document(RUN)
    later: dict[str, Any] = {
        "axes": {"scale": 3},
        "obligations": [{"rule": "33", "verdict": "due", "reason": "r", "source": "s"}],
        "harms": ["h"],
        "advice": ["a"],
    }
    told["exposures"][1]["assessment"].update(later)
    VALID.validate(told)
    for key in later:
        bent = copy.deepcopy(told)
        bent["exposures"][1]["assessment"][key] = "anything"
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


@pytest.mark.parametrize("make", [lambda: RUN, lambda: MEASURED, lambda: EMPTY, hostile])
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
# the bounds are naive by hypothesis' own rule
_MINUTE = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001
_MOMENT = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_COUNT = st.integers(0, 10**12)
_SHARE = st.floats(0, 1)
_MIRRORS = st.lists(st.builds(Mirror, _TEXT, _TEXT, _SHARE), max_size=2).map(tuple)


@st.composite
def _people(draw: st.DrawFn) -> People:
    low, estimate, high = sorted(draw(st.tuples(_COUNT, _COUNT, _COUNT)))
    few = draw(st.booleans())
    return People(
        *((10, 0, 10) if few else (estimate, low, high)),
        method=draw(_TEXT),
        few=few,
        deduplicated_across=tuple(draw(st.lists(_TEXT, max_size=2))),
        mirrors=draw(_MIRRORS),
        deep=draw(st.none() | st.builds(Cost, _COUNT, st.floats(0, 1e9))),
    )


_DAY = st.dates(date(1970, 1, 1), date(2100, 1, 1)).map(date.isoformat)
_RATE = st.none() | st.floats(0, 1e12)
_TIME = st.builds(
    Time,
    oldest_year=st.none() | st.integers(1900, 2100),
    newest=st.none() | _DAY | st.just("2026"),
    records_per_day=_RATE,
    low=_RATE,
    high=_RATE,
    method=_TEXT,
    live=st.booleans(),
    seconds_apart=st.none() | st.floats(0, 60),
    since=st.none() | _DAY,
    since_by=st.sampled_from(["started", "log", "created", None]),
    arrivals=st.lists(
        st.builds(Arrivals, _MINUTE.map("{:%Y-%m-%dT%H:%MZ}".format), _COUNT), max_size=30
    ).map(tuple),
    fields=st.lists(
        st.builds(TimeField, _TEXT, _TEXT, st.sampled_from(["event", "birth"])), max_size=2
    ).map(tuple),
)
_CELLS = st.builds(
    lambda at, resolution, band: Cell(h3.latlng_to_cell(*at, resolution), band),
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    st.integers(0, 5),
    st.sampled_from(["10-99", "1000-9999", "1,000,000+"]) | _TEXT,
)
_PLACE = st.builds(
    Place,
    cells=st.lists(_CELLS, max_size=4).map(tuple),
    countries=st.lists(st.sampled_from(["CN", "ES", "FJ", "ZZ"]), unique=True).map(tuple),
    traces=st.booleans(),
    kinds=st.lists(st.builds(PlaceKind, _TEXT, _COUNT, _COUNT, _COUNT), max_size=2).map(tuple),
    hidden=st.booleans(),
    method=_TEXT,
)
_COMPOSITION = st.builds(
    Composition,
    field=_TEXT,
    kind=_TEXT,
    shares=st.lists(st.builds(Share, _TEXT, _SHARE), max_size=15).map(tuple),
    mechanism=_TEXT,
    epsilon=st.floats(0, 10),
    threshold=st.integers(5, 100),
)
_MEASURES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "people": st.none() | _people(),
        "time": st.none() | _TIME,
        "place": st.none() | _PLACE,
        "composition": st.lists(_COMPOSITION, max_size=2).map(tuple),
        "unchanged": st.booleans(),
    }
)
_COLLECTION = st.builds(
    CollectionProfile,
    name=_TEXT,
    records=st.none() | st.integers(),
    bytes=st.none() | st.integers(),
    sampled=st.integers(0, 10**6),
    fields=st.lists(_FIELD, max_size=4).map(tuple),
    people=st.none() | _people(),
    few=st.booleans(),
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


@st.composite
def runs(draw: st.DrawFn) -> Run:
    services = draw(st.lists(_SERVICE, max_size=4))
    exposures = []
    for service in services:
        if service.exposed and draw(st.booleans()):
            held = tuple(draw(st.lists(_COLLECTION, max_size=3)))
            profile = Profile(
                held,
                draw(st.booleans()),
                service.requests,
                service.bytes_read,
            )
            profile = replace(profile, **draw(_MEASURES))
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
        people=draw(st.none() | _people()),
    )


@given(runs())
def test_every_run_makes_a_valid_document(run: Run) -> None:
    text = render(run)
    VALID.validate(json.loads(text))
    assert text.isascii()
