"""Fixtures of the whole suite."""

pytest_plugins = ["leftopen.testing"]
