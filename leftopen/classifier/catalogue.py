"""The catalogue of data kinds and the words around it: `kinds.toml` and `lexicon.toml`, checked.

Both are read once, when this module is imported. A wrong entry stops the import with pydantic's
message: the catalogue ships with the package, so that is a fault of the package.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from leftopen.classifier.checksums import CHECKS

Type = Literal["text", "integer", "real", "boolean", "time", "binary", "vector"]

# Classes of bytes that `chars` and `has` speak of; values.py gives each a bit.
CLASSES = (
    "digit", "hexlower", "lower", "hexupper", "upper", "space", "at", "dot", "dash", "colon",
    "slash", "punct", "wide",
)  # fmt: skip
ALIASES: Mapping[str, tuple[str, ...]] = {
    "letter": ("hexlower", "lower", "hexupper", "upper"),
    "hex": ("digit", "hexlower", "hexupper"),
}


class Kind(BaseModel):
    """One kind of personal data: how it is recognised and what the law calls it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    family: str
    category: Literal["none", "art9", "art10", "pipl28"] = "none"
    dpv: str | None = Field(default=None, pattern=r"^dpv-pd:[A-Z]\w+$")
    says: str  # what the values are, for the evidence
    types: tuple[Type, ...]
    words: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    like: str = ""  # another kind whose field-name words hold here too
    unless: tuple[str, ...] = ()  # words in a field's name that rule the kind out
    pattern: str = ""  # RE2, whole value
    length: tuple[int, int] = (1, 254)  # bytes of a value the pattern is tried on
    chars: str = ""  # classes a value may have; "" = any
    has: str = ""  # classes that a value must have; a|b = one of the two
    check: str = ""
    vocabulary: tuple[str, ...] = ()
    measure: str = ""
    chance: float = Field(default=0.0, ge=0, lt=1)  # of a look-alike value passing
    min_share: float = Field(default=0.8, gt=0, le=1)
    named: float = Field(default=0.0, ge=0, le=1)  # confidence: only the name speaks
    alone: float = Field(default=0.0, ge=0, le=1)  # confidence: only the values speak
    both: float = Field(default=0.95, ge=0, le=1)  # confidence: name and values agree
    beside: Literal["", "person", "someone", "face", "position", "spread", "text"] = ""
    near: tuple[str, ...] = ()  # words of which one must stand in a field's or the table's name
    becomes: str = ""  # the kind this one is made of once a collection is a trace

    @model_validator(mode="after")
    def _sound(self) -> Kind:
        forms = [bool(self.pattern), bool(self.vocabulary), bool(self.measure)]
        if sum(forms) > 1:
            raise ValueError(f"{self.id}: pattern, vocabulary and measure exclude one another")
        if self.check and (self.check not in CHECKS or not self.pattern):
            raise ValueError(f"{self.id}: check {self.check} is unknown or has no pattern")
        if self.check and not self.chance:
            raise ValueError(f"{self.id}: a checksum needs its chance")
        if self.alone and not any(forms):
            raise ValueError(f"{self.id}: values alone cannot speak where none is looked for")
        if not (any(forms) or self.named or self.becomes):
            raise ValueError(f"{self.id}: nothing is looked for")
        known = {*CLASSES, *ALIASES}
        if not known.issuperset([*self.chars.split(), *self.has.replace("|", " ").split()]):
            raise ValueError(f"{self.id}: unknown class of characters")
        return self

    @property
    def special(self) -> bool:
        """Whether GDPR Art. 9 names it."""
        return self.category == "art9"

    @property
    def evidenced(self) -> bool:
        """Whether values can speak for it at all."""
        return bool(self.pattern or self.vocabulary or self.measure)

    @property
    def key(self) -> str:
        """Under which name the values that speak for it are counted."""
        return self.measure or self.id


class Names(BaseModel):
    """Common names of persons, in small letters; `han` holds Chinese family names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given: str
    family: str
    han: str


class Context(BaseModel):
    """Words of field and collection names; see `lexicon.toml` for what each list means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: Mapping[str, str]  # by language
    people_han: str
    things: Mapping[str, str]
    carriers: str
    things_han: str
    keys: str
    unnumbered: str
    heads: str
    heads_han: str
    fronts: str
    noise: str
    generic: str
    plain: str
    flags: str
    times: str
    not_times: str


class Catalogue(BaseModel):
    """All kinds, in order of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: tuple[Kind, ...]

    @model_validator(mode="after")
    def _whole(self) -> Catalogue:
        ids = [kind.id for kind in self.kind]
        if len(set(ids)) != len(ids):
            raise ValueError("a kind is listed twice")
        for kind in self.kind:
            for other in (kind.like, kind.becomes):
                if other and other not in ids:
                    raise ValueError(f"{kind.id}: {other} is no kind")
        return self


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


_HERE = Path(__file__).parent
_ALL = [entry for path in sorted(_HERE.glob("kinds*.toml")) for entry in _read(path)["kind"]]
KINDS: tuple[Kind, ...] = Catalogue.model_validate({"kind": _ALL}).kind
BY_ID: Mapping[str, Kind] = {kind.id: kind for kind in KINDS}

_lexicon = _read(_HERE / "lexicon.toml")
NAMES = Names.model_validate(_lexicon["names"])
CONTEXT = Context.model_validate(_lexicon["context"])
