"""What the reports of `leftopen classify` show, worked out once and free of any format."""

from __future__ import annotations

from leftopen.files.result import Classification, FamilyCount, TableResult
from leftopen.model import FieldProfile
from leftopen.report import words
from leftopen.report.view import is_personal, law


def personal(table: TableResult) -> list[FieldProfile]:
    """The fields that hold personal data: specially guarded ones first, then the telling."""
    return sorted(
        filter(is_personal, table.fields),
        key=lambda f: (not law(f), words.order(f.family), -round(f.confidence, 1), f.path),
    )


def families(result: Classification) -> list[FamilyCount]:
    """All families that were found: special categories first, then the telling."""
    fields: dict[str, list[tuple[str, FieldProfile]]] = {}
    for table in result.tables:
        for field in filter(is_personal, table.fields):
            fields.setdefault(field.family, []).append((table.name, field))
    counts = [
        FamilyCount(
            family=family,
            special=any(field.special for _, field in found),
            fields=len(found),
            tables=len({name for name, _ in found}),
        )
        for family, found in fields.items()
    ]
    return sorted(counts, key=lambda c: (not c.special, words.order(c.family), c.family))
