"""How badly an exposure could hurt the people in it. Pure functions; no I/O but package data."""

from leftopen.assess.assess import assess
from leftopen.assess.severity import severity

__all__ = ["assess", "severity"]
