"""What is kept of a field: counts, and nothing else.

Counts are sums over values, so two halves of a table give, added, what the whole gives.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from leftopen.classifier import numbers, values
from leftopen.classifier.columns import Leaf
from leftopen.classifier.faces import Faces


@dataclass(slots=True)
class Counts:
    """The counts of one field.

    `slots` is how many places there were, `values` how many of them held something (an empty
    string is nothing), `lists` how many number lists the values came in, `types` the values by
    type, `hits` the values that fit each kind and each measure.
    """

    slots: int = 0
    values: int = 0
    lists: int = 0
    types: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    faces: Faces = field(default_factory=Faces)

    def add(self, leaf: Leaf, wanted: frozenset[str]) -> None:
        """Counts one batch's leaf; `wanted` are the kinds that the field's name says."""
        array = leaf.values
        self.slots += len(array)
        if leaf.lengths is not None:
            self.lists += numbers.count_lists(leaf.lengths, array, self.hits)
        kept = array.drop_null()
        if not len(kept):
            return
        met = _count(kept, wanted, self.hits)
        self.faces.add(kept)
        self.values += met.total()
        self.types.update(met)

    def merge(self, other: Counts) -> None:
        """Adds the counts of the same field in another part of the data."""
        self.slots += other.slots
        self.values += other.values
        self.lists += other.lists
        self.types.update(other.types)
        self.hits.update(other.hits)
        self.faces.merge(other.faces)


def _count(kept: pa.Array, wanted: frozenset[str], hits: Counter[str]) -> Counter[str]:
    """The values by type; what they hold goes into `hits`."""
    kind = kept.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return Counter(text=values.count_text(kept, wanted, hits))
    if pa.types.is_boolean(kind):
        return Counter(boolean=len(kept))
    if pa.types.is_integer(kind):
        numbers.count_numbers(kept.cast(pa.float64(), safe=False).to_numpy(), hits)
        values.count_whole_numbers(kept, wanted, hits)
        return Counter(integer=len(kept))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _count_reals(kept, wanted, hits)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        numbers.count_times(kept, hits)
        return Counter(time=len(kept))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        plain = values.count_text(numbers.count_bytes(kept, hits), wanted, hits)
        return Counter(text=plain, binary=len(kept) - plain)
    return Counter(other=len(kept))


def _count_reals(kept: pa.Array, wanted: frozenset[str], hits: Counter[str]) -> Counter[str]:
    """Numbers with a point; long whole ones are ids of which a store or a file made numbers."""
    reals = kept.cast(pa.float64()).to_numpy(zero_copy_only=False)
    numbers.count_numbers(reals, hits)
    if pa.types.is_decimal(kept.type) and kept.type.scale <= 0:
        values.count_whole_numbers(kept, wanted, hits)
        return Counter(integer=len(kept))
    whole = numbers.long_whole(reals)
    values.count_whole_numbers(pa.array(whole), wanted, hits)
    return Counter(integer=len(whole), real=len(kept) - len(whole))
