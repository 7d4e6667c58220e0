"""Runs hawk-scanner's matcher over columns: run_hawk.py QUESTION.json ANSWER.json

Its patterns are its project's own fingerprint.yml; it has to lie beside the environment, because
hawk-scanner would download it from the network.
"""

import argparse
import pathlib
import sys
import warnings

warnings.simplefilter("ignore")

import common  # noqa: E402 - after the warnings are off
from hawk_scanner.internals import system  # noqa: E402

fingerprint = pathlib.Path(sys.prefix) / "fingerprint.yml"
if not fingerprint.exists():
    raise SystemExit(f"{fingerprint} is missing: put hawk-eye's fingerprint.yml there")
args = argparse.Namespace(fingerprint=str(fingerprint), quiet=True, debug=False, connection=None)
system.get_connection = lambda args: {}  # no connection file: nothing is to be sent anywhere


def label(name: str, value: str) -> str:
    found = system.match_strings(args, value)
    return found[0]["pattern_name"] if found else ""


common.by_value(label, note="its project's fingerprint.yml")
