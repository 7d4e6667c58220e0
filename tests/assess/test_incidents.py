"""Published incidents, told by their schemas: does leftopen rate them as the project expects?

The fields of each are mapped to kinds by hand, as a good classifier would from names and values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leftopen.assess import assess
from leftopen.model import CollectionProfile, Vantage
from tests.assess.profiles import field, profile, service

FACTS = json.loads((Path(__file__).parents[1] / "data" / "incidents.json").read_text())
INCIDENTS = {incident["id"]: incident for incident in FACTS["incidents"]}

KINDS = {
    "name": "name.full", "full_name": "name.full", "patient_name": "name.full",
    "therapist": "name.full", "first_name": "name.given", "last_name": "name.family",
    "id_card_number": "gov_id", "national_id": "gov_id", "taxpayer_id": "gov_id",
    "voter_id": "gov_id", "id_card_issue_date": "none", "id_card_expire_date": "none",
    "sex": "gender", "gender": "gender", "nationality": "nationality", "address": "address",
    "home_address": "address", "birth_date": "birth_date", "birthplace": "locality",
    "photo": "face_image", "employer": "employer", "occupation": "job", "education": "education",
    "tracker_id": "device_id", "gps_lat": "location_trace", "gps_lon": "location_trace",
    "seen_at": "none", "email": "email", "phone": "phone", "contact": "phone", "ip": "ip",
    "social_profile_url": "social_account", "mortgage_amount": "finance",
    "mortgage_value": "finance", "interest_rate": "finance", "credit_score_estimate": "finance",
    "salary": "finance", "bank_account_status": "finance", "bank_balance": "finance",
    "parents_names": "family_tie", "family_members": "family_tie", "children_ages": "family_tie",
    "case_report_text": "free_text", "case_date": "none", "criminal_record": "criminal",
    "session_notes": "health", "visit_dates": "none", "timestamp": "none", "service": "none",
    "api_endpoint": "none", "chat_message": "free_text", "api_key": "secret",
    "request_metadata": "none", "interests": "free_text", "habits": "free_text",
}  # fmt: skip

# Where leftopen's band is another than the expected one, and why; it is not bent to fit.
DIFFERS = {
    # Expected: DPC 4, for private messages may expose health or sexual life, and EI 0.5. A profile
    # says that there is free text, not what it is about, and no identifier stands beside it.
    "deepseek-2025": ("low", "medium"),
}


def _rate(incident: dict[str, Any]) -> Any:
    fields = tuple(field(name, KINDS[name]) for name in incident["schema_fields"])
    records = CollectionProfile("records", incident["records"], None, 200, fields)
    return assess(service(Vantage.PUBLIC), profile(records)).severity


@pytest.mark.parametrize("name", sorted(set(INCIDENTS) - set(DIFFERS)))
def test_the_band_is_the_expected_one(name: str) -> None:
    expected = INCIDENTS[name]["rating_expectation"]
    rated = _rate(INCIDENTS[name])
    assert rated.band == expected["band"]
    assert (rated.dpc, rated.ei) == (expected["dpc"], expected["ei"])
    # Evidence of an intruder is no part of a profile: the rest of CB is left out.
    assert rated.se == expected["dpc"] * expected["ei"] + expected["cb"]["confidentiality"]


@pytest.mark.parametrize("name", sorted(DIFFERS))
def test_known_differences(name: str) -> None:
    ours, expected = DIFFERS[name]
    assert INCIDENTS[name]["rating_expectation"]["band"] == expected
    assert _rate(INCIDENTS[name]).band == ours


def test_sensenets_is_very_high() -> None:
    assert _rate(INCIDENTS["sensenets-2019"]).band == "very_high"
