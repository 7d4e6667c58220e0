"""Which fields of a table hold which personal data: by name, values and neighbours together.

Whole columns at a time; counts are kept, values never. `kinds.toml` is the catalogue.
"""

from leftopen.classifier.profile import Profiler, TableProfile, classify
from leftopen.classifier.standin import stand_in

__all__ = ["Profiler", "TableProfile", "classify", "stand_in"]
