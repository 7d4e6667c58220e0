"""leftopen finds the datastores that were left open and tells whose lives are in them.

    profile = leftopen.classify(table)                 # pa.Table → TableProfile
    async for event in leftopen.scan(scope): ...       # Scope → events

Both load on first use, so that `leftopen --help` need not wait for Arrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leftopen.classifier import classify
    from leftopen.scanner import scan
    from leftopen.scope import Scope

__version__ = "0.1.0"
__all__ = ["Scope", "__version__", "classify", "scan"]

_HOMES = {
    "classify": "leftopen.classifier",
    "scan": "leftopen.scanner",
    "Scope": "leftopen.scope",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'leftopen' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
