"""The report as one JSON document, `leftopen.report/1`; its schema is `report-1.schema.json`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from rich.console import Console

from leftopen.model import (
    CollectionProfile,
    Exposure,
    FieldProfile,
    Run,
    ScanError,
    Service,
    Severity,
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
        "collections": [_collection(each) for each in exposure.profile.collections],
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
