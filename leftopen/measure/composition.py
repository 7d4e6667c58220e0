"""Who is in a store, as shares of groups that differential privacy lets be told.

Every sampled person counts once in each field, under a label of a public vocabulary or under none.
Which labels there are does not depend on the store, so noise on their counts is all that is needed.
Two stores are neighbours if one person was added, taken away or put in another's place in the
sample. Of the counts of all labels and that of all people, two at the most then differ, by one.

Which fields are told of, and that a field has as many people as the threshold, rests on the
classification and on the size of the sample, which are shown beside it without noise.

Source: Ghosh, Roughgarden, Sundararajan, "Universally utility-maximizing privacy mechanisms", STOC
2009 (the geometric mechanism); OpenDP, `make_laplace` over integers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from leftopen.classifier import stand_in
from leftopen.measure.vocabulary import Vocabulary, of_kind
from leftopen.model import Composition, FieldProfile, Share

if TYPE_CHECKING:
    import opendp.prelude as dp

OTHER = "other"
_TOLD_FROM = 0.5  # confidence from which a field is of special category
_KEYS = ("gov_id", "person_id", "email", "phone", "username")  # families that tell people apart
_CHANGED = 2  # counts that one person changes by one, at the most
_FALSE_LABELS = 0.05  # probability that noise alone lets any label be told


@dataclass(frozen=True, slots=True)
class _Counted:
    """The people of one field by the place of their label, the last figure being all people."""

    field: str
    kind: str
    vocabulary: Vocabulary
    counts: tuple[int, ...]


class Composing:
    """What a collection's fields of special category hold, counted by labels of public lists.

    Nothing of the batches is kept but these counts.
    """

    def __init__(
        self,
        name: str,
        fields: Mapping[str, FieldProfile],
        batches: Sequence[pa.RecordBatch],
    ) -> None:
        key = _key(fields)
        self.counted: list[_Counted] = []
        for path, field in fields.items():
            told = field.special and field.confidence >= _TOLD_FROM
            vocabulary = of_kind(field.kind) if told else None
            if vocabulary is not None:
                shown = f"{stand_in(name)}.{stand_in(path)}"
                counts = _counts(batches, path, key, vocabulary)
                self.counted.append(_Counted(shown, field.kind, vocabulary, counts))


def of_store(
    composing: Sequence[Composing], *, epsilon: float, threshold: int
) -> tuple[Composition, ...]:
    """The shares of each field of special category; together they cost `epsilon` at the most.

    A field with fewer people than the threshold is left out. Noisy counts below a threshold, the
    given one or a higher one that noise alone hardly ever reaches, go into `other`; so do values of
    no public list. Where `other` is too few as well, the shares are those of the rest.
    """
    if epsilon <= 0:
        return ()
    released = [
        counted for one in composing for counted in one.counted if counted.counts[-1] >= threshold
    ]
    return tuple(_released(one, epsilon / len(released), threshold) for one in released)


def _key(fields: Mapping[str, FieldProfile]) -> str | None:
    """The field that tells people apart best."""
    keys = [
        (_KEYS.index(field.family), -field.values, path)
        for path, field in fields.items()
        if field.family in _KEYS and field.confidence >= _TOLD_FROM
    ]
    return min(keys)[-1] if keys else None


def _counts(
    batches: Sequence[pa.RecordBatch], path: str, key: str | None, vocabulary: Vocabulary
) -> tuple[int, ...]:
    """People by label: whoever has several values counts for the first."""
    counts: Counter[int] = Counter()
    met: set[Hashable] = set()
    for batch in batches:
        people = _firsts(batch, key)
        for value, person in zip(_firsts(batch, path), people, strict=True):
            if value is None or person in met:
                continue
            if person is not None:
                met.add(person)
            label = vocabulary.label(value)
            if label is not None:
                counts[label] += 1
            counts[-1] += 1
    return (*(counts[at] for at in range(len(vocabulary.labels))), counts[-1])


def _firsts(batch: pa.RecordBatch, path: str | None) -> Iterator[Hashable]:
    """The value of each row, of several the first; None where there is none."""
    if path is None or batch.schema.names.count(path) != 1:
        yield from [None] * batch.num_rows
        return
    for value in batch.column(path).to_pylist():
        if isinstance(value, list):
            value = next((each for each in value if each is not None), None)
        yield value if isinstance(value, Hashable) else None


def mechanism(epsilon: float) -> tuple[float, dp.Measurement]:
    """The noise whose release costs `epsilon`, and its scale."""
    import opendp.prelude as dp  # late: its library is large, and most runs release nothing

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    scale: float = dp.binary_search_param(
        lambda scale: space >> dp.m.then_laplace(scale=scale), d_in=_CHANGED, d_out=epsilon, T=float
    )
    return scale, space >> dp.m.then_laplace(scale=scale)


def _released(counted: _Counted, epsilon: float, threshold: int) -> Composition:
    scale, noise = mechanism(epsilon)
    *noisy, people = noise(list(counted.counts))
    labels = counted.vocabulary.labels
    surely = math.ceil(scale * math.log(len(labels) / (2 * _FALSE_LABELS)))
    least = max(threshold, surely)
    told = Counter({at: count for at, count in zip(labels, noisy, strict=True) if count >= least})
    others = people - told.total()
    if others >= threshold:
        told[OTHER] = others
    whole = told.total()
    shares = [Share(label, round(count / whole, 2)) for label, count in told.most_common()]
    return Composition(
        field=counted.field,
        kind=counted.kind,
        shares=tuple(shares) or (Share(OTHER, 1.0),),
        mechanism=f"discrete Laplace, scale {scale:.4g}",
        epsilon=epsilon,
        threshold=least,
    )
