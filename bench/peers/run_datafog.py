"""Runs datafog's regex engine over columns: run_datafog.py QUESTION.json ANSWER.json"""

import os

os.environ["DATAFOG_NO_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "1"

import common
from datafog import detect_pii


def label(name: str, value: str) -> str:
    found = detect_pii(value)
    return max(found, key=lambda one: sum(map(len, found[one]))) if found else ""


common.by_value(label, note="regex engine, default labels")
