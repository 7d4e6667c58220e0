"""The measures taken of a column of strings, one module each, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from leftopen.classifier import (
    addresses,
    geocodes,
    media,
    medical,
    network,
    persons,
    phones,
    positions,
    prose,
    secrets,
    travel,
    vehicles,
)
from leftopen.classifier.text import Text

# (the strings, kinds that the field's name says, where counts are added)
Measure = Callable[[Text, frozenset[str], Counter[str]], None]

TEXT: tuple[Measure, ...] = (
    positions.count,
    geocodes.count,
    persons.count,
    addresses.count,
    media.count,
    medical.count,
    network.count,
    phones.count,
    prose.count,
    secrets.count,
    travel.count,
    vehicles.count,
)
