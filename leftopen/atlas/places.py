"""Which kind of place a text names, by the words in `places.toml`: a mosque, a clinic, a school."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.atlas.topology import HERE

Bools = NDArray[np.bool_]

_LONGEST = 200  # characters of a value that are looked at
_SUFFIXES = frozenset({"name", "id", "no", "nr", "code", "type", "number"})


def named(values: pa.Array) -> Mapping[str, Bools]:
    """Of each kind that any of the strings names, which of them do."""
    coded = values.cast(pa.large_string()).dictionary_encode()
    texts = pc.utf8_slice_codeunits(coded.dictionary, 0, _LONGEST)
    texts = pc.utf8_lower(pc.utf8_normalize(texts, form="NFKC"))
    at = coded.indices.fill_null(len(texts)).to_numpy().astype(np.int64)
    found: dict[str, Bools] = {}
    for kind, pattern in _patterns().items():
        met = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
        if met.any():
            found[kind] = np.append(met, False).astype(np.bool_)[at]
    return found


def filled(values: pa.Array) -> Bools:
    """Which strings say anything."""
    there = pc.greater(pc.binary_length(values), 0)
    found: Bools = pc.fill_null(there, False).to_numpy(zero_copy_only=False)
    return found


def called(path: str) -> str | None:
    """The kind of place that a field is called by: `hotel`, `school_name`, `lastClinic` is none."""
    last = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", path.rpartition(".")[2].rstrip("[]"))
    words = re.split(r"[\W_]+", last.lower())
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words.pop()
    return _words().get(" ".join(words))


@cache
def _read() -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads((HERE / "places.toml").read_text(encoding="utf-8"))


@cache
def _words() -> Mapping[str, str]:
    """Each word with the kind that it names."""
    return {
        word: kind for kind, told in _read().items() for word in (*told["words"], *told["wide"])
    }


@cache
def _patterns() -> Mapping[str, str]:
    """A pattern of each kind, for values in small letters."""
    found: dict[str, str] = {}
    for kind, told in _read().items():
        words = "|".join(map(re.escape, sorted(told["words"])))
        wide = (f"^{word}$" if len(word) == 1 else word for word in told["wide"])
        found[kind] = "|".join((rf"(?:^|[^\pL\pM])(?:{words})s?(?:$|[^\pL\pM])", *wide))
    return found
