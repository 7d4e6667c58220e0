"""Tables whose columns are labelled with what they hold, to measure classifiers by.

`bench.labelled.build.tables()` makes them from a seed; `bench.real` labels tables that nobody here
wrote.
"""

from bench.labelled.model import Label, Labelled

__all__ = ["Label", "Labelled"]
