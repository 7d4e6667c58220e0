"""Runs piicatcher's two detectors over columns: run_piicatcher.py QUESTION.json ANSWER.json

Its catalogue of databases wants drivers that no longer install; the modules that would talk to
databases are stood in for. The detectors are its own and touch none of them.
"""

import importlib.abc
import importlib.machinery
import sys
import types
import warnings

warnings.simplefilter("ignore")

_DRIVERS = {
    "snowflake", "databuilder", "pyhocon", "pyathena", "psycopg2", "pymysql", "boto3", "botocore",
    "goog_stats", "google", "dbcat.catalog.db",
}  # fmt: skip


class _Anything(types.ModuleType):
    """A module in which every name is an empty class."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name in _DRIVERS or name.partition(".")[0] in _DRIVERS:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        made = _Anything(spec.name)
        made.__path__ = []  # a package: anything may be imported from below it
        return made

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, _StandIn())

import common  # noqa: E402 - the drivers are stood in for first
from piicatcher.scanner import ColumnNameRegexDetector, DatumRegexDetector  # noqa: E402

names, values = ColumnNameRegexDetector(), DatumRegexDetector()


def label(name: str, value: str) -> str:
    found = values.detect(None, value)
    return type(found).__name__ if found else ""


def by_name(name: str) -> str:
    found = names.detect(types.SimpleNamespace(name=name))
    return type(found).__name__ if found else ""


common.by_value(label, by_name, note="field-name and value detectors, as its scan runs them")
