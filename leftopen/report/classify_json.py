"""The result of `leftopen classify` as JSON, `leftopen.classify/1`; see classify-1.schema.json."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from leftopen.files.result import Classification, FileResult, TableResult
from leftopen.model import FieldProfile
from leftopen.report.classify_view import families
from leftopen.report.escape import json_name
from leftopen.report.view import is_personal

SCHEMA = "leftopen.classify/1"


def render(result: Classification) -> str:
    """The document as ASCII text; evidence is always in it."""
    return json.dumps(document(result), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    text = files(__package__).joinpath("classify-1.schema.json").read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads(text)
    return told


def document(result: Classification) -> dict[str, Any]:
    """The result as the plain data that is written; names are cut, nothing else is changed."""
    fields = [field for table in result.tables for field in table.fields]
    return {
        "schema": SCHEMA,
        "version": result.version,
        "files": [_file(file) for file in result.files],
        "collections": [_table(table) for table in result.tables],
        "summary": {
            "complete": result.complete,
            "stopped": result.stopped,
            "files": len(result.files) + result.left,
            "unread": sum(file.format is None for file in result.files) + result.left,
            "skipped": {"hidden": result.hidden, "links": result.links},
            "collections": len(result.tables),
            "rows": sum(table.rows for table in result.tables),
            "fields": len(fields),
            "personal_fields": sum(map(is_personal, fields)),
            "families": [
                {
                    "family": one.family,
                    "special": one.special,
                    "fields": one.fields,
                    "collections": one.tables,
                }
                for one in families(result)
            ],
        },
    }


def _file(file: FileResult) -> dict[str, Any]:
    return {
        "path": json_name(file.path, 4_096),
        "format": file.format,
        "compression": list(file.compression),
        "encoding": file.encoding,
        "delimiter": file.delimiter,
        "complete": file.complete,
        "limited": file.limited,
        "error": file.error,
    }


def _table(table: TableResult) -> dict[str, Any]:
    return {
        "name": json_name(table.name, 4_096),
        "rows": table.rows,
        "complete": table.complete,
        "fields": [_field(field) for field in table.fields],
    }


def _field(field: FieldProfile) -> dict[str, Any]:
    return {
        "path": json_name(field.path),
        "kind": field.kind,
        "family": field.family,
        "special": field.special,
        "confidence": field.confidence,
        "share": field.share,
        "values": field.values,
        "evidence": list(field.evidence),
    }
