"""The report as one JSON document, `leftopen.report/1`; its schema is `report-1.schema.json`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from rich.console import Console

from leftopen.model import (
    CollectionProfile,
    Composition,
    Exposure,
    FieldProfile,
    People,
    Place,
    Profile,
    Run,
    ScanError,
    Service,
    Severity,
    Time,
)
from leftopen.report.escape import json_name

SCHEMA = "leftopen.report/1"


def render(run: Run, console: Console | None = None) -> str:
    """The document as ASCII text: no control or bidi character stands in it as itself."""
    return json.dumps(document(run), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    text = files(__package__).joinpath("report-1.schema.json").read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads(text)
    return told


def document(run: Run) -> dict[str, Any]:
    """The run as the plain data that is written; names are cut, nothing else is changed."""
    return {
        "schema": SCHEMA,
        "run": {
            "id": run.id,
            "started": _moment(run.started),
            "finished": _moment(run.finished) if run.finished else None,
            "version": run.version,
            "host": json_name(run.host),
            "scope": {key: _name(run.scope.get(key)) for key in ("owner", "reference", "sha256")},
            "complete": run.complete,
            "people": _people(run.people) if run.people else None,
        },
        "services": [_service(service) for service in run.services],
        "exposures": [_exposure(exposure) for exposure in run.exposures],
        "errors": [_error(error) for error in run.errors],
    }


def _service(service: Service) -> dict[str, Any]:
    return {
        "address": service.address,
        "port": service.port,
        "host": _name(service.host),
        "engine": service.engine,
        "product": _name(service.product),
        "version": _name(service.version),
        "tls": service.tls,
        "certificate_names": [json_name(name) for name in service.certificate_names],
        "verdict": service.verdict.value,
        "vantage": service.vantage.value,
        "can_write": service.can_write,
        "verified": service.verified,
        "reason": service.reason,
        "requests": list(service.requests),
        "bytes_read": service.bytes_read,
    }


def _exposure(exposure: Exposure) -> dict[str, Any]:
    service = exposure.service
    return {
        "id": exposure.id,
        "address": service.address,
        "port": service.port,
        "engine": service.engine,
        "version": _name(service.version),
        "verdict": service.verdict.value,
        "complete": exposure.profile.complete,
        "unchanged": exposure.profile.unchanged,
        "collections": [_collection(each) for each in exposure.profile.collections],
        **_measures(exposure.profile),
        "tampering": [
            {"indicator": each.indicator, "family": each.family}
            for each in exposure.profile.tampering
        ],
        "assessment": {"severity": _severity(exposure.assessment.severity)},
    }


def _collection(collection: CollectionProfile) -> dict[str, Any]:
    return {
        "name": json_name(collection.name),
        "records": _figure(collection.records),
        "bytes": _figure(collection.bytes),
        "sampled": collection.sampled,
        "few": collection.few,
        "people": _people(collection.people) if collection.people else None,
        "fields": [_field(field) for field in collection.fields],
    }


def _field(field: FieldProfile) -> dict[str, Any]:
    return {
        "path": json_name(field.path),
        "kind": field.kind,
        "family": field.family,
        "special": field.special,
        "confidence": round(field.confidence, 4),
        "share": round(field.share, 4),
    }


def _measures(profile: Profile) -> dict[str, Any]:
    """What was measured; a store that could not be read has none of it."""
    told: dict[str, Any] = {}
    if profile.people:
        told["people"] = _people(profile.people)
    if profile.time:
        told["time"] = _time(profile.time)
    if profile.place:
        told["place"] = _place(profile.place)
    told["composition"] = [_composition(each) for each in profile.composition]
    return told


def _people(people: People) -> dict[str, Any]:
    return {
        "estimate": people.estimate,
        "low": people.low,
        "high": people.high,
        "method": people.method,
        "deduplicated_across": [json_name(name) for name in people.deduplicated_across],
        "few": people.few,
        "mirrors": [
            {
                "collection": json_name(mirror.collection),
                "of": json_name(mirror.of),
                "share": mirror.share,
            }
            for mirror in people.mirrors
        ],
        "deep": {"bytes": people.deep.bytes, "seconds": people.deep.seconds}
        if people.deep
        else None,
    }


def _time(time: Time) -> dict[str, Any]:
    return {
        "oldest_year": time.oldest_year,
        "newest": time.newest,
        "records_per_day": time.records_per_day,
        "live": time.live,
        "low": time.low,
        "high": time.high,
        "method": time.method,
        "seconds_apart": time.seconds_apart,
        "since": time.since,
        "since_by": time.since_by,
        "arrivals": [{"hour": each.hour, "records": each.records} for each in time.arrivals],
        "fields": [
            {
                "collection": json_name(each.collection),
                "path": json_name(each.path),
                "role": each.role,
            }
            for each in time.fields
        ],
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        "cells": [{"h3": cell.h3, "people_band": cell.people_band} for cell in place.cells],
        "countries": list(place.countries),
        "traces": place.traces,
        "kinds": [
            {
                "kind": json_name(each.kind),
                "estimate": each.estimate,
                "low": each.low,
                "high": each.high,
            }
            for each in place.kinds
        ],
        "hidden": place.hidden,
        "method": place.method,
    }


def _composition(composition: Composition) -> dict[str, Any]:
    return {
        "field": json_name(composition.field),
        "kind": composition.kind,
        "shares": [
            {"label": json_name(each.label), "share": each.share} for each in composition.shares
        ],
        "mechanism": composition.mechanism,
        "epsilon": composition.epsilon,
        "threshold": composition.threshold,
    }


def _severity(severity: Severity) -> dict[str, Any]:
    return {
        "se": severity.se,
        "band": severity.band,
        "dpc": severity.dpc,
        "ei": severity.ei,
        "cb": severity.cb,
        "reasons": list(severity.reasons),
        "flags": list(severity.flags),
    }


def _error(error: ScanError) -> dict[str, Any]:
    return {
        "address": error.address,
        "port": error.port,
        "stage": error.stage.value,
        "class": error.class_,
        "code": error.code,
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _name(text: str | None) -> str | None:
    return None if text is None else json_name(text)


def _figure(value: int | None) -> int | None:
    """A server's own count; None where it tells none, or one that no collection can have."""
    return value if value is not None and value >= 0 else None
