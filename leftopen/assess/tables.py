"""The tables of `enisa.toml` as frozen types, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from typing import Literal, cast, get_args

from leftopen.model import Band

Category = Literal["simple", "behavioural", "financial", "sensitive"]
CATEGORIES: tuple[Category, ...] = get_args(Category)


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A category of ENISA's A2: its base and what each permitted change of it means."""

    base: int
    adjustments: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """Families that meet a criterion of Annex 2: all of `all`, one of `any`, one of `with_`.

    An empty `any` or `with_` asks for nothing.
    """

    identifier: str
    circumstance: str
    all: tuple[str, ...]
    any: tuple[str, ...]
    with_: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything `enisa.toml` holds.

    `bands` are (name, upper bound or None), rising; `ei` and `cb` map identifier or element to
    circumstance or level to its value; `category_of` maps a family to a category, "credentials" or
    "none"; `words` are what reasons call a family.
    """

    bands: tuple[tuple[Band, float | None], ...]
    dpc: Mapping[Category, CategoryRow]
    ei: Mapping[str, Mapping[str, float]]
    cb: Mapping[str, Mapping[str, float]]
    category_of: Mapping[str, str]
    signs: Mapping[str, frozenset[str]]
    rules: tuple[IdentityRule, ...]
    words: Mapping[str, str]


def _load() -> Tables:
    told = tomllib.loads(files(__package__).joinpath("enisa.toml").read_text(encoding="utf-8"))
    bands = tuple((cast(Band, band["name"]), band.get("below")) for band in told["bands"])
    for (_, lower), (_, upper) in pairwise(bands):
        if lower is None or (upper is not None and upper <= lower):
            raise ValueError("enisa.toml: the bands must rise and only the last may be open")
    rules = []
    for rule in told["rules"]:
        identifier, circumstance = rule["meets"].split(".")
        if circumstance not in told["ei"][identifier]:
            raise ValueError(f"enisa.toml: no criterion {rule['meets']}")
        families = (tuple(rule.get(part, ())) for part in ("all", "any", "with"))
        rules.append(IdentityRule(identifier, circumstance, *families))
    return Tables(
        bands=bands,
        dpc={
            category: CategoryRow(
                base=told["dpc"][category]["base"],
                adjustments={
                    int(key): text for key, text in told["dpc"][category].items() if key != "base"
                },
            )
            for category in CATEGORIES
        },
        ei=told["ei"],
        cb=told["cb"],
        category_of={
            family: category for category, held in told["families"].items() for family in held
        },
        signs={sign: frozenset(held) for sign, held in told["signs"].items()},
        rules=tuple(rules),
        words=told["words"],
    )


TABLES = _load()
