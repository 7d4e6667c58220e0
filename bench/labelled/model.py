"""What a labelled table is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Label:
    """What a column holds.

    `family` is a key of the families file, "none" where the column is not personal data. `kind` is
    the start of the kind's id where it can be decided ("gov_id.pl"; several joined by "|"); only
    ids of a country are scored by it. `telling` says whether the field's name speaks of what the
    column holds. `also` lists further families that are right too.
    """

    family: str
    kind: str = ""
    telling: bool = True
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Labelled:
    """A table and the labels of its leaf columns by path, as `leftopen.classify` names them.

    `name` is the collection's name. Paths without a label are not scored.
    """

    name: str
    table: pa.Table
    labels: Mapping[str, Label]
