"""Runs Presidio over columns. In its own environment: run_presidio.py QUESTION.json ANSWER.json

Every value goes through AnalyzerEngine with the words of the field's name as context; the entity
with the highest score is the value's, a date or time only where nothing else is found.
"""

import logging
import re
import warnings

import common

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

import spacy.util  # noqa: E402 - after the warnings are off
from presidio_analyzer import AnalyzerEngine  # noqa: E402
from presidio_analyzer.nlp_engine import NlpEngineProvider  # noqa: E402

models = sorted(m for m in spacy.util.get_installed_models() if m.startswith("en_core"))
if not models:
    raise SystemExit("no English spaCy model is installed")
engine = NlpEngineProvider(
    nlp_configuration={
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": "en", "model_name": models[0]}],
    }
).create_engine()
analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])


def label(name: str, value: str) -> str:
    words = re.findall(r"[A-Za-z]+", name)
    found = analyzer.analyze(value, language="en", context=words)
    best = max(found, key=lambda one: (one.entity_type != "DATE_TIME", one.score), default=None)
    return best.entity_type if best else ""


common.by_value(label, note=f"spaCy model {models[0]}")
