"""Another name of `asking.values`, for tests outside this folder."""

from __future__ import annotations

from tests.engines.asking import values

__all__ = ["values"]
