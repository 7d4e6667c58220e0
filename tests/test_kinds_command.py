"""`leftopen kinds` lists the whole catalogue; docs/kinds.md is what it prints."""

from __future__ import annotations

import json
from pathlib import Path

from leftopen.classifier.catalogue import KINDS
from leftopen.testing import leftopen

PAGE = Path(__file__).parent.parent / "docs" / "kinds.md"


def test_every_kind_is_listed(tmp_path: Path) -> None:
    shown = leftopen("kinds", store=tmp_path / "r").out
    assert all(kind.id in shown for kind in KINDS)
    told = json.loads(leftopen("kinds", "--format", "json", store=tmp_path / "r").out)["kinds"]
    assert {kind["id"] for kind in told} == {kind.id for kind in KINDS}
    assert {"family", "category", "dpv", "words", "special"} <= set(told[0])


def test_one_family_and_an_unknown_one(tmp_path: Path) -> None:
    shown = leftopen("kinds", "--family", "religion", store=tmp_path / "r").out
    assert "GDPR Art. 9" in shown
    assert "gov_id" not in shown
    refused = leftopen("kinds", "--family", "astrology", store=tmp_path / "r")
    assert refused.code == 2
    assert "no family is called 'astrology'" in refused.err


def test_the_page_in_the_docs_is_current(tmp_path: Path) -> None:
    made = leftopen("kinds", "--format", "markdown", store=tmp_path / "r").out
    assert PAGE.read_text(encoding="utf-8") == made, "docs/kinds.md is old: make kinds"
